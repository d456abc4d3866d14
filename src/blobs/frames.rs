//! How many frames a picture has, told by its blocks without decoding any, so that a file that claims a million of them costs a walk.

/// Most frames that are counted; a picture with more is refused where it would be shown to everybody (SAFETY.md §6).
pub const MAX_FRAMES: u32 = 1_000;

/// Frames of a GIF, PNG or WebP picture, up to one more than [`MAX_FRAMES`]; 1 for any other file.
pub fn count(bytes: &[u8]) -> u32 {
    if bytes.starts_with(b"GIF8") {
        of_gif(bytes)
    } else if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        of_png(bytes)
    } else if bytes.get(8..12) == Some(b"WEBP") {
        of_webp(bytes)
    } else {
        1
    }
}

/// Counts image descriptors (GIF89a §20).
fn of_gif(bytes: &[u8]) -> u32 {
    let mut frames = 0;
    for block in GifBlocks::of(bytes) {
        if block.kind == GifBlock::IMAGE {
            frames += 1;
            if frames > MAX_FRAMES {
                break;
            }
        }
    }
    frames.max(1)
}

/// Reads the number that an animation control chunk gives (PNG, third edition, §11.3.6.1).
fn of_png(bytes: &[u8]) -> u32 {
    let mut at = 8;
    while let Some(head) = bytes.get(at..at + 8) {
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        match &head[4..] {
            b"acTL" => {
                let frames = bytes.get(at + 8..at + 12).and_then(|number| number.try_into().ok());
                return frames.map_or(1, u32::from_be_bytes).clamp(1, MAX_FRAMES + 1);
            }
            b"IDAT" | b"IEND" => return 1,
            _ => at = at.saturating_add(12).saturating_add(length),
        }
    }
    1
}

/// Counts animation frame chunks (RFC 9649 §2.7.1.1).
fn of_webp(bytes: &[u8]) -> u32 {
    let (mut at, mut frames) = (12usize, 0);
    while let Some(head) = bytes.get(at..at.saturating_add(8)) {
        let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
        frames += u32::from(head.starts_with(b"ANMF"));
        if frames > MAX_FRAMES {
            break;
        }
        at = at.saturating_add(8).saturating_add(length).saturating_add(length % 2);
    }
    frames.max(1)
}

/// One block of a GIF, with where it stands.
pub(super) struct GifBlock {
    /// Its first byte, of an extension its label.
    pub kind: u8,
    pub range: std::ops::Range<usize>,
}

impl GifBlock {
    /// An image with its data.
    pub const IMAGE: u8 = 0x2c;
    /// A comment.
    pub const COMMENT: u8 = 0xfe;
    /// What a program has to say: loops, colour profiles, XMP.
    pub const APPLICATION: u8 = 0xff;
}

/// The blocks of a GIF after its head, to its end or as far as they are whole.
pub(super) struct GifBlocks<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> GifBlocks<'b> {
    pub fn of(bytes: &'b [u8]) -> Self {
        let table = bytes.get(10).map_or(0, |flags| color_table(*flags));
        Self { bytes, at: 13 + table }
    }

    /// Where the next block begins.
    pub fn position(&self) -> usize {
        self.at
    }

    fn skip_data(&self, mut at: usize) -> Option<usize> {
        loop {
            let length = usize::from(*self.bytes.get(at)?);
            at += 1 + length;
            if length == 0 {
                return Some(at);
            }
        }
    }
}

fn color_table(flags: u8) -> usize {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

impl Iterator for GifBlocks<'_> {
    type Item = GifBlock;

    fn next(&mut self) -> Option<GifBlock> {
        let start = self.at;
        let (kind, end) = match *self.bytes.get(start)? {
            0x21 => (*self.bytes.get(start + 1)?, self.skip_data(start + 2)?),
            GifBlock::IMAGE => {
                let data = start + 10 + color_table(*self.bytes.get(start + 9)?) + 1;
                (GifBlock::IMAGE, self.skip_data(data)?)
            }
            _ => return None,
        };
        self.at = end;
        Some(GifBlock { kind, range: start..end })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use image::codecs::gif::GifEncoder;
    use image::{Delay, Frame, RgbaImage};

    use super::*;

    /// A GIF of this many frames.
    pub fn gif(frames: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = GifEncoder::new(&mut bytes);
        for n in 0..frames {
            let picture = RgbaImage::from_pixel(8, 6, image::Rgba([n as u8 * 40, 80, 120, 255]));
            encoder
                .encode_frame(Frame::from_parts(picture, 0, 0, Delay::from_numer_denom_ms(100, 1)))
                .unwrap();
        }
        drop(encoder);
        bytes
    }

    #[test]
    fn frames_are_counted_without_decoding() {
        assert_eq!((count(&gif(1)), count(&gif(3))), (1, 3));
        let mut bomb = gif(1);
        let image = GifBlocks::of(&bomb).find(|block| block.kind == GifBlock::IMAGE).unwrap().range;
        let frame = bomb[image].to_vec();
        bomb.pop();
        for _ in 0..5_000 {
            bomb.extend_from_slice(&frame);
        }
        assert_eq!(count(&bomb), MAX_FRAMES + 1);
        let chunk =
            |name: &[u8], body: &[u8]| [&(body.len() as u32).to_be_bytes()[..], name, body, &[0; 4]].concat();
        let apng = |frames: u32| {
            [
                b"\x89PNG\r\n\x1a\n".to_vec(),
                chunk(b"IHDR", &[0; 13]),
                chunk(b"acTL", &[frames.to_be_bytes(), [0; 4]].concat()),
            ]
            .concat()
        };
        assert_eq!((count(&apng(4)), count(&apng(u32::MAX)), count(&apng(0))), (4, MAX_FRAMES + 1, 1));
        let webp =
            |frames: usize| [b"RIFF\0\0\0\0WEBP".to_vec(), b"ANMF\x03\0\0\0abc\0".repeat(frames)].concat();
        assert_eq!((count(&webp(0)), count(&webp(2)), count(b"")), (1, 2, 1));
    }
}
