//! Guilds: looked at and left here, made by `create`, changed by `edit`, deleted by `delete`.

mod create;
mod delete;
mod edit;
mod extras;
mod incidents;
mod vanity;
mod widget;

pub use create::{Create, create};
pub use delete::{Confirm, delete, sweep};
pub use edit::{Edit, MfaLevel, MfaLevelNow, edit, set_mfa_level};
pub use extras::{EditExtras, edit_extras, extras};
pub use incidents::{Measures, are_messages_paused, take_measures};
pub use vanity::{EditVanity, Vanity, edit_vanity, move_vanity, vanity};
pub use widget::{
    EditWidget, Style, Widget, WidgetSettings, edit_widget, widget, widget_badge, widget_settings,
};

use serde::Serialize;

use super::actor::Actor;
use super::error::{ActionError, Fault};
use super::{members, show};
use crate::app::App;
use crate::logic::form::kinds::{boolean, integer, snowflake};
use crate::logic::form::{Checked, Fields, Form};
use crate::model::{Emoji, Guild, GuildId, PartialGuild, Sticker};
use crate::store::access::right;
use crate::store::{Denied, Order, StoreError, UserGuilds, View};

/// Most guilds of a page of one's own (API.md §2.1).
const MAX_PAGE: usize = 200;

/// Query of `GET /guilds/{guild}`.
#[derive(Clone, Copy)]
pub struct Look {
    with_counts: bool,
}

impl Form for Look {
    fn read(f: &mut Fields<'_>) -> Self {
        Self { with_counts: f.or("with_counts", boolean(), false) }
    }
}

/// A guild.
///
/// # Errors
/// 10004 for strangers, whether it exists or not (API.md §1.5).
pub fn get(app: &App, actor: Actor, id: GuildId, query: Look) -> Result<Guild, ActionError> {
    app.store.read(|view| {
        let access = match view.guild_access(actor.user, id) {
            Err(StoreError::Denied(Denied::NotMember)) => return Err(Fault::UnknownGuild.into()),
            access => access?,
        };
        let mut shown = show::guild(view, id, &access.guild)?;
        if query.with_counts {
            shown.approximate_member_count = Some(show::member_count(view, id)?);
            shown.approximate_presence_count = Some(app.hub.online_count(id) as u64);
        }
        Ok(shown)
    })
}

/// What a guild shows before one looks closer.
#[derive(Serialize, schemars::JsonSchema)]
pub struct Preview {
    id: GuildId,
    name: String,
    icon: Option<String>,
    splash: Option<String>,
    discovery_splash: Option<String>,
    emojis: Vec<Emoji>,
    features: Vec<String>,
    approximate_member_count: u64,
    approximate_presence_count: u64,
    description: Option<String>,
    stickers: Vec<Sticker>,
}

/// A guild's preview, for its members.
///
/// # Errors
/// 10004 for strangers.
pub fn preview(app: &App, actor: Actor, id: GuildId) -> Result<Preview, ActionError> {
    let guild = get(app, actor, id, Look { with_counts: true })?;
    Ok(Preview {
        id,
        name: guild.name,
        icon: guild.icon,
        splash: guild.splash,
        discovery_splash: guild.discovery_splash,
        emojis: guild.emojis,
        features: guild.features,
        approximate_member_count: guild.approximate_member_count.unwrap_or(0),
        approximate_presence_count: guild.approximate_presence_count.unwrap_or(0),
        description: guild.description,
        stickers: guild.stickers,
    })
}

/// Query of `GET /users/@me/guilds`.
#[derive(Clone, Copy)]
pub struct ListOwn {
    before: Option<GuildId>,
    after: Option<GuildId>,
    limit: usize,
    with_counts: bool,
}

impl Form for ListOwn {
    fn read(f: &mut Fields<'_>) -> Self {
        Self {
            before: f.opt("before", snowflake()),
            after: f.opt("after", snowflake()),
            limit: f.or("limit", integer(1..=MAX_PAGE as u32), MAX_PAGE as u32) as usize,
            with_counts: f.or("with_counts", boolean(), false),
        }
    }
}

/// One's own guilds by id.
pub fn list_own(app: &App, actor: Actor, query: Checked<ListOwn>) -> Result<Vec<PartialGuild>, ActionError> {
    let query = *query.get()?;
    app.store.read(|view| {
        let (from, order) = match (query.before, query.after) {
            (Some(before), _) => (Some(before), Order::Descending),
            (None, after) => (after, Order::Ascending),
        };
        let from = from.map(|guild| (actor.user, guild));
        let mut ids = view.list::<UserGuilds>(&actor.user, from.as_ref(), order, query.limit)?;
        if order == Order::Descending {
            ids.reverse();
        }
        let mut shown = Vec::with_capacity(ids.len());
        for ((_, id), ()) in ids {
            if let Some(mut guild) = partial(view, actor, id)? {
                if query.with_counts {
                    guild.approximate_member_count = Some(show::member_count(view, id)?);
                    guild.approximate_presence_count = Some(app.hub.online_count(id) as u64);
                }
                shown.push(guild);
            }
        }
        Ok(shown)
    })
}

/// A guild in a list of one's own; `None` for one that is being deleted.
fn partial(view: &View<'_>, actor: Actor, id: GuildId) -> Result<Option<PartialGuild>, ActionError> {
    let access = match view.guild_access(actor.user, id) {
        Err(StoreError::Denied(_)) => return Ok(None),
        access => access?,
    };
    Ok(Some(PartialGuild {
        id,
        name: access.guild.name.clone(),
        icon: access.guild.icon.clone(),
        banner: access.guild.banner.clone(),
        owner: access.is_owner(),
        permissions: access.held,
        features: show::features(&access.guild),
        approximate_member_count: None,
        approximate_presence_count: None,
    }))
}

/// Leaves a guild.
///
/// # Errors
/// 50001 for strangers, 50055 for the owner, who has to hand it over or delete it first.
pub async fn leave(app: &App, actor: Actor, id: GuildId) -> Result<(), ActionError> {
    app.store
        .reclaim(move |tx| {
            let by = tx.allow_guild::<right::Membership>(actor.user, id)?;
            if by.is_owner() {
                return Err(Fault::InvalidGuild.into());
            }
            members::leave(tx, &by, id, actor.user)
        })
        .await
}

#[cfg(test)]
mod tests;
