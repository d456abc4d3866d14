//! Soundboards and what voice channels say of themselves: made, managed and played, told to whom, and by whom not.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::support::{Gateway, Person, Server};
use crate::voice::{gather, join};

const EVERYDAY: u64 = 1 << 10 | 1 << 11 | 1 << 20 | 1 << 21;
const USE_SOUNDBOARD: u64 = 1 << 42;
const USE_EXTERNAL_SOUNDS: u64 = 1 << 45;

/// An MP3 of so many frames of 26 ms, without anything to hear.
fn mp3(frames: usize) -> Vec<u8> {
    let mut frame = vec![0xff, 0xfb, 0x90, 0];
    frame.resize(417, 0);
    frame.repeat(frames)
}

fn sound(bytes: &[u8]) -> String {
    format!("data:audio/mp3;base64,{}", STANDARD.encode(bytes))
}

async fn make(person: &Person<'_>, guild: &str, name: &str) -> Value {
    let body = json!({ "name": name, "sound": sound(&mp3(40)), "volume": 0.5, "emoji_name": "🔔" });
    let made = person.post(&format!("/guilds/{guild}/soundboard-sounds"), body).await;
    assert_eq!(made.status, 201, "{}", made.body);
    made.body
}

fn id(sound: &Value) -> &str {
    sound["sound_id"].as_str().unwrap()
}

async fn set_everyone(owner: &Person<'_>, guild: &str, bits: u64) {
    let body = json!({ "permissions": bits.to_string() });
    owner.patch(&format!("/guilds/{guild}/roles/{guild}"), body).await.ok();
}

/// Joins a voice channel and hears nothing more of that.
async fn enter(person: &Person<'_>, guild: &str, channel: &str) -> Gateway {
    let mut gateway = person.connect().await;
    join(&mut gateway, &person.id, guild, channel).await;
    gateway
}

#[tokio::test]
async fn sounds_are_made_shown_changed_and_deleted_before_everybodys_ears() {
    let server = Server::start().await;
    let (mira, june) = (server.owner("mira").await, server.person("june").await);
    let (guild, _, _) = gather(&[&mira, &june]).await;
    let mut his = june.connect().await;
    let bell = make(&mira, &guild, "bell").await;
    assert_eq!(
        (&bell["volume"], &bell["emoji_name"], &bell["emoji_id"]),
        (&json!(0.5), &json!("🔔"), &Value::Null)
    );
    assert_eq!((&bell["available"], &bell["user"]["username"]), (&json!(true), &json!("mira")));
    let told = his.expect("GUILD_SOUNDBOARD_SOUND_CREATE").await;
    assert_eq!((&told["sound_id"], &told["guild_id"]), (&bell["sound_id"], &json!(guild)));

    let file = server.fetch(&format!("{}/cdn/soundboard-sounds/{}", server.origin, id(&bell)), &[]).await;
    assert_eq!((file.header("content-type"), &file.bytes), ("audio/mpeg", &mp3(40)));
    let path = format!("/guilds/{guild}/soundboard-sounds");
    assert_eq!(mira.get(&path).await.ok()["items"][0]["user"]["id"], mira.id);
    assert_eq!(june.get(&path).await.ok()["items"][0]["name"], "bell");
    his.send(31, json!({ "guild_ids": [guild, "7"] })).await;
    let board = his.expect("SOUNDBOARD_SOUNDS").await;
    assert_eq!((&board["guild_id"], &board["soundboard_sounds"][0]["name"]), (&json!(guild), &json!("bell")));

    let one = format!("{path}/{}", id(&bell));
    let edited = mira.patch(&one, json!({ "name": "gong", "volume": 1, "emoji_name": null })).await.ok();
    assert_eq!(
        (&edited["name"], &edited["volume"], &edited["emoji_name"]),
        (&json!("gong"), &json!(1.0), &Value::Null)
    );
    assert_eq!(his.expect("GUILD_SOUNDBOARD_SOUND_UPDATE").await["name"], "gong");
    mira.delete(&one).await.ok();
    assert_eq!(his.expect("GUILD_SOUNDBOARD_SOUND_DELETE").await["sound_id"], bell["sound_id"]);
    mira.get(&one).await.refused(404, 10_097);
    let log = mira.get(&format!("/guilds/{guild}/audit-logs")).await.ok();
    let acts: Vec<u64> = log["audit_log_entries"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|entry| entry["action_type"].as_u64())
        .collect();
    assert_eq!(acts[..3], [132, 131, 130]);
}

#[tokio::test]
async fn what_is_no_short_sound_is_refused() {
    let server = Server::start().await;
    let (mira, june) = (server.owner("mira").await, server.person("june").await);
    let (guild, _, _) = gather(&[&mira, &june]).await;
    let path = format!("/guilds/{guild}/soundboard-sounds");
    let body = |bytes: &[u8]| json!({ "name": "long", "sound": sound(bytes) });
    mira.post(&path, body(&mp3(199))).await.ok();
    for bytes in [mp3(200), b"not a sound".to_vec(), mp3(1), vec![0xff; 513 << 10]] {
        let refused = mira.post(&path, body(&bytes)).await.refused(400, 50_035);
        assert!(refused["errors"]["sound"].is_object(), "{refused}");
    }
    mira.post(&path, json!({ "name": "x", "sound": "data:image/png;base64,AAAA" }))
        .await
        .refused(400, 50_035);
    mira.post(&path, json!({ "name": "two", "sound": sound(&mp3(9)), "emoji_name": "x" }))
        .await
        .refused(400, 50_035);
    mira.post(&path, json!({ "name": "two", "sound": sound(&mp3(9)), "emoji_id": "7" }))
        .await
        .refused(404, 10_014);
    set_everyone(&mira, &guild, EVERYDAY).await;
    june.post(&path, json!({})).await.refused(403, 50_013);
    for n in 1..48 {
        make(&mira, &guild, &format!("bell {n}")).await;
    }
    let body = json!({ "name": "one more", "sound": sound(&mp3(9)) });
    mira.post(&path, body).await.refused(400, 30_045);
}

#[tokio::test]
async fn a_sound_is_played_to_those_in_the_room_and_by_those_alone() {
    let server = Server::start().await;
    let (mira, june, omar) =
        (server.owner("mira").await, server.person("june").await, server.person("omar").await);
    let (guild, text, voice) = gather(&[&mira, &june, &omar]).await;
    set_everyone(&mira, &guild, EVERYDAY | USE_SOUNDBOARD).await;
    let bell = make(&mira, &guild, "bell").await;
    let path = format!("/channels/{voice}/send-soundboard-sound");
    june.post(&path, json!({ "sound_id": bell["sound_id"] })).await.refused(400, 40_032);
    let mut hers = enter(&mira, &guild, &voice).await;
    let mut his = enter(&june, &guild, &voice).await;
    let mut outside = omar.connect().await;
    june.post(&path, json!({ "sound_id": bell["sound_id"] })).await.ok();
    for gateway in [&mut hers, &mut his] {
        let played = gateway.expect("VOICE_CHANNEL_EFFECT_SEND").await;
        assert_eq!((&played["user_id"], &played["channel_id"]), (&json!(june.id), &json!(voice)));
        assert_eq!((&played["sound_id"], &played["sound_volume"]), (&bell["sound_id"], &json!(0.5)));
        assert_eq!(played["emoji"], json!({ "id": null, "name": "🔔" }));
    }

    // Those that everybody has are played everywhere, those of other guilds by who may bring them.
    let defaults = june.get("/soundboard-default-sounds").await.ok();
    assert!(defaults.as_array().unwrap().len() >= 4 && defaults[0].get("guild_id").is_none());
    let file =
        server.fetch(&format!("{}/cdn/soundboard-sounds/{}", server.origin, id(&defaults[0])), &[]).await;
    assert_eq!(file.header("content-type"), "audio/ogg");
    june.post(&path, json!({ "sound_id": defaults[0]["sound_id"] })).await.ok();
    assert_eq!(hers.expect("VOICE_CHANNEL_EFFECT_SEND").await["sound_id"], defaults[0]["sound_id"]);
    let (elsewhere, _) = june.make_guild("Elsewhere").await;
    let horn = make(&june, &elsewhere, "horn").await;
    let bring = json!({ "sound_id": horn["sound_id"], "source_guild_id": elsewhere });
    june.post(&path, bring.clone()).await.refused(403, 50_013);
    set_everyone(&mira, &guild, EVERYDAY | USE_SOUNDBOARD | USE_EXTERNAL_SOUNDS).await;
    june.post(&path, bring.clone()).await.ok();
    mira.post(&path, bring).await.refused(404, 10_097);
    june.post(&path, json!({ "sound_id": "99" })).await.refused(404, 10_097);
    let in_text = format!("/channels/{text}/send-soundboard-sound");
    june.post(&in_text, json!({ "sound_id": "1" })).await.refused(400, 50_024);

    mira.patch(&format!("/guilds/{guild}/members/{}", june.id), json!({ "mute": true })).await.ok();
    june.post(&path, json!({ "sound_id": "1" })).await.refused(400, 40_032);
    set_everyone(&mira, &guild, EVERYDAY).await;
    june.post(&path, json!({ "sound_id": "1" })).await.refused(403, 50_013);
    mira.say(&text, "the end").await;
    let before = outside.names_until("MESSAGE_CREATE").await;
    assert!(!before.iter().any(|name| name == "VOICE_CHANNEL_EFFECT_SEND"), "{before:?}");
}

#[tokio::test]
async fn a_room_says_what_it_is_about_until_the_last_leaves() {
    let server = Server::start().await;
    let (mira, june) = (server.owner("mira").await, server.person("june").await);
    let (guild, _, voice) = gather(&[&mira, &june]).await;
    let path = format!("/channels/{voice}/voice-status");
    june.put(&path, json!({ "status": "tea" })).await.refused(403, 50_013);
    let mut hers = mira.connect().await;
    let mut his = enter(&june, &guild, &voice).await;
    let began = hers.expect("VOICE_CHANNEL_START_TIME_UPDATE").await;
    assert_eq!(began["id"], voice);
    assert!(began["voice_start_time"].as_u64().unwrap() > 1_600_000_000);
    june.put(&path, json!({ "status": "tea and cake" })).await.ok();
    let told = hers.expect("VOICE_CHANNEL_STATUS_UPDATE").await;
    assert_eq!(told, json!({ "id": voice, "guild_id": guild, "status": "tea and cake" }));
    june.put(&path, json!({ "status": "x".repeat(501) })).await.refused(400, 50_035);

    hers.send(43, json!({ "guild_id": guild, "fields": ["status", "voice_start_time"] })).await;
    let info = hers.expect("CHANNEL_INFO").await;
    assert_eq!(
        info["channels"],
        json!([{ "id": voice, "status": "tea and cake", "voice_start_time": began["voice_start_time"] }])
    );
    his.send(4, json!({ "guild_id": guild, "channel_id": null })).await;
    assert_eq!(hers.expect("VOICE_CHANNEL_STATUS_UPDATE").await["status"], Value::Null);
    assert_eq!(hers.expect("VOICE_CHANNEL_START_TIME_UPDATE").await["voice_start_time"], Value::Null);
    // Who may manage the channel may say it from outside, and take it back.
    mira.put(&path, json!({ "status": "soon" })).await.ok();
    assert_eq!(his.expect("VOICE_CHANNEL_STATUS_UPDATE").await["status"], "tea and cake");
    mira.put(&path, json!({ "status": null })).await.ok();
    let log = mira.get(&format!("/guilds/{guild}/audit-logs?action_type=193")).await.ok();
    assert_eq!(log["audit_log_entries"][0]["target_id"], voice);
}
