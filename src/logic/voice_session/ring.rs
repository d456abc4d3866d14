//! Messages to one client, numbered where they may be asked for again, and kept until it says that it saw them.

use std::collections::VecDeque;

/// Numbered messages kept for a client that resumes.
pub const MAX_KEPT: usize = 512;
/// Messages that may wait for a client's connection; one more ends it.
const MAX_WAITING: usize = 1_024;

/// What waits for a client, and what it may ask for again.
#[derive(Debug, Default)]
pub struct Ring {
    seq: u64,
    kept: VecDeque<(u64, String)>,
    waiting: VecDeque<String>,
    has_lost: bool,
}

impl Ring {
    /// Queues a message that may be asked for again.
    pub fn push(&mut self, op: u8, data: &str) {
        self.seq += 1;
        let text = format!(r#"{{"op":{op},"d":{data},"seq":{}}}"#, self.seq);
        self.kept.push_back((self.seq, text.clone()));
        if self.kept.len() > MAX_KEPT {
            self.kept.pop_front();
        }
        self.wait(text);
    }

    /// Queues a message of the moment.
    pub fn push_unnumbered(&mut self, op: u8, data: &str) {
        self.wait(format!(r#"{{"op":{op},"d":{data}}}"#));
    }

    fn wait(&mut self, text: String) {
        if self.waiting.len() < MAX_WAITING {
            self.waiting.push_back(text);
        } else {
            self.has_lost = true;
        }
    }

    /// Whether a reader is too slow for what it is told.
    pub fn is_overrun(&self) -> bool {
        self.has_lost
    }

    /// The next message to be sent.
    pub fn take_next(&mut self) -> Option<String> {
        self.waiting.pop_front()
    }

    /// The client saw everything up to a number.
    pub fn acknowledge(&mut self, seq: u64) {
        while self.kept.front().is_some_and(|(of, _)| *of <= seq) {
            self.kept.pop_front();
        }
    }

    /// Queues what came after a number again, on a new connection; false when not all of it is kept.
    pub fn resume(&mut self, seq: u64) -> bool {
        self.waiting.clear();
        self.has_lost = false;
        let is_whole = self.kept.front().map_or(seq == self.seq, |(first, _)| seq + 1 >= *first);
        if !is_whole || seq > self.seq {
            return false;
        }
        let missed = self.kept.iter().filter(|(of, _)| *of > seq).map(|(_, text)| text.clone());
        self.waiting.extend(missed);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(ring: &mut Ring) -> Vec<String> {
        std::iter::from_fn(|| ring.take_next()).collect()
    }

    #[test]
    fn a_resume_brings_what_came_after_the_last_seen() {
        let mut ring = Ring::default();
        ring.push_unnumbered(8, "{}");
        for data in ["1", "2", "3"] {
            ring.push(5, data);
        }
        assert_eq!(all(&mut ring).len(), 4);
        assert!(ring.resume(1));
        assert_eq!(all(&mut ring), [r#"{"op":5,"d":2,"seq":2}"#, r#"{"op":5,"d":3,"seq":3}"#]);
        assert!(ring.resume(3));
        assert_eq!(all(&mut ring), [""; 0]);
        assert!(!ring.resume(4), "from the future");
        ring.acknowledge(2);
        assert!(ring.resume(2) && !ring.resume(1));
    }

    #[test]
    fn what_is_kept_and_what_waits_is_bounded() {
        let mut ring = Ring::default();
        for _ in 0..=MAX_KEPT {
            ring.push(5, "0");
        }
        assert!(!ring.resume(0) && ring.resume(1));
        for _ in 0..MAX_WAITING {
            ring.push_unnumbered(6, "0");
        }
        assert!(ring.is_overrun());
        assert_eq!(all(&mut ring).len(), MAX_WAITING);
    }
}
