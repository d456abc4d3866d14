//! What is true while we run: who is connected, who is told of what, who is there. One thread, "hub", takes commits, ephemeral
//! events and what sockets do in one order (SAFETY.md §3.2) and fills the sessions' rings; sockets empty them. It reads no disk:
//! replicas of guilds with a live session are loaded by who activates the session, and kept true by the events themselves.

mod encoding;
mod fan_out;
mod guild;
mod lifecycle;
mod log;
mod member_list;
mod passive;
mod people;
mod presence;
mod role_sets;
mod session;
mod state;
mod subscriptions;
#[cfg(test)]
mod tests;
mod views;
mod voice;

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::Serialize;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::time;

use crate::hub::presence::Board;
use crate::hub::session::Errands;
use crate::hub::state::{Now, State};
use crate::logic::session::client_frame::GuildSubscription;
use crate::logic::session::{Meter, Packet, Piece};
use crate::model::{
    Audience, Batch, ChannelId, GuildId, MessageId, Presence, Timestamp, TypingStart, UserId, VoiceEffect,
    VoiceState,
};

pub use lifecycle::{
    Activated, Activation, MAX_BOT_SESSIONS, MAX_PERSON_SESSIONS, NotResumable, RESUMABLE_MS,
    TooManySessions, WEIGH_EVERY_MS,
};
pub use log::MAX_KEPT_EVENTS;
pub use member_list::{MAX_LISTED, MAX_WITH_OFFLINE};
pub use passive::PASSIVE_EVERY_MS;
pub use people::{FLUSH_EVERY_MS, MAX_PEERS, OFFLINE_AFTER_MS, START_GRACE_MS};
pub use presence::{ClientInfo, ClientKind, MAX_ONLINE_TOLD, SessionInfo, Showing};
pub use session::{Auth, Connection, Next, Owner, Session, Waiting, Writer};
pub use subscriptions::{LISTS_EVERY_MS, MAX_LISTS_AT_ONCE, Roster};
pub use voice::{
    AWAY_MS, Conversation, Desk, Grant, MAX_MEDIA_THREADS, Powers, SelfState, VoicePlace, VoiceSetup,
    VoiceToken,
};

/// Inputs that may wait for the hub; who brings one more waits for room.
pub const MAX_INPUTS: usize = 1_024;
/// Inputs taken at once.
const INPUTS_AT_ONCE: usize = 64;
/// Sessions written to before the thread turns to other work: at most some 200 µs.
const WRITTEN_AT_ONCE: usize = 64;
/// Bytes all rings may hold together, unless configured otherwise (SAFETY.md §6).
pub const RING_BUDGET_BYTES: usize = 256 << 20;

/// The hub has stopped: so does the server.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the hub has stopped")]
pub struct Stopped;

/// Why a session was not attached.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotAttached {
    /// Close with 4015.
    #[error(transparent)]
    TooMany(#[from] TooManySessions),
    /// The server stops.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// Why a session was not resumed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotResumed {
    /// It can't be.
    #[error(transparent)]
    NotResumable(#[from] NotResumable),
    /// The server stops.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// What comes in, each in its turn.
enum Input {
    Batch(Batch),
    Typing(Audience, TypingStart),
    Attach(Arc<str>, Owner, oneshot::Sender<Result<Connection, TooManySessions>>),
    Activate(u64, Box<Activation>, oneshot::Sender<Activated>),
    Resume(Box<ResumeRequest>, oneshot::Sender<Result<Connection, NotResumable>>),
    Show(u64, Showing),
    Voice(VoiceInput),
    Subscribe(u64, Arc<[GuildSubscription]>, Vec<Roster>, oneshot::Sender<Vec<GuildId>>),
    ReconnectAll(oneshot::Sender<()>),
    Stop,
}

/// What is asked of voice.
#[derive(Debug)]
enum VoiceInput {
    Join { key: u64, guild: GuildId, channel: ChannelId, own: SelfState },
    Leave { key: u64, guild: Option<GuildId> },
    Move { guild: GuildId, user: UserId, to: Option<ChannelId>, reply: oneshot::Sender<bool> },
    JoinCall { key: u64, conversation: Conversation, own: SelfState },
    Ring { channel: ChannelId, users: Option<Vec<UserId>>, is_on: bool, reply: oneshot::Sender<bool> },
    ShowCall { key: u64, channel: ChannelId },
    Stage { guild: GuildId, user: UserId, suppress: Option<bool>, request: Option<Option<Timestamp>> },
    Play { effect: VoiceEffect, reply: oneshot::Sender<bool> },
    Status { guild: GuildId, channel: ChannelId, status: Option<String> },
    ShowRooms { key: u64, guild: GuildId },
    Report(VoiceReport),
}

/// What media tells the hub, of a voice session.
#[derive(Clone, Debug)]
pub enum VoiceReport {
    /// Its client says this of itself.
    Own(Arc<str>, SelfState),
    /// Its connection is gone for good.
    Ended(Arc<str>),
    /// It was silent for as long as its [`Grant`] says.
    Idle(Arc<str>),
}

/// What a client says to resume.
#[derive(Clone, Debug)]
pub struct ResumeRequest {
    /// The session's id.
    pub session_id: String,
    /// Whose the token is.
    pub user: UserId,
    /// What the token is of.
    pub auth: Auth,
    /// The last event the client saw.
    pub seq: u64,
}

/// The hub's thread.
#[derive(Debug)]
pub struct Hub {
    inlet: mpsc::Sender<Input>,
    thread: JoinHandle<()>,
}

impl Hub {
    /// Starts the thread. All rings together hold at most `ring_budget_bytes`. Sockets are written to on the runtime this is called
    /// in; without one each is woken.
    ///
    /// # Errors
    /// The system gives no thread or timer.
    pub fn start(ring_budget_bytes: usize) -> std::io::Result<(Self, HubHandle)> {
        let (inlet, inputs) = mpsc::channel(MAX_INPUTS);
        let (board, meter, errands) = (Arc::<Board>::default(), Meter::default(), Arc::<Errands>::default());
        let state = State::new(ring_budget_bytes, board.clone(), meter.clone(), errands);
        let desk = state.desk.clone();
        let sockets = tokio::runtime::Handle::try_current().ok();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let thread = std::thread::Builder::new()
            .name("hub".into())
            .spawn(move || runtime.block_on(run(state, inputs, sockets)))?;
        Ok((Self { inlet: inlet.clone(), thread }, HubHandle { inlet, board, meter, desk }))
    }

    /// Lets the thread do what was brought before, then ends it. Not to be called from an async task: it blocks.
    ///
    /// # Errors
    /// The thread had died before.
    pub fn stop(self) -> Result<(), Stopped> {
        // A thread that is gone already takes no input; joining it tells why.
        let _ = self.inlet.blocking_send(Input::Stop);
        self.thread.join().map_err(|_| Stopped)
    }
}

/// Takes inputs in their order until told to stop, or until nobody is left to bring any.
async fn run(mut state: State, mut inputs: mpsc::Receiver<Input>, sockets: Option<Handle>) {
    let start = Instant::now();
    let errands = state.errands.clone();
    let mut taken = Vec::with_capacity(INPUTS_AT_ONCE);
    loop {
        let deadline = state.next_deadline().map(|ms| (start + Duration::from_millis(ms)).into());
        tokio::select! {
            count = inputs.recv_many(&mut taken, INPUTS_AT_ONCE) => if count == 0 { return },
            () = errands.bell.notified() => {}
            () = sleep_until(deadline) => {}
        }
        state.depart(now(start));
        let mut is_stopped = false;
        for input in taken.drain(..) {
            is_stopped |= matches!(input, Input::Stop);
            if is_stopped {
                break;
            }
            take(&mut state, now(start), input);
        }
        state.tick(now(start));
        write(errands.take_owed(), sockets.as_ref());
        if is_stopped {
            return;
        }
    }
}

/// Writes to the sessions that are owed something, a few dozen after the other, many at once.
fn write(mut owed: Vec<Arc<Session>>, sockets: Option<&Handle>) {
    let write_all = |some: Vec<Arc<Session>>| {
        let mut taken = Vec::new();
        some.iter().for_each(|session| session.write(&mut taken));
    };
    let Some(sockets) = sockets else { return write_all(owed) };
    while !owed.is_empty() {
        let some = owed.split_off(owed.len().saturating_sub(WRITTEN_AT_ONCE));
        sockets.spawn(async move { write_all(some) });
    }
}

async fn sleep_until(deadline: Option<time::Instant>) {
    match deadline {
        Some(deadline) => time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

fn now(start: Instant) -> Now {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Now { unix_ms: unix.as_millis() as u64, up_ms: start.elapsed().as_millis() as u64 }
}

/// Does what one input asks. Who asked may be gone by the time of the answer; a connection nobody takes detaches by itself.
fn take(state: &mut State, now: Now, input: Input) {
    match input {
        Input::Batch(batch) => state.publish(now, batch),
        Input::Typing(audience, start) => state.typing(now, &audience, start),
        Input::Attach(id, owner, reply) => _ = reply.send(state.attach(now, id, owner)),
        Input::Activate(key, activation, reply) => _ = reply.send(state.activate(now, key, *activation)),
        Input::Resume(request, reply) => {
            let ResumeRequest { session_id, user, auth, seq } = *request;
            _ = reply.send(state.resume(now, &session_id, user, auth, seq));
        }
        Input::Show(key, showing) => state.show(key, showing),
        Input::Voice(input) => take_voice(state, now, input),
        Input::Subscribe(key, subscriptions, rosters, reply) => {
            _ = reply.send(state.subscribe(now, key, &subscriptions, rosters));
        }
        Input::ReconnectAll(reply) => {
            state.reconnect_all(now);
            _ = reply.send(());
        }
        Input::Stop => {}
    }
}

fn take_voice(state: &mut State, now: Now, input: VoiceInput) {
    match input {
        VoiceInput::Join { key, guild, channel, own } => state.join_voice(now, key, guild, channel, own),
        VoiceInput::Leave { key, guild } => state.leave_voice_by(now, key, guild),
        VoiceInput::Move { guild, user, to, reply } => {
            _ = reply.send(state.move_voice(now, guild, user, to));
        }
        VoiceInput::JoinCall { key, conversation, own } => state.join_call(now, key, conversation, own),
        VoiceInput::Ring { channel, users, is_on, reply } => {
            _ = reply.send(state.ring(channel, users.as_deref(), is_on));
        }
        VoiceInput::ShowCall { key, channel } => state.show_call(key, channel),
        VoiceInput::Stage { guild, user, suppress, request } => {
            state.set_stage(now, guild, user, suppress, request);
        }
        VoiceInput::Play { effect, reply } => _ = reply.send(state.play_sound(now, effect)),
        VoiceInput::Status { guild, channel, status } => state.set_voice_status(now, guild, channel, status),
        VoiceInput::ShowRooms { key, guild } => state.show_rooms(now, key, guild),
        VoiceInput::Report(VoiceReport::Own(session, own)) => state.set_own_by(now, &session, own),
        VoiceInput::Report(VoiceReport::Ended(session)) => state.lose_voice(now, &session),
        VoiceInput::Report(VoiceReport::Idle(session)) => state.idle_voice(now, &session),
    }
}

/// The way to the hub, for everybody: a cheap clone.
#[derive(Clone, Debug)]
pub struct HubHandle {
    inlet: mpsc::Sender<Input>,
    board: Arc<Board>,
    meter: Meter,
    desk: Arc<Desk>,
}

impl HubHandle {
    /// Tells of a commit; for the store's writer, in the order of commits. Blocks while the hub is behind, so it must not be called
    /// from an async task.
    ///
    /// # Errors
    /// The hub has stopped.
    pub fn publish(&self, batch: Batch) -> Result<(), Stopped> {
        self.inlet.blocking_send(Input::Batch(batch)).map_err(|_| Stopped)
    }

    /// Makes a session, and keeps for it what happens from here on. Next the caller takes a snapshot of the store, checks in it
    /// that the login or bot token is live, builds READY and [activates](Self::activate) the session.
    ///
    /// # Errors
    /// The account has too many sessions, or the hub has stopped.
    pub async fn attach(&self, owner: Owner) -> Result<Connection, NotAttached> {
        let (reply, answer) = oneshot::channel();
        self.send(Input::Attach(session_id(), owner, reply)).await?;
        Ok(answer.await.map_err(|_| Stopped)??)
    }

    /// Makes an attached session live with the READY that was built for it. On [`Activated::Retry`] the caller builds another from
    /// a new snapshot, a few times at most.
    ///
    /// # Errors
    /// The hub has stopped.
    pub async fn activate(
        &self,
        connection: &Connection,
        activation: Activation,
    ) -> Result<Activated, Stopped> {
        let (reply, answer) = oneshot::channel();
        self.send(Input::Activate(connection.session().key, Box::new(activation), reply)).await?;
        answer.await.map_err(|_| Stopped)
    }

    /// Gives a session to a new socket: what its client missed, then RESUMED, wait in it. A socket that had it closes with 4000.
    ///
    /// # Errors
    /// The session can't be resumed, or the hub has stopped.
    pub async fn resume(&self, request: ResumeRequest) -> Result<Connection, NotResumed> {
        let (reply, answer) = oneshot::channel();
        self.send(Input::Resume(Box::new(request), reply)).await?;
        Ok(answer.await.map_err(|_| Stopped)??)
    }

    /// Changes what the session shows of its owner.
    ///
    /// # Errors
    /// The hub has stopped.
    pub async fn update_presence(&self, connection: &Connection, showing: Showing) -> Result<(), Stopped> {
        self.send(Input::Show(connection.session().key, showing)).await
    }

    /// Takes what the session looks at in guilds, in place of what it looked at there before. Returns the guilds for which the caller
    /// is to come again, with a [`Roster`] read since: their member list takes one, or the session's READY is ahead of the hub.
    ///
    /// # Errors
    /// The hub has stopped.
    pub async fn subscribe(
        &self,
        connection: &Connection,
        subscriptions: Arc<[GuildSubscription]>,
        rosters: Vec<Roster>,
    ) -> Result<Vec<GuildId>, Stopped> {
        let (reply, answer) = oneshot::channel();
        self.send(Input::Subscribe(connection.session().key, subscriptions, rosters, reply)).await?;
        answer.await.map_err(|_| Stopped)
    }

    /// Tells that somebody types, in its turn after the commits so far, unless they can't see the channel any more. Left out when
    /// the hub is behind.
    pub fn typing(&self, audience: Audience, start: TypingStart) {
        // Nobody misses one of these, so a full inlet is no error.
        let _ = self.inlet.try_send(Input::Typing(audience, start));
    }

    /// Asks every client to reconnect (op 7), over the next 2 s; for an orderly stop.
    ///
    /// # Errors
    /// The hub has stopped.
    pub async fn reconnect_all(&self) -> Result<(), Stopped> {
        let (reply, answer) = oneshot::channel();
        self.send(Input::ReconnectAll(reply)).await?;
        answer.await.map_err(|_| Stopped)
    }

    async fn send(&self, input: Input) -> Result<(), Stopped> {
        self.inlet.send(input).await.map_err(|_| Stopped)
    }

    /// Whether the hub has a replica of the guild, so that an [`Activation`] need not bring its snapshot. It may be let go at any
    /// time, which `activate` answers with [`Activated::Retry`].
    pub fn holds(&self, guild: GuildId) -> bool {
        self.board.holds(guild)
    }

    /// Who of the guild is online, as far as the session may know: bots by their intent, people in guilds with at most
    /// [`MAX_ONLINE_TOLD`] online. What changes after the session was attached is told to it.
    pub fn presences(&self, guild: GuildId, viewer: &Session) -> Vec<Presence> {
        self.board.presences(guild, viewer)
    }

    /// Those of these accounts that are online.
    pub fn presences_of(&self, users: &[UserId]) -> Vec<Presence> {
        self.board.presences_of(users)
    }

    /// How many of the guild are online, as far as the hub knows: 0 for one it does not hold.
    pub fn online_count(&self, guild: GuildId) -> usize {
        self.board.online_count(guild)
    }

    /// Some of those of the guild who are online.
    pub fn some_online(&self, guild: GuildId, most: usize) -> Vec<Presence> {
        self.board.some_online(guild, most)
    }

    /// The live sessions of a person, for their owner's eyes.
    pub fn sessions_of(&self, user: UserId) -> Arc<[SessionInfo]> {
        self.board.sessions_of(user)
    }

    /// The desk where media finds who may connect.
    pub fn desk(&self) -> &Arc<Desk> {
        &self.desk
    }

    /// Op 4 with a channel of a guild: joins it, moves there, or changes what one says of oneself. Who may not is told nothing.
    ///
    /// # Errors
    /// The hub has stopped.
    pub async fn join_voice(
        &self,
        connection: &Connection,
        guild: GuildId,
        channel: ChannelId,
        own: SelfState,
    ) -> Result<(), Stopped> {
        let key = connection.session().key;
        self.send(Input::Voice(VoiceInput::Join { key, guild, channel, own })).await
    }

    /// Op 4 without a channel: leaves voice in a guild, or everywhere.
    ///
    /// # Errors
    /// The hub has stopped.
    pub async fn leave_voice(&self, connection: &Connection, guild: Option<GuildId>) -> Result<(), Stopped> {
        self.send(Input::Voice(VoiceInput::Leave { key: connection.session().key, guild })).await
    }

    /// Moves somebody who is in voice to another channel of the guild, or out of voice; whether they were there.
    ///
    /// # Errors
    /// The hub has stopped.
    pub async fn move_voice(
        &self,
        guild: GuildId,
        user: UserId,
        to: Option<ChannelId>,
    ) -> Result<bool, Stopped> {
        let (reply, answer) = oneshot::channel();
        self.send(Input::Voice(VoiceInput::Move { guild, user, to, reply })).await?;
        answer.await.map_err(|_| Stopped)
    }

    /// Op 4 with a conversation's channel: begins its call or joins it.
    ///
    /// # Errors
    /// The hub has stopped.
    pub async fn join_call(
        &self,
        connection: &Connection,
        conversation: Conversation,
        own: SelfState,
    ) -> Result<(), Stopped> {
        let key = connection.session().key;
        self.send(Input::Voice(VoiceInput::JoinCall { key, conversation, own })).await
    }

    /// Rings those of a conversation who are not in its call, or stops to; `None` means all of them. Whether there is a call.
    ///
    /// # Errors
    /// The hub has stopped.
    pub async fn ring(
        &self,
        channel: ChannelId,
        users: Option<Vec<UserId>>,
        is_on: bool,
    ) -> Result<bool, Stopped> {
        let (reply, answer) = oneshot::channel();
        self.send(Input::Voice(VoiceInput::Ring { channel, users, is_on, reply })).await?;
        answer.await.map_err(|_| Stopped)
    }

    /// Op 13: tells a session of the call in a conversation, if there is one.
    ///
    /// # Errors
    /// The hub has stopped.
    pub async fn show_call(&self, connection: &Connection, channel: ChannelId) -> Result<(), Stopped> {
        self.send(Input::Voice(VoiceInput::ShowCall { key: connection.session().key, channel })).await
    }

    /// The message that tells of the call in a conversation, while there is one.
    pub fn call_in(&self, channel: ChannelId) -> Option<MessageId> {
        self.board.call_in(channel)
    }

    /// On a stage, makes somebody a speaker or audience, or notes when they asked to speak.
    ///
    /// # Errors
    /// The hub has stopped.
    pub async fn set_stage(
        &self,
        guild: GuildId,
        user: UserId,
        suppress: Option<bool>,
        request: Option<Option<Timestamp>>,
    ) -> Result<(), Stopped> {
        self.send(Input::Voice(VoiceInput::Stage { guild, user, suppress, request })).await
    }

    /// Plays a sound to everybody in a voice channel; whether who plays it is there and may be heard.
    ///
    /// # Errors
    /// The hub has stopped.
    pub async fn play_sound(&self, effect: VoiceEffect) -> Result<bool, Stopped> {
        let (reply, answer) = oneshot::channel();
        self.send(Input::Voice(VoiceInput::Play { effect, reply })).await?;
        answer.await.map_err(|_| Stopped)
    }

    /// Sets what a voice channel says it is about, until the last in it leaves.
    ///
    /// # Errors
    /// The hub has stopped.
    pub async fn set_voice_status(
        &self,
        guild: GuildId,
        channel: ChannelId,
        status: Option<String>,
    ) -> Result<(), Stopped> {
        self.send(Input::Voice(VoiceInput::Status { guild, channel, status })).await
    }

    /// Op 43: tells a session of the voice channels that it sees in a guild.
    ///
    /// # Errors
    /// The hub has stopped.
    pub async fn show_rooms(&self, connection: &Connection, guild: GuildId) -> Result<(), Stopped> {
        self.send(Input::Voice(VoiceInput::ShowRooms { key: connection.session().key, guild })).await
    }

    /// Takes a report of media, without waiting.
    ///
    /// # Errors
    /// The report comes back when the hub is behind; it is to be brought again.
    pub fn report_voice(&self, report: VoiceReport) -> Result<(), VoiceReport> {
        self.inlet.try_send(Input::Voice(VoiceInput::Report(report.clone()))).map_err(|_| report)
    }

    /// Who of a guild is in voice, wherever: the caller leaves out what its viewer can't see.
    pub fn voice_states(&self, guild: GuildId) -> Vec<VoiceState> {
        self.board.voice_states(guild)
    }

    /// Where somebody is in voice in a guild.
    pub fn voice_state(&self, guild: GuildId, user: UserId) -> Option<VoiceState> {
        self.board.voice_state(guild, user)
    }

    /// Encodes an event for one session: READY, GUILD_CREATE, member chunks. Its bytes count towards the rings' budget. `pieces` are
    /// those that the payload holds, in order.
    pub fn encode(&self, name: &'static str, payload: &impl Serialize, pieces: &[Piece]) -> Packet {
        encoding::encode_payload(name, payload, pieces, &self.meter)
    }
}

/// 128 random bits in hex.
fn session_id() -> Arc<str> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).expect("the system's randomness does not fail once it started");
    format!("{:032x}", u128::from_be_bytes(bytes)).into()
}
