//! Messages: posting, editing, deleting, reading back, reactions, pins, read marks and typing; one file for each.

mod content_intent;
mod delete;
mod edit;
mod forms;
mod history;
mod hook;
mod inbox;
mod media;
mod mentions;
mod nonce;
mod pins;
mod post;
mod reactions;
mod read_states;
mod send;
mod system;
mod typing;
mod voice;

#[cfg(test)]
mod tests;

pub use delete::{BulkDelete, delete, delete_many};
pub use edit::{Edit, edit};
pub use forms::Post;
pub use history::{Page, get, page};
pub use hook::{Execute, Execution, delete_of_webhook, edit_of_webhook, execute, get_of_webhook, of_service};
pub use inbox::{InboxPage, dismiss, inbox};
pub use media::{Media, MediaPage, media};
pub use pins::{Pinned, PinsPage, list_pins, newest_pins, pin, unpin};
pub use post::post;
pub use reactions::{
    ReactionsPage, clear_emoji, clear_reactions, list_reactions, react, take_back, take_back_of,
};
pub use read_states::{
    Ack, AckBulk, ack, ack_bulk, ack_guild, ack_pins, forget_mark, keep_marks, read_states_of, write_marks,
};
pub use system::{announce_call, announce_follow, announce_join, copy_to_follower, post_system};
pub use typing::typing;

use std::sync::Arc;

use super::error::{ActionError, Fault};
use super::show;
use crate::model::{Audience, ChannelId, Dispatch, Message, MessageId, UserId};
use crate::store::{ChannelRow, MessageRow, StoreError, Tx, View};

/// Who hears of what happens in a channel: in a guild whoever may view it, in a DM its people.
pub(super) fn audience(id: ChannelId, channel: &ChannelRow) -> Audience {
    match channel.guild {
        Some(guild) => Audience::Channel(guild, id),
        None => Audience::Users(channel.recipients.as_slice().into()),
    }
}

/// A message that has to be there.
///
/// # Errors
/// 10008.
fn find(view: &View<'_>, channel: ChannelId, id: MessageId) -> Result<MessageRow, ActionError> {
    Ok(view.message(channel, id)?.ok_or(Fault::UnknownMessage)?)
}

/// Tells the channel that a message changed, and shows it.
pub(super) fn tell_update(
    tx: &mut Tx<'_>,
    channel: ChannelId,
    channel_row: &ChannelRow,
    id: MessageId,
    row: &MessageRow,
) -> Result<Arc<Message>, StoreError> {
    let message = Arc::new(show::message(tx, channel, id, row, None)?);
    let event = show::message_event(tx, channel_row, message.clone(), row.author)?;
    tx.emit(audience(channel, channel_row), Dispatch::MessageUpdate(event));
    Ok(message)
}

/// Whether an author stands for a person or bot (webhooks have numbers of their own kind).
fn is_authored_by(row: &MessageRow, user: UserId) -> bool {
    row.webhook.is_none() && row.author == user
}
