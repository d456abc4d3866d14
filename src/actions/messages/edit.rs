//! Editing. The text's mentions are read anew, and nobody is notified again (API.md §1.9): the row that counts unread mentions stays
//! as posting left it.

use std::sync::Arc;

use serde_json::Value;

use super::forms::{self, MAX_COMPONENTS};
use super::post::{author_to_ping, components_json, is_ordinary};
use super::{find, is_authored_by, mentions, tell_update};
use crate::actions::actor::Actor;
use crate::actions::error::{ActionError, Fault};
use crate::actions::expressions::usage;
use crate::actions::links;
use crate::actions::show;
use crate::actions::uploads::{AttachmentForm, NewFile, Plan, attachment_forms, mirror};
use crate::app::App;
use crate::logic::content::{Content, MAX_CONTENT_CHARS, MAX_CONTENT_CHARS_CEILING};
use crate::logic::embed::{MAX_EMBEDS, RICH, embeds};
use crate::logic::form::kinds::{bits, list, raw_text};
use crate::logic::form::{Checked, Fields, Form, Patch};
use crate::logic::mentions::{AllowedMentions, parse};
use crate::model::{
    ChannelId, Embed, GuildId, Message, MessageId, Permissions, UserId, message_flag, message_type,
};
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
    attachments: Patch<Vec<AttachmentForm>>,
}

impl Form for Edit {
    fn read(f: &mut Fields<'_>) -> Self {
        Self {
            content: f.patch("content", raw_text(0..=MAX_CONTENT_CHARS_CEILING)),
            embeds: f.patch("embeds", embeds()),
            flags: f.patch("flags", bits()),
            allowed_mentions: forms::allowed_mentions(f),
            components: f.patch("components", list(forms::component(), MAX_COMPONENTS)),
            attachments: f.patch("attachments", attachment_forms()),
        }
    }
}

impl Edit {
    fn changes_only_flags(&self) -> bool {
        let has_words = !self.content.is_keep() || !self.embeds.is_keep() || !self.components.is_keep();
        !has_words && self.attachments.is_keep()
    }
}

/// Changes a message, and tells the channel the whole of it. `attachments` is the complete list of files to keep and to add; without it
/// all stay, and files that came are added.
///
/// # Errors
/// 10008; 50005 for messages of others, whose flags alone somebody with MANAGE_MESSAGES may change; 50021; 50006.
pub async fn edit(
    app: &App,
    actor: Actor,
    channel: ChannelId,
    id: MessageId,
    form: Checked<Edit>,
    files: Vec<NewFile>,
) -> Result<Arc<Message>, ActionError> {
    let most_chars =
        if actor.is_bot() { MAX_CONTENT_CHARS } else { app.config.limits.max_content_chars as usize };
    let plan = plan(app, Some(actor.user), channel, id, &form, files).await?;
    let edited = app
        .store
        .write(move |tx| -> Result<_, ActionError> {
            let by = tx.allow::<right::View>(actor.user, channel)?;
            let mut row = find(tx, channel, id)?;
            let is_own = is_authored_by(&row, actor.user);
            if !is_own && !by.held.contains(Permissions::MANAGE_MESSAGES) {
                return Err(Fault::NotYourMessage.into());
            }
            let form = form.get()?;
            if !is_own && (!form.changes_only_flags() || !plan.is_empty()) {
                return Err(Fault::NotYourMessage.into());
            }
            if !is_ordinary(&row) {
                return Err(Fault::NotOnSystemMessage.into());
            }
            let before = row.clone();
            apply(tx, &by, (by.channel.guild, by.held), &mut row, form, &plan, most_chars)?;
            if !form.content.is_keep() {
                let Body::Plain(content) = &row.body;
                row.body = Body::Plain(usage::without_unusable_emoji(tx, &by, content)?);
            }
            if row == before {
                return Ok(Arc::new(show::message(tx, channel, id, &row, None)?));
            }
            tx.update_message(&by, channel, id, &before, &row)?;
            if row.flags & message_flag::CROSSPOSTED != 0 {
                update_copies(tx, &by, id, MAX_COPIES, |tx, copy| {
                    copy.body = row.body.clone();
                    copy.embeds = row.embeds.clone();
                    copy.components = row.components.clone();
                    copy.edited_ms = row.edited_ms;
                    mirror(tx, copy, &row.attachments)
                })?;
            }
            Ok(tell_update(tx, channel, &by.channel, id, &row)?)
        })
        .await?;
    links::want(app, channel, id, &edited.content);
    Ok(edited)
}

/// The files that an edit brings and keeps, as the message stands before the write.
pub(super) async fn plan(
    app: &App,
    sender: Option<UserId>,
    channel: ChannelId,
    id: MessageId,
    form: &Checked<Edit>,
    files: Vec<NewFile>,
) -> Result<Plan, ActionError> {
    let Ok(form) = form.get() else { return Plan::prepare(app, sender, channel, None, files, &[]).await };
    let named = match &form.attachments {
        Patch::Keep => None,
        Patch::Clear => Some(&[][..]),
        Patch::Set(named) => Some(named.as_slice()),
    };
    let row = app.store.read(|view| view.message(channel, id))?.unwrap_or_default();
    let existing: Vec<_> = row.attachments.iter().map(|file| file.id).collect();
    Plan::prepare(app, sender, channel, named, files, &existing).await
}

/// Makes an edit in a row, for an editor who holds these rights in a channel of this guild.
pub(super) fn apply(
    tx: &mut Tx<'_>,
    by: &impl Proof,
    (guild, held): (Option<GuildId>, Permissions),
    row: &mut MessageRow,
    form: &Edit,
    plan: &Plan,
    most_chars: usize,
) -> Result<(), ActionError> {
    if let Some(flags) = form.flags.set_or(0) {
        let suppress = flags & message_flag::SUPPRESS_EMBEDS;
        let made_of_components = flags & message_flag::IS_COMPONENTS_V2;
        row.flags = (row.flags & !message_flag::SUPPRESS_EMBEDS) | suppress | made_of_components;
    }
    if form.changes_only_flags() && plan.is_empty() {
        return Ok(());
    }
    if row.flags & message_flag::IS_VOICE_MESSAGE != 0 {
        return Err(Fault::VoiceMessageNoEdit.into());
    }
    if let Some(content) = form.content.clone().set_or(String::new()) {
        let content =
            Content::parse(&content, most_chars).map_err(|fault| ActionError::field("content", fault))?;
        mention_anew(tx, (guild, held), row, &content, &form.allowed_mentions)?;
        row.body = Body::Plain(content.into());
        links::drop_stale(row);
    }
    if let Some(embeds) = form.embeds.clone().set_or(Vec::new()) {
        if !embeds.is_empty() {
            require(held, Permissions::EMBED_LINKS)?;
        }
        let is_card = |embed: &Embed| embed.kind != RICH;
        let cards: Vec<Embed> = row.embeds.iter().filter(|embed| is_card(embed)).cloned().collect();
        row.embeds = embeds;
        row.embeds.extend(cards);
        row.embeds.truncate(MAX_EMBEDS);
    }
    if let Some(components) = form.components.clone().set_or(Vec::new()) {
        row.components = components_json(&components)?;
    }
    if plan.brings_files() {
        require(held, Permissions::SEND_MESSAGES | Permissions::ATTACH_FILES)?;
    }
    plan.attach(tx, by, row)?;
    let Body::Plain(content) = &row.body;
    let has_words = !content.is_empty() || !row.embeds.is_empty() || row.components.is_some();
    if !has_words && row.attachments.is_empty() && row.stickers.is_empty() {
        return Err(Fault::EmptyMessage.into());
    }
    row.edited_ms = Some(tx.now_ms());
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
    change: impl Fn(&mut Tx<'_>, &mut MessageRow) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    for ((_, channel), copy) in tx.list::<Crossposts>(&source, None, Order::Ascending, most)? {
        let (Some(mut row), Some(channel_row)) =
            (tx.get::<Messages>(&(channel, copy.id))?, tx.shared::<Channels>(&channel)?)
        else {
            continue;
        };
        let before = row.clone();
        change(tx, &mut row)?;
        tx.update_message(by, channel, copy.id, &before, &row)?;
        tell_update(tx, channel, &channel_row, copy.id, &row)?;
    }
    Ok(())
}
