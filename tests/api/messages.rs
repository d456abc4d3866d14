//! Messages, reactions, pins and read marks, as clients send them and hear of them.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Person, Server};

fn id(value: &Value) -> &str {
    value["id"].as_str().unwrap()
}

/// Two people in a guild, and its first channel.
async fn two<'s>(server: &'s Server) -> (Person<'s>, Person<'s>, String) {
    let (mira, june) = (server.owner("mira").await, server.person("june").await);
    let (_, channel) = mira.make_guild("Maple House").await;
    mira.bring(&channel, &[&june]).await;
    (mira, june, channel)
}

#[tokio::test]
async fn a_message_reaches_both_with_its_nonce_for_its_author_alone() {
    let server = Server::start().await;
    let (mira, june, channel) = two(&server).await;
    let (mut hers, mut his) = (mira.connect().await, june.connect().await);
    let body = json!({ "content": " soup? ", "nonce": 12345, "flags": 4096 });
    let posted = mira.post(&format!("/channels/{channel}/messages"), body).await;
    assert_eq!(posted.status, 200);
    let posted = posted.ok();
    assert_eq!(
        (&posted["content"], &posted["nonce"], &posted["flags"]),
        (&json!("soup?"), &json!(12345), &json!(4096))
    );
    let (own, other) = (hers.expect("MESSAGE_CREATE").await, his.expect("MESSAGE_CREATE").await);
    assert_eq!((&own["id"], &own["nonce"]), (&posted["id"], &json!(12345)));
    assert_eq!((&other["id"], &other["nonce"]), (&posted["id"], &Value::Null));
    assert!(other["member"]["joined_at"].is_string() && other["member"].get("user").is_none());
    for key in ["embeds", "attachments", "components", "mentions", "mention_roles"] {
        assert_eq!(other[key], json!([]), "{key}");
    }
    assert!(other["edited_timestamp"].is_null() && other.get("message_reference").is_none());

    let path = format!("/channels/{channel}/messages/{}", id(&posted));
    june.patch(&path, json!({ "content": "no" })).await.refused(403, 50005);
    mira.patch(&path, json!({ "content": "stew" })).await.ok();
    let update = his.expect("MESSAGE_UPDATE").await;
    assert_eq!(
        (&update["content"], &update["type"], &update["tts"]),
        (&json!("stew"), &json!(0), &json!(false))
    );
    mira.delete(&path).await.ok();
    assert_eq!(his.expect("MESSAGE_DELETE").await["id"], posted["id"]);
    june.get(&path).await.refused(404, 10008);
}

#[tokio::test]
async fn a_repeat_of_an_enforced_nonce_is_the_first_message_and_silent() {
    let server = Server::start().await;
    let (mira, june, channel) = two(&server).await;
    let mut his = june.connect().await;
    let path = format!("/channels/{channel}/messages");
    let body = |text: &str| json!({ "content": text, "nonce": "a", "enforce_nonce": true });
    let first = mira.post(&path, body("one")).await.ok();
    let again = mira.post(&path, body("two")).await;
    assert_eq!(again.status, 200);
    assert_eq!(id(&again.ok()), id(&first));
    mira.say(&channel, "end").await;
    assert_eq!(his.expect("MESSAGE_CREATE").await["content"], "one");
    assert_eq!(his.expect("MESSAGE_CREATE").await["content"], "end");
}

#[tokio::test]
async fn every_fault_of_a_body_comes_at_once_and_slow_mode_is_no_bucket() {
    let server = Server::start().await;
    let (mira, june, channel) = two(&server).await;
    let path = format!("/channels/{channel}/messages");
    let bad = json!({
        "content": "x".repeat(4_001),
        "nonce": "n".repeat(26),
        "embeds": [{ "title": "t".repeat(257) }],
        "allowed_mentions": { "parse": ["users"], "users": ["1"] },
    });
    let faults = june.post(&path, bad).await.refused(400, 50035);
    for field in ["content", "nonce"] {
        assert!(faults["errors"][field]["_errors"][0]["code"].is_string(), "{faults}");
    }
    assert!(faults["errors"]["embeds"]["0"]["title"]["_errors"].is_array(), "{faults}");
    assert!(faults["errors"]["allowed_mentions"]["users"]["_errors"].is_array(), "{faults}");
    june.post(&path, json!({ "content": "\n \t" })).await.refused(400, 50006);
    mira.patch(&format!("/channels/{channel}"), json!({ "rate_limit_per_user": 60 })).await.ok();
    june.say(&channel, "first").await;
    let slowed = june.post(&path, json!({ "content": "second" })).await;
    assert!(slowed.headers.contains_key("retry-after") && slowed.headers.contains_key("via"));
    let slowed = slowed.refused(429, 20016);
    assert!(
        slowed["retry_after"].as_f64().is_some_and(|seconds| (1.0..=60.0).contains(&seconds)),
        "{slowed}"
    );
}

#[tokio::test]
async fn reactions_and_pins_come_by_all_their_routes() {
    let server = Server::start().await;
    let (mira, june, channel) = two(&server).await;
    let message = mira.say(&channel, "vote").await;
    let mut hers = mira.connect().await;
    let path = format!("/channels/{channel}/messages/{}", id(&message));
    june.put(&format!("{path}/reactions/%E2%9D%A4%EF%B8%8F/@me"), json!({})).await.ok();
    let told = hers.expect("MESSAGE_REACTION_ADD").await;
    assert_eq!(
        (&told["emoji"]["name"], &told["emoji"]["id"], &told["burst"]),
        (&json!("❤️"), &Value::Null, &json!(false))
    );
    june.put(&format!("{path}/reactions/❤/@me"), json!({})).await.ok();
    june.put(&format!("{path}/reactions/party:17/@me"), json!({})).await.refused(404, 10014);
    let users = mira.get(&format!("{path}/reactions/❤")).await.ok();
    assert_eq!((users.as_array().unwrap().len(), id(&users[0])), (1, june.id.as_str()));
    let shown = june.get(&path).await.ok();
    assert_eq!((&shown["reactions"][0]["count"], &shown["reactions"][0]["me"]), (&json!(1), &json!(true)));
    june.delete(&format!("{path}/reactions")).await.refused(403, 50013);
    mira.delete(&format!("{path}/reactions/❤/{}", june.id)).await.ok();
    hers.expect("MESSAGE_REACTION_REMOVE").await;

    june.put(&format!("/channels/{channel}/pins/{}", id(&message)), json!({})).await.refused(403, 50013);
    mira.call(Method::PUT, &format!("/channels/{channel}/messages/pins/{}", id(&message)), None).await.ok();
    assert_eq!(hers.expect("MESSAGE_UPDATE").await["pinned"], true);
    assert!(hers.expect("CHANNEL_PINS_UPDATE").await["last_pin_timestamp"].is_string());
    assert_eq!(hers.expect("MESSAGE_CREATE").await["type"], 6);
    let pins = june.get(&format!("/channels/{channel}/messages/pins")).await.ok();
    assert_eq!((&pins["has_more"], &pins["items"][0]["message"]["id"]), (&json!(false), &message["id"]));
    assert_eq!(june.get(&format!("/channels/{channel}/pins")).await.ok()[0]["id"], message["id"]);
    mira.delete(&format!("/channels/{channel}/pins/{}", id(&message))).await.ok();
    assert_eq!(june.get(&format!("/channels/{channel}/pins")).await.ok(), json!([]));
}

#[tokio::test]
async fn what_is_unread_is_counted_at_ready_and_an_ack_reaches_ones_other_sessions() {
    let server = Server::start().await;
    let (mira, june, channel) = two(&server).await;
    let first = mira.say(&channel, &format!("hi <@{}>", june.id)).await;
    mira.say(&channel, "@everyone").await;
    let unread = |ready: &Value| -> Value {
        let entries = ready["read_state"]["entries"].as_array().unwrap();
        entries.iter().find(|entry| entry["id"] == channel.as_str()).unwrap().clone()
    };
    let mut phone = june.connect().await;
    assert_eq!(unread(&phone.ready)["mention_count"], 2);
    assert_eq!(unread(&mira.connect().await.ready)["mention_count"], 0);
    let acked = june
        .post(&format!("/channels/{channel}/messages/{}/ack", id(&first)), json!({ "token": null }))
        .await;
    assert_eq!(acked.ok(), json!({ "token": null }));
    let told = phone.expect("MESSAGE_ACK").await;
    assert_eq!((&told["message_id"], &told["mention_count"]), (&first["id"], &json!(1)));
    assert_eq!(unread(&june.connect().await.ready)["last_message_id"], first["id"]);
    let inbox = june.get("/users/@me/mentions?limit=1").await.ok();
    assert_eq!(inbox[0]["content"], "@everyone");
    june.delete(&format!("/users/@me/mentions/{}", id(&inbox[0]))).await.ok();
    assert_eq!(june.get("/users/@me/mentions").await.ok()[0]["id"], first["id"]);
    phone.expect("RECENT_MENTION_DELETE").await;

    drop(phone);
    june.say(&channel, "read by its author").await;
    let (account, authorization) = (june.id.clone(), june.authorization.clone());
    let server = server.restart().await;
    let june = server.known(&account, &authorization);
    assert_eq!(unread(&june.connect().await.ready)["mention_count"], 0, "marks are written before the end");
}

#[tokio::test]
async fn history_is_empty_without_its_right_and_typing_is_told() {
    let server = Server::start().await;
    let (mira, june, channel) = two(&server).await;
    let message = mira.say(&channel, "hello").await;
    let mut hers = mira.connect().await;
    june.post(&format!("/channels/{channel}/typing"), json!({})).await.ok();
    let typing = hers.expect("TYPING_START").await;
    assert_eq!(
        (typing["user_id"].as_str(), &typing["member"]["user"]["id"]),
        (Some(june.id.as_str()), &json!(june.id))
    );
    let guild = typing["guild_id"].as_str().unwrap();
    let deny = json!({ "type": 0, "deny": (1u64 << 16).to_string() });
    mira.put(&format!("/channels/{channel}/permissions/{guild}"), deny).await.ok();
    assert_eq!(june.get(&format!("/channels/{channel}/messages")).await.ok(), json!([]));
    june.get(&format!("/channels/{channel}/messages/{}", id(&message))).await.refused(403, 50013);
    june.get(&format!("/channels/{channel}/messages?limit=0")).await.refused(400, 50035);
    assert_eq!(mira.get(&format!("/channels/{channel}/messages?limit=1")).await.ok()[0]["id"], message["id"]);
}
