//! An event encoded once for everyone who is told of it.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use crate::logic::session::piece::Pieces;
use crate::model::{ChannelId, GuildId};

/// Where an event happened: what its reader must be able to see for it to be sent (SAFETY.md §3.4).
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Place {
    /// The guild.
    pub guild: Option<GuildId>,
    /// The channel.
    pub channel: Option<ChannelId>,
}

/// Counts the bytes of the tails that are alive, however many sessions share each.
#[derive(Clone, Default, Debug)]
pub struct Meter(Arc<AtomicUsize>);

impl Meter {
    /// Bytes held now.
    pub fn bytes(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// The shared tail of a dispatch, `"t":"MESSAGE_CREATE","d":{…}}`: a session writes `{"op":0,"s":7,` before it. Cloning counts a
/// reference; each compressed form is made when a session first needs it, once for all.
#[derive(Clone)]
pub struct Packet(Arc<Encoded>);

struct Encoded {
    name: &'static str,
    text: Bytes,
    pieces: Pieces,
    place: Place,
    meter: Option<Meter>,
    zlib: OnceLock<Bytes>,
    zstd: OnceLock<Bytes>,
}

impl Packet {
    /// A dispatch of the event `name`, whose `tail` is everything after the sequence number's comma.
    pub fn new(name: &'static str, tail: Bytes) -> Self {
        Self(Arc::new(Encoded::new(name, tail, Pieces::default(), Place::default(), None)))
    }

    /// The same for an event of a place, counted by `meter` while it lives.
    pub fn placed(name: &'static str, tail: Bytes, place: Place, meter: &Meter) -> Self {
        Self::pieced(name, tail, Pieces::default(), place, meter)
    }

    /// The same where parts of the tail are shared with other packets.
    pub fn pieced(name: &'static str, tail: Bytes, pieces: Pieces, place: Place, meter: &Meter) -> Self {
        meter.0.fetch_add(tail.len(), Ordering::Relaxed);
        Self(Arc::new(Encoded::new(name, tail, pieces, place, Some(meter.clone()))))
    }

    /// A dispatch of the event `name`, whose `d` is the JSON that `write` appends.
    pub fn encode<E>(
        name: &'static str,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<Self, E> {
        let mut tail = format!("\"t\":\"{name}\",\"d\":").into_bytes();
        write(&mut tail)?;
        tail.push(b'}');
        tail.shrink_to_fit();
        Ok(Self::new(name, tail.into()))
    }

    /// A dispatch of the event `name` with `data`, JSON already, as its `d`.
    pub fn of(name: &'static str, data: &str) -> Self {
        Self::new(name, format!("\"t\":\"{name}\",\"d\":{data}}}").into())
    }

    /// The event's name.
    pub fn name(&self) -> &'static str {
        self.0.name
    }

    /// Where it happened.
    pub fn place(&self) -> Place {
        self.0.place
    }

    /// The tail as it is.
    pub fn text(&self) -> &Bytes {
        &self.0.text
    }

    /// The tail as pieces of a zlib stream.
    pub fn zlib(&self) -> &Bytes {
        self.0.zlib.get_or_init(|| self.0.pieces.zlib(&self.0.text))
    }

    /// The tail as pieces of a zstd frame.
    pub fn zstd(&self) -> &Bytes {
        self.0.zstd.get_or_init(|| self.0.pieces.zstd(&self.0.text))
    }

    /// Bytes of the tail before compression: what queues and rings count.
    #[expect(clippy::len_without_is_empty, reason = "a tail is never empty")]
    pub fn len(&self) -> usize {
        self.0.text.len()
    }
}

impl Encoded {
    fn new(name: &'static str, text: Bytes, pieces: Pieces, place: Place, meter: Option<Meter>) -> Self {
        Self { name, text, pieces, place, meter, zlib: OnceLock::new(), zstd: OnceLock::new() }
    }
}

impl Drop for Encoded {
    fn drop(&mut self) {
        if let Some(Meter(bytes)) = &self.meter {
            bytes.fetch_sub(self.text.len(), Ordering::Relaxed);
        }
    }
}

impl fmt::Debug for Packet {
    /// The name and size; what people wrote is kept out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{} bytes]", self.0.name, self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compressed_forms_are_made_once_and_shared() {
        let packet = Packet::of("MESSAGE_CREATE", &format!("{{\"content\":\"{}\"}}", "tide ".repeat(100)));
        let twin = packet.clone();
        assert_eq!(packet.zlib().as_ptr(), twin.zlib().as_ptr());
        assert_eq!(packet.zstd().as_ptr(), twin.zstd().as_ptr());
        assert!(packet.zlib().len() < packet.len() / 4);
        assert!(packet.text().starts_with(b"\"t\":\"MESSAGE_CREATE\",\"d\":{"));
        assert!(packet.text().ends_with(b"}}"));
    }

    #[test]
    fn a_payload_is_written_in_place() {
        let packet = Packet::encode("TYPING_START", |out| serde_json::to_writer(out, &[1, 2])).unwrap();
        assert_eq!(packet.text(), Packet::of("TYPING_START", "[1,2]").text());
        assert!(Packet::encode("TYPING_START", |_| Err(())).is_err());
    }

    #[test]
    fn a_meter_counts_each_living_tail_once() {
        let meter = Meter::default();
        let packet = Packet::placed("TYPING_START", Bytes::from_static(b"12345"), Place::default(), &meter);
        let twin = packet.clone();
        drop(packet);
        assert_eq!(meter.bytes(), 5);
        drop(twin);
        assert_eq!(meter.bytes(), 0);
    }

    #[test]
    fn debug_text_holds_no_content() {
        assert_eq!(format!("{:?}", Packet::of("TYPING_START", "{}")), "TYPING_START[26 bytes]");
    }
}
