//! I-2 of SAFETY.md: once a revoking call is answered, nothing that happens later in what was lost reaches the person, while the place
//! is flooded. What comes after is marked by a word in a place that they still see.

use std::cell::Cell;

use serde_json::{Value, json};

use crate::support::{Gateway, Person, Server};

const VIEW: u64 = 1 << 10;
/// Posts under way before the revocation, and after it.
const FLOOD: u64 = 6;

/// A cellar that only a role sees, with somebody who has it.
struct House<'s> {
    mira: Person<'s>,
    june: Person<'s>,
    guild: String,
    cellar: String,
    role: String,
    /// A conversation of the two, which no act in the guild takes away.
    conversation: String,
}

impl<'s> House<'s> {
    async fn build(server: &'s Server) -> Self {
        let (mira, june) = (server.owner("mira").await, server.person("june").await);
        let (guild, channel) = mira.make_guild("Maple House").await;
        mira.bring(&channel, &[&june]).await;
        let role = json!({ "name": "Cellarers", "permissions": "0" });
        let role = id(&mira.post(&format!("/guilds/{guild}/roles"), role).await.ok());
        mira.put(&format!("/guilds/{guild}/members/{}/roles/{role}", june.id), json!({})).await.ok();
        let overwrites = json!([
            { "id": guild, "type": 0, "deny": VIEW.to_string() },
            { "id": role, "type": 0, "allow": VIEW.to_string() },
        ]);
        let cellar = json!({ "name": "cellar", "type": 0, "permission_overwrites": overwrites });
        let cellar = id(&mira.post(&format!("/guilds/{guild}/channels"), cellar).await.ok());
        let conversation = mira.open_dm(&june).await;
        mira.befriend(&june).await;
        Self { mira, june, guild, cellar, role, conversation }
    }

    /// Floods the cellar with numbered posts, `revoke`s in the middle, and floods on: the first number sent after the answer.
    async fn flood_around(&self, revoke: impl Future<Output = ()>) -> u64 {
        let (sent, is_over) = (Cell::new(0), Cell::new(false));
        let flood = async {
            while !is_over.get() {
                sent.set(sent.get() + 1);
                self.mira.say(&self.cellar, &format!("flood {}", sent.get())).await;
            }
        };
        let reaches = async |count: u64| {
            while sent.get() < count {
                tokio::task::yield_now().await;
            }
        };
        let act = async {
            reaches(FLOOD).await;
            revoke.await;
            let first_after = sent.get() + 1;
            reaches(first_after + FLOOD).await;
            is_over.set(true);
            first_after
        };
        tokio::join!(flood, act).1
    }

    /// Takes all that came up to the mark in the conversation, and checks it.
    async fn check(&self, gateway: &mut Gateway, first_after: u64, what: &str) {
        let mark = self.mira.say(&self.conversation, "that was it").await;
        let (mut is_lost, mut heard) = (false, 0);
        loop {
            let (name, data) = gateway.next_event().await;
            if data["id"] == mark["id"] {
                break;
            }
            is_lost |= name == "CHANNEL_DELETE" && data["id"] == self.cellar.as_str();
            is_lost |= name == "GUILD_DELETE" && data["id"] == self.guild.as_str();
            if data["channel_id"] == self.cellar.as_str() {
                assert!(!is_lost, "{what}: {name} came after the loss was told: {data}");
                assert!(number(&data) < first_after, "{what}: {name} of later than the answer: {data}");
                heard += 1;
            }
        }
        assert!(is_lost && heard > 0, "{what}: heard {heard}, lost: {is_lost}");
    }
}

fn id(value: &Value) -> String {
    value["id"].as_str().unwrap().to_owned()
}

/// The number of a post of the flood; 0 for anything else.
fn number(event: &Value) -> u64 {
    event["content"].as_str().and_then(|text| text.strip_prefix("flood ")?.parse().ok()).unwrap_or(0)
}

/// Everything that takes the cellar away from june.
async fn revoke(house: &House<'_>, how: &str) {
    let House { mira, june, guild, cellar, role, .. } = house;
    let deny = json!({ "type": 1, "deny": VIEW.to_string() });
    let answer = match how {
        "a member's overwrite" => {
            mira.put(&format!("/channels/{cellar}/permissions/{}", june.id), deny).await
        }
        "a role's overwrite" => mira.delete(&format!("/channels/{cellar}/permissions/{role}")).await,
        "the channel's overwrites" => {
            let none = json!([{ "id": guild, "type": 0, "deny": VIEW.to_string() }]);
            mira.patch(&format!("/channels/{cellar}"), json!({ "permission_overwrites": none })).await
        }
        "a role taken" => mira.delete(&format!("/guilds/{guild}/members/{}/roles/{role}", june.id)).await,
        "roles edited" => {
            mira.patch(&format!("/guilds/{guild}/members/{}", june.id), json!({ "roles": [] })).await
        }
        "a role deleted" => mira.delete(&format!("/guilds/{guild}/roles/{role}")).await,
        "a kick" => mira.delete(&format!("/guilds/{guild}/members/{}", june.id)).await,
        "a ban" => mira.put(&format!("/guilds/{guild}/bans/{}", june.id), json!({})).await,
        "leaving" => june.delete(&format!("/users/@me/guilds/{guild}")).await,
        _ => unreachable!("no such way: {how}"),
    };
    answer.ok();
    // The REST side is shut in the same moment.
    june.get(&format!("/channels/{cellar}/messages")).await.refused(403, 50001);
}

async fn i2_holds_for(how: &str) {
    let server = Server::start().await;
    let house = House::build(&server).await;
    let mut junes = house.june.connect().await;
    let first_after = house.flood_around(revoke(&house, how)).await;
    house.check(&mut junes, first_after, how).await;
}

#[tokio::test]
async fn i2_nothing_of_a_lost_channel_comes_after_the_answer_that_took_it() {
    for how in ["a member's overwrite", "a role's overwrite", "the channel's overwrites"] {
        i2_holds_for(how).await;
    }
}

#[tokio::test]
async fn i2_nothing_comes_after_a_role_is_gone() {
    for how in ["a role taken", "roles edited", "a role deleted"] {
        i2_holds_for(how).await;
    }
}

#[tokio::test]
async fn i2_nothing_of_the_guild_comes_after_one_is_out() {
    for how in ["a kick", "a ban", "leaving"] {
        i2_holds_for(how).await;
    }
}

/// Takes what came until the server closes: the code, and the highest number of the flood.
async fn until_closed(mut gateway: Gateway) -> (u16, u64) {
    let mut highest = 0;
    loop {
        match gateway.frame().await {
            Ok(frame) => highest = highest.max(number(&frame["d"])),
            Err(code) => return (code, highest),
        }
    }
}

#[tokio::test]
async fn i2_a_login_or_token_that_ends_closes_its_sockets_and_hears_nothing_more() {
    let server = Server::start().await;
    let house = House::build(&server).await;
    let junes = house.june.connect().await;
    let (session, seq) = (junes.session_id.clone(), junes.seq);
    let first_after =
        house.flood_around(async { drop(house.june.post("/auth/logout", json!({})).await.ok()) }).await;
    let (code, highest) = until_closed(junes).await;
    assert!(
        code == 4004 && highest < first_after,
        "closed with {code} after {highest}, left at {first_after}"
    );
    let mut back = Gateway::open(&server.origin, "?v=10&encoding=json").await;
    let resume = json!({ "token": house.june.authorization, "session_id": session, "seq": seq });
    back.send(6, resume).await;
    assert!(!matches!(back.frame().await, Ok(frame) if frame["op"] == 0), "no resume opens what was closed");

    let bot = house.mira.make_bot("Ladle").await;
    let link = format!("/oauth2/authorize?client_id={}&scope=bot&permissions=8", bot.id);
    house.mira.post(&link, json!({ "authorize": true, "guild_id": house.guild })).await.ok();
    let mut bots = bot.connect_with(json!({ "intents": 1 | 1 << 9 })).await;
    bots.expect("GUILD_CREATE").await;
    let reset = format!("/applications/{}/bot/reset", bot.id);
    let first_after = house.flood_around(async { drop(house.mira.post(&reset, json!({})).await.ok()) }).await;
    let (code, highest) = until_closed(bots).await;
    assert!(
        code == 4004 && highest < first_after,
        "closed with {code} after {highest}, left at {first_after}"
    );
    bot.get("/users/@me").await.refused(401, 0);
}

#[tokio::test]
async fn i2_signed_addresses_are_not_renewed_for_who_lost_the_channel() {
    let server = Server::start().await;
    let house = House::build(&server).await;
    let path = format!("/channels/{}/messages", house.cellar);
    let posted =
        house.mira.send_parts(reqwest::Method::POST, &path, &[("file", "wine.txt", b"red")]).await.ok();
    let url = posted["attachments"][0]["url"].as_str().unwrap();
    let ask = json!({ "attachment_urls": [url] });
    let before = house.june.post("/attachments/refresh-urls", ask.clone()).await.ok();
    assert!(before["refreshed_urls"][0]["refreshed"].is_string());
    revoke(&house, "a role taken").await;
    let after = house.june.post("/attachments/refresh-urls", ask).await.ok();
    assert!(after["refreshed_urls"][0]["refreshed"].is_null());
}
