//! Looking at members: one, a page by id, those whose name begins so.

use std::ops::ControlFlow;

use crate::actions::actor::Actor;
use crate::actions::error::{ActionError, Fault};
use crate::actions::show;
use crate::app::App;
use crate::logic::form::kinds::{integer, snowflake, text};
use crate::logic::form::{Checked, Fields, Form};
use crate::model::{GuildId, Member, UserId};
use crate::store::access::right;
use crate::store::{Applications, MemberRow, Members, Order, StoreError, UserRow, Users, View};

/// Most members of a page (API.md §5).
const MAX_PAGE: usize = 1_000;
/// Members looked at in one snapshot of a [`scan`]: about a millisecond.
const SCAN_PAGE: usize = 1_000;
/// Application flags that let a bot list members: the privileged intent, or its unreviewed form.
const MEMBERS_INTENT: u64 = 1 << 14 | 1 << 15;

/// Query of `GET /guilds/{guild}/members`.
#[derive(Clone, Copy)]
pub struct List {
    limit: usize,
    after: UserId,
}

impl Form for List {
    fn read(f: &mut Fields<'_>) -> Self {
        Self { limit: limit(f), after: f.or("after", snowflake(), UserId::new(0)) }
    }
}

/// How many, by default one (API.md §7.24).
fn limit(f: &mut Fields<'_>) -> usize {
    f.or("limit", integer(1..=MAX_PAGE as u32), 1) as usize
}

/// Query of `GET /guilds/{guild}/members/search`.
#[derive(Clone)]
pub struct Search {
    query: String,
    limit: usize,
}

impl Form for Search {
    fn read(f: &mut Fields<'_>) -> Self {
        Self { query: f.need("query", text(1..=100)), limit: limit(f) }
    }
}

/// Members of a guild by account, for bots whose application has the members intent.
///
/// # Errors
/// 50001 for strangers and bots without the intent.
pub fn list(
    app: &App,
    actor: Actor,
    guild: GuildId,
    query: Checked<List>,
) -> Result<Vec<Member>, ActionError> {
    let application = actor.application()?;
    app.store.read(|view| {
        view.allow_guild::<right::Membership>(actor.user, guild)?;
        let flags = view.shared::<Applications>(&application)?.map_or(0, |row| row.flags);
        if flags & MEMBERS_INTENT == 0 {
            return Err(Fault::MissingAccess.into());
        }
        let List { limit, after } = *query.get()?;
        let rows = view.list::<Members>(&guild, Some(&(guild, after)), Order::Ascending, limit)?;
        rows.iter().map(|((_, user), row)| Ok(super::shown(view, *user, row)?)).collect()
    })
}

/// One member.
///
/// # Errors
/// 50001 for strangers, 10007 for no member.
pub fn get(app: &App, actor: Actor, guild: GuildId, user: UserId) -> Result<Member, ActionError> {
    app.store.read(|view| {
        view.allow_guild::<right::Membership>(actor.user, guild)?;
        show::member_by_id(view, guild, user)?.ok_or_else(|| Fault::UnknownMember.into())
    })
}

/// One's own membership.
///
/// # Errors
/// 50001 for strangers.
pub fn own(app: &App, actor: Actor, guild: GuildId) -> Result<Member, ActionError> {
    get(app, actor, guild, actor.user)
}

/// Members whose username, global name or nick begins so, whatever the case.
///
/// # Errors
/// 50001 for strangers.
pub async fn search(
    app: &App,
    actor: Actor,
    guild: GuildId,
    query: Checked<Search>,
) -> Result<Vec<Member>, ActionError> {
    app.store.read(|view| view.allow_guild::<right::Membership>(actor.user, guild).map(drop))?;
    let Search { query, limit } = query.take()?;
    let prefix = query.to_lowercase();
    let mut found = Vec::new();
    scan(app, guild, |view, user, row| {
        if let Some(account) = view.shared::<Users>(&user)?
            && is_called(row, &account, &prefix)
        {
            found.push(super::shown(view, user, row)?);
        }
        Ok(if found.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })
    .await?;
    Ok(found)
}

pub(super) fn is_called(member: &MemberRow, account: &UserRow, prefix: &str) -> bool {
    let names = [Some(&account.username), account.global_name.as_ref(), member.nick.as_ref()];
    names.into_iter().flatten().any(|name| name.to_lowercase().starts_with(prefix))
}

/// Walks all members of a guild by account, in pages of [`SCAN_PAGE`] with a snapshot each, so that a large guild neither holds one
/// snapshot for long nor keeps a thread from others. Bounded by the guild's size.
pub async fn scan(
    app: &App,
    guild: GuildId,
    mut each: impl FnMut(&View<'_>, UserId, &MemberRow) -> Result<ControlFlow<()>, StoreError>,
) -> Result<(), ActionError> {
    let mut after = None;
    loop {
        let last = app.store.read(|view| -> Result<_, StoreError> {
            let rows = view.list::<Members>(&guild, after.as_ref(), Order::Ascending, SCAN_PAGE)?;
            for ((_, user), row) in &rows {
                if each(view, *user, row)?.is_break() {
                    return Ok(None);
                }
            }
            Ok(if rows.len() < SCAN_PAGE { None } else { rows.last().map(|(key, _)| *key) })
        })?;
        if last.is_none() {
            return Ok(());
        }
        after = last;
        tokio::task::yield_now().await;
    }
}
