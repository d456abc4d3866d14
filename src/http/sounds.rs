//! Sounds of soundboards.

use super::{Answer, Call, Reply, Route, delete, get, patch, post};
use crate::actions::ActionError;
use crate::actions::expressions::sounds::{self, Create, Edit, Play};
use crate::model::kind::{Channel, Guild, Sound as SoundKind};
use crate::model::{GuildId, Sound, SoundId, SoundList};

/// Every route of sounds.
pub fn routes() -> Vec<Route> {
    vec![
        get("/soundboard-default-sounds", defaults)
            .gives::<Vec<Sound>>(200)
            .summary("List the sounds that everybody has"),
        get("/guilds/{guild_id}/soundboard-sounds", list).gives::<SoundList>(200).summary("List sounds"),
        post("/guilds/{guild_id}/soundboard-sounds", create)
            .takes::<Create>()
            .gives::<Sound>(201)
            .audited()
            .permission("CREATE_GUILD_EXPRESSIONS")
            .summary("Make a sound of an MP3 or Ogg file of at most 5.2 seconds"),
        get("/guilds/{guild_id}/soundboard-sounds/{sound_id}", one).gives::<Sound>(200).summary("A sound"),
        patch("/guilds/{guild_id}/soundboard-sounds/{sound_id}", edit)
            .takes::<Edit>()
            .gives::<Sound>(200)
            .audited()
            .permission("MANAGE_GUILD_EXPRESSIONS")
            .summary("Change a sound; one's own needs only CREATE_GUILD_EXPRESSIONS"),
        delete("/guilds/{guild_id}/soundboard-sounds/{sound_id}", remove)
            .audited()
            .permission("MANAGE_GUILD_EXPRESSIONS")
            .summary("Delete a sound; one's own needs only CREATE_GUILD_EXPRESSIONS"),
        post("/channels/{channel_id}/send-soundboard-sound", play)
            .takes::<Play>()
            .or_nothing()
            .permission("USE_SOUNDBOARD")
            .summary("Play a sound to everybody in one's voice channel; needs SPEAK too"),
    ]
}

fn ids(call: &Call) -> Result<(GuildId, SoundId), ActionError> {
    Ok((call.id::<Guild>("guild_id")?, call.id::<SoundKind>("sound_id")?))
}

async fn defaults(call: Call) -> Answer {
    call.actor()?;
    Reply::json(&sounds::defaults())
}

async fn list(call: Call) -> Answer {
    Reply::json(&sounds::list(&call.app, call.actor()?, call.id("guild_id")?)?)
}

async fn create(call: Call) -> Answer {
    let guild = call.id("guild_id")?;
    Reply::json(&sounds::create(&call.app, call.actor()?, guild, call.form(), call.reason()?).await?)
}

async fn one(call: Call) -> Answer {
    let (guild, sound) = ids(&call)?;
    Reply::json(&sounds::get(&call.app, call.actor()?, guild, sound)?)
}

async fn edit(call: Call) -> Answer {
    let (guild, sound) = ids(&call)?;
    Reply::json(&sounds::edit(&call.app, call.actor()?, guild, sound, call.form(), call.reason()?).await?)
}

async fn remove(call: Call) -> Answer {
    let (guild, sound) = ids(&call)?;
    sounds::delete(&call.app, call.actor()?, guild, sound, call.reason()?).await?;
    Ok(Reply::nothing())
}

async fn play(call: Call) -> Answer {
    let channel = call.id::<Channel>("channel_id")?;
    sounds::play(&call.app, call.actor()?, channel, call.form()).await?;
    Ok(Reply::nothing())
}
