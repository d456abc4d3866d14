//! Guilds, and one's own list of them.

use super::call::Call;
use super::reply::{Answer, Reply};
use super::route::{Route, Who, delete, get, patch, post};
use crate::actions::guilds::{
    self, Confirm, Create, Edit, EditExtras, EditVanity, ListOwn, Look, MfaLevel, MfaLevelNow, Preview,
    Vanity,
};
use crate::actions::members;
use crate::logic::rate_limit::Bucket;
use crate::logic::scopes::Scopes;
use crate::model::kind::Guild as GuildKind;
use crate::model::{Guild, GuildId, GuildSettings, Member, PartialGuild};

/// The routes of guilds.
pub fn routes() -> Vec<Route> {
    vec![
        post("/guilds", create)
            .who(Who::Human)
            .limit(Bucket::GuildCreate)
            .takes::<Create>()
            .with_pictures()
            .gives::<Guild>(201)
            .summary("Make a guild"),
        get("/guilds/{guild_id}", show).query::<Look>().gives::<Guild>(200).summary("A guild"),
        patch("/guilds/{guild_id}", edit)
            .takes::<Edit>()
            .with_pictures()
            .gives::<Guild>(200)
            .audited()
            .permission("MANAGE_GUILD")
            .summary("Change a guild"),
        delete("/guilds/{guild_id}", remove)
            .who(Who::Human)
            .takes::<Confirm>()
            .or_nothing()
            .summary("Delete one's own guild"),
        post("/guilds/{guild_id}/delete", remove)
            .who(Who::Human)
            .takes::<Confirm>()
            .or_nothing()
            .summary("Delete one's own guild"),
        post("/guilds/{guild_id}/mfa", mfa)
            .who(Who::Human)
            .takes::<MfaLevel>()
            .gives::<MfaLevelNow>(200)
            .audited()
            .summary("Ask moderators of one's own guild for a second factor"),
        get("/guilds/{guild_id}/vanity-url", vanity)
            .gives::<Vanity>(200)
            .permission("MANAGE_GUILD")
            .summary("A guild's own invite code"),
        patch("/guilds/{guild_id}/vanity-url", edit_vanity)
            .takes::<EditVanity>()
            .gives::<Vanity>(200)
            .audited()
            .permission("MANAGE_GUILD")
            .summary("Choose a guild's own invite code"),
        get("/guilds/{guild_id}/preview", preview).gives::<Preview>(200).summary("A guild at a glance"),
        get("/hearth/guilds/{guild_id}/settings", extras)
            .gives::<GuildSettings>(200)
            .summary("Settings of a guild beyond the field's own"),
        patch("/hearth/guilds/{guild_id}/settings", edit_extras)
            .takes::<EditExtras>()
            .gives::<GuildSettings>(200)
            .audited()
            .permission("MANAGE_GUILD")
            .summary("Change settings of a guild beyond the field's own"),
        get("/users/@me/guilds", list_own)
            .scope(Scopes::GUILDS)
            .query::<ListOwn>()
            .gives::<Vec<PartialGuild>>(200)
            .summary("List one's own guilds"),
        delete("/users/@me/guilds/{guild_id}", leave).or_nothing().summary("Leave a guild"),
        get("/users/@me/guilds/{guild_id}/member", own_member)
            .scope(Scopes::GUILDS_MEMBERS_READ)
            .gives::<Member>(200)
            .summary("One's own membership in a guild"),
    ]
}

async fn extras(call: Call) -> Answer {
    Reply::json(&guilds::extras(&call.app, call.actor()?, id(&call)?)?)
}

async fn edit_extras(call: Call) -> Answer {
    let (guild, form, reason) = (id(&call)?, call.form(), call.reason()?);
    Reply::json(&guilds::edit_extras(&call.app, call.actor()?, guild, form, reason).await?)
}

fn id(call: &Call) -> Result<GuildId, crate::actions::ActionError> {
    call.id::<GuildKind>("guild_id")
}

async fn create(call: Call) -> Answer {
    Reply::json(&guilds::create(&call.app, call.actor()?, call.form()).await?)
}

async fn show(call: Call) -> Answer {
    Reply::json(&guilds::get(&call.app, call.actor()?, id(&call)?, call.query()?)?)
}

async fn edit(call: Call) -> Answer {
    let reason = call.reason()?;
    Reply::json(&guilds::edit(&call.app, call.actor()?, id(&call)?, call.form(), reason).await?)
}

async fn remove(call: Call) -> Answer {
    guilds::delete(&call.app, call.actor()?, id(&call)?, call.form(), call.mfa_pass()).await?;
    Ok(Reply::nothing())
}

async fn mfa(call: Call) -> Answer {
    let reason = call.reason()?;
    Reply::json(&guilds::set_mfa_level(&call.app, call.actor()?, id(&call)?, call.form(), reason).await?)
}

async fn vanity(call: Call) -> Answer {
    Reply::json(&guilds::vanity(&call.app, call.actor()?, id(&call)?)?)
}

async fn edit_vanity(call: Call) -> Answer {
    let reason = call.reason()?;
    Reply::json(&guilds::edit_vanity(&call.app, call.actor()?, id(&call)?, call.form(), reason).await?)
}

async fn preview(call: Call) -> Answer {
    Reply::json(&guilds::preview(&call.app, call.actor()?, id(&call)?)?)
}

async fn list_own(call: Call) -> Answer {
    Reply::json(&guilds::list_own(&call.app, call.actor()?, call.query_form())?)
}

async fn leave(call: Call) -> Answer {
    guilds::leave(&call.app, call.actor()?, id(&call)?).await?;
    Ok(Reply::nothing())
}

async fn own_member(call: Call) -> Answer {
    Reply::json(&members::own(&call.app, call.actor()?, id(&call)?)?)
}
