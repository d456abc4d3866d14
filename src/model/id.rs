//! Snowflake ids, one type for each kind of thing, so that a channel's id can't be passed where a message's is wanted.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::Decimal;

/// Milliseconds between the Unix epoch and the epoch of ids, 2015-01-01T00:00:00Z (API.md §1.3).
pub const EPOCH_MS: u64 = 1_420_070_400_000;

/// A 64-bit snowflake of kind `T`: bits 63–22 hold milliseconds since [`EPOCH_MS`], the rest tells ids of one millisecond apart.
/// Always a decimal string in JSON; read from a string or an integer, since libraries send both.
pub struct Id<T>(u64, PhantomData<fn() -> T>);

impl<T> Id<T> {
    /// The id with this number.
    pub const fn new(raw: u64) -> Self {
        Self(raw, PhantomData)
    }

    /// The number itself, for keys and arithmetic on time.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// When the thing was made, in milliseconds of Unix time.
    pub const fn created_ms(self) -> u64 {
        (self.0 >> 22) + EPOCH_MS
    }

    /// The smallest id that could have been made at `unix_ms`; a bound for scans by time.
    pub const fn from_ms(unix_ms: u64) -> Self {
        Self::new(unix_ms.saturating_sub(EPOCH_MS) << 22)
    }

    /// The same number as an id of another kind, where the API says that the two are equal
    /// (guild and @everyone role, application and bot user, thread and its first message).
    pub const fn cast<U>(self) -> Id<U> {
        Id::new(self.0)
    }
}

/// The id 0, which no thing has: for records not filled in yet.
impl<T> Default for Id<T> {
    fn default() -> Self {
        Self::new(0)
    }
}
impl<T> Clone for Id<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Id<T> {}
impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<T> Eq for Id<T> {}
impl<T> PartialOrd for Id<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<T> Ord for Id<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}
impl<T> Hash for Id<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}
impl<T> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
impl<T> fmt::Display for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
impl<T> FromStr for Id<T> {
    type Err = std::num::ParseIntError;
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        s.parse().map(Self::new)
    }
}
impl<T> Serialize for Id<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(Decimal::new(self.0).as_str())
    }
}
impl<'de, T> Deserialize<'de> for Id<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor<T>(PhantomData<fn() -> T>);
        impl<T> de::Visitor<'_> for Visitor<T> {
            type Value = Id<T>;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a snowflake as a decimal string or an integer")
            }
            fn visit_u64<E: de::Error>(self, v: u64) -> Result<Id<T>, E> {
                Ok(Id::new(v))
            }
            fn visit_str<E: de::Error>(self, v: &str) -> Result<Id<T>, E> {
                v.parse().map_err(|_| E::custom("not a snowflake"))
            }
        }
        deserializer.deserialize_any(Visitor(PhantomData))
    }
}
impl<C, T> minicbor::Encode<C> for Id<T> {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.u64(self.0)?.ok()
    }
}
impl<'b, C, T> minicbor::Decode<'b, C> for Id<T> {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        Ok(Self::new(d.u64()?))
    }
}
impl<T> schemars::JsonSchema for Id<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Snowflake".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "snowflake", "pattern": "^[0-9]{1,20}$" })
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident => $alias:ident),* $(,)?) => {$(
        $(#[$doc])*
        pub enum $kind {}
        #[doc = concat!("The id of a [`", stringify!($kind), "`].")]
        pub type $alias = Id<$kind>;
    )*};
}

/// The kinds of thing that have ids.
pub mod kind {
    use super::Id;
    kinds! {
        /// A person's or a bot's account.
        User => UserId,
        /// A guild.
        Guild => GuildId,
        /// A channel of any type: text, voice, category, DM, later threads.
        Channel => ChannelId,
        /// A message.
        Message => MessageId,
        /// A role of a guild.
        Role => RoleId,
        /// An application, whose bot user has the same number.
        Application => ApplicationId,
        /// A webhook, also a follower of an announcement channel.
        Webhook => WebhookId,
        /// An entry of the audit log.
        AuditEntry => AuditEntryId,
        /// A custom emoji.
        Emoji => EmojiId,
        /// A sticker.
        Sticker => StickerId,
        /// A sound of a soundboard.
        Sound => SoundId,
        /// An attachment of a message.
        Attachment => AttachmentId,
        /// Access that somebody gave to an application.
        OAuthGrant => OAuthGrantId,
        /// A login of a person: what a session token names.
        AuthSession => AuthSessionId,
    }
}
pub use kind::{
    ApplicationId, AttachmentId, AuditEntryId, AuthSessionId, ChannelId, EmojiId, GuildId, MessageId,
    OAuthGrantId, RoleId, SoundId, StickerId, UserId, WebhookId,
};

/// Draws ids that rise for ever, whatever the clock does.
#[derive(Debug)]
pub struct IdClock {
    last: u64,
}

impl IdClock {
    /// A clock that continues after `last`, the greatest id drawn before.
    pub fn after(last: u64) -> Self {
        Self { last }
    }

    /// The greatest id drawn so far.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// The next id at `unix_ms`: the clock's millisecond when it moved on, else the number after the last one. It never waits, so
    /// a clock stepped back costs nothing but ids that run ahead of it (SAFETY.md §5.1).
    pub fn next<T>(&mut self, unix_ms: u64) -> Id<T> {
        let at_least = unix_ms.saturating_sub(EPOCH_MS) << 22;
        self.last = at_least.max(self.last + 1);
        Id::new(self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_rise_through_a_clock_that_steps_back() {
        let mut clock = IdClock::after(0);
        let first: MessageId = clock.next(EPOCH_MS + 1_000);
        let same_ms: MessageId = clock.next(EPOCH_MS + 1_000);
        let stepped_back: MessageId = clock.next(EPOCH_MS + 10);
        let later: MessageId = clock.next(EPOCH_MS + 2_000);
        assert!(first < same_ms && same_ms < stepped_back && stepped_back < later);
        assert_eq!(later.created_ms(), EPOCH_MS + 2_000);
        let after_restart: MessageId = IdClock::after(later.get()).next(EPOCH_MS);
        assert!(after_restart > later);
    }

    #[test]
    fn json_reads_strings_and_integers_and_writes_strings() {
        let id: UserId = serde_json::from_str("175928847299117063").unwrap();
        assert_eq!(id, serde_json::from_str("\"175928847299117063\"").unwrap());
        assert_eq!(serde_json::to_string(&id).unwrap(), "\"175928847299117063\"");
        assert!(serde_json::from_str::<UserId>("\"x\"").is_err());
    }
}
