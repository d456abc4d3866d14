//! Bits as zstd writes them: the first in the lowest place. Coded streams are read from their end, which a final 1 marks.

/// Appends bits to bytes.
pub struct BitWriter<'a> {
    out: &'a mut Vec<u8>,
    pending: u64,
    count: u32,
}

impl<'a> BitWriter<'a> {
    /// Starts at the next byte of `out`.
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out, pending: 0, count: 0 }
    }

    /// Adds the lowest `count` (at most 32) bits of `value`.
    pub fn put(&mut self, value: u32, count: u32) {
        let bits = u64::from(value) & ((1 << count) - 1);
        self.pending |= bits << self.count;
        self.count += count;
        if self.count >= 32 {
            self.out.extend_from_slice(&(self.pending as u32).to_le_bytes());
            self.pending >>= 32;
            self.count -= 32;
        }
    }

    /// Fills the last byte with zeros.
    pub fn pad(self) {
        let bytes = self.count.div_ceil(8) as usize;
        self.out.extend_from_slice(&self.pending.to_le_bytes()[..bytes]);
    }

    /// Ends a coded stream: a 1 after the last bit, then zeros.
    pub fn end(mut self) {
        self.put(1, 1);
        self.pad();
    }
}
