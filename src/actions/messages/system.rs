//! Messages the server writes: joins, pins, what happens to a group, and copies of published messages.

use std::sync::Arc;

use super::send;
use crate::actions::uploads::mirror;
use crate::model::{ChannelId, GuildId, Message, MessageId, UserId, WebhookId, message_flag, message_type};
use crate::store::access::Proof;
use crate::store::{
    Body, ChannelRow, Channels, Crossposts, Guilds, MessageIdRow, MessageRow, StoreError, Tx, WebhookRow,
};

/// Bit of `system_channel_flags` that keeps joins quiet (API.md §1.11).
const SUPPRESS_JOINS: u64 = 1 << 0;

/// Posts what an act in a channel leaves there: `kind` is one of [`message_type`], `author` who acted, `mentions` whom it concerns. A
/// change of name (type 4) tells the name that the channel has by then.
pub fn post_system(
    tx: &mut Tx<'_>,
    by: &impl Proof,
    channel: ChannelId,
    kind: u8,
    author: UserId,
    mentions: &[UserId],
) -> Result<(), StoreError> {
    let Some(channel_row) = tx.shared::<Channels>(&channel)? else { return Ok(()) };
    let content = match (kind, &channel_row.name) {
        (message_type::CHANNEL_NAME_CHANGE, Some(name)) => name.clone(),
        _ => String::new(),
    };
    let row = MessageRow {
        author,
        kind,
        body: Body::Plain(content),
        mentions: mentions.to_vec(),
        ..MessageRow::default()
    };
    write(tx, by, channel, &channel_row, &row).map(drop)
}

/// Tells the guild's system channel that somebody joined, unless its settings keep that quiet.
pub fn announce_join(
    tx: &mut Tx<'_>,
    by: &impl Proof,
    guild: GuildId,
    user: UserId,
) -> Result<(), StoreError> {
    let Some(guild) = tx.shared::<Guilds>(&guild)? else { return Ok(()) };
    match guild.system_channel {
        Some(channel) if guild.system_channel_flags & SUPPRESS_JOINS == 0 => {
            post_system(tx, by, channel, message_type::JOIN, user, &[])
        }
        _ => Ok(()),
    }
}

/// Tells a conversation that a call began in it.
pub fn announce_call(
    tx: &mut Tx<'_>,
    by: &impl Proof,
    channel: ChannelId,
    channel_row: &ChannelRow,
    author: UserId,
) -> Result<MessageId, StoreError> {
    let row = MessageRow { author, kind: message_type::CALL, ..MessageRow::default() };
    Ok(write(tx, by, channel, channel_row, &row)?.id)
}

/// Tells a channel that it follows an announcement channel, which is named as people know it.
pub fn announce_follow(
    tx: &mut Tx<'_>,
    by: &impl Proof,
    channel: ChannelId,
    author: UserId,
    source_name: String,
    source: (GuildId, ChannelId),
) -> Result<(), StoreError> {
    let Some(channel_row) = tx.shared::<Channels>(&channel)? else { return Ok(()) };
    let row = MessageRow {
        author,
        kind: message_type::FOLLOW_ADD,
        body: Body::Plain(source_name),
        reference_guild: Some(source.0),
        reference_channel: Some(source.1),
        ..MessageRow::default()
    };
    write(tx, by, channel, &channel_row, &row).map(drop)
}

/// Tells a channel what was pinned in it.
pub(super) fn announce_pin(
    tx: &mut Tx<'_>,
    by: &impl Proof,
    channel: ChannelId,
    channel_row: &ChannelRow,
    author: UserId,
    pinned: MessageId,
) -> Result<Arc<Message>, StoreError> {
    let row = MessageRow {
        author,
        kind: message_type::PINNED,
        reference_guild: channel_row.guild,
        reference_channel: Some(channel),
        reference_message: Some(pinned),
        ..MessageRow::default()
    };
    write(tx, by, channel, channel_row, &row)
}

/// Copies a published message to a follower's channel, where it notifies nobody, and remembers the copy for edits and deletion of its
/// source (see `edit` and `delete`).
///
/// # Errors
/// As the store's; `None` where the follower's channel is gone.
pub fn copy_to_follower(
    tx: &mut Tx<'_>,
    by: &impl Proof,
    (webhook, hook): (WebhookId, &WebhookRow),
    (guild, channel, id): (GuildId, ChannelId, MessageId),
    source: &MessageRow,
) -> Result<Option<MessageId>, StoreError> {
    let Some(target) = tx.shared::<Channels>(&hook.channel)? else { return Ok(None) };
    let mut row = MessageRow {
        author: webhook.cast(),
        webhook: Some(webhook),
        webhook_name: hook.name.clone(),
        webhook_avatar: hook.avatar.clone(),
        body: source.body.clone(),
        embeds: source.embeds.clone(),
        components: source.components.clone(),
        flags: message_flag::IS_CROSSPOST
            | (source.flags & (message_flag::SUPPRESS_EMBEDS | message_flag::IS_COMPONENTS_V2)),
        reference_guild: Some(guild),
        reference_channel: Some(channel),
        reference_message: Some(id),
        ..MessageRow::default()
    };
    mirror(tx, &mut row, &source.attachments)?;
    let copy = write(tx, by, hook.channel, &target, &row)?;
    tx.put::<Crossposts>(by, &(id, hook.channel), &MessageIdRow { id: copy.id })?;
    Ok(Some(copy.id))
}

/// The server writes here as the consequence of an act whose proof the caller shows; nobody's right to post is asked.
fn write(
    tx: &mut Tx<'_>,
    _by: &impl Proof,
    channel: ChannelId,
    channel_row: &ChannelRow,
    row: &MessageRow,
) -> Result<Arc<Message>, StoreError> {
    let server = tx.internal();
    send::send(tx, &server, channel, channel_row, row, None)
}
