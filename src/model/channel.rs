//! Channels as the API shows them; one shape for all types, with fields left out where a type has none.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::{ChannelId, ChannelKind, GuildId, MessageId, Overwrite, Timestamp, User, UserId};

/// A field that a type of channel has or has not (outer), and which may be `null` (inner).
pub type Nullable<T> = Option<Option<T>>;

/// The channels of a guild that one receiver may view.
#[derive(Clone, Debug, Default)]
pub struct VisibleChannels {
    /// The channels.
    pub list: Vec<Arc<Channel>>,
    /// The same as JSON, where it is at hand because others view the same.
    pub json: Option<Arc<RawValue>>,
}

impl Serialize for VisibleChannels {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.json {
            Some(json) => json.serialize(serializer),
            None => self.list.serialize(serializer),
        }
    }
}

impl From<Vec<Arc<Channel>>> for VisibleChannels {
    fn from(list: Vec<Arc<Channel>>) -> Self {
        Self { list, json: None }
    }
}

/// A channel. What is `None` is left out; inner `None` is `null` (API.md §1.4).
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct Channel {
    /// The channel.
    pub id: ChannelId,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: ChannelKind,
    /// Its guild; absent in DMs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guild_id: Option<GuildId>,
    /// Its name; absent in DMs, nullable in group DMs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("nullable" = true))]
    pub name: Nullable<String>,
    /// Order among its siblings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<u32>,
    /// Rights that differ from the roles'.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permission_overwrites: Option<Vec<Overwrite>>,
    /// Its category.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("nullable" = true))]
    pub parent_id: Nullable<ChannelId>,
    /// Channel flags.
    pub flags: u64,
    /// Age-restricted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nsfw: Option<bool>,
    /// What it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("nullable" = true))]
    pub topic: Nullable<String>,
    /// The newest message, which may be deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("nullable" = true))]
    pub last_message_id: Nullable<MessageId>,
    /// When something was pinned last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("nullable" = true))]
    pub last_pin_timestamp: Nullable<Timestamp>,
    /// Seconds between two messages of one person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_limit_per_user: Option<u32>,
    /// Bits per second of voice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bitrate: Option<u32>,
    /// Most people in voice; 0 for no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_limit: Option<u32>,
    /// Region of voice; null is automatic.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("nullable" = true))]
    pub rtc_region: Nullable<String>,
    /// 1 automatic, 2 720p.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video_quality_mode: Option<u8>,
    /// Minutes until threads made here are archived.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_auto_archive_duration: Option<u32>,
    /// The others in a DM or group DM, never the viewer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipients: Option<Vec<Arc<User>>>,
    /// Hash of a group DM's icon.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("nullable" = true))]
    pub icon: Nullable<String>,
    /// Whose group DM it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner_id: Option<UserId>,
    /// Whether a DM is a stranger's first word, which its receiver has not accepted; absent otherwise, and for the sender.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_message_request: Option<bool>,
    /// When the stranger wrote.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_message_request_timestamp: Option<Timestamp>,
}

/// CHANNEL_PINS_UPDATE.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PinsUpdate {
    /// The guild; absent in DMs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guild_id: Option<GuildId>,
    /// The channel.
    pub channel_id: ChannelId,
    /// When something was pinned last.
    pub last_pin_timestamp: Option<Timestamp>,
}

/// CHANNEL_RECIPIENT_ADD and CHANNEL_RECIPIENT_REMOVE.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct RecipientEvent {
    /// The group DM.
    pub channel_id: ChannelId,
    /// Who came or went.
    pub user: Arc<User>,
}

/// WEBHOOKS_UPDATE.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct WebhooksUpdate {
    /// The guild.
    pub guild_id: GuildId,
    /// Whose webhooks changed.
    pub channel_id: ChannelId,
}

/// Answer of following an announcement channel.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct FollowedChannel {
    /// The source.
    pub channel_id: ChannelId,
    /// The webhook made in the target.
    pub webhook_id: super::WebhookId,
}
