//! Webhooks: made and managed by members, posting by their token alone.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Person, Server};

/// A webhook, and calls with its token.
struct Hook<'s> {
    server: &'s Server,
    id: String,
    token: String,
}

impl<'s> Hook<'s> {
    async fn make(server: &'s Server, who: &Person<'_>, channel: &str) -> Self {
        let body = json!({ "name": "Oven" });
        let made = who.post(&format!("/channels/{channel}/webhooks"), body).await.ok();
        let text = |key: &str| made[key].as_str().unwrap().to_owned();
        Self { server, id: text("id"), token: text("token") }
    }

    async fn call(&self, method: Method, rest: &str, body: Option<Value>) -> Answer {
        self.server.call(method, &format!("/webhooks/{}/{}{rest}", self.id, self.token), body).await
    }

    async fn post(&self, body: Value) -> Value {
        self.call(Method::POST, "?wait=true", Some(body)).await.ok()
    }
}

#[tokio::test]
async fn a_webhook_posts_edits_and_deletes_its_own_messages_and_no_others() {
    let server = Server::start().await;
    let mira = server.owner("mira").await;
    let (guild, channel) = mira.make_guild("Maple House").await;
    let hook = Hook::make(&server, &mira, &channel).await;
    assert_eq!(hook.token.len(), 68, "libraries look for 68 characters");
    let mut miras = mira.connect().await;

    let silent = hook.call(Method::POST, "", Some(json!({ "content": "bread" }))).await;
    assert_eq!(silent.status, 204);
    let told = miras.expect("MESSAGE_CREATE").await;
    assert_eq!((&told["content"], &told["guild_id"]), (&json!("bread"), &json!(guild)));
    assert!(told.get("member").is_none());
    let author =
        json!({ "id": hook.id, "username": "Oven", "discriminator": "0000", "bot": true, "avatar": null });
    for (key, value) in author.as_object().unwrap() {
        assert_eq!(&told["author"][key], value, "{key}");
    }
    assert_eq!(told["webhook_id"], hook.id);

    let rows = json!([{ "type": 1, "components": [{ "type": 2, "style": 5, "label": "Look", "url": "https://example.org" }] }]);
    let plain = hook.post(json!({ "content": "cake", "username": "Baker", "components": rows })).await;
    assert_eq!((&plain["author"]["username"], &plain["components"]), (&json!("Baker"), &json!([])));
    let components = json!({ "content": "cake", "components": rows });
    let with = hook.call(Method::POST, "?wait=true&with_components=true", Some(components)).await.ok();
    assert_eq!(with["components"], rows);

    let own = format!("/messages/{}", plain["id"].as_str().unwrap());
    assert_eq!(hook.call(Method::GET, &own, None).await.ok()["content"], "cake");
    let edited = hook.call(Method::PATCH, &own, Some(json!({ "content": "pie" }))).await.ok();
    assert_eq!((&edited["content"], edited["edited_timestamp"].is_string()), (&json!("pie"), true));
    assert_eq!(miras.expect("MESSAGE_UPDATE").await["content"], "pie");
    hook.call(Method::DELETE, &own, None).await.ok();
    assert_eq!(miras.expect("MESSAGE_DELETE").await["id"], plain["id"]);

    let foreign = mira.say(&channel, "mine").await;
    let foreign = format!("/messages/{}", foreign["id"].as_str().unwrap());
    hook.call(Method::GET, &foreign, None).await.refused(404, 10008);
    hook.call(Method::PATCH, &foreign, Some(json!({ "content": "x" }))).await.refused(404, 10008);
    hook.call(Method::DELETE, &foreign, None).await.refused(404, 10008);
}

#[tokio::test]
async fn what_a_webhook_mentions_pings_users_only_unless_it_says_so() {
    let server = Server::start().await;
    let mira = server.owner("mira").await;
    let (guild, channel) = mira.make_guild("Maple House").await;
    let role = json!({ "name": "Bakers", "mentionable": true });
    let role = mira.post(&format!("/guilds/{guild}/roles"), role).await.ok();
    let role = role["id"].as_str().unwrap();
    let hook = Hook::make(&server, &mira, &channel).await;
    let text = format!("@everyone <@&{role}> <@{}>", mira.id);
    let quiet = hook.post(json!({ "content": text })).await;
    assert_eq!((&quiet["mention_everyone"], &quiet["mention_roles"]), (&json!(false), &json!([])));
    assert_eq!(quiet["mentions"][0]["id"], mira.id);
    let parse = json!({ "parse": ["everyone", "roles"] });
    let loud = hook.post(json!({ "content": text, "allowed_mentions": parse })).await;
    assert_eq!((&loud["mention_everyone"], &loud["mention_roles"]), (&json!(true), &json!([role])));
    assert_eq!(loud["mentions"], json!([]));
}

#[tokio::test]
async fn only_the_right_token_and_the_right_managers_reach_a_webhook() {
    let server = Server::start().await;
    let (mira, june) = (server.owner("mira").await, server.person("june").await);
    let (guild, channel) = mira.make_guild("Maple House").await;
    mira.bring(&channel, &[&june]).await;
    let hook = Hook::make(&server, &mira, &channel).await;
    let words = || Some(json!({ "content": "x" }));
    let wrong = format!("/webhooks/{}/{}", hook.id, "x".repeat(68));
    server.call(Method::POST, &wrong, words()).await.refused(401, 50027);
    server.call(Method::GET, &wrong, None).await.refused(401, 50027);
    server.call(Method::POST, "/webhooks/175928847299117063/x", words()).await.refused(404, 10015);
    hook.call(Method::POST, "", Some(json!({ "content": " " }))).await.refused(400, 50006);
    hook.call(Method::POST, "", Some(json!({ "content": "x", "username": "Discord" })))
        .await
        .refused(400, 50035);
    hook.call(Method::POST, "?thread_id=175928847299117063", words()).await.refused(404, 10003);
    hook.call(Method::POST, "", Some(json!({ "content": "x", "thread_name": "new" })))
        .await
        .refused(400, 220003);

    june.get(&format!("/channels/{channel}/webhooks")).await.refused(403, 50013);
    june.get(&format!("/guilds/{guild}/webhooks")).await.refused(403, 50013);
    june.get(&format!("/webhooks/{}", hook.id)).await.refused(403, 50013);
    june.post(&format!("/channels/{channel}/webhooks"), json!({ "name": "Mine" })).await.refused(403, 50013);
    let open = hook.call(Method::GET, "", None).await.ok();
    assert!(open.get("user").is_none() && open["token"] == hook.token);
    assert_eq!(mira.get(&format!("/webhooks/{}", hook.id)).await.ok()["user"]["id"], mira.id);
    for name in ["", "Clyde the oven"] {
        let body = json!({ "name": name });
        mira.post(&format!("/channels/{channel}/webhooks"), body).await.refused(400, 50035);
    }
}

#[tokio::test]
async fn a_webhook_is_changed_moved_and_deleted_and_leaves_its_traces_in_the_log() {
    let server = Server::start().await;
    let mira = server.owner("mira").await;
    let (guild, channel) = mira.make_guild("Maple House").await;
    let kitchen = json!({ "name": "kitchen", "type": 0 });
    let kitchen = mira.post(&format!("/guilds/{guild}/channels"), kitchen).await.ok();
    let kitchen = kitchen["id"].as_str().unwrap();
    let mut miras = mira.connect().await;
    let hook = Hook::make(&server, &mira, &channel).await;
    assert_eq!(miras.expect("WEBHOOKS_UPDATE").await["channel_id"], channel);
    assert_eq!(miras.expect("GUILD_AUDIT_LOG_ENTRY_CREATE").await["action_type"], 50);

    let moved = json!({ "name": "Stove", "channel_id": kitchen });
    let moved = mira.patch(&format!("/webhooks/{}", hook.id), moved).await.ok();
    assert_eq!((&moved["name"], &moved["channel_id"]), (&json!("Stove"), &json!(kitchen)));
    assert_eq!(miras.expect("GUILD_AUDIT_LOG_ENTRY_CREATE").await["action_type"], 51);
    assert_eq!(hook.post(json!({ "content": "soup" })).await["channel_id"], kitchen);
    let renamed =
        hook.call(Method::PATCH, "", Some(json!({ "name": "Pan", "channel_id": channel }))).await.ok();
    assert_eq!((&renamed["name"], &renamed["channel_id"]), (&json!("Pan"), &json!(kitchen)));
    let all = mira.get(&format!("/guilds/{guild}/webhooks")).await.ok();
    assert_eq!(all.as_array().unwrap().len(), 1);

    mira.delete(&format!("/webhooks/{}", hook.id)).await.ok();
    assert_eq!(miras.expect("GUILD_AUDIT_LOG_ENTRY_CREATE").await["action_type"], 52);
    hook.call(Method::POST, "", Some(json!({ "content": "x" }))).await.refused(404, 10015);
    let other = Hook::make(&server, &mira, &channel).await;
    other.call(Method::DELETE, "", None).await.ok();
    other.call(Method::GET, "", None).await.refused(404, 10015);
    let limit = 15;
    for _ in 0..limit {
        Hook::make(&server, &mira, &channel).await;
    }
    let body = json!({ "name": "One too many" });
    mira.post(&format!("/channels/{channel}/webhooks"), body).await.refused(400, 30007);
}

#[tokio::test]
async fn other_services_post_in_their_own_words() {
    let server = Server::start().await;
    let mira = server.owner("mira").await;
    let (_, channel) = mira.make_guild("Maple House").await;
    let hook = Hook::make(&server, &mira, &channel).await;
    let slack = json!({ "text": "see <https://example.org|the oven>", "username": "CI" });
    let told = hook.call(Method::POST, "/slack", Some(slack.clone())).await.ok();
    assert_eq!(told["content"], "see [the oven](https://example.org)");
    assert_eq!(told["author"]["username"], "CI");
    assert_eq!(hook.call(Method::POST, "/slack?wait=false", Some(slack)).await.status, 204);
    hook.call(Method::POST, "/slack", Some(json!({}))).await.refused(400, 50006);

    let path = format!("/webhooks/{}/{}/github", hook.id, hook.token);
    let issue = json!({
        "action": "opened", "repository": { "full_name": "maple/house" }, "sender": { "login": "june" },
        "issue": { "number": 3, "title": "Cold soup", "html_url": "https://example.org/3" },
    });
    let event = |name: &'static str| [("x-github-event", name)];
    let told = server.call_with(Method::POST, &path, Some(issue.clone()), &event("issues")).await.ok();
    assert_eq!(told["embeds"][0]["title"], "[maple/house] Issue #3 opened: Cold soup");
    assert_eq!(server.call_with(Method::POST, &path, Some(issue.clone()), &event("watch")).await.status, 204);
    let wrong = format!("/webhooks/{}/{}/github", hook.id, "x".repeat(68));
    server.call_with(Method::POST, &wrong, Some(issue), &event("watch")).await.refused(401, 50027);
}
