//! Messages, reactions and what the gateway tells of them.

use std::sync::Arc;

use minicbor::{Decode, Encode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    ApplicationId, Attachment, BesideUser, ChannelId, ChannelKind, Embed, EmojiId, GuildId, Member,
    MentionedUser, MessageId, Nullable, RoleId, StickerItem, Timestamp, User, UserId, WebhookId,
};

/// Message types in use (API.md §1.11).
pub mod message_type {
    /// An ordinary message.
    pub const DEFAULT: u8 = 0;
    /// Somebody was added to a group DM.
    pub const RECIPIENT_ADD: u8 = 1;
    /// Somebody left a group DM.
    pub const RECIPIENT_REMOVE: u8 = 2;
    /// A call.
    pub const CALL: u8 = 3;
    /// A group DM got another name.
    pub const CHANNEL_NAME_CHANGE: u8 = 4;
    /// A group DM got another icon.
    pub const CHANNEL_ICON_CHANGE: u8 = 5;
    /// A message was pinned.
    pub const PINNED: u8 = 6;
    /// Somebody joined the guild.
    pub const JOIN: u8 = 7;
    /// The channel follows an announcement channel.
    pub const FOLLOW_ADD: u8 = 12;
    /// A reply.
    pub const REPLY: u8 = 19;
}

/// Message flags (API.md §1.11).
pub mod message_flag {
    /// Published to followers.
    pub const CROSSPOSTED: u64 = 1 << 0;
    /// Came from a followed channel.
    pub const IS_CROSSPOST: u64 = 1 << 1;
    /// Embeds are not shown.
    pub const SUPPRESS_EMBEDS: u64 = 1 << 2;
    /// The source of a crosspost is gone.
    pub const SOURCE_DELETED: u64 = 1 << 3;
    /// Badges, but no push.
    pub const SUPPRESS_NOTIFICATIONS: u64 = 1 << 12;
    /// Sound recorded by its author, and nothing else.
    pub const IS_VOICE_MESSAGE: u64 = 1 << 13;
    /// Made of components alone; never taken back.
    pub const IS_COMPONENTS_V2: u64 = 1 << 15;
}

/// An emoji of a reaction.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct PartialEmoji {
    /// The custom emoji; null for Unicode.
    pub id: Option<EmojiId>,
    /// Its name, or the Unicode emoji itself.
    pub name: String,
    /// Whether a custom emoji moves.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub animated: bool,
}

/// Counts of a reaction by kind.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub struct CountDetails {
    /// Plain reactions.
    pub normal: u32,
    /// Always 0.
    pub burst: u32,
}

/// A reaction on a message, as one viewer sees it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Reaction {
    /// Which emoji.
    pub emoji: PartialEmoji,
    /// How many people.
    pub count: u32,
    /// How many by kind.
    pub count_details: CountDetails,
    /// Whether the viewer is among them.
    pub me: bool,
    /// Always false.
    pub me_burst: bool,
    /// Always empty.
    pub burst_colors: Vec<String>,
}

/// Where a reply or crosspost points.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct MessageReference {
    /// 0: a reply or crosspost.
    #[serde(rename = "type")]
    pub kind: u8,
    /// The message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<MessageId>,
    /// Its channel.
    pub channel_id: ChannelId,
    /// Its guild.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guild_id: Option<GuildId>,
}

/// A part of a message that is more than words. Of what its bot wrote only this much is looked at; the rest is handed on.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct Component {
    /// 1 a row, 2 a button, and so on.
    #[serde(rename = "type")]
    pub kind: u8,
    /// What is in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("nullable" = true))]
    pub components: Option<Vec<Component>>,
    /// How a button looks; 5 is a link.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("nullable" = true))]
    pub style: Option<u8>,
    /// What stands on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("nullable" = true))]
    pub label: Option<String>,
    /// Where a link leads.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("nullable" = true))]
    pub url: Option<String>,
}

/// The sender's mark on a message, as the type it came in.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema, Encode, Decode)]
#[serde(untagged)]
pub enum Nonce {
    /// Text of at most 25 characters.
    #[n(0)]
    Text(#[n(0)] String),
    /// A number.
    #[n(1)]
    Number(#[n(0)] i64),
}

/// A message (API.md §1.4). What is `None` is left out, but for the nullable fields.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Message {
    /// The message.
    pub id: MessageId,
    /// Its channel.
    pub channel_id: ChannelId,
    /// Who wrote it.
    pub author: Arc<User>,
    /// What was written.
    pub content: String,
    /// When.
    pub timestamp: Timestamp,
    /// When it was edited last.
    pub edited_timestamp: Option<Timestamp>,
    /// Read aloud.
    pub tts: bool,
    /// Whether it notified everyone.
    pub mention_everyone: bool,
    /// Whom it mentions.
    pub mentions: Vec<MentionedUser>,
    /// Which roles it mentions.
    pub mention_roles: Vec<RoleId>,
    /// Files.
    pub attachments: Vec<Attachment>,
    /// Cards.
    pub embeds: Vec<Embed>,
    /// Buttons and menus, as their bot wrote them.
    #[schemars(with = "Vec<Component>")]
    pub components: Vec<Value>,
    /// Stickers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sticker_items: Vec<StickerItem>,
    /// Reactions as the viewer sees them; never in dispatches, which many share.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reactions: Vec<Reaction>,
    /// Whether it is pinned.
    pub pinned: bool,
    /// One of [`message_type`].
    #[serde(rename = "type")]
    pub kind: u8,
    /// Bits of [`message_flag`].
    pub flags: u64,
    /// The webhook that wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook_id: Option<WebhookId>,
    /// The application that wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application_id: Option<ApplicationId>,
    /// What it answers or copies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_reference: Option<MessageReference>,
    /// The message it answers: absent when not looked up, null when deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("nullable" = true))]
    pub referenced_message: Nullable<Box<Message>>,
    /// The sender's mark, echoed to the sender only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce: Option<Nonce>,
}

/// MESSAGE_CREATE and MESSAGE_UPDATE: a whole message with what the gateway adds.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct MessageEvent {
    /// The message, without `reactions` and with `nonce` only in the author's own copy.
    #[serde(flatten)]
    pub message: Arc<Message>,
    /// The guild; absent in DMs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guild_id: Option<GuildId>,
    /// The author's membership, without `user`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<BesideUser>")]
    pub member: Option<Member>,
    /// Type of the channel.
    pub channel_type: ChannelKind,
}

/// MESSAGE_DELETE.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct MessageDeleted {
    /// The message.
    pub id: MessageId,
    /// Its channel.
    pub channel_id: ChannelId,
    /// Its guild.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guild_id: Option<GuildId>,
}

/// MESSAGE_DELETE_BULK.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct MessagesDeleted {
    /// The messages.
    pub ids: Vec<MessageId>,
    /// Their channel.
    pub channel_id: ChannelId,
    /// Its guild.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guild_id: Option<GuildId>,
}

/// MESSAGE_REACTION_ADD and MESSAGE_REACTION_REMOVE.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ReactionEvent {
    /// Who reacted.
    pub user_id: UserId,
    /// The channel.
    pub channel_id: ChannelId,
    /// The message.
    pub message_id: MessageId,
    /// The guild.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guild_id: Option<GuildId>,
    /// The reacting member, with `user`, on adding in a guild.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member: Option<Member>,
    /// Who wrote the message, on adding.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_author_id: Option<UserId>,
    /// Which emoji.
    pub emoji: PartialEmoji,
    /// Always false.
    pub burst: bool,
    /// Always 0.
    #[serde(rename = "type")]
    pub kind: u8,
}

/// MESSAGE_REACTION_REMOVE_ALL.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ReactionsCleared {
    /// The channel.
    pub channel_id: ChannelId,
    /// The message.
    pub message_id: MessageId,
    /// The guild.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guild_id: Option<GuildId>,
}

/// MESSAGE_REACTION_REMOVE_EMOJI.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct EmojiCleared {
    /// Of which message.
    #[serde(flatten)]
    pub of: ReactionsCleared,
    /// Which emoji.
    pub emoji: PartialEmoji,
}

/// TYPING_START.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct TypingStart {
    /// Where.
    pub channel_id: ChannelId,
    /// The guild.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guild_id: Option<GuildId>,
    /// Who.
    pub user_id: UserId,
    /// When, in seconds of Unix time.
    pub timestamp: u64,
    /// The member, with `user`, in guilds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member: Option<Member>,
}

/// MESSAGE_ACK.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct MessageAck {
    /// The channel.
    pub channel_id: ChannelId,
    /// Read up to here.
    pub message_id: MessageId,
    /// Whether the reader moved the mark by hand.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub manual: bool,
    /// Mentions left unread.
    pub mention_count: u32,
    /// 1 guild channel, 2 thread.
    pub flags: u64,
    /// Days since 2015-01-01 of the last visit.
    pub last_viewed: Option<u32>,
    /// Rises with each change.
    pub version: u64,
}

/// CHANNEL_PINS_ACK.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PinsAck {
    /// The channel.
    pub channel_id: ChannelId,
    /// Pins seen up to here.
    pub timestamp: Timestamp,
    /// Rises with each change.
    pub version: u64,
}
