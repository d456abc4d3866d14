//! What webhooks post, and what who holds their token may do with it (API.md §2.3). A webhook is no member: the token is the whole
//! right, and reaches the webhook's own messages only.

use std::sync::Arc;

use super::edit::{self, Edit};
use super::forms::Post;
use super::post::{Draft, components_json};
use super::{audience, delete, find, mentions, send, tell_update, voice};
use crate::actions::error::{ActionError, Fault};
use crate::actions::uploads::{NewFile, Plan};
use crate::actions::{links, show, webhooks};
use crate::app::App;
use crate::logic::content::MAX_CONTENT_CHARS;
use crate::logic::form::kinds::{boolean, object, raw_text, snowflake, text};
use crate::logic::form::{self, Checked, Fields, Form, FormError};
use crate::logic::mentions::AllowedMentions;
use crate::model::kind::Channel as ChannelOfId;
use crate::model::{
    ChannelId, ChannelKind, Dispatch, Message, MessageDeleted, MessageId, Permissions, WebhookId,
};
use crate::store::{Body, ChannelRow, Channels, MessageRow, Tx, View, WebhookRow};

/// Longest address of an avatar that is looked at, code points.
const MAX_URL_CHARS: usize = 2_048;

/// Query of `POST /webhooks/{webhook}/{token}`.
#[derive(Clone, Copy, Debug)]
pub struct Execution {
    /// Whether the message is wanted in the answer.
    pub waits: bool,
    thread: Option<ChannelId>,
    with_components: bool,
}

impl Form for Execution {
    fn read(f: &mut Fields<'_>) -> Self {
        Self {
            waits: f.or("wait", boolean(), false),
            thread: f.opt("thread_id", snowflake::<ChannelOfId>()),
            with_components: f.or("with_components", boolean(), false),
        }
    }
}

/// Body of `POST /webhooks/{webhook}/{token}`.
#[derive(Clone, Debug)]
pub struct Execute {
    post: Post,
    username: Option<String>,
    avatar_url: Option<String>,
    names_thread: bool,
}

impl Form for Execute {
    fn read(f: &mut Fields<'_>) -> Self {
        let mut post = Post::read(f);
        post.allowed_mentions = f.opt("allowed_mentions", object()).unwrap_or(AllowedMentions::OF_WEBHOOKS);
        Self {
            post,
            username: f.opt_with("username", webhooks::name),
            avatar_url: f.opt("avatar_url", raw_text(0..=MAX_URL_CHARS)),
            names_thread: f.opt("thread_name", text(1..=100)).is_some(),
        }
    }
}

/// Posts as a webhook, and tells the channel.
///
/// # Errors
/// 10015, 50027; 10003 for a thread that is none, 220003 for the name of a new one outside a forum; 50006, form faults.
pub async fn execute(
    app: &App,
    id: WebhookId,
    given: String,
    query: Checked<Execution>,
    form: Checked<Execute>,
    files: Vec<NewFile>,
) -> Result<Arc<Message>, ActionError> {
    let target = app.store.read(|view| webhooks::by_token(app, view, id, &given))?.channel;
    let (query, form) = (query.take()?, form.take()?);
    let draft = Draft::of(&form.post.content, MAX_CONTENT_CHARS)
        .map_err(|fault| ActionError::field("content", fault))?;
    let plan = Plan::prepare(app, None, target, form.post.attachments.as_deref(), files, &[]).await?;
    let own = app.clone();
    let posted = app
        .store
        .write(move |tx| -> Result<_, ActionError> {
            let hook = webhooks::by_token(&own, tx, id, &given)?;
            let channel = place(tx, &hook, query.thread, form.names_thread)?;
            let components = if query.with_components { form.post.components.as_slice() } else { &[] };
            if !form.post.stickers.is_empty() {
                return Err(Fault::InvalidSticker.into());
            }
            let has_words =
                !draft.content.is_empty() || !form.post.embeds.is_empty() || !components.is_empty();
            if !has_words && !plan.brings_files() {
                return Err(Fault::EmptyMessage.into());
            }
            let mentioned = mentions::resolve(
                tx,
                Some(hook.guild),
                Permissions::ALL,
                &draft.found,
                &form.post.allowed_mentions,
                None,
            )?;
            let mut row = MessageRow {
                author: id.cast(),
                webhook: Some(id),
                webhook_name: form.username.clone().or_else(|| hook.name.clone()),
                webhook_avatar: avatar(&form, &hook),
                body: Body::Plain(draft.content.clone()),
                tts: form.post.tts,
                mention_everyone: mentioned.everyone,
                mentions: mentioned.users,
                mention_roles: mentioned.roles,
                embeds: form.post.embeds.clone(),
                flags: form.post.flags,
                components: components_json(components)?,
                ..MessageRow::default()
            };
            // The token is the right to post.
            let server = tx.internal();
            plan.attach(tx, &server, &mut row)?;
            voice::check(&row)?;
            Ok(send::send(tx, &server, hook.channel, &channel, &row, None)?)
        })
        .await?;
    links::want(app, posted.channel_id, posted.id, &posted.content);
    Ok(posted)
}

/// A body that another service sent, as what a webhook posts.
pub fn of_service(body: &serde_json::Value) -> Checked<Execute> {
    form::read_value::<Execute>(body).map_err(FormError::Fields).into()
}

/// The channel that a webhook posts into.
fn place(
    view: &View<'_>,
    hook: &WebhookRow,
    thread: Option<ChannelId>,
    names_thread: bool,
) -> Result<Arc<ChannelRow>, ActionError> {
    let row = view.shared::<Channels>(&hook.channel)?.ok_or(Fault::UnknownChannel)?;
    if thread.is_some_and(|thread| thread != hook.channel) {
        return Err(Fault::UnknownChannel.into());
    }
    match row.kind {
        ChannelKind::Forum | ChannelKind::Media => Err(Fault::NoMessageInForum.into()),
        _ if names_thread => Err(Fault::WebhookThreadOutsideForum.into()),
        _ => Ok(row),
    }
}

/// The avatar that one message shows: a picture kept here that `avatar_url` names, or the webhook's own. Addresses elsewhere are not
/// fetched for a message.
fn avatar(form: &Execute, hook: &WebhookRow) -> Option<String> {
    let Some(url) = form.avatar_url.as_deref().filter(|url| !url.is_empty()) else {
        return hook.avatar.clone();
    };
    let file = url.split(['?', '#']).next()?.rsplit('/').next()?;
    let hash = file.split('.').next()?;
    let is_hash = hash.len() == 32 && hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if is_hash { Some(hash.to_owned()) } else { hook.avatar.clone() }
}

/// A message that a webhook posted.
fn own_message(
    view: &View<'_>,
    hook: WebhookId,
    channel: ChannelId,
    id: MessageId,
) -> Result<MessageRow, ActionError> {
    match find(view, channel, id)? {
        row if row.webhook == Some(hook) => Ok(row),
        _ => Err(Fault::UnknownMessage.into()),
    }
}

/// A message of the webhook's own.
///
/// # Errors
/// 10015, 50027, 10008.
pub fn get_of_webhook(
    app: &App,
    hook: WebhookId,
    given: &str,
    id: MessageId,
) -> Result<Message, ActionError> {
    app.store.read(|view| {
        let channel = webhooks::by_token(app, view, hook, given)?.channel;
        let row = own_message(view, hook, channel, id)?;
        Ok(show::message(view, channel, id, &row, None)?)
    })
}

/// Changes a message of the webhook's own, and tells the channel.
///
/// # Errors
/// 10015, 50027, 10008, 50006, form faults.
pub async fn edit_of_webhook(
    app: &App,
    hook: WebhookId,
    given: String,
    id: MessageId,
    form: Checked<Edit>,
    files: Vec<NewFile>,
) -> Result<Arc<Message>, ActionError> {
    let place = app.store.read(|view| webhooks::by_token(app, view, hook, &given))?.channel;
    let plan = edit::plan(app, None, place, id, &form, files).await?;
    let own = app.clone();
    app.store
        .write(move |tx| {
            let channel = webhooks::by_token(&own, tx, hook, &given)?.channel;
            let mut row = own_message(tx, hook, channel, id)?;
            let channel_row = tx.shared::<Channels>(&channel)?.ok_or(Fault::UnknownChannel)?;
            let before = row.clone();
            // The token is the right to edit.
            let server = tx.internal();
            let held = (channel_row.guild, Permissions::ALL);
            edit::apply(tx, &server, held, &mut row, form.get()?, &plan, MAX_CONTENT_CHARS)?;
            if row == before {
                return Ok(Arc::new(show::message(tx, channel, id, &row, None)?));
            }
            tx.update_message(&server, channel, id, &before, &row)?;
            Ok(tell_update(tx, channel, &channel_row, id, &row)?)
        })
        .await
}

/// Deletes a message of the webhook's own, and tells the channel.
///
/// # Errors
/// 10015, 50027, 10008.
pub async fn delete_of_webhook(
    app: &App,
    hook: WebhookId,
    given: String,
    id: MessageId,
) -> Result<(), ActionError> {
    let own = app.clone();
    app.store
        .reclaim(move |tx: &mut Tx<'_>| -> Result<(), ActionError> {
            let channel = webhooks::by_token(&own, tx, hook, &given)?.channel;
            let row = own_message(tx, hook, channel, id)?;
            let channel_row = tx.shared::<Channels>(&channel)?.ok_or(Fault::UnknownChannel)?;
            delete::remove_one(tx, channel, id, &row)?;
            let deleted = MessageDeleted { id, channel_id: channel, guild_id: channel_row.guild };
            tx.emit(audience(channel, &channel_row), Dispatch::MessageDelete(deleted));
            Ok(())
        })
        .await
}
