//! What people write, parsed into types that are valid by construction: each `parse` strips, trims, counts code points and answers
//! with the fault to attach to the field (API.md §1.3, §5). What a text mentions or looks like is for others.

use std::fmt;
use std::ops::RangeInclusive;

use super::field::FieldFault;
use crate::model::ChannelKind;

/// Most code points of a message, unless the instance is set otherwise.
pub const MAX_CONTENT_CHARS: usize = 2_000;
/// The most that an instance may allow in a message.
pub const MAX_CONTENT_CHARS_CEILING: usize = 4_000;
/// Least and most code points of a username.
pub const USERNAME_CHARS: RangeInclusive<usize> = 2..=32;

/// Names that would read as mentions of everybody.
const RESERVED_USERNAMES: [&str; 2] = ["everyone", "here"];
/// Words whose bearer could pass for the service itself.
const RESERVED_WORDS: [&str; 2] = ["discord", "system"];

/// How a text is cleaned before it is counted.
#[derive(Clone, Copy, PartialEq)]
enum Lines {
    /// A name: each run of whitespace becomes one space, control characters go.
    One,
    /// A text: inner line breaks and spaces stay.
    Many,
}

/// Strips NUL and outer whitespace; a string of Rust holds no unpaired surrogate.
fn clean(raw: &str, lines: Lines) -> String {
    match lines {
        Lines::Many => raw.replace('\0', "").trim().to_owned(),
        Lines::One => {
            let mut clean = String::with_capacity(raw.len());
            for word in raw.split_whitespace() {
                let before = clean.len();
                clean.extend(word.chars().filter(|c| !c.is_control()));
                if before > 0 && clean.len() > before {
                    clean.insert(before, ' ');
                }
            }
            clean
        }
    }
}

/// Checks a length in code points.
fn fit(text: String, chars: RangeInclusive<usize>) -> Result<String, FieldFault> {
    let (least, most) = (*chars.start(), *chars.end());
    match text.chars().count() {
        count if chars.contains(&count) => Ok(text),
        _ if least == 0 => Err(FieldFault::too_long(most)),
        _ => Err(FieldFault::bad_length(least, most)),
    }
}

/// Declares types of text. Each derives `Default` so that a form can hold one in place of a faulty field; that one is never stored.
macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident $lines:ident $chars:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct $name(String);

        impl $name {
            /// Least and most code points.
            pub const CHARS: RangeInclusive<usize> = $chars;

            /// Cleans and checks what was written.
            ///
            /// # Errors
            /// BASE_TYPE_BAD_LENGTH, or BASE_TYPE_MAX_LENGTH where it may be empty.
            pub fn parse(raw: &str) -> Result<Self, FieldFault> {
                fit(clean(raw, Lines::$lines), Self::CHARS).map(Self)
            }
        }

        text_access! { $name }
    )*};
}

macro_rules! text_access {
    ($($name:ident)*) => {$(
        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Whether nothing is left of what was written.
            pub fn is_empty(&self) -> bool {
                self.0.is_empty()
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

texts! {
    /// The name an account shows in place of its username.
    GlobalName One 1..=32;
    /// A member's name in one guild; an empty one clears it, which the form decides.
    Nick One 1..=32;
    /// The name of a guild.
    GuildName One 2..=100;
    /// What a guild is about.
    GuildDescription Many 0..=300;
    /// The name of a channel or group DM, as written; [`ChannelName::shaped`] for its type.
    ChannelName One 1..=100;
    /// What a channel is about.
    Topic Many 0..=1_024;
    /// What a forum is about.
    ForumTopic Many 0..=4_096;
    /// The name of a role.
    RoleName One 1..=100;
    /// The name of a webhook.
    WebhookName One 1..=80;
    /// What an account says of itself.
    Bio Many 0..=190;
    /// The pronouns of an account.
    Pronouns One 0..=40;
    /// The text beside a person's status.
    CustomStatus One 0..=128;
    /// What one person notes of another. Too long is code 50015, not a fault of the form.
    Note Many 0..=256;
    /// Why a moderator did something.
    Reason Many 1..=512;
}

text_access! { Content Username }

/// The text of a message, possibly empty: an embed or a file may stand alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Content(String);

impl Content {
    /// Cleans and checks a message of at most `most` code points; only whitespace is nothing (API.md §7.52).
    ///
    /// # Errors
    /// BASE_TYPE_MAX_LENGTH.
    pub fn parse(raw: &str, most: usize) -> Result<Self, FieldFault> {
        fit(clean(raw, Lines::Many), 0..=most).map(Self)
    }
}

/// The unique name of an account: lower case, `[a-z0-9_.]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Username(String);

impl Username {
    /// Lower-cases and checks a name. Only ASCII is lowered, so that no look-alike of another script becomes a letter.
    ///
    /// # Errors
    /// BASE_TYPE_BAD_LENGTH or USERNAME_INVALID.
    pub fn parse(raw: &str) -> Result<Self, FieldFault> {
        let name = fit(raw.trim().to_ascii_lowercase(), USERNAME_CHARS)?;
        if !name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.')) {
            return Err(FieldFault::bad_username(
                "Usernames hold only letters a–z, digits, underscores and periods.",
            ));
        }
        if name.contains("..") {
            return Err(FieldFault::bad_username("Usernames hold no two periods in a row."));
        }
        let is_reserved = RESERVED_USERNAMES.contains(&name.as_str())
            || RESERVED_WORDS.iter().any(|word| name.contains(word));
        if is_reserved {
            return Err(FieldFault::bad_username("This username is reserved."));
        }
        Ok(Self(name))
    }
}

impl ChannelName {
    /// The name as a channel of this type bears it: text channels and forums in lower case, with `-` for spaces. Keeps the number of
    /// code points.
    pub fn shaped(self, kind: ChannelKind) -> Self {
        if !kind.is_text_like() || kind.is_thread() {
            return self;
        }
        Self(self.0.chars().map(|c| if c == ' ' { '-' } else { lowered(c) }).collect())
    }
}

/// A letter in lower case, where that is one letter too.
fn lowered(c: char) -> char {
    let mut lower = c.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(single), None) => single,
        _ => c,
    }
}

impl Reason {
    /// Reads the header `X-Audit-Log-Reason`: percent-encoded UTF-8, or what a client sent raw; an empty one is none.
    ///
    /// # Errors
    /// BASE_TYPE_BAD_LENGTH.
    pub fn from_header(raw: &[u8]) -> Result<Option<Self>, FieldFault> {
        let text = percent_encoding::percent_decode(raw).decode_utf8_lossy();
        if clean(&text, Lines::Many).is_empty() { Ok(None) } else { Self::parse(&text).map(Some) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_counts_code_points_and_whitespace_is_nothing() {
        assert!(Content::parse(" \n\u{3000}\t\0 ", MAX_CONTENT_CHARS).unwrap().is_empty());
        assert_eq!(Content::parse("  a\0b\n  c \n", 10).unwrap().as_str(), "ab\n  c");
        let longest = "🎉".repeat(MAX_CONTENT_CHARS);
        assert_eq!(Content::parse(&longest, MAX_CONTENT_CHARS).unwrap().as_str(), longest);
        let fault = Content::parse(&format!("{longest}!"), MAX_CONTENT_CHARS).unwrap_err();
        assert_eq!(fault, FieldFault::too_long(2_000));
    }

    #[test]
    fn names_are_one_line_within_their_length() {
        assert_eq!(GuildName::parse(" The \u{7}\n  Hearth\0 ").unwrap().as_str(), "The Hearth");
        assert_eq!(GuildName::parse("x \0 \u{1}").unwrap_err(), FieldFault::bad_length(2, 100));
        assert_eq!(Nick::parse(" ").unwrap_err(), FieldFault::bad_length(1, 32));
        assert_eq!(RoleName::parse(&"ü".repeat(100)).unwrap().to_string(), "ü".repeat(100));
        assert_eq!(RoleName::parse(&"ü".repeat(101)).unwrap_err().code, "BASE_TYPE_BAD_LENGTH");
        assert_eq!(Bio::parse("").unwrap(), Bio::default());
        assert_eq!(Bio::parse(&"b".repeat(191)).unwrap_err(), FieldFault::too_long(190));
        assert_eq!(Topic::parse("a\n\n b").unwrap().as_str(), "a\n\n b");
    }

    #[test]
    fn usernames_keep_to_their_letters() {
        assert_eq!(String::from(Username::parse(" Ada_L.1 ").unwrap()), "ada_l.1");
        for bad in
            ["a b", "ada..l", "adä", "\u{212A}elvin", "a\0b", "everyone", "here", "Discord_Mod", "the.system"]
        {
            assert_eq!(Username::parse(bad).unwrap_err().code, "USERNAME_INVALID", "{bad}");
        }
        for bad in ["", "a", &"a".repeat(33)] {
            assert_eq!(Username::parse(bad).unwrap_err(), FieldFault::bad_length(2, 32));
        }
        assert!(Username::parse("everyone_else").is_ok());
    }

    #[test]
    fn channel_names_take_the_shape_of_their_type() {
        let shaped = |kind| ChannelName::parse("  Big  NEWS Ünd İ ").unwrap().shaped(kind).to_string();
        assert_eq!(shaped(ChannelKind::Text), "big-news-ünd-İ");
        assert_eq!(shaped(ChannelKind::Forum), "big-news-ünd-İ");
        assert_eq!(shaped(ChannelKind::Voice), "Big NEWS Ünd İ");
        assert_eq!(shaped(ChannelKind::PublicThread), "Big NEWS Ünd İ");
    }

    #[test]
    fn reasons_come_percent_encoded() {
        let read = |raw: &str| Reason::from_header(raw.as_bytes());
        assert_eq!(read("br%C3%BCche%20alles%0Aimmer").unwrap().unwrap().as_str(), "brüche alles\nimmer");
        assert_eq!(read("100% raw ü").unwrap().unwrap().as_str(), "100% raw ü");
        assert_eq!(Reason::from_header(b"\xff%FE").unwrap().unwrap().as_str(), "\u{fffd}\u{fffd}");
        assert_eq!(read("%20%00").unwrap(), None);
        assert!(read(&"%C3%BC".repeat(512)).unwrap().is_some());
        assert_eq!(read(&"x".repeat(513)).unwrap_err(), FieldFault::bad_length(1, 512));
    }

    #[test]
    fn cleaning_hostile_text_is_linear() {
        let evil = "a\u{1} \0".repeat(500_000);
        assert!(GuildName::parse(&evil).is_err());
        assert!(Content::parse(&evil, MAX_CONTENT_CHARS).is_err());
    }
}
