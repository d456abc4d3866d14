//! Announcement channels: following one from another guild's channel, publishing a message to those who follow, and ending it.
//! Copies of published messages keep up with their source in `messages::edit` and `messages::delete`.

use super::actor::{Actor, Reason};
use super::audit::Act;
use super::error::{ActionError, Fault};
use super::messages;
use super::webhooks::{FOLLOWER, MAX_NAME_CHARS, MAX_WEBHOOKS, hooks_of, record, remove, tell};
use crate::app::App;
use crate::logic::form::kinds::snowflake;
use crate::logic::form::{Checked, Fields, Form};
use crate::model::kind::Channel as ChannelKindOfId;
use crate::model::{
    ChannelId, ChannelKind, FollowedChannel, GuildId, Message, MessageId, Permissions, WebhookId,
    message_flag, message_type,
};
use crate::store::access::{Allowed, ChannelAccess, Proof, require, right};
use crate::store::{
    ChannelWebhooks, Followers, Guilds, Messages, Order, StoreError, Tx, View, WebhookRow, Webhooks,
};

/// Most channels that follow one: publishing copies into all of them in one job of less than 1 000 rows (SAFETY.md §5.2).
const MAX_FOLLOWERS: usize = 200;

/// Body of `POST /channels/{channel}/followers`.
#[derive(Clone, Copy)]
pub struct Follow {
    into: ChannelId,
}

impl Form for Follow {
    fn read(f: &mut Fields<'_>) -> Self {
        Self { into: f.need("webhook_channel_id", snowflake::<ChannelKindOfId>()) }
    }
}

/// Has what is published in an announcement channel copied into another channel. Following twice is following once.
///
/// # Errors
/// 50024 for a source that is no announcement channel or a target that is no text channel, 30007 at either one's limit.
pub async fn follow(
    app: &App,
    actor: Actor,
    source: ChannelId,
    form: Checked<Follow>,
    reason: Option<Reason>,
) -> Result<FollowedChannel, ActionError> {
    app.store
        .write(move |tx| {
            let from = tx.allow::<right::View>(actor.user, source)?;
            let (ChannelKind::Announcement, Some(source_guild)) = (from.channel.kind, from.channel.guild)
            else {
                return Err(Fault::ChannelType.into());
            };
            let into = form.get()?.into;
            let by = tx.allow::<right::ManageWebhooks>(actor.user, into)?;
            let is_text = matches!(by.channel.kind, ChannelKind::Text | ChannelKind::Announcement);
            let (true, Some(guild)) = (is_text && into != source, by.channel.guild) else {
                return Err(Fault::ChannelType.into());
            };
            let webhooks = hooks_of(tx, into)?;
            let known = webhooks.iter().find(|(_, row)| row.source_channel == Some(source));
            if let Some((webhook_id, _)) = known {
                return Ok(FollowedChannel { channel_id: source, webhook_id: *webhook_id });
            }
            let followers = tx.list::<Followers>(&source, None, Order::Ascending, MAX_FOLLOWERS)?;
            if webhooks.len() >= MAX_WEBHOOKS || followers.len() >= MAX_FOLLOWERS {
                return Err(Fault::TooManyWebhooks.into());
            }
            let row = hook_of(tx, actor, (source_guild, source, &from), (guild, into))?;
            let name = row.name.clone().unwrap_or_default();
            let id = insert(tx, &by, (guild, source), row, reason.as_ref())?;
            messages::announce_follow(tx, &by, into, actor.user, name, (source_guild, source))?;
            Ok(FollowedChannel { channel_id: source, webhook_id: id })
        })
        .await
}

/// The webhook by which `into` follows `source`: it shows the source's guild and name.
fn hook_of(
    view: &View<'_>,
    actor: Actor,
    (source_guild, source, from): (GuildId, ChannelId, &ChannelAccess),
    (guild, into): (GuildId, ChannelId),
) -> Result<WebhookRow, StoreError> {
    let named = view.shared::<Guilds>(&source_guild)?.unwrap_or_default();
    let channel = from.channel.name.as_deref().unwrap_or_default();
    let name = format!("{} #{channel}", named.name).chars().take(MAX_NAME_CHARS).collect();
    Ok(WebhookRow {
        kind: FOLLOWER,
        guild,
        channel: into,
        creator: Some(actor.user),
        name: Some(name),
        avatar: named.icon.clone(),
        source_guild: Some(source_guild),
        source_channel: Some(source),
    })
}

fn insert(
    tx: &mut Tx<'_>,
    by: &Allowed<'_, right::ManageWebhooks>,
    (guild, source): (GuildId, ChannelId),
    row: WebhookRow,
    reason: Option<&Reason>,
) -> Result<WebhookId, StoreError> {
    let id: WebhookId = tx.next_id();
    tx.put::<Webhooks>(by, &id, &row)?;
    tx.put::<ChannelWebhooks>(by, &(row.channel, id), &())?;
    tx.put::<Followers>(by, &(source, id), &())?;
    tell(tx, guild, row.channel);
    record(tx, by, by.actor, Act::WebhookCreate, (id, None, Some(&row)), reason).map(|()| id)
}

/// Ends what follows a channel that is gone, and what it follows.
pub fn forget_channel(tx: &mut Tx<'_>, by: &impl Proof, channel: ChannelId) -> Result<(), StoreError> {
    for (id, row) in hooks_of(tx, channel)? {
        remove(tx, by, id, &row)?;
    }
    for ((_, id), ()) in tx.list::<Followers>(&channel, None, Order::Ascending, MAX_FOLLOWERS)? {
        if let Some(row) = tx.get::<Webhooks>(&id)? {
            remove(tx, by, id, &row)?;
            tell(tx, row.guild, row.channel);
        }
    }
    Ok(())
}

/// Publishes a message of an announcement channel to all that follow it.
///
/// # Errors
/// 50024 elsewhere, 10008, 50013 for others' messages without MANAGE_MESSAGES, 40033 the second time, 50068 for messages that are
/// copies or were written by the server.
pub async fn crosspost(
    app: &App,
    actor: Actor,
    channel: ChannelId,
    id: MessageId,
) -> Result<Message, ActionError> {
    app.store
        .write(move |tx| {
            let by = tx.allow::<right::SendMessages>(actor.user, channel)?;
            let (ChannelKind::Announcement, Some(guild)) = (by.channel.kind, by.channel.guild) else {
                return Err(Fault::ChannelType.into());
            };
            let mut row = tx.message(channel, id)?.ok_or(Fault::UnknownMessage)?;
            if row.webhook.is_some() || row.author != actor.user {
                require(by.held, Permissions::MANAGE_MESSAGES)?;
            }
            if row.flags & message_flag::CROSSPOSTED != 0 {
                return Err(Fault::AlreadyCrossposted.into());
            }
            let is_own_kind = matches!(row.kind, message_type::DEFAULT | message_type::REPLY);
            if !is_own_kind || row.flags & message_flag::IS_CROSSPOST != 0 {
                return Err(Fault::InvalidMessageType.into());
            }
            row.flags |= message_flag::CROSSPOSTED;
            tx.put::<Messages>(&by, &(channel, id), &row)?;
            let shown = messages::tell_update(tx, channel, &by.channel, id, &row)?;
            for ((_, webhook), ()) in tx.list::<Followers>(&channel, None, Order::Ascending, MAX_FOLLOWERS)? {
                if let Some(hook) = tx.get::<Webhooks>(&webhook)? {
                    messages::copy_to_follower(tx, &by, (webhook, &hook), (guild, channel, id), &row)?;
                }
            }
            Ok((*shown).clone())
        })
        .await
}
