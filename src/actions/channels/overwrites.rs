//! Overwrites of a channel: what roles and members may do there beyond their guild rights. What counts is the difference: whoever
//! changes an overwrite must hold the bits that change (API.md §4).

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::json;

use super::put;
use crate::actions::actor::{Actor, Reason};
use crate::actions::audit::{self, Act, Changes, Entry};
use crate::actions::error::{ActionError, Fault};
use crate::actions::show;
use crate::app::App;
use crate::logic::form::kinds::{among, permissions, snowflake};
use crate::logic::form::{Checked, Fields, Form};
use crate::logic::permissions::{Standing, may_replace_overwrites, overwrite_authority};
use crate::model::{ChannelId, ChannelKind, GuildId, Id, Overwrite, OverwriteTarget, Permissions};
use crate::store::access::{Allowed, GuildAccess, Proof, right};
use crate::store::{ChannelRow, Denied, Roles, StoreError, Tx, Users, View};

/// Most overwrites of a channel (API.md §5).
const MAX_OVERWRITES: usize = 1_000;
/// Most overwrites in one body (API.md §5).
pub(in crate::actions) const MAX_IN_REQUEST: usize = 100;

/// Whom an overwrite says it concerns.
#[derive(Clone, Copy, PartialEq)]
enum TargetKind {
    Role,
    Member,
}

const TARGET_KINDS: &[(i64, TargetKind)] = &[(0, TargetKind::Role), (1, TargetKind::Member)];

/// An overwrite in a body.
#[derive(Clone)]
pub struct WrittenOverwrite {
    pub(in crate::actions) id: u64,
    kind: Option<TargetKind>,
    pub(in crate::actions) allow: Permissions,
    pub(in crate::actions) deny: Permissions,
}

impl Form for WrittenOverwrite {
    fn read(f: &mut Fields<'_>) -> Self {
        let PutOverwrite { kind, allow, deny } = PutOverwrite::read(f);
        Self { id: f.need("id", snowflake::<()>()).get(), kind, allow, deny }
    }
}

/// Body of `PUT /channels/{channel}/permissions/{target}`.
#[derive(Clone)]
pub struct PutOverwrite {
    kind: Option<TargetKind>,
    allow: Permissions,
    deny: Permissions,
}

impl Form for PutOverwrite {
    fn read(f: &mut Fields<'_>) -> Self {
        Self {
            kind: f.opt("type", among(TARGET_KINDS)),
            allow: f.or("allow", permissions(), Permissions::NONE),
            deny: f.or("deny", permissions(), Permissions::NONE),
        }
    }
}

/// Finds the role or account that an overwrite names; where it does not say which, a role of the guild comes first.
fn resolve(view: &View<'_>, guild: GuildId, given: &WrittenOverwrite) -> Result<Overwrite, ActionError> {
    let is_role = view.shared::<Roles>(&(guild, Id::new(given.id)))?.is_some();
    let target = match given.kind {
        Some(TargetKind::Role) if !is_role => return Err(Fault::UnknownRole.into()),
        Some(TargetKind::Role) => OverwriteTarget::Role(Id::new(given.id)),
        None if is_role => OverwriteTarget::Role(Id::new(given.id)),
        Some(TargetKind::Member) | None => {
            if view.shared::<Users>(&Id::new(given.id))?.is_none() {
                return Err(Fault::UnknownUser.into());
            }
            OverwriteTarget::Member(Id::new(given.id))
        }
    };
    Ok(Overwrite { target, allow: given.allow, deny: given.deny })
}

/// Finds whom overwrites name; of two for one, the later counts.
///
/// # Errors
/// 10011 and 10013 for what does not exist.
pub(super) fn resolve_all(
    view: &View<'_>,
    guild: GuildId,
    given: &[WrittenOverwrite],
) -> Result<Vec<Overwrite>, ActionError> {
    let mut resolved: Vec<Overwrite> = Vec::with_capacity(given.len());
    for written in given {
        let overwrite = resolve(view, guild, written)?;
        resolved.retain(|earlier| earlier.target != overwrite.target);
        resolved.push(overwrite);
    }
    Ok(resolved)
}

/// Checks that a member may put the overwrites `new` in place of `old` in a channel where they hold `held`.
pub(super) fn allow(
    access: &GuildAccess,
    held: Permissions,
    old: &[Overwrite],
    new: &[Overwrite],
) -> Result<(), Denied> {
    let standing = Standing {
        guild: access.id,
        member: access.actor,
        roles: &access.member.roles,
        base: access.held,
        is_owner: access.is_owner(),
        // What a time-out or screening leaves is in `held` already: MANAGE_ROLES is not.
        is_timed_out: false,
        is_pending: access.member.pending,
    };
    may_replace_overwrites(held, overwrite_authority(&standing, old), old, new).map_err(Denied::Missing)
}

/// Whether two channels have the same overwrites, in whatever order.
fn same(a: &[Overwrite], b: &[Overwrite]) -> bool {
    let by_target: HashMap<OverwriteTarget, &Overwrite> =
        b.iter().map(|overwrite| (overwrite.target, overwrite)).collect();
    a.len() == b.len() && a.iter().all(|overwrite| by_target.get(&overwrite.target) == Some(&overwrite))
}

/// The children of a category that had its old overwrites, with the new ones: they follow it (API.md §4). None for other channels.
///
/// # Errors
/// 50013 where the actor could not make the change in a child.
pub(super) fn synced_children(
    view: &View<'_>,
    access: &GuildAccess,
    category: ChannelId,
    old: &ChannelRow,
    new: &ChannelRow,
) -> Result<Vec<(ChannelId, ChannelRow)>, ActionError> {
    let mut synced = Vec::new();
    if new.kind != ChannelKind::Category || same(&old.overwrites, &new.overwrites) {
        return Ok(synced);
    }
    for (id, row) in show::guild_channels(view, access.id)? {
        if row.parent == Some(category) && same(&row.overwrites, &old.overwrites) {
            let held = view.channel_permissions(access, &row)?;
            allow(access, held, &row.overwrites, &new.overwrites)?;
            synced.push((id, ChannelRow { overwrites: new.overwrites.clone(), ..(*row).clone() }));
        }
    }
    Ok(synced)
}

/// Sets what a role or member may do in a channel. The same again changes nothing and tells nobody.
///
/// # Errors
/// 50013 without MANAGE_ROLES there or for rights the actor lacks there, 10011 and 10013 for no role or account, 30060 at the limit.
pub async fn put_overwrite(
    app: &App,
    actor: Actor,
    channel: ChannelId,
    target: u64,
    form: Checked<PutOverwrite>,
    reason: Option<Reason>,
) -> Result<(), ActionError> {
    app.store
        .write(move |tx| {
            let by = tx.allow::<right::ManageRoles>(actor.user, channel)?;
            let access = by.guild.clone().ok_or(Fault::ChannelType)?;
            let PutOverwrite { kind, allow, deny } = form.get()?.clone();
            let written = WrittenOverwrite { id: target, kind, allow, deny };
            let overwrite = resolve(tx, access.id, &written)?;
            let mut overwrites = by.channel.overwrites.clone();
            match overwrites.iter().position(|own| own.target == overwrite.target) {
                Some(at) => overwrites[at] = overwrite,
                None if overwrites.len() >= MAX_OVERWRITES => return Err(Fault::TooManyOverwrites.into()),
                None => overwrites.push(overwrite),
            }
            write(tx, &by, &access, channel, overwrites, reason.as_ref())
        })
        .await
}

/// Removes an overwrite.
///
/// # Errors
/// 50013 without MANAGE_ROLES there or for rights the actor lacks there, 10009 for no overwrite.
pub async fn delete_overwrite(
    app: &App,
    actor: Actor,
    channel: ChannelId,
    target: u64,
    reason: Option<Reason>,
) -> Result<(), ActionError> {
    app.store
        .write(move |tx| {
            let by = tx.allow::<right::ManageRoles>(actor.user, channel)?;
            let access = by.guild.clone().ok_or(Fault::ChannelType)?;
            let mut overwrites = by.channel.overwrites.clone();
            overwrites.retain(|own| own.raw_target().0 != target);
            if overwrites.len() == by.channel.overwrites.len() {
                return Err(Fault::UnknownOverwrite.into());
            }
            write(tx, &by, &access, channel, overwrites, reason.as_ref())
        })
        .await
}

fn write(
    tx: &mut Tx<'_>,
    by: &Allowed<'_, right::ManageRoles>,
    access: &GuildAccess,
    channel: ChannelId,
    overwrites: Vec<Overwrite>,
    reason: Option<&Reason>,
) -> Result<(), ActionError> {
    let old = &by.channel;
    allow(access, by.held, &old.overwrites, &overwrites)?;
    let row = ChannelRow { overwrites, ..(**old).clone() };
    if row == **old {
        return Ok(());
    }
    let children = synced_children(tx, access, channel, old, &row)?;
    put(tx, by, access.id, channel, &row)?;
    for (child, row) in children {
        put(tx, by, access.id, child, &row)?;
    }
    Ok(record(tx, by, access, channel, (&old.overwrites, &row.overwrites), reason)?)
}

/// Notes each overwrite that was made, changed or removed, with an entry of its own (API.md §2.2).
pub(super) fn record(
    tx: &mut Tx<'_>,
    by: &impl Proof,
    actor: &GuildAccess,
    channel: ChannelId,
    (old, new): (&[Overwrite], &[Overwrite]),
    reason: Option<&Reason>,
) -> Result<(), StoreError> {
    let find = |among: &[Overwrite], target| among.iter().find(|own| own.target == target).copied();
    let gone = old.iter().filter(|own| find(new, own.target).is_none());
    for target in new.iter().chain(gone).map(|own| own.target) {
        let (before, after) = (find(old, target), find(new, target));
        let act = match (before, after) {
            (None, _) => Act::OverwriteCreate,
            (Some(_), None) => Act::OverwriteDelete,
            (Some(before), Some(after)) if before == after => continue,
            (Some(_), Some(_)) => Act::OverwriteUpdate,
        };
        let (before, after) = (before.map(|own| json!(own)), after.map(|own| json!(own)));
        let mut changes = Changes::none();
        changes.objects(before.as_ref(), after.as_ref());
        let entry = Entry {
            guild: actor.id,
            actor: actor.actor,
            act,
            target: Some(channel.to_string()),
            changes,
            options: Some(target_options(tx, actor.id, target)?),
            reason: reason.map(Reason::as_str),
        };
        audit::record(tx, by, entry)?;
    }
    Ok(())
}

fn target_options(
    view: &View<'_>,
    guild: GuildId,
    target: OverwriteTarget,
) -> Result<serde_json::Value, StoreError> {
    Ok(match target {
        OverwriteTarget::Role(role) => {
            let row: Option<Arc<_>> = view.shared::<Roles>(&(guild, role))?;
            json!({ "id": role, "type": "0", "role_name": row.map_or(String::new(), |row| row.name.clone()) })
        }
        OverwriteTarget::Member(user) => json!({ "id": user, "type": "1" }),
    })
}
