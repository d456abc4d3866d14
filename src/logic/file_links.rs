//! Addresses of files: those of attachments are signed and end with time, those of pictures elsewhere are signed for our proxy
//! (API.md §1.12). Who holds no key can make neither.

use std::fmt::Write as _;

use aws_lc_rs::hmac;
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::model::{AttachmentId, ChannelId};

/// How long an attachment's address is good, seconds.
pub const LIFE_SECS: u64 = 24 * 60 * 60;
/// Addresses made within this time are equal, so that caches know a file again; seconds.
const STEP_SECS: u64 = 60 * 60;
/// What stays as it is in a part of a path.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Makes addresses of files, and knows its own again.
pub struct FileLinks {
    base: String,
    key: hmac::Key,
}

/// The signed part of an attachment's address: the three keys of its query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// End, seconds of Unix time.
    pub expires_secs: u64,
    /// When it was made, seconds of Unix time.
    pub issued_secs: u64,
    /// The HMAC, 64 hexadecimal digits.
    pub hmac: String,
}

impl Signature {
    /// Reads `ex`, `is` and `hm` out of a query string; others are passed over.
    pub fn parse(query: &str) -> Option<Self> {
        let value = |name: &str| {
            query
                .split('&')
                .find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name))
                .map(|(_, v)| v)
        };
        let secs = |name| u64::from_str_radix(value(name)?, 16).ok();
        Some(Self { expires_secs: secs("ex")?, issued_secs: secs("is")?, hmac: value("hm")?.to_owned() })
    }
}

impl FileLinks {
    /// Links below `base` (no slash at its end), signed with `key`.
    pub fn new(base: String, key: &[u8; 32]) -> Self {
        Self { base, key: hmac::Key::new(hmac::HMAC_SHA256, key) }
    }

    /// Where files are fetched from, without a slash at the end.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The address of an attachment, good for a day from the hour in which it is made.
    pub fn attachment(
        &self,
        channel: ChannelId,
        attachment: AttachmentId,
        filename: &str,
        now_secs: u64,
    ) -> String {
        let issued_secs = now_secs - now_secs % STEP_SECS;
        let expires_secs = issued_secs + LIFE_SECS;
        let path = format!("/attachments/{channel}/{attachment}/{}", utf8_percent_encode(filename, PATH));
        let signed = signed_text(channel, attachment, expires_secs, issued_secs);
        let hmac = hex(hmac::sign(&self.key, signed.as_bytes()).as_ref());
        format!("{}{path}?ex={expires_secs:x}&is={issued_secs:x}&hm={hmac}&", self.base)
    }

    /// Whether an attachment's address is ours and not over. The file's name is not signed: it is looked up.
    pub fn is_good(
        &self,
        channel: ChannelId,
        attachment: AttachmentId,
        signature: &Signature,
        now_secs: u64,
    ) -> bool {
        let Signature { expires_secs, issued_secs, hmac } = signature;
        let signed = signed_text(channel, attachment, *expires_secs, *issued_secs);
        *expires_secs > now_secs && self.is_signed(&signed, hmac)
    }

    /// Channel and attachment of an address of ours, signed or not, expired or not; `None` for any other.
    pub fn parse_attachment(&self, url: &str) -> Option<(ChannelId, AttachmentId)> {
        let rest = url.strip_prefix(&self.base)?.strip_prefix("/attachments/")?;
        let path = rest.split(['?', '#']).next()?;
        let mut parts = path.split('/');
        let (channel, attachment) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        (parts.next().is_some_and(|name| !name.is_empty()) && parts.next().is_none())
            .then_some((channel, attachment))
    }

    /// The address of our proxy for something elsewhere on the web.
    pub fn external(&self, url: &str) -> Option<String> {
        let (scheme, rest) = url.split_once("://")?;
        if !matches!(scheme, "http" | "https") {
            return None;
        }
        // As it comes back from a browser: what is not ASCII is escaped in an address.
        let rest = utf8_percent_encode(rest.split('#').next().unwrap_or_default(), CONTROLS).to_string();
        let hmac =
            hex(hmac::sign(&self.key, external_text(&format!("{scheme}://{rest}")).as_bytes()).as_ref());
        let (path, query) =
            rest.split_once('?').map_or((rest.as_str(), None), |(path, query)| (path, Some(query)));
        let mut link = format!("{}/external/{hmac}/{scheme}/{path}", self.base);
        if let Some(query) = query {
            let _ = write!(link, "?q={}", utf8_percent_encode(query, PATH));
        }
        Some(link)
    }

    /// Whether we made the proxy's address of this one.
    pub fn is_external(&self, url: &str, hmac: &str) -> bool {
        self.is_signed(&external_text(url), hmac)
    }

    fn is_signed(&self, text: &str, hex: &str) -> bool {
        let Some(tag) = crate::model::BlobHash::parse(hex) else { return false };
        hmac::verify(&self.key, text.as_bytes(), tag.as_bytes()).is_ok()
    }
}

// The first word keeps a signature of one kind from being good for the other.
fn signed_text(channel: ChannelId, attachment: AttachmentId, expires_secs: u64, issued_secs: u64) -> String {
    format!("attachment {channel} {attachment} {expires_secs:x} {issued_secs:x}")
}

fn external_text(url: &str) -> String {
    format!("external {}", utf8_percent_encode(url, CONTROLS))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_123;

    fn links() -> FileLinks {
        FileLinks::new("https://h.example/cdn".into(), &[7; 32])
    }

    #[test]
    fn an_address_is_good_for_a_day_and_for_its_file_only() {
        let (channel, file) = (ChannelId::new(17), AttachmentId::new(18));
        let url = links().attachment(channel, file, "Ü b.png", NOW);
        let (path, query) = url.split_once('?').unwrap();
        assert_eq!(path, "https://h.example/cdn/attachments/17/18/%C3%9C%20b.png");
        let signature = Signature::parse(query).unwrap();
        let good = |signature: &Signature, now| links().is_good(channel, file, signature, now);
        assert!(good(&signature, NOW));
        assert!(good(&signature, signature.expires_secs - 1) && !good(&signature, signature.expires_secs));
        assert!(!links().is_good(channel, AttachmentId::new(19), &signature, NOW));
        assert!(!links().is_good(ChannelId::new(18), file, &signature, NOW));
        assert!(!FileLinks::new(String::new(), &[8; 32]).is_good(channel, file, &signature, NOW));
        let longer = Signature { expires_secs: signature.expires_secs + 1, ..signature.clone() };
        assert!(!good(&longer, NOW));
        let mut flipped = signature.clone();
        flipped.hmac.replace_range(..1, if flipped.hmac.starts_with('0') { "1" } else { "0" });
        assert!(!good(&flipped, NOW));
        for bad in ["", "ex=1", "ex=1&is=2", "ex=x&is=1&hm=0", "ex=1&is=-1&hm=0"] {
            assert_eq!(Signature::parse(bad), None, "{bad}");
        }
        assert_eq!(links().attachment(channel, file, "Ü b.png", NOW + 1), url, "the same within the hour");
        assert_eq!(links().parse_attachment(&url), Some((channel, file)));
        for other in [
            "https://h.example/cdn/attachments/17/18",
            "https://x/cdn/attachments/1/2/a",
            "",
            "https://h.example/cdn/attachments/17/18/a/b",
        ] {
            assert_eq!(links().parse_attachment(other), None, "{other}");
        }
    }

    #[test]
    fn our_proxy_takes_no_address_it_did_not_make() {
        let url = "http://example.org/a/b.png?x=1&y=ä";
        let link = links().external(url).unwrap();
        let rest = link.strip_prefix("https://h.example/cdn/external/").unwrap();
        let (hmac, path) = rest.split_once('/').unwrap();
        assert!(path.starts_with("http/example.org/a/b.png?q=x%3D1%26y%3D"), "{path}");
        assert!(links().is_external(url, hmac));
        assert!(!links().is_external("http://example.org/a/c.png", hmac));
        assert!(!links().is_external(url, "00") && links().external("file:///etc/passwd").is_none());
    }
}
