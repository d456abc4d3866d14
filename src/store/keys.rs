//! Keys as bytes whose order is the order of the values: big-endian numbers, one after the other; text comes last or ends in NUL.

use crate::model::{BlobHash, Id};

/// Something a table is sorted by.
pub trait Key: Sized {
    /// Appends the bytes; they sort as the values do.
    fn write(&self, out: &mut Vec<u8>);
    /// Takes the value off the front of the bytes; `None` if they are no such key.
    fn read(bytes: &mut &[u8]) -> Option<Self>;

    /// The bytes alone.
    fn to_key(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(24);
        self.write(&mut out);
        out
    }
}

fn take_u64(bytes: &mut &[u8]) -> Option<u64> {
    let (head, rest) = bytes.split_first_chunk::<8>()?;
    *bytes = rest;
    Some(u64::from_be_bytes(*head))
}

impl<T> Key for Id<T> {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.get().to_be_bytes());
    }
    fn read(bytes: &mut &[u8]) -> Option<Self> {
        take_u64(bytes).map(Self::new)
    }
}

impl Key for u64 {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_be_bytes());
    }
    fn read(bytes: &mut &[u8]) -> Option<Self> {
        take_u64(bytes)
    }
}

/// Text without NUL, ended by one, so that it can stand before another key. (Text is stripped of NUL where it comes in.)
impl Key for String {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.bytes().filter(|byte| *byte != 0));
        out.push(0);
    }
    fn read(bytes: &mut &[u8]) -> Option<Self> {
        let end = bytes.iter().position(|byte| *byte == 0)?;
        let (text, rest) = bytes.split_at(end);
        *bytes = &rest[1..];
        std::str::from_utf8(text).ok().map(str::to_owned)
    }
}

impl Key for BlobHash {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.as_bytes());
    }
    fn read(bytes: &mut &[u8]) -> Option<Self> {
        let (head, rest) = bytes.split_first_chunk::<32>()?;
        *bytes = rest;
        Some(Self::new(*head))
    }
}

/// Bytes to the end of the key.
impl Key for Vec<u8> {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }
    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some(std::mem::take(bytes).to_vec())
    }
}

impl Key for () {
    fn write(&self, _: &mut Vec<u8>) {}
    fn read(_: &mut &[u8]) -> Option<Self> {
        Some(())
    }
}

impl<A: Key, B: Key> Key for (A, B) {
    fn write(&self, out: &mut Vec<u8>) {
        self.0.write(out);
        self.1.write(out);
    }
    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some((A::read(bytes)?, B::read(bytes)?))
    }
}

impl<A: Key, B: Key, C: Key> Key for (A, B, C) {
    fn write(&self, out: &mut Vec<u8>) {
        self.0.write(out);
        self.1.write(out);
        self.2.write(out);
    }
    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some((A::read(bytes)?, B::read(bytes)?, C::read(bytes)?))
    }
}

/// The smallest bytes greater than everything that begins with `prefix`; `None` when there are none.
pub(super) fn end_of_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return Some(end);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bytes_sort_as_values_and_read_back(a: (u64, String, u64), b: (u64, String, u64)) {
            let strip = |k: (u64, String, u64)| (k.0, k.1.replace('\0', ""), k.2);
            let (a, b) = (strip(a), strip(b));
            prop_assert_eq!(a.to_key().cmp(&b.to_key()), a.cmp(&b));
            prop_assert_eq!(<(u64, String, u64)>::read(&mut a.to_key().as_slice()), Some(a));
        }

        #[test]
        fn a_prefix_ends_after_all_it_begins(prefix: Vec<u8>, tail: Vec<u8>) {
            let longer = [prefix.as_slice(), &tail].concat();
            if let Some(end) = end_of_prefix(&prefix) {
                prop_assert!(longer < end && end > prefix);
            } else {
                prop_assert!(prefix.iter().all(|byte| *byte == 255));
            }
        }
    }
}
