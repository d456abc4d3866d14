//! Changing a channel of a guild.

use std::sync::{Arc, PoisonError};

use super::overwrites::{self, WrittenOverwrite};
use super::{Details, allow_parent, channel_name, form, put, record};
use crate::actions::actor::{Actor, Reason};
use crate::actions::audit::Act;
use crate::actions::error::{ActionError, Fault, LimitScope, RateLimited};
use crate::actions::show;
use crate::app::App;
use crate::logic::form::kinds::{among, integer, list, object, snowflake, text};
use crate::logic::form::{Checked, Fields, Form, Patch};
use crate::logic::rate_limit::{Bucket, Caller, Key};
use crate::model::{Channel, ChannelId, ChannelKind, Permissions};
use crate::store::access::{Allowed, GuildAccess, require, right};
use crate::store::{ChannelRow, Denied, Tx};

/// Body of `PATCH /channels/{channel}` on a channel of a guild.
#[derive(Clone)]
pub struct Edit {
    name: Option<String>,
    kind: Option<ChannelKind>,
    position: Option<u32>,
    parent: Patch<ChannelId>,
    overwrites: Patch<Vec<WrittenOverwrite>>,
    details: Details,
}

impl Form for Edit {
    fn read(f: &mut Fields<'_>) -> Self {
        Self {
            name: f.opt("name", text(1..=100)),
            kind: f.opt("type", among(form::KINDS)),
            position: f.opt("position", integer(0..=10_000u32)),
            parent: f.patch("parent_id", snowflake()),
            overwrites: f.patch(
                "permission_overwrites",
                list(object::<WrittenOverwrite>(), overwrites::MAX_IN_REQUEST),
            ),
            details: Details::read(f),
        }
    }
}

impl Edit {
    /// Whether name or topic would change, which is limited more than the rest (API.md §1.6).
    fn renames(&self, row: &ChannelRow) -> bool {
        let is_named_anew =
            self.name.as_ref().is_some_and(|name| row.name.as_deref() != Some(&channel_name(row.kind, name)));
        is_named_anew || self.details.changes_topic(row)
    }

    /// The row with everything changed but the overwrites.
    fn apply(&self, tx: &Tx<'_>, access: &GuildAccess, old: &ChannelRow) -> Result<ChannelRow, ActionError> {
        let mut row = old.clone();
        if let Some(kind) = self.kind.filter(|kind| *kind != old.kind) {
            let may_publish = |kind| matches!(kind, ChannelKind::Text | ChannelKind::Announcement);
            if !may_publish(kind) || !may_publish(old.kind) {
                return Err(Fault::ChannelType.into());
            }
            row.kind = kind;
        }
        if let Some(name) = &self.name {
            row.name = Some(channel_name(row.kind, name));
        }
        row.position = self.position.unwrap_or(row.position);
        match self.parent {
            Patch::Keep => {}
            Patch::Clear => row.parent = None,
            Patch::Set(parent) if old.parent == Some(parent) => {}
            Patch::Set(parent) => {
                allow_parent(tx, access.id, row.kind, parent)?;
                row.parent = Some(parent);
            }
        }
        self.details.apply(&mut row);
        Ok(row)
    }
}

/// Changes a channel: MANAGE_CHANNELS for all but its overwrites, MANAGE_ROLES for those.
///
/// # Errors
/// 50013 without the right, or for overwrites of rights the actor lacks; 50024 for types that can't change; 429 for a third name or topic
/// within ten minutes.
pub async fn edit(
    app: &App,
    actor: Actor,
    id: ChannelId,
    form: Checked<Edit>,
    reason: Option<Reason>,
) -> Result<Arc<Channel>, ActionError> {
    if let Ok(form) = form.get()
        && let Ok(access) = app
            .store
            .read(|view| view.allow::<right::ManageChannels>(actor.user, id).map(|by| by.channel.clone()))
        && form.renames(&access)
    {
        take_rename(app, actor, id)?;
    }
    app.store
        .write(move |tx| {
            let by = tx.allow::<right::View>(actor.user, id)?;
            let access = by.guild.clone().ok_or(Fault::ChannelType)?;
            let either = Permissions::MANAGE_CHANNELS | Permissions::MANAGE_ROLES;
            if !by.held.intersects(either) {
                return Err(Denied::Missing(Permissions::MANAGE_CHANNELS).into());
            }
            let form = form.get()?;
            let mut row = form.apply(tx, &access, &by.channel)?;
            if row != *by.channel || form.overwrites.is_keep() {
                require(by.held, Permissions::MANAGE_CHANNELS)?;
            }
            if let Some(given) = form.overwrites.clone().set_or(Vec::new()) {
                require(by.held, Permissions::MANAGE_ROLES)?;
                row.overwrites = overwrites::resolve_all(tx, access.id, &given)?;
                overwrites::allow(&access, by.held, &by.channel.overwrites, &row.overwrites)?;
            }
            write(tx, &by, &access, id, &row, reason.as_ref())
        })
        .await
}

/// Writes a changed channel, the children that follow a category's overwrites, and the entries; where nothing changed, nobody is told.
fn write(
    tx: &mut Tx<'_>,
    by: &Allowed<'_, right::View>,
    access: &GuildAccess,
    id: ChannelId,
    row: &ChannelRow,
    reason: Option<&Reason>,
) -> Result<Arc<Channel>, ActionError> {
    let old = &*by.channel;
    if row == old {
        return Ok(Arc::new(show::channel(tx, id, row, None)?));
    }
    let children = overwrites::synced_children(tx, access, id, old, row)?;
    let shown = put(tx, by, access.id, id, row)?;
    for (child, row) in children {
        put(tx, by, access.id, child, &row)?;
    }
    record(tx, by, access, Act::ChannelUpdate, id, (Some(old), Some(row)), reason)?;
    overwrites::record(tx, by, access, id, (&old.overwrites, &row.overwrites), reason)?;
    Ok(shown)
}

/// Counts a change of name or topic.
fn take_rename(app: &App, actor: Actor, channel: ChannelId) -> Result<(), ActionError> {
    if !app.config.limits.routes {
        return Ok(());
    }
    let bucket = Bucket::ChannelRename;
    let key = Key { limit: bucket.number(), caller: Caller::Account(actor.user.get()), major: channel.get() };
    let mut limiter = app.guesses.lock().unwrap_or_else(PoisonError::into_inner);
    match limiter.take(key, bucket.quota(), app.started.elapsed()).retry_after {
        None => Ok(()),
        Some(retry_after) => {
            Err(ActionError::RateLimited(RateLimited { retry_after, scope: LimitScope::User, code: 0 }))
        }
    }
}
