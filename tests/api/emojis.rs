//! Custom emoji and stickers: made, managed, shown, used in messages and reactions, and by whom not.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};

use crate::pictures::{gif, png, size};
use crate::support::{Person, Server};

const USE_EXTERNAL_EMOJIS: u64 = 1 << 18;
const USE_EXTERNAL_STICKERS: u64 = 1 << 37;
const EVERYDAY: u64 = 1 << 6 | 1 << 10 | 1 << 11 | 1 << 14 | 1 << 15 | 1 << 16;

fn picture(bytes: &[u8], kind: &str) -> String {
    format!("data:image/{kind};base64,{}", STANDARD.encode(bytes))
}

fn id(value: &Value) -> &str {
    value["id"].as_str().unwrap()
}

async fn make(person: &Person<'_>, guild: &str, name: &str, bytes: &[u8], kind: &str) -> Value {
    let body = json!({ "name": name, "image": picture(bytes, kind) });
    let made = person.post(&format!("/guilds/{guild}/emojis"), body).await;
    assert_eq!(made.status, 201, "{}", made.body);
    made.body
}

async fn set_everyone(owner: &Person<'_>, guild: &str, bits: u64) {
    let body = json!({ "permissions": bits.to_string() });
    owner.patch(&format!("/guilds/{guild}/roles/{guild}"), body).await.ok();
}

#[tokio::test]
async fn emoji_are_made_shown_renamed_and_deleted_before_everybodys_eyes() {
    let server = Server::start().await;
    let (mira, june) = (server.owner("mira").await, server.person("june").await);
    let (guild, channel) = mira.make_guild("Maple House").await;
    mira.bring(&channel, &[&june]).await;
    let (mut hers, mut his) = (mira.connect().await, june.connect().await);
    let soup = make(&mira, &guild, "soup", &png(300, 200), "png").await;
    assert_eq!((&soup["animated"], &soup["user"]["username"]), (&json!(false), &json!("mira")));
    let told = his.expect("GUILD_EMOJIS_UPDATE").await;
    assert_eq!((&told["guild_id"], &told["emojis"][0]["name"]), (&json!(guild), &json!("soup")));
    assert!(told["emojis"][0].get("user").is_none());
    let steam = make(&mira, &guild, "steam", &gif(32), "gif").await;
    assert_eq!(steam["animated"], true);

    let cdn = |emoji: &Value, rest: &str| format!("{}/cdn/emojis/{}{rest}", server.origin, id(emoji));
    let still = server.fetch(&cdn(&soup, ".png?size=48"), &[]).await;
    assert_eq!((still.header("content-type"), size(&still.bytes)), ("image/png", (64, 43)));
    assert_eq!(server.fetch(&cdn(&soup, ".gif"), &[]).await.status, 415);
    assert_eq!(server.fetch(&cdn(&steam, ".gif"), &[]).await.bytes, gif(32));
    assert_eq!(
        server.fetch(&cdn(&steam, ".webp?animated=true"), &[]).await.header("content-type"),
        "image/gif"
    );
    assert_eq!(server.fetch(&cdn(&steam, ".webp?size=32"), &[]).await.header("content-type"), "image/webp");

    let path = format!("/guilds/{guild}/emojis/{}", id(&soup));
    assert!(june.get(&path).await.ok()["user"].is_object(), "who may make emoji sees who did");
    june.patch(&path, json!({ "name": "mine" })).await.refused(403, 50013);
    mira.patch(&path, json!({ "name": "s" })).await.refused(400, 50035);
    assert_eq!(mira.patch(&path, json!({ "name": "stew" })).await.ok()["name"], "stew");
    let own = make(&june, &guild, "junes", &png(20, 20), "png").await;
    june.delete(&format!("/guilds/{guild}/emojis/{}", id(&own))).await.ok();
    let guild_shown = mira.get(&format!("/guilds/{guild}")).await.ok();
    let names: Vec<_> =
        guild_shown["emojis"].as_array().unwrap().iter().map(|emoji| &emoji["name"]).collect();
    assert_eq!(names, ["stew", "steam"]);
    mira.delete(&path).await.ok();
    mira.get(&path).await.refused(404, 10014);
    assert_eq!(server.fetch(&cdn(&soup, ".png"), &[]).await.status, 404);
    let mut acts = Vec::new();
    while acts.len() < 6 {
        acts.push(hers.expect("GUILD_AUDIT_LOG_ENTRY_CREATE").await["action_type"].as_u64().unwrap());
    }
    assert_eq!(acts, [60, 60, 61, 60, 62, 62]);

    let large = json!({ "name": "big", "image": picture(&vec![0; 300 << 10], "png") });
    mira.post(&format!("/guilds/{guild}/emojis"), large).await.refused(400, 50035);
    set_everyone(&mira, &guild, EVERYDAY).await;
    let body = json!({ "name": "no", "image": picture(&png(8, 8), "png") });
    june.post(&format!("/guilds/{guild}/emojis"), body).await.refused(403, 50013);
    assert!(june.get(&format!("/guilds/{guild}/emojis")).await.ok()[0].get("user").is_none());
}

#[tokio::test]
async fn emoji_of_elsewhere_need_the_right_to_bring_them() {
    let server = Server::start().await;
    let (mira, june, otto) =
        (server.owner("mira").await, server.person("june").await, server.person("otto").await);
    let (home, channel) = mira.make_guild("Maple House").await;
    let (away, other) = mira.make_guild("Elm Yard").await;
    mira.bring(&channel, &[&june, &otto]).await;
    mira.bring(&other, &[&june]).await;
    let soup = make(&mira, &away, "soup", &png(30, 30), "png").await;
    let tag = format!("<:soup:{}>", id(&soup));
    let text = format!("hot {tag}");
    assert_eq!(june.say(&channel, &text).await["content"], text);
    let message = mira.say(&channel, "react").await;
    let react = |name: &str| {
        let (message, emoji) = (id(&message), id(&soup));
        format!("/channels/{channel}/messages/{message}/reactions/{name}:{emoji}/@me")
    };
    otto.put(&react("soup"), json!({})).await.refused(404, 10014);
    june.put(&react("whatever"), json!({})).await.ok();
    let mut hers = mira.connect().await;
    otto.put(&react("soup"), json!({})).await.ok();
    let told = hers.expect("MESSAGE_REACTION_ADD").await;
    assert_eq!(told["emoji"], json!({ "id": soup["id"], "name": "soup" }), "who joins needs nothing");
    let shown = june.get(&format!("/channels/{channel}/messages/{}", id(&message))).await.ok();
    assert_eq!((&shown["reactions"][0]["count"], &shown["reactions"][0]["me"]), (&json!(2), &json!(true)));

    set_everyone(&mira, &home, EVERYDAY).await;
    assert_eq!(june.say(&channel, &text).await["content"], "hot :soup:");
    let next = mira.say(&channel, "again").await;
    june.put(
        &format!("/channels/{channel}/messages/{}/reactions/soup:{}/@me", id(&next), id(&soup)),
        json!({}),
    )
    .await
    .refused(403, 50013);
    set_everyone(&mira, &home, EVERYDAY | USE_EXTERNAL_EMOJIS).await;
    assert_eq!(june.say(&channel, &text).await["content"], text);
}

#[tokio::test]
async fn stickers_are_made_of_files_and_sent_by_who_may() {
    let server = Server::start().await;
    let (mira, june) = (server.owner("mira").await, server.person("june").await);
    let (guild, channel) = mira.make_guild("Maple House").await;
    let (_, elsewhere) = mira.make_guild("Elm Yard").await;
    mira.bring(&channel, &[&june]).await;
    mira.bring(&elsewhere, &[&june]).await;
    let mut his = june.connect().await;
    let path = format!("/guilds/{guild}/stickers");
    let picture = png(200, 200);
    let form = |file: &'static str| {
        [("name", "", &b"wave"[..]), ("tags", "", b"wave"), ("description", "", file.as_bytes())]
    };
    let with = async |bytes: &[u8]| {
        let mut parts = form("a hand").to_vec();
        parts.push(("file", "wave.png", bytes));
        mira.send_parts(Method::POST, &path, &parts).await
    };
    let made = with(&picture).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let made = made.ok();
    assert_eq!(
        (&made["format_type"], &made["type"], &made["description"]),
        (&json!(1), &json!(2), &json!("a hand"))
    );
    assert_eq!(his.expect("GUILD_STICKERS_UPDATE").await["stickers"][0]["name"], "wave");
    assert_eq!(with(&gif(64)).await.ok()["format_type"], 4);
    with(&png(400, 100)).await.refused(400, 50046);
    with(b"<svg/>").await.refused(400, 50046);
    with(&vec![7; 600 << 10]).await.refused(413, 50045);
    mira.send_parts(Method::POST, &path, &form("none")).await.refused(400, 50035);
    let fetched = server.fetch(&format!("{}/cdn/stickers/{}.png", server.origin, id(&made)), &[]).await;
    assert_eq!((fetched.header("content-type"), size(&fetched.bytes)), ("image/png", (200, 200)));

    let send = json!({ "sticker_ids": [made["id"]] });
    let posted = june.post(&format!("/channels/{channel}/messages"), send.clone()).await.ok();
    assert_eq!(posted["sticker_items"], json!([{ "id": made["id"], "name": "wave", "format_type": 1 }]));
    june.post(&format!("/channels/{elsewhere}/messages"), send.clone()).await.ok();
    let away =
        mira.get(&format!("/channels/{elsewhere}")).await.ok()["guild_id"].as_str().unwrap().to_owned();
    set_everyone(&mira, &away, EVERYDAY).await;
    june.post(&format!("/channels/{elsewhere}/messages"), send.clone()).await.refused(403, 50600);
    set_everyone(&mira, &away, EVERYDAY | USE_EXTERNAL_STICKERS).await;
    june.post(&format!("/channels/{elsewhere}/messages"), send).await.ok();
    let dm = june.open_dm(&mira).await;
    june.post(&format!("/channels/{dm}/messages"), json!({ "sticker_ids": [made["id"]] })).await.ok();
    june.post(&format!("/channels/{channel}/messages"), json!({ "sticker_ids": ["5"] }))
        .await
        .refused(400, 50081);

    let one = format!("{path}/{}", id(&made));
    june.patch(&one, json!({ "name": "mine" })).await.refused(403, 50013);
    assert_eq!(mira.patch(&one, json!({ "name": "hello" })).await.ok()["name"], "hello");
    assert_eq!(june.get(&format!("/stickers/{}", id(&made))).await.ok()["name"], "hello");
    mira.delete(&one).await.ok();
    june.get(&format!("/stickers/{}", id(&made))).await.refused(404, 10060);
    let kept = june.get(&format!("/channels/{channel}/messages/{}", id(&posted))).await.ok();
    assert_eq!(kept["sticker_items"][0]["name"], "wave");
}

#[tokio::test]
async fn an_applications_emoji_are_its_bots_everywhere() {
    let server = Server::start().await;
    let (mira, june) = (server.owner("mira").await, server.person("june").await);
    let (guild, channel) = mira.make_guild("Maple House").await;
    let bot = mira.make_bot("Ladle").await;
    let link = format!("/oauth2/authorize?client_id={}&scope=bot", bot.id);
    mira.post(&link, json!({ "authorize": true, "guild_id": guild, "permissions": "0" })).await.ok();
    let path = format!("/applications/{}/emojis", bot.id);
    let body = json!({ "name": "spoon", "image": picture(&png(16, 16), "png") });
    let made = bot.post(&path, body.clone()).await.ok();
    assert_eq!(mira.get(&path).await.ok()["items"][0]["name"], "spoon");
    june.get(&path).await.refused(403, 20012);
    june.post(&path, body).await.refused(403, 20012);
    let message = mira.say(&channel, "react").await;
    let react = format!("/channels/{channel}/messages/{}/reactions/spoon:{}/@me", id(&message), id(&made));
    mira.put(&react, json!({})).await.refused(404, 10014);
    bot.put(&react, json!({})).await.ok();
    let one = format!("{path}/{}", id(&made));
    assert_eq!(bot.patch(&one, json!({ "name": "ladle" })).await.ok()["name"], "ladle");
    bot.delete(&one).await.ok();
    bot.get(&one).await.refused(404, 10014);
}
