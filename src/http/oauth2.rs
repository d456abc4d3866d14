//! OAuth2: linking bots to guilds, and giving applications access.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::call::Call;
use super::reply::{Answer, Reply};
use super::route::{Route, Who, delete, get, post};
use crate::actions::Fault;
use crate::actions::grants::{self, Authorization, Client, Given, Grant, Issued, Revoke};
use crate::actions::oauth2::{self, Ask};
use crate::model::kind::OAuthGrant;
use crate::model::{Consent, Location};

/// The routes of OAuth2.
pub fn routes() -> Vec<Route> {
    vec![
        get("/oauth2/authorize", ask)
            .who(Who::Human)
            .query::<Ask>()
            .gives::<Consent>(200)
            .summary("What an application asks of the caller"),
        post("/oauth2/authorize", answer)
            .who(Who::Human)
            .query::<Ask>()
            .takes::<oauth2::Answer>()
            .gives::<Location>(200)
            .summary("Give an application access or add its bot to a guild, or decline"),
        post("/oauth2/token", token)
            .who(Who::Nobody)
            .takes::<Grant>()
            .gives::<Issued>(200)
            .refusing_as_oauth2()
            .summary("Exchange a code, a refresh token or the application's own secret for an access token"),
        post("/oauth2/token/revoke", revoke)
            .who(Who::Nobody)
            .takes::<Revoke>()
            .gives::<Value>(200)
            .refusing_as_oauth2()
            .summary("End the grant of a token"),
        get("/oauth2/@me", me)
            .who(Who::Nobody)
            .gives::<Authorization>(200)
            .summary("What an access token stands for"),
        get("/oauth2/tokens", tokens)
            .who(Who::Human)
            .gives::<Vec<Given>>(200)
            .summary("List applications one gave access to"),
        delete("/oauth2/tokens/{token_id}", take_back)
            .who(Who::Human)
            .or_nothing()
            .summary("Take access back"),
    ]
}

async fn ask(call: Call) -> Answer {
    Reply::json(&oauth2::ask(&call.app, call.actor()?, call.query::<Ask>()?)?)
}

async fn answer(call: Call) -> Answer {
    let origin = call.origin().to_string();
    Reply::json(&oauth2::answer(&call.app, call.actor()?, call.query::<Ask>()?, call.form(), origin).await?)
}

/// The client's id and secret in `Authorization: Basic` (RFC 6749 §2.3.1), where they stand there.
fn basic(call: &Call) -> Client {
    let read = || {
        let header = call.header("authorization")?;
        let (scheme, encoded) = header.split_once(' ')?;
        let decoded =
            STANDARD.decode(encoded.trim()).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
        let (id, secret) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
        Some(Client { id: Some(id.to_owned()), secret: Some(secret.to_owned()) })
    };
    read().unwrap_or_default()
}

async fn token(call: Call) -> Answer {
    let issued = grants::exchange(&call.app, basic(&call), call.form::<Grant>()).await?;
    Ok(Reply::json(&issued)?.no_store())
}

async fn revoke(call: Call) -> Answer {
    grants::revoke(&call.app, basic(&call), call.form::<Revoke>()).await?;
    Reply::json(&serde_json::json!({}))
}

async fn me(call: Call) -> Answer {
    let token = call
        .header("authorization")
        .and_then(|header| header.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .ok_or(Fault::Unauthorized)?;
    Reply::json(&grants::current(&call.app, token)?)
}

async fn tokens(call: Call) -> Answer {
    Reply::json(&grants::list(&call.app, call.actor()?)?)
}

async fn take_back(call: Call) -> Answer {
    grants::take_back(&call.app, call.actor()?, call.id::<OAuthGrant>("token_id")?).await?;
    Ok(Reply::nothing())
}
