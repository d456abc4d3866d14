//! Continuous numbers for one receiver of a stream whose source changes: sequence numbers without holes of our making, and time
//! stamps that go on with the clock. A late packet gets the number that was kept for it, or is dropped.

/// How many of the last source numbers are remembered, so that late packets are mapped as they would have been in time.
pub const WINDOW: usize = 256;

/// Places a packet has in the stream that a receiver sees.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mapped {
    /// Sequence number, not wrapped; the first is 1.
    pub seq: u64,
    /// Time stamp in units of the clock.
    pub timestamp: u32,
    /// Whether it is the first after a change of source.
    pub is_first: bool,
}

/// Maps one stream after the other onto one.
#[derive(Debug)]
pub struct Mapper {
    clock_hz: u32,
    /// The last number given.
    last: u64,
    last_timestamp: u32,
    last_ms: u64,
    /// What of the present source is mapped, if one is.
    current: Option<Current>,
}

#[derive(Debug)]
struct Current {
    /// The greatest number seen of the source.
    newest: u64,
    /// The number given to it.
    newest_out: u64,
    timestamp_offset: u32,
    /// Numbers given to the last [`WINDOW`] of the source, by its number's remainder; 0 for none, or given out already.
    given: Box<[u64; WINDOW]>,
}

impl Mapper {
    /// A mapper of a clock with so many units per second.
    pub fn new(clock_hz: u32) -> Self {
        Self { clock_hz, last: 0, last_timestamp: 0, last_ms: 0, current: None }
    }

    /// The next packet is of another source.
    pub fn switch(&mut self) {
        self.current = None;
    }

    /// Where a packet of the source goes; `None` for one that came before, or too late.
    pub fn map(&mut self, now_ms: u64, seq: u64, timestamp: u32) -> Option<Mapped> {
        let Some(current) = &mut self.current else {
            return Some(self.begin(now_ms, seq, timestamp));
        };
        if seq > current.newest {
            let ahead = seq - current.newest;
            if ahead > WINDOW as u64 {
                // Nobody waits for so many: the source skipped, as after a long silence.
                self.current = None;
                return Some(self.begin(now_ms, seq, timestamp));
            }
            for step in 1..=ahead {
                current.given[((current.newest + step) % WINDOW as u64) as usize] = current.newest_out + step;
            }
            current.newest = seq;
            current.newest_out += ahead;
            let out = current.newest_out;
            current.given[(seq % WINDOW as u64) as usize] = 0;
            let mapped_timestamp = timestamp.wrapping_add(current.timestamp_offset);
            (self.last, self.last_timestamp, self.last_ms) = (out, mapped_timestamp, now_ms);
            return Some(Mapped { seq: out, timestamp: mapped_timestamp, is_first: false });
        }
        if current.newest - seq >= WINDOW as u64 {
            return None;
        }
        let out = std::mem::take(&mut current.given[(seq % WINDOW as u64) as usize]);
        let timestamp = timestamp.wrapping_add(current.timestamp_offset);
        (out > 0).then_some(Mapped { seq: out, timestamp, is_first: false })
    }

    /// A packet of the source that is not sent on: the next one takes its number. Only for the newest packet.
    pub fn skip(&mut self, seq: u64) {
        if let Some(current) = &mut self.current
            && seq == current.newest + 1
        {
            current.given[(seq % WINDOW as u64) as usize] = 0;
            current.newest = seq;
        }
    }

    fn begin(&mut self, now_ms: u64, seq: u64, timestamp: u32) -> Mapped {
        let is_very_first = self.last == 0;
        let out = self.last + 1;
        let passed = now_ms.saturating_sub(self.last_ms).saturating_mul(self.clock_hz.into()) / 1_000;
        let goal =
            if is_very_first { timestamp } else { self.last_timestamp.wrapping_add((passed as u32).max(1)) };
        self.current = Some(Current {
            newest: seq,
            newest_out: out,
            timestamp_offset: goal.wrapping_sub(timestamp),
            given: Box::new([0; WINDOW]),
        });
        (self.last, self.last_timestamp, self.last_ms) = (out, goal, now_ms);
        Mapped { seq: out, timestamp: goal, is_first: true }
    }
}

/// Extends 16-bit sequence numbers to ones that do not wrap (RFC 3711 §3.3.1).
#[derive(Debug, Default)]
pub struct Extender {
    newest: Option<u64>,
}

impl Extender {
    /// The number that a 16-bit one means, nearest to the newest so far. The first is taken to lie in the second round, so that what
    /// came just before it has a number too.
    pub fn extend(&mut self, seq: u16) -> u64 {
        let Some(newest) = self.newest else {
            let first = (1 << 16) | u64::from(seq);
            self.newest = Some(first);
            return first;
        };
        let difference = i64::from(seq.wrapping_sub(newest as u16) as i16);
        let extended = newest.saturating_add_signed(difference);
        self.newest = Some(newest.max(extended));
        extended
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_switch_goes_on_with_the_clock_and_the_numbers() {
        let mut mapper = Mapper::new(48_000);
        let first = mapper.map(0, 70_000, 5_000).unwrap();
        assert_eq!((first.seq, first.timestamp, first.is_first), (1, 5_000, true));
        let second = mapper.map(20, 70_001, 5_960).unwrap();
        assert_eq!((second.seq, second.timestamp, second.is_first), (2, 5_960, false));
        mapper.switch();
        let other = mapper.map(120, 12, 9).unwrap();
        assert_eq!((other.seq, other.timestamp, other.is_first), (3, 5_960 + 4_800, true));
        assert_eq!(mapper.map(140, 13, 969).unwrap().timestamp, 5_960 + 4_800 + 960);
    }

    #[test]
    fn late_packets_take_their_place_once() {
        let mut mapper = Mapper::new(90_000);
        assert_eq!(mapper.map(0, 10, 0).unwrap().seq, 1);
        assert_eq!(mapper.map(0, 13, 300).unwrap().seq, 4);
        assert_eq!(mapper.map(0, 11, 100).unwrap().seq, 2);
        assert_eq!(mapper.map(0, 11, 100), None, "replayed");
        assert_eq!(mapper.map(0, 13, 300), None, "replayed");
        assert_eq!(mapper.map(0, 9, 0), None, "from before the stream was taken up");
        mapper.skip(14);
        assert_eq!(mapper.map(0, 15, 500).unwrap().seq, 5);
        assert_eq!(mapper.map(0, 14, 400), None, "left out on purpose");
    }

    #[test]
    fn sixteen_bits_are_extended_over_their_end() {
        let mut extender = Extender::default();
        let start = extender.extend(65_534);
        assert_eq!(extender.extend(65_535), start + 1);
        assert_eq!(extender.extend(1), start + 3);
        assert_eq!(extender.extend(0), start + 2);
        assert_eq!(extender.extend(65_533), start - 1);
    }

    proptest! {
        /// Whatever is lost, doubled, reordered or left out, and however sources change: no number is given twice, none is missing that the
        /// source did not itself lose, and numbers of one source keep its order.
        #[test]
        fn numbers_are_given_once_and_in_order(
            steps in prop::collection::vec((0u8..10, 0u64..6), 1..400),
        ) {
            let mut mapper = Mapper::new(48_000);
            let (mut next, mut given, mut now_ms) = (1_000u64, HashSet::new(), 0);
            let mut sent: Vec<(u64, u64)> = Vec::new();
            for (what, by) in steps {
                now_ms += 20;
                let seq = match what {
                    0 => { mapper.switch(); sent.clear(); next += 5_000; next }
                    1 => next.saturating_sub(by),
                    2 => { next += by; next }
                    3 => { next += 1; mapper.skip(next); continue }
                    _ => { next += 1; next }
                };
                if let Some(mapped) = mapper.map(now_ms, seq, (seq * 960) as u32) {
                    prop_assert!(given.insert(mapped.seq), "{} given twice", mapped.seq);
                    for (source, out) in &sent {
                        prop_assert_eq!(seq.cmp(source), mapped.seq.cmp(out));
                    }
                    sent.push((seq, mapped.seq));
                }
            }
        }
    }
}
