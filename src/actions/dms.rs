//! Direct messages: the conversation of two, and groups of up to ten.

use std::sync::Arc;

use super::actor::Actor;
use super::error::{ActionError, Fault};
use super::{guilds, images, messages, profiles, relationships, settings, show};
use crate::app::App;
use crate::logic::form::kinds::{image_data, integer, list, snowflake, text};
use crate::logic::form::{Checked, Fields, Form, ImageData, Patch};
use crate::model::{
    Audience, Channel, ChannelId, ChannelKind, Dispatch, RecipientEvent, UserId, message_type,
};
use crate::store::access::{Proof, right};
use crate::store::{
    ChannelIdRow, ChannelRow, ChannelStateRow, ChannelStates, Channels, DmPairs, Order, StoreError, Tx,
    UserDmRow, UserDms, Users, View,
};

/// Most people in a group DM (API.md §5).
pub const MAX_GROUP: usize = 10;
/// Most conversations that are listed.
const MAX_LISTED: usize = 1_000;

/// Body of `POST /users/@me/channels`.
#[derive(Clone)]
pub struct Open {
    recipient: Option<UserId>,
    recipients: Option<Vec<UserId>>,
    name: Option<String>,
}

impl Form for Open {
    fn read(f: &mut Fields<'_>) -> Self {
        Self {
            recipient: f.opt("recipient_id", snowflake()),
            recipients: f.opt("recipients", list(snowflake(), MAX_GROUP)),
            name: f.opt("name", text(1..=100)),
        }
    }
}

/// The caller's open conversations.
pub fn list_own(app: &App, actor: Actor) -> Result<Vec<Channel>, ActionError> {
    Ok(app.store.read(|view| of_user(view, actor.user))?)
}

/// Open conversations of an account, as it sees them.
pub fn of_user(view: &View<'_>, user: UserId) -> Result<Vec<Channel>, StoreError> {
    let mut open = Vec::new();
    for ((_, id), row) in view.list::<UserDms>(&user, None, Order::Ascending, MAX_LISTED)? {
        if row.open
            && let Some(channel) = view.shared::<Channels>(&id)?
        {
            open.push(show::channel(view, id, &channel, Some(user))?);
        }
    }
    Ok(open)
}

/// Opens the conversation with somebody, always the same one, or makes a group.
///
/// # Errors
/// 50033 for oneself or people the caller does not know, 50007 between bots.
pub async fn open(app: &App, actor: Actor, form: Checked<Open>) -> Result<Channel, ActionError> {
    let form = form.take()?;
    let others = match (&form.recipient, &form.recipients) {
        (Some(one), _) => vec![*one],
        (None, Some(many)) => many.clone(),
        (None, None) => return Err(Fault::InvalidRecipients.into()),
    };
    let is_group = form.recipient.is_none() && (others.len() > 1 || form.name.is_some());
    app.store
        .write(move |tx| -> Result<Channel, ActionError> {
            if others.is_empty() || others.contains(&actor.user) {
                return Err(Fault::InvalidRecipients.into());
            }
            if is_group {
                make_group(tx, actor, &others, form.name.clone())
            } else {
                require_reachable(tx, actor, others[0])?;
                open_pair(tx, actor, others[0])
            }
        })
        .await
}

fn require_reachable(view: &View<'_>, actor: Actor, other: UserId) -> Result<(), ActionError> {
    let row = view.shared::<Users>(&other)?.filter(|row| !row.deleted).ok_or(Fault::InvalidRecipients)?;
    if actor.is_bot() && row.bot {
        return Err(Fault::CannotMessageUser.into());
    }
    let pair = (actor.user.min(other), actor.user.max(other));
    if view.has::<DmPairs>(&pair)?
        || relationships::are_friends(view, actor.user, other)?
        || !profiles::mutual_guilds(view, actor.user, other)?.is_empty()
    {
        return Ok(());
    }
    Err(if actor.is_bot() { Fault::NoMutualGuild } else { Fault::InvalidRecipients }.into())
}

/// Checks that somebody takes direct messages of the caller: nobody is blocked, and the caller is a friend, somebody they wrote to,
/// or a member of a guild whose members they listen to.
///
/// # Errors
/// 50007.
pub(super) fn require_open_ear(
    view: &View<'_>,
    actor: Actor,
    channel: ChannelId,
    other: UserId,
) -> Result<(), ActionError> {
    let row = view.shared::<Users>(&other)?;
    let can_hear = row.as_ref().is_some_and(|row| !(row.deleted || (row.bot && actor.is_bot())));
    if !can_hear || relationships::is_blocked_between(view, actor.user, other)? {
        return Err(Fault::CannotMessageUser.into());
    }
    let is_known = row.is_some_and(|row| row.bot)
        || view.get::<UserDms>(&(other, channel))?.is_some_and(|dm| dm.accepted)
        || relationships::are_friends(view, actor.user, other)?;
    if is_known {
        return Ok(());
    }
    // The other's guilds: a bot may be in thousands.
    for (guild, _) in profiles::mutual_guilds(view, other, actor.user)? {
        if settings::takes_messages_of(view, other, guild)? && !guilds::are_messages_paused(view, guild)? {
            return Ok(());
        }
    }
    Err(Fault::CannotMessageUser.into())
}

/// Checks that the caller may put somebody into a group: only friends.
fn require_friend(view: &View<'_>, actor: Actor, other: UserId) -> Result<(), ActionError> {
    match relationships::are_friends(view, actor.user, other)? {
        true => Ok(()),
        false => Err(Fault::InvalidRecipients.into()),
    }
}

fn open_pair(tx: &mut Tx<'_>, actor: Actor, other: UserId) -> Result<Channel, ActionError> {
    let pair = (actor.user.min(other), actor.user.max(other));
    let by = tx.own(actor.user);
    let id = match tx.get::<DmPairs>(&pair)? {
        Some(row) => row.id,
        None => {
            let id: ChannelId = tx.next_id();
            let row = ChannelRow {
                kind: ChannelKind::Dm,
                recipients: vec![pair.0, pair.1],
                ..ChannelRow::default()
            };
            tx.put::<Channels>(&by, &id, &row)?;
            tx.put::<ChannelStates>(&by, &id, &ChannelStateRow::default())?;
            tx.put::<DmPairs>(&by, &pair, &ChannelIdRow { id })?;
            tx.put::<UserDms>(&by, &(other, id), &UserDmRow::default())?;
            id
        }
    };
    let listed = tx.get::<UserDms>(&(actor.user, id))?.unwrap_or_default();
    let row = tx.shared::<Channels>(&id)?.ok_or(Fault::UnknownChannel)?;
    if !listed.open {
        // Looking for somebody is no answer to them: a request stays one.
        tx.put::<UserDms>(&by, &(actor.user, id), &UserDmRow { open: true, ..listed })?;
        let shown = show::channel(tx, id, &row, Some(actor.user))?;
        tell(tx, actor.user, shown.clone())?;
        return Ok(shown);
    }
    Ok(show::channel(tx, id, &row, Some(actor.user))?)
}

/// Shows a conversation to those in whose list it is not, because somebody writes there. Who writes to a stranger makes a request
/// (bots never do); who answers one accepts it.
pub(super) fn reopen(
    tx: &mut Tx<'_>,
    by: &impl Proof,
    id: ChannelId,
    row: &ChannelRow,
    sender: UserId,
) -> Result<(), StoreError> {
    for recipient in &row.recipients {
        let before = tx.get::<UserDms>(&(*recipient, id))?.unwrap_or_default();
        let mut after = UserDmRow { open: true, ..before.clone() };
        if *recipient == sender && row.kind == ChannelKind::Dm {
            (after.accepted, after.request_ms) = (true, None);
        } else if !before.open && is_stranger(tx, &before, row, *recipient, sender)? {
            after.request_ms = Some(tx.now_ms());
        }
        if after == before {
            continue;
        }
        tx.put::<UserDms>(by, &(*recipient, id), &after)?;
        let shown = show::channel(tx, id, row, Some(*recipient))?;
        if !before.open {
            tell(tx, *recipient, shown)?;
        } else if before.request_ms != after.request_ms {
            tx.emit(Audience::User(*recipient), Dispatch::ChannelUpdate(Arc::new(shown)));
        }
    }
    Ok(())
}

fn is_stranger(
    view: &View<'_>,
    dm: &UserDmRow,
    row: &ChannelRow,
    recipient: UserId,
    sender: UserId,
) -> Result<bool, StoreError> {
    let is_bot = |id: &UserId| Ok::<_, StoreError>(view.shared::<Users>(id)?.is_some_and(|row| row.bot));
    Ok(row.kind == ChannelKind::Dm
        && !dm.accepted
        && !is_bot(&sender)?
        && !is_bot(&recipient)?
        && !relationships::are_friends(view, recipient, sender)?)
}

/// Body of `PUT /channels/{channel}/recipients/@me`.
#[derive(Clone, Copy)]
pub struct Consent;

impl Form for Consent {
    fn read(f: &mut Fields<'_>) -> Self {
        f.opt("consent_status", integer(2..=2_u8));
        Self
    }
}

/// Accepts a stranger's message request; what is accepted already stays.
///
/// # Errors
/// 10003 for conversations of others, 50024 for groups.
pub async fn accept_request(
    app: &App,
    actor: Actor,
    id: ChannelId,
    form: Checked<Consent>,
) -> Result<Channel, ActionError> {
    app.store
        .write(move |tx| {
            let by = tx.allow::<right::View>(actor.user, id)?;
            if by.channel.kind != ChannelKind::Dm {
                return Err(Fault::ChannelType.into());
            }
            form.get()?;
            accept(tx, actor.user, id, &by.channel)?;
            Ok(show::channel(tx, id, &by.channel, Some(actor.user))?)
        })
        .await
}

fn accept(tx: &mut Tx<'_>, user: UserId, id: ChannelId, row: &ChannelRow) -> Result<(), StoreError> {
    let before = tx.get::<UserDms>(&(user, id))?.unwrap_or_default();
    if before.request_ms.is_none() {
        return Ok(());
    }
    let after = UserDmRow { accepted: true, request_ms: None, ..before };
    tx.put::<UserDms>(&tx.own(user), &(user, id), &after)?;
    let shown = show::channel(tx, id, row, Some(user))?;
    tx.emit(Audience::User(user), Dispatch::ChannelUpdate(Arc::new(shown)));
    Ok(())
}

/// Two became friends: what either wrote to the other as a stranger is no request any more.
pub(super) fn befriended(tx: &mut Tx<'_>, one: UserId, other: UserId) -> Result<(), ActionError> {
    let Some(ChannelIdRow { id }) = tx.get::<DmPairs>(&(one.min(other), one.max(other)))? else {
        return Ok(());
    };
    let row = tx.shared::<Channels>(&id)?.ok_or(Fault::UnknownChannel)?;
    for user in [one, other] {
        accept(tx, user, id, &row)?;
    }
    Ok(())
}

/// Drops a stranger's message request out of the caller's list; the sender is told nothing.
///
/// # Errors
/// 10003 for conversations of others, 50024 where nothing is requested.
pub async fn drop_request(app: &App, actor: Actor, id: ChannelId) -> Result<Channel, ActionError> {
    app.store
        .write(move |tx| {
            let by = tx.allow::<right::View>(actor.user, id)?;
            let before = tx.get::<UserDms>(&(actor.user, id))?.unwrap_or_default();
            if by.channel.kind != ChannelKind::Dm || before.request_ms.is_none() {
                return Err(Fault::ChannelType.into());
            }
            let shown = show::channel(tx, id, &by.channel, Some(actor.user))?;
            tx.put::<UserDms>(&by, &(actor.user, id), &UserDmRow::default())?;
            tx.emit(Audience::User(actor.user), Dispatch::ChannelDelete(Arc::new(shown.clone())));
            Ok(shown)
        })
        .await
}

fn make_group(
    tx: &mut Tx<'_>,
    actor: Actor,
    others: &[UserId],
    name: Option<String>,
) -> Result<Channel, ActionError> {
    let mut recipients = vec![actor.user];
    for other in others {
        require_friend(tx, actor, *other)?;
        if !recipients.contains(other) {
            recipients.push(*other);
        }
    }
    if recipients.len() > MAX_GROUP {
        return Err(Fault::TooManyRecipients.into());
    }
    let by = tx.own(actor.user);
    let id: ChannelId = tx.next_id();
    let row = ChannelRow {
        kind: ChannelKind::GroupDm,
        recipients,
        owner: Some(actor.user),
        name,
        ..ChannelRow::default()
    };
    tx.put::<Channels>(&by, &id, &row)?;
    tx.put::<ChannelStates>(&by, &id, &ChannelStateRow::default())?;
    for member in &row.recipients {
        show_to(tx, &by, id, &row, *member)?;
    }
    Ok(show::channel(tx, id, &row, Some(actor.user))?)
}

/// Puts a conversation into somebody's list and tells them.
pub fn show_to(
    tx: &mut Tx<'_>,
    by: &impl Proof,
    id: ChannelId,
    row: &ChannelRow,
    user: UserId,
) -> Result<(), StoreError> {
    tx.put::<UserDms>(by, &(user, id), &UserDmRow { open: true, ..UserDmRow::default() })?;
    let shown = show::channel(tx, id, row, Some(user))?;
    tell(tx, user, shown)
}

/// CHANNEL_CREATE of a conversation, for people: bots learn of it by `channel_type` of its messages, and hikari takes the event of a
/// DM for a fault.
pub(super) fn tell(tx: &mut Tx<'_>, user: UserId, shown: Channel) -> Result<(), StoreError> {
    if tx.shared::<Users>(&user)?.is_none_or(|row| !row.bot) {
        tx.emit(Audience::User(user), Dispatch::ChannelCreate(Arc::new(shown)));
    }
    Ok(())
}

/// Hides a conversation of two from the caller's list, or leaves a group.
///
/// # Errors
/// 10003 for conversations of others.
pub async fn close(app: &App, actor: Actor, id: ChannelId, is_silent: bool) -> Result<Channel, ActionError> {
    app.store
        .write(move |tx| {
            let by = tx.allow::<right::View>(actor.user, id)?;
            let shown = show::channel(tx, id, &by.channel, Some(actor.user))?;
            match by.channel.kind {
                ChannelKind::Dm => {
                    let listed = tx.get::<UserDms>(&(actor.user, id))?.unwrap_or_default();
                    let closed = UserDmRow { open: false, request_ms: None, ..listed };
                    tx.put::<UserDms>(&by, &(actor.user, id), &closed)?;
                    tx.emit(Audience::User(actor.user), Dispatch::ChannelDelete(Arc::new(shown.clone())));
                }
                ChannelKind::GroupDm => {
                    remove_from(tx, &by, id, &by.channel, actor.user, actor.user, is_silent)?
                }
                _ => return Err(Fault::ChannelType.into()),
            }
            Ok(shown)
        })
        .await
}

/// Adds somebody to a group; on a conversation of two it makes a new group of three.
///
/// # Errors
/// 30004 when the group is full, 50033 for people the caller does not know.
pub async fn add_recipient(
    app: &App,
    actor: Actor,
    id: ChannelId,
    user: UserId,
) -> Result<Option<Channel>, ActionError> {
    app.store
        .write(move |tx| {
            let by = tx.allow::<right::View>(actor.user, id)?;
            let mut row = (*by.channel).clone();
            require_friend(tx, actor, user)?;
            match row.kind {
                ChannelKind::Dm => {
                    let mut others: Vec<UserId> =
                        row.recipients.iter().copied().filter(|id| *id != actor.user).collect();
                    others.push(user);
                    return make_group(tx, actor, &others, None).map(Some);
                }
                ChannelKind::GroupDm => {}
                _ => return Err(Fault::ChannelType.into()),
            }
            if row.recipients.contains(&user) {
                return Ok(None);
            }
            if row.recipients.len() >= MAX_GROUP {
                return Err(Fault::TooManyRecipients.into());
            }
            let before = Audience::Users(row.recipients.clone().into());
            row.recipients.push(user);
            tx.put::<Channels>(&by, &id, &row)?;
            let added = RecipientEvent { channel_id: id, user: show::user_by_id(tx, user)? };
            tx.emit(before, Dispatch::RecipientAdd(added));
            show_to(tx, &by, id, &row, user)?;
            messages::post_system(tx, &by, id, message_type::RECIPIENT_ADD, actor.user, &[user])?;
            Ok(None)
        })
        .await
}

/// Removes somebody from a group; only its owner may remove others.
///
/// # Errors
/// 50013 for others than the owner, 50033 for whoever is not in the group.
pub async fn remove_recipient(
    app: &App,
    actor: Actor,
    id: ChannelId,
    user: UserId,
) -> Result<(), ActionError> {
    app.store
        .write(move |tx| {
            let by = tx.allow::<right::View>(actor.user, id)?;
            if by.channel.kind != ChannelKind::GroupDm {
                return Err(Fault::ChannelType.into());
            }
            if !by.channel.recipients.contains(&user) {
                return Err(Fault::InvalidRecipients.into());
            }
            if user != actor.user && by.channel.owner != Some(actor.user) {
                return Err(Fault::MissingPermissions.into());
            }
            remove_from(tx, &by, id, &by.channel, actor.user, user, false)
        })
        .await
}

fn remove_from(
    tx: &mut Tx<'_>,
    by: &impl Proof,
    id: ChannelId,
    row: &ChannelRow,
    actor: UserId,
    user: UserId,
    is_silent: bool,
) -> Result<(), ActionError> {
    if !is_silent {
        messages::post_system(tx, by, id, message_type::RECIPIENT_REMOVE, actor, &[user])?;
    }
    let shown = Arc::new(show::channel(tx, id, row, Some(user))?);
    let mut row = row.clone();
    row.recipients.retain(|recipient| *recipient != user);
    if row.owner == Some(user) {
        row.owner = row.recipients.first().copied();
    }
    tx.put::<Channels>(by, &id, &row)?;
    tx.delete::<UserDms>(by, &(user, id))?;
    tx.emit(Audience::User(user), Dispatch::ChannelDelete(shown));
    let removed = RecipientEvent { channel_id: id, user: show::user_by_id(tx, user)? };
    tx.emit(Audience::Users(row.recipients.into()), Dispatch::RecipientRemove(removed));
    Ok(())
}

/// Body of `PATCH /channels/{channel}` on a group DM.
#[derive(Clone)]
pub struct EditGroup {
    name: Patch<String>,
    icon: Patch<ImageData>,
}

impl Form for EditGroup {
    fn read(f: &mut Fields<'_>) -> Self {
        Self {
            name: f.patch("name", text(1..=100)),
            icon: f.patch("icon", image_data(images::MAX_UPLOAD_BYTES)),
        }
    }
}

/// Names a group or gives it an icon; any of its people may.
pub async fn edit_group(
    app: &App,
    actor: Actor,
    id: ChannelId,
    form: Checked<EditGroup>,
) -> Result<Channel, ActionError> {
    app.store.read(|view| view.allow::<right::View>(actor.user, id).map(|_| ()))?;
    let form = form.take()?;
    let icon = images::keep_patch(app, form.icon, images::ICON).await?;
    let name = form.name;
    app.store
        .write(move |tx| {
            let by = tx.allow::<right::View>(actor.user, id)?;
            if by.channel.kind != ChannelKind::GroupDm {
                return Err(Fault::ChannelType.into());
            }
            let mut row = (*by.channel).clone();
            name.clone().apply(&mut row.name);
            icon.clone().apply(&mut row.icon);
            if row == *by.channel {
                return Ok(show::channel(tx, id, &row, Some(actor.user))?);
            }
            tx.put::<Channels>(&by, &id, &row)?;
            for recipient in &row.recipients {
                let shown = show::channel(tx, id, &row, Some(*recipient))?;
                tx.emit(Audience::User(*recipient), Dispatch::ChannelUpdate(Arc::new(shown)));
            }
            if row.name != by.channel.name {
                messages::post_system(tx, &by, id, message_type::CHANNEL_NAME_CHANGE, actor.user, &[])?;
            }
            if row.icon != by.channel.icon {
                messages::post_system(tx, &by, id, message_type::CHANNEL_ICON_CHANGE, actor.user, &[])?;
            }
            Ok(show::channel(tx, id, &row, Some(actor.user))?)
        })
        .await
}
