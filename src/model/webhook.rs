//! Webhooks: those that post what is sent to them, and those by which a channel follows an announcement channel.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use super::{ApplicationId, ChannelId, GuildId, User, WebhookId};

/// The guild that a follower takes from.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct SourceGuild {
    /// The guild.
    pub id: GuildId,
    /// Its name.
    pub name: String,
    /// Hash of its icon.
    pub icon: Option<String>,
}

/// The channel that a follower takes from.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct SourceChannel {
    /// The channel.
    pub id: ChannelId,
    /// Its name.
    pub name: Option<String>,
}

/// A webhook (API.md §1.4).
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Webhook {
    /// The webhook.
    pub id: WebhookId,
    /// 1: posts what is sent to it; 2: a follower.
    #[serde(rename = "type")]
    pub kind: u8,
    /// Its guild.
    pub guild_id: GuildId,
    /// Where it posts.
    pub channel_id: ChannelId,
    /// The name its messages show.
    pub name: Option<String>,
    /// Hash of the avatar its messages show.
    pub avatar: Option<String>,
    /// Always null: applications have none.
    pub application_id: Option<ApplicationId>,
    /// By which it posts; for who manages it, and only of those that post.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Who made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<Arc<User>>,
    /// Where it takes from; left out where the caller may not view that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_guild: Option<SourceGuild>,
    /// What it follows; left out where the caller may not view that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_channel: Option<SourceChannel>,
}
