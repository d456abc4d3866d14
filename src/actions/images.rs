//! Pictures of people and guilds: checked, scaled to one size, re-encoded without metadata, kept by hash.

use std::io::Cursor;

use image::{DynamicImage, GenericImageView, ImageReader, Limits};

use super::error::{ActionError, Fault};
use crate::app::App;
use crate::auth::random::TokenHash;
use crate::logic::field::FieldFault;
use crate::logic::form::{ImageData, Patch};

/// Most bytes of an uploaded avatar, icon or banner (API.md §5).
pub const MAX_UPLOAD_BYTES: usize = 10 << 20;
/// Most pixels along one side of an upload (SAFETY.md §6).
const MAX_SIDE: u32 = 16_384;
/// Most pixels of an upload (SAFETY.md §6).
const MAX_PIXELS: u64 = 64_000_000;
/// Most memory of one decoding, bytes (SAFETY.md §6).
const MAX_DECODE_BYTES: u64 = 256 << 20;
/// Pictures decoded at once: each may take [`MAX_DECODE_BYTES`].
pub const MAX_AT_ONCE: usize = 1;

/// What a picture is for: the field it came in and the box it is scaled into.
#[derive(Clone, Copy, Debug)]
pub struct Use {
    field: &'static str,
    width: u32,
    height: u32,
}

/// Avatars of accounts.
pub const AVATAR: Use = Use { field: "avatar", width: 256, height: 256 };
/// Icons of guilds, group DMs, applications.
pub const ICON: Use = Use { field: "icon", width: 256, height: 256 };
/// Banners.
pub const BANNER: Use = Use { field: "banner", width: 1_024, height: 576 };
/// Pictures behind invites.
pub const SPLASH: Use = Use { field: "splash", width: 1_024, height: 576 };
/// Pictures of guilds in discovery.
pub const DISCOVERY_SPLASH: Use = Use { field: "discovery_splash", width: 1_024, height: 576 };

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

/// Scales a picture and keeps it; its hash (32 hex digits) comes back once the file is on disk.
///
/// # Errors
/// IMAGE_INVALID on the field for what is no picture, or one too large.
pub async fn keep(app: &App, picture: ImageData, usage: Use) -> Result<String, ActionError> {
    let _turn = app.picture_turns.acquire().await.map_err(ActionError::internal)?;
    let blobs = app.blobs.clone();
    tokio::task::spawn_blocking(move || {
        let png = scaled(&picture.bytes, usage).ok_or_else(|| {
            ActionError::field(
                usage.field,
                FieldFault::new("IMAGE_INVALID", "This picture can't be read, or it is too large."),
            )
        })?;
        let hash: String =
            TokenHash::of_bytes(&png).as_bytes()[..16].iter().map(|byte| format!("{byte:02x}")).collect();
        blobs.put(&hash, &png).map_err(ActionError::internal)?;
        Ok(hash)
    })
    .await
    .map_err(ActionError::internal)?
}

/// The picture as PNG, cropped to the box's proportions and no larger than it.
fn scaled(bytes: &[u8], usage: Use) -> Option<Vec<u8>> {
    let size = ImageReader::new(Cursor::new(bytes)).with_guessed_format().ok()?.into_dimensions().ok()?;
    if u64::from(size.0) * u64::from(size.1) > MAX_PIXELS || size.0 == 0 || size.1 == 0 {
        return None;
    }
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().ok()?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_DECODE_BYTES);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().ok()?;
    let orientation = image::ImageDecoder::orientation(&mut decoder).ok()?;
    let mut picture = DynamicImage::from_decoder(decoder).ok()?;
    picture.apply_orientation(orientation);
    let (width, height) = picture.dimensions();
    let fitted = if width <= usage.width && height <= usage.height {
        picture
    } else {
        picture.resize_to_fill(usage.width, usage.height, image::imageops::FilterType::CatmullRom)
    };
    let mut png = Vec::new();
    DynamicImage::from(fitted.to_rgba8())
        .write_to(&mut Cursor::new(&mut png), image::ImageFormat::Png)
        .ok()?;
    Some(png)
}

/// A kept picture by its hash.
///
/// # Errors
/// 404 for a hash of the wrong shape or none that is kept.
pub fn load(app: &App, hash: &str) -> Result<Vec<u8>, ActionError> {
    let is_hash = hash.len() == 32 && hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if !is_hash {
        return Err(Fault::NotFound.into());
    }
    app.blobs.get(hash).map_err(ActionError::internal)?.ok_or_else(|| Fault::NotFound.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        DynamicImage::new_rgb8(width, height)
            .write_to(&mut Cursor::new(&mut bytes), image::ImageFormat::Png)
            .unwrap();
        bytes
    }

    #[test]
    fn pictures_fit_their_box_and_junk_is_refused() {
        let scaled_size = |bytes: &[u8]| {
            scaled(bytes, AVATAR).map(|png| image::load_from_memory(&png).unwrap().dimensions())
        };
        assert_eq!(scaled_size(&png(900, 500)), Some((256, 256)));
        assert_eq!(scaled_size(&png(40, 30)), Some((40, 30)));
        assert_eq!(scaled_size(b"<svg onload=alert(1)>"), None);
        assert_eq!(scaled_size(&png(40, 30)[..50]), None);
    }
}
