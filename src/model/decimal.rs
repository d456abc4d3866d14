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
            from -= 2;
            digits[from..from + 2].copy_from_slice(&two_digits(left % 100));
            left /= 100;
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

/// Every number below 100 as two digits, one after the other.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[0; 2]; 100];
    let mut number = 0;
    while number < 100 {
        pairs[number] = [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
        number += 1;
    }
    pairs
};

/// The last two digits of a number, with a zero before a single one.
pub const fn two_digits(number: u64) -> [u8; 2] {
    PAIRS[(number % 100) as usize]
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
