//! Every route × {anonymous, outsider, banned, member without the right}: what each may learn is what API.md §1.5 says, and no more.

use hearth::http::Who;
use hearth::http::routes;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Person, Server};

/// Routes of a guild or channel that change something by another right than one of the guild's: being a member, owning the message,
/// being in the conversation.
const WITHOUT_A_RIGHT: &[(&str, &str, &str)] = &[
    ("POST", "/channels/{channel_id}/messages/{message_id}/ack", "one's own read mark"),
    ("POST", "/channels/{channel_id}/pins/ack", "one's own read mark"),
    ("DELETE", "/channels/{channel_id}/messages/ack", "one's own read mark"),
    ("POST", "/guilds/{guild_id}/ack", "one's own read marks"),
    ("PATCH", "/channels/{channel_id}/messages/{message_id}", "the author's, 50005 for others"),
    ("PUT", "/channels/{channel_id}/recipients/{user_id}", "groups only"),
    ("DELETE", "/channels/{channel_id}/recipients/{user_id}", "groups only"),
    ("PUT", "/channels/{channel_id}/recipients/@me", "message requests only"),
    ("DELETE", "/channels/{channel_id}/recipients/@me", "message requests only"),
    ("PATCH", "/users/@me/guilds/{guild_id}/settings", "one's own settings"),
    ("DELETE", "/users/@me/guilds/{guild_id}", "leaving"),
    ("DELETE", "/guilds/{guild_id}", "the owner's"),
    ("POST", "/guilds/{guild_id}/delete", "the owner's"),
    ("POST", "/guilds/{guild_id}/mfa", "the owner's"),
    ("PATCH", "/guilds/{guild_id}/members/@me", "one's own membership; the nickname needs CHANGE_NICKNAME"),
    ("DELETE", "/channels/{channel_id}/messages/{message_id}/reactions/{emoji}/@me", "one's own reaction"),
    ("POST", "/channels/{channel_id}/followers", "announcement channels only: a story of the bots"),
    (
        "DELETE",
        "/channels/{channel_id}/messages/{message_id}",
        "the author's, or MANAGE_MESSAGES: a story of its own",
    ),
    ("PATCH", "/guilds/{guild_id}/members/{user_id}", "each field has its own right"),
    ("PATCH", "/guilds/{guild_id}/members/@me/nick", "an empty body changes nothing"),
    ("PATCH", "/channels/{channel_id}/call", "conversations only"),
    ("POST", "/channels/{channel_id}/call/ring", "conversations only"),
    ("POST", "/channels/{channel_id}/call/stop-ringing", "conversations only"),
    ("PATCH", "/guilds/{guild_id}/voice-states/@me", "on stages only, for who is there"),
    ("PATCH", "/guilds/{guild_id}/voice-states/{user_id}", "on stages only, for who is there"),
];

/// Routes of a guild that say the same of every guild, there or not.
const SAME_FOR_ALL: &[&str] = &["/guilds/{guild_id}/regions", "/guilds/{guild_id}/premium/subscriptions"];

/// A guild whose @everyone may look and nothing else.
struct Scene {
    guild: String,
    channel: String,
    message: String,
    role: String,
    member: String,
    application: String,
}

async fn scene(owner: &Person<'_>, member: &Person<'_>, banned: &Person<'_>) -> Scene {
    let (guild, channel) = owner.make_guild("Maple House").await;
    owner.bring(&channel, &[member, banned]).await;
    owner.put(&format!("/guilds/{guild}/bans/{}", banned.id), json!({})).await.ok();
    let only_view = (1u64 << 10).to_string();
    owner.patch(&format!("/guilds/{guild}/roles/{guild}"), json!({ "permissions": only_view })).await.ok();
    let role = owner
        .post(&format!("/guilds/{guild}/roles"), json!({ "name": "Bakers", "permissions": "0" }))
        .await
        .ok();
    let message = owner.say(&channel, "the secret is soy").await;
    let application = owner.post("/applications", json!({ "name": "Ladle" })).await.body;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    Scene {
        guild,
        channel,
        message: text(&message["id"]),
        role: text(&role["id"]),
        member: owner.id.clone(),
        application: application["id"].as_str().unwrap_or("175928847299117063").to_owned(),
    }
}

impl Scene {
    fn path(&self, template: &str) -> String {
        let mut path = template.to_owned();
        for (name, value) in [
            ("{guild_id}", self.guild.as_str()),
            ("{channel_id}", &self.channel),
            ("{message_id}", &self.message),
            ("{role_id}", &self.role),
            ("{overwrite_id}", &self.role),
            ("{user_id}", &self.member),
            // No live one: accepting it would make members of the outsiders.
            ("{code}", "NoSuchCode"),
            ("{emoji}", "%F0%9F%94%A5"),
            ("{application_id}", &self.application),
        ] {
            path = path.replace(name, value);
        }
        while let Some((before, rest)) = path.clone().split_once('{') {
            let (_, after) = rest.split_once('}').unwrap();
            path = format!("{before}175928847299117063{after}");
        }
        path
    }
}

fn code(answer: &Answer) -> (u16, u64) {
    (answer.status.as_u16(), answer.body["code"].as_u64().unwrap_or(0))
}

fn is_of_a_place(path: &str) -> bool {
    path.contains("{guild_id}") || path.contains("{channel_id}")
}

#[tokio::test]
async fn every_route_answers_strangers_and_the_unentitled_as_the_contract_says() {
    let server = Server::start().await;
    let owner = server.owner("mira").await;
    let (member, banned, outsider) =
        (server.person("june").await, server.person("eve").await, server.person("otto").await);
    let scene = scene(&owner, &member, &banned).await;
    let mut faults = Vec::new();
    let mut checked = 0;
    for route in routes::all() {
        // Leaving and being told apart need accounts of their own; they are stories elsewhere.
        if route.path.starts_with("/auth/")
            || matches!(route.path, "/users/@me/disable" | "/users/@me/delete")
        {
            continue;
        }
        let path = scene.path(route.path);
        let method: Method = route.method.as_str().parse().unwrap();
        let name = format!("{method} {}", route.path);
        let body = (method != Method::GET && method != Method::DELETE).then(|| json!({}));
        let mut expect = |who: &str, answer: &Answer, is_right: bool| {
            checked += 1;
            let leaks = answer.status.as_u16() >= 400 && answer.body.to_string().contains("soy");
            if !is_right || leaks || answer.status.is_server_error() {
                faults.push(format!("{name} by {who}: {} {}", answer.status, answer.body));
            }
        };
        let anonymous = server.call(method.clone(), &path, body.clone()).await;
        let is_closed = !matches!(route.who, Who::Nobody | Who::Perhaps);
        expect("anonymous", &anonymous, !is_closed || code(&anonymous) == (401, 0));
        for (who, person) in [("an outsider", &outsider), ("somebody banned", &banned)] {
            let answer = person.call(method.clone(), &path, body.clone()).await;
            let is_right = match route.who {
                Who::Bot => code(&answer) == (403, 20002),
                _ if !is_of_a_place(route.path) => true,
                Who::Nobody | Who::Perhaps => true,
                _ => {
                    matches!(code(&answer), (403, 50001) | (404, 10004)) || SAME_FOR_ALL.contains(&route.path)
                }
            };
            expect(who, &answer, is_right);
        }
        if !is_of_a_place(route.path) || route.who == Who::Bot {
            continue;
        }
        if WITHOUT_A_RIGHT.iter().any(|(m, path, _)| *m == method.as_str() && *path == route.path) {
            continue;
        }
        if method != Method::GET && route.permissions.is_empty() {
            faults.push(format!("{name} names no right"));
            continue;
        }
        if let Some(right) = route.permissions.first().copied().filter(|right| *right != "VIEW_CHANNEL") {
            let answer = member.call(method.clone(), &path, body).await;
            // Without history one sees an empty one (API.md §7.22).
            let is_empty = right == "READ_MESSAGE_HISTORY"
                && answer.status.is_success()
                && !answer.body.to_string().contains("soy");
            expect("a member without the right", &answer, code(&answer) == (403, 50013) || is_empty);
        }
    }
    assert!(checked > 300, "only {checked} calls were checked");
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}
