//! Editing. The text's mentions are read anew, and nobody is notified again (API.md §1.9): the row that counts unread mentions stays
//! as posting left it.

use std::sync::Arc;

use serde_json::Value;

use super::forms::{self, MAX_COMPONENTS};
use super::post::{author_to_ping, components_json, is_ordinary};
use super::{find, is_authored_by, mentions, tell_update};
use crate::actions::actor::Actor;
use crate::actions::error::{ActionError, Fault};
use crate::actions::show;
use crate::app::App;
use crate::logic::content::{Content, MAX_CONTENT_CHARS, MAX_CONTENT_CHARS_CEILING};
use crate::logic::embed::embeds;
use crate::logic::form::kinds::{bits, json_value, list, raw_text};
use crate::logic::form::{Checked, Fields, Form, Patch};
use crate::logic::mentions::{AllowedMentions, parse};
use crate::model::{ChannelId, Embed, GuildId, Message, MessageId, Permissions, message_flag, message_type};
use crate::store::access::{Proof, require, right};
use crate::store::{Body, Channels, Crossposts, MessageRow, Messages, Order, StoreError, Tx, View};

/// Most copies of a published message that follow its edits and deletion, in one job; others keep what they had.
pub(super) const MAX_COPIES: usize = 250;

/// Body of `PATCH /channels/{channel}/messages/{message}`.
#[derive(Clone, Debug)]
pub struct Edit {
    content: Patch<String>,
    embeds: Patch<Vec<Embed>>,
    flags: Patch<u64>,
    allowed_mentions: AllowedMentions,
    components: Patch<Vec<Value>>,
}

impl Form for Edit {
    fn read(f: &mut Fields<'_>) -> Self {
        Self {
            content: f.patch("content", raw_text(0..=MAX_CONTENT_CHARS_CEILING)),
            embeds: f.patch("embeds", embeds()),
            flags: f.patch("flags", bits()),
            allowed_mentions: forms::allowed_mentions(f),
            components: f.patch("components", list(json_value(), MAX_COMPONENTS)),
        }
    }
}

impl Edit {
    fn changes_only_flags(&self) -> bool {
        self.content.is_keep() && self.embeds.is_keep() && self.components.is_keep()
    }
}

/// Changes a message, and tells the channel the whole of it.
///
/// # Errors
/// 10008; 50005 for messages of others, whose flags alone somebody with MANAGE_MESSAGES may change; 50021; 50006.
pub async fn edit(
    app: &App,
    actor: Actor,
    channel: ChannelId,
    id: MessageId,
    form: Checked<Edit>,
) -> Result<Arc<Message>, ActionError> {
    let most_chars =
        if actor.is_bot() { MAX_CONTENT_CHARS } else { app.config.limits.max_content_chars as usize };
    app.store
        .write(move |tx| {
            let by = tx.allow::<right::View>(actor.user, channel)?;
            let mut row = find(tx, channel, id)?;
            let is_own = is_authored_by(&row, actor.user);
            if !is_own && !by.held.contains(Permissions::MANAGE_MESSAGES) {
                return Err(Fault::NotYourMessage.into());
            }
            let form = form.get()?;
            if !is_own && !form.changes_only_flags() {
                return Err(Fault::NotYourMessage.into());
            }
            if !is_ordinary(&row) {
                return Err(Fault::NotOnSystemMessage.into());
            }
            let before = row.clone();
            apply(tx, (by.channel.guild, by.held), &mut row, form, most_chars)?;
            if row == before {
                return Ok(Arc::new(show::message(tx, channel, id, &row, None)?));
            }
            tx.put::<Messages>(&by, &(channel, id), &row)?;
            if row.flags & message_flag::CROSSPOSTED != 0 {
                update_copies(tx, &by, id, MAX_COPIES, |copy| {
                    copy.body = row.body.clone();
                    copy.embeds = row.embeds.clone();
                    copy.components = row.components.clone();
                    copy.edited_ms = row.edited_ms;
                })?;
            }
            Ok(tell_update(tx, channel, &by.channel, id, &row)?)
        })
        .await
}

/// Makes an edit in a row, for an editor who holds these rights in a channel of this guild.
pub(super) fn apply(
    view: &View<'_>,
    (guild, held): (Option<GuildId>, Permissions),
    row: &mut MessageRow,
    form: &Edit,
    most_chars: usize,
) -> Result<(), ActionError> {
    if let Some(flags) = form.flags.set_or(0) {
        let suppress = flags & message_flag::SUPPRESS_EMBEDS;
        let made_of_components = flags & message_flag::IS_COMPONENTS_V2;
        row.flags = (row.flags & !message_flag::SUPPRESS_EMBEDS) | suppress | made_of_components;
    }
    if form.changes_only_flags() {
        return Ok(());
    }
    if let Some(content) = form.content.clone().set_or(String::new()) {
        let content =
            Content::parse(&content, most_chars).map_err(|fault| ActionError::field("content", fault))?;
        mention_anew(view, (guild, held), row, &content, &form.allowed_mentions)?;
        row.body = Body::Plain(content.into());
    }
    if let Some(embeds) = form.embeds.clone().set_or(Vec::new()) {
        if !embeds.is_empty() {
            require(held, Permissions::EMBED_LINKS)?;
        }
        row.embeds = embeds;
    }
    if let Some(components) = form.components.clone().set_or(Vec::new()) {
        row.components = components_json(&components)?;
    }
    let Body::Plain(content) = &row.body;
    if content.is_empty() && row.embeds.is_empty() && row.components.is_none() {
        return Err(Fault::EmptyMessage.into());
    }
    row.edited_ms = Some(view.now_ms());
    Ok(())
}

fn mention_anew(
    view: &View<'_>,
    (guild, held): (Option<GuildId>, Permissions),
    row: &mut MessageRow,
    content: &Content,
    allowed: &AllowedMentions,
) -> Result<(), StoreError> {
    let pinged = match (row.kind, row.reference_channel, row.reference_message) {
        (message_type::REPLY, Some(channel), Some(answered)) => {
            view.get::<Messages>(&(channel, answered))?.as_ref().and_then(author_to_ping)
        }
        _ => None,
    };
    let mentioned = mentions::resolve(view, guild, held, &parse(content.as_str()), allowed, pinged)?;
    row.mentions = mentioned.users;
    row.mention_roles = mentioned.roles;
    row.mention_everyone = mentioned.everyone;
    Ok(())
}

/// Changes the copies of a published message in the channels that follow, and tells those channels.
pub(super) fn update_copies(
    tx: &mut Tx<'_>,
    by: &impl Proof,
    source: MessageId,
    most: usize,
    change: impl Fn(&mut MessageRow),
) -> Result<(), StoreError> {
    for ((_, channel), copy) in tx.list::<Crossposts>(&source, None, Order::Ascending, most)? {
        let (Some(mut row), Some(channel_row)) =
            (tx.get::<Messages>(&(channel, copy.id))?, tx.shared::<Channels>(&channel)?)
        else {
            continue;
        };
        change(&mut row);
        tx.put::<Messages>(by, &(channel, copy.id), &row)?;
        tell_update(tx, channel, &channel_row, copy.id, &row)?;
    }
    Ok(())
}
