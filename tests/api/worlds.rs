//! I-1 of SAFETY.md: what a person may not see changes nothing they receive. One seeded history is played twice, once with and once
//! without hidden activity; all that an onlooker gets is equal but for a renaming of ids and times.

use std::collections::HashMap;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Person, Server};

/// Steps of a history.
const STEPS: u64 = 24;

/// A small generator, the same at every run (Knuth's MMIX constants).
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// Names ids and times by the order in which they first appear.
#[derive(Default)]
struct Renaming(HashMap<String, String>);

impl Renaming {
    fn of(&mut self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(items) => items.iter().map(|item| self.of(item)).collect(),
            // Bits of a time, not of a thing.
            Value::Number(number) if number.as_u64().is_some_and(|n| n > 1_000_000_000) => json!("time"),
            Value::Object(map) => {
                let renamed = map.iter().map(|(key, value)| (self.text(key), self.of(value)));
                Value::Object(renamed.collect())
            }
            other => other.clone(),
        }
    }

    fn text(&mut self, text: &str) -> String {
        if text.len() >= 20 && text.as_bytes()[4] == b'-' && text.contains("T") && text.ends_with("+00:00") {
            return "time".to_owned();
        }
        if text.contains("127.0.0.1:") {
            return "address".to_owned();
        }
        let is_secret = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
            || text.len() == 44 && text.ends_with('=');
        if is_secret {
            // Its digits may look like an id.
            return "secret".to_owned();
        }
        let mut out = String::new();
        let mut digits = String::new();
        for c in text.chars().chain(['\0']) {
            if c.is_ascii_digit() {
                digits.push(c);
                continue;
            }
            let next = self.0.len();
            match digits.len() {
                17.. => out.push_str(self.0.entry(digits.clone()).or_insert_with(|| format!("id{next}"))),
                _ => out.push_str(&digits),
            }
            digits.clear();
            if c != '\0' {
                out.push(c);
            }
        }
        out
    }
}

/// What only the owner sees; what it comes to must reach nobody else.
async fn act_in_secret(
    owner: &Person<'_>,
    onlooker: &str,
    cellar: &str,
    dice: &mut Dice,
    said: &mut Vec<String>,
) {
    let last = said.last().cloned();
    let path = |rest: &str| format!("/channels/{cellar}{rest}");
    match (dice.roll(8), last) {
        (0, _) => drop(owner.post(&path("/typing"), json!({})).await.ok()),
        (1, Some(id)) => {
            drop(owner.put(&path(&format!("/messages/{id}/reactions/%F0%9F%94%A5/@me")), json!({})).await)
        }
        (2, Some(id)) => drop(owner.put(&path(&format!("/messages/pins/{id}")), json!({})).await),
        (3, Some(id)) => {
            drop(owner.patch(&path(&format!("/messages/{id}")), json!({ "content": "moved" })).await)
        }
        (4, Some(id)) => {
            owner.delete(&path(&format!("/messages/{id}"))).await.ok();
            said.pop();
        }
        (5, _) => drop(owner.patch(&path(""), json!({ "topic": format!("{}", dice.roll(9)) })).await.ok()),
        (6, _) => drop(owner.post(&path("/invites"), json!({ "unique": true })).await.ok()),
        _ => {
            let text = format!("<@{onlooker}> @everyone the secret is {}", dice.roll(100));
            said.push(owner.say(cellar, &text).await["id"].as_str().unwrap().to_owned());
        }
    }
}

async fn act_in_the_open(owner: &Person<'_>, onlooker: &str, kitchen: &str, guild: &str, dice: &mut Dice) {
    match dice.roll(5) {
        0 => drop(owner.post(&format!("/channels/{kitchen}/typing"), json!({})).await.ok()),
        1 => drop(owner.say(kitchen, &format!("<@{onlooker}> soup is ready")).await),
        2 => {
            let role = json!({ "name": format!("role {}", dice.roll(100)), "permissions": "0" });
            owner.post(&format!("/guilds/{guild}/roles"), role).await.ok();
        }
        3 => {
            let id = owner.say(kitchen, "stir").await["id"].as_str().unwrap().to_owned();
            owner
                .put(&format!("/channels/{kitchen}/messages/{id}/reactions/%F0%9F%94%A5/@me"), json!({}))
                .await
                .ok();
        }
        _ => drop(owner.say(kitchen, &format!("bake {}", dice.roll(100))).await),
    }
}

/// Plays a history; everything the onlooker got, renamed.
async fn play(seed: u64, has_secrets: bool) -> Vec<(String, Value)> {
    let server = Server::start().await;
    let owner = server.owner("mira").await;
    let june = server.person("june").await;
    let (guild, kitchen) = owner.make_guild("Maple House").await;
    let hidden = json!([{ "id": guild, "type": 0, "deny": "1024" }]);
    let cellar = json!({ "name": "cellar", "type": 0, "permission_overwrites": hidden });
    let cellar = owner.post(&format!("/guilds/{guild}/channels"), cellar).await.ok()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    owner.bring(&kitchen, &[&june]).await;
    let mut gateway = june.connect().await;
    // From here on the onlooker counts as there.
    gateway.expect("SESSIONS_REPLACE").await;
    let (mut open, mut secret, mut said) = (Dice(seed), Dice(seed ^ 0x5eed), Vec::new());
    for _ in 0..STEPS {
        if has_secrets {
            act_in_secret(&owner, &june.id, &cellar, &mut secret, &mut said).await;
        }
        act_in_the_open(&owner, &june.id, &kitchen, &guild, &mut open).await;
    }
    let end = owner.say(&kitchen, "that is all").await;
    let mut got = vec![("READY".to_owned(), gateway.ready.clone())];
    loop {
        let (name, data) = gateway.next_event().await;
        let is_end = data["id"] == end["id"];
        // The onlooker's own sessions, told when half a second has passed: a matter of time, not of the history.
        if name != "SESSIONS_REPLACE" {
            got.push((name, data));
        }
        if is_end {
            break;
        }
    }
    let mut again = june.connect().await;
    // Whether the onlooker counts as there already is a matter of time as well.
    if let Some(presences) = again.ready["guilds"][0]["presences"].as_array_mut() {
        presences.retain(|presence| presence["user"]["id"] != june.id.as_str());
    }
    again.ready["sessions"].take();
    got.push(("READY again".to_owned(), again.ready.take()));
    for path in [
        format!("/guilds/{guild}?with_counts=true"),
        format!("/guilds/{guild}/channels"),
        format!("/guilds/{guild}/roles"),
        format!("/guilds/{guild}/members/{}", owner.id),
        format!("/guilds/{guild}/members/search?query=m&limit=9"),
        format!("/channels/{kitchen}/messages?limit=100"),
        format!("/channels/{cellar}"),
        format!("/channels/{cellar}/messages"),
        format!("/channels/{cellar}/messages/{}", end["id"].as_str().unwrap()),
        format!("/channels/{cellar}/invites"),
        format!("/guilds/{guild}/invites"),
        "/users/@me/mentions?limit=100".to_owned(),
        "/users/@me/guilds?with_counts=true".to_owned(),
        format!("/users/{}/profile", owner.id),
    ] {
        let answer = june.call(Method::GET, &path, None).await;
        got.push((path, json!({ "status": answer.status.as_u16(), "body": answer.body })));
    }
    let mut renaming = Renaming::default();
    got.into_iter().map(|(name, value)| (renaming.text(&name), renaming.of(&value))).collect()
}

/// Where two values differ first, for a failure that can be read.
fn first_difference(a: &Value, b: &Value, path: String) -> Option<String> {
    match (a, b) {
        (Value::Object(x), Value::Object(y)) if x.keys().eq(y.keys()) => {
            x.iter().find_map(|(key, value)| first_difference(value, &y[key], format!("{path}.{key}")))
        }
        (Value::Array(x), Value::Array(y)) if x.len() == y.len() => {
            let pairs = x.iter().zip(y).enumerate();
            pairs.into_iter().find_map(|(n, (p, q))| first_difference(p, q, format!("{path}[{n}]")))
        }
        _ => (a != b).then(|| format!("{path}: {a} but without secrets {b}")),
    }
}

#[tokio::test]
async fn i1_hidden_activity_changes_nothing_an_onlooker_receives() {
    let seeds = std::env::var("HEARTH_TEST_WORLDS").ok().and_then(|count| count.parse().ok()).unwrap_or(4);
    for seed in 1..=seeds {
        let (with, without) = (play(seed, true).await, play(seed, false).await);
        for ((name, a), (other, b)) in with.iter().zip(&without) {
            assert_eq!(name, other, "seed {seed}");
            let difference = first_difference(a, b, String::new());
            assert!(difference.is_none(), "seed {seed}: {name}{}", difference.unwrap_or_default());
        }
        assert_eq!(with.len(), without.len(), "seed {seed}");
        let shown = format!("{with:?}");
        assert!(shown.contains("soup is ready") || shown.contains("bake"), "seed {seed} shows what is open");
    }
}
