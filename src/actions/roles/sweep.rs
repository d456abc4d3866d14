//! Deleted roles leave the members' rows in chunks, so that no write grows with membership (SAFETY.md §5.3).

use std::ops::ControlFlow;

use crate::actions::error::ActionError;
use crate::app::App;
use crate::model::UserId;
use crate::store::{DoomedRoles, MemberRow, Members, Order, Tx, UserIdRow};

/// Members looked at by one write.
const LOOK: usize = 2_000;
/// Members stripped by one write.
const STRIP: usize = 500;

/// Strips one chunk of members of one deleted role; answers whether more is to be done. The row of the role remembers how far it came,
/// so that a restart goes on from there.
pub async fn sweep(app: &App) -> Result<bool, ActionError> {
    let first = app.store.read(|view| view.list::<DoomedRoles>(&(), None, Order::Ascending, 1))?.pop();
    let Some(((guild, role), row)) = first else { return Ok(false) };
    app.store
        .reclaim(move |tx| -> Result<bool, ActionError> {
            let mut looked = 0;
            let mut last = None;
            let mut found: Vec<(UserId, MemberRow)> = Vec::new();
            tx.walk::<Members>(&guild, Some(&(guild, row.id)), Order::Ascending, |(_, user), member| {
                looked += 1;
                last = Some(user);
                if member.roles.contains(&role) {
                    found.push((user, member));
                }
                if looked < LOOK && found.len() < STRIP {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                }
            })?;
            strip(tx, guild, role, found)?;
            // The role was deleted by somebody with the right to; this is what is left of that.
            match last {
                Some(last) => {
                    tx.put::<DoomedRoles>(&tx.internal(), &(guild, role), &UserIdRow { id: last })?
                }
                None => drop(tx.delete::<DoomedRoles>(&tx.internal(), &(guild, role))?),
            }
            Ok(true)
        })
        .await
}

fn strip(
    tx: &mut Tx<'_>,
    guild: crate::model::GuildId,
    role: crate::model::RoleId,
    members: Vec<(UserId, MemberRow)>,
) -> Result<(), ActionError> {
    for (user, mut member) in members {
        member.roles.retain(|held| *held != role);
        tx.put::<Members>(&tx.internal(), &(guild, user), &member)?;
    }
    Ok(())
}
