//! Op 8: members of guilds, by the start of their names, by id, or all (API.md §3.5). Every request is answered, even with nothing:
//! libraries wait for it.

use std::ops::ControlFlow;

use super::error::ActionError;
use super::show;
use crate::app::App;
use crate::hub::Connection;
use crate::logic::intents::Intents;
use crate::logic::session::client_frame::{RequestMembers, WhichMembers};
use crate::model::{GuildId, Member, MembersChunk, Permissions, Presence, UserId};
use crate::store::{Members, Order, StoreError, Usernames, Users, View};

/// Members of one chunk.
pub const MAX_CHUNK_MEMBERS: usize = 1_000;
/// Accounts of the instance looked at for one prefix of a username, in the order of names.
const MAX_USERNAMES: usize = 1_000;
/// Members of a guild looked at for one prefix of a nickname or global name, in the order in which accounts were made.
const MAX_SCANNED: usize = 10_000;

/// Answers a request for members, one chunk at a time: what comes next is read when the socket has taken the chunk before.
pub async fn answer(app: &App, connection: &Connection, request: RequestMembers) {
    for guild in &request.guild_ids {
        let asked = Asked { app, connection, guild: *guild, request: &request };
        if let Err(error) = asked.answer().await {
            let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            tracing::error!(%error, source, "a request for members was not answered");
            asked.send(Vec::new(), 0, 1, asked.named().map(<[_]>::to_vec));
        }
    }
}

/// One guild of a request.
struct Asked<'a> {
    app: &'a App,
    connection: &'a Connection,
    guild: GuildId,
    request: &'a RequestMembers,
}

impl Asked<'_> {
    async fn answer(&self) -> Result<(), ActionError> {
        let user = self.connection.session().owner().user;
        let held = self.app.store.read(|view| match view.guild_access(user, self.guild) {
            Ok(access) => Ok(Some(access.held)),
            Err(StoreError::Denied(_)) => Ok(None),
            Err(error) => Err(error),
        })?;
        let none = || self.send(Vec::new(), 0, 1, self.named().map(<[_]>::to_vec));
        let Some(held) = held else {
            none();
            return Ok(());
        };
        match &self.request.which {
            WhichMembers::All if self.may_list_all(held) => self.all().await?,
            WhichMembers::All => none(),
            WhichMembers::Users(ids) => {
                let (members, missing) = self.app.store.read(|view| members_by_id(view, self.guild, ids))?;
                self.send(members, 0, 1, Some(missing));
            }
            WhichMembers::Prefix { query, limit } => {
                let limit = usize::from(*limit);
                let members =
                    self.app.store.read(|view| members_by_prefix(view, self.guild, query, limit))?;
                self.send(members, 0, 1, None);
            }
        }
        Ok(())
    }

    fn named(&self) -> Option<&[UserId]> {
        match &self.request.which {
            WhichMembers::Users(ids) => Some(ids),
            WhichMembers::All | WhichMembers::Prefix { .. } => None,
        }
    }

    fn may_list_all(&self, held: Permissions) -> bool {
        let owner = self.connection.session().owner();
        if owner.is_bot() {
            return owner.intents.contains(Intents::GUILD_MEMBERS);
        }
        held.intersects(Permissions::KICK_MEMBERS | Permissions::BAN_MEMBERS | Permissions::MANAGE_ROLES)
    }

    /// Who of these is online: everybody may know of those they share a guild with, bots by their intent.
    fn presences(&self, members: &[Member]) -> Vec<Presence> {
        let owner = self.connection.session().owner();
        if owner.is_bot() && !owner.intents.contains(Intents::GUILD_PRESENCES) {
            return Vec::new();
        }
        let ids = members.iter().filter_map(|member| Some(member.user.as_ref()?.id));
        self.app.hub.presences_of(&ids.collect::<Vec<_>>())
    }

    /// Everybody. How many chunks there are is told with the first, so whoever joins meanwhile is told of by an event instead, and
    /// the last chunks may be emptier for those who left.
    async fn all(&self) -> Result<(), ActionError> {
        let count = self.app.store.read(|view| show::member_count(view, self.guild))? as usize;
        let chunks = count.div_ceil(MAX_CHUNK_MEMBERS).max(1);
        let mut last = None;
        for index in 0..chunks {
            let members: Vec<(UserId, Member)> =
                self.app.store.read(|view| page_of_members(view, self.guild, last))?;
            last = members.last().map(|(id, _)| *id).or(last);
            let members = members.into_iter().map(|(_, member)| member).collect();
            self.send(members, index, chunks, None);
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    fn send(
        &self,
        members: Vec<Member>,
        chunk_index: usize,
        chunk_count: usize,
        not_found: Option<Vec<UserId>>,
    ) {
        let presences = self.request.presences.then(|| self.presences(&members));
        let nonce = self.request.nonce.clone();
        let chunk = MembersChunk {
            guild_id: self.guild,
            members,
            chunk_index,
            chunk_count,
            not_found,
            presences,
            nonce,
        };
        self.connection.answer(self.app.hub.encode("GUILD_MEMBERS_CHUNK", &chunk, &[]));
    }
}

fn page_of_members(
    view: &View<'_>,
    guild: GuildId,
    after: Option<UserId>,
) -> Result<Vec<(UserId, Member)>, StoreError> {
    let after = after.map(|user| (guild, user));
    let rows = view.list::<Members>(&guild, after.as_ref(), Order::Ascending, MAX_CHUNK_MEMBERS)?;
    let shown =
        rows.iter().map(|((_, id), row)| Ok((*id, show::member(row, Some(show::user_by_id(view, *id)?)))));
    shown.collect()
}

fn members_by_id(
    view: &View<'_>,
    guild: GuildId,
    ids: &[UserId],
) -> Result<(Vec<Member>, Vec<UserId>), StoreError> {
    let (mut members, mut missing) = (Vec::new(), Vec::new());
    for id in ids {
        match show::member_by_id(view, guild, *id)? {
            Some(member) => members.push(member),
            None => missing.push(*id),
        }
    }
    Ok((members, missing))
}

/// Members whose username, global name or nickname begins with `query`, whatever the case. Usernames are found by their index,
/// the other names by looking at the first [`MAX_SCANNED`] members, so that a huge guild can't be made to cost much.
fn members_by_prefix(
    view: &View<'_>,
    guild: GuildId,
    query: &str,
    limit: usize,
) -> Result<Vec<Member>, StoreError> {
    let query = query.to_lowercase();
    let mut found: Vec<(UserId, Member)> = Vec::new();
    if !query.is_empty() {
        for id in accounts_named(view, &query)? {
            if found.len() < limit
                && let Some(member) = show::member_by_id(view, guild, id)?
            {
                found.push((id, member));
            }
        }
    }
    let begins =
        |name: &Option<String>| name.as_ref().is_some_and(|name| name.to_lowercase().starts_with(&query));
    let (mut scanned, mut failed) = (0, None);
    view.walk::<Members>(&guild, None, Order::Ascending, |(_, id), row| {
        if found.len() >= limit || scanned >= MAX_SCANNED {
            return ControlFlow::Break(());
        }
        scanned += 1;
        match view.shared_as::<Users, _>(&id, |row| show::user(id, row)) {
            Ok(Some(user)) => {
                let is_match = query.is_empty() || begins(&row.nick) || begins(&user.global_name);
                if is_match && found.iter().all(|(other, _)| *other != id) {
                    found.push((id, show::member(&row, Some(user))));
                }
                ControlFlow::Continue(())
            }
            Ok(None) => ControlFlow::Continue(()),
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        }
    })?;
    failed.map_or_else(|| Ok(found.into_iter().map(|(_, member)| member).collect()), Err)
}

/// Accounts whose username begins so, in the order of names. Names are kept in lower case.
fn accounts_named(view: &View<'_>, prefix: &str) -> Result<Vec<UserId>, StoreError> {
    let mut ids = Vec::new();
    let mut looked = 0;
    let from = prefix.to_owned();
    if let Some(row) = view.get::<Usernames>(&from)? {
        ids.push(row.id);
    }
    view.walk::<Usernames>(&(), Some(&from), Order::Ascending, |name, row| {
        looked += 1;
        if looked > MAX_USERNAMES || !name.starts_with(prefix) {
            return ControlFlow::Break(());
        }
        ids.push(row.id);
        ControlFlow::Continue(())
    })?;
    Ok(ids)
}
