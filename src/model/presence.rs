//! Who is there: presences, custom status and voice states.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ChannelId, GuildId, Member, Timestamp, UserId};

/// What a person or bot shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// There.
    #[default]
    Online,
    /// Away.
    Idle,
    /// Not to be disturbed.
    Dnd,
    /// There, shown as offline.
    Invisible,
    /// Not there.
    Offline,
}

/// What somebody does or says of themself; type 4 is a custom status.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Activity {
    /// Its name; `Custom Status` for type 4.
    pub name: String,
    /// 0 playing, 1 streaming, 2 listening, 3 watching, 4 custom, 5 competing.
    #[serde(rename = "type", default)]
    pub kind: u8,
    /// When it was set, milliseconds of Unix time.
    #[serde(default)]
    pub created_at: u64,
    /// The text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// A link to a stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// Status by kind of client; a kind that is offline is absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct ClientStatus {
    /// Desktop program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub desktop: Option<Status>,
    /// Phone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mobile: Option<Status>,
    /// Browser; bots count here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub web: Option<Status>,
}

/// The id part of a user, all that a presence carries.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct UserRef {
    /// The account.
    pub id: UserId,
}

/// PRESENCE_UPDATE, and an item of `presences`.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Presence {
    /// Who.
    pub user: UserRef,
    /// In which guild; absent among friends and DM peers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guild_id: Option<GuildId>,
    /// What they show; never `invisible`.
    pub status: Status,
    /// What they do.
    pub activities: Vec<Activity>,
    /// Where they are connected.
    pub client_status: ClientStatus,
}

/// Somebody in a voice channel.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct VoiceState {
    /// The guild; absent inside GUILD_CREATE.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guild_id: Option<GuildId>,
    /// The channel; null on leaving.
    pub channel_id: Option<ChannelId>,
    /// Who.
    pub user_id: UserId,
    /// The voice session.
    pub session_id: String,
    /// The member, with `user`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member: Option<Member>,
    /// Deafened by a moderator.
    pub deaf: bool,
    /// Muted by a moderator.
    pub mute: bool,
    /// Deafened by themself.
    pub self_deaf: bool,
    /// Muted by themself.
    pub self_mute: bool,
    /// Camera on.
    pub self_video: bool,
    /// Screen shared; absent when not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub self_stream: Option<bool>,
    /// Listens only.
    pub suppress: bool,
    /// When they asked to speak.
    pub request_to_speak_timestamp: Option<Timestamp>,
}

/// CALL_CREATE and CALL_UPDATE: a call in a conversation.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Call {
    /// The conversation.
    pub channel_id: ChannelId,
    /// The message that tells of it.
    pub message_id: super::MessageId,
    /// Always `hearth`: there is one voice server.
    pub region: &'static str,
    /// Whose clients are to ring.
    pub ringing: Vec<UserId>,
    /// Who is in it.
    pub voice_states: Vec<VoiceState>,
}

/// CALL_DELETE: a call is over.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub struct CallEnded {
    /// The conversation.
    pub channel_id: ChannelId,
}

/// VOICE_SERVER_UPDATE: where to connect for voice.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct VoiceServer {
    /// What opens the connection.
    pub token: String,
    /// The guild; null for a call.
    pub guild_id: Option<GuildId>,
    /// The DM channel of a call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel_id: Option<ChannelId>,
    /// Host and port; null while there is no voice.
    pub endpoint: Option<String>,
}
