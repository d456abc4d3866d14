//! Read marks and the inbox of mentions; people's alone.

use serde::Serialize;

use super::{Answer, Call, Reply, Route, Who, delete, get, post};
use crate::actions::messages::{self, Ack, AckBulk, InboxPage};
use crate::model::Message;

/// Every route of read marks.
pub fn routes() -> Vec<Route> {
    vec![
        post("/channels/{channel_id}/messages/{message_id}/ack", ack)
            .who(Who::Human)
            .takes::<Ack>()
            .gives::<Acked>(200)
            .permission("VIEW_CHANNEL")
            .summary("Mark a channel read up to a message"),
        delete("/channels/{channel_id}/messages/ack", forget)
            .who(Who::Human)
            .permission("VIEW_CHANNEL")
            .summary("Forget that one has read a channel"),
        post("/channels/{channel_id}/pins/ack", ack_pins)
            .who(Who::Human)
            .permission("VIEW_CHANNEL")
            .summary("Mark the pins of a channel seen"),
        post("/read-states/ack-bulk", ack_bulk)
            .who(Who::Human)
            .takes::<AckBulk>()
            .summary("Mark up to 100 channels read"),
        post("/guilds/{guild_id}/ack", ack_guild)
            .who(Who::Human)
            .summary("Mark every channel of a guild read"),
        get("/users/@me/mentions", inbox)
            .who(Who::Human)
            .query::<InboxPage>()
            .gives::<Vec<Message>>(200)
            .summary("List messages that mentioned one, newest first"),
        delete("/users/@me/mentions/{message_id}", dismiss)
            .who(Who::Human)
            .summary("Take a message out of the inbox of mentions"),
    ]
}

/// Answer of an ack.
#[derive(Serialize, schemars::JsonSchema)]
struct Acked {
    /// Always null: nothing has to be sent back with the next one.
    token: Option<String>,
}

async fn ack(call: Call) -> Answer {
    let (channel, message) = (call.id("channel_id")?, call.id("message_id")?);
    messages::ack(&call.app, call.actor()?, channel, message, call.form()).await?;
    Reply::json(&Acked { token: None })
}

async fn forget(call: Call) -> Answer {
    messages::forget_mark(&call.app, call.actor()?, call.id("channel_id")?).await?;
    Ok(Reply::nothing())
}

async fn ack_pins(call: Call) -> Answer {
    messages::ack_pins(&call.app, call.actor()?, call.id("channel_id")?)?;
    Ok(Reply::nothing())
}

async fn ack_bulk(call: Call) -> Answer {
    messages::ack_bulk(&call.app, call.actor()?, call.form())?;
    Ok(Reply::nothing())
}

async fn ack_guild(call: Call) -> Answer {
    messages::ack_guild(&call.app, call.actor()?, call.id("guild_id")?)?;
    Ok(Reply::nothing())
}

async fn inbox(call: Call) -> Answer {
    let page = call.query_form();
    Reply::json(&messages::inbox(&call.app, call.actor()?, page)?)
}

async fn dismiss(call: Call) -> Answer {
    messages::dismiss(&call.app, call.actor()?, call.id("message_id")?).await?;
    Ok(Reply::nothing())
}
