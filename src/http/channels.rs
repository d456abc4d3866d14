//! Channels of guilds, and what a conversation shares with them: being shown, changed, closed.

use super::call::Call;
use super::reply::{Answer, Reply};
use super::route::{Route, delete, get, patch, post, put};
use crate::actions::ActionError;
use crate::actions::channels::{self, Create, Edit, Moves, PutOverwrite};
use crate::actions::dms;
use crate::logic::form::{Fields, Form, kinds::boolean};
use crate::logic::rate_limit::Bucket;
use crate::model::kind::{Channel as ChannelKind, Guild};
use crate::model::{Channel, ChannelId};

/// The routes of channels.
pub fn routes() -> Vec<Route> {
    vec![
        get("/guilds/{guild_id}/channels", list)
            .gives::<Vec<Channel>>(200)
            .summary("List a guild's channels that one may view"),
        post("/guilds/{guild_id}/channels", create)
            .limit(Bucket::ChannelCreate)
            .takes::<Create>()
            .gives::<Channel>(201)
            .audited()
            .permission("MANAGE_CHANNELS")
            .summary("Make a channel"),
        patch("/guilds/{guild_id}/channels", reorder)
            .takes::<Moves>()
            .or_nothing()
            .audited()
            .permission("MANAGE_CHANNELS")
            .summary("Move channels"),
        get("/channels/{channel_id}", show)
            .gives::<Channel>(200)
            .permission("VIEW_CHANNEL")
            .summary("A channel or conversation"),
        patch("/channels/{channel_id}", edit)
            .takes::<Edit>()
            .with_pictures()
            .gives::<Channel>(200)
            .audited()
            .permission("MANAGE_CHANNELS")
            .summary("Change a channel or group"),
        delete("/channels/{channel_id}", remove)
            .query::<Close>()
            .gives::<Channel>(200)
            .audited()
            .permission("MANAGE_CHANNELS")
            .summary("Delete a channel, close a conversation, leave a group"),
        put("/channels/{channel_id}/permissions/{overwrite_id}", put_overwrite)
            .takes::<PutOverwrite>()
            .or_nothing()
            .audited()
            .permission("MANAGE_ROLES")
            .summary("Set what a role or member may do in a channel"),
        delete("/channels/{channel_id}/permissions/{overwrite_id}", delete_overwrite)
            .or_nothing()
            .audited()
            .permission("MANAGE_ROLES")
            .summary("Remove an overwrite"),
    ]
}

/// Query of leaving a group.
#[derive(Clone, Copy)]
struct Close {
    is_silent: bool,
}

impl Form for Close {
    fn read(f: &mut Fields<'_>) -> Self {
        Self { is_silent: f.or("silent", boolean(), false) }
    }
}

fn id(call: &Call) -> Result<ChannelId, ActionError> {
    call.id::<ChannelKind>("channel_id")
}

async fn list(call: Call) -> Answer {
    Reply::json(&channels::list(&call.app, call.actor()?, call.id::<Guild>("guild_id")?)?)
}

async fn create(call: Call) -> Answer {
    let guild = call.id::<Guild>("guild_id")?;
    Reply::json(&channels::create(&call.app, call.actor()?, guild, call.form(), call.reason()?).await?)
}

async fn reorder(call: Call) -> Answer {
    let guild = call.id::<Guild>("guild_id")?;
    channels::reorder(&call.app, call.actor()?, guild, call.form(), call.reason()?).await?;
    Ok(Reply::nothing())
}

async fn show(call: Call) -> Answer {
    Reply::json(&channels::get(&call.app, call.actor()?, id(&call)?)?)
}

async fn edit(call: Call) -> Answer {
    let (actor, id) = (call.actor()?, id(&call)?);
    if channels::kind_of(&call.app, actor, id)?.is_dm() {
        return Reply::json(&dms::edit_group(&call.app, actor, id, call.form()).await?);
    }
    Reply::json(&channels::edit(&call.app, actor, id, call.form(), call.reason()?).await?)
}

async fn remove(call: Call) -> Answer {
    let (actor, id) = (call.actor()?, id(&call)?);
    if channels::kind_of(&call.app, actor, id)?.is_dm() {
        let Close { is_silent } = call.query()?;
        return Reply::json(&dms::close(&call.app, actor, id, is_silent).await?);
    }
    Reply::json(&channels::delete(&call.app, actor, id, call.reason()?).await?)
}

async fn put_overwrite(call: Call) -> Answer {
    let target = call.id::<()>("overwrite_id")?.get();
    channels::put_overwrite(&call.app, call.actor()?, id(&call)?, target, call.form(), call.reason()?)
        .await?;
    Ok(Reply::nothing())
}

async fn delete_overwrite(call: Call) -> Answer {
    let target = call.id::<()>("overwrite_id")?.get();
    channels::delete_overwrite(&call.app, call.actor()?, id(&call)?, target, call.reason()?).await?;
    Ok(Reply::nothing())
}
