//! Samples of timed metadata (ISO/IEC 14496-12 §12.3): a track of a film whose handler is `meta`. Action cameras, drones and phones write
//! there where they were, each second and by the metre (`gpmd`, `mebx`, `camm`, `djmd`, `rtmd`); no player shows it.

use std::io::{self, Read, Seek, Write};

use super::{Atom, Cursor, Fields, MAX_READ_BYTES, MAX_RUNS, Piece, find};

/// Where the samples of such tracks lie, in runs.
pub(super) fn of_metadata<F: Read + Write + Seek>(
    cursor: &mut Cursor<'_, F>,
    runs: &mut Vec<Piece>,
) -> io::Result<()> {
    let size = cursor.size;
    let Some(moov) = find(cursor, (0, size), b"moov")? else { return Ok(()) };
    let mut at = moov.body;
    while let Some(track) = find(cursor, (at, moov.end), b"trak")? {
        at = track.end;
        // A track whose tables are broken has no samples that a reader finds.
        if let Some(tables) = tables(cursor, &track)? {
            let _ = tables.runs(size, runs);
        }
    }
    Ok(())
}

/// The tables of a track's samples, without their boxes' heads.
struct Tables {
    sizes: Vec<u8>,
    chunks: Vec<u8>,
    offsets: Vec<u8>,
    offset_bytes: usize,
}

/// The tables of a track of metadata; `None` for any other.
fn tables<F: Read + Write + Seek>(cursor: &mut Cursor<'_, F>, track: &Atom) -> io::Result<Option<Tables>> {
    let Some(media) = find(cursor, track.inside(), b"mdia")? else { return Ok(None) };
    let Some(handler) = find(cursor, media.inside(), b"hdlr")? else { return Ok(None) };
    if cursor.read(handler.body, 12)?[8..] != *b"meta" {
        return Ok(None);
    }
    let Some(information) = find(cursor, media.inside(), b"minf")? else { return Ok(None) };
    let Some(table) = find(cursor, information.inside(), b"stbl")? else { return Ok(None) };
    let mut body = |kind| -> io::Result<Option<Vec<u8>>> {
        let Some(atom) = find(cursor, table.inside(), kind)? else { return Ok(None) };
        cursor.read(atom.body, (atom.end - atom.body).min(MAX_READ_BYTES)).map(Some)
    };
    let (Some(sizes), Some(chunks)) = (body(b"stsz")?, body(b"stsc")?) else { return Ok(None) };
    let (offsets, offset_bytes) = match body(b"stco")? {
        Some(offsets) => (Some(offsets), 4),
        None => (body(b"co64")?, 8),
    };
    Ok(offsets.map(|offsets| Tables { sizes, chunks, offsets, offset_bytes }))
}

impl Tables {
    /// Adds the runs of the track in a file of `size` bytes; `None` where a table ends early, with what was found before.
    fn runs(&self, size: u64, runs: &mut Vec<Piece>) -> Option<()> {
        let mut sizes = Fields(self.sizes.get(4..)?);
        let uniform = sizes.number(4)?;
        let mut left = sizes.number(4)?;
        let mut chunks = Fields(self.chunks.get(4..)?);
        let mut steps_left = chunks.number(4)?;
        let mut step = |chunks: &mut Fields<'_>| -> Option<[u64; 2]> {
            steps_left = steps_left.checked_sub(1)?;
            let (first, samples) = (chunks.number(4)?, chunks.number(4)?);
            chunks.number(4)?;
            Some([first, samples])
        };
        let mut offsets = Fields(self.offsets.get(4..)?);
        let count = offsets.number(4)?;
        let [_, mut each] = step(&mut chunks)?;
        let mut next = step(&mut chunks);
        for chunk in 1..=count {
            if let Some([_, samples]) = next.filter(|[first, _]| *first <= chunk) {
                each = samples;
                next = step(&mut chunks);
            }
            let at = offsets.number(self.offset_bytes)?;
            let samples = each.min(left);
            left -= samples;
            let length = match uniform {
                0 => (0..samples).try_fold(0_u64, |sum, _| Some(sum + sizes.number(4)?))?,
                uniform => samples * uniform,
            };
            if at.checked_add(length).is_none_or(|end| end > size) {
                return None;
            }
            let is_full = runs.len() >= MAX_RUNS;
            match runs.last_mut() {
                Some(run) if run.at + run.length == at => run.length += length,
                _ if is_full => return None,
                _ => runs.push(Piece { name_at: None, at, length }),
            }
        }
        Some(())
    }
}

impl Atom {
    fn inside(&self) -> (u64, u64) {
        (self.body, self.end)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{SECRET, atom, has, hidden};

    fn track(handler: &[u8; 4], stbl: &[Vec<u8>]) -> Vec<u8> {
        let hdlr = atom(b"hdlr", &[&[0; 8][..], handler, &[0; 13]].concat());
        let minf = atom(b"minf", &atom(b"stbl", &stbl.concat()));
        atom(b"trak", &atom(b"mdia", &[hdlr, minf].concat()))
    }

    fn table(kind: &[u8; 4], numbers: &[u32]) -> Vec<u8> {
        let body: Vec<u8> = [0].iter().chain(numbers).flat_map(|number| number.to_be_bytes()).collect();
        atom(kind, &body)
    }

    /// Three chunks of metadata between frames, of two samples, two and one; how sizes and offsets are written is the cameras' own.
    fn film(handler: &[u8; 4], uniform: bool, long: bool) -> Vec<u8> {
        let sample: Vec<u8> = [SECRET, b"."].concat();
        let (frame, length) = (&b"frames that stay"[..], sample.len() as u32);
        let ftyp = atom(b"ftyp", b"mp41\0\0\0\0");
        let first = ftyp.len() as u32 + 8;
        let data = [&sample[..], &sample, frame, &sample, &sample, frame, &sample, frame].concat();
        let (second, third) = (first + 2 * length + 16, first + 4 * length + 32);
        let sizes = match uniform {
            true => table(b"stsz", &[length, 5]),
            false => table(b"stsz", &[0, 5, length, length, length, length, length]),
        };
        let offsets = match long {
            true => table(b"co64", &[3, 0, first, 0, second, 0, third]),
            false => table(b"stco", &[3, first, second, third]),
        };
        let chunks = table(b"stsc", &[2, 1, 2, 1, 3, 1, 1]);
        let moov = atom(b"moov", &track(handler, &[chunks, sizes, offsets]));
        [ftyp, atom(b"mdat", &data), moov].concat()
    }

    #[test]
    fn a_track_of_metadata_is_emptied_and_frames_between_it_stay() {
        for (uniform, long) in [(true, false), (false, false), (true, true), (false, true)] {
            let film = film(b"meta", uniform, long);
            let (is_changed, left) = hidden(&film, "video/mp4");
            assert!(is_changed && left.len() == film.len());
            assert!(has(&film, SECRET) && !has(&left, SECRET), "uniform {uniform}, long {long}");
            assert_eq!(left.windows(16).filter(|part| part == b"frames that stay").count(), 3);
            assert_eq!(hidden(&left, "video/mp4"), (false, left.clone()), "once is enough");
        }
    }

    #[test]
    fn frames_sound_and_subtitles_are_not_metadata() {
        for handler in [b"vide", b"soun", b"text", b"sbtl"] {
            let film = film(handler, false, false);
            assert_eq!(hidden(&film, "video/quicktime"), (false, film.clone()));
        }
    }

    #[test]
    fn broken_tables_change_nothing_outside_the_file_and_no_length() {
        let whole = film(b"meta", false, false);
        for cut in 0..whole.len() {
            assert_eq!(hidden(&whole[..cut], "video/mp4").1.len(), cut);
        }
        for at in whole.len() - 160..whole.len() {
            let mut broken = whole.clone();
            broken[at] = 0xff;
            assert_eq!(hidden(&broken, "video/mp4").1.len(), whole.len());
        }
    }
}
