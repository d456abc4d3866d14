//! The events of one session, in one queue: those sent, kept for a replay, then those still to send. A number is given to an
//! event when it is taken for sending, so an event whose reader lost the right to it can still be dropped unseen.

use std::collections::VecDeque;

use crate::logic::session::Packet;

/// Events kept for a replay (API.md §3.2).
pub const MAX_REPLAY_EVENTS: usize = 2_000;
/// Bytes kept for a replay, whichever bound is met first.
pub const MAX_REPLAY_BYTES: usize = 8 << 20;
/// Bytes kept for replays over all sessions together; beyond it the oldest go first, by [`Ring::shrink_replay`] (SAFETY.md §6).
pub const MAX_REPLAY_BYTES_IN_ALL: usize = 256 << 20;
/// Events that may wait to be sent; a session with more is overrun (SAFETY.md §6).
pub const MAX_UNSENT_FRAMES: usize = 4_096;
/// Bytes that may wait to be sent.
pub const MAX_UNSENT_BYTES: usize = 1 << 20;
/// Bytes that may wait of what the session asked for itself: READY, its guilds, member chunks, a replay.
pub const MAX_ANSWER_BYTES: usize = 64 << 20;

/// A session's events, sent and to be sent. Numbers start at 1 and rise by 1 over everything ever sent.
#[derive(Debug, Default)]
pub struct Ring {
    events: VecDeque<Packet>,
    /// The number of `events[0]`, less one: of the newest event that was evicted.
    evicted: u64,
    /// How many of `events`, from the front, have been taken for sending.
    sent: usize,
    /// The highest number ever given out; at least `evicted + sent`.
    numbered: u64,
    sent_bytes: usize,
    waiting: Waiting,
    is_detached: bool,
}

/// What waits to be sent.
#[derive(Debug, Default)]
struct Waiting {
    /// Which of the events that wait the session itself asked for, so that they are not held against it as a slow reader: their
    /// places, counted from the first event ever queued. Kept apart from the events, so that one that is pushed to thousands of
    /// sessions touches no more memory of each than it must.
    answers: VecDeque<u64>,
    frames: usize,
    bytes: usize,
    answer_bytes: usize,
}

impl Waiting {
    /// Counts one more, the last, at this place.
    fn add(&mut self, place: u64, packet: &Packet, is_answer: bool) {
        if is_answer {
            self.answers.push_back(place);
            self.answer_bytes += packet.len();
        } else {
            self.frames += 1;
            self.bytes += packet.len();
        }
    }

    /// Takes the first out, which is at this place.
    fn remove_first(&mut self, place: u64, packet: &Packet) {
        let is_answer = self.answers.pop_front_if(|first| *first == place).is_some();
        self.uncount(packet, is_answer);
        if self.answers.is_empty() && self.answers.capacity() > 64 {
            self.answers = VecDeque::new();
        }
    }

    fn uncount(&mut self, packet: &Packet, is_answer: bool) {
        if is_answer {
            self.answer_bytes -= packet.len();
        } else {
            self.frames -= 1;
            self.bytes -= packet.len();
        }
    }
}

/// Whether a session can go on from where its client stopped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Replay {
    /// It can: this many events will be sent again, with the numbers they had.
    Events(usize),
    /// An event after that number is no longer kept: op 9 `false`.
    Evicted,
    /// No event had that number yet: op 9 `false`.
    FromTheFuture,
}

impl Ring {
    /// An empty ring, whose first event will have number 1.
    pub fn new() -> Self {
        Self::default()
    }

    /// Queues an event.
    pub fn push(&mut self, packet: Packet) {
        self.add(packet, false);
    }

    /// Queues what the session asked for itself (READY, its guilds, member chunks), which may be more at once than a slow
    /// reader is allowed; up to [`MAX_ANSWER_BYTES`].
    pub fn push_answer(&mut self, packet: Packet) {
        self.add(packet, true);
    }

    fn add(&mut self, packet: Packet, is_answer: bool) {
        self.waiting.add(self.evicted + self.events.len() as u64, &packet, is_answer);
        self.events.push_back(packet);
        if self.is_detached {
            self.number_next();
            self.evict();
        }
    }

    /// The number of the last event ever taken; 0 before the first.
    pub fn last_seq(&self) -> u64 {
        self.numbered
    }

    /// Events waiting to be sent.
    pub fn unsent(&self) -> usize {
        self.events.len() - self.sent
    }

    /// Moves events to the socket's writer, into `out`, with their numbers: at most `max_frames`, and until `max_bytes` is reached
    /// (one event may pass it). Returns whether more is waiting.
    pub fn take_unsent(&mut self, max_frames: usize, max_bytes: usize, out: &mut Vec<(u64, Packet)>) -> bool {
        let mut bytes = 0;
        for _ in 0..max_frames {
            if bytes >= max_bytes || self.unsent() == 0 {
                break;
            }
            let (seq, packet) = self.number_next();
            bytes += packet.len();
            out.push((seq, packet));
        }
        self.evict();
        self.unsent() > 0
    }

    /// Counts the next unsent event as sent. There must be one.
    fn number_next(&mut self) -> (u64, Packet) {
        let packet = self.events[self.sent].clone();
        self.waiting.remove_first(self.evicted + self.sent as u64, &packet);
        self.sent_bytes += packet.len();
        self.sent += 1;
        let seq = self.evicted + self.sent as u64;
        self.numbered = self.numbered.max(seq);
        (seq, packet)
    }

    fn evict(&mut self) {
        while self.sent > MAX_REPLAY_EVENTS || self.sent_bytes > MAX_REPLAY_BYTES {
            self.evict_one();
        }
        self.give_room_back();
    }

    /// Shrinks a queue that was long once.
    fn give_room_back(&mut self) {
        if self.events.capacity() > 64 && self.events.len() < self.events.capacity() / 4 {
            self.events.shrink_to(self.events.len() * 2);
        }
    }

    /// Forgets the oldest event that was sent. There must be one.
    fn evict_one(&mut self) {
        let packet = self.events.pop_front().expect("an event was sent, so one is kept");
        self.sent_bytes -= packet.len();
        self.sent -= 1;
        self.evicted += 1;
    }

    /// Forgets the oldest sent events until at most `bytes` are kept for a replay: for the bound over all sessions together.
    pub fn shrink_replay(&mut self, bytes: usize) {
        while self.sent_bytes > bytes {
            self.evict_one();
        }
    }

    /// Forgets the sent events up to `seq`: their reader has said that it saw them and will not resume from before.
    pub fn acknowledge(&mut self, seq: u64) {
        while self.evicted < seq && self.sent > 0 {
            self.evict_one();
        }
        self.give_room_back();
    }

    /// Events kept, sent or not.
    pub fn events(&self) -> usize {
        self.events.len()
    }

    /// Bytes kept for a replay.
    pub fn replay_bytes(&self) -> usize {
        self.sent_bytes
    }

    /// Drops the waiting events that `is_hidden` picks, since their reader lost the right to them (SAFETY.md §3.4). What has had a
    /// number keeps it: it was rightly queued.
    pub fn drop_unsent(&mut self, mut is_hidden: impl FnMut(&Packet) -> bool) {
        let (settled, evicted) = ((self.numbered - self.evicted) as usize, self.evicted);
        let mut marks = std::mem::take(&mut self.waiting.answers);
        let (waiting, mut index, mut kept) = (&mut self.waiting, 0_usize, 0_u64);
        self.events.retain(|packet| {
            let is_answer = marks.pop_front_if(|first| *first == evicted + index as u64).is_some();
            // What was sent is settled too.
            let keep = index < settled || !is_hidden(packet);
            index += 1;
            match keep {
                true if is_answer => waiting.answers.push_back(evicted + kept),
                true => {}
                false => waiting.uncount(packet, is_answer),
            }
            kept += u64::from(keep);
            keep
        });
    }

    /// Whether the reader is too slow: close it, resumably. Answers it asked for count only beyond [`MAX_ANSWER_BYTES`].
    pub fn is_overrun(&self) -> bool {
        !self.is_detached
            && (self.waiting.frames > MAX_UNSENT_FRAMES
                || self.waiting.bytes > MAX_UNSENT_BYTES
                || self.waiting.answer_bytes > MAX_ANSWER_BYTES)
    }

    /// The connection is lost: from here on events are only kept for a replay.
    pub fn detach(&mut self) {
        self.is_detached = true;
        while self.unsent() > 0 {
            self.number_next();
        }
        self.evict();
    }

    /// A new connection, whose client saw everything up to `seq`. On [`Replay::Events`] those after it wait to be sent, as
    /// answers; otherwise the session stays detached.
    pub fn resume_from(&mut self, seq: u64) -> Replay {
        if seq > self.numbered {
            return Replay::FromTheFuture;
        }
        // The old connection may not have been given up yet: what it left unsent is numbered now, in order.
        self.detach();
        let Some(seen) = seq.checked_sub(self.evicted) else {
            return Replay::Evicted;
        };
        let seen = seen as usize;
        for (packet, place) in self.events.range(seen..).zip(seq..) {
            self.sent_bytes -= packet.len();
            self.waiting.add(place, packet, true);
        }
        self.sent = seen;
        self.is_detached = false;
        Replay::Events(self.events.len() - seen)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;

    fn packet(len: usize) -> Packet {
        Packet::new("MESSAGE_CREATE", Bytes::from(vec![b'x'; len]))
    }

    fn take(ring: &mut Ring, frames: usize) -> Vec<u64> {
        let mut out = Vec::new();
        ring.take_unsent(frames, usize::MAX, &mut out);
        out.into_iter().map(|(seq, _)| seq).collect()
    }

    #[test]
    fn events_are_numbered_as_they_are_taken() {
        let mut ring = Ring::new();
        for _ in 0..3 {
            ring.push(packet(10));
        }
        assert_eq!((ring.last_seq(), ring.unsent()), (0, 3));
        assert_eq!(take(&mut ring, 2), [1, 2]);
        assert_eq!(take(&mut ring, 9), [3]);
        assert_eq!((ring.last_seq(), ring.unsent(), ring.replay_bytes()), (3, 0, 30));
    }

    #[test]
    fn a_batch_stops_at_its_bytes_but_always_takes_one() {
        let mut ring = Ring::new();
        (0..3).for_each(|_| ring.push(packet(100)));
        let mut out = Vec::new();
        assert!(ring.take_unsent(10, 150, &mut out));
        assert_eq!(out.len(), 2);
        assert!(!ring.take_unsent(10, 1, &mut out));
        assert_eq!(out.len(), 3);
    }

    #[test]
    fn a_slow_reader_is_overrun_by_frames_or_bytes_but_not_by_its_own_ready() {
        let mut ring = Ring::new();
        ring.push_answer(packet(MAX_UNSENT_BYTES * 3));
        (0..MAX_UNSENT_FRAMES).for_each(|_| ring.push(packet(1)));
        assert!(!ring.is_overrun());
        ring.push(packet(1));
        assert!(ring.is_overrun());
        take(&mut ring, 2);
        assert!(!ring.is_overrun());
        ring.push(packet(MAX_UNSENT_BYTES));
        assert!(ring.is_overrun());
        ring.detach();
        assert!(!ring.is_overrun(), "without a connection nobody is slow");

        let mut greedy = Ring::new();
        greedy.push_answer(packet(MAX_ANSWER_BYTES + 1));
        assert!(greedy.is_overrun());
    }

    #[test]
    fn a_replay_has_the_numbers_of_old_and_is_bounded() {
        let mut ring = Ring::new();
        (0..10).for_each(|_| ring.push(packet(1)));
        take(&mut ring, 6);
        ring.detach();
        ring.push(packet(1));
        assert_eq!(ring.last_seq(), 11);
        assert_eq!(ring.resume_from(12), Replay::FromTheFuture);
        assert_eq!(ring.resume_from(4), Replay::Events(7));
        assert_eq!(take(&mut ring, 99), (5..=11).collect::<Vec<_>>());
        assert_eq!(ring.resume_from(11), Replay::Events(0));

        (0..MAX_REPLAY_EVENTS).for_each(|_| ring.push(packet(1)));
        ring.detach();
        assert_eq!(ring.resume_from(10), Replay::Evicted);
        assert_eq!(ring.resume_from(11), Replay::Events(MAX_REPLAY_EVENTS));
        ring.detach();
        ring.shrink_replay(100);
        assert_eq!(ring.resume_from(ring.last_seq() - 101), Replay::Evicted);
        assert_eq!(ring.resume_from(ring.last_seq() - 100), Replay::Events(100));
    }

    #[test]
    fn what_was_seen_is_forgotten_but_never_what_waits() {
        let mut ring = Ring::new();
        (0..10).for_each(|_| ring.push(packet(1)));
        take(&mut ring, 6);
        ring.acknowledge(4);
        assert_eq!((ring.events(), ring.replay_bytes(), ring.unsent()), (6, 2, 4));
        ring.acknowledge(99);
        assert_eq!((ring.events(), ring.unsent()), (4, 4));
        assert_eq!(take(&mut ring, 9), [7, 8, 9, 10]);
        assert_eq!(ring.resume_from(5), Replay::Evicted);
        assert_eq!(ring.resume_from(6), Replay::Events(4));
    }

    #[test]
    fn bytes_bound_the_replay_too() {
        let mut ring = Ring::new();
        ring.detach();
        (0..3).for_each(|_| ring.push(packet(MAX_REPLAY_BYTES / 2)));
        assert_eq!(ring.replay_bytes(), MAX_REPLAY_BYTES);
        assert_eq!(ring.resume_from(0), Replay::Evicted);
        assert_eq!(ring.resume_from(1), Replay::Events(2));
    }

    #[test]
    fn hidden_events_vanish_unsent_and_leave_no_gap_but_a_replay_is_left_alone() {
        let mut ring = Ring::new();
        (0..4).for_each(|_| ring.push(packet(7)));
        take(&mut ring, 4);
        assert_eq!(ring.resume_from(2), Replay::Events(2));
        ring.push(Packet::of("TYPING_START", "{}"));
        ring.push(packet(9));
        ring.drop_unsent(|_| true);
        ring.push(packet(5));
        assert_eq!(take(&mut ring, 9), [3, 4, 5]);
        assert_eq!(ring.replay_bytes(), 4 * 7 + 5);
    }

    /// Twice as simple: everything ever numbered, and what waits.
    #[derive(Default)]
    struct Model {
        numbered: Vec<usize>,
        cursor: usize,
        waiting: VecDeque<usize>,
        detached: bool,
    }

    #[derive(Clone, Debug)]
    enum Act {
        Push(usize, bool),
        Take(usize),
        Detach,
        Resume(usize),
        DropShort,
    }

    fn act() -> impl Strategy<Value = Act> {
        prop_oneof![
            4 => (1usize..200, any::<bool>()).prop_map(|(len, answer)| Act::Push(len, answer)),
            3 => (0usize..6).prop_map(Act::Take),
            1 => Just(Act::Detach),
            1 => (0usize..8).prop_map(Act::Resume),
            1 => Just(Act::DropShort),
        ]
    }

    impl Model {
        fn number_all(&mut self) {
            self.numbered.extend(self.waiting.drain(..));
        }

        fn take(&mut self, frames: usize) -> Vec<(u64, usize)> {
            let mut out = Vec::new();
            for _ in 0..frames {
                if self.cursor == self.numbered.len() {
                    let Some(len) = self.waiting.pop_front() else { break };
                    self.numbered.push(len);
                }
                self.cursor += 1;
                out.push((self.cursor as u64, self.numbered[self.cursor - 1]));
            }
            out
        }
    }

    proptest! {
        #[test]
        fn the_ring_answers_as_a_list_of_everything_would(acts in prop::collection::vec(act(), 1..120)) {
            let (mut ring, mut model) = (Ring::new(), Model::default());
            for act in acts {
                match act {
                    Act::Push(len, answer) => {
                        if answer { ring.push_answer(packet(len)) } else { ring.push(packet(len)) }
                        model.waiting.push_back(len);
                        if model.detached {
                            model.number_all();
                            model.cursor = model.numbered.len();
                        }
                    }
                    Act::Take(frames) => {
                        let mut out = Vec::new();
                        ring.take_unsent(frames, usize::MAX, &mut out);
                        let got: Vec<_> = out.iter().map(|(seq, packet)| (*seq, packet.len())).collect();
                        prop_assert_eq!(got, model.take(frames));
                    }
                    Act::Detach => {
                        ring.detach();
                        model.number_all();
                        model.cursor = model.numbered.len();
                        model.detached = true;
                    }
                    Act::Resume(back) => {
                        let seq = model.numbered.len().saturating_sub(back);
                        model.number_all();
                        let left = model.numbered.len() - seq;
                        prop_assert_eq!(ring.resume_from(seq as u64), Replay::Events(left));
                        model.cursor = seq;
                        model.detached = false;
                    }
                    Act::DropShort => {
                        ring.drop_unsent(|packet| packet.len() < 100);
                        model.waiting.retain(|len| *len >= 100);
                    }
                }
                let waiting = model.numbered.len() - model.cursor + model.waiting.len();
                prop_assert_eq!(ring.unsent(), waiting);
                prop_assert_eq!(ring.replay_bytes(), model.numbered[..model.cursor].iter().sum::<usize>());
            }
        }
    }
}
