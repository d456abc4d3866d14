//! Cards for links. Everything outside is fetched by one client that looks every address up itself and goes to none that is private
//! (SAFETY.md §4): `client`. `page` reads what a page says about itself, `card` makes an embed of it.

pub mod card;
pub mod client;
pub mod page;
pub mod queue;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::blobs::cache::Cache;
use crate::blobs::pool::PicturePool;
use crate::model::Embed;
use client::Client;

/// Cards that are remembered.
const MAX_REMEMBERED: usize = 2_000;
/// How long a link's card, or that there is none, is remembered: each is fetched once in that time (SAFETY.md §1).
const REMEMBERED_FOR: Duration = Duration::from_secs(60 * 60);

/// A card, or that there is none, with when it was made.
type Remembered = HashMap<String, (Instant, Option<Embed>)>;

/// Looks links up; clones are cheap.
#[derive(Clone)]
pub struct Unfurler(Arc<Parts>);

struct Parts {
    client: Client,
    pictures: PicturePool,
    cache: Cache,
    remembered: Mutex<Remembered>,
}

impl Unfurler {
    /// An unfurler that fetches with `client` and keeps pictures in `cache`.
    pub fn new(client: Client, pictures: PicturePool, cache: Cache) -> Self {
        Self(Arc::new(Parts { client, pictures, cache, remembered: Mutex::default() }))
    }

    /// The client, for what else is fetched from strangers.
    pub fn client(&self) -> &Client {
        &self.0.client
    }

    /// The card of a link; none for what has nothing to show, or could not be fetched.
    pub async fn card(&self, link: &str) -> Option<Embed> {
        if let Some(known) = self.recall(link) {
            return known;
        }
        let card = card::of(self, link).await;
        self.remember(link, card.clone());
        card
    }

    fn recall(&self, link: &str) -> Option<Option<Embed>> {
        let remembered = self.0.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        let (made, card) = remembered.get(link)?;
        (made.elapsed() < REMEMBERED_FOR).then(|| card.clone())
    }

    fn remember(&self, link: &str, card: Option<Embed>) {
        let mut remembered = self.0.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.len() >= MAX_REMEMBERED {
            remembered.retain(|_, (made, _)| made.elapsed() < REMEMBERED_FOR / 2);
        }
        if remembered.len() < MAX_REMEMBERED {
            remembered.insert(link.to_owned(), (Instant::now(), card));
        }
    }

    /// Name in the cache of what was fetched from an address.
    fn cached_name(url: &str) -> String {
        format!("outside-{}", crate::blobs::hash(url.as_bytes()))
    }

    /// A picture elsewhere, for our proxy: from the cache, or fetched. `None` for what is no raster picture, or too large.
    pub async fn picture(&self, url: &str) -> Option<bytes::Bytes> {
        let (cache, name) = (self.0.cache.clone(), Self::cached_name(url));
        let _turn = cache.turn(&name).await;
        let (kept, file) = (cache.clone(), name.clone());
        if let Ok(Ok(Some(bytes))) = tokio::task::spawn_blocking(move || kept.get(&file)).await {
            return Some(bytes.into());
        }
        let fetched = self.0.client.get(url, client::MAX_PICTURE_BYTES).await.ok()?;
        self.keep(url, fetched.bytes).await
    }

    /// Keeps what was fetched from an address, if it is a raster picture.
    async fn keep(&self, url: &str, bytes: bytes::Bytes) -> Option<bytes::Bytes> {
        use crate::logic::sniff::{FileKind, sniff};
        if sniff(&bytes).kind != FileKind::Picture {
            return None;
        }
        let (cache, name, kept) = (self.0.cache.clone(), Self::cached_name(url), bytes.clone());
        // A full disk costs a second fetch, not the picture.
        let _ = tokio::task::spawn_blocking(move || cache.put(&name, &kept)).await;
        Some(bytes)
    }

    /// Size of a picture elsewhere, pixels.
    async fn size(&self, url: &str, bytes: bytes::Bytes) -> Option<(u32, u32)> {
        let bytes = self.keep(url, bytes).await?;
        let memory_bytes = bytes.len() as u64;
        let seen =
            self.0.pictures.run(memory_bytes, move || crate::blobs::picture::look(&bytes)).await.ok()??;
        Some((seen.width, seen.height))
    }
}
