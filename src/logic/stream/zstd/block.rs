//! The inside of a compressed block (RFC 8878 §3.1.1.3): literals and sequences that stand for themselves. Tables are the
//! block's own or the predefined ones, and an offset repeats only one given in the same block.

use std::sync::LazyLock;

use super::bits::BitWriter;
use super::{fse, huffman};

/// Bytes below which data is not worth a compressed block.
const WORTH_IT_FROM: usize = 40;
/// The shortest match looked for.
const MIN_MATCH: usize = 4;
/// Slots of the table of places seen, as a power of two: enough for a whole block.
const MAX_PLACES_LOG: u32 = 15;
/// Sequences from which tables of the block's own pay for themselves.
const OWN_TABLES_FROM: usize = 96;

/// Copy `literals` bytes from the literals, then `length` bytes from `offset` back.
struct Sequence {
    literals: u32,
    length: u32,
    /// 1 for the last offset again, else the offset and 3.
    offset: u32,
}

/// Appends the content of a compressed block that holds `data` (at most 128 KiB), or returns false when it would not be shorter.
/// What was appended is then to be dropped.
pub fn compress(data: &[u8], out: &mut Vec<u8>) -> bool {
    if data.len() < WORTH_IT_FROM {
        return false;
    }
    let start = out.len();
    let (sequences, literals) = find_matches(data);
    huffman::write_literals(&literals, out);
    write_sequences(&sequences, out);
    out.len() - start < data.len()
}

/// Finds matches greedily, each within the block.
fn find_matches(data: &[u8]) -> (Vec<Sequence>, Vec<u8>) {
    let places_log = data.len().ilog2().clamp(8, MAX_PLACES_LOG);
    // A place is kept plus 1: 0 is none.
    let mut places = vec![0_u32; 1 << places_log];
    let word_at = |at: usize| u32::from_le_bytes(data[at..at + 4].try_into().expect("four bytes"));
    let slot_of = |word: u32| (word.wrapping_mul(0x9e37_79b1) >> (32 - places_log)) as usize;
    let mut sequences: Vec<Sequence> = Vec::new();
    let mut literals = Vec::with_capacity(data.len() / 2);
    let (mut at, mut copied, mut last_offset) = (0, 0, 0);
    while at + MIN_MATCH <= data.len() {
        let word = word_at(at);
        let place = std::mem::replace(&mut places[slot_of(word)], at as u32 + 1) as usize;
        if place == 0 || word_at(place - 1) != word {
            // Farther and farther apart where nothing matches.
            at += 1 + ((at - copied) >> 7);
            continue;
        }
        let (mut from, mut to) = (place - 1, at);
        while to > copied && from > 0 && data[from - 1] == data[to - 1] {
            (from, to) = (from - 1, to - 1);
        }
        let length = data[from..].iter().zip(&data[to..]).take_while(|(a, b)| a == b).count();
        let offset = to - from;
        let is_repeat = offset == last_offset && to > copied;
        literals.extend_from_slice(&data[copied..to]);
        sequences.push(Sequence {
            literals: (to - copied) as u32,
            length: length as u32,
            offset: if is_repeat { 1 } else { offset as u32 + 3 },
        });
        last_offset = offset;
        copied = to + length;
        for seen in (at + 1..copied).take_while(|seen| seen + MIN_MATCH <= data.len()) {
            places[slot_of(word_at(seen))] = seen as u32 + 1;
        }
        at = copied;
    }
    literals.extend_from_slice(&data[copied..]);
    (sequences, literals)
}

/// A number as a code and the bits that follow it.
#[derive(Clone, Copy)]
struct Coded {
    code: u8,
    value: u32,
    bits: u32,
}

/// Codes of literals lengths from 16 on: the length each begins at (RFC 8878 §3.1.1.3.2.1.1).
const LITERALS_FROM: [u32; 20] = [
    16, 18, 20, 22, 24, 28, 32, 40, 48, 64, 128, 256, 512, 1_024, 2_048, 4_096, 8_192, 16_384, 32_768, 65_536,
];
/// Codes of match lengths less 3, from 32 on.
const MATCHES_FROM: [u32; 21] = [
    32, 34, 36, 38, 40, 44, 48, 56, 64, 80, 96, 128, 256, 512, 1_024, 2_048, 4_096, 8_192, 16_384, 32_768,
    65_536,
];

/// The code of a length: itself below the first step, then the step it lies in, whose width is a power of two.
fn code_length(value: u32, steps: &[u32]) -> Coded {
    if value < steps[0] {
        return Coded { code: value as u8, value: 0, bits: 0 };
    }
    let step = steps.partition_point(|from| *from <= value) - 1;
    let width = steps.get(step + 1).map_or(steps[step], |next| next - steps[step]);
    Coded { code: (steps[0] as usize + step) as u8, value: value - steps[step], bits: width.ilog2() }
}

fn code_offset(offset: u32) -> Coded {
    let bits = offset.ilog2();
    Coded { code: bits as u8, value: offset - (1 << bits), bits }
}

impl Sequence {
    /// The codes of literals length, offset and match length.
    fn code(&self) -> [Coded; 3] {
        [
            code_length(self.literals, &LITERALS_FROM),
            code_offset(self.offset),
            code_length(self.length - 3, &MATCHES_FROM),
        ]
    }
}

const LITERALS: usize = 0;
const OFFSETS: usize = 1;
const MATCHES: usize = 2;

/// The predefined tables of literals lengths, offsets and match lengths (RFC 8878 §3.1.1.3.2.2).
static PREDEFINED: LazyLock<[fse::Table; 3]> = LazyLock::new(|| {
    let literals = [
        4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1,
        -1, -1, -1,
    ];
    let offsets =
        [1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1];
    let matches = [
        1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1,
    ];
    [fse::Table::new(&literals, 6), fse::Table::new(&offsets, 5), fse::Table::new(&matches, 6)]
});

fn write_sequences(sequences: &[Sequence], out: &mut Vec<u8>) {
    let count = sequences.len();
    match count {
        0..128 => out.push(count as u8),
        128..0x7f00 => out.extend_from_slice(&((count + 0x8000) as u16).to_be_bytes()),
        _ => {
            out.push(255);
            out.extend_from_slice(&((count - 0x7f00) as u16).to_le_bytes());
        }
    }
    let coded: Vec<[Coded; 3]> = sequences.iter().map(Sequence::code).collect();
    let Some((last, earlier)) = coded.split_last() else { return };

    let modes = out.len();
    out.push(0);
    let own: [Option<fse::Table>; 3] = std::array::from_fn(|kind| {
        let table = own_table(&coded, kind, out)?;
        out[modes] |= 2 << (6 - 2 * kind);
        Some(table)
    });
    let table = |kind: usize| own[kind].as_ref().unwrap_or(&PREDEFINED[kind]);

    let mut out = BitWriter::new(out);
    let mut literals = table(LITERALS).begin(last[LITERALS].code);
    let mut offsets = table(OFFSETS).begin(last[OFFSETS].code);
    let mut matches = table(MATCHES).begin(last[MATCHES].code);
    put_values(last, &mut out);
    for codes in earlier.iter().rev() {
        offsets.put(codes[OFFSETS].code, &mut out);
        matches.put(codes[MATCHES].code, &mut out);
        literals.put(codes[LITERALS].code, &mut out);
        put_values(codes, &mut out);
    }
    matches.end(&mut out);
    offsets.end(&mut out);
    literals.end(&mut out);
    out.end();
}

fn put_values(codes: &[Coded; 3], out: &mut BitWriter) {
    for kind in [LITERALS, MATCHES, OFFSETS] {
        out.put(codes[kind].value, codes[kind].bits);
    }
}

/// A table made for these codes of one kind and written out; `None` where the predefined one serves better.
fn own_table(coded: &[[Coded; 3]], kind: usize, out: &mut Vec<u8>) -> Option<fse::Table> {
    if coded.len() < OWN_TABLES_FROM {
        return None;
    }
    let mut counts = [0_u32; 64];
    coded.iter().for_each(|codes| counts[usize::from(codes[kind].code)] += 1);
    let used = &counts[..=counts.iter().rposition(|count| *count > 0)?];
    if used.iter().filter(|count| **count > 0).count() < 2 {
        return None;
    }
    let log = if coded.len() < 1_024 { 6 } else { 8 };
    let shares = fse::shares(used, log);
    fse::write_shares(&shares, log, out);
    Some(fse::Table::new(&shares, log))
}
