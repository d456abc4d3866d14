//! Bots as a guild lists them, and taking them out.

use super::actor::{Actor, Reason};
use super::audit::{self, Act, Changes, Entry};
use super::error::{ActionError, Fault};
use super::{members, show_apps};
use crate::app::App;
use crate::model::{ApplicationId, GuildId, Integration, bot_of};
use crate::store::access::right;
use crate::store::{GuildBots, Order};

/// Most integrations that are listed (as Discord's).
const MAX_LISTED: usize = 50;

/// The bots of a guild, oldest application first.
///
/// # Errors
/// 50001 for strangers, 50013 without MANAGE_GUILD.
pub fn list(app: &App, actor: Actor, guild: GuildId) -> Result<Vec<Integration>, ActionError> {
    app.store.read(|view| {
        view.allow_guild::<right::ManageGuild>(actor.user, guild)?;
        let mut found = Vec::new();
        for ((_, bot), ()) in view.list::<GuildBots>(&guild, None, Order::Ascending, MAX_LISTED)? {
            found.extend(show_apps::integration(view, bot.cast())?);
        }
        Ok(found)
    })
}

/// Takes a bot out of a guild, and with it its role.
///
/// # Errors
/// 50001 for strangers, 50013 without MANAGE_GUILD, 10005 where there is no such bot.
pub async fn delete(
    app: &App,
    actor: Actor,
    guild: GuildId,
    id: ApplicationId,
    reason: Option<Reason>,
) -> Result<(), ActionError> {
    app.store
        .reclaim(move |tx| -> Result<(), ActionError> {
            let by = tx.allow_guild::<right::ManageGuild>(actor.user, guild)?;
            if !tx.has::<GuildBots>(&(guild, bot_of(id)))? {
                return Err(Fault::UnknownIntegration.into());
            }
            let shown = show_apps::integration(tx, id)?.ok_or(Fault::UnknownIntegration)?;
            let mut changes = Changes::none();
            changes.field("name", shown.name, ()).field("type", shown.kind, ());
            members::leave(tx, &by, guild, bot_of(id))?;
            let entry = Entry {
                guild,
                actor: actor.user,
                act: Act::IntegrationDelete,
                target: Some(id.to_string()),
                changes,
                options: None,
                reason: reason.as_ref().map(Reason::as_str),
            };
            Ok(audit::record(tx, &by, entry)?)
        })
        .await
}
