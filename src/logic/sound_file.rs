//! How long a sound file plays, from its frames alone: MPEG audio and Ogg (Opus, Vorbis).

/// What a file is, and how long it plays.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SoundFile {
    /// `audio/mpeg` or `audio/ogg`.
    pub media_type: &'static str,
    /// Milliseconds.
    pub duration_ms: u64,
}

/// Looks at a whole file; nothing for what is neither, or broken.
pub fn look(bytes: &[u8]) -> Option<SoundFile> {
    if bytes.starts_with(b"OggS") {
        return Some(SoundFile { media_type: "audio/ogg", duration_ms: ogg_ms(bytes)? });
    }
    Some(SoundFile { media_type: "audio/mpeg", duration_ms: mpeg_ms(bytes)? })
}

/// Units per second of Opus' granule positions (RFC 7845 §4).
const OPUS_HZ: u64 = 48_000;
/// Bytes of the head of an Ogg page before its table of segments (RFC 3533 §6).
const PAGE_HEAD: usize = 27;

/// The last granule position of an Ogg stream, by its clock.
fn ogg_ms(bytes: &[u8]) -> Option<u64> {
    let (mut at, mut last, mut clock) = (0, None, None);
    while at < bytes.len() {
        let head = bytes.get(at..at + PAGE_HEAD).filter(|head| head.starts_with(b"OggS"))?;
        let granule = u64::from_le_bytes(head[6..14].try_into().ok()?);
        let segments = bytes.get(at + PAGE_HEAD..at + PAGE_HEAD + usize::from(head[26]))?;
        let start = at + PAGE_HEAD + segments.len();
        let length: usize = segments.iter().map(|length| usize::from(*length)).sum();
        let body = bytes.get(start..start + length)?;
        clock = clock.or_else(|| ogg_clock(body));
        // All bits set: no packet ends on this page.
        if granule != u64::MAX {
            last = Some(granule);
        }
        at = start + length;
    }
    let (hz, skipped) = clock?;
    last?.saturating_sub(skipped).checked_mul(1_000)?.checked_div(hz)
}

/// Units per second of a stream by its first packet, and how many at its beginning are not played.
fn ogg_clock(body: &[u8]) -> Option<(u64, u64)> {
    if body.starts_with(b"OpusHead") {
        let skipped = u16::from_le_bytes(body.get(10..12)?.try_into().ok()?);
        return Some((OPUS_HZ, skipped.into()));
    }
    if body.starts_with(b"\x01vorbis") {
        let hz = u32::from_le_bytes(body.get(12..16)?.try_into().ok()?);
        return (hz > 0).then_some((hz.into(), 0));
    }
    None
}

/// The frames of an MPEG audio file (ISO/IEC 11172-3 §2.4.2.3), behind its ID3v2 tag; what follows the frames is not sound.
fn mpeg_ms(bytes: &[u8]) -> Option<u64> {
    let mut at = id3_bytes(bytes);
    let mut micros = 0;
    let mut frames = 0_u32;
    while let Some((length, frame_micros)) = bytes.get(at..at + 4).and_then(mpeg_frame) {
        micros += frame_micros;
        frames += 1;
        at += length;
    }
    // One frame alone is as likely chance.
    (frames > 1).then_some(micros / 1_000)
}

/// Bytes of the tag at the beginning: its length is written in four times seven bits (ID3v2 §3.1).
fn id3_bytes(bytes: &[u8]) -> usize {
    match bytes {
        [b'I', b'D', b'3', _, _, _, a, b, c, d, ..] => {
            10 + [a, b, c, d].into_iter().fold(0, |length, part| length << 7 | usize::from(part & 0x7f))
        }
        _ => 0,
    }
}

/// Bytes and microseconds of a frame of layer III by its head.
fn mpeg_frame(head: &[u8]) -> Option<(usize, u64)> {
    const KBPS_1: [usize; 15] = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
    const KBPS_2: [usize; 15] = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
    const HZ: [usize; 3] = [44_100, 48_000, 32_000];
    let (version, layer) = (head[1] >> 3 & 3, head[1] >> 1 & 3);
    if head[0] != 0xff || head[1] & 0xe0 != 0xe0 || version == 1 || layer != 1 {
        return None;
    }
    let is_first = version == 3;
    let kbps = *if is_first { &KBPS_1 } else { &KBPS_2 }.get(usize::from(head[2] >> 4))?;
    // Version 2 halves the rates of version 1, 2.5 halves them again.
    let halvings = match version {
        3 => 0,
        2 => 1,
        _ => 2,
    };
    let hz = HZ.get(usize::from(head[2] >> 2 & 3))? >> halvings;
    let samples = if is_first { 1_152 } else { 576 };
    let padding = usize::from(head[2] >> 1 & 1);
    (kbps > 0).then_some((samples / 8 * kbps * 1_000 / hz + padding, (samples * 1_000_000 / hz) as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(granule: u64, body: &[u8]) -> Vec<u8> {
        let mut page = b"OggS\0\0".to_vec();
        page.extend(granule.to_le_bytes());
        page.extend([0; 12]);
        page.push(1);
        page.push(body.len() as u8);
        page.extend(body);
        page
    }

    #[test]
    fn an_ogg_file_lasts_until_its_last_granule() {
        let head = [b"OpusHead\x01\x02".as_slice(), &312_u16.to_le_bytes(), &[0; 7]].concat();
        let file = [page(0, &head), page(u64::MAX, b"x"), page(48_312, b"y")].concat();
        assert_eq!(look(&file), Some(SoundFile { media_type: "audio/ogg", duration_ms: 1_000 }));
        assert_eq!(look(&file[..file.len() - 1]), None, "cut off");
        let vorbis = [b"\x01vorbis\0\0\0\0\x02".as_slice(), &44_100_u32.to_le_bytes(), &[0; 14]].concat();
        let file = [page(0, &vorbis), page(22_050, b"y")].concat();
        assert_eq!(look(&file).unwrap().duration_ms, 500);
        assert_eq!(look(&page(5, b"theora")), None);
    }

    #[test]
    fn an_mpeg_file_lasts_as_long_as_its_frames() {
        // MPEG 1 layer III, 128 kbit/s at 44.1 kHz: 417 bytes of 26.122 ms.
        let mut frame = vec![0xff, 0xfb, 0x90, 0];
        frame.resize(417, 0);
        let tag = [b"ID3\x04\0\0\0\0\0\x05".as_slice(), b"title"].concat();
        let file = [tag, frame.repeat(100), b"TAG".to_vec()].concat();
        assert_eq!(look(&file), Some(SoundFile { media_type: "audio/mpeg", duration_ms: 2_612 }));
        assert_eq!(look(&frame), None, "one frame proves nothing");
        assert_eq!(look(b"not a sound at all"), None);
    }

    #[test]
    fn nothing_that_is_sent_panics() {
        bolero::check!().for_each(|bytes: &[u8]| {
            look(bytes);
            look(&[b"OggS", bytes].concat());
            look(&[b"ID3", bytes].concat());
        });
    }
}
