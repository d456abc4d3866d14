//! Pins, by the routes of today and the older ones (API.md §7.39).

use super::{Answer, Call, Reply, Route, delete, get, put};
use crate::actions::messages::{self, Pinned, PinsPage};
use crate::model::Message;

/// Every route of pins.
pub fn routes() -> Vec<Route> {
    vec![
        get("/channels/{channel_id}/messages/pins", list)
            .query::<PinsPage>()
            .gives::<Pinned>(200)
            .permission("READ_MESSAGE_HISTORY")
            .summary("List pins, newest first"),
        put("/channels/{channel_id}/messages/pins/{message_id}", pin)
            .audited()
            .permission("PIN_MESSAGES")
            .summary("Pin a message"),
        delete("/channels/{channel_id}/messages/pins/{message_id}", unpin)
            .audited()
            .permission("PIN_MESSAGES")
            .summary("Unpin a message"),
        get("/channels/{channel_id}/pins", list_newest)
            .gives::<Vec<Message>>(200)
            .permission("READ_MESSAGE_HISTORY")
            .summary("List the 50 newest pins (older route)"),
        put("/channels/{channel_id}/pins/{message_id}", pin)
            .audited()
            .permission("PIN_MESSAGES")
            .summary("Pin a message (older route)"),
        delete("/channels/{channel_id}/pins/{message_id}", unpin)
            .audited()
            .permission("PIN_MESSAGES")
            .summary("Unpin a message (older route)"),
    ]
}

async fn list(call: Call) -> Answer {
    let page = call.query_form();
    Reply::json(&messages::list_pins(&call.app, call.actor()?, call.id("channel_id")?, page)?)
}

async fn list_newest(call: Call) -> Answer {
    Reply::json(&messages::newest_pins(&call.app, call.actor()?, call.id("channel_id")?)?)
}

async fn pin(call: Call) -> Answer {
    let (channel, message) = (call.id("channel_id")?, call.id("message_id")?);
    messages::pin(&call.app, call.actor()?, channel, message, call.reason()?).await?;
    Ok(Reply::nothing())
}

async fn unpin(call: Call) -> Answer {
    let (channel, message) = (call.id("channel_id")?, call.id("message_id")?);
    messages::unpin(&call.app, call.actor()?, channel, message, call.reason()?).await?;
    Ok(Reply::nothing())
}
