//! Guilds, their roles, bans, invites and audit entries.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    AuditEntryId, Channel, ChannelId, Emoji, GuildId, Member, Permissions, Presence, RoleId, Sound, Sticker,
    Timestamp, User, UserId, VisibleChannels, VoiceState,
};

/// Settings of a guild that the field's own API has no place for; also HEARTH_GUILD_SETTINGS_UPDATE.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub struct GuildSettings {
    /// The guild.
    pub guild_id: GuildId,
    /// Whether links are looked up for cards.
    pub link_previews: bool,
}

/// Measures against a raid that are in force, by their ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Incidents {
    /// Until when nobody joins by an invite.
    pub invites_disabled_until: Option<Timestamp>,
    /// Until when members don't write to strangers among them.
    pub dms_disabled_until: Option<Timestamp>,
    /// Never set: nobody looks for floods of messages.
    pub dm_spam_detected_at: Option<Timestamp>,
    /// Never set: nobody looks for floods of members.
    pub raid_detected_at: Option<Timestamp>,
}

impl Incidents {
    /// Those of these ends that are still to come.
    pub fn of(invites_until_ms: Option<u64>, dms_until_ms: Option<u64>, now_ms: u64) -> Self {
        let ahead = |until_ms: Option<u64>| until_ms.filter(|until_ms| *until_ms > now_ms).map(Timestamp);
        Self {
            invites_disabled_until: ahead(invites_until_ms),
            dms_disabled_until: ahead(dms_until_ms),
            dm_spam_detected_at: None,
            raid_detected_at: None,
        }
    }

    /// The same, or nothing where nothing is in force.
    pub fn in_force(invites_until_ms: Option<u64>, dms_until_ms: Option<u64>, now_ms: u64) -> Option<Self> {
        let now = Self::of(invites_until_ms, dms_until_ms, now_ms);
        (now.invites_disabled_until.is_some() || now.dms_disabled_until.is_some()).then_some(now)
    }
}

/// What every guild has: libraries check these on the client side (API.md §1.11).
pub const FEATURES: [&str; 13] = [
    "ANIMATED_BANNER",
    "ANIMATED_ICON",
    "BANNER",
    "ENHANCED_ROLE_COLORS",
    "INVITE_SPLASH",
    "MORE_EMOJI",
    "MORE_SOUNDBOARD",
    "MORE_STICKERS",
    "NEWS",
    "ROLE_ICONS",
    "SOUNDBOARD",
    "VIP_REGIONS",
    "VANITY_URL",
];

/// Colours of a role; only the first exists without gradients.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct RoleColors {
    /// 0–16777215.
    pub primary_color: u32,
    /// Second colour of a gradient.
    pub secondary_color: Option<u32>,
    /// Third colour of a gradient.
    pub tertiary_color: Option<u32>,
}

/// Who owns a managed role.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct RoleTags {
    /// The bot it came with.
    pub bot_id: UserId,
}

/// A role.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Role {
    /// The role; @everyone has the guild's number.
    pub id: RoleId,
    /// Its name.
    pub name: String,
    /// 0–16777215.
    pub color: u32,
    /// The same colour in the newer form.
    pub colors: RoleColors,
    /// Shown apart in the member list.
    pub hoist: bool,
    /// Hash of its icon.
    pub icon: Option<String>,
    /// Emoji shown as its icon.
    pub unicode_emoji: Option<String>,
    /// Place from below; @everyone is 0.
    pub position: u32,
    /// What it lets do.
    pub permissions: Permissions,
    /// Belongs to a bot or integration.
    pub managed: bool,
    /// Whether everybody may mention it.
    pub mentionable: bool,
    /// Role flags; none exist.
    pub flags: u64,
    /// Present on managed roles only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<RoleTags>,
}

/// A guild as REST and GUILD_UPDATE show it (API.md §1.4).
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Guild {
    /// The guild.
    pub id: GuildId,
    /// Its name.
    pub name: String,
    /// Hash of the icon.
    pub icon: Option<String>,
    /// Hash of the invite background.
    pub splash: Option<String>,
    /// Hash of the discovery picture.
    pub discovery_splash: Option<String>,
    /// Hash of the banner.
    pub banner: Option<String>,
    /// What it is about.
    pub description: Option<String>,
    /// Whose it is.
    pub owner_id: UserId,
    /// Never set.
    pub region: Option<String>,
    /// Where idle voice members go.
    pub afk_channel_id: Option<ChannelId>,
    /// Seconds until a voice member counts as idle.
    pub afk_timeout: u32,
    /// Whether the public widget is on.
    pub widget_enabled: bool,
    /// Where the widget's invite leads.
    pub widget_channel_id: Option<ChannelId>,
    /// 0–4 (API.md §5).
    pub verification_level: u8,
    /// 0 all messages, 1 mentions.
    pub default_message_notifications: u8,
    /// 0–2.
    pub explicit_content_filter: u8,
    /// Every role, @everyone included.
    pub roles: Vec<Arc<Role>>,
    /// Custom emoji.
    pub emojis: Vec<Emoji>,
    /// Custom stickers.
    pub stickers: Vec<Sticker>,
    /// What is switched on.
    pub features: Vec<String>,
    /// 1: moderators need a second factor.
    pub mfa_level: u8,
    /// Never set.
    pub application_id: Option<super::ApplicationId>,
    /// Where joins are announced.
    pub system_channel_id: Option<ChannelId>,
    /// Which system messages are off.
    pub system_channel_flags: u64,
    /// Where the rules stand.
    pub rules_channel_id: Option<ChannelId>,
    /// Where moderators of communities get notices.
    pub public_updates_channel_id: Option<ChannelId>,
    /// Where safety notices go.
    pub safety_alerts_channel_id: Option<ChannelId>,
    /// Never set.
    pub max_presences: Option<u64>,
    /// Most members.
    pub max_members: u64,
    /// Most cameras in a voice channel.
    pub max_video_channel_users: u64,
    /// Most cameras in a stage.
    pub max_stage_video_channel_users: u64,
    /// Own invite code.
    pub vanity_url_code: Option<String>,
    /// Always 3: nothing is sold.
    pub premium_tier: u8,
    /// Always 0.
    pub premium_subscription_count: u64,
    /// Always false.
    pub premium_progress_bar_enabled: bool,
    /// Language of its notices.
    pub preferred_locale: String,
    /// 0–3.
    pub nsfw_level: u8,
    /// Whether the whole guild is age-restricted.
    pub nsfw: bool,
    /// Raid measures in force.
    pub incidents_data: Option<Incidents>,
    /// Members, when asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approximate_member_count: Option<u64>,
    /// Members online, when asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approximate_presence_count: Option<u64>,
}

/// GUILD_CREATE: a guild with all that its receiver may see of it. Every array is present (JDA and serenity need them).
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct GuildCreate {
    /// The guild.
    #[serde(flatten)]
    pub guild: Guild,
    /// When the receiver joined.
    pub joined_at: Timestamp,
    /// Whether members are left out.
    pub large: bool,
    /// `false` for guilds listed in READY, absent for one just joined (API.md §1.4).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unavailable: Option<bool>,
    /// All members.
    pub member_count: u64,
    /// At least the receiver's own.
    pub members: Vec<Member>,
    /// Those the receiver may view.
    #[schemars(with = "Vec<Arc<Channel>>")]
    pub channels: VisibleChannels,
    /// Active threads.
    pub threads: Vec<Arc<Channel>>,
    /// Who is online, as intents allow.
    pub presences: Vec<Presence>,
    /// Who is in voice.
    pub voice_states: Vec<VoiceState>,
    /// Open stages.
    pub stage_instances: Vec<Value>,
    /// Events to come.
    pub guild_scheduled_events: Vec<Value>,
    /// Custom sounds.
    pub soundboard_sounds: Vec<Sound>,
}

/// A guild in READY for bots, and GUILD_DELETE.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct UnavailableGuild {
    /// The guild.
    pub id: GuildId,
    /// `true`: an outage or not loaded yet; absent: the receiver is no longer in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unavailable: Option<bool>,
}

/// GUILD_ROLE_CREATE and GUILD_ROLE_UPDATE.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct RoleEvent {
    /// The guild.
    pub guild_id: GuildId,
    /// The role as it is.
    pub role: Arc<Role>,
}

/// GUILD_ROLE_DELETE.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct RoleDeleted {
    /// The guild.
    pub guild_id: GuildId,
    /// The role that was.
    pub role_id: RoleId,
}

/// A ban.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Ban {
    /// Why, if it was said.
    pub reason: Option<String>,
    /// Who.
    pub user: Arc<User>,
}

/// A guild in an invite: enough for a preview.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct InviteGuild {
    /// The guild.
    pub id: GuildId,
    /// Its name.
    pub name: String,
    /// Hash of the icon.
    pub icon: Option<String>,
    /// Hash of the invite background.
    pub splash: Option<String>,
    /// Hash of the banner.
    pub banner: Option<String>,
    /// What it is about.
    pub description: Option<String>,
    /// What is switched on.
    pub features: Vec<String>,
    /// 0–4.
    pub verification_level: u8,
    /// Own invite code.
    pub vanity_url_code: Option<String>,
    /// 0–3.
    pub nsfw_level: u8,
    /// Always 0.
    pub premium_subscription_count: u64,
}

/// A channel in an invite.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct InviteChannel {
    /// The channel.
    pub id: ChannelId,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: super::ChannelKind,
    /// Its name.
    pub name: Option<String>,
}

/// An invite (API.md §1.4); the metadata is there for those who may manage it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Invite {
    /// 0: to a guild.
    #[serde(rename = "type")]
    pub kind: u8,
    /// The code.
    pub code: String,
    /// Where it leads.
    pub channel: InviteChannel,
    /// The guild; left out on INVITE_CREATE.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guild: Option<InviteGuild>,
    /// The guild's id.
    pub guild_id: GuildId,
    /// Who made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inviter: Option<Arc<User>>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// Members of the guild, when asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approximate_member_count: Option<u64>,
    /// Members online, when asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approximate_presence_count: Option<u64>,
    /// How often it was used and may be, for managers.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<InviteMetadata>,
    /// Answer of accepting: whether the caller was no member before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_member: Option<bool>,
}

/// What only those who manage an invite see of it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct InviteMetadata {
    /// Times used.
    pub uses: u32,
    /// Times it may be used; 0 without end.
    pub max_uses: u32,
    /// Seconds it lives; 0 for ever.
    pub max_age: u32,
    /// Whether members who came by it leave with their last connection.
    pub temporary: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

/// INVITE_CREATE.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct InviteCreated {
    /// Where it leads.
    pub channel_id: ChannelId,
    /// The invite with its metadata.
    #[serde(flatten)]
    pub invite: Invite,
}

/// INVITE_DELETE.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct InviteDeleted {
    /// Where it led.
    pub channel_id: ChannelId,
    /// The guild.
    pub guild_id: GuildId,
    /// The code.
    pub code: String,
}

/// An entry of the audit log (API.md §2.2 "Audit entries").
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct AuditEntry {
    /// The entry.
    pub id: AuditEntryId,
    /// Its type.
    pub action_type: u16,
    /// Who did it.
    pub user_id: Option<UserId>,
    /// To what, as an id.
    pub target_id: Option<String>,
    /// What changed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<AuditChange>,
    /// Facts of some types; values are strings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub options: Option<Value>,
    /// Why, if it was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A page of the audit log: entries, and what they name. Libraries want every array (API.md §1.4).
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct AuditLogPage {
    /// What was done.
    pub audit_log_entries: Vec<AuditEntry>,
    /// By whom and to whom.
    pub users: Vec<Arc<User>>,
    /// Webhooks that entries name and that are still there.
    pub webhooks: Vec<super::Webhook>,
    /// Bots that entries name and that are still there.
    pub integrations: Vec<super::Integration>,
    /// Threads that entries name.
    pub threads: Vec<Value>,
    /// Commands that entries name.
    pub application_commands: Vec<Value>,
    /// Rules that entries name.
    pub auto_moderation_rules: Vec<Value>,
    /// Events that entries name.
    pub guild_scheduled_events: Vec<Value>,
}

/// One changed field of an audit entry.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct AuditChange {
    /// Name of the field.
    pub key: String,
    /// What it was; absent when it was unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old_value: Option<Value>,
    /// What it is; absent when it was reset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_value: Option<Value>,
}

/// GUILD_AUDIT_LOG_ENTRY_CREATE.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct AuditEntryEvent {
    /// The guild.
    pub guild_id: GuildId,
    /// The entry.
    #[serde(flatten)]
    pub entry: AuditEntry,
}
