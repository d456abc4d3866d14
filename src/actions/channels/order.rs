//! The order of a guild's channels.

use std::collections::HashMap;
use std::sync::Arc;

use super::{allow_parent, overwrites, put, record};
use crate::actions::actor::{Actor, Reason};
use crate::actions::audit::Act;
use crate::actions::error::{ActionError, Fault};
use crate::actions::show;
use crate::app::App;
use crate::logic::form::kinds::{boolean, integer, list, object, snowflake};
use crate::logic::form::{Checked, Fields, Form, Patch};
use crate::model::{ChannelId, GuildId, Permissions};
use crate::store::access::{GuildAccess, GuildAllowed, require, right};
use crate::store::{ChannelRow, Tx, View};

/// One item of `PATCH /guilds/{guild}/channels`.
#[derive(Clone)]
pub struct Move {
    id: ChannelId,
    position: Option<u32>,
    parent: Patch<ChannelId>,
    lock_permissions: bool,
}

impl Form for Move {
    fn read(f: &mut Fields<'_>) -> Self {
        Self {
            id: f.need("id", snowflake()),
            position: f.opt("position", integer(0..=10_000u32)),
            parent: f.patch("parent_id", snowflake()),
            lock_permissions: f.or("lock_permissions", boolean(), false),
        }
    }
}

/// Body of `PATCH /guilds/{guild}/channels`.
#[derive(Clone)]
pub struct Moves(Vec<Move>);

impl Form for Moves {
    fn read(f: &mut Fields<'_>) -> Self {
        Self(f.whole(list(object::<Move>(), show::MAX_CHANNELS)))
    }
}

type Rows = HashMap<ChannelId, Arc<ChannelRow>>;

/// Moves channels; at most one of them to another category, or, by `lock_permissions`, to the overwrites of its own. Ids that are no
/// channel of the guild are passed over.
///
/// # Errors
/// 50013 without MANAGE_CHANNELS, or in a channel that changes its category; for a lock, without the rights whose bits change. 40009 for
/// more than one change of category.
pub async fn reorder(
    app: &App,
    actor: Actor,
    guild: GuildId,
    form: Checked<Moves>,
    reason: Option<Reason>,
) -> Result<(), ActionError> {
    app.store
        .write(move |tx| {
            let by = tx.allow_guild::<right::ManageChannels>(actor.user, guild)?;
            let Moves(moves) = form.get()?;
            let rows: Rows = show::guild_channels(tx, guild)?.into_iter().collect();
            let mut changed: HashMap<ChannelId, ChannelRow> = HashMap::new();
            let mut moved_or_locked = 0;
            for moved in moves {
                let Some(old) = rows.get(&moved.id) else { continue };
                let row = moved_row(tx, &by, moved, old)?;
                let is_more_than_a_place = row.parent != old.parent || row.overwrites != old.overwrites;
                moved_or_locked += usize::from(is_more_than_a_place);
                if row != **old {
                    changed.insert(moved.id, row);
                }
            }
            if moved_or_locked > 1 {
                return Err(Fault::OneParentAtATime.into());
            }
            write(tx, &by, &rows, changed, reason.as_ref())
        })
        .await
}

fn moved_row(
    view: &View<'_>,
    access: &GuildAccess,
    moved: &Move,
    old: &ChannelRow,
) -> Result<ChannelRow, ActionError> {
    let mut row = old.clone();
    row.position = moved.position.unwrap_or(row.position);
    moved.parent.apply(&mut row.parent);
    if row.parent != old.parent {
        require(view.channel_permissions(access, old)?, Permissions::MANAGE_CHANNELS)?;
    }
    let Some(parent) = row.parent else { return Ok(row) };
    let category = if Some(parent) == old.parent {
        view.shared::<crate::store::Channels>(&parent)?
    } else {
        Some(allow_parent(view, access.id, row.kind, parent)?)
    };
    if let Some(category) = category.filter(|_| moved.lock_permissions) {
        let held = view.channel_permissions(access, old)?;
        overwrites::allow(access, held, &old.overwrites, &category.overwrites)?;
        row.overwrites = category.overwrites.clone();
    }
    Ok(row)
}

/// Writes the moved channels. Only changes of category and overwrites are noted, at most one entry by channel.
fn write(
    tx: &mut Tx<'_>,
    by: &GuildAllowed<'_, right::ManageChannels>,
    old: &Rows,
    changed: HashMap<ChannelId, ChannelRow>,
    reason: Option<&Reason>,
) -> Result<(), ActionError> {
    let mut changed: Vec<_> = changed.into_iter().collect();
    changed.sort_by_key(|(id, _)| *id);
    for (id, row) in changed {
        let before = &old[&id];
        put(tx, by, by.id, id, &row)?;
        if row.parent != before.parent {
            record(tx, by, by, Act::ChannelUpdate, id, (Some(before), Some(&row)), reason)?;
        }
        if row.overwrites != before.overwrites {
            overwrites::record(tx, by, by, id, (&before.overwrites, &row.overwrites), reason)?;
        }
    }
    Ok(())
}
