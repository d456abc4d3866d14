//! A bot's connection: Opus over bare UDP (API.md §6.2). Where its packets go is learned from packets that prove its key, or from a
//! discovery that comes from the same address as its voice connection.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};

use super::crypto::{Cipher, Opened};
use crate::logic::room::{Extender, Level};
use crate::logic::voice_session::Mode;

/// Bytes of a discovery and of its answer.
pub const DISCOVERY_BYTES: usize = 74;
/// Largest Opus packet (RFC 6716 §3.2).
const MAX_OPUS_BYTES: usize = 1_275;
/// The payload type of Opus.
const OPUS: u8 = 0x78;
/// An Opus frame of silence: five of them end speech.
const SILENCE: [u8; 3] = [0xf8, 0xff, 0xfe];
/// Numbers back to which a packet may come late.
const REPLAY_WINDOW: u64 = 128;
/// Packets and bits of one second (VOICE.md §7).
const MAX_PACKETS_PER_S: u32 = 120;
const MAX_BYTES_PER_S: usize = 512_000 / 8;

/// How long a bot is sent nothing after it was told its key: a library that opens a packet of the new session with the key of the one
/// before calls that an error (discord.py moved to another room keeps its socket).
const TAKES_KEY_MS: u64 = 250;

/// A sound of a bot.
#[derive(Debug)]
pub struct Sound {
    /// How loud it counts.
    pub level: Level,
    /// Its number, not wrapped.
    pub seq: u64,
    /// Its time stamp.
    pub timestamp: u32,
    /// The Opus packet.
    pub payload: Vec<u8>,
}

/// A bot's connection.
pub struct Bot {
    cipher: Cipher,
    /// The address of its voice connection.
    home: IpAddr,
    address: Option<SocketAddr>,
    extender: Extender,
    newest: u64,
    seen: u128,
    silent_frames: u32,
    second: u64,
    packets: u32,
    bytes: usize,
    announced: HashSet<u32>,
    has_key_ms: u64,
}

impl Bot {
    /// A connection whose packets are sealed by this key, which the bot is told now.
    pub fn new(now_ms: u64, mode: Mode, key: &[u8; 32], home: IpAddr) -> Self {
        Self {
            cipher: Cipher::new(mode, key),
            home,
            address: None,
            extender: Extender::default(),
            newest: 0,
            seen: 0,
            silent_frames: 0,
            second: 0,
            packets: 0,
            bytes: 0,
            announced: HashSet::new(),
            has_key_ms: now_ms + TAKES_KEY_MS,
        }
    }

    /// Whether it has had the time to take its key.
    pub fn has_key(&self, now_ms: u64) -> bool {
        now_ms >= self.has_key_ms
    }

    /// Where its sound goes, if that is known.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// It asked where it is from here: believed as long as that is where its voice connection comes from, for a forged sender would
    /// aim our media at a stranger.
    pub fn discovered(&mut self, from: SocketAddr) {
        if self.address.is_none() && from.ip().to_canonical() == self.home {
            self.address = Some(from);
        }
    }

    /// Whether a stream has not been announced to it; it is from here on.
    pub fn is_to_announce(&mut self, ssrc: u32) -> bool {
        self.announced.insert(ssrc)
    }

    /// Opens a packet from anywhere; one that proves the key says where the bot is.
    pub fn receive(&mut self, now_ms: u64, from: SocketAddr, packet: &[u8]) -> Option<Sound> {
        let Opened { payload_type, seq, timestamp, payload } = self.cipher.open(packet)?;
        if payload_type != OPUS || payload.is_empty() || payload.len() > MAX_OPUS_BYTES {
            return None;
        }
        let seq = self.extender.extend(seq);
        if !self.is_fresh(seq) || !self.is_within_budget(now_ms, packet.len()) {
            return None;
        }
        self.address = Some(from);
        let is_silence = payload == SILENCE;
        self.silent_frames = if is_silence { self.silent_frames + 1 } else { 0 };
        let level = if self.silent_frames > 5 { Level::SILENCE } else { Level::UNTOLD };
        Some(Sound { level, seq, timestamp, payload })
    }

    /// Whether a number was not seen yet, as far as that is remembered.
    fn is_fresh(&mut self, seq: u64) -> bool {
        if seq > self.newest {
            let ahead = seq - self.newest;
            self.seen = if ahead < REPLAY_WINDOW { self.seen << ahead } else { 0 };
            self.seen |= 1;
            self.newest = seq;
            return true;
        }
        let behind = self.newest - seq;
        if behind >= REPLAY_WINDOW || self.seen & (1 << behind) != 0 {
            return false;
        }
        self.seen |= 1 << behind;
        true
    }

    fn is_within_budget(&mut self, now_ms: u64, bytes: usize) -> bool {
        let second = now_ms / 1_000;
        if second != self.second {
            (self.second, self.packets, self.bytes) = (second, 0, 0);
        }
        self.packets += 1;
        self.bytes += bytes;
        self.packets <= MAX_PACKETS_PER_S && self.bytes <= MAX_BYTES_PER_S
    }

    /// A sound for the bot, sealed.
    pub fn seal(&mut self, seq: u64, timestamp: u32, ssrc: u32, payload: &[u8]) -> Option<Vec<u8>> {
        self.cipher.seal(seq as u16, timestamp, ssrc, payload)
    }
}

/// Whose address a discovery asks for, by the number it names.
pub fn discovery_of(packet: &[u8]) -> Option<u32> {
    let is_discovery = packet.len() == DISCOVERY_BYTES && packet[..4] == [0, 1, 0, 70];
    is_discovery.then(|| u32::from_be_bytes([packet[4], packet[5], packet[6], packet[7]]))
}

/// The question where one is, as a bot puts it.
pub fn discovery_question(ssrc: u32) -> Vec<u8> {
    let mut question = vec![0; DISCOVERY_BYTES];
    question[..4].copy_from_slice(&[0, 1, 0, 70]);
    question[4..8].copy_from_slice(&ssrc.to_be_bytes());
    question
}

/// The answer to a discovery: where it came from.
pub fn discovery_answer(ssrc: u32, from: SocketAddr) -> Vec<u8> {
    let mut answer = vec![0; DISCOVERY_BYTES];
    answer[..4].copy_from_slice(&[0, 2, 0, 70]);
    answer[4..8].copy_from_slice(&ssrc.to_be_bytes());
    let address = from.ip().to_canonical().to_string();
    answer[8..8 + address.len()].copy_from_slice(address.as_bytes());
    answer[72..].copy_from_slice(&from.port().to_be_bytes());
    answer
}

/// Whether a packet only keeps a way open.
pub fn is_keepalive(packet: &[u8]) -> bool {
    packet.len() == 8
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [3; 32];

    fn bot() -> Bot {
        Bot::new(0, Mode::Aes, &KEY, "192.0.2.1".parse().unwrap())
    }

    #[test]
    fn a_discovery_is_answered_in_its_own_size_and_believed_from_home_only() {
        let mut asked = vec![0; DISCOVERY_BYTES];
        asked[..8].copy_from_slice(&[0, 1, 0, 70, 0, 0, 0, 9]);
        assert_eq!(discovery_of(&asked), Some(9));
        assert_eq!(discovery_of(&asked[..73]), None);
        let answer = discovery_answer(9, "[::ffff:192.0.2.1]:700".parse().unwrap());
        assert_eq!(answer.len(), asked.len());
        assert!(answer[8..].starts_with(b"192.0.2.1\0") && answer[72..] == 700u16.to_be_bytes());
        let mut bot = bot();
        bot.discovered("198.51.100.7:1".parse().unwrap());
        assert_eq!(bot.address(), None, "a stranger's address gets nothing");
        bot.discovered("192.0.2.1:5".parse().unwrap());
        assert_eq!(bot.address().unwrap().port(), 5);
    }

    #[test]
    fn sound_waits_until_the_key_is_taken() {
        let bot = Bot::new(1_000, Mode::Aes, &KEY, "192.0.2.1".parse().unwrap());
        assert!(!bot.has_key(1_000) && !bot.has_key(1_249) && bot.has_key(1_250));
    }

    #[test]
    fn replayed_late_and_too_many_packets_are_dropped() {
        let (mut bot, mut sender) = (bot(), Cipher::new(Mode::Aes, &KEY));
        let from: SocketAddr = "192.0.2.1:5".parse().unwrap();
        let packets: Vec<_> = (0..400u16).map(|seq| sender.seal(seq, 0, 1, b"x").unwrap()).collect();
        assert!(bot.receive(0, from, &packets[0]).is_some());
        assert!(bot.receive(0, from, &packets[0]).is_none(), "replayed");
        assert!(bot.receive(0, from, &packets[2]).is_some());
        assert!(bot.receive(0, from, &packets[1]).is_some(), "late");
        assert!(bot.receive(0, from, &packets[1]).is_none());
        assert!(bot.receive(1_000, from, &packets[200]).is_some());
        assert!(bot.receive(1_000, from, &packets[50]).is_none(), "too late");
        let taken = (201..400).filter(|at| bot.receive(2_000, from, &packets[*at]).is_some()).count();
        assert_eq!(taken, MAX_PACKETS_PER_S as usize);
        let moved: SocketAddr = "198.51.100.7:9".parse().unwrap();
        let last = sender.seal(500, 0, 1, &SILENCE).unwrap();
        assert!(bot.receive(3_000, moved, &last).is_some());
        assert_eq!(bot.address(), Some(moved), "who proves the key may move");
    }

    #[test]
    fn five_frames_of_silence_end_speech() {
        let (mut bot, mut sender) = (bot(), Cipher::new(Mode::Aes, &KEY));
        let from: SocketAddr = "192.0.2.1:5".parse().unwrap();
        let levels: Vec<_> = (0..7u16)
            .map(|seq| bot.receive(0, from, &sender.seal(seq, 0, 1, &SILENCE).unwrap()).unwrap().level)
            .collect();
        assert_eq!(levels.iter().filter(|level| **level == Level::SILENCE).count(), 2);
    }
}
