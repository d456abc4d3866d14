//! The traps of API.md §7 that belong to voice, each under its number.

use serde_json::json;

use super::bot::Jukebox;
use super::caller::{Caller, Line, join};
use super::gather;
use crate::support::Server;

#[tokio::test]
async fn trap_13_the_state_comes_before_the_server() {
    let server = Server::start().await;
    let (mira, bob) = (server.person("mira").await, server.person("bob").await);
    let (guild, _, voice) = gather(&[&mira, &bob]).await;
    let mut gateway = mira.connect().await;
    let d = json!({ "guild_id": guild, "channel_id": voice, "self_mute": false, "self_deaf": false });
    // The second time is a rejoin: libraries wait for both again.
    for _ in 0..2 {
        gateway.send(4, d.clone()).await;
        let before = gateway.names_until("VOICE_SERVER_UPDATE").await;
        assert!(before.iter().any(|name| name == "VOICE_STATE_UPDATE"), "{before:?}");
    }
}

#[tokio::test]
async fn trap_14_the_description_of_a_session_names_its_dave_version() {
    let server = Server::start().await;
    let (mira, bob) = (server.person("mira").await, server.person("bob").await);
    let (guild, _, voice) = gather(&[&mira, &bob]).await;
    let bot = mira.make_bot("jukebox").await;
    let jukebox = Jukebox::call(&mira, &bot, &guild, &voice).await;
    assert_eq!(jukebox.session["dave_protocol_version"], 0);
    assert_eq!(jukebox.session["secret_key"].as_array().unwrap().len(), 32);
    for key in ["mode", "audio_codec", "video_codec", "media_session_id"] {
        assert!(jukebox.session[key].is_string(), "{key}: {}", jukebox.session);
    }
}

#[tokio::test]
async fn trap_54_sound_may_come_before_speaking_and_the_address_is_ipv4() {
    let server = Server::start().await;
    let (mira, bob) = (server.person("mira").await, server.person("bob").await);
    let (guild, _, voice) = gather(&[&mira, &bob]).await;
    let bot = mira.make_bot("jukebox").await;
    let mut a = Caller::call(&mira, &guild, &voice).await;
    let mut jukebox = Jukebox::call(&mira, &bot, &guild, &voice).await;
    jukebox.ready["ip"].as_str().unwrap().parse::<std::net::Ipv4Addr>().unwrap();
    for seq in 0..2 {
        jukebox.play(seq).await;
    }
    jukebox.speak().await;
    let slot = a.slot_of(&bot.id).await;
    a.speaking_of(&bot.id).await;
    let heard = a.heard(&slot);
    for seq in 2..12 {
        jukebox.play(seq).await;
    }
    a.until(|seen| seen.packets.get(&slot).copied().unwrap_or(0) >= heard + 10).await;
    jukebox.line.say(3, json!({ "t": 1, "seq_ack": 0 })).await;
    assert_eq!(jukebox.line.expect(6).await["t"], 1, "still connected");
}

#[tokio::test]
async fn trap_55_every_heartbeat_is_acknowledged_at_once_however_often_it_comes() {
    let server = Server::start().await;
    let (mira, bob) = (server.person("mira").await, server.person("bob").await);
    let (guild, _, voice) = gather(&[&mira, &bob]).await;
    let mut gateway = mira.connect().await;
    let ticket = join(&mut gateway, &mira.id, &guild, &voice).await;
    let mut line = Line::open(&ticket.endpoint).await;
    line.say(3, json!({ "t": 1, "seq_ack": -1 })).await;
    assert_eq!(line.expect(6).await, json!({ "t": 1 }), "before Identify too");
    line.identify(&ticket).await;
    for beat in 2..8 {
        line.say(3, json!({ "t": beat, "seq_ack": line.seq })).await;
        assert_eq!(line.expect(6).await, json!({ "t": beat }));
    }
}
