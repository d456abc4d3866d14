//! Big guilds (API.md §3.6): one of 50 000 members and 500 channels opens with the requests and the member bytes of one of 250, and
//! costs who does not look at it no frame per message.

#[path = "../../seed/mod.rs"]
pub mod seeding;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::socket::Socket;
use crate::support::Server;
use seeding::{Plan, Seeded};

const BIG: Plan = Plan { members: 50_000, channels: 500, messages: 500, logins: 130 };
const SMALL: Plan = Plan { members: 250, ..BIG };
/// Members who are there, besides those a test speaks of.
const CROWD: std::ops::Range<usize> = 10..130;
/// Lets big guilds be passive.
const PASSIVE: u64 = 1 << 14;
const LIST: &str = "GUILD_MEMBER_LIST_UPDATE";

async fn seeded(plan: Plan) -> (Server, Seeded) {
    let directory = tempfile::tempdir().unwrap();
    let seeded = seeding::fill(directory.path(), plan).await;
    (Server::start_in(directory, |_| ()).await, seeded)
}

/// A socket that has taken its READY, which it answers with.
async fn connect(server: &Server, token: &str, capabilities: u64) -> (Socket, Value) {
    let mut socket = Socket::greeted(server).await;
    socket.identify(token, json!({ "capabilities": capabilities })).await;
    let ready = socket.event("READY").await;
    socket.event("READY_SUPPLEMENTAL").await;
    (socket, ready)
}

/// What it costs to see a guild's first channel with its members.
#[derive(Debug)]
struct Opening {
    requests: usize,
    member_bytes: usize,
    members: usize,
}

/// Opens the guild as the web client does: identify, look, read the channel.
async fn open(server: &Server, seeded: &Seeded) -> Opening {
    let (user, token) = &seeded.people[0];
    let (mut socket, ready) = connect(server, token, PASSIVE).await;
    let guild = &ready["d"]["guilds"][0];
    assert_eq!(guild["channels"].as_array().unwrap().len(), 500);
    let mut bytes = guild["members"].to_string().len() + guild["presences"].to_string().len();
    let mut members = guild["members"].as_array().unwrap().len();
    let channel = seeded.channels[0];
    let mut requests = 1;
    if guild["large"] == true {
        let look = json!({ "guild_id": seeded.guild, "channels": { channel.to_string(): [[0, 99]] }, "typing": true });
        socket.say(14, look).await;
        requests += 1;
        let told = socket.event(LIST).await["d"].take();
        let sync = &told["ops"][0];
        assert_eq!((&sync["op"], &sync["range"]), (&json!("SYNC"), &json!([0, 99])));
        assert_eq!(told["member_count"], 50_000);
        bytes += told.to_string().len();
        members += sync["items"].as_array().unwrap().len();
    }
    let person = server.known(&user.to_string(), token);
    person.get(&format!("/channels/{channel}/messages?limit=50")).await.ok();
    requests += 1;
    Opening { requests, member_bytes: bytes, members }
}

#[tokio::test]
async fn fifty_thousand_members_open_like_two_hundred_and_fifty() {
    let mut openings = Vec::new();
    for plan in [SMALL, BIG] {
        let (server, seeded) = seeded(plan).await;
        let mut crowd = Vec::new();
        for (_, token) in &seeded.people[CROWD] {
            crowd.push(connect(&server, token, PASSIVE).await.0);
            // On a slow machine the first are due to be heard of again before the last have come.
            if crowd.len() % 20 == 0 {
                for socket in &mut crowd {
                    socket.say(1, Value::Null).await;
                }
            }
        }
        // Presences are told a few times a second: the crowd is there when the last of it is counted.
        let onlooker = server.known(&seeded.people[0].0.to_string(), &seeded.people[0].1);
        let counted = format!("/guilds/{}?with_counts=true", seeded.guild);
        while onlooker.get(&counted).await.ok()["approximate_presence_count"] != CROWD.len() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        openings.push(open(&server, &seeded).await);
    }
    let [small, big] = &openings[..] else { unreachable!("two were opened") };
    assert_eq!(small.members, 250);
    assert_eq!(big.members, 1 + 100, "oneself, and a hundred rows");
    assert_eq!(small.requests + 1, big.requests, "the look is one frame more");
    assert!(big.member_bytes * 2 <= small.member_bytes * 3, "at most half as much again: {openings:?}");
}

#[tokio::test]
async fn a_passive_session_gets_no_frame_per_message() {
    let (server, seeded) = seeded(Plan { members: 251, channels: 3, messages: 0, logins: 10 }).await;
    let person = |n: usize| server.known(&seeded.people[n].0.to_string(), &seeded.people[n].1);
    let room = seeded.channels[1].to_string();
    let (mut passive, ready) = connect(&server, &seeded.people[1].1, PASSIVE).await;
    assert_eq!(ready["d"]["guilds"][0]["large"], true);
    let (mut plain, _) = connect(&server, &seeded.people[2].1, 0).await;
    let began = Instant::now();
    for n in 0..40 {
        person(3).say(&room, &format!("tide {n}")).await;
    }
    let last = person(3).say(&room, &format!("<@{}> come", seeded.people[1].0)).await;
    for n in 0..40 {
        assert_eq!(plain.event("MESSAGE_CREATE").await["d"]["content"], format!("tide {n}"));
    }
    let mut updates = 0;
    loop {
        let frame = passive.next().await.unwrap();
        match frame["t"].as_str() {
            Some("MESSAGE_CREATE") => {
                assert_eq!(
                    frame["d"]["id"], last["id"],
                    "the first message it hears of is the one that mentions it"
                );
                break;
            }
            Some("PASSIVE_UPDATE_V2") => updates += 1,
            other => assert_eq!(other, Some("SESSIONS_REPLACE")),
        }
    }
    assert!(updates <= began.elapsed().as_secs() / 5 + 1, "{updates} in {:?}", began.elapsed());
    let update = passive.event("PASSIVE_UPDATE_V2").await;
    let told = &update["d"]["updated_channels"];
    assert_eq!((&told[0]["id"], &told[0]["last_message_id"]), (&json!(room), &last["id"]));

    // Looking wakes the guild; looking at nothing lets it sleep.
    passive.say(37, json!({ "subscriptions": { seeded.guild.to_string(): { "typing": true } } })).await;
    passive.say(14, json!({ "guild_id": seeded.guild, "channels": { &room: [[0, 99]] } })).await;
    passive.event(LIST).await;
    let heard = person(3).say(&room, "heard").await;
    assert_eq!(passive.event("MESSAGE_CREATE").await["d"]["id"], heard["id"]);
    passive.say(14, json!({ "guild_id": seeded.guild, "channels": {} })).await;
    // Frames of one socket are taken in order, so the next answer comes when the guild sleeps.
    passive.say(8, json!({ "guild_id": seeded.guild, "query": "seed000004", "limit": 1 })).await;
    passive.event("GUILD_MEMBERS_CHUNK").await;
    person(3).say(&room, "unheard").await;
    let call = format!("<@{}> come again", seeded.people[1].0);
    let mention = person(3).say(&room, &call).await;
    assert_eq!(passive.event("MESSAGE_CREATE").await["d"]["id"], mention["id"]);
}

#[tokio::test]
async fn a_list_follows_its_members_and_ends_with_the_right_to_view() {
    let (server, seeded) = seeded(Plan { members: 300, channels: 2, messages: 0, logins: 10 }).await;
    let person = |n: usize| server.known(&seeded.people[n].0.to_string(), &seeded.people[n].1);
    let (owner, room) = (person(0), seeded.channels[1]);
    let (mut alice, _) = connect(&server, &seeded.people[1].1, PASSIVE).await;
    alice.event("SESSIONS_REPLACE").await;
    let look = json!({ "guild_id": seeded.guild, "channels": { room.to_string(): [[0, 99], [100, 199]] } });
    alice.say(14, look).await;
    let told = alice.event(LIST).await["d"].take();
    assert_eq!((&told["id"], &told["member_count"]), (&json!("everyone"), &json!(300)));
    assert_eq!(told["groups"], json!([{ "id": "online", "count": 1 }, { "id": "offline", "count": 299 }]));
    let items = told["ops"][0]["items"].as_array().unwrap();
    assert_eq!(items[0], json!({ "group": { "id": "online", "count": 1 } }));
    assert_eq!(items[1]["member"]["user"]["id"], seeded.people[1].0.to_string());
    assert_eq!(items[1]["member"]["presence"]["status"], "online");
    assert_eq!(items[3]["member"]["presence"]["status"], "offline");
    assert_eq!(told["ops"][1]["items"].as_array().unwrap().len(), 100);

    let (bob, _) = connect(&server, &seeded.people[2].1, PASSIVE).await;
    let told = alice.event(LIST).await["d"].take();
    assert_eq!(told["online_count"], 2);
    let name = json!({ "nick": "zoe" });
    owner.patch(&format!("/guilds/{}/members/{}", seeded.guild, seeded.people[2].0), name).await.ok();
    let nick = loop {
        let told = alice.event(LIST).await["d"].take();
        let news = told["ops"].as_array().unwrap().iter();
        let mut nicks = news.filter_map(|op| op["item"]["member"]["nick"].as_str().map(str::to_owned));
        if let Some(nick) = nicks.next() {
            break nick;
        }
    };
    assert_eq!(nick, "zoe");
    drop(bob);

    // Somebody else looks at a channel that all go on viewing: when she is told, a pass was made.
    let open = seeded.channels[0].to_string();
    let (mut carol, _) = connect(&server, &seeded.people[3].1, PASSIVE).await;
    carol.say(14, json!({ "guild_id": seeded.guild, "channels": { &open: [[0, 99]] } })).await;
    carol.event(LIST).await;
    let hide = json!({ "type": 0, "allow": "0", "deny": "1024" });
    owner.put(&format!("/channels/{room}/permissions/{}", seeded.guild), hide).await;
    alice.event("CHANNEL_DELETE").await;
    let name = json!({ "nick": "aaron" });
    owner.patch(&format!("/guilds/{}/members/{}", seeded.guild, seeded.people[3].0), name).await.ok();
    while !carol.event(LIST).await.to_string().contains("aaron") {}
    let end = owner.say(&open, "that is all").await;
    loop {
        let frame = alice.next().await.unwrap();
        assert_ne!(frame["t"], LIST, "{frame}");
        if frame["d"]["id"] == end["id"] {
            break;
        }
    }
}
