//! Applications, their bots and tokens, and adding a bot to a guild.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{PASSWORD, Person, Server};

/// MANAGE_ROLES, MANAGE_GUILD and SEND_MESSAGES.
const WANTED: u64 = 1 << 28 | 1 << 5 | 1 << 11;

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

async fn link(by: &Person<'_>, bot: &str, guild: &str, permissions: u64) -> crate::support::Answer {
    let path = format!("/oauth2/authorize?client_id={bot}&scope=bot&permissions={permissions}");
    by.post(&path, json!({ "authorize": true, "guild_id": guild })).await
}

#[tokio::test]
async fn an_application_has_a_bot_at_once_and_every_key_that_libraries_read() {
    let server = Server::start().await;
    let (mira, eve) = (server.person("mira").await, server.person("eve").await);
    let made = mira.post("/applications", json!({ "name": "Soup Bot", "description": "ladles" })).await;
    assert_eq!(made.status, 201);
    let made = made.ok();
    let id = text(&made["id"]);
    assert_eq!(made["bot"]["id"], id.as_str());
    assert_eq!(
        (made["bot"]["username"].as_str(), made["bot"]["global_name"].as_str()),
        (Some("soupbot"), Some("Soup Bot"))
    );
    let first = mira.post(&format!("/applications/{id}/bot"), json!({})).await.ok();
    let mut bot = mira.clone();
    bot.authorization = format!("Bot {}", text(&first["token"]));
    assert!(mira.post(&format!("/applications/{id}/bot"), json!({})).await.ok().get("token").is_none());
    for path in ["/applications/@me", "/oauth2/applications/@me"] {
        let own = bot.get(path).await.ok();
        for key in ["icon", "team", "interactions_endpoint_url"] {
            assert!(own.as_object().unwrap().contains_key(key) && own[key].is_null(), "{path}: {key}");
        }
        assert_eq!((&own["bot_public"], &own["bot_require_code_grant"]), (&json!(true), &json!(false)));
        assert_eq!((&own["owner"]["id"], &own["redirect_uris"]), (&json!(mira.id), &json!([])));
        assert_eq!(
            (&own["approximate_guild_count"], &own["approximate_user_install_count"]),
            (&json!(0), &json!(0))
        );
        assert_eq!(text(&own["verify_key"]).len(), 64);
    }
    mira.get("/applications/@me").await.refused(403, 20002);
    bot.get("/applications").await.refused(403, 20001);
    eve.get(&format!("/applications/{id}")).await.refused(403, 20012);
    eve.patch(&format!("/applications/{id}"), json!({ "name": "stolen" })).await.refused(403, 20012);
    eve.get("/applications/123").await.refused(404, 10002);
    let long =
        mira.post("/applications", json!({ "name": "x", "icon": "no picture" })).await.refused(400, 50035);
    assert!(long["errors"]["name"].is_object() && long["errors"]["icon"].is_object(), "{long}");
}

#[tokio::test]
async fn switches_are_the_owners_and_only_switches_change_flags() {
    let server = Server::start().await;
    let mira = server.person("mira").await;
    let bot = mira.make_bot("helper").await;
    let path = format!("/applications/{}", bot.id);
    let on = 1u64 << 13 | 1 << 15 | 1 << 19;
    let edited = mira.patch(&path, json!({ "flags": on | 1 << 17, "tags": ["soup"] })).await.ok();
    assert_eq!((edited["flags"].as_u64(), &edited["tags"]), (Some(on), &json!(["soup"])));
    let params = json!({ "scopes": ["bot"], "permissions": "2048" });
    let edited = mira.patch(&path, json!({ "install_params": params, "name": "Chef" })).await.ok();
    assert_eq!((&edited["install_params"], &edited["bot"]["global_name"]), (&params, &json!("Chef")));
    let cleared = mira.patch(&path, json!({ "install_params": null, "flags": 0 })).await.ok();
    assert!(cleared.get("install_params").is_none() && cleared["flags"] == 0);
    for uri in ["ftp://x", "https://x#y", "https://a@b/", "/relative", "https:// x"] {
        let refused = mira.patch(&path, json!({ "redirect_uris": [uri] })).await.refused(400, 50035);
        assert!(refused["errors"]["redirect_uris"]["0"].is_object(), "{uri}: {refused}");
    }
    mira.patch(&path, json!({ "interactions_endpoint_url": "http://127.0.0.1/" })).await.refused(400, 50035);
}

#[tokio::test]
async fn a_reset_token_closes_the_old_ones_sockets_and_nothing_opens_by_it() {
    let server = Server::start().await;
    let mira = server.person("mira").await;
    let bot = mira.make_bot("helper").await;
    let mut gateway = bot.connect_with(json!({ "intents": 1 })).await;
    let token = mira.post(&format!("/applications/{}/bot/reset", bot.id), json!({})).await.ok();
    let code = loop {
        if let Err(code) = gateway.frame().await {
            break code;
        }
    };
    assert_eq!(code, 4004);
    bot.get("/users/@me").await.refused(401, 0);
    let bare = text(&token["token"]);
    server.call_with(Method::GET, "/users/@me", None, &[("authorization", &bare)]).await.refused(401, 0);
    let mut renewed = bot.clone();
    renewed.authorization = format!("Bot {bare}");
    assert_eq!(renewed.get("/users/@me").await.ok()["id"], bot.id.as_str());
}

#[tokio::test]
async fn linking_grants_no_right_that_the_inviter_lacks_and_tells_everybody() {
    let server = Server::start().await;
    let (mira, paul) = (server.person("mira").await, server.person("paul").await);
    let (guild, channel) = mira.make_guild("Kitchen").await;
    mira.bring(&channel, &[&paul]).await;
    let bot = mira.make_bot("helper").await;
    link(&paul, &bot.id, &guild, WANTED).await.refused(403, 50013);
    let role = mira
        .post(&format!("/guilds/{guild}/roles"), json!({ "name": "cooks", "permissions": "32" }))
        .await
        .ok();
    mira.put(&format!("/guilds/{guild}/members/{}/roles/{}", paul.id, text(&role["id"])), json!({}))
        .await
        .ok();
    let asked = paul.get(&format!("/oauth2/authorize?client_id={}&scope=bot", bot.id)).await.ok();
    assert_eq!((&asked["guilds"][0]["id"], &asked["bot"]["id"]), (&json!(guild), &json!(bot.id)));
    assert!(asked["application"].get("redirect_uris").is_none());

    let mut watching = mira.connect().await;
    let mut gateway = bot.connect_with(json!({ "intents": 1 })).await;
    let linked = link(&paul, &bot.id, &guild, WANTED).await.ok();
    assert_eq!(linked["location"], linked["url"]);
    assert_eq!(gateway.expect("GUILD_CREATE").await["id"], guild.as_str());
    let made = watching.expect("GUILD_ROLE_CREATE").await;
    let held = 1u64 << 5 | 1 << 11;
    assert_eq!(
        (&made["role"]["permissions"], &made["role"]["tags"]),
        (&json!(held.to_string()), &json!({ "bot_id": bot.id }))
    );
    assert_eq!(watching.expect("GUILD_MEMBER_ADD").await["roles"], json!([made["role"]["id"]]));
    assert_eq!(watching.expect("INTEGRATION_CREATE").await["application"]["bot"]["id"], bot.id.as_str());
    watching.expect("GUILD_INTEGRATIONS_UPDATE").await;
    link(&paul, &bot.id, &guild, WANTED).await.ok();
    let roles = mira.get(&format!("/guilds/{guild}/roles")).await.ok();
    assert_eq!(roles.as_array().unwrap().iter().filter(|role| role["managed"] == true).count(), 1);

    let listed = paul.get(&format!("/guilds/{guild}/integrations")).await.ok();
    assert_eq!((&listed[0]["id"], &listed[0]["type"]), (&json!(bot.id), &json!("discord")));
    paul.delete(&format!("/guilds/{guild}/integrations/{}", bot.id)).await.ok();
    watching.expect("GUILD_ROLE_DELETE").await;
    gateway.expect("GUILD_DELETE").await;
    paul.delete(&format!("/guilds/{guild}/integrations/{}", bot.id)).await.refused(404, 10005);
}

#[tokio::test]
async fn consent_goes_to_known_addresses_only_and_private_bots_are_their_owners() {
    let server = Server::start().await;
    let (mira, eve) = (server.person("mira").await, server.person("eve").await);
    let (guild, _) = eve.make_guild("Cellar").await;
    let bot = mira.make_bot("helper").await;
    let path = format!("/applications/{}", bot.id);
    mira.patch(&path, json!({ "redirect_uris": ["https://example.org/back"] })).await.ok();
    let with = |more: &str| format!("/oauth2/authorize?client_id={}&scope=bot{more}", bot.id);
    for uri in [
        "https://example.org/back/",
        "https://example.org/Back",
        "https://example.org/back?x",
        "https://evil.example/",
    ] {
        let refused = eve.get(&with(&format!("&redirect_uri={uri}"))).await.refused(400, 50035);
        assert!(refused["errors"]["redirect_uri"].is_object(), "{uri}");
    }
    let to = with("&redirect_uri=https://example.org/back&state=a%26b");
    let declined = eve.post(&to, json!({ "authorize": false })).await.ok();
    assert_eq!(declined["location"], "https://example.org/back?error=access_denied&state=a%26b");
    let linked =
        eve.post(&to, json!({ "authorize": true, "guild_id": guild, "permissions": "8" })).await.ok();
    assert_eq!(
        linked["location"],
        format!("https://example.org/back?guild_id={guild}&permissions=8&state=a%26b")
    );
    eve.get(&with("&response_type=code")).await.refused(400, 50035);
    eve.get(&format!("/oauth2/authorize?client_id={}&scope=identify", bot.id)).await.refused(400, 50035);
    mira.patch(&path, json!({ "bot_public": false })).await.ok();
    eve.get(&with("")).await.refused(403, 20012);
    link(&eve, &bot.id, &guild, 0).await.refused(403, 20012);
    mira.get(&with("")).await.ok();
    server.call(Method::GET, &with(""), None).await.refused(401, 0);
    bot.get(&with("")).await.refused(403, 20001);
}

#[tokio::test]
async fn a_deleted_application_takes_its_bot_out_of_every_guild() {
    let server = Server::start().await;
    let mira = server.person("mira").await;
    let bot = mira.make_bot("helper").await;
    let mut guilds = Vec::new();
    for name in ["One", "Two", "Three"] {
        let (guild, channel) = mira.make_guild(name).await;
        link(&mira, &bot.id, &guild, WANTED).await.ok();
        guilds.push((guild, channel));
    }
    let said = bot.say(&guilds[0].1, "I was here").await;
    let path = format!("/applications/{}/delete", bot.id);
    mira.post(&path, json!({})).await.refused(401, 60003);
    mira.post(&path, json!({ "password": PASSWORD })).await.ok();
    bot.get("/users/@me").await.refused(401, 0);
    for (guild, _) in &guilds {
        mira.get(&format!("/guilds/{guild}/members/{}", bot.id)).await.refused(404, 10007);
        assert_eq!(mira.get(&format!("/guilds/{guild}/integrations")).await.ok(), json!([]));
    }
    let kept = mira.get(&format!("/channels/{}/messages/{}", guilds[0].1, text(&said["id"]))).await.ok();
    assert_eq!(
        (&kept["content"], &kept["author"]["global_name"]),
        (&json!("I was here"), &json!("Deleted User"))
    );
    mira.get(&format!("/applications/{}", bot.id)).await.refused(404, 10002);
    assert_eq!(mira.get("/applications").await.ok(), json!([]));
}
