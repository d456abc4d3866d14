//! The gateway: hello to goodbye, as libraries and as strangers speak to it.

pub mod large;
mod lives;
mod seed;
mod socket;

use std::collections::HashMap;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;

use crate::support::Server;
use seed::{BOT, GUILD, server_with_bot};
use socket::{PATIENCE, Socket};

const GUILDS: u64 = 1;
const GUILD_MEMBERS: u64 = 1 << 1;
const GUILD_PRESENCES: u64 = 1 << 8;

#[tokio::test]
async fn hello_comes_at_once_and_heartbeats_are_answered_before_identify() {
    let server = Server::start().await;
    for path in ["/", "/gateway", "/gateway/", "/?v=9&encoding=json", "/?v=10"] {
        let mut socket = Socket::open(&server, path).await;
        let hello = socket.next().await.unwrap();
        assert_eq!(
            hello,
            json!({ "op": 10, "s": null, "t": null, "d": { "heartbeat_interval": 41_250, "_trace": [] } })
        );
        socket.say(1, Value::Null).await;
        assert_eq!(socket.next().await.unwrap(), json!({ "op": 11, "s": null, "t": null, "d": null }));
    }
}

#[tokio::test]
async fn versions_and_encodings_not_spoken_are_told_by_a_close_code() {
    let server = Server::start().await;
    for query in ["/gateway?v=8", "/?v=10&encoding=etf", "/?v=6&encoding=json"] {
        assert_eq!(Socket::open(&server, query).await.closed().await, 4012, "{query}");
    }
    let mut unknown = Socket::open(&server, "/?v=10&compress=lz4-stream").await;
    assert_eq!(unknown.next().await.unwrap()["op"], 10, "an unknown compression is none");
}

#[tokio::test]
async fn a_person_gets_ready_whole_then_the_supplement() {
    let server = Server::start().await;
    let mira = server.person("mira").await;
    let bob = server.person("bob").await;
    let mut socket = Socket::greeted(&server).await;
    socket.identify(&mira.authorization, json!({})).await;
    let ready = socket.next().await.unwrap();
    assert_eq!((&ready["op"], &ready["s"], &ready["t"]), (&json!(0), &json!(1), &json!("READY")));
    let d = &ready["d"];
    assert_eq!(d["user"]["id"], mira.id);
    assert_eq!(d["v"], 10);
    for key in [
        "guilds",
        "relationships",
        "private_channels",
        "presences",
        "merged_members",
        "users",
        "sessions",
        "connected_accounts",
        "guild_join_requests",
        "experiments",
        "guild_experiments",
        "_trace",
    ] {
        assert!(d[key].is_array(), "{key}");
    }
    for key in ["user_settings", "user_guild_settings", "read_state", "notes", "notification_settings"] {
        assert!(d[key].is_object(), "{key}");
    }
    for key in ["country_code", "tutorial", "analytics_token"] {
        assert!(d.as_object().unwrap().contains_key(key) && d[key].is_null(), "{key}");
    }
    assert_eq!(d["sessions"][0]["session_id"], d["session_id"]);
    assert_eq!(d["resume_gateway_url"], server.origin.replace("http", "ws"));
    assert_eq!((&d["session_type"], &d["api_code_version"]), (&json!("normal"), &json!(1)));
    let own = mira.get("/auth/sessions").await.ok();
    assert_eq!(d["auth_session_id_hash"], own["user_sessions"][0]["id_hash"]);
    let supplement = socket.next().await.unwrap();
    assert_eq!((&supplement["s"], &supplement["t"]), (&json!(2), &json!("READY_SUPPLEMENTAL")));
    assert_eq!(supplement["d"]["merged_presences"], json!({ "friends": [], "guilds": [] }));
    assert_eq!(supplement["d"]["lazy_private_channels"], json!([]));
    socket.event("SESSIONS_REPLACE").await;
    mira.patch("/users/@me/settings", json!({ "theme": "light" })).await.ok();
    assert_eq!(socket.event("USER_SETTINGS_UPDATE").await["d"]["theme"], "light");
    drop(bob);
}

#[tokio::test]
async fn a_bot_gets_ready_then_its_guilds_with_what_it_may_see() {
    let (server, token) = server_with_bot(3, 0).await;
    for token in [token.clone(), format!("Bot {token}")] {
        let mut socket = Socket::greeted(&server).await;
        socket
            .identify(
                &token,
                json!({ "intents": GUILDS, "presence": null, "shard": [0, 1], "compress": true }),
            )
            .await;
        let ready = socket.next().await.unwrap();
        let d = &ready["d"];
        assert_eq!((&ready["t"], &ready["s"]), (&json!("READY"), &json!(1)));
        assert_eq!(d["guilds"], json!([{ "id": GUILD, "unavailable": true }]));
        assert_eq!(d["application"], json!({ "id": BOT.to_string(), "flags": 0, "flags_new": "0" }));
        assert_eq!((&d["user"]["bot"], &d["shard"]), (&json!(true), &json!([0, 1])));
        for key in [
            "private_channels",
            "relationships",
            "presences",
            "guild_join_requests",
            "geo_ordered_rtc_regions",
        ] {
            assert_eq!(d[key], json!([]), "{key}");
        }
        assert_eq!(d["user_settings"], json!({}));
        let guild = socket.next().await.unwrap();
        let d = &guild["d"];
        assert_eq!((&guild["t"], &guild["s"]), (&json!("GUILD_CREATE"), &json!(2)));
        assert_eq!(
            (&d["id"], &d["unavailable"], &d["member_count"]),
            (&json!(GUILD), &json!(false), &json!(3))
        );
        assert_eq!(d["channels"].as_array().unwrap().len(), 1, "hidden channels are not told at all");
        assert_eq!(
            d["members"].as_array().unwrap().len(),
            1,
            "without the presences intent only the bot itself"
        );
        for key in [
            "threads",
            "presences",
            "voice_states",
            "stage_instances",
            "guild_scheduled_events",
            "soundboard_sounds",
            "emojis",
            "stickers",
        ] {
            assert_eq!(d[key], json!([]), "{key}");
        }
        socket.stream.close(None).await.unwrap();
    }
}

#[tokio::test]
async fn wrong_tokens_intents_and_shards_close_with_their_codes() {
    let (server, token) = server_with_bot(2, 1 << 15).await;
    let last = if token.ends_with('A') { 'B' } else { 'A' };
    let wrong = format!("{}{last}", &token[..token.len() - 1]);
    let cases = [
        (json!({ "token": "nonsense", "intents": 0 }), 4004),
        (json!({ "token": wrong, "intents": 0 }), 4004),
        (json!({ "token": token }), 4013),
        (json!({ "token": token, "intents": 1_u64 << 40 }), 4013),
        (json!({ "token": token, "intents": -1 }), 4013),
        (json!({ "token": token, "intents": GUILD_PRESENCES }), 4014),
        (json!({ "token": token, "intents": 0, "shard": [1, 1] }), 4010),
        (json!({ "token": token, "intents": 0, "shard": [0, 0] }), 4010),
        (json!({ "intents": 0 }), 4002),
    ];
    for (identify, code) in cases {
        let mut socket = Socket::greeted(&server).await;
        socket.say(2, identify.clone()).await;
        assert_eq!(socket.closed().await, code, "{identify}");
    }
    let mut socket = Socket::greeted(&server).await;
    socket.identify(&token, json!({ "intents": GUILD_MEMBERS })).await;
    let ready = socket.event("READY").await;
    assert_eq!(ready["d"]["application"]["flags"], 1 << 15, "the flags show the intents");
    socket.identify(&token, json!({ "intents": 0 })).await;
    assert_eq!(socket.closed().await, 4005);
}

#[tokio::test]
async fn garbage_closes_with_its_code_and_a_flood_with_4008() {
    let server = Server::start().await;
    let mira = server.person("mira").await;
    let text = |text: &str| Message::text(text.to_owned());
    let deep = format!("{{\"op\":1,\"d\":{}1{}}}", "[".repeat(80), "]".repeat(80));
    let cases = [
        (text("not json"), 4002),
        (text("{}"), 4002),
        (text(r#"{"op":"two"}"#), 4002),
        (text(&deep), 4002),
        (text(&" ".repeat(5_000)), 4002),
        (Message::binary(vec![0xff, 0xfe]), 4002),
        (text(r#"{"op":99,"d":null}"#), 4001),
        (text(r#"{"op":3,"d":{"status":"online"}}"#), 4003),
        (text(r#"{"op":6,"d":{"token":"x","session_id":"y","seq":-1}}"#), 4007),
    ];
    for (message, code) in cases {
        let mut socket = Socket::greeted(&server).await;
        socket.stream.send(message.clone()).await.unwrap();
        assert_eq!(socket.closed().await, code, "{message:?}");
    }
    let mut flood = Socket::greeted(&server).await;
    flood.identify(&mira.authorization, json!({})).await;
    flood.event("READY").await;
    for _ in 0..140 {
        flood.stream.feed(text(r#"{"op":1,"d":null}"#)).await.unwrap();
    }
    // The last of these may find the socket closed.
    let _ = flood.stream.flush().await;
    assert_eq!(flood.closed().await, 4008);
}

#[tokio::test]
async fn frames_that_break_the_protocol_are_refused() {
    let server = Server::start().await;
    let address = server.origin.trim_start_matches("http://");
    let upgrade = format!(
        "GET /?v=10 HTTP/1.1\r\nhost: {address}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    let fragment = [0x01, 0x81, 0, 0, 0, 0, b'{'];
    let unmasked = [0x81, 0x02, b'{', b'}'];
    let reserved = [0xc1, 0x80, 0, 0, 0, 0];
    let huge = [0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    for (bytes, code) in [(&fragment[..], 1002_u16), (&unmasked, 1002), (&reserved, 1002), (&huge, 4002)] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        // Frames may come in the same packet as the request.
        stream.write_all(&[upgrade.as_bytes(), bytes].concat()).await.unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).await.unwrap();
        let close = all.windows(2).rposition(|two| two[0] == 0x88).expect("a close frame");
        assert_eq!(all[close + 2..close + 4], code.to_be_bytes(), "{bytes:x?}");
    }
}

#[tokio::test]
async fn payloads_may_be_binary_and_pings_are_answered() {
    let (server, token) = server_with_bot(2, 0).await;
    let mut socket = Socket::greeted(&server).await;
    let identify =
        json!({ "op": 2, "d": { "token": token, "intents": GUILDS, "properties": {} } }).to_string();
    socket.stream.send(Message::binary(identify.into_bytes())).await.unwrap();
    socket.event("GUILD_CREATE").await;
    socket.stream.send(Message::Ping(b"there?".to_vec().into())).await.unwrap();
    let pong = tokio::time::timeout(PATIENCE, socket.stream.next()).await.unwrap().unwrap().unwrap();
    assert_eq!(pong, Message::Pong(b"there?".to_vec().into()));
}

#[tokio::test]
async fn streams_are_compressed_from_hello_to_the_last_event() {
    let (server, token) = server_with_bot(2, 0).await;
    for compress in ["zlib-stream", "zstd-stream"] {
        let mut socket = Socket::open(&server, &format!("/?v=10&encoding=json&compress={compress}")).await;
        assert_eq!(socket.next().await.unwrap()["op"], 10);
        socket.identify(&token, json!({ "intents": GUILDS, "compress": true })).await;
        let session = socket.event("READY").await["d"]["session_id"].clone();
        assert_eq!(socket.event("GUILD_CREATE").await["d"]["name"], "hearthside");
        socket.say(1, json!(2)).await;
        assert_eq!(socket.next().await.unwrap()["op"], 11);
        drop(socket);
        let mut again = Socket::open(&server, &format!("/?v=10&encoding=json&compress={compress}")).await;
        assert_eq!(again.next().await.unwrap()["op"], 10, "the context begins anew");
        again.say(6, json!({ "token": token, "session_id": session, "seq": 2 })).await;
        let resumed = again.event("RESUMED").await;
        assert_eq!((&resumed["d"], &resumed["s"]), (&json!({ "_trace": [] }), &json!(3)));
    }
}

/// What READYs of one guild share they share by what their readers may view, in every encoding.
#[tokio::test]
async fn a_ready_names_what_its_reader_may_view_whoever_came_before() {
    let server = Server::start().await;
    let (mira, june, otto) =
        (server.person("mira").await, server.person("june").await, server.person("otto").await);
    let topic = "what is said by the tide stays by the tide ".repeat(6);
    let channels: Vec<Value> =
        (0..30).map(|n| json!({ "name": format!("room-{n}"), "type": 0, "topic": topic })).collect();
    let guild = mira.post("/guilds", json!({ "name": "Tides", "channels": channels })).await.ok();
    let guild = guild["id"].as_str().unwrap().to_owned();
    let listed = mira.get(&format!("/guilds/{guild}/channels")).await.ok();
    let ids: Vec<String> =
        listed.as_array().unwrap().iter().map(|channel| channel["id"].as_str().unwrap().to_owned()).collect();
    mira.bring(&ids[0], &[&june, &otto]).await;
    for hidden in &ids[10..20] {
        mira.put(&format!("/channels/{hidden}/permissions/{guild}"), json!({ "type": 0, "deny": 1024 }))
            .await
            .ok();
    }
    let to_june = format!("/channels/{}/permissions/{}", ids[15], june.id);
    mira.put(&to_june, json!({ "type": 1, "allow": 1024 })).await.ok();

    for compress in ["", "&compress=zlib-stream", "&compress=zstd-stream"] {
        for (reader, seen) in [(&mira, 30), (&june, 21), (&otto, 20), (&june, 21), (&mira, 30)] {
            let mut socket = Socket::open(&server, &format!("/?v=10&encoding=json{compress}")).await;
            assert_eq!(socket.next().await.unwrap()["op"], 10);
            socket.identify(&reader.authorization, json!({})).await;
            let ready = socket.event("READY").await;
            let guilds = ready["d"]["guilds"].as_array().unwrap();
            let shown = guilds.iter().find(|shown| shown["id"] == guild.as_str()).unwrap();
            let of_rest = reader.get(&format!("/guilds/{guild}/channels")).await.ok();
            assert_eq!(shown["channels"], of_rest, "{compress}");
            assert_eq!(shown["channels"].as_array().unwrap().len(), seen);
        }
        // The next encoding's readers come to another commit.
        mira.say(&ids[0], "on").await;
    }
}

#[tokio::test]
async fn members_are_answered_even_when_nothing_matches() {
    let (server, token) = server_with_bot(2_300, 1 << 15).await;
    let mut socket = Socket::greeted(&server).await;
    socket.identify(&token, json!({ "intents": GUILDS | GUILD_MEMBERS })).await;
    assert_eq!(socket.event("GUILD_CREATE").await["d"]["large"], true);
    // discord.py sends ids as numbers.
    socket.say(8, json!({ "guild_id": GUILD.get(), "query": "", "limit": 0, "nonce": "all" })).await;
    let mut seen = HashMap::new();
    for index in 0..3 {
        let chunk = socket.event("GUILD_MEMBERS_CHUNK").await;
        let d = &chunk["d"];
        assert_eq!(
            (&d["chunk_index"], &d["chunk_count"], &d["nonce"]),
            (&json!(index), &json!(3), &json!("all"))
        );
        let members = d["members"].as_array().unwrap();
        assert!(members.len() <= 1_000);
        seen.extend(members.iter().map(|member| (member["user"]["id"].as_str().unwrap().to_owned(), index)));
    }
    assert_eq!(seen.len(), 2_300);
    socket
        .say(8, json!({ "guild_id": GUILD, "query": "nobody is called this", "limit": 10, "nonce": "none" }))
        .await;
    let d = &socket.event("GUILD_MEMBERS_CHUNK").await["d"];
    assert_eq!(
        *d,
        json!({ "guild_id": GUILD, "members": [], "chunk_index": 0, "chunk_count": 1, "nonce": "none" })
    );
    socket.say(8, json!({ "guild_id": GUILD, "user_ids": [BOT.to_string(), "123"], "presences": true, "nonce": "two" })).await;
    let d = &socket.event("GUILD_MEMBERS_CHUNK").await["d"];
    assert_eq!((&d["not_found"], &d["presences"], &d["nonce"]), (&json!(["123"]), &json!([]), &json!("two")));
    assert_eq!(d["members"][0]["user"]["username"], "helper");
    socket.say(8, json!({ "guild_id": GUILD, "query": "MEMBER0101", "limit": 5 })).await;
    let d = &socket.event("GUILD_MEMBERS_CHUNK").await["d"];
    assert_eq!(d["members"].as_array().unwrap().len(), 5);
    socket.say(8, json!({ "guild_id": "77", "query": "", "limit": 0, "nonce": "elsewhere" })).await;
    let d = &socket.event("GUILD_MEMBERS_CHUNK").await["d"];
    assert_eq!((&d["members"], &d["chunk_count"], &d["nonce"]), (&json!([]), &json!(1), &json!("elsewhere")));
    socket.say(8, json!({ "guild_id": GUILD, "query": "", "limit": 0, "nonce": "soon" })).await;
    let limited = &socket.event("RATE_LIMITED").await["d"];
    assert_eq!((&limited["opcode"], &limited["meta"]["nonce"]), (&json!(8), &json!("soon")));
}

#[tokio::test]
async fn what_comes_while_ready_is_built_waits_and_heartbeats_do_not() {
    let (server, token) = server_with_bot(30, 1 << 15).await;
    let mut socket = Socket::greeted(&server).await;
    socket.identify(&token, json!({ "intents": GUILDS | GUILD_MEMBERS })).await;
    socket.say(8, json!({ "guild_id": GUILD, "query": "", "limit": 0, "nonce": "early" })).await;
    socket.say(1, Value::Null).await;
    let mut names = Vec::new();
    while names.len() < 4 {
        let frame = socket.next().await.unwrap();
        names.push(if frame["op"] == 11 { json!("ACK") } else { frame["t"].clone() });
    }
    names.retain(|name| name != "ACK");
    assert_eq!(names, ["READY", "GUILD_CREATE", "GUILD_MEMBERS_CHUNK"]);
}

#[tokio::test]
async fn members_of_a_guild_see_each_other_come_change_and_hide() {
    let server = Server::start().await;
    let (mira, bob) = (server.person("mira").await, server.person("bob").await);
    let (guild, channel) = mira.make_guild("hearthside").await;
    let mut socket = Socket::greeted(&server).await;
    socket.identify(&bob.authorization, json!({})).await;
    socket.event("READY_SUPPLEMENTAL").await;
    // From here on bob counts as online.
    socket.event("SESSIONS_REPLACE").await;
    mira.bring(&channel, &[&bob]).await;
    let joined = socket.event("GUILD_CREATE").await;
    assert_eq!(joined["d"]["id"], guild);
    assert!(joined["d"].get("unavailable").is_none(), "absent for a guild just joined");
    let mut other = Socket::greeted(&server).await;
    other
        .identify(
            &mira.authorization,
            json!({ "presence": { "status": "dnd", "game": { "name": "chess" } } }),
        )
        .await;
    let ready = other.event("READY").await;
    assert_eq!(ready["d"]["guilds"][0]["unavailable"], false);
    assert_eq!(ready["d"]["guilds"][0]["members"].as_array().unwrap().len(), 2);
    // Changes of presence are merged for half a second, so bob's may come after READY.
    let told = ready["d"]["guilds"][0]["presences"][0].clone();
    let told = if told.is_null() { other.event("PRESENCE_UPDATE").await["d"].clone() } else { told };
    assert_eq!(told["user"]["id"], bob.id);
    assert_eq!(ready["d"]["merged_members"][0][0]["user"]["id"], mira.id);
    let seen = &socket.event("PRESENCE_UPDATE").await["d"];
    assert_eq!(
        (&seen["user"]["id"], &seen["status"], &seen["guild_id"]),
        (&json!(mira.id), &json!("dnd"), &json!(guild))
    );
    assert_eq!(
        (&seen["activities"][0]["name"], &seen["client_status"]),
        (&json!("chess"), &json!({ "web": "dnd" }))
    );
    other.say(3, json!({ "status": "invisible", "since": 0, "afk": false, "activities": [] })).await;
    let hidden = &socket.event("PRESENCE_UPDATE").await["d"];
    assert_eq!((&hidden["status"], &hidden["client_status"]), (&json!("offline"), &json!({})));
    mira.say(&channel, "still here").await;
    let posted = &socket.event("MESSAGE_CREATE").await["d"];
    assert_eq!((&posted["content"], &posted["guild_id"]), (&json!("still here"), &json!(guild)));
    // A person may ask for several guilds, and for all members only with a right to manage them.
    socket.say(8, json!({ "guild_id": [guild], "query": "", "limit": 0, "nonce": "n" })).await;
    assert_eq!(socket.event("GUILD_MEMBERS_CHUNK").await["d"]["members"], json!([]));
    socket.say(8, json!({ "guild_id": [guild], "query": "mi", "limit": 5, "presences": true })).await;
    let chunk = &socket.event("GUILD_MEMBERS_CHUNK").await["d"];
    assert_eq!((&chunk["members"][0]["user"]["id"], &chunk["presences"]), (&json!(mira.id), &json!([])));
    other.say(8, json!({ "guild_id": [guild], "query": "", "limit": 0 })).await;
    assert_eq!(other.event("GUILD_MEMBERS_CHUNK").await["d"]["members"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn masked_frames_of_any_length_are_read() {
    let server = Server::start().await;
    let mira = server.person("mira").await;
    let mut socket = Socket::greeted(&server).await;
    let long =
        json!({ "op": 2, "d": { "token": mira.authorization, "properties": { "os": "x".repeat(3_000) } } });
    socket.stream.send(Message::text(long.to_string())).await.unwrap();
    socket.event("READY").await;
    let pad = " ".repeat(60_000);
    socket.stream.send(Message::Text(format!("{pad}{{\"op\":1,\"d\":null}}").into())).await.unwrap();
    loop {
        if socket.next().await.unwrap()["op"] == 11 {
            break;
        }
    }
    socket.stream.send(Message::Frame(Frame::message(vec![b' '; 70_000], 1.into(), true))).await.unwrap();
    assert_eq!(socket.closed().await, 4002, "a person's payload holds at most 64 KiB");
}
