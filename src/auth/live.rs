//! The log-ins that are alive: a token opens nothing unless its session is in this table, so that logging out acts at once.
//! Loaded from the store at start; whoever removes a session here also closes its sockets (SAFETY.md §3.8).

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::model::{AuthSessionId, UserId};

/// Most sessions of one account; one more ends the one unused for longest.
pub const MAX_SESSIONS_PER_USER: usize = 100;

/// One live session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LiveSession {
    /// Whose it is.
    pub user: UserId,
    /// When it was last used, in milliseconds of Unix time.
    pub last_used_ms: u64,
}

#[derive(Default)]
struct Tables {
    sessions: HashMap<AuthSessionId, LiveSession>,
    of_user: HashMap<UserId, HashSet<AuthSessionId>>,
    /// Sessions used since their times were last taken to be stored.
    used: HashSet<AuthSessionId>,
}

/// The table of live sessions.
#[derive(Default)]
pub struct LiveSessions {
    tables: Mutex<Tables>,
}

impl LiveSessions {
    /// A table of what the store holds.
    pub fn load(stored: impl IntoIterator<Item = (AuthSessionId, LiveSession)>) -> Self {
        let live = Self::default();
        for (sid, session) in stored {
            live.lock().insert(sid, session);
        }
        live
    }

    /// Whether `sid` is alive and `user`'s.
    pub fn is_live(&self, sid: AuthSessionId, user: UserId) -> bool {
        self.lock().sessions.get(&sid).is_some_and(|session| session.user == user)
    }

    /// Whose `sid` is, if it is alive.
    pub fn user_of(&self, sid: AuthSessionId) -> Option<UserId> {
        self.lock().sessions.get(&sid).map(|session| session.user)
    }

    /// Notes a use of `sid` at `now_ms`; false when it isn't alive or not `user`'s.
    pub fn touch(&self, sid: AuthSessionId, user: UserId, now_ms: u64) -> bool {
        let mut tables = self.lock();
        let Some(session) = tables.sessions.get_mut(&sid).filter(|session| session.user == user) else {
            return false;
        };
        session.last_used_ms = session.last_used_ms.max(now_ms);
        tables.used.insert(sid);
        true
    }

    /// Adds a session. Where the account then has too many, the one unused for longest is removed and returned.
    pub fn insert(&self, sid: AuthSessionId, user: UserId, now_ms: u64) -> Option<AuthSessionId> {
        let mut tables = self.lock();
        tables.insert(sid, LiveSession { user, last_used_ms: now_ms });
        let own = tables.of_user.get(&user)?;
        if own.len() <= MAX_SESSIONS_PER_USER {
            return None;
        }
        let used = |sid: &AuthSessionId| tables.sessions.get(sid).map_or(0, |session| session.last_used_ms);
        let stale = own.iter().copied().filter(|own| *own != sid).min_by_key(|sid| (used(sid), *sid))?;
        tables.remove(stale);
        Some(stale)
    }

    /// Ends a session; whose it was, if it was alive.
    pub fn remove(&self, sid: AuthSessionId) -> Option<UserId> {
        self.lock().remove(sid).map(|session| session.user)
    }

    /// Ends all sessions of `user`, but `except` where given; returns those that were ended.
    pub fn remove_all_of(&self, user: UserId, except: Option<AuthSessionId>) -> Vec<AuthSessionId> {
        let mut tables = self.lock();
        let own = tables.of_user.get(&user);
        let ended: Vec<_> = own.into_iter().flatten().copied().filter(|sid| Some(*sid) != except).collect();
        for sid in &ended {
            tables.remove(*sid);
        }
        ended
    }

    /// The sessions of `user`, newest first.
    pub fn of(&self, user: UserId) -> Vec<(AuthSessionId, LiveSession)> {
        let tables = self.lock();
        let own = tables.of_user.get(&user);
        let mut own: Vec<_> =
            own.into_iter().flatten().filter_map(|sid| Some((*sid, *tables.sessions.get(sid)?))).collect();
        own.sort_by_key(|(sid, _)| std::cmp::Reverse(*sid));
        own
    }

    /// The sessions used since the last call, with their times, to be written behind (SAFETY.md §5.4).
    pub fn take_used(&self) -> Vec<(AuthSessionId, u64)> {
        let mut tables = self.lock();
        let used = std::mem::take(&mut tables.used);
        used.into_iter().filter_map(|sid| Some((sid, tables.sessions.get(&sid)?.last_used_ms))).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Tables> {
        // Every change is one or two inserts or removals, none of which panics half-way.
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tables {
    fn insert(&mut self, sid: AuthSessionId, session: LiveSession) {
        self.of_user.entry(session.user).or_default().insert(sid);
        self.sessions.insert(sid, session);
    }

    fn remove(&mut self, sid: AuthSessionId) -> Option<LiveSession> {
        let session = self.sessions.remove(&sid)?;
        self.used.remove(&sid);
        if let Some(own) = self.of_user.get_mut(&session.user) {
            own.remove(&sid);
            if own.is_empty() {
                self.of_user.remove(&session.user);
            }
        }
        Some(session)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: UserId = UserId::new(1);
    const BOB: UserId = UserId::new(2);

    fn sid(raw: u64) -> AuthSessionId {
        AuthSessionId::new(raw)
    }

    #[test]
    fn a_session_lives_from_its_insertion_to_its_removal_for_its_user() {
        let live = LiveSessions::load([(sid(10), LiveSession { user: ALICE, last_used_ms: 5 })]);
        assert_eq!(live.insert(sid(11), ALICE, 6), None);
        assert_eq!(live.insert(sid(12), BOB, 6), None);
        assert!(live.is_live(sid(10), ALICE) && !live.is_live(sid(10), BOB));
        assert!(
            live.touch(sid(10), ALICE, 9) && !live.touch(sid(10), BOB, 9) && !live.touch(sid(99), ALICE, 9)
        );
        assert_eq!(live.take_used(), [(sid(10), 9)]);
        assert!(live.take_used().is_empty());
        assert_eq!(live.of(ALICE).iter().map(|(sid, _)| sid.get()).collect::<Vec<_>>(), [11, 10]);
        assert_eq!(live.remove_all_of(ALICE, Some(sid(11))), [sid(10)]);
        assert!(!live.is_live(sid(10), ALICE) && live.is_live(sid(11), ALICE));
        assert_eq!(live.remove(sid(11)), Some(ALICE));
        assert_eq!(live.remove(sid(11)), None);
        assert!(live.of(ALICE).is_empty() && live.is_live(sid(12), BOB));
    }

    #[test]
    fn one_session_too_many_ends_the_one_unused_for_longest() {
        let live = LiveSessions::default();
        for raw in 0..MAX_SESSIONS_PER_USER as u64 {
            assert_eq!(live.insert(sid(raw), ALICE, raw), None);
        }
        assert!(live.touch(sid(0), ALICE, 1_000));
        assert_eq!(live.insert(sid(500), ALICE, 0), Some(sid(1)));
        assert_eq!(live.of(ALICE).len(), MAX_SESSIONS_PER_USER);
        assert!(live.is_live(sid(500), ALICE) && !live.is_live(sid(1), ALICE));
    }
}
