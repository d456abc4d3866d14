//! Bans: nobody banned comes in, by whatever way.

use serde::Serialize;

use super::actor::{Actor, Reason};
use super::audit::{self, Act, Changes, Entry};
use super::error::{ActionError, Fault};
use super::{members, show, sweeps};
use crate::app::App;
use crate::logic::form::kinds::{self, integer, snowflake, text};
use crate::logic::form::{Checked, Fields, Form};
use crate::model::{Audience, Ban, Dispatch, GuildId, GuildUser, Permissions, UserId};
use crate::store::access::{GuildAllowed, require, right};
use crate::store::{BanRow, Bans, Denied, ForeignBans, Members, Order, StoreError, Tx, Users, View};

/// Most bans of a page (API.md §2.2).
const MAX_PAGE: usize = 1_000;
/// Most bans of accounts that were no members (API.md §5).
const MAX_FOREIGN: usize = 1_000;
/// Most accounts of a bulk ban (API.md §5).
const MAX_BULK: usize = 200;
/// Bans of a bulk that one write makes: at most six rows each.
const CHUNK: usize = 100;
/// Seconds of messages that a ban may take with it.
const MAX_DELETE_S: u32 = 604_800;

/// Who hears of bans (API.md §3.3).
const HEARERS: Permissions = Permissions::BAN_MEMBERS.union(Permissions::VIEW_AUDIT_LOG);

/// Body of `PUT /guilds/{guild}/bans/{user}`.
#[derive(Clone)]
pub struct Create {
    delete_messages_s: u32,
    reason: Option<String>,
}

impl Form for Create {
    fn read(f: &mut Fields<'_>) -> Self {
        Self {
            delete_messages_s: delete_messages_s(f),
            reason: f.opt("reason", text(0..=512)).filter(|reason| !reason.is_empty()),
        }
    }
}

/// Seconds of messages to delete, also in the older form of days.
fn delete_messages_s(f: &mut Fields<'_>) -> u32 {
    let seconds = f.opt("delete_message_seconds", integer(0..=MAX_DELETE_S));
    let days = f.opt("delete_message_days", integer(0..=7u32));
    seconds.or(days.map(|days| days * 86_400)).unwrap_or(0)
}

/// Bans an account, a member or not. One that is banned stays so, and nobody is told.
///
/// # Errors
/// 50013 without BAN_MEMBERS or at somebody not below, 10013 for no account, 30035 at the limit of strangers.
pub async fn create(
    app: &App,
    actor: Actor,
    guild: GuildId,
    target: UserId,
    form: Checked<Create>,
    reason: Option<Reason>,
) -> Result<(), ActionError> {
    app.store
        .write(move |tx| {
            tx.allow_guild::<right::BanMembers>(actor.user, guild)?;
            let by = tx.allow_on_member::<right::BanMembers>(actor.user, guild, target)?;
            let form = form.get()?;
            if tx.shared::<Users>(&target)?.is_none() {
                return Err(Fault::UnknownUser.into());
            }
            if tx.is_banned(guild, target)? {
                return Ok(());
            }
            let reason = reason.as_ref().map(Reason::as_str).or(form.reason.as_deref());
            ban(tx, &by, target, form.delete_messages_s, reason)
        })
        .await
}

/// Writes a ban that was allowed: the ban is told before the removal (API.md §7.32).
fn ban(
    tx: &mut Tx<'_>,
    by: &GuildAllowed<'_, right::BanMembers>,
    target: UserId,
    delete_messages_s: u32,
    reason: Option<&str>,
) -> Result<(), ActionError> {
    let guild = by.id;
    if !tx.has::<Members>(&(guild, target))? {
        let strangers = tx.list::<ForeignBans>(&guild, None, Order::Ascending, MAX_FOREIGN)?.len();
        if strangers >= MAX_FOREIGN {
            return Err(Fault::TooManyForeignBans.into());
        }
        tx.put::<ForeignBans>(by, &(guild, target), &())?;
    }
    let row = BanRow { reason: reason.map(str::to_owned), banned_ms: tx.now_ms(), by: Some(by.actor) };
    tx.put::<Bans>(by, &(guild, target), &row)?;
    let banned = GuildUser { guild_id: guild, user: show::user_by_id(tx, target)? };
    tx.emit(Audience::GuildHolding(guild, HEARERS), Dispatch::BanAdd(banned));
    members::leave(tx, by, guild, target)?;
    if delete_messages_s > 0 {
        let since_ms = tx.now_ms().saturating_sub(u64::from(delete_messages_s) * 1_000);
        sweeps::doom_posts(tx, by, guild, target, since_ms)?;
    }
    Ok(record(tx, by, Act::BanAdd, target, reason)?)
}

fn record(
    tx: &mut Tx<'_>,
    by: &GuildAllowed<'_, right::BanMembers>,
    act: Act,
    target: UserId,
    reason: Option<&str>,
) -> Result<(), StoreError> {
    let entry = Entry {
        guild: by.id,
        actor: by.actor,
        act,
        target: Some(target.to_string()),
        changes: Changes::none(),
        options: None,
        reason,
    };
    audit::record(tx, by, entry)
}

/// Lifts a ban.
///
/// # Errors
/// 50013 without BAN_MEMBERS, 10026 for no ban.
pub async fn remove(
    app: &App,
    actor: Actor,
    guild: GuildId,
    target: UserId,
    reason: Option<Reason>,
) -> Result<(), ActionError> {
    app.store
        .reclaim(move |tx| {
            let by = tx.allow_guild::<right::BanMembers>(actor.user, guild)?;
            if !tx.delete::<Bans>(&by, &(guild, target))? {
                return Err(Fault::UnknownBan.into());
            }
            tx.delete::<ForeignBans>(&by, &(guild, target))?;
            let unbanned = GuildUser { guild_id: guild, user: show::user_by_id(tx, target)? };
            tx.emit(Audience::GuildHolding(guild, HEARERS), Dispatch::BanRemove(unbanned));
            Ok(record(tx, &by, Act::BanRemove, target, reason.as_ref().map(Reason::as_str))?)
        })
        .await
}

/// A ban.
///
/// # Errors
/// 50013 without BAN_MEMBERS, 10026 for no ban.
pub fn get(app: &App, actor: Actor, guild: GuildId, target: UserId) -> Result<Ban, ActionError> {
    app.store.read(|view| {
        view.allow_guild::<right::BanMembers>(actor.user, guild)?;
        let row = view.get::<Bans>(&(guild, target))?.ok_or(Fault::UnknownBan)?;
        Ok(shown(view, target, row)?)
    })
}

fn shown(view: &View<'_>, target: UserId, row: BanRow) -> Result<Ban, StoreError> {
    Ok(Ban { reason: row.reason, user: show::user_by_id(view, target)? })
}

/// Query of `GET /guilds/{guild}/bans`.
#[derive(Clone, Copy)]
pub struct List {
    limit: usize,
    before: Option<UserId>,
    after: Option<UserId>,
}

impl Form for List {
    fn read(f: &mut Fields<'_>) -> Self {
        Self {
            limit: f.or("limit", integer(1..=MAX_PAGE as u32), MAX_PAGE as u32) as usize,
            before: f.opt("before", snowflake()),
            after: f.opt("after", snowflake()),
        }
    }
}

/// Bans by account, always ascending; `before` wins over `after`.
///
/// # Errors
/// 50013 without BAN_MEMBERS.
pub fn list(app: &App, actor: Actor, guild: GuildId, query: Checked<List>) -> Result<Vec<Ban>, ActionError> {
    app.store.read(|view| {
        view.allow_guild::<right::BanMembers>(actor.user, guild)?;
        let List { limit, before, after } = *query.get()?;
        let (from, order) = match before {
            Some(before) => (Some((guild, before)), Order::Descending),
            None => (after.map(|after| (guild, after)), Order::Ascending),
        };
        let mut rows = view.list::<Bans>(&guild, from.as_ref(), order, limit)?;
        if order == Order::Descending {
            rows.reverse();
        }
        rows.into_iter().map(|((_, user), row)| Ok(shown(view, user, row)?)).collect()
    })
}

/// Body of `POST /guilds/{guild}/bulk-ban`.
#[derive(Clone)]
pub struct Bulk {
    user_ids: Vec<UserId>,
    delete_messages_s: u32,
}

impl Form for Bulk {
    fn read(f: &mut Fields<'_>) -> Self {
        Self {
            user_ids: f.need("user_ids", kinds::list(snowflake(), MAX_BULK).at_least(1)),
            delete_messages_s: delete_messages_s(f),
        }
    }
}

/// Who was banned and who not, for whatever reason.
#[derive(Debug, Default, Serialize, schemars::JsonSchema)]
pub struct BulkBanned {
    /// Banned.
    pub banned_users: Vec<UserId>,
    /// Banned already, not below the actor, or no account.
    pub failed_users: Vec<UserId>,
}

/// Bans many accounts, [`CHUNK`] by write.
///
/// # Errors
/// 50013 without BAN_MEMBERS and MANAGE_GUILD, 500000 where nobody could be banned.
pub async fn create_bulk(
    app: &App,
    actor: Actor,
    guild: GuildId,
    form: Checked<Bulk>,
    reason: Option<Reason>,
) -> Result<BulkBanned, ActionError> {
    app.store.read(|view| allow_bulk(view, actor, guild).map(drop))?;
    let Bulk { mut user_ids, delete_messages_s } = form.take()?;
    user_ids.sort_unstable();
    user_ids.dedup();
    let mut all = BulkBanned::default();
    for chunk in user_ids.chunks(CHUNK) {
        let (chunk, reason) = (chunk.to_vec(), reason.clone());
        let done = app
            .store
            .write(move |tx| ban_each(tx, actor, guild, &chunk, delete_messages_s, reason.as_ref()))
            .await?;
        all.banned_users.extend(done.banned_users);
        all.failed_users.extend(done.failed_users);
    }
    if all.banned_users.is_empty() { Err(Fault::NoBanSucceeded.into()) } else { Ok(all) }
}

fn allow_bulk<'t>(
    view: &View<'t>,
    actor: Actor,
    guild: GuildId,
) -> Result<GuildAllowed<'t, right::BanMembers>, StoreError> {
    let by = view.allow_guild::<right::BanMembers>(actor.user, guild)?;
    require(by.held, Permissions::MANAGE_GUILD)?;
    Ok(by)
}

fn ban_each(
    tx: &mut Tx<'_>,
    actor: Actor,
    guild: GuildId,
    users: &[UserId],
    delete_messages_s: u32,
    reason: Option<&Reason>,
) -> Result<BulkBanned, ActionError> {
    let by = allow_bulk(tx, actor, guild)?;
    let mut done = BulkBanned::default();
    for user in users {
        let is_below = match tx.allow_on_member::<right::BanMembers>(actor.user, guild, *user) {
            Err(StoreError::Denied(Denied::Hierarchy)) => false,
            other => other.map(|_| true)?,
        };
        let has_room = tx.has::<Members>(&(guild, *user))?
            || tx.list::<ForeignBans>(&guild, None, Order::Ascending, MAX_FOREIGN)?.len() < MAX_FOREIGN;
        let is_known = tx.shared::<Users>(user)?.is_some();
        if is_below && has_room && is_known && !tx.is_banned(guild, *user)? {
            ban(tx, &by, *user, delete_messages_s, reason.map(Reason::as_str))?;
            done.banned_users.push(*user);
        } else {
            done.failed_users.push(*user);
        }
    }
    Ok(done)
}

#[cfg(test)]
mod tests;
