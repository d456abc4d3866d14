//! Posting. The hottest write of the server: what it checks comes from rows the writer keeps decoded, and it writes the message, the
//! channel's state and, if it mentions somebody, whom; never a row per member.

use std::sync::Arc;
use std::time::Duration;

use super::forms::{Post, Reference};
use super::{mentions, nonce, send, voice};
use crate::actions::actor::Actor;
use crate::actions::error::{ActionError, Fault, RateLimited};
use crate::actions::expressions::usage;
use crate::actions::uploads::{NewFile, Plan};
use crate::actions::{dms, links, show};
use crate::app::App;
use crate::logic::content::{Content, MAX_CONTENT_CHARS};
use crate::logic::field::FieldFault;
use crate::logic::form::Checked;
use crate::logic::mentions::{Found, parse};
use crate::model::{
    ChannelId, ChannelKind, Message, MessageId, Permissions, UserId, message_flag, message_type,
};
use crate::store::access::{ChannelAccess, require, right};
use crate::store::marks::Mark;
use crate::store::nonces::Nonces;
use crate::store::{Body, CountRow, MessageRow, SlowPosts, Tx, View};

/// Age of an account that verification level 2 asks for, milliseconds.
const ACCOUNT_AGE_MS: u64 = 5 * 60 * 1_000;
/// Time as a member that verification levels 3 and 4 ask for, milliseconds.
const MEMBER_AGE_MS: u64 = 10 * 60 * 1_000;

/// Posts a message with the files that came with it, and tells the channel. A repeat by nonce answers the message of the first time.
///
/// # Errors
/// 50001, 50013, 50009, 160002, 50007 for what the sender may not do; form faults; 50006, 50008, 40058, 50081; 429/20016 in slow mode.
pub async fn post(
    app: &App,
    actor: Actor,
    channel: ChannelId,
    form: Checked<Post>,
    files: Vec<NewFile>,
) -> Result<Arc<Message>, ActionError> {
    let most_chars =
        if actor.is_bot() { MAX_CONTENT_CHARS } else { app.config.limits.max_content_chars as usize };
    let draft = Draft::read(&form, most_chars);
    let named = form.get().ok().and_then(|form| form.attachments.as_deref());
    let plan = Plan::prepare(app, Some(actor.user), channel, named, files, &[]).await?;
    let nonces = app.nonces.clone();
    let posted = app
        .store
        .write(move |tx| -> Result<Arc<Message>, ActionError> {
            let by = tx.allow::<right::SendMessages>(actor.user, channel)?;
            let form = form.get()?;
            let draft = draft.as_ref().map_err(|fault| ActionError::field("content", fault.clone()))?;
            check_place(tx, &by, actor)?;
            check_rights(&by, form, &plan)?;
            let answered = match form.reference {
                Some(reference) => answered_message(tx, &by, channel, reference)?,
                None => None,
            };
            check_contents(form, draft, &plan)?;
            if let Some(mark) = &form.nonce
                && let Some((id, row)) =
                    nonce::find_first(tx, &nonces, actor, channel, mark, form.enforce_nonce)?
            {
                let shown = show::message(tx, channel, id, &row, Some(actor.user))?;
                return Ok(Arc::new(Message { nonce: Some(mark.clone()), ..shown }));
            }
            let is_slowed = is_slowed(&by, actor);
            if is_slowed {
                check_slow_mode(tx, &by, channel)?;
            }
            let mut row = row(tx, &by, channel, form, draft, answered)?;
            plan.attach(tx, &by, &mut row)?;
            voice::check(&row)?;
            let shown_nonce = form.nonce.clone();
            let message = send::send(tx, &by, channel, &by.channel, &row, shown_nonce)?;
            if is_slowed {
                tx.put::<SlowPosts>(&by, &(channel, actor.user), &CountRow { count: tx.now_ms() })?;
            }
            keep_nonce(tx, &nonces, actor, channel, form, message.id);
            Ok(message)
        })
        .await?;
    links::want(app, channel, posted.id, &posted.content);
    if !actor.is_bot() {
        app.marks.note(actor.user, channel, Mark { last_message: Some(posted.id), ..Mark::default() });
    }
    Ok(posted)
}

/// What of a body can be worked out before its turn in the writer.
pub(super) struct Draft {
    pub content: String,
    pub found: Found,
}

impl Draft {
    fn read(form: &Checked<Post>, most_chars: usize) -> Result<Self, FieldFault> {
        Self::of(form.get().map_or("", |form| &form.content), most_chars)
    }

    /// What a text of at most `most_chars` says.
    pub fn of(content: &str, most_chars: usize) -> Result<Self, FieldFault> {
        let content = String::from(Content::parse(content, most_chars)?);
        let found = parse(&content);
        Ok(Self { content, found })
    }
}

fn keep_nonce(tx: &Tx<'_>, nonces: &Nonces, actor: Actor, channel: ChannelId, form: &Post, id: MessageId) {
    // Lives outside the transaction, but is only ever believed after a look at the row it names: running twice does no harm.
    if let Some(mark) = &form.nonce {
        nonces.keep(actor.user, channel, mark, id, tx.now_ms());
    }
}

/// Whether this is a channel that messages go into, and the sender is one it takes them from.
fn check_place(view: &View<'_>, by: &ChannelAccess, actor: Actor) -> Result<(), ActionError> {
    match by.channel.kind {
        ChannelKind::Forum | ChannelKind::Media => return Err(Fault::NoMessageInForum.into()),
        ChannelKind::Category => return Err(Fault::NonTextChannel.into()),
        ChannelKind::Dm => {
            for other in by.channel.recipients.iter().filter(|other| **other != actor.user) {
                dms::require_open_ear(view, actor, by.id, *other)?;
            }
        }
        _ => {}
    }
    check_verification(view, by, actor)
}

/// The guild's verification level (API.md §5); whoever has a role, owns the guild or is a bot has passed it.
fn check_verification(view: &View<'_>, by: &ChannelAccess, actor: Actor) -> Result<(), ActionError> {
    let Some(access) = &by.guild else { return Ok(()) };
    if actor.is_bot() || access.is_owner() || !access.member.roles.is_empty() {
        return Ok(());
    }
    let now_ms = view.now_ms();
    let level = access.guild.verification_level;
    let is_old_enough = level < 2 || now_ms >= actor.user.created_ms() + ACCOUNT_AGE_MS;
    let is_long_here = level < 3 || now_ms >= access.member.joined_ms + MEMBER_AGE_MS;
    if is_old_enough && is_long_here { Ok(()) } else { Err(Fault::VerificationLevel.into()) }
}

fn check_rights(by: &ChannelAccess, form: &Post, plan: &Plan) -> Result<(), ActionError> {
    if plan.brings_files() {
        require(by.held, Permissions::ATTACH_FILES)?;
    }
    let may_speak = by.guild.is_none() || by.held.contains(Permissions::SEND_VOICE_MESSAGES);
    if form.flags & message_flag::IS_VOICE_MESSAGE != 0 && !may_speak {
        return Err(Fault::VoiceMessageHere.into());
    }
    if !form.embeds.is_empty() {
        require(by.held, Permissions::EMBED_LINKS)?;
    }
    if form.tts && by.guild.is_some() {
        require(by.held, Permissions::SEND_TTS_MESSAGES)?;
    }
    Ok(())
}

fn check_contents(form: &Post, draft: &Draft, plan: &Plan) -> Result<(), Fault> {
    let has_words = !draft.content.is_empty() || !form.embeds.is_empty() || !form.components.is_empty();
    if !has_words && form.stickers.is_empty() && !plan.brings_files() {
        return Err(Fault::EmptyMessage);
    }
    Ok(())
}

/// The message a reply answers; `None` where it is gone and the sender minds not.
fn answered_message(
    view: &View<'_>,
    by: &ChannelAccess,
    channel: ChannelId,
    reference: Reference,
) -> Result<Option<(MessageId, MessageRow)>, ActionError> {
    if !by.held.contains(Permissions::READ_MESSAGE_HISTORY) {
        return Err(Fault::ReplyWithoutHistory.into());
    }
    let is_here = reference.channel.is_none_or(|named| named == channel);
    let found = match reference.message.filter(|_| is_here) {
        Some(id) => view.message(channel, id)?.map(|row| (id, row)),
        None => None,
    };
    match found {
        Some((_, row)) if !is_ordinary(&row) => {
            let why =
                FieldFault::new("REPLIES_CANNOT_REPLY_TO_SYSTEM_MESSAGE", "Cannot reply to a system message");
            Err(ActionError::field("message_reference", why))
        }
        Some(found) => Ok(Some(found)),
        None if reference.must_exist => {
            Err(ActionError::field("message_reference", FieldFault::unknown_reply()))
        }
        None => Ok(None),
    }
}

/// Whether somebody wrote it, rather than the server.
pub(super) fn is_ordinary(row: &MessageRow) -> bool {
    matches!(row.kind, message_type::DEFAULT | message_type::REPLY)
}

fn is_slowed(by: &ChannelAccess, actor: Actor) -> bool {
    by.guild.is_some()
        && by.channel.slowmode_s > 0
        && !actor.is_bot()
        && !by.held.contains(Permissions::BYPASS_SLOWMODE)
}

/// Who posted too recently waits (API.md §7.51).
fn check_slow_mode(view: &View<'_>, by: &ChannelAccess, channel: ChannelId) -> Result<(), ActionError> {
    let Some(last) = view.get::<SlowPosts>(&(channel, by.actor))? else { return Ok(()) };
    let open_ms = last.count + u64::from(by.channel.slowmode_s) * 1_000;
    match open_ms.checked_sub(view.now_ms()) {
        None | Some(0) => Ok(()),
        Some(wait_ms) => {
            Err(ActionError::RateLimited(RateLimited::slow_mode(Duration::from_millis(wait_ms))))
        }
    }
}

fn row(
    view: &View<'_>,
    by: &ChannelAccess,
    channel: ChannelId,
    form: &Post,
    draft: &Draft,
    answered: Option<(MessageId, MessageRow)>,
) -> Result<MessageRow, ActionError> {
    let guild = by.channel.guild;
    let (answered, pinged) = match answered {
        Some((id, row)) => (Some(id), author_to_ping(&row)),
        None => (None, None),
    };
    let mentioned = mentions::resolve(view, guild, by.held, &draft.found, &form.allowed_mentions, pinged)?;
    Ok(MessageRow {
        author: by.actor,
        body: Body::Plain(usage::without_unusable_emoji(view, by, &draft.content)?),
        tts: form.tts,
        mention_everyone: mentioned.everyone,
        mentions: mentioned.users,
        mention_roles: mentioned.roles,
        embeds: form.embeds.clone(),
        kind: if answered.is_some() { message_type::REPLY } else { message_type::DEFAULT },
        flags: form.flags,
        reference_guild: answered.and(guild),
        reference_channel: answered.map(|_| channel),
        reference_message: answered,
        nonce: form.nonce.clone(),
        components: components_json(&form.components)?,
        stickers: usage::usable_stickers(view, by, &form.stickers)?,
        ..MessageRow::default()
    })
}

/// Whom a reply to this message pings: its author, unless a webhook wrote it.
pub(super) fn author_to_ping(answered: &MessageRow) -> Option<UserId> {
    answered.webhook.is_none().then_some(answered.author)
}

/// Components as they are kept; none where there are none.
pub(super) fn components_json(components: &[serde_json::Value]) -> Result<Option<String>, ActionError> {
    if components.is_empty() {
        return Ok(None);
    }
    serde_json::to_string(components).map(Some).map_err(ActionError::internal)
}
