//! Bots: made, linked to a guild, told what their intents admit, resumed over a cut socket.

use serde_json::{Value, json};

use crate::support::{Gateway, Server};

/// GUILDS and GUILD_MESSAGES.
const INTENTS: u64 = 1 << 0 | 1 << 9;

#[tokio::test]
async fn a_bot_is_linked_hears_its_guild_and_resumes_over_a_cut_socket() {
    let server = Server::start().await;
    let mira = server.owner("mira").await;
    let (guild, channel) = mira.make_guild("Maple House").await;
    let bot = mira.make_bot("Ladle").await;
    let link = format!("/oauth2/authorize?client_id={}&scope=bot", bot.id);
    mira.post(&link, json!({ "authorize": true, "guild_id": guild, "permissions": "0" })).await.ok();
    let mut gateway = bot.connect_with(json!({ "intents": INTENTS })).await;
    assert_eq!(gateway.ready["guilds"][0], json!({ "id": guild, "unavailable": true }));
    let created = gateway.expect("GUILD_CREATE").await;
    assert_eq!((&created["id"], &created["unavailable"]), (&json!(guild), &json!(false)));
    mira.say(&channel, "soup is ready").await;
    let heard = gateway.expect("MESSAGE_CREATE").await;
    assert_eq!(heard["content"], "", "without MESSAGE_CONTENT the text is left out");
    mira.say(&channel, &format!("<@{}> stir it", bot.id)).await;
    let heard = gateway.expect("MESSAGE_CREATE").await;
    assert_eq!(heard["content"], format!("<@{}> stir it", bot.id), "who is mentioned reads it");

    let (session_id, seq) = gateway.cut();
    for text in ["one", "two", "three"] {
        mira.say(&channel, text).await;
    }
    let mut gateway = Gateway::open(&bot.server().origin, "?v=10").await;
    gateway.seq = seq;
    gateway.send(6, json!({ "token": bot.authorization, "session_id": session_id, "seq": seq })).await;
    let missed = gateway.names_until("RESUMED").await;
    assert_eq!(missed, ["MESSAGE_CREATE"; 3]);

    gateway.send_text("{\"op\":").await;
    let closed = loop {
        if let Err(code) = gateway.frame().await {
            break code;
        }
    };
    assert_eq!(closed, 4002);
}

#[tokio::test]
async fn another_persons_bot_stays_out_unless_it_is_public_and_the_caller_may_add_it() {
    let server = Server::start().await;
    let (mira, otto) = (server.owner("mira").await, server.person("otto").await);
    let (guild, _) = mira.make_guild("Maple House").await;
    let bot = mira.make_bot("Ladle").await;
    let link = format!("/oauth2/authorize?client_id={}&scope=bot", bot.id);
    let body: Value = json!({ "authorize": true, "guild_id": guild, "permissions": "0" });
    let refused = otto.post(&link, body.clone()).await;
    assert_eq!(refused.status, 403, "{}", refused.body);
    mira.post(&link, body).await.ok();
    let member = mira.get(&format!("/guilds/{guild}/members/{}", bot.id)).await.ok();
    assert_eq!(member["user"]["bot"], true);
    bot.get("/users/@me/settings").await.refused(403, 20001);
}
