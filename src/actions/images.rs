//! Pictures of people and guilds: checked, scaled down to one largest size, without metadata, kept by hash. Those that move are kept as
//! they came, and shown still where no movement was asked for.

use bytes::Bytes;

use super::error::ActionError;
use crate::app::App;
use crate::blobs::frames::{self, MAX_FRAMES};
use crate::blobs::picture::{self, Fit, Wanted};
use crate::blobs::pool::PoolError;
use crate::blobs::{hash, strip};
use crate::logic::field::FieldFault;
use crate::logic::form::{ImageData, Patch};
use crate::store::FileRow;

/// Most bytes of an uploaded avatar, icon or banner (API.md §5).
pub const MAX_UPLOAD_BYTES: usize = 10 << 20;
/// Most pixels of all frames of a picture that moves (SAFETY.md §6).
const MAX_MOVING_PIXELS: u64 = 256_000_000;
/// Stands before the hash of a picture that moves (API.md §1.3).
pub const MOVING: &str = "a_";

/// What a picture is for: the field it came in and the box it is scaled into.
#[derive(Clone, Copy, Debug)]
pub struct Use {
    field: &'static str,
    width: u32,
    height: u32,
}

/// Avatars of accounts.
pub const AVATAR: Use = Use { field: "avatar", width: 1_024, height: 1_024 };
/// Icons of guilds, group DMs, applications.
pub const ICON: Use = Use { field: "icon", width: 1_024, height: 1_024 };
/// Banners.
pub const BANNER: Use = Use { field: "banner", width: 2_048, height: 1_152 };
/// Pictures behind invites.
pub const SPLASH: Use = Use { field: "splash", width: 2_048, height: 1_152 };
/// Pictures of guilds in discovery.
pub const DISCOVERY_SPLASH: Use = Use { field: "discovery_splash", width: 2_048, height: 1_152 };

/// Keeps the picture of a `PATCH` and gives its hash in its place.
pub async fn keep_patch(
    app: &App,
    patch: Patch<ImageData>,
    usage: Use,
) -> Result<Patch<String>, ActionError> {
    Ok(match patch {
        Patch::Keep => Patch::Keep,
        Patch::Clear => Patch::Clear,
        Patch::Set(picture) => Patch::Set(keep(app, picture, usage).await?),
    })
}

/// Scales a picture and keeps it; its hash (32 hex digits, `a_` before them if it moves) comes back once the file is on disk.
///
/// # Errors
/// IMAGE_INVALID on the field for what is no picture, or one too large.
pub async fn keep(app: &App, picture: ImageData, usage: Use) -> Result<String, ActionError> {
    let fit = Fit::Cover(usage.width, usage.height);
    let (made, is_animated) = prepare(app, picture, usage.field, fit).await?;
    let name = hash(&made).to_string()[..32].to_owned();
    app.blobs.put_as(&name, made.into()).await?;
    Ok(if is_animated { format!("{MOVING}{name}") } else { name })
}

/// A picture made fit to be kept, and whether it moves.
async fn prepare(
    app: &App,
    picture: ImageData,
    field: &'static str,
    fit: Fit,
) -> Result<(Vec<u8>, bool), ActionError> {
    let refused = || {
        let message = "This picture can't be read, or it is too large.";
        ActionError::field(field, FieldFault::new("IMAGE_INVALID", message))
    };
    let bytes = Bytes::from(picture.bytes);
    let looked = bytes.clone();
    // What is known of its size is in its head, so looking takes no memory of its own.
    let seen = app.pictures.run(looked.len() as u64, move || picture::look(&looked)).await;
    let seen = seen.map_err(busy)?.ok_or_else(refused)?;
    let memory_bytes = seen.decoded_bytes * 2 + bytes.len() as u64;
    let made = app.pictures.run(memory_bytes, move || {
        if seen.is_animated {
            let frames = u64::from(frames::count(&bytes));
            let pixels = u64::from(seen.width) * u64::from(seen.height) * frames;
            let is_fair = frames <= u64::from(MAX_FRAMES) && pixels <= MAX_MOVING_PIXELS;
            // Its first frame has to be there, for whoever wants it still.
            picture::placeholder(&bytes).filter(|_| is_fair)?;
            return Some(strip::strip(&bytes)?.to_vec());
        }
        picture::scaled(&bytes, fit, Wanted::Best).map(|(bytes, _)| bytes)
    });
    let made = made.await.map_err(|error| if error == PoolError::Busy { busy(error) } else { refused() })?;
    Ok((made.ok_or_else(refused)?, seen.is_animated))
}

/// Longest side of an emoji as it is kept: it is shown at 128 pixels at most.
const EMOJI_SIDE: u32 = 128;

/// Keeps the picture of an emoji: small and without metadata; one that moves as it came.
///
/// # Errors
/// IMAGE_INVALID on `image` for what is no picture, or one too large.
pub async fn keep_emoji(app: &App, picture: ImageData) -> Result<FileRow, ActionError> {
    let (made, is_animated) = prepare(app, picture, "image", Fit::Within(EMOJI_SIDE)).await?;
    let size_bytes = made.len() as u64;
    let media_type = crate::logic::sniff::sniff(&made).media_type.to_owned();
    let hash = app.blobs.put(made.into()).await?;
    Ok(FileRow { hash, size_bytes, media_type, is_animated, ..FileRow::default() })
}

pub(super) fn busy(error: PoolError) -> ActionError {
    ActionError::Unavailable {
        why: format!("The server has too many pictures to look at ({error}). Try again in a moment."),
        retry_after: std::time::Duration::from_secs(5),
    }
}
