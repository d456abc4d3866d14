//! Strangers' JSON: depth before parse, and the lone surrogates that some clients send.

use std::borrow::Cow;

use serde_json::Value;

use super::FormError;

/// How deep objects and lists may stand inside one another (SAFETY.md §4).
pub const MAX_DEPTH: usize = 64;

/// Parses a body whose size the caller has bounded.
pub(super) fn parse(body: &[u8]) -> Result<Value, FormError> {
    if depth(body) > MAX_DEPTH {
        return Err(FormError::TooDeep);
    }
    serde_json::from_slice(body).or_else(|_| match without_lone_surrogates(body) {
        Cow::Owned(mended) => serde_json::from_slice(&mended).map_err(|_| FormError::Syntax),
        Cow::Borrowed(_) => Err(FormError::Syntax),
    })
}

/// The deepest nesting, counted outside strings; right for valid JSON, and good enough to refuse the rest.
fn depth(body: &[u8]) -> usize {
    let (mut now, mut deepest) = (0_usize, 0);
    let mut bytes = body.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'{' | b'[' => {
                now += 1;
                deepest = deepest.max(now);
            }
            b'}' | b']' => now = now.saturating_sub(1),
            b'"' => {
                while let Some(inner) = bytes.next() {
                    match inner {
                        b'\\' => drop(bytes.next()),
                        b'"' => break,
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    deepest
}

/// Cuts out `\uD83D` and its like that have no other half (API.md §1.3), which serde_json refuses.
fn without_lone_surrogates(body: &[u8]) -> Cow<'_, [u8]> {
    let mut kept = Vec::new();
    let (mut at, mut copied_to) = (0, 0);
    while at < body.len() {
        if body[at] != b'\\' {
            at += 1;
            continue;
        }
        let cut = match (escaped_unit(body, at), escaped_unit(body, at + 6)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => {
                at += 12;
                continue;
            }
            (Some(0xD800..=0xDFFF), _) => 6,
            (Some(_), _) => {
                at += 6;
                continue;
            }
            (None, _) => {
                at += 2;
                continue;
            }
        };
        kept.extend_from_slice(&body[copied_to..at]);
        at += cut;
        copied_to = at;
    }
    if copied_to == 0 {
        return Cow::Borrowed(body);
    }
    kept.extend_from_slice(&body[copied_to..]);
    Cow::Owned(kept)
}

/// The UTF-16 unit that an escape `\uXXXX` at `at` stands for.
fn escaped_unit(body: &[u8], at: usize) -> Option<u16> {
    let digits = body.get(at..at + 6)?.strip_prefix(b"\\u")?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lone_surrogates_are_cut_and_pairs_stay() {
        let read = |body: &str| parse(body.as_bytes()).unwrap()["a"].as_str().unwrap().to_owned();
        assert_eq!(read(r#"{"a":"x\ud83dy"}"#), "xy");
        assert_eq!(read(r#"{"a":"\udd25\ud83d\udd25\ud83d"}"#), "🔥");
        assert_eq!(read(r#"{"a":"\\ud83d"}"#), "\\ud83d");
        assert_eq!(parse(br#"{"a":"\ud83d"#), Err(FormError::Syntax));
    }

    #[test]
    fn depth_is_counted_outside_strings() {
        assert_eq!(depth(br#"{"a":"[[[[\"[[","b":[[]]}"#), 3);
        let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert!(parse(deep(MAX_DEPTH).as_bytes()).is_ok());
        assert_eq!(parse(deep(MAX_DEPTH + 1).as_bytes()), Err(FormError::TooDeep));
        assert_eq!(parse("[".repeat(1 << 20).as_bytes()), Err(FormError::TooDeep));
    }
}
