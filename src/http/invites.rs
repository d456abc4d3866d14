//! Invites.

use super::call::Call;
use super::reply::{Answer, Reply};
use super::route::{Route, Who, delete, get, post};
use crate::actions::invites::{self, Create, LookUp};
use crate::logic::rate_limit::Bucket;
use crate::model::Invite;
use crate::model::kind::{Channel, Guild};

/// The routes of invites.
pub fn routes() -> Vec<Route> {
    vec![
        get("/channels/{channel_id}/invites", of_channel)
            .gives::<Vec<Invite>>(200)
            .permission("MANAGE_CHANNELS")
            .summary("List invites to a channel"),
        post("/channels/{channel_id}/invites", create)
            .limit(Bucket::InviteCreate)
            .takes::<Create>()
            .gives::<Invite>(200)
            .audited()
            .permission("CREATE_INSTANT_INVITE")
            .summary("Invite to a channel"),
        get("/guilds/{guild_id}/invites", of_guild)
            .gives::<Vec<Invite>>(200)
            .permission("MANAGE_GUILD")
            .summary("List invites to a guild"),
        get("/invites/{code}", look_up)
            .who(Who::Perhaps)
            .limit(Bucket::InviteLookup)
            .query::<LookUp>()
            .gives::<Invite>(200)
            .summary("Look an invite up"),
        post("/invites/{code}", accept).who(Who::Human).gives::<Invite>(200).summary("Accept an invite"),
        delete("/invites/{code}", remove)
            .gives::<Invite>(200)
            .audited()
            .permission("MANAGE_CHANNELS")
            .summary("Take an invite back"),
    ]
}

async fn of_channel(call: Call) -> Answer {
    Reply::json(&invites::of_channel(&call.app, call.actor()?, call.id::<Channel>("channel_id")?)?)
}

async fn create(call: Call) -> Answer {
    let channel = call.id::<Channel>("channel_id")?;
    Reply::json(&invites::create(&call.app, call.actor()?, channel, call.form(), call.reason()?).await?)
}

async fn of_guild(call: Call) -> Answer {
    Reply::json(&invites::of_guild(&call.app, call.actor()?, call.id::<Guild>("guild_id")?)?)
}

async fn look_up(call: Call) -> Answer {
    Reply::json(&invites::get(&call.app, call.param("code"), call.query()?)?)
}

async fn accept(call: Call) -> Answer {
    Reply::json(&invites::accept(&call.app, call.actor()?, call.param("code").to_owned()).await?)
}

async fn remove(call: Call) -> Answer {
    Reply::json(
        &invites::delete(&call.app, call.actor()?, call.param("code").to_owned(), call.reason()?).await?,
    )
}
