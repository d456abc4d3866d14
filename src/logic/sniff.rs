//! What a file is, told by its first bytes and never by what its sender says. Whatever a browser could run (HTML, SVG, XML, scripts)
//! is never named as such, so nothing that is uploaded runs in the origin of the app (SAFETY.md §1).

/// Bytes at the head of a file that are looked at.
pub const HEAD_BYTES: usize = 4_096;

/// What can be done with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A raster picture that browsers show.
    Picture,
    /// A video that browsers may play.
    Video,
    /// Sound that browsers may play.
    Audio,
    /// Plain text.
    Text,
    /// Anything else: to be saved, not opened.
    Other,
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileType {
    /// The media type (RFC 9110 §8.3.1).
    pub media_type: &'static str,
    /// What can be done with it.
    pub kind: FileKind,
}

/// Bytes no type is known of.
pub const UNKNOWN: FileType = of("application/octet-stream", FileKind::Other);
/// Plain text.
pub const PLAIN_TEXT: FileType = of("text/plain; charset=utf-8", FileKind::Text);

const fn of(media_type: &'static str, kind: FileKind) -> FileType {
    FileType { media_type, kind }
}

/// Types by the bytes they begin with.
const MAGIC: &[(&[u8], FileType)] = &[
    (b"\x89PNG\r\n\x1a\n", of("image/png", FileKind::Picture)),
    (b"\xff\xd8\xff", of("image/jpeg", FileKind::Picture)),
    (b"GIF87a", of("image/gif", FileKind::Picture)),
    (b"GIF89a", of("image/gif", FileKind::Picture)),
    (b"fLaC", of("audio/flac", FileKind::Audio)),
    (b"ID3", of("audio/mpeg", FileKind::Audio)),
    (b"%PDF-", of("application/pdf", FileKind::Other)),
    (b"PK\x03\x04", of("application/zip", FileKind::Other)),
    (b"\x1f\x8b", of("application/gzip", FileKind::Other)),
    (b"7z\xbc\xaf\x27\x1c", of("application/x-7z-compressed", FileKind::Other)),
    (b"\x28\xb5\x2f\xfd", of("application/zstd", FileKind::Other)),
    (b"\xff\x0a", of("image/jxl", FileKind::Other)),
];

/// What the file with this head is. Only the first [`HEAD_BYTES`] count.
pub fn sniff(head: &[u8]) -> FileType {
    let head = &head[..head.len().min(HEAD_BYTES)];
    if let Some((_, found)) = MAGIC.iter().find(|(magic, _)| head.starts_with(magic)) {
        return *found;
    }
    match head {
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => {
            of("image/webp", FileKind::Picture)
        }
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E', ..] => of("audio/wav", FileKind::Audio),
        [_, _, _, _, b'f', b't', b'y', b'p', brand @ ..] => of_brand(brand),
        [0x1a, 0x45, 0xdf, 0xa3, ..] => of_matroska(head),
        [b'O', b'g', b'g', b'S', ..] if contains(head, b"theora") => of("video/ogg", FileKind::Video),
        [b'O', b'g', b'g', b'S', ..] => of("audio/ogg", FileKind::Audio),
        [0xff, second, ..] if second & 0xf6 == 0xf0 => of("audio/aac", FileKind::Audio),
        [0xff, second, third, ..] if is_mpeg_audio(*second, *third) => of("audio/mpeg", FileKind::Audio),
        _ if is_text(head) => PLAIN_TEXT,
        _ => UNKNOWN,
    }
}

/// Types of the ISO base media file format by their brand (ISO/IEC 14496-12 §4.3).
fn of_brand(brand: &[u8]) -> FileType {
    match brand.get(..4).unwrap_or_default() {
        b"avif" | b"avis" => of("image/avif", FileKind::Picture),
        b"heic" | b"heix" | b"hevc" | b"mif1" | b"msf1" => of("image/heic", FileKind::Other),
        b"M4A " | b"M4B " => of("audio/mp4", FileKind::Audio),
        b"qt  " => of("video/quicktime", FileKind::Video),
        _ => of("video/mp4", FileKind::Video),
    }
}

/// WebM is the Matroska that browsers play; what has no video track in its head is sound.
fn of_matroska(head: &[u8]) -> FileType {
    let has_sound_only = contains(head, b"A_") && !contains(head, b"V_");
    match (contains(&head[..head.len().min(64)], b"webm"), has_sound_only) {
        (true, true) => of("audio/webm", FileKind::Audio),
        (true, false) => of("video/webm", FileKind::Video),
        (false, true) => of("audio/x-matroska", FileKind::Audio),
        (false, false) => of("video/x-matroska", FileKind::Video),
    }
}

/// The head of an MPEG audio frame (ISO/IEC 11172-3 §2.4.1.3): eleven bits set, a version, layer, bit rate and sampling rate that exist.
fn is_mpeg_audio(second: u8, third: u8) -> bool {
    let (has_sync, version, layer) = (second & 0xe0 == 0xe0, second >> 3 & 3, second >> 1 & 3);
    let (bitrate, rate) = (third >> 4, third >> 2 & 3);
    has_sync && version != 1 && layer != 0 && !matches!(bitrate, 0 | 15) && rate != 3
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// Whether it reads as UTF-8 without control characters; a character may be cut at the end of the head.
fn is_text(head: &[u8]) -> bool {
    let valid = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !valid.is_empty()
        && !valid.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\x0c' | '\x1b'))
}

/// Whether a browser that guesses could take a text for markup.
pub fn is_markup(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    head.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'<')
}

impl FileType {
    /// The type that a row's media type stands for, for what is kept without its head.
    pub fn of_media_type(media_type: &str) -> FileKind {
        match media_type {
            "image/png" | "image/jpeg" | "image/gif" | "image/webp" | "image/avif" => FileKind::Picture,
            text if text.starts_with("text/plain") => FileKind::Text,
            video if video.starts_with("video/") => FileKind::Video,
            audio if audio.starts_with("audio/") => FileKind::Audio,
            _ => FileKind::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_told_by_their_bytes() {
        let cases: &[(&[u8], &str)] = &[
            (b"\x89PNG\r\n\x1a\n....", "image/png"),
            (b"\xff\xd8\xff\xe0", "image/jpeg"),
            (b"GIF89a<script>", "image/gif"),
            (b"RIFF....WEBPVP8 ", "image/webp"),
            (b"RIFF....WAVEfmt ", "audio/wav"),
            (b"....ftypavif", "image/avif"),
            (b"....ftypheic", "image/heic"),
            (b"....ftypisom", "video/mp4"),
            (b"....ftypM4A ", "audio/mp4"),
            (b"....ftypqt  ", "video/quicktime"),
            (b"\x1a\x45\xdf\xa3....webm....V_VP9....A_OPUS", "video/webm"),
            (b"\x1a\x45\xdf\xa3....webm....A_OPUS", "audio/webm"),
            (b"\x1a\x45\xdf\xa3....matroska....V_MPEG4", "video/x-matroska"),
            (b"OggS....OpusHead", "audio/ogg"),
            (b"OggS....\x80theora", "video/ogg"),
            (b"ID3\x04", "audio/mpeg"),
            (b"\xff\xfb\x90\x00", "audio/mpeg"),
            (b"\xff\xf1\x50\x80", "audio/aac"),
            (b"fLaC", "audio/flac"),
            (b"%PDF-1.7", "application/pdf"),
            ("grüße\n".as_bytes(), "text/plain; charset=utf-8"),
            (b"<svg xmlns='http://www.w3.org/2000/svg' onload='x()'>", "text/plain; charset=utf-8"),
            (b"<!doctype html><script>", "text/plain; charset=utf-8"),
            (b"\x00\x01\x02", "application/octet-stream"),
            (b"MZ\x90\x00", "application/octet-stream"),
            (b"\xff\xfe<\x00h\x00", "application/octet-stream"),
            (b"", "application/octet-stream"),
        ];
        for (head, media_type) in cases {
            assert_eq!(sniff(head).media_type, *media_type, "{:?}", String::from_utf8_lossy(head));
        }
        assert_eq!(
            sniff(&[b"a".repeat(HEAD_BYTES - 1), "ü".into()].concat()),
            PLAIN_TEXT,
            "cut in a character"
        );
        assert!(is_markup(b" \n<svg>") && is_markup(b"\xef\xbb\xbf<html>") && !is_markup(b"a < b"));
    }

    #[test]
    fn nothing_that_runs_is_ever_named() {
        for head in [
            &b"<html>"[..],
            b"<?xml version='1.0'?>",
            b"<svg/>",
            b"alert(1)",
            b"import 'x'",
            b"%!PS",
            b"GIF8",
        ] {
            let found = sniff(head).media_type;
            assert!(!["html", "xml", "svg", "script"].iter().any(|word| found.contains(word)), "{found}");
        }
        for media_type in MAGIC.iter().map(|(_, found)| found).chain([&UNKNOWN, &PLAIN_TEXT]) {
            let read_back = FileType::of_media_type(media_type.media_type);
            assert!(read_back == media_type.kind, "{}", media_type.media_type);
        }
    }
}
