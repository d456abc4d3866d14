//! The protocol of one connection as a state machine: bytes and the time go in, what to do comes out. The socket reads one
//! payload, does what its step says (which may take time: a token is looked up elsewhere), then reads the next.

use std::collections::HashMap;

use crate::logic::intents::Intents;
use crate::logic::session::client_frame::{
    ClientFrame, Fault, GuildSubscription, Identify, PresenceUpdate, RequestMembers, Resume,
    VoiceStateUpdate, WhichMembers,
};
use crate::logic::session::{Close, CloseCode, HEARTBEAT_ACK, HEARTBEAT_INTERVAL_MS, Packet};
use crate::model::{ChannelId, GuildId};

/// Bytes of a payload before Identify, and of a bot's.
pub const MAX_PAYLOAD_BYTES: usize = 4_096;
/// Bytes of a person's payload.
pub const MAX_PERSON_PAYLOAD_BYTES: usize = 64 << 10;
/// Milliseconds a connection has to identify or resume (SAFETY.md §6).
pub const IDENTIFY_WITHIN_MS: u64 = 30_000;
/// Milliseconds without a heartbeat after which a connection is given up: one and a half intervals.
pub const HEARTBEAT_WITHIN_MS: u64 = HEARTBEAT_INTERVAL_MS * 3 / 2;
/// Payloads in a window of [`PAYLOAD_WINDOW_MS`]: 120, and a tenth for clients whose clock is not ours.
pub const MAX_PAYLOADS: u32 = 132;
/// The window payloads are counted in.
pub const PAYLOAD_WINDOW_MS: u64 = 60_000;
/// Presence updates in a window of [`PRESENCE_WINDOW_MS`]; more are dropped.
pub const MAX_PRESENCES: u32 = 5;
/// The window presence updates are counted in.
pub const PRESENCE_WINDOW_MS: u64 = 20_000;
/// Milliseconds between a bot's requests for all members of one guild.
pub const ALL_MEMBERS_EVERY_MS: u64 = 30_000;
/// Guilds for which a last such request is remembered; at the bound, those that may ask again are forgotten first, then all.
const MAX_REMEMBERED_GUILDS: usize = 1_000;

/// What to do after a payload.
#[derive(Debug)]
pub enum Step {
    /// Nothing.
    Nothing,
    /// Send this message as it is.
    Reply(&'static str),
    /// Check the token, then [`Machine::admit`], [`Machine::refuse`] or close.
    Identify(Box<Identify>),
    /// Check the token and find the session, then [`Machine::resumed`], [`Machine::refuse`] or close.
    Resume(Resume),
    /// Do what the session asks.
    Forward(Command),
    /// Send this event to this session alone.
    Dispatch(Packet),
    /// Close the connection.
    Close(Close),
}

/// What an identified session asks for.
#[derive(Clone, PartialEq, Debug)]
pub enum Command {
    /// Show this presence.
    Presence(PresenceUpdate),
    /// Join, move in or leave voice.
    VoiceState(VoiceStateUpdate),
    /// Send members.
    RequestMembers(RequestMembers),
    /// Look at these guilds; people only.
    Subscribe(Vec<GuildSubscription>),
    /// Tell of the call in this channel; people only.
    ConnectCall(ChannelId),
    /// Send the sounds of these guilds.
    RequestSounds(Vec<GuildId>),
    /// Tell of the voice channels of this guild.
    RequestChannels(GuildId),
}

/// Whose session it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Who {
    /// A person.
    Person,
    /// A bot, with its application's flags, which hold its privileged intents.
    Bot {
        /// The flags.
        application_flags: u64,
    },
}

/// What an accepted Identify settled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Admitted {
    /// What the session is told of: everything, for people.
    pub intents: Intents,
    /// Its part of the guilds.
    pub shard: Option<Shard>,
}

impl Admitted {
    /// What an Identify whose token named `who` settles, or why its words can't be accepted.
    pub fn check(who: Who, identify: &Identify) -> Result<Self, Close> {
        match who {
            Who::Person => Ok(Self { intents: Intents::ALL, shard: None }),
            Who::Bot { application_flags } => admit_bot(application_flags, identify),
        }
    }
}

/// One of several sessions that share a bot's guilds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shard {
    /// Which, from 0.
    pub id: u64,
    /// How many.
    pub count: u64,
}

impl Shard {
    /// The shard of an Identify, if it can be.
    pub fn check([id, count]: [u64; 2]) -> Option<Self> {
        (id < count).then_some(Self { id, count })
    }

    /// Whether the guild is this shard's. What belongs to no guild is shard 0's.
    pub fn holds(self, guild: GuildId) -> bool {
        (guild.get() >> 22) % self.count == self.id
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Nobody yet.
    AwaitIdentify {
        /// When it is too late.
        until_ms: u64,
    },
    /// A bot.
    Bot,
    /// A person.
    Person,
}

/// The protocol of one connection. `now_ms` is milliseconds of any clock that does not go back.
#[derive(Debug)]
pub struct Machine {
    state: State,
    heartbeat_until_ms: u64,
    last_heartbeat_seq: Option<u64>,
    payloads: Window,
    presences: Window,
    all_members: AllMembersLimit,
}

impl Machine {
    /// The machine of a connection made now, to which hello has been or will be sent.
    pub fn new(now_ms: u64) -> Self {
        Self {
            state: State::AwaitIdentify { until_ms: now_ms + IDENTIFY_WITHIN_MS },
            heartbeat_until_ms: now_ms + HEARTBEAT_WITHIN_MS,
            last_heartbeat_seq: None,
            payloads: Window::new(PAYLOAD_WINDOW_MS, MAX_PAYLOADS),
            presences: Window::new(PRESENCE_WINDOW_MS, MAX_PRESENCES),
            all_members: AllMembersLimit::default(),
        }
    }

    /// Bytes the next payload may have; a socket need not keep more.
    pub fn payload_limit(&self) -> usize {
        match self.state {
            State::Person => MAX_PERSON_PAYLOAD_BYTES,
            State::Bot | State::AwaitIdentify { .. } => MAX_PAYLOAD_BYTES,
        }
    }

    /// Whether an Identify or Resume was accepted.
    pub fn is_identified(&self) -> bool {
        !matches!(self.state, State::AwaitIdentify { .. })
    }

    /// The number the last heartbeat carried: everything up to it has been seen.
    pub fn last_heartbeat_seq(&self) -> Option<u64> {
        self.last_heartbeat_seq
    }

    /// Takes a payload, of a text or a binary frame alike.
    pub fn on_frame(&mut self, now_ms: u64, bytes: &[u8]) -> Step {
        if !self.payloads.admits(now_ms) {
            return Step::Close(Close::new(CloseCode::RateLimited, "more than 120 payloads in 60 seconds"));
        }
        let frame = match ClientFrame::parse(bytes, self.payload_limit()) {
            Ok(frame) => frame,
            Err(Fault::UnknownOpcode) if self.state == State::Person => return Step::Nothing,
            Err(fault) => return Step::Close(fault.into()),
        };
        match (frame, self.is_identified()) {
            (ClientFrame::Heartbeat(seq), _) => {
                self.heartbeat_until_ms = now_ms + HEARTBEAT_WITHIN_MS;
                self.last_heartbeat_seq = seq.or(self.last_heartbeat_seq);
                Step::Reply(HEARTBEAT_ACK)
            }
            (ClientFrame::Identify(identify), false) => Step::Identify(identify),
            (ClientFrame::Resume(resume), false) => Step::Resume(resume),
            (ClientFrame::Identify(_) | ClientFrame::Resume(_), true) => Step::Close(Close::new(
                CloseCode::AlreadyIdentified,
                "this connection has identified already",
            )),
            (_, false) => Step::Close(Close::new(CloseCode::NotAuthenticated, "identify or resume first")),
            (frame, true) => self.command(now_ms, frame),
        }
    }

    fn command(&mut self, now_ms: u64, frame: ClientFrame) -> Step {
        let is_person = self.state == State::Person;
        match frame {
            ClientFrame::Presence(presence) if self.presences.admits(now_ms) => {
                Step::Forward(Command::Presence(presence))
            }
            ClientFrame::VoiceState(voice) => Step::Forward(Command::VoiceState(voice)),
            ClientFrame::RequestMembers(request) => self.request_members(now_ms, request),
            ClientFrame::Subscribe(guilds) if is_person => Step::Forward(Command::Subscribe(guilds)),
            ClientFrame::ConnectCall(channel) if is_person => Step::Forward(Command::ConnectCall(channel)),
            ClientFrame::RequestSounds(guilds) => Step::Forward(Command::RequestSounds(guilds)),
            ClientFrame::RequestChannels(guild) => Step::Forward(Command::RequestChannels(guild)),
            _ => Step::Nothing,
        }
    }

    fn request_members(&mut self, now_ms: u64, request: RequestMembers) -> Step {
        if self.state == State::Bot && request.which == WhichMembers::All {
            for guild in &request.guild_ids {
                if let Err(retry_after_ms) = self.all_members.admit(now_ms, *guild) {
                    return Step::Dispatch(rate_limited(retry_after_ms, *guild, request.nonce.as_deref()));
                }
            }
        }
        Step::Forward(Command::RequestMembers(request))
    }

    /// Accepts an Identify whose token named `who`, or tells why its words can't be accepted.
    pub fn admit(&mut self, who: Who, identify: &Identify) -> Result<Admitted, Close> {
        let admitted = Admitted::check(who, identify)?;
        self.resumed(who);
        Ok(admitted)
    }

    /// Accepts a Resume of a session of `who`.
    pub fn resumed(&mut self, who: Who) {
        self.state = match who {
            Who::Person => State::Person,
            Who::Bot { .. } => State::Bot,
        };
    }

    /// Op 9 was sent: the client has as long as at first to identify.
    pub fn refuse(&mut self, now_ms: u64) {
        self.state = State::AwaitIdentify { until_ms: now_ms + IDENTIFY_WITHIN_MS };
    }

    /// When to call [`on_time`](Self::on_time) if nothing comes.
    pub fn next_deadline(&self) -> u64 {
        match self.state {
            State::AwaitIdentify { until_ms } => until_ms.min(self.heartbeat_until_ms),
            State::Bot | State::Person => self.heartbeat_until_ms,
        }
    }

    /// Whether the connection has to be given up by now. The session is kept.
    pub fn on_time(&self, now_ms: u64) -> Option<Close> {
        if now_ms < self.next_deadline() {
            return None;
        }
        Some(match self.state {
            State::AwaitIdentify { until_ms } if until_ms <= now_ms => {
                Close::new(CloseCode::SessionTimeout, "no identify within 30 seconds")
            }
            _ => Close::new(CloseCode::SessionTimeout, "no heartbeat within one and a half intervals"),
        })
    }
}

fn admit_bot(application_flags: u64, identify: &Identify) -> Result<Admitted, Close> {
    let Some(intents) = identify.intents else {
        return Err(Close::new(CloseCode::BadIntents, "bots must name their intents"));
    };
    let Some(intents) = Intents::from_bits(intents) else {
        return Err(Close::new(CloseCode::BadIntents, "the intents hold bits that mean nothing"));
    };
    if !intents.disallowed(application_flags).is_empty() {
        let reason = "a privileged intent is not switched on for this application";
        return Err(Close::new(CloseCode::DisallowedIntents, reason));
    }
    let shard = match identify.shard {
        Some(shard) => {
            Some(Shard::check(shard).ok_or(Close::new(CloseCode::BadShard, "there is no such shard"))?)
        }
        None => None,
    };
    Ok(Admitted { intents, shard })
}

/// RATE_LIMITED, for a request that came too soon.
fn rate_limited(retry_after_ms: u64, guild: GuildId, nonce: Option<&str>) -> Packet {
    let data = serde_json::json!({
        "opcode": 8,
        "retry_after": retry_after_ms as f64 / 1000.0,
        "meta": { "guild_id": guild, "nonce": nonce },
    });
    Packet::of("RATE_LIMITED", &data.to_string())
}

/// Counts what comes within a window of time that starts with the first of it.
#[derive(Debug)]
struct Window {
    length_ms: u64,
    limit: u32,
    until_ms: u64,
    count: u32,
}

impl Window {
    fn new(length_ms: u64, limit: u32) -> Self {
        Self { length_ms, limit, until_ms: 0, count: 0 }
    }

    /// Counts one more; whether it is within the limit.
    fn admits(&mut self, now_ms: u64) -> bool {
        if now_ms >= self.until_ms {
            (self.until_ms, self.count) = (now_ms + self.length_ms, 0);
        }
        self.count = self.count.saturating_add(1);
        self.count <= self.limit
    }
}

/// When each guild's member list may be asked for again. A connection has its own; guilds of a bot with several connections are
/// split among them by shard.
#[derive(Debug, Default)]
struct AllMembersLimit {
    allowed_from_ms: HashMap<GuildId, u64>,
}

impl AllMembersLimit {
    /// Counts a request, or says in how many milliseconds it may be made.
    fn admit(&mut self, now_ms: u64, guild: GuildId) -> Result<(), u64> {
        if let Some(wait_ms) =
            self.allowed_from_ms.get(&guild).and_then(|from_ms| from_ms.checked_sub(now_ms))
            && wait_ms > 0
        {
            return Err(wait_ms);
        }
        if self.allowed_from_ms.len() >= MAX_REMEMBERED_GUILDS {
            self.allowed_from_ms.retain(|_, from_ms| *from_ms > now_ms);
            if self.allowed_from_ms.len() >= MAX_REMEMBERED_GUILDS {
                self.allowed_from_ms.clear();
            }
        }
        self.allowed_from_ms.insert(guild, now_ms + ALL_MEMBERS_EVERY_MS);
        Ok(())
    }
}
