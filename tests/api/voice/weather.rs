//! Calls in bad weather: packets are lost and overtake each other on one caller's network, in both directions (VOICE.md §9, §10).

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;

use super::caller::{Caller, Gear};
use super::gather;
use super::wire::{Rough, Weather, Wire};
use crate::support::Server;

/// Of a hundred packets five are lost, and those that come do so within 50 ms in any order.
const STORM: Weather = Weather { lost: 5, late_ms: 50 };
/// Sounds after which it is counted.
const SOUNDS: u64 = 500;
/// What is missing of sounds when five of a hundred are lost, in percent: chance alone hardly makes it twice as many.
const LOST: f64 = 10.0;
/// What is missing of packets that are sent again when they are missed, in percent.
const RESENT: f64 = 2.0;
/// The last numbers, which may come yet: some 300 ms of sounds, and of pictures.
const LAST_SOUNDS: u64 = 15;
const LAST_PICTURES: u64 = 60;
/// The longest time for which a picture may stand still.
const FREEZE: Duration = Duration::from_secs(1);

/// The share of numbers that are missing between the first and the last but `on_the_way`, in percent.
fn missing_percent(seqs: &[u64], on_the_way: u64) -> f64 {
    let all: BTreeSet<u64> = seqs.iter().copied().collect();
    let (Some(first), Some(last)) = (all.first(), all.last()) else { return 100.0 };
    let came = all.range(..=last - on_the_way).count() as u64;
    let due = last - on_the_way - first + 1;
    100.0 * (due - came) as f64 / due as f64
}

#[tokio::test]
async fn sound_and_pictures_go_on_through_loss_and_reorder() {
    let server = Server::start().await;
    let (mira, bob) = (server.person("mira").await, server.person("bob").await);
    let (guild, _, voice) = gather(&[&mira, &bob]).await;
    let films = Gear { camera: true, ..Gear::default() };
    let fair = Wire::Udp(tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap());
    let mut b = Caller::call_with(films, fair, &bob, &guild, &voice).await;
    b.show().await;
    let rough = Wire::Rough(Rough::open(STORM, 11).await);
    let mut a = Caller::call_with(Gear { tile: true, ..Gear::default() }, rough, &mira, &guild, &voice).await;
    let sound = a.slot_of(&bob.id).await;
    b.talk(true);
    let picture = a.watch(&bob.id, 720).await;
    // The first keyframe may be lost, and comes again.
    a.until(|seen| seen.packets.get(&picture).copied().unwrap_or(0) > 0).await;
    a.forget();
    a.hear(&sound, SOUNDS * 9 / 10).await;

    let lost = missing_percent(&a.seqs(&sound), LAST_SOUNDS);
    assert!(lost < LOST, "{lost:.1} % of the sounds are missing: more than were lost on the way");
    // What is missing of a picture is asked for again; the few that are lost each time are given up.
    let (pictures, gap) = a.pictures(&picture);
    let lost = missing_percent(&pictures, LAST_PICTURES);
    assert!(lost < RESENT, "{lost:.1} % of {} packets of pictures are missing", pictures.len());
    assert!(gap < FREEZE, "the picture stood still for {gap:?}");
    // What was told before it is answered has come.
    a.line.say(3, json!({ "t": 1, "seq_ack": a.line.seq })).await;
    a.line.expect(6).await;
    let states: Vec<_> = std::iter::from_fn(|| a.line.held(109)).collect();
    assert!(states.iter().any(|told| told["state"] == json!("live")), "{states:?}");
    assert!(!states.iter().any(|told| told["state"] == json!("paused")), "{states:?}");
}

#[tokio::test]
async fn a_picture_is_whole_though_its_first_packet_comes_last() {
    let server = Server::start().await;
    let (mira, bob) = (server.person("mira").await, server.person("bob").await);
    let (guild, _, voice) = gather(&[&mira, &bob]).await;
    let films = Gear { camera: true, is_backwards: true, ..Gear::default() };
    let wire = async || Wire::Udp(tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap());
    let mut b = Caller::call_with(films, wire().await, &bob, &guild, &voice).await;
    b.show().await;
    let sees = Gear { tile: true, ..Gear::default() };
    let mut a = Caller::call_with(sees, wire().await, &mira, &guild, &voice).await;
    let picture = a.watch(&bob.id, 180).await;
    a.until(|seen| seen.packets.get(&picture).copied().unwrap_or(0) > 2 * LAST_PICTURES).await;
    // And so when another layer takes its place.
    a.watch(&bob.id, 360).await;
    while a.line.expect(109).await["height"] != 360 {}
    let before = a.seqs(&picture).len() as u64;
    a.until(|seen| seen.packets.get(&picture).copied().unwrap_or(0) > before + 2 * LAST_PICTURES).await;
    let lost = missing_percent(&a.seqs(&picture), LAST_PICTURES);
    assert_eq!(lost, 0.0, "packets that came before the first of their picture are missing");
}

#[tokio::test]
async fn what_a_caller_in_a_storm_says_is_heard_once() {
    let server = Server::start().await;
    let (mira, bob) = (server.person("mira").await, server.person("bob").await);
    let (guild, _, voice) = gather(&[&mira, &bob]).await;
    let mut a = Caller::call(&mira, &guild, &voice).await;
    let rough = Wire::Rough(Rough::open(STORM, 7).await);
    let b = Caller::call_over(rough, &bob, &guild, &voice).await;
    let slot = a.slot_of(&bob.id).await;
    b.talk(true);
    a.hear(&slot, SOUNDS * 9 / 10).await;
    let seqs = a.seqs(&slot);
    let lost = missing_percent(&seqs, LAST_SOUNDS);
    assert!(lost < LOST, "{lost:.1} % of the sounds are missing: more than were lost on the way");
    let twice = seqs.len() - seqs.iter().collect::<BTreeSet<_>>().len();
    assert_eq!(twice, 0, "no sound is heard twice");
}
