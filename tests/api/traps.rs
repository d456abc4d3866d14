//! The traps of API.md §7, each under its number: what a library or client falls into when the server gets one detail wrong. Those of
//! voice and files stand where these are tested.

mod gateway;
mod messages;
mod rights;
mod wire;

use serde_json::{Value, json};

use crate::support::{Gateway, Person, Server};

/// Every intent that needs no switch.
const ALL_UNPRIVILEGED: u64 = 0x3f_ffff & !(1 << 1 | 1 << 8 | 1 << 15) & !(1 << 17 | 1 << 18 | 1 << 19);

/// A guild with an owner, a member and a bot.
struct House<'s> {
    mira: Person<'s>,
    june: Person<'s>,
    guild: String,
    channel: String,
}

impl<'s> House<'s> {
    async fn build(server: &'s Server) -> Self {
        let (mira, june) = (server.owner("mira").await, server.person("june").await);
        let (guild, channel) = mira.make_guild("Maple House").await;
        mira.bring(&channel, &[&june]).await;
        Self { mira, june, guild, channel }
    }

    /// Adds a bot with these rights.
    async fn bot(&self, permissions: u64) -> Person<'_> {
        let bot = self.mira.make_bot("Ladle").await;
        let link = format!("/oauth2/authorize?client_id={}&scope=bot&permissions={permissions}", bot.id);
        self.mira.post(&link, json!({ "authorize": true, "guild_id": self.guild })).await.ok();
        bot
    }

    /// A role with these rights, given to somebody.
    async fn role(&self, who: &Person<'_>, permissions: u64) -> String {
        let body = json!({ "name": "Bakers", "permissions": permissions.to_string() });
        let role = self.mira.post(&format!("/guilds/{}/roles", self.guild), body).await.ok();
        let role = role["id"].as_str().unwrap().to_owned();
        let path = format!("/guilds/{}/members/{}/roles/{role}", self.guild, who.id);
        self.mira.put(&path, json!({})).await.ok();
        role
    }

    /// What @everyone may do.
    async fn everyone(&self, permissions: u64) {
        let path = format!("/guilds/{}/roles/{}", self.guild, self.guild);
        self.mira.patch(&path, json!({ "permissions": permissions.to_string() })).await.ok();
    }

    /// An overwrite of the first channel: `kind` 0 for a role, 1 for a member.
    async fn overwrite(&self, id: &str, kind: u8, allow: u64, deny: u64) {
        let body = json!({ "type": kind, "allow": allow.to_string(), "deny": deny.to_string() });
        self.mira.put(&format!("/channels/{}/permissions/{id}", self.channel), body).await.ok();
    }

    fn messages(&self) -> String {
        format!("/channels/{}/messages", self.channel)
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// A bot's session that has heard of its guilds.
async fn listening(bot: &Person<'_>) -> Gateway {
    let mut gateway = bot.connect_with(json!({ "intents": ALL_UNPRIVILEGED })).await;
    gateway.expect("GUILD_CREATE").await;
    gateway
}
