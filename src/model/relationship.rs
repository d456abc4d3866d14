//! What one account is to another, as its owner sees it.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use super::{Timestamp, User, UserId};

/// Types of a [`Relationship`].
pub mod relationship_type {
    /// Nothing but what the owner noted: a nickname, or to ignore them.
    pub const NONE: u8 = 0;
    /// Friends.
    pub const FRIEND: u8 = 1;
    /// Blocked by the owner.
    pub const BLOCKED: u8 = 2;
    /// They asked the owner.
    pub const INCOMING: u8 = 3;
    /// The owner asked them.
    pub const OUTGOING: u8 = 4;
}

/// What somebody is to an account. RELATIONSHIP_ADD and RELATIONSHIP_UPDATE hold the whole of it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Relationship {
    /// The other account.
    pub id: UserId,
    /// One of [`relationship_type`].
    #[serde(rename = "type")]
    pub kind: u8,
    /// The other account.
    pub user: Arc<User>,
    /// What the owner calls them.
    pub nickname: Option<String>,
    /// Since when it is of this type.
    pub since: Timestamp,
    /// Whether the owner wants to hear little of them.
    pub user_ignored: bool,
    /// Always false: requests are not rated.
    pub is_spam_request: bool,
    /// Whether a request comes from somebody with whom no guild and no friend is shared.
    pub stranger_request: bool,
    /// In RELATIONSHIP_ADD: whether the client is to tell its owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub should_notify: Option<bool>,
}

/// RELATIONSHIP_REMOVE.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct RelationshipRemoved {
    /// The other account.
    pub id: UserId,
    /// What it was.
    #[serde(rename = "type")]
    pub kind: u8,
    /// What the owner called them.
    pub nickname: Option<String>,
    /// Whether the two are told of each other's presence no more: they were friends, and share no conversation.
    #[serde(skip)]
    pub is_parting: bool,
}
