//! The gateway protocol of one connection and of the session behind it, sans-IO (API.md §3): what clients say and what to do
//! about it (`client_frame`, `machine`), the events a session is owed and can be replayed (`ring`), the bytes sessions share
//! (`packet`, and parts of them `piece`). Sockets, tokens and who is told what are left to others.

pub mod client_frame;
mod close;
mod connect_query;
pub mod machine;
mod packet;
mod piece;
mod ring;

#[cfg(test)]
mod simulator;
#[cfg(test)]
mod tests;

pub use client_frame::{ClientFrame, Identify, Resume};
pub use close::{
    Close, CloseCode, HEARTBEAT_ACK, HEARTBEAT_INTERVAL_MS, HEARTBEAT_REQUEST, HELLO, INVALID_SESSION,
    RECONNECT, RESUME_WITHIN_MS, ends_session,
};
pub use connect_query::ConnectQuery;
pub use machine::{Admitted, Command, Machine, Shard, Step, Who};
pub use packet::{Meter, Packet, Place};
pub use piece::{Piece, Pieces, Splicer};
pub use ring::{
    MAX_ANSWER_BYTES, MAX_REPLAY_BYTES, MAX_REPLAY_BYTES_IN_ALL, MAX_REPLAY_EVENTS, MAX_UNSENT_BYTES,
    MAX_UNSENT_FRAMES, Replay, Ring,
};
