//! Direct messages and groups. A conversation's own `GET`, `PATCH` and `DELETE` stand with the channels.

use super::call::Call;
use super::reply::{Answer, Reply};
use super::route::{Route, Who, delete, get, post, put};
use crate::actions::dms::{self, Consent, Open};
use crate::model::Channel;
use crate::model::kind::{Channel as ChannelKind, User};

/// The routes of direct messages.
pub fn routes() -> Vec<Route> {
    vec![
        get("/users/@me/channels", list)
            .who(Who::Human)
            .gives::<Vec<Channel>>(200)
            .summary("List one's own conversations"),
        post("/users/@me/channels", open)
            .takes::<Open>()
            .gives::<Channel>(200)
            .summary("Open a conversation or make a group"),
        put("/channels/{channel_id}/recipients/@me", accept_request)
            .who(Who::Human)
            .takes::<Consent>()
            .gives::<Channel>(200)
            .summary("Accept a stranger's message request"),
        delete("/channels/{channel_id}/recipients/@me", drop_request)
            .who(Who::Human)
            .gives::<Channel>(200)
            .summary("Drop a stranger's message request"),
        put("/channels/{channel_id}/recipients/{user_id}", add)
            .who(Who::Human)
            .gives::<Channel>(201)
            .or_nothing()
            .summary("Add somebody to a group"),
        delete("/channels/{channel_id}/recipients/{user_id}", remove)
            .who(Who::Human)
            .or_nothing()
            .summary("Remove somebody from a group"),
    ]
}

async fn list(call: Call) -> Answer {
    Reply::json(&dms::list_own(&call.app, call.actor()?)?)
}

async fn open(call: Call) -> Answer {
    Reply::json(&dms::open(&call.app, call.actor()?, call.form()).await?)
}

async fn accept_request(call: Call) -> Answer {
    let channel = call.id::<ChannelKind>("channel_id")?;
    Reply::json(&dms::accept_request(&call.app, call.actor()?, channel, call.form::<Consent>()).await?)
}

async fn drop_request(call: Call) -> Answer {
    let channel = call.id::<ChannelKind>("channel_id")?;
    Reply::json(&dms::drop_request(&call.app, call.actor()?, channel).await?)
}

async fn add(call: Call) -> Answer {
    let (channel, user) = (call.id::<ChannelKind>("channel_id")?, call.id::<User>("user_id")?);
    match dms::add_recipient(&call.app, call.actor()?, channel, user).await? {
        Some(group) => Reply::json(&group),
        None => Ok(Reply::nothing()),
    }
}

async fn remove(call: Call) -> Answer {
    let (channel, user) = (call.id::<ChannelKind>("channel_id")?, call.id::<User>("user_id")?);
    dms::remove_recipient(&call.app, call.actor()?, channel, user).await?;
    Ok(Reply::nothing())
}
