//! Reactions. An emoji in a path is Unicode, percent-encoded or raw, with or without U+FE0F (API.md §7.25).

use std::sync::Arc;

use super::{Answer, Bucket, Call, Reply, Route, delete, get, put};
use crate::actions::messages::{self, ReactionsPage};
use crate::model::User;

/// Every route of reactions.
pub fn routes() -> Vec<Route> {
    vec![
        put("/channels/{channel_id}/messages/{message_id}/reactions/{emoji}/@me", add)
            .limit(Bucket::Reaction)
            .permission("READ_MESSAGE_HISTORY")
            .summary("React; an emoji nobody chose yet needs ADD_REACTIONS"),
        delete("/channels/{channel_id}/messages/{message_id}/reactions/{emoji}/@me", remove_own)
            .limit(Bucket::Reaction)
            .summary("Take one's own reaction back"),
        delete("/channels/{channel_id}/messages/{message_id}/reactions/{emoji}/{user_id}", remove_other)
            .limit(Bucket::Reaction)
            .permission("MANAGE_MESSAGES")
            .summary("Take somebody's reaction off"),
        get("/channels/{channel_id}/messages/{message_id}/reactions/{emoji}", list)
            .query::<ReactionsPage>()
            .gives::<Vec<Arc<User>>>(200)
            .permission("READ_MESSAGE_HISTORY")
            .summary("List who reacted with an emoji"),
        delete("/channels/{channel_id}/messages/{message_id}/reactions/{emoji}", clear_emoji)
            .limit(Bucket::Reaction)
            .permission("MANAGE_MESSAGES")
            .summary("Clear the reactions with one emoji"),
        delete("/channels/{channel_id}/messages/{message_id}/reactions", clear)
            .limit(Bucket::Reaction)
            .permission("MANAGE_MESSAGES")
            .summary("Clear all reactions"),
    ]
}

async fn add(call: Call) -> Answer {
    let (channel, message) = (call.id("channel_id")?, call.id("message_id")?);
    messages::react(&call.app, call.actor()?, channel, message, call.param("emoji").to_owned()).await?;
    Ok(Reply::nothing())
}

async fn remove_own(call: Call) -> Answer {
    let (channel, message) = (call.id("channel_id")?, call.id("message_id")?);
    messages::take_back(&call.app, call.actor()?, channel, message, call.param("emoji").to_owned()).await?;
    Ok(Reply::nothing())
}

async fn remove_other(call: Call) -> Answer {
    let (channel, message, user) = (call.id("channel_id")?, call.id("message_id")?, call.id("user_id")?);
    let emoji = call.param("emoji").to_owned();
    messages::take_back_of(&call.app, call.actor()?, channel, message, emoji, user).await?;
    Ok(Reply::nothing())
}

async fn list(call: Call) -> Answer {
    let (channel, message) = (call.id("channel_id")?, call.id("message_id")?);
    let page = call.query_form();
    let users =
        messages::list_reactions(&call.app, call.actor()?, channel, message, call.param("emoji"), page)?;
    Reply::json(&users)
}

async fn clear_emoji(call: Call) -> Answer {
    let (channel, message) = (call.id("channel_id")?, call.id("message_id")?);
    messages::clear_emoji(&call.app, call.actor()?, channel, message, call.param("emoji").to_owned()).await?;
    Ok(Reply::nothing())
}

async fn clear(call: Call) -> Answer {
    messages::clear_reactions(&call.app, call.actor()?, call.id("channel_id")?, call.id("message_id")?)
        .await?;
    Ok(Reply::nothing())
}
