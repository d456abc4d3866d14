//! WebSocket frames as a server sends them (RFC 6455 §5.2): whole messages, never masked, never fragmented. Headers and control
//! frames are small values on the stack. What clients send is read by `incoming`.

pub mod incoming;

use crate::logic::inline::Inline;

/// Bytes of the longest frame header a server writes: two, and eight of extended length.
pub const MAX_HEADER_BYTES: usize = 10;
/// Bytes of the longest payload of a control frame (RFC 6455 §5.5).
pub const MAX_CONTROL_PAYLOAD_BYTES: usize = 125;
/// Bytes of the longest close reason: the code takes two of the payload.
pub const MAX_REASON_BYTES: usize = MAX_CONTROL_PAYLOAD_BYTES - 2;

const FIN: u8 = 0x80;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xA;

/// A frame's header, to be followed by its payload.
pub type Header = Inline<MAX_HEADER_BYTES>;
/// A whole control frame.
pub type Control = Inline<{ 2 + MAX_CONTROL_PAYLOAD_BYTES }>;
/// The payload of a close frame: a code and a reason (RFC 6455 §5.5.1).
pub type ClosePayload = Inline<MAX_CONTROL_PAYLOAD_BYTES>;

/// The header of a whole text message of `len` bytes.
pub fn text_header(len: usize) -> Header {
    header(TEXT, len)
}

/// The header of a whole binary message of `len` bytes.
pub fn binary_header(len: usize) -> Header {
    header(BINARY, len)
}

fn header(opcode: u8, len: usize) -> Header {
    let mut header = Header::new();
    header.push(FIN | opcode);
    if len <= MAX_CONTROL_PAYLOAD_BYTES {
        header.push(len as u8);
    } else if let Ok(len) = u16::try_from(len) {
        header.push(126);
        header.extend(&len.to_be_bytes());
    } else {
        header.push(127);
        header.extend(&(len as u64).to_be_bytes());
    }
    header
}

/// A close frame with a code and a reason; a reason over [`MAX_REASON_BYTES`] is cut at a character.
pub fn close(code: u16, reason: &str) -> Control {
    control(CLOSE, &close_payload(code, reason))
}

/// What a close frame carries, for a socket that writes the frame itself.
pub fn close_payload(code: u16, reason: &str) -> ClosePayload {
    let mut payload = ClosePayload::new();
    payload.extend(&code.to_be_bytes());
    payload.extend(&reason.as_bytes()[..reason.floor_char_boundary(MAX_REASON_BYTES)]);
    payload
}

/// The code of a close frame's payload from the peer: `None` when it gave none, or a payload too short to hold one.
pub fn close_code(payload: &[u8]) -> Option<u16> {
    payload.first_chunk().copied().map(u16::from_be_bytes)
}

/// A ping without payload.
pub fn ping() -> Control {
    control(PING, &[])
}

/// The answer to a ping, with its payload; `None` when that is longer than the protocol lets a ping be.
pub fn pong(payload: &[u8]) -> Option<Control> {
    (payload.len() <= MAX_CONTROL_PAYLOAD_BYTES).then(|| control(PONG, payload))
}

fn control(opcode: u8, payload: &[u8]) -> Control {
    let mut frame = Control::new();
    frame.push(FIN | opcode);
    frame.push(payload.len() as u8);
    frame.extend(payload);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_use_the_shortest_length_form() {
        assert_eq!(&*text_header(0), [0x81, 0]);
        assert_eq!(&*text_header(125), [0x81, 125]);
        assert_eq!(&*text_header(126), [0x81, 126, 0, 126]);
        assert_eq!(&*binary_header(65_535), [0x82, 126, 0xff, 0xff]);
        assert_eq!(&*binary_header(65_536), [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
    }

    #[test]
    fn a_close_frame_holds_code_and_reason_within_the_control_limit() {
        assert_eq!(&*close(4009, "late"), b"\x88\x06\x0f\xa9late");
        let long = close(4000, &"é".repeat(100));
        assert_eq!(long.len(), 2 + 2 + 122, "cut at a character, not inside one");
        assert!(std::str::from_utf8(&long[4..]).is_ok());
        assert_eq!(close_code(&close_payload(1001, "")), Some(1001));
        assert_eq!(close_code(&[]), None);
        assert_eq!(close_code(&[3]), None);
    }

    #[test]
    fn pings_are_answered_with_their_payload() {
        assert_eq!(&*ping(), [0x89, 0]);
        assert_eq!(pong(b"hi").as_deref(), Some(&b"\x8a\x02hi"[..]));
        assert_eq!(pong(&[0; 125]).map(|frame| frame.len()), Some(127));
        assert_eq!(pong(&[0; 126]), None);
    }
}
