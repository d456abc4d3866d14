//! Traps of the gateway: frames, opcodes, READY and what follows it.

use serde_json::{Value, json};

use super::{ALL_UNPRIVILEGED, House, listening};
use crate::support::{Gateway, Server};

/// Sends RESUME on a fresh socket.
async fn resume(server: &Server, token: &str, session: &str, seq: u64) -> Gateway {
    let mut gateway = Gateway::open(&server.origin, "?v=10&encoding=json").await;
    gateway.seq = seq;
    gateway.send(6, json!({ "token": token, "session_id": session, "seq": seq })).await;
    gateway
}

#[tokio::test]
async fn trap_04_resumed_carries_an_object() {
    let server = Server::start().await;
    let mira = server.owner("mira").await;
    let (session, seq) = mira.connect().await.cut();
    let mut back = resume(&server, &mira.authorization, &session, seq).await;
    assert!(back.expect("RESUMED").await.is_object());
}

#[tokio::test]
async fn trap_05_a_token_may_begin_with_bot() {
    let server = Server::start().await;
    let mira = server.owner("mira").await;
    let bot = mira.make_bot("Ladle").await;
    let bare = bot.authorization.strip_prefix("Bot ").unwrap().to_owned();
    for token in [bare.clone(), format!("Bot {bare}"), format!("bot {bare}")] {
        let mut gateway = Gateway::open(&server.origin, "?v=10").await;
        gateway.send(2, json!({ "token": token, "intents": 1, "properties": {} })).await;
        assert_eq!(gateway.expect("READY").await["user"]["id"], bot.id);
    }
}

#[tokio::test]
async fn trap_06_json_may_come_in_binary_frames() {
    let server = Server::start().await;
    let mira = server.owner("mira").await;
    let bot = mira.make_bot("Ladle").await;
    let mut gateway = Gateway::open(&server.origin, "?v=10&encoding=json").await;
    let identify = json!({ "op": 2, "d": { "token": bot.authorization, "intents": 1, "properties": {} } });
    gateway.send_binary(identify.to_string().into_bytes()).await;
    assert_eq!(gateway.expect("READY").await["user"]["id"], bot.id);
}

#[tokio::test]
async fn trap_09_without_an_encoding_it_is_json() {
    let server = Server::start().await;
    let mut gateway = Gateway::open(&server.origin, "?v=10").await;
    gateway.send(1, Value::Null).await;
    assert_eq!(gateway.frame().await.unwrap()["op"], 11);
}

#[tokio::test]
async fn trap_10_ready_and_guild_create_have_every_array() {
    let server = Server::start().await;
    let house = House::build(&server).await;
    let bot = house.bot(0).await;
    let mut gateway = bot.connect_with(json!({ "intents": 1 })).await;
    assert_eq!(gateway.ready["private_channels"], json!([]));
    let guild = gateway.expect("GUILD_CREATE").await;
    for key in [
        "members",
        "channels",
        "threads",
        "presences",
        "voice_states",
        "stage_instances",
        "guild_scheduled_events",
        "soundboard_sounds",
        "roles",
        "emojis",
        "stickers",
        "features",
    ] {
        assert!(guild[key].is_array(), "{key}");
    }
}

#[tokio::test]
async fn trap_11_members_have_flags_everywhere() {
    let server = Server::start().await;
    let house = House::build(&server).await;
    let bot = house.bot(0).await;
    let mut gateway = bot.connect_with(json!({ "intents": ALL_UNPRIVILEGED })).await;
    let guild = gateway.expect("GUILD_CREATE").await;
    assert!(guild["members"][0]["flags"].is_number());
    house.june.say(&house.channel, "hello").await;
    let message = gateway.expect("MESSAGE_CREATE").await;
    assert!(message["member"]["flags"].is_number() && message["member"].get("user").is_none());
    house.june.post(&format!("/channels/{}/typing", house.channel), json!({})).await.ok();
    let typing = gateway.expect("TYPING_START").await;
    assert!(typing["member"]["flags"].is_number() && typing["member"]["user"]["id"] == house.june.id);
}

#[tokio::test]
async fn trap_15_a_stop_asks_to_reconnect_and_never_closes_with_1000() {
    let server = Server::start().await;
    let mut gateway = server.owner("mira").await.connect().await;
    let listen = async {
        let mut was_asked = false;
        loop {
            match gateway.frame().await {
                Ok(frame) => was_asked |= frame["op"] == 7 && frame["d"].is_null(),
                Err(code) => return (was_asked, code),
            }
        }
    };
    let ((was_asked, closed), ()) = tokio::join!(listen, server.stop());
    assert!(was_asked && !matches!(closed, 1000 | 1001 | 1005), "asked: {was_asked}, closed with {closed}");
}

#[tokio::test]
async fn trap_16_an_invalid_session_is_told_by_a_boolean_and_waits_for_the_client() {
    let server = Server::start().await;
    let mira = server.owner("mira").await;
    let mut gateway = resume(&server, &mira.authorization, "nosuchsession", 3).await;
    assert_eq!(gateway.frame().await.unwrap(), json!({ "op": 9, "d": false, "s": null, "t": null }));
    // The same socket identifies.
    gateway.seq = 0;
    gateway.send(2, json!({ "token": mira.authorization, "properties": {} })).await;
    gateway.expect("READY").await;
}

#[tokio::test]
async fn trap_17_identify_may_hold_a_null_presence_a_game_or_compress() {
    let server = Server::start().await;
    let mira = server.owner("mira").await;
    let bot = mira.make_bot("Ladle").await;
    for more in [
        json!({ "presence": null }),
        json!({ "presence": { "status": "online", "since": 0, "afk": false, "game": { "name": "soup", "type": 0 } } }),
        json!({ "compress": true }),
    ] {
        let mut identify = json!({ "intents": 1 });
        identify.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let gateway = bot.connect_with(identify).await;
        assert_eq!(gateway.ready["user"]["id"], bot.id);
    }
}

#[tokio::test]
async fn trap_18_heartbeats_come_before_identify() {
    let server = Server::start().await;
    let mira = server.owner("mira").await;
    let bot = mira.make_bot("Ladle").await;
    let mut gateway = Gateway::open(&server.origin, "?v=10").await;
    gateway.send(1, Value::Null).await;
    assert_eq!(gateway.frame().await.unwrap()["op"], 11);
    gateway.send(2, json!({ "token": bot.authorization, "intents": 1, "properties": {} })).await;
    gateway.expect("READY").await;
}

#[tokio::test]
async fn trap_19_unavailable_tells_a_guild_of_the_start_from_one_joined() {
    let server = Server::start().await;
    let house = House::build(&server).await;
    let bot = house.bot(0).await;
    let mut gateway = bot.connect_with(json!({ "intents": 1 })).await;
    assert_eq!(gateway.expect("GUILD_CREATE").await["unavailable"], false);
    let (other, _) = house.mira.make_guild("Oak House").await;
    let link = format!("/oauth2/authorize?client_id={}&scope=bot", bot.id);
    house.mira.post(&link, json!({ "authorize": true, "guild_id": other })).await.ok();
    let joined = gateway.expect("GUILD_CREATE").await;
    assert!(joined["id"] == other && joined.get("unavailable").is_none());
}

#[tokio::test]
async fn trap_42_a_members_request_is_answered_even_where_nobody_matches() {
    let server = Server::start().await;
    let house = House::build(&server).await;
    let bot = house.bot(0).await;
    let mut gateway = listening(&bot).await;
    let ask = json!({ "guild_id": house.guild, "query": "nobodyiscalledthis", "limit": 5, "nonce": "n1" });
    gateway.send(8, ask).await;
    let chunk = gateway.expect("GUILD_MEMBERS_CHUNK").await;
    assert_eq!((&chunk["members"], &chunk["nonce"]), (&json!([]), &json!("n1")));
    assert_eq!((&chunk["chunk_index"], &chunk["chunk_count"]), (&json!(0), &json!(1)));
    let id: u64 = house.june.id.parse().unwrap();
    gateway.send(8, json!({ "guild_id": house.guild, "user_ids": [id, 175_928_847_299_117_063_u64] })).await;
    let chunk = gateway.expect("GUILD_MEMBERS_CHUNK").await;
    assert_eq!(chunk["members"][0]["user"]["id"], house.june.id);
    assert_eq!(chunk["not_found"], json!(["175928847299117063"]));
}

#[tokio::test]
async fn trap_45_a_dm_leaves_its_viewer_out_and_a_bot_s_is_kept() {
    let server = Server::start().await;
    let house = House::build(&server).await;
    let bot = house.bot(0).await;
    let body = json!({ "recipient_id": house.june.id });
    let first = bot.post("/users/@me/channels", body.clone()).await.ok();
    assert_eq!(first["recipients"].as_array().unwrap().len(), 1);
    assert_eq!(first["recipients"][0]["id"], house.june.id);
    assert_eq!(bot.post("/users/@me/channels", body).await.ok()["id"], first["id"]);
}

#[tokio::test]
async fn trap_53_the_invisible_are_offline_everywhere_and_still_type() {
    let server = Server::start().await;
    let house = House::build(&server).await;
    let invisible =
        json!({ "presence": { "status": "invisible", "activities": [], "since": null, "afk": false } });
    let hidden = house.june.connect_with(invisible).await;
    let mut watching = house.mira.connect().await;
    let guild = watching.ready["guilds"].as_array().unwrap().iter().find(|one| one["id"] == house.guild);
    let presences = guild.unwrap()["presences"].as_array().unwrap();
    assert!(presences.iter().all(|one| one["user"]["id"] != house.june.id), "{presences:?}");
    house.june.post(&format!("/channels/{}/typing", house.channel), json!({})).await.ok();
    assert_eq!(watching.expect("TYPING_START").await["user_id"], house.june.id);
    drop(hidden);
}
