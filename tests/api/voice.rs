//! Voice: joining, talking and hearing, over real connections to the real server.

mod bot;
mod caller;
mod camera;
mod faults;
mod traps;
mod weather;
mod wire;

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::UdpSocket;

use crate::support::{Person, Server};
use caller::Caller;
pub use caller::{Line, join};

/// A guild's voice channel.
async fn voice_channel(owner: &Person<'_>, guild: &str) -> String {
    let channels = owner.get(&format!("/guilds/{guild}/channels")).await.ok();
    let voice = channels.as_array().unwrap().iter().find(|channel| channel["type"] == 2).unwrap();
    voice["id"].as_str().unwrap().to_owned()
}

/// Everybody in one guild, which the first owns: its id, a text channel and a voice channel.
pub async fn gather(people: &[&Person<'_>]) -> (String, String, String) {
    let (guild, text) = people[0].make_guild("Maple House").await;
    people[0].bring(&text, &people[1..]).await;
    let voice = voice_channel(people[0], &guild).await;
    (guild, text, voice)
}

fn is_rising_without_gaps(seqs: &[u64]) -> bool {
    seqs.windows(2).all(|two| two[1] == two[0] + 1)
}

#[tokio::test]
async fn two_people_hear_each_other() {
    let server = Server::start().await;
    let (mira, bob) = (server.person("mira").await, server.person("bob").await);
    let (guild, _, voice) = gather(&[&mira, &bob]).await;
    let mut a = Caller::call(&mira, &guild, &voice).await;
    let mut b = Caller::call(&bob, &guild, &voice).await;
    assert_eq!(a.line.expect(11).await["user_ids"], json!([bob.id]), "the newcomer is told of");
    assert_eq!(b.line.expect(11).await["user_ids"], json!([mira.id]), "and who was there");
    let (at_a, at_b) = (a.slot_of(&bob.id).await, b.slot_of(&mira.id).await);
    a.talk(true);
    b.talk(true);
    a.hear(&at_a, 20).await;
    b.hear(&at_b, 20).await;
    assert!(is_rising_without_gaps(&a.seqs(&at_a)) && is_rising_without_gaps(&b.seqs(&at_b)));
    let speaking = a.line.expect(5).await;
    assert_eq!((&speaking["user_id"], &speaking["speaking"]), (&json!(bob.id), &json!(1)));
    b.talk(false);
    let silent = a.line.expect(5).await;
    assert_eq!((&silent["user_id"], &silent["speaking"]), (&json!(bob.id), &json!(0)));

    // Who leaves is told of, on both gateways.
    b.gateway.send(4, json!({ "guild_id": guild, "channel_id": null })).await;
    assert_eq!(b.line.closed().await, 4014);
    assert_eq!(a.line.expect(13).await["user_id"], bob.id);
}

#[tokio::test]
async fn a_server_mute_stops_sound_before_it_is_told() {
    let server = Server::start().await;
    let (mira, bob, carol) =
        (server.person("mira").await, server.person("bob").await, server.person("carol").await);
    let (guild, _, voice) = gather(&[&mira, &bob, &carol]).await;
    let mut a = Caller::call(&mira, &guild, &voice).await;
    let b = Caller::call(&bob, &guild, &voice).await;
    let c = Caller::call(&carol, &guild, &voice).await;
    let (bob_at, carol_at) = (a.slot_of(&bob.id).await, a.slot_of(&carol.id).await);
    b.talk(true);
    c.talk(true);
    a.hear(&bob_at, 10).await;
    a.hear(&carol_at, 10).await;
    mira.patch(&format!("/guilds/{guild}/members/{}", bob.id), json!({ "mute": true })).await.ok();
    loop {
        if a.gateway.expect("VOICE_STATE_UPDATE").await["mute"] == true {
            break;
        }
    }
    a.hear(&carol_at, 10).await;
    let heard = a.heard(&bob_at);
    a.hear(&carol_at, 25).await;
    assert_eq!(a.heard(&bob_at), heard, "what was on its way came, and nothing after");
    mira.patch(&format!("/guilds/{guild}/members/{}", bob.id), json!({ "mute": false })).await.ok();
    a.hear(&bob_at, 10).await;
    assert!(is_rising_without_gaps(&a.seqs(&bob_at)), "the pause shows nowhere");

    // Moved and taken out, a connection ends for good.
    let other =
        mira.post(&format!("/guilds/{guild}/channels"), json!({ "name": "den", "type": 2 })).await.ok();
    let path = format!("/guilds/{guild}/members/{}", bob.id);
    let mut b = b;
    mira.patch(&path, json!({ "channel_id": other["id"] })).await.ok();
    assert_eq!(b.line.closed().await, 4014);
    let moved = b.gateway.expect("VOICE_SERVER_UPDATE").await;
    assert_ne!(moved["token"], b.ticket.token);
    mira.patch(&path, json!({ "channel_id": null })).await.ok();
    mira.patch(&path, json!({ "channel_id": null })).await.refused(400, 40_032);
}

/// Rooms are spread over the threads by how many are in them, and one thread reads the socket for all.
#[tokio::test]
async fn rooms_spread_over_threads_carry_sound_at_once() {
    let server = Server::start_with(|config| config.voice.threads = Some(4)).await;
    let names = ["ada", "bea", "cid", "dan", "eva", "fay", "gus", "hal", "ida", "jon"];
    let people = futures_util::future::join_all(names.map(|name| server.person(name))).await;
    let everybody: Vec<_> = people.iter().collect();
    let (guild, _, first) = gather(&everybody).await;
    let mut rooms = vec![first];
    while rooms.len() < people.len() / 2 {
        let body = json!({ "name": "den", "type": 2 });
        let made = people[0].post(&format!("/guilds/{guild}/channels"), body).await.ok();
        rooms.push(made["id"].as_str().unwrap().to_owned());
    }
    let mut calls = Vec::new();
    for (two, room) in people.chunks(2).zip(&rooms) {
        let mut a = Caller::call(&two[0], &guild, room).await;
        let b = Caller::call(&two[1], &guild, room).await;
        let slot = a.slot_of(&two[1].id).await;
        b.talk(true);
        calls.push((a, b, slot));
    }
    for (a, _, slot) in &calls {
        a.hear(slot, 20).await;
        assert!(is_rising_without_gaps(&a.seqs(slot)));
    }
}

#[tokio::test]
async fn a_lost_connection_resumes_while_sound_goes_on() {
    let server = Server::start().await;
    let (mira, bob) = (server.person("mira").await, server.person("bob").await);
    let (guild, _, voice) = gather(&[&mira, &bob]).await;
    let mut a = Caller::call(&mira, &guild, &voice).await;
    let b = Caller::call(&bob, &guild, &voice).await;
    let slot = a.slot_of(&bob.id).await;
    b.talk(true);
    a.hear(&slot, 5).await;
    let seq = a.line.seq;
    a.line = Line::open(&a.ticket.endpoint).await;
    a.hear(&slot, 5).await;
    let resume = json!({ "server_id": guild, "session_id": a.ticket.session, "token": a.ticket.token, "seq_ack": seq });
    a.line.seq = seq;
    a.line.say(7, resume.clone()).await;
    let resumed = a.line.next().await.unwrap();
    assert_eq!((&resumed["op"], &resumed["d"]), (&json!(9), &Value::Null));
    a.line.say(3, json!({ "t": 7, "seq_ack": seq })).await;
    assert_eq!(a.line.expect(6).await, json!({ "t": 7 }));
    a.hear(&slot, 5).await;

    let mut wrong = Line::open(&a.ticket.endpoint).await;
    wrong.say(7, json!({ "server_id": guild, "session_id": a.ticket.session, "token": "0" })).await;
    assert_eq!(wrong.closed().await, 4004);
    let mut lost = Line::open(&a.ticket.endpoint).await;
    lost.say(7, json!({ "server_id": guild, "session_id": a.ticket.session, "token": a.ticket.token, "seq_ack": 9_999 })).await;
    assert_eq!(lost.closed().await, 4006, "from the future");
}

#[tokio::test]
async fn strangers_and_nonsense_are_refused_with_their_codes() {
    let server = Server::start().await;
    let (mira, bob) = (server.person("mira").await, server.person("bob").await);
    let (guild, _, voice) = gather(&[&mira, &bob]).await;
    let mut gateway = mira.connect().await;
    let ticket = join(&mut gateway, &mira.id, &guild, &voice).await;
    let identify = |change: Value| {
        let mut d = json!({ "server_id": guild, "user_id": mira.id, "session_id": ticket.session, "token": ticket.token });
        d.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        json!({ "op": 0, "d": d }).to_string()
    };
    for (text, code) in [
        (identify(json!({ "token": "wrong" })), 4004),
        (identify(json!({ "user_id": bob.id })), 4004),
        (identify(json!({ "server_id": "1" })), 4006),
        (identify(json!({ "session_id": "none" })), 4006),
        (r#"{"op":5,"d":{"speaking":1}}"#.to_owned(), 4003),
        (r#"{"op":77,"d":null}"#.to_owned(), 4001),
        ("nonsense".to_owned(), 4002),
    ] {
        let mut line = Line::open(&ticket.endpoint).await;
        line.send_text(&text).await;
        assert_eq!(line.closed().await, code, "{text}");
    }
    let mut line = Line::open(&ticket.endpoint).await;
    line.identify(&ticket).await;
    line.say(1, json!({ "protocol": "webrtc", "data": "v=0 is no description" })).await;
    assert_eq!(line.expect(101).await["error"]["code"], 1, "a bad description leaves the session as it is");
    line.say(1, json!({ "protocol": "udp", "data": { "address": "127.0.0.1", "port": 1, "mode": "xsalsa20_poly1305" } })).await;
    assert_eq!(line.closed().await, 4016);
    let state = bob.get(&format!("/guilds/{guild}/voice-states/{}", mira.id)).await.ok();
    assert_eq!(state["channel_id"], voice);
    let info = server.call(Method::GET, "/hearth/instance", None).await.ok();
    assert_eq!(info["voice"]["enabled"], true);
}

#[tokio::test]
async fn garbage_by_the_thousand_disturbs_no_call() {
    let server = Server::start().await;
    let (mira, bob) = (server.person("mira").await, server.person("bob").await);
    let (guild, _, voice) = gather(&[&mira, &bob]).await;
    let mut a = Caller::call(&mira, &guild, &voice).await;
    let b = Caller::call(&bob, &guild, &voice).await;
    let slot = a.slot_of(&bob.id).await;
    b.talk(true);
    a.hear(&slot, 5).await;
    let port = a.ready["port"].as_u64().unwrap();
    let hostile = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    hostile.connect(("127.0.0.1", port as u16)).await.unwrap();
    let mut packets: Vec<Vec<u8>> =
        vec![vec![], vec![0], vec![0; 1_200], vec![0x80; 40], vec![0xff; 8], vec![20; 64]];
    // A check of a route with a forged name, and a discovery for nobody.
    packets.push([&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[7; 12]].concat());
    packets.push([&[0, 1, 0, 70][..], &[9; 70]].concat());
    for round in 0..1_500 {
        // A full socket drops them, as a network would.
        let _ = hostile.try_send(&packets[round % packets.len()]);
        if round % 100 == 0 {
            a.hear(&slot, 1).await;
        }
    }
    a.hear(&slot, 20).await;
    let mut answer = [0; 2_000];
    let answered = hostile.try_recv(&mut answer);
    assert!(answered.is_err(), "strangers get no answer: {answered:?}");
}

#[tokio::test]
async fn a_call_rings_is_taken_and_ends_with_the_last() {
    let server = Server::start().await;
    let (mira, bob, eve) =
        (server.person("mira").await, server.person("bob").await, server.person("eve").await);
    gather(&[&mira, &bob]).await;
    let dm = mira.post("/users/@me/channels", json!({ "recipients": [bob.id] })).await.ok();
    let dm = dm["id"].as_str().unwrap();
    let (mut a, mut b, mut e) = (mira.connect().await, bob.connect().await, eve.connect().await);
    mira.post(&format!("/channels/{dm}/call/ring"), json!({})).await.refused(404, 10_003);
    let call = json!({ "guild_id": null, "channel_id": dm, "self_mute": false, "self_deaf": false });
    a.send(4, call.clone()).await;
    let message = b.expect("MESSAGE_CREATE").await;
    assert_eq!(message["type"], 3);
    let begun = b.expect("CALL_CREATE").await;
    assert_eq!((&begun["channel_id"], &begun["message_id"]), (&json!(dm), &message["id"]));
    assert_eq!(b.expect("VOICE_STATE_UPDATE").await["user_id"], mira.id);
    assert_eq!(a.expect("VOICE_SERVER_UPDATE").await["channel_id"], dm);
    mira.post(&format!("/channels/{dm}/call/ring"), json!({})).await.ok();
    assert_eq!(b.expect("CALL_UPDATE").await["ringing"], json!([bob.id]));
    eve.post(&format!("/channels/{dm}/call/ring"), json!({})).await.refused(404, 10_003);
    e.send(4, call.clone()).await;

    bob.post(&format!("/channels/{dm}/call/stop-ringing"), json!({})).await.ok();
    assert_eq!(a.expect("CALL_UPDATE").await["ringing"], json!([bob.id]));
    assert_eq!(a.expect("CALL_UPDATE").await["ringing"], json!([]));
    b.send(13, json!({ "channel_id": dm })).await;
    assert_eq!(b.expect("CALL_CREATE").await["voice_states"][0]["user_id"], mira.id);
    b.send(4, call).await;
    assert_eq!(b.expect("VOICE_SERVER_UPDATE").await["channel_id"], dm);
    for gateway in [&mut a, &mut b] {
        gateway.send(4, json!({ "guild_id": null, "channel_id": null })).await;
    }
    assert_eq!(b.expect("CALL_DELETE").await, json!({ "channel_id": dm }));
    e.send(13, json!({ "channel_id": dm })).await;
    eve.patch("/users/@me/settings", json!({ "theme": "light" })).await.ok();
    let told = e.names_until("USER_SETTINGS_UPDATE").await;
    assert!(told.iter().all(|name| !name.starts_with("CALL") && !name.starts_with("VOICE")), "{told:?}");
}

#[tokio::test]
async fn who_says_nothing_for_as_long_as_the_guild_gives_is_moved_to_its_channel_for_the_absent() {
    /// The least that a guild may give; media has no clock but the real one.
    const GIVEN: Duration = Duration::from_secs(60);
    const HEARTBEAT: Duration = Duration::from_secs(5);
    let server = Server::start().await;
    let (mira, bob) = (server.person("mira").await, server.person("bob").await);
    let (guild, _, voice) = gather(&[&mira, &bob]).await;
    let away =
        mira.post(&format!("/guilds/{guild}/channels"), json!({ "name": "away", "type": 2 })).await.ok();
    let settings = json!({ "afk_channel_id": away["id"], "afk_timeout": GIVEN.as_secs() });
    mira.patch(&format!("/guilds/{guild}"), settings).await.ok();
    let began = Instant::now();
    let mut a = Caller::call(&mira, &guild, &voice).await;
    let mut b = Caller::call(&bob, &guild, &voice).await;
    let slot = a.slot_of(&bob.id).await;
    b.talk(true);
    while began.elapsed() + HEARTBEAT < GIVEN {
        for caller in [&mut a, &mut b] {
            caller.gateway.send(1, Value::Null).await;
            caller.line.say(3, json!({ "t": 1 })).await;
            caller.line.expect(6).await;
        }
        a.hear(&slot, HEARTBEAT.as_millis() as u64 / 20).await;
    }
    let moved = loop {
        let state = b.gateway.expect("VOICE_STATE_UPDATE").await;
        if state["channel_id"] == away["id"] {
            break state;
        }
    };
    assert_eq!(moved["user_id"], mira.id, "who talks all the time stays");
    assert!(began.elapsed() >= GIVEN, "and not a moment too early");
    assert_eq!(a.line.closed().await, 4014);
}
