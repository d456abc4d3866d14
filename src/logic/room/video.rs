//! Which layer of a video each receiver gets: the smallest that fills its tile, as far as its connection carries it. Layers change at
//! keyframes only, and keyframes are asked for together. Layers that nobody wants are not sent to us at all.

use super::meter::Meter;
use super::{Delivery, Effect, Kind, MAX_VIDEO_SLOTS, Mapper, MemberId, Room, SlotId, SourceId, VIDEO_HZ};

/// A layer of a simulcast video, 0 the smallest.
pub type Layer = usize;

/// Layers of one video at most.
pub const MAX_LAYERS: usize = 3;
/// Milliseconds between two requests for a keyframe of one layer.
const KEYFRAME_EVERY_MS: u64 = 500;
/// Milliseconds until a keyframe that did not come is asked for again, doubled each time.
const KEYFRAME_RETRY_MS: u64 = 1_000;
/// Most doublings of that.
const MAX_RETRY_DOUBLINGS: u32 = 2;
/// Milliseconds for which a layer goes on that nobody wants.
const LAYER_STAYS_MS: u64 = 5_000;
/// Milliseconds for which there must be room before a receiver gets more, once it had to be given less; and until then, as what a new
/// connection carries is only being found out.
const UPGRADE_AFTER_MS: u64 = 3_000;
const FIRST_UPGRADE_AFTER_MS: u64 = 300;
/// Bits per second of smallest layers that a receiver is sent though its estimate says less, until that has fallen: what a connection
/// carries is first guessed, and to find out more takes packets. It is a screen's that comes in one layer.
const TRIED_BPS: u64 = 2_500_000;
/// What a layer that was not seen may take at least of what its profile has.
const HOPE: u64 = 2;
/// Bits per second of a smallest layer that the first of what is seen gets however little is estimated: where packets come late in any
/// order, estimates fall to nothing, and little video is better than none.
const KEPT_BPS: u64 = 250_000;

/// A video that a receiver wants to see.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Want {
    /// In which video slot.
    pub slot: usize,
    /// Whose.
    pub source: SourceId,
    /// Pixels of the tile; 0 pauses.
    pub height: u32,
    /// What is seen first when not everything fits; greater goes first.
    pub priority: u8,
}

/// The heights of a full video's layers and what each takes, from the smallest (VOICE.md §4).
fn profile(kind: Kind, layers: usize) -> &'static [(u32, u64)] {
    const CAMERA: [(u32, u64); 3] = [(180, 150_000), (360, 500_000), (720, 1_500_000)];
    const SCREEN: [(u32, u64); 2] = [(360, 300_000), (1_080, 2_500_000)];
    match (kind, layers) {
        (Kind::Screen, 1) => &SCREEN[1..],
        (Kind::Screen, _) => &SCREEN,
        (_, 1) => &CAMERA[2..],
        (_, 2) => &CAMERA[1..],
        _ => &CAMERA,
    }
}

/// Picture numbers of VP8, which go on over a change of layer (RFC 7741 §4.2).
#[derive(Debug, Default)]
struct Pictures {
    last: Option<(u16, u8)>,
    offset: (u16, u8),
    is_new: bool,
}

impl Pictures {
    fn map(&mut self, picture: u16, tl0: u8) -> (u16, u8) {
        if std::mem::take(&mut self.is_new)
            && let Some((last, last_tl0)) = self.last
        {
            self.offset =
                (last.wrapping_add(1).wrapping_sub(picture), last_tl0.wrapping_add(1).wrapping_sub(tl0));
        }
        let out = (picture.wrapping_add(self.offset.0) & 0x7fff, tl0.wrapping_add(self.offset.1));
        let is_newer = self.last.is_none_or(|(last, _)| out.0.wrapping_sub(last) & 0x7fff < 0x4000);
        if is_newer {
            self.last = Some(out);
        }
        out
    }
}

#[derive(Debug)]
struct VideoSlot {
    want: Option<Want>,
    current: Option<Layer>,
    target: Option<Layer>,
    /// What it would get if layers that are not sent took less than their profile says, as most do: it is asked for, to see.
    hoped: Option<Layer>,
    /// Since when more would fit.
    more_since_ms: Option<u64>,
    mapper: Mapper,
    pictures: Pictures,
    told: Option<Option<Layer>>,
}

impl Default for VideoSlot {
    fn default() -> Self {
        Self {
            want: None,
            current: None,
            target: None,
            hoped: None,
            more_since_ms: None,
            mapper: Mapper::new(VIDEO_HZ),
            pictures: Pictures::default(),
            told: None,
        }
    }
}

/// The video side of a receiver.
#[derive(Debug, Default)]
pub(super) struct Receiver {
    slots: Vec<VideoSlot>,
    estimate_bps: Option<u64>,
    /// The greatest estimate so far, and whether what it carries turned out to be less than that.
    most_bps: u64,
    has_fallen: bool,
}

/// The video side of a source.
#[derive(Debug, Default)]
pub(super) struct Sender {
    layers: usize,
    /// What each layer takes.
    meters: [Meter; MAX_LAYERS],
    asked: [Asked; MAX_LAYERS],
    /// When somebody wanted each layer last.
    wanted_ms: [Option<u64>; MAX_LAYERS],
    told: Option<[bool; MAX_LAYERS]>,
    /// How many look at it.
    watchers: usize,
}

#[derive(Debug, Default, Clone, Copy)]
struct Asked {
    last_ms: Option<u64>,
    is_due: bool,
    tries: u32,
}

impl Sender {
    pub fn set_layers(&mut self, layers: usize) {
        self.layers = layers.clamp(1, MAX_LAYERS);
    }

    /// Bits per second of each layer: as it comes, or as its profile has it, of which `hope` divides what was not seen.
    fn costs(&self, now_ms: u64, profile: &[(u32, u64)], hope: u64) -> [u64; MAX_LAYERS] {
        let cost = |layer: Layer| {
            let most = profile.get(layer).map_or(0, |(_, bps)| *bps);
            self.meters[layer].bps(now_ms).unwrap_or(most / hope)
        };
        std::array::from_fn(cost)
    }
}

/// A packet of a video that somebody gets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VideoDelivery {
    /// Who, where, and with which numbers.
    pub delivery: Delivery,
    /// Its picture and base layer numbers, where it has some.
    pub picture: Option<(u16, u8)>,
}

/// A packet of a video, as far as it matters here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VideoPacket {
    /// Its layer.
    pub layer: Layer,
    /// Its number, not wrapped.
    pub seq: u64,
    /// Its time stamp.
    pub timestamp: u32,
    /// Its bytes.
    pub bytes: usize,
    /// Whether a keyframe begins with it.
    pub starts_keyframe: bool,
    /// Its picture and base layer numbers, where it has some.
    pub picture: Option<(u16, u8)>,
}

impl Room {
    /// How many video slots a receiver's client offers.
    pub fn set_video_slots(&mut self, id: MemberId, count: usize) {
        if let Some(member) = self.members.get_mut(&id) {
            let slots = &mut member.video.slots;
            if slots.len() < count {
                slots.resize_with(count.min(MAX_VIDEO_SLOTS), VideoSlot::default);
            }
        }
    }

    /// What a receiver wants to see, in place of what it wanted before. Answers the slots whose source changed.
    pub fn want(&mut self, now_ms: u64, id: MemberId, wants: &[Want]) -> Vec<(SlotId, Option<SourceId>)> {
        self.now_ms = now_ms;
        let Some(member) = self.members.get_mut(&id) else { return Vec::new() };
        let mut changed = Vec::new();
        for (index, slot) in member.video.slots.iter_mut().enumerate() {
            let want = wants.iter().rfind(|want| want.slot == index && want.source.member != id).copied();
            let (old, new) = (slot.want.map(|want| want.source), want.map(|want| want.source));
            if old != new {
                (slot.current, slot.target, slot.told) = (None, None, None);
                (slot.hoped, slot.more_since_ms) = (None, None);
                changed.push((SlotId { is_video: true, index }, new));
            }
            slot.want = want;
        }
        self.settle_video();
        changed
    }

    /// All that a receiver's video slots carry.
    pub fn video_slots(&self, id: MemberId) -> Vec<(SlotId, Option<SourceId>)> {
        let slots = self.members.get(&id).map_or(&[][..], |member| &member.video.slots);
        let source = |slot: &VideoSlot| slot.want.map(|want| want.source);
        slots
            .iter()
            .enumerate()
            .map(|(index, slot)| (SlotId { is_video: true, index }, source(slot)))
            .collect()
    }

    /// How many look at a video.
    pub fn watchers(&self, source: SourceId) -> usize {
        self.sources.get(&source).map_or(0, |held| held.video.watchers)
    }

    /// What a receiver's connection carries of video, as estimated: beside its sound, which is not part of the estimate.
    pub fn estimate(&mut self, now_ms: u64, id: MemberId, bps: u64) {
        self.now_ms = now_ms;
        if let Some(member) = self.members.get_mut(&id) {
            let video = &mut member.video;
            video.most_bps = video.most_bps.max(bps);
            video.has_fallen |= bps < video.most_bps / 4 * 3;
            video.estimate_bps = Some(bps);
        }
        // Estimates come several times a second from everybody who sees something, and most change nothing.
        if self.allocate(id) {
            self.settle_routes();
        }
    }

    /// Bits per second at which a receiver gets all it wants, with the room that is kept before it gets more: what its connection's
    /// estimate is to look for.
    pub fn wanted_bps(&self, id: MemberId) -> u64 {
        let Some(member) = self.members.get(&id) else { return 0 };
        let wanted = |slot: &VideoSlot| -> Option<u64> {
            let want = slot.want.filter(|want| want.height > 0)?;
            let sender = &self.sources.get(&want.source)?.video;
            let profile = profile(want.source.kind, sender.layers);
            // Also where it takes less just now: a still screen may begin to move.
            let layer = fitting(profile, want.height);
            Some(sender.costs(self.now_ms, profile, 1)[layer].max(profile[layer].1))
        };
        match member.video.slots.iter().filter_map(wanted).sum::<u64>() {
            0 => 0,
            wanted => (wanted * 6 / 5) * 10 / 9,
        }
    }

    /// The machine has too much to do, or again enough time: leaves out so many of the highest layers of every video.
    pub fn set_shed_layers(&mut self, now_ms: u64, layers: usize) {
        if self.shed_layers != layers {
            (self.now_ms, self.shed_layers) = (now_ms, layers);
            self.settle_video();
        }
    }

    /// A receiver lost its picture and asks for a keyframe.
    pub fn keyframe_wanted(&mut self, now_ms: u64, id: MemberId, slot: usize) {
        self.now_ms = now_ms;
        let Some(slot) = self.members.get(&id).and_then(|member| member.video.slots.get(slot)) else {
            return;
        };
        if let (Some(want), Some(layer)) = (slot.want, slot.current.or(slot.target)) {
            self.ask_keyframe(want.source, layer);
        }
    }

    /// A packet of a layer came and nobody gets it: the layer has to begin anew for those who see it.
    pub fn left_out(&mut self, now_ms: u64, source: SourceId, layer: Layer) {
        self.now_ms = now_ms;
        let routes = self.routes.get(&source).map_or(&[][..], Vec::as_slice);
        let is_seen = routes.iter().any(|(to, index)| {
            let slot = self.members.get(to).and_then(|member| member.video.slots.get(*index));
            slot.is_some_and(|slot| slot.current == Some(layer) || slot.target == Some(layer))
        });
        if is_seen {
            self.ask_keyframe(source, layer);
        }
    }

    /// A packet of a video came in: who gets it, with which numbers. Whether somebody still waits for its layer to begin, and so for
    /// the others of its picture, if it is of a keyframe: it is to come in once more after that one's first packet, with no bytes.
    pub fn video(
        &mut self,
        now_ms: u64,
        source: SourceId,
        packet: VideoPacket,
        out: &mut Vec<VideoDelivery>,
    ) -> bool {
        self.now_ms = now_ms;
        let Some(sender) = self.sources.get_mut(&source).map(|held| &mut held.video) else { return false };
        if let Some(meter) = sender.meters.get_mut(packet.layer) {
            meter.take(now_ms, packet.bytes);
        }
        if let Some(asked) = sender.asked.get_mut(packet.layer).filter(|_| packet.starts_keyframe) {
            asked.tries = 0;
        }
        let layers = sender.layers;
        let profile = profile(source.kind, layers);
        let Some(routes) = self.routes.get(&source) else { return false };
        let mut is_awaited = false;
        for (to, index) in routes {
            let Some(slot) = self.members.get_mut(to).and_then(|member| member.video.slots.get_mut(*index))
            else {
                continue;
            };
            if packet.starts_keyframe && slot.target == Some(packet.layer) && slot.current != slot.target {
                slot.current = slot.target;
                slot.mapper.switch();
                slot.pictures.is_new = true;
            }
            if slot.current != Some(packet.layer) {
                is_awaited |= slot.target == Some(packet.layer);
                continue;
            }
            let Some(mapped) = slot.mapper.map(now_ms, packet.seq, packet.timestamp) else { continue };
            let picture = packet.picture.map(|(picture, tl0)| slot.pictures.map(picture, tl0));
            let delivery = Delivery { to: *to, slot: SlotId { is_video: true, index: *index }, mapped };
            out.push(VideoDelivery { delivery, picture });
            if slot.told != Some(slot.current) {
                slot.told = Some(slot.current);
                let height = profile.get(packet.layer).map(|(height, _)| *height);
                self.effects.push(Effect::Video { to: *to, slot: *index, height });
            }
        }
        is_awaited
    }

    /// Works out who is to get which layer, asks for the keyframes that takes, and tells publishers what is wanted.
    pub(super) fn settle_video(&mut self) {
        let ids: Vec<MemberId> = self.members.keys().copied().collect();
        for id in &ids {
            self.allocate(*id);
        }
        self.settle_routes();
    }

    fn settle_routes(&mut self) {
        self.reroute_video();
        self.ask_for_switches();
        self.tell_publishers();
    }

    /// Shares what a receiver's connection carries among the videos it wants: first the smallest layer for each, in the order of their
    /// priority, then more. Whether anything is to come in another layer than before.
    fn allocate(&mut self, id: MemberId) -> bool {
        let Some(member) = self.members.get_mut(&id) else { return false };
        let budget = member.video.estimate_bps.map_or(u64::MAX / 2, |bps| bps / 10 * 9);
        let (shed, now_ms) = (self.shed_layers, self.now_ms);
        let tile = |slot: &VideoSlot, hope: u64| {
            let want = slot.want.filter(|want| want.height > 0)?;
            let sender = &self.sources.get(&want.source)?.video;
            let profile = profile(want.source.kind, sender.layers);
            let most = profile.len().saturating_sub(1 + shed);
            let costs = sender.costs(now_ms, profile, hope);
            Some(Tile {
                costs,
                tried: costs[0].min(profile[0].1),
                wanted: fitting(profile, want.height).min(most),
                priority: want.priority,
            })
        };
        let tiles = |hope: u64| -> Vec<Option<Tile>> {
            member.video.slots.iter().map(|slot| tile(slot, hope)).collect()
        };
        let tried = if member.video.has_fallen { 0 } else { TRIED_BPS };
        let known = tiles(1);
        let fits = share(&known, budget, tried);
        let fits_well = share(&known, budget / 6 * 5, tried);
        let hoped = share(&tiles(HOPE), budget / 6 * 5, tried);
        let upgrade_after_ms =
            if member.video.has_fallen { UPGRADE_AFTER_MS } else { FIRST_UPGRADE_AFTER_MS };
        let mut is_changed = false;
        for (index, slot) in member.video.slots.iter_mut().enumerate() {
            let (now, later, before) = (fits[index], fits_well[index], (slot.target, slot.hoped));
            slot.hoped = hoped[index];
            if now < slot.target || slot.target.is_none() {
                slot.target = now;
                slot.more_since_ms = None;
            } else if later > slot.target {
                let since = *slot.more_since_ms.get_or_insert(self.now_ms);
                // Without an estimate nothing speaks against more.
                let is_known = member.video.estimate_bps.is_some();
                if !is_known || self.now_ms.saturating_sub(since) >= upgrade_after_ms {
                    (slot.target, slot.more_since_ms) = (later, None);
                }
            } else {
                slot.more_since_ms = None;
            }
            is_changed |= (slot.target, slot.hoped) != before;
            if slot.target.is_none() {
                slot.current = None;
                if slot.want.is_some() && slot.told != Some(None) {
                    slot.told = Some(None);
                    self.effects.push(Effect::Video { to: id, slot: index, height: None });
                }
            }
        }
        is_changed
    }

    fn reroute_video(&mut self) {
        self.routes.retain(|source, _| !source.kind.is_video());
        for (to, member) in &self.members {
            for (index, slot) in member.video.slots.iter().enumerate() {
                if let (Some(want), Some(_)) = (slot.want, slot.target) {
                    self.routes.entry(want.source).or_default().push((*to, index));
                }
            }
        }
    }

    /// Asks for the keyframes at which receivers change their layer.
    fn ask_for_switches(&mut self) {
        let waiting: Vec<(SourceId, Layer)> = self
            .members
            .values()
            .flat_map(|member| &member.video.slots)
            .filter(|slot| slot.target.is_some() && slot.current != slot.target)
            .filter_map(|slot| Some((slot.want?.source, slot.target?)))
            .collect();
        for (source, layer) in &waiting {
            let Some(asked) = self.sources.get(source).map(|held| held.video.asked[*layer]) else { continue };
            let retry = KEYFRAME_RETRY_MS << asked.tries.saturating_sub(1).min(MAX_RETRY_DOUBLINGS);
            let is_overdue = asked.last_ms.is_none_or(|last| self.now_ms.saturating_sub(last) >= retry);
            if asked.tries == 0 || is_overdue {
                self.ask_keyframe(*source, *layer);
            }
        }
        let due: Vec<(SourceId, Layer)> = self
            .sources
            .iter()
            .flat_map(|(id, held)| {
                (0..MAX_LAYERS).filter(|of| held.video.asked[*of].is_due).map(|of| (*id, of))
            })
            .collect();
        for (source, layer) in due {
            self.ask_keyframe(source, layer);
        }
    }

    /// Asks for a keyframe at once, or as soon as one may be asked for again.
    fn ask_keyframe(&mut self, source: SourceId, layer: Layer) {
        let Some(asked) = self.sources.get_mut(&source).and_then(|held| held.video.asked.get_mut(layer))
        else {
            return;
        };
        let is_early = asked.last_ms.is_some_and(|last| self.now_ms.saturating_sub(last) < KEYFRAME_EVERY_MS);
        asked.is_due = is_early;
        if !is_early {
            asked.last_ms = Some(self.now_ms);
            asked.tries += 1;
            self.effects.push(Effect::Keyframe { source, layer });
        }
    }

    fn tell_publishers(&mut self) {
        for (source, held) in self.sources.iter_mut().filter(|(id, _)| id.kind.is_video()) {
            let mut is_wanted = [false; MAX_LAYERS];
            let slots = self.members.values().flat_map(|member| &member.video.slots);
            for slot in slots.filter(|slot| slot.want.is_some_and(|want| want.source == *source)) {
                // Also of who gets nothing for now.
                for layer in [slot.target, slot.current, slot.hoped].into_iter().flatten() {
                    is_wanted[layer] = true;
                }
            }
            for (layer, is_wanted) in is_wanted.iter_mut().enumerate() {
                let last = &mut held.video.wanted_ms[layer];
                if *is_wanted {
                    *last = Some(self.now_ms);
                } else if last.is_some_and(|last| self.now_ms.saturating_sub(last) < LAYER_STAYS_MS) {
                    *is_wanted = true;
                }
            }
            let looks = |slot: &VideoSlot| slot.want.is_some_and(|of| of.source == *source && of.height > 0);
            let watchers =
                self.members.values().filter(|member| member.video.slots.iter().any(looks)).count();
            if std::mem::replace(&mut held.video.watchers, watchers) != watchers
                && source.kind == Kind::Screen
            {
                self.effects.push(Effect::Watched { source: *source });
            }
            if held.video.told != Some(is_wanted) {
                held.video.told = Some(is_wanted);
                self.effects.push(Effect::Layers { source: *source, wanted: is_wanted });
            }
        }
    }
}

/// A video to be shown, as far as sharing matters.
struct Tile {
    /// Bits per second of each layer.
    costs: [u64; MAX_LAYERS],
    /// Those that its smallest may take in any case, of [`TRIED_BPS`].
    tried: u64,
    wanted: Layer,
    priority: u8,
}

/// The smallest layer that fills a tile.
fn fitting(profile: &[(u32, u64)], height: u32) -> Layer {
    profile.iter().position(|(full, _)| *full >= height).unwrap_or(profile.len() - 1)
}

/// The layer of each tile that fits into `budget` bits per second together; smallest layers may take `tried` of them in any case.
fn share(tiles: &[Option<Tile>], budget: u64, tried: u64) -> Vec<Option<Layer>> {
    let mut order: Vec<usize> = (0..tiles.len()).filter(|at| tiles[*at].is_some()).collect();
    order.sort_by_key(|at| std::cmp::Reverse(tiles[*at].as_ref().map_or(0, |tile| tile.priority)));
    let mut given: Vec<Option<Layer>> = vec![None; tiles.len()];
    let (mut taken, mut left_to_try) = (0, tried);
    for at in &order {
        let Some(tile) = &tiles[*at] else { continue };
        let is_kept = given.iter().all(Option::is_none) && tile.costs[0] <= KEPT_BPS;
        if is_kept || taken + tile.costs[0] <= budget || tile.tried <= left_to_try {
            taken += tile.costs[0];
            left_to_try = left_to_try.saturating_sub(tile.tried);
            given[*at] = Some(0);
        }
    }
    let mut left = budget.saturating_sub(taken);
    for at in &order {
        let (Some(tile), Some(base)) = (&tiles[*at], given[*at]) else { continue };
        // What comes may take less in a larger layer than in a smaller one.
        let cost = |layer: Layer| tile.costs[layer].saturating_sub(tile.costs[base]);
        let best = (base..=tile.wanted).rev().find(|layer| cost(*layer) <= left).unwrap_or(base);
        left -= cost(best);
        given[*at] = Some(best);
    }
    given
}
