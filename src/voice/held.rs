//! Packets of a video that wait for the first one of their picture. A receiver begins a layer with the packet that begins a keyframe; the
//! others of that picture may have overtaken it, or it was lost and is sent again. Nobody else has them, as each was sent and came.

use std::collections::VecDeque;

use str0m::rtp::RtpPacket;

use crate::logic::room::{Kind, VideoPacket};

/// Packets that are held of one sender at most: a large keyframe, and what comes while its first packet is sent again.
const MAX_HELD: usize = 256;

/// A packet, and whose.
pub type Held = (Kind, VideoPacket, Box<RtpPacket>);

/// What waits of one sender, as it came.
#[derive(Default)]
pub struct Waiting(VecDeque<Held>);

impl Waiting {
    /// A packet of a layer that somebody waits for.
    pub fn hold(&mut self, held: Held) {
        if self.0.len() == MAX_HELD {
            self.0.pop_front();
        }
        self.0.push_back(held);
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A keyframe begins, or nobody waits for one: what waited of its layer, and comes after it in the order in which it was sent.
    pub fn release(&mut self, kind: Kind, first: VideoPacket) -> Vec<Held> {
        let is_of_layer = |held: &Held| (held.0, held.1.layer) == (kind, first.layer);
        let (released, kept) = self.0.drain(..).partition(is_of_layer);
        self.0 = kept;
        let mut released = Vec::from(released);
        released.retain(|(_, facts, _)| first.starts_keyframe && facts.seq > first.seq);
        released.sort_by_key(|(_, facts, _)| facts.seq);
        released
    }
}
