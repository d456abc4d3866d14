//! Random secrets that are shown once and kept as a hash: bot tokens, the setup link's token.

use aws_lc_rs::{constant_time, digest, rand};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::model::UserId;

/// Seconds between the Unix epoch and 2011-01-01, from which bot tokens count (API.md §1.2).
const BOT_TOKEN_EPOCH_SECS: u64 = 1_293_840_000;
/// Random bytes in a bot token (API.md §1.2).
const BOT_TOKEN_BYTES: usize = 27;
/// Random bytes in every other opaque token.
const OPAQUE_TOKEN_BYTES: usize = 32;
/// Longest text looked at as a token, in bytes; longer ones are nobody's.
const MAX_TOKEN_BYTES: usize = 128;

/// Random bytes from the operating system's generator.
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).expect("the system's random generator does not fail once it is seeded");
    bytes
}

/// The SHA-256 of a random token: what is stored in its place.
#[derive(Clone, Copy)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// The hash of bytes that are no token, such as a file's.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
        Self(digest.as_ref().try_into().expect("SHA-256 has 32 bytes"))
    }

    /// The hash of a token's whole text.
    pub fn of(token: &str) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
        Self(hash)
    }

    /// A hash read back from the store.
    pub const fn from_stored(hash: [u8; 32]) -> Self {
        Self(hash)
    }

    /// The bytes to store.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether both are of the same token, in time that does not tell how much of them is equal.
    pub fn matches(&self, other: &Self) -> bool {
        constant_time::verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

/// A random token of 256 bits, such as the setup link's. It has no `Debug`: only [`expose`](Self::expose) shows it.
pub struct OpaqueToken(String);

impl OpaqueToken {
    /// A new token.
    pub fn generate() -> Self {
        Self(URL_SAFE_NO_PAD.encode(bytes::<OPAQUE_TOKEN_BYTES>()))
    }

    /// The token's text, for the one place that hands it out.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What to keep of it.
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(&self.0)
    }
}

/// A bot's token in the shape libraries expect: id, time and 216 random bits, each base64url (API.md §1.2).
pub struct BotToken(String);

impl BotToken {
    /// A new token for the bot user `bot`, made at `now_ms` of Unix time.
    pub fn generate(bot: UserId, now_ms: u64) -> Self {
        let secs = (now_ms / 1_000).saturating_sub(BOT_TOKEN_EPOCH_SECS);
        let secs = u32::try_from(secs).unwrap_or(u32::MAX);
        let parts = [
            URL_SAFE_NO_PAD.encode(bot.to_string()),
            URL_SAFE_NO_PAD.encode(secs.to_be_bytes()),
            URL_SAFE_NO_PAD.encode(bytes::<BOT_TOKEN_BYTES>()),
        ];
        Self(parts.join("."))
    }

    /// The token's text, for the one answer that shows it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What to keep of it.
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(&self.0)
    }

    /// Whose token `text` claims to be, and the hash that must match the one kept for that bot; `None` when it has not the shape.
    pub fn claim(text: &str) -> Option<(UserId, TokenHash)> {
        if text.len() > MAX_TOKEN_BYTES {
            return None;
        }
        let mut parts = text.split('.');
        let (id, time, random) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
        let digits = String::from_utf8(decode(id)?).ok()?;
        let bot: UserId = digits.parse().ok()?;
        let is_shaped = decode(time)?.len() == 4 && decode(random)?.len() == BOT_TOKEN_BYTES;
        (is_shaped && bot.to_string() == digits).then(|| (bot, TokenHash::of(text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bot_token_names_its_bot_and_matches_only_itself() {
        let bot = UserId::new(175_928_847_299_117_063);
        let token = BotToken::generate(bot, 1_764_000_000_000);
        let parts: Vec<_> = token.expose().split('.').collect();
        assert_eq!(URL_SAFE_NO_PAD.decode(parts[0]).unwrap(), b"175928847299117063");
        assert_eq!(
            URL_SAFE_NO_PAD.decode(parts[1]).unwrap(),
            (1_764_000_000u32 - 1_293_840_000).to_be_bytes()
        );
        let (claimed, hash) = BotToken::claim(token.expose()).unwrap();
        assert_eq!(claimed, bot);
        assert!(hash.matches(&token.hash()));
        assert!(TokenHash::from_stored(*hash.as_bytes()).matches(&token.hash()));
        assert!(!hash.matches(&BotToken::generate(bot, 1_764_000_000_000).hash()));
    }

    #[test]
    fn what_has_not_the_shape_is_nobodys_token() {
        let token = BotToken::generate(UserId::new(42), 0);
        let text = token.expose();
        let with_id = |id: &str| {
            let (_, rest) = text.split_once('.').unwrap();
            format!("{}.{rest}", URL_SAFE_NO_PAD.encode(id))
        };
        let long = "a".repeat(200);
        for bad in [
            "",
            ".",
            "..",
            "a.b",
            &text[1..],
            &format!("{text}.x"),
            &format!("Bot {text}"),
            &with_id("042"),
            &long,
        ] {
            assert!(BotToken::claim(bad).is_none(), "{bad}");
        }
        assert!(BotToken::claim(&with_id("43")).is_some_and(|(_, hash)| !hash.matches(&token.hash())));
    }
}
