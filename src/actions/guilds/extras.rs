//! Settings of a guild that the field's own API has no place for (API.md §2.3).

use crate::actions::actor::{Actor, Reason};
use crate::actions::audit::{self, Act, Changes, Entry};
use crate::actions::error::ActionError;
use crate::app::App;
use crate::logic::form::kinds::boolean;
use crate::logic::form::{Checked, Fields, Form};
use crate::model::{Audience, Dispatch, GuildId, GuildSettings};
use crate::store::access::right;
use crate::store::{GuildExtras, GuildExtrasRow, StoreError, View};

/// Body of `PATCH /hearth/guilds/{guild}/settings`.
#[derive(Clone, Copy, Debug)]
pub struct EditExtras {
    link_previews: Option<bool>,
}

impl Form for EditExtras {
    fn read(f: &mut Fields<'_>) -> Self {
        Self { link_previews: f.opt("link_previews", boolean()) }
    }
}

fn shown(guild: GuildId, row: &GuildExtrasRow) -> GuildSettings {
    GuildSettings { guild_id: guild, link_previews: !row.hides_link_previews }
}

fn row_of(view: &View<'_>, guild: GuildId) -> Result<GuildExtrasRow, StoreError> {
    Ok(view.get::<GuildExtras>(&guild)?.unwrap_or_default())
}

/// The settings, for members.
///
/// # Errors
/// 50001 for strangers.
pub fn extras(app: &App, actor: Actor, guild: GuildId) -> Result<GuildSettings, ActionError> {
    app.store.read(|view| {
        view.allow_guild::<right::Membership>(actor.user, guild)?;
        Ok(shown(guild, &row_of(view, guild)?))
    })
}

/// Changes the settings, and tells the guild.
///
/// # Errors
/// 50013 without MANAGE_GUILD, form faults.
pub async fn edit_extras(
    app: &App,
    actor: Actor,
    guild: GuildId,
    form: Checked<EditExtras>,
    reason: Option<Reason>,
) -> Result<GuildSettings, ActionError> {
    app.store
        .write(move |tx| {
            let by = tx.allow_guild::<right::ManageGuild>(actor.user, guild)?;
            let form = form.get()?;
            let old = row_of(tx, guild)?;
            let hides = form.link_previews.map_or(old.hides_link_previews, |shows| !shows);
            let row = GuildExtrasRow { hides_link_previews: hides };
            if row == old {
                return Ok(shown(guild, &row));
            }
            tx.put::<GuildExtras>(&by, &guild, &row)?;
            let mut changes = Changes::none();
            changes.field("link_previews", !old.hides_link_previews, !row.hides_link_previews);
            let entry = Entry {
                guild,
                actor: actor.user,
                act: Act::GuildUpdate,
                target: Some(guild.to_string()),
                changes,
                options: None,
                reason: reason.as_ref().map(Reason::as_str),
            };
            audit::record(tx, &by, entry)?;
            let settings = shown(guild, &row);
            tx.emit(Audience::Guild(guild), Dispatch::GuildSettingsUpdate(settings));
            Ok::<_, ActionError>(settings)
        })
        .await
}
