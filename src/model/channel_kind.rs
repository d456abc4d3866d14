//! The types of channels (API.md §1.11).

use serde::{Serialize, Serializer};

/// What a channel is. A number in JSON and in the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ChannelKind {
    /// An ordinary text channel.
    #[default]
    Text = 0,
    /// A conversation of two.
    Dm = 1,
    /// A voice channel with text.
    Voice = 2,
    /// A conversation of up to ten.
    GroupDm = 3,
    /// A heading over channels.
    Category = 4,
    /// A text channel that others may follow.
    Announcement = 5,
    /// A thread in an announcement channel.
    AnnouncementThread = 10,
    /// A thread everybody who sees its parent may join.
    PublicThread = 11,
    /// A thread by invitation.
    PrivateThread = 12,
    /// A voice channel with speakers and audience.
    Stage = 13,
    /// A channel of posts, each a thread.
    Forum = 15,
    /// A forum of media.
    Media = 16,
}

impl ChannelKind {
    const EVERY: [Self; 12] = [
        Self::Text,
        Self::Dm,
        Self::Voice,
        Self::GroupDm,
        Self::Category,
        Self::Announcement,
        Self::AnnouncementThread,
        Self::PublicThread,
        Self::PrivateThread,
        Self::Stage,
        Self::Forum,
        Self::Media,
    ];

    /// The type with this number.
    pub fn from_number(number: u64) -> Option<Self> {
        Self::EVERY.into_iter().find(|kind| *kind as u64 == number)
    }

    /// Text, announcement, forum, media and threads: what API.md §4 calls T.
    pub fn is_text_like(self) -> bool {
        matches!(self, Self::Text | Self::Announcement | Self::Forum | Self::Media) || self.is_thread()
    }

    /// Voice and stage.
    pub fn is_voice(self) -> bool {
        matches!(self, Self::Voice | Self::Stage)
    }

    /// DM and group DM.
    pub fn is_dm(self) -> bool {
        matches!(self, Self::Dm | Self::GroupDm)
    }

    /// Threads of all types.
    pub fn is_thread(self) -> bool {
        matches!(self, Self::AnnouncementThread | Self::PublicThread | Self::PrivateThread)
    }

    /// Whether messages can be posted into it.
    pub fn can_hold_messages(self) -> bool {
        !matches!(self, Self::Category | Self::Forum | Self::Media)
    }
}

impl Serialize for ChannelKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(*self as u8)
    }
}
impl schemars::JsonSchema for ChannelKind {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ChannelType".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let numbers: Vec<u8> = Self::EVERY.into_iter().map(|kind| kind as u8).collect();
        schemars::json_schema!({ "type": "integer", "enum": numbers })
    }
}
impl<C> minicbor::Encode<C> for ChannelKind {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.u8(*self as u8)?.ok()
    }
}
impl<'b, C> minicbor::Decode<'b, C> for ChannelKind {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        Self::from_number(d.u8()?.into())
            .ok_or_else(|| minicbor::decode::Error::message("an unknown channel type"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_reads_back_and_gaps_do_not() {
        for kind in ChannelKind::EVERY {
            assert_eq!(ChannelKind::from_number(kind as u64), Some(kind));
            assert_eq!(minicbor::decode::<ChannelKind>(&minicbor::to_vec(kind).unwrap()).unwrap(), kind);
        }
        assert_eq!(ChannelKind::from_number(14), None);
    }
}
