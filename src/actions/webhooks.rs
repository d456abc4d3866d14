//! Webhooks: doors by which programs without an account post into a channel, and by which a channel follows another. Who manages
//! the channel's webhooks makes, changes and deletes them; who holds a webhook's token may look at it, change its looks and delete
//! it. What they post is `messages`' affair.

use aws_lc_rs::{constant_time, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::actor::{Actor, Reason};
use super::audit::{self, Act, Changes, Entry};
use super::error::{ActionError, Fault};
use super::{images, show, show_apps};
use crate::app::App;
use crate::logic::field::FieldFault;
use crate::logic::form::kinds::{image_data, snowflake};
use crate::logic::form::{Checked, Fields, Form, ImageData, Patch};
use crate::model::kind::Channel as ChannelOfId;
use crate::model::{
    Audience, ChannelId, Dispatch, GuildId, Permissions, UserId, Webhook, WebhookId, WebhooksUpdate,
};
use crate::store::access::{Proof, require, right};
use crate::store::{ChannelWebhooks, Followers, Order, StoreError, Tx, View, WebhookRow, Webhooks};

/// Most webhooks of a channel (API.md §5).
pub(super) const MAX_WEBHOOKS: usize = 15;
/// Most webhooks of a guild (API.md §5).
const MAX_GUILD_WEBHOOKS: usize = 1_000;
/// Longest name of a webhook, code points (API.md §5).
pub(super) const MAX_NAME_CHARS: usize = 80;
/// A webhook that posts what is sent to it.
pub(super) const INCOMING: u8 = 1;
/// A webhook that follows a channel.
pub(super) const FOLLOWER: u8 = 2;
/// Bytes of a token: 68 characters of base64url, as libraries expect (API.md §1.13).
const TOKEN_BYTES: usize = 51;

/// A webhook's name: 1 to 80 code points, and none that could pass for the service itself (API.md §2.3).
pub(super) fn name(raw: &str) -> Result<String, FieldFault> {
    let name = raw.trim();
    let chars = name.chars().count();
    if !(1..=MAX_NAME_CHARS).contains(&chars) {
        return Err(FieldFault::bad_length(1, MAX_NAME_CHARS));
    }
    let lower = name.to_lowercase();
    match ["clyde", "discord"].iter().find(|word| lower.contains(**word)) {
        Some(word) => {
            Err(FieldFault::new("USERNAME_INVALID_CONTAINS", format!("Username cannot contain \"{word}\"")))
        }
        None => Ok(name.to_owned()),
    }
}

/// Body of `POST /channels/{channel}/webhooks`.
#[derive(Clone)]
pub struct Create {
    name: String,
    avatar: Option<ImageData>,
}

impl Form for Create {
    fn read(f: &mut Fields<'_>) -> Self {
        Self {
            name: f.need_with("name", name),
            avatar: f.opt("avatar", image_data(images::MAX_UPLOAD_BYTES)),
        }
    }
}

/// Makes a webhook that posts into a channel.
///
/// # Errors
/// 50003 in DMs, 50013 without MANAGE_WEBHOOKS, 50024 for channels without messages, 30007 and 30058 at the limits.
pub async fn create(
    app: &App,
    actor: Actor,
    channel: ChannelId,
    form: Checked<Create>,
    reason: Option<Reason>,
) -> Result<Webhook, ActionError> {
    app.store.read(|view| may_hold(view, actor, channel).map(drop))?;
    let form = form.take()?;
    let avatar = match form.avatar {
        Some(picture) => Some(images::keep(app, picture, images::AVATAR).await?),
        None => None,
    };
    let name = form.name;
    let sealing = app.keys.sealing.clone();
    app.store
        .write(move |tx| {
            let guild = may_hold(tx, actor, channel)?;
            let by = tx.allow::<right::ManageWebhooks>(actor.user, channel)?;
            if hooks_of(tx, channel)?.len() >= MAX_WEBHOOKS {
                return Err(Fault::TooManyWebhooks.into());
            }
            if of_guild_channels(tx, guild)?.len() >= MAX_GUILD_WEBHOOKS {
                return Err(Fault::TooManyGuildWebhooks.into());
            }
            let row = WebhookRow {
                kind: INCOMING,
                guild,
                channel,
                creator: Some(actor.user),
                name: Some(name.clone()),
                avatar: avatar.clone(),
                ..WebhookRow::default()
            };
            let id: WebhookId = tx.next_id();
            tx.put::<Webhooks>(&by, &id, &row)?;
            tx.put::<ChannelWebhooks>(&by, &(channel, id), &())?;
            tell(tx, guild, channel);
            record(tx, &by, actor.user, Act::WebhookCreate, (id, None, Some(&row)), reason.as_ref())?;
            shown(tx, &sealing, id, &row, actor.user)
        })
        .await
}

/// The guild of a channel that may have webhooks, if the caller may manage them.
fn may_hold(view: &View<'_>, actor: Actor, channel: ChannelId) -> Result<GuildId, ActionError> {
    let by = view.allow::<right::View>(actor.user, channel)?;
    let guild = by.channel.guild.ok_or(Fault::NotOnDm)?;
    require(by.held, Permissions::MANAGE_WEBHOOKS)?;
    if !(by.channel.kind.can_hold_messages() || by.channel.kind.is_text_like()) {
        return Err(Fault::ChannelType.into());
    }
    Ok(guild)
}

/// A webhook as its managers see it: with its token, if it has one.
fn shown(
    view: &View<'_>,
    sealing: &crate::auth::keys::SecretKey,
    id: WebhookId,
    row: &WebhookRow,
    viewer: UserId,
) -> Result<Webhook, ActionError> {
    let token = (row.kind == INCOMING).then(|| token(sealing, id));
    Ok(Webhook { token, ..show_apps::webhook(view, id, row, viewer)? })
}

/// The token of a webhook. It has to be shown again and again, so it is derived and not stored (SAFETY.md §4).
fn token(sealing: &crate::auth::keys::SecretKey, id: WebhookId) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA512, sealing.expose());
    let tag = hmac::sign(&key, format!("webhook {id}").as_bytes());
    URL_SAFE_NO_PAD.encode(&tag.as_ref()[..TOKEN_BYTES])
}

/// The webhook that a token opens.
///
/// # Errors
/// 10015 for an id that is no webhook's, 50027 for another token.
pub(super) fn by_token(
    app: &App,
    view: &View<'_>,
    id: WebhookId,
    given: &str,
) -> Result<WebhookRow, ActionError> {
    let row = view.get::<Webhooks>(&id)?.ok_or(Fault::UnknownWebhook)?;
    let own = token(&app.keys.sealing, id);
    let is_right = constant_time::verify_slices_are_equal(own.as_bytes(), given.as_bytes()).is_ok();
    match row.kind == INCOMING && is_right {
        true => Ok(row),
        false => Err(Fault::InvalidWebhookToken.into()),
    }
}

/// WEBHOOKS_UPDATE, for those who manage the channel's webhooks.
pub(super) fn tell(tx: &mut Tx<'_>, guild: GuildId, channel: ChannelId) {
    tx.emit(
        Audience::ChannelHolding(guild, channel, Permissions::MANAGE_WEBHOOKS),
        Dispatch::WebhooksUpdate(WebhooksUpdate { guild_id: guild, channel_id: channel }),
    );
}

/// Notes what was made (no old row), changed, or deleted (no new one).
pub(super) fn record(
    tx: &mut Tx<'_>,
    by: &impl Proof,
    actor: UserId,
    act: Act,
    (id, old, new): (WebhookId, Option<&WebhookRow>, Option<&WebhookRow>),
    reason: Option<&Reason>,
) -> Result<(), StoreError> {
    let fields = |row: &WebhookRow| {
        serde_json::json!({
            "name": row.name,
            "type": row.kind,
            "channel_id": row.channel,
            "avatar_hash": row.avatar,
        })
    };
    let mut changes = Changes::none();
    changes.objects(old.map(fields).as_ref(), new.map(fields).as_ref());
    let Some(guild) = new.or(old).map(|row| row.guild) else { return Ok(()) };
    let entry = Entry {
        guild,
        actor,
        act,
        target: Some(id.to_string()),
        changes,
        options: None,
        reason: reason.map(Reason::as_str),
    };
    audit::record(tx, by, entry)
}

/// The webhooks of a channel, oldest first.
pub(super) fn hooks_of(
    view: &View<'_>,
    channel: ChannelId,
) -> Result<Vec<(WebhookId, WebhookRow)>, StoreError> {
    let mut found = Vec::new();
    for ((_, id), ()) in view.list::<ChannelWebhooks>(&channel, None, Order::Ascending, MAX_WEBHOOKS)? {
        if let Some(row) = view.get::<Webhooks>(&id)? {
            found.push((id, row));
        }
    }
    Ok(found)
}

fn of_guild_channels(view: &View<'_>, guild: GuildId) -> Result<Vec<(WebhookId, WebhookRow)>, StoreError> {
    let mut found = Vec::new();
    for (channel, _) in show::guild_channels(view, guild)? {
        found.extend(hooks_of(view, channel)?);
    }
    Ok(found)
}

/// The webhooks that post into a channel.
///
/// # Errors
/// 50003 in DMs, 50013 without MANAGE_WEBHOOKS.
pub fn list(app: &App, actor: Actor, channel: ChannelId) -> Result<Vec<Webhook>, ActionError> {
    app.store.read(|view| {
        let by = view.allow::<right::ManageWebhooks>(actor.user, channel)?;
        by.channel.guild.ok_or(Fault::NotOnDm)?;
        let hooks = hooks_of(view, channel)?;
        hooks.iter().map(|(id, row)| shown(view, &app.keys.sealing, *id, row, actor.user)).collect()
    })
}

/// The webhooks of a guild, those of channels whose webhooks the caller may manage (SAFETY.md §1).
///
/// # Errors
/// 50001, 50013.
pub fn of_guild(app: &App, actor: Actor, guild: GuildId) -> Result<Vec<Webhook>, ActionError> {
    app.store.read(|view| {
        view.allow_guild::<right::ManageWebhooks>(actor.user, guild)?;
        let mut found = Vec::new();
        for (id, row) in of_guild_channels(view, guild)? {
            match view.allow::<right::ManageWebhooks>(actor.user, row.channel) {
                Ok(_) => found.push(shown(view, &app.keys.sealing, id, &row, actor.user)?),
                Err(StoreError::Denied(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(found)
    })
}

/// One webhook.
///
/// # Errors
/// 10015; as [`list`].
pub fn get(app: &App, actor: Actor, id: WebhookId) -> Result<Webhook, ActionError> {
    app.store.read(|view| {
        let row = view.get::<Webhooks>(&id)?.ok_or(Fault::UnknownWebhook)?;
        view.allow::<right::ManageWebhooks>(actor.user, row.channel)?;
        shown(view, &app.keys.sealing, id, &row, actor.user)
    })
}

/// One webhook, for who holds its token; who made it is left out.
///
/// # Errors
/// 10015, 50027.
pub fn get_by_token(app: &App, id: WebhookId, given: &str) -> Result<Webhook, ActionError> {
    app.store.read(|view| {
        let row = by_token(app, view, id, given)?;
        let own = shown(view, &app.keys.sealing, id, &row, UserId::new(0))?;
        Ok(Webhook { user: None, ..own })
    })
}

/// Body of `PATCH /webhooks/{webhook}`.
#[derive(Clone)]
pub struct Edit {
    name: Option<String>,
    avatar: Patch<ImageData>,
    channel: Option<ChannelId>,
}

impl Form for Edit {
    fn read(f: &mut Fields<'_>) -> Self {
        Self {
            name: f.opt_with("name", name),
            avatar: f.patch("avatar", image_data(images::MAX_UPLOAD_BYTES)),
            channel: f.opt("channel_id", snowflake::<ChannelOfId>()),
        }
    }
}

/// Body of `PATCH /webhooks/{webhook}/{token}`: its looks alone.
#[derive(Clone)]
pub struct EditLooks {
    name: Option<String>,
    avatar: Patch<ImageData>,
}

impl Form for EditLooks {
    fn read(f: &mut Fields<'_>) -> Self {
        Self {
            name: f.opt_with("name", name),
            avatar: f.patch("avatar", image_data(images::MAX_UPLOAD_BYTES)),
        }
    }
}

/// Changes a webhook's looks, or moves it to another channel of its guild.
///
/// # Errors
/// 10015; 50013 without MANAGE_WEBHOOKS here or there; 50024 for a channel of another guild or kind, 30007 at its limit.
pub async fn edit(
    app: &App,
    actor: Actor,
    id: WebhookId,
    form: Checked<Edit>,
    reason: Option<Reason>,
) -> Result<Webhook, ActionError> {
    app.store.read(|view| {
        let row = view.get::<Webhooks>(&id)?.ok_or(Fault::UnknownWebhook)?;
        view.allow::<right::ManageWebhooks>(actor.user, row.channel).map(drop)?;
        Ok::<_, ActionError>(())
    })?;
    let form = form.take()?;
    let avatar = images::keep_patch(app, form.avatar, images::AVATAR).await?;
    let (name, into, sealing) = (form.name, form.channel, app.keys.sealing.clone());
    app.store
        .write(move |tx| {
            let before = tx.get::<Webhooks>(&id)?.ok_or(Fault::UnknownWebhook)?;
            let by = tx.allow::<right::ManageWebhooks>(actor.user, before.channel)?;
            let mut row = before.clone();
            if let Some(into) = into.filter(|into| *into != before.channel) {
                if may_hold(tx, actor, into)? != before.guild {
                    return Err(Fault::ChannelType.into());
                }
                if hooks_of(tx, into)?.len() >= MAX_WEBHOOKS {
                    return Err(Fault::TooManyWebhooks.into());
                }
                row.channel = into;
                tx.delete::<ChannelWebhooks>(&by, &(before.channel, id))?;
                tx.put::<ChannelWebhooks>(&by, &(into, id), &())?;
            }
            change_looks(&mut row, name.as_deref(), &avatar);
            if row != before {
                tx.put::<Webhooks>(&by, &id, &row)?;
                tell(tx, row.guild, before.channel);
                if row.channel != before.channel {
                    tell(tx, row.guild, row.channel);
                }
                let sides = (id, Some(&before), Some(&row));
                record(tx, &by, actor.user, Act::WebhookUpdate, sides, reason.as_ref())?;
            }
            shown(tx, &sealing, id, &row, actor.user)
        })
        .await
}

fn change_looks(row: &mut WebhookRow, name: Option<&str>, avatar: &Patch<String>) {
    if let Some(name) = name {
        row.name = Some(name.to_owned());
    }
    avatar.clone().apply(&mut row.avatar);
}

/// Changes a webhook's looks, for who holds its token.
///
/// # Errors
/// 10015, 50027, form faults.
pub async fn edit_by_token(
    app: &App,
    id: WebhookId,
    given: String,
    form: Checked<EditLooks>,
) -> Result<Webhook, ActionError> {
    app.store.read(|view| by_token(app, view, id, &given).map(drop))?;
    let form = form.take()?;
    let avatar = images::keep_patch(app, form.avatar, images::AVATAR).await?;
    let (name, own) = (form.name, app.clone());
    app.store
        .write(move |tx| {
            let before = by_token(&own, tx, id, &given)?;
            let mut row = before.clone();
            change_looks(&mut row, name.as_deref(), &avatar);
            if row != before {
                // The token is the right.
                tx.put::<Webhooks>(&tx.internal(), &id, &row)?;
                tell(tx, row.guild, row.channel);
            }
            let shown = shown(tx, &own.keys.sealing, id, &row, UserId::new(0))?;
            Ok(Webhook { user: None, ..shown })
        })
        .await
}

/// Deletes a webhook. What it posted stays.
///
/// # Errors
/// 10015; as [`list`].
pub async fn delete(
    app: &App,
    actor: Actor,
    id: WebhookId,
    reason: Option<Reason>,
) -> Result<(), ActionError> {
    app.store
        .reclaim(move |tx| -> Result<(), ActionError> {
            let row = tx.get::<Webhooks>(&id)?.ok_or(Fault::UnknownWebhook)?;
            let by = tx.allow::<right::ManageWebhooks>(actor.user, row.channel)?;
            remove(tx, &by, id, &row)?;
            tell(tx, row.guild, row.channel);
            Ok(record(tx, &by, actor.user, Act::WebhookDelete, (id, Some(&row), None), reason.as_ref())?)
        })
        .await
}

/// Deletes a webhook, for who holds its token.
///
/// # Errors
/// 10015, 50027.
pub async fn delete_by_token(app: &App, id: WebhookId, given: String) -> Result<(), ActionError> {
    let own = app.clone();
    app.store
        .reclaim(move |tx| -> Result<(), ActionError> {
            let row = by_token(&own, tx, id, &given)?;
            // The token is the right.
            remove(tx, &tx.internal(), id, &row)?;
            tell(tx, row.guild, row.channel);
            Ok(())
        })
        .await
}

/// Takes a webhook out of the tables.
pub(super) fn remove(
    tx: &mut Tx<'_>,
    by: &impl Proof,
    id: WebhookId,
    row: &WebhookRow,
) -> Result<(), StoreError> {
    tx.delete::<Webhooks>(by, &id)?;
    tx.delete::<ChannelWebhooks>(by, &(row.channel, id))?;
    if let Some(source) = row.source_channel {
        tx.delete::<Followers>(by, &(source, id))?;
    }
    Ok(())
}
