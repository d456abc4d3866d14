//! Voice states of a guild.

use super::call::Call;
use super::reply::{Answer, Reply};
use super::route::{Route, get, patch};
use crate::actions::voice::{self, EditState};
use crate::model::VoiceState;
use crate::model::kind::{Guild, User};

/// The routes of voice.
pub fn routes() -> Vec<Route> {
    vec![
        get("/guilds/{guild_id}/voice-states/@me", own_state)
            .gives::<VoiceState>(200)
            .summary("One's own voice state in a guild"),
        get("/guilds/{guild_id}/voice-states/{user_id}", state)
            .gives::<VoiceState>(200)
            .summary("A member's voice state"),
        patch("/guilds/{guild_id}/voice-states/@me", edit_own_state)
            .takes::<EditState>()
            .or_nothing()
            .summary("On a stage, ask to speak, speak, or listen"),
        patch("/guilds/{guild_id}/voice-states/{user_id}", edit_state)
            .takes::<EditState>()
            .or_nothing()
            .summary("On a stage, let a member speak or listen; needs MUTE_MEMBERS in the channel"),
    ]
}

async fn own_state(call: Call) -> Answer {
    let actor = call.actor()?;
    Reply::json(&voice::state(&call.app, actor, call.id::<Guild>("guild_id")?, actor.user)?)
}

async fn state(call: Call) -> Answer {
    let (guild, user) = (call.id::<Guild>("guild_id")?, call.id::<User>("user_id")?);
    Reply::json(&voice::state(&call.app, call.actor()?, guild, user)?)
}

async fn edit_own_state(call: Call) -> Answer {
    let (actor, guild) = (call.actor()?, call.id::<Guild>("guild_id")?);
    voice::edit_state(&call.app, actor, guild, actor.user, call.form()).await?;
    Ok(Reply::nothing())
}

async fn edit_state(call: Call) -> Answer {
    let (guild, user) = (call.id::<Guild>("guild_id")?, call.id::<User>("user_id")?);
    voice::edit_state(&call.app, call.actor()?, guild, user, call.form()).await?;
    Ok(Reply::nothing())
}
