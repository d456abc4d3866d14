//! Who acts, and why they say they do.

use crate::actions::error::Fault;
use crate::logic::scopes::Scopes;
use crate::model::{ApplicationId, AuthSessionId, UserId};

/// An authenticated caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Actor {
    /// The account; a bot's own user for bots.
    pub user: UserId,
    /// What kind of account, and by what it came in.
    pub kind: ActorKind,
}

/// What kind of account acts, and by what it came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActorKind {
    /// A person, in one of their sessions.
    Human {
        /// The login that the token names.
        session: AuthSessionId,
    },
    /// A bot.
    Bot {
        /// Its application.
        application: ApplicationId,
    },
    /// An application in a person's place, by an OAuth2 access token: only where a route names a scope.
    Bearer {
        /// Which application.
        application: ApplicationId,
        /// What the person let it do.
        scopes: Scopes,
    },
}

impl Actor {
    /// Whether a bot acts.
    pub fn is_bot(&self) -> bool {
        matches!(self.kind, ActorKind::Bot { .. })
    }

    /// The person's login; bots are refused (API.md §1.2).
    pub fn session(&self) -> Result<AuthSessionId, Fault> {
        match self.kind {
            ActorKind::Human { session } => Ok(session),
            ActorKind::Bot { .. } => Err(Fault::BotsNotAllowed),
            ActorKind::Bearer { .. } => Err(Fault::MissingScope),
        }
    }

    /// What an OAuth2 token lets the caller do; whoever comes by a token of their own may do all.
    pub fn has_scope(&self, scope: Scopes) -> bool {
        match self.kind {
            ActorKind::Bearer { scopes, .. } => scopes.contains(scope),
            ActorKind::Human { .. } | ActorKind::Bot { .. } => true,
        }
    }

    /// The bot's application; people are refused.
    pub fn application(&self) -> Result<ApplicationId, Fault> {
        match self.kind {
            ActorKind::Bot { application } => Ok(application),
            ActorKind::Human { .. } | ActorKind::Bearer { .. } => Err(Fault::BotsOnly),
        }
    }
}

/// What a caller shows to be known (API.md §1.2). Never printed.
pub enum Credential {
    /// `Authorization: Bot …`, a bot's token.
    Bot(String),
    /// `Authorization: …` without a scheme, a person's session token.
    Human(String),
    /// `Authorization: Bearer …`, an OAuth2 access token.
    Bearer(String),
    /// The web client's cookie, a person's session token.
    Cookie(String),
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Bot(_) => "Bot(…)",
            Self::Human(_) => "Human(…)",
            Self::Bearer(_) => "Bearer(…)",
            Self::Cookie(_) => "Cookie(…)",
        })
    }
}

/// Most code points of a [`Reason`] (API.md §5).
pub const MAX_REASON_CHARS: usize = 512;

/// Why somebody did something, for the audit log; 1 to 512 code points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason(String);

impl Reason {
    /// Reads a reason; blank is none, longer than [`MAX_REASON_CHARS`] is refused.
    pub fn parse(text: &str) -> Result<Option<Self>, ReasonTooLong> {
        let text = text.replace('\0', "");
        let text = text.trim();
        match text.chars().count() {
            0 => Ok(None),
            1..=MAX_REASON_CHARS => Ok(Some(Self(text.to_owned()))),
            _ => Err(ReasonTooLong),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text itself.
    pub fn into_string(self) -> String {
        self.0
    }
}

/// A reason is longer than [`MAX_REASON_CHARS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReasonTooLong;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_trimmed_and_bounded_in_code_points() {
        assert_eq!(Reason::parse("  spam \0 ").unwrap().unwrap().as_str(), "spam");
        assert_eq!(Reason::parse("   "), Ok(None));
        assert!(Reason::parse(&"é".repeat(512)).unwrap().is_some());
        assert_eq!(Reason::parse(&"é".repeat(513)), Err(ReasonTooLong));
    }
}
