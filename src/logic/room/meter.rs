//! What a layer of a video takes, as it was seen. A publisher may take as much as the layer's profile says, and a still screen takes a
//! tenth of that: what fits where is decided by what comes.

/// Milliseconds over which a rate is taken, at least.
const WINDOW_MS: u64 = 1_000;
/// Windows that are remembered, the greatest of which counts: what a picture takes wavers with what moves in it.
const WINDOWS: usize = 8;
/// Windows that have to be seen before anything is known: who begins to send sends less.
const LEAST_WINDOWS: usize = 3;
/// Milliseconds for which it is remembered of a layer that is not sent.
const REMEMBERED_MS: u64 = 60_000;

/// The rate of a layer.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Meter {
    began_ms: u64,
    bytes: u64,
    last_ms: u64,
    /// Bits per second of the windows before this one, in turn, and how many there were.
    rates: [u64; WINDOWS],
    seen: usize,
}

impl Meter {
    /// A packet of so many bytes came.
    pub fn take(&mut self, now_ms: u64, bytes: usize) {
        if now_ms.saturating_sub(self.last_ms) >= REMEMBERED_MS {
            *self = Self { began_ms: now_ms, ..Self::default() };
        }
        let passed_ms = now_ms.saturating_sub(self.began_ms);
        if passed_ms >= WINDOW_MS {
            if self.bytes > 0 {
                self.rates[self.seen % WINDOWS] = self.bytes * 8_000 / passed_ms;
                self.seen += 1;
            }
            (self.began_ms, self.bytes) = (now_ms, 0);
        }
        self.bytes += bytes as u64;
        self.last_ms = now_ms;
    }

    /// Bits per second that it takes at its most; nothing where it was not seen for long enough, or too long ago.
    pub fn bps(&self, now_ms: u64) -> Option<u64> {
        let is_known = self.seen >= LEAST_WINDOWS && now_ms.saturating_sub(self.last_ms) < REMEMBERED_MS;
        self.rates.into_iter().max().filter(|most| is_known && *most > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_the_greatest_of_late_and_is_forgotten_once_nothing_comes() {
        let mut meter = Meter::default();
        assert_eq!(meter.bps(0), None);
        let send = |meter: &mut Meter, from_ms: u64, for_ms: u64, bytes: usize| {
            (from_ms..from_ms + for_ms).step_by(10).for_each(|now_ms| meter.take(now_ms, bytes));
        };
        send(&mut meter, 5_000, 2_900, 1_000);
        assert_eq!(meter.bps(7_900), None, "not for long enough");
        send(&mut meter, 7_900, 1_200, 1_000);
        assert_eq!(meter.bps(9_100), Some(800_000));
        send(&mut meter, 9_100, 4_000, 100);
        assert_eq!(meter.bps(13_100), Some(800_000), "it may take as much again");
        send(&mut meter, 13_100, 8_000, 100);
        assert_eq!(meter.bps(21_100), Some(80_000));
        assert_eq!(meter.bps(80_000), Some(80_000), "it is not sent just now");
        assert_eq!(meter.bps(81_100), None);
        send(&mut meter, 100_000, 1_500, 2_000);
        assert_eq!(meter.bps(101_500), None, "what was forgotten does not come back");
        send(&mut meter, 101_500, 2_000, 2_000);
        assert_eq!(meter.bps(103_500), Some(1_600_000));
        // A picture every three seconds.
        (104_000..134_000).step_by(3_000).for_each(|now_ms| meter.take(now_ms, 3_000));
        assert_eq!(meter.bps(134_000), Some(8_000), "a slow one forgets too");
    }
}
