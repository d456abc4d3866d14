//! Who may do what: roles and overwrites to rights, and the order of roles that says whom one may act on (API.md §4).
//! Everything is lent plain data, so the store inside a transaction and the hub in its fan-out ask the same functions.

use std::cmp::Reverse;
use std::collections::HashMap;

use crate::model::{ChannelKind, GuildId, Overwrite, OverwriteTarget, Permissions, RoleId, UserId};

/// What is left to a member who is timed out or has not passed screening.
const MUTED: Permissions = Permissions::VIEW_CHANNEL.union(Permissions::READ_MESSAGE_HISTORY);

/// Rights that exist in guilds only: an overwrite neither gives nor takes them, whatever it says.
const GUILD_ONLY: Permissions = Permissions::KICK_MEMBERS
    .union(Permissions::BAN_MEMBERS)
    .union(Permissions::ADMINISTRATOR)
    .union(Permissions::MANAGE_GUILD)
    .union(Permissions::VIEW_AUDIT_LOG)
    .union(Permissions::VIEW_GUILD_INSIGHTS)
    .union(Permissions::CHANGE_NICKNAME)
    .union(Permissions::MANAGE_NICKNAMES)
    .union(Permissions::MANAGE_GUILD_EXPRESSIONS)
    .union(Permissions::MODERATE_MEMBERS)
    .union(Permissions::VIEW_CREATOR_MONETIZATION_ANALYTICS)
    .union(Permissions::CREATE_GUILD_EXPRESSIONS);

/// Rights that are worth nothing to who may not post.
const NEEDS_SENDING: Permissions = Permissions::MENTION_EVERYONE
    .union(Permissions::SEND_TTS_MESSAGES)
    .union(Permissions::ATTACH_FILES)
    .union(Permissions::EMBED_LINKS)
    .union(Permissions::SEND_POLLS)
    .union(Permissions::SEND_VOICE_MESSAGES);

/// What everybody in a DM or group DM may do there; deleting messages of others is not among it.
const IN_DMS: Permissions = Permissions::VIEW_CHANNEL
    .union(Permissions::SEND_MESSAGES)
    .union(Permissions::READ_MESSAGE_HISTORY)
    .union(Permissions::ATTACH_FILES)
    .union(Permissions::EMBED_LINKS)
    .union(Permissions::ADD_REACTIONS)
    .union(Permissions::USE_EXTERNAL_EMOJIS)
    .union(Permissions::USE_EXTERNAL_STICKERS)
    .union(Permissions::MENTION_EVERYONE)
    .union(Permissions::PIN_MESSAGES);

/// What a member may do in the guild, overwrites apart. `roles` are the permissions of the member's roles, in any order.
pub fn guild_permissions(
    is_owner: bool,
    everyone: Permissions,
    roles: impl Iterator<Item = Permissions>,
    is_timed_out: bool,
    is_pending: bool,
) -> Permissions {
    if is_owner {
        return Permissions::ALL;
    }
    let held = roles.fold(everyone, |held, role| held | role);
    if held.contains(Permissions::ADMINISTRATOR) {
        return Permissions::ALL;
    }
    if is_timed_out || is_pending { held & MUTED } else { held }
}

/// A member as the overwrites of a channel see them.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'a> {
    /// The guild, whose number is also @everyone's.
    pub guild: GuildId,
    /// The member.
    pub member: UserId,
    /// The member's roles, without @everyone.
    pub roles: &'a [RoleId],
    /// What [`guild_permissions`] says of the member.
    pub base: Permissions,
    /// Whether the guild is the member's.
    pub is_owner: bool,
    /// Whether a time-out lasts still.
    pub is_timed_out: bool,
    /// Whether screening is not passed yet.
    pub is_pending: bool,
}

impl Standing<'_> {
    /// Whether overwrites don't touch the member.
    pub fn is_admin(&self) -> bool {
        self.is_owner || self.base.contains(Permissions::ADMINISTRATOR)
    }

    fn layer(&self, target: OverwriteTarget) -> Option<Layer> {
        match target {
            OverwriteTarget::Role(role) if role == self.guild.cast() => Some(Layer::Everyone),
            OverwriteTarget::Role(role) if self.roles.contains(&role) => Some(Layer::Roles),
            OverwriteTarget::Member(user) if user == self.member => Some(Layer::Member),
            OverwriteTarget::Role(_) | OverwriteTarget::Member(_) => None,
        }
    }
}

/// Overwrites apply in this order, those of one layer together: an allow of any role beats a deny of another.
#[derive(Clone, Copy)]
enum Layer {
    Everyone,
    Roles,
    Member,
}

/// What a member may do in a channel with these overwrites (those of the parent, for a thread), before the implicit rules of
/// [`effective`].
pub fn channel_permissions(standing: &Standing<'_>, overwrites: &[Overwrite]) -> Permissions {
    if standing.is_admin() {
        return Permissions::ALL;
    }
    let mut layers = [(Permissions::NONE, Permissions::NONE); 3];
    for overwrite in overwrites {
        if let Some(layer) = standing.layer(overwrite.target) {
            let (allow, deny) = &mut layers[layer as usize];
            *allow |= overwrite.allow - GUILD_ONLY;
            *deny |= overwrite.deny - GUILD_ONLY;
        }
    }
    let held = layers.into_iter().fold(standing.base, |held, (allow, deny)| (held - deny) | allow);
    if standing.is_timed_out || standing.is_pending { held & MUTED } else { held }
}

/// What rights amount to in a channel of this type: rights without the one they stand on are worth nothing. Not stored, only asked
/// when somebody acts.
pub fn effective(held: Permissions, kind: ChannelKind) -> Permissions {
    if !held.contains(Permissions::VIEW_CHANNEL) {
        return Permissions::NONE;
    }
    if kind.is_voice() && !held.contains(Permissions::CONNECT) {
        return Permissions::VIEW_CHANNEL;
    }
    let held = if kind.is_thread() { held - Permissions::SEND_MESSAGES } else { held };
    if held.contains(to_send_in(kind)) { held } else { held - NEEDS_SENDING }
}

/// The right to post in a channel of this type; in forums, to open a post.
pub const fn to_send_in(kind: ChannelKind) -> Permissions {
    match kind {
        ChannelKind::AnnouncementThread | ChannelKind::PublicThread | ChannelKind::PrivateThread => {
            Permissions::SEND_MESSAGES_IN_THREADS
        }
        _ => Permissions::SEND_MESSAGES,
    }
}

/// What everybody in a DM or group DM may do there.
pub const fn dm_permissions() -> Permissions {
    IN_DMS
}

/// The place of a role among the guild's: a greater rank is a higher role. At equal position the older role is higher. @everyone
/// alone has position 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank(u32, Reverse<RoleId>);

/// The rank of a role.
pub const fn rank(position: u32, role: RoleId) -> Rank {
    Rank(position, Reverse(role))
}

/// The rank of a member with roles of these positions: that of the highest, at least @everyone's.
pub fn top_rank(guild: GuildId, roles: impl IntoIterator<Item = (u32, RoleId)>) -> Rank {
    let everyone = rank(0, guild.cast());
    roles.into_iter().map(|(position, role)| rank(position, role)).fold(everyone, Rank::max)
}

/// Where a member stands in the order of roles.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Whether the guild is the member's.
    pub is_owner: bool,
    /// The member's [`top_rank`].
    pub top: Rank,
}

/// Something done to a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoleAct {
    /// Changing its name, colour, rights or place.
    Edit,
    /// Giving it to somebody, or taking it away.
    Assign,
    /// Deleting it.
    Delete,
}

/// Whether `actor`, who holds MANAGE_ROLES, may do this to a role. Managed roles belong to a bot or integration, which no rank
/// changes: they can be edited, but neither assigned nor deleted.
pub fn may_manage_role(actor: Place, role: Rank, is_managed: bool, act: RoleAct) -> bool {
    (actor.is_owner || role < actor.top) && !(is_managed && act != RoleAct::Edit)
}

/// Whether `actor` may give themselves a role they [may assign](may_manage_role): nobody raises themselves, so it may bring no right
/// they lack in the guild.
///
/// # Errors
/// The rights that lack.
pub fn may_take_up_role(held: Permissions, role: Permissions) -> Result<(), Permissions> {
    may_grant(held, Permissions::NONE, role)
}

/// Whether `actor` may move roles from these ranks to those: all of them have to stay below the actor.
pub fn may_reorder(actor: Place, moves: impl IntoIterator<Item = (Rank, Rank)>) -> bool {
    actor.is_owner || moves.into_iter().all(|(from, to)| from < actor.top && to < actor.top)
}

/// Whether `actor`, who holds the right for it, may kick, ban, time out or name `target`; `None` is a stranger, who can only be banned.
/// Nobody may do so to the owner, nor to themselves.
pub fn may_act_on_member(actor: Place, target: Option<Place>) -> bool {
    target.is_none_or(|target| !target.is_owner && (actor.is_owner || target.top < actor.top))
}

/// Whether who holds `held` in the guild may change a role's rights from `old` to `new`: only bits they hold may turn on or off.
///
/// # Errors
/// The rights that lack.
pub fn may_grant(held: Permissions, old: Permissions, new: Permissions) -> Result<(), Permissions> {
    if held.contains(Permissions::ADMINISTRATOR) {
        return Ok(());
    }
    none_of(difference(old, new) - held)
}

/// How far a member may change overwrites of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OverwriteAuthority {
    /// Owner or ADMINISTRATOR: every bit.
    Administrator,
    /// An overwrite of the channel itself gives them MANAGE_ROLES: every bit but MANAGE_ROLES.
    WholeChannel,
    /// Bits held in the channel, but MANAGE_ROLES.
    HeldBits,
}

/// How far a member may change these overwrites, if they hold MANAGE_ROLES there at all.
pub fn overwrite_authority(standing: &Standing<'_>, overwrites: &[Overwrite]) -> OverwriteAuthority {
    if standing.is_admin() {
        return OverwriteAuthority::Administrator;
    }
    let is_given_here = overwrites.iter().any(|overwrite| {
        overwrite.allow.contains(Permissions::MANAGE_ROLES) && standing.layer(overwrite.target).is_some()
    });
    if is_given_here { OverwriteAuthority::WholeChannel } else { OverwriteAuthority::HeldBits }
}

/// Whether who holds `held` in a channel may add (`old` is none), edit or remove (`new` is none) an overwrite there. What counts are
/// the bits that change, in allow or deny.
///
/// # Errors
/// The rights that lack; ADMINISTRATOR where the MANAGE_ROLES bit itself changes.
pub fn may_change_overwrite(
    held: Permissions,
    authority: OverwriteAuthority,
    old: Option<&Overwrite>,
    new: Option<&Overwrite>,
) -> Result<(), Permissions> {
    if authority == OverwriteAuthority::Administrator {
        return Ok(());
    }
    none_of(Permissions::MANAGE_ROLES - held)?;
    let allow = |side: Option<&Overwrite>| side.map_or(Permissions::NONE, |overwrite| overwrite.allow);
    let deny = |side: Option<&Overwrite>| side.map_or(Permissions::NONE, |overwrite| overwrite.deny);
    let changed = difference(allow(old), allow(new)) | difference(deny(old), deny(new));
    if changed.contains(Permissions::MANAGE_ROLES) {
        return Err(Permissions::ADMINISTRATOR);
    }
    match authority {
        OverwriteAuthority::Administrator | OverwriteAuthority::WholeChannel => Ok(()),
        OverwriteAuthority::HeldBits => none_of(changed - held),
    }
}

/// Whether who holds `held` in a channel may put the overwrites `new` in place of `old`: when a channel is made with them, edited as a
/// whole, or synced with its category. Where nothing changes, nothing is needed.
///
/// # Errors
/// The rights that lack for one of the changes.
pub fn may_replace_overwrites(
    held: Permissions,
    authority: OverwriteAuthority,
    old: &[Overwrite],
    new: &[Overwrite],
) -> Result<(), Permissions> {
    let mut removed: HashMap<OverwriteTarget, &Overwrite> =
        old.iter().map(|overwrite| (overwrite.target, overwrite)).collect();
    for overwrite in new {
        let before = removed.remove(&overwrite.target);
        if before != Some(overwrite) {
            may_change_overwrite(held, authority, before, Some(overwrite))?;
        }
    }
    removed
        .into_values()
        .try_for_each(|overwrite| may_change_overwrite(held, authority, Some(overwrite), None))
}

fn difference(old: Permissions, new: Permissions) -> Permissions {
    (old - new) | (new - old)
}

fn none_of(missing: Permissions) -> Result<(), Permissions> {
    if missing.is_empty() { Ok(()) } else { Err(missing) }
}

#[cfg(test)]
mod escalation;
#[cfg(test)]
mod tests;
