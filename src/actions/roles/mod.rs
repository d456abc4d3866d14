//! Roles of a guild: made, changed, deleted, shown. Their order is `order`'s, who has them `assign`'s.

mod assign;
mod order;
mod sweep;

pub use assign::{AddMembers, add_members, allow_set, assign, unassign};
pub use order::{Move, Moves, reorder};
pub use sweep::sweep;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::actor::{Actor, Reason};
use super::audit::{self, Act, Changes, Entry};
use super::error::{ActionError, Fault};
use super::images;
use super::members;
use super::show;
use crate::app::App;
use crate::logic::form::kinds::{boolean, colour, image_data, object, permissions, text};
use crate::logic::form::{Checked, Fields, Form, ImageData, Patch};
use crate::logic::permissions::{RoleAct, may_grant, may_manage_role, rank};
use crate::model::{
    Audience, Dispatch, GuildId, OverwriteTarget, Permissions, Role, RoleDeleted, RoleEvent, RoleId, UserId,
};
use crate::store::access::{GuildAccess, Proof, right};
use crate::store::{Channels, Denied, DoomedRoles, Order, RoleRow, Roles, StoreError, Tx, UserIdRow, View};

/// Most members that `GET …/member-ids` lists (as Discord's).
const MAX_LISTED_IDS: usize = 100;
/// The name of a role that was given none.
pub(super) const DEFAULT_NAME: &str = "new role";

/// The colours of a role in the newer form.
#[derive(Clone)]
struct Colours {
    primary: Option<u32>,
    secondary: Option<u32>,
    tertiary: Option<u32>,
}

impl Form for Colours {
    fn read(f: &mut Fields<'_>) -> Self {
        Self {
            primary: f.opt("primary_color", colour()),
            secondary: f.opt("secondary_color", colour()),
            tertiary: f.opt("tertiary_color", colour()),
        }
    }
}

/// Body of `POST /guilds/{guild}/roles` and of `PATCH /guilds/{guild}/roles/{role}`.
#[derive(Clone)]
pub struct Edit {
    name: Option<String>,
    permissions: Option<Permissions>,
    colour: Option<u32>,
    colours: Option<Colours>,
    hoist: Option<bool>,
    mentionable: Option<bool>,
    icon: Patch<ImageData>,
    unicode_emoji: Patch<String>,
}

impl Form for Edit {
    fn read(f: &mut Fields<'_>) -> Self {
        Self {
            name: f.opt("name", text(1..=100)),
            permissions: f.opt("permissions", permissions()),
            colour: f.opt("color", colour()),
            colours: f.opt("colors", object::<Colours>()),
            hoist: f.opt("hoist", boolean()),
            mentionable: f.opt("mentionable", boolean()),
            icon: f.patch("icon", image_data(images::MAX_UPLOAD_BYTES)),
            unicode_emoji: f.patch("unicode_emoji", text(0..=64)),
        }
    }
}

impl Edit {
    /// The rights that the form names.
    pub(super) fn permissions(&self) -> Option<Permissions> {
        self.permissions
    }

    /// Writes what the form names into a row; its icon was kept apart.
    pub(super) fn apply(&self, row: &mut RoleRow, icon: &Patch<String>) {
        row.name = self.name.clone().unwrap_or_else(|| row.name.clone());
        row.permissions = self.permissions.unwrap_or(row.permissions);
        row.color = self.colour.unwrap_or(row.color);
        if let Some(colours) = &self.colours {
            row.color = colours.primary.unwrap_or(row.color);
            row.secondary_color = colours.secondary;
            row.tertiary_color = colours.tertiary;
        }
        row.hoist = self.hoist.unwrap_or(row.hoist);
        row.mentionable = self.mentionable.unwrap_or(row.mentionable);
        icon.clone().apply(&mut row.icon);
        self.unicode_emoji.clone().apply(&mut row.unicode_emoji);
        row.unicode_emoji = row.unicode_emoji.take().filter(|emoji| !emoji.is_empty());
    }
}

/// Roles of a guild, lowest first.
///
/// # Errors
/// 50001 for strangers.
pub fn list(app: &App, actor: Actor, guild: GuildId) -> Result<Vec<Arc<Role>>, ActionError> {
    app.store.read(|view| {
        view.allow_guild::<right::Membership>(actor.user, guild)?;
        Ok(show::roles(view, guild)?)
    })
}

/// One role.
///
/// # Errors
/// 50001 for strangers, 10011 for no role.
pub fn get(app: &App, actor: Actor, guild: GuildId, role: RoleId) -> Result<Role, ActionError> {
    app.store.read(|view| {
        view.allow_guild::<right::Membership>(actor.user, guild)?;
        Ok(show::role(role, &row_of(view, guild, role)?))
    })
}

/// How many members each role has; @everyone is left out.
///
/// # Errors
/// 50001 for strangers.
pub async fn member_counts(
    app: &App,
    actor: Actor,
    guild: GuildId,
) -> Result<BTreeMap<RoleId, u64>, ActionError> {
    let roles = list(app, actor, guild)?;
    let mut counts: BTreeMap<RoleId, u64> =
        roles.iter().filter(|role| role.id != guild.cast()).map(|role| (role.id, 0)).collect();
    members::scan(app, guild, |_, _, row| {
        for role in &row.roles {
            if let Some(count) = counts.get_mut(role) {
                *count += 1;
            }
        }
        Ok(ControlFlow::Continue(()))
    })
    .await?;
    Ok(counts)
}

/// Members with a role, at most [`MAX_LISTED_IDS`], by account.
///
/// # Errors
/// 50001 for strangers, 10011 for no role.
pub async fn member_ids(
    app: &App,
    actor: Actor,
    guild: GuildId,
    role: RoleId,
) -> Result<Vec<UserId>, ActionError> {
    get(app, actor, guild, role)?;
    let mut found = Vec::new();
    members::scan(app, guild, |_, user, row| {
        if row.roles.contains(&role) {
            found.push(user);
        }
        Ok(if found.len() < MAX_LISTED_IDS { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })
    .await?;
    Ok(found)
}

/// Keeps the icon of a form, once the caller has shown a right to change roles at all. A faulty form has none: its faults show in the
/// write, after the right.
async fn keep_icon(
    app: &App,
    actor: Actor,
    guild: GuildId,
    form: &Checked<Edit>,
) -> Result<Patch<String>, ActionError> {
    let Ok(form) = form.get() else { return Ok(Patch::Keep) };
    app.store.read(|view| view.allow_guild::<right::ManageRoles>(actor.user, guild).map(drop))?;
    images::keep_patch(app, form.icon.clone(), images::ICON).await
}

/// Makes a role at the bottom, just above @everyone.
///
/// # Errors
/// 50013 without MANAGE_ROLES or for rights the actor lacks, 30005 at the limit.
pub async fn create(
    app: &App,
    actor: Actor,
    guild: GuildId,
    form: Checked<Edit>,
    reason: Option<Reason>,
) -> Result<Arc<Role>, ActionError> {
    let icon = keep_icon(app, actor, guild, &form).await?;
    app.store
        .write(move |tx| {
            let by = tx.allow_guild::<right::ManageRoles>(actor.user, guild)?;
            let form = form.get()?;
            let everyone = row_of(tx, guild, guild.cast())?;
            let mut row = RoleRow {
                name: DEFAULT_NAME.to_owned(),
                permissions: everyone.permissions,
                position: 1,
                ..RoleRow::default()
            };
            form.apply(&mut row, &icon);
            may_grant(by.held, Permissions::NONE, row.permissions).map_err(Denied::Missing)?;
            if tx.list::<Roles>(&guild, None, Order::Ascending, show::MAX_ROLES)?.len() >= show::MAX_ROLES {
                return Err(Fault::TooManyRoles.into());
            }
            let id = insert(tx, &by, guild, &row)?;
            record(tx, &by, &by, Act::RoleCreate, id, (None, Some(&row)), reason.as_ref())?;
            Ok(Arc::new(show::role(id, &row)))
        })
        .await
}

/// Writes a new role and tells the guild.
pub fn insert(tx: &mut Tx<'_>, by: &impl Proof, guild: GuildId, row: &RoleRow) -> Result<RoleId, StoreError> {
    let id: RoleId = tx.next_id();
    tx.put::<Roles>(by, &(guild, id), row)?;
    let event = RoleEvent { guild_id: guild, role: Arc::new(show::role(id, row)) };
    tx.emit(Audience::Guild(guild), Dispatch::RoleCreate(event));
    Ok(id)
}

/// Changes a role. Of @everyone only the rights can change.
///
/// # Errors
/// 50013 without MANAGE_ROLES, at a role not below, or for rights the actor lacks; 10011 for no role.
pub async fn edit(
    app: &App,
    actor: Actor,
    guild: GuildId,
    role: RoleId,
    form: Checked<Edit>,
    reason: Option<Reason>,
) -> Result<Arc<Role>, ActionError> {
    let icon = keep_icon(app, actor, guild, &form).await?;
    app.store
        .write(move |tx| {
            let by = tx.allow_guild::<right::ManageRoles>(actor.user, guild)?;
            let old = row_of(tx, guild, role)?;
            allow(tx, &by, role, &old, RoleAct::Edit)?;
            let form = form.get()?;
            let mut row = old.clone();
            if role == guild.cast() {
                row.permissions = form.permissions.unwrap_or(row.permissions);
            } else {
                form.apply(&mut row, &icon);
            }
            may_grant(by.held, old.permissions, row.permissions).map_err(Denied::Missing)?;
            let shown = Arc::new(show::role(role, &row));
            if row != old {
                tx.put::<Roles>(&by, &(guild, role), &row)?;
                record(tx, &by, &by, Act::RoleUpdate, role, (Some(&old), Some(&row)), reason.as_ref())?;
                let event = RoleEvent { guild_id: guild, role: shown.clone() };
                tx.emit(Audience::Guild(guild), Dispatch::RoleUpdate(event));
            }
            Ok(shown)
        })
        .await
}

/// Deletes a role. Its overwrites go at once, the members' rows are swept later: readers ignore roles that are gone.
///
/// # Errors
/// 50013 without MANAGE_ROLES or at a role not below, 10011 for no role, 50028 for @everyone and managed roles.
pub async fn delete(
    app: &App,
    actor: Actor,
    guild: GuildId,
    role: RoleId,
    reason: Option<Reason>,
) -> Result<(), ActionError> {
    app.store
        .reclaim(move |tx| {
            let by = tx.allow_guild::<right::ManageRoles>(actor.user, guild)?;
            let row = row_of(tx, guild, role)?;
            allow(tx, &by, role, &row, RoleAct::Edit)?;
            if role == guild.cast() || row.managed {
                return Err(Fault::InvalidRole.into());
            }
            erase(tx, &by, guild, role)?;
            record(tx, &by, &by, Act::RoleDelete, role, (Some(&row), None), reason.as_ref())?;
            Ok(())
        })
        .await
}

/// Removes a role and its overwrites (no CHANNEL_UPDATE: API.md §2.2), tells the guild, and leaves the members to [`sweep`].
pub fn erase(tx: &mut Tx<'_>, by: &impl Proof, guild: GuildId, role: RoleId) -> Result<(), StoreError> {
    tx.delete::<Roles>(by, &(guild, role))?;
    tx.put::<DoomedRoles>(by, &(guild, role), &UserIdRow::default())?;
    for (id, row) in show::guild_channels(tx, guild)? {
        if row.overwrites.iter().any(|overwrite| overwrite.target == OverwriteTarget::Role(role)) {
            let mut row = (*row).clone();
            row.overwrites.retain(|overwrite| overwrite.target != OverwriteTarget::Role(role));
            tx.put::<Channels>(by, &id, &row)?;
        }
    }
    tx.emit(Audience::Guild(guild), Dispatch::RoleDelete(RoleDeleted { guild_id: guild, role_id: role }));
    Ok(())
}

/// A role's row, or 10011.
pub(super) fn row_of(view: &View<'_>, guild: GuildId, role: RoleId) -> Result<RoleRow, ActionError> {
    let row = view.shared::<Roles>(&(guild, role))?.ok_or(Fault::UnknownRole)?;
    Ok((*row).clone())
}

/// Whether the actor may do this to a role.
fn allow(
    view: &View<'_>,
    actor: &GuildAccess,
    role: RoleId,
    row: &RoleRow,
    act: RoleAct,
) -> Result<(), StoreError> {
    let place = members::place_of(actor, view)?;
    if may_manage_role(place, rank(row.position, role), row.managed, act) {
        Ok(())
    } else {
        Err(Denied::Hierarchy.into())
    }
}

/// Notes what was made, changed or deleted of a role.
fn record(
    tx: &mut Tx<'_>,
    by: &impl Proof,
    actor: &GuildAccess,
    act: Act,
    role: RoleId,
    (old, new): (Option<&RoleRow>, Option<&RoleRow>),
    reason: Option<&Reason>,
) -> Result<(), StoreError> {
    let mut changes = Changes::none();
    let fields = |row: &RoleRow| {
        serde_json::json!({
            "name": row.name,
            "permissions": row.permissions,
            "color": row.color,
            "secondary_color": row.secondary_color,
            "tertiary_color": row.tertiary_color,
            "hoist": row.hoist,
            "mentionable": row.mentionable,
            "icon_hash": row.icon,
            "unicode_emoji": row.unicode_emoji,
            "position": row.position,
        })
    };
    let (old, new) = (old.map(fields), new.map(fields));
    changes.objects(old.as_ref(), new.as_ref());
    let entry = Entry {
        guild: actor.id,
        actor: actor.actor,
        act,
        target: Some(role.to_string()),
        changes,
        options: None,
        reason: reason.map(Reason::as_str),
    };
    audit::record(tx, by, entry)
}

#[cfg(test)]
mod tests;
