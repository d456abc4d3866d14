//! Rooms by example, and under a seeded simulator that joins, leaves, talks and wants at random, with loss, doubling and reordering.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

const VOICE: Level = Level { below_db: 30, is_voice: Some(true) };

fn mic(member: MemberId) -> SourceId {
    SourceId { member, kind: Kind::Mic }
}

fn camera(member: MemberId) -> SourceId {
    SourceId { member, kind: Kind::Camera }
}

/// A room of these members, each with a microphone and so many audio slots.
fn room(members: u32, slots: usize) -> Room {
    let mut room = Room::default();
    for id in 1..=members {
        room.join(0, id, false);
        room.set_audio_slots(id, slots);
        room.add_source(0, mic(id), 1);
    }
    room.take_effects();
    room
}

fn talk(room: &mut Room, now_ms: u64, from: MemberId, seq: u64) -> Vec<Delivery> {
    let mut out = Vec::new();
    room.audio(now_ms, mic(from), VOICE, seq, (seq * 960) as u32, &mut out);
    out
}

#[test]
fn everybody_else_hears_from_the_first_word_on() {
    let mut room = room(3, 4);
    let heard = talk(&mut room, 10, 1, 500);
    assert_eq!(heard.iter().map(|of| of.to).collect::<Vec<_>>(), [2, 3]);
    assert!(heard.iter().all(|of| of.mapped.seq == 1 && of.mapped.is_first));
    room.set_hears(2, false);
    assert_eq!(talk(&mut room, 30, 1, 501).iter().map(|of| of.to).collect::<Vec<_>>(), [3]);
    room.set_hears(2, true);
    let again = talk(&mut room, 50, 1, 502);
    assert_eq!(again.len(), 2);
    room.leave(60, 3);
    assert_eq!(talk(&mut room, 70, 1, 503).len(), 1);
}

#[test]
fn speech_is_told_once_and_ends_by_itself() {
    let mut room = room(2, 4);
    for step in 0..6 {
        talk(&mut room, step * 20, 1, 10 + step);
    }
    assert_eq!(room.take_effects(), [Effect::Speaking { member: 1, is_speaking: true }]);
    assert_eq!(room.speaking().collect::<Vec<_>>(), [1]);
    room.tick(1_000);
    assert_eq!(room.take_effects(), [Effect::Speaking { member: 1, is_speaking: false }]);
}

#[test]
fn silence_is_not_sent_on_and_leaves_no_hole() {
    let mut room = room(2, 4);
    assert_eq!(talk(&mut room, 0, 1, 1)[0].mapped.seq, 1);
    let mut out = Vec::new();
    for step in 1..100 {
        room.audio(step * 20, mic(1), Level::SILENCE, 1 + step, 0, &mut out);
    }
    let sent = out.len() as u64;
    assert!(sent < 60, "after a second of silence nothing is sent: {sent}");
    assert_eq!(talk(&mut room, 2_000, 1, 101)[0].mapped.seq, sent + 2);
}

#[test]
fn with_fewer_slots_than_talkers_who_was_heard_longest_ago_gives_way() {
    let mut room = room(4, 2);
    // Member 4 hears 1 and 2 already.
    let held: BTreeSet<_> = room.audio_slots(4).into_iter().filter_map(|(_, of)| of).collect();
    assert_eq!(held, [mic(1), mic(2)].into());
    talk(&mut room, 5_000, 1, 1);
    talk(&mut room, 5_000, 2, 1);
    assert!(!talk(&mut room, 5_100, 3, 1).iter().any(|of| of.to == 4), "both were heard a moment ago");
    talk(&mut room, 8_000, 1, 2);
    let heard = talk(&mut room, 8_050, 3, 2);
    assert!(heard.iter().any(|of| of.to == 4), "member 2 was not heard for long");
    let held: BTreeSet<_> = room.audio_slots(4).into_iter().filter_map(|(_, of)| of).collect();
    assert_eq!(held, [mic(1), mic(3)].into());
}

#[test]
fn slots_are_asked_for_in_steps() {
    let mut room = room(5, 4);
    assert_eq!(room.take_effects(), []);
    room.join(0, 6, false);
    room.set_audio_slots(6, 4);
    room.add_source(0, mic(6), 1);
    let asked: Vec<_> = room
        .take_effects()
        .into_iter()
        .filter_map(|effect| match effect {
            Effect::NeedSlots { to, audio } => Some((to, audio)),
            _ => None,
        })
        .collect();
    assert_eq!(asked.len(), 6, "{asked:?}");
    assert!(asked.iter().all(|(_, audio)| *audio == 8));
}

#[test]
fn the_silent_are_told_of_once() {
    let mut room = room(2, 4);
    room.set_idle(1, Some(60_000));
    talk(&mut room, 30_000, 1, 1);
    room.take_effects();
    room.tick(89_000);
    assert!(!room.take_effects().contains(&Effect::Idle { member: 1 }));
    room.tick(90_000);
    assert!(room.take_effects().contains(&Effect::Idle { member: 1 }));
    room.tick(200_000);
    assert!(!room.take_effects().contains(&Effect::Idle { member: 1 }));
}

/// A room where member 1 shows a camera of three layers, and the others have a video slot.
fn cinema(viewers: u32) -> Room {
    let mut room = room(viewers + 1, 4);
    room.add_source(0, camera(1), 3);
    for id in 2..=viewers + 1 {
        room.set_video_slots(id, 1);
    }
    room.take_effects();
    room
}

fn want(room: &mut Room, now_ms: u64, viewer: MemberId, height: u32) {
    room.want(now_ms, viewer, &[Want { slot: 0, source: camera(1), height, priority: 0 }]);
}

/// Somebody, number 2, whose connection is estimated at so much, looks at a screen that comes in so many layers.
fn screening(layers: usize, bps: u64) -> (Room, SourceId) {
    let mut room = cinema(1);
    let source = SourceId { member: 1, kind: Kind::Screen };
    room.add_source(0, source, layers);
    room.estimate(0, 2, bps);
    room.want(0, 2, &[Want { slot: 0, source, height: 1_080, priority: 1 }]);
    (room, source)
}

fn frame(room: &mut Room, now_ms: u64, layer: Layer, seq: u64, starts_keyframe: bool) -> Vec<VideoDelivery> {
    let mut out = Vec::new();
    let picture = Some(((seq & 0x7fff) as u16, seq as u8));
    let timestamp = (seq * 3_000) as u32;
    let packet = VideoPacket { layer, seq, timestamp, bytes: 0, starts_keyframe, picture };
    room.video(now_ms, camera(1), packet, &mut out);
    out
}

#[test]
fn a_layer_begins_and_changes_at_keyframes_only() {
    let mut room = cinema(1);
    want(&mut room, 0, 2, 720);
    let effects = room.take_effects();
    assert!(effects.contains(&Effect::Keyframe { source: camera(1), layer: 2 }), "{effects:?}");
    assert!(frame(&mut room, 10, 2, 1, false).is_empty());
    let first = frame(&mut room, 20, 2, 2, true);
    assert_eq!((first[0].delivery.mapped.seq, first[0].picture), (1, Some((2, 2))));
    assert_eq!(room.take_effects(), [Effect::Video { to: 2, slot: 0, height: Some(720) }]);
    want(&mut room, 1_000, 2, 100);
    assert!(room.take_effects().contains(&Effect::Keyframe { source: camera(1), layer: 0 }));
    assert_eq!(frame(&mut room, 1_010, 2, 3, false).len(), 1, "the old layer goes on until then");
    let switched = frame(&mut room, 1_020, 0, 900, true);
    assert_eq!((switched[0].delivery.mapped.seq, switched[0].picture), (3, Some((4, 4))));
    assert!(frame(&mut room, 1_030, 2, 4, false).is_empty());
    assert_eq!(room.take_effects().last(), Some(&Effect::Video { to: 2, slot: 0, height: Some(180) }));
}

#[test]
fn what_overtook_the_beginning_of_a_keyframe_goes_after_it_to_who_waited() {
    let mut room = cinema(2);
    want(&mut room, 0, 2, 720);
    frame(&mut room, 10, 2, 1, true);
    want(&mut room, 20, 3, 720);
    let pass = |room: &mut Room, seq: u64, starts_keyframe: bool| {
        let mut out = Vec::new();
        let packet =
            VideoPacket { layer: 2, seq, timestamp: 3_000, bytes: 0, starts_keyframe, picture: Some((9, 9)) };
        let is_awaited = room.video(30, camera(1), packet, &mut out);
        let given: Vec<_> = out.iter().map(|of| (of.delivery.to, of.delivery.mapped.seq)).collect();
        (is_awaited, given)
    };
    assert_eq!(pass(&mut room, 3, false), (true, vec![(2, 3)]));
    assert_eq!(pass(&mut room, 4, false), (true, vec![(2, 4)]));
    let (is_awaited, mut given) = pass(&mut room, 2, true);
    given.sort_unstable();
    assert_eq!((is_awaited, given), (false, vec![(2, 2), (3, 1)]));
    assert_eq!(pass(&mut room, 3, false), (false, vec![(3, 2)]));
    assert_eq!(pass(&mut room, 4, false), (false, vec![(3, 3)]));
}

#[test]
fn keyframes_are_asked_for_together_and_again() {
    let mut room = cinema(3);
    for viewer in 2..=4 {
        want(&mut room, 0, viewer, 720);
    }
    let asked = |room: &mut Room| {
        room.take_effects().into_iter().filter(|of| matches!(of, Effect::Keyframe { .. })).count()
    };
    assert_eq!(asked(&mut room), 1);
    for at in 1..=4 {
        room.keyframe_wanted(at * 100, 2, 0);
    }
    assert_eq!(asked(&mut room), 0);
    room.tick(500);
    assert_eq!(asked(&mut room), 1, "once it may be asked for again");
    room.tick(900);
    assert_eq!(asked(&mut room), 0);
    room.tick(2_500);
    assert_eq!(asked(&mut room), 1, "it did not come");
    frame(&mut room, 2_600, 2, 1, true);
    room.take_effects();
    room.left_out(3_200, camera(1), 2);
    assert_eq!(asked(&mut room), 1, "a part of a picture was given to nobody");
    room.left_out(4_200, camera(1), 0);
    assert_eq!(asked(&mut room), 0, "of a layer that nobody sees");
}

#[test]
fn a_thin_connection_gets_less_at_once_and_more_after_a_while() {
    let mut room = cinema(1);
    room.estimate(0, 2, 4_000_000);
    want(&mut room, 0, 2, 720);
    frame(&mut room, 0, 2, 1, true);
    room.take_effects();
    room.estimate(1_000, 2, 500_000);
    assert!(room.take_effects().contains(&Effect::Keyframe { source: camera(1), layer: 0 }));
    frame(&mut room, 1_000, 0, 1, true);
    room.estimate(2_000, 2, 50_000);
    let effects = room.take_effects();
    assert!(!effects.contains(&Effect::Video { to: 2, slot: 0, height: None }), "{effects:?}");
    room.estimate(3_000, 2, 5_000_000);
    room.tick(3_000);
    room.tick(6_000);
    assert!(room.take_effects().iter().any(|of| matches!(of, Effect::Keyframe { .. })));
    assert_eq!(room.wanted_bps(2), 2_000_000, "a fifth more, of nine tenths");
    room.set_shed_layers(10_000, 1);
    assert!(room.take_effects().contains(&Effect::Keyframe { source: camera(1), layer: 1 }));
}

#[test]
fn a_screen_in_one_layer_is_shown_on_a_first_guess_and_paused_on_bad_news() {
    let (mut room, source) = screening(1, 1_000_000);
    let asks = |effects: &[Effect]| effects.contains(&Effect::Keyframe { source, layer: 0 });
    let paused = Effect::Video { to: 2, slot: 0, height: None };
    let effects = room.take_effects();
    assert!(asks(&effects) && !effects.contains(&paused), "{effects:?}");
    room.estimate(500, 2, 900_000);
    assert!(!room.take_effects().contains(&paused), "an estimate wavers");
    room.estimate(1_000, 2, 700_000);
    assert!(room.take_effects().contains(&paused), "it does not carry that much");
    room.estimate(2_000, 2, 4_000_000);
    assert!(asks(&room.take_effects()));
}

/// A screen of two layers, of which the large one takes so many bytes a second; what is asked for while somebody whose connection
/// carries 2 Mbps looks at it for ten seconds.
fn looked_at(large_bytes_per_s: usize) -> Vec<Effect> {
    let (mut room, source) = screening(2, 2_000_000);
    let mut effects = room.take_effects();
    assert!(effects.contains(&Effect::Layers { source, wanted: [true, true, false] }), "{effects:?}");
    for now_ms in (0..10_000).step_by(100) {
        for (layer, bytes) in [(0, 3_000), (1, large_bytes_per_s / 10)] {
            let seq = 1_000 + now_ms / 100;
            let packet =
                VideoPacket { layer, seq, timestamp: 0, bytes, starts_keyframe: now_ms == 0, picture: None };
            room.video(now_ms, source, packet, &mut Vec::new());
        }
        room.tick(now_ms);
        effects.extend(room.take_effects());
    }
    effects
}

#[test]
fn a_large_layer_is_asked_for_to_see_what_it_takes_and_given_to_whom_it_fits() {
    let source = SourceId { member: 1, kind: Kind::Screen };
    let (asked, stopped) =
        (Effect::Keyframe { source, layer: 1 }, Effect::Layers { source, wanted: [true, false, false] });
    let frugal = looked_at(125_000);
    assert!(frugal.contains(&asked) && !frugal.contains(&stopped), "{frugal:?}");
    let greedy = looked_at(300_000);
    assert!(!greedy.contains(&asked) && greedy.contains(&stopped), "{greedy:?}");
}

#[test]
fn the_first_of_two_cameras_is_seen_however_little_a_connection_carries() {
    let mut room = cinema(1);
    room.join(0, 3, false);
    room.set_video_slots(2, 2);
    for id in [1, 3] {
        room.add_source(0, camera(id), 3);
    }
    let want =
        |slot: usize, of: MemberId, priority: u8| Want { slot, source: camera(of), height: 360, priority };
    room.estimate(0, 2, 2_000_000);
    room.want(0, 2, &[want(0, 1, 1), want(1, 3, 2)]);
    room.take_effects();
    room.estimate(1_000, 2, 40_000);
    let effects = room.take_effects();
    assert!(effects.contains(&Effect::Video { to: 2, slot: 0, height: None }), "{effects:?}");
    assert!(!effects.contains(&Effect::Video { to: 2, slot: 1, height: None }), "{effects:?}");
}

#[test]
fn what_was_paused_is_looked_at_again_once_nobody_knows_what_it_takes() {
    let (mut room, source) = screening(1, 4_000_000);
    let send = |room: &mut Room, from_ms: u64, bytes: usize| {
        let mut out = Vec::new();
        for seq in from_ms..from_ms + 3_500 {
            let packet =
                VideoPacket { layer: 0, seq, timestamp: 0, bytes, starts_keyframe: true, picture: None };
            room.video(seq, source, packet, &mut out);
            room.tick(seq);
        }
        out.len()
    };
    assert!(send(&mut room, 0, 300) > 3_000);
    room.estimate(3_500, 2, 2_000_000);
    assert!(room.take_effects().contains(&Effect::Video { to: 2, slot: 0, height: None }));
    let told = |room: &mut Room, now_ms: u64, is_wanted: bool| {
        room.tick(now_ms);
        room.take_effects().contains(&Effect::Layers { source, wanted: [is_wanted, false, false] })
    };
    assert!(told(&mut room, 9_000, false), "it does not fit, so it is not sent");
    assert!(!told(&mut room, 60_000, true));
    assert!(told(&mut room, 64_000, true), "it may take less by now");
    assert!(send(&mut room, 64_000, 100) > 0, "and it does");
}

#[test]
fn layers_nobody_wants_are_stopped_after_a_while() {
    let mut room = cinema(1);
    want(&mut room, 0, 2, 720);
    assert!(
        room.take_effects().contains(&Effect::Layers { source: camera(1), wanted: [false, false, true] })
    );
    room.want(1_000, 2, &[]);
    assert!(!room.take_effects().iter().any(|of| matches!(of, Effect::Layers { .. })));
    room.tick(6_001);
    assert!(room.take_effects().contains(&Effect::Layers { source: camera(1), wanted: [false; 3] }));
    want(&mut room, 7_000, 2, 300);
    let effects = room.take_effects();
    assert!(
        effects.contains(&Effect::Layers { source: camera(1), wanted: [false, true, false] }),
        "{effects:?}"
    );
}

#[test]
fn who_shows_a_screen_is_told_how_many_look_at_it() {
    let mut room = cinema(2);
    let source = SourceId { member: 1, kind: Kind::Screen };
    room.add_source(0, source, 2);
    room.take_effects();
    let want = [Want { slot: 0, source, height: 700, priority: 1 }];
    for (viewer, watchers) in [(2, 1), (3, 2)] {
        room.want(10, viewer, &want);
        assert!(room.take_effects().contains(&Effect::Watched { source }));
        assert_eq!(room.watchers(source), watchers);
    }
    room.tick(500);
    assert!(!room.take_effects().contains(&Effect::Watched { source }));
    room.leave(600, 3);
    assert!(room.take_effects().contains(&Effect::Watched { source }));
    assert_eq!(room.watchers(source), 1);
}

#[derive(Clone, Debug)]
enum Step {
    Join(u8),
    Leave(u8),
    Deafen(u8, bool),
    Talk(u8, u8),
    Camera(u8),
    Want(u8, u8, u16),
    Frame(u8, u8, bool),
    Estimate(u8, u32),
    Shed(u8),
    Tick,
}

fn steps() -> impl Strategy<Value = Step> {
    let id = 1u8..20;
    prop_oneof![
        3 => id.clone().prop_map(Step::Join),
        1 => id.clone().prop_map(Step::Leave),
        1 => (id.clone(), any::<bool>()).prop_map(|(id, hears)| Step::Deafen(id, hears)),
        20 => (id.clone(), 0u8..6).prop_map(|(id, jump)| Step::Talk(id, jump)),
        2 => id.clone().prop_map(Step::Camera),
        3 => (id.clone(), id.clone(), 0u16..900).prop_map(|(to, of, height)| Step::Want(to, of, height)),
        12 => (id.clone(), 0u8..3, any::<bool>()).prop_map(|(id, layer, key)| Step::Frame(id, layer, key)),
        2 => (id, 0u32..4_000_000).prop_map(|(id, bps)| Step::Estimate(id, bps)),
        1 => (0u8..3).prop_map(Step::Shed),
        2 => Just(Step::Tick),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever happens: nobody gets what is their own, or not meant for them; every slot's numbers are given once; a video goes on only from
    /// a keyframe; keyframes are not asked for more often than they may be.
    #[test]
    fn rooms_keep_their_promises(all in prop::collection::vec(steps(), 1..300)) {
        let mut room = Room::default();
        let (mut here, mut deaf) = (BTreeSet::new(), BTreeSet::new());
        let mut seqs: BTreeMap<(u8, u8), u64> = BTreeMap::new();
        let mut given: BTreeMap<(MemberId, SlotId), BTreeSet<u64>> = BTreeMap::new();
        let mut asked: BTreeMap<(SourceId, Layer), u64> = BTreeMap::new();
        for (at, step) in all.into_iter().enumerate() {
            let now_ms = at as u64 * 20;
            match step {
                Step::Join(id) if here.insert(id) => {
                    deaf.remove(&id);
                    given.retain(|(to, _), _| *to != u32::from(id));
                    room.join(now_ms, id.into(), id % 7 == 0);
                    room.set_audio_slots(id.into(), 4);
                    room.set_video_slots(id.into(), 3);
                    let kind = if id % 7 == 0 { Kind::Bot } else { Kind::Mic };
                    room.add_source(now_ms, SourceId { member: id.into(), kind }, 1);
                }
                Step::Leave(id) => {
                    here.remove(&id);
                    asked.retain(|(source, _), _| source.member != u32::from(id));
                    room.leave(now_ms, id.into());
                }
                Step::Deafen(id, hears) => {
                    if hears { deaf.remove(&id); } else { deaf.insert(id); }
                    room.set_hears(id.into(), hears);
                }
                Step::Talk(id, jump) => {
                    let seq = seqs.entry((id, 9)).or_insert(100);
                    *seq += u64::from(jump) + 1;
                    let kind = if id % 7 == 0 { Kind::Bot } else { Kind::Mic };
                    let source = SourceId { member: id.into(), kind };
                    let mut out = Vec::new();
                    // Every other packet comes twice.
                    for _ in 0..=(at % 2) {
                        room.audio(now_ms, source, VOICE, *seq, *seq as u32, &mut out);
                    }
                    for delivery in out {
                        prop_assert!(here.contains(&id) && delivery.to != u32::from(id));
                        prop_assert!(here.contains(&(delivery.to as u8)) && !deaf.contains(&(delivery.to as u8)));
                        let slot = room.audio_slots(delivery.to)[delivery.slot.index];
                        prop_assert_eq!(slot.1, Some(source));
                        prop_assert!(given.entry((delivery.to, delivery.slot)).or_default().insert(delivery.mapped.seq));
                    }
                }
                Step::Camera(id) if here.contains(&id) => room.add_source(now_ms, camera(id.into()), 3),
                Step::Want(to, of, height) => {
                    let source = camera(of.into());
                    let wants = [Want { slot: 1, source, height: height.into(), priority: 1 }];
                    room.want(now_ms, to.into(), &wants);
                }
                Step::Frame(id, layer, starts_keyframe) => {
                    let seq = seqs.entry((id, layer)).or_insert(1_000);
                    *seq += 1;
                    let layer = layer.into();
                    let packet = VideoPacket { layer, seq: *seq, timestamp: 0, bytes: 0, starts_keyframe, picture: None };
                    let mut out = Vec::new();
                    room.video(now_ms, camera(id.into()), packet, &mut out);
                    for VideoDelivery { delivery, .. } in out {
                        prop_assert!(delivery.to != u32::from(id) && here.contains(&(delivery.to as u8)));
                        prop_assert!(!delivery.mapped.is_first || starts_keyframe);
                        prop_assert!(given.entry((delivery.to, delivery.slot)).or_default().insert(delivery.mapped.seq));
                    }
                }
                Step::Estimate(id, bps) => room.estimate(now_ms, id.into(), bps.into()),
                Step::Shed(layers) => room.set_shed_layers(now_ms, layers.into()),
                Step::Join(_) | Step::Camera(_) | Step::Tick => room.tick(now_ms),
            }
            for effect in room.take_effects() {
                if let Effect::Keyframe { source, layer } = effect {
                    let last = asked.insert((source, layer), now_ms);
                    prop_assert!(last.is_none_or(|last| now_ms - last >= 500), "asked twice within half a second");
                }
            }
        }
    }
}
