//! Voice states of a guild, and calls in conversations.

use super::call::Call;
use super::reply::{Answer, Reply};
use super::route::{Route, Who, get, patch, post, put};
use crate::actions::voice::{self, EditState, Ring, Ringable, SetStatus};
use crate::model::VoiceState;
use crate::model::kind::{Channel, Guild, User};

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
        put("/channels/{channel_id}/voice-status", set_status)
            .takes::<SetStatus>()
            .or_nothing()
            .audited()
            .permission("SET_VOICE_CHANNEL_STATUS")
            .summary("Say what a voice channel is about, until the last in it leaves; from outside needs MANAGE_CHANNELS"),
        get("/channels/{channel_id}/call", ringable)
            .who(Who::Human)
            .gives::<Ringable>(200)
            .summary("Whether a conversation can be called"),
        patch("/channels/{channel_id}/call", set_region)
            .who(Who::Human)
            .or_nothing()
            .summary("Set where a call is; there is one place"),
        post("/channels/{channel_id}/call/ring", ring)
            .who(Who::Human)
            .takes::<Ring>()
            .or_nothing()
            .summary("Ring the others of a conversation for its call"),
        post("/channels/{channel_id}/call/stop-ringing", stop_ringing)
            .who(Who::Human)
            .takes::<Ring>()
            .or_nothing()
            .summary("Stop to ring, or decline"),
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

async fn set_status(call: Call) -> Answer {
    let channel = call.id::<Channel>("channel_id")?;
    voice::set_status(&call.app, call.actor()?, channel, call.form(), call.reason()?).await?;
    Ok(Reply::nothing())
}

async fn ringable(call: Call) -> Answer {
    Reply::json(&voice::ringable(&call.app, call.actor()?, call.id::<Channel>("channel_id")?)?)
}

async fn set_region(call: Call) -> Answer {
    voice::set_region(&call.app, call.actor()?, call.id::<Channel>("channel_id")?)?;
    Ok(Reply::nothing())
}

async fn ring(call: Call) -> Answer {
    let channel = call.id::<Channel>("channel_id")?;
    voice::ring(&call.app, call.actor()?, channel, call.form(), true).await?;
    Ok(Reply::nothing())
}

async fn stop_ringing(call: Call) -> Answer {
    let channel = call.id::<Channel>("channel_id")?;
    voice::ring(&call.app, call.actor()?, channel, call.form(), false).await?;
    Ok(Reply::nothing())
}
