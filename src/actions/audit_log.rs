//! Reading the audit log, and letting go of what is too old.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::actor::Actor;
use super::error::ActionError;
use super::{show, show_apps};
use crate::app::App;
use crate::logic::form::kinds::{integer, snowflake};
use crate::logic::form::{Checked, Fields, Form};
use crate::model::{
    ApplicationId, AuditEntryId, AuditLogPage, GuildId, Integration, User, UserId, Webhook, WebhookId,
};
use crate::store::access::right;
use crate::store::{AuditLog, AuditRow, Guilds, Order, StoreError, Users, View, Webhooks};

/// Entries that are looked at for a page of those by one person or of one type.
const MAX_LOOKED_AT: usize = 10_000;
/// How long an entry is kept: 45 days, in milliseconds (API.md §5).
const KEPT_MS: u64 = 45 * 24 * 60 * 60 * 1_000;
/// Entries that one job lets go.
const SWEPT_AT_ONCE: usize = 400;

/// Query of `GET /guilds/{guild}/audit-logs`.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    user: Option<UserId>,
    action: Option<u16>,
    before: Option<AuditEntryId>,
    after: Option<AuditEntryId>,
    limit: usize,
}

impl Form for Page {
    fn read(f: &mut Fields<'_>) -> Self {
        Self {
            user: f.opt("user_id", snowflake()),
            // 0 is what clients send for any.
            action: f.opt("action_type", integer(0..=u16::MAX)).filter(|action| *action != 0),
            before: f.opt("before", snowflake()),
            after: f.opt("after", snowflake()),
            limit: f.or("limit", integer(1..=100_u8), 50).into(),
        }
    }
}

/// A page of a guild's audit log: newest first, with `after` oldest first (API.md §1.7). It names every hidden channel that somebody
/// acted on, as VIEW_AUDIT_LOG is a moderator's right (SAFETY.md §1).
///
/// # Errors
/// 50001, 50013 without VIEW_AUDIT_LOG, form faults.
pub fn page(
    app: &App,
    actor: Actor,
    guild: GuildId,
    page: Checked<Page>,
) -> Result<AuditLogPage, ActionError> {
    app.store.read(|view| {
        view.allow_guild::<right::ViewAuditLog>(actor.user, guild)?;
        let rows = rows(view, guild, page.get()?)?;
        let mut named = Named::default();
        for (_, row) in &rows {
            named.add(view, row)?;
        }
        Ok(AuditLogPage {
            audit_log_entries: rows.iter().map(|(id, row)| show::audit_entry(*id, row)).collect(),
            users: named.users.into_values().collect(),
            webhooks: named.webhooks.into_values().collect(),
            integrations: named.integrations.into_values().collect(),
            threads: Vec::new(),
            application_commands: Vec::new(),
            auto_moderation_rules: Vec::new(),
            guild_scheduled_events: Vec::new(),
        })
    })
}

fn rows(view: &View<'_>, guild: GuildId, page: &Page) -> Result<Vec<(AuditEntryId, AuditRow)>, StoreError> {
    let (from, order) = match (page.before, page.after) {
        (Some(before), _) => (Some(before), Order::Descending),
        (None, Some(after)) => (Some(after), Order::Ascending),
        (None, None) => (None, Order::Descending),
    };
    let oldest = oldest_kept(view.now_ms());
    let (mut found, mut looked_at) = (Vec::new(), 0);
    view.walk::<AuditLog>(&guild, from.map(|id| (guild, id)).as_ref(), order, |(_, id), row| {
        looked_at += 1;
        let is_wanted = page.user.is_none_or(|user| row.user == Some(user))
            && page.action.is_none_or(|action| row.action == action);
        if id >= oldest && is_wanted {
            found.push((id, row));
        }
        let is_enough = found.len() == page.limit || looked_at == MAX_LOOKED_AT;
        if is_enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    Ok(found)
}

fn oldest_kept(now_ms: u64) -> AuditEntryId {
    AuditEntryId::from_ms(now_ms.saturating_sub(KEPT_MS))
}

/// What the entries of a page name, each once.
#[derive(Default)]
struct Named {
    users: BTreeMap<UserId, Arc<User>>,
    webhooks: BTreeMap<WebhookId, Webhook>,
    integrations: BTreeMap<ApplicationId, Integration>,
}

impl Named {
    fn add(&mut self, view: &View<'_>, row: &AuditRow) -> Result<(), StoreError> {
        if let Some(user) = row.user {
            self.add_user(view, user)?;
        }
        let Some(target) = row.target.as_ref().and_then(|target| target.parse::<u64>().ok()) else {
            return Ok(());
        };
        match row.action {
            // Members, bans, bots, and whose messages were deleted or pinned.
            20..=28 | 72..=75 => self.add_user(view, UserId::new(target))?,
            50..=52 => {
                let id = WebhookId::new(target);
                if let Some(hook) = view.get::<Webhooks>(&id)? {
                    // Nobody's eyes: what a follower takes from is not this log's to show.
                    let shown = show_apps::webhook(view, id, &hook, UserId::new(0))?;
                    self.webhooks.insert(id, shown);
                }
            }
            80..=82 => {
                let id = ApplicationId::new(target);
                if let Some(shown) = show_apps::integration(view, id)? {
                    self.integrations.insert(id, shown);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn add_user(&mut self, view: &View<'_>, id: UserId) -> Result<(), StoreError> {
        if !self.users.contains_key(&id) && view.shared::<Users>(&id)?.is_some() {
            self.users.insert(id, show::user_by_id(view, id)?);
        }
        Ok(())
    }
}

/// Lets go of entries that are too old, guild by guild, a bounded number by job.
///
/// # Errors
/// Why the store did not take a job; what is left goes the next time.
pub async fn forget_old(app: &App) -> Result<(), ActionError> {
    let mut after = None;
    loop {
        let next = app.store.read(|view| {
            let found = view.list::<Guilds>(&(), after.as_ref(), Order::Ascending, 1)?;
            Ok::<_, StoreError>(found.first().map(|(id, _)| *id))
        })?;
        let Some(guild) = next else { return Ok(()) };
        while forget_some(app, guild).await? {
            tokio::task::yield_now().await;
        }
        after = Some(guild);
    }
}

/// One job of it; whether there may be more.
async fn forget_some(app: &App, guild: GuildId) -> Result<bool, ActionError> {
    let is_old = |view: &View<'_>| {
        let first = view.list::<AuditLog>(&guild, None, Order::Ascending, 1)?;
        Ok::<_, StoreError>(first.first().is_some_and(|((_, id), _)| *id < oldest_kept(view.now_ms())))
    };
    if !app.store.read(is_old)? {
        return Ok(false);
    }
    app.store
        .reclaim(move |tx| {
            // Nobody's right is asked: time passed.
            let server = tx.internal();
            let oldest = oldest_kept(tx.now_ms());
            let rows = tx.list::<AuditLog>(&guild, None, Order::Ascending, SWEPT_AT_ONCE)?;
            let old: Vec<_> = rows.into_iter().map(|(key, _)| key).filter(|(_, id)| *id < oldest).collect();
            for key in &old {
                tx.delete::<AuditLog>(&server, key)?;
            }
            Ok(old.len() == SWEPT_AT_ONCE)
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::fixture::World;
    use crate::model::Permissions;

    #[tokio::test]
    async fn entries_are_kept_45_days_and_go_then() {
        let world = World::new();
        let owner = world.person("mira").await;
        let guild = world.guild(owner).await;
        world.role(owner, guild, "Bakers", Permissions::NONE).await;
        let fresh = world.audit(guild).len();
        assert!(fresh > 0);
        world
            .write(move |tx| {
                for n in 0..SWEPT_AT_ONCE as u64 + 5 {
                    let row = AuditRow { action: 1, ..AuditRow::default() };
                    tx.put::<AuditLog>(&tx.internal(), &(guild, AuditEntryId::new(n + 1)), &row)?;
                }
                Ok(())
            })
            .await;
        let read = || {
            let page =
                Checked::valid(Page { user: None, action: None, before: None, after: None, limit: 100 });
            super::page(&world.app, owner, guild, page).unwrap().audit_log_entries.len()
        };
        assert_eq!(read(), fresh, "what is too old is gone for readers before it is swept");
        forget_old(&world.app).await.unwrap();
        let left = world.app.store.read(|view| view.list::<AuditLog>(&guild, None, Order::Ascending, 1_000));
        assert_eq!(left.unwrap().len(), fresh);
    }
}
