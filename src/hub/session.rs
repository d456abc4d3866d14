//! A gateway session and the connection that owns it: the ring of events between the hub, which pushes, and one socket, which
//! takes. The lock is held for a few instructions. What is pushed while the socket's task sleeps is written without waking it: the
//! sessions owed something are gathered, and written to a few dozen at a time by whatever thread of the runtime is free (measured:
//! a task woken for each of 5 000 sockets costs three times the bare writes). Where a socket can't be written to so, as behind TLS, its
//! task is woken then.

use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use tokio::sync::Notify;

use crate::hub::presence::ClientInfo;
use crate::logic::intents::Intents;
use crate::logic::session::{Close, CloseCode, Packet, Replay, Ring, Shard};
use crate::model::{ApplicationId, AuthSessionId, ChannelId, GuildId, UserId};

const TOO_SLOW: Close = Close::new(CloseCode::Unknown, "the connection is too slow; resume");
const TAKEN_OVER: Close = Close::new(CloseCode::Unknown, "another connection resumed this session");

/// By what a session was identified: what must still be live for it to go on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Auth {
    /// A person's login; any live token of the same login resumes the session.
    Person(AuthSessionId),
    /// A bot's application.
    Bot(ApplicationId),
}

/// Whose a session is and what it asked for.
#[derive(Clone, Debug)]
pub struct Owner {
    /// The account.
    pub user: UserId,
    /// How it proved to be that.
    pub auth: Auth,
    /// What it is told of; all, for people.
    pub intents: Intents,
    /// Its part of the guilds.
    pub shard: Option<Shard>,
    /// What its client says it can do; bit 14 asks for passive guilds.
    pub capabilities: u64,
    /// What it runs on.
    pub client: ClientInfo,
}

/// The bit of `capabilities` by which a person's client lets big guilds be passive (API.md §3.6).
const CAN_BE_PASSIVE: u64 = 1 << 14;

impl Owner {
    /// Whether it need not hear everything of big guilds it does not look at.
    pub fn lets_guilds_be_passive(&self) -> bool {
        self.capabilities & CAN_BE_PASSIVE != 0 && !self.is_bot()
    }

    /// Whether it is a bot's.
    pub fn is_bot(&self) -> bool {
        matches!(self.auth, Auth::Bot(_))
    }

    /// Whether events of this guild, or of none, go to this session's shard.
    pub fn holds(&self, guild: Option<GuildId>) -> bool {
        match (self.shard, guild) {
            (Some(shard), Some(guild)) => shard.holds(guild),
            (Some(shard), None) => shard.id == 0,
            (None, _) => true,
        }
    }
}

/// What is true of one gateway session. The hub pushes; a [`Connection`] takes.
pub struct Session {
    /// The hub's own number for it.
    pub(super) key: u64,
    id: Arc<str>,
    owner: Owner,
    state: Mutex<State>,
    errands: Arc<Errands>,
}

/// Writes what waits for a session straight to its socket; answers whether the socket's task has to see to the rest.
pub type Writer = Arc<dyn Fn(&mut Waiting<'_>) -> bool + Send + Sync>;

/// What waits for a session, as a [`Writer`] takes it.
pub struct Waiting<'a> {
    session: &'a Session,
    connection: u32,
    taken: &'a mut Vec<(u64, Packet)>,
}

impl Waiting<'_> {
    /// Takes events with their numbers as [`Connection::next`] does; before them whether the connection has more to do.
    pub fn take(&mut self, max_frames: usize, max_bytes: usize) -> (bool, &[(u64, Packet)]) {
        self.taken.clear();
        let mut state = self.session.lock();
        let is_more = if state.connection != self.connection || state.is_to_reconnect {
            true
        } else {
            state.has_unsent() && state.take(max_frames, max_bytes, self.taken)
        };
        (is_more, self.taken)
    }
}

struct State {
    ring: Ring,
    /// The number of the connection that owns the session; 0 when none does. Numbers rise.
    connection: u32,
    last_connection: u32,
    waker: Option<Waker>,
    /// How to write without the connection's task; set while one owns the session and has said how.
    writer: Option<Writer>,
    /// Whether it is among those to be written to.
    is_gathered: bool,
    /// Nothing is taken while something is told that has to arrive together.
    is_held: bool,
    /// What a connection that owns the session no longer is to close with.
    close: Close,
    /// Whether op 7 waits to be sent.
    is_to_reconnect: bool,
    /// Nothing can resume it.
    is_over: bool,
}

impl State {
    /// Whether there are events to be taken.
    fn has_unsent(&self) -> bool {
        self.ring.unsent() > 0 && !self.is_held
    }

    /// Takes waiting events; whether more wait.
    fn take(&mut self, max_frames: usize, max_bytes: usize, out: &mut Vec<(u64, Packet)>) -> bool {
        let is_first = self.ring.last_seq() == 0;
        let is_more = self.ring.take_unsent(max_frames, max_bytes, out);
        if is_first {
            // Without READY a client knows no session to resume, so READY is never replayed.
            self.ring.acknowledge(1);
        }
        is_more
    }

    /// Takes the session from its connection, which is to close with `close`.
    fn cut(&mut self, close: Close) {
        self.connection = 0;
        self.writer = None;
        self.close = close;
        self.ring.detach();
    }
}

impl Session {
    pub(super) fn new(key: u64, id: Arc<str>, owner: Owner, errands: &Arc<Errands>) -> Arc<Self> {
        let state = State {
            ring: Ring::new(),
            connection: 0,
            last_connection: 0,
            waker: None,
            writer: None,
            is_gathered: false,
            is_held: false,
            close: TAKEN_OVER,
            is_to_reconnect: false,
            is_over: false,
        };
        Arc::new(Self { key, id, owner, state: Mutex::new(state), errands: errands.clone() })
    }

    /// The id clients resume it by: unguessable.
    pub fn id(&self) -> &Arc<str> {
        &self.id
    }

    /// Whose it is.
    pub fn owner(&self) -> &Owner {
        &self.owner
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds a session")
    }

    /// Changes the state, then wakes the socket if it sleeps.
    fn wake_after<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let result = change(&mut state);
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        result
    }

    /// Queues an event, which a socket that sleeps is written or woken for at the end of the hub's turn: what is told together arrives
    /// together as a rule. A reader that is too slow is cut off and may resume.
    pub(super) fn push(self: &Arc<Self>, packet: Packet) {
        let mut state = self.lock();
        state.ring.push(packet);
        if state.ring.is_overrun() {
            state.cut(TOO_SLOW);
        }
        self.gather(state);
    }

    /// Notes that a socket that sleeps is owed something.
    fn gather(self: &Arc<Self>, mut state: MutexGuard<'_, State>) {
        if state.waker.is_some() && !std::mem::replace(&mut state.is_gathered, true) {
            drop(state);
            self.errands.owed().push(self.clone());
        }
    }

    /// What is pushed until this is dropped arrives together for certain.
    pub(super) fn hold(self: &Arc<Self>) -> Held {
        self.lock().is_held = true;
        Held(self.clone())
    }

    /// Writes what waits, and wakes the socket's task for what is not written so. `taken` is room that many writes share.
    pub(super) fn write(&self, taken: &mut Vec<(u64, Packet)>) {
        let (writer, connection) = {
            let mut state = self.lock();
            state.is_gathered = false;
            (state.writer.clone(), state.connection)
        };
        let has_more = writer.is_none_or(|write| write(&mut Waiting { session: self, connection, taken }));
        taken.clear();
        if has_more {
            self.wake_after(|_| ());
        }
    }

    /// Queues what the session asked for itself.
    pub(super) fn push_answer(&self, packet: Packet) {
        self.wake_after(|state| {
            state.ring.push_answer(packet);
            if state.ring.is_overrun() {
                state.cut(TOO_SLOW);
            }
        });
    }

    /// Drops the waiting events of this channel: the right to see it is lost.
    pub(super) fn drop_channels(&self, channels: &[ChannelId]) {
        let is_lost = |packet: &Packet| packet.place().channel.is_some_and(|id| channels.contains(&id));
        self.lock().ring.drop_unsent(is_lost);
    }

    /// Drops the waiting events of this guild: its owner is no longer a member.
    pub(super) fn drop_guild(&self, guild: GuildId) {
        self.lock().ring.drop_unsent(|packet| packet.place().guild == Some(guild));
    }

    /// Drops the waiting events with this name of a guild; whether there were any.
    pub(super) fn drop_named(&self, guild: GuildId, name: &str) -> bool {
        let mut is_dropped = false;
        self.lock().ring.drop_unsent(|packet| {
            let is_it = packet.place().guild == Some(guild) && packet.name() == name;
            is_dropped |= is_it;
            is_it
        });
        is_dropped
    }

    /// Ends the session for good: its socket, if any, closes with `close`, and nothing waiting is sent.
    pub(super) fn end(&self, close: Close) {
        self.wake_after(|state| {
            state.cut(close);
            state.is_over = true;
        });
    }

    /// Asks the socket to send op 7 and let its client come back.
    pub(super) fn ask_to_reconnect(&self) {
        self.wake_after(|state| state.is_to_reconnect = true);
    }

    /// Gives the session to a new connection.
    pub(super) fn connect(self: &Arc<Self>) -> Connection {
        let number = self.wake_after(|state| {
            state.last_connection += 1;
            state.connection = state.last_connection;
            state.writer = None;
            state.close = TAKEN_OVER;
            state.connection
        });
        Connection { session: self.clone(), number }
    }

    /// Gives it to a new connection whose client saw everything up to `seq`; a connection that owned it closes.
    pub(super) fn resume(self: &Arc<Self>, seq: u64) -> Result<Connection, NoReplay> {
        self.wake_after(|state| {
            if state.is_over {
                return Err(NoReplay::Lost);
            }
            match state.ring.resume_from(seq) {
                Replay::Events(_) => Ok(()),
                Replay::Evicted => Err(NoReplay::Lost),
                Replay::FromTheFuture => Err(NoReplay::FromTheFuture),
            }
        })?;
        Ok(self.connect())
    }

    /// Whether a socket owns it.
    pub(super) fn is_connected(&self) -> bool {
        self.lock().connection != 0
    }

    /// Whether nothing can resume it.
    pub(super) fn is_over(&self) -> bool {
        self.lock().is_over
    }

    /// Events it keeps.
    pub(super) fn events(&self) -> usize {
        self.lock().ring.events()
    }

    /// Halves what is kept for a replay.
    pub(super) fn halve_replay(&self) {
        let mut state = self.lock();
        let half = state.ring.replay_bytes() / 2;
        state.ring.shrink_replay(half);
    }

    /// Cuts a connection off that has more than `frames` waiting.
    pub(super) fn cut_if_behind(&self, frames: usize) {
        self.wake_after(|state| {
            if state.connection != 0 && state.ring.unsent() > frames {
                state.cut(TOO_SLOW);
            }
        });
    }
}

/// Events of a session are held back.
pub(super) struct Held(Arc<Session>);

impl Drop for Held {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.is_held = false;
        if state.has_unsent() {
            self.0.gather(state);
        }
    }
}

impl fmt::Debug for Session {
    /// Whose it is; the id lets resume, so it is kept out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session(#{} of {})", self.key, self.owner.user)
    }
}

/// Why a session can't go on from a number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum NoReplay {
    /// What came after it is no longer kept.
    Lost,
    /// Nothing had that number yet.
    FromTheFuture,
}

/// What a socket is to do next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Next {
    /// Send the events taken; whether more is waiting.
    Events {
        /// More can be taken at once.
        is_more: bool,
    },
    /// Send op 7, wait at most 2 s for the client to go, and close with 4000.
    Reconnect,
    /// Close with this; the session is no longer this connection's.
    Close(Close),
}

/// One socket's hold on a session, until another socket resumes it or the hub cuts it off. Dropping it detaches the session, which
/// can be resumed for a while.
#[derive(Debug)]
pub struct Connection {
    session: Arc<Session>,
    number: u32,
}

impl Connection {
    /// The session.
    pub fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// Waits for something to do, and takes events into `out` with their numbers: at most `max_frames`, until `max_bytes` is
    /// reached. Nothing is taken when the wait is given up.
    pub async fn next(&self, max_frames: usize, max_bytes: usize, out: &mut Vec<(u64, Packet)>) -> Next {
        poll_fn(|cx| self.poll_next(cx, max_frames, max_bytes, out)).await
    }

    /// The same without a task of its own.
    pub fn poll_next(
        &self,
        cx: &mut Context<'_>,
        max_frames: usize,
        max_bytes: usize,
        out: &mut Vec<(u64, Packet)>,
    ) -> Poll<Next> {
        let mut state = self.session.lock();
        if state.connection != self.number {
            return Poll::Ready(Next::Close(state.close));
        }
        if std::mem::take(&mut state.is_to_reconnect) {
            return Poll::Ready(Next::Reconnect);
        }
        if !state.has_unsent() {
            state.waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(Next::Events { is_more: state.take(max_frames, max_bytes, out) })
    }

    /// Says how to write to the socket while the connection's task sleeps.
    pub fn write_with(&self, writer: Writer) {
        let mut state = self.session.lock();
        if state.connection == self.number {
            state.writer = Some(writer);
        }
    }

    /// Waits for the session to be taken from this connection, without taking events: for a socket that takes none.
    pub fn poll_cut(&self, cx: &mut Context<'_>) -> Poll<Close> {
        let mut state = self.session.lock();
        if state.connection != self.number {
            return Poll::Ready(state.close);
        }
        state.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Queues what this session alone is told: member chunks, RATE_LIMITED.
    pub fn answer(&self, packet: Packet) {
        if self.session.lock().connection == self.number {
            self.session.push_answer(packet);
        }
    }

    /// The client has seen everything up to `seq`, as its heartbeat says; none of it is kept for a replay.
    pub fn acknowledge(&self, seq: u64) {
        let mut state = self.session.lock();
        if state.connection == self.number {
            state.ring.acknowledge(seq);
        }
    }

    /// The client closed with 1000 or 1001: the session ends at once.
    pub fn end(self) {
        let mut state = self.session.lock();
        if state.connection == self.number {
            state.is_over = true;
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let mut state = self.session.lock();
        if state.connection == self.number {
            // A client that never got READY can't resume.
            state.is_over |= state.ring.last_seq() == 0;
            state.cut(TAKEN_OVER);
            state.waker = None;
        }
        drop(state);
        self.session.errands.tell_departed(self.session.key);
    }
}

/// What sessions leave for the hub to do.
#[derive(Debug, Default)]
pub(super) struct Errands {
    /// Sessions whose connection is gone. One entry per connection, so no longer than there were connections since the hub looked.
    departed: Mutex<Vec<u64>>,
    /// Rings when a connection is gone.
    pub(super) bell: Notify,
    /// Sessions to be written to, each once.
    owed: Mutex<Vec<Arc<Session>>>,
}

impl Errands {
    fn tell_departed(&self, key: u64) {
        self.departed.lock().expect("nothing panics while it holds the list").push(key);
        self.bell.notify_one();
    }

    fn owed(&self) -> MutexGuard<'_, Vec<Arc<Session>>> {
        self.owed.lock().expect("nothing panics while it holds the list")
    }

    /// Takes the sessions whose connection is gone.
    pub(super) fn take_departed(&self) -> Vec<u64> {
        std::mem::take(&mut *self.departed.lock().expect("nothing panics while it holds the list"))
    }

    /// Takes the sessions to be written to.
    pub(super) fn take_owed(&self) -> Vec<Arc<Session>> {
        std::mem::take(&mut *self.owed())
    }
}
