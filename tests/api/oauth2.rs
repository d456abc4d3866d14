//! OAuth2: codes, tokens, what they open, and how they end.

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hearth::http::{Who, routes};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, PASSWORD, Person, Server};

const BACK: &str = "https://app.example.org/back?x=1";
const VERIFIER: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

fn challenge() -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, VERIFIER.as_bytes()))
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// An application with a secret and a place to come back to.
struct Client<'s> {
    server: &'s Server,
    id: String,
    secret: String,
}

impl<'s> Client<'s> {
    async fn make(server: &'s Server, owner: &Person<'_>) -> Self {
        let id = text(&owner.post("/applications", json!({ "name": "Ladle" })).await.ok()["id"]);
        owner.patch(&format!("/applications/{id}"), json!({ "redirect_uris": [BACK] })).await.ok();
        let confirm = json!({ "password": PASSWORD });
        let secret = owner.post(&format!("/applications/{id}/reset"), confirm).await.ok();
        Self { server, id, secret: text(&secret["secret"]) }
    }

    fn consent(&self, scope: &str, more: &str) -> String {
        let (scope, back) = (encoded(scope), encoded(BACK));
        format!(
            "/oauth2/authorize?client_id={}&response_type=code&scope={scope}&redirect_uri={back}{more}",
            self.id
        )
    }

    /// A code that `who` gives for these scopes.
    async fn code(&self, who: &Person<'_>, scope: &str, more: &str) -> String {
        let answer = who.post(&self.consent(scope, more), json!({ "authorize": true })).await.ok();
        let location = text(&answer["location"]);
        assert_eq!(answer["url"], answer["location"]);
        let code = location.strip_prefix(&format!("{BACK}&code=")).unwrap_or_else(|| panic!("{location}"));
        code.split('&').next().unwrap().to_owned()
    }

    async fn token(&self, form: &[(&str, &str)]) -> Answer {
        self.server.post_form("/oauth2/token", form).await
    }

    async fn exchange(&self, code: &str) -> Answer {
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", &self.id),
            ("client_secret", &self.secret),
            ("code", code),
            ("redirect_uri", BACK),
        ];
        self.token(&form).await
    }

    async fn refresh(&self, token: &str) -> Answer {
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", &self.id),
            ("client_secret", &self.secret),
            ("refresh_token", token),
        ];
        self.token(&form).await
    }
}

async fn bearer(server: &Server, method: Method, path: &str, token: &str) -> Answer {
    server.call_with(method, path, None, &[("authorization", &format!("Bearer {token}"))]).await
}

#[track_caller]
fn refused(answer: Answer, word: &str) {
    assert_eq!((answer.status.as_u16(), &answer.body), (400, &json!({ "error": word })));
}

#[tokio::test]
async fn a_code_becomes_a_token_that_opens_what_its_scopes_say() {
    let server = Server::start().await;
    let (mira, june) = (server.owner("mira").await, server.person("june").await);
    let client = Client::make(&server, &mira).await;
    june.patch("/users/@me", json!({ "email": "june@example.org", "password": PASSWORD })).await.ok();
    let asked = june.get(&client.consent("identify", "")).await.ok();
    assert_eq!((&asked["authorized"], &asked["guilds"]), (&json!(false), &json!([])));
    let code = client.code(&june, "identify", "&state=a%20b").await;
    let issued = client.exchange(&code).await;
    assert_eq!(issued.headers["cache-control"], "no-store");
    let issued = issued.ok();
    assert_eq!((&issued["token_type"], &issued["expires_in"]), (&json!("Bearer"), &json!(604_800)));
    assert_eq!(issued["scope"], "identify");
    let token = text(&issued["access_token"]);
    let own = bearer(&server, Method::GET, "/users/@me", &token).await.ok();
    assert_eq!((&own["username"], &own["email"]), (&json!("june"), &Value::Null));
    bearer(&server, Method::GET, "/users/@me/guilds", &token).await.refused(400, 50026);
    let current = bearer(&server, Method::GET, "/oauth2/@me", &token).await.ok();
    assert_eq!((&current["scopes"], &current["user"]["id"]), (&json!(["identify"]), &json!(june.id)));
    assert_eq!(june.get(&client.consent("identify", "")).await.ok()["authorized"], true);

    let code = client.code(&june, "identify email guilds", "").await;
    let token = text(&client.exchange(&code).await.ok()["access_token"]);
    assert_eq!(bearer(&server, Method::GET, "/users/@me", &token).await.ok()["email"], "june@example.org");
    assert_eq!(bearer(&server, Method::GET, "/users/@me/guilds", &token).await.ok(), json!([]));

    let given = june.get("/oauth2/tokens").await.ok();
    assert_eq!((given.as_array().unwrap().len(), &given[0]["application"]["id"]), (2, &json!(client.id)));
    june.delete(&format!("/oauth2/tokens/{}", text(&given[0]["id"]))).await.ok();
    bearer(&server, Method::GET, "/users/@me", &token).await.refused(401, 0);
    june.delete("/oauth2/tokens/175928847299117063").await.refused(404, 10012);
}

#[tokio::test]
async fn a_token_without_the_scope_opens_no_route_at_all() {
    let server = Server::start().await;
    let mira = server.owner("mira").await;
    let client = Client::make(&server, &mira).await;
    let code = client.code(&mira, "guilds.join", "").await;
    let token = text(&client.exchange(&code).await.ok()["access_token"]);
    for route in routes::all().iter().filter(|route| matches!(route.who, Who::Any | Who::Human | Who::Bot)) {
        let mut path = route.path.to_owned();
        while let Some((before, rest)) = path.clone().split_once('{') {
            path = format!("{before}1{}", rest.split_once('}').unwrap().1);
        }
        let method: Method = route.method.as_str().parse().unwrap();
        let answer = bearer(&server, method, &path, &token).await;
        let code = answer.body["code"].as_u64();
        assert_eq!((answer.status.as_u16(), code), (400, Some(50_026)), "{} {}", route.method, route.path);
    }
}

#[tokio::test]
async fn a_code_is_good_once_for_its_own_client_address_and_verifier() {
    let server = Server::start().await;
    let (mira, june) = (server.owner("mira").await, server.person("june").await);
    let (client, other) = (Client::make(&server, &mira).await, Client::make(&server, &june).await);
    let code = client.code(&june, "identify", "").await;
    let with = |id: &str, secret: &str, back: &str| {
        [
            ("grant_type", "authorization_code".to_owned()),
            ("client_id", id.to_owned()),
            ("client_secret", secret.to_owned()),
            ("code", code.clone()),
            ("redirect_uri", back.to_owned()),
        ]
    };
    for (id, secret, back, word) in [
        (&client.id, "wrong", BACK, "invalid_client"),
        (&other.id, &*other.secret, BACK, "invalid_grant"),
        (&client.id, "", BACK, "invalid_grant"),
        (&client.id, &*client.secret, "https://app.example.org/back?x=1&y", "invalid_grant"),
        (&client.id, &*client.secret, "https://app.example.org/back?x=1/", "invalid_grant"),
    ] {
        let form = with(id, secret, back);
        let form: Vec<(&str, &str)> = form.iter().map(|(key, value)| (*key, value.as_str())).collect();
        refused(client.token(&form).await, word);
    }
    let issued = client.exchange(&code).await.ok();
    let access = text(&issued["access_token"]);
    bearer(&server, Method::GET, "/users/@me", &access).await.ok();
    // Shown again, it ends what it gave.
    refused(client.exchange(&code).await, "invalid_grant");
    bearer(&server, Method::GET, "/users/@me", &access).await.refused(401, 0);

    let more = format!("&code_challenge={}&code_challenge_method=S256", challenge());
    let bound = client.code(&june, "identify", &more).await;
    refused(client.exchange(&bound).await, "invalid_grant");
    let public = |verifier: &'static str| {
        vec![
            ("grant_type", "authorization_code".to_owned()),
            ("client_id", client.id.clone()),
            ("code", bound.clone()),
            ("redirect_uri", BACK.to_owned()),
            ("code_verifier", verifier.to_owned()),
        ]
    };
    for (verifier, is_right) in [("short", false), (&VERIFIER[1..], false), (VERIFIER, true)] {
        let form = public(verifier);
        let form: Vec<(&str, &str)> = form.iter().map(|(key, value)| (*key, value.as_str())).collect();
        let answer = client.token(&form).await;
        assert_eq!(answer.status.is_success(), is_right, "{verifier}: {}", answer.body);
    }
}

#[tokio::test]
async fn a_refresh_token_turns_and_its_reuse_ends_the_family() {
    let server = Server::start().await;
    let mira = server.owner("mira").await;
    let client = Client::make(&server, &mira).await;
    let code = client.code(&mira, "identify", "").await;
    let first = client.exchange(&code).await.ok();
    let second = client.refresh(&text(&first["refresh_token"])).await.ok();
    assert_ne!(first["refresh_token"], second["refresh_token"]);
    let access = text(&second["access_token"]);
    bearer(&server, Method::GET, "/users/@me", &access).await.ok();
    // Somebody kept the old one.
    refused(client.refresh(&text(&first["refresh_token"])).await, "invalid_grant");
    bearer(&server, Method::GET, "/users/@me", &access).await.refused(401, 0);
    refused(client.refresh(&text(&second["refresh_token"])).await, "invalid_grant");

    let code = client.code(&mira, "identify", "").await;
    let issued = client.exchange(&code).await.ok();
    let access = text(&issued["access_token"]);
    let form = [("token", access.as_str()), ("client_id", &client.id), ("client_secret", &client.secret)];
    server.post_form("/oauth2/token/revoke", &form).await.ok();
    bearer(&server, Method::GET, "/oauth2/@me", &access).await.refused(401, 0);
    refused(
        client.token(&[("grant_type", "password"), ("client_id", &client.id)]).await,
        "unsupported_grant_type",
    );
    refused(client.token(&[("client_id", &client.id)]).await, "invalid_request");
    let own = [
        ("grant_type", "client_credentials"),
        ("client_id", client.id.as_str()),
        ("client_secret", &client.secret),
        ("scope", "identify"),
    ];
    let own = client.token(&own).await.ok();
    assert!(own.get("refresh_token").is_none());
    let own = bearer(&server, Method::GET, "/users/@me", &text(&own["access_token"])).await.ok();
    assert_eq!(own["id"], mira.id);
}

#[tokio::test]
async fn consent_goes_back_to_no_other_address_and_gives_no_token_by_itself() {
    let server = Server::start().await;
    let mira = server.owner("mira").await;
    let client = Client::make(&server, &mira).await;
    for foreign in [
        "https://app.example.org/back",
        "https://app.example.org/back?x=1&y=2",
        "http://app.example.org/back?x=1",
        "https://APP.example.org/back?x=1",
        "https://app.example.org:443/back?x=1",
        "https://app.example.org@evil.example/back?x=1",
        "https://app.example.org/back?x=1#",
    ] {
        let path = format!(
            "/oauth2/authorize?client_id={}&response_type=code&scope=identify&redirect_uri={}",
            client.id,
            encoded(foreign)
        );
        mira.post(&path, json!({ "authorize": true })).await.refused(400, 50035);
        mira.get(&path).await.refused(400, 50035);
    }
    let denied = mira.post(&client.consent("identify", "&state=s"), json!({ "authorize": false })).await.ok();
    assert_eq!(denied["location"], format!("{BACK}&error=access_denied&state=s"));
    let implicit = client.consent("identify", "").replace("response_type=code", "response_type=token");
    mira.post(&implicit, json!({ "authorize": true })).await.refused(400, 50035);
    mira.post(&client.consent("everything", ""), json!({ "authorize": true })).await.refused(400, 50035);
    let plain =
        client.consent("identify", &format!("&code_challenge={}&code_challenge_method=plain", challenge()));
    mira.post(&plain, json!({ "authorize": true })).await.refused(400, 50035);
}

#[tokio::test]
async fn a_bot_brings_in_who_let_it() {
    let server = Server::start().await;
    let (mira, june) = (server.owner("mira").await, server.person("june").await);
    let (guild, _) = mira.make_guild("Maple House").await;
    let client = Client::make(&server, &mira).await;
    let token = mira.post(&format!("/applications/{}/bot/reset", client.id), json!({})).await.ok();
    let mut bot = mira.clone();
    bot.authorization = format!("Bot {}", text(&token["token"]));
    // CREATE_INSTANT_INVITE and MANAGE_NICKNAMES.
    let link = format!("/oauth2/authorize?client_id={}&scope=bot&permissions={}", client.id, 1 | 1 << 27);
    mira.post(&link, json!({ "authorize": true, "guild_id": guild })).await.ok();
    let path = format!("/guilds/{guild}/members/{}", june.id);
    let narrow = client.code(&june, "identify", "").await;
    let narrow = text(&client.exchange(&narrow).await.ok()["access_token"]);
    bot.put(&path, json!({ "access_token": narrow })).await.refused(401, 50025);
    let code = client.code(&june, "guilds.join", "").await;
    let token = text(&client.exchange(&code).await.ok()["access_token"]);
    let foreign = format!("/guilds/{guild}/members/{}", mira.id);
    bot.put(&foreign, json!({ "access_token": token })).await.refused(401, 50025);
    bot.put(&path, json!({ "access_token": token, "mute": true })).await.refused(403, 50013);
    let mut junes = june.connect().await;
    let joined = bot.put(&path, json!({ "access_token": token, "nick": "Junebug" })).await;
    assert_eq!((joined.status.as_u16(), &joined.body["nick"]), (201, &json!("Junebug")), "{}", joined.body);
    assert_eq!(junes.expect("GUILD_CREATE").await["id"], guild);
    assert_eq!(bot.put(&path, json!({ "access_token": token })).await.status, 204);
    mira.put(&path, json!({ "access_token": token })).await.refused(403, 20002);
    mira.put(&format!("/guilds/{guild}/bans/{}", june.id), json!({})).await.ok();
    bot.put(&path, json!({ "access_token": token })).await.refused(403, 40007);
}
