//! The permission bits and overwrites of API.md §4.

use std::fmt;
use std::ops::{BitAnd, BitOr, BitOrAssign, Not, Sub};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{Id, RoleId, UserId};

/// A set of rights. A decimal string in JSON; unknown bits in input are dropped silently.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Permissions(u64);

macro_rules! bits {
    ($($bit:literal $name:ident,)*) => {
        impl Permissions {
            $(#[doc = concat!("`", stringify!($name), "`, bit ", stringify!($bit), ".")]
            pub const $name: Self = Self(1 << $bit);)*
            /// Every defined bit.
            pub const ALL: Self = Self(0 $(| 1 << $bit)*);
            const NAMES: &'static [(u64, &'static str)] = &[$((1 << $bit, stringify!($name)),)*];
        }
    };
}

bits! {
    0 CREATE_INSTANT_INVITE,
    1 KICK_MEMBERS,
    2 BAN_MEMBERS,
    3 ADMINISTRATOR,
    4 MANAGE_CHANNELS,
    5 MANAGE_GUILD,
    6 ADD_REACTIONS,
    7 VIEW_AUDIT_LOG,
    8 PRIORITY_SPEAKER,
    9 STREAM,
    10 VIEW_CHANNEL,
    11 SEND_MESSAGES,
    12 SEND_TTS_MESSAGES,
    13 MANAGE_MESSAGES,
    14 EMBED_LINKS,
    15 ATTACH_FILES,
    16 READ_MESSAGE_HISTORY,
    17 MENTION_EVERYONE,
    18 USE_EXTERNAL_EMOJIS,
    19 VIEW_GUILD_INSIGHTS,
    20 CONNECT,
    21 SPEAK,
    22 MUTE_MEMBERS,
    23 DEAFEN_MEMBERS,
    24 MOVE_MEMBERS,
    25 USE_VAD,
    26 CHANGE_NICKNAME,
    27 MANAGE_NICKNAMES,
    28 MANAGE_ROLES,
    29 MANAGE_WEBHOOKS,
    30 MANAGE_GUILD_EXPRESSIONS,
    31 USE_APPLICATION_COMMANDS,
    32 REQUEST_TO_SPEAK,
    33 MANAGE_EVENTS,
    34 MANAGE_THREADS,
    35 CREATE_PUBLIC_THREADS,
    36 CREATE_PRIVATE_THREADS,
    37 USE_EXTERNAL_STICKERS,
    38 SEND_MESSAGES_IN_THREADS,
    39 USE_EMBEDDED_ACTIVITIES,
    40 MODERATE_MEMBERS,
    41 VIEW_CREATOR_MONETIZATION_ANALYTICS,
    42 USE_SOUNDBOARD,
    43 CREATE_GUILD_EXPRESSIONS,
    44 CREATE_EVENTS,
    45 USE_EXTERNAL_SOUNDS,
    46 SEND_VOICE_MESSAGES,
    48 SET_VOICE_CHANNEL_STATUS,
    49 SEND_POLLS,
    50 USE_EXTERNAL_APPS,
    51 PIN_MESSAGES,
    52 BYPASS_SLOWMODE,
}

impl Permissions {
    /// No right.
    pub const NONE: Self = Self(0);
    /// What @everyone holds in a new guild.
    pub const DEFAULT_EVERYONE: Self = Self(2_107_735_977_479_745);

    /// The defined ones among these bits.
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits & Self::ALL.0)
    }

    /// The bits.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Whether every right of `other` is here.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any right of `other` is here.
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether no right is here.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// This set with those of `other`, for constants.
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Names of the rights, lowest bit first.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES.iter().filter(move |(bit, _)| self.0 & bit != 0).map(|(_, name)| *name)
    }
}

impl BitOr for Permissions {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}
impl BitOrAssign for Permissions {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}
impl BitAnd for Permissions {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}
impl Sub for Permissions {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}
impl Not for Permissions {
    type Output = Self;
    fn not(self) -> Self {
        Self(!self.0 & Self::ALL.0)
    }
}
impl fmt::Debug for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}
impl fmt::Display for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
impl Serialize for Permissions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}
impl<'de> Deserialize<'de> for Permissions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Permissions;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("permissions as a decimal string or an integer")
            }
            fn visit_u64<E: de::Error>(self, bits: u64) -> Result<Permissions, E> {
                Ok(Permissions::from_bits(bits))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Permissions, E> {
                text.parse().map(Permissions::from_bits).map_err(|_| E::custom("not a permission number"))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}
impl<C> minicbor::Encode<C> for Permissions {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.u64(self.0)?.ok()
    }
}
impl<'b, C> minicbor::Decode<'b, C> for Permissions {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        Ok(Self::from_bits(d.u64()?))
    }
}
impl schemars::JsonSchema for Permissions {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Permissions".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^[0-9]+$" })
    }
}

/// Whom an overwrite concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OverwriteTarget {
    /// Everybody with the role.
    Role(RoleId),
    /// One member.
    Member(UserId),
}

/// What a channel allows or denies a role or member beyond their guild rights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overwrite {
    /// Whom.
    pub target: OverwriteTarget,
    /// Rights given.
    pub allow: Permissions,
    /// Rights taken.
    pub deny: Permissions,
}

impl Overwrite {
    /// The wire form's number and type (0 role, 1 member).
    pub fn raw_target(&self) -> (u64, u8) {
        match self.target {
            OverwriteTarget::Role(id) => (id.get(), 0),
            OverwriteTarget::Member(id) => (id.get(), 1),
        }
    }

    fn from_raw(id: u64, kind: u8) -> OverwriteTarget {
        if kind == 0 { OverwriteTarget::Role(Id::new(id)) } else { OverwriteTarget::Member(Id::new(id)) }
    }
}

/// The overwrite as the API shows it.
#[derive(Serialize, schemars::JsonSchema)]
#[schemars(rename = "Overwrite")]
struct Wire {
    /// The role or member.
    id: Id<()>,
    /// 0 role, 1 member.
    #[serde(rename = "type")]
    kind: u8,
    /// Rights given.
    allow: Permissions,
    /// Rights taken.
    deny: Permissions,
}

impl Serialize for Overwrite {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (id, kind) = self.raw_target();
        Wire { id: Id::new(id), kind, allow: self.allow, deny: self.deny }.serialize(serializer)
    }
}
impl schemars::JsonSchema for Overwrite {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Overwrite".into()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Wire::json_schema(generator)
    }
}
impl<C> minicbor::Encode<C> for Overwrite {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        let (id, kind) = self.raw_target();
        e.array(4)?.u64(id)?.u8(kind)?.u64(self.allow.bits())?.u64(self.deny.bits())?.ok()
    }
}
impl<'b, C> minicbor::Decode<'b, C> for Overwrite {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        d.array()?;
        let (id, kind) = (d.u64()?, d.u8()?);
        let (allow, deny) = (Permissions::from_bits(d.u64()?), Permissions::from_bits(d.u64()?));
        Ok(Self { target: Self::from_raw(id, kind), allow, deny })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bits_are_those_of_the_contract() {
        assert_eq!(Permissions::ALL.bits(), 8_866_461_766_385_663);
        assert!(Permissions::ALL.contains(Permissions::DEFAULT_EVERYONE));
        assert_eq!(Permissions::BYPASS_SLOWMODE.bits(), 1 << 52);
    }

    #[test]
    fn unknown_bits_are_dropped_from_text_and_numbers() {
        let read = |json| serde_json::from_str::<Permissions>(json).unwrap();
        assert_eq!(read("\"9223372036854776832\""), Permissions::VIEW_CHANNEL);
        assert_eq!(read("3072"), Permissions::VIEW_CHANNEL | Permissions::SEND_MESSAGES);
        assert_eq!(serde_json::to_string(&Permissions::VIEW_CHANNEL).unwrap(), "\"1024\"");
    }

    #[test]
    fn an_overwrite_keeps_its_form() {
        let overwrite = Overwrite {
            target: OverwriteTarget::Member(Id::new(7)),
            allow: Permissions::VIEW_CHANNEL,
            deny: Permissions::SPEAK,
        };
        assert_eq!(
            serde_json::to_string(&overwrite).unwrap(),
            r#"{"id":"7","type":1,"allow":"1024","deny":"2097152"}"#
        );
        let bytes = minicbor::to_vec(overwrite).unwrap();
        assert_eq!(minicbor::decode::<Overwrite>(&bytes).unwrap(), overwrite);
    }
}
