//! Traps of HTTP: types, headers, shapes of ids and times.

use base64::Engine as _;
use reqwest::Method;
use serde_json::{Value, json};

use super::{House, text};
use crate::support::Server;

#[tokio::test]
async fn trap_01_json_is_said_without_a_charset() {
    let server = Server::start().await;
    let answer = server.call(Method::GET, "/gateway", None).await;
    assert_eq!(answer.headers["content-type"], "application/json");
    let refused = server.call(Method::GET, "/users/@me", None).await;
    assert_eq!(refused.headers["content-type"], "application/json");
}

#[tokio::test]
async fn trap_02_a_429_carries_via_and_says_when_to_come_again() {
    let server = Server::start_with(|config| config.limits.routes = true).await;
    let house = House::build(&server).await;
    let mut last = None;
    for n in 0..8 {
        let answer = house.june.post(&house.messages(), json!({ "content": n.to_string() })).await;
        assert_eq!(answer.headers["via"], "1.1 hearth");
        if answer.status == 429 {
            last = Some(answer);
            break;
        }
    }
    let limited = last.expect("five in five seconds are let through");
    assert!(limited.headers.contains_key("retry-after"));
    assert!(limited.body["retry_after"].is_number() && limited.body["code"] == 0);
}

#[tokio::test]
async fn trap_03_a_bot_without_the_right_is_told_403_and_never_401() {
    let server = Server::start().await;
    let house = House::build(&server).await;
    let bot = house.bot(0).await;
    house.everyone(1 << 10).await;
    bot.post(&house.messages(), json!({ "content": "x" })).await.refused(403, 50013);
    bot.get(&format!("/guilds/{}/bans", house.guild)).await.refused(403, 50013);
    bot.get("/guilds/175928847299117063/channels").await.refused(403, 50001);
    bot.get("/users/@me/settings").await.refused(403, 20001);
    bot.get("/users/@me").await.ok();
}

#[tokio::test]
async fn trap_07_snowflakes_come_in_as_integers_and_go_out_as_strings() {
    let server = Server::start().await;
    let house = House::build(&server).await;
    let id: u64 = house.june.id.parse().unwrap();
    let dm = house.mira.post("/users/@me/channels", json!({ "recipient_id": id })).await.ok();
    assert!(dm["id"].is_string() && dm["recipients"][0]["id"] == house.june.id);
    let first = house.mira.say(&house.channel, "one").await;
    let number: u64 = text(&first["id"]).parse().unwrap();
    let reply = json!({ "content": "two", "message_reference": { "message_id": number } });
    let reply = house.mira.post(&house.messages(), reply).await.ok();
    assert_eq!(reply["message_reference"]["message_id"], first["id"]);
}

#[tokio::test]
async fn trap_08_the_first_part_of_a_bot_s_token_is_its_id() {
    let server = Server::start().await;
    let mira = server.owner("mira").await;
    let bot = mira.make_bot("Ladle").await;
    let token = bot.authorization.strip_prefix("Bot ").unwrap();
    let parts: Vec<&str> = token.split('.').collect();
    assert_eq!(parts.len(), 3);
    let id = base64::engine::general_purpose::STANDARD_NO_PAD.decode(parts[0]).unwrap();
    assert_eq!(String::from_utf8(id).unwrap(), bot.id);
}

#[tokio::test]
async fn trap_12_what_is_optional_is_left_out_and_never_null() {
    let server = Server::start().await;
    let house = House::build(&server).await;
    let bot = house.bot(0).await;
    let message = house.mira.say(&house.channel, "hello").await;
    for key in ["message_reference", "thread", "activity", "application", "interaction", "poll", "call"] {
        assert!(message.get(key).is_none(), "{key}: {message}");
    }
    for key in ["components", "embeds", "attachments", "mentions", "mention_roles"] {
        assert_eq!(message[key], json!([]), "{key}");
    }
    let own = bot.get("/applications/@me").await.ok();
    assert!(own.get("install_params").is_none_or(Value::is_object), "{own}");
    for role in house.mira.get(&format!("/guilds/{}/roles", house.guild)).await.ok().as_array().unwrap() {
        assert!(role.get("tags").is_none_or(Value::is_object), "{role}");
    }
}

#[tokio::test]
async fn trap_20_times_have_six_digits_or_none_and_an_offset() {
    let server = Server::start().await;
    let house = House::build(&server).await;
    let message = house.mira.say(&house.channel, "hello").await;
    let member = house.mira.get(&format!("/guilds/{}/members/{}", house.guild, house.june.id)).await.ok();
    for time in [text(&message["timestamp"]), text(&member["joined_at"])] {
        let (head, zone) = time.split_at(time.len() - 6);
        assert_eq!(zone, "+00:00", "{time}");
        let fraction = head.split_once('.').map_or(6, |(_, digits)| digits.len());
        assert_eq!(fraction, 6, "{time}");
    }
}

#[tokio::test]
async fn trap_21_hashes_of_pictures_are_32_hex_digits() {
    const PIXEL: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
    let server = Server::start().await;
    let mira = server.owner("mira").await;
    let own = mira.patch("/users/@me", json!({ "avatar": PIXEL })).await.ok();
    let hash = text(&own["avatar"]);
    assert!(hash.len() == 32 && hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')), "{hash}");
}

#[tokio::test]
async fn trap_24_members_are_listed_one_at_a_time_unless_more_are_asked_for() {
    let server = Server::start().await;
    let house = House::build(&server).await;
    let bot = house.bot(0).await;
    house.mira.patch(&format!("/applications/{}", bot.id), json!({ "flags": 1 << 15 })).await.ok();
    let members = format!("/guilds/{}/members", house.guild);
    assert_eq!(bot.get(&members).await.ok().as_array().unwrap().len(), 1);
    assert_eq!(bot.get(&format!("{members}?limit=10")).await.ok().as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn trap_43_a_bucket_is_named_alike_for_all_channels_and_holds_no_id() {
    let server = Server::start_with(|config| config.limits.routes = true).await;
    let house = House::build(&server).await;
    let path = format!("/guilds/{}/channels", house.guild);
    let other = text(&house.mira.post(&path, json!({ "name": "other" })).await.ok()["id"]);
    let mut names = Vec::new();
    for channel in [&house.channel, &other] {
        let answer =
            house.mira.post(&format!("/channels/{channel}/messages"), json!({ "content": "x" })).await;
        let name = answer.headers["x-ratelimit-bucket"].to_str().unwrap().to_owned();
        assert!(!name.contains(channel.as_str()));
        assert_eq!(answer.headers["x-ratelimit-remaining"], "4", "each channel has its own count");
        names.push(name);
    }
    assert_eq!(names[0], names[1]);
}

#[tokio::test]
async fn trap_44_a_reason_is_percent_encoded_utf_8() {
    let server = Server::start().await;
    let house = House::build(&server).await;
    let path = format!("/guilds/{}/roles", house.guild);
    let headers =
        [("authorization", house.mira.authorization.as_str()), ("x-audit-log-reason", "f%C3%BCr%20alle")];
    server.call_with(Method::POST, &path, Some(json!({ "name": "Bakers" })), &headers).await.ok();
    let log = house.mira.get(&format!("/guilds/{}/audit-logs?action_type=30", house.guild)).await.ok();
    assert_eq!(log["audit_log_entries"][0]["reason"], "für alle");
    let long = "x".repeat(513);
    let headers = [("authorization", house.mira.authorization.as_str()), ("x-audit-log-reason", &long)];
    server.call_with(Method::POST, &path, Some(json!({ "name": "x" })), &headers).await.refused(400, 50035);
}

#[tokio::test]
async fn trap_46_the_application_has_every_key_that_a_login_reads() {
    let server = Server::start().await;
    let mira = server.owner("mira").await;
    let bot = mira.make_bot("Ladle").await;
    let own = bot.get("/oauth2/applications/@me").await.ok();
    assert!(own["bot_public"].is_boolean() && own["bot_require_code_grant"].is_boolean());
    assert!(own["owner"]["id"].is_string());
    assert_eq!(text(&own["verify_key"]).len(), 64);
}

#[tokio::test]
async fn trap_48_the_gateway_s_address_stays_the_same_and_has_no_path() {
    let server = Server::start().await;
    let mira = server.owner("mira").await;
    let bot = mira.make_bot("Ladle").await;
    let first = bot.get("/gateway/bot").await.ok();
    let second = bot.get("/gateway/bot").await.ok();
    assert_eq!(first["url"], second["url"]);
    assert_eq!(text(&first["url"]), server.origin.replace("http://", "ws://"));
    assert_eq!(first["shards"], 1);
    assert!(first["session_start_limit"]["remaining"].as_u64().unwrap() > 0);
}
