//! What a page says about itself in its head: OpenGraph, Twitter cards, JSON-LD, where its oEmbed and its icon are. Tokens and texts are
//! counted, and what is not text is dropped.

use html5gum::emitters::default::DefaultEmitter;
use html5gum::{Token, Tokenizer};
use serde_json::Value;

/// Most tags that are looked at.
const MAX_TAGS: usize = 5_000;
/// Longest text that is kept of anything, bytes; fields are cut again where they are shown.
const MAX_TEXT_BYTES: usize = 8 << 10;
/// Longest JSON-LD that is read, bytes.
const MAX_JSON_BYTES: usize = 64 << 10;
/// Deepest JSON-LD that is searched.
const MAX_JSON_DEPTH: usize = 6;
/// Most pictures that are noted.
const MAX_IMAGES: usize = 4;

/// What was found; every field as the page wrote it, addresses not resolved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Its title.
    pub title: Option<String>,
    /// What it is about.
    pub description: Option<String>,
    /// The site.
    pub site_name: Option<String>,
    /// Who wrote it.
    pub author: Option<String>,
    /// OpenGraph's type of it, such as `article` or `video.other`.
    pub kind: Option<String>,
    /// Its colour, as `#rrggbb`.
    pub theme_color: Option<String>,
    /// Pictures, the best first.
    pub images: Vec<Image>,
    /// A video file.
    pub video: Option<String>,
    /// Whether the picture is to be shown large.
    pub is_large: bool,
    /// Where its oEmbed is, as JSON.
    pub oembed: Option<String>,
    /// Its icon.
    pub icon: Option<String>,
}

/// A picture that a page names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    /// Where it is.
    pub url: String,
    /// What is on it.
    pub alt: Option<String>,
}

/// A page while it is read: OpenGraph goes before Twitter, Twitter before JSON-LD, and that before plain HTML.
#[derive(Default)]
struct Reader {
    page: Page,
    og: Page,
    twitter: Page,
    linked: Page,
    /// Whose text is being gathered.
    within: Option<Within>,
    text: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq)]
enum Within {
    Title,
    JsonLd,
}

/// Reads the head of a page, which may be cut anywhere.
pub fn read(html: &[u8]) -> Page {
    let mut reader = Reader::default();
    let mut emitter = DefaultEmitter::default();
    // The tokenizer knows no tree: this makes what is inside titles and scripts text to their end.
    emitter.naively_switch_states(true);
    let mut tokens = Tokenizer::new_with_emitter(html, emitter);
    let mut tags = 0;
    while let Some(Ok(token)) = tokens.next() {
        match token {
            Token::StartTag(tag) => {
                tags += 1;
                let name = tag.name.to_vec();
                let attribute = |wanted: &str| {
                    let found = tag.attributes.iter().find(|(name, _)| name.as_slice() == wanted.as_bytes());
                    found.map(|(_, value)| String::from_utf8_lossy(value).into_owned())
                };
                if tags > MAX_TAGS || name == b"body" {
                    break;
                }
                reader.start(&name, attribute);
            }
            Token::String(text) if reader.within.is_some() && reader.text.len() < MAX_JSON_BYTES => {
                reader.text.extend_from_slice(&text);
            }
            Token::EndTag(tag) if matches!(tag.name.as_slice(), b"title" | b"script") => reader.end(),
            Token::EndTag(tag) if tag.name.as_slice() == b"head" => break,
            _ => {}
        }
    }
    reader.finish()
}

impl Reader {
    fn start(&mut self, name: &[u8], attribute: impl Fn(&str) -> Option<String>) {
        self.within = None;
        self.text.clear();
        let is = |name: &str, wanted: &str| {
            attribute(name).is_some_and(|value| value.eq_ignore_ascii_case(wanted))
        };
        match name {
            b"title" => self.within = Some(Within::Title),
            b"script" if is("type", "application/ld+json") => self.within = Some(Within::JsonLd),
            b"meta" => {
                let name =
                    attribute("property").or_else(|| attribute("name")).or_else(|| attribute("itemprop"));
                if let (Some(name), Some(content)) = (name, attribute("content")) {
                    self.meta(&name.to_ascii_lowercase(), clean(&content));
                }
            }
            b"link" => {
                let (Some(rel), Some(href)) = (attribute("rel"), attribute("href")) else { return };
                let has = |word: &str| rel.split_ascii_whitespace().any(|own| own.eq_ignore_ascii_case(word));
                if has("alternate") && is("type", "application/json+oembed") {
                    self.page.oembed.get_or_insert(href);
                } else if has("icon") {
                    self.page.icon.get_or_insert(href);
                }
            }
            _ => {}
        }
    }

    fn meta(&mut self, name: &str, content: String) {
        if content.is_empty() {
            return;
        }
        let set = |field: &mut Option<String>| {
            field.get_or_insert(content.clone());
        };
        match name {
            "og:title" => set(&mut self.og.title),
            "og:description" => set(&mut self.og.description),
            "og:site_name" => set(&mut self.og.site_name),
            "og:type" => set(&mut self.og.kind),
            "og:video:secure_url" | "og:video:url" | "og:video" => set(&mut self.og.video),
            "og:image:secure_url" | "og:image" | "og:image:url" => add_image(&mut self.og, content),
            "og:image:alt" => self.og.images.iter_mut().for_each(|image| set(&mut image.alt)),
            "twitter:title" => set(&mut self.twitter.title),
            "twitter:description" => set(&mut self.twitter.description),
            "twitter:image" | "twitter:image:src" => add_image(&mut self.twitter, content),
            "twitter:card" => {
                self.page.is_large |= matches!(content.as_str(), "summary_large_image" | "player")
            }
            "article:author" | "author" | "twitter:creator" => set(&mut self.page.author),
            "description" => set(&mut self.page.description),
            "application-name" => set(&mut self.page.site_name),
            "theme-color" => set(&mut self.page.theme_color),
            _ => {}
        }
    }

    fn end(&mut self) {
        let text = std::mem::take(&mut self.text);
        match self.within.take() {
            Some(Within::Title) => {
                let title = clean(&String::from_utf8_lossy(&text));
                if !title.is_empty() {
                    self.page.title.get_or_insert(title);
                }
            }
            Some(Within::JsonLd) => {
                if let Ok(value) = serde_json::from_slice::<Value>(&text) {
                    linked(&value, &mut self.linked, MAX_JSON_DEPTH);
                }
            }
            None => {}
        }
    }

    fn finish(self) -> Page {
        let Self { page, og, twitter, linked, .. } = self;
        let first = |pick: fn(&Page) -> &Option<String>| {
            [&og, &twitter, &linked, &page].into_iter().find_map(|source| pick(source).clone())
        };
        let images = [&og, &twitter, &linked].into_iter().find(|source| !source.images.is_empty());
        Page {
            title: first(|page| &page.title),
            description: first(|page| &page.description),
            site_name: first(|page| &page.site_name),
            author: first(|page| &page.author),
            kind: og.kind.clone(),
            theme_color: page.theme_color.clone(),
            images: images.map(|source| source.images.clone()).unwrap_or_default(),
            video: og.video.clone(),
            is_large: page.is_large,
            oembed: page.oembed.clone(),
            icon: page.icon.clone(),
        }
    }
}

fn add_image(page: &mut Page, url: String) {
    let is_new = page.images.iter().all(|image| image.url != url);
    if is_new && page.images.len() < MAX_IMAGES {
        page.images.push(Image { url, alt: None });
    }
}

/// What JSON-LD says of the thing that the page is about (schema.org): the first that has a headline or name.
fn linked(value: &Value, page: &mut Page, depth: usize) {
    if depth == 0 {
        return;
    }
    match value {
        Value::Array(items) => items.iter().take(20).for_each(|item| linked(item, page, depth - 1)),
        Value::Object(object) => {
            if let Some(graph) = object.get("@graph") {
                linked(graph, page, depth - 1);
            }
            let text = |name: &str| named(object.get(name)?);
            if page.title.is_none()
                && let Some(title) = text("headline").or_else(|| text("name"))
            {
                page.title = Some(title);
                page.description = text("description");
                page.author = text("author");
                page.site_name = text("publisher");
                if let Some(url) = object.get("image").and_then(address) {
                    add_image(page, url);
                }
            }
        }
        _ => {}
    }
}

/// A text, or the name of a thing or of the first of several.
fn named(value: &Value) -> Option<String> {
    let found = match value {
        Value::String(text) => Some(clean(text)),
        Value::Array(items) => items.first().and_then(named),
        Value::Object(object) => object.get("name").and_then(Value::as_str).map(clean),
        _ => None,
    };
    found.filter(|text| !text.is_empty())
}

/// The address of a picture, written as one, as a thing, or as the first of several.
fn address(value: &Value) -> Option<String> {
    match value {
        Value::String(url) => Some(url.clone()),
        Value::Array(items) => items.first().and_then(address),
        Value::Object(object) => object.get("url").and_then(Value::as_str).map(str::to_owned),
        _ => None,
    }
}

/// A text in one line of words, without control characters, of bounded length.
pub(super) fn clean(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let mut line = String::new();
    for word in words {
        if line.len() + word.len() + 1 > MAX_TEXT_BYTES {
            break;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opengraph_goes_before_twitter_before_json_ld_before_html() {
        let html = br##"<!doctype html><html><head><title> Plain &amp;
            title </title><meta name=description content="plain"><meta name="theme-color" content="#D97757">
            <meta property="og:title" content="Soup &quot;of&quot; the day"><meta property="og:image" content="/soup.png">
            <meta property="og:image:alt" content="a bowl"><meta property="og:site_name" content="Maple House">
            <meta name="twitter:title" content="not this"><meta name="twitter:card" content="summary_large_image">
            <meta name="twitter:description" content="from twitter">
            <script type="application/ld+json">{"@graph":[{"@type":"Article","headline":"nor this","author":[{"name":"Mira"}]}]}</script>
            <script>var x = "<meta property='og:title' content='evil'>";</script>
            <link rel="shortcut icon" href="/favicon.ico"><link rel="alternate" type="application/json+oembed" href="/oembed?x">
            </head><body><meta property="og:description" content="too late">"##;
        let page = read(html);
        assert_eq!(page.title.as_deref(), Some("Soup \"of\" the day"));
        assert_eq!(page.description.as_deref(), Some("from twitter"));
        assert_eq!((page.author.as_deref(), page.site_name.as_deref()), (Some("Mira"), Some("Maple House")));
        assert_eq!(page.images, [Image { url: "/soup.png".into(), alt: Some("a bowl".into()) }]);
        assert_eq!((page.icon.as_deref(), page.oembed.as_deref()), (Some("/favicon.ico"), Some("/oembed?x")));
        assert!(page.is_large && page.theme_color.as_deref() == Some("#D97757"));
        assert_eq!(read(b"<title>a\nb</title>").title.as_deref(), Some("a b"));
    }

    #[test]
    fn hostile_heads_are_bounded() {
        let deep = format!("<script type='application/ld+json'>{}", "[".repeat(100_000));
        let many = "<meta property='og:image' content='/x'>".repeat(20_000);
        let long = format!("<title>{}", "a ".repeat(1_000_000));
        for html in
            [deep.as_str(), &many, &long, "<", "<title", "<meta content=", "\u{0}<head>", "<title></title>"]
        {
            let page = read(html.as_bytes());
            assert!(
                page.images.len() <= MAX_IMAGES
                    && page.title.is_none_or(|title| title.len() <= MAX_TEXT_BYTES)
            );
        }
        assert_eq!(read(&[0xff, 0xfe, b'<', b't']), Page::default());
    }
}
