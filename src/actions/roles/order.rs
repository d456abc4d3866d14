//! The order of roles.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use crate::actions::actor::{Actor, Reason};
use crate::actions::audit::Act;
use crate::actions::error::{ActionError, Fault};
use crate::actions::{members, show};
use crate::app::App;
use crate::logic::form::kinds::{integer, list, object, snowflake};
use crate::logic::form::{Checked, Fields, Form};
use crate::logic::permissions::{Place, rank};
use crate::model::{Audience, Dispatch, GuildId, Role, RoleEvent, RoleId};
use crate::store::access::right;
use crate::store::{Denied, Order, RoleRow, Roles};

/// One item of `PATCH /guilds/{guild}/roles`.
#[derive(Clone)]
pub struct Move {
    id: RoleId,
    position: Option<u32>,
}

impl Form for Move {
    fn read(f: &mut Fields<'_>) -> Self {
        Self { id: f.need("id", snowflake()), position: f.opt("position", integer(0..=10_000u32)) }
    }
}

/// Body of `PATCH /guilds/{guild}/roles`.
#[derive(Clone)]
pub struct Moves(Vec<Move>);

impl Form for Moves {
    fn read(f: &mut Fields<'_>) -> Self {
        Self(f.whole(list(object::<Move>(), show::MAX_ROLES + 1)))
    }
}

/// Moves roles to places counted from below; @everyone stays at the bottom. Where two want one place, the role that came from below
/// goes above the other, and one that came from above goes below, so that a single move does what it says.
///
/// # Errors
/// 50013 without MANAGE_ROLES, or where the order of the roles not below the actor would change: then nothing is moved; 10011 for no role.
pub async fn reorder(
    app: &App,
    actor: Actor,
    guild: GuildId,
    form: Checked<Moves>,
    reason: Option<Reason>,
) -> Result<Vec<Arc<Role>>, ActionError> {
    app.store
        .write(move |tx| {
            let by = tx.allow_guild::<right::ManageRoles>(actor.user, guild)?;
            let Moves(moves) = form.get()?;
            let mut rows: HashMap<RoleId, RoleRow> = HashMap::new();
            for ((_, id), row) in tx.list::<Roles>(&guild, None, Order::Ascending, show::MAX_ROLES + 1)? {
                if id != guild.cast() {
                    rows.insert(id, row);
                }
            }
            if moves.iter().any(|moved| moved.id != guild.cast() && !rows.contains_key(&moved.id)) {
                return Err(Fault::UnknownRole.into());
            }
            let mut old: Vec<RoleId> = rows.keys().copied().collect();
            old.sort_by_key(|id| rank(rows[id].position, *id));
            let new = moved_order(&old, moves);
            if !may_put(members::place_of(&by, tx)?, &rows, &old, &new) {
                return Err(Denied::Hierarchy.into());
            }
            if old == new {
                return Ok(show::roles(tx, guild)?);
            }
            for (id, position) in new.iter().zip(1..) {
                if rows[id].position != position {
                    let row = RoleRow { position, ..rows[id].clone() };
                    let change = (Some(&rows[id]), Some(&row));
                    super::record(tx, &by, &by, Act::RoleUpdate, *id, change, reason.as_ref())?;
                    tx.put::<Roles>(&by, &(guild, *id), &row)?;
                    let event = RoleEvent { guild_id: guild, role: Arc::new(show::role(*id, &row)) };
                    tx.emit(Audience::Guild(guild), Dispatch::RoleUpdate(event));
                }
            }
            Ok(show::roles(tx, guild)?)
        })
        .await
}

/// The order after the moves, lowest first.
fn moved_order(old: &[RoleId], moves: &[Move]) -> Vec<RoleId> {
    let wanted: HashMap<RoleId, u32> =
        moves.iter().filter_map(|moved| moved.position.map(|position| (moved.id, position))).collect();
    let mut placed: Vec<(u32, u8, Reverse<RoleId>)> = old
        .iter()
        .zip(1u32..)
        .map(|(id, from)| {
            let to = wanted.get(id).copied().unwrap_or(from);
            let side = match to.cmp(&from) {
                std::cmp::Ordering::Less => 0,
                std::cmp::Ordering::Equal => 1,
                std::cmp::Ordering::Greater => 2,
            };
            (to, side, Reverse(*id))
        })
        .collect();
    placed.sort_unstable();
    placed.into_iter().map(|(_, _, Reverse(id))| id).collect()
}

/// Whether the actor may put the roles into this order: those at and above their own top role must stay as they are.
fn may_put(actor: Place, rows: &HashMap<RoleId, RoleRow>, old: &[RoleId], new: &[RoleId]) -> bool {
    let below = old.iter().filter(|id| rank(rows[*id].position, **id) < actor.top).count();
    actor.is_owner || old[below..] == new[below..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(numbers: &[u64]) -> Vec<RoleId> {
        numbers.iter().map(|number| RoleId::new(*number)).collect()
    }

    fn moves(pairs: &[(u64, u32)]) -> Vec<Move> {
        pairs.iter().map(|(id, position)| Move { id: RoleId::new(*id), position: Some(*position) }).collect()
    }

    #[test]
    fn a_single_move_takes_the_place_it_names() {
        let old = ids(&[9, 8, 7, 6]);
        assert_eq!(moved_order(&old, &moves(&[(9, 3)])), ids(&[8, 7, 9, 6]));
        assert_eq!(moved_order(&old, &moves(&[(6, 2)])), ids(&[9, 6, 8, 7]));
        assert_eq!(moved_order(&old, &moves(&[(8, 2)])), old);
    }

    #[test]
    fn a_full_list_is_taken_as_it_is() {
        let old = ids(&[9, 8, 7]);
        assert_eq!(moved_order(&old, &moves(&[(7, 1), (9, 2), (8, 3)])), ids(&[7, 9, 8]));
    }
}
