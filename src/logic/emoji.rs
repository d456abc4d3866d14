//! The emoji of a reaction: read from a path segment, compared by a key, kept as first given (API.md §7.25).

use minicbor::{Decode, Encode};

use crate::model::EmojiId;

/// Most bytes of a path segment that are looked at: the longest Unicode emoji has 35, a custom one 2 + 32 + 1 + 20.
const MAX_SEGMENT_BYTES: usize = 256;
/// The mark that asks for an emoji's coloured form. Clients send it or leave it out.
const PRESENTATION: char = '\u{fe0f}';

/// What somebody reacts with.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum ReactionEmoji {
    /// A Unicode emoji as it was given.
    #[n(0)]
    Unicode(#[n(0)] String),
    /// A custom emoji. Only the id tells which; the name is what the client believes.
    #[n(1)]
    Custom {
        /// Which.
        #[n(0)]
        id: EmojiId,
        /// Its name.
        #[n(1)]
        name: String,
        /// Whether it moves.
        #[n(2)]
        animated: bool,
    },
}

impl ReactionEmoji {
    /// Reads a path segment, percent-encoded or not: a Unicode emoji with or without U+FE0F, `name:id`, or `a:name:id`. `None` if it is no
    /// emoji, which answers as an unknown one.
    pub fn parse(segment: &str) -> Option<Self> {
        if segment.len() > MAX_SEGMENT_BYTES {
            return None;
        }
        let text = percent_encoding::percent_decode_str(segment).decode_utf8().ok()?;
        match text.rsplit_once(':') {
            Some((name, id)) => Self::parse_custom(name, id),
            None => find(&text).map(|_| Self::Unicode(text.into_owned())),
        }
    }

    fn parse_custom(name: &str, id: &str) -> Option<Self> {
        let (name, animated) = name.strip_prefix("a:").map_or((name, false), |name| (name, true));
        let is_number = (1..=20).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_digit());
        let is_name =
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let id = id.parse().ok().filter(|_| is_number && is_name)?;
        Some(Self::Custom { id, name: name.to_owned(), animated })
    }

    /// The key under which equal emoji meet: the id of a custom one, else the emoji without U+FE0F. No Unicode emoji begins with a colon.
    pub fn key(&self) -> String {
        match self {
            Self::Unicode(text) => text.replace(PRESENTATION, ""),
            Self::Custom { id, .. } => format!(":{id}"),
        }
    }

    /// The custom emoji, if it is one.
    pub fn id(&self) -> Option<EmojiId> {
        match self {
            Self::Unicode(_) => None,
            Self::Custom { id, .. } => Some(*id),
        }
    }

    /// The name of a custom emoji, or the Unicode emoji itself.
    pub fn name(&self) -> &str {
        match self {
            Self::Unicode(text) => text,
            Self::Custom { name, .. } => name,
        }
    }

    /// Whether it is a custom emoji that moves.
    pub fn animated(&self) -> bool {
        matches!(self, Self::Custom { animated: true, .. })
    }
}

/// Looks an emoji up as given, else without U+FE0F, which may follow each character once.
fn find(text: &str) -> Option<&'static emojis::Emoji> {
    if text.is_ascii() {
        return None; // digits, # and * are emoji by property only, not by themselves
    }
    let is_marked_well = !text.contains("\u{fe0f}\u{fe0f}") && !text.starts_with(PRESENTATION);
    emojis::get(text).or_else(|| emojis::get(&text.replace(PRESENTATION, "")).filter(|_| is_marked_well))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::Id;

    fn unicode(segment: &str) -> Option<String> {
        ReactionEmoji::parse(segment).map(|emoji| emoji.key())
    }

    #[test]
    fn presentation_marks_make_no_difference() {
        for (with, without) in [("❤️", "❤"), ("👁️‍🗨️", "👁‍🗨"), ("1️⃣", "1⃣"), ("🏳️‍🌈", "🏳‍🌈"), ("🐿️", "🐿")]
        {
            assert_eq!(unicode(with), unicode(without), "{with}");
            assert!(unicode(with).is_some(), "{with}");
            assert_eq!(ReactionEmoji::parse(with).unwrap().name(), with, "kept as given");
            assert_eq!(ReactionEmoji::parse(without).unwrap().name(), without);
        }
        assert_eq!(unicode("👍\u{fe0f}"), unicode("👍"), "marked where none belongs");
    }

    #[test]
    fn sequences_are_emoji_and_pieces_are_not() {
        for emoji in ["👩🏿‍❤️‍👨🏼", "👍🏽", "🇩🇪", "🏴󠁧󠁢󠁷󠁬󠁳󠁿", "#️⃣", "👨‍👩‍👧‍👦", "©️"]
        {
            assert!(unicode(emoji).is_some(), "{emoji}");
        }
        assert_ne!(unicode("👍🏽"), unicode("👍"));
        for other in [
            "",
            "1",
            "#",
            "a",
            "👍👍",
            "ok👍",
            "\u{fe0f}",
            "👍\u{fe0f}\u{fe0f}",
            "\u{fe0f}👍",
            "\u{200d}",
            "%FF",
            "%F0%9F",
            " 👍",
            ":",
            "thumbsup",
        ] {
            assert_eq!(unicode(other), None, "{other}");
        }
    }

    #[test]
    fn segments_come_raw_or_encoded() {
        assert_eq!(ReactionEmoji::parse("%F0%9F%91%8D"), Some(ReactionEmoji::Unicode("👍".into())));
        let hearth = ReactionEmoji::Custom { id: Id::new(17), name: "hearth_1".into(), animated: false };
        assert_eq!(ReactionEmoji::parse("hearth_1:17"), Some(hearth.clone()));
        assert_eq!(ReactionEmoji::parse("hearth_1%3A17"), Some(hearth.clone()));
        let moving = ReactionEmoji::parse("a:hearth_1:17").unwrap();
        assert!(moving.animated() && !hearth.animated());
        assert_eq!(moving.key(), hearth.key(), "the id alone tells");
        assert_eq!((moving.id(), moving.name()), (Some(Id::new(17)), "hearth_1"));
        for bad in ["x:", ":1", "a::1", "x:1y", "x:+1", "x:18446744073709551616", "b:x:1", "x y:1", "👍:1"]
        {
            assert_eq!(ReactionEmoji::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn every_listed_emoji_reads_back_with_and_without_marks() {
        for emoji in emojis::iter().flat_map(|emoji| emoji.skin_tones().into_iter().flatten().chain([emoji]))
        {
            let bare = emoji.as_str().replace(PRESENTATION, "");
            assert_eq!(unicode(emoji.as_str()), Some(bare.clone()), "{emoji}");
            assert_eq!(unicode(&bare), Some(bare.clone()), "{emoji} without marks");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_segment_is_read_or_refused(segment in "[%:a-fA-F0-9_👍❤\u{fe0f}\u{200d}]{0,40}") {
            if let Some(emoji) = ReactionEmoji::parse(&segment) {
                let bytes = minicbor::to_vec(&emoji).unwrap();
                prop_assert_eq!(minicbor::decode::<ReactionEmoji>(&bytes).unwrap(), emoji);
            }
        }
    }
}
