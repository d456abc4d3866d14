//! Traps of messages: order, mentions, edits, nonces, deletions, pins, reactions.

use serde_json::{Value, json};

use super::{House, text};
use crate::support::Server;

#[tokio::test]
async fn trap_23_a_page_after_a_message_is_newest_first_too() {
    let server = Server::start().await;
    let house = House::build(&server).await;
    let mut ids = Vec::new();
    for n in 0..5 {
        ids.push(text(&house.mira.say(&house.channel, &n.to_string()).await["id"]));
    }
    let page = house.mira.get(&format!("{}?after={}&limit=2", house.messages(), ids[0])).await.ok();
    let got: Vec<&str> = page.as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert_eq!(got, [ids[2].as_str(), ids[1].as_str()], "the page just after, newest first");
}

#[tokio::test]
async fn trap_25_equal_emoji_meet_however_they_are_written_and_custom_ones_are_unknown_here() {
    let server = Server::start().await;
    let house = House::build(&server).await;
    let message = text(&house.mira.say(&house.channel, "soup").await["id"]);
    let path = |emoji: &str| format!("{}/{message}/reactions/{emoji}/@me", house.messages());
    // A heart with and without U+FE0F.
    house.mira.put(&path("%E2%9D%A4"), json!({})).await.ok();
    house.june.put(&path("%E2%9D%A4%EF%B8%8F"), json!({})).await.ok();
    let shown = house.mira.get(&format!("{}/{message}", house.messages())).await.ok();
    let reactions = shown["reactions"].as_array().unwrap();
    assert_eq!((reactions.len(), &reactions[0]["count"]), (1, &json!(2)));
    assert_eq!(reactions[0]["emoji"]["name"], "\u{2764}", "as it was first given");
    for unknown in ["a:dance:175928847299117063", "dance%3A175928847299117063"] {
        house.mira.put(&path(unknown), json!({})).await.refused(404, 10014);
    }
}

#[tokio::test]
async fn trap_27_an_empty_allowed_mentions_pings_nobody_and_none_pings_all() {
    let server = Server::start().await;
    let house = House::build(&server).await;
    let post = async |more: Value| {
        let mut body = json!({ "content": format!("@everyone <@{}>", house.june.id) });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        house.mira.post(&house.messages(), body).await
    };
    let all = post(json!({})).await.ok();
    assert_eq!((&all["mention_everyone"], all["mentions"].as_array().unwrap().len()), (&json!(true), 1));
    let none = post(json!({ "allowed_mentions": {} })).await.ok();
    assert_eq!((&none["mention_everyone"], &none["mentions"]), (&json!(false), &json!([])));
    let said = house.june.say(&house.channel, "who cooks?").await;
    let reply = json!({ "content": "I", "message_reference": { "message_id": said["id"] } });
    let pinged = house.mira.post(&house.messages(), reply.clone()).await.ok();
    assert_eq!(pinged["mentions"][0]["id"], house.june.id);
    let mut quiet = reply;
    quiet["allowed_mentions"] = json!({ "parse": ["users"] });
    assert_eq!(house.mira.post(&house.messages(), quiet).await.ok()["mentions"], json!([]));
    let both = json!({ "allowed_mentions": { "parse": ["users"], "users": [house.june.id] } });
    post(both).await.refused(400, 50035);
}

#[tokio::test]
async fn trap_28_an_edit_reads_mentions_anew_and_notifies_nobody() {
    let server = Server::start().await;
    let house = House::build(&server).await;
    let message = text(&house.mira.say(&house.channel, "soup").await["id"]);
    let body = json!({ "content": format!("<@{}> soup", house.june.id) });
    let edited = house.mira.patch(&format!("{}/{message}", house.messages()), body).await.ok();
    assert_eq!(edited["mentions"][0]["id"], house.june.id);
    let ready = house.june.connect().await.ready;
    let entries = ready["read_state"]["entries"].as_array().unwrap();
    let entry = entries.iter().find(|entry| entry["id"] == house.channel).unwrap();
    assert_eq!(entry["mention_count"], 0);
    assert_eq!(house.june.get("/users/@me/mentions").await.ok(), json!([]));
}

#[tokio::test]
async fn trap_30_an_update_is_the_whole_message() {
    let server = Server::start().await;
    let house = House::build(&server).await;
    let message = house.mira.say(&house.channel, "soup").await;
    let mut miras = house.mira.connect().await;
    let path = format!("{}/{}", house.messages(), text(&message["id"]));
    house.mira.patch(&path, json!({ "flags": 4 })).await.ok();
    let update = miras.expect("MESSAGE_UPDATE").await;
    for key in
        ["id", "channel_id", "guild_id", "author", "content", "timestamp", "type", "embeds", "mentions"]
    {
        assert!(update.get(key).is_some(), "{key}: {update}");
    }
    assert_eq!((&update["tts"], &update["edited_timestamp"]), (&json!(false), &Value::Null));
}

#[tokio::test]
async fn trap_31_one_message_too_old_keeps_all_and_unknown_ones_do_no_harm() {
    let server = Server::start().await;
    let house = House::build(&server).await;
    let mut ids = Vec::new();
    for n in 0..2 {
        ids.push(text(&house.mira.say(&house.channel, &n.to_string()).await["id"]));
    }
    let bulk = format!("{}/bulk-delete", house.messages());
    // An id of 2015: too old whether it is there or not.
    let old = json!({ "messages": [ids[0], ids[1], "100000000000"] });
    house.mira.post(&bulk, old).await.refused(400, 50034);
    assert_eq!(house.mira.get(&house.messages()).await.ok().as_array().unwrap()[0]["id"], ids[1]);
    let unknown = (ids[1].parse::<u64>().unwrap() + 1).to_string();
    house.mira.post(&bulk, json!({ "messages": [ids[0], ids[1], unknown] })).await.ok();
    house.mira.get(&format!("{}/{}", house.messages(), ids[1])).await.refused(404, 10008);
    house.mira.post(&bulk, json!({ "messages": [ids[0]] })).await.refused(400, 50016);
}

#[tokio::test]
async fn trap_38_a_nonce_that_is_enforced_answers_the_first_message() {
    let server = Server::start().await;
    let house = House::build(&server).await;
    let bot = house.bot(1 << 10 | 1 << 11).await;
    let body = json!({ "content": "once", "nonce": 7, "enforce_nonce": true });
    let first = bot.post(&house.messages(), body.clone()).await;
    assert_eq!((first.status.as_u16(), &first.body["nonce"]), (200, &json!(7)), "{}", first.body);
    let again = bot.post(&house.messages(), body).await;
    assert_eq!((again.status.as_u16(), &again.body["id"]), (200, &first.body["id"]));
    let page = house.mira.get(&house.messages()).await.ok();
    assert_eq!(page.as_array().unwrap().iter().filter(|one| one["content"] == "once").count(), 1);
}

#[tokio::test]
async fn trap_39_pins_are_under_both_addresses_and_have_a_right_of_their_own() {
    let server = Server::start().await;
    let house = House::build(&server).await;
    // MANAGE_MESSAGES does not pin.
    house.role(&house.june, 1 << 13).await;
    let ids = [
        text(&house.mira.say(&house.channel, "one").await["id"]),
        text(&house.mira.say(&house.channel, "two").await["id"]),
    ];
    let new = format!("{}/pins/{}", house.messages(), ids[0]);
    let old = format!("/channels/{}/pins/{}", house.channel, ids[1]);
    house.june.put(&new, json!({})).await.refused(403, 50013);
    house.role(&house.june, 1 << 51).await;
    house.june.put(&new, json!({})).await.ok();
    house.june.put(&old, json!({})).await.ok();
    let page = house.june.get(&format!("{}/pins", house.messages())).await.ok();
    assert_eq!((page["items"].as_array().unwrap().len(), &page["has_more"]), (2, &json!(false)));
    assert!(page["items"][0]["pinned_at"].is_string() && page["items"][0]["message"]["pinned"] == true);
    let legacy = house.june.get(&format!("/channels/{}/pins", house.channel)).await.ok();
    assert_eq!(legacy.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn trap_51_slow_mode_is_a_429_of_its_own_and_empties_no_bucket() {
    let server = Server::start_with(|config| config.limits.routes = true).await;
    let house = House::build(&server).await;
    let slow = json!({ "rate_limit_per_user": 600 });
    house.mira.patch(&format!("/channels/{}", house.channel), slow).await.ok();
    house.june.say(&house.channel, "one").await;
    let refused = house.june.post(&house.messages(), json!({ "content": "two" })).await;
    let remaining =
        refused.headers.get("x-ratelimit-remaining").map(|left| left.to_str().unwrap().to_owned());
    assert_ne!(remaining.as_deref(), Some("0"), "the bucket is not exhausted");
    let body = refused.refused(429, 20016);
    assert!(body["retry_after"].as_f64().unwrap() > 1.0);
    house.mira.say(&house.channel, "who may manage messages waits not").await;
}

#[tokio::test]
async fn trap_52_blanks_are_empty_and_length_counts_code_points() {
    let server = Server::start().await;
    let house = House::build(&server).await;
    let post = async |content: &str| house.june.post(&house.messages(), json!({ "content": content })).await;
    for blank in ["", "   ", "\n\t\u{3000}"] {
        post(blank).await.refused(400, 50006);
    }
    post(&"😀".repeat(2_000)).await.ok();
    post(&"😀".repeat(2_001)).await.refused(400, 50035);
}
