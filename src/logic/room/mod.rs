//! A voice room, sans-IO: who sends what, which of it each receiver gets in which slot, who speaks, which layer of a video goes where.
//! Packets themselves pass by; only their numbers, level and whether they begin a keyframe come in. Times are milliseconds that never
//! go back.

mod activity;
mod audio;
mod mapper;
mod meter;
mod video;

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

pub use activity::{Activity, Level};
pub use mapper::{Extender, Mapped, Mapper};
pub use video::{Layer, MAX_LAYERS, VideoDelivery, VideoPacket, Want};

/// Audio slots a receiver is given at most, and streams sent on at once.
pub const MAX_AUDIO_SLOTS: usize = 12;
/// Audio slots are asked for in steps of this many.
pub const AUDIO_SLOT_STEP: usize = 4;
/// Video slots of one receiver.
pub const MAX_VIDEO_SLOTS: usize = 12;
/// Milliseconds for which a slot stays with a stream that was heard, though others wait for one.
pub const SLOT_STAYS_MS: u64 = 2_000;
/// Units per second of Opus' clock.
pub const AUDIO_HZ: u32 = 48_000;
/// Units per second of every video clock.
pub const VIDEO_HZ: u32 = 90_000;

/// A member of a room.
pub type MemberId = u32;

/// What a stream carries.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Kind {
    /// A microphone.
    Mic,
    /// A bot's sound.
    Bot,
    /// A camera.
    Camera,
    /// A screen.
    Screen,
    /// The sound of a screen.
    ScreenAudio,
    /// A sound of the soundboard.
    Soundboard,
}

impl Kind {
    /// The word for it on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mic => "mic",
            Self::Bot => "bot",
            Self::Camera => "camera",
            Self::Screen => "screen",
            Self::ScreenAudio => "screen_audio",
            Self::Soundboard => "soundboard",
        }
    }

    /// The kind that a client means by a word; bots and sounds are none of a client's.
    pub fn from_client(word: &str) -> Option<Self> {
        Some(match word {
            "mic" => Self::Mic,
            "camera" => Self::Camera,
            "screen" => Self::Screen,
            "screen_audio" => Self::ScreenAudio,
            _ => return None,
        })
    }

    /// Whether it is seen, not heard.
    pub const fn is_video(self) -> bool {
        matches!(self, Self::Camera | Self::Screen)
    }

    /// Whether it is somebody talking, and not something played.
    const fn is_talk(self) -> bool {
        matches!(self, Self::Mic)
    }
}

/// One stream of a member.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SourceId {
    /// Whose it is.
    pub member: MemberId,
    /// What it carries.
    pub kind: Kind,
}

/// A slot of a receiver: a stream it gets. Audio slots and video slots are counted apart.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SlotId {
    /// Whether it is for video.
    pub is_video: bool,
    /// Which, from 0, in the order in which the client offered them.
    pub index: usize,
}

/// What is to be done outside.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Effect {
    /// A receiver's slots changed hands.
    Slots {
        /// Whose slots.
        to: MemberId,
        /// What each of them carries from here on.
        slots: Vec<(SlotId, Option<SourceId>)>,
    },
    /// A receiver should offer more slots.
    NeedSlots {
        /// Who.
        to: MemberId,
        /// How many of sound in all.
        audio: usize,
    },
    /// Somebody began or stopped to speak.
    Speaking {
        /// Who.
        member: MemberId,
        /// Whether they began.
        is_speaking: bool,
    },
    /// Ask a publisher for a keyframe of a layer.
    Keyframe {
        /// Of which video.
        source: SourceId,
        /// Of which layer.
        layer: Layer,
    },
    /// Which layers of a video anybody wants.
    Layers {
        /// Which video.
        source: SourceId,
        /// By layer.
        wanted: [bool; MAX_LAYERS],
    },
    /// A video that a receiver wants began or changed its layer, or paused.
    Video {
        /// Who receives it.
        to: MemberId,
        /// In which video slot.
        slot: usize,
        /// Pixels of what comes; none while it is paused.
        height: Option<u32>,
    },
    /// How many look at a screen changed.
    Watched {
        /// Whose screen.
        source: SourceId,
    },
    /// Somebody said nothing for as long as they were given.
    Idle {
        /// Who.
        member: MemberId,
    },
}

#[derive(Debug)]
struct AudioSlot {
    source: Option<SourceId>,
    mapper: Mapper,
}

#[derive(Debug, Default)]
struct Member {
    /// Whether they are to be sent audio.
    hears: bool,
    /// Whether audio slots are made for them as needed, as for bots, whose streams are told apart by their numbers.
    is_bot: bool,
    audio: Vec<AudioSlot>,
    /// How many audio slots were asked for.
    asked: usize,
    video: video::Receiver,
    idle_after_ms: Option<u64>,
    last_heard_ms: u64,
}

#[derive(Debug, Default)]
struct Source {
    activity: Activity,
    video: video::Sender,
}

/// Somebody who gets a packet, and as which.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Delivery {
    /// Who.
    pub to: MemberId,
    /// In which slot.
    pub slot: SlotId,
    /// With which numbers.
    pub mapped: Mapped,
}

/// A room.
#[derive(Debug, Default)]
pub struct Room {
    members: BTreeMap<MemberId, Member>,
    sources: BTreeMap<SourceId, Source>,
    /// Who gets each source, and in which slot: kept with every change, so that a packet asks nobody.
    routes: FxHashMap<SourceId, Vec<(MemberId, usize)>>,
    effects: Vec<Effect>,
    now_ms: u64,
    /// How many layers of a video nobody gets, because the machine has too much to do: 1 without the highest, 2 the lowest alone.
    shed_layers: usize,
}

impl Room {
    /// Whether nobody is in it.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// What is to be done, in order.
    pub fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// Somebody came. `idle_after_ms` is how long they may say nothing.
    pub fn join(&mut self, now_ms: u64, id: MemberId, is_bot: bool) {
        self.now_ms = now_ms;
        self.members.insert(id, Member { hears: true, is_bot, last_heard_ms: now_ms, ..Member::default() });
        self.ask_for_slots(id);
        self.fill_audio(id);
    }

    /// Somebody went, and all they sent.
    pub fn leave(&mut self, now_ms: u64, id: MemberId) {
        self.now_ms = now_ms;
        let theirs: Vec<SourceId> = self.sources.keys().filter(|of| of.member == id).copied().collect();
        for source in theirs {
            self.remove_source(now_ms, source);
        }
        self.members.remove(&id);
        for routes in self.routes.values_mut() {
            routes.retain(|(to, _)| *to != id);
        }
        self.settle_video();
    }

    /// How long somebody may say nothing before they count as absent; none for ever.
    pub fn set_idle(&mut self, id: MemberId, after_ms: Option<u64>) {
        if let Some(member) = self.members.get_mut(&id)
            && member.idle_after_ms != after_ms
        {
            member.idle_after_ms = after_ms;
            member.last_heard_ms = self.now_ms;
        }
    }

    /// Whether somebody is sent audio at all.
    pub fn set_hears(&mut self, id: MemberId, hears: bool) {
        if let Some(member) = self.members.get_mut(&id)
            && member.hears != hears
        {
            member.hears = hears;
            self.reroute_audio();
        }
    }

    /// A member begins to send a stream; a video has so many layers.
    pub fn add_source(&mut self, now_ms: u64, id: SourceId, layers: usize) {
        self.now_ms = now_ms;
        if !self.members.contains_key(&id.member) {
            return;
        }
        if id.kind.is_video() {
            self.sources.entry(id).or_default().video.set_layers(layers);
            self.settle_video();
            return;
        }
        if self.sources.contains_key(&id) {
            return;
        }
        self.sources.insert(id, Source::default());
        let others: Vec<MemberId> = self.members.keys().filter(|of| **of != id.member).copied().collect();
        for to in others {
            self.ask_for_slots(to);
            self.fill_audio(to);
        }
    }

    /// A member no longer sends a stream.
    pub fn remove_source(&mut self, now_ms: u64, id: SourceId) {
        self.now_ms = now_ms;
        if self.sources.remove(&id).is_some_and(|source| source.activity.is_speaking()) && id.kind.is_talk() {
            self.effects.push(Effect::Speaking { member: id.member, is_speaking: false });
        }
        self.routes.remove(&id);
        if id.kind.is_video() {
            self.settle_video();
        } else {
            self.free_audio(id);
        }
    }

    /// The streams of a member, as they are known.
    pub fn sources_of(&self, member: MemberId) -> impl Iterator<Item = SourceId> {
        self.sources.keys().filter(move |id| id.member == member).copied()
    }

    /// The streams of everybody.
    pub fn sources(&self) -> impl Iterator<Item = SourceId> {
        self.sources.keys().copied()
    }

    /// Lets time pass: speech ends, keyframes are asked for again, layers nobody wants are stopped.
    pub fn tick(&mut self, now_ms: u64) {
        self.now_ms = now_ms;
        for (id, source) in &mut self.sources {
            if source.activity.pass(now_ms).is_some() && id.kind.is_talk() {
                self.effects.push(Effect::Speaking { member: id.member, is_speaking: false });
            }
        }
        for (id, member) in &mut self.members {
            let is_idle = |after: u64| now_ms.saturating_sub(member.last_heard_ms) >= after;
            if member.idle_after_ms.is_some_and(is_idle) {
                member.idle_after_ms = None;
                self.effects.push(Effect::Idle { member: *id });
            }
        }
        self.settle_video();
    }

    /// Everybody who speaks.
    pub fn speaking(&self) -> impl Iterator<Item = MemberId> {
        self.sources
            .iter()
            .filter(|(id, source)| id.kind.is_talk() && source.activity.is_speaking())
            .map(|(id, _)| id.member)
    }
}

#[cfg(test)]
mod simulator;
#[cfg(test)]
mod tests;
