//! Linking bots to guilds, and the rest of OAuth2 as far as it is answered.

use serde_json::Value;

use super::call::Call;
use super::reply::{Answer, Reply};
use super::route::{Route, Who, get, post};
use crate::actions::oauth2::{self, Ask};
use crate::actions::{ActionError, Fault};
use crate::logic::form::kinds::text;
use crate::logic::form::{Fields, Form};
use crate::model::{Consent, Location};

/// The routes of OAuth2.
pub fn routes() -> Vec<Route> {
    vec![
        get("/oauth2/authorize", ask)
            .who(Who::Human)
            .query::<Ask>()
            .gives::<Consent>(200)
            .summary("What adding a bot to a guild asks of the caller"),
        post("/oauth2/authorize", answer)
            .who(Who::Human)
            .query::<Ask>()
            .takes::<oauth2::Answer>()
            .gives::<Location>(200)
            .permission("MANAGE_GUILD")
            .summary("Add a bot to a guild, or decline"),
        post("/oauth2/token", token)
            .who(Who::Nobody)
            .takes::<Grant>()
            .gives::<Value>(200)
            .refusing_as_oauth2()
            .summary("Exchange a grant for an access token: no grant is offered"),
        get("/oauth2/@me", me)
            .who(Who::Nobody)
            .gives::<Value>(200)
            .summary("Who an access token stands for: none is issued"),
        get("/oauth2/tokens", tokens)
            .who(Who::Human)
            .gives::<Vec<Value>>(200)
            .summary("List applications one gave access to: there are none"),
    ]
}

async fn ask(call: Call) -> Answer {
    Reply::json(&oauth2::ask(&call.app, call.actor()?, call.query::<Ask>()?)?)
}

async fn answer(call: Call) -> Answer {
    let origin = call.origin().to_string();
    Reply::json(&oauth2::answer(&call.app, call.actor()?, call.query::<Ask>()?, call.form(), origin).await?)
}

struct Grant;

impl Form for Grant {
    fn read(f: &mut Fields<'_>) -> Self {
        f.need("grant_type", text(1..=64));
        Self
    }
}

async fn token(call: Call) -> Answer {
    Err(match call.form::<Grant>().take() {
        Ok(Grant) => ActionError::OAuth2("unsupported_grant_type"),
        Err(_) => ActionError::OAuth2("invalid_request"),
    })
}

async fn me(_: Call) -> Answer {
    Err(Fault::Unauthorized.into())
}

async fn tokens(_: Call) -> Answer {
    Reply::json::<[Value]>(&[])
}
