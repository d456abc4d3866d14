//! A small picture of a few words, for pages elsewhere. It has the letters that such a badge needs and no others.

use std::io::Cursor;

use image::{ImageError, ImageFormat, Rgb, RgbImage};

/// Height and width of a letter, in dots.
const LETTER: (u32, u32) = (7, 5);
/// Pixels of a dot.
const SCALE: u32 = 2;
/// Dots around the words.
const MARGIN: u32 = 4;
const GROUND: Rgb<u8> = Rgb([0x24, 0x21, 0x1e]);
const INK: Rgb<u8> = Rgb([0xf3, 0xee, 0xe6]);

/// The rows of a letter, five dots each, the leftmost in the highest bit; of what has none, nothing.
const fn dots(letter: char) -> [u8; LETTER.0 as usize] {
    match letter {
        '0' => [0x0e, 0x11, 0x13, 0x15, 0x19, 0x11, 0x0e],
        '1' => [0x04, 0x0c, 0x04, 0x04, 0x04, 0x04, 0x0e],
        '2' => [0x0e, 0x11, 0x01, 0x02, 0x04, 0x08, 0x1f],
        '3' => [0x1f, 0x02, 0x04, 0x02, 0x01, 0x11, 0x0e],
        '4' => [0x02, 0x06, 0x0a, 0x12, 0x1f, 0x02, 0x02],
        '5' => [0x1f, 0x10, 0x1e, 0x01, 0x01, 0x11, 0x0e],
        '6' => [0x06, 0x08, 0x10, 0x1e, 0x11, 0x11, 0x0e],
        '7' => [0x1f, 0x01, 0x02, 0x04, 0x08, 0x08, 0x08],
        '8' => [0x0e, 0x11, 0x11, 0x0e, 0x11, 0x11, 0x0e],
        '9' => [0x0e, 0x11, 0x11, 0x0f, 0x01, 0x02, 0x0c],
        'E' => [0x1f, 0x10, 0x10, 0x1e, 0x10, 0x10, 0x1f],
        'I' => [0x0e, 0x04, 0x04, 0x04, 0x04, 0x04, 0x0e],
        'L' => [0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x1f],
        'N' => [0x11, 0x19, 0x15, 0x13, 0x11, 0x11, 0x11],
        'O' => [0x0e, 0x11, 0x11, 0x11, 0x11, 0x11, 0x0e],
        _ => [0; LETTER.0 as usize],
    }
}

/// The words as a PNG.
///
/// # Errors
/// What the encoder says.
pub fn draw(words: &str) -> Result<Vec<u8>, ImageError> {
    let letters = words.chars().count() as u32;
    let width = (letters * (LETTER.1 + 1) + 2 * MARGIN) * SCALE;
    let mut picture = RgbImage::from_pixel(width, (LETTER.0 + 2 * MARGIN) * SCALE, GROUND);
    for (place, letter) in words.chars().enumerate() {
        let left = MARGIN + place as u32 * (LETTER.1 + 1);
        for (row, bits) in dots(letter).into_iter().enumerate() {
            for column in (0..LETTER.1).filter(|column| bits >> (LETTER.1 - 1 - column) & 1 == 1) {
                let (x, y) = ((left + column) * SCALE, (MARGIN + row as u32) * SCALE);
                for (across, down) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
                    picture.put_pixel(x + across, y + down, INK);
                }
            }
        }
    }
    let mut file = Cursor::new(Vec::new());
    picture.write_to(&mut file, ImageFormat::Png)?;
    Ok(file.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_stand_in_the_picture() {
        let picture = image::load_from_memory(&draw("10").unwrap()).unwrap().into_rgb8();
        assert_eq!(picture.dimensions(), (40, 30));
        let is_ink = |x: u32, y: u32| picture.get_pixel(x, y) == &INK;
        // The foot of the one: three dots wide, in the middle of five.
        let foot = (0..5).map(|column| is_ink((4 + column) * 2, 20)).collect::<Vec<_>>();
        assert_eq!(foot, [false, true, true, true, false]);
        assert!(!is_ink(0, 0) && !is_ink(39, 29));
    }
}
