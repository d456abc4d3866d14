//! Pieces of a zstd frame (RFC 8878) that may follow any other piece: blocks that use no table, no offset and no byte of what
//! went before. No block is the last.

mod bits;
mod block;
mod fse;
mod huffman;

use bytes::Bytes;

use crate::logic::inline::Inline;
use crate::logic::stream::{MAX_HEAD_BYTES, MAX_OPENING_BYTES};

/// Bytes a decoder must keep: 128 KiB, the least that allows blocks of the greatest size. Matches never reach farther back than
/// the start of their own block.
pub const WINDOW_BYTES: usize = 1 << WINDOW_LOG;
const WINDOW_LOG: u32 = 17;

/// A frame's first bytes: the magic number, a descriptor (no content size, no checksum, no dictionary, no single segment) and
/// the window's exponent over 1 KiB (RFC 8878 §3.1.1.1).
const HEADER: [u8; 6] = [0x28, 0xb5, 0x2f, 0xfd, 0x00, ((WINDOW_LOG - 10) << 3) as u8];

/// Bytes of a block's header.
const BLOCK_HEADER_BYTES: usize = 3;

#[derive(Clone, Copy)]
enum BlockType {
    Raw = 0,
    Compressed = 2,
}

/// Compresses what all sessions share.
pub fn shared(data: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(data.len() / 2 + 64);
    for chunk in data.chunks(WINDOW_BYTES) {
        let header_at = out.len();
        out.extend_from_slice(&[0; BLOCK_HEADER_BYTES]);
        let content_at = out.len();
        let header = if block::compress(chunk, &mut out) {
            block_header(BlockType::Compressed, out.len() - content_at)
        } else {
            out.truncate(content_at);
            out.extend_from_slice(chunk);
            block_header(BlockType::Raw, chunk.len())
        };
        out[header_at..content_at].copy_from_slice(&header);
    }
    out.shrink_to_fit();
    out.into()
}

/// What goes before shared bytes: the frame's header on the `first` message of a connection, and the session's `own` bytes (at
/// most [`MAX_OPENING_BYTES`]) in a raw block.
pub fn opening<const N: usize>(first: bool, own: &[u8]) -> Inline<N> {
    const { assert!(N >= HEADER.len() + BLOCK_HEADER_BYTES + MAX_OPENING_BYTES && N <= MAX_HEAD_BYTES) };
    let mut out = Inline::new();
    if first {
        out.extend(&HEADER);
    }
    if !own.is_empty() {
        out.extend(&block_header(BlockType::Raw, own.len()));
        out.extend(own);
    }
    out
}

/// The header of a block that is not the last: a bit, two bits of type, 21 bits of length, little-endian.
fn block_header(kind: BlockType, len: usize) -> [u8; BLOCK_HEADER_BYTES] {
    let [a, b, c, _] = ((len as u32) << 3 | (kind as u32) << 1).to_le_bytes();
    [a, b, c]
}
