//! Friends, requests and blocks (API.md §2.5, "Social"). Every act writes the rows of both sides in one job, and tells each side's
//! sessions its own view. What others may do by them (write, react, count as unread) is asked here too.

use std::collections::HashSet;

use super::actor::Actor;
use super::error::{ActionError, Fault};
use super::profiles::{may_see, mutual_guilds};
use super::{dms, settings, show};
use crate::app::App;
use crate::logic::field::FieldFault;
use crate::logic::form::kinds::{integer, text};
use crate::logic::form::{Checked, Fields, Form, Patch};
use crate::model::{
    Audience, Dispatch, Relationship, RelationshipRemoved, Timestamp, UserId, relationship_type,
};
use crate::store::{
    Bond, DmPairs, Order, RelationshipRow, Relationships, StoreError, Tx, Usernames, Users, View,
};

/// Most friends of an account, people it asked among them (API.md §5).
pub const MAX_FRIENDS: usize = 1_000;
/// Most people an account blocks (API.md §5).
pub const MAX_BLOCKS: usize = 5_000;
/// Most requests that wait for an account; whoever asks beyond is told that none are taken. All of them are refused in one job, two
/// rows each (SAFETY.md §5.2).
pub const MAX_INCOMING: usize = 500;
/// Most people an account has noted something about without their being anything to it: nicknames and the like.
const MAX_NOTED: usize = 1_000;
/// Most rows that are looked at for one account: all of the above.
const MAX_ROWS: usize = MAX_FRIENDS + MAX_BLOCKS + MAX_INCOMING + MAX_NOTED;

/// What `other` is to `user`.
pub fn bond(view: &View<'_>, user: UserId, other: UserId) -> Result<Bond, StoreError> {
    Ok(view.shared::<Relationships>(&(user, other))?.map_or(Bond::None, |row| row.bond))
}

/// Whether the two are friends.
pub fn are_friends(view: &View<'_>, one: UserId, other: UserId) -> Result<bool, StoreError> {
    Ok(bond(view, one, other)? == Bond::Friend)
}

/// Whether either blocks the other.
pub fn is_blocked_between(view: &View<'_>, one: UserId, other: UserId) -> Result<bool, StoreError> {
    Ok(bond(view, one, other)? == Bond::Blocked || bond(view, other, one)? == Bond::Blocked)
}

/// Those to whom the account stands in this bond, by ascending id.
pub fn in_bond(view: &View<'_>, user: UserId, wanted: Bond) -> Result<Vec<UserId>, StoreError> {
    let rows = view.list::<Relationships>(&user, None, Order::Ascending, MAX_ROWS)?;
    Ok(rows.into_iter().filter(|(_, row)| row.bond == wanted).map(|((_, other), _)| other).collect())
}

/// Whom an account blocks.
pub fn blocked_by(view: &View<'_>, user: UserId) -> Result<HashSet<UserId>, StoreError> {
    Ok(in_bond(view, user, Bond::Blocked)?.into_iter().collect())
}

/// Friends that both have.
pub fn mutual_friends(view: &View<'_>, one: UserId, other: UserId) -> Result<Vec<UserId>, StoreError> {
    let mut mutual = Vec::new();
    for friend in in_bond(view, one, Bond::Friend)? {
        if are_friends(view, other, friend)? {
            mutual.push(friend);
        }
    }
    Ok(mutual)
}

/// All that an account has with others, as it sees it.
pub fn of_user(view: &View<'_>, user: UserId) -> Result<Vec<Relationship>, StoreError> {
    let rows = view.list::<Relationships>(&user, None, Order::Ascending, MAX_ROWS)?;
    rows.into_iter().map(|((_, other), row)| shown(view, other, &row)).collect()
}

/// The caller's relationships.
pub fn list(app: &App, actor: Actor) -> Result<Vec<Relationship>, ActionError> {
    Ok(app.store.read(|view| of_user(view, actor.user))?)
}

fn number(bond: Bond) -> u8 {
    match bond {
        Bond::None => relationship_type::NONE,
        Bond::Friend => relationship_type::FRIEND,
        Bond::Blocked => relationship_type::BLOCKED,
        Bond::Incoming => relationship_type::INCOMING,
        Bond::Outgoing => relationship_type::OUTGOING,
    }
}

fn shown(view: &View<'_>, other: UserId, row: &RelationshipRow) -> Result<Relationship, StoreError> {
    Ok(Relationship {
        id: other,
        kind: number(row.bond),
        user: show::user_by_id(view, other)?,
        nickname: row.nickname.clone(),
        since: Timestamp(row.since_ms),
        user_ignored: row.ignored,
        is_spam_request: false,
        stranger_request: row.stranger,
        should_notify: None,
    })
}

/// Body of `POST /users/@me/relationships`.
#[derive(Clone)]
pub struct AskByName {
    username: String,
}

impl Form for AskByName {
    fn read(f: &mut Fields<'_>) -> Self {
        // Clients of old send a discriminator beside it; names are whole here.
        Self { username: f.need("username", text(1..=64)) }
    }
}

/// Body of `PUT /users/@me/relationships/{user}`.
#[derive(Clone, Copy)]
pub struct Become {
    is_block: bool,
}

impl Form for Become {
    fn read(f: &mut Fields<'_>) -> Self {
        let kind = f.opt("type", integer(-1..=2_i8));
        if kind == Some(0) {
            f.fault("type", FieldFault::no_choice(&[-1, 1, 2]));
        }
        Self { is_block: kind == Some(2) }
    }
}

/// Asks somebody by name to be a friend, or accepts what they asked.
///
/// # Errors
/// 80004 for a name nobody has, and as [`become_something`].
pub async fn ask_by_name(app: &App, actor: Actor, form: Checked<AskByName>) -> Result<(), ActionError> {
    let name = form.take()?.username.to_lowercase();
    app.store
        .write(move |tx| {
            let other = tx.get::<Usernames>(&name)?.ok_or(Fault::NoSuchUsername)?.id;
            ask(tx, actor.user, other)
        })
        .await
}

/// Asks somebody to be a friend, accepts what they asked, or blocks them.
///
/// # Errors
/// 10013 for whom the caller may not know of; 80000 to 80003, 80007, 30002.
pub async fn become_something(
    app: &App,
    actor: Actor,
    other: UserId,
    form: Checked<Become>,
) -> Result<(), ActionError> {
    app.store
        .write(move |tx| {
            if tx.shared::<Users>(&other)?.is_none_or(|row| row.deleted) || !may_see(tx, actor, other)? {
                return Err(Fault::UnknownUser.into());
            }
            match form.get()?.is_block {
                true => block(tx, actor.user, other),
                false => ask(tx, actor.user, other),
            }
        })
        .await
}

fn ask(tx: &mut Tx<'_>, user: UserId, other: UserId) -> Result<(), ActionError> {
    if user == other {
        return Err(Fault::NotYourself.into());
    }
    if tx.shared::<Users>(&other)?.is_none_or(|row| row.bot) {
        return Err(Fault::BotsHaveNoFriends.into());
    }
    let mine = tx.get::<Relationships>(&(user, other))?.unwrap_or_default();
    let theirs = tx.get::<Relationships>(&(other, user))?.unwrap_or_default();
    if mine.bond == Bond::Blocked || theirs.bond == Bond::Blocked {
        return Err(Fault::RelationshipBlocked.into());
    }
    match mine.bond {
        Bond::Friend => Err(Fault::AlreadyFriends.into()),
        Bond::Outgoing => Ok(()),
        Bond::Incoming => accept(tx, user, other),
        Bond::None | Bond::Blocked => send_request(tx, user, other),
    }
}

fn send_request(tx: &mut Tx<'_>, user: UserId, other: UserId) -> Result<(), ActionError> {
    if in_bond(tx, user, Bond::Friend)?.len() + in_bond(tx, user, Bond::Outgoing)?.len() >= MAX_FRIENDS {
        return Err(Fault::TooManyFriends.into());
    }
    let has_guild = !mutual_guilds(tx, user, other)?.is_empty();
    let has_friend = !mutual_friends(tx, user, other)?.is_empty();
    let takes = settings::friend_sources(tx, other)?;
    let is_taken = takes.all || (takes.mutual_guilds && has_guild) || (takes.mutual_friends && has_friend);
    if !is_taken || in_bond(tx, other, Bond::Incoming)?.len() >= MAX_INCOMING {
        return Err(Fault::RequestsNotAccepted.into());
    }
    set(tx, user, other, Bond::Outgoing, false)?;
    let row = set(tx, other, user, Bond::Incoming, !(has_guild || has_friend))?;
    tell_add(tx, user, other, None)?;
    // Who is ignored asks in silence.
    Ok(tell_add(tx, other, user, Some(!row.ignored))?)
}

fn accept(tx: &mut Tx<'_>, user: UserId, other: UserId) -> Result<(), ActionError> {
    for side in [user, other] {
        if in_bond(tx, side, Bond::Friend)?.len() >= MAX_FRIENDS {
            return Err(Fault::TooManyFriends.into());
        }
    }
    set(tx, user, other, Bond::Friend, false)?;
    set(tx, other, user, Bond::Friend, false)?;
    tell_add(tx, user, other, None)?;
    tell_add(tx, other, user, Some(true))?;
    dms::befriended(tx, user, other)
}

/// Blocks somebody: they are told only that nothing is between the two any more, if anything was.
fn block(tx: &mut Tx<'_>, user: UserId, other: UserId) -> Result<(), ActionError> {
    if user == other {
        return Err(Fault::NotYourself.into());
    }
    if bond(tx, user, other)? == Bond::Blocked {
        return Ok(());
    }
    if in_bond(tx, user, Bond::Blocked)?.len() >= MAX_BLOCKS {
        return Err(Fault::TooManyBlocks.into());
    }
    set(tx, user, other, Bond::Blocked, false)?;
    tell_add(tx, user, other, None)?;
    if matches!(bond(tx, other, user)?, Bond::Friend | Bond::Incoming | Bond::Outgoing) {
        clear(tx, other, user)?;
    }
    Ok(())
}

/// Takes back or refuses a request, ends a friendship, or unblocks; of nothing there is nothing to end.
pub async fn end(app: &App, actor: Actor, other: UserId) -> Result<(), ActionError> {
    app.store
        .reclaim(move |tx| -> Result<(), ActionError> {
            match bond(tx, actor.user, other)? {
                Bond::None => {}
                Bond::Blocked => clear(tx, actor.user, other)?,
                Bond::Friend | Bond::Incoming | Bond::Outgoing => {
                    clear(tx, actor.user, other)?;
                    clear(tx, other, actor.user)?;
                }
            }
            Ok(())
        })
        .await
}

/// Refuses every request that waits for the caller.
pub async fn refuse_all(app: &App, actor: Actor) -> Result<(), ActionError> {
    app.store
        .reclaim(move |tx| -> Result<(), ActionError> {
            for other in in_bond(tx, actor.user, Bond::Incoming)? {
                clear(tx, actor.user, other)?;
                clear(tx, other, actor.user)?;
            }
            Ok(())
        })
        .await
}

/// Body of `PATCH /users/@me/relationships/{user}`.
#[derive(Clone)]
pub struct Rename {
    nickname: Patch<String>,
}

impl Form for Rename {
    fn read(f: &mut Fields<'_>) -> Self {
        Self { nickname: f.patch("nickname", text(0..=32)) }
    }
}

/// Gives a friend a name of one's own, or takes it back.
///
/// # Errors
/// 10013 for whoever is no friend.
pub async fn rename(
    app: &App,
    actor: Actor,
    other: UserId,
    form: Checked<Rename>,
) -> Result<(), ActionError> {
    app.store
        .write(move |tx| -> Result<(), ActionError> {
            let Some(mut row) = tx.get::<Relationships>(&(actor.user, other))? else {
                return Err(Fault::UnknownUser.into());
            };
            if row.bond != Bond::Friend {
                return Err(Fault::UnknownUser.into());
            }
            let before = row.nickname.clone();
            form.get()?.nickname.clone().apply(&mut row.nickname);
            row.nickname = row.nickname.filter(|name| !name.is_empty());
            if row.nickname != before {
                tx.put::<Relationships>(&tx.own(actor.user), &(actor.user, other), &row)?;
                let shown = shown(tx, other, &row)?;
                tx.emit(Audience::User(actor.user), Dispatch::RelationshipUpdate(shown));
            }
            Ok(())
        })
        .await
}

/// Marks somebody as one the caller wants to hear little of, or takes the mark back.
///
/// # Errors
/// 10013 for whom the caller may not know of, 80003 for oneself.
pub async fn ignore(app: &App, actor: Actor, other: UserId, ignored: bool) -> Result<(), ActionError> {
    app.store
        .write(move |tx| -> Result<(), ActionError> {
            if !tx.has::<Users>(&other)? || !may_see(tx, actor, other)? {
                return Err(Fault::UnknownUser.into());
            }
            if actor.user == other {
                return Err(Fault::NotYourself.into());
            }
            let found = tx.get::<Relationships>(&(actor.user, other))?;
            let is_new = found.is_none();
            let before = found.unwrap_or_default();
            if before.ignored == ignored {
                return Ok(());
            }
            if is_new && in_bond(tx, actor.user, Bond::None)?.len() >= MAX_NOTED {
                return Err(Fault::TooManyBlocks.into());
            }
            let mut row = RelationshipRow { ignored, ..before };
            if is_new {
                row.since_ms = tx.now_ms();
            }
            let by = tx.own(actor.user);
            if row.bond == Bond::None && !row.ignored {
                tx.delete::<Relationships>(&by, &(actor.user, other))?;
                tell_gone(tx, actor.user, other, &row)?;
                return Ok(());
            }
            tx.put::<Relationships>(&by, &(actor.user, other), &row)?;
            let shown = shown(tx, other, &row)?;
            let dispatch = match is_new {
                true => Dispatch::RelationshipAdd(shown),
                false => Dispatch::RelationshipUpdate(shown),
            };
            tx.emit(Audience::User(actor.user), dispatch);
            Ok(())
        })
        .await
}

/// Ends all that some of an account's people are to it, many at a time, because the account is going; whether more are left.
pub(super) fn end_some(tx: &mut Tx<'_>, user: UserId, most: usize) -> Result<bool, StoreError> {
    let rows = tx.list::<Relationships>(&user, None, Order::Ascending, most)?;
    let is_more = rows.len() == most;
    for ((_, other), row) in rows {
        tx.delete::<Relationships>(&tx.internal(), &(user, other))?;
        if row.bond != Bond::Blocked && bond(tx, other, user)? != Bond::Blocked {
            clear(tx, other, user)?;
        }
    }
    Ok(is_more)
}

/// Writes what `other` is to `user` from here on; what the owner noted stays.
fn set(
    tx: &mut Tx<'_>,
    user: UserId,
    other: UserId,
    bond: Bond,
    stranger: bool,
) -> Result<RelationshipRow, StoreError> {
    let before = tx.get::<Relationships>(&(user, other))?.unwrap_or_default();
    let row = RelationshipRow { bond, since_ms: tx.now_ms(), stranger, ..before };
    // A friendship is both sides' affair, whoever acts: what was checked is the act, not the row's owner.
    tx.put::<Relationships>(&tx.internal(), &(user, other), &row)?;
    Ok(row)
}

/// Ends what `other` is to `user`, and tells them. That the owner ignores them stays.
fn clear(tx: &mut Tx<'_>, user: UserId, other: UserId) -> Result<(), StoreError> {
    let Some(row) = tx.get::<Relationships>(&(user, other))? else { return Ok(()) };
    let by = tx.internal();
    if row.ignored {
        let kept = RelationshipRow { ignored: true, since_ms: tx.now_ms(), ..RelationshipRow::default() };
        tx.put::<Relationships>(&by, &(user, other), &kept)?;
    } else {
        tx.delete::<Relationships>(&by, &(user, other))?;
    }
    tell_gone(tx, user, other, &row)?;
    if row.ignored {
        tell_add(tx, user, other, None)?;
    }
    Ok(())
}

fn tell_add(
    tx: &mut Tx<'_>,
    user: UserId,
    other: UserId,
    should_notify: Option<bool>,
) -> Result<(), StoreError> {
    let row = tx.get::<Relationships>(&(user, other))?.unwrap_or_default();
    let shown = Relationship { should_notify, ..shown(tx, other, &row)? };
    tx.emit(Audience::User(user), Dispatch::RelationshipAdd(shown));
    Ok(())
}

fn tell_gone(tx: &mut Tx<'_>, user: UserId, other: UserId, row: &RelationshipRow) -> Result<(), StoreError> {
    let is_parting = row.bond == Bond::Friend && !tx.has::<DmPairs>(&(user.min(other), user.max(other)))?;
    let gone =
        RelationshipRemoved { id: other, kind: number(row.bond), nickname: row.nickname.clone(), is_parting };
    tx.emit(Audience::User(user), Dispatch::RelationshipRemove(gone));
    Ok(())
}

/// Those whose presence an account is told of outside of guilds, and who are told of its own: friends, and whom it has a DM with,
/// but nobody blocked on either side.
pub fn peers_of(view: &View<'_>, user: UserId, in_dms: &[UserId]) -> Result<Vec<UserId>, StoreError> {
    let mut peers = in_bond(view, user, Bond::Friend)?;
    for other in in_dms {
        if !peers.contains(other) && !is_blocked_between(view, user, *other)? {
            peers.push(*other);
        }
    }
    Ok(peers)
}
