//! Who is told who is there.

use serde_json::{Value, json};

use super::fixture::*;
use crate::hub::people::{FLUSH_EVERY_MS, OFFLINE_AFTER_MS};
use crate::hub::presence::{ClientKind, Showing};
use crate::logic::intents::Intents;
use crate::model::*;

const STRANGER: UserId = UserId::new(150);

fn presences(client: &mut Client) -> Vec<(String, String)> {
    let told = client.take().into_iter().filter(|(name, _)| *name == "PRESENCE_UPDATE");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    told.map(|(_, data)| (text(&data["user"]["id"]), text(&data["status"]))).collect()
}

fn shows(user: UserId, status: &str) -> (String, String) {
    (user.to_string(), status.to_owned())
}

fn show(rig: &mut Rig, client: &Client, status: Status) {
    let showing = Showing { status, activities: Default::default() };
    rig.state.show(client.connection.session().key, showing);
    rig.pass(FLUSH_EVERY_MS);
}

#[test]
fn members_with_the_intent_are_told_and_nobody_of_themself() {
    let mut rig = Rig::new();
    let mut bob = rig.connect(person(BOB));
    let mut curious = rig.connect(bot(Intents::GUILD_PRESENCES));
    let mut busy = rig.connect(bot(Intents::GUILD_MESSAGES));
    rig.settle(&mut [&mut bob, &mut curious, &mut busy]);
    let mut alice = rig.connect(person(ALICE));
    assert_eq!(rig.state.board.presences(GUILD, alice.connection.session()).len(), 2, "bob and the bot");
    rig.pass(FLUSH_EVERY_MS);
    assert_eq!(presences(&mut bob), [shows(ALICE, "online")]);
    assert_eq!(presences(&mut curious), [shows(ALICE, "online")]);
    assert_eq!(busy.names(), [""; 0]);
    assert_eq!(presences(&mut alice), []);
    assert_eq!(rig.state.board.online_count(GUILD), 3);
}

#[test]
fn invisible_looks_like_offline() {
    let mut rig = Rig::new();
    let (mut alice, mut bob) = (rig.connect(person(ALICE)), rig.connect(person(BOB)));
    rig.settle(&mut [&mut alice, &mut bob]);
    show(&mut rig, &alice, Status::Dnd);
    assert_eq!(presences(&mut bob), [shows(ALICE, "dnd")]);
    show(&mut rig, &alice, Status::Invisible);
    let told = bob.take();
    assert_eq!(told[0].1["status"], "offline");
    assert_eq!(told[0].1["client_status"], json!({}));
    assert_eq!(rig.state.board.online_count(GUILD), 1);
    assert_eq!(rig.state.board.presences_of(&[ALICE, BOB]).len(), 1);
    let own = alice.take();
    assert_eq!(own.last().unwrap().0, "SESSIONS_REPLACE");
    assert_eq!(own.last().unwrap().1[0]["status"], "invisible");
    drop(alice);
    rig.pass(OFFLINE_AFTER_MS * 2);
    rig.pass(FLUSH_EVERY_MS);
    assert_eq!(bob.names(), [""; 0], "going away is not told either");
}

#[test]
fn offline_is_told_when_the_last_session_stays_away() {
    let mut rig = Rig::new();
    let mut phone = person(ALICE);
    phone.client.kind = ClientKind::Mobile;
    let (alice, phone) = (rig.connect(person(ALICE)), rig.connect(phone));
    let mut bob = rig.connect(person(BOB));
    rig.settle(&mut [&mut bob]);
    drop(alice);
    rig.pass(0);
    rig.pass(OFFLINE_AFTER_MS);
    rig.pass(FLUSH_EVERY_MS);
    let told = bob.take();
    assert_eq!(told[0].1["client_status"], json!({ "mobile": "online" }));
    let (id, seq) = (phone.connection.session().id().clone(), phone.last_seq);
    let auth = phone.connection.session().owner().auth;
    drop(phone);
    rig.pass(OFFLINE_AFTER_MS - 1_000);
    let back = rig.state.resume(rig.now, &id, ALICE, auth, seq).unwrap();
    rig.pass(OFFLINE_AFTER_MS);
    rig.pass(FLUSH_EVERY_MS);
    assert_eq!(presences(&mut bob), [], "it came back in time");
    back.end();
    rig.pass(0);
    assert_eq!(presences(&mut bob), []);
    rig.pass(OFFLINE_AFTER_MS);
    rig.pass(FLUSH_EVERY_MS);
    assert_eq!(presences(&mut bob), [shows(ALICE, "offline")]);
    assert_eq!(rig.state.board.sessions_of(ALICE).len(), 0);
}

#[test]
fn changes_are_merged_within_half_a_second() {
    let mut rig = Rig::new();
    let (alice, mut bob) = (rig.connect(person(ALICE)), rig.connect(person(BOB)));
    rig.settle(&mut [&mut bob]);
    let key = alice.connection.session().key;
    show(&mut rig, &alice, Status::Idle);
    for status in [Status::Dnd, Status::Online, Status::Idle, Status::Dnd] {
        rig.state.show(key, Showing { status, activities: Default::default() });
        rig.pass(10);
    }
    assert_eq!(presences(&mut bob), [shows(ALICE, "idle")]);
    rig.pass(FLUSH_EVERY_MS);
    assert_eq!(presences(&mut bob), [shows(ALICE, "dnd")]);
}

#[test]
fn peers_hear_outside_of_guilds() {
    let mut rig = Rig::new();
    let mut stranger = rig.connect(person(STRANGER));
    let alice = rig.connect(person(ALICE));
    rig.settle(&mut [&mut stranger]);
    let dm = Channel {
        id: ChannelId::new(900),
        kind: ChannelKind::Dm,
        recipients: Some(vec![user(ALICE)]),
        ..Channel::default()
    };
    rig.dispatch(Audience::User(STRANGER), Dispatch::ChannelCreate(dm.clone().into()));
    let of_alice = Channel { recipients: Some(vec![user(STRANGER)]), ..dm };
    rig.dispatch(Audience::User(ALICE), Dispatch::ChannelCreate(of_alice.into()));
    assert_eq!(stranger.names(), ["CHANNEL_CREATE", "PRESENCE_UPDATE"]);
    show(&mut rig, &alice, Status::Idle);
    let told = stranger.take();
    assert_eq!(told[0].1["status"], "idle");
    assert!(told[0].1.get("guild_id").is_none());
}

#[test]
fn a_presence_told_while_ready_is_built_follows_it() {
    let mut rig = Rig::new();
    let bob = rig.connect(person(BOB));
    rig.pass(1_000);
    let mut alice = rig.attach(person(ALICE));
    let activation = rig.world.activation(ALICE);
    show(&mut rig, &bob, Status::Idle);
    rig.activate(&alice, activation);
    assert_eq!(presences(&mut alice), [shows(BOB, "idle")]);
}

#[test]
fn a_newcomer_learns_who_is_there_and_the_others_of_the_newcomer() {
    let mut rig = Rig::new();
    rig.world.members.remove(&ALICE);
    let mut alice = rig.connect(person(ALICE));
    let mut bob = rig.connect(person(BOB));
    rig.settle(&mut [&mut alice, &mut bob]);
    rig.join(ALICE);
    let told = alice.take();
    assert_eq!(told[0].0, "GUILD_CREATE");
    let ids = |data: &Value| -> Vec<String> {
        let all = data["presences"].as_array().unwrap().iter();
        let mut ids: Vec<_> = all.map(|of| of["user"]["id"].as_str().unwrap().to_owned()).collect();
        ids.sort();
        ids
    };
    assert_eq!(ids(&told[0].1), [ALICE.to_string(), BOB.to_string()]);
    assert_eq!(bob.names(), ["GUILD_MEMBER_ADD", "PRESENCE_UPDATE"]);
}
