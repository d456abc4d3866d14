//! Points in time as the API writes them.

use std::fmt;

use serde::{Serialize, Serializer};
use time::format_description::well_known::Iso8601;
use time::{OffsetDateTime, PrimitiveDateTime};

use super::decimal::{Decimal, two_digits};

/// Milliseconds of Unix time; in JSON `2026-03-09T17:04:05.123000+00:00`: six digits or no fraction, never `Z` (API.md §1.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// Reads any ISO 8601 instant: `Z`, an offset or neither (then UTC), any fraction, a space for the `T`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().replacen(' ', "T", 1);
        let at = OffsetDateTime::parse(&text, &Iso8601::DEFAULT)
            .or_else(|_| {
                PrimitiveDateTime::parse(&text, &Iso8601::DEFAULT).map(PrimitiveDateTime::assume_utc)
            })
            .ok()?;
        u64::try_from(at.unix_timestamp_nanos() / 1_000_000).ok().map(Self)
    }
}

/// The longest text: years of five digits and more are as long as a `u64` of milliseconds lets them be.
const MAX_TEXT_BYTES: usize = 48;

/// A point in time as text.
struct Text {
    bytes: [u8; MAX_TEXT_BYTES],
    len: usize,
}

impl Text {
    fn of(at: Timestamp) -> Self {
        let (year, month, day) = civil_from_days((at.0 / 86_400_000) as i64);
        let ms = at.0 % 86_400_000;
        let mut text = Self { bytes: [0; MAX_TEXT_BYTES], len: 0 };
        if year > 9_999 {
            text.push(Decimal::new(year as u64).as_bytes());
        } else {
            text.push(&two_digits(year as u64 / 100));
            text.push(&two_digits(year as u64));
        }
        for (mark, number) in [
            (b'-', u64::from(month)),
            (b'-', u64::from(day)),
            (b'T', ms / 3_600_000),
            (b':', ms / 60_000 % 60),
            (b':', ms / 1_000 % 60),
        ] {
            let [tens, ones] = two_digits(number);
            text.push(&[mark, tens, ones]);
        }
        if !ms.is_multiple_of(1_000) {
            let [tens, ones] = two_digits(ms);
            text.push(&[b'.', b'0' + (ms / 100 % 10) as u8, tens, ones, b'0', b'0', b'0']);
        }
        text.push(b"+00:00");
        text
    }

    fn push(&mut self, bytes: &[u8]) {
        self.bytes[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.len]).expect("digits and marks are ASCII")
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Text::of(*self).as_str())
    }
}

/// Year, month and day of the proleptic Gregorian calendar for days since 1970-01-01. A message is written thousands of times more
/// often than a date is read, so this avoids the general formatter.
fn civil_from_days(days: i64) -> (i64, u32, u32) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = (day_of_year - (153 * shifted_month + 2) / 5 + 1) as u32;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 } as u32;
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(Text::of(*self).as_str())
    }
}

impl schemars::JsonSchema for Timestamp {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Timestamp".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "date-time" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_six_digits_or_none_and_reads_both_back() {
        assert_eq!(Timestamp(1_773_075_845_123).to_string(), "2026-03-09T17:04:05.123000+00:00");
        assert_eq!(Timestamp(951_782_400_000).to_string(), "2000-02-29T00:00:00+00:00");
        for text in [
            "2026-03-09T17:04:05.123Z",
            "2026-03-09T18:04:05.123456+01:00",
            "2026-03-09T17:04:05.123000+00:00",
        ] {
            assert_eq!(Timestamp::parse(text), Some(Timestamp(1_773_075_845_123)), "{text}");
        }
        assert_eq!(Timestamp::parse("yesterday"), None);
    }

    #[test]
    fn the_last_instant_has_room() {
        assert!(Timestamp(u64::MAX).to_string().starts_with("584556019-04-03T14:25:51.615000"));
    }

    proptest::proptest! {
        #[test]
        fn agrees_with_the_general_formatter(ms in 0u64..4_000_000_000_000) {
            proptest::prop_assert_eq!(Timestamp::parse(&Timestamp(ms).to_string()), Some(Timestamp(ms)));
        }
    }
}
