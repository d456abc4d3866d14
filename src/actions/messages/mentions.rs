//! Whom a message mentions, given what the store knows: users that exist, roles of the guild.

use crate::logic::mentions::{self, AllowedMentions, Found, Mentions};
use crate::model::{GuildId, Permissions, RoleId, UserId};
use crate::store::{Roles, StoreError, Users, View};

/// Cuts what a text names down to whom it notifies.
pub(super) fn resolve(
    view: &View<'_>,
    guild: Option<GuildId>,
    held: Permissions,
    found: &Found,
    allowed: &AllowedMentions,
    reply_to: Option<UserId>,
) -> Result<Mentions, StoreError> {
    let mut mentionable: Vec<(RoleId, bool)> = Vec::new();
    if let Some(guild) = guild {
        for role in found.roles.iter().filter(|role| role.get() != guild.get()) {
            if let Some(row) = view.shared::<Roles>(&(guild, *role))? {
                mentionable.push((*role, row.mentionable));
            }
        }
    }
    let may_mention_everyone = held.contains(Permissions::MENTION_EVERYONE);
    let is_mentionable = |role: RoleId| {
        mentionable.iter().find(|(known, _)| *known == role).map(|(_, is_mentionable)| *is_mentionable)
    };
    let mut resolved = mentions::resolve(found, allowed, may_mention_everyone, is_mentionable, reply_to);
    let mut users = Vec::with_capacity(resolved.users.len());
    for user in resolved.users {
        if view.shared::<Users>(&user)?.is_some() {
            users.push(user);
        }
    }
    resolved.users = users;
    Ok(resolved)
}
