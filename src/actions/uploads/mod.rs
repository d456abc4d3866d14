//! Files on their way in: who may send them, what they are found to be, and how they come to be named by a message. The bytes go to
//! `blobs`; the two-step upload is `slots`, the files of a message `attach`.

mod attach;
mod slots;
mod sweep;

pub use attach::{AttachmentForm, MAX_ATTACHMENTS, Plan, attachment_forms, mirror};
pub use slots::{
    CreateSlots, NewSlots, Offset, Sent, cancel, create_slots, end_old, look_up, send_whole, take_turn,
};
pub use sweep::sweep_blobs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use super::actor::Actor;
use super::error::{ActionError, Fault};
use super::images::busy;
use crate::app::App;
pub use crate::blobs::Incoming;
use crate::blobs::picture::{self, Seen};
use crate::blobs::probe::{self, Probed};
use crate::blobs::{BlobError, Received, strip};
use crate::logic::sniff::{self, FileKind, UNKNOWN};
use crate::model::{ChannelId, Permissions};
use crate::store::access::{require, right};
use crate::store::{FileRow, View};

/// Largest picture whose metadata is cut out and that gets a size and a preview, bytes. It is held in memory for that.
const MAX_PICTURE_BYTES: u64 = 64 << 20;

/// A file that came with a request: kept already, named by nothing yet.
#[derive(Clone, Debug)]
pub struct NewFile {
    /// The `n` of `files[n]`.
    pub key: Option<u64>,
    /// The name its sender gave it.
    pub filename: String,
    /// What it was found to be.
    pub(super) file: FileRow,
}

/// Checks that somebody may send files into a channel, before their bytes are taken.
///
/// # Errors
/// 50001, 50013.
pub fn check(app: &App, actor: Actor, channel: ChannelId) -> Result<(), ActionError> {
    app.store.read(|view| may_attach(view, actor, channel))
}

fn may_attach(view: &View<'_>, actor: Actor, channel: ChannelId) -> Result<(), ActionError> {
    let by = view.allow::<right::SendMessages>(actor.user, channel)?;
    Ok(require(by.held, Permissions::ATTACH_FILES)?)
}

/// A file that takes bytes as they come, up to the instance's limit for one.
///
/// # Errors
/// 503 when the disk is too full.
pub async fn begin(app: &App) -> Result<Incoming, ActionError> {
    Ok(Incoming::begin(&app.blobs, app.config.max_file_size.get()).await?)
}

/// The file is whole: finds out what it is, cuts metadata out of a picture, keeps it.
///
/// # Errors
/// What the disk said.
pub async fn settle(
    app: &App,
    incoming: Incoming,
    key: Option<u64>,
    filename: String,
) -> Result<NewFile, ActionError> {
    let file = keep(app, incoming.finish().await?).await?;
    Ok(NewFile { key, filename, file })
}

/// Keeps a file that is whole, and tells what it is.
async fn keep(app: &App, received: Received) -> Result<FileRow, ActionError> {
    let found = sniff::sniff(&received.head);
    let received = received.hide_places(found.media_type).await?;
    let mut row = FileRow {
        hash: received.hash,
        size_bytes: received.size_bytes,
        media_type: found.media_type.to_owned(),
        is_markup: found.kind == FileKind::Text && sniff::is_markup(&received.head),
        ..FileRow::default()
    };
    let is_read = matches!(found.media_type, "image/png" | "image/jpeg" | "image/gif" | "image/webp");
    if is_read && received.size_bytes <= MAX_PICTURE_BYTES {
        return keep_picture(app, received, row).await;
    }
    if is_read {
        // Too large to be looked into: it stays a plain file (SAFETY.md §4).
        row.media_type = UNKNOWN.media_type.to_owned();
    }
    if matches!(found.kind, FileKind::Video | FileKind::Audio) {
        let (path, size_bytes) = (received.path().to_owned(), received.size_bytes);
        let probed = blocking(move || {
            let mut file = std::fs::File::open(path)?;
            Ok(probe::probe(&mut file, size_bytes, found.media_type))
        });
        tell(&mut row, probed.await?);
    }
    received.keep(&app.blobs).await?;
    Ok(row)
}

/// Writes what headers told into a row. What has sound alone is named as sound, for players and voice messages.
fn tell(row: &mut FileRow, found: Probed) {
    let Probed { duration_ms, width, height, is_sound_only } = found;
    (row.duration_ms, row.width, row.height) = (duration_ms, width, height);
    if let Some(container) = row.media_type.strip_prefix("video/").filter(|_| is_sound_only) {
        row.media_type = format!("audio/{}", if container == "quicktime" { "mp4" } else { container });
    }
}

/// Keeps a picture without its metadata. One that can't be read, or is beyond the limits, is kept as a plain file.
async fn keep_picture(app: &App, received: Received, mut row: FileRow) -> Result<FileRow, ActionError> {
    // As it came, without its metadata, and what the resizer needs to begin with.
    let memory_bytes = received.size_bytes * 3;
    let path = received.path().to_owned();
    let looked = app.pictures.run(memory_bytes, move || {
        let bytes = Bytes::from(std::fs::read(path)?);
        let stripped = strip::strip(&bytes);
        let seen = stripped.as_ref().and_then(|stripped| picture::look(stripped));
        Ok::<_, std::io::Error>((stripped, seen))
    });
    // One that nobody looked at may tell where it was taken: it is not kept as it is.
    let (stripped, seen) = looked.await.map_err(busy)?.map_err(BlobError::from)?;
    row.hash = match &stripped {
        Some(stripped) if crate::blobs::hash(stripped) != received.hash => {
            let hash = app.blobs.put(stripped.clone()).await?;
            received.forget();
            hash
        }
        _ => received.keep(&app.blobs).await?,
    };
    row.size_bytes = stripped.as_ref().map_or(row.size_bytes, |stripped| stripped.len() as u64);
    let (Some(stripped), Some(seen)) = (stripped, seen) else {
        row.media_type = UNKNOWN.media_type.to_owned();
        return Ok(row);
    };
    let Seen { width, height, is_animated, decoded_bytes } = seen;
    let memory_bytes = decoded_bytes + row.size_bytes;
    // Without a placeholder it is still the picture: too much work at once costs that, not the message.
    let hashed = app.pictures.run(memory_bytes, move || picture::placeholder(&stripped)).await;
    match hashed {
        Ok(Some(placeholder)) => row.placeholder = Some(STANDARD.encode(placeholder)),
        Ok(None) => {
            row.media_type = UNKNOWN.media_type.to_owned();
            return Ok(row);
        }
        Err(_) => {}
    }
    Ok(FileRow { width: Some(width), height: Some(height), is_animated, ..row })
}

pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, ActionError> {
    let done = tokio::task::spawn_blocking(work).await.map_err(ActionError::internal)?;
    Ok(done.map_err(BlobError::from)?)
}

impl From<BlobError> for ActionError {
    fn from(error: BlobError) -> Self {
        match error {
            BlobError::TooLarge { .. } => Fault::FileTooLarge.into(),
            BlobError::NoRoom { .. } => Self::Unavailable {
                why: "The server's disk is nearly full, so no files can be uploaded. Whoever runs it can free some space; \
                      messages still go through."
                    .to_owned(),
                retry_after: std::time::Duration::from_secs(60),
            },
            BlobError::Busy => Self::Unavailable {
                why: "This file is being sent already.".to_owned(),
                retry_after: std::time::Duration::from_secs(5),
            },
            BlobError::Bucket(error) => {
                tracing::warn!(%error, "files can't be kept or read");
                Self::Unavailable {
                    why: "The server can't reach the place where it keeps files. Nothing is lost; try again in a moment."
                        .to_owned(),
                    retry_after: std::time::Duration::from_secs(30),
                }
            }
            BlobError::Io(error) => Self::internal(error),
        }
    }
}
