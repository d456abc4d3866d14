//! The voice gateway's protocol: what clients say, how connections close, and what is kept for one that resumes (API.md §6.2,
//! VOICE.md §5). Bots speak Discord's part of it; the web client adds opcodes from 100 on.

mod client;
mod ring;

pub use client::{
    ClientMessage, Fault, Identify, MAX_SDP_BYTES, Offer, Quality, Resume, Select, SelfUpdate, Tracks,
    VideoWant,
};
pub use ring::{MAX_KEPT, Ring};

/// Milliseconds between the heartbeats that a client is asked for.
pub const HEARTBEAT_MS: u64 = 13_750;
/// Milliseconds without a heartbeat after which a connection is given up: three intervals, as libraries count.
pub const HEARTBEAT_TIMEOUT_MS: u64 = 3 * HEARTBEAT_MS;
/// Milliseconds a connection may take to identify (SAFETY.md §6).
pub const IDENTIFY_WITHIN_MS: u64 = 10_000;
/// Milliseconds for which a session without a connection can be resumed.
pub const RESUMABLE_MS: u64 = 60_000;
/// Bytes of the longest message: a description and what is around it.
pub const MAX_MESSAGE_BYTES: usize = MAX_SDP_BYTES + 4_096;
/// Messages of one second, and how many of them may be offers.
pub const MAX_MESSAGES_PER_S: u32 = 20;
/// Offers of one second.
pub const MAX_OFFERS_PER_S: u32 = 5;

/// Why a voice connection closes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u16)]
pub enum VoiceClose {
    /// The server restarts (RFC 6455's registry: service restart).
    Restart = 1012,
    /// No such opcode.
    UnknownOpcode = 4001,
    /// Not JSON of the right shape.
    Decode = 4002,
    /// Something else before Identify.
    NotIdentified = 4003,
    /// The token is not valid.
    BadToken = 4004,
    /// A second Identify.
    AlreadyIdentified = 4005,
    /// The session is not, or no longer, there.
    SessionInvalid = 4006,
    /// No heartbeat in time.
    Timeout = 4009,
    /// A protocol that is not spoken.
    UnknownProtocol = 4012,
    /// Moved, removed, or the channel is gone; not to be tried again.
    Disconnected = 4014,
    /// Media failed here; resume.
    Crashed = 4015,
    /// An encryption that is not spoken.
    UnknownMode = 4016,
    /// What can't be asked.
    BadRequest = 4020,
    /// Too many messages.
    RateLimited = 4021,
}

impl VoiceClose {
    /// The number on the wire.
    pub const fn number(self) -> u16 {
        self as u16
    }

    /// The reason in words.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Restart => "the server restarts",
            Self::UnknownOpcode => "there is no such opcode",
            Self::Decode => "the message does not fit its opcode",
            Self::NotIdentified => "identify first",
            Self::BadToken => "the token is not valid",
            Self::AlreadyIdentified => "identified already",
            Self::SessionInvalid => "the session is no longer valid",
            Self::Timeout => "no heartbeat came in time",
            Self::UnknownProtocol => "the protocol is udp or webrtc",
            Self::Disconnected => "disconnected",
            Self::Crashed => "media has to begin anew",
            Self::UnknownMode => "the mode is none of those offered",
            Self::BadRequest => "the request can't be carried out",
            Self::RateLimited => "too many messages",
        }
    }
}

/// Encryptions of bots' packets, in the order in which they are offered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// AES-256-GCM, the counter at the packet's end.
    Aes,
    /// XChaCha20-Poly1305, the counter at the packet's end.
    XChaCha,
}

impl Mode {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Aes, Self::XChaCha];

    /// Its name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Aes => "aead_aes256_gcm_rtpsize",
            Self::XChaCha => "aead_xchacha20_poly1305_rtpsize",
        }
    }

    /// The one with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.name() == name)
    }
}
