//! Announcement channels: following and publishing.

use super::call::Call;
use super::reply::{Answer, Reply};
use super::route::{Route, post};
use crate::actions::followers::{self, Follow};
use crate::model::kind::{Channel, Message as MessageKind};
use crate::model::{FollowedChannel, Message};

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
