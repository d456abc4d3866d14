//! From a link to its card: what is there is fetched, a page is asked what it says of itself, a picture or video shows as it is.

use bytes::Bytes;
use serde_json::Value;
use url::Url;

use super::Unfurler;
use super::client::{Fetched, MAX_PAGE_BYTES, MAX_PICTURE_BYTES};
use super::page::{self, Page};
use crate::logic::sniff::{FileKind, is_markup, sniff};
use crate::model::{Embed, EmbedAuthor, EmbedMedia, EmbedProvider};

/// Most code points of a title and of a description in a card.
const MAX_TITLE_CHARS: usize = 256;
const MAX_DESCRIPTION_CHARS: usize = 350;
/// Most bytes of an oEmbed.
const MAX_OEMBED_BYTES: usize = 64 << 10;
/// A picture at least so wide is shown large where its page does not say.
const LARGE_WIDTH: u32 = 600;

/// The card of a link.
pub(super) async fn of(unfurler: &Unfurler, link: &str) -> Option<Embed> {
    let fetched = match unfurler.client().get(link, MAX_PICTURE_BYTES).await {
        Ok(fetched) => fetched,
        Err(error) => {
            tracing::debug!(%error, "a link has no card");
            return None;
        }
    };
    let url = fetched.url.to_string();
    let base = Embed { url: Some(link.to_owned()), ..Embed::default() };
    match sniff(&fetched.bytes).kind {
        FileKind::Picture if !fetched.is_cut => {
            let size = unfurler.size(&url, fetched.bytes).await?;
            Some(Embed { kind: "image".to_owned(), thumbnail: Some(media(url, Some(size))), ..base })
        }
        FileKind::Video => Some(Embed { kind: "video".to_owned(), video: Some(media(url, None)), ..base }),
        FileKind::Audio => {
            let title = fetched.url.path_segments().and_then(|mut parts| parts.next_back()).map(page::clean);
            Some(Embed { kind: "link".to_owned(), title: title.filter(|name| !name.is_empty()), ..base })
        }
        FileKind::Text if is_html(&fetched) => of_page(unfurler, fetched, base).await,
        _ => None,
    }
}

fn is_html(fetched: &Fetched) -> bool {
    fetched.content_type.contains("html") || (fetched.content_type.is_empty() && is_markup(&fetched.bytes))
}

async fn of_page(unfurler: &Unfurler, fetched: Fetched, base: Embed) -> Option<Embed> {
    let head = fetched.bytes.slice(..fetched.bytes.len().min(MAX_PAGE_BYTES));
    let found = tokio::task::spawn_blocking(move || page::read(&head)).await.ok()?;
    let oembed = match found.oembed.as_ref().and_then(|href| fetched.url.join(href).ok()) {
        Some(url) => oembed(unfurler, &url).await,
        None => None,
    };
    let text = |name: &str| oembed.as_ref().and_then(|oembed| oembed.get(name)?.as_str().map(page::clean));
    let title = found.title.clone().or_else(|| text("title"));
    let description = found.description.clone().map(|text| cut(text, MAX_DESCRIPTION_CHARS));
    let picture = picture(unfurler, &fetched.url, &found, text("thumbnail_url")).await;
    if title.is_none() && description.is_none() && picture.is_none() {
        return None;
    }
    let is_large =
        found.is_large || picture.as_ref().is_some_and(|media| media.width.unwrap_or(0) >= LARGE_WIDTH);
    let kind = if is_large && picture.is_some() { "article" } else { "link" };
    let (image, thumbnail) = if is_large { (picture, None) } else { (None, picture) };
    let absolute = |href: &String| fetched.url.join(href).ok().filter(is_web).map(String::from);
    Some(Embed {
        kind: kind.to_owned(),
        title: title.map(|title| cut(title, MAX_TITLE_CHARS)),
        description,
        color: found.theme_color.as_deref().and_then(colour),
        image,
        thumbnail,
        author: found.author.clone().or_else(|| text("author_name")).map(|name| EmbedAuthor {
            name: Some(cut(name, MAX_TITLE_CHARS)),
            url: text("author_url").and_then(|href| absolute(&href)),
            ..EmbedAuthor::default()
        }),
        provider: Some(EmbedProvider {
            name: found
                .site_name
                .clone()
                .or_else(|| text("provider_name"))
                .map(|name| cut(name, MAX_TITLE_CHARS)),
            url: Some(fetched.url.origin().ascii_serialization()),
            icon_url: found.icon.as_ref().and_then(absolute),
            proxy_icon_url: None,
        }),
        ..base
    })
}

fn is_web(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
}

/// The first picture of a page that can be fetched, with its size.
async fn picture(
    unfurler: &Unfurler,
    base: &Url,
    page: &Page,
    thumbnail: Option<String>,
) -> Option<EmbedMedia> {
    let named = page.images.iter().map(|image| image.url.clone()).chain(thumbnail);
    let url = named.filter_map(|href| base.join(&href).ok()).find(is_web)?;
    let fetched = unfurler.client().get(url.as_str(), MAX_PICTURE_BYTES).await.ok()?;
    let whole: Option<Bytes> = (!fetched.is_cut).then_some(fetched.bytes);
    let size = unfurler.size(url.as_str(), whole?).await?;
    Some(media(url.to_string(), Some(size)))
}

async fn oembed(unfurler: &Unfurler, url: &Url) -> Option<Value> {
    let fetched = unfurler.client().get(url.as_str(), MAX_OEMBED_BYTES).await.ok()?;
    serde_json::from_slice(&fetched.bytes).ok().filter(Value::is_object)
}

fn media(url: String, size: Option<(u32, u32)>) -> EmbedMedia {
    EmbedMedia { url: Some(url), proxy_url: None, width: size.map(|(w, _)| w), height: size.map(|(_, h)| h) }
}

/// At most so many code points; what was cut ends in an ellipsis.
fn cut(text: String, most: usize) -> String {
    if text.chars().count() <= most {
        return text;
    }
    let mut kept: String = text.chars().take(most - 1).collect();
    kept.truncate(kept.trim_end().len());
    kept + "…"
}

/// `#rgb` or `#rrggbb`.
fn colour(text: &str) -> Option<u32> {
    let digits = text.trim().strip_prefix('#')?;
    let value = u32::from_str_radix(digits, 16).ok()?;
    match digits.len() {
        6 => Some(value),
        3 => Some(
            [8, 4, 0].into_iter().fold(0, |colour, shift| (colour << 8) | (((value >> shift) & 0xf) * 0x11)),
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_and_colours_read() {
        assert_eq!(
            (cut("soup".into(), 4), cut("soup pot".into(), 6)),
            ("soup".to_owned(), "soup…".to_owned())
        );
        assert_eq!(
            (colour("#D97757"), colour("#fa0"), colour("red"), colour("#12345678")),
            (Some(0xd9_7757), Some(0xff_aa00), None, None)
        );
    }
}
