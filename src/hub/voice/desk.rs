//! What media has to know of the hub: who may connect, and what each may do. The hub writes, each media thread reads what changed of
//! its own channels; nothing is queued but the names of the sessions that changed, each once, so neither waits for the other.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use tokio::sync::Notify;

use crate::hub::session_id;
use crate::model::{ChannelId, GuildId, UserId};

/// Where a voice connection belongs; an account has one in each.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum VoicePlace {
    /// The voice channels of a guild.
    Guild(GuildId),
    /// A call in a DM or group DM.
    Call(ChannelId),
}

impl VoicePlace {
    /// The number that clients name it by: the guild's, or the DM channel's.
    pub fn number(self) -> u64 {
        match self {
            Self::Guild(id) => id.get(),
            Self::Call(id) => id.get(),
        }
    }

    /// The guild, if it is one.
    pub fn guild(self) -> Option<GuildId> {
        match self {
            Self::Guild(id) => Some(id),
            Self::Call(_) => None,
        }
    }
}

/// What opens a voice connection, 128 random bits. Has no debug text.
#[derive(Clone)]
pub struct VoiceToken(Arc<str>);

impl VoiceToken {
    pub(super) fn generate() -> Self {
        Self(session_id())
    }

    /// The token itself, for its owner's client.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether a client showed this token, in a time that does not depend on how much of it is right.
    pub fn is(&self, shown: &str) -> bool {
        aws_lc_rs::constant_time::verify_slices_are_equal(self.0.as_bytes(), shown.as_bytes()).is_ok()
    }
}

impl fmt::Debug for VoiceToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VoiceToken")
    }
}

/// What somebody may do in a voice channel.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Powers {
    /// To be heard.
    pub speak: bool,
    /// To show camera and screen.
    pub stream: bool,
    /// To be heard without pushing a button.
    pub use_vad: bool,
    /// To be heard louder than others.
    pub priority: bool,
    /// To play sounds.
    pub soundboard: bool,
}

/// Leave to connect to a voice channel, and what is true of who has it.
#[derive(Clone, Debug)]
pub struct Grant {
    /// The voice session; new with each channel.
    pub session: Arc<str>,
    /// What the client shows.
    pub token: VoiceToken,
    /// Who.
    pub user: UserId,
    /// Where.
    pub place: VoicePlace,
    /// In which channel.
    pub channel: ChannelId,
    /// Whether it is a bot's.
    pub is_bot: bool,
    /// What they may do.
    pub powers: Powers,
    /// A moderator muted them, or they only listen here.
    pub is_muted: bool,
    /// A moderator deafened them.
    pub is_deaf: bool,
    /// They muted themself.
    pub self_mute: bool,
    /// They deafened themself.
    pub self_deaf: bool,
    /// Milliseconds of silence after which they are to be moved to the channel for the absent.
    pub afk_after_ms: Option<u64>,
}

/// Limits that the settings name.
#[derive(Clone, Debug)]
pub struct VoiceSetup {
    /// Where clients connect, host and port.
    pub endpoint: Arc<str>,
    /// Most people and bots of one channel.
    pub members_per_channel: usize,
}

/// Most threads that media is divided among: what a server needs beyond is a second server.
pub const MAX_MEDIA_THREADS: usize = 4;

/// The desk between hub and media.
#[derive(Debug, Default)]
pub struct Desk {
    papers: Mutex<Papers>,
    bells: [Notify; MAX_MEDIA_THREADS],
    setup: OnceLock<VoiceSetup>,
}

#[derive(Debug)]
struct Papers {
    grants: HashMap<Arc<str>, Arc<Grant>>,
    /// Where the media of channels is in which somebody has leave. All of a channel is on one thread, so that a packet asks no other.
    channels: HashMap<ChannelId, Seated>,
    /// What each media thread has.
    threads: Vec<Thread>,
}

/// A channel in which people have leave.
#[derive(Debug)]
struct Seated {
    thread: usize,
    people: usize,
}

/// What a media thread has.
#[derive(Debug, Default)]
struct Thread {
    people: usize,
    /// The sessions that changed.
    changed: HashSet<Arc<str>>,
}

impl Default for Papers {
    fn default() -> Self {
        Self { grants: HashMap::new(), channels: HashMap::new(), threads: vec![Thread::default()] }
    }
}

impl Papers {
    /// One more has leave in a channel; the thread it is on. A new one goes where the fewest people are, and rather to the first, which
    /// reads the socket: it need not hand its packets over.
    fn seat(&mut self, channel: ChannelId) -> usize {
        let emptiest = self.threads.iter().enumerate().min_by_key(|(_, thread)| thread.people);
        let emptiest = emptiest.map_or(0, |(number, _)| number);
        let seated = self.channels.entry(channel).or_insert(Seated { thread: emptiest, people: 0 });
        seated.people += 1;
        self.threads[seated.thread].people += 1;
        seated.thread
    }

    /// One less; the thread it was on.
    fn unseat(&mut self, channel: ChannelId) -> usize {
        let Some(seated) = self.channels.get_mut(&channel) else { return 0 };
        let thread = seated.thread;
        seated.people -= 1;
        self.threads[thread].people -= 1;
        if seated.people == 0 {
            self.channels.remove(&channel);
        }
        thread
    }
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, Papers> {
        self.papers.lock().expect("nothing panics while it holds the desk")
    }

    /// Says where clients connect; without it there is no voice. Later calls change nothing.
    pub fn open(&self, setup: VoiceSetup) {
        // A second server in one process has a desk of its own.
        let _ = self.setup.set(setup);
    }

    /// Where clients connect, and the limits; none while voice is off.
    pub fn setup(&self) -> Option<&VoiceSetup> {
        self.setup.get()
    }

    /// The leave of a voice session, as long as it lasts.
    pub fn grant(&self, session: &str) -> Option<Arc<Grant>> {
        self.lock().grants.get(session).cloned()
    }

    /// Divides channels among so many threads, at most [`MAX_MEDIA_THREADS`]; before anybody has leave.
    pub fn divide(&self, threads: usize) {
        let threads = threads.clamp(1, MAX_MEDIA_THREADS);
        self.lock().threads.resize_with(threads, Thread::default);
    }

    /// The thread that a session's media is on, as long as it has leave.
    pub fn thread_of(&self, session: &str) -> Option<usize> {
        let papers = self.lock();
        let channel = papers.grants.get(session)?.channel;
        papers.channels.get(&channel).map(|seated| seated.thread)
    }

    /// What changed for a thread since this was asked last: each session with its leave, or none when it ended.
    pub fn take_changed(&self, thread: usize) -> Vec<(Arc<str>, Option<Arc<Grant>>)> {
        let mut papers = self.lock();
        let changed = std::mem::take(&mut papers.threads[thread].changed);
        changed
            .into_iter()
            .map(|session| {
                let grant = papers.grants.get(&session).cloned();
                (session, grant)
            })
            .collect()
    }

    /// Waits for a change that is a thread's.
    pub async fn changed(&self, thread: usize) {
        self.bells[thread].notified().await;
    }

    /// Gives somebody leave without asking the hub.
    #[cfg(test)]
    pub fn admit(&self, session: &str, user: UserId, channel: ChannelId) {
        self.put(Grant {
            session: session.into(),
            token: VoiceToken::generate(),
            user,
            place: VoicePlace::Guild(GuildId::new(1)),
            channel,
            is_bot: false,
            powers: Powers { speak: true, stream: true, use_vad: true, ..Powers::default() },
            is_muted: false,
            is_deaf: false,
            self_mute: false,
            self_deaf: false,
            afk_after_ms: None,
        });
    }

    pub(super) fn put(&self, grant: Grant) {
        let mut papers = self.lock();
        let thread = papers.seat(grant.channel);
        papers.threads[thread].changed.insert(grant.session.clone());
        if let Some(before) = papers.grants.insert(grant.session.clone(), Arc::new(grant)) {
            papers.unseat(before.channel);
        }
        drop(papers);
        self.bells[thread].notify_one();
    }

    pub(super) fn remove(&self, session: &Arc<str>) {
        let mut papers = self.lock();
        let Some(grant) = papers.grants.remove(session) else { return };
        let thread = papers.unseat(grant.channel);
        papers.threads[thread].changed.insert(Arc::clone(session));
        drop(papers);
        self.bells[thread].notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_go_where_the_fewest_people_are_and_stay_while_anybody_is_there() {
        let desk = Desk::default();
        desk.divide(2);
        let come = |session: &str, channel: u64| {
            desk.admit(session, UserId::new(1), ChannelId::new(channel));
            desk.thread_of(session).unwrap()
        };
        let go = |session: &str| desk.remove(&session.into());
        assert_eq!(come("a", 1), 0, "the first thread reads the socket");
        assert_eq!(come("b", 2), 1);
        assert_eq!((come("c", 1), come("d", 1)), (0, 0), "all of a channel is on one");
        assert_eq!(come("a", 1), 0, "what somebody may do changed");
        assert_eq!(come("e", 3), 1);
        for session in ["a", "c", "d"] {
            assert_eq!(desk.thread_of(session), Some(0));
            go(session);
            assert_eq!(desk.thread_of(session), None);
        }
        assert_eq!((come("f", 2), come("g", 1)), (1, 0));
        let of = |thread: usize| {
            let mut changed: Vec<_> = desk.take_changed(thread);
            changed.sort_by(|a, b| a.0.cmp(&b.0));
            changed
                .into_iter()
                .map(|(session, grant)| (session.to_string(), grant.is_some()))
                .collect::<Vec<_>>()
        };
        let told = |names: &[(&str, bool)]| -> Vec<_> {
            names.iter().map(|(session, is_there)| ((*session).to_owned(), *is_there)).collect()
        };
        assert_eq!(of(0), told(&[("a", false), ("c", false), ("d", false), ("g", true)]));
        assert_eq!(of(1), told(&[("b", true), ("e", true), ("f", true)]));
        assert!(of(0).is_empty(), "each is told once");
    }
}
