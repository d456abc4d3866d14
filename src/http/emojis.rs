//! Custom emoji of guilds and applications.

use super::{Answer, Call, Reply, Route, delete, get, patch, post};
use crate::actions::ActionError;
use crate::actions::expressions::emojis::{self, Create, Edit};
use crate::model::kind::{Application, Emoji as EmojiKind, Guild};
use crate::model::{ApplicationId, Emoji, EmojiId, EmojiList, GuildId};

/// Every route of custom emoji.
pub fn routes() -> Vec<Route> {
    vec![
        get("/guilds/{guild_id}/emojis", list).gives::<Vec<Emoji>>(200).summary("List custom emoji"),
        post("/guilds/{guild_id}/emojis", create)
            .takes::<Create>()
            .with_pictures()
            .gives::<Emoji>(201)
            .audited()
            .permission("CREATE_GUILD_EXPRESSIONS")
            .summary("Make a custom emoji"),
        get("/guilds/{guild_id}/emojis/{emoji_id}", one).gives::<Emoji>(200).summary("A custom emoji"),
        patch("/guilds/{guild_id}/emojis/{emoji_id}", edit)
            .takes::<Edit>()
            .gives::<Emoji>(200)
            .audited()
            .permission("MANAGE_GUILD_EXPRESSIONS")
            .summary("Rename a custom emoji; one's own needs only CREATE_GUILD_EXPRESSIONS"),
        delete("/guilds/{guild_id}/emojis/{emoji_id}", remove)
            .audited()
            .permission("MANAGE_GUILD_EXPRESSIONS")
            .summary("Delete a custom emoji; one's own needs only CREATE_GUILD_EXPRESSIONS"),
        get("/applications/{application_id}/emojis", list_of_application)
            .gives::<EmojiList>(200)
            .summary("List an application's emoji"),
        post("/applications/{application_id}/emojis", create_of_application)
            .takes::<Create>()
            .with_pictures()
            .gives::<Emoji>(201)
            .summary("Make an emoji that the application's bot uses everywhere"),
        get("/applications/{application_id}/emojis/{emoji_id}", one_of_application)
            .gives::<Emoji>(200)
            .summary("An application's emoji"),
        patch("/applications/{application_id}/emojis/{emoji_id}", edit_of_application)
            .takes::<Edit>()
            .gives::<Emoji>(200)
            .summary("Rename an application's emoji"),
        delete("/applications/{application_id}/emojis/{emoji_id}", remove_of_application)
            .summary("Delete an application's emoji"),
    ]
}

fn in_guild(call: &Call) -> Result<(GuildId, EmojiId), ActionError> {
    Ok((call.id::<Guild>("guild_id")?, call.id::<EmojiKind>("emoji_id")?))
}

fn in_application(call: &Call) -> Result<(ApplicationId, EmojiId), ActionError> {
    Ok((call.id::<Application>("application_id")?, call.id::<EmojiKind>("emoji_id")?))
}

async fn list(call: Call) -> Answer {
    Reply::json(&emojis::list_all(&call.app, call.actor()?, call.id("guild_id")?)?)
}

async fn create(call: Call) -> Answer {
    let guild = call.id("guild_id")?;
    Reply::json(&emojis::create(&call.app, call.actor()?, guild, call.form(), call.reason()?).await?)
}

async fn one(call: Call) -> Answer {
    let (guild, emoji) = in_guild(&call)?;
    Reply::json(&emojis::get(&call.app, call.actor()?, guild, emoji)?)
}

async fn edit(call: Call) -> Answer {
    let (guild, emoji) = in_guild(&call)?;
    Reply::json(&emojis::edit(&call.app, call.actor()?, guild, emoji, call.form(), call.reason()?).await?)
}

async fn remove(call: Call) -> Answer {
    let (guild, emoji) = in_guild(&call)?;
    emojis::delete(&call.app, call.actor()?, guild, emoji, call.reason()?).await?;
    Ok(Reply::nothing())
}

async fn list_of_application(call: Call) -> Answer {
    let application = call.id("application_id")?;
    Reply::json(&emojis::list_of_application(&call.app, call.actor()?, application)?)
}

async fn create_of_application(call: Call) -> Answer {
    let application = call.id("application_id")?;
    let made = emojis::create_of_application(&call.app, call.actor()?, application, call.form()).await?;
    Reply::json(&made)
}

async fn one_of_application(call: Call) -> Answer {
    let (application, emoji) = in_application(&call)?;
    Reply::json(&emojis::get_of_application(&call.app, call.actor()?, application, emoji)?)
}

async fn edit_of_application(call: Call) -> Answer {
    let (application, emoji) = in_application(&call)?;
    let edited =
        emojis::edit_of_application(&call.app, call.actor()?, application, emoji, call.form()).await?;
    Reply::json(&edited)
}

async fn remove_of_application(call: Call) -> Answer {
    let (application, emoji) = in_application(&call)?;
    emojis::delete_of_application(&call.app, call.actor()?, application, emoji).await?;
    Ok(Reply::nothing())
}
