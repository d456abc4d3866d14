//! Gateway messages as WebSocket frames, with transport compression that keeps no state per session (STACK.md §7).
//!
//! What sessions share is compressed once, into blocks that refer to nothing before them, so that the same bytes continue any
//! session's stream; a session's own opening goes before them in a stored block. A connection remembers one thing: whether its
//! stream has begun.

pub mod zlib;
pub mod zstd;

#[cfg(test)]
mod tests;

use bytes::Bytes;

use crate::logic::frame;
use crate::logic::inline::Inline;
use crate::logic::session::Packet;
use crate::model::Decimal;

/// Bytes of the longest thing of its own that a session says before a shared tail: `{"op":0,"s":`, twenty digits and a comma.
pub const MAX_OPENING_BYTES: usize = 33;
/// Bytes of the longest head: a frame header, a stream header, a block header and an opening.
pub const MAX_HEAD_BYTES: usize = frame::MAX_HEADER_BYTES + 6 + 5 + MAX_OPENING_BYTES;

/// How a connection asked for what it is sent to be compressed.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub enum Compression {
    /// Text frames.
    #[default]
    None,
    /// `zlib-stream`: binary frames that continue one zlib stream.
    Zlib,
    /// `zstd-stream`: binary frames that continue one zstd frame.
    Zstd,
}

/// A frame's header and what is the session's own, before a body that is shared.
pub type Head = Inline<MAX_HEAD_BYTES>;

/// One gateway message as one WebSocket frame: `head`, then `body`, for one vectored write. The body is shared, never copied.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The frame's header and what is the session's own.
    pub head: Head,
    /// The rest of the frame.
    pub body: Bytes,
}

impl Delivery {
    /// Bytes the frame takes on the wire.
    pub fn wire_len(&self) -> usize {
        self.head.len() + self.body.len()
    }
}

/// The way out of one connection: makes frames of packets in the connection's compression. Two bytes of state, made anew for
/// each connection, so that a resumed session starts a fresh stream.
#[derive(Debug)]
pub struct Outbound {
    compression: Compression,
    begun: bool,
}

impl Outbound {
    /// The way out of a new connection.
    pub fn new(compression: Compression) -> Self {
        Self { compression, begun: false }
    }

    /// A dispatch: `{"op":0,"s":seq,` and the packet's shared tail.
    pub fn dispatch(&mut self, seq: u64, packet: &Packet) -> Delivery {
        let (head, body) = self.parts(seq, packet);
        Delivery { head, body: body.clone() }
    }

    /// The same for who writes it at once: the body is the packet's own.
    pub fn parts<'a>(&mut self, seq: u64, packet: &'a Packet) -> (Head, &'a Bytes) {
        let mut opening = Inline::<MAX_OPENING_BYTES>::new();
        opening.extend(br#"{"op":0,"s":"#);
        opening.extend(Decimal::new(seq).as_bytes());
        opening.push(b',');
        let body = match self.compression {
            Compression::None => packet.text(),
            Compression::Zlib => packet.zlib(),
            Compression::Zstd => packet.zstd(),
        };
        (self.head(&opening, body.len()), body)
    }

    /// A message that is wholly the session's own (hello, heartbeat ACK): encoded for it alone.
    pub fn own(&mut self, message: &[u8]) -> Delivery {
        let body = match self.compression {
            Compression::None => Bytes::copy_from_slice(message),
            Compression::Zlib => zlib::shared(message),
            Compression::Zstd => zstd::shared(message),
        };
        Delivery { head: self.head(&[], body.len()), body }
    }

    fn head(&mut self, opening: &[u8], body_len: usize) -> Head {
        let first = !std::mem::replace(&mut self.begun, true);
        let own: Inline<{ MAX_HEAD_BYTES - frame::MAX_HEADER_BYTES }> = match self.compression {
            Compression::None => {
                let mut own = Inline::new();
                own.extend(opening);
                own
            }
            Compression::Zlib => zlib::opening(first, opening),
            Compression::Zstd => zstd::opening(first, opening),
        };
        let len = own.len() + body_len;
        let mut head = Head::new();
        head.extend(&match self.compression {
            Compression::None => frame::text_header(len),
            Compression::Zlib | Compression::Zstd => frame::binary_header(len),
        });
        head.extend(&own);
        head
    }
}
