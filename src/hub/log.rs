//! What happened since the oldest session attached that waits for its READY: told to it once it is active (SAFETY.md §3.3). Kept
//! once for all who wait.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::model::{Batch, ChannelId, GuildId, UserId};

/// Events kept at most; a session that attached before the oldest of them starts over. At the rate the writer saturates this is
/// most of a second, and a READY takes milliseconds.
pub const MAX_KEPT_EVENTS: usize = 16_384;

/// One thing that happened.
#[derive(Clone, Debug)]
pub(super) enum Kept {
    /// A commit.
    Batch(Arc<Batch>),
    /// An account's presence was told in these guilds.
    Presence(UserId, Arc<[GuildId]>),
    /// Somebody in voice in this guild went from one channel to another, or changed where they are.
    Voice { guild: GuildId, user: UserId, old: Option<ChannelId>, new: Option<ChannelId> },
}

impl Kept {
    fn events(&self) -> usize {
        match self {
            Self::Batch(batch) => batch.events.len().max(1),
            Self::Presence(..) | Self::Voice { .. } => 1,
        }
    }
}

/// The log; places in it are numbered from the hub's start.
#[derive(Debug, Default)]
pub(super) struct Log {
    first: u64,
    kept: VecDeque<Kept>,
    events: usize,
}

impl Log {
    /// The place of what happens next.
    pub fn end(&self) -> u64 {
        self.first + self.kept.len() as u64
    }

    /// Keeps one more, and forgets the oldest beyond the bound.
    pub fn push(&mut self, kept: Kept) {
        self.events += kept.events();
        self.kept.push_back(kept);
        while self.events > MAX_KEPT_EVENTS {
            self.forget_one();
        }
    }

    /// Forgets what is before a place: nobody waits for it.
    pub fn forget_before(&mut self, place: u64) {
        while self.first < place && !self.kept.is_empty() {
            self.forget_one();
        }
    }

    fn forget_one(&mut self) {
        let Some(oldest) = self.kept.pop_front() else { return };
        self.events -= oldest.events();
        self.first += 1;
    }

    /// All since a place; `None` when some of it is forgotten.
    pub fn since(&self, place: u64) -> Option<Vec<Kept>> {
        let skip = place.checked_sub(self.first)?;
        Some(self.kept.iter().skip(skip as usize).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_forgotten_is_missed_not_skipped() {
        let mut log = Log::default();
        let start = log.end();
        for user in 0..MAX_KEPT_EVENTS as u64 {
            log.push(Kept::Presence(UserId::new(user), Arc::default()));
        }
        assert_eq!(log.since(start).map(|all| all.len()), Some(MAX_KEPT_EVENTS));
        log.push(Kept::Presence(UserId::new(0), Arc::default()));
        assert!(log.since(start).is_none());
        assert_eq!(log.since(start + 1).map(|all| all.len()), Some(MAX_KEPT_EVENTS));
        log.forget_before(log.end());
        assert_eq!(log.since(log.end()).map(|all| all.len()), Some(0));
    }
}
