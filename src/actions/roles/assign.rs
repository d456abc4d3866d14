//! Giving roles to members and taking them.

use std::collections::BTreeMap;

use super::{allow, row_of};
use crate::actions::actor::{Actor, Reason};
use crate::actions::error::{ActionError, Fault};
use crate::actions::members;
use crate::app::App;
use crate::logic::form::kinds::{list, snowflake};
use crate::logic::form::{Checked, Fields, Form};
use crate::logic::permissions::{RoleAct, may_take_up_role};
use crate::model::{GuildId, Member, RoleId, UserId};
use crate::store::access::{GuildAccess, right};
use crate::store::{Denied, Tx, View};

/// Most members that get a role by one call (API.md §2.2).
const MAX_MEMBERS: usize = 30;

/// Checks that the actor may give this role to somebody: it is below them, nobody else's, and raises not themselves.
fn allow_giving(view: &View<'_>, actor: &GuildAccess, role: RoleId, to: UserId) -> Result<(), ActionError> {
    let row = row_of(view, actor.id, role)?;
    if role == actor.id.cast() {
        return Err(Fault::InvalidRole.into());
    }
    allow(view, actor, role, &row, RoleAct::Assign)?;
    if to == actor.actor {
        may_take_up_role(actor.held, row.permissions).map_err(Denied::Missing)?;
    }
    Ok(())
}

fn allow_taking(view: &View<'_>, actor: &GuildAccess, role: RoleId) -> Result<(), ActionError> {
    let row = row_of(view, actor.id, role)?;
    if role == actor.id.cast() {
        return Err(Fault::InvalidRole.into());
    }
    Ok(allow(view, actor, role, &row, RoleAct::Assign)?)
}

/// Checks that the actor, who holds MANAGE_ROLES, may make these a member's roles, and gives them in order; only what is given or taken
/// counts. Roles that are gone fall away.
///
/// # Errors
/// 10011 for no role, 50028 for @everyone, 50013 for roles the actor may not give or take.
pub fn allow_set(
    view: &View<'_>,
    actor: &GuildAccess,
    target: UserId,
    old: &[RoleId],
    wanted: &[RoleId],
) -> Result<Vec<RoleId>, ActionError> {
    let held = members::living_roles(view, actor.id, old)?;
    for role in wanted.iter().filter(|role| !held.contains(role)) {
        allow_giving(view, actor, *role, target)?;
    }
    for role in held.iter().filter(|role| !wanted.contains(role)) {
        allow_taking(view, actor, *role)?;
    }
    Ok(members::living_roles(view, actor.id, wanted)?)
}

/// Gives a member a role; one who has it keeps it, and nobody is told.
///
/// # Errors
/// 50013 without MANAGE_ROLES, for managed roles and those not below; 10011, 10007 for no role or member; 50028 for @everyone.
pub async fn assign(
    app: &App,
    actor: Actor,
    guild: GuildId,
    target: UserId,
    role: RoleId,
    reason: Option<Reason>,
) -> Result<(), ActionError> {
    app.store
        .write(move |tx| {
            let by = tx.allow_guild::<right::ManageRoles>(actor.user, guild)?;
            allow_giving(tx, &by, role, target)?;
            let old = members::row_of(tx, guild, target)?;
            if !old.roles.contains(&role) {
                let mut roles = old.roles.clone();
                roles.push(role);
                members::write_roles(tx, &by, target, &old, roles, reason.as_ref())?;
            }
            Ok(())
        })
        .await
}

/// Takes a role from a member; who has it not is left alone.
///
/// # Errors
/// As [`assign`].
pub async fn unassign(
    app: &App,
    actor: Actor,
    guild: GuildId,
    target: UserId,
    role: RoleId,
    reason: Option<Reason>,
) -> Result<(), ActionError> {
    app.store
        .write(move |tx| {
            let by = tx.allow_guild::<right::ManageRoles>(actor.user, guild)?;
            allow_taking(tx, &by, role)?;
            let old = members::row_of(tx, guild, target)?;
            if old.roles.contains(&role) {
                let roles = old.roles.iter().copied().filter(|held| *held != role).collect();
                members::write_roles(tx, &by, target, &old, roles, reason.as_ref())?;
            }
            Ok(())
        })
        .await
}

/// Body of `PATCH /guilds/{guild}/roles/{role}/members`.
#[derive(Clone)]
pub struct AddMembers {
    member_ids: Vec<UserId>,
}

impl Form for AddMembers {
    fn read(f: &mut Fields<'_>) -> Self {
        Self { member_ids: f.need("member_ids", list(snowflake(), MAX_MEMBERS).at_least(1)) }
    }
}

/// Gives a role to several members, and shows those who have it then; strangers among them are passed over.
///
/// # Errors
/// As [`assign`].
pub async fn add_members(
    app: &App,
    actor: Actor,
    guild: GuildId,
    role: RoleId,
    form: Checked<AddMembers>,
    reason: Option<Reason>,
) -> Result<BTreeMap<UserId, Member>, ActionError> {
    app.store
        .write(move |tx| {
            let by = tx.allow_guild::<right::ManageRoles>(actor.user, guild)?;
            allow_giving(tx, &by, role, UserId::new(0))?;
            let mut given = BTreeMap::new();
            for target in &form.get()?.member_ids {
                let Some(old) = tx.get::<crate::store::Members>(&(guild, *target))? else { continue };
                allow_giving(tx, &by, role, *target)?;
                let mut roles = old.roles.clone();
                roles.push(role);
                given.insert(*target, (old, roles));
            }
            give_all(tx, &by, given, reason.as_ref())
        })
        .await
}

fn give_all(
    tx: &mut Tx<'_>,
    by: &crate::store::access::GuildAllowed<'_, right::ManageRoles>,
    given: BTreeMap<UserId, (crate::store::MemberRow, Vec<RoleId>)>,
    reason: Option<&Reason>,
) -> Result<BTreeMap<UserId, Member>, ActionError> {
    let mut shown = BTreeMap::new();
    for (target, (old, roles)) in given {
        shown.insert(target, members::write_roles(tx, by, target, &old, roles, reason)?);
    }
    Ok(shown)
}
