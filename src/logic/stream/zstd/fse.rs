//! Finite state entropy coding (RFC 8878 §4.1): symbols whose probabilities are parts of a power of two.

use super::bits::BitWriter;

/// How a symbol moves the coder's state on: with the state added, the upper half is the number of bits to write; the state without
/// them, plus `find`, is where the next state stands.
#[derive(Clone, Copy, Default)]
struct Step {
    bits: u32,
    find: i32,
}

/// An encoding table of `1 << log` states.
pub struct Table {
    log: u32,
    steps: Vec<Step>,
    states: Vec<u16>,
}

impl Table {
    /// The table of these `shares` of `1 << log`, one for each symbol; −1 is the smallest share, 0 a symbol that is not used. They
    /// must add up.
    pub fn new(shares: &[i16], log: u32) -> Self {
        let size = 1_usize << log;
        let symbols = spread(shares, size);
        let mut next: Vec<usize> = Vec::with_capacity(shares.len());
        let mut before = 0;
        for share in shares {
            next.push(before);
            before += usize::from(share.unsigned_abs());
        }
        let mut states = vec![0; size];
        for (index, symbol) in symbols.into_iter().enumerate() {
            states[next[symbol]] = (size + index) as u16;
            next[symbol] += 1;
        }
        let mut before = 0;
        let steps = shares.iter().map(|share| {
            let share = i32::from(share.unsigned_abs());
            before += share;
            match share {
                0 => Step::default(),
                1 => Step { bits: (log << 16) - (1 << log), find: before - 2 },
                _ => {
                    let most = log - (share - 1).ilog2();
                    Step { bits: (most << 16) - ((share as u32) << most), find: before - 2 * share }
                }
            }
        });
        Self { log, steps: steps.collect(), states }
    }

    /// The state from which the last symbol is read: of those that are `symbol`, the one with the most bits to come.
    pub fn begin(&self, symbol: u8) -> State<'_> {
        let step = self.steps[usize::from(symbol)];
        let count = (step.bits + (1 << 15)) >> 16;
        let value = (count << 16) - step.bits;
        State { table: self, value: self.next(value, count, step) }
    }

    fn next(&self, value: u32, count: u32, step: Step) -> u32 {
        u32::from(self.states[((value >> count) as i32 + step.find) as usize])
    }
}

/// Which symbol each state is: shares scattered over the table, the smallest at its end.
fn spread(shares: &[i16], size: usize) -> Vec<usize> {
    let mut symbols = vec![0; size];
    let mut end = size;
    for (symbol, _) in shares.iter().enumerate().filter(|(_, share)| **share == -1) {
        end -= 1;
        symbols[end] = symbol;
    }
    let stride = (size >> 1) + (size >> 3) + 3;
    let mut place = 0;
    for (symbol, share) in shares.iter().enumerate() {
        for _ in 0..(*share).max(0) {
            symbols[place] = symbol;
            loop {
                place = (place + stride) & (size - 1);
                if place < end {
                    break;
                }
            }
        }
    }
    symbols
}

/// A coder that goes backwards through its symbols.
pub struct State<'a> {
    table: &'a Table,
    value: u32,
}

impl State<'_> {
    /// Adds the symbol before the last one.
    pub fn put(&mut self, symbol: u8, out: &mut BitWriter) {
        let step = self.table.steps[usize::from(symbol)];
        let count = (self.value + step.bits) >> 16;
        out.put(self.value, count);
        self.value = self.table.next(self.value, count, step);
    }

    /// Writes where the reader begins.
    pub fn end(self, out: &mut BitWriter) {
        out.put(self.value, self.table.log);
    }
}

/// Shares of `1 << log` in proportion to `counts`, at least 1 for each symbol that occurs. At least two symbols must occur, and
/// no more than there are shares.
pub fn shares(counts: &[u32], log: u32) -> Vec<i16> {
    let size = 1_i32 << log;
    let total: u64 = counts.iter().map(|count| u64::from(*count)).sum();
    let mut shares: Vec<i16> = counts
        .iter()
        .map(|count| match count {
            0 => 0,
            _ => (((u64::from(*count) << log) + total / 2) / total).max(1) as i16,
        })
        .collect();
    // Rounding is settled with the greatest shares, where it costs least.
    let mut over = shares.iter().map(|share| i32::from(*share)).sum::<i32>() - size;
    while over != 0 {
        let greatest = shares.iter_mut().max().expect("a symbol occurs");
        let change =
            over.clamp(-i32::from(*greatest), i32::from((*greatest - 1).min((*greatest / 8).max(1))));
        *greatest -= change as i16;
        over -= change;
    }
    shares
}

/// Writes a table's shares, for the reader to build it from (RFC 8878 §4.1.1). None of them may be −1.
pub fn write_shares(shares: &[i16], log: u32, out: &mut Vec<u8>) {
    let mut out = BitWriter::new(out);
    out.put(log - 5, 4);
    let (mut remaining, mut threshold, mut bits) = ((1_i32 << log) + 1, 1_i32 << log, log + 1);
    let mut symbol = 0;
    while remaining > 1 {
        let share = i32::from(shares[symbol]);
        let most = 2 * threshold - 1 - remaining;
        remaining -= share;
        let mut coded = share + 1;
        if coded >= threshold {
            coded += most;
        }
        out.put(coded as u32, bits - u32::from(coded < most));
        symbol += 1;
        if share == 0 {
            let zeros = shares[symbol..].iter().take_while(|share| **share == 0).count();
            (0..zeros / 3).for_each(|_| out.put(3, 2));
            out.put((zeros % 3) as u32, 2);
            symbol += zeros;
        }
        while remaining < threshold {
            bits -= 1;
            threshold >>= 1;
        }
    }
    out.pad();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up_and_leave_nobody_out() {
        let cases: [&[u32]; 6] = [
            &[1, 1],
            &[100_000, 1],
            &[1; 53],
            &[0, 0, 9, 0, 1],
            &[30_000, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
            &[3, 3, 3, 3, 3, 3, 3],
        ];
        for counts in cases {
            for log in 6..=9 {
                let shares = shares(counts, log);
                assert_eq!(shares.iter().map(|share| i32::from(*share)).sum::<i32>(), 1 << log, "{counts:?}");
                assert!(
                    shares.iter().zip(counts).all(|(share, count)| (*share > 0) == (*count > 0)),
                    "{shares:?}"
                );
            }
        }
    }
}
