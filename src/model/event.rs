//! What the writer tells after a commit: dispatches with their audience, and changes that are not dispatched.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    ApplicationId, AuditEntryEvent, AuthSessionId, Call, CallEnded, Channel, ChannelId, ChannelInfo,
    EmojiCleared, EmojisUpdate, Guild, GuildCreate, GuildId, GuildSettings, GuildUser, IntegrationEvent,
    InviteCreated, InviteDeleted, MemberEvent, MemberListUpdate, MessageAck, MessageDeleted, MessageEvent,
    MessagesDeleted, NoteUpdate, OwnUser, PassiveUpdate, Permissions, PinsAck, PinsUpdate, Presence,
    ReactionEvent, ReactionsCleared, RecipientEvent, Relationship, RelationshipRemoved, Role, RoleDeleted,
    RoleEvent, SettingsChange, Sound, SoundDeleted, StickersUpdate, TypingStart, UnavailableGuild, User,
    UserGuildSettings, UserId, VoiceEffect, VoiceServer, VoiceStart, VoiceState, VoiceStatus, WebhooksUpdate,
};

/// Who hears of a dispatch. The hub turns it into sessions with the rights they have when the event's turn comes.
#[derive(Clone, Debug)]
pub enum Audience {
    /// Every member of the guild.
    Guild(GuildId),
    /// Members who hold at least one of these rights in the guild (moderation, webhooks, invites).
    GuildHolding(GuildId, Permissions),
    /// Members who may view the channel.
    Channel(GuildId, ChannelId),
    /// Members who may view the channel and hold this right in it.
    ChannelHolding(GuildId, ChannelId, Permissions),
    /// These people wherever they are connected (DMs).
    Users(Arc<[UserId]>),
    /// Every session of one account.
    User(UserId),
}

macro_rules! dispatches {
    ($($(#[$doc:meta])* $variant:ident($payload:ty) = $name:literal,)*) => {
        /// A gateway dispatch, its payload typed. The hub reads what concerns rights and encodes each once.
        #[derive(Clone, Debug)]
        pub enum Dispatch {
            $($(#[$doc])* $variant($payload),)*
        }

        impl Dispatch {
            /// The event's name on the wire.
            pub fn name(&self) -> &'static str {
                match self { $(Self::$variant(_) => $name,)* }
            }

            /// Writes the payload, the `d` of the frame.
            pub fn write_payload(&self, out: &mut Vec<u8>) -> Result<(), serde_json::Error> {
                match self { $(Self::$variant(payload) => serde_json::to_writer(out, payload),)* }
            }

            /// Name and schema of every payload, for the API's document.
            pub fn schemas(generator: &mut schemars::SchemaGenerator) -> Vec<(&'static str, schemars::Schema)> {
                vec![$(($name, generator.subschema_for::<$payload>()),)*]
            }
        }
    };
}

dispatches! {
    /// A guild the receiver just joined or made; per receiver.
    GuildCreate(Box<GuildCreate>) = "GUILD_CREATE",
    /// Settings or owner changed.
    GuildUpdate(Arc<Guild>) = "GUILD_UPDATE",
    /// The receiver is no longer in the guild, or the guild is gone.
    GuildDelete(UnavailableGuild) = "GUILD_DELETE",
    /// A role was made.
    RoleCreate(RoleEvent) = "GUILD_ROLE_CREATE",
    /// A role changed.
    RoleUpdate(RoleEvent) = "GUILD_ROLE_UPDATE",
    /// A role is gone; nothing is told of members who held it.
    RoleDelete(RoleDeleted) = "GUILD_ROLE_DELETE",
    /// Somebody joined.
    MemberAdd(MemberEvent) = "GUILD_MEMBER_ADD",
    /// Nick, roles, time-out or the account behind a member changed.
    MemberUpdate(MemberEvent) = "GUILD_MEMBER_UPDATE",
    /// Somebody left or was removed.
    MemberRemove(GuildUser) = "GUILD_MEMBER_REMOVE",
    /// Somebody was banned; comes before the removal.
    BanAdd(GuildUser) = "GUILD_BAN_ADD",
    /// A ban was lifted.
    BanRemove(GuildUser) = "GUILD_BAN_REMOVE",
    /// An act was written to the audit log.
    AuditEntryCreate(AuditEntryEvent) = "GUILD_AUDIT_LOG_ENTRY_CREATE",
    /// Integrations changed.
    IntegrationsUpdate(GuildRef) = "GUILD_INTEGRATIONS_UPDATE",
    /// A bot came with its integration.
    IntegrationCreate(Box<IntegrationEvent>) = "INTEGRATION_CREATE",
    /// An integration is gone.
    IntegrationDelete(Value) = "INTEGRATION_DELETE",
    /// Custom emoji changed.
    EmojisUpdate(EmojisUpdate) = "GUILD_EMOJIS_UPDATE",
    /// Stickers changed.
    StickersUpdate(StickersUpdate) = "GUILD_STICKERS_UPDATE",
    /// A sound was made.
    SoundCreate(Sound) = "GUILD_SOUNDBOARD_SOUND_CREATE",
    /// A sound changed.
    SoundUpdate(Sound) = "GUILD_SOUNDBOARD_SOUND_UPDATE",
    /// A sound is gone.
    SoundDelete(SoundDeleted) = "GUILD_SOUNDBOARD_SOUND_DELETE",
    /// Somebody played a sound in the receiver's voice channel; not durable.
    VoiceEffect(VoiceEffect) = "VOICE_CHANNEL_EFFECT_SEND",
    /// What a voice channel says it is about changed; not durable.
    VoiceStatus(VoiceStatus) = "VOICE_CHANNEL_STATUS_UPDATE",
    /// Somebody came into an empty voice channel, or the last left; not durable.
    VoiceStart(VoiceStart) = "VOICE_CHANNEL_START_TIME_UPDATE",
    /// Voice channels with somebody in them, as op 43 asked.
    ChannelInfo(ChannelInfo) = "CHANNEL_INFO",
    /// A channel was made, or became visible.
    ChannelCreate(Arc<Channel>) = "CHANNEL_CREATE",
    /// A channel changed.
    ChannelUpdate(Arc<Channel>) = "CHANNEL_UPDATE",
    /// A channel is gone, or became hidden.
    ChannelDelete(Arc<Channel>) = "CHANNEL_DELETE",
    /// Pins changed.
    PinsUpdate(PinsUpdate) = "CHANNEL_PINS_UPDATE",
    /// Somebody was added to a group DM.
    RecipientAdd(RecipientEvent) = "CHANNEL_RECIPIENT_ADD",
    /// Somebody left a group DM.
    RecipientRemove(RecipientEvent) = "CHANNEL_RECIPIENT_REMOVE",
    /// Webhooks of a channel changed.
    WebhooksUpdate(WebhooksUpdate) = "WEBHOOKS_UPDATE",
    /// An invite was made.
    InviteCreate(InviteCreated) = "INVITE_CREATE",
    /// An invite is gone.
    InviteDelete(InviteDeleted) = "INVITE_DELETE",
    /// A message was posted.
    MessageCreate(MessageEvent) = "MESSAGE_CREATE",
    /// A message changed; the whole of it.
    MessageUpdate(MessageEvent) = "MESSAGE_UPDATE",
    /// A message is gone.
    MessageDelete(MessageDeleted) = "MESSAGE_DELETE",
    /// Many messages are gone.
    MessageDeleteBulk(MessagesDeleted) = "MESSAGE_DELETE_BULK",
    /// Somebody reacted.
    ReactionAdd(ReactionEvent) = "MESSAGE_REACTION_ADD",
    /// Somebody took a reaction back.
    ReactionRemove(ReactionEvent) = "MESSAGE_REACTION_REMOVE",
    /// All reactions were cleared.
    ReactionRemoveAll(ReactionsCleared) = "MESSAGE_REACTION_REMOVE_ALL",
    /// All reactions of one emoji were cleared.
    ReactionRemoveEmoji(EmojiCleared) = "MESSAGE_REACTION_REMOVE_EMOJI",
    /// Somebody types; not durable.
    TypingStart(TypingStart) = "TYPING_START",
    /// Somebody came, went or does something; not durable.
    PresenceUpdate(Presence) = "PRESENCE_UPDATE",
    /// Somebody came into voice, left it, or is otherwise there; not durable.
    VoiceStateUpdate(VoiceState) = "VOICE_STATE_UPDATE",
    /// Where one connects for voice; not durable.
    VoiceServerUpdate(VoiceServer) = "VOICE_SERVER_UPDATE",
    /// Rows of a member list that the receiver looks at.
    MemberListUpdate(Box<MemberListUpdate>) = "GUILD_MEMBER_LIST_UPDATE",
    /// What changed in a guild that the receiver does not look at.
    PassiveUpdate(Box<PassiveUpdate>) = "PASSIVE_UPDATE_V2",
    /// A call began in a conversation; not durable.
    CallCreate(Call) = "CALL_CREATE",
    /// Who is rung for a call changed; not durable.
    CallUpdate(Call) = "CALL_UPDATE",
    /// A call is over; not durable.
    CallDelete(CallEnded) = "CALL_DELETE",
    /// One's own account changed.
    UserUpdate(Arc<OwnUser>) = "USER_UPDATE",
    /// One's own settings changed: the changed keys.
    UserSettingsUpdate(SettingsChange) = "USER_SETTINGS_UPDATE",
    /// One's own notification settings of a guild changed.
    UserGuildSettingsUpdate(Box<UserGuildSettings>) = "USER_GUILD_SETTINGS_UPDATE",
    /// One's own note on somebody changed.
    UserNoteUpdate(NoteUpdate) = "USER_NOTE_UPDATE",
    /// One's own sessions changed; the payload is an array.
    SessionsReplace(Value) = "SESSIONS_REPLACE",
    /// Somebody is something to one from here on.
    RelationshipAdd(Relationship) = "RELATIONSHIP_ADD",
    /// What one noted about somebody changed.
    RelationshipUpdate(Relationship) = "RELATIONSHIP_UPDATE",
    /// Somebody is nothing to one any more.
    RelationshipRemove(RelationshipRemoved) = "RELATIONSHIP_REMOVE",
    /// One read up to a message.
    MessageAck(MessageAck) = "MESSAGE_ACK",
    /// One saw the pins.
    PinsAck(PinsAck) = "CHANNEL_PINS_ACK",
    /// One removed a mention from the inbox.
    RecentMentionDelete(Value) = "RECENT_MENTION_DELETE",
    /// Settings of a guild that the field's own API has no place for changed.
    GuildSettingsUpdate(GuildSettings) = "HEARTH_GUILD_SETTINGS_UPDATE",
    /// One's own client preferences changed: the changed keys.
    PrefsUpdate(Map<String, Value>) = "HEARTH_PREFS_UPDATE",
}

/// GUILD_INTEGRATIONS_UPDATE.
#[derive(Clone, Copy, Debug, Serialize, schemars::JsonSchema)]
pub struct GuildRef {
    /// The guild.
    pub guild_id: GuildId,
}

/// All of a guild that fan-out needs to know: who owns it, and what decides who may view what.
#[derive(Clone, Debug)]
pub struct GuildSnapshot {
    /// The guild.
    pub id: GuildId,
    /// Whose it is.
    pub owner_id: UserId,
    /// The voice channel of the absent, and the seconds of silence after which one is.
    pub afk: Option<(ChannelId, u32)>,
    /// Every role, @everyone included.
    pub roles: Vec<Arc<Role>>,
    /// Every channel, whoever may view it, each with its overwrites.
    pub channels: Vec<Arc<Channel>>,
    /// How many members it has.
    pub member_count: u64,
}

/// One thing that became true with a commit.
#[derive(Clone, Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "nearly every event is a dispatch; a box would cost each an allocation"
)]
pub enum Event {
    /// A guild as it is after this commit. Comes before each GUILD_CREATE of the same batch, so that the hub can seat the receiver
    /// though it may not have held the guild; told to nobody.
    GuildState(Arc<GuildSnapshot>),
    /// Something clients are told.
    Dispatch(Audience, Dispatch),
    /// Logins that ended: their sockets close with 4004.
    SessionsRevoked(Arc<[AuthSessionId]>),
    /// A bot's token was replaced or its application deleted: its sockets close with 4004.
    BotRevoked(ApplicationId),
    /// A guild is gone: forget it after telling its members (each is told by a dispatch of its own).
    GuildGone(GuildId),
    /// The public part of an account changed: each guild it shares gets GUILD_MEMBER_UPDATE and PRESENCE_UPDATE from the hub's
    /// own replica, so that the write costs nothing per guild (SAFETY.md §5.3).
    UserChanged(Arc<User>),
}

/// Events of one commit, in the order in which they became true.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The commit's number; rises by one with each commit.
    pub commit: u64,
    /// What happened.
    pub events: Vec<Event>,
}
