//! Stickers of guilds.

use super::{Answer, Call, Reply, Route, delete, get, patch, post};
use crate::actions::ActionError;
use crate::actions::expressions::stickers::{self, Create, Edit};
use crate::model::kind::{Guild, Sticker as StickerKind};
use crate::model::{GuildId, Sticker, StickerId};

/// Every route of stickers.
pub fn routes() -> Vec<Route> {
    vec![
        get("/guilds/{guild_id}/stickers", list).gives::<Vec<Sticker>>(200).summary("List stickers"),
        post("/guilds/{guild_id}/stickers", create)
            .takes::<Create>()
            .with_files()
            .gives::<Sticker>(201)
            .audited()
            .permission("CREATE_GUILD_EXPRESSIONS")
            .summary("Make a sticker of the file that comes with the form"),
        get("/guilds/{guild_id}/stickers/{sticker_id}", one).gives::<Sticker>(200).summary("A sticker"),
        patch("/guilds/{guild_id}/stickers/{sticker_id}", edit)
            .takes::<Edit>()
            .gives::<Sticker>(200)
            .audited()
            .permission("MANAGE_GUILD_EXPRESSIONS")
            .summary("Change a sticker's words; one's own needs only CREATE_GUILD_EXPRESSIONS"),
        delete("/guilds/{guild_id}/stickers/{sticker_id}", remove)
            .audited()
            .permission("MANAGE_GUILD_EXPRESSIONS")
            .summary("Delete a sticker; one's own needs only CREATE_GUILD_EXPRESSIONS"),
        get("/stickers/{sticker_id}", find).gives::<Sticker>(200).summary("A sticker of any guild one is in"),
    ]
}

fn ids(call: &Call) -> Result<(GuildId, StickerId), ActionError> {
    Ok((call.id::<Guild>("guild_id")?, call.id::<StickerKind>("sticker_id")?))
}

async fn list(call: Call) -> Answer {
    Reply::json(&stickers::list(&call.app, call.actor()?, call.id("guild_id")?)?)
}

async fn create(mut call: Call) -> Answer {
    let (actor, guild) = (call.actor()?, call.id("guild_id")?);
    let files = call.files(|app| stickers::check_may_create(app, actor, guild)).await?;
    Reply::json(&stickers::create(&call.app, actor, guild, call.form(), files, call.reason()?).await?)
}

async fn one(call: Call) -> Answer {
    let (guild, sticker) = ids(&call)?;
    Reply::json(&stickers::get(&call.app, call.actor()?, guild, sticker)?)
}

async fn edit(call: Call) -> Answer {
    let (guild, sticker) = ids(&call)?;
    let edited =
        stickers::edit(&call.app, call.actor()?, guild, sticker, call.form(), call.reason()?).await?;
    Reply::json(&edited)
}

async fn remove(call: Call) -> Answer {
    let (guild, sticker) = ids(&call)?;
    stickers::delete(&call.app, call.actor()?, guild, sticker, call.reason()?).await?;
    Ok(Reply::nothing())
}

async fn find(call: Call) -> Answer {
    Reply::json(&stickers::find(&call.app, call.actor()?, call.id("sticker_id")?)?)
}
