//! Embeds as bots and people send them: read from JSON within the limits of API.md §5. What a viewer's client renders is untrusted,
//! so addresses have one of few schemes, and what only the server sets (video, provider, sizes, proxies) is not read at all.

use serde_json::Value;

use super::field::FieldFault;
use super::form::kinds::{Kind, List, Standin, boolean, colour, list, object, parsed, text};
use super::form::{Definitions, FaultTree, Fields, Form};
use crate::model::{Embed, EmbedAuthor, EmbedField, EmbedFooter, EmbedMedia, Timestamp};

/// Most embeds of a message.
pub const MAX_EMBEDS: usize = 10;
/// Most code points of all embeds of a message together.
pub const MAX_EMBED_CHARS: usize = 6_000;
/// Most code points of a title, a field's name, an author's name.
pub const MAX_NAME_CHARS: usize = 256;
/// Most code points of a description.
pub const MAX_DESCRIPTION_CHARS: usize = 4_096;
/// Most fields of an embed.
pub const MAX_FIELDS: usize = 25;
/// Most code points of a field's value.
pub const MAX_VALUE_CHARS: usize = 1_024;
/// Most code points of a footer.
pub const MAX_FOOTER_CHARS: usize = 2_048;
/// Most code points of an address.
pub const MAX_URL_CHARS: usize = 2_048;

/// Schemes of addresses that are followed.
const LINK_SCHEMES: [&str; 2] = ["http", "https"];
/// Schemes of pictures: `attachment://name` is a file of the same message (API.md §1.10).
const PICTURE_SCHEMES: [&str; 3] = ["http", "https", "attachment"];
/// The type of every embed that is sent; the others are link previews.
pub const RICH: &str = "rich";

/// The embeds of a message: `f.or("embeds", embed::embeds(), Vec::new())`.
pub fn embeds() -> Embeds {
    Embeds(list(object(), MAX_EMBEDS))
}

/// The kind of field that [`embeds`] makes.
pub struct Embeds(List<super::form::kinds::Object<Embed>>);

impl Kind for Embeds {
    type Out = Vec<Embed>;

    fn read(&self, value: &Value) -> Result<Vec<Embed>, FaultTree> {
        let embeds = self.0.read(value)?;
        let mut faults = FaultTree::default();
        for (index, _) in embeds.iter().enumerate().filter(|(_, embed)| is_blank(embed)) {
            faults.merge_below(index.to_string(), FaultTree::of("description", FieldFault::required()));
        }
        if embeds.iter().map(chars).sum::<usize>() > MAX_EMBED_CHARS {
            faults.add_here(FieldFault::embeds_too_large(MAX_EMBED_CHARS));
        }
        if faults.is_empty() { Ok(embeds) } else { Err(faults) }
    }

    fn schema(&self, defs: &mut Definitions) -> Value {
        self.0.schema(defs)
    }
}

impl Standin for Embeds {
    fn stand_in(&self) -> Vec<Embed> {
        Vec::new()
    }
}

/// Code points that count towards [`MAX_EMBED_CHARS`].
pub fn chars(embed: &Embed) -> usize {
    let fields = embed.fields.iter().flat_map(|field| [Some(&field.name), Some(&field.value)]);
    let texts = [
        embed.title.as_ref(),
        embed.description.as_ref(),
        embed.footer.as_ref().and_then(|footer| footer.text.as_ref()),
        embed.author.as_ref().and_then(|author| author.name.as_ref()),
    ];
    texts.into_iter().chain(fields).flatten().map(|text| text.chars().count()).sum()
}

/// Names of files that an embed's pictures refer to as `attachment://name`.
pub fn attached_files(embed: &Embed) -> impl Iterator<Item = &str> {
    let media =
        [&embed.image, &embed.thumbnail].into_iter().flatten().filter_map(|media| media.url.as_deref());
    let author = embed.author.as_ref().and_then(|author| author.icon_url.as_deref());
    let footer = embed.footer.as_ref().and_then(|footer| footer.icon_url.as_deref());
    media.chain(author).chain(footer).filter_map(|url| url.strip_prefix("attachment://"))
}

/// Whether there is nothing to show.
fn is_blank(embed: &Embed) -> bool {
    let Embed { title, description, footer, image, thumbnail, video, author, fields, .. } = embed;
    let has_text = title.is_some() || description.is_some() || footer.is_some() || author.is_some();
    let has_picture = image.is_some() || thumbnail.is_some() || video.is_some();
    !has_text && !has_picture && fields.is_empty()
}

impl Form for Embed {
    fn read(f: &mut Fields<'_>) -> Self {
        Self {
            kind: RICH.to_owned(),
            title: line(f, "title", MAX_NAME_CHARS),
            description: line(f, "description", MAX_DESCRIPTION_CHARS),
            url: f.opt("url", parsed(link)),
            timestamp: f.opt("timestamp", parsed(timestamp)),
            color: f.opt("color", colour()),
            footer: f.opt("footer", object()),
            image: f.opt("image", object()),
            thumbnail: f.opt("thumbnail", object()),
            video: None,
            provider: None,
            author: f.opt("author", object()),
            fields: f.or("fields", list(object(), MAX_FIELDS), Vec::new()),
        }
    }
}

impl Form for EmbedField {
    fn read(f: &mut Fields<'_>) -> Self {
        Self {
            name: f.need("name", text(1..=MAX_NAME_CHARS)),
            value: f.need("value", text(1..=MAX_VALUE_CHARS)),
            inline: f.or("inline", boolean(), false),
        }
    }
}

impl Form for EmbedFooter {
    fn read(f: &mut Fields<'_>) -> Self {
        Self {
            text: Some(f.need("text", text(1..=MAX_FOOTER_CHARS))),
            icon_url: f.opt("icon_url", parsed(picture)),
            proxy_icon_url: None,
        }
    }
}

impl Form for EmbedAuthor {
    fn read(f: &mut Fields<'_>) -> Self {
        Self {
            name: Some(f.need("name", text(1..=MAX_NAME_CHARS))),
            url: f.opt("url", parsed(link)),
            icon_url: f.opt("icon_url", parsed(picture)),
            proxy_icon_url: None,
        }
    }
}

impl Form for EmbedMedia {
    fn read(f: &mut Fields<'_>) -> Self {
        Self { url: Some(f.need("url", parsed(picture))), ..Self::default() }
    }
}

/// A text that may be left empty, which is as good as absent.
fn line(f: &mut Fields<'_>, name: &'static str, most: usize) -> Option<String> {
    f.opt(name, text(0..=most)).filter(|text| !text.is_empty())
}

/// A time in any ISO 8601 form, as the API writes times: libraries refuse others (API.md §1.3).
fn timestamp(raw: &str) -> Result<String, FieldFault> {
    Timestamp::parse(raw).map(|time| time.to_string()).ok_or_else(FieldFault::not_timestamp)
}

fn link(raw: &str) -> Result<String, FieldFault> {
    address(raw, &LINK_SCHEMES)
}

fn picture(raw: &str) -> Result<String, FieldFault> {
    address(raw, &PICTURE_SCHEMES)
}

/// Checks that an address is `scheme://something` without spaces, quotes or control characters. The scheme is written in lower case.
fn address(raw: &str, schemes: &[&str]) -> Result<String, FieldFault> {
    let raw = raw.trim();
    if raw.chars().count() > MAX_URL_CHARS {
        return Err(FieldFault::too_long(MAX_URL_CHARS));
    }
    let is_odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '"' | '\\');
    let (scheme, rest) = raw.split_once("://").unwrap_or_default();
    let scheme = schemes.iter().find(|known| known.eq_ignore_ascii_case(scheme));
    let has_host = !rest.is_empty() && !rest.starts_with(['/', '?', '#', ':', '@']);
    match scheme {
        Some(scheme) if has_host && !rest.contains(is_odd) => Ok(format!("{scheme}://{rest}")),
        _ => Err(FieldFault::bad_scheme(schemes)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: Value) -> Result<Vec<Embed>, Value> {
        embeds().read(&value).map_err(|faults| serde_json::to_value(faults).unwrap())
    }

    fn code(faults: &Value, pointer: &str) -> String {
        let fault = faults.pointer(pointer).and_then(|faults| faults["_errors"][0]["code"].as_str());
        fault.unwrap_or_else(|| panic!("no fault at {pointer} in {faults}")).to_owned()
    }

    #[test]
    fn a_whole_embed_is_read_and_shows_again() {
        let sent = json!([{
            "type": "video", "title": "  Hearth ", "description": "x", "url": "HTTPS://chat.example.org/a?b#c",
            "timestamp": "2026-03-09T17:04:05.123Z", "color": "255", "provider": { "name": "forged" },
            "footer": { "text": "f", "icon_url": "attachment://foot.png", "proxy_icon_url": "http://evil" },
            "image": { "url": "attachment://a.png", "width": 5 }, "author": { "name": "a", "url": "http://h" },
            "fields": [{ "name": "n", "value": "v", "inline": true }, { "name": "m", "value": "w" }],
        }]);
        let embeds = read(sent).unwrap();
        assert_eq!(attached_files(&embeds[0]).collect::<Vec<_>>(), ["a.png", "foot.png"]);
        assert_eq!(
            serde_json::to_value(&embeds).unwrap(),
            json!([{
                "type": "rich", "title": "Hearth", "description": "x", "url": "https://chat.example.org/a?b#c",
                "timestamp": "2026-03-09T17:04:05.123000+00:00", "color": 255,
                "footer": { "text": "f", "icon_url": "attachment://foot.png" },
                "image": { "url": "attachment://a.png" }, "author": { "name": "a", "url": "http://h" },
                "fields": [{ "name": "n", "value": "v", "inline": true }, { "name": "m", "value": "w", "inline": false }],
            }])
        );
        let stored = minicbor::to_vec(&embeds).unwrap();
        assert_eq!(minicbor::decode::<Vec<Embed>>(&stored).unwrap(), embeds);
    }

    #[test]
    fn every_limit_faults_its_own_field_at_once() {
        let long = |most: usize| "ü".repeat(most + 1);
        let faults = read(json!([{
            "title": long(256), "description": long(4_096), "color": 16_777_216, "timestamp": "soon",
            "footer": { "text": long(2_048) }, "author": { "name": long(256), "url": "javascript:alert(1)" },
            "image": {}, "fields": [{ "name": "", "value": long(1_024) }, 7],
        }]))
        .unwrap_err();
        for (pointer, expected) in [
            ("/0/title", "BASE_TYPE_MAX_LENGTH"),
            ("/0/description", "BASE_TYPE_MAX_LENGTH"),
            ("/0/color", "NUMBER_TYPE_MAX"),
            ("/0/timestamp", "DATE_TIME_TYPE_PARSE"),
            ("/0/footer/text", "BASE_TYPE_BAD_LENGTH"),
            ("/0/author/name", "BASE_TYPE_BAD_LENGTH"),
            ("/0/author/url", "URL_TYPE_INVALID_SCHEME"),
            ("/0/image/url", "BASE_TYPE_REQUIRED"),
            ("/0/fields/0/name", "BASE_TYPE_BAD_LENGTH"),
            ("/0/fields/0/value", "BASE_TYPE_BAD_LENGTH"),
            ("/0/fields/1", "MODEL_TYPE_CONVERT"),
        ] {
            assert_eq!(code(&faults, pointer), expected, "{pointer}");
        }
        let fields: Vec<Value> = (0..26).map(|_| json!({ "name": "n", "value": "v" })).collect();
        assert_eq!(
            code(&read(json!([{ "fields": fields }])).unwrap_err(), "/0/fields"),
            "BASE_TYPE_MAX_LENGTH"
        );
        let eleven: Vec<Value> = (0..11).map(|_| json!({ "title": "t" })).collect();
        assert_eq!(code(&read(json!(eleven)).unwrap_err(), ""), "BASE_TYPE_MAX_LENGTH");
    }

    #[test]
    fn all_embeds_together_have_a_limit() {
        let two = |second: usize| json!([{ "description": "d".repeat(4_096) }, { "description": "🎉".repeat(second) }]);
        assert!(read(two(6_000 - 4_096)).is_ok());
        assert_eq!(code(&read(two(6_001 - 4_096)).unwrap_err(), ""), "MAX_EMBED_SIZE_EXCEEDED");
        let parts = json!([{
            "title": "12", "description": "345", "footer": { "text": "6" }, "author": { "name": "78" },
            "fields": [{ "name": "9", "value": "01" }], "url": "http://not.counted",
        }]);
        assert_eq!(chars(&read(parts).unwrap()[0]), 11);
    }

    #[test]
    fn an_embed_of_nothing_is_refused() {
        let faults =
            read(json!([{ "title": "x" }, { "color": 5, "title": " ", "url": "http://h" }])).unwrap_err();
        assert_eq!(code(&faults, "/1/description"), "BASE_TYPE_REQUIRED");
        assert!(faults.get("0").is_none());
        assert!(read(json!([{ "image": { "url": "https://h/i.png" } }])).is_ok());
    }

    #[test]
    fn addresses_keep_to_their_schemes() {
        for bad in [
            "",
            "h",
            "//h",
            "http:/h",
            "http://",
            "http:///p",
            "http://a b",
            "ftp://h",
            "data:image/png,x",
            "javascript://h",
            "http://h\"onload=",
            "http://h\n",
            "http://a\nb",
            "http://<h",
            "http://\\h",
            " http ://h",
            "http://@h",
            "https://:80",
        ] {
            let is_trimmed = bad.trim() != bad && !bad.trim().is_empty() && link(bad.trim()).is_ok();
            assert!(link(bad).is_err() || is_trimmed, "{bad:?}");
        }
        assert_eq!(link(" https://h/ä?q=%20 ").unwrap(), "https://h/ä?q=%20");
        assert!(link("attachment://a.png").is_err() && picture("attachment://a.png").is_ok());
        assert_eq!(link(&format!("http://{}", "h".repeat(2_048))).unwrap_err(), FieldFault::too_long(2_048));
    }
}
