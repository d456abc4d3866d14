//! What is done with a picture's pixels: its size is read before anything is decoded, and all decoding is within limits. These
//! functions block and may panic on hostile files: `pool` runs them.

use std::io::Cursor;

use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use image::codecs::jpeg::JpegEncoder;
use image::metadata::Orientation;
use image::{DynamicImage, GenericImageView, ImageDecoder, ImageFormat, ImageReader, Limits};

use super::frames;
use super::pool::MEMORY_BYTES;

/// Most pixels along one side (SAFETY.md §6).
pub const MAX_SIDE: u32 = 16_384;
/// Most pixels (SAFETY.md §6).
pub const MAX_PIXELS: u64 = 64_000_000;
/// Quality of JPEG previews: 14 KB for 400 × 300 of a photo (STACK.md §8).
const JPEG_QUALITY: u8 = 82;
/// A picture of at most so many colours is kept without loss, as drawings want it.
const FEW_COLOURS: usize = 256;
/// Longest side of what a thumbhash is made of; the algorithm takes no more.
const HASHED_SIDE: u32 = 100;

/// What the head of a picture tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Pixels, upright.
    pub width: u32,
    /// Pixels, upright.
    pub height: u32,
    /// Whether it moves.
    pub is_animated: bool,
    /// Memory that decoding it takes, bytes.
    pub decoded_bytes: u64,
}

/// A format for what is made of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Whatever shows it best: JPEG for photos, PNG without loss for what is transparent or has few colours.
    Best,
    /// PNG.
    Png,
    /// JPEG; what is transparent becomes white.
    Jpeg,
    /// WebP without loss where it is transparent or has few colours, else JPEG: there is no other encoder without C.
    Webp,
}

/// A box that a picture is made to fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// No side longer than this; smaller pictures stay as they are.
    Within(u32),
    /// Cut to these proportions and no larger.
    Cover(u32, u32),
}

/// Reads size and memory of a picture out of its head; `None` for what is none, or beyond the limits.
pub fn look(bytes: &[u8]) -> Option<Seen> {
    let mut decoder = decoder(bytes)?;
    let (width, height) = decoder.dimensions();
    let is_fair = width > 0 && height > 0 && width.max(height) <= MAX_SIDE;
    if !is_fair || u64::from(width) * u64::from(height) > MAX_PIXELS {
        return None;
    }
    let decoded_bytes = decoder.total_bytes();
    let is_turned = matches!(
        decoder.orientation().ok()?,
        Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH
    );
    let (width, height) = if is_turned { (height, width) } else { (width, height) };
    Some(Seen { width, height, is_animated: frames::count(bytes) > 1, decoded_bytes })
}

fn decoder(bytes: &[u8]) -> Option<impl ImageDecoder + '_> {
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().ok()?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MEMORY_BYTES);
    reader.limits(limits);
    reader.into_decoder().ok()
}

/// The picture upright; of one that moves, its first frame.
fn decode(bytes: &[u8]) -> Option<DynamicImage> {
    look(bytes)?;
    let mut decoder = decoder(bytes)?;
    let orientation = decoder.orientation().ok()?;
    let mut picture = DynamicImage::from_decoder(decoder).ok()?;
    picture.apply_orientation(orientation);
    Some(picture)
}

/// A thumbhash: some 20 bytes that a client draws until the picture is there.
pub fn placeholder(bytes: &[u8]) -> Option<Vec<u8>> {
    let picture = fitted(decode(bytes)?, Fit::Within(HASHED_SIDE), FilterType::Bilinear)?.to_rgba8();
    Some(thumbhash::rgba_to_thumb_hash(picture.width() as usize, picture.height() as usize, picture.as_raw()))
}

/// The picture made to fit a box, encoded anew, with its media type. It carries no metadata.
pub fn scaled(bytes: &[u8], fit: Fit, wanted: Wanted) -> Option<(Vec<u8>, &'static str)> {
    let picture = fitted(decode(bytes)?, fit, FilterType::Lanczos3)?;
    let is_plain = || is_transparent(&picture) || has_few_colours(&picture);
    let format = match wanted {
        Wanted::Png => ImageFormat::Png,
        Wanted::Jpeg => ImageFormat::Jpeg,
        Wanted::Best if is_plain() => ImageFormat::Png,
        Wanted::Webp if is_plain() => ImageFormat::WebP,
        Wanted::Best | Wanted::Webp => ImageFormat::Jpeg,
    };
    Some((encoded(&picture, format)?, format.to_mime_type()))
}

/// Resizes within the box; never makes larger.
fn fitted(picture: DynamicImage, fit: Fit, filter: FilterType) -> Option<DynamicImage> {
    let (width, height) = picture.dimensions();
    let mut options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter));
    let (to_width, to_height) = match fit {
        Fit::Within(side) if width.max(height) <= side => return Some(picture),
        Fit::Within(side) => {
            let scale = f64::from(side) / f64::from(width.max(height));
            let scaled = |length: u32| ((f64::from(length) * scale).round() as u32).max(1);
            (scaled(width), scaled(height))
        }
        Fit::Cover(most_width, most_height) if width <= most_width && height <= most_height => {
            return Some(picture);
        }
        Fit::Cover(most_width, most_height) => {
            options = options.fit_into_destination(None);
            let shrink =
                (f64::from(width) / f64::from(most_width)).min(f64::from(height) / f64::from(most_height));
            let shrink = shrink.min(1.0);
            let scaled = |length: u32| ((f64::from(length) * shrink).round() as u32).max(1);
            (scaled(most_width), scaled(most_height))
        }
    };
    // The resizer has no 16-bit-with-alpha or float pictures of every kind: eight bits are what is shown.
    let picture = if picture.color().has_alpha() {
        DynamicImage::from(picture.into_rgba8())
    } else {
        DynamicImage::from(picture.into_rgb8())
    };
    let mut small = DynamicImage::new(to_width, to_height, picture.color());
    Resizer::new().resize(&picture, &mut small, &options).ok()?;
    Some(small)
}

fn is_transparent(picture: &DynamicImage) -> bool {
    match picture {
        DynamicImage::ImageRgba8(pixels) => pixels.pixels().any(|pixel| pixel[3] != u8::MAX),
        other => other.color().has_alpha() && other.to_rgba8().pixels().any(|pixel| pixel[3] != u8::MAX),
    }
}

fn has_few_colours(picture: &DynamicImage) -> bool {
    let mut colours = std::collections::HashSet::with_capacity(FEW_COLOURS);
    for (_, _, pixel) in picture.pixels() {
        colours.insert(pixel.0);
        if colours.len() > FEW_COLOURS {
            return false;
        }
    }
    true
}

fn encoded(picture: &DynamicImage, format: ImageFormat) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    match format {
        ImageFormat::Jpeg => {
            let opaque = if is_transparent(picture) { on_white(picture) } else { picture.to_rgb8() };
            JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY).encode_image(&opaque).ok()?;
        }
        other => {
            let eight_bits = if picture.color().has_alpha() {
                DynamicImage::from(picture.to_rgba8())
            } else {
                DynamicImage::from(picture.to_rgb8())
            };
            eight_bits.write_to(&mut Cursor::new(&mut bytes), other).ok()?;
        }
    }
    Some(bytes)
}

fn on_white(picture: &DynamicImage) -> image::RgbImage {
    let pixels = picture.to_rgba8();
    image::RgbImage::from_fn(pixels.width(), pixels.height(), |x, y| {
        let image::Rgba([r, g, b, a]) = *pixels.get_pixel(x, y);
        let over = |part: u8| ((u16::from(part) * u16::from(a) + 255 * (255 - u16::from(a))) / 255) as u8;
        image::Rgb([over(r), over(g), over(b)])
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use img_parts::ImageEXIF;

    use super::*;
    use crate::blobs::frames::tests::gif;
    use crate::blobs::strip::tests::{EXIF, picture};

    fn photo(width: u32, height: u32) -> DynamicImage {
        let noise = |x: u32, y: u32| (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503)) as u8;
        image::RgbImage::from_fn(width, height, |x, y| {
            image::Rgb([noise(x, y), noise(y, x), noise(x + y, y)])
        })
        .into()
    }

    fn png(picture: &DynamicImage) -> Vec<u8> {
        encoded(picture, ImageFormat::Png).unwrap()
    }

    fn size(made: &Option<(Vec<u8>, &str)>) -> (u32, u32) {
        image::load_from_memory(&made.as_ref().unwrap().0).unwrap().dimensions()
    }

    #[test]
    fn photos_become_jpeg_and_drawings_stay_without_loss() {
        let made = scaled(&png(&photo(300, 200)), Fit::Within(128), Wanted::Best);
        assert_eq!((size(&made), made.unwrap().1), ((128, 85), "image/jpeg"));
        let drawing = scaled(&picture(ImageFormat::Png), Fit::Within(16), Wanted::Best);
        assert_eq!((size(&drawing), drawing.unwrap().1), ((16, 8), "image/png"));
        let clear = DynamicImage::from(image::RgbaImage::from_pixel(64, 64, image::Rgba([1, 2, 3, 0])));
        for (wanted, media_type) in
            [(Wanted::Webp, "image/webp"), (Wanted::Best, "image/png"), (Wanted::Jpeg, "image/jpeg")]
        {
            assert_eq!(scaled(&png(&clear), Fit::Within(32), wanted).unwrap().1, media_type, "{wanted:?}");
        }
        let white = scaled(&png(&clear), Fit::Within(32), Wanted::Jpeg).unwrap().0;
        assert!(image::load_from_memory(&white).unwrap().to_rgb8().get_pixel(5, 5)[0] > 250);
    }

    #[test]
    fn boxes_are_never_exceeded_and_nothing_grows() {
        let cover =
            |width, height| size(&scaled(&png(&photo(width, height)), Fit::Cover(256, 256), Wanted::Png));
        assert_eq!((cover(900, 500), cover(40, 30), cover(300, 100)), ((256, 256), (40, 30), (100, 100)));
        assert_eq!(size(&scaled(&png(&photo(10, 700)), Fit::Within(64), Wanted::Png)), (1, 64));
    }

    #[test]
    fn turned_pictures_stand_upright() {
        let mut jpeg = img_parts::jpeg::Jpeg::from_bytes(picture(ImageFormat::Jpeg).into()).unwrap();
        jpeg.set_exif(Some(Bytes::from_static(EXIF)));
        let turned = jpeg.encoder().bytes();
        let seen = look(&turned).unwrap();
        assert_eq!((seen.width, seen.height, seen.is_animated), (20, 40, false));
        assert_eq!(size(&scaled(&turned, Fit::Within(20), Wanted::Png)), (10, 20));
        assert!(placeholder(&turned).unwrap().len() < 40);
    }

    #[test]
    fn bombs_and_junk_are_refused_by_their_head() {
        let mut flood = png(&photo(2, 2));
        flood[16..20].copy_from_slice(&20_000u32.to_be_bytes());
        flood[20..24].copy_from_slice(&20_000u32.to_be_bytes());
        assert_eq!(look(&flood), None);
        for junk in
            [&b""[..], b"<svg onload=alert(1)>", b"GIF89a", b"\x89PNG\r\n\x1a\n", &png(&photo(40, 30))[..50]]
        {
            assert!(look(junk).is_none() || placeholder(junk).is_none(), "{junk:?}");
        }
        let moving = gif(3);
        assert!(look(&moving).unwrap().is_animated);
        assert_eq!(size(&scaled(&moving, Fit::Within(128), Wanted::Png)), (8, 6), "the first frame");
    }
}
