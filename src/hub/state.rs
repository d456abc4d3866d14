//! The hub as a state machine, sans-IO: commits, ephemeral events and what sockets do come in with the time; events come out into
//! the sessions' rings. This file holds what there is; `lifecycle` how sessions come and go, `fan_out` who is told, `people` who
//! is there, `subscriptions` who looks at what.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use crate::hub::guild::Guild;
use crate::hub::log::Log;
use crate::hub::presence::{Board, Part, Shown};
use crate::hub::session::{Errands, Session};
use crate::hub::voice::{Calls, Desk, Rooms, VoicePlace, Voices};
use crate::logic::session::Meter;
use crate::model::{GuildId, GuildSnapshot, UserId};

/// The time an input comes at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Now {
    /// Milliseconds of Unix time, against which time-outs of members are compared.
    pub unix_ms: u64,
    /// Milliseconds since the hub started, which never go back; deadlines are in these.
    pub up_ms: u64,
}

/// How far a session has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stage {
    /// Its READY is being built; what happens from this place of the log on is kept for it.
    Pending { from: u64 },
    /// It is told of what comes after this commit.
    Live { since: u64 },
}

/// A session and what only the hub's thread needs to know of it.
#[derive(Debug)]
pub(super) struct Entry {
    pub session: Arc<Session>,
    pub stage: Stage,
    /// Where it has a seat.
    pub guilds: Vec<GuildId>,
    /// When its last connection was lost.
    pub detached_ms: Option<u64>,
}

impl Entry {
    /// Whether events of this commit are to be told to it.
    pub fn hears(&self, commit: u64) -> bool {
        matches!(self.stage, Stage::Live { since } if since < commit)
    }
}

/// What one session adds to its account's presence, until it fades.
#[derive(Debug)]
pub(super) struct Present {
    pub key: u64,
    pub part: Part,
    /// When it stops counting, its connection being lost.
    pub fades_ms: Option<u64>,
}

/// An account with sessions, or with a presence that has not faded yet.
#[derive(Debug, Default)]
pub(super) struct Account {
    pub sessions: Vec<u64>,
    pub present: Vec<Present>,
    /// What was told.
    pub shown: Shown,
    /// Guilds it was told in.
    pub guilds: HashSet<GuildId>,
    /// Friends and those it has a DM with: told outside of guilds too.
    pub peers: HashSet<UserId>,
}

/// Everything that is true while we run.
#[derive(Debug)]
pub(super) struct State {
    pub board: Arc<Board>,
    pub meter: Meter,
    pub errands: Arc<Errands>,
    /// Bytes that all rings may hold together.
    pub ring_budget_bytes: usize,
    pub sessions: HashMap<u64, Entry>,
    pub by_id: HashMap<Arc<str>, u64>,
    pub accounts: HashMap<UserId, Account>,
    pub guilds: HashMap<GuildId, Guild>,
    pub log: Log,
    /// Sessions that wait for their READY, with the place of the log they wait from.
    pub waiting: BTreeSet<(u64, u64)>,
    /// The last commit that was told.
    pub commit: u64,
    /// The state of a guild that somebody joins in the batch at hand.
    pub arriving: Option<Arc<GuildSnapshot>>,
    /// Detached sessions, oldest first, with when; who has come back since is passed over.
    pub detached: VecDeque<(u64, u64)>,
    /// When presences fade, soonest first; who has come back since is passed over.
    pub fading: VecDeque<(u64, UserId, u64)>,
    /// Accounts whose presence is to be worked out anew.
    pub stirred: HashSet<UserId>,
    pub flushed_ms: u64,
    pub last_key: u64,
    pub last_change: u64,
    /// When the rings are weighed next, if anything was queued since.
    pub weigh_ms: Option<u64>,
    /// The last commit that changed the public part of an account.
    pub users_changed: u64,
    /// Guilds with member lists that changed, and when that is told.
    pub lists_to_tell: HashSet<GuildId>,
    pub lists_due: Option<u64>,
    /// When those who are passive in a guild are told what changed.
    pub passive_to_tell: BTreeSet<(u64, GuildId)>,
    /// Sessions still to be asked to reconnect, how many each time, and when next.
    pub reconnecting: Option<Reconnecting>,
    /// Who is in voice.
    pub voices: Voices,
    pub calls: Calls,
    pub rooms: Rooms,
    pub desk: Arc<Desk>,
    /// When those leave voice whose connection was lost, soonest first; who has come back since is passed over.
    pub away: VecDeque<(u64, VoicePlace, UserId)>,
}

/// A stop that is spread over time, so that not all clients come back at once.
#[derive(Debug)]
pub(super) struct Reconnecting {
    pub keys: Vec<u64>,
    pub at_once: usize,
    pub next_ms: u64,
}

impl State {
    pub fn new(ring_budget_bytes: usize, board: Arc<Board>, meter: Meter, errands: Arc<Errands>) -> Self {
        Self {
            board,
            meter,
            errands,
            ring_budget_bytes,
            sessions: HashMap::new(),
            by_id: HashMap::new(),
            accounts: HashMap::new(),
            guilds: HashMap::new(),
            log: Log::default(),
            waiting: BTreeSet::new(),
            commit: 0,
            arriving: None,
            detached: VecDeque::new(),
            fading: VecDeque::new(),
            stirred: HashSet::new(),
            flushed_ms: 0,
            last_key: 0,
            last_change: 0,
            weigh_ms: None,
            users_changed: 0,
            lists_to_tell: HashSet::new(),
            lists_due: None,
            passive_to_tell: BTreeSet::new(),
            reconnecting: None,
            voices: Voices::default(),
            calls: Calls::new(),
            rooms: Rooms::new(),
            desk: Arc::default(),
            away: VecDeque::new(),
        }
    }

    /// The account's sessions that events of this commit are told to.
    pub fn hearing(&self, user: UserId, commit: u64) -> impl Iterator<Item = &Arc<Session>> {
        let keys = self.accounts.get(&user).map_or(&[][..], |account| &account.sessions);
        keys.iter()
            .filter_map(|key| self.sessions.get(key))
            .filter(move |entry| entry.hears(commit))
            .map(|entry| &entry.session)
    }
}
