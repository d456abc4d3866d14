//! What a person's client is told of guilds too big to be told whole (API.md §3.6): the part of a member list it looks at, and now
//! and then what changed in a guild it does not look at.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use super::{ChannelId, GuildId, Member, MessageId, Presence, Timestamp, UserId, VoiceState};

/// GUILD_MEMBER_LIST_UPDATE: changes to the rows of a list that the receiver looks at, in the order in which they apply. A row is a
/// group's heading or a member. Rows beyond the last group's end are none.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct MemberListUpdate {
    /// The guild.
    pub guild_id: GuildId,
    /// The list: `everyone`, or a number that stands for who may view the channel. Channels viewed by the same share a list.
    pub id: Arc<str>,
    /// All members of the guild.
    pub member_count: u64,
    /// Those of them who are online.
    pub online_count: u64,
    /// Every group that has members, from the top.
    pub groups: Arc<[ListGroup]>,
    /// What changed.
    pub ops: Vec<ListOp>,
}

/// A group of a member list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ListGroup {
    /// A role's id, `online` or `offline`.
    pub id: Arc<str>,
    /// Its members.
    pub count: u32,
}

/// A change to a member list's rows.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(tag = "op", rename_all = "UPPERCASE")]
pub enum ListOp {
    /// The rows of a range as they are; fewer than the range when the list ends in it.
    Sync {
        /// First and last row.
        range: [u32; 2],
        /// Its rows.
        items: Vec<ListItem>,
    },
    /// A row came in; those from there on move down by one.
    Insert {
        /// Where.
        index: u32,
        /// The row.
        item: ListItem,
    },
    /// A row changed.
    Update {
        /// Which.
        index: u32,
        /// The row as it is.
        item: ListItem,
    },
    /// A row is gone; those after it move up by one.
    Delete {
        /// Which.
        index: u32,
    },
    /// The rows of a range are no longer kept up to date.
    Invalidate {
        /// First and last row.
        range: [u32; 2],
    },
}

/// A row of a member list.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ListItem {
    /// A group's heading.
    Group(ListGroup),
    /// A member.
    Member(Box<ListedMember>),
}

/// A member in a member list.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ListedMember {
    /// The member, with `user`.
    #[serde(flatten)]
    pub member: Member,
    /// What they show; `offline` too.
    pub presence: Presence,
}

/// PASSIVE_UPDATE_V2: what changed in a guild that the session is passive in.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PassiveUpdate {
    /// The guild.
    pub guild_id: GuildId,
    /// Channels the receiver may view in which something was posted or pinned.
    pub updated_channels: Vec<PassiveChannel>,
    /// Who joined or changed voice.
    pub updated_voice_states: Vec<VoiceState>,
    /// Who left voice.
    pub removed_voice_states: Vec<UserId>,
    /// Members of those voice states.
    pub updated_members: Vec<Member>,
}

/// A channel in which something was posted or pinned.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PassiveChannel {
    /// The channel.
    pub id: ChannelId,
    /// Its newest message.
    pub last_message_id: Option<MessageId>,
    /// When something was pinned last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_pin_timestamp: Option<Timestamp>,
}
