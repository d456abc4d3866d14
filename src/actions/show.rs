//! Rows as the API shows them: the one place where stored records become wire objects.

use std::sync::Arc;

use serde_json::Value;

use super::expressions::{emojis, sounds, stickers};
use super::show_files;
use crate::model::{
    AuditChange, AuditEntry, AuditEntryId, Channel, ChannelId, ChannelKind, CountDetails, FEATURES, Guild,
    GuildCreate, GuildId, GuildSnapshot, Incidents, Invite, InviteChannel, InviteGuild, InviteMetadata,
    Member, MentionedUser, Message, MessageEvent, MessageId, MessageReference, OwnUser, PartialEmoji,
    Permissions, Reaction, Role, RoleColors, RoleId, RoleTags, Timestamp, User, UserId, message_type,
};
use crate::store::access::GuildAccess;
use crate::store::{
    AccountRow, Accounts, AuditRow, Body, ChannelRow, ChannelStateRow, ChannelStates, Channels,
    GuildChannels, GuildRow, Guilds, InviteRow, MemberCounts, MemberRow, Members, MessageRow, Order,
    Reactions, RoleRow, Roles, Rooms, StoreError, UserDms, UserRow, Users, View, WholeGuild,
};

/// Members up to which a guild is delivered whole (API.md §3.6).
pub const SMALL_GUILD_MEMBERS: usize = 250;
/// Most roles of a guild (API.md §5).
pub const MAX_ROLES: usize = 250;
/// Most channels of a guild (API.md §5).
pub const MAX_CHANNELS: usize = 500;

/// An account.
pub fn user(id: UserId, row: UserRow) -> User {
    User {
        id,
        username: if row.deleted { format!("deleted_user_{id}") } else { row.username },
        discriminator: "0",
        global_name: if row.deleted { Some("Deleted User".to_owned()) } else { row.global_name },
        avatar: row.avatar,
        banner: row.banner,
        accent_color: row.accent_color,
        bot: row.bot,
        public_flags: 0,
        avatar_decoration_data: None,
    }
}

/// An account by id; a placeholder where the row is gone, so that old messages still show.
pub fn user_by_id(view: &View<'_>, id: UserId) -> Result<Arc<User>, StoreError> {
    let gone = || Arc::new(user(id, UserRow { deleted: true, ..UserRow::default() }));
    Ok(view.shared_as::<Users, User>(&id, |row| user(id, row))?.unwrap_or_else(gone))
}

/// Accounts, in the order of their ids here.
pub fn users_by_id(view: &View<'_>, ids: &[UserId]) -> Result<Vec<Arc<User>>, StoreError> {
    ids.iter().map(|id| user_by_id(view, *id)).collect()
}

/// An account as its owner sees it.
pub fn own_user(id: UserId, row: &UserRow, account: &AccountRow) -> OwnUser {
    OwnUser {
        user: user(id, row.clone()),
        verified: true,
        mfa_enabled: false,
        flags: 0,
        email: account.email.clone(),
        locale: account.locale.clone().unwrap_or_else(|| "en-US".to_owned()),
        premium_type: 0,
        bio: row.bio.clone(),
        pronouns: row.pronouns.clone(),
        nsfw_allowed: true,
    }
}

/// An account as its owner sees it, by id.
pub fn own_user_by_id(view: &View<'_>, id: UserId) -> Result<OwnUser, StoreError> {
    let row = view.get::<Users>(&id)?.unwrap_or_default();
    let account = view.get::<Accounts>(&id)?.unwrap_or_default();
    Ok(own_user(id, &row, &account))
}

/// A membership; `user` as the place asks.
pub fn member(row: &MemberRow, user: Option<Arc<User>>) -> Member {
    Member {
        user,
        nick: row.nick.clone(),
        avatar: row.avatar.clone(),
        banner: row.banner.clone(),
        roles: row.roles.clone(),
        joined_at: Timestamp(row.joined_ms),
        premium_since: None,
        deaf: row.deaf,
        mute: row.mute,
        flags: row.flags,
        pending: row.pending,
        communication_disabled_until: row.timed_out_until_ms.map(Timestamp),
    }
}

/// A membership with its user, by id; `None` for no member.
pub fn member_by_id(view: &View<'_>, guild: GuildId, id: UserId) -> Result<Option<Member>, StoreError> {
    let Some(row) = view.shared::<Members>(&(guild, id))? else { return Ok(None) };
    Ok(Some(member(&row, Some(user_by_id(view, id)?))))
}

/// A role.
pub fn role(id: RoleId, row: &RoleRow) -> Role {
    Role {
        id,
        name: row.name.clone(),
        color: row.color,
        colors: RoleColors {
            primary_color: row.color,
            secondary_color: row.secondary_color,
            tertiary_color: row.tertiary_color,
        },
        hoist: row.hoist,
        icon: row.icon.clone(),
        unicode_emoji: row.unicode_emoji.clone(),
        position: row.position,
        permissions: row.permissions,
        managed: row.managed,
        mentionable: row.mentionable,
        flags: 0,
        tags: row.bot.map(|bot_id| RoleTags { bot_id }),
    }
}

/// Every role of a guild, lowest first.
pub fn roles(view: &View<'_>, guild: GuildId) -> Result<Vec<Arc<Role>>, StoreError> {
    let mut rows = view.list::<Roles>(&guild, None, Order::Ascending, MAX_ROLES + 1)?;
    rows.sort_by_key(|((_, id), row)| (row.position, *id));
    Ok(rows.iter().map(|((_, id), row)| Arc::new(role(*id, row))).collect())
}

/// What is switched on in a guild: what every one has, and its own.
pub fn features(row: &GuildRow) -> Vec<String> {
    FEATURES.iter().map(|feature| (*feature).to_owned()).chain(row.features.iter().cloned()).collect()
}

/// A guild with its roles.
pub fn guild(view: &View<'_>, id: GuildId, row: &GuildRow) -> Result<Guild, StoreError> {
    Ok(Guild {
        id,
        name: row.name.clone(),
        icon: row.icon.clone(),
        splash: row.splash.clone(),
        discovery_splash: row.discovery_splash.clone(),
        banner: row.banner.clone(),
        description: row.description.clone(),
        owner_id: row.owner,
        region: None,
        afk_channel_id: row.afk_channel,
        afk_timeout: row.afk_timeout_s,
        widget_enabled: row.widget_enabled,
        widget_channel_id: row.widget_channel,
        verification_level: row.verification_level,
        default_message_notifications: row.default_message_notifications,
        explicit_content_filter: row.explicit_content_filter,
        roles: roles(view, id)?,
        emojis: emojis::of_guild(view, id, false)?,
        stickers: stickers::of_guild(view, id, false)?,
        features: features(row),
        mfa_level: row.mfa_level,
        application_id: None,
        system_channel_id: row.system_channel,
        system_channel_flags: row.system_channel_flags,
        rules_channel_id: row.rules_channel,
        public_updates_channel_id: row.public_updates_channel,
        safety_alerts_channel_id: row.safety_alerts_channel,
        max_presences: None,
        max_members: 500_000,
        max_video_channel_users: 25,
        max_stage_video_channel_users: 50,
        vanity_url_code: row.vanity.clone(),
        premium_tier: 3,
        premium_subscription_count: 0,
        premium_progress_bar_enabled: row.premium_progress_bar_enabled,
        preferred_locale: if row.preferred_locale.is_empty() {
            "en-US".to_owned()
        } else {
            row.preferred_locale.clone()
        },
        nsfw_level: row.nsfw_level,
        nsfw: row.nsfw_level == 1 || row.nsfw_level == 3,
        incidents_data: incidents(view, row),
        approximate_member_count: None,
        approximate_presence_count: None,
    })
}

/// The measures of a guild that are in force.
pub fn incidents(view: &View<'_>, row: &GuildRow) -> Option<Incidents> {
    Incidents::in_force(row.invites_disabled_until_ms, row.dms_disabled_until_ms, view.now_ms())
}

/// How many members a guild has.
pub fn member_count(view: &View<'_>, guild: GuildId) -> Result<u64, StoreError> {
    Ok(view.get::<MemberCounts>(&guild)?.map_or(0, |row| row.count))
}

/// Channel rows of a guild with their ids.
pub fn guild_channels(
    view: &View<'_>,
    guild: GuildId,
) -> Result<Vec<(ChannelId, Arc<ChannelRow>)>, StoreError> {
    let ids = view.list::<GuildChannels>(&guild, None, Order::Ascending, MAX_CHANNELS + 1)?;
    let mut found = Vec::with_capacity(ids.len());
    for ((_, id), ()) in ids {
        if let Some(row) = view.shared::<Channels>(&id)? {
            found.push((id, row));
        }
    }
    Ok(found)
}

/// Every channel of a guild.
pub fn rooms(view: &View<'_>, guild: GuildId) -> Result<Rooms, StoreError> {
    let rows = guild_channels(view, guild)?;
    let shown = rows.iter().map(|(id, row)| Ok(Arc::new(channel(view, *id, row, None)?)));
    let channels = shown.collect::<Result<_, StoreError>>()?;
    Ok(Rooms::new(rows, channels))
}

/// A guild whole, whoever looks at it.
pub fn whole_guild(view: &View<'_>, id: GuildId, row: &GuildRow) -> Result<WholeGuild, StoreError> {
    Ok(WholeGuild {
        guild: guild(view, id, row)?,
        member_count: member_count(view, id)?,
        rooms: rooms(view, id)?,
    })
}

/// Channels of a guild that a member may view.
pub fn visible_channels(
    view: &View<'_>,
    access: &GuildAccess,
    rooms: &Rooms,
) -> Result<Vec<Arc<Channel>>, StoreError> {
    Ok(rooms.visible(&seen_channels(view, access, rooms)?))
}

/// Which channels of a guild a member may view, a mark for each; a category also if any child is visible (API.md §3.4).
pub fn seen_channels(view: &View<'_>, access: &GuildAccess, rooms: &Rooms) -> Result<Vec<bool>, StoreError> {
    let mut seen = Vec::with_capacity(rooms.rows.len());
    for (_, row) in &rooms.rows {
        seen.push(view.channel_permissions(access, row)?.contains(Permissions::VIEW_CHANNEL));
    }
    let seen_rows = rooms.rows.iter().zip(&seen).filter(|(_, seen)| **seen);
    let parents: Vec<ChannelId> = seen_rows.filter_map(|((_, row), _)| row.parent).collect();
    for ((id, row), seen) in rooms.rows.iter().zip(&mut seen) {
        *seen |= row.kind == ChannelKind::Category && parents.contains(id);
    }
    Ok(seen)
}

/// A channel; `viewer` is left out of a DM's recipients.
pub fn channel(
    view: &View<'_>,
    id: ChannelId,
    row: &ChannelRow,
    viewer: Option<UserId>,
) -> Result<Channel, StoreError> {
    let state = view.get::<ChannelStates>(&id)?.unwrap_or_default();
    channel_with(view, id, row, &state, viewer)
}

fn channel_with(
    view: &View<'_>,
    id: ChannelId,
    row: &ChannelRow,
    state: &ChannelStateRow,
    viewer: Option<UserId>,
) -> Result<Channel, StoreError> {
    let mut shown = Channel { id, kind: row.kind, flags: row.flags, ..Channel::default() };
    if row.kind.can_hold_messages() {
        shown.last_message_id = Some(state.last_message);
        shown.last_pin_timestamp = state.last_pin_ms.map(|at| Some(Timestamp(at)));
    }
    let Some(guild) = row.guild else {
        let mut recipients = Vec::with_capacity(row.recipients.len());
        for recipient in row.recipients.iter().filter(|id| Some(**id) != viewer) {
            recipients.push(user_by_id(view, *recipient)?);
        }
        shown.recipients = Some(recipients);
        if row.kind == ChannelKind::GroupDm {
            shown.name = Some(row.name.clone());
            shown.icon = Some(row.icon.clone());
            shown.owner_id = row.owner;
        }
        if let (ChannelKind::Dm, Some(viewer)) = (row.kind, viewer)
            && let Some(asked_ms) = view.get::<UserDms>(&(viewer, id))?.and_then(|dm| dm.request_ms)
        {
            shown.is_message_request = Some(true);
            shown.is_message_request_timestamp = Some(Timestamp(asked_ms));
        }
        return Ok(shown);
    };
    shown.guild_id = Some(guild);
    shown.name = Some(row.name.clone());
    shown.position = Some(row.position);
    shown.permission_overwrites = Some(row.overwrites.clone());
    shown.parent_id = Some(row.parent);
    shown.nsfw = Some(row.nsfw);
    if row.kind.is_text_like() {
        shown.topic = Some(row.topic.clone());
        shown.default_auto_archive_duration = row.default_auto_archive_duration;
    }
    if row.kind.can_hold_messages() {
        shown.rate_limit_per_user = Some(row.slowmode_s);
    }
    if row.kind.is_voice() {
        shown.bitrate = Some(row.bitrate_bps);
        shown.user_limit = Some(row.user_limit);
        shown.rtc_region = Some(row.rtc_region.clone());
        shown.video_quality_mode = Some(row.video_quality_mode.max(1));
    }
    Ok(shown)
}

/// A guild for somebody who just joined it, or (with `unavailable: false`) for READY. Presences are the hub's to fill in.
pub fn guild_create(
    view: &View<'_>,
    access: &GuildAccess,
    is_at_ready: bool,
) -> Result<GuildCreate, StoreError> {
    let member_count = member_count(view, access.id)?;
    let mut members = Vec::new();
    if member_count as usize <= SMALL_GUILD_MEMBERS {
        for ((_, id), row) in
            view.list::<Members>(&access.id, None, Order::Ascending, SMALL_GUILD_MEMBERS + 1)?
        {
            members.push(member(&row, Some(user_by_id(view, id)?)));
        }
    } else {
        members.push(member(&access.member, Some(user_by_id(view, access.actor)?)));
    }
    Ok(GuildCreate {
        guild: guild(view, access.id, &access.guild)?,
        joined_at: Timestamp(access.member.joined_ms),
        large: member_count as usize > SMALL_GUILD_MEMBERS,
        unavailable: is_at_ready.then_some(false),
        member_count,
        members,
        channels: visible_channels(view, access, &rooms(view, access.id)?)?.into(),
        threads: Vec::new(),
        presences: Vec::new(),
        voice_states: Vec::new(),
        stage_instances: Vec::new(),
        guild_scheduled_events: Vec::new(),
        soundboard_sounds: sounds::of_guild(view, access.id, false)?,
    })
}

/// A message as `viewer` sees it; for dispatches (`None`) without reactions. A reply carries the message it answers.
pub fn message(
    view: &View<'_>,
    channel: ChannelId,
    id: MessageId,
    row: &MessageRow,
    viewer: Option<UserId>,
) -> Result<Message, StoreError> {
    let mut shown = message_alone(view, channel, id, row, viewer)?;
    if row.kind == message_type::REPLY
        && let Some(target) = row.reference_message
    {
        let target_channel = row.reference_channel.unwrap_or(channel);
        shown.referenced_message = Some(match view.message(target_channel, target)? {
            Some(answered) => Some(Box::new(message_alone(view, target_channel, target, &answered, viewer)?)),
            None => None,
        });
    }
    Ok(shown)
}

fn message_alone(
    view: &View<'_>,
    channel: ChannelId,
    id: MessageId,
    row: &MessageRow,
    viewer: Option<UserId>,
) -> Result<Message, StoreError> {
    let Body::Plain(content) = &row.body;
    let author = match row.webhook {
        Some(webhook) => Arc::new(User {
            id: webhook.cast(),
            username: row.webhook_name.clone().unwrap_or_default(),
            discriminator: "0000",
            global_name: None,
            avatar: row.webhook_avatar.clone(),
            banner: None,
            accent_color: None,
            bot: true,
            public_flags: 0,
            avatar_decoration_data: None,
        }),
        None => user_by_id(view, row.author)?,
    };
    let guild = if row.mentions.is_empty() {
        None
    } else {
        view.shared::<Channels>(&channel)?.and_then(|row| row.guild)
    };
    let mut mentions = Vec::with_capacity(row.mentions.len());
    for mentioned in &row.mentions {
        let membership = match guild {
            Some(guild) => view.shared::<Members>(&(guild, *mentioned))?.map(|row| member(&row, None)),
            None => None,
        };
        mentions.push(MentionedUser { user: user_by_id(view, *mentioned)?, member: membership });
    }
    let files = show_files::files(view, channel, row, components(row));
    Ok(Message {
        id,
        channel_id: channel,
        author,
        content: content.clone(),
        timestamp: Timestamp(id.created_ms()),
        edited_timestamp: row.edited_ms.map(Timestamp),
        tts: row.tts,
        mention_everyone: row.mention_everyone,
        mentions,
        mention_roles: row.mention_roles.clone(),
        attachments: files.attachments,
        embeds: files.embeds,
        components: files.components,
        sticker_items: row.stickers.clone(),
        reactions: match viewer {
            Some(viewer) => reactions(view, id, row, viewer)?,
            None => Vec::new(),
        },
        pinned: row.pinned,
        kind: row.kind,
        flags: row.flags,
        webhook_id: row.webhook,
        application_id: row.application,
        message_reference: row.reference_channel.map(|channel_id| MessageReference {
            kind: 0,
            message_id: row.reference_message,
            channel_id,
            guild_id: row.reference_guild,
        }),
        referenced_message: None,
        nonce: None,
    })
}

fn components(row: &MessageRow) -> Vec<Value> {
    row.components.as_deref().and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
}

fn reactions(
    view: &View<'_>,
    id: MessageId,
    row: &MessageRow,
    viewer: UserId,
) -> Result<Vec<Reaction>, StoreError> {
    row.reactions
        .iter()
        .map(|reaction| {
            Ok(Reaction {
                emoji: PartialEmoji {
                    id: reaction.id,
                    name: reaction.name.clone(),
                    animated: reaction.animated,
                },
                count: reaction.count,
                count_details: CountDetails { normal: reaction.count, burst: 0 },
                me: view.has::<Reactions>(&(id, reaction.key.clone(), viewer))?,
                me_burst: false,
                burst_colors: Vec::new(),
            })
        })
        .collect()
}

/// MESSAGE_CREATE or MESSAGE_UPDATE of a message.
pub fn message_event(
    view: &View<'_>,
    channel: &ChannelRow,
    message: Arc<Message>,
    author: UserId,
) -> Result<MessageEvent, StoreError> {
    let membership = match channel.guild {
        Some(guild) if message.webhook_id.is_none() => {
            view.shared::<Members>(&(guild, author))?.map(|row| member(&row, None))
        }
        _ => None,
    };
    Ok(MessageEvent { message, guild_id: channel.guild, member: membership, channel_type: channel.kind })
}

/// An invite; `metadata` for those who manage it.
pub fn invite(
    view: &View<'_>,
    code: &str,
    row: &InviteRow,
    with_metadata: bool,
) -> Result<Invite, StoreError> {
    let guild = view.shared::<Guilds>(&row.guild)?.unwrap_or_default();
    let channel = view.shared::<Channels>(&row.channel)?.unwrap_or_default();
    Ok(Invite {
        kind: 0,
        code: code.to_owned(),
        channel: InviteChannel { id: row.channel, kind: channel.kind, name: channel.name.clone() },
        guild: Some(InviteGuild {
            id: row.guild,
            name: guild.name.clone(),
            icon: guild.icon.clone(),
            splash: guild.splash.clone(),
            banner: guild.banner.clone(),
            description: guild.description.clone(),
            features: features(&guild),
            verification_level: guild.verification_level,
            vanity_url_code: guild.vanity.clone(),
            nsfw_level: guild.nsfw_level,
            premium_subscription_count: 0,
        }),
        guild_id: row.guild,
        inviter: row.inviter.map(|inviter| user_by_id(view, inviter)).transpose()?,
        expires_at: (row.max_age_s > 0).then(|| Timestamp(row.created_ms + u64::from(row.max_age_s) * 1_000)),
        approximate_member_count: None,
        approximate_presence_count: None,
        metadata: with_metadata.then_some(InviteMetadata {
            uses: row.uses,
            max_uses: row.max_uses,
            max_age: row.max_age_s,
            temporary: row.temporary,
            created_at: Timestamp(row.created_ms),
        }),
        new_member: None,
    })
}

/// An entry of the audit log.
pub fn audit_entry(id: AuditEntryId, row: &AuditRow) -> AuditEntry {
    AuditEntry {
        id,
        action_type: row.action,
        user_id: row.user,
        target_id: row.target.clone(),
        changes: row
            .changes
            .as_deref()
            .and_then(|json| serde_json::from_str::<Vec<AuditChange>>(json).ok())
            .unwrap_or_default(),
        options: row.options.as_deref().and_then(|json| serde_json::from_str(json).ok()),
        reason: row.reason.clone(),
    }
}

/// What fan-out needs to know of a guild, whoever views it.
pub fn guild_snapshot(view: &View<'_>, id: GuildId, row: &GuildRow) -> Result<GuildSnapshot, StoreError> {
    let channels = rooms(view, id)?.channels;
    let (owner_id, afk, member_count) = (row.owner, afk(row), member_count(view, id)?);
    Ok(GuildSnapshot { id, owner_id, afk, roles: roles(view, id)?, channels, member_count })
}

/// The voice channel of the absent, and the seconds of silence after which one is.
pub fn afk(row: &GuildRow) -> Option<(ChannelId, u32)> {
    row.afk_channel.map(|channel| (channel, row.afk_timeout_s))
}
