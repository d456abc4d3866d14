//! Guilds, channels, roles and members as clients change them, and what everybody's gateway tells of it.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Person, Server};

fn id(value: &Value) -> &str {
    value["id"].as_str().unwrap()
}

/// Three people in a guild of the first one's, and its first text channel.
async fn den<'s>(server: &'s Server) -> ([Person<'s>; 3], String, String) {
    let people = [server.owner("mira").await, server.person("june").await, server.person("otto").await];
    let (guild, channel) = people[0].make_guild("Maple House").await;
    people[0].bring(&channel, &[&people[1], &people[2]]).await;
    (people, guild, channel)
}

/// Gives a person a role of their own with these rights.
async fn raise(owner: &Person<'_>, guild: &str, person: &Person<'_>, rights: u64) -> String {
    let form = json!({ "name": "Raised", "permissions": rights });
    let role = owner.post(&format!("/guilds/{guild}/roles"), form).await.ok();
    owner.put(&format!("/guilds/{guild}/members/{}/roles/{}", person.id, id(&role)), json!({})).await.ok();
    id(&role).to_owned()
}

#[tokio::test]
async fn a_channel_that_is_hidden_leaves_and_comes_back_with_its_rights() {
    let server = Server::start().await;
    let ([mira, june, _], guild, _) = den(&server).await;
    let mut his = june.connect().await;
    let form = json!({ "name": "Tea Room", "type": 0, "parent_id": null, "topic": "tea" });
    let made = mira.post(&format!("/guilds/{guild}/channels"), form).await;
    assert_eq!(made.status, 201);
    let made = made.ok();
    assert_eq!(
        (&made["name"], &made["parent_id"], &made["nsfw"]),
        (&json!("tea-room"), &Value::Null, &json!(false))
    );
    assert_eq!(his.expect("CHANNEL_CREATE").await["id"], made["id"]);

    let overwrite = format!("/channels/{}/permissions/{guild}", id(&made));
    let hidden = mira.put(&overwrite, json!({ "type": 0, "deny": 1024 })).await;
    assert_eq!(hidden.status, 204);
    assert_eq!(his.expect("CHANNEL_DELETE").await["id"], made["id"]);
    june.get(&format!("/channels/{}", id(&made))).await.refused(403, 50001);
    let listed = june.get(&format!("/guilds/{guild}/channels")).await.ok();
    assert!(listed.as_array().unwrap().iter().all(|channel| channel["id"] != made["id"]));

    mira.delete(&overwrite).await.ok();
    assert_eq!(his.expect("CHANNEL_CREATE").await["id"], made["id"]);
    mira.delete(&overwrite).await.refused(404, 10009);
    let deleted = mira.delete(&format!("/channels/{}", id(&made))).await.ok();
    assert_eq!(deleted["topic"], "tea");
    assert_eq!(his.expect("CHANNEL_DELETE").await["id"], made["id"]);
    june.get(&format!("/channels/{}", id(&made))).await.refused(404, 10003);
}

#[tokio::test]
async fn a_ban_is_heard_by_those_who_ban_before_the_removal() {
    let server = Server::start().await;
    let ([mira, june, otto], guild, channel) = den(&server).await;
    otto.say(&channel, "spam").await;
    let (mut hers, mut his, mut theirs) = (mira.connect().await, june.connect().await, otto.connect().await);
    let path = format!("/guilds/{guild}/bans/{}", otto.id);
    let reason =
        [("authorization", mira.authorization.as_str()), ("x-audit-log-reason", "ein%20Gr%C3%BCnder")];
    let body = Some(json!({ "delete_message_seconds": 3600 }));
    let banned = server.call_with(Method::PUT, &path, body, &reason).await;
    assert_eq!(banned.status, 204);
    assert_eq!(theirs.expect("GUILD_DELETE").await, json!({ "id": guild }));
    let before = hers.names_until("GUILD_MEMBER_REMOVE").await;
    assert!(before.contains(&"GUILD_BAN_ADD".to_owned()), "{before:?}");
    let before = his.names_until("GUILD_MEMBER_REMOVE").await;
    assert!(!before.contains(&"GUILD_BAN_ADD".to_owned()), "{before:?}");
    assert_eq!(his.expect("MESSAGE_DELETE_BULK").await["channel_id"], json!(channel));
    assert_eq!(mira.get(&path).await.ok()["reason"], "ein Gründer");
    otto.get(&format!("/guilds/{guild}")).await.refused(404, 10004);
    otto.get(&format!("/guilds/{guild}/roles")).await.refused(403, 50001);

    let long = "x".repeat(513);
    let reason = [("authorization", mira.authorization.as_str()), ("x-audit-log-reason", long.as_str())];
    server.call_with(Method::PUT, &path, Some(json!({})), &reason).await.refused(400, 50035);
    assert_eq!(mira.delete(&path).await.status, 204);
    mira.delete(&path).await.refused(404, 10026);
    mira.bring(&channel, &[&otto]).await;
}

#[tokio::test]
async fn a_deleted_role_tells_of_no_member_and_takes_its_rights_along() {
    let server = Server::start().await;
    let ([mira, june, otto], guild, _) = den(&server).await;
    let role = raise(&mira, &guild, &june, 1 << 1).await;
    let kick = format!("/guilds/{guild}/members/{}", otto.id);
    let mut his = june.connect().await;
    mira.delete(&format!("/guilds/{guild}/roles/{role}")).await.ok();
    mira.patch(&format!("/guilds/{guild}"), json!({ "name": "After" })).await.ok();
    let told = his.names_until("GUILD_UPDATE").await;
    assert!(told.contains(&"GUILD_ROLE_DELETE".to_owned()), "{told:?}");
    assert!(!told.contains(&"GUILD_MEMBER_UPDATE".to_owned()), "{told:?}");
    june.delete(&kick).await.refused(403, 50013);
    mira.delete(&format!("/guilds/{guild}/roles/{guild}")).await.refused(400, 50028);
    mira.get(&format!("/guilds/{guild}/roles/{role}")).await.refused(404, 10011);
}

#[tokio::test]
async fn whoever_manages_roles_hands_out_only_what_they_hold() {
    let server = Server::start().await;
    let ([mira, june, otto], guild, channel) = den(&server).await;
    let own = raise(&mira, &guild, &june, 1 << 28).await;
    let roles = format!("/guilds/{guild}/roles");
    june.post(&roles, json!({ "permissions": "8" })).await.refused(403, 50013);
    june.patch(&format!("{roles}/{own}"), json!({ "permissions": "0" })).await.refused(403, 50013);
    june.put(&format!("/guilds/{guild}/members/{}/roles/{own}", otto.id), json!({}))
        .await
        .refused(403, 50013);
    june.delete(&format!("/guilds/{guild}/members/{}", mira.id)).await.refused(403, 50013);
    let overwrite = format!("/channels/{channel}/permissions/{}", june.id);
    june.put(&overwrite, json!({ "type": 1, "allow": "8192" })).await.refused(403, 50013);
    june.put(&overwrite, json!({ "type": 1, "allow": "2048" })).await.ok();
    let faults =
        june.put(&overwrite, json!({ "type": 7, "allow": "x", "deny": {} })).await.refused(400, 50035);
    for field in ["type", "allow", "deny"] {
        assert!(faults["errors"][field]["_errors"].is_array(), "{field}: {faults}");
    }
}

#[tokio::test]
async fn members_are_found_by_name_and_only_bots_list_them() {
    let server = Server::start().await;
    let ([mira, june, _], guild, _) = den(&server).await;
    june.get(&format!("/guilds/{guild}/members")).await.refused(403, 20002);
    let named =
        june.patch(&format!("/guilds/{guild}/members/@me/nick"), json!({ "nick": " Juniper " })).await.ok();
    assert_eq!(named, json!({ "nick": "Juniper" }));
    let found = mira.get(&format!("/guilds/{guild}/members/search?query=JUNI&limit=5")).await.ok();
    assert_eq!(found.as_array().unwrap().len(), 1);
    assert_eq!(found[0]["user"]["id"], json!(june.id));
    for key in
        ["flags", "deaf", "mute", "roles", "joined_at", "communication_disabled_until", "premium_since"]
    {
        assert!(found[0].get(key).is_some(), "{key} is missing in {}", found[0]);
    }
    mira.get(&format!("/guilds/{guild}/members/5")).await.refused(404, 10007);
    mira.get(&format!("/guilds/{guild}/members/x")).await.refused(400, 50035);
    mira.get(&format!("/guilds/{guild}/voice-states/@me")).await.refused(404, 10065);
}

#[tokio::test]
async fn one_leaves_but_never_as_the_owner() {
    let server = Server::start().await;
    let ([mira, june, _], guild, channel) = den(&server).await;
    let mut hers = mira.connect().await;
    mira.delete(&format!("/users/@me/guilds/{guild}")).await.refused(400, 50055);
    let own = june.get("/users/@me/guilds?with_counts=true").await.ok();
    assert_eq!((&own[0]["owner"], &own[0]["approximate_member_count"]), (&json!(false), &json!(3)));
    assert_eq!(june.delete(&format!("/users/@me/guilds/{guild}")).await.status, 204);
    assert_eq!(hers.expect("GUILD_MEMBER_REMOVE").await["user"]["id"], json!(june.id));
    assert_eq!(june.get("/users/@me/guilds").await.ok(), json!([]));

    let settings = json!({ "features": ["COMMUNITY"], "rules_channel_id": channel, "afk_timeout": 301 });
    mira.patch(&format!("/guilds/{guild}"), settings).await.refused(400, 50035);
    let settings = json!({ "features": ["COMMUNITY"], "rules_channel_id": channel, "afk_timeout": 900 });
    mira.patch(&format!("/guilds/{guild}"), settings).await.ok();
    mira.delete(&format!("/channels/{channel}")).await.refused(400, 50074);
    mira.patch(&format!("/guilds/{guild}"), json!({ "features": [] })).await.ok();
    hers.expect("GUILD_UPDATE").await;
    hers.expect("GUILD_UPDATE").await;
    mira.delete(&format!("/channels/{channel}")).await.ok();
    let update = hers.expect("GUILD_UPDATE").await;
    assert_eq!((&update["system_channel_id"], &update["rules_channel_id"]), (&Value::Null, &Value::Null));
}

#[tokio::test]
async fn a_guild_s_own_code_opens_it_moves_with_its_channels_and_is_nobody_else_s() {
    let server = Server::start().await;
    let (mira, june) = (server.owner("mira").await, server.person("june").await);
    let (guild, channel) = mira.make_guild("Maple House").await;
    let path = format!("/guilds/{guild}/vanity-url");
    assert_eq!(mira.get(&path).await.ok(), json!({ "code": null, "uses": 0 }));
    for bad in ["x", "two words", "ümlaut"] {
        mira.patch(&path, json!({ "code": bad })).await.refused(400, 50020);
    }
    assert_eq!(mira.patch(&path, json!({ "code": "Maple-House" })).await.ok()["code"], "maple-house");
    assert_eq!(mira.get(&format!("/guilds/{guild}")).await.ok()["vanity_url_code"], "maple-house");
    assert_eq!(mira.get(&format!("/guilds/{guild}/invites")).await.ok(), json!([]));
    let (other, _) = mira.make_guild("Oak House").await;
    mira.patch(&format!("/guilds/{other}/vanity-url"), json!({ "code": "maple-house" }))
        .await
        .refused(400, 50020);
    mira.delete("/invites/maple-house").await.refused(400, 50020);

    let kitchen = json!({ "name": "kitchen" });
    let kitchen = mira.post(&format!("/guilds/{guild}/channels"), kitchen).await.ok();
    mira.delete(&format!("/channels/{channel}")).await.ok();
    june.post("/invites/maple-house", json!({})).await.ok();
    assert_eq!(mira.get("/invites/maple-house").await.ok()["channel"]["id"], kitchen["id"]);
    assert_eq!(mira.get(&path).await.ok()["uses"], 1);
    june.get(&path).await.refused(403, 50013);
    mira.patch(&path, json!({ "code": null })).await.ok();
    june.get("/invites/maple-house").await.refused(404, 10006);
}
