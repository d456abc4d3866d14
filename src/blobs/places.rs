//! Takes out of films the place where they were shot, and out of AVIF and HEIC pictures what their author may not know is in them. Both
//! are boxes (ISO/IEC 14496-12), and what is in them is overwritten where it stands: nothing moves, so every offset stays true and the
//! file keeps its length. A film that names no place stays byte for byte. Tracks of timed metadata, where action cameras write where
//! they were each second, are emptied whole (`samples`).

mod samples;

use std::io::{self, Read, Seek, SeekFrom, Write};

/// Most boxes that are looked at in one file.
const MAX_BOXES: usize = 4_096;
/// Deepest nesting of boxes that is followed: moov, trak, udta.
const MAX_DEPTH: usize = 3;
/// Largest box of metadata that is read whole, bytes: with a cover picture it may be large. Of a larger one the beginning is.
const MAX_READ_BYTES: u64 = 4 << 20;
/// Most pieces of a file that are overwritten.
const MAX_PIECES: usize = 256;
/// Most runs of samples that are overwritten: chunks of two per second for nine hours.
const MAX_RUNS: usize = 1 << 16;
/// What says in metadata that a place is named: Apple's keys, QuickTime's text, and XMP by its tags. Long enough that a cover picture
/// does not hold them by chance.
const PLACES: [&[u8]; 5] = [b"location", b"latitude", b"\xa9xyz", b"GPSLa", b"GPSLo"];
/// Bytes of zeros that are written at once.
const ZEROS: [u8; 4_096] = [0; 4_096];

/// A piece to overwrite with zeros; a box of it is renamed to `free`, which readers pass over.
struct Piece {
    name_at: Option<u64>,
    at: u64,
    length: u64,
}

/// Overwrites what should not be in a file of `size` bytes that was found to be of this type. Whether there was any.
///
/// # Errors
/// What the disk said. A file that is not what it seems to be is left as it is.
pub fn hide(file: &mut (impl Read + Write + Seek), size: u64, media_type: &str) -> io::Result<bool> {
    let mut cursor = Cursor { file, size, boxes: 0 };
    let (mut pieces, mut runs) = (Vec::new(), Vec::new());
    let walked = match media_type {
        "video/mp4" | "audio/mp4" | "video/quicktime" => {
            film(&mut cursor, 0, size, MAX_DEPTH, false, &mut pieces)
                .and_then(|()| samples::of_metadata(&mut cursor, &mut runs))
        }
        "image/avif" | "image/heic" => picture(&mut cursor, &mut pieces),
        _ => return Ok(false),
    };
    // What was found before a box that is broken is hidden all the same.
    if let Err(error) = walked
        && error.kind() != io::ErrorKind::UnexpectedEof
    {
        return Err(error);
    }
    let (mut is_changed, mut left) = (false, size);
    for Piece { name_at, at, length } in pieces.into_iter().chain(runs) {
        if length > left {
            break; // pieces lie over each other: made to keep the disk busy
        }
        left -= length;
        if let Some(name_at) = name_at {
            cursor.write(name_at, b"free")?;
            is_changed = true;
        }
        is_changed |= cursor.zero(at, length)?;
    }
    Ok(is_changed)
}

struct Cursor<'f, F> {
    file: &'f mut F,
    size: u64,
    boxes: usize,
}

/// A box.
struct Atom {
    kind: [u8; 4],
    at: u64,
    body: u64,
    end: u64,
}

impl<F: Read + Write + Seek> Cursor<'_, F> {
    fn read(&mut self, at: u64, length: u64) -> io::Result<Vec<u8>> {
        if at.saturating_add(length) > self.size {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.file.seek(SeekFrom::Start(at))?;
        let mut bytes = vec![0; length as usize];
        self.file.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn write(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(at))?;
        self.file.write_all(bytes)
    }

    /// Writes zeros; whether something else was there.
    fn zero(&mut self, mut at: u64, mut length: u64) -> io::Result<bool> {
        let mut is_changed = false;
        while length > 0 {
            let count = length.min(ZEROS.len() as u64);
            if self.read(at, count)?.iter().any(|byte| *byte != 0) {
                self.write(at, &ZEROS[..count as usize])?;
                is_changed = true;
            }
            at += count;
            length -= count;
        }
        Ok(is_changed)
    }

    /// The box at a place inside one that ends at `end`; none where no box fits.
    fn atom(&mut self, at: u64, end: u64) -> io::Result<Option<Atom>> {
        self.boxes += 1;
        if at.saturating_add(8) > end || self.boxes > MAX_BOXES {
            return Ok(None);
        }
        let head = self.read(at, 8)?;
        let kind = [head[4], head[5], head[6], head[7]];
        let (body, next) = match u32::from_be_bytes([head[0], head[1], head[2], head[3]]) {
            0 => (at + 8, end),
            1 => {
                let length =
                    self.read(at + 8, 8)?.iter().fold(0, |length, byte| length << 8 | u64::from(*byte));
                (at + 16, at.saturating_add(length))
            }
            length => (at + 8, at + u64::from(length)),
        };
        let is_whole = body <= next && next <= end;
        Ok(is_whole.then_some(Atom { kind, at, body, end: next }))
    }
}

/// The first box of a kind in a piece of the file.
fn find<F: Read + Write + Seek>(
    cursor: &mut Cursor<'_, F>,
    (mut at, end): (u64, u64),
    kind: &[u8; 4],
) -> io::Result<Option<Atom>> {
    while let Some(atom) = cursor.atom(at, end)? {
        if atom.kind == *kind {
            return Ok(Some(atom));
        }
        at = atom.end;
    }
    Ok(None)
}

impl Atom {
    fn hidden(&self) -> Piece {
        Piece { name_at: Some(self.at + 4), at: self.body, length: self.end - self.body }
    }
}

/// Finds boxes that name a place: in `udta` each by itself, so that a title stays.
fn film<F: Read + Write + Seek>(
    cursor: &mut Cursor<'_, F>,
    mut at: u64,
    end: u64,
    depth: usize,
    is_spoken: bool,
    pieces: &mut Vec<Piece>,
) -> io::Result<()> {
    while let Some(atom) = cursor.atom(at, end)? {
        at = atom.end;
        match &atom.kind {
            b"moov" | b"trak" if depth > 0 => film(cursor, atom.body, atom.end, depth - 1, false, pieces)?,
            b"udta" if depth > 0 => film(cursor, atom.body, atom.end, depth - 1, true, pieces)?,
            b"\xa9xyz" | b"loci" | b"gps " => pieces.push(atom.hidden()),
            kind if is_spoken || matches!(kind, b"meta" | b"uuid") => {
                let bytes = cursor.read(atom.body, (atom.end - atom.body).min(MAX_READ_BYTES))?;
                let names = |place: &&[u8]| bytes.windows(place.len()).any(|part| part == *place);
                if PLACES.iter().any(names) {
                    pieces.push(atom.hidden());
                }
            }
            _ => {}
        }
        if pieces.len() >= MAX_PIECES {
            break;
        }
    }
    Ok(())
}

/// Finds the items of a picture that are EXIF or XMP (ISO/IEC 23008-12 annex A): `iinf` names them, `iloc` says where they are.
fn picture<F: Read + Write + Seek>(cursor: &mut Cursor<'_, F>, pieces: &mut Vec<Piece>) -> io::Result<()> {
    let mut at = 0;
    while let Some(atom) = cursor.atom(at, cursor.size)? {
        at = atom.end;
        if &atom.kind == b"meta" && atom.end - atom.body <= MAX_READ_BYTES {
            let bytes = cursor.read(atom.body, atom.end - atom.body)?;
            // A list that is broken names nothing further.
            let _ = items(&bytes, atom.body, pieces);
        }
    }
    let size = cursor.size;
    pieces.retain(|piece| piece.at.checked_add(piece.length).is_some_and(|end| end <= size));
    Ok(())
}

/// A big-endian reader of a box's body; `None` is the end of it.
struct Fields<'b>(&'b [u8]);

impl Fields<'_> {
    fn number(&mut self, bytes: usize) -> Option<u64> {
        let (number, rest) = self.0.split_at_checked(bytes)?;
        self.0 = rest;
        Some(number.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }
}

/// What is inside of a `meta` box whose body begins at `at` in the file.
fn items(meta: &[u8], at: u64, pieces: &mut Vec<Piece>) -> Option<()> {
    let (mut spoken, mut places, mut data_at) = (Vec::new(), None, None);
    for (kind, body, offset) in children(meta, 4) {
        match &kind {
            b"iinf" => {
                let count_bytes = if *body.first()? == 0 { 2 } else { 4 };
                for (_, entry, _) in children(body, 4 + count_bytes) {
                    spoken.extend(spoken_item(entry));
                }
            }
            b"iloc" => places = Some(body),
            b"idat" => data_at = Some(at + offset as u64),
            _ => {}
        }
    }
    let mut fields = Fields(places?);
    let version = fields.number(1)?;
    fields.number(3)?;
    let sizes = fields.number(2)? as usize;
    let (offset_bytes, length_bytes) = (sizes >> 12, sizes >> 8 & 15);
    let (base_bytes, index_bytes) = (sizes >> 4 & 15, if version == 0 { 0 } else { sizes & 15 });
    let id_bytes = if version < 2 { 2 } else { 4 };
    for _ in 0..fields.number(id_bytes)? {
        let id = fields.number(id_bytes)?;
        let is_in_data = version > 0 && fields.number(2)? & 15 == 1;
        fields.number(2)?;
        let base = fields.number(base_bytes)?;
        for _ in 0..fields.number(2)? {
            fields.number(index_bytes)?;
            let (offset, length) = (fields.number(offset_bytes)?, fields.number(length_bytes)?);
            let start = if is_in_data { data_at? } else { 0 };
            if spoken.contains(&id) && pieces.len() < MAX_PIECES {
                pieces.push(Piece {
                    name_at: None,
                    at: start.checked_add(base)?.checked_add(offset)?,
                    length,
                });
            }
        }
    }
    Some(())
}

/// The id of an item that says something about the picture and is no part of it.
fn spoken_item(entry: &[u8]) -> Option<u64> {
    let mut fields = Fields(entry);
    let version = fields.number(1)?;
    fields.number(3)?;
    let id = fields.number(if version < 3 { 2 } else { 4 })?;
    fields.number(2)?;
    (fields.0.starts_with(b"Exif") || fields.0.starts_with(b"mime")).then_some(id)
}

/// The boxes in a body from `from` on: kind, body, and where that body begins in this one.
fn children(body: &[u8], from: usize) -> impl Iterator<Item = ([u8; 4], &[u8], usize)> {
    let mut at = from;
    std::iter::from_fn(move || {
        let head = body.get(at..at + 8)?;
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let inner = body.get(at + 8..at.checked_add(length)?)?;
        let offset = at + 8;
        at += length;
        Some(([head[4], head[5], head[6], head[7]], inner, offset))
    })
    .take(MAX_BOXES)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// What no file may say.
    pub const SECRET: &[u8] = b"+48.1374+011.5755/";

    pub fn atom(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
        [&(body.len() as u32 + 8).to_be_bytes()[..], kind, body].concat()
    }

    /// A film as phones make them: a place in `udta` as QuickTime, Android and 3GPP write it, in Apple's keys, and in XMP.
    pub fn film_with_place() -> Vec<u8> {
        let keys = [b"\0\0\0\x2dmdtacom.apple.quicktime.location.ISO6709", SECRET].concat();
        let udta = [
            atom(b"\xa9xyz", &[b"\0\x12\x15\xc7", SECRET].concat()),
            atom(b"loci", &[b"\0\0\0\0\x15\xc7Home\0\0", SECRET].concat()),
            atom(b"\xa9nam", b"\0\x07\x15\xc7a title"),
            atom(b"meta", &[&[0; 4][..], &atom(b"keys", &keys)].concat()),
        ];
        let trak = atom(b"trak", &atom(b"udta", &atom(b"XMP_", &[b"<exif:GPSLatitude>", SECRET].concat())));
        let moov = [atom(b"mvhd", &[0; 100]), trak, atom(b"udta", &udta.concat())].concat();
        let xmp = [&[0xbe, 0x7a, 0xcf, 0xcb][..], &[0; 12], b"exif:GPSLongitude", SECRET].concat();
        let parts = [
            atom(b"ftyp", b"qt  \0\0\0\0"),
            atom(b"mdat", b"frames that stay"),
            atom(b"moov", &moov),
            atom(b"meta", &[&[0; 4][..], &atom(b"keys", &keys)].concat()),
            atom(b"uuid", &xmp),
        ];
        parts.concat()
    }

    /// An AVIF or HEIC picture with EXIF among its data and XMP beside its lists.
    pub fn picture_with_place(brand: &[u8; 4]) -> Vec<u8> {
        let exif = [b"\0\0\0\0MM\0\x2aGPS", SECRET].concat();
        let xmp = [b"<x:xmpmeta GPS ", SECRET].concat();
        let entry =
            |id: u8, kind: &[u8]| atom(b"infe", &[b"\x02\0\0\0\0", &[id][..], b"\0\0", kind, b"\0"].concat());
        let entries =
            [entry(1, b"av01"), entry(2, b"Exif"), entry(3, b"mimeXMP\0application/rdf+xml")].concat();
        let iinf = atom(b"iinf", &[b"\0\0\0\0\0\x03", &entries[..]].concat());
        let ftyp = atom(b"ftyp", &[&brand[..], b"\0\0\0\0mif1"].concat());
        let place = |id: u8, method: u8, offset: usize, length: usize| {
            let (offset, length) = ((offset as u32).to_be_bytes(), (length as u32).to_be_bytes());
            [&[0, id, 0, method, 0, 0, 0, 1][..], &offset, &length].concat()
        };
        let meta = |pixels_at: usize| {
            let places = [
                place(1, 0, pixels_at, 6),
                place(2, 0, pixels_at + 6, exif.len()),
                place(3, 1, 0, xmp.len()),
            ];
            let iloc = atom(b"iloc", &[b"\x01\0\0\0\x44\0\0\x03", &places.concat()[..]].concat());
            atom(b"meta", &[&[0; 4][..], &iinf, &iloc, &atom(b"idat", &xmp)].concat())
        };
        let pixels_at = ftyp.len() + meta(0).len() + 8;
        [&ftyp[..], &meta(pixels_at), &atom(b"mdat", &[b"pixels", &exif[..]].concat())].concat()
    }

    pub fn hidden(bytes: &[u8], media_type: &str) -> (bool, Vec<u8>) {
        let mut file = io::Cursor::new(bytes.to_vec());
        let is_changed = hide(&mut file, bytes.len() as u64, media_type).unwrap();
        (is_changed, file.into_inner())
    }

    pub fn has(bytes: &[u8], part: &[u8]) -> bool {
        bytes.windows(part.len()).any(|window| window == part)
    }

    #[test]
    fn a_film_forgets_where_it_was_shot_and_keeps_its_frames_and_title() {
        let film = film_with_place();
        let (is_changed, left) = hidden(&film, "video/quicktime");
        assert!(is_changed && left.len() == film.len());
        assert!(has(&film, SECRET) && !has(&left, SECRET) && !has(&left, b"location"));
        assert!(has(&left, b"frames that stay") && has(&left, b"a title"));
        assert_eq!(hidden(&left, "video/mp4"), (false, left.clone()), "once is enough");
    }

    #[test]
    fn a_film_that_names_no_place_stays_byte_for_byte() {
        let tags = atom(b"udta", &atom(b"meta", &[&[0; 4][..], &atom(b"ilst", b"Lavf60.3.100")].concat()));
        let film = [atom(b"ftyp", b"isom\0\0\0\0"), atom(b"moov", &tags), atom(b"mdat", SECRET)].concat();
        assert_eq!(hidden(&film, "video/mp4"), (false, film.clone()));
        assert_eq!(hidden(&film, "video/webm"), (false, film));
    }

    #[test]
    fn a_picture_in_boxes_loses_exif_and_xmp_and_keeps_its_pixels() {
        for (brand, media_type) in [(b"avif", "image/avif"), (b"heic", "image/heic")] {
            let picture = picture_with_place(brand);
            let (is_changed, left) = hidden(&picture, media_type);
            assert!(is_changed && left.len() == picture.len(), "{media_type}");
            assert!(!has(&left, SECRET) && !has(&left, b"GPS") && has(&left, b"pixels"), "{media_type}");
            assert!(!hidden(&left, media_type).0, "{media_type}: once is enough");
        }
    }

    #[test]
    fn whatever_is_broken_ends_the_walk_and_changes_no_length() {
        for (whole, media_type) in
            [(film_with_place(), "video/mp4"), (picture_with_place(b"avif"), "image/avif")]
        {
            for cut in 0..whole.len() {
                assert_eq!(hidden(&whole[..cut], media_type).1.len(), cut);
            }
        }
        let endless = [atom(b"ftyp", b"isom\0\0\0\0"), vec![0, 0, 0, 0], b"moov".to_vec()].concat();
        assert!(!hidden(&endless, "video/mp4").0);
    }
}
