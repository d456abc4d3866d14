//! A call over bad networks: people and bots who come, go, talk, show cameras and look at them, while what they send is lost, doubled,
//! late and out of order, and what they can receive changes. Whatever happens, numbers are given once and in order; once the network is
//! good again, everybody hears who talks and sees what they look at, and nobody sends what nobody wants. A failure prints its seed.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

const VOICE: Level = Level { below_db: 30, is_voice: Some(true) };
/// Milliseconds of a packet of sound, of a picture, and between two looks at what time brings.
const SOUND_MS: u64 = 20;
const PICTURE_MS: u64 = 100;
const TICK_MS: u64 = 100;
/// Milliseconds of a bad network, and then of a good one: long enough for every retry, and for layers nobody wants to be stopped.
const BAD_MS: u64 = 20_000;
const GOOD_MS: u64 = 16_000;
/// Bits per second of a camera's layers.
const COSTS: [u64; 3] = [150_000, 500_000, 1_500_000];

/// SplitMix64: a seed gives one run, always the same.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }
}

/// A packet on its way to the room.
#[derive(Clone, Copy)]
enum Packet {
    Sound(SourceId, u64),
    Picture(SourceId, VideoPacket),
}

/// A layer that a client sends: its numbers, and whether its next picture is a keyframe.
#[derive(Clone, Copy, Default)]
struct Sent {
    seq: u64,
    picture: u16,
    is_key_due: bool,
}

/// Somebody in the call, as their client knows it.
#[derive(Default)]
struct Person {
    is_bot: bool,
    is_deaf: bool,
    talks: bool,
    sound_seq: u64,
    /// Its layers, whose numbers go on while it is off.
    camera: [Sent; 3],
    shows: bool,
    /// The layers that the room wants of the camera.
    wanted: [bool; 3],
    looks_at: Option<(MemberId, u32)>,
    /// What their connection carries, once it was estimated.
    estimate_bps: Option<u64>,
    /// What each slot carries, by what was told.
    told: BTreeMap<SlotId, Option<SourceId>>,
    /// What each slot received: numbers given, and the span that began last.
    streams: BTreeMap<SlotId, Stream>,
}

#[derive(Default)]
struct Stream {
    given: BTreeSet<u64>,
    /// Of what the present span is, its first numbers in and out, and what of it came: numbers in to numbers out.
    source: Option<SourceId>,
    span: BTreeMap<u64, u64>,
    layer: Layer,
    picture: Option<u16>,
    /// When packets of each source came in.
    heard: Vec<(u64, SourceId, Layer)>,
}

struct World {
    seed: u64,
    dice: Dice,
    now_ms: u64,
    is_bad: bool,
    room: Room,
    people: BTreeMap<MemberId, Person>,
    last: MemberId,
    /// Packets under way: when each arrives, in which order they were sent.
    air: BTreeMap<(u64, u64), Packet>,
    sent: u64,
    asked: BTreeMap<(SourceId, Layer), u64>,
    switches: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        Self {
            seed,
            dice: Dice(seed),
            now_ms: 0,
            is_bad: true,
            room: Room::default(),
            people: BTreeMap::new(),
            last: 0,
            air: BTreeMap::new(),
            sent: 0,
            asked: BTreeMap::new(),
            switches: 0,
        }
    }

    fn of(&self, member: MemberId) -> SourceId {
        let is_bot = self.people.get(&member).is_some_and(|person| person.is_bot);
        SourceId { member, kind: if is_bot { Kind::Bot } else { Kind::Mic } }
    }

    fn someone(&mut self) -> Option<MemberId> {
        let among = self.people.len() as u64;
        (among > 0).then(|| self.dice.roll(among)).and_then(|at| self.people.keys().nth(at as usize).copied())
    }

    fn join(&mut self) {
        self.last += 1;
        let (id, is_bot) = (self.last, self.dice.roll(5) == 0);
        self.people.insert(id, Person { is_bot, ..Person::default() });
        self.room.join(self.now_ms, id, is_bot);
        if !is_bot {
            self.room.set_audio_slots(id, AUDIO_SLOT_STEP);
            self.room.set_video_slots(id, 1);
        }
        self.room.add_source(self.now_ms, self.of(id), 1);
        let person = self.people.get_mut(&id).expect("just came");
        person.told = self.room.audio_slots(id).into_iter().collect();
    }

    fn leave(&mut self, id: MemberId) {
        self.people.remove(&id);
        self.asked.retain(|(source, _), _| source.member != id);
        self.room.leave(self.now_ms, id);
    }

    /// Somebody does something.
    fn act(&mut self) {
        if self.people.len() < 3 || (self.people.len() < 9 && self.dice.roll(30) == 0) {
            return self.join();
        }
        let (Some(id), Some(other)) = (self.someone(), self.someone()) else { return };
        let (what, fate) = (self.dice.roll(100), self.dice.roll(1 << 32));
        let Some(person) = self.people.get_mut(&id) else { return };
        match what {
            0..3 => self.leave(id),
            3..10 => {
                person.is_deaf = fate % 2 == 0;
                self.room.set_hears(id, fate % 2 != 0);
            }
            10..40 => person.talks = fate % 3 != 0,
            40..60 if !person.is_bot => {
                let source = SourceId { member: id, kind: Kind::Camera };
                person.shows = !person.shows;
                if person.shows {
                    person.wanted = [false; 3];
                    self.room.add_source(self.now_ms, source, 3);
                } else {
                    self.room.remove_source(self.now_ms, source);
                    self.asked.retain(|(of, _), _| *of != source);
                }
            }
            60..85 if !person.is_bot && other != id => {
                person.looks_at = (fate % 4 != 0).then_some((other, 100 + (fate % 900) as u32));
                let want = person.looks_at.map(|(of, height)| Want {
                    slot: 0,
                    source: SourceId { member: of, kind: Kind::Camera },
                    height,
                    priority: 1,
                });
                let changed = self.room.want(self.now_ms, id, want.as_slice());
                self.people.get_mut(&id).expect("looked up above").told.extend(changed);
            }
            85..95 if !person.is_bot => {
                let bps = 100_000 + fate % 3_000_000;
                person.estimate_bps = Some(bps);
                self.room.estimate(self.now_ms, id, bps);
            }
            95..97 => self.room.keyframe_wanted(self.now_ms, id, 0),
            _ => {}
        }
    }

    /// What everybody's client sends in this moment.
    fn send(&mut self) {
        let mut packets = Vec::new();
        for (id, person) in &mut self.people {
            let kind = if person.is_bot { Kind::Bot } else { Kind::Mic };
            if person.talks {
                person.sound_seq += 1;
                packets.push(Packet::Sound(SourceId { member: *id, kind }, person.sound_seq));
            }
            if !person.shows || !self.now_ms.is_multiple_of(PICTURE_MS) {
                continue;
            }
            for (layer, sent) in
                person.camera.iter_mut().enumerate().filter(|(layer, _)| person.wanted[*layer])
            {
                sent.seq += 1;
                sent.picture = (sent.picture + 1) & 0x7fff;
                let facts = VideoPacket {
                    layer,
                    seq: sent.seq,
                    timestamp: (self.now_ms * 90) as u32,
                    // Nothing of what its layers take is measured: it is as their profile has it.
                    bytes: 0,
                    starts_keyframe: std::mem::take(&mut sent.is_key_due),
                    picture: Some((sent.picture, sent.picture as u8)),
                };
                packets.push(Packet::Picture(SourceId { member: *id, kind: Kind::Camera }, facts));
            }
        }
        for packet in packets {
            let fate = if self.is_bad { self.dice.roll(100) } else { 99 };
            let late = |dice: &mut Dice| if fate < 30 { dice.roll(200) } else { dice.roll(10) };
            // Five in a hundred are lost, three come twice, some a good deal later than those behind them.
            let times = match fate {
                0..5 => 0,
                5..8 => 2,
                _ => 1,
            };
            for _ in 0..times {
                let at = self.now_ms + 5 + late(&mut self.dice);
                self.sent += 1;
                self.air.insert((at, self.sent), packet);
            }
        }
    }

    /// What arrives, and who gets it.
    fn arrive(&mut self) {
        while let Some(entry) = self.air.first_entry().filter(|entry| entry.key().0 <= self.now_ms) {
            match entry.remove() {
                Packet::Sound(source, seq) => {
                    let mut out = Vec::new();
                    self.room.audio(self.now_ms, source, VOICE, seq, (seq * 960) as u32, &mut out);
                    self.settle();
                    for delivery in out {
                        self.receive(source, seq, 0, delivery, None);
                    }
                }
                Packet::Picture(source, facts) => {
                    let mut out = Vec::new();
                    self.room.video(self.now_ms, source, facts, &mut out);
                    self.settle();
                    for VideoDelivery { delivery, picture } in out {
                        assert!(
                            !delivery.mapped.is_first || facts.starts_keyframe,
                            "seed {}: begins without a keyframe",
                            self.seed
                        );
                        self.receive(source, facts.seq, facts.layer, delivery, picture);
                    }
                }
            }
        }
    }

    fn receive(
        &mut self,
        source: SourceId,
        seq: u64,
        layer: Layer,
        delivery: Delivery,
        picture: Option<(u16, u8)>,
    ) {
        let (seed, out) = (self.seed, delivery.mapped.seq);
        let Some(person) = self.people.get_mut(&delivery.to) else {
            panic!("seed {seed}: sent to {}, who is gone", delivery.to)
        };
        assert!(delivery.to != source.member, "seed {seed}: their own");
        assert!(source.kind.is_video() || !person.is_deaf, "seed {seed}: to the deaf");
        let told = person.told.get(&delivery.slot).copied().flatten();
        assert!(person.is_bot || told == Some(source), "seed {seed}: {source:?} in a slot of {told:?}");
        let stream = person.streams.entry(delivery.slot).or_default();
        assert!(stream.given.insert(out), "seed {seed}: the number {out} twice");
        if delivery.mapped.is_first {
            let before = stream.given.iter().rev().nth(1).copied().unwrap_or(0);
            assert!(out > before, "seed {seed}: {out} after {before}");
            if let (Some((picture, _)), Some(last)) = (picture, stream.picture) {
                assert_eq!(picture, (last + 1) & 0x7fff, "seed {seed}: pictures go on over a switch");
            }
            self.switches += u64::from(stream.source == Some(source) && stream.layer != layer);
            (stream.source, stream.layer) = (Some(source), layer);
            stream.span.clear();
        }
        assert_eq!((stream.source, stream.layer), (Some(source), layer), "seed {seed}: a switch unmarked");
        if let Some((below, given)) = stream.span.range(..seq).next_back() {
            assert!(*given < out, "seed {seed}: order of {below} and {seq}");
            // Sounds that nobody gets leave no hole; of a video all is sent on.
            assert!(!source.kind.is_video() || out - given == seq - below, "seed {seed}: a hole of ours");
        }
        stream.span.insert(seq, out);
        if let Some((picture, _)) = picture {
            let is_newer = stream.picture.is_none_or(|last| picture.wrapping_sub(last) & 0x7fff < 0x4000);
            stream.picture = if is_newer { Some(picture) } else { stream.picture };
        }
        stream.heard.push((self.now_ms, source, layer));
    }

    /// Does what the room asks, as clients do.
    fn settle(&mut self) {
        for effect in self.room.take_effects() {
            match effect {
                Effect::Slots { to, slots } => {
                    if let Some(person) = self.people.get_mut(&to) {
                        person.told.extend(slots);
                    }
                }
                Effect::NeedSlots { to, audio } => {
                    self.room.set_audio_slots(to, audio);
                    let slots = self.room.audio_slots(to);
                    if let Some(person) = self.people.get_mut(&to) {
                        person.told.extend(slots);
                    }
                }
                Effect::Keyframe { source, layer } => {
                    let last = self.asked.insert((source, layer), self.now_ms);
                    let is_fair = last.is_none_or(|last| self.now_ms - last >= 500);
                    assert!(is_fair, "seed {}: keyframes too often", self.seed);
                    // The request is lost at times, too.
                    let is_lost = self.is_bad && self.dice.roll(5) == 0;
                    if let Some(person) = self.people.get_mut(&source.member) {
                        person.camera[layer].is_key_due |= !is_lost;
                    }
                }
                Effect::Layers { source, wanted } => {
                    if let Some(person) = self.people.get_mut(&source.member) {
                        // A layer that begins anew begins with a keyframe.
                        for (layer, sent) in person.camera.iter_mut().enumerate() {
                            sent.is_key_due |= wanted[layer] && !person.wanted[layer];
                        }
                        person.wanted = wanted;
                    }
                }
                Effect::Speaking { .. }
                | Effect::Video { .. }
                | Effect::Watched { .. }
                | Effect::Idle { .. } => {}
            }
        }
    }

    fn run(&mut self, for_ms: u64) {
        let end_ms = self.now_ms + for_ms;
        while self.now_ms < end_ms {
            self.now_ms += SOUND_MS;
            if self.is_bad && self.dice.roll(4) == 0 {
                self.act();
                self.settle();
            }
            self.send();
            self.arrive();
            if self.now_ms.is_multiple_of(TICK_MS) {
                self.room.tick(self.now_ms);
                self.settle();
            }
        }
    }

    /// The network is good from here on, and no more talk than there are slots.
    fn calm_down(&mut self) {
        self.is_bad = false;
        let mut talkers = 0;
        for person in self.people.values_mut() {
            talkers += usize::from(person.talks);
            person.talks &= talkers <= AUDIO_SLOT_STEP;
        }
        self.run(GOOD_MS);
    }

    fn check_all_is_well(&self) {
        let (seed, since_ms) = (self.seed, self.now_ms - 1_000);
        let mut wanted: BTreeMap<MemberId, [bool; 3]> = BTreeMap::new();
        for (id, person) in &self.people {
            let recent = |source: SourceId| {
                let all = person.streams.values().flat_map(|stream| &stream.heard);
                all.filter(move |(at, of, _)| *at > since_ms && *of == source).copied()
            };
            for talker in self.people.iter().filter(|(other, of)| *other != id && of.talks).map(|(id, _)| *id)
            {
                let heard = recent(self.of(talker)).count();
                let is_right = if person.is_deaf { heard == 0 } else { heard >= 45 };
                assert!(is_right, "seed {seed}: {id} got {heard} packets of {talker} in a second");
            }
            let Some((of, height)) = person.looks_at else { continue };
            if self.people.get(&of).is_none_or(|of| !of.shows) {
                continue;
            }
            let budget = person.estimate_bps.map_or(u64::MAX, |bps| bps / 10 * 9);
            let tile = [180, 360, 720].iter().position(|full| *full >= height).unwrap_or(2);
            // The smallest is sent in any case: it takes little.
            let fits = |budget: u64| COSTS[..=tile].iter().rposition(|cost| *cost <= budget).unwrap_or(0);
            let layers: BTreeSet<Layer> =
                recent(SourceId { member: of, kind: Kind::Camera }).map(|(_, _, layer)| layer).collect();
            // What was not measured may turn out to take half, and is asked for to see.
            wanted.entry(of).or_default()[fits((budget / 6 * 5).saturating_mul(2))] = true;
            match layers.iter().copied().collect::<Vec<_>>()[..] {
                [] => panic!("seed {seed}: {id} sees nothing of {of}"),
                [layer] => {
                    assert!(layer <= fits(budget), "seed {seed}: {id} is sent more than it takes");
                    assert!(layer >= fits(budget / 6 * 5), "seed {seed}: {id} could see more of {of}");
                    wanted.entry(of).or_default()[layer] = true;
                }
                ref more => panic!("seed {seed}: {id} gets the layers {more:?} of {of} at rest"),
            }
        }
        for (id, person) in self.people.iter().filter(|(_, person)| person.shows) {
            let wanted = wanted.get(id).copied().unwrap_or_default();
            assert_eq!(person.wanted, wanted, "seed {seed}: what {id} sends is what is looked at");
        }
    }
}

/// Runs one seed; how many times a receiver changed the layer it sees.
fn run(seed: u64) -> u64 {
    let mut world = World::new(seed);
    world.run(BAD_MS);
    world.calm_down();
    world.check_all_is_well();
    world.switches
}

#[test]
fn calls_stay_whole_over_bad_networks_and_recover_on_good_ones() {
    let seeds = std::env::var("HEARTH_ROOM_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(60);
    let switches: u64 = (0..seeds).map(run).sum();
    assert!(switches > seeds, "the runs must meet changes of layers: {switches}");
}
