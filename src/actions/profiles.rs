//! Looking at other accounts: who may know of whom, what two have in common, and profiles.

use std::sync::Arc;

use serde::Serialize;

use super::accounts::guilds_of;
use super::actor::Actor;
use super::error::{ActionError, Fault};
use super::{relationships, show};
use crate::app::App;
use crate::logic::form::kinds::{boolean, snowflake};
use crate::logic::form::{Fields, Form};
use crate::model::{GuildId, Member, User, UserId};
use crate::store::{Bond, DmPairs, MemberRow, Members, StoreError, Users, View};

/// Guilds that both are in.
pub fn mutual_guilds(
    view: &View<'_>,
    one: UserId,
    other: UserId,
) -> Result<Vec<(GuildId, Arc<MemberRow>)>, StoreError> {
    let mut mutual = Vec::new();
    for guild in guilds_of(view, one)? {
        if let Some(member) = view.shared::<Members>(&(guild, other))? {
            mutual.push((guild, member));
        }
    }
    Ok(mutual)
}

/// Whether `viewer` may know of `other`: bots know all; people know themselves, bots, those they share a guild or a DM with, their
/// friends and those who asked to be.
pub fn may_see(view: &View<'_>, viewer: Actor, other: UserId) -> Result<bool, StoreError> {
    if viewer.is_bot() || viewer.user == other {
        return Ok(true);
    }
    let pair = (viewer.user.min(other), viewer.user.max(other));
    Ok(view.shared::<Users>(&other)?.is_some_and(|row| row.bot)
        || view.has::<DmPairs>(&pair)?
        || relationships::bond(view, viewer.user, other)? != Bond::None
        || !mutual_guilds(view, viewer.user, other)?.is_empty())
}

/// An account by id.
///
/// # Errors
/// 10013 if it does not exist or the caller may not know of it.
pub fn user(app: &App, actor: Actor, id: UserId) -> Result<Arc<User>, ActionError> {
    app.store.read(|view| {
        if !view.has::<Users>(&id)? || !may_see(view, actor, id)? {
            return Err(Fault::UnknownUser.into());
        }
        Ok(show::user_by_id(view, id)?)
    })
}

/// Query of `GET /users/{id}/profile`.
#[derive(Clone, Copy, Debug)]
pub struct ProfileQuery {
    guild: Option<GuildId>,
    with_mutual_guilds: bool,
    with_mutual_friends: bool,
    with_mutual_friends_count: bool,
}

impl Form for ProfileQuery {
    fn read(f: &mut Fields<'_>) -> Self {
        Self {
            guild: f.opt("guild_id", snowflake()),
            with_mutual_guilds: f.or("with_mutual_guilds", boolean(), true),
            with_mutual_friends: f.or("with_mutual_friends", boolean(), false),
            with_mutual_friends_count: f.or("with_mutual_friends_count", boolean(), false),
        }
    }
}

/// Answer of `GET /users/{id}/profile`.
#[derive(Serialize, schemars::JsonSchema)]
pub struct Profile {
    user: ProfileUser,
    user_profile: ProfileText,
    #[serde(skip_serializing_if = "Option::is_none")]
    guild_member: Option<Member>,
    #[serde(skip_serializing_if = "Option::is_none")]
    guild_member_profile: Option<MemberProfile>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mutual_guilds: Option<Vec<MutualGuild>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mutual_friends: Option<Vec<Arc<User>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mutual_friends_count: Option<usize>,
    connected_accounts: Vec<()>,
    badges: Vec<()>,
    guild_badges: Vec<()>,
    premium_type: u8,
    premium_since: Option<()>,
    premium_guild_since: Option<()>,
    legacy_username: Option<String>,
}

#[derive(Serialize, schemars::JsonSchema)]
struct ProfileUser {
    #[serde(flatten)]
    user: Arc<User>,
    bio: String,
}

#[derive(Serialize, schemars::JsonSchema)]
struct ProfileText {
    bio: String,
    accent_color: Option<u32>,
    banner: Option<String>,
    pronouns: String,
    theme_colors: Option<()>,
}

#[derive(Serialize, schemars::JsonSchema)]
struct MemberProfile {
    guild_id: GuildId,
    bio: String,
    banner: Option<String>,
    accent_color: Option<u32>,
    pronouns: String,
}

#[derive(Serialize, schemars::JsonSchema)]
struct MutualGuild {
    id: GuildId,
    nick: Option<String>,
}

/// The profile of somebody the caller may know of.
///
/// # Errors
/// 10013, or 50001 where nothing is shared.
pub fn profile(app: &App, actor: Actor, id: UserId, query: ProfileQuery) -> Result<Profile, ActionError> {
    app.store.read(|view| {
        let row = view.get::<Users>(&id)?.ok_or(Fault::UnknownUser)?;
        if !may_see(view, actor, id)? {
            return Err(Fault::MissingAccess.into());
        }
        let guild = match query.guild {
            Some(guild) if view.has::<Members>(&(guild, actor.user))? => Some(guild),
            _ => None,
        };
        let (mut guild_member, mut guild_member_profile) = (None, None);
        if let Some(guild_id) = guild
            && let Some(member) = view.get::<Members>(&(guild_id, id))?
        {
            guild_member = Some(show::member(&member, Some(show::user_by_id(view, id)?)));
            guild_member_profile = Some(MemberProfile {
                guild_id,
                bio: member.bio,
                banner: member.banner,
                accent_color: None,
                pronouns: member.pronouns,
            });
        }
        let mutual_guilds = match query.with_mutual_guilds {
            true => {
                let shared = mutual_guilds(view, actor.user, id)?;
                let shown =
                    shared.into_iter().map(|(id, member)| MutualGuild { id, nick: member.nick.clone() });
                Some(shown.collect())
            }
            false => None,
        };
        let friends = match query.with_mutual_friends || query.with_mutual_friends_count {
            true => relationships::mutual_friends(view, actor.user, id)?,
            false => Vec::new(),
        };
        Ok(Profile {
            user: ProfileUser { user: Arc::new(show::user(id, row.clone())), bio: row.bio.clone() },
            user_profile: ProfileText {
                bio: row.bio,
                accent_color: row.accent_color,
                banner: row.banner,
                pronouns: row.pronouns,
                theme_colors: None,
            },
            guild_member,
            guild_member_profile,
            mutual_guilds,
            mutual_friends_count: query.with_mutual_friends_count.then_some(friends.len()),
            mutual_friends: match query.with_mutual_friends {
                true => Some(show::users_by_id(view, &friends)?),
                false => None,
            },
            connected_accounts: Vec::new(),
            badges: Vec::new(),
            guild_badges: Vec::new(),
            premium_type: 0,
            premium_since: None,
            premium_guild_since: None,
            legacy_username: None,
        })
    })
}

/// Friends that the caller and somebody have in common.
///
/// # Errors
/// 10013, or 50001 where nothing is shared.
pub fn mutual_friends(app: &App, actor: Actor, id: UserId) -> Result<Vec<Arc<User>>, ActionError> {
    app.store.read(|view| {
        if !view.has::<Users>(&id)? {
            return Err(Fault::UnknownUser.into());
        }
        if !may_see(view, actor, id)? {
            return Err(Fault::MissingAccess.into());
        }
        Ok(show::users_by_id(view, &relationships::mutual_friends(view, actor.user, id)?)?)
    })
}
