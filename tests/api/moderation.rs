//! The audit log as moderators read it, and what asks again who one is.

use serde_json::{Value, json};

use crate::support::{PASSWORD, Server};

#[tokio::test]
async fn moderators_read_who_did_what_and_others_do_not() {
    let server = Server::start().await;
    let (mira, june, otto) =
        (server.owner("mira").await, server.person("june").await, server.person("otto").await);
    let (guild, channel) = mira.make_guild("Maple House").await;
    mira.bring(&channel, &[&june, &otto]).await;
    let log = format!("/guilds/{guild}/audit-logs");
    june.get(&log).await.refused(403, 50013);
    for n in 0..3 {
        let said = otto.say(&channel, &n.to_string()).await;
        mira.delete(&format!("/channels/{channel}/messages/{}", said["id"].as_str().unwrap())).await.ok();
    }
    mira.delete(&format!("/guilds/{guild}/members/{}", otto.id)).await.ok();
    let page = mira.get(&log).await.ok();
    for key in [
        "audit_log_entries",
        "users",
        "webhooks",
        "integrations",
        "threads",
        "application_commands",
        "auto_moderation_rules",
        "guild_scheduled_events",
    ] {
        assert!(page[key].is_array(), "{key}");
    }
    let entries = page["audit_log_entries"].as_array().unwrap();
    let types: Vec<&Value> = entries.iter().map(|entry| &entry["action_type"]).collect();
    assert_eq!(types[..2], [&json!(20), &json!(72)], "newest first, three deletions as one: {page}");
    assert_eq!(entries[1]["options"], json!({ "channel_id": channel, "count": "3" }));
    assert_eq!((&entries[0]["target_id"], &entries[0]["user_id"]), (&json!(otto.id), &json!(mira.id)));
    let names: Vec<&str> =
        page["users"].as_array().unwrap().iter().map(|user| user["username"].as_str().unwrap()).collect();
    assert!(names.contains(&"mira") && names.contains(&"otto"), "{names:?}");

    let kicks = mira.get(&format!("{log}?action_type=20&user_id={}", mira.id)).await.ok();
    assert_eq!(kicks["audit_log_entries"].as_array().unwrap().len(), 1);
    let none = mira.get(&format!("{log}?user_id={}", june.id)).await.ok();
    assert_eq!(none["audit_log_entries"], json!([]));
    let after = mira.get(&format!("{log}?after=0&limit=2")).await.ok();
    let ids: Vec<&str> = after["audit_log_entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["id"].as_str().unwrap())
        .collect();
    assert!(ids[0] < ids[1], "oldest first with after");
    let before = mira.get(&format!("{log}?before={}", ids[1])).await.ok();
    assert_eq!(before["audit_log_entries"][0]["id"], ids[0]);
    mira.get(&format!("{log}?limit=101")).await.refused(400, 50035);
}

#[tokio::test]
async fn an_act_for_good_asks_again_and_takes_a_pass_for_a_password() {
    let server = Server::start().await;
    let (mira, otto) = (server.owner("mira").await, server.person("otto").await);
    let (guild, _) = mira.make_guild("Maple House").await;
    let delete = format!("/guilds/{guild}/delete");
    mira.post(&delete, json!({ "password": "wrong password" })).await.refused(400, 50035);
    let asked = mira.post(&delete, json!({})).await.refused(401, 60003);
    assert_eq!(asked["mfa"]["methods"], json!([{ "type": "password" }]));
    let ticket = asked["mfa"]["ticket"].as_str().unwrap();
    let finish = |data: &str| json!({ "ticket": ticket, "mfa_type": "password", "data": data });
    mira.post("/mfa/finish", finish("wrong password")).await.refused(400, 60008);
    otto.post("/mfa/finish", finish(PASSWORD)).await.refused(400, 60004);
    let none = json!({ "ticket": "x", "mfa_type": "password", "data": PASSWORD });
    mira.post("/mfa/finish", none).await.refused(400, 60004);
    let pass = mira.post("/mfa/finish", finish(PASSWORD)).await.ok();
    let pass = pass["token"].as_str().unwrap();
    let with = |authorization: &str, pass: &str| {
        let headers =
            [("authorization", authorization.to_owned()), ("x-discord-mfa-authorization", pass.to_owned())];
        let (server, delete) = (&server, delete.clone());
        async move {
            let headers: Vec<(&str, &str)> =
                headers.iter().map(|(key, value)| (*key, value.as_str())).collect();
            server.call_with(reqwest::Method::POST, &delete, Some(json!({})), &headers).await
        }
    };
    // A ticket is no pass, and a pass opens nothing else.
    with(&mira.authorization, ticket).await.refused(401, 60003);
    with(pass, pass).await.refused(401, 0);
    with(&mira.authorization, pass).await.ok();
    mira.get(&format!("/guilds/{guild}")).await.refused(404, 10004);
}

#[tokio::test]
async fn only_an_owner_with_a_second_factor_asks_moderators_for_one() {
    let server = Server::start().await;
    let (mira, june) = (server.owner("mira").await, server.person("june").await);
    let (guild, channel) = mira.make_guild("Maple House").await;
    mira.bring(&channel, &[&june]).await;
    let path = format!("/guilds/{guild}/mfa");
    june.post(&path, json!({ "level": 0 })).await.refused(403, 50013);
    mira.post(&path, json!({ "level": 1 })).await.refused(403, 60003);
    mira.post(&path, json!({ "level": 2 })).await.refused(400, 50035);
    assert_eq!(mira.post(&path, json!({ "level": 0 })).await.ok()["level"], 0);
}

#[tokio::test]
async fn invites_end_with_their_channel_and_those_who_manage_it_are_told() {
    let server = Server::start().await;
    let mira = server.owner("mira").await;
    let (guild, _) = mira.make_guild("Maple House").await;
    let channels = format!("/guilds/{guild}/channels");
    let channel = mira.post(&channels, json!({ "name": "kitchen" })).await.ok();
    let channel = channel["id"].as_str().unwrap();
    let invite = mira.post(&format!("/channels/{channel}/invites"), json!({})).await.ok();
    let mut miras = mira.connect().await;
    mira.delete(&format!("/channels/{channel}")).await.ok();
    let names = miras.names_until("CHANNEL_DELETE").await;
    assert!(names.contains(&"INVITE_DELETE".to_owned()), "{names:?}");
    let code = invite["code"].as_str().unwrap();
    mira.get(&format!("/invites/{code}")).await.refused(404, 10006);
    assert_eq!(mira.get(&format!("/guilds/{guild}/invites")).await.ok(), json!([]));
}

#[tokio::test]
async fn what_a_ban_deletes_is_gone_with_its_answer() {
    let server = Server::start().await;
    let (mira, june, otto) =
        (server.owner("mira").await, server.person("june").await, server.person("otto").await);
    let (guild, channel) = mira.make_guild("Maple House").await;
    mira.bring(&channel, &[&june, &otto]).await;
    let kept = june.say(&channel, "soup").await;
    let mut last = Value::Null;
    for n in 0..120 {
        last = otto.say(&channel, &format!("spam {n} <@{}>", june.id)).await;
    }
    let reply = json!({ "content": "stop", "message_reference": { "message_id": last["id"] } });
    let reply = june.post(&format!("/channels/{channel}/messages"), reply).await.ok();
    let body = json!({ "delete_message_seconds": 3_600 });
    mira.put(&format!("/guilds/{guild}/bans/{}", otto.id), body).await.ok();
    // At once, whatever the sweep has done.
    let page = june.get(&format!("/channels/{channel}/messages?limit=100")).await.ok();
    let ordinary: Vec<&Value> =
        page.as_array().unwrap().iter().filter(|one| matches!(one["type"].as_u64(), Some(0 | 19))).collect();
    assert_eq!(ordinary.len(), 2, "{ordinary:?}");
    assert_eq!((&ordinary[0]["id"], &ordinary[1]["id"]), (&reply["id"], &kept["id"]));
    assert!(ordinary[0]["referenced_message"].is_null());
    let one = format!("/channels/{channel}/messages/{}", last["id"].as_str().unwrap());
    june.get(&one).await.refused(404, 10008);
    assert_eq!(june.get("/users/@me/mentions").await.ok(), json!([]));
}
