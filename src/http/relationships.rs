//! Friends, requests and blocks.

use super::call::Call;
use super::reply::{Answer, Reply};
use super::route::{Route, Who, delete, get, patch, post, put};
use crate::actions::relationships::{self, AskByName, Become, Rename};
use crate::logic::rate_limit::Bucket;
use crate::model::Relationship;
use crate::model::kind::User;

/// The routes of relationships.
pub fn routes() -> Vec<Route> {
    let human = |route: Route| route.who(Who::Human);
    vec![
        human(get("/users/@me/relationships", list))
            .gives::<Vec<Relationship>>(200)
            .summary("List one's own friends, requests and blocks"),
        human(post("/users/@me/relationships", ask_by_name))
            .limit(Bucket::FriendRequest)
            .takes::<AskByName>()
            .or_nothing()
            .summary("Ask somebody by name to be a friend"),
        human(delete("/users/@me/relationships", refuse_all))
            .or_nothing()
            .summary("Refuse every request to be a friend"),
        human(put("/users/@me/relationships/{user_id}", become_something))
            .takes::<Become>()
            .or_nothing()
            .summary("Ask to be a friend, accept that, or block"),
        human(patch("/users/@me/relationships/{user_id}", rename))
            .takes::<Rename>()
            .or_nothing()
            .summary("Give a friend a name of one's own"),
        human(delete("/users/@me/relationships/{user_id}", end))
            .or_nothing()
            .summary("End a friendship, refuse or take back a request, or unblock"),
        human(put("/users/@me/relationships/{user_id}/ignore", ignore))
            .or_nothing()
            .summary("Want to hear little of somebody"),
        human(delete("/users/@me/relationships/{user_id}/ignore", heed))
            .or_nothing()
            .summary("Want to hear of somebody again"),
    ]
}

async fn list(call: Call) -> Answer {
    Reply::json(&relationships::list(&call.app, call.actor()?)?)
}

async fn ask_by_name(call: Call) -> Answer {
    relationships::ask_by_name(&call.app, call.actor()?, call.form::<AskByName>()).await?;
    Ok(Reply::nothing())
}

async fn refuse_all(call: Call) -> Answer {
    relationships::refuse_all(&call.app, call.actor()?).await?;
    Ok(Reply::nothing())
}

async fn become_something(call: Call) -> Answer {
    let other = call.id::<User>("user_id")?;
    relationships::become_something(&call.app, call.actor()?, other, call.form::<Become>()).await?;
    Ok(Reply::nothing())
}

async fn rename(call: Call) -> Answer {
    let other = call.id::<User>("user_id")?;
    relationships::rename(&call.app, call.actor()?, other, call.form::<Rename>()).await?;
    Ok(Reply::nothing())
}

async fn end(call: Call) -> Answer {
    relationships::end(&call.app, call.actor()?, call.id::<User>("user_id")?).await?;
    Ok(Reply::nothing())
}

async fn ignore(call: Call) -> Answer {
    relationships::ignore(&call.app, call.actor()?, call.id::<User>("user_id")?, true).await?;
    Ok(Reply::nothing())
}

async fn heed(call: Call) -> Answer {
    relationships::ignore(&call.app, call.actor()?, call.id::<User>("user_id")?, false).await?;
    Ok(Reply::nothing())
}
