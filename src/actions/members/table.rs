//! The table of members that those who manage a guild look through: all whom conditions fit, in an order of one's choice, by pages.

use std::cmp::Reverse;
use std::ops::ControlFlow;

use serde::Serialize;

use super::list::scan;
use crate::actions::actor::Actor;
use crate::actions::error::{ActionError, Fault};
use crate::app::App;
use crate::logic::form::kinds::{among, boolean, integer, list, object, snowflake, text};
use crate::logic::form::{Checked, Fields, Form};
use crate::model::{GuildId, Member, RoleId, UserId};
use crate::store::access::right;
use crate::store::{MemberRow, Members, StoreError, Users, View};

/// Members of a page, if it does not say how many.
const DEFAULT_PAGE: u32 = 25;
/// Most members of a page.
const MAX_PAGE: u32 = 1_000;
/// Most values of a condition.
const MAX_VALUES: usize = 100;

/// What members are sorted by.
#[derive(Clone, Copy)]
enum Sort {
    JoinedLast,
    JoinedFirst,
    NewestAccount,
    OldestAccount,
}

const SORTS: &[(i64, Sort)] =
    &[(1, Sort::JoinedLast), (2, Sort::JoinedFirst), (3, Sort::NewestAccount), (4, Sort::OldestAccount)];

/// A member's place, whatever the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    joined_ms: u64,
    user: UserId,
}

impl Form for Place {
    fn read(f: &mut Fields<'_>) -> Self {
        let joined_ms = f.need("guild_joined_at", integer(0..=i64::MAX as u64));
        Self { joined_ms, user: f.need("user_id", snowflake()) }
    }
}

impl Sort {
    /// What comes first has the smaller key.
    fn key(self, place: Place) -> (Reverse<u64>, Reverse<u64>) {
        let (joined_ms, user) = (place.joined_ms, place.user.get());
        match self {
            Self::JoinedLast => (Reverse(joined_ms), Reverse(user)),
            Self::JoinedFirst => (Reverse(u64::MAX - joined_ms), Reverse(u64::MAX - user)),
            Self::NewestAccount => (Reverse(user), Reverse(0)),
            Self::OldestAccount => (Reverse(u64::MAX - user), Reverse(0)),
        }
    }
}

/// Conditions on a member; those that are absent say nothing.
#[derive(Clone, Default)]
struct Conditions {
    users: Option<Vec<UserId>>,
    /// Beginnings of names, in lower case.
    names: Option<Vec<String>>,
    any_role: Option<Vec<RoleId>>,
    every_role: Option<Vec<RoleId>>,
    joined_ms: Option<Span>,
    is_pending: Option<bool>,
}

/// Values of which one, or every one, has to fit.
struct Values<T> {
    any: Option<Vec<T>>,
    every: Option<Vec<T>>,
}

struct Ids(Values<u64>);

impl Form for Ids {
    fn read(f: &mut Fields<'_>) -> Self {
        let ids = || list(snowflake::<()>(), MAX_VALUES);
        let numbers = |ids: Vec<crate::model::Id<()>>| ids.into_iter().map(|id| id.get()).collect();
        let (any, every) = (f.opt("or_query", ids()), f.opt("and_query", ids()));
        Self(Values { any: any.map(numbers), every: every.map(numbers) })
    }
}

struct Names(Option<Vec<String>>);

impl Form for Names {
    fn read(f: &mut Fields<'_>) -> Self {
        let names: Option<Vec<String>> = f.opt("or_query", list(text(1..=100), MAX_VALUES));
        Self(names.map(|names| names.iter().map(|name| name.to_lowercase()).collect()))
    }
}

struct Truth(Option<bool>);

impl Form for Truth {
    fn read(f: &mut Fields<'_>) -> Self {
        let either: Vec<bool> = f.or("or_query", list(boolean(), 2), Vec::new());
        // Both are no condition.
        Self(either.first().copied().filter(|first| either.iter().all(|one| one == first)))
    }
}

/// From and up to when, milliseconds of Unix time.
#[derive(Clone, Copy)]
struct Span {
    from_ms: u64,
    until_ms: u64,
}

impl Form for Span {
    fn read(f: &mut Fields<'_>) -> Self {
        let time = || integer(0..=i64::MAX as u64);
        Self { from_ms: f.or("gte", time(), 0), until_ms: f.or("lte", time(), u64::MAX) }
    }
}

struct Within(Option<Span>);

impl Form for Within {
    fn read(f: &mut Fields<'_>) -> Self {
        Self(f.opt("range", object()))
    }
}

impl Form for Conditions {
    fn read(f: &mut Fields<'_>) -> Self {
        let users = f.opt("user_id", object::<Ids>()).and_then(|ids| ids.0.any);
        let roles = f.opt("role_ids", object::<Ids>()).map(|ids| ids.0);
        let (any_role, every_role) = roles.map_or((None, None), |roles| (roles.any, roles.every));
        let as_roles = |ids: Vec<u64>| ids.into_iter().map(RoleId::new).collect();
        Self {
            users: users.map(|ids| ids.into_iter().map(UserId::new).collect()),
            names: f.opt("usernames", object::<Names>()).and_then(|names| names.0),
            any_role: any_role.map(as_roles),
            every_role: every_role.map(as_roles),
            joined_ms: f.opt("guild_joined_at", object::<Within>()).and_then(|within| within.0),
            is_pending: f.opt("is_pending", object::<Truth>()).and_then(|truth| truth.0),
        }
    }
}

impl Conditions {
    /// What each condition that is there says of a member.
    fn verdicts(
        &self,
        view: &View<'_>,
        user: UserId,
        row: &MemberRow,
    ) -> Result<impl Iterator<Item = bool>, StoreError> {
        let is_called = match &self.names {
            None => None,
            Some(names) => {
                let account = view.shared::<Users>(&user)?;
                let fits = |name: &String| {
                    account.as_ref().is_some_and(|account| super::list::is_called(row, account, name))
                };
                Some(names.iter().any(fits))
            }
        };
        let verdicts = [
            is_called,
            self.users.as_ref().map(|users| users.contains(&user)),
            self.any_role.as_ref().map(|roles| roles.iter().any(|role| row.roles.contains(role))),
            self.every_role.as_ref().map(|roles| roles.iter().all(|role| row.roles.contains(role))),
            self.joined_ms.map(|span| (span.from_ms..=span.until_ms).contains(&row.joined_ms)),
            self.is_pending.map(|wanted| row.pending == wanted),
        ];
        Ok(verdicts.into_iter().flatten())
    }
}

/// Body of `POST /guilds/{guild}/members-search`.
#[derive(Clone)]
pub struct LookThrough {
    limit: usize,
    sort: Sort,
    every: Conditions,
    any: Conditions,
    before: Option<Place>,
    after: Option<Place>,
}

impl Form for LookThrough {
    fn read(f: &mut Fields<'_>) -> Self {
        Self {
            limit: f.or("limit", integer(1..=MAX_PAGE), DEFAULT_PAGE) as usize,
            sort: f.or("sort", among(SORTS), Sort::JoinedLast),
            every: f.or("and_query", object(), Conditions::default()),
            any: f.or("or_query", object(), Conditions::default()),
            before: f.opt("before", object()),
            after: f.opt("after", object()),
        }
    }
}

impl LookThrough {
    fn fits(&self, view: &View<'_>, user: UserId, row: &MemberRow) -> Result<bool, StoreError> {
        let mut any = self.any.verdicts(view, user, row)?.peekable();
        let is_one_of = any.peek().is_none() || any.any(|verdict| verdict);
        Ok(is_one_of && self.every.verdicts(view, user, row)?.all(|verdict| verdict))
    }

    /// The page of these: in order, behind `after`, in front of `before`.
    fn page(&self, mut found: Vec<Place>) -> Vec<Place> {
        let key = |place: &Place| self.sort.key(*place);
        found.retain(|place| self.after.is_none_or(|after| key(place) > key(&after)));
        found.retain(|place| self.before.is_none_or(|before| key(place) < key(&before)));
        found.sort_unstable_by_key(key);
        if self.before.is_some() && self.after.is_none() {
            // The page just in front of it.
            found.drain(..found.len().saturating_sub(self.limit));
        }
        found.truncate(self.limit);
        found
    }
}

/// A page of the table.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct TablePage {
    guild_id: GuildId,
    members: Vec<TableRow>,
    page_result_count: usize,
    /// How many fit in all.
    total_result_count: usize,
}

/// A member and how they came.
#[derive(Debug, Serialize, schemars::JsonSchema)]
struct TableRow {
    member: Member,
    /// Never set: it is not kept by which invite somebody came.
    source_invite_code: Option<String>,
    /// 0: not known.
    join_source_type: u8,
    /// Never set.
    inviter_id: Option<UserId>,
}

/// Members whom the conditions fit, for those who manage the guild.
///
/// # Errors
/// 50001, 50013 without MANAGE_GUILD, form faults.
pub async fn look_through(
    app: &App,
    actor: Actor,
    guild: GuildId,
    form: Checked<LookThrough>,
) -> Result<TablePage, ActionError> {
    app.store.read(|view| view.allow_guild::<right::ManageGuild>(actor.user, guild).map(drop))?;
    let form = form.take()?;
    let mut found = Vec::new();
    scan(app, guild, |view, user, row| {
        if form.fits(view, user, row)? {
            found.push(Place { joined_ms: row.joined_ms, user });
        }
        Ok(ControlFlow::Continue(()))
    })
    .await?;
    let total_result_count = found.len();
    let page = form.page(found);
    app.store.read(|view| {
        view.allow_guild::<right::ManageGuild>(actor.user, guild).map_err(|_| Fault::MissingAccess)?;
        let mut members = Vec::with_capacity(page.len());
        for place in page {
            // Who left meanwhile is not shown.
            let Some(row) = view.shared::<Members>(&(guild, place.user))? else { continue };
            let member = super::shown(view, place.user, &row)?;
            members.push(TableRow {
                member,
                source_invite_code: None,
                join_source_type: 0,
                inviter_id: None,
            });
        }
        Ok(TablePage { guild_id: guild, page_result_count: members.len(), total_result_count, members })
    })
}
