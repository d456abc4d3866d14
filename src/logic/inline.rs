//! A byte buffer of fixed capacity on the stack: frame headers, openings and control frames, which are made for every delivery
//! and must not touch the heap.

use std::fmt;
use std::ops::Deref;

/// Up to `N` bytes (`N` ≤ 255), held in place.
#[derive(Clone, Copy)]
pub struct Inline<const N: usize> {
    bytes: [u8; N],
    len: u8,
}

impl<const N: usize> Inline<N> {
    const FITS_LEN: () = assert!(N <= u8::MAX as usize, "the length is kept in one byte");

    /// An empty buffer.
    pub const fn new() -> Self {
        let () = Self::FITS_LEN;
        Self { bytes: [0; N], len: 0 }
    }

    /// Adds one byte. Panics when full: callers size `N` for the longest thing they write.
    pub const fn push(&mut self, byte: u8) {
        self.bytes[self.len as usize] = byte;
        self.len += 1;
    }

    /// Adds all of `more`. Panics when it does not fit, as [`push`](Self::push) does.
    pub fn extend(&mut self, more: &[u8]) {
        let end = self.len as usize + more.len();
        self.bytes[self.len as usize..end].copy_from_slice(more);
        self.len = end as u8;
    }

    /// What was written.
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.len as usize]
    }
}

impl<const N: usize> Default for Inline<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> Deref for Inline<N> {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl<const N: usize> AsRef<[u8]> for Inline<N> {
    fn as_ref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl<const N: usize> PartialEq for Inline<N> {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl<const N: usize> Eq for Inline<N> {}

impl<const N: usize> fmt::Debug for Inline<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_slice().fmt(f)
    }
}
