//! Bans.

use super::call::Call;
use super::reply::{Answer, Reply};
use super::route::{Route, delete, get, post, put};
use crate::actions::ActionError;
use crate::actions::bans::{self, Bulk, BulkBanned, Create, List};
use crate::model::kind::{Guild, User};
use crate::model::{Ban, GuildId, UserId};

/// The routes of bans.
pub fn routes() -> Vec<Route> {
    let banning = |route: Route| route.permission("BAN_MEMBERS");
    vec![
        banning(get("/guilds/{guild_id}/bans", list))
            .query::<List>()
            .gives::<Vec<Ban>>(200)
            .summary("List bans by account"),
        banning(get("/guilds/{guild_id}/bans/{user_id}", show)).gives::<Ban>(200).summary("A ban"),
        banning(put("/guilds/{guild_id}/bans/{user_id}", create))
            .takes::<Create>()
            .or_nothing()
            .audited()
            .summary("Ban an account"),
        banning(delete("/guilds/{guild_id}/bans/{user_id}", remove))
            .or_nothing()
            .audited()
            .summary("Lift a ban"),
        banning(post("/guilds/{guild_id}/bulk-ban", create_bulk))
            .takes::<Bulk>()
            .gives::<BulkBanned>(200)
            .audited()
            .permission("MANAGE_GUILD")
            .summary("Ban many accounts"),
    ]
}

fn ids(call: &Call) -> Result<(GuildId, UserId), ActionError> {
    Ok((call.id::<Guild>("guild_id")?, call.id::<User>("user_id")?))
}

async fn list(call: Call) -> Answer {
    let guild = call.id::<Guild>("guild_id")?;
    Reply::json(&bans::list(&call.app, call.actor()?, guild, call.query_form())?)
}

async fn show(call: Call) -> Answer {
    let (guild, user) = ids(&call)?;
    Reply::json(&bans::get(&call.app, call.actor()?, guild, user)?)
}

async fn create(call: Call) -> Answer {
    let (guild, user) = ids(&call)?;
    bans::create(&call.app, call.actor()?, guild, user, call.form(), call.reason()?).await?;
    Ok(Reply::nothing())
}

async fn remove(call: Call) -> Answer {
    let (guild, user) = ids(&call)?;
    bans::remove(&call.app, call.actor()?, guild, user, call.reason()?).await?;
    Ok(Reply::nothing())
}

async fn create_bulk(call: Call) -> Answer {
    let guild = call.id::<Guild>("guild_id")?;
    Reply::json(&bans::create_bulk(&call.app, call.actor()?, guild, call.form(), call.reason()?).await?)
}
