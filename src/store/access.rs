//! Who may do what, proved inside the transaction that does it. A proof cannot leave its transaction, so what was true at the check
//! is true at the write.

use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use super::rows::{ChannelRow, GuildRow, MemberRow};
use super::tables::{Bans, Channels, Guilds, Members, Roles};
use super::view::View;
use super::{Denied, StoreError};
use crate::logic::permissions as rules;
use crate::model::{ChannelId, GuildId, Permissions, RoleId, UserId};

/// Something a proof can be of. Only this module makes the proofs.
pub trait Proof: sealed::Sealed {}
mod sealed {
    pub trait Sealed {}
}

/// A right that an act needs.
pub trait Right {
    /// The bits.
    const NEEDS: Permissions;
}

macro_rules! rights {
    ($($(#[$doc:meta])* $name:ident = $bits:expr;)*) => {$(
        $(#[$doc])*
        pub enum $name {}
        impl Right for $name {
            const NEEDS: Permissions = $bits;
        }
    )*};
}

/// The rights that routes ask for by name; more than one bit is [`View::allow_bits`]' affair.
pub mod right {
    use super::Right;
    use crate::model::Permissions;
    rights! {
        /// To see a channel, or to be in a guild.
        View = Permissions::VIEW_CHANNEL;
        /// To be a member, whatever one may do.
        Membership = Permissions::NONE;
        /// To post.
        SendMessages = Permissions::SEND_MESSAGES;
        /// To read what was posted before.
        ReadMessageHistory = Permissions::READ_MESSAGE_HISTORY;
        /// To delete messages of others.
        ManageMessages = Permissions::MANAGE_MESSAGES;
        /// To pin.
        PinMessages = Permissions::PIN_MESSAGES;
        /// To add an emoji nobody chose yet.
        AddReactions = Permissions::ADD_REACTIONS;
        /// To make, change and delete channels.
        ManageChannels = Permissions::MANAGE_CHANNELS;
        /// To change roles, and overwrites of a channel.
        ManageRoles = Permissions::MANAGE_ROLES;
        /// To change the guild.
        ManageGuild = Permissions::MANAGE_GUILD;
        /// To have cards for links.
        EmbedLinks = Permissions::EMBED_LINKS;
        /// To make emoji and stickers.
        CreateGuildExpressions = Permissions::CREATE_GUILD_EXPRESSIONS;
        /// To manage webhooks and followers.
        ManageWebhooks = Permissions::MANAGE_WEBHOOKS;
        /// To invite.
        CreateInstantInvite = Permissions::CREATE_INSTANT_INVITE;
        /// To remove members.
        KickMembers = Permissions::KICK_MEMBERS;
        /// To ban and unban.
        BanMembers = Permissions::BAN_MEMBERS;
        /// To time out.
        ModerateMembers = Permissions::MODERATE_MEMBERS;
        /// To name others.
        ManageNicknames = Permissions::MANAGE_NICKNAMES;
        /// To name oneself.
        ChangeNickname = Permissions::CHANGE_NICKNAME;
        /// To say what a voice channel is about.
        SetVoiceStatus = Permissions::SET_VOICE_CHANNEL_STATUS;
        /// To read the audit log.
        ViewAuditLog = Permissions::VIEW_AUDIT_LOG;
    }
}

/// What somebody may do in a channel, with the rows that say so.
#[derive(Clone)]
pub struct ChannelAccess {
    /// Who.
    pub actor: UserId,
    /// Where.
    pub id: ChannelId,
    /// The channel.
    pub channel: Arc<ChannelRow>,
    /// What the actor may do here, implicit rules applied (API.md §4).
    pub held: Permissions,
    /// The actor's place in the guild; none in DMs.
    pub guild: Option<GuildAccess>,
}

/// What somebody may do in a guild, with the rows that say so.
#[derive(Clone)]
pub struct GuildAccess {
    /// Who.
    pub actor: UserId,
    /// Where.
    pub id: GuildId,
    /// The guild.
    pub guild: Arc<GuildRow>,
    /// The actor's membership.
    pub member: Arc<MemberRow>,
    /// What the actor may do, overwrites apart.
    pub held: Permissions,
}

impl GuildAccess {
    /// Whether the actor owns the guild.
    pub fn is_owner(&self) -> bool {
        self.guild.owner == self.actor
    }

    /// Whether the actor may do everything.
    pub fn is_admin(&self) -> bool {
        self.is_owner() || self.held.contains(Permissions::ADMINISTRATOR)
    }
}

/// Ties a proof to its transaction and its right.
type Tied<'t, R> = PhantomData<(&'t (), fn() -> R)>;

/// Proof that the actor holds `R` in a channel.
pub struct Allowed<'t, R> {
    access: ChannelAccess,
    right: Tied<'t, R>,
}

/// Proof that the actor holds `R` in a guild.
pub struct GuildAllowed<'t, R> {
    access: GuildAccess,
    right: Tied<'t, R>,
}

/// Proof that the row is of the actor's own account, or nobody else's concern.
pub struct Own<'t> {
    /// Whose.
    pub actor: UserId,
    scope: PhantomData<&'t ()>,
}

/// Proof that the server itself acts: set-up, commands of the admin, consequences of an act that was proved, sweeps.
pub struct Internal<'t>(PhantomData<&'t ()>);

impl<R> Deref for Allowed<'_, R> {
    type Target = ChannelAccess;
    fn deref(&self) -> &ChannelAccess {
        &self.access
    }
}
impl<R> Deref for GuildAllowed<'_, R> {
    type Target = GuildAccess;
    fn deref(&self) -> &GuildAccess {
        &self.access
    }
}
impl<R> sealed::Sealed for Allowed<'_, R> {}
impl<R> Proof for Allowed<'_, R> {}
impl<R> sealed::Sealed for GuildAllowed<'_, R> {}
impl<R> Proof for GuildAllowed<'_, R> {}
impl sealed::Sealed for Own<'_> {}
impl Proof for Own<'_> {}
impl sealed::Sealed for Internal<'_> {}
impl Proof for Internal<'_> {}

impl<'t> View<'t> {
    /// The proof that `actor` acts on what is their own.
    pub fn own(&self, actor: UserId) -> Own<'t> {
        Own { actor, scope: PhantomData }
    }

    /// The proof that the server itself acts; the caller says in a comment why nobody's right is asked.
    pub fn internal(&self) -> Internal<'t> {
        Internal(PhantomData)
    }

    /// What the actor may do in a guild.
    ///
    /// # Errors
    /// [`Denied::NotMember`], whether the guild exists or not.
    pub fn guild_access(&self, actor: UserId, id: GuildId) -> Result<GuildAccess, StoreError> {
        let guild = self.shared::<Guilds>(&id)?.ok_or(Denied::NotMember)?;
        let member = self.shared::<Members>(&(id, actor))?.ok_or(Denied::NotMember)?;
        let held = self.guild_permissions(id, &guild, actor, &member)?;
        Ok(GuildAccess { actor, id, guild, member, held })
    }

    /// What a member may do in a guild, overwrites apart.
    pub fn guild_permissions(
        &self,
        id: GuildId,
        guild: &GuildRow,
        user: UserId,
        member: &MemberRow,
    ) -> Result<Permissions, StoreError> {
        let everyone = self.role_permissions(id, id.cast())?;
        let mut roles = Vec::with_capacity(member.roles.len());
        for role in &member.roles {
            roles.push(self.role_permissions(id, *role)?);
        }
        let is_timed_out = member.timed_out_until_ms.is_some_and(|until| until > self.now_ms());
        Ok(rules::guild_permissions(
            guild.owner == user,
            everyone,
            roles.into_iter(),
            is_timed_out,
            member.pending,
        ))
    }

    fn role_permissions(&self, guild: GuildId, role: RoleId) -> Result<Permissions, StoreError> {
        Ok(self.shared::<Roles>(&(guild, role))?.map_or(Permissions::NONE, |role| role.permissions))
    }

    /// What the actor may do in a channel; [`Denied`] where they may not even know of it.
    ///
    /// # Errors
    /// [`Denied::UnknownChannel`] if it does not exist or is a DM of others, [`Denied::Hidden`] if the actor may not view it.
    pub fn channel_access(&self, actor: UserId, id: ChannelId) -> Result<ChannelAccess, StoreError> {
        let channel = self.shared::<Channels>(&id)?.ok_or(Denied::UnknownChannel)?;
        let Some(guild_id) = channel.guild else {
            if !channel.recipients.contains(&actor) {
                return Err(Denied::UnknownChannel.into());
            }
            return Ok(ChannelAccess { actor, id, channel, held: rules::dm_permissions(), guild: None });
        };
        let guild = match self.guild_access(actor, guild_id) {
            Err(StoreError::Denied(_)) => return Err(Denied::Hidden.into()),
            other => other?,
        };
        let held = self.channel_permissions(&guild, &channel)?;
        if !held.contains(Permissions::VIEW_CHANNEL) {
            return Err(Denied::Hidden.into());
        }
        Ok(ChannelAccess { actor, id, channel, held, guild: Some(guild) })
    }

    /// What a member may do in a channel of their guild, implicit rules applied; without VIEW_CHANNEL, nothing.
    pub fn channel_permissions(
        &self,
        access: &GuildAccess,
        channel: &ChannelRow,
    ) -> Result<Permissions, StoreError> {
        let is_timed_out = access.member.timed_out_until_ms.is_some_and(|until| until > self.now_ms());
        let held = rules::channel_permissions(
            &rules::Standing {
                guild: access.id,
                member: access.actor,
                roles: &access.member.roles,
                base: access.held,
                is_owner: access.is_owner(),
                is_timed_out,
                is_pending: access.member.pending,
            },
            &channel.overwrites,
        );
        Ok(rules::effective(held, channel.kind))
    }

    /// Proves that the actor holds `R` in a channel.
    ///
    /// # Errors
    /// As [`View::channel_access`], then [`Denied::Missing`].
    pub fn allow<R: Right>(&self, actor: UserId, channel: ChannelId) -> Result<Allowed<'t, R>, StoreError> {
        let access = self.channel_access(actor, channel)?;
        require(access.held, R::NEEDS)?;
        Ok(Allowed { access, right: PhantomData })
    }

    /// Proves that the actor holds `R` in a guild.
    ///
    /// # Errors
    /// [`Denied::NotMember`], then [`Denied::Missing`].
    pub fn allow_guild<R: Right>(
        &self,
        actor: UserId,
        guild: GuildId,
    ) -> Result<GuildAllowed<'t, R>, StoreError> {
        let access = self.guild_access(actor, guild)?;
        require(access.held, R::NEEDS)?;
        Ok(GuildAllowed { access, right: PhantomData })
    }

    /// Proves that the actor may act on a member by `R`: the owner on everybody, others on those whose top role is below their own,
    /// nobody on the owner. A stranger (for bans) has no role to compare.
    ///
    /// # Errors
    /// As [`View::allow_guild`], then [`Denied::Hierarchy`].
    pub fn allow_on_member<R: Right>(
        &self,
        actor: UserId,
        guild: GuildId,
        target: UserId,
    ) -> Result<GuildAllowed<'t, R>, StoreError> {
        let allowed = self.allow_guild::<R>(actor, guild)?;
        if allowed.is_owner() && target != actor {
            return Ok(allowed);
        }
        if target == allowed.guild.owner {
            return Err(Denied::Hierarchy.into());
        }
        if let Some(member) = self.shared::<Members>(&(guild, target))?
            && self.top_rank(guild, &member.roles)? >= self.top_rank(guild, &allowed.member.roles)?
        {
            return Err(Denied::Hierarchy.into());
        }
        Ok(allowed)
    }

    /// Checks that a role stands below the actor's own top role (the owner is above all).
    ///
    /// # Errors
    /// [`Denied::Hierarchy`].
    pub fn require_above_role(&self, access: &GuildAccess, role: RoleId) -> Result<(), StoreError> {
        if access.is_owner()
            || self.top_rank(access.id, &[role])? < self.top_rank(access.id, &access.member.roles)?
        {
            return Ok(());
        }
        Err(Denied::Hierarchy.into())
    }

    /// The rank of the highest of these roles; that of @everyone for none.
    pub fn top_rank(&self, guild: GuildId, roles: &[RoleId]) -> Result<rules::Rank, StoreError> {
        let mut top = rules::rank(0, guild.cast());
        for role in roles {
            if let Some(row) = self.shared::<Roles>(&(guild, *role))? {
                top = top.max(rules::rank(row.position, *role));
            }
        }
        Ok(top)
    }

    /// Whether somebody is banned from a guild.
    pub fn is_banned(&self, guild: GuildId, user: UserId) -> Result<bool, StoreError> {
        self.has::<Bans>(&(guild, user))
    }
}

/// Checks that `needs` is held.
///
/// # Errors
/// [`Denied::Missing`] with what lacks.
pub fn require(held: Permissions, needs: Permissions) -> Result<(), StoreError> {
    let missing = needs - held;
    if missing.is_empty() { Ok(()) } else { Err(Denied::Missing(missing).into()) }
}
