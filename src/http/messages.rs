//! Messages: history, posting, editing, deleting, typing.

use super::{Answer, Bucket, Call, Reply, Route, delete, get, patch, post};
use crate::actions::messages::{self, BulkDelete, Edit, Media, MediaPage, Page, Post};
use crate::actions::uploads;
use crate::model::Message;

/// Every route of messages.
pub fn routes() -> Vec<Route> {
    vec![
        get("/channels/{channel_id}/messages", list)
            .query::<Page>()
            .gives::<Vec<Message>>(200)
            .permission("READ_MESSAGE_HISTORY")
            .summary("Read a page of a channel, newest first"),
        post("/channels/{channel_id}/messages", create)
            .limit(Bucket::MessageCreate)
            .takes::<Post>()
            .with_files()
            .gives::<Message>(200)
            .permission("SEND_MESSAGES")
            .summary("Post a message"),
        get("/channels/{channel_id}/messages/{message_id}", one)
            .gives::<Message>(200)
            .permission("READ_MESSAGE_HISTORY")
            .summary("Read one message"),
        patch("/channels/{channel_id}/messages/{message_id}", edit)
            .limit(Bucket::MessageEdit)
            .takes::<Edit>()
            .with_files()
            .gives::<Message>(200)
            .summary("Edit a message"),
        delete("/channels/{channel_id}/messages/{message_id}", remove)
            .limit(Bucket::MessageDelete)
            .audited()
            .summary("Delete a message; one of somebody else needs MANAGE_MESSAGES"),
        post("/channels/{channel_id}/messages/bulk-delete", remove_many)
            .limit(Bucket::BulkDelete)
            .takes::<BulkDelete>()
            .audited()
            .permission("MANAGE_MESSAGES")
            .summary("Delete up to 100 messages not older than 14 days"),
        get("/hearth/channels/{channel_id}/media", media)
            .query::<MediaPage>()
            .gives::<Media>(200)
            .permission("READ_MESSAGE_HISTORY")
            .summary("Messages with files and links, newest first"),
        post("/channels/{channel_id}/typing", typing)
            .limit(Bucket::Typing)
            .permission("SEND_MESSAGES")
            .summary("Show for ten seconds that one types"),
    ]
}

async fn list(call: Call) -> Answer {
    let page = call.query_form();
    Reply::json(&messages::page(&call.app, call.actor()?, call.id("channel_id")?, page)?)
}

async fn create(mut call: Call) -> Answer {
    let (actor, channel) = (call.actor()?, call.id("channel_id")?);
    let files = call.files(|app| uploads::check(app, actor, channel)).await?;
    let posted = messages::post(&call.app, actor, channel, call.form(), files).await?;
    Reply::json(&*posted)
}

async fn one(call: Call) -> Answer {
    let (channel, message) = (call.id("channel_id")?, call.id("message_id")?);
    Reply::json(&messages::get(&call.app, call.actor()?, channel, message)?)
}

async fn edit(mut call: Call) -> Answer {
    let (channel, message) = (call.id("channel_id")?, call.id("message_id")?);
    let actor = call.actor()?;
    let files = call.files(|app| uploads::check(app, actor, channel)).await?;
    let edited = messages::edit(&call.app, actor, channel, message, call.form(), files).await?;
    Reply::json(&*edited)
}

async fn remove(call: Call) -> Answer {
    let (channel, message) = (call.id("channel_id")?, call.id("message_id")?);
    messages::delete(&call.app, call.actor()?, channel, message, call.reason()?).await?;
    Ok(Reply::nothing())
}

async fn remove_many(call: Call) -> Answer {
    let channel = call.id("channel_id")?;
    messages::delete_many(&call.app, call.actor()?, channel, call.form(), call.reason()?).await?;
    Ok(Reply::nothing())
}

async fn media(call: Call) -> Answer {
    let page = call.query_form();
    Reply::json(&messages::media(&call.app, call.actor()?, call.id("channel_id")?, page)?)
}

async fn typing(call: Call) -> Answer {
    messages::typing(&call.app, call.actor()?, call.id("channel_id")?)?;
    Ok(Reply::nothing())
}
