//! The part of a file that a request asks for (RFC 9110 §14.2): one range of bytes. Several at once are answered with the whole file,
//! which the RFC allows.

/// What to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of it: no range was asked for, or none that can be read.
    Whole,
    /// From the first number up to, not with, the second.
    Of(u64, u64),
    /// Nothing of the file is in the range.
    Beyond,
}

/// Reads the header `Range` for a file of `length` bytes.
pub fn parse(header: &str, length: u64) -> Part {
    let read = || -> Option<Part> {
        let (first, last) = header.strip_prefix("bytes=")?.trim().split_once('-')?;
        let number =
            |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?;
        Some(match (first.trim(), last.trim()) {
            ("", last) => match number(last)? {
                0 => Part::Beyond,
                _ if length == 0 => Part::Beyond,
                count => Part::Of(length.saturating_sub(count), length),
            },
            (first, last) => {
                let first: u64 = number(first)?;
                let last: u64 = if last.is_empty() { u64::MAX } else { number(last)? };
                if last < first {
                    return None;
                }
                if first >= length {
                    Part::Beyond
                } else {
                    Part::Of(first, last.saturating_add(1).min(length))
                }
            }
        })
    };
    read().unwrap_or(Part::Whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_read_and_others_mean_the_whole() {
        for (header, part) in [
            ("bytes=0-", Part::Of(0, 100)),
            ("bytes=10-19", Part::Of(10, 20)),
            ("bytes=90-1000", Part::Of(90, 100)),
            ("bytes=-5", Part::Of(95, 100)),
            ("bytes=-500", Part::Of(0, 100)),
            ("bytes=99-99", Part::Of(99, 100)),
            ("bytes=100-", Part::Beyond),
            ("bytes=-0", Part::Beyond),
            ("bytes=5-4", Part::Whole),
            ("bytes=0-1,3-4", Part::Whole),
            ("bytes=a-b", Part::Whole),
            ("bytes=-", Part::Whole),
            ("items=0-1", Part::Whole),
            ("bytes=99999999999999999999-", Part::Whole),
            ("bytes=+1-2", Part::Whole),
        ] {
            assert_eq!(parse(header, 100), part, "{header}");
        }
        assert_eq!((parse("bytes=0-", 0), parse("bytes=-1", 0)), (Part::Beyond, Part::Beyond));
    }
}
