//! Bots' packets: RTP whose header stays in clear and is authenticated, with a counter at the end that is the nonce's beginning
//! (API.md §6.2, modes `…_rtpsize`).

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};

use crate::logic::voice_session::Mode;

/// Bytes of a fixed RTP header (RFC 3550 §5.1).
const HEADER: usize = 12;
/// Bytes of the counter at the end.
const COUNTER: usize = 4;
/// Bytes of the authentication tag.
const TAG: usize = 16;

/// A packet as a bot sent it.
#[derive(Debug, PartialEq, Eq)]
pub struct Opened {
    /// The payload type.
    pub payload_type: u8,
    /// The sequence number.
    pub seq: u16,
    /// The time stamp.
    pub timestamp: u32,
    /// What is carried, without extensions.
    pub payload: Vec<u8>,
}

/// What a session's packets are sealed and opened with.
pub struct Cipher {
    key: Key,
    sent: u32,
}

enum Key {
    Aes(Box<LessSafeKey>),
    XChaCha(Box<XChaCha20Poly1305>),
}

/// The stream that a packet says it is of, whoever sent it; `None` for what is no RTP.
pub fn ssrc_of(packet: &[u8]) -> Option<u32> {
    let is_rtp = packet.first().is_some_and(|first| first >> 6 == 2) && packet.len() > HEADER + COUNTER + TAG;
    is_rtp.then(|| u32::from_be_bytes([packet[8], packet[9], packet[10], packet[11]]))
}

impl Cipher {
    /// A cipher of this mode with this key.
    pub fn new(mode: Mode, key: &[u8; 32]) -> Self {
        let key = match mode {
            Mode::Aes => {
                let unbound = UnboundKey::new(&AES_256_GCM, key).expect("the key has the mode's length");
                Key::Aes(Box::new(LessSafeKey::new(unbound)))
            }
            Mode::XChaCha => Key::XChaCha(Box::new(XChaCha20Poly1305::new(&(*key).into()))),
        };
        Self { key, sent: 0 }
    }

    /// An Opus packet with these numbers, sealed.
    pub fn seal(&mut self, seq: u16, timestamp: u32, ssrc: u32, payload: &[u8]) -> Option<Vec<u8>> {
        let mut packet = Vec::with_capacity(HEADER + payload.len() + TAG + COUNTER);
        packet.extend([0x80, 0x78]);
        packet.extend(seq.to_be_bytes());
        packet.extend(timestamp.to_be_bytes());
        packet.extend(ssrc.to_be_bytes());
        // A counter that came around would repeat a nonce.
        self.sent = self.sent.checked_add(1)?;
        let counter = self.sent.to_be_bytes();
        let sealed = match &self.key {
            Key::Aes(key) => {
                let mut sealed = payload.to_vec();
                key.seal_in_place_append_tag(aes_nonce(counter), Aad::from(&packet), &mut sealed).ok()?;
                sealed
            }
            Key::XChaCha(key) => {
                key.encrypt(&xchacha_nonce(counter), Payload { msg: payload, aad: &packet }).ok()?
            }
        };
        packet.extend(sealed);
        packet.extend(counter);
        Some(packet)
    }

    /// Opens a packet, if it is whole and of this session's key.
    pub fn open(&self, packet: &[u8]) -> Option<Opened> {
        ssrc_of(packet)?;
        let (body, counter) = packet.split_last_chunk::<COUNTER>()?;
        let has_extension = packet[0] & 0x10 != 0;
        let clear = HEADER + 4 * usize::from(packet[0] & 0x0f) + if has_extension { 4 } else { 0 };
        let (header, sealed) = body.split_at_checked(clear)?;
        let mut payload = match &self.key {
            Key::Aes(key) => {
                let mut bytes = sealed.to_vec();
                let opened =
                    key.open_in_place(aes_nonce(*counter), Aad::from(header), &mut bytes).ok()?.len();
                bytes.truncate(opened);
                bytes
            }
            Key::XChaCha(key) => {
                key.decrypt(&xchacha_nonce(*counter), Payload { msg: sealed, aad: header }).ok()?
            }
        };
        if has_extension {
            let words = usize::from(u16::from_be_bytes([header[clear - 2], header[clear - 1]]));
            if payload.len() < words * 4 {
                return None;
            }
            payload.drain(..words * 4);
        }
        Some(Opened {
            payload_type: packet[1] & 0x7f,
            seq: u16::from_be_bytes([packet[2], packet[3]]),
            timestamp: u32::from_be_bytes([packet[4], packet[5], packet[6], packet[7]]),
            payload,
        })
    }
}

fn aes_nonce(counter: [u8; COUNTER]) -> Nonce {
    let mut nonce = [0; 12];
    nonce[..COUNTER].copy_from_slice(&counter);
    Nonce::assume_unique_for_key(nonce)
}

fn xchacha_nonce(counter: [u8; COUNTER]) -> XNonce {
    let mut nonce = [0; 24];
    nonce[..COUNTER].copy_from_slice(&counter);
    nonce.into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: [u8; 32] = [7; 32];

    /// A packet with an extension and a contributing source, as discord.js sends them.
    fn extended(mode: Mode, payload: &[u8]) -> Vec<u8> {
        let mut header = vec![0x91, 0x78, 0, 9, 0, 0, 0, 5, 0, 0, 0, 1, 0, 0, 0, 2, 0xbe, 0xde, 0, 1];
        let counter = 3u32.to_be_bytes();
        let plain = [&[1, 2, 3, 4], payload].concat();
        let sealed = match Cipher::new(mode, &KEY).key {
            Key::Aes(key) => {
                let mut bytes = plain;
                key.seal_in_place_append_tag(aes_nonce(counter), Aad::from(&header), &mut bytes).unwrap();
                bytes
            }
            Key::XChaCha(key) => {
                key.encrypt(&xchacha_nonce(counter), Payload { msg: &plain, aad: &header }).unwrap()
            }
        };
        header.extend(sealed);
        header.extend(counter);
        header
    }

    #[test]
    fn what_is_sealed_opens_and_nothing_else_does() {
        for mode in Mode::ALL {
            let mut cipher = Cipher::new(mode, &KEY);
            let packet = cipher.seal(65_535, 960, 42, b"opus").unwrap();
            assert_eq!(packet[..2], [0x80, 0x78]);
            assert_eq!(packet[packet.len() - 4..], [0, 0, 0, 1], "the counter is at the end");
            assert_eq!(ssrc_of(&packet), Some(42));
            let expected =
                Opened { payload_type: 120, seq: 65_535, timestamp: 960, payload: b"opus".to_vec() };
            assert_eq!(cipher.open(&packet), Some(expected));
            for at in 0..packet.len() {
                let mut broken = packet.clone();
                broken[at] ^= 1;
                assert_eq!(cipher.open(&broken), None, "{mode:?}: byte {at}");
            }
            assert_eq!(Cipher::new(mode, &[8; 32]).open(&packet), None);
        }
    }

    #[test]
    fn extensions_and_contributing_sources_are_passed_over() {
        for mode in Mode::ALL {
            let opened = Cipher::new(mode, &KEY).open(&extended(mode, b"opus")).unwrap();
            assert_eq!((opened.seq, opened.timestamp, opened.payload.as_slice()), (9, 5, &b"opus"[..]));
            let cut = extended(mode, b"");
            assert_eq!(Cipher::new(mode, &KEY).open(&cut).unwrap().payload, b"");
        }
    }

    proptest! {
        #[test]
        fn strangers_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            for mode in Mode::ALL {
                prop_assert_eq!(Cipher::new(mode, &KEY).open(&bytes), None);
            }
        }
    }
}
