//! Applications and their bots.

use super::call::Call;
use super::reply::{Answer, Reply};
use super::route::{Route, Who, get, patch, post};
use crate::actions::accounts::{self, Edited};
use crate::actions::applications::{self, Confirm, Create, Edit};
use crate::model::kind::Application as ApplicationKind;
use crate::model::{Application, ApplicationId, BotUser, IssuedSecret, IssuedToken};

/// The routes of applications and their bots.
pub fn routes() -> Vec<Route> {
    vec![
        get("/applications", list)
            .who(Who::Human)
            .gives::<Vec<Application>>(200)
            .summary("List one's own applications"),
        post("/applications", create)
            .who(Who::Human)
            .takes::<Create>()
            .with_pictures()
            .gives::<Application>(201)
            .summary("Make an application and its bot"),
        get("/applications/@me", of_bot)
            .who(Who::Bot)
            .gives::<Application>(200)
            .summary("The calling bot's application"),
        patch("/applications/@me", edit_of_bot)
            .who(Who::Bot)
            .takes::<Edit>()
            .with_pictures()
            .gives::<Application>(200)
            .summary("Change the calling bot's application"),
        get("/oauth2/applications/@me", of_bot)
            .who(Who::Bot)
            .gives::<Application>(200)
            .summary("The calling bot's application"),
        get("/applications/{application_id}", one)
            .who(Who::Human)
            .gives::<Application>(200)
            .summary("One of one's own applications"),
        patch("/applications/{application_id}", edit)
            .who(Who::Human)
            .takes::<Edit>()
            .with_pictures()
            .gives::<Application>(200)
            .summary("Change an application"),
        post("/applications/{application_id}/delete", delete)
            .who(Who::Human)
            .takes::<Confirm>()
            .or_nothing()
            .summary("Delete an application and its bot"),
        post("/applications/{application_id}/bot", create_bot)
            .who(Who::Human)
            .gives::<BotUser>(200)
            .summary("The application's bot, with its token if it had none"),
        patch("/applications/{application_id}/bot", edit_bot)
            .who(Who::Human)
            .takes::<accounts::Edit>()
            .with_pictures()
            .gives::<Edited>(200)
            .summary("Change the bot's account"),
        post("/applications/{application_id}/bot/reset", reset_token)
            .who(Who::Human)
            .gives::<IssuedToken>(200)
            .summary("Give the bot a new token"),
        post("/applications/{application_id}/reset", reset_secret)
            .who(Who::Human)
            .takes::<Confirm>()
            .gives::<IssuedSecret>(200)
            .summary("Give the application a new secret"),
    ]
}

fn id(call: &Call) -> Result<ApplicationId, crate::actions::ActionError> {
    call.id::<ApplicationKind>("application_id")
}

async fn list(call: Call) -> Answer {
    Reply::json(&applications::list_own(&call.app, call.actor()?)?)
}

async fn create(call: Call) -> Answer {
    Reply::json(&applications::create(&call.app, call.actor()?, call.form()).await?)
}

async fn of_bot(call: Call) -> Answer {
    let actor = call.actor()?;
    Reply::json(&applications::get(&call.app, actor, actor.application()?)?)
}

async fn edit_of_bot(call: Call) -> Answer {
    let actor = call.actor()?;
    Reply::json(&applications::edit(&call.app, actor, actor.application()?, call.form::<Edit>()).await?)
}

async fn one(call: Call) -> Answer {
    Reply::json(&applications::get(&call.app, call.actor()?, id(&call)?)?)
}

async fn edit(call: Call) -> Answer {
    Reply::json(&applications::edit(&call.app, call.actor()?, id(&call)?, call.form::<Edit>()).await?)
}

async fn delete(call: Call) -> Answer {
    applications::delete(&call.app, call.actor()?, id(&call)?, call.form(), call.mfa_pass()).await?;
    Ok(Reply::nothing())
}

async fn create_bot(call: Call) -> Answer {
    Ok(Reply::json(&applications::create_bot(&call.app, call.actor()?, id(&call)?).await?)?.no_store())
}

async fn edit_bot(call: Call) -> Answer {
    Reply::json(&applications::edit_bot(&call.app, call.actor()?, id(&call)?, call.form()).await?)
}

async fn reset_token(call: Call) -> Answer {
    Ok(Reply::json(&applications::reset_token(&call.app, call.actor()?, id(&call)?).await?)?.no_store())
}

async fn reset_secret(call: Call) -> Answer {
    let id = id(&call)?;
    let secret =
        applications::reset_secret(&call.app, call.actor()?, id, call.form(), call.mfa_pass()).await?;
    Ok(Reply::json(&secret)?.no_store())
}
