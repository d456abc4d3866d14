//! What every new message brings with it: its rows, the conversation it reopens, and what the channel is told.

use std::sync::Arc;

use super::audience;
use crate::actions::{dms, show};
use crate::model::{ChannelId, Dispatch, Message, MessageId, Nonce};
use crate::store::{ChannelRow, MayPost, MessageRow, StoreError, Tx};

/// Writes a message and tells the channel. `nonce` is in the answer, and the hub shows it to the author's sessions only.
pub(super) fn send(
    tx: &mut Tx<'_>,
    by: &impl MayPost,
    channel: ChannelId,
    channel_row: &ChannelRow,
    row: &MessageRow,
    nonce: Option<Nonce>,
) -> Result<Arc<Message>, StoreError> {
    if channel_row.kind.is_dm() {
        dms::reopen(tx, by, channel, channel_row, row.author)?;
    }
    let id: MessageId = tx.next_id();
    tx.insert_message(by, channel_row.guild, channel, id, row)?;
    let message = Arc::new(Message { nonce, ..show::message(tx, channel, id, row, None)? });
    let event = show::message_event(tx, channel_row, message.clone(), row.author)?;
    tx.emit(audience(channel, channel_row), Dispatch::MessageCreate(event));
    Ok(message)
}
