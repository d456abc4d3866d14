//! Numbers as decimal text on the stack: ids are written thousands of times for each that is read, and the general formatter costs
//! more than all the rest of it.

/// Digits of the greatest `u64`.
const MAX_DIGITS: usize = 20;

/// A number written in decimal.
#[derive(Clone, Copy)]
pub struct Decimal {
    digits: [u8; MAX_DIGITS],
    /// Where the first digit is.
    from: usize,
}

impl Decimal {
    /// The text of this number.
    pub fn new(number: u64) -> Self {
        let (mut digits, mut from, mut left) = ([b'0'; MAX_DIGITS], MAX_DIGITS, number);
        while left >= 10 {
            let pair = (left % 100) as u8;
            left /= 100;
            from -= 2;
            digits[from] = b'0' + pair / 10;
            digits[from + 1] = b'0' + pair % 10;
        }
        if left > 0 || from == MAX_DIGITS {
            from -= 1;
            digits[from] = b'0' + left as u8;
        }
        Self { digits, from }
    }

    /// The digits.
    pub fn as_bytes(&self) -> &[u8] {
        &self.digits[self.from..]
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).expect("digits are ASCII")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn agrees_with_the_general_formatter(number: u64, shift in 0u32..64) {
            let number = number >> shift;
            let decimal = Decimal::new(number);
            proptest::prop_assert_eq!(decimal.as_str(), number.to_string());
        }
    }

    #[test]
    fn borders_are_right() {
        for number in [0, 9, 10, 99, 100, 101, 999, 1_000, u64::MAX] {
            assert_eq!(Decimal::new(number).as_str(), number.to_string());
        }
    }
}
