//! What a layer of a video takes, as it was seen. A publisher may take as much as the layer's profile says, and a still screen takes a
//! tenth of that: what fits where is decided by what comes.

/// Milliseconds over which a rate is taken.
const WINDOW_MS: u64 = 1_000;
/// Windows that are remembered, the greatest of which counts: what a picture takes wavers with what moves in it.
const WINDOWS: usize = 8;
/// Milliseconds for which it is remembered of a layer that is not sent.
const REMEMBERED_MS: u64 = 60_000;

/// The rate of a layer.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Meter {
    began_ms: u64,
    bytes: u64,
    last_ms: u64,
    /// Bits per second of the windows before this one, in turn.
    rates: [u64; WINDOWS],
    at: usize,
}

impl Meter {
    /// A packet of so many bytes came.
    pub fn take(&mut self, now_ms: u64, bytes: usize) {
        let passed_ms = now_ms.saturating_sub(self.began_ms);
        if passed_ms >= WINDOW_MS {
            // A window that nothing began, or in which it was not sent for long, says nothing.
            if self.bytes > 0 && passed_ms < 2 * WINDOW_MS {
                self.rates[self.at] = self.bytes * 8_000 / passed_ms;
                self.at = (self.at + 1) % WINDOWS;
            }
            (self.began_ms, self.bytes) = (now_ms, 0);
        }
        self.bytes += bytes as u64;
        self.last_ms = now_ms;
    }

    /// Bits per second that it takes at its most; nothing where it was not seen, or too long ago.
    pub fn bps(&self, now_ms: u64) -> Option<u64> {
        let most = self.rates.into_iter().max().filter(|most| *most > 0);
        most.filter(|_| now_ms.saturating_sub(self.last_ms) < REMEMBERED_MS)
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
        send(&mut meter, 5_000, 900, 1_000);
        assert_eq!(meter.bps(5_900), None, "not for long enough");
        send(&mut meter, 5_900, 1_200, 1_000);
        assert_eq!(meter.bps(7_100), Some(800_000));
        send(&mut meter, 7_100, 4_000, 100);
        assert_eq!(meter.bps(11_100), Some(800_000), "it may take as much again");
        send(&mut meter, 11_100, 8_000, 100);
        assert_eq!(meter.bps(19_100), Some(80_000));
        assert_eq!(meter.bps(78_000), Some(80_000), "it is not sent just now");
        assert_eq!(meter.bps(79_100), None);
        send(&mut meter, 100_000, 1_010, 1_000);
        assert_eq!(meter.bps(101_010), Some(800_000));
    }
}
