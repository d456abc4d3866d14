//! Reactions. Equal emoji meet under one key, whatever presentation marks came with them, and show as they were
//! first given (API.md §7.25).

use super::{audience, find};
use crate::actions::actor::Actor;
use crate::actions::error::{ActionError, Fault};
use crate::actions::expressions::usage;
use crate::actions::{relationships, show};
use crate::app::App;
use crate::logic::emoji::ReactionEmoji;
use crate::logic::form::kinds::{integer, snowflake};
use crate::logic::form::{Checked, Fields, Form};
use crate::model::{
    ChannelId, Dispatch, EmojiCleared, MessageId, PartialEmoji, Permissions, ReactionEvent, ReactionsCleared,
    User, UserId,
};
use crate::store::access::{Allowed, ChannelAccess, require, right};
use crate::store::{Bond, MessageRow, Messages, Order, ReactionCount, Reactions, View, plain_key};

/// Most kinds of emoji on one message (API.md §5).
const MAX_KINDS: usize = 20;
/// Rows of one emoji that are cleared at once; more are left to the sweep.
const CLEARED_ROWS: usize = 40;

/// The emoji of a path segment; of a custom one only the id counts.
fn emoji(segment: &str) -> Result<ReactionEmoji, Fault> {
    ReactionEmoji::parse(segment).ok_or(Fault::UnknownEmoji)
}

/// The emoji as it is kept, if the actor may be the first to react with it.
fn checked(view: &View<'_>, by: &ChannelAccess, emoji: ReactionEmoji) -> Result<ReactionEmoji, ActionError> {
    let ReactionEmoji::Custom { id, .. } = emoji else { return Ok(emoji) };
    let row = usage::usable_emoji(view, by, id)?;
    Ok(ReactionEmoji::Custom { id, name: row.name.clone(), animated: row.file.is_animated })
}

fn place(row: &MessageRow, emoji: &ReactionEmoji) -> Option<usize> {
    let key = emoji.key();
    row.reactions.iter().position(|reaction| plain_key(&reaction.key) == key)
}

fn shown(reaction: &ReactionCount) -> PartialEmoji {
    PartialEmoji { id: reaction.id, name: reaction.name.clone(), animated: reaction.animated }
}

/// Adds one's own reaction; one that is there already stays, untold.
///
/// # Errors
/// 50013 without the right to read history, or with an emoji nobody chose yet and without ADD_REACTIONS; 10008, 10014, 30010.
pub async fn react(
    app: &App,
    actor: Actor,
    channel: ChannelId,
    id: MessageId,
    segment: String,
) -> Result<(), ActionError> {
    app.store
        .write(move |tx| {
            let by = tx.allow::<right::View>(actor.user, channel)?;
            require(by.held, Permissions::READ_MESSAGE_HISTORY)?;
            let mut row = find(tx, channel, id)?;
            let emoji = emoji(&segment)?;
            if row.webhook.is_none() && relationships::bond(tx, row.author, actor.user)? == Bond::Blocked {
                return Err(Fault::ReactionBlocked.into());
            }
            let index = match place(&row, &emoji) {
                Some(index) => index,
                None => {
                    require(by.held, Permissions::ADD_REACTIONS)?;
                    let emoji = checked(tx, &by, emoji)?;
                    if row.reactions.len() >= MAX_KINDS {
                        return Err(Fault::TooManyReactions.into());
                    }
                    row.reactions.push(ReactionCount {
                        key: tx.reaction_key(id, &emoji.key(), actor.user)?,
                        id: emoji.id(),
                        name: emoji.name().to_owned(),
                        animated: emoji.animated(),
                        count: 0,
                    });
                    row.reactions.len() - 1
                }
            };
            let reaction = &mut row.reactions[index];
            let key = (id, reaction.key.clone(), actor.user);
            if tx.has::<Reactions>(&key)? {
                return Ok(());
            }
            reaction.count += 1;
            let emoji = shown(reaction);
            tx.put::<Reactions>(&by, &key, &())?;
            tx.put::<Messages>(&by, &(channel, id), &row)?;
            let member = match by.channel.guild {
                Some(guild) => show::member_by_id(tx, guild, actor.user)?,
                None => None,
            };
            let event = ReactionEvent {
                member,
                message_author_id: Some(row.author),
                ..told(&by, channel, id, actor.user, emoji)
            };
            tx.emit(audience(channel, &by.channel), Dispatch::ReactionAdd(event));
            Ok(())
        })
        .await
}

fn told(
    by: &Allowed<'_, right::View>,
    channel: ChannelId,
    id: MessageId,
    user: UserId,
    emoji: PartialEmoji,
) -> ReactionEvent {
    ReactionEvent {
        user_id: user,
        channel_id: channel,
        message_id: id,
        guild_id: by.channel.guild,
        member: None,
        message_author_id: None,
        emoji,
        burst: false,
        kind: 0,
    }
}

/// Takes one's own reaction back; one that is not there is gone already.
///
/// # Errors
/// 50001, 10008, 10014.
pub async fn take_back(
    app: &App,
    actor: Actor,
    channel: ChannelId,
    id: MessageId,
    segment: String,
) -> Result<(), ActionError> {
    take_back_of(app, actor, channel, id, segment, actor.user).await
}

/// Takes somebody's reaction off; that of others needs MANAGE_MESSAGES.
///
/// # Errors
/// 50001, 50013, 10008, 10014.
pub async fn take_back_of(
    app: &App,
    actor: Actor,
    channel: ChannelId,
    id: MessageId,
    segment: String,
    user: UserId,
) -> Result<(), ActionError> {
    app.store
        .reclaim(move |tx| {
            let by = tx.allow::<right::View>(actor.user, channel)?;
            if user != actor.user {
                require(by.held, Permissions::MANAGE_MESSAGES)?;
            }
            let mut row = find(tx, channel, id)?;
            let Some(index) = place(&row, &emoji(&segment)?) else { return Ok(()) };
            let reaction = &mut row.reactions[index];
            let key = (id, reaction.key.clone(), user);
            if !tx.has::<Reactions>(&key)? {
                return Ok(());
            }
            tx.delete::<Reactions>(&by, &key)?;
            reaction.count = reaction.count.saturating_sub(1);
            let event = told(&by, channel, id, user, shown(reaction));
            if reaction.count == 0 {
                row.reactions.remove(index);
            }
            tx.put::<Messages>(&by, &(channel, id), &row)?;
            tx.emit(audience(channel, &by.channel), Dispatch::ReactionRemove(event));
            Ok(())
        })
        .await
}

/// Clears all reactions of a message.
///
/// # Errors
/// 50001, 50013 without MANAGE_MESSAGES, 10008.
pub async fn clear_reactions(
    app: &App,
    actor: Actor,
    channel: ChannelId,
    id: MessageId,
) -> Result<(), ActionError> {
    app.store
        .reclaim(move |tx| -> Result<(), ActionError> {
            let by = tx.allow::<right::ManageMessages>(actor.user, channel)?;
            let mut row = find(tx, channel, id)?;
            let cleared = std::mem::take(&mut row.reactions);
            if cleared.is_empty() {
                return Ok(());
            }
            for reaction in &cleared {
                tx.clear_reaction(&by, id, reaction, CLEARED_ROWS)?;
            }
            tx.put::<Messages>(&by, &(channel, id), &row)?;
            let guild_id = by.channel.guild;
            let event = ReactionsCleared { channel_id: channel, message_id: id, guild_id };
            tx.emit(audience(channel, &by.channel), Dispatch::ReactionRemoveAll(event));
            Ok(())
        })
        .await
}

/// Clears the reactions with one emoji.
///
/// # Errors
/// 50001, 50013 without MANAGE_MESSAGES, 10008, 10014.
pub async fn clear_emoji(
    app: &App,
    actor: Actor,
    channel: ChannelId,
    id: MessageId,
    segment: String,
) -> Result<(), ActionError> {
    app.store
        .reclaim(move |tx| -> Result<(), ActionError> {
            let by = tx.allow::<right::ManageMessages>(actor.user, channel)?;
            let mut row = find(tx, channel, id)?;
            let Some(index) = place(&row, &emoji(&segment)?) else { return Ok(()) };
            let reaction = row.reactions.remove(index);
            tx.clear_reaction(&by, id, &reaction, CLEARED_ROWS)?;
            tx.put::<Messages>(&by, &(channel, id), &row)?;
            let of = ReactionsCleared { channel_id: channel, message_id: id, guild_id: by.channel.guild };
            let event = EmojiCleared { of, emoji: shown(&reaction) };
            tx.emit(audience(channel, &by.channel), Dispatch::ReactionRemoveEmoji(event));
            Ok(())
        })
        .await
}

/// Query of `GET …/reactions/{emoji}`.
#[derive(Clone, Copy, Debug)]
pub struct ReactionsPage {
    limit: usize,
    after: Option<UserId>,
}

impl Form for ReactionsPage {
    fn read(f: &mut Fields<'_>) -> Self {
        Self { limit: f.or("limit", integer(1..=100_u8), 25).into(), after: f.opt("after", snowflake()) }
    }
}

/// Who reacted with an emoji, by ascending id.
///
/// # Errors
/// 50001, 50013 without the right to read history, 10008, 10014, form faults.
pub fn list_reactions(
    app: &App,
    actor: Actor,
    channel: ChannelId,
    id: MessageId,
    segment: &str,
    page: Checked<ReactionsPage>,
) -> Result<Vec<std::sync::Arc<User>>, ActionError> {
    app.store.read(|view| {
        let by = view.allow::<right::View>(actor.user, channel)?;
        require(by.held, Permissions::READ_MESSAGE_HISTORY)?;
        let row = find(view, channel, id)?;
        let emoji = emoji(segment)?;
        let page = page.get()?;
        let Some(index) = place(&row, &emoji) else { return Ok(Vec::new()) };
        let key = row.reactions[index].key.clone();
        let after = page.after.map(|user| (id, key.clone(), user));
        let rows = view.list::<Reactions>(&(id, key), after.as_ref(), Order::Ascending, page.limit)?;
        let mut users = Vec::with_capacity(rows.len());
        for ((_, _, user), ()) in rows {
            users.push(show::user_by_id(view, user)?);
        }
        Ok(users)
    })
}
