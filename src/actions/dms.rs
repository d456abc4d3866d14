//! Direct messages: the conversation of two, and groups of up to ten.

use std::sync::Arc;

use super::accounts;
use super::actor::Actor;
use super::error::{ActionError, Fault};
use super::images;
use super::messages;
use super::show;
use crate::app::App;
use crate::logic::form::kinds::{image_data, list, snowflake, text};
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
            for other in &others {
                require_reachable(tx, actor, *other)?;
            }
            if is_group {
                make_group(tx, actor, &others, form.name.clone())
            } else {
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
    if view.has::<DmPairs>(&pair)? || !accounts::mutual_guilds(view, actor.user, other)?.is_empty() {
        return Ok(());
    }
    Err(if actor.is_bot() { Fault::NoMutualGuild } else { Fault::InvalidRecipients }.into())
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
            tx.put::<UserDms>(&by, &(other, id), &UserDmRow { open: false })?;
            id
        }
    };
    let was_open = tx.get::<UserDms>(&(actor.user, id))?.is_some_and(|row| row.open);
    let row = tx.shared::<Channels>(&id)?.ok_or(Fault::UnknownChannel)?;
    let shown = show::channel(tx, id, &row, Some(actor.user))?;
    if !was_open {
        tx.put::<UserDms>(&by, &(actor.user, id), &UserDmRow { open: true })?;
        tell(tx, actor.user, shown.clone())?;
    }
    Ok(shown)
}

fn make_group(
    tx: &mut Tx<'_>,
    actor: Actor,
    others: &[UserId],
    name: Option<String>,
) -> Result<Channel, ActionError> {
    let mut recipients = vec![actor.user];
    for other in others {
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
    tx.put::<UserDms>(by, &(user, id), &UserDmRow { open: true })?;
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
                    tx.put::<UserDms>(&by, &(actor.user, id), &UserDmRow { open: false })?;
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
            require_reachable(tx, actor, user)?;
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
