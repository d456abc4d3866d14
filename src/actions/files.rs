//! Files on their way out: which one an address means, whether it is still there, and in what size and format it is wanted.

use bytes::Bytes;

use super::error::{ActionError, Fault};
use super::expressions::sounds;
use super::images::{MOVING, busy};
use super::uploads::blocking;
use crate::app::App;
pub use crate::blobs::Kept;
use crate::blobs::picture::{self, Fit, Wanted};
use crate::blobs::pool::PoolError;
use crate::logic::file_links::{LIFE_SECS, Signature};
use crate::logic::form::kinds::{list, raw_text};
use crate::logic::form::{Checked, Fields, Form};
use crate::logic::sniff::{self, FileKind, FileType};
use crate::model::{AttachmentId, ChannelId, EmojiId, Permissions, SoundId, StickerId};
use crate::store::access::require;
use crate::store::{AttachmentRow, Emojis, FileRow, Sounds, Stickers, StoreError, View};

use super::actor::Actor;

/// Sizes that previews are made in: powers of two, so that a picture has few of them (API.md §1.12).
const SIZES: std::ops::RangeInclusive<u32> = 16..=4_096;
/// Largest file that is read whole, as previews are made of it, bytes.
const MAX_PREVIEWED_BYTES: u64 = 64 << 20;
/// Most addresses that are signed anew in one call.
const MAX_REFRESHED: usize = 50;

/// How a file is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// Longest side, pixels.
    pub size: Option<u32>,
    /// The format; the file's own where there is none.
    pub format: Option<Format>,
    /// Whether it may move.
    pub is_animated: bool,
}

/// A format that can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `png`
    Png,
    /// `jpg`, `jpeg`
    Jpeg,
    /// `webp`
    Webp,
    /// `gif`
    Gif,
}

impl Format {
    /// The format that an ending or a word means.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "png" => Some(Self::Png),
            "jpg" | "jpeg" => Some(Self::Jpeg),
            "webp" => Some(Self::Webp),
            "gif" => Some(Self::Gif),
            _ => None,
        }
    }

    fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Webp => "image/webp",
            Self::Gif => "image/gif",
        }
    }

    fn wanted(self) -> Wanted {
        match self {
            Self::Png => Wanted::Png,
            Self::Jpeg => Wanted::Jpeg,
            Self::Webp => Wanted::Webp,
            Self::Gif => Wanted::Best,
        }
    }
}

/// Where the bytes of an answer are.
pub enum Content {
    /// In memory.
    Bytes(Bytes),
    /// In a file that is read as it is sent.
    Kept(Kept),
}

/// A file to be sent.
pub struct Served {
    /// Its bytes.
    pub content: Content,
    /// What they are, found by looking at them.
    pub media_type: String,
    /// Tells these bytes from all others.
    pub tag: String,
    /// The name to save it under; none where it is only ever shown.
    pub filename: Option<String>,
    /// Whether a browser may show it rather than save it.
    pub is_shown: bool,
    /// How long it may be kept, seconds; none for ever.
    pub max_age_secs: Option<u64>,
}

/// A file of a message, by its signed address.
///
/// # Errors
/// 404 for an address that is not ours, is over, or whose message or file is gone.
pub async fn attachment(
    app: &App,
    channel: ChannelId,
    id: AttachmentId,
    signature: Signature,
    wish: Wish,
) -> Result<Served, ActionError> {
    let now_secs = app.store.now_ms() / 1_000;
    if !app.store.links().is_good(channel, id, &signature, now_secs) {
        return Err(Fault::NotFound.into());
    }
    let row = app.store.read::<_, StoreError>(|view| view.attachment(channel, id))?.ok_or(Fault::NotFound)?;
    let max_age_secs = Some(signature.expires_secs.saturating_sub(now_secs).min(LIFE_SECS));
    let is_preview = wish.size.is_some() || wish.format.is_some();
    let kind = FileType::of_media_type(&row.file.media_type);
    let mut served = match (kind, row.poster) {
        (FileKind::Picture, _) if is_preview && row.file.width.is_some() => {
            rendered(app, &row.file.hash.to_string(), &wish).await?
        }
        (FileKind::Video, Some(poster)) if is_preview => rendered(app, &poster.to_string(), &wish).await?,
        _ => whole(app, &row).await?,
    };
    served.max_age_secs = max_age_secs;
    Ok(served)
}

async fn whole(app: &App, row: &AttachmentRow) -> Result<Served, ActionError> {
    let name = row.file.hash.to_string();
    let kept = app.blobs.open_file(&name).await?.ok_or(Fault::NotFound)?;
    let is_shown = FileType::of_media_type(&row.file.media_type) != FileKind::Other && !row.file.is_markup;
    Ok(Served {
        content: Content::Kept(kept),
        media_type: row.file.media_type.clone(),
        tag: name,
        filename: Some(row.filename.clone()),
        is_shown,
        max_age_secs: None,
    })
}

/// A picture of a person or guild by its hash, public and for ever the same.
///
/// # Errors
/// 404 for a hash of the wrong shape or none that is kept; 415 for movement of one that stands still.
pub async fn picture(app: &App, hash: &str, wish: Wish) -> Result<Served, ActionError> {
    let (is_moving, name) = match hash.strip_prefix(MOVING) {
        Some(name) => (true, name),
        None => (false, hash),
    };
    let is_hash = name.len() == 32 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if !is_hash {
        return Err(Fault::NotFound.into());
    }
    if wish.format == Some(Format::Gif) && !is_moving {
        return Err(Fault::UnsupportedMediaType.into());
    }
    if is_moving && (wish.is_animated || wish.format == Some(Format::Gif)) {
        return original(app, name).await;
    }
    rendered(app, name, &wish).await
}

/// A custom emoji by its id; as it came where it may move.
///
/// # Errors
/// 404 for one that is not there; 415 for movement of one that stands still.
pub async fn emoji(app: &App, id: EmojiId, wish: Wish) -> Result<Served, ActionError> {
    let row = app.store.read::<_, StoreError>(|view| view.get::<Emojis>(&id))?.ok_or(Fault::NotFound)?;
    expression(app, &row.file, wish).await
}

/// A sticker by its id.
///
/// # Errors
/// As [`emoji`].
pub async fn sticker(app: &App, id: StickerId, wish: Wish) -> Result<Served, ActionError> {
    let row = app.store.read::<_, StoreError>(|view| view.get::<Stickers>(&id))?.ok_or(Fault::NotFound)?;
    // A PNG that moves is still a PNG: it is asked for as one.
    let moves = row.file.is_animated && wish.size.is_none();
    expression(app, &row.file, Wish { is_animated: wish.is_animated || moves, ..wish }).await
}

/// A sound of a soundboard by its id.
///
/// # Errors
/// 404 for one that is not there.
pub async fn sound(app: &App, id: SoundId) -> Result<Served, ActionError> {
    if let Some(known) = sounds::default_sound(id) {
        return Ok(shown(Bytes::from_static(known.file), format!("sound-{id}")));
    }
    let row = app.store.read::<_, StoreError>(|view| view.shared::<Sounds>(&id))?.ok_or(Fault::NotFound)?;
    original(app, &row.file.hash.to_string()).await
}

async fn expression(app: &App, file: &FileRow, wish: Wish) -> Result<Served, ActionError> {
    if wish.format == Some(Format::Gif) && !file.is_animated {
        return Err(Fault::UnsupportedMediaType.into());
    }
    let name = file.hash.to_string();
    if file.is_animated && (wish.is_animated || wish.format == Some(Format::Gif)) {
        return original(app, &name).await;
    }
    rendered(app, &name, &wish).await
}

/// The bytes as they are kept.
async fn original(app: &App, name: &str) -> Result<Served, ActionError> {
    let bytes = app.blobs.get(name, MAX_PREVIEWED_BYTES).await?.ok_or(Fault::NotFound)?;
    Ok(shown(bytes, name.to_owned()))
}

fn shown(bytes: Bytes, tag: String) -> Served {
    let media_type = sniff::sniff(&bytes).media_type.to_owned();
    Served {
        content: Content::Bytes(bytes),
        media_type,
        tag,
        filename: None,
        is_shown: true,
        max_age_secs: None,
    }
}

/// A kept picture as it is wanted, still: made once and kept in the cache. One that is small enough and of the right format is sent as
/// it is.
async fn rendered(app: &App, name: &str, wish: &Wish) -> Result<Served, ActionError> {
    let load = || async move { Ok(app.blobs.get(name, MAX_PREVIEWED_BYTES).await?) };
    made(app, name, wish, load).await
}

/// A picture that `load` gives, as it is wanted; asked only for what the cache does not hold.
async fn made<F>(app: &App, name: &str, wish: &Wish, load: impl FnOnce() -> F) -> Result<Served, ActionError>
where
    F: Future<Output = Result<Option<Bytes>, ActionError>>,
{
    let side = wish.size.unwrap_or(*SIZES.end()).clamp(*SIZES.start(), *SIZES.end()).next_power_of_two();
    let wanted = wish.format.map_or(Wanted::Best, Format::wanted);
    let key = format!("{name}-{side}-{}", wish.format.map_or("any", |format| &format.media_type()[6..]));
    if let Some(made) = cached(app, &key).await? {
        return Ok(shown(made, key));
    }
    let _turn = app.previews.turn(&key).await;
    if let Some(made) = cached(app, &key).await? {
        return Ok(shown(made, key));
    }
    let bytes = load().await?.ok_or(Fault::NotFound)?;
    let looked = bytes.clone();
    let seen = app.pictures.run(looked.len() as u64, move || picture::look(&looked)).await.map_err(failed)?;
    let seen = seen.ok_or(Fault::NotFound)?;
    let has_format = wish.format.is_none_or(|format| sniff::sniff(&bytes).media_type == format.media_type());
    if seen.width.max(seen.height) <= side && has_format && !seen.is_animated {
        return Ok(shown(bytes, name.to_owned()));
    }
    let memory_bytes = seen.decoded_bytes * 2 + bytes.len() as u64;
    let work = move || picture::scaled(&bytes, Fit::Within(side), wanted);
    let (made, _) = app
        .pictures
        .run(memory_bytes.min(crate::blobs::pool::MEMORY_BYTES), work)
        .await
        .map_err(failed)?
        .ok_or(Fault::NotFound)?;
    let made = Bytes::from(made);
    let (cache, key_of_file, file) = (app.previews.clone(), key.clone(), made.clone());
    blocking(move || cache.put(&key_of_file, &file)).await?;
    Ok(shown(made, key))
}

fn failed(error: PoolError) -> ActionError {
    match error {
        PoolError::Busy => busy(error),
        PoolError::TooLarge | PoolError::Failed => Fault::NotFound.into(),
    }
}

async fn cached(app: &App, key: &str) -> Result<Option<Bytes>, ActionError> {
    let (cache, key) = (app.previews.clone(), key.to_owned());
    Ok(blocking(move || cache.get(&key)).await?.map(Bytes::from))
}

/// A picture elsewhere on the web, by the address of our proxy for it: `hmac` says that we made that address.
///
/// # Errors
/// 404 for an address that we did not make, or where no raster picture is.
pub async fn external(app: &App, url: &str, hmac: &str, wish: Wish) -> Result<Served, ActionError> {
    if !app.store.links().is_external(url, hmac) {
        return Err(Fault::NotFound.into());
    }
    let bytes = app.unfurler.picture(url).await.ok_or(Fault::NotFound)?;
    let tag = crate::blobs::hash(&bytes).to_string();
    if wish.size.is_none() && wish.format.is_none() {
        return Ok(shown(bytes, tag));
    }
    made(app, &tag.clone(), &wish, || async move { Ok(Some(bytes)) }).await
}

/// Body of `POST /attachments/refresh-urls`.
#[derive(Clone, Debug)]
pub struct Refresh {
    urls: Vec<String>,
}

impl Form for Refresh {
    fn read(f: &mut Fields<'_>) -> Self {
        Self { urls: f.need("attachment_urls", list(raw_text(1..=2_048), MAX_REFRESHED).at_least(1)) }
    }
}

/// Addresses signed anew.
#[derive(Debug, serde::Serialize, schemars::JsonSchema)]
pub struct Refreshed {
    /// In the order of the request.
    pub refreshed_urls: Vec<RefreshedUrl>,
}

/// An address, and the one that is good for another day.
#[derive(Debug, serde::Serialize, schemars::JsonSchema)]
pub struct RefreshedUrl {
    /// As it was sent.
    pub original: String,
    /// Null for what is no file that the caller may see.
    pub refreshed: Option<String>,
}

/// Signs addresses of attachments anew, where the caller may read their channel's history.
///
/// # Errors
/// Form faults.
pub fn refresh(app: &App, actor: Actor, form: Checked<Refresh>) -> Result<Refreshed, ActionError> {
    let urls = form.take()?.urls;
    app.store.read(|view| {
        let refreshed_urls = urls
            .into_iter()
            .map(|original| Ok(RefreshedUrl { refreshed: refreshed(view, actor, &original)?, original }))
            .collect::<Result<_, StoreError>>()?;
        Ok(Refreshed { refreshed_urls })
    })
}

fn refreshed(view: &View<'_>, actor: Actor, url: &str) -> Result<Option<String>, StoreError> {
    let Some((channel, id)) = view.links().parse_attachment(url) else { return Ok(None) };
    let may_read = match view.channel_access(actor.user, channel) {
        Ok(by) => require(by.held, Permissions::READ_MESSAGE_HISTORY).is_ok(),
        Err(StoreError::Denied(_)) => false,
        Err(error) => return Err(error),
    };
    if !may_read {
        return Ok(None);
    }
    let file = view.attachment(channel, id)?;
    Ok(file.map(|file| view.links().attachment(channel, id, &file.filename, view.now_ms() / 1_000)))
}
