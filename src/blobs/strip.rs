//! Takes out of a picture what its author may not know is in it: place and time, camera, comments, previews, whatever follows its
//! end. The picture itself is not touched; which way up it is stays (API.md §1.10).

use std::io::Cursor;

use bytes::Bytes;
use image::ImageDecoder;
use image::metadata::Orientation;
use img_parts::ImageEXIF;
use img_parts::png::Png;
use img_parts::webp::WebP;

use super::frames::{GifBlock, GifBlocks};

/// The picture without metadata, or `None` where it can't be read as what it seems to be.
pub fn strip(bytes: &Bytes) -> Option<Bytes> {
    match bytes.get(..12)? {
        [0xff, 0xd8, 0xff, ..] => jpeg(bytes),
        [0x89, b'P', b'N', b'G', ..] => png(bytes),
        [b'G', b'I', b'F', ..] => gif(bytes),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P'] => webp(bytes),
        _ => None,
    }
}

/// Which way up it is, as an EXIF block that says only that; `None` where it stands as it is.
fn orientation(bytes: &[u8]) -> Option<Bytes> {
    let reader = image::ImageReader::new(Cursor::new(bytes)).with_guessed_format().ok()?;
    let orientation = reader.into_decoder().ok()?.orientation().ok()?;
    if orientation == Orientation::NoTransforms {
        return None;
    }
    // TIFF 6.0: big-endian, one directory with one entry, tag 0x0112 of type SHORT.
    let mut exif = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    exif.push(orientation.to_exif());
    exif.extend_from_slice(&[0; 6]);
    Some(exif.into())
}

/// Walks the segments (ITU-T T.81 §B.1.1). Kept are those that the picture is made of, and of the applications' ones JFIF (APP0), the
/// colour profile in APP2, and Adobe's colour transform (APP14). What follows the end goes: motion photos and other pictures with
/// metadata of their own are kept there.
fn jpeg(bytes: &Bytes) -> Option<Bytes> {
    const END: u8 = 0xd9;
    const SCAN: u8 = 0xda;
    let mut kept = bytes.get(..2)?.to_vec();
    if let Some(exif) = orientation(bytes) {
        let length = u16::try_from(exif.len() + 8).ok()?;
        kept.extend_from_slice(&[0xff, 0xe1]);
        kept.extend_from_slice(&length.to_be_bytes());
        kept.extend_from_slice(b"Exif\0\0");
        kept.extend_from_slice(&exif);
    }
    let mut at = 2;
    loop {
        if *bytes.get(at)? != 0xff {
            return None;
        }
        let marker = *bytes.get(at + 1)?;
        match marker {
            0xff => {
                at += 1;
                continue;
            }
            END => {
                kept.extend_from_slice(&[0xff, END]);
                return Some(kept.into());
            }
            _ => {}
        }
        let length = usize::from(u16::from_be_bytes([*bytes.get(at + 2)?, *bytes.get(at + 3)?]));
        let mut end = at + 2 + length.max(2);
        let body = bytes.get(at + 4..end)?;
        let is_kept = match marker {
            0xe2 => body.starts_with(b"ICC_PROFILE\0"),
            0xe0 | 0xee => true,
            0xe1..=0xef | 0xfe => false,
            _ => true,
        };
        if marker == SCAN {
            end = scan_end(bytes, end)?;
        }
        if is_kept {
            kept.extend_from_slice(bytes.get(at..end)?);
        }
        at = end;
    }
}

/// Where the entropy-coded data from `at` on end: at the next marker that is no restart and no stuffing.
fn scan_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += bytes.get(at..)?.iter().position(|byte| *byte == 0xff)?;
        match *bytes.get(at + 1)? {
            0x00 | 0xd0..=0xd7 => at += 2,
            0xff => at += 1,
            _ => return Some(at),
        }
    }
}

fn png(bytes: &Bytes) -> Option<Bytes> {
    let exif = orientation(bytes);
    let mut picture = Png::from_bytes(bytes.clone()).ok()?;
    let is_spoken = |kind: &[u8; 4]| matches!(kind, b"tEXt" | b"zTXt" | b"iTXt" | b"tIME" | b"eXIf");
    picture.chunks_mut().retain(|chunk| !is_spoken(&chunk.kind()));
    if let Some(end) = picture.chunks().iter().position(|chunk| &chunk.kind() == b"IEND") {
        picture.chunks_mut().truncate(end + 1);
    }
    picture.set_exif(exif);
    Some(picture.encoder().bytes())
}

/// Bits of a WebP picture's extended header: it has EXIF, it has XMP.
const EXIF_BIT: u8 = 8;
const XMP_BIT: u8 = 4;

fn webp(bytes: &Bytes) -> Option<Bytes> {
    let exif = orientation(bytes);
    let length = u32::from_le_bytes(bytes.get(4..8)?.try_into().ok()?) as usize;
    let whole = bytes.slice(..bytes.len().min(length.checked_add(8)?));
    let mut picture = WebP::from_bytes(whole).ok()?;
    picture.remove_chunks_by_id(*b"XMP ");
    let exif_bit = if exif.is_some() { EXIF_BIT } else { 0 };
    picture.set_exif(exif);
    let mut bytes = picture.encoder().bytes().to_vec();
    // What the extended header announces has to be there, or readers refuse the picture (RFC 9649 §2.7).
    if bytes.get(12..16) == Some(b"VP8X") {
        let flags = bytes.get_mut(20)?;
        *flags = *flags & !(EXIF_BIT | XMP_BIT) | exif_bit;
    }
    Some(bytes.into())
}

/// Comments and what programs have to say go, but for the block that makes it loop.
fn gif(bytes: &Bytes) -> Option<Bytes> {
    let mut blocks = GifBlocks::of(bytes);
    let mut kept = bytes.get(..blocks.position())?.to_vec();
    for block in blocks.by_ref() {
        let body = &bytes[block.range];
        let is_loop = body.get(3..14) == Some(b"NETSCAPE2.0") || body.get(3..14) == Some(b"ANIMEXTS1.0");
        if block.kind != GifBlock::COMMENT && (block.kind != GifBlock::APPLICATION || is_loop) {
            kept.extend_from_slice(body);
        }
    }
    (bytes.get(blocks.position()) == Some(&0x3b)).then(|| {
        kept.push(0x3b);
        kept.into()
    })
}

#[cfg(test)]
pub(super) mod tests {
    use image::{DynamicImage, ImageFormat, RgbImage};

    use super::*;
    use crate::blobs::frames;
    use crate::blobs::frames::tests::gif as moving;

    /// A small picture whose left half is dark.
    pub fn picture(format: ImageFormat) -> Vec<u8> {
        let pixels =
            RgbImage::from_fn(40, 20, |x, _| image::Rgb(if x < 20 { [10, 20, 30] } else { [240, 200, 90] }));
        let mut bytes = Vec::new();
        DynamicImage::from(pixels).write_to(&mut Cursor::new(&mut bytes), format).unwrap();
        bytes
    }

    /// EXIF that turns the picture by 90° and says where it was taken.
    pub const EXIF: &[u8] = b"MM\0\x2a\0\0\0\x08\0\x02\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\x88\x25\0\x04\0\0\0\x01\0\0\0\x26\0\0\0\0\
        \0\x01\0\x01\0\x02\0\0\0\x0cGPS-SECRET-48.13\0\0\0\0";

    fn with_metadata(format: ImageFormat) -> Bytes {
        let bytes = Bytes::from(picture(format));
        let exif = Some(Bytes::from_static(EXIF));
        let mut tail = b"PK GPS-SECRET after the end".to_vec();
        let mut whole = match format {
            ImageFormat::Jpeg => {
                let mut jpeg = img_parts::jpeg::Jpeg::from_bytes(bytes).unwrap();
                jpeg.set_exif(exif);
                let comment =
                    img_parts::jpeg::JpegSegment::new_with_contents(0xfe, Bytes::from_static(b"GPS-SECRET"));
                jpeg.segments_mut().insert(1, comment);
                jpeg.encoder().bytes().to_vec()
            }
            ImageFormat::Png => {
                let mut png = Png::from_bytes(bytes).unwrap();
                png.set_exif(exif);
                let text =
                    img_parts::png::PngChunk::new(*b"tEXt", Bytes::from_static(b"Comment\0GPS-SECRET"));
                png.chunks_mut().insert(1, text);
                png.encoder().bytes().to_vec()
            }
            _ => {
                let mut webp = WebP::from_bytes(bytes).unwrap();
                webp.set_exif(exif);
                webp.encoder().bytes().to_vec()
            }
        };
        whole.append(&mut tail);
        whole.into()
    }

    fn pixels(bytes: &[u8]) -> RgbImage {
        image::load_from_memory(bytes).unwrap().to_rgb8()
    }

    #[test]
    fn secrets_go_and_the_picture_and_its_way_up_stay() {
        for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP] {
            let given = with_metadata(format);
            let stripped = strip(&given).unwrap();
            let has_secret = stripped.windows(10).any(|window| window == b"GPS-SECRET");
            assert!(!has_secret && stripped.len() < given.len(), "{format:?}");
            assert_eq!(pixels(&stripped), pixels(&given), "{format:?}");
            let reader = image::ImageReader::new(Cursor::new(&stripped[..])).with_guessed_format().unwrap();
            assert_eq!(
                reader.into_decoder().unwrap().orientation().unwrap(),
                Orientation::Rotate90,
                "{format:?}"
            );
            assert_eq!(strip(&stripped).unwrap(), stripped, "{format:?}: once is enough");
        }
    }

    #[test]
    fn a_moving_picture_goes_on_moving() {
        let given = moving(3);
        let commented = [&given[..given.len() - 1], b"\x21\xfe\x0aGPS-SECRET\0\x3b trailing"].concat();
        let stripped = strip(&commented.into()).unwrap();
        assert_eq!(frames::count(&stripped), 3);
        assert_eq!(stripped, given);
    }

    #[test]
    fn what_is_cut_short_or_no_picture_is_left_alone() {
        for format in [ImageFormat::Jpeg, ImageFormat::Gif] {
            let whole = if format == ImageFormat::Gif { moving(2) } else { picture(format) };
            for length in (0..whole.len() - 1).step_by(7) {
                assert_eq!(strip(&Bytes::copy_from_slice(&whole[..length])), None, "{format:?} {length}");
            }
        }
        assert_eq!(strip(&Bytes::from_static(b"<svg onload=alert(1)></svg>")), None);
    }
}
