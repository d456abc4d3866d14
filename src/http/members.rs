//! Members of a guild.

use serde::Serialize;

use super::call::Call;
use super::reply::{Answer, Reply};
use super::route::{Route, Who, delete, get, patch, post, put};
use crate::actions::ActionError;
use crate::actions::members::{
    self, Add, Edit, EditOwn, List, LookThrough, Prune, PruneCount, Pruned, Search, TablePage,
};
use crate::actions::roles;
use crate::logic::rate_limit::Bucket;
use crate::model::kind::{Guild, Role, User};
use crate::model::{GuildId, Member, UserId};

/// The routes of members.
pub fn routes() -> Vec<Route> {
    vec![
        get("/guilds/{guild_id}/members", list)
            .who(Who::Bot)
            .query::<List>()
            .gives::<Vec<Member>>(200)
            .summary("List members by account"),
        get("/guilds/{guild_id}/members/search", search)
            .query::<Search>()
            .gives::<Vec<Member>>(200)
            .summary("Find members by the beginning of a name"),
        post("/guilds/{guild_id}/members-search", look_through)
            .who(Who::Human)
            .takes::<LookThrough>()
            .gives::<TablePage>(200)
            .permission("MANAGE_GUILD")
            .summary("Look through a guild's members"),
        get("/guilds/{guild_id}/members/{user_id}", show).gives::<Member>(200).summary("A member"),
        put("/guilds/{guild_id}/members/{user_id}", add)
            .who(Who::Bot)
            .limit(Bucket::MemberEdit)
            .takes::<Add>()
            .gives::<Member>(201)
            .or_nothing()
            .permission("CREATE_INSTANT_INVITE")
            .summary("Bring in somebody who let the bot's application do so"),
        patch("/guilds/{guild_id}/members/{user_id}", edit)
            .limit(Bucket::MemberEdit)
            .takes::<Edit>()
            .gives::<Member>(200)
            .audited()
            .summary("Change a member; each field asks for its own right"),
        delete("/guilds/{guild_id}/members/{user_id}", kick)
            .or_nothing()
            .audited()
            .permission("KICK_MEMBERS")
            .summary("Remove a member"),
        patch("/guilds/{guild_id}/members/@me", edit_own)
            .limit(Bucket::Nickname)
            .takes::<EditOwn>()
            .with_pictures()
            .gives::<Member>(200)
            .audited()
            .summary("Change one's own name and profile in a guild"),
        patch("/guilds/{guild_id}/members/@me/nick", edit_nick)
            .limit(Bucket::Nickname)
            .takes::<EditOwn>()
            .gives::<Nick>(200)
            .audited()
            .permission("CHANGE_NICKNAME")
            .summary("Change one's own name in a guild"),
        put("/guilds/{guild_id}/members/{user_id}/roles/{role_id}", assign)
            .limit(Bucket::MemberEdit)
            .or_nothing()
            .audited()
            .permission("MANAGE_ROLES")
            .summary("Give a member a role"),
        delete("/guilds/{guild_id}/members/{user_id}/roles/{role_id}", unassign)
            .limit(Bucket::MemberEdit)
            .or_nothing()
            .audited()
            .permission("MANAGE_ROLES")
            .summary("Take a role from a member"),
        get("/guilds/{guild_id}/prune", prune_count)
            .query::<PruneCount>()
            .gives::<Pruned>(200)
            .permission("MANAGE_GUILD")
            .permission("KICK_MEMBERS")
            .summary("Count members who are long away"),
        post("/guilds/{guild_id}/prune", prune)
            .takes::<Prune>()
            .gives::<Pruned>(200)
            .audited()
            .permission("MANAGE_GUILD")
            .permission("KICK_MEMBERS")
            .summary("Remove members who are long away"),
    ]
}

/// Answer of changing one's own nick.
#[derive(Serialize, schemars::JsonSchema)]
struct Nick {
    nick: Option<String>,
}

fn ids(call: &Call) -> Result<(GuildId, UserId), ActionError> {
    Ok((call.id::<Guild>("guild_id")?, call.id::<User>("user_id")?))
}

async fn list(call: Call) -> Answer {
    let guild = call.id::<Guild>("guild_id")?;
    Reply::json(&members::list(&call.app, call.actor()?, guild, call.query_form())?)
}

async fn search(call: Call) -> Answer {
    let guild = call.id::<Guild>("guild_id")?;
    Reply::json(&members::search(&call.app, call.actor()?, guild, call.query_form()).await?)
}

async fn look_through(call: Call) -> Answer {
    let guild = call.id::<Guild>("guild_id")?;
    Reply::json(&members::look_through(&call.app, call.actor()?, guild, call.form()).await?)
}

async fn show(call: Call) -> Answer {
    let (guild, user) = ids(&call)?;
    Reply::json(&members::get(&call.app, call.actor()?, guild, user)?)
}

async fn add(call: Call) -> Answer {
    let (guild, user) = ids(&call)?;
    match members::add(&call.app, call.actor()?, guild, user, call.form()).await? {
        Some(member) => Reply::json(&member),
        None => Ok(Reply::nothing()),
    }
}

async fn edit(call: Call) -> Answer {
    let (guild, user) = ids(&call)?;
    Reply::json(&members::edit(&call.app, call.actor()?, guild, user, call.form(), call.reason()?).await?)
}

async fn kick(call: Call) -> Answer {
    let (guild, user) = ids(&call)?;
    members::kick(&call.app, call.actor()?, guild, user, call.reason()?).await?;
    Ok(Reply::nothing())
}

async fn edit_own(call: Call) -> Answer {
    let guild = call.id::<Guild>("guild_id")?;
    Reply::json(&members::edit_own(&call.app, call.actor()?, guild, call.form(), call.reason()?).await?)
}

async fn edit_nick(call: Call) -> Answer {
    let guild = call.id::<Guild>("guild_id")?;
    let member = members::edit_own(&call.app, call.actor()?, guild, call.form(), call.reason()?).await?;
    Reply::json(&Nick { nick: member.nick })
}

async fn assign(call: Call) -> Answer {
    let ((guild, user), role) = (ids(&call)?, call.id::<Role>("role_id")?);
    roles::assign(&call.app, call.actor()?, guild, user, role, call.reason()?).await?;
    Ok(Reply::nothing())
}

async fn unassign(call: Call) -> Answer {
    let ((guild, user), role) = (ids(&call)?, call.id::<Role>("role_id")?);
    roles::unassign(&call.app, call.actor()?, guild, user, role, call.reason()?).await?;
    Ok(Reply::nothing())
}

async fn prune_count(call: Call) -> Answer {
    let guild = call.id::<Guild>("guild_id")?;
    Reply::json(&members::prune_count(&call.app, call.actor()?, guild, call.query_form()).await?)
}

async fn prune(call: Call) -> Answer {
    let guild = call.id::<Guild>("guild_id")?;
    Reply::json(&members::prune(&call.app, call.actor()?, guild, call.form(), call.reason()?).await?)
}
