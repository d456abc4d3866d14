//! Files that strangers make on purpose: `tests/corpus`, and mutations of all in it and of every kind of picture, sound and video that
//! is read. `BOLERO_RANDOM_ITERATIONS` asks for a longer run.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use bytes::Bytes;
use image::ImageFormat;

use super::frames::tests::gif;
use super::picture::{Fit, MAX_SIDE, Wanted, look, placeholder, scaled};
use super::places::tests::{film_with_place, picture_with_place};
use super::strip::tests::picture;
use super::{frames, places, probe, strip};
use crate::logic::sniff::sniff;

/// Mutations of one run of the test.
const ITERATIONS: usize = 400;

/// A file of every kind, and what it is cut to and where it is changed.
type Mutation = (u8, u16, Vec<(u16, u8)>);

fn corpus() -> Vec<Vec<u8>> {
    let mut files: Vec<Vec<u8>> =
        [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP].map(picture).into_iter().collect();
    files.push(gif(3));
    files.extend([film_with_place(), picture_with_place(b"avif"), picture_with_place(b"heic")]);
    // The text of a page, a film's boxes, WebM's elements, an Ogg page: cut and changed they are what comes from broken programs too.
    files.push(b"\0\0\0\x18ftypisom\0\0\0\0isommp41\0\0\0\x10moov\0\0\0\x08trak".to_vec());
    files.push(b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff\x15\x49\xa9\x66\x87\x44\x89\x84\0\0\0\0".to_vec());
    files.push(b"OggS\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x13OpusHead\x01\x02".to_vec());
    let folders = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    for folder in ["whole", "places", "broken", "bombs", "polyglots"] {
        let entries = std::fs::read_dir(folders.join(folder)).unwrap();
        let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        files.extend(paths.iter().map(|path| std::fs::read(path).unwrap()).filter(|bytes| !bytes.is_empty()));
    }
    files.push(b"ID3\x04\0\0\0\0\0\0\xff\xfb\x90\x64Xing\0\0\0\x01".to_vec());
    files
}

#[test]
fn no_mutation_of_a_file_panics_a_reader_or_gets_past_a_limit() {
    let corpus = corpus();
    bolero::check!().with_iterations(ITERATIONS).with_type::<Mutation>().for_each(|(which, cut, changes)| {
        let mut bytes = corpus[usize::from(*which) % corpus.len()].clone();
        for (place, to) in changes.iter().take(16) {
            let place = usize::from(*place) % bytes.len();
            bytes[place] = *to;
        }
        if cut % 3 == 0 {
            bytes.truncate(usize::from(*cut) % (bytes.len() + 1));
        }
        let bytes = Bytes::from(bytes);
        frames::count(&bytes);
        let found = sniff(&bytes);
        let mut file = Cursor::new(bytes.to_vec());
        if places::hide(&mut file, bytes.len() as u64, found.media_type).is_ok() {
            assert_eq!(file.get_ref().len(), bytes.len(), "hiding a place moves nothing");
        }
        probe::probe(&mut Cursor::new(&bytes), bytes.len() as u64, found.media_type);
        // Decoders of pictures may give up on hostile files; the pool takes that for a picture that can't be read.
        let decoded = catch_unwind(AssertUnwindSafe(|| {
            let stripped = strip::strip(&bytes)?;
            assert!(stripped.len() <= bytes.len() + 64, "cutting metadata out makes no file larger");
            let seen = look(&stripped)?;
            placeholder(&stripped);
            scaled(&stripped, Fit::Within(64), Wanted::Best);
            Some(seen)
        }));
        if let Ok(Some(seen)) = decoded {
            assert!(seen.width <= MAX_SIDE && seen.height <= MAX_SIDE);
        }
    });
}
