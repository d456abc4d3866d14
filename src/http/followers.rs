//! Announcement channels: following, publishing, and the webhooks that followers are.

use super::call::Call;
use super::reply::{Answer, Reply};
use super::route::{Route, delete, get, post};
use crate::actions::followers::{self, Follow};
use crate::model::kind::{Channel, Message as MessageKind, Webhook as WebhookKind};
use crate::model::{FollowedChannel, Message, Webhook};

/// The routes of announcement channels.
pub fn routes() -> Vec<Route> {
    vec![
        post("/channels/{channel_id}/followers", follow)
            .takes::<Follow>()
            .gives::<FollowedChannel>(200)
            .audited()
            .permission("MANAGE_WEBHOOKS")
            .summary("Follow an announcement channel"),
        post("/channels/{channel_id}/messages/{message_id}/crosspost", crosspost)
            .gives::<Message>(200)
            .permission("SEND_MESSAGES")
            .summary("Publish a message to all that follow its channel"),
        get("/channels/{channel_id}/webhooks", list)
            .gives::<Vec<Webhook>>(200)
            .permission("MANAGE_WEBHOOKS")
            .summary("List the webhooks of a channel"),
        get("/webhooks/{webhook_id}", one)
            .gives::<Webhook>(200)
            .permission("MANAGE_WEBHOOKS")
            .summary("A webhook"),
        delete("/webhooks/{webhook_id}", remove)
            .or_nothing()
            .audited()
            .permission("MANAGE_WEBHOOKS")
            .summary("Delete a webhook"),
    ]
}

async fn follow(call: Call) -> Answer {
    let source = call.id::<Channel>("channel_id")?;
    Reply::json(&followers::follow(&call.app, call.actor()?, source, call.form(), call.reason()?).await?)
}

async fn crosspost(call: Call) -> Answer {
    let (channel, message) = (call.id::<Channel>("channel_id")?, call.id::<MessageKind>("message_id")?);
    Reply::json(&followers::crosspost(&call.app, call.actor()?, channel, message).await?)
}

async fn list(call: Call) -> Answer {
    Reply::json(&followers::list(&call.app, call.actor()?, call.id::<Channel>("channel_id")?)?)
}

async fn one(call: Call) -> Answer {
    Reply::json(&followers::get(&call.app, call.actor()?, call.id::<WebhookKind>("webhook_id")?)?)
}

async fn remove(call: Call) -> Answer {
    followers::delete(&call.app, call.actor()?, call.id::<WebhookKind>("webhook_id")?, call.reason()?)
        .await?;
    Ok(Reply::nothing())
}
