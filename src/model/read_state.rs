//! How far somebody has read a channel, as READY tells it.

use schemars::JsonSchema;
use serde::Serialize;

use super::{ChannelId, MessageId, Timestamp};

/// An entry of READY's `read_state` (API.md §2.1).
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ReadState {
    /// The channel.
    pub id: ChannelId,
    /// Always 0: a channel.
    pub read_state_type: u8,
    /// Read up to here. Where somebody has not looked yet: when they joined, so that what was there before is not unread.
    pub last_message_id: MessageId,
    /// Mentions after that; in DMs every message of others.
    pub mention_count: u32,
    /// Pins seen up to here.
    pub last_pin_timestamp: Option<Timestamp>,
    /// 1 guild channel, 2 thread.
    pub flags: u64,
    /// Day of the last visit, days since 2015-01-01.
    pub last_viewed: Option<u32>,
}
