//! Sending twice: a repeat with the same nonce finds the message that the first one made (API.md §1.8).

use std::ops::ControlFlow;

use crate::actions::actor::Actor;
use crate::model::{ChannelId, MessageId, Nonce};
use crate::store::nonces::{NONCE_MS, Nonces};
use crate::store::{MessageRow, Messages, Order, StoreError, Tx};

/// Within what time a person's repeat is the same message even without `enforce_nonce`, milliseconds.
const UNASKED_MS: u64 = 60_000;
/// Most messages from before the start that are read to find a repeat's first.
const MAX_LOOK_BACK: usize = 200;

/// The message that this author sent here with this nonce, if the sender wants to hear of it rather than post again.
pub(super) fn find_first(
    tx: &Tx<'_>,
    nonces: &Nonces,
    actor: Actor,
    channel: ChannelId,
    nonce: &Nonce,
    is_enforced: bool,
) -> Result<Option<(MessageId, MessageRow)>, StoreError> {
    let within_ms = match (is_enforced, actor.is_bot()) {
        (true, _) => NONCE_MS,
        (false, false) => UNASKED_MS,
        (false, true) => return Ok(None),
    };
    let oldest = MessageId::from_ms(tx.now_ms().saturating_sub(within_ms));
    let is_it = |row: &MessageRow| row.author == actor.user && row.nonce.as_ref() == Some(nonce);
    if let Some(id) = nonces.find(actor.user, channel, nonce)
        && id >= oldest
        && let Some(row) = tx.get::<Messages>(&(channel, id))?
        && is_it(&row)
    {
        return Ok(Some((id, row)));
    }
    let known_since = MessageId::from_ms(nonces.since_ms(tx.now_ms()));
    if known_since <= oldest {
        return Ok(None);
    }
    let (mut found, mut looked_at) = (None, 0);
    tx.walk::<Messages>(&channel, Some(&(channel, known_since)), Order::Descending, |(_, id), row| {
        looked_at += 1;
        if id < oldest || looked_at > MAX_LOOK_BACK {
            return ControlFlow::Break(());
        }
        if is_it(&row) {
            found = Some((id, row));
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    })?;
    Ok(found)
}
