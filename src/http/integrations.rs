//! Integrations of a guild: its bots.

use super::call::Call;
use super::reply::{Answer, Reply};
use super::route::{Route, delete, get};
use crate::actions::integrations;
use crate::model::Integration;
use crate::model::kind::{Application, Guild};

/// The routes of integrations.
pub fn routes() -> Vec<Route> {
    vec![
        get("/guilds/{guild_id}/integrations", list)
            .gives::<Vec<Integration>>(200)
            .permission("MANAGE_GUILD")
            .summary("List a guild's bots"),
        delete("/guilds/{guild_id}/integrations/{integration_id}", remove)
            .or_nothing()
            .audited()
            .permission("MANAGE_GUILD")
            .summary("Take a bot out of a guild"),
    ]
}

async fn list(call: Call) -> Answer {
    Reply::json(&integrations::list(&call.app, call.actor()?, call.id::<Guild>("guild_id")?)?)
}

async fn remove(call: Call) -> Answer {
    let (guild, id) = (call.id::<Guild>("guild_id")?, call.id::<Application>("integration_id")?);
    integrations::delete(&call.app, call.actor()?, guild, id, call.reason()?).await?;
    Ok(Reply::nothing())
}
