//! How long sound and video last and how large a video is, told by their headers: boxes and elements are walked over, never read whole,
//! and every walk has an end. What can't be told is left out.

use std::io::{self, Read, Seek, SeekFrom};

/// Most boxes, elements or pages that are looked at in one file.
const MAX_STEPS: usize = 4_096;
/// Deepest nesting of boxes that is followed: moov, trak, mdia and what is in it.
const MAX_DEPTH: usize = 4;
/// Most bytes at the end of an Ogg file that are searched for its last page.
const MAX_TAIL_BYTES: u64 = 64 << 10;
/// Longest duration that is believed, milliseconds: ten days.
const MAX_DURATION_MS: u64 = 10 * 24 * 60 * 60 * 1_000;
/// Most pixels along one side of a video.
const MAX_SIDE: u32 = 65_535;

/// What headers tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Probed {
    /// Milliseconds.
    pub duration_ms: Option<u64>,
    /// Pixels, upright.
    pub width: Option<u32>,
    /// Pixels, upright.
    pub height: Option<u32>,
    /// Whether there are tracks and none of them is a video.
    pub is_sound_only: bool,
}

/// Reads the headers of a file of `size` bytes that was found to be of this type.
pub fn probe(file: &mut (impl Read + Seek), size: u64, media_type: &str) -> Probed {
    let mut cursor = Cursor { file, size, steps: 0 };
    let found = match media_type {
        "video/mp4" | "audio/mp4" | "video/quicktime" => mp4(&mut cursor),
        "video/webm" | "audio/webm" | "video/x-matroska" | "audio/x-matroska" => matroska(&mut cursor),
        "audio/mpeg" => mpeg(&mut cursor),
        "audio/ogg" | "video/ogg" => ogg(&mut cursor),
        "audio/flac" => flac(&mut cursor),
        "audio/wav" => wav(&mut cursor),
        _ => Ok(Probed::default()),
    };
    let mut found = found.unwrap_or_default();
    found.duration_ms = found.duration_ms.filter(|ms| (1..=MAX_DURATION_MS).contains(ms));
    let is_fair = |side: Option<u32>| side.is_some_and(|side| (1..=MAX_SIDE).contains(&side));
    if !is_fair(found.width) || !is_fair(found.height) {
        (found.width, found.height) = (None, None);
    }
    found
}

struct Cursor<'f, F> {
    file: &'f mut F,
    size: u64,
    steps: usize,
}

impl<F: Read + Seek> Cursor<'_, F> {
    /// `N` bytes at a place; fewer are an error.
    fn bytes<const N: usize>(&mut self, at: u64) -> io::Result<[u8; N]> {
        self.steps += 1;
        if self.steps > MAX_STEPS || at.saturating_add(N as u64) > self.size {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.file.seek(SeekFrom::Start(at))?;
        let mut bytes = [0; N];
        self.file.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn u32(&mut self, at: u64) -> io::Result<u32> {
        Ok(u32::from_be_bytes(self.bytes(at)?))
    }

    fn u64(&mut self, at: u64) -> io::Result<u64> {
        Ok(u64::from_be_bytes(self.bytes(at)?))
    }

    /// At most `most` bytes from a place on.
    fn some(&mut self, at: u64, most: u64) -> io::Result<Vec<u8>> {
        self.steps += 1;
        let length = most.min(self.size.saturating_sub(at)).min(MAX_TAIL_BYTES);
        self.file.seek(SeekFrom::Start(at))?;
        let mut bytes = vec![0; length as usize];
        self.file.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

/// `units` of which `per_second` make a second, as milliseconds.
fn milliseconds(units: u64, per_second: u64) -> Option<u64> {
    u64::try_from(u128::from(units) * 1_000 / u128::from((per_second > 0).then_some(per_second)?)).ok()
}

/// The ISO base media file format (ISO/IEC 14496-12): `mvhd` has the duration, `tkhd` the size, `hdlr` the kind of a track.
fn mp4<F: Read + Seek>(cursor: &mut Cursor<'_, F>) -> io::Result<Probed> {
    let mut movie = Movie::default();
    let end = cursor.size;
    // What was found before a box that is broken still holds.
    let _ = boxes(cursor, 0, end, MAX_DEPTH, &mut movie);
    let size = movie.size.filter(|_| movie.has_video);
    Ok(Probed {
        duration_ms: movie.duration_ms,
        width: size.map(|(width, _)| width),
        height: size.map(|(_, height)| height),
        is_sound_only: movie.has_sound && !movie.has_video,
    })
}

#[derive(Default)]
struct Movie {
    duration_ms: Option<u64>,
    size: Option<(u32, u32)>,
    has_video: bool,
    has_sound: bool,
}

fn boxes<F: Read + Seek>(
    cursor: &mut Cursor<'_, F>,
    mut at: u64,
    end: u64,
    depth: usize,
    movie: &mut Movie,
) -> io::Result<()> {
    while at + 8 <= end {
        let head: [u8; 8] = cursor.bytes(at)?;
        let (mut body, kind) = (at + 8, [head[4], head[5], head[6], head[7]]);
        let next = match u32::from_be_bytes([head[0], head[1], head[2], head[3]]) {
            0 => end,
            1 => {
                body += 8;
                at.saturating_add(cursor.u64(at + 8)?)
            }
            length => at + u64::from(length),
        };
        if next < body || next > end {
            return Ok(());
        }
        match &kind {
            b"moov" | b"trak" | b"mdia" if depth > 0 => boxes(cursor, body, next, depth - 1, movie)?,
            b"mvhd" => movie.duration_ms = movie_duration(cursor, body)?,
            b"tkhd" => {
                if let Some(size) = track_size(cursor, body)? {
                    movie.size.get_or_insert(size);
                }
            }
            b"hdlr" => match &cursor.bytes::<4>(body + 8)? {
                b"vide" => movie.has_video = true,
                b"soun" => movie.has_sound = true,
                _ => {}
            },
            _ => {}
        }
        at = next;
    }
    Ok(())
}

fn movie_duration<F: Read + Seek>(cursor: &mut Cursor<'_, F>, body: u64) -> io::Result<Option<u64>> {
    let [version] = cursor.bytes(body)?;
    let (scale, duration) = if version == 1 {
        (cursor.u32(body + 20)?, cursor.u64(body + 24)?)
    } else {
        (cursor.u32(body + 12)?, u64::from(cursor.u32(body + 16)?))
    };
    Ok(milliseconds(duration, scale.into()))
}

/// Width and height, which are 16.16 numbers, turned where the matrix turns the picture by a quarter.
fn track_size<F: Read + Seek>(cursor: &mut Cursor<'_, F>, body: u64) -> io::Result<Option<(u32, u32)>> {
    let [version] = cursor.bytes(body)?;
    let matrix = body + if version == 1 { 52 } else { 40 };
    let is_turned = cursor.u32(matrix)? == 0 && cursor.u32(matrix + 4)? != 0;
    let (width, height) = (cursor.u32(matrix + 36)? >> 16, cursor.u32(matrix + 40)? >> 16);
    let size = if is_turned { (height, width) } else { (width, height) };
    Ok((width > 0 && height > 0).then_some(size))
}

/// Matroska and WebM (RFC 9559): the segment's Info has the duration, Tracks the size.
fn matroska<F: Read + Seek>(cursor: &mut Cursor<'_, F>) -> io::Result<Probed> {
    let mut segment = Segment { scale_ns: 1_000_000, ..Segment::default() };
    let end = cursor.size;
    let _ = elements(cursor, 0, end, MAX_DEPTH, &mut segment);
    let duration_ms = segment.duration.map(|units| (units * segment.scale_ns as f64 / 1e6) as u64);
    Ok(Probed {
        duration_ms,
        width: segment.width,
        height: segment.height,
        is_sound_only: segment.has_sound && !segment.has_video,
    })
}

#[derive(Default)]
struct Segment {
    scale_ns: u64,
    duration: Option<f64>,
    width: Option<u32>,
    height: Option<u32>,
    has_video: bool,
    has_sound: bool,
}

fn elements<F: Read + Seek>(
    cursor: &mut Cursor<'_, F>,
    mut at: u64,
    end: u64,
    depth: usize,
    segment: &mut Segment,
) -> io::Result<()> {
    while at < end {
        let (id, id_length) = number(cursor, at, false)?;
        let (length, length_length) = number(cursor, at + id_length, true)?;
        let body = at + id_length + length_length;
        // An unknown length, all ones, reaches to the end of what is around it.
        let is_open = length == (1 << (7 * length_length)) - 1;
        let next = if is_open { end } else { body.saturating_add(length) };
        if next > end {
            return Ok(());
        }
        match id {
            0x1853_8067 | 0x1549_a966 | 0x1654_ae6b | 0xae | 0xe0 if depth > 0 => {
                elements(cursor, body, next, depth - 1, segment)?;
            }
            0x2ad7b1 => segment.scale_ns = unsigned(cursor, body, length)?,
            0x4489 => segment.duration = float(cursor, body, length)?,
            0xb0 => segment.width = u32::try_from(unsigned(cursor, body, length)?).ok(),
            0xba => segment.height = u32::try_from(unsigned(cursor, body, length)?).ok(),
            0x83 => match unsigned(cursor, body, length)? {
                1 => segment.has_video = true,
                2 => segment.has_sound = true,
                _ => {}
            },
            // The first cluster: what is behind it is sound and pictures.
            0x1f43_b675 => return Ok(()),
            _ => {}
        }
        at = next;
    }
    Ok(())
}

/// A number whose first byte tells its length by its leading zeros (RFC 8794 §4); ids keep the marking bit.
fn number<F: Read + Seek>(cursor: &mut Cursor<'_, F>, at: u64, is_length: bool) -> io::Result<(u64, u64)> {
    let [first] = cursor.bytes(at)?;
    let length = u64::from(first.leading_zeros()) + 1;
    if length > 8 {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut value = u64::from(if is_length { first & (0xff_u16 >> length) as u8 } else { first });
    for offset in 1..length {
        let [byte] = cursor.bytes(at + offset)?;
        value = value << 8 | u64::from(byte);
    }
    Ok((value, length))
}

fn unsigned<F: Read + Seek>(cursor: &mut Cursor<'_, F>, at: u64, length: u64) -> io::Result<u64> {
    if length > 8 {
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok(cursor.some(at, length)?.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
}

fn float<F: Read + Seek>(cursor: &mut Cursor<'_, F>, at: u64, length: u64) -> io::Result<Option<f64>> {
    let value = match length {
        4 => f64::from(f32::from_be_bytes(cursor.bytes(at)?)),
        8 => f64::from_be_bytes(cursor.bytes(at)?),
        _ => return Ok(None),
    };
    Ok(Some(value).filter(|value| value.is_finite() && *value > 0.0))
}

/// MPEG audio: the first frame tells rates; the number of frames is in a Xing or Info header, else the bit rate is taken as constant.
fn mpeg<F: Read + Seek>(cursor: &mut Cursor<'_, F>) -> io::Result<Probed> {
    const RATES_1: [u64; 16] = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0];
    const RATES_2: [u64; 16] = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0];
    let head: [u8; 10] = cursor.bytes(0)?;
    // The length of an ID3v2 tag is in four times seven bits (id3v2.4.0-structure §3.1).
    let tag = head
        .starts_with(b"ID3")
        .then(|| head[6..].iter().fold(0u64, |size, byte| size << 7 | u64::from(byte & 0x7f)) + 10);
    let start = tag.unwrap_or(0);
    let window = cursor.some(start, 8 << 10)?;
    let is_frame = |pair: &[u8]| pair[0] == 0xff && pair[1] & 0xe6 == 0xe2;
    let Some(offset) = window.windows(2).position(is_frame) else { return Ok(Probed::default()) };
    let Some(frame) = window.get(offset..offset + 4) else { return Ok(Probed::default()) };
    let is_version_1 = frame[1] >> 3 & 3 == 3;
    let rate = [44_100, 48_000, 32_000, 0][usize::from(frame[2] >> 2 & 3)]
        / match frame[1] >> 3 & 3 {
            3 => 1,
            2 => 2,
            _ => 4,
        };
    let samples: u64 = if is_version_1 { 1_152 } else { 576 };
    let table = if is_version_1 { RATES_1 } else { RATES_2 };
    let bits_per_second = table[usize::from(frame[2] >> 4)] * 1_000;
    let counted = window
        .windows(12)
        .skip(offset)
        .take(200)
        .find(|part| part.starts_with(b"Xing") || part.starts_with(b"Info"));
    let frames = counted
        .filter(|part| part[7] & 1 != 0)
        .map(|part| u32::from_be_bytes([part[8], part[9], part[10], part[11]]));
    let duration_ms = match frames {
        Some(frames) => milliseconds(u64::from(frames) * samples, rate),
        None => milliseconds((cursor.size - start) * 8, bits_per_second),
    };
    Ok(Probed { duration_ms, is_sound_only: true, ..Probed::default() })
}

/// Ogg (RFC 3533): the last page's position, in samples; Opus always counts 48 000 a second (RFC 7845 §4).
fn ogg<F: Read + Seek>(cursor: &mut Cursor<'_, F>) -> io::Result<Probed> {
    let head = cursor.some(0, 512)?;
    let find = |wanted: &[u8]| head.windows(wanted.len()).position(|part| part == wanted);
    let little = |at: usize| {
        head.get(at..at + 4).map(|bytes| u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    };
    let (rate, skipped) = match (find(b"OpusHead"), find(b"\x01vorbis")) {
        (Some(at), _) => (48_000, little(at + 8).map_or(0, |word| word >> 16)),
        (None, Some(at)) => (little(at + 12).unwrap_or(0), 0),
        (None, None) => return Ok(Probed::default()),
    };
    let tail = cursor.some(cursor.size.saturating_sub(MAX_TAIL_BYTES), MAX_TAIL_BYTES)?;
    let last = tail.windows(14).rev().find(|page| page.starts_with(b"OggS"));
    let position = last.and_then(|page| page[6..14].try_into().ok()).map_or(0, u64::from_le_bytes);
    let duration_ms = milliseconds(position.saturating_sub(skipped.into()), rate.into());
    Ok(Probed { duration_ms, is_sound_only: find(b"theora").is_none(), ..Probed::default() })
}

/// FLAC (RFC 9639 §8.2): rate and number of samples stand in the first block.
fn flac<F: Read + Seek>(cursor: &mut Cursor<'_, F>) -> io::Result<Probed> {
    let word = cursor.u64(18)?;
    Ok(Probed {
        duration_ms: milliseconds(word & 0xf_ffff_ffff, word >> 44),
        is_sound_only: true,
        ..Probed::default()
    })
}

/// WAVE: bytes a second in `fmt `, bytes in `data`.
fn wav<F: Read + Seek>(cursor: &mut Cursor<'_, F>) -> io::Result<Probed> {
    let (mut at, mut per_second) = (12, 0);
    while let Ok(head) = cursor.bytes::<8>(at) {
        let length = u64::from(u32::from_le_bytes([head[4], head[5], head[6], head[7]]));
        match &head[..4] {
            b"fmt " => per_second = u32::from_le_bytes(cursor.bytes(at + 16)?),
            b"data" => {
                let duration_ms = milliseconds(length.min(cursor.size - at), per_second.into());
                return Ok(Probed { duration_ms, is_sound_only: true, ..Probed::default() });
            }
            _ => {}
        }
        at = at.saturating_add(8 + length + length % 2);
    }
    Ok(Probed::default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(bytes: &[u8], media_type: &str) -> Probed {
        probe(&mut io::Cursor::new(bytes), bytes.len() as u64, media_type)
    }

    fn atom(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
        [&(body.len() as u32 + 8).to_be_bytes()[..], kind, body].concat()
    }

    fn film(handler: &[u8; 4], is_turned: bool) -> Vec<u8> {
        let mvhd = [&[0; 12][..], &600u32.to_be_bytes(), &1_500u32.to_be_bytes(), &[0; 80]].concat();
        let one = 0x1_0000u32.to_be_bytes();
        let none = [0; 4];
        let (a, b) = if is_turned { (none, one) } else { (one, none) };
        let matrix = [a, b, none, b, a, none, none, none, [0x40, 0, 0, 0]].concat();
        let size = [(640u32 << 16).to_be_bytes(), (360u32 << 16).to_be_bytes()].concat();
        let tkhd = [&[0; 40][..], &matrix, &size].concat();
        let hdlr = [&[0; 8][..], handler, &[0; 12]].concat();
        let trak = [atom(b"tkhd", &tkhd), atom(b"mdia", &atom(b"hdlr", &hdlr))].concat();
        let moov = [atom(b"mvhd", &mvhd), atom(b"trak", &trak)].concat();
        [atom(b"ftyp", b"isom\0\0\0\0"), atom(b"mdat", &[7; 1_000]), atom(b"moov", &moov)].concat()
    }

    #[test]
    fn a_film_tells_its_length_and_size_wherever_its_head_is() {
        let upright = told(&film(b"vide", false), "video/mp4");
        assert_eq!(
            upright,
            Probed { duration_ms: Some(2_500), width: Some(640), height: Some(360), is_sound_only: false }
        );
        assert_eq!(told(&film(b"vide", true), "video/quicktime").width, Some(360));
        let sound = told(&film(b"soun", false), "video/mp4");
        assert_eq!((sound.duration_ms, sound.width, sound.is_sound_only), (Some(2_500), None, true));
    }

    #[test]
    fn webm_tells_the_same() {
        let element =
            |id: &[u8], body: &[u8]| [id, &[0x40 | (body.len() >> 8) as u8, body.len() as u8], body].concat();
        let info = element(&[0x15, 0x49, 0xa9, 0x66], &element(&[0x44, 0x89], &1_234.0f64.to_be_bytes()));
        let video =
            element(&[0xe0], &[element(&[0xb0], &[0x02, 0x80]), element(&[0xba], &[0x01, 0x68])].concat());
        let track = element(&[0xae], &[element(&[0x83], &[1]), video].concat());
        let tracks = element(&[0x16, 0x54, 0xae, 0x6b], &track);
        let segment =
            [&[0x18, 0x53, 0x80, 0x67, 0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff][..], &info, &tracks]
                .concat();
        let webm = [element(&[0x1a, 0x45, 0xdf, 0xa3], &[]), segment].concat();
        let expected =
            Probed { duration_ms: Some(1_234), width: Some(640), height: Some(360), is_sound_only: false };
        assert_eq!(told(&webm, "video/webm"), expected);
    }

    #[test]
    fn sound_tells_how_long_it_lasts() {
        let mut flac = b"fLaC\0\0\0\x22".to_vec();
        flac.extend_from_slice(&[0; 10]);
        flac.extend_from_slice(&(44_100u64 << 44 | 88_200).to_be_bytes());
        assert_eq!(told(&flac, "audio/flac").duration_ms, Some(2_000));
        let mut opus = b"OggS\0\x02".to_vec();
        opus.extend_from_slice(&[0; 22]);
        opus.extend_from_slice(b"OpusHead\x01\x01\x38\x01\0\0\0\0");
        opus.extend_from_slice(b"OggS\0\x04");
        opus.extend_from_slice(&(96_000u64 + 312).to_le_bytes());
        assert_eq!(told(&opus, "audio/ogg").duration_ms, Some(2_000));
        let constant = [&[0xff, 0xfb, 0x90, 0][..], &[0; 15_996]].concat();
        assert_eq!(told(&constant, "audio/mpeg").duration_ms, Some(1_000), "128 kbit/s");
        let wav = [&b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0data\x40\x1f\0\0"[..], &[0; 8_000]].concat();
        assert_eq!(told(&wav, "audio/wav").duration_ms, Some(1_000));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_bytes_are_told_within_bounds(
            bytes in prop::collection::vec(any::<u8>(), 0..600),
            cut in 0usize..1_400,
            flip in 0usize..1_400,
            to: u8,
        ) {
            let mut broken = film(b"vide", false);
            let place = flip % broken.len();
            broken[place] = to;
            broken.truncate(cut);
            for bytes in [&bytes, &broken] {
                for media_type in ["video/mp4", "video/webm", "audio/mpeg", "audio/ogg", "audio/flac", "audio/wav"] {
                    let found = told(bytes, media_type);
                    prop_assert!(found.duration_ms.is_none_or(|ms| ms <= MAX_DURATION_MS));
                }
            }
        }
    }
}
