//! Why an action was not done. `http::errors` turns it into an answer in one exhaustive `match`.

use std::time::Duration;

pub use super::fault::Fault;
use crate::logic::field::FieldFault;
use crate::logic::form::{FaultTree, FormError};
use crate::store::{Denied, StoreError};

/// Why an action was not done.
#[derive(Debug, thiserror::Error)]
pub enum ActionError {
    /// An error of the API without data of its own.
    #[error("{}", .0.message())]
    Fault(Fault),
    /// The request's body or query breaks rules.
    #[error(transparent)]
    Form(FormError),
    /// Too many requests or acts.
    #[error("rate limited for {:?}", .0.retry_after)]
    RateLimited(RateLimited),
    /// A sensitive account route wants the second factor or the password again (API.md §2.2).
    #[error("a second factor is needed")]
    ConfirmIdentity(Confirmation),
    /// The OAuth2 token route's own form of errors (RFC 6749 §5.2): the error word.
    #[error("OAuth2: {0}")]
    OAuth2(&'static str),
    /// The search index is being built: answered 202 (API.md §1.5).
    #[error("search index is being built")]
    IndexBuilding {
        /// Documents indexed so far.
        documents_indexed: u64,
        /// When to ask again.
        retry_after: Duration,
    },
    /// The server can't do it at present: 503 with a sentence for people.
    #[error("{why}")]
    Unavailable {
        /// What is the matter, and what an admin can do.
        why: String,
        /// When to ask again.
        retry_after: Duration,
    },
    /// An upload goes on elsewhere than its sender thinks: 409 with the bytes held.
    #[error("{held_bytes} bytes are held")]
    WrongOffset {
        /// Where it goes on.
        held_bytes: u64,
    },
    /// Our own failure: 500, logged once at the edge with its chain of sources.
    #[error("internal error")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl ActionError {
    /// One faulty field.
    pub fn field(name: &str, fault: FieldFault) -> Self {
        Self::Form(FormError::Fields(FaultTree::of(name, fault)))
    }

    /// Our own failure, whatever it is.
    pub fn internal(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(error.into())
    }
}

impl From<Fault> for ActionError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<FormError> for ActionError {
    fn from(error: FormError) -> Self {
        Self::Form(error)
    }
}

impl From<FaultTree> for ActionError {
    fn from(tree: FaultTree) -> Self {
        Self::Form(FormError::Fields(tree))
    }
}

impl From<Denied> for ActionError {
    /// What is hidden answers as API.md §1.5 says, and tells no more.
    fn from(denied: Denied) -> Self {
        Self::Fault(match denied {
            Denied::UnknownChannel => Fault::UnknownChannel,
            Denied::NotMember | Denied::Hidden => Fault::MissingAccess,
            Denied::Missing(_) | Denied::Hierarchy => Fault::MissingPermissions,
        })
    }
}

impl From<StoreError> for ActionError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Denied(denied) => denied.into(),
            StoreError::DiskFull { .. } => Self::Unavailable {
                why: "The server's disk is nearly full, so nothing can be saved. Whoever runs it can free some space; \
                      what was saved is safe."
                    .to_owned(),
                retry_after: Duration::from_secs(30),
            },
            StoreError::Busy => Self::Unavailable {
                why: "The server has more to save than it can. Try again in a moment.".to_owned(),
                retry_after: Duration::from_secs(1),
            },
            StoreError::Closed => Self::Unavailable {
                why: "The server is restarting. Try again in a moment.".to_owned(),
                retry_after: Duration::from_secs(5),
            },
            other => Self::internal(other),
        }
    }
}

/// A 429: who hit which limit, and when to come again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimited {
    /// When the same request will be let through.
    pub retry_after: Duration,
    /// Whose limit it is.
    pub scope: LimitScope,
    /// The JSON code: 0, 20016 slow mode, 20028 channel write, 20029 guild write.
    pub code: u32,
}

impl RateLimited {
    /// A member's slow mode in a channel (API.md §7.51).
    pub fn slow_mode(retry_after: Duration) -> Self {
        Self { retry_after, scope: LimitScope::User, code: 20016 }
    }
}

/// Whose limit it is: `X-RateLimit-Scope`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitScope {
    /// The caller's own, on this route.
    User,
    /// The caller's own, over all routes.
    Global,
    /// The resource's, whoever calls.
    Shared,
}

/// What confirms an identity again: the `mfa` object of code 60003.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmation {
    /// The ticket that `POST /mfa/finish` takes.
    pub ticket: String,
    /// Whether a TOTP code is among the ways.
    pub totp: bool,
    /// Whether a backup code may stand for it.
    pub backup_codes: bool,
    /// Whether the password is among the ways.
    pub password: bool,
}
