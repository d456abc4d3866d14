//! Pins: by time of pinning, newest first, at most 250 a channel (API.md §5).

use schemars::JsonSchema;
use serde::Serialize;

use super::content_intent::Sight;
use super::post::is_ordinary;
use super::{audience, find, system, tell_update};
use crate::actions::actor::{Actor, Reason};
use crate::actions::audit::{self, Act, Changes, Entry};
use crate::actions::error::{ActionError, Fault};
use crate::actions::show;
use crate::app::App;
use crate::logic::form::kinds::{integer, timestamp};
use crate::logic::form::{Checked, Fields, Form};
use crate::model::{ChannelId, Dispatch, Message, MessageId, Permissions, PinsUpdate, Timestamp};
use crate::store::access::{Allowed, right};
use crate::store::marks::Mark;
use crate::store::{ChannelStates, MAX_PINS, MessageRow, Messages, Order, Pins, Tx, View};

/// Most pins of a page, and all that the older route shows (API.md §5).
const PAGE_PINS: usize = 50;

/// Pins a message: the message and the pins change, and a message of the server says so. One that is pinned already stays, untold.
///
/// # Errors
/// 50001, 50013 without PIN_MESSAGES, 10008, 50021 for messages of the server, 30003.
pub async fn pin(
    app: &App,
    actor: Actor,
    channel: ChannelId,
    id: MessageId,
    reason: Option<Reason>,
) -> Result<(), ActionError> {
    let notice = app
        .store
        .write(move |tx| {
            let by = tx.allow::<right::PinMessages>(actor.user, channel)?;
            let mut row = find(tx, channel, id)?;
            if row.pinned {
                return Ok(None);
            }
            if !is_ordinary(&row) {
                return Err(Fault::NotOnSystemMessage.into());
            }
            if tx.list::<Pins>(&channel, None, Order::Descending, MAX_PINS)?.len() >= MAX_PINS {
                return Err(Fault::TooManyPins.into());
            }
            row.pinned = true;
            tx.put::<Pins>(&by, &(channel, tx.now_ms(), id), &())?;
            let mut state = tx.get::<ChannelStates>(&channel)?.unwrap_or_default();
            state.last_pin_ms = Some(tx.now_ms());
            tx.put::<ChannelStates>(&by, &channel, &state)?;
            change(tx, &by, channel, id, &row, Act::MessagePin, reason.as_ref())?;
            let notice = system::announce_pin(tx, &by, channel, &by.channel, actor.user, id)?;
            Ok::<_, ActionError>(Some(notice.id))
        })
        .await?;
    if let (Some(notice), false) = (notice, actor.is_bot()) {
        app.marks.note(actor.user, channel, Mark { last_message: Some(notice), ..Mark::default() });
    }
    Ok(())
}

/// Unpins a message; one that is not pinned stays so, untold.
///
/// # Errors
/// 50001, 50013 without PIN_MESSAGES, 10008.
pub async fn unpin(
    app: &App,
    actor: Actor,
    channel: ChannelId,
    id: MessageId,
    reason: Option<Reason>,
) -> Result<(), ActionError> {
    app.store
        .reclaim(move |tx| {
            let by = tx.allow::<right::PinMessages>(actor.user, channel)?;
            let mut row = find(tx, channel, id)?;
            if !row.pinned {
                return Ok(());
            }
            row.pinned = false;
            if let Some(pinned_ms) = tx.pinned_ms(channel, id)? {
                tx.delete::<Pins>(&by, &(channel, pinned_ms, id))?;
            }
            change(tx, &by, channel, id, &row, Act::MessageUnpin, reason.as_ref())
        })
        .await
}

/// Writes the message whose pin changed, the audit entry, and tells the channel.
fn change(
    tx: &mut Tx<'_>,
    by: &Allowed<'_, right::PinMessages>,
    channel: ChannelId,
    id: MessageId,
    row: &MessageRow,
    act: Act,
    reason: Option<&Reason>,
) -> Result<(), ActionError> {
    tx.put::<Messages>(by, &(channel, id), row)?;
    if let Some(guild) = by.channel.guild {
        let entry = Entry {
            guild,
            actor: by.actor,
            act,
            target: Some(row.author.to_string()),
            changes: Changes::none(),
            options: Some(
                serde_json::json!({ "channel_id": channel.to_string(), "message_id": id.to_string() }),
            ),
            reason: reason.map(Reason::as_str),
        };
        audit::record(tx, by, entry)?;
    }
    tell_update(tx, channel, &by.channel, id, row)?;
    let last_pin_ms = tx.get::<ChannelStates>(&channel)?.and_then(|state| state.last_pin_ms);
    let update = PinsUpdate {
        guild_id: by.channel.guild,
        channel_id: channel,
        last_pin_timestamp: last_pin_ms.map(Timestamp),
    };
    tx.emit(audience(channel, &by.channel), Dispatch::PinsUpdate(update));
    Ok(())
}

/// Query of `GET /channels/{channel}/messages/pins`.
#[derive(Clone, Copy, Debug)]
pub struct PinsPage {
    before: Option<Timestamp>,
    limit: usize,
}

impl Form for PinsPage {
    fn read(f: &mut Fields<'_>) -> Self {
        Self {
            before: f.opt("before", timestamp()),
            limit: f.or("limit", integer(1..=PAGE_PINS as u8), PAGE_PINS as u8).into(),
        }
    }
}

/// A page of pins.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Pinned {
    /// Newest first.
    pub items: Vec<PinnedMessage>,
    /// Whether older ones follow.
    pub has_more: bool,
}

/// A pin.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PinnedMessage {
    /// When it was pinned.
    pub pinned_at: Timestamp,
    /// What.
    pub message: Message,
}

/// A page of a channel's pins; nothing for whoever may not read its history.
///
/// # Errors
/// 50001, form faults.
pub fn list_pins(
    app: &App,
    actor: Actor,
    channel: ChannelId,
    page: Checked<PinsPage>,
) -> Result<Pinned, ActionError> {
    app.store.read(|view| read_pins(view, actor, channel, &page))
}

/// The newest pins, as the older route shows them.
///
/// # Errors
/// 50001.
pub fn newest_pins(app: &App, actor: Actor, channel: ChannelId) -> Result<Vec<Message>, ActionError> {
    let page = Checked::valid(PinsPage { before: None, limit: PAGE_PINS });
    let found = app.store.read(|view| read_pins(view, actor, channel, &page))?;
    Ok(found.items.into_iter().map(|pin| pin.message).collect())
}

fn read_pins(
    view: &View<'_>,
    actor: Actor,
    channel: ChannelId,
    page: &Checked<PinsPage>,
) -> Result<Pinned, ActionError> {
    let by = view.allow::<right::View>(actor.user, channel)?;
    let page = page.get()?;
    if !by.held.contains(Permissions::READ_MESSAGE_HISTORY) {
        return Ok(Pinned { items: Vec::new(), has_more: false });
    }
    let sight = Sight::of(view, actor, &by)?;
    let before = page.before.map(|Timestamp(before_ms)| (channel, before_ms, MessageId::new(0)));
    let mut rows = view.list::<Pins>(&channel, before.as_ref(), Order::Descending, page.limit + 1)?;
    let has_more = rows.len() > page.limit;
    rows.truncate(page.limit);
    let mut items = Vec::with_capacity(rows.len());
    for ((_, pinned_ms, id), ()) in rows {
        if let Some(row) = view.message(channel, id)? {
            let mut message = show::message(view, channel, id, &row, Some(actor.user))?;
            sight.strip(&mut message);
            items.push(PinnedMessage { pinned_at: Timestamp(pinned_ms), message });
        }
    }
    Ok(Pinned { items, has_more })
}
