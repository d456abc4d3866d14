//! The two-step upload: a slot is made for each file, its bytes come by themselves and may come in pieces, and a message names them
//! when they are whole (API.md §1.10). The address of a slot is its secret; the store keeps the hash of it.

use serde::Serialize;

use super::{keep, may_attach};
use crate::actions::actor::Actor;
use crate::actions::error::{ActionError, Fault};
use crate::app::App;
use crate::auth::random::{OpaqueToken, TokenHash};
use crate::blobs::Incoming;
use crate::logic::field::FieldFault;
use crate::logic::file_name;
use crate::logic::form::kinds::{integer, json_value, list, object, raw_text};
use crate::logic::form::{Checked, Fields, Form, Kind as _};
use crate::model::{ChannelId, UserId};
use crate::store::access::Proof;
use crate::store::{FileRow, Order, StoreError, Tx, UploadRow, Uploads, UserUploads, View};

/// How long a slot lives unless a message uses it, milliseconds (API.md §1.10).
const LIFE_MS: u64 = 24 * 60 * 60 * 1_000;
/// Most slots of one account; the oldest goes for a new one.
const MAX_SLOTS: usize = 100;
/// Most files of one call.
const MAX_FILES: usize = 10;
/// Rows that one look for old slots goes through.
const LOOK_ROWS: usize = 200;

/// A slot's key: the SHA-256 of its secret.
pub(super) type SlotKey = Vec<u8>;

/// Body of `POST /channels/{channel}/attachments`.
#[derive(Clone, Debug)]
pub struct CreateSlots {
    files: Vec<Announced>,
}

/// A file that is about to come.
#[derive(Clone, Debug)]
struct Announced {
    id: Option<serde_json::Value>,
    filename: String,
    size_bytes: u64,
}

impl Form for CreateSlots {
    fn read(f: &mut Fields<'_>) -> Self {
        Self { files: f.need("files", list(object(), MAX_FILES).at_least(1)) }
    }
}

impl Form for Announced {
    fn read(f: &mut Fields<'_>) -> Self {
        let is_id = |value: serde_json::Value| match &value {
            serde_json::Value::Number(_) => Ok(value),
            serde_json::Value::String(text) if text.len() <= 32 => Ok(value),
            _ => Err(FieldFault::new("NUMBER_TYPE_COERCE", "Must be a number or a short string")),
        };
        Self {
            id: f.opt("id", json_value().then(serde_json::Value::from(0), is_id)),
            filename: f.need("filename", raw_text(1..=1_024)),
            size_bytes: f.need("file_size", integer(0..=u64::MAX)),
        }
    }
}

/// Slots that were made, in the order of the files.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct NewSlots {
    /// One for each file.
    pub attachments: Vec<Slot>,
}

/// A slot that was made.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Slot {
    /// As the client called the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<serde_json::Value>,
    /// Where its bytes are `PUT`; whoever knows it may.
    pub upload_url: String,
    /// What a message calls it by.
    pub upload_filename: String,
}

/// Makes slots for files that come by themselves. `base` is where the API is.
///
/// # Errors
/// 50001, 50013, form faults, 50045 for a file that is announced too large.
pub async fn create_slots(
    app: &App,
    actor: Actor,
    channel: ChannelId,
    form: Checked<CreateSlots>,
    base: String,
) -> Result<NewSlots, ActionError> {
    let secrets: Vec<String> = (0..MAX_FILES).map(|_| OpaqueToken::generate().expose().to_owned()).collect();
    let most_bytes = app.config.max_file_size.get();
    let dropped;
    let attachments;
    (attachments, dropped) = app
        .store
        .write(move |tx| -> Result<_, ActionError> {
            may_attach(tx, actor, channel)?;
            let by = tx.own(actor.user);
            let form = form.get()?;
            if form.files.iter().any(|file| file.size_bytes > most_bytes) {
                return Err(Fault::FileTooLarge.into());
            }
            let dropped = make_room(tx, &by, actor.user, form.files.len())?;
            let mut made = Vec::with_capacity(form.files.len());
            for (file, secret) in form.files.iter().zip(&secrets) {
                let key = key_of(secret);
                let row = UploadRow {
                    owner: actor.user,
                    channel,
                    filename: file.filename.clone(),
                    size_bytes: file.size_bytes,
                    created_ms: tx.now_ms(),
                    file: None,
                };
                tx.put::<Uploads>(&by, &key, &row)?;
                tx.put::<UserUploads>(&by, &(actor.user, key), &())?;
                made.push(Slot {
                    id: file.id.clone(),
                    upload_url: format!("{base}/hearth/uploads/{secret}"),
                    upload_filename: secret.clone(),
                });
            }
            Ok((made, dropped))
        })
        .await?;
    remove_partial(app, dropped).await?;
    Ok(NewSlots { attachments })
}

/// Ends the oldest slots of an account that has too many.
fn make_room(
    tx: &mut Tx<'_>,
    by: &impl Proof,
    user: UserId,
    more: usize,
) -> Result<Vec<SlotKey>, StoreError> {
    let rows = tx.list::<UserUploads>(&user, None, Order::Ascending, MAX_SLOTS + 1)?;
    let excess = (rows.len() + more).saturating_sub(MAX_SLOTS);
    let mut by_age = Vec::with_capacity(rows.len());
    for ((_, key), ()) in rows {
        by_age.push((tx.get::<Uploads>(&key)?.map_or(0, |row| row.created_ms), key));
    }
    by_age.sort();
    let dropped: Vec<SlotKey> = by_age.into_iter().take(excess).map(|(_, key)| key).collect();
    for key in &dropped {
        end(tx, by, user, key)?;
    }
    Ok(dropped)
}

/// Takes a slot's rows away; `None` where there were none.
pub(super) fn end(
    tx: &mut Tx<'_>,
    by: &impl Proof,
    owner: UserId,
    key: &SlotKey,
) -> Result<Option<()>, StoreError> {
    if !tx.has::<Uploads>(key)? {
        return Ok(None);
    }
    tx.delete::<UserUploads>(by, &(owner, key.clone()))?;
    tx.delete::<Uploads>(by, key)?;
    Ok(Some(()))
}

fn key_of(secret: &str) -> SlotKey {
    TokenHash::of_bytes(secret.as_bytes()).as_bytes().to_vec()
}

/// The name of a slot's partial file.
fn partial_name(key: &SlotKey) -> String {
    key.iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn remove_partial(app: &App, keys: Vec<SlotKey>) -> Result<(), ActionError> {
    Ok(app.blobs.remove_partial(keys.iter().map(partial_name).collect()).await?)
}

fn live(view: &View<'_>, key: &SlotKey) -> Result<UploadRow, ActionError> {
    let row = view.get::<Uploads>(key)?.filter(|row| row.created_ms + LIFE_MS > view.now_ms());
    Ok(row.ok_or(Fault::UploadNotFound)?)
}

/// How much of a slot's file is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offset {
    /// Bytes held.
    pub held_bytes: u64,
    /// Whether that is all of it.
    pub is_whole: bool,
}

/// Tells how much of a slot's file is held.
///
/// # Errors
/// 50146.
pub async fn look_up(app: &App, secret: &str) -> Result<Offset, ActionError> {
    let key = key_of(secret);
    let row = app.store.read(|view| live(view, &key))?;
    if row.file.is_some() {
        return Ok(Offset { held_bytes: row.size_bytes, is_whole: true });
    }
    let held_bytes = app.blobs.partial_length(&partial_name(&key)).await?;
    Ok(Offset { held_bytes, is_whole: false })
}

/// A turn at sending the bytes of a slot.
pub struct Sent {
    key: SlotKey,
    size_bytes: u64,
    /// What takes the bytes; they begin at its length.
    pub incoming: Incoming,
}

/// Takes the turn at sending a slot's bytes from `from` on.
///
/// # Errors
/// 50146; the bytes held where `from` is another number, or somebody sends already.
pub async fn take_turn(app: &App, secret: &str, from: u64) -> Result<Result<Sent, Offset>, ActionError> {
    let offset = look_up(app, secret).await?;
    if offset.is_whole || offset.held_bytes != from && from != 0 {
        return Ok(Err(offset));
    }
    let key = key_of(secret);
    let row = app.store.read(|view| live(view, &key))?;
    if from == 0 && offset.held_bytes > 0 {
        // The sender begins anew: what is held is of no use to it.
        remove_partial(app, vec![key.clone()]).await?;
    }
    match Incoming::resume(&app.blobs, &partial_name(&key), row.size_bytes).await {
        Ok((incoming, held_bytes)) if held_bytes == from => {
            Ok(Ok(Sent { key, size_bytes: row.size_bytes, incoming }))
        }
        Ok((_, held_bytes)) => Ok(Err(Offset { held_bytes, is_whole: false })),
        Err(crate::blobs::BlobError::Busy) => Ok(Err(offset)),
        Err(error) => Err(error.into()),
    }
}

/// All bytes that the sender had to send have come. A file that is whole is looked at and kept; else what is held waits for the rest.
///
/// # Errors
/// 50146 if the slot went meanwhile.
pub async fn send_whole(app: &App, sent: Sent) -> Result<Offset, ActionError> {
    let Sent { key, size_bytes, incoming } = sent;
    let held_bytes = incoming.taken_bytes();
    if held_bytes < size_bytes {
        incoming.pause().await?;
        return Ok(Offset { held_bytes, is_whole: false });
    }
    let file = keep(app, incoming.finish().await?).await?;
    app.store
        .write(move |tx| {
            let server = tx.internal(); // nobody's right is asked: whoever knows the secret may send
            let row = live(tx, &key)?;
            tx.put::<Uploads>(&server, &key, &UploadRow { file: Some(file.clone()), ..row })?;
            Ok::<_, ActionError>(())
        })
        .await?;
    Ok(Offset { held_bytes, is_whole: true })
}

/// The file of a slot that is whole, with its key and name; `None` for one that is not, or not of this account and channel.
pub(super) async fn finished(
    app: &App,
    sender: Option<UserId>,
    channel: ChannelId,
    secret: &str,
) -> Result<Option<(SlotKey, String, FileRow)>, ActionError> {
    let key = key_of(secret);
    let row = match app.store.read(|view| live(view, &key)) {
        Ok(row) if Some(row.owner) == sender && row.channel == channel => row,
        Ok(_) | Err(ActionError::Fault(_)) => return Ok(None),
        Err(error) => return Err(error),
    };
    let Some(file) = row.file else { return Ok(None) };
    // From here on the sweep spares it until the message names it.
    let is_kept = app.blobs.spare(file.hash).await?;
    Ok(is_kept.then(|| (key, file_name::clean(&row.filename), file)))
}

/// Cancels a slot of one's own.
///
/// # Errors
/// 50146.
pub async fn cancel(app: &App, actor: Actor, secret: &str) -> Result<(), ActionError> {
    let key = key_of(secret);
    let ended = key.clone();
    app.store
        .reclaim(move |tx| {
            let by = tx.own(actor.user);
            live(tx, &ended).and_then(|row| {
                if row.owner == actor.user { Ok(()) } else { Err(Fault::UploadNotFound.into()) }
            })?;
            end(tx, &by, actor.user, &ended)?;
            Ok::<_, ActionError>(())
        })
        .await?;
    remove_partial(app, vec![key]).await
}

/// Ends slots whose time is over.
///
/// # Errors
/// What the store or the disk said.
pub async fn end_old(app: &App) -> Result<(), ActionError> {
    let mut after: Option<SlotKey> = None;
    loop {
        let rows = app.store.read::<_, StoreError>(|view| {
            view.list::<Uploads>(&(), after.as_ref(), Order::Ascending, LOOK_ROWS)
        })?;
        let Some((last, _)) = rows.last() else { return Ok(()) };
        after = Some(last.clone());
        let now_ms = app.store.now_ms();
        let is_over = |row: &UploadRow| row.created_ms + LIFE_MS <= now_ms;
        let old: Vec<(SlotKey, UserId)> =
            rows.into_iter().filter(|(_, row)| is_over(row)).map(|(key, row)| (key, row.owner)).collect();
        if old.is_empty() {
            continue;
        }
        let keys = old.iter().map(|(key, _)| key.clone()).collect();
        app.store
            .reclaim(move |tx| {
                let server = tx.internal(); // nobody's right is asked: their time is over
                for (key, owner) in &old {
                    end(tx, &server, *owner, key)?;
                }
                Ok::<_, StoreError>(())
            })
            .await?;
        remove_partial(app, keys).await?;
    }
}
