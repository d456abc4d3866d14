//! Packets of a video that wait to be given out, and those that wait for the first one of their picture. A receiver begins a layer with the
//! packet that begins a keyframe; the others of that picture may have overtaken it, or it was lost and is sent again. Nobody else has
//! them, as each was sent and came.

use std::collections::VecDeque;
use std::time::Instant;

use str0m::rtp::RtpPacket;

use crate::logic::room::{SourceId, VideoPacket};

/// Packets that are held of one sender at most: a large keyframe, and what comes while its first packet is sent again.
const MAX_HELD: usize = 256;

/// A packet of a video that waits: for its first one, or for its turn to be given out.
pub struct Picture {
    /// Whose it is.
    pub of: SourceId,
    /// What the room is to know of it.
    pub facts: VideoPacket,
    /// The packet, opened.
    pub packet: Box<RtpPacket>,
    /// When it came.
    pub came: Instant,
}

/// What waits of one sender, as it came.
#[derive(Default)]
pub struct Waiting(VecDeque<Picture>);

impl Waiting {
    /// A packet of a layer that somebody waits for.
    pub fn hold(&mut self, picture: Picture) {
        if self.0.len() == MAX_HELD {
            self.0.pop_front();
        }
        self.0.push_back(picture);
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What waits of sources that are no more waits in vain.
    pub fn keep(&mut self, sources: &[SourceId]) {
        self.0.retain(|held| sources.contains(&held.of));
    }

    /// A keyframe begins, or nobody waits for one: what waited of its layer, and comes after it in the order in which it was sent.
    pub fn release(&mut self, of: SourceId, first: VideoPacket) -> Vec<Picture> {
        let is_of_layer = |held: &Picture| (held.of, held.facts.layer) == (of, first.layer);
        if !self.0.iter().any(is_of_layer) {
            return Vec::new();
        }
        let (released, kept) = self.0.drain(..).partition(is_of_layer);
        self.0 = kept;
        let mut released = Vec::from(released);
        released.retain(|held| first.starts_keyframe && held.facts.seq > first.seq);
        released.sort_by_key(|held| held.facts.seq);
        released
    }
}
