//! Close codes of the gateway (API.md §3.1) and the frames a server says outside dispatches.

/// Milliseconds between the heartbeats a client is asked for.
pub const HEARTBEAT_INTERVAL_MS: u64 = 41_250;
/// Milliseconds for which a session without a connection can be resumed (API.md §3.2).
pub const RESUME_WITHIN_MS: u64 = 5 * 60_000;
/// Op 10, at once after a connection is made.
pub const HELLO: &str = r#"{"op":10,"s":null,"t":null,"d":{"heartbeat_interval":41250,"_trace":[]}}"#;
/// Op 11, the answer to a heartbeat.
pub const HEARTBEAT_ACK: &str = r#"{"op":11,"s":null,"t":null,"d":null}"#;
/// Op 1, asking for a heartbeat now.
pub const HEARTBEAT_REQUEST: &str = r#"{"op":1,"s":null,"t":null,"d":null}"#;
/// Op 7, asking the client to come back and resume; a close with [`CloseCode::Unknown`] follows.
pub const RECONNECT: &str = r#"{"op":7,"s":null,"t":null,"d":null}"#;
/// Op 9: the session can't go on, and the client is to identify anew. The client closes, not the server.
pub const INVALID_SESSION: &str = r#"{"op":9,"s":null,"t":null,"d":false}"#;

/// Why the gateway closes a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u16)]
pub enum CloseCode {
    /// Bytes that break the WebSocket protocol itself (RFC 6455 §7.4.1).
    Protocol = 1002,
    /// The session lives on; also after op 7, and when another connection resumes it.
    Unknown = 4000,
    /// An opcode that does not exist.
    UnknownOpcode = 4001,
    /// A payload that can't be read, or is too large.
    Decode = 4002,
    /// A payload before Identify.
    NotAuthenticated = 4003,
    /// A token that is not, or is no longer, good. Clients stop.
    BadToken = 4004,
    /// A second Identify.
    AlreadyIdentified = 4005,
    /// A sequence number that can't be.
    BadSeq = 4007,
    /// Too many payloads.
    RateLimited = 4008,
    /// No heartbeat, or no Identify, in time.
    SessionTimeout = 4009,
    /// A shard that can't be. Clients stop.
    BadShard = 4010,
    /// A version or an encoding not spoken here. Clients stop.
    BadVersion = 4012,
    /// Intents that are missing or mean nothing. Clients stop.
    BadIntents = 4013,
    /// A privileged intent that the application has not switched on. Clients stop.
    DisallowedIntents = 4014,
    /// More sessions than an account may have.
    TooManySessions = 4015,
}

impl CloseCode {
    /// The number on the wire.
    pub const fn number(self) -> u16 {
        self as u16
    }
}

/// A close: its code and a reason in words, at most [`frame::MAX_REASON_BYTES`](crate::logic::frame::MAX_REASON_BYTES).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Close {
    /// The code.
    pub code: CloseCode,
    /// The reason.
    pub reason: &'static str,
}

impl Close {
    /// A close with this code and reason.
    pub const fn new(code: CloseCode, reason: &'static str) -> Self {
        Self { code, reason }
    }
}

/// Whether a close by the client, with this code if it gave one, ends its session at once; otherwise it may resume.
pub fn ends_session(client_code: Option<u16>) -> bool {
    matches!(client_code, Some(1000 | 1001))
}
