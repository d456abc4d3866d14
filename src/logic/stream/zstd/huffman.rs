//! Huffman coding of literals (RFC 8878 §4.2), always with a table of its own.

use super::bits::BitWriter;
use super::fse;

/// The longest code, in bits.
const MAX_BITS: usize = 11;
/// Literals below which one stream is written; above, four, which readers decode side by side.
const ONE_STREAM_BELOW: usize = 1_024;
/// Literals below which a table costs more than it saves.
const WORTH_IT_FROM: usize = 48;
/// Bits of the table that codes the weights of a table.
const WEIGHTS_LOG: u32 = 6;

/// Writes a literals section, as codes when that is shorter.
pub fn write_literals(literals: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    if literals.len() >= WORTH_IT_FROM
        && write_coded(literals, out).is_some()
        && out.len() - start < literals.len()
    {
        return;
    }
    out.truncate(start);
    let len = literals.len() as u32;
    match len {
        0..32 => out.push((len << 3) as u8),
        32..4096 => out.extend_from_slice(&((len << 4 | 1 << 2) as u16).to_le_bytes()),
        _ => out.extend_from_slice(&(len << 4 | 3 << 2).to_le_bytes()[..3]),
    }
    out.extend_from_slice(literals);
}

fn write_coded(literals: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let start = out.len();
    let (format, size_bits) = match literals.len() {
        0..ONE_STREAM_BELOW => (0, 10),
        ONE_STREAM_BELOW..0x4000 => (2, 14),
        _ => (3, 18),
    };
    let header_bytes = (4 + 2 * size_bits) / 8;
    out.resize(start + header_bytes, 0);
    let code = Code::of(literals)?;
    code.write_weights(out)?;
    if format == 0 {
        code.write_stream(literals, out);
    } else {
        let jumps = out.len();
        out.resize(jumps + 6, 0);
        for (index, part) in literals.chunks(literals.len().div_ceil(4)).enumerate() {
            let from = out.len();
            code.write_stream(part, out);
            let len = ((out.len() - from) as u16).to_le_bytes();
            // The last stream's length is what remains.
            if let Some(jump) = out[jumps..jumps + 6].chunks_mut(2).nth(index) {
                jump.copy_from_slice(&len);
            }
        }
    }
    let coded = out.len() - start - header_bytes;
    if coded >= literals.len() {
        return None;
    }
    let header = 2 | format << 2 | (literals.len() as u64) << 4 | (coded as u64) << (4 + size_bits);
    out[start..start + header_bytes].copy_from_slice(&header.to_le_bytes()[..header_bytes]);
    Some(())
}

/// A complete prefix code: for each byte its code and the code's length, 0 for a byte that does not occur.
struct Code {
    codes: [(u16, u8); 256],
    longest: u8,
    last_symbol: u8,
}

impl Code {
    /// The code of these bytes; `None` when only one value occurs.
    fn of(literals: &[u8]) -> Option<Self> {
        let mut counts = [0_u32; 256];
        literals.iter().for_each(|byte| counts[usize::from(*byte)] += 1);
        let mut symbols: Vec<u8> = (0..=255).filter(|symbol| counts[usize::from(*symbol)] > 0).collect();
        let last_symbol = *symbols.last()?;
        symbols.sort_by_key(|symbol| std::cmp::Reverse(counts[usize::from(*symbol)]));
        if symbols.len() < 2 {
            return None;
        }
        let counts: Vec<u32> = symbols.iter().map(|symbol| counts[usize::from(*symbol)]).collect();
        let lengths = lengths(&counts);

        let mut codes = [(0, 0); 256];
        let longest = lengths.iter().rposition(|count| *count > 0)? as u8;
        let mut by_length = symbols.iter();
        for (length, count) in lengths.iter().enumerate() {
            for symbol in by_length.by_ref().take(*count) {
                codes[usize::from(*symbol)].1 = length as u8;
            }
        }
        // The longest codes come first, from 0; within a length, in the order of the symbols.
        let mut next = 0;
        for length in (1..=longest).rev() {
            for (code, _) in codes.iter_mut().filter(|(_, bits)| *bits == length) {
                *code = next;
                next += 1;
            }
            next >>= 1;
        }
        Some(Self { codes, longest, last_symbol })
    }

    /// Writes the weights of all symbols before the last, whose weight follows from the others (RFC 8878 §4.2.1); `None` when
    /// they can't be written.
    fn write_weights(&self, out: &mut Vec<u8>) -> Option<()> {
        let weigh = |(_, bits): &(u16, u8)| if *bits == 0 { 0 } else { self.longest + 1 - bits };
        let weights: Vec<u8> = self.codes[..usize::from(self.last_symbol)].iter().map(weigh).collect();
        let start = out.len();
        out.push(0);
        let coded = write_coded_weights(&weights, out).map_or(usize::MAX, |()| out.len() - start - 1);
        if coded < 128 && coded < weights.len().div_ceil(2) {
            out[start] = coded as u8;
            return Some(());
        }
        if weights.len() > 128 {
            return None;
        }
        out.truncate(start);
        out.push(127 + weights.len() as u8);
        out.extend(weights.chunks(2).map(|pair| pair[0] << 4 | pair.get(1).unwrap_or(&0)));
        Some(())
    }

    /// Writes bytes as codes, the last first, since readers begin at the end.
    fn write_stream(&self, bytes: &[u8], out: &mut Vec<u8>) {
        let mut out = BitWriter::new(out);
        for byte in bytes.iter().rev() {
            let (code, bits) = self.codes[usize::from(*byte)];
            out.put(u32::from(code), u32::from(bits));
        }
        out.end();
    }
}

/// Weights in two interleaved states: even places in the first, odd ones in the second.
fn write_coded_weights(weights: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let mut counts = [0; MAX_BITS + 1];
    weights.iter().for_each(|weight| counts[usize::from(*weight)] += 1);
    let used = &counts[..=counts.iter().rposition(|count| *count > 0)?];
    if weights.len() < 3 || used.iter().filter(|count| **count > 0).count() < 2 {
        return None;
    }
    let shares = fse::shares(used, WEIGHTS_LOG);
    fse::write_shares(&shares, WEIGHTS_LOG, out);
    let table = fse::Table::new(&shares, WEIGHTS_LOG);
    let mut out = BitWriter::new(out);
    let last = weights.len() - 1;
    let mut states = [table.begin(weights[last - last % 2]), table.begin(weights[last - (last + 1) % 2])];
    for (place, weight) in weights[..last - 1].iter().enumerate().rev() {
        states[place % 2].put(*weight, &mut out);
    }
    let [even, odd] = states;
    odd.end(&mut out);
    even.end(&mut out);
    out.end();
    Some(())
}

/// How many codes of each length a Huffman code of these counts (falling, at least two) has, no longer than [`MAX_BITS`]. The code
/// is complete.
fn lengths(counts: &[u32]) -> [usize; MAX_BITS + 1] {
    // Two queues, both rising: leaves from the least count, and the nodes made of them.
    let mut nodes: Vec<(u32, usize)> = Vec::with_capacity(2 * counts.len());
    let mut parents = vec![0; 2 * counts.len() - 1];
    let (mut leaf, mut node) = (counts.len(), 0);
    while nodes.len() < counts.len() - 1 {
        let made = counts.len() + nodes.len();
        let mut take = || {
            let leaf_is_less =
                leaf > 0 && nodes.get(node).is_none_or(|(weight, _)| counts[leaf - 1] <= *weight);
            let (weight, index) = if leaf_is_less {
                leaf -= 1;
                (counts[leaf], leaf)
            } else {
                node += 1;
                nodes[node - 1]
            };
            parents[index] = made;
            weight
        };
        let weight = take() + take();
        nodes.push((weight, made));
    }
    let mut depths = vec![0_usize; parents.len()];
    let mut found = [0; 64];
    for index in (0..parents.len() - 1).rev() {
        depths[index] = depths[parents[index]] + 1;
        if index < counts.len() {
            found[depths[index]] += 1;
        }
    }
    shorten(&mut found);
    std::array::from_fn(|length| found[length])
}

/// Moves codes that are too long up, two at a time, and keeps the code complete (ITU-T T.81, figure K.3).
fn shorten(found: &mut [usize; 64]) {
    for length in (MAX_BITS + 1..found.len()).rev() {
        while found[length] > 0 {
            let shorter = found[..length - 1]
                .iter()
                .rposition(|count| *count > 0)
                .expect("a complete code has shorter ones");
            found[length] -= 2;
            found[length - 1] += 1;
            found[shorter + 1] += 2;
            found[shorter] -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Codes of these lengths fill the code space exactly.
    fn is_complete(lengths: &[usize]) -> bool {
        let filled: usize =
            lengths.iter().enumerate().skip(1).map(|(length, count)| count << (MAX_BITS - length)).sum();
        lengths[0] == 0 && filled == 1 << MAX_BITS
    }

    #[test]
    fn codes_are_complete_and_short_enough_however_steep_the_counts() {
        let fibonacci = |n: usize| {
            let mut counts = vec![1_u32, 1];
            (2..n).for_each(|at| counts.push(counts[at - 1] + counts[at - 2]));
            counts.into_iter().rev().collect::<Vec<_>>()
        };
        for n in 2..40 {
            let lengths = lengths(&fibonacci(n));
            assert!(is_complete(&lengths), "{n}: {lengths:?}");
            assert_eq!(lengths.iter().sum::<usize>(), n);
        }
        assert_eq!(lengths(&[5, 5])[..3], [0, 2, 0]);
        assert_eq!(lengths(&[8, 4, 2, 1])[..4], [0, 1, 1, 2]);
        let flat = lengths(&[1; 256]);
        assert_eq!(flat[8], 256);
        let steep_and_wide: Vec<u32> = fibonacci(30).into_iter().chain([1; 226]).collect();
        assert!(is_complete(&lengths(&steep_and_wide)));
    }

    #[test]
    fn a_single_value_is_not_coded() {
        let mut out = Vec::new();
        write_literals(&[7; 100], &mut out);
        assert_eq!(out.len(), 102);
    }
}
