//! A stream of sound to a browser: its packets (RFC 3550 §5.1, with how loud they are: RFC 6464), and the reports by which a client
//! plays it in time with others (RFC 3550 §6.4.1). They go past the WebRTC library, which with every packet walks all streams of its
//! connection, several times over: sound needs nothing of what it does then, as none of it is paced, sent again or estimated.

use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime};

use str0m::rtp::ExtensionValues;

use super::srtp::Sealer;
use crate::logic::room::Mapped;

/// Time between two reports of a stream (RFC 3550 §6.2); its first goes with its first packet.
const REPORT_EVERY: Duration = Duration::from_secs(5);
/// How many of a stream's last packets are told apart, so that none is sealed twice.
const WINDOW: u64 = u128::BITS as u64;
/// Seconds from the epoch of NTP to that of Unix (RFC 5905 §6).
const NTP_EPOCH_S: u64 = 2_208_988_800;
/// Bytes of a header, and of one with an extension.
const HEADER: usize = 12;
const EXTENDED: usize = HEADER + 8;
/// Bytes of a sender's report without its receptions.
const REPORT: usize = 28;

/// The wall clock at one moment of the monotonic one: what is played together has one clock, also when somebody sets the wall's.
static CLOCK: LazyLock<(Instant, SystemTime)> = LazyLock::new(|| (Instant::now(), SystemTime::now()));

/// Fixes the clock of reports, if it is not yet: when the library fixes that of its own.
pub fn fix_clock() {
    LazyLock::force(&CLOCK);
}

/// How packets of a stream are written, as its client has it.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    /// The number of the codec.
    pub payload_type: u8,
    /// The number of the extension that tells how loud it is, where the client takes that.
    pub level_id: Option<u8>,
}

/// What a packet says of how loud it is.
#[derive(Clone, Copy, Debug)]
pub struct Told {
    /// Decibels below the loudest.
    pub below_db: u8,
    /// Whether it is a voice.
    pub is_voice: bool,
}

impl Told {
    /// What a sender's packet says.
    pub fn of(extensions: &ExtensionValues) -> Option<Self> {
        let below_db = extensions.audio_level?.unsigned_abs().min(127);
        Some(Self { below_db, is_voice: extensions.voice_activity.unwrap_or(false) })
    }
}

/// A stream.
#[derive(Debug)]
pub struct Stream {
    ssrc: u32,
    packets: u32,
    bytes: u32,
    /// The greatest number sealed, and which of those before it were: the last is the lowest bit.
    newest: u64,
    sealed: u128,
    reported: Option<Instant>,
}

impl Stream {
    /// One with this number, of which nothing was sent.
    pub fn new(ssrc: u32) -> Self {
        Self { ssrc, packets: 0, bytes: 0, newest: 0, sealed: 0, reported: None }
    }

    /// Its number.
    pub fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// A packet, sealed; `None` for one whose number was sealed already, or is too old to know.
    pub fn packet(
        &mut self,
        sealer: &Sealer,
        format: Format,
        mapped: Mapped,
        payload: &[u8],
        told: Option<Told>,
    ) -> Option<Vec<u8>> {
        if !self.is_new(mapped.seq) {
            return None;
        }
        let mut header = [0; EXTENDED];
        let length = self.write_header(&mut header, format, mapped, told);
        let packet = sealer.packet(self.ssrc, mapped.seq, &header[..length], payload)?;
        self.packets = self.packets.wrapping_add(1);
        self.bytes = self.bytes.wrapping_add(payload.len() as u32);
        Some(packet)
    }

    /// Two packets under one number would give the key away (RFC 7714 §10.1), so that is not left to those who number them.
    fn is_new(&mut self, seq: u64) -> bool {
        if seq > self.newest {
            let ahead = seq - self.newest;
            self.sealed = if ahead < WINDOW { self.sealed << ahead } else { 0 } | 1;
            self.newest = seq;
            return true;
        }
        let behind = self.newest - seq;
        let is_new = behind < WINDOW && self.sealed >> behind & 1 == 0;
        if is_new {
            self.sealed |= 1 << behind;
        }
        is_new
    }

    fn write_header(
        &self,
        header: &mut [u8; EXTENDED],
        format: Format,
        mapped: Mapped,
        told: Option<Told>,
    ) -> usize {
        let extension = told.zip(format.level_id);
        header[0] = if extension.is_some() { 0x90 } else { 0x80 };
        header[1] = u8::from(mapped.is_first) << 7 | format.payload_type & 0x7f;
        header[2..4].copy_from_slice(&(mapped.seq as u16).to_be_bytes());
        header[4..8].copy_from_slice(&mapped.timestamp.to_be_bytes());
        header[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
        let Some((told, id)) = extension else { return HEADER };
        // One word of extensions of one byte each (RFC 8285 §4.2), the rest of which is padding.
        header[12..16].copy_from_slice(&[0xbe, 0xde, 0, 1]);
        header[16] = id << 4;
        header[17] = u8::from(told.is_voice) << 7 | told.below_db & 0x7f;
        EXTENDED
    }

    /// Whether a report is due beside a packet with this number: a late one says nothing of what is played now.
    pub fn is_to_report(&self, now: Instant, seq: u64) -> bool {
        seq == self.newest && self.reported.is_none_or(|at| now.saturating_duration_since(at) >= REPORT_EVERY)
    }

    /// A report on the stream with this name, beside a packet that is sent now with this time stamp, sealed.
    pub fn report(
        &mut self,
        sealer: &mut Sealer,
        now: Instant,
        timestamp: u32,
        name: &str,
    ) -> Option<Vec<u8>> {
        self.reported = Some(now);
        let mut report = Vec::with_capacity(REPORT + 12 + name.len());
        report.extend([0x80, 200, 0, (REPORT / 4 - 1) as u8]);
        report.extend(self.ssrc.to_be_bytes());
        report.extend(ntp(now).to_be_bytes());
        report.extend(timestamp.to_be_bytes());
        report.extend(self.packets.to_be_bytes());
        report.extend(self.bytes.to_be_bytes());
        // Who it is: one chunk, whose one item ends with at least one zero, at a multiple of four (RFC 3550 §6.5).
        let name = &name.as_bytes()[..name.len().min(usize::from(u8::MAX))];
        let words = 1 + (2 + name.len()) / 4 + 1;
        report.extend([0x81, 202]);
        report.extend((words as u16).to_be_bytes());
        report.extend(self.ssrc.to_be_bytes());
        report.extend([1, name.len() as u8]);
        report.extend(name);
        report.resize(REPORT + 4 + 4 * words, 0);
        sealer.report(self.ssrc, &report)
    }
}

/// A time as NTP has it: seconds in the upper half, and their fraction.
fn ntp(at: Instant) -> u64 {
    let (known, wall) = *CLOCK;
    let wall = wall + at.saturating_duration_since(known);
    let unix = wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let fraction = (u64::from(unix.subsec_nanos()) << 32) / 1_000_000_000;
    (unix.as_secs().wrapping_add(NTP_EPOCH_S) << 32) | fraction
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;
    use str0m::crypto::dtls::SrtpProfile;

    use super::*;

    const FORMAT: Format = Format { payload_type: 111, level_id: Some(3) };

    fn sealer() -> Sealer {
        Sealer::new(SrtpProfile::AEAD_AES_128_GCM, &[7; 56], false).unwrap()
    }

    fn mapped(seq: u64) -> Mapped {
        Mapped { seq, timestamp: 960, is_first: seq == 1 }
    }

    #[test]
    fn a_packet_says_what_it_is_and_how_loud() {
        let mut stream = Stream::new(0x0102_0304);
        let told = Some(Told { below_db: 30, is_voice: true });
        let first = stream.packet(&sealer(), FORMAT, mapped(1), b"opus", told).unwrap();
        let header = [0x90, 0xef, 0, 1, 0, 0, 3, 192, 1, 2, 3, 4, 0xbe, 0xde, 0, 1, 0x30, 0x80 | 30, 0, 0];
        assert_eq!((&first[..EXTENDED], first.len()), (&header[..], EXTENDED + 4 + 16));
        let second = stream.packet(&sealer(), FORMAT, mapped(0x1_0002), b"opus", None).unwrap();
        assert_eq!(second[..HEADER], [0x80, 0x6f, 0, 2, 0, 0, 3, 192, 1, 2, 3, 4]);
        let untaken = Format { level_id: None, ..FORMAT };
        assert_eq!(stream.packet(&sealer(), untaken, mapped(0x1_0003), b"opus", told).unwrap()[0], 0x80);
    }

    #[test]
    fn reports_come_with_the_first_packet_and_every_few_seconds() {
        let (mut stream, mut sealer, now) = (Stream::new(5), sealer(), Instant::now());
        fix_clock();
        stream.packet(&sealer, FORMAT, mapped(2), b"opus", None).unwrap();
        stream.packet(&sealer, FORMAT, mapped(1), b"opus", None).unwrap();
        assert!(stream.is_to_report(now, 2) && !stream.is_to_report(now, 1));
        for name in ["", "a", "ab", "abc", "abcd"] {
            let report = stream.report(&mut sealer, now, 960, name).unwrap();
            assert_eq!(report[..8], [0x80, 200, 0, 6, 0, 0, 0, 5]);
            // What is between the head and the tag with its number is whole words.
            assert_eq!((report.len() - 16 - 4) % 4, 0, "{name}");
            assert!(report.len() >= REPORT + 4 + 4 + 2 + name.len() + 1 + 20, "{name}");
        }
        assert!(!stream.is_to_report(now + REPORT_EVERY - Duration::from_millis(1), 2));
        assert!(stream.is_to_report(now + REPORT_EVERY, 2));
    }

    #[test]
    fn the_clock_of_reports_is_that_of_ntp() {
        fix_clock();
        let unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        let told = ntp(Instant::now());
        assert!((told >> 32).abs_diff(unix + NTP_EPOCH_S) <= 1);
        let later = ntp(CLOCK.0 + Duration::from_millis(2_500));
        assert!((later - ntp(CLOCK.0)).abs_diff(5 << 31) < 100);
    }

    proptest! {
        /// However numbers come, none is sealed twice, and none of the newest is left out.
        #[test]
        fn no_number_is_sealed_twice(steps in prop::collection::vec((any::<bool>(), 0u64..300), 1..300)) {
            let (mut stream, mut newest) = (Stream::new(1), 1_000u64);
            let mut sealed = HashSet::from([newest]);
            prop_assert!(stream.is_new(newest));
            for (is_ahead, by) in steps {
                let seq = if is_ahead { newest + by } else { newest - by.min(newest) };
                let is_known = sealed.contains(&seq);
                let is_near = newest.max(seq) - seq < WINDOW;
                newest = newest.max(seq);
                prop_assert_eq!(stream.is_new(seq), is_near && !is_known, "{}", seq);
                if is_near {
                    sealed.insert(seq);
                }
            }
        }
    }
}
