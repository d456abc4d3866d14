//! Friends, requests, blocks, and what strangers may write.

use serde_json::{Value, json};

use crate::support::{Person, Server};

fn of<'a>(list: &'a Value, who: &Person<'_>) -> &'a Value {
    list.as_array().unwrap().iter().find(|one| one["id"] == who.id).unwrap_or(&Value::Null)
}

async fn bond(owner: &Person<'_>, other: &Person<'_>) -> Value {
    let list = owner.get("/users/@me/relationships").await.ok();
    of(&list, other)["type"].clone()
}

fn path(other: &Person<'_>) -> String {
    format!("/users/@me/relationships/{}", other.id)
}

#[tokio::test]
async fn a_request_by_name_is_seen_accepted_renamed_and_ended_by_both_sides() {
    let server = Server::start().await;
    let (june, otto) = (server.owner("june").await, server.person("otto").await);
    let (mut junes, mut ottos) = (june.connect().await, otto.connect().await);

    june.post("/users/@me/relationships", json!({ "username": "Otto", "discriminator": null })).await.ok();
    let mine = junes.expect("RELATIONSHIP_ADD").await;
    assert_eq!(
        (&mine["type"], &mine["id"], &mine["user"]["username"]),
        (&json!(4), &json!(otto.id), &json!("otto"))
    );
    assert!(mine.get("should_notify").is_none() && mine["nickname"].is_null());
    let theirs = ottos.expect("RELATIONSHIP_ADD").await;
    assert_eq!((&theirs["type"], &theirs["should_notify"]), (&json!(3), &json!(true)));
    assert_eq!(theirs["stranger_request"], true, "they share no guild and no friend");
    // A repeat changes nothing and tells nobody: the next event is the acceptance.
    june.put(&path(&otto), json!({})).await.ok();

    otto.put(&path(&june), json!({ "type": 1 })).await.ok();
    assert_eq!(ottos.expect("RELATIONSHIP_ADD").await["type"], 1);
    let accepted = junes.expect("RELATIONSHIP_ADD").await;
    assert_eq!((&accepted["type"], &accepted["should_notify"]), (&json!(1), &json!(true)));
    june.put(&path(&otto), json!({})).await.refused(400, 80007);

    june.patch(&path(&otto), json!({ "nickname": "Ottie" })).await.ok();
    assert_eq!(junes.expect("RELATIONSHIP_UPDATE").await["nickname"], "Ottie");
    let ready = june.connect().await.ready;
    assert_eq!(of(&ready["relationships"], &otto)["nickname"], "Ottie");
    assert_eq!(
        otto.get(&format!("/users/{}", june.id)).await.ok()["username"],
        "june",
        "friends see each other"
    );

    june.delete(&path(&otto)).await.ok();
    let gone = junes.expect("RELATIONSHIP_REMOVE").await;
    assert_eq!(
        (&gone["id"], &gone["type"], &gone["nickname"]),
        (&json!(otto.id), &json!(1), &json!("Ottie"))
    );
    assert_eq!(ottos.expect("RELATIONSHIP_REMOVE").await["id"], june.id);
    assert_eq!((bond(&june, &otto).await, bond(&otto, &june).await), (Value::Null, Value::Null));
    june.patch(&path(&otto), json!({ "nickname": "x" })).await.refused(404, 10013);
    otto.get(&format!("/users/{}", june.id)).await.refused(404, 10013);
}

#[tokio::test]
async fn what_can_not_be_asked_says_why() {
    let server = Server::start().await;
    let (june, otto) = (server.owner("june").await, server.person("otto").await);
    let bot = june.make_bot("Ladle").await;
    let ask = |name: &str| json!({ "username": name });
    june.post("/users/@me/relationships", ask("nobody")).await.refused(400, 80004);
    june.post("/users/@me/relationships", ask("june")).await.refused(400, 80003);
    june.put(&path(&bot), json!({})).await.refused(400, 80002);
    june.put("/users/@me/relationships/175928847299117063", json!({})).await.refused(404, 10013);
    june.put(&path(&otto), json!({})).await.refused(404, 10013);
    june.put(&path(&otto), json!({ "type": 0 })).await.refused(404, 10013);
    bot.get("/users/@me/relationships").await.refused(403, 20001);

    let closed =
        json!({ "friend_source_flags": { "all": false, "mutual_friends": true, "mutual_guilds": false } });
    otto.patch("/users/@me/settings", closed).await.ok();
    june.post("/users/@me/relationships", ask("otto")).await.refused(400, 80000);
    let (_, channel) = june.make_guild("Maple House").await;
    june.bring(&channel, &[&otto]).await;
    june.post("/users/@me/relationships", ask("otto")).await.refused(400, 80000);
    otto.patch("/users/@me/settings", json!({ "friend_source_flags": { "mutual_guilds": true } })).await.ok();
    june.post("/users/@me/relationships", ask("otto")).await.ok();
    june.put(&path(&otto), json!({ "type": 7 })).await.refused(400, 50035);

    otto.delete("/users/@me/relationships").await.ok();
    assert_eq!((bond(&june, &otto).await, bond(&otto, &june).await), (Value::Null, Value::Null));
}

#[tokio::test]
async fn friends_of_friends_are_told_and_may_ask() {
    let server = Server::start().await;
    let (june, otto, mira) =
        (server.owner("june").await, server.person("otto").await, server.person("mira").await);
    let (_, channel) = june.make_guild("Maple House").await;
    june.bring(&channel, &[&otto, &mira]).await;
    june.befriend(&otto).await;
    june.befriend(&mira).await;
    let profile =
        format!("/users/{}/profile?with_mutual_friends=true&with_mutual_friends_count=true", mira.id);
    let profile = otto.get(&profile).await.ok();
    assert_eq!(profile["mutual_friends_count"], 1);
    assert_eq!(profile["mutual_friends"][0]["username"], "june");
    let mutual = otto.get(&format!("/users/{}/relationships", mira.id)).await.ok();
    assert_eq!(mutual.as_array().unwrap().len(), 1);
    let plain = otto.get(&format!("/users/{}/profile", mira.id)).await.ok();
    assert!(plain.get("mutual_friends").is_none() && plain["mutual_guilds"].as_array().unwrap().len() == 1);
    let sources = json!({ "friend_source_flags": { "mutual_friends": true } });
    mira.patch("/users/@me/settings", sources).await.ok();
    otto.post("/users/@me/relationships", json!({ "username": "mira" })).await.ok();
    assert_eq!(of(&mira.get("/users/@me/relationships").await.ok(), &otto)["stranger_request"], false);
}

#[tokio::test]
async fn a_block_ends_a_friendship_and_closes_both_mouths() {
    let server = Server::start().await;
    let (june, otto) = (server.owner("june").await, server.person("otto").await);
    let (_, channel) = june.make_guild("Maple House").await;
    june.bring(&channel, &[&otto]).await;
    june.befriend(&otto).await;
    let dm = june.open_dm(&otto).await;
    june.say(&dm, "hello").await;
    otto.say(&dm, "hi").await;
    otto.say(&dm, "are you there?").await;
    let (mut junes, mut ottos) = (june.connect().await, otto.connect().await);

    june.put(&path(&otto), json!({ "type": 2 })).await.ok();
    assert_eq!(junes.expect("RELATIONSHIP_ADD").await["type"], 2);
    // Nothing but the end of the friendship is told.
    assert_eq!(ottos.expect("RELATIONSHIP_REMOVE").await["type"], 1);
    assert_eq!((bond(&june, &otto).await, bond(&otto, &june).await), (json!(2), Value::Null));
    for who in [&june, &otto] {
        let words = json!({ "content": "hm" });
        who.post(&format!("/channels/{dm}/messages"), words).await.refused(403, 50007);
    }
    otto.put(&path(&june), json!({})).await.refused(400, 80001);
    june.put(&path(&otto), json!({})).await.refused(400, 80001);

    let posted = june.say(&channel, "who is here?").await;
    let react = |id: &Value| {
        format!("/channels/{channel}/messages/{}/reactions/%F0%9F%94%A5/@me", id.as_str().unwrap())
    };
    otto.put(&react(&posted["id"]), json!({})).await.refused(403, 90001);
    let answer = otto.say(&channel, &format!("<@{}> me", june.id)).await;
    june.put(&react(&answer["id"]), json!({})).await.ok();

    let ready = june.connect().await.ready;
    let unread = of_channel(&ready["read_state"]["entries"], &dm);
    assert_eq!(unread["mention_count"], 0, "what the blocked wrote is no badge");
    assert_eq!(of_channel(&ready["read_state"]["entries"], &channel)["mention_count"], 0);

    june.delete(&path(&otto)).await.ok();
    assert_eq!(bond(&june, &otto).await, Value::Null);
    otto.say(&dm, "again").await;
}

fn of_channel<'a>(entries: &'a Value, channel: &str) -> &'a Value {
    entries.as_array().unwrap().iter().find(|entry| entry["id"] == channel).unwrap()
}

#[tokio::test]
async fn friends_hear_of_each_other_outside_of_guilds_until_they_part() {
    let server = Server::start().await;
    let (june, otto) = (server.owner("june").await, server.person("otto").await);
    june.post("/users/@me/relationships", json!({ "username": "otto" })).await.ok();
    otto.put(&path(&june), json!({})).await.ok();
    let mut junes = june.connect().await;
    let _first = otto.connect().await;
    let presence = junes.expect("PRESENCE_UPDATE").await;
    assert_eq!((&presence["user"]["id"], &presence["status"]), (&json!(otto.id), &json!("online")));
    assert!(presence.get("guild_id").is_none_or(Value::is_null));
    let second = otto.connect().await;
    let shown = of_user(&second.ready["presences"], &june);
    assert_eq!(shown["status"], "online");
    otto.delete(&path(&june)).await.ok();
    let presence = junes.expect("PRESENCE_UPDATE").await;
    assert_eq!((&presence["user"]["id"], &presence["status"]), (&json!(otto.id), &json!("offline")));
}

fn of_user<'a>(presences: &'a Value, who: &Person<'_>) -> &'a Value {
    presences.as_array().unwrap().iter().find(|one| one["user"]["id"] == who.id).unwrap()
}

#[tokio::test]
async fn a_stranger_s_first_word_is_a_request_until_it_is_answered() {
    let server = Server::start().await;
    let (june, otto) = (server.owner("june").await, server.person("otto").await);
    let (_, channel) = june.make_guild("Maple House").await;
    june.bring(&channel, &[&otto]).await;
    let (mut junes, mut ottos) = (june.connect().await, otto.connect().await);
    let dm = otto.open_dm(&june).await;
    otto.say(&dm, "psst").await;

    let asked = junes.expect("CHANNEL_CREATE").await;
    assert_eq!((&asked["id"], &asked["is_message_request"]), (&json!(dm), &json!(true)));
    assert!(asked["is_message_request_timestamp"].is_string());
    assert!(ottos.expect("CHANNEL_CREATE").await.get("is_message_request").is_none());
    let ready = june.connect().await.ready;
    assert_eq!(ready["private_channels"][0]["is_message_request"], true);
    assert_eq!(of_channel(&ready["read_state"]["entries"], &dm)["mention_count"], 0);

    // Dropped: gone for one, and the other is told nothing.
    let dropped = june.delete(&format!("/channels/{dm}/recipients/@me")).await.ok();
    assert_eq!(dropped["id"], dm);
    assert_eq!(junes.expect("CHANNEL_DELETE").await["id"], dm);
    assert!(june.get("/users/@me/channels").await.ok().as_array().unwrap().is_empty());
    otto.say(&dm, "hello?").await;
    assert_eq!(junes.expect("CHANNEL_CREATE").await["is_message_request"], true);
    assert_eq!(
        ottos.names_until("MESSAGE_CREATE").await.iter().filter(|name| name.starts_with("CHANNEL")).count(),
        0
    );

    // Accepted: listed like any other, and it stays so.
    let accepted =
        june.put(&format!("/channels/{dm}/recipients/@me"), json!({ "consent_status": 2 })).await.ok();
    assert!(accepted.get("is_message_request").is_none());
    assert!(junes.expect("CHANNEL_UPDATE").await.get("is_message_request").is_none());
    june.delete(&format!("/channels/{dm}/recipients/@me")).await.refused(400, 50024);
    june.delete(&format!("/channels/{dm}")).await.ok();
    junes.expect("CHANNEL_DELETE").await;
    otto.say(&dm, "still here").await;
    assert!(junes.expect("CHANNEL_CREATE").await.get("is_message_request").is_none());
}

#[tokio::test]
async fn an_answer_or_a_friendship_accepts_a_request_and_bots_make_none() {
    let server = Server::start().await;
    let (june, otto, mira) =
        (server.owner("june").await, server.person("otto").await, server.person("mira").await);
    let (guild, channel) = june.make_guild("Maple House").await;
    june.bring(&channel, &[&otto, &mira]).await;
    let mut junes = june.connect().await;
    let from_otto = otto.open_dm(&june).await;
    otto.say(&from_otto, "psst").await;
    june.say(&from_otto, "yes?").await;
    let answered = junes.expect("CHANNEL_UPDATE").await;
    assert!(answered["id"] == from_otto && answered.get("is_message_request").is_none());
    let from_mira = mira.open_dm(&june).await;
    mira.say(&from_mira, "psst").await;
    mira.befriend(&june).await;
    let befriended = junes.expect("CHANNEL_UPDATE").await;
    assert!(befriended["id"] == from_mira && befriended.get("is_message_request").is_none());

    let bot = june.make_bot("Ladle").await;
    let link = format!("/oauth2/authorize?client_id={}&scope=bot&permissions=0", bot.id);
    june.post(&link, json!({ "authorize": true, "guild_id": guild })).await.ok();
    let from_bot = bot.open_dm(&otto).await;
    let mut ottos = otto.connect().await;
    bot.say(&from_bot, "beep").await;
    assert!(ottos.expect("CHANNEL_CREATE").await.get("is_message_request").is_none());
}

#[tokio::test]
async fn members_of_a_restricted_guild_are_refused_and_groups_take_friends_only() {
    let server = Server::start().await;
    let (june, otto, mira) =
        (server.owner("june").await, server.person("otto").await, server.person("mira").await);
    let (guild, channel) = june.make_guild("Maple House").await;
    june.bring(&channel, &[&otto, &mira]).await;
    june.patch("/users/@me/settings", json!({ "restricted_guilds": [guild] })).await.ok();
    // Whoever wants it so restricts each new guild by joining it.
    mira.patch("/users/@me/settings", json!({ "default_guilds_restricted": true })).await.ok();
    let (_, other) = june.make_guild("Oak House").await;
    june.bring(&other, &[&mira]).await;
    let settings = mira.get("/users/@me/settings").await.ok();
    assert_eq!(settings["restricted_guilds"].as_array().unwrap().len(), 1);
    let dm = otto.open_dm(&june).await;
    otto.post(&format!("/channels/{dm}/messages"), json!({ "content": "psst" })).await.refused(403, 50007);
    // Whom one writes to may answer.
    june.say(&dm, "otto?").await;
    otto.say(&dm, "yes").await;

    let group = json!({ "recipients": [otto.id, mira.id] });
    june.post("/users/@me/channels", group.clone()).await.refused(400, 50033);
    june.befriend(&otto).await;
    june.post("/users/@me/channels", group.clone()).await.refused(400, 50033);
    june.befriend(&mira).await;
    let group = june.post("/users/@me/channels", group).await.ok();
    assert_eq!((&group["type"], group["recipients"].as_array().unwrap().len()), (&json!(3), 2));
    let eve = server.person("eve").await;
    june.bring(&channel, &[&eve]).await;
    let add = format!("/channels/{}/recipients/{}", group["id"].as_str().unwrap(), eve.id);
    june.put(&add, json!({})).await.refused(400, 50033);
    june.befriend(&eve).await;
    june.put(&add, json!({})).await.ok();
}

#[tokio::test]
async fn ignoring_is_one_s_own_affair() {
    let server = Server::start().await;
    let (june, otto) = (server.owner("june").await, server.person("otto").await);
    let (_, channel) = june.make_guild("Maple House").await;
    june.bring(&channel, &[&otto]).await;
    let mut junes = june.connect().await;
    june.put(&format!("{}/ignore", path(&otto)), json!({})).await.ok();
    let ignored = junes.expect("RELATIONSHIP_ADD").await;
    assert_eq!((&ignored["type"], &ignored["user_ignored"]), (&json!(0), &json!(true)));
    otto.put(&path(&june), json!({})).await.ok();
    let asked = junes.expect("RELATIONSHIP_ADD").await;
    assert_eq!(
        (&asked["type"], &asked["should_notify"], &asked["user_ignored"]),
        (&json!(3), &json!(false), &json!(true))
    );
    june.delete(&path(&otto)).await.ok();
    assert_eq!(junes.expect("RELATIONSHIP_REMOVE").await["type"], 3);
    assert_eq!(junes.expect("RELATIONSHIP_ADD").await["user_ignored"], true, "the mark stays");
    june.delete(&format!("{}/ignore", path(&otto))).await.ok();
    junes.expect("RELATIONSHIP_REMOVE").await;
    assert_eq!(bond(&june, &otto).await, Value::Null);
    june.put(&format!("{}/ignore", path(&june)), json!({})).await.refused(400, 80003);
}
