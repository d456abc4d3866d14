//! A sorted set that finds keys by their place: a member list of any length shows its rows 100 to 199 without walking to them.

use std::ops::Range;

/// Keys of one chunk, at most; a fuller one is split in two.
const CHUNK_KEYS: usize = 256;

/// Keys in order, in chunks, with a Fenwick tree over the chunks' lengths. An insertion or removal finds its chunk in O(log n) and
/// moves at most [`CHUNK_KEYS`] keys; once in half as many insertions at the same place a chunk splits, which rebuilds the tree of
/// n ÷ 128 numbers. Memory: at most twice the keys, and 28 bytes a chunk.
#[derive(Clone, Debug)]
pub struct Ranked<K> {
    /// None of them is empty.
    chunks: Vec<Vec<K>>,
    /// Of `i + 1`'s lowest set bit many chunks up to `i`, the keys.
    lengths: Vec<u32>,
    len: usize,
}

impl<K> Default for Ranked<K> {
    fn default() -> Self {
        Self { chunks: Vec::new(), lengths: Vec::new(), len: 0 }
    }
}

impl<K: Ord> Ranked<K> {
    /// The set of these keys, which are in order and differ.
    pub fn from_sorted(keys: Vec<K>) -> Self {
        let len = keys.len();
        let mut chunks = Vec::with_capacity(len.div_ceil(CHUNK_KEYS / 2));
        let mut keys = keys.into_iter();
        loop {
            let chunk: Vec<K> = keys.by_ref().take(CHUNK_KEYS / 2).collect();
            if chunk.is_empty() {
                break;
            }
            chunks.push(chunk);
        }
        let mut ranked = Self { chunks, lengths: Vec::new(), len };
        ranked.measure();
        ranked
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds a key; whether it is new.
    pub fn insert(&mut self, key: K) -> bool {
        let Some(at) = self.chunk_of(&key) else {
            *self = Self::from_sorted(vec![key]);
            return true;
        };
        let Err(place) = self.chunks[at].binary_search(&key) else { return false };
        self.chunks[at].insert(place, key);
        self.len += 1;
        if self.chunks[at].len() > CHUNK_KEYS {
            let upper = self.chunks[at].split_off(CHUNK_KEYS / 2);
            self.chunks.insert(at + 1, upper);
            self.measure();
        } else {
            self.count(at, 1);
        }
        true
    }

    /// Takes a key out; whether it was there.
    pub fn remove(&mut self, key: &K) -> bool {
        let Some(at) = self.chunk_of(key) else { return false };
        let Ok(place) = self.chunks[at].binary_search(key) else { return false };
        self.chunks[at].remove(place);
        self.len -= 1;
        if self.chunks[at].is_empty() {
            self.chunks.remove(at);
            self.measure();
        } else {
            self.count(at, -1);
        }
        true
    }

    /// The keys at these places, as far as there are any.
    pub fn range(&self, places: Range<usize>) -> impl Iterator<Item = &K> {
        let (chunk, skip) = self.locate(places.start);
        let rest = self.chunks.get(chunk..).unwrap_or_default();
        rest.iter().flatten().skip(skip).take(places.len())
    }

    /// The chunk where the key is or belongs; none when there are no chunks.
    fn chunk_of(&self, key: &K) -> Option<usize> {
        let after = self.chunks.partition_point(|chunk| chunk.last().is_some_and(|last| last < key));
        self.chunks.len().checked_sub(1).map(|last| after.min(last))
    }

    /// The chunk of a place, and the place in it.
    fn locate(&self, place: usize) -> (usize, usize) {
        let (mut chunk, mut left) = (0, place);
        let mut step = self.chunks.len().checked_ilog2().map_or(0, |bits| 1 << bits);
        while step > 0 {
            if let Some(&keys) = self.lengths.get(chunk + step - 1)
                && keys as usize <= left
            {
                chunk += step;
                left -= keys as usize;
            }
            step >>= 1;
        }
        (chunk, left)
    }

    fn count(&mut self, chunk: usize, change: i32) {
        let mut at = chunk;
        while let Some(keys) = self.lengths.get_mut(at) {
            *keys = keys.wrapping_add_signed(change);
            at |= at + 1;
        }
    }

    fn measure(&mut self) {
        self.lengths.clear();
        self.lengths.extend(self.chunks.iter().map(|chunk| chunk.len() as u32));
        for at in 0..self.lengths.len() {
            let above = at | (at + 1);
            if above < self.lengths.len() {
                self.lengths[above] += self.lengths[at];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// A set that counts from the start says the same.
    #[test]
    fn it_is_a_sorted_set_whose_keys_have_places() {
        let mut seed = 7_u64;
        let mut random = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % below
        };
        let (mut ranked, mut model) = (Ranked::default(), BTreeSet::new());
        for step in 0..20_000 {
            let key = random(3_000);
            // It grows, then shrinks to nothing.
            if random(100) < if step < 10_000 { 70 } else { 20 } {
                assert_eq!(ranked.insert(key), model.insert(key));
            } else {
                assert_eq!(ranked.remove(&key), model.remove(&key));
            }
            assert_eq!(ranked.len(), model.len());
            if step % 97 == 0 {
                let from = random(3_200) as usize;
                let shown: Vec<u64> = ranked.range(from..from + 100).copied().collect();
                assert_eq!(shown, model.iter().skip(from).take(100).copied().collect::<Vec<_>>());
            }
        }
        for key in 0..3_000 {
            assert_eq!(ranked.remove(&key), model.remove(&key));
        }
        assert!(ranked.is_empty() && ranked.range(0..10).next().is_none());
    }

    #[test]
    fn what_is_sorted_is_taken_as_it_is() {
        let ranked = Ranked::from_sorted((0..10_000).collect());
        assert!(ranked.range(9_990..10_090).copied().eq(9_990..10_000));
        assert!(Ranked::<u8>::from_sorted(Vec::new()).is_empty());
    }
}
