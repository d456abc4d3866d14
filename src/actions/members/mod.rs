//! Members of a guild: coming, going, and being looked at. Editing them is `edit`'s, their roles are `super::roles`', removal against
//! their will `kick`'s and `super::bans`'.

mod add;
mod edit;
mod kick;
mod list;
mod table;

pub use add::{Add, add};
pub(super) use edit::write_roles;
pub use edit::{Edit, EditOwn, edit, edit_own};
pub use kick::{Prune, PruneCount, Pruned, kick, prune, prune_count};
pub use list::{List, Search, get, list, own, scan, search};
pub use table::{LookThrough, TablePage, look_through};

use std::sync::Arc;

use super::error::{ActionError, Fault};
use super::{messages, roles, settings, show};
use crate::config::Config;
use crate::logic::permissions::Place;
use crate::model::{
    Audience, Dispatch, Event, GuildId, GuildRef, GuildUser, MemberEvent, RoleId, UnavailableGuild, UserId,
};
use crate::store::access::{GuildAccess, Proof};
use crate::store::{
    CountRow, GuildBots, Guilds, MemberCounts, MemberRow, Members, Order, Roles, StoreError, Tx, UserGuilds,
    Users, View,
};

/// How large guilds and how many of them an instance allows.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Guilds of one account.
    pub guilds_per_user: usize,
    /// Members of one guild.
    pub members_per_guild: u64,
}

impl Limits {
    /// Those that the settings name.
    pub fn of(config: &Config) -> Self {
        Self {
            guilds_per_user: config.limits.guilds_per_user as usize,
            members_per_guild: config.limits.members_per_guild.into(),
        }
    }
}

/// Makes somebody a member with these roles (ones that are gone are left out), and tells the guild, the newcomer and the system
/// channel, in this order. A member stays what they are, and nobody is told.
///
/// # Errors
/// 10004 for no guild, 40007 for the banned, 30001 and 30019 at the limits.
pub fn join(
    tx: &mut Tx<'_>,
    by: &impl Proof,
    limits: Limits,
    guild: GuildId,
    user: UserId,
    roles: &[RoleId],
) -> Result<(), ActionError> {
    if tx.has::<Members>(&(guild, user))? {
        return Ok(());
    }
    require_admissible(tx, limits, guild, user)?;
    let row =
        MemberRow { roles: living_roles(tx, guild, roles)?, joined_ms: tx.now_ms(), ..MemberRow::default() };
    enrol(tx, by, guild, user, &row)?;
    tx.emit(
        Audience::Guild(guild),
        Dispatch::MemberAdd(MemberEvent { guild_id: guild, member: shown(tx, user, &row)? }),
    );
    welcome(tx, guild, user)?;
    settings::restrict_new_guild(tx, user, guild)?;
    messages::announce_join(tx, by, guild, user)?;
    Ok(())
}

/// Checks that somebody may become a member, for acts that write before they let in.
///
/// # Errors
/// As [`join`].
pub fn require_admissible(
    view: &View<'_>,
    limits: Limits,
    guild: GuildId,
    user: UserId,
) -> Result<(), ActionError> {
    if !view.has::<Guilds>(&guild)? {
        return Err(Fault::UnknownGuild.into());
    }
    if view.is_banned(guild, user)? {
        return Err(Fault::BannedFromGuild.into());
    }
    require_room_for_guild(view, limits, user)?;
    if show::member_count(view, guild)? >= limits.members_per_guild {
        return Err(Fault::TooManyMembers.into());
    }
    Ok(())
}

/// Checks that an account may be in one guild more.
///
/// # Errors
/// 30001 at the limit.
pub fn require_room_for_guild(view: &View<'_>, limits: Limits, user: UserId) -> Result<(), ActionError> {
    let guilds = view.list::<UserGuilds>(&user, None, Order::Ascending, limits.guilds_per_user)?;
    if guilds.len() < limits.guilds_per_user { Ok(()) } else { Err(Fault::TooManyGuilds.into()) }
}

/// Writes the rows of a new member and tells nobody.
pub(super) fn enrol(
    tx: &mut Tx<'_>,
    by: &impl Proof,
    guild: GuildId,
    user: UserId,
    row: &MemberRow,
) -> Result<(), StoreError> {
    tx.put::<Members>(by, &(guild, user), row)?;
    tx.put::<UserGuilds>(by, &(user, guild), &())?;
    if is_bot(tx, user)? {
        tx.put::<GuildBots>(by, &(guild, user), &())?;
    }
    let count = show::member_count(tx, guild)? + 1;
    tx.put::<MemberCounts>(by, &guild, &CountRow { count })
}

/// Gives a new member the whole guild.
pub(super) fn welcome(tx: &mut Tx<'_>, guild: GuildId, user: UserId) -> Result<(), StoreError> {
    let access = tx.guild_access(user, guild)?;
    let create = show::guild_create(tx, &access, false)?;
    let state = show::guild_snapshot(tx, guild, &access.guild)?;
    tx.emit_event(Event::GuildState(Arc::new(state)));
    tx.emit(Audience::User(user), Dispatch::GuildCreate(Box::new(create)));
    Ok(())
}

/// Ends a membership: tells who goes, then those who stay. With a bot go the role it came with and its integration. Who is no member
/// stays that, and nobody is told.
pub fn leave(tx: &mut Tx<'_>, by: &impl Proof, guild: GuildId, user: UserId) -> Result<(), ActionError> {
    if !tx.delete::<Members>(by, &(guild, user))? {
        return Ok(());
    }
    tx.delete::<UserGuilds>(by, &(user, guild))?;
    let count = show::member_count(tx, guild)?.saturating_sub(1);
    tx.put::<MemberCounts>(by, &guild, &CountRow { count })?;
    let gone = UnavailableGuild { id: guild, unavailable: None };
    tx.emit(Audience::User(user), Dispatch::GuildDelete(gone));
    let left = GuildUser { guild_id: guild, user: show::user_by_id(tx, user)? };
    tx.emit(Audience::Guild(guild), Dispatch::MemberRemove(left));
    if tx.delete::<GuildBots>(by, &(guild, user))? {
        part_with_bot(tx, by, guild, user)?;
    }
    Ok(())
}

/// Removes what a bot brought: the role that is its own, and the integration, which has the application's number.
fn part_with_bot(tx: &mut Tx<'_>, by: &impl Proof, guild: GuildId, bot: UserId) -> Result<(), ActionError> {
    for ((_, id), row) in tx.list::<Roles>(&guild, None, Order::Ascending, show::MAX_ROLES + 1)? {
        if row.bot == Some(bot) {
            roles::erase(tx, by, guild, id)?;
        }
    }
    let deleted = serde_json::json!({ "id": bot, "guild_id": guild, "application_id": bot });
    tx.emit(Audience::Guild(guild), Dispatch::IntegrationDelete(deleted));
    tx.emit(Audience::Guild(guild), Dispatch::IntegrationsUpdate(GuildRef { guild_id: guild }));
    Ok(())
}

/// Whether an account is a bot's.
pub(super) fn is_bot(view: &View<'_>, user: UserId) -> Result<bool, StoreError> {
    Ok(view.shared::<Users>(&user)?.is_some_and(|row| row.bot))
}

/// Those of these roles that exist, each once; @everyone is no role to be given.
pub(super) fn living_roles(
    view: &View<'_>,
    guild: GuildId,
    roles: &[RoleId],
) -> Result<Vec<RoleId>, StoreError> {
    let mut living = Vec::with_capacity(roles.len());
    for role in roles {
        if *role != guild.cast() && !living.contains(role) && view.shared::<Roles>(&(guild, *role))?.is_some()
        {
            living.push(*role);
        }
    }
    Ok(living)
}

/// A member's row, or 10007.
pub(super) fn row_of(view: &View<'_>, guild: GuildId, user: UserId) -> Result<MemberRow, ActionError> {
    let row = view.shared::<Members>(&(guild, user))?.ok_or(Fault::UnknownMember)?;
    Ok((*row).clone())
}

/// Where somebody in a guild stands in its hierarchy.
pub(super) fn place_of(access: &GuildAccess, view: &View<'_>) -> Result<Place, StoreError> {
    Ok(Place { is_owner: access.is_owner(), top: view.top_rank(access.id, &access.member.roles)? })
}

/// A membership as it is shown with its user.
pub(super) fn shown(
    view: &View<'_>,
    user: UserId,
    row: &MemberRow,
) -> Result<crate::model::Member, StoreError> {
    Ok(show::member(row, Some(show::user_by_id(view, user)?)))
}

/// Writes a changed membership and tells the guild.
pub(super) fn put(
    tx: &mut Tx<'_>,
    by: &impl Proof,
    guild: GuildId,
    user: UserId,
    row: &MemberRow,
) -> Result<crate::model::Member, StoreError> {
    tx.put::<Members>(by, &(guild, user), row)?;
    let member = shown(tx, user, row)?;
    let event = MemberEvent { guild_id: guild, member: member.clone() };
    tx.emit(Audience::Guild(guild), Dispatch::MemberUpdate(event));
    Ok(member)
}

#[cfg(test)]
mod tests;
