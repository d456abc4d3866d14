//! A message's files as the API shows them: signed addresses, and references to them from embeds and components resolved.

use serde_json::Value;

use crate::logic::file_name;
use crate::model::{Attachment, ChannelId, Embed, EmbedMedia};
use crate::store::{AttachmentRow, MessageRow, View};

/// What refers to a file of the same message by its name (API.md §1.10).
const REFERENCE: &str = "attachment://";
/// Deepest nesting of components that is looked through.
const MAX_DEPTH: usize = 16;

/// Files, embeds and components of a message.
pub struct Shown {
    /// Files that nothing refers to.
    pub attachments: Vec<Attachment>,
    /// Embeds whose pictures are addresses.
    pub embeds: Vec<Embed>,
    /// Components whose media are addresses.
    pub components: Vec<Value>,
}

/// Shows them, with addresses that are good for a day.
pub fn files(view: &View<'_>, channel: ChannelId, row: &MessageRow, components: Vec<Value>) -> Shown {
    if row.attachments.is_empty() && row.embeds.is_empty() && components.is_empty() {
        return Shown { attachments: Vec::new(), embeds: Vec::new(), components };
    }
    let attachments = row.attachments.iter().map(|file| attachment(view, channel, file)).collect();
    let mut resolver = Resolver { view, attachments, used: Vec::new() };
    let mut embeds = row.embeds.clone();
    for embed in &mut embeds {
        resolver.embed(embed);
    }
    let mut components = components;
    for component in &mut components {
        resolver.component(component, MAX_DEPTH);
    }
    let Resolver { attachments, used, .. } = resolver;
    let is_free = |file: &Attachment| !used.contains(&file.id);
    Shown { attachments: attachments.into_iter().filter(is_free).collect(), embeds, components }
}

/// One file.
fn attachment(view: &View<'_>, channel: ChannelId, row: &AttachmentRow) -> Attachment {
    let url = view.links().attachment(channel, row.id, &row.filename, view.now_ms() / 1_000);
    let file = &row.file;
    Attachment {
        id: row.id,
        filename: row.filename.clone(),
        title: row.title.clone(),
        description: row.description.clone(),
        content_type: file.media_type.clone(),
        size: file.size_bytes,
        proxy_url: url.clone(),
        poster_url: row.poster.map(|_| format!("{url}format=jpeg")),
        url,
        width: file.width,
        height: file.height,
        placeholder: file.placeholder.clone(),
        placeholder_version: file.placeholder.as_ref().map(|_| 1),
        duration_secs: file.duration_ms.map(|ms| ms as f64 / 1_000.0),
        waveform: row.waveform.clone(),
        flags: row.flags,
    }
}

struct Resolver<'v, 'a> {
    view: &'v View<'a>,
    attachments: Vec<Attachment>,
    used: Vec<crate::model::AttachmentId>,
}

impl Resolver<'_, '_> {
    fn embed(&mut self, embed: &mut Embed) {
        for media in [&mut embed.image, &mut embed.thumbnail, &mut embed.video].into_iter().flatten() {
            self.media(media);
        }
        if let Some(author) = &mut embed.author {
            self.icon(&mut author.icon_url, &mut author.proxy_icon_url);
        }
        if let Some(provider) = &mut embed.provider {
            self.icon(&mut provider.icon_url, &mut provider.proxy_icon_url);
        }
        if let Some(footer) = &mut embed.footer {
            self.icon(&mut footer.icon_url, &mut footer.proxy_icon_url);
        }
    }

    fn media(&mut self, media: &mut EmbedMedia) {
        let Some(url) = media.url.clone() else { return };
        if let Some(file) = self.named(&url) {
            (media.url, media.proxy_url) = (Some(file.url), Some(file.proxy_url));
            (media.width, media.height) = (file.width, file.height);
            return;
        }
        (media.url, media.proxy_url) = self.outside(url);
    }

    fn icon(&mut self, icon: &mut Option<String>, proxy: &mut Option<String>) {
        let Some(url) = icon.clone() else { return };
        (*icon, *proxy) = match self.named(&url) {
            Some(file) => (Some(file.url), Some(file.proxy_url)),
            None => self.outside(url),
        };
    }

    /// An address that is no file of this message: one of ours is signed anew, one elsewhere is shown by way of our proxy.
    fn outside(&self, url: String) -> (Option<String>, Option<String>) {
        let links = self.view.links();
        let Some((channel, id)) = links.parse_attachment(&url) else {
            let proxy = links.external(&url);
            return (Some(url), proxy);
        };
        match self.view.attachment(channel, id) {
            Ok(Some(file)) => {
                let url = links.attachment(channel, id, &file.filename, self.view.now_ms() / 1_000);
                (Some(url.clone()), Some(url))
            }
            Ok(None) | Err(_) => (Some(url.clone()), Some(url)),
        }
    }

    /// The file that `attachment://name` means, which then shows there and not in the list.
    fn named(&mut self, url: &str) -> Option<Attachment> {
        let name = url.strip_prefix(REFERENCE)?;
        let cleaned = file_name::clean(name);
        let file = self.attachments.iter().find(|file| file.filename == name || file.filename == cleaned)?;
        self.used.push(file.id);
        Some(file.clone())
    }

    fn component(&mut self, value: &mut Value, depth: usize) {
        if depth == 0 {
            return;
        }
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| self.component(item, depth - 1)),
            Value::Object(object) => {
                if let Some(file) = object.get("url").and_then(Value::as_str).and_then(|url| self.named(url))
                {
                    object.insert("url".to_owned(), file.url.into());
                    object.insert("proxy_url".to_owned(), file.proxy_url.into());
                    object.insert("content_type".to_owned(), file.content_type.into());
                    for (key, pixels) in [("width", file.width), ("height", file.height)] {
                        if let Some(pixels) = pixels {
                            object.insert(key.to_owned(), pixels.into());
                        }
                    }
                    return;
                }
                object.values_mut().for_each(|item| self.component(item, depth - 1));
            }
            _ => {}
        }
    }
}
