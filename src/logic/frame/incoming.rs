//! WebSocket frames as a server reads them (RFC 6455 §5): whole masked messages out of whatever pieces the socket gives. Fragments
//! are refused, so that a message is bounded by one length. Holds no memory between messages.

/// Bytes of the longest header a client writes: two, eight of extended length, four of mask.
pub const MAX_CLIENT_HEADER_BYTES: usize = 14;

/// What a client sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Received<'a> {
    /// A text or binary message.
    Message(&'a [u8]),
    /// A ping, to be answered with its payload.
    Ping(&'a [u8]),
    /// A pong.
    Pong,
    /// A close, with its payload.
    Close(&'a [u8]),
}

/// Why bytes are no frames a client may send.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FrameFault {
    /// A reserved bit or opcode.
    Reserved,
    /// No mask (RFC 6455 §5.1 asks servers to close).
    Unmasked,
    /// A piece of a message.
    Fragmented,
    /// A control frame that is too long or in pieces.
    BadControl,
    /// A message longer than the limit.
    TooLong,
}

/// Bytes received and not yet read as frames: at most one message of the limit, its header, and what came with one read.
#[derive(Default, Debug)]
pub struct Incoming {
    bytes: Vec<u8>,
    start: usize,
}

impl Incoming {
    /// Adds what a read gave.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole frame, its payload unmasked; `None` when more has to be read first. Messages hold at most `limit` bytes.
    pub fn next(&mut self, limit: usize) -> Result<Option<Received<'_>>, FrameFault> {
        let Some(header) = Header::read(&self.bytes[self.start..], limit)? else {
            self.forget_read();
            return Ok(None);
        };
        let payload = self.start + header.len;
        let Some(end) = payload.checked_add(header.payload_len).filter(|end| *end <= self.bytes.len()) else {
            self.forget_read();
            return Ok(None);
        };
        self.start = end;
        let payload = &mut self.bytes[payload..end];
        unmask(payload, header.mask);
        Ok(Some(match header.kind {
            Kind::Message => Received::Message(payload),
            Kind::Ping => Received::Ping(payload),
            Kind::Pong => Received::Pong,
            Kind::Close => Received::Close(payload),
        }))
    }

    fn forget_read(&mut self) {
        if self.start == self.bytes.len() {
            *self = Self::default();
        } else {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Message,
    Ping,
    Pong,
    Close,
}

struct Header {
    kind: Kind,
    len: usize,
    payload_len: usize,
    mask: [u8; 4],
}

impl Header {
    /// Reads a header as soon as it is there; faults show as early as they can.
    fn read(bytes: &[u8], limit: usize) -> Result<Option<Self>, FrameFault> {
        let [first, second, rest @ ..] = bytes else { return Ok(None) };
        let (is_final, opcode) = (first & 0x80 != 0, first & 0x0f);
        let kind = match opcode {
            _ if first & 0x70 != 0 => return Err(FrameFault::Reserved),
            0x0 => return Err(FrameFault::Fragmented),
            0x1 | 0x2 if !is_final => return Err(FrameFault::Fragmented),
            0x1 | 0x2 => Kind::Message,
            0x8 => Kind::Close,
            0x9 => Kind::Ping,
            0xa => Kind::Pong,
            _ => return Err(FrameFault::Reserved),
        };
        if second & 0x80 == 0 {
            return Err(FrameFault::Unmasked);
        }
        let code = second & 0x7f;
        if !matches!(kind, Kind::Message) && (!is_final || code > 125) {
            return Err(FrameFault::BadControl);
        }
        let (payload_len, rest) = match code {
            126 => match rest.split_first_chunk() {
                Some((len, rest)) => (u64::from(u16::from_be_bytes(*len)), rest),
                None => return Ok(None),
            },
            127 => match rest.split_first_chunk() {
                Some((len, rest)) => (u64::from_be_bytes(*len), rest),
                None => return Ok(None),
            },
            len => (u64::from(len), rest),
        };
        let payload_len = usize::try_from(payload_len).map_err(|_| FrameFault::TooLong)?;
        if matches!(kind, Kind::Message) && payload_len > limit {
            return Err(FrameFault::TooLong);
        }
        let Some(mask) = rest.first_chunk() else { return Ok(None) };
        Ok(Some(Self { kind, len: bytes.len() - rest.len() + mask.len(), payload_len, mask: *mask }))
    }
}

/// RFC 6455 §5.3.
fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    for (byte, mask) in payload.iter_mut().zip(mask.into_iter().cycle()) {
        *byte ^= mask;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMIT: usize = 70_000;

    fn frame(first: u8, payload: &[u8], mask: [u8; 4]) -> Vec<u8> {
        let mut bytes = vec![first];
        match payload.len() {
            len @ 0..=125 => bytes.push(0x80 | len as u8),
            len @ 126..=65_535 => {
                bytes.push(0x80 | 126);
                bytes.extend((len as u16).to_be_bytes());
            }
            len => {
                bytes.push(0x80 | 127);
                bytes.extend((len as u64).to_be_bytes());
            }
        }
        bytes.extend(mask);
        bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        bytes
    }

    fn fault(bytes: &[u8]) -> FrameFault {
        let mut incoming = Incoming::default();
        incoming.push(bytes);
        incoming.next(LIMIT).unwrap_err()
    }

    #[test]
    fn what_breaks_the_protocol_is_told_by_its_header_alone() {
        assert_eq!(fault(&[0xc1, 0x80]), FrameFault::Reserved);
        assert_eq!(fault(&[0x83, 0x80]), FrameFault::Reserved);
        assert_eq!(fault(&[0x81, 0x05]), FrameFault::Unmasked);
        assert_eq!(fault(&[0x01, 0x85]), FrameFault::Fragmented);
        assert_eq!(fault(&[0x80, 0x85]), FrameFault::Fragmented);
        assert_eq!(fault(&[0x89, 0xfe]), FrameFault::BadControl);
        assert_eq!(fault(&[0x08, 0x80]), FrameFault::BadControl);
        assert_eq!(fault(&[0x81, 0xff, 0, 0, 0, 0, 0, 1, 0x11, 0x71]), FrameFault::TooLong);
        assert_eq!(fault(&[0x82, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0]), FrameFault::TooLong);
    }

    #[test]
    fn nothing_is_held_between_messages() {
        let mut incoming = Incoming::default();
        incoming.push(&frame(0x82, &[7; 3_000], [1, 2, 3, 4]));
        assert_eq!(incoming.next(LIMIT), Ok(Some(Received::Message(&[7; 3_000]))));
        assert_eq!(incoming.next(LIMIT), Ok(None));
        assert_eq!(incoming.bytes.capacity(), 0);
    }

    proptest! {
        #[test]
        fn frames_come_out_however_the_bytes_come_in(
            sent in prop::collection::vec((0usize..4, prop::collection::vec(any::<u8>(), 0..400), any::<[u8; 4]>()), 1..8),
            cuts in prop::collection::vec(1usize..300, 1..40),
        ) {
            let firsts = [0x81, 0x89, 0x8a, 0x88];
            let sent: Vec<_> = sent.into_iter().map(|(kind, mut payload, mask)| {
                if kind != 0 { payload.truncate(125) }
                (kind, payload, mask)
            }).collect();
            let stream: Vec<u8> =
                sent.iter().flat_map(|(kind, payload, mask)| frame(firsts[*kind], payload, *mask)).collect();
            let (mut incoming, mut got, mut rest) = (Incoming::default(), Vec::new(), &stream[..]);
            let mut cuts = cuts.into_iter().cycle();
            while !rest.is_empty() {
                let (piece, left) = rest.split_at(cuts.next().unwrap().min(rest.len()));
                rest = left;
                incoming.push(piece);
                while let Some(frame) = incoming.next(LIMIT).unwrap() {
                    got.push(match frame {
                        Received::Message(payload) => (0, payload.to_vec()),
                        Received::Ping(payload) => (1, payload.to_vec()),
                        Received::Pong => (2, Vec::new()),
                        Received::Close(payload) => (3, payload.to_vec()),
                    });
                }
            }
            let sent: Vec<_> = sent.into_iter()
                .map(|(kind, payload, _)| (kind, if kind == 2 { Vec::new() } else { payload })).collect();
            prop_assert_eq!(got, sent);
            prop_assert_eq!(incoming.bytes.len(), 0);
        }

        #[test]
        fn strangers_bytes_never_panic_and_never_pile_up(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            let mut incoming = Incoming::default();
            for piece in bytes.chunks(16) {
                incoming.push(piece);
                while let Ok(Some(_)) = incoming.next(200) {}
                if incoming.next(200).is_err() { return Ok(()) }
                prop_assert!(incoming.bytes.len() <= 200 + MAX_CLIENT_HEADER_BYTES);
            }
        }
    }
}
