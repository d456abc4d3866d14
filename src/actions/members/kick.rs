//! Removing members: one by name, or all who were long away and have no roles.

use std::ops::ControlFlow;

use serde::Serialize;
use serde_json::json;

use super::{leave, place_of, row_of, scan};
use crate::actions::actor::{Actor, Reason};
use crate::actions::audit::{self, Act, Changes, Entry};
use crate::actions::error::ActionError;
use crate::app::App;
use crate::logic::form::kinds::{boolean, integer, list, repeated, snowflake, text};
use crate::logic::form::{Checked, Fields, Form};
use crate::logic::permissions::{Place, may_act_on_member};
use crate::model::{GuildId, Permissions, RoleId, UserId};
use crate::store::access::{GuildAccess, GuildAllowed, require, right};
use crate::store::{AuthSessions, MemberRow, Members, Order, StoreError, Tx, View};

/// Members removed by one write: five rows each.
const CHUNK: usize = 150;
/// Most roles that a prune may include.
const MAX_INCLUDED: usize = 250;
/// Most logins of an account that are looked at for when it was here last.
const MAX_LOGINS: usize = 100;
/// Milliseconds of a day.
const DAY_MS: u64 = 86_400_000;

/// Removes a member, who may come back by another invite.
///
/// # Errors
/// 50013 without KICK_MEMBERS or at somebody not below, 10007 for no member.
pub async fn kick(
    app: &App,
    actor: Actor,
    guild: GuildId,
    target: UserId,
    reason: Option<Reason>,
) -> Result<(), ActionError> {
    app.store
        .reclaim(move |tx| {
            let by = tx.allow_guild::<right::KickMembers>(actor.user, guild)?;
            row_of(tx, guild, target)?;
            let by = tx.allow_on_member::<right::KickMembers>(by.actor, guild, target)?;
            leave(tx, &by, guild, target)?;
            let entry = Entry {
                guild,
                actor: actor.user,
                act: Act::MemberKick,
                target: Some(target.to_string()),
                changes: Changes::none(),
                options: None,
                reason: reason.as_ref().map(Reason::as_str),
            };
            Ok(audit::record(tx, &by, entry)?)
        })
        .await
}

/// Body of `POST /guilds/{guild}/prune`.
#[derive(Clone)]
pub struct Prune {
    days: u64,
    include_roles: Vec<RoleId>,
    compute_prune_count: bool,
    reason: Option<String>,
}

impl Form for Prune {
    fn read(f: &mut Fields<'_>) -> Self {
        Self {
            days: f.or("days", integer(1..=30u64), 7),
            include_roles: f.or("include_roles", list(snowflake(), MAX_INCLUDED), Vec::new()),
            compute_prune_count: f.or("compute_prune_count", boolean(), true),
            reason: f.opt("reason", text(0..=512)).filter(|reason| !reason.is_empty()),
        }
    }
}

/// Query of `GET /guilds/{guild}/prune`.
#[derive(Clone)]
pub struct PruneCount {
    days: u64,
    include_roles: Vec<RoleId>,
}

impl Form for PruneCount {
    fn read(f: &mut Fields<'_>) -> Self {
        Self {
            days: f.or("days", integer(1..=30u64), 7),
            include_roles: f.or("include_roles", repeated(snowflake(), MAX_INCLUDED), Vec::new()),
        }
    }
}

/// How many a prune removed or would remove; `null` where it was not asked for.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct Pruned {
    /// How many.
    pub pruned: Option<usize>,
}

/// Whom a prune concerns: people without other roles than these, who joined and were here last before this.
struct Absence<'a> {
    before_ms: u64,
    include_roles: &'a [RoleId],
}

impl Absence<'_> {
    fn covers(&self, view: &View<'_>, user: UserId, row: &MemberRow) -> Result<bool, StoreError> {
        if row.joined_ms >= self.before_ms
            || row.roles.iter().any(|role| !self.include_roles.contains(role))
            || super::is_bot(view, user)?
        {
            return Ok(false);
        }
        let logins = view.list::<AuthSessions>(&user, None, Order::Descending, MAX_LOGINS)?;
        Ok(logins.iter().all(|(_, login)| login.used_ms < self.before_ms))
    }
}

fn allow(view: &View<'_>, actor: Actor, guild: GuildId) -> Result<GuildAccess, StoreError> {
    let access = view.guild_access(actor.user, guild)?;
    require(access.held, Permissions::KICK_MEMBERS | Permissions::MANAGE_GUILD)?;
    Ok(access)
}

/// Members that a prune would remove.
async fn absent(
    app: &App,
    guild: GuildId,
    actor: Place,
    days: u64,
    include_roles: &[RoleId],
) -> Result<Vec<UserId>, ActionError> {
    let mut found = Vec::new();
    scan(app, guild, |view, user, row| {
        let absence = Absence { before_ms: view.now_ms().saturating_sub(days * DAY_MS), include_roles };
        if absence.covers(view, user, row)? && is_below(view, guild, actor, user, row)? {
            found.push(user);
        }
        Ok(ControlFlow::Continue(()))
    })
    .await?;
    Ok(found)
}

fn is_below(
    view: &View<'_>,
    guild: GuildId,
    actor: Place,
    user: UserId,
    row: &MemberRow,
) -> Result<bool, StoreError> {
    let owner = view.shared::<crate::store::Guilds>(&guild)?.map(|row| row.owner);
    let target = Place { is_owner: owner == Some(user), top: view.top_rank(guild, &row.roles)? };
    Ok(may_act_on_member(actor, Some(target)))
}

/// Counts whom a prune would remove.
///
/// # Errors
/// 50013 without KICK_MEMBERS and MANAGE_GUILD.
pub async fn prune_count(
    app: &App,
    actor: Actor,
    guild: GuildId,
    query: Checked<PruneCount>,
) -> Result<Pruned, ActionError> {
    let place = app.store.read(|view| place_of(&allow(view, actor, guild)?, view))?;
    let PruneCount { days, include_roles } = query.take()?;
    let absent = absent(app, guild, place, days, &include_roles).await?;
    Ok(Pruned { pruned: Some(absent.len()) })
}

/// Removes members who were away for some days, have no roles (but those included) and stand below the actor, [`CHUNK`] by write. Each
/// write asks again whether the actor may and who still is away, and leaves its own entry in the audit log.
///
/// # Errors
/// 50013 without KICK_MEMBERS and MANAGE_GUILD.
pub async fn prune(
    app: &App,
    actor: Actor,
    guild: GuildId,
    form: Checked<Prune>,
    reason: Option<Reason>,
) -> Result<Pruned, ActionError> {
    let place = app.store.read(|view| place_of(&allow(view, actor, guild)?, view))?;
    let form = form.take()?;
    let reason = reason.map(Reason::into_string).or_else(|| form.reason.clone());
    let absent = absent(app, guild, place, form.days, &form.include_roles).await?;
    let mut removed = 0;
    for chunk in absent.chunks(CHUNK) {
        let (chunk, form, reason) = (chunk.to_vec(), form.clone(), reason.clone());
        removed += app
            .store
            .reclaim(move |tx| remove_absent(tx, actor, guild, &chunk, &form, reason.as_deref()))
            .await?;
    }
    Ok(Pruned { pruned: form.compute_prune_count.then_some(removed) })
}

fn remove_absent(
    tx: &mut Tx<'_>,
    actor: Actor,
    guild: GuildId,
    users: &[UserId],
    form: &Prune,
    reason: Option<&str>,
) -> Result<usize, ActionError> {
    let by: GuildAllowed<'_, right::KickMembers> = tx.allow_guild(actor.user, guild)?;
    require(by.held, Permissions::MANAGE_GUILD)?;
    let place = place_of(&by, tx)?;
    let before_ms = tx.now_ms().saturating_sub(form.days * DAY_MS);
    let absence = Absence { before_ms, include_roles: &form.include_roles };
    let mut removed = 0;
    for user in users {
        let Some(row) = tx.shared::<Members>(&(guild, *user))? else { continue };
        if absence.covers(tx, *user, &row)? && is_below(tx, guild, place, *user, &row)? {
            leave(tx, &by, guild, *user)?;
            removed += 1;
        }
    }
    if removed > 0 {
        let options = json!({
            "delete_member_days": form.days.to_string(),
            "members_removed": removed.to_string(),
        });
        let entry = Entry {
            guild,
            actor: actor.user,
            act: Act::MemberPrune,
            target: None,
            changes: Changes::none(),
            options: Some(options),
            reason,
        };
        audit::record(tx, &by, entry)?;
    }
    Ok(removed)
}
