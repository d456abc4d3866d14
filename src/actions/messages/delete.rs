//! Deleting one message, or many at once.

use super::edit::{MAX_COPIES, update_copies};
use super::{audience, find, is_authored_by};
use crate::actions::actor::{Actor, Reason};
use crate::actions::audit::{self, Act, Changes, Entry};
use crate::actions::error::{ActionError, Fault};
use crate::app::App;
use crate::logic::form::kinds::{list, snowflake};
use crate::logic::form::{Checked, Fields, Form};
use crate::model::{
    ChannelId, Dispatch, MessageDeleted, MessageId, MessagesDeleted, Permissions, message_flag, message_type,
};
use crate::store::access::{Proof, require, right};
use crate::store::{Crossposts, MessageRow, Messages, Order, StoreError, Tx};

/// Fewest and most messages that one call deletes (API.md §5).
const BULK_MESSAGES: std::ops::RangeInclusive<usize> = 2..=100;
/// Most ids that a call may name before it is refused unread.
const MAX_NAMED: usize = 1_000;
/// Oldest message that is deleted in bulk: 14 days, in milliseconds.
const BULK_AGE_MS: u64 = 14 * 24 * 60 * 60 * 1_000;
/// Reaction rows of one emoji that go with a message at once; of 20 emoji that is less than half a job (SAFETY.md §5.2).
const REACTION_ROWS: usize = 20;
/// The same where many messages go.
const REACTION_ROWS_IN_BULK: usize = 0;

/// Whether people can't delete messages of this type (API.md §1.11).
fn is_kept(kind: u8) -> bool {
    matches!(
        kind,
        message_type::RECIPIENT_ADD
            | message_type::RECIPIENT_REMOVE
            | message_type::CALL
            | message_type::CHANNEL_NAME_CHANGE
            | message_type::CHANNEL_ICON_CHANGE
    )
}

/// Deletes a message, and tells the channel. Deletions of others' messages stand in the audit log, those of one author in one channel
/// within five minutes as one entry.
///
/// # Errors
/// 10008; 50013 and 50003 (in DMs) for messages of others; 50021.
pub async fn delete(
    app: &App,
    actor: Actor,
    channel: ChannelId,
    id: MessageId,
    reason: Option<Reason>,
) -> Result<(), ActionError> {
    app.store
        .reclaim(move |tx| {
            let by = tx.allow::<right::View>(actor.user, channel)?;
            let row = find(tx, channel, id)?;
            let is_own = is_authored_by(&row, actor.user);
            if !is_own {
                if by.guild.is_none() {
                    return Err(Fault::NotOnDm.into());
                }
                require(by.held, Permissions::MANAGE_MESSAGES)?;
            }
            if is_kept(row.kind) {
                return Err(Fault::NotOnSystemMessage.into());
            }
            remove(tx, &by, channel, id, &row, REACTION_ROWS, MAX_COPIES)?;
            if let (Some(guild), false) = (by.channel.guild, is_own) {
                let entry = Entry {
                    guild,
                    actor: actor.user,
                    act: Act::MessageDelete,
                    target: Some(row.author.to_string()),
                    changes: Changes::none(),
                    options: None,
                    reason: reason.as_ref().map(Reason::as_str),
                };
                audit::record_counted(tx, &by, entry, channel, 1)?;
            }
            let deleted = MessageDeleted { id, channel_id: channel, guild_id: by.channel.guild };
            tx.emit(audience(channel, &by.channel), Dispatch::MessageDelete(deleted));
            Ok(())
        })
        .await
}

/// Takes one message that its author may delete out of the tables, as the server.
pub(super) fn remove_one(
    tx: &mut Tx<'_>,
    channel: ChannelId,
    id: MessageId,
    row: &MessageRow,
) -> Result<(), StoreError> {
    let server = tx.internal();
    remove(tx, &server, channel, id, row, REACTION_ROWS, MAX_COPIES)
}

/// Takes a message and what hangs on it out of the tables; copies of a published one lose their source (flag 8).
pub(super) fn remove(
    tx: &mut Tx<'_>,
    by: &impl Proof,
    channel: ChannelId,
    id: MessageId,
    row: &MessageRow,
    reaction_rows: usize,
    copies: usize,
) -> Result<(), StoreError> {
    tx.delete_message(by, channel, id, row, reaction_rows)?;
    if row.flags & message_flag::CROSSPOSTED != 0 {
        update_copies(tx, by, id, copies, |_, copy| {
            copy.flags |= message_flag::SOURCE_DELETED;
            Ok(())
        })?;
        for (key, _) in tx.list::<Crossposts>(&id, None, Order::Ascending, copies)? {
            tx.delete::<Crossposts>(by, &key)?;
        }
    }
    Ok(())
}

/// Body of `POST /channels/{channel}/messages/bulk-delete`.
#[derive(Clone, Debug)]
pub struct BulkDelete {
    messages: Vec<MessageId>,
}

impl Form for BulkDelete {
    fn read(f: &mut Fields<'_>) -> Self {
        Self { messages: f.need("messages", list(snowflake(), MAX_NAMED)) }
    }
}

/// Deletes messages not older than 14 days; ids that name none are passed over.
///
/// # Errors
/// 50003 in DMs, 50013, 50016 for fewer than 2 or more than 100, 50034 if any is too old: then none is deleted.
pub async fn delete_many(
    app: &App,
    actor: Actor,
    channel: ChannelId,
    form: Checked<BulkDelete>,
    reason: Option<Reason>,
) -> Result<(), ActionError> {
    app.store
        .reclaim(move |tx| {
            let by = tx.allow::<right::View>(actor.user, channel)?;
            let Some(guild) = by.channel.guild else { return Err(Fault::NotOnDm.into()) };
            require(by.held, Permissions::MANAGE_MESSAGES)?;
            let mut ids = form.get()?.messages.clone();
            ids.sort_unstable();
            ids.dedup();
            if !BULK_MESSAGES.contains(&ids.len()) {
                return Err(Fault::BulkDeleteCount.into());
            }
            if ids.iter().any(|id| id.created_ms() + BULK_AGE_MS < tx.now_ms()) {
                return Err(Fault::TooOldForBulkDelete.into());
            }
            let mut deleted = Vec::with_capacity(ids.len());
            let copies = MAX_COPIES / ids.len();
            for id in ids {
                if let Some(row) = tx.get::<Messages>(&(channel, id))?
                    && !is_kept(row.kind)
                {
                    remove(tx, &by, channel, id, &row, REACTION_ROWS_IN_BULK, copies)?;
                    deleted.push(id);
                }
            }
            if deleted.is_empty() {
                return Ok(());
            }
            let entry = Entry {
                guild,
                actor: actor.user,
                act: Act::MessageBulkDelete,
                target: Some(channel.to_string()),
                changes: Changes::none(),
                options: Some(serde_json::json!({ "count": deleted.len().to_string() })),
                reason: reason.as_ref().map(Reason::as_str),
            };
            audit::record(tx, &by, entry)?;
            let event = MessagesDeleted { ids: deleted, channel_id: channel, guild_id: by.channel.guild };
            tx.emit(audience(channel, &by.channel), Dispatch::MessageDeleteBulk(event));
            Ok(())
        })
        .await
}
