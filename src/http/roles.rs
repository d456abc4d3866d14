//! Roles of a guild.

use std::collections::BTreeMap;

use super::call::Call;
use super::reply::{Answer, Reply};
use super::route::{Route, delete, get, patch, post};
use crate::actions::ActionError;
use crate::actions::roles::{self, AddMembers, Edit, Moves};
use crate::logic::rate_limit::Bucket;
use crate::model::kind::{Guild, Role as RoleKind};
use crate::model::{GuildId, Member, Role, RoleId, UserId};

/// The routes of roles.
pub fn routes() -> Vec<Route> {
    let editing = |route: Route| route.limit(Bucket::RoleEdit).audited().permission("MANAGE_ROLES");
    vec![
        get("/guilds/{guild_id}/roles", list).gives::<Vec<Role>>(200).summary("List roles, lowest first"),
        editing(post("/guilds/{guild_id}/roles", create))
            .takes::<Edit>()
            .with_pictures()
            .gives::<Role>(200)
            .summary("Make a role"),
        editing(patch("/guilds/{guild_id}/roles", reorder))
            .takes::<Moves>()
            .gives::<Vec<Role>>(200)
            .summary("Move roles"),
        get("/guilds/{guild_id}/roles/member-counts", member_counts)
            .gives::<BTreeMap<RoleId, u64>>(200)
            .summary("How many members each role has"),
        get("/guilds/{guild_id}/roles/{role_id}", show).gives::<Role>(200).summary("A role"),
        editing(patch("/guilds/{guild_id}/roles/{role_id}", edit))
            .takes::<Edit>()
            .with_pictures()
            .gives::<Role>(200)
            .summary("Change a role"),
        editing(delete("/guilds/{guild_id}/roles/{role_id}", remove)).or_nothing().summary("Delete a role"),
        get("/guilds/{guild_id}/roles/{role_id}/member-ids", member_ids)
            .gives::<Vec<UserId>>(200)
            .summary("Accounts that have a role"),
        editing(patch("/guilds/{guild_id}/roles/{role_id}/members", add_members))
            .takes::<AddMembers>()
            .gives::<BTreeMap<UserId, Member>>(200)
            .summary("Give several members a role"),
    ]
}

fn ids(call: &Call) -> Result<(GuildId, RoleId), ActionError> {
    Ok((call.id::<Guild>("guild_id")?, call.id::<RoleKind>("role_id")?))
}

async fn list(call: Call) -> Answer {
    Reply::json(&roles::list(&call.app, call.actor()?, call.id::<Guild>("guild_id")?)?)
}

async fn create(call: Call) -> Answer {
    let guild = call.id::<Guild>("guild_id")?;
    Reply::json(&roles::create(&call.app, call.actor()?, guild, call.form(), call.reason()?).await?)
}

async fn reorder(call: Call) -> Answer {
    let guild = call.id::<Guild>("guild_id")?;
    Reply::json(&roles::reorder(&call.app, call.actor()?, guild, call.form(), call.reason()?).await?)
}

async fn member_counts(call: Call) -> Answer {
    let guild = call.id::<Guild>("guild_id")?;
    Reply::json(&roles::member_counts(&call.app, call.actor()?, guild).await?)
}

async fn show(call: Call) -> Answer {
    let (guild, role) = ids(&call)?;
    Reply::json(&roles::get(&call.app, call.actor()?, guild, role)?)
}

async fn edit(call: Call) -> Answer {
    let (guild, role) = ids(&call)?;
    Reply::json(&roles::edit(&call.app, call.actor()?, guild, role, call.form(), call.reason()?).await?)
}

async fn remove(call: Call) -> Answer {
    let (guild, role) = ids(&call)?;
    roles::delete(&call.app, call.actor()?, guild, role, call.reason()?).await?;
    Ok(Reply::nothing())
}

async fn member_ids(call: Call) -> Answer {
    let (guild, role) = ids(&call)?;
    Reply::json(&roles::member_ids(&call.app, call.actor()?, guild, role).await?)
}

async fn add_members(call: Call) -> Answer {
    let (guild, role) = ids(&call)?;
    Reply::json(
        &roles::add_members(&call.app, call.actor()?, guild, role, call.form(), call.reason()?).await?,
    )
}
