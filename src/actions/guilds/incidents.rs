//! Measures against a raid: for at most a day nobody new comes in by an invite, or members don't write to members who are strangers
//! to them. Kept as their ends and compared at use (SAFETY.md §3.5).

use std::sync::Arc;

use crate::actions::actor::Actor;
use crate::actions::error::ActionError;
use crate::actions::show;
use crate::app::App;
use crate::logic::field::FieldFault;
use crate::logic::form::kinds::timestamp;
use crate::logic::form::{Checked, Fields, Form, Patch};
use crate::model::{Audience, Dispatch, GuildId, Incidents};
use crate::store::access::right;
use crate::store::{GuildRow, Guilds, StoreError, View};

/// Longest a measure lasts.
const MAX_MS: u64 = 86_400_000;

/// Body of `PUT /guilds/{guild}/incident-actions`.
#[derive(Clone, Copy)]
pub struct Measures {
    invites_until_ms: Patch<u64>,
    messages_until_ms: Patch<u64>,
}

impl Form for Measures {
    fn read(f: &mut Fields<'_>) -> Self {
        Self {
            invites_until_ms: f.patch("invites_disabled_until", timestamp()).map(|at| at.0),
            messages_until_ms: f.patch("dms_disabled_until", timestamp()).map(|at| at.0),
        }
    }
}

/// Takes measures, or lifts them, and tells the guild.
///
/// # Errors
/// 50001, 50013 without MANAGE_GUILD, form faults for ends later than in a day.
pub async fn take_measures(
    app: &App,
    actor: Actor,
    guild: GuildId,
    form: Checked<Measures>,
) -> Result<Incidents, ActionError> {
    app.store
        .write(move |tx| {
            let by = tx.allow_guild::<right::ManageGuild>(actor.user, guild)?;
            let form = *form.get()?;
            let latest_ms = tx.now_ms() + MAX_MS;
            let mut row = GuildRow::clone(&by.guild);
            for (field, until_ms, slot) in [
                ("invites_disabled_until", form.invites_until_ms, &mut row.invites_disabled_until_ms),
                ("dms_disabled_until", form.messages_until_ms, &mut row.dms_disabled_until_ms),
            ] {
                if matches!(until_ms, Patch::Set(until_ms) if until_ms > latest_ms) {
                    let fault = FieldFault::new("DATE_TIME_TYPE_MAX", "Must be at most 24 hours from now.");
                    return Err(ActionError::field(field, fault));
                }
                until_ms.apply(slot);
            }
            if row != *by.guild {
                tx.put::<Guilds>(&by, &guild, &row)?;
                let shown = show::guild(tx, guild, &row)?;
                tx.emit(Audience::Guild(guild), Dispatch::GuildUpdate(Arc::new(shown)));
            }
            Ok(Incidents::of(row.invites_disabled_until_ms, row.dms_disabled_until_ms, tx.now_ms()))
        })
        .await
}

/// Whether members of a guild don't write to strangers among them at present.
pub fn are_messages_paused(view: &View<'_>, guild: GuildId) -> Result<bool, StoreError> {
    let until_ms = view.shared::<Guilds>(&guild)?.and_then(|row| row.dms_disabled_until_ms);
    Ok(until_ms.is_some_and(|until_ms| until_ms > view.now_ms()))
}
