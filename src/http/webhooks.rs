//! Webhooks: managing them, and what their tokens open.

use super::call::Call;
use super::reply::{Answer, Reply};
use super::route::{Route, Who, delete, get, patch, post};
use crate::actions::messages::{self, Edit as EditMessage, Execute, Execution};
use crate::actions::webhooks::{self, Create, Edit, EditLooks};
use crate::logic::form::kinds::json_value;
use crate::logic::form::{Fields, Form};
use crate::logic::rate_limit::Bucket;
use crate::logic::services;
use crate::model::kind::{Channel, Guild, Message as MessageKind, Webhook as WebhookKind};
use crate::model::{Message, MessageId, Webhook, WebhookId};
use serde_json::Value;

/// The routes of webhooks.
pub fn routes() -> Vec<Route> {
    let managed = |route: Route| route.permission("MANAGE_WEBHOOKS");
    let open = |route: Route| route.who(Who::Nobody);
    vec![
        managed(get("/channels/{channel_id}/webhooks", list))
            .gives::<Vec<Webhook>>(200)
            .summary("List the webhooks of a channel"),
        managed(post("/channels/{channel_id}/webhooks", create))
            .takes::<Create>()
            .with_pictures()
            .gives::<Webhook>(200)
            .audited()
            .summary("Make a webhook"),
        managed(get("/guilds/{guild_id}/webhooks", of_guild))
            .gives::<Vec<Webhook>>(200)
            .summary("List the webhooks of a guild that one may manage"),
        managed(get("/webhooks/{webhook_id}", one)).gives::<Webhook>(200).summary("A webhook"),
        managed(patch("/webhooks/{webhook_id}", edit))
            .takes::<Edit>()
            .with_pictures()
            .gives::<Webhook>(200)
            .audited()
            .summary("Change or move a webhook"),
        managed(delete("/webhooks/{webhook_id}", remove)).or_nothing().audited().summary("Delete a webhook"),
        open(get("/webhooks/{webhook_id}/{webhook_token}", one_by_token))
            .gives::<Webhook>(200)
            .summary("A webhook, by its token"),
        open(patch("/webhooks/{webhook_id}/{webhook_token}", edit_by_token))
            .takes::<EditLooks>()
            .with_pictures()
            .gives::<Webhook>(200)
            .summary("Change a webhook's looks, by its token"),
        open(delete("/webhooks/{webhook_id}/{webhook_token}", remove_by_token))
            .or_nothing()
            .summary("Delete a webhook, by its token"),
        open(post("/webhooks/{webhook_id}/{webhook_token}", execute))
            .limit(Bucket::WebhookExecute)
            .query::<Execution>()
            .takes::<Execute>()
            .with_files()
            .gives::<Message>(200)
            .or_nothing()
            .summary("Post as a webhook"),
        open(post("/webhooks/{webhook_id}/{webhook_token}/slack", slack))
            .limit(Bucket::WebhookExecute)
            .query::<Execution>()
            .takes::<Foreign>()
            .gives::<Message>(200)
            .or_nothing()
            .summary("Post what Slack's webhooks take"),
        open(post("/webhooks/{webhook_id}/{webhook_token}/github", github))
            .limit(Bucket::WebhookExecute)
            .query::<Execution>()
            .takes::<Foreign>()
            .gives::<Message>(200)
            .or_nothing()
            .summary("Post an event of a code host in GitHub's form"),
        open(get("/webhooks/{webhook_id}/{webhook_token}/messages/{message_id}", message))
            .gives::<Message>(200)
            .summary("A message of the webhook's own"),
        open(patch("/webhooks/{webhook_id}/{webhook_token}/messages/{message_id}", edit_message))
            .takes::<EditMessage>()
            .with_files()
            .gives::<Message>(200)
            .summary("Change a message of the webhook's own"),
        open(delete("/webhooks/{webhook_id}/{webhook_token}/messages/{message_id}", delete_message))
            .or_nothing()
            .summary("Delete a message of the webhook's own"),
    ]
}

fn id(call: &Call) -> Result<WebhookId, crate::actions::ActionError> {
    call.id::<WebhookKind>("webhook_id")
}

fn message_id(call: &Call) -> Result<MessageId, crate::actions::ActionError> {
    call.id::<MessageKind>("message_id")
}

fn token(call: &Call) -> String {
    call.param("webhook_token").to_owned()
}

async fn list(call: Call) -> Answer {
    Ok(Reply::json(&webhooks::list(&call.app, call.actor()?, call.id::<Channel>("channel_id")?)?)?.no_store())
}

async fn create(call: Call) -> Answer {
    let channel = call.id::<Channel>("channel_id")?;
    let made =
        webhooks::create(&call.app, call.actor()?, channel, call.form::<Create>(), call.reason()?).await?;
    Ok(Reply::json(&made)?.no_store())
}

async fn of_guild(call: Call) -> Answer {
    Ok(Reply::json(&webhooks::of_guild(&call.app, call.actor()?, call.id::<Guild>("guild_id")?)?)?.no_store())
}

async fn one(call: Call) -> Answer {
    Ok(Reply::json(&webhooks::get(&call.app, call.actor()?, id(&call)?)?)?.no_store())
}

async fn edit(call: Call) -> Answer {
    let id = id(&call)?;
    let changed = webhooks::edit(&call.app, call.actor()?, id, call.form::<Edit>(), call.reason()?).await?;
    Ok(Reply::json(&changed)?.no_store())
}

async fn remove(call: Call) -> Answer {
    webhooks::delete(&call.app, call.actor()?, id(&call)?, call.reason()?).await?;
    Ok(Reply::nothing())
}

async fn one_by_token(call: Call) -> Answer {
    Ok(Reply::json(&webhooks::get_by_token(&call.app, id(&call)?, &token(&call))?)?.no_store())
}

async fn edit_by_token(call: Call) -> Answer {
    let changed =
        webhooks::edit_by_token(&call.app, id(&call)?, token(&call), call.form::<EditLooks>()).await?;
    Ok(Reply::json(&changed)?.no_store())
}

async fn remove_by_token(call: Call) -> Answer {
    webhooks::delete_by_token(&call.app, id(&call)?, token(&call)).await?;
    Ok(Reply::nothing())
}

async fn execute(mut call: Call) -> Answer {
    let (hook, secret) = (id(&call)?, token(&call));
    let files = call.files(|app| webhooks::get_by_token(app, hook, &secret).map(drop)).await?;
    let query = call.query_form::<Execution>();
    let waits = query.get().is_ok_and(|query| query.waits);
    let posted = messages::execute(&call.app, hook, secret, query, call.form::<Execute>(), files).await?;
    if waits { Reply::json(&*posted) } else { Ok(Reply::nothing()) }
}

/// A body in another service's form.
struct Foreign(Value);

impl Form for Foreign {
    fn read(f: &mut Fields<'_>) -> Self {
        Self(f.whole(json_value()))
    }
}

async fn slack(call: Call) -> Answer {
    let body = call.form::<Foreign>().take()?.0;
    execute_as(&call, services::from_slack(&body)).await
}

/// Events that nobody needs to be told are taken and forgotten.
async fn github(call: Call) -> Answer {
    let body = call.form::<Foreign>().take()?.0;
    match services::from_github(call.header("x-github-event").unwrap_or_default(), &body) {
        Some(told) => execute_as(&call, told).await,
        None => {
            webhooks::get_by_token(&call.app, id(&call)?, &token(&call))?;
            Ok(Reply::nothing())
        }
    }
}

/// Posts a translated body; the message is in the answer unless the query says otherwise.
async fn execute_as(call: &Call, body: Value) -> Answer {
    let waits = !call.has_query("wait", "false");
    let (query, form) = (call.query_form::<Execution>(), messages::of_service(&body));
    let posted = messages::execute(&call.app, id(call)?, token(call), query, form, Vec::new()).await?;
    if waits { Reply::json(&*posted) } else { Ok(Reply::nothing()) }
}

async fn message(call: Call) -> Answer {
    let found = messages::get_of_webhook(&call.app, id(&call)?, &token(&call), message_id(&call)?)?;
    Reply::json(&found)
}

async fn edit_message(mut call: Call) -> Answer {
    let (hook, secret, message) = (id(&call)?, token(&call), message_id(&call)?);
    let files = call.files(|app| webhooks::get_by_token(app, hook, &secret).map(drop)).await?;
    let form = call.form::<EditMessage>();
    Reply::json(&*messages::edit_of_webhook(&call.app, hook, secret, message, form, files).await?)
}

async fn delete_message(call: Call) -> Answer {
    messages::delete_of_webhook(&call.app, id(&call)?, token(&call), message_id(&call)?).await?;
    Ok(Reply::nothing())
}
