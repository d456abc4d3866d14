//! What Hearth leaves out for good, answered so that clients carry on (API.md §2.6).

use serde_json::{Value, json};

use super::call::Call;
use super::reply::{Answer, Reply};
use super::route::{Route, Who, get, post, put};
use crate::logic::form::{Fields, Form, kinds::*};

/// The routes that answer with nothing in the right shape.
pub fn routes() -> Vec<Route> {
    let mut routes = vec![
        get("/experiments", experiments)
            .who(Who::Nobody)
            .gives::<Value>(200)
            .summary("List experiments: there are none"),
        put("/applications/{application_id}/role-connections/metadata", echo)
            .who(Who::Bot)
            .takes::<Anything>()
            .gives::<Value>(200)
            .summary("Set linked-role metadata: not kept"),
        get("/sticker-packs", packs).gives::<Value>(200).summary("List sticker packs: there are none"),
    ];
    for (path, summary) in [
        ("/science", "Take metrics: not kept"),
        ("/metrics", "Take client metrics: not kept"),
        ("/track", "Take events: not kept"),
    ] {
        routes.push(post(path, nothing).who(Who::Nobody).takes::<Anything>().summary(summary));
    }
    for (path, summary) in [
        ("/users/@me/connections", "List connected accounts: there are none"),
        ("/teams", "List teams: there are none"),
        ("/applications/{application_id}/entitlements", "List entitlements: there are none"),
        ("/applications/{application_id}/skus", "List SKUs: there are none"),
        (
            "/applications/{application_id}/role-connections/metadata",
            "List linked-role metadata: there is none",
        ),
        ("/guilds/{guild_id}/premium/subscriptions", "List boosts: there are none"),
        ("/users/@me/guilds/premium/subscriptions", "List own boosts: there are none"),
        ("/users/@me/billing/subscriptions", "List subscriptions: there are none"),
        ("/users/@me/entitlements/gifts", "List gifts: there are none"),
    ] {
        routes.push(get(path, empty_list).gives::<Vec<Value>>(200).summary(summary));
    }
    routes
}

/// A body of any shape.
struct Anything(Value);

impl Form for Anything {
    fn read(f: &mut Fields) -> Self {
        Self(f.whole(json_value()))
    }
}

async fn nothing(_: Call) -> Answer {
    Ok(Reply::nothing())
}

async fn empty_list(_: Call) -> Answer {
    Reply::json::<[Value]>(&[])
}

async fn echo(call: Call) -> Answer {
    Reply::json(&call.form::<Anything>().take()?.0)
}

async fn experiments(_: Call) -> Answer {
    Reply::json(&json!({ "fingerprint": null, "assignments": [] }))
}

async fn packs(_: Call) -> Answer {
    Reply::json(&json!({ "sticker_packs": [] }))
}
