//! Parts of payloads that are alike for many: written as JSON once, compressed once, and found again in each payload that holds them.

use std::io;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::logic::stream::{zlib, zstd};

/// Bytes below which a part is compressed with what stands around it: alone it would compress worse, and save little.
const LEAST_COMPRESSED_BYTES: usize = 4 << 10;

/// JSON that many payloads hold. Cloning counts a reference; each compressed form is made when a session first needs it, once for all.
#[derive(Clone, Debug)]
pub struct Piece(Arc<Encoded>);

#[derive(Debug)]
struct Encoded {
    json: Arc<RawValue>,
    zlib: OnceLock<Bytes>,
    zstd: OnceLock<Bytes>,
}

impl Piece {
    /// A value as a piece.
    ///
    /// # Errors
    /// The value is not JSON (a map without string keys).
    pub fn of(value: &impl Serialize) -> serde_json::Result<Self> {
        let json = to_raw_value(value)?.into();
        Ok(Self(Arc::new(Encoded { json, zlib: OnceLock::new(), zstd: OnceLock::new() })))
    }

    /// Its JSON, for payloads to hold.
    pub fn json(&self) -> &Arc<RawValue> {
        &self.0.json
    }

    fn bytes(&self) -> &[u8] {
        self.0.json.get().as_bytes()
    }

    fn zlib(&self) -> &Bytes {
        self.0.zlib.get_or_init(|| zlib::shared(self.bytes()))
    }

    fn zstd(&self) -> &Bytes {
        self.0.zstd.get_or_init(|| zstd::shared(self.bytes()))
    }
}

/// Where in a text its pieces stand, in order; the small ones are not told apart.
#[derive(Debug, Default)]
pub struct Pieces(Vec<(usize, Piece)>);

impl Pieces {
    /// The text compressed for a zlib stream.
    pub(super) fn zlib(&self, text: &[u8]) -> Bytes {
        self.join(text, zlib::shared, Piece::zlib)
    }

    /// The text compressed for a zstd frame.
    pub(super) fn zstd(&self, text: &[u8]) -> Bytes {
        self.join(text, zstd::shared, Piece::zstd)
    }

    /// What stands between the pieces compressed for itself, the pieces as they are kept: blocks refer to nothing before them.
    fn join(&self, text: &[u8], own: fn(&[u8]) -> Bytes, kept: fn(&Piece) -> &Bytes) -> Bytes {
        if self.0.is_empty() {
            return own(text);
        }
        let mut out = Vec::with_capacity(text.len() / 4);
        let mut at = 0;
        for (from, piece) in &self.0 {
            out.extend_from_slice(&own(&text[at..*from]));
            out.extend_from_slice(kept(piece));
            at = from + piece.bytes().len();
        }
        out.extend_from_slice(&own(&text[at..]));
        out.into()
    }
}

/// Appends to a text, and sees where the pieces that its payload holds are written to.
pub struct Splicer<'a> {
    out: &'a mut Vec<u8>,
    /// Those still to come, in the order in which the payload holds them.
    ahead: &'a [Piece],
    found: Pieces,
}

impl<'a> Splicer<'a> {
    /// Appends to `out` a payload that holds these pieces in this order.
    pub fn new(out: &'a mut Vec<u8>, pieces: &'a [Piece]) -> Self {
        Self { out, ahead: pieces, found: Pieces::default() }
    }

    /// Where the pieces stand.
    pub fn found(self) -> Pieces {
        self.found
    }
}

impl io::Write for Splicer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        // serde_json writes raw JSON whole, from where it lies.
        if bytes.len() >= LEAST_COMPRESSED_BYTES
            && let Some(place) = self.ahead.iter().position(|piece| std::ptr::eq(piece.bytes(), bytes))
        {
            self.found.0.push((self.out.len(), self.ahead[place].clone()));
            self.ahead = &self.ahead[place + 1..];
        }
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
