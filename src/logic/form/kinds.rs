//! The kinds of value that fields have: each reads JSON liberally (API.md §1.1: numbers as strings and the other way round) and
//! describes itself. Small functions make them: `text(1..=100)`, `integer(0..=99)`, `list(snowflake::<Role>(), 250)`.

use std::marker::PhantomData;
use std::ops::RangeInclusive;

use serde_json::{Value, json};

pub use super::compound::*;
use super::{Definitions, FaultTree};
use crate::logic::field::FieldFault;
use crate::model::{Id, Permissions, Timestamp};

/// A way to read and describe a value.
pub trait Kind {
    /// What is read.
    type Out;

    /// Reads a value that is there and not `null`, or tells all that is wrong with it.
    fn read(&self, value: &Value) -> Result<Self::Out, FaultTree>;

    /// The JSON schema.
    fn schema(&self, defs: &mut Definitions) -> Value;

    /// The same kind, read further by `parse`. `example` shows in the schema, stands in where the field is faulty, and must parse.
    fn then<T, P>(self, example: Self::Out, parse: P) -> Then<Self, P>
    where
        Self: Sized,
        Self::Out: Clone,
        P: Fn(Self::Out) -> Result<T, FieldFault>,
    {
        Then { kind: self, example, parse }
    }
}

/// A kind with a value that a form holds in place of a faulty one, until its faults are asked for.
pub trait Standin: Kind {
    /// Any value of the type; it is never acted on.
    fn stand_in(&self) -> Self::Out;
}

pub(super) fn refuse<T>(fault: FieldFault) -> Result<T, FaultTree> {
    Err(fault.into())
}

/// A string, or the string that a number or boolean stands for; without NUL.
fn string_of(value: &Value) -> Result<String, FaultTree> {
    match value {
        Value::String(text) if text.contains('\0') => Ok(text.replace('\0', "")),
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(truth) => Ok(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => refuse(FieldFault::not_string()),
    }
}

/// Text of a length counted in Unicode code points; see [`text`] and [`raw_text`].
pub struct Text {
    chars: RangeInclusive<usize>,
    trimmed: bool,
}

/// Text without outer white space, as names and topics are.
pub fn text(chars: RangeInclusive<usize>) -> Text {
    Text { chars, trimmed: true }
}

/// Text as it came, as passwords and queries are.
pub fn raw_text(chars: RangeInclusive<usize>) -> Text {
    Text { chars, trimmed: false }
}

impl Kind for Text {
    type Out = String;

    fn read(&self, value: &Value) -> Result<String, FaultTree> {
        let mut text = string_of(value)?;
        if self.trimmed && text.trim().len() != text.len() {
            text = text.trim().to_owned();
        }
        let (least, most) = (*self.chars.start(), *self.chars.end());
        let chars = text.chars().count();
        if self.chars.contains(&chars) {
            Ok(text)
        } else if least == 0 {
            refuse(FieldFault::too_long(most))
        } else {
            refuse(FieldFault::bad_length(least, most))
        }
    }

    fn schema(&self, _: &mut Definitions) -> Value {
        let mut schema = json!({ "type": "string", "maxLength": self.chars.end() });
        if *self.chars.start() > 0 {
            schema["minLength"] = json!(self.chars.start());
        }
        schema
    }
}

impl Standin for Text {
    fn stand_in(&self) -> String {
        String::new()
    }
}

/// A string read by a typed parser; see [`parsed`].
pub struct Parsed<P>(P);

/// A string (without NUL, otherwise as it came) read by a typed parser, which trims and measures.
pub fn parsed<T, P: Fn(&str) -> Result<T, FieldFault>>(parse: P) -> Parsed<P> {
    Parsed(parse)
}

impl<T, P: Fn(&str) -> Result<T, FieldFault>> Kind for Parsed<P> {
    type Out = T;

    fn read(&self, value: &Value) -> Result<T, FaultTree> {
        (self.0)(&string_of(value)?).map_err(FaultTree::from)
    }

    fn schema(&self, _: &mut Definitions) -> Value {
        json!({ "type": "string" })
    }
}

impl<T: Default, P: Fn(&str) -> Result<T, FieldFault>> Standin for Parsed<P> {
    fn stand_in(&self) -> T {
        T::default()
    }
}

/// A kind read further; see [`Kind::then`].
pub struct Then<K: Kind, P> {
    kind: K,
    example: K::Out,
    parse: P,
}

impl<K, T, P> Kind for Then<K, P>
where
    K: Kind,
    K::Out: Clone,
    P: Fn(K::Out) -> Result<T, FieldFault>,
{
    type Out = T;

    fn read(&self, value: &Value) -> Result<T, FaultTree> {
        (self.parse)(self.kind.read(value)?).map_err(FaultTree::from)
    }

    fn schema(&self, defs: &mut Definitions) -> Value {
        self.kind.schema(defs)
    }
}

impl<K, T, P> Standin for Then<K, P>
where
    K: Kind,
    K::Out: Clone,
    P: Fn(K::Out) -> Result<T, FieldFault>,
{
    fn stand_in(&self) -> T {
        match (self.parse)(self.example.clone()) {
            Ok(value) => value,
            Err(fault) => unreachable!("a form's own example does not parse: {fault:?}"),
        }
    }
}

/// A whole number in a range; see [`integer`].
pub struct Integer<T>(RangeInclusive<T>);

/// A whole number, as JSON number or decimal string.
pub fn integer<T: Copy + Into<i128> + TryFrom<i128>>(range: RangeInclusive<T>) -> Integer<T> {
    Integer(range)
}

/// A colour (API.md §1.3).
pub fn colour() -> Integer<u32> {
    integer(0..=0x00FF_FFFF)
}

fn whole_number(value: &Value) -> Result<i128, FaultTree> {
    let read = match value {
        Value::Number(number) => number
            .as_i64()
            .map(i128::from)
            .or_else(|| number.as_u64().map(i128::from))
            .or_else(|| number.as_f64().filter(|f| f.fract() == 0.0 && f.abs() < 1e18).map(|f| f as i128)),
        Value::String(text) if text.len() <= MAX_DIGITS => text.trim().parse().ok(),
        _ => None,
    };
    read.map_or_else(|| refuse(FieldFault::new("NUMBER_TYPE_COERCE", "Must be a whole number")), Ok)
}

/// The longest decimal string that is read as a number.
const MAX_DIGITS: usize = 32;

impl<T: Copy + Into<i128> + TryFrom<i128>> Kind for Integer<T> {
    type Out = T;

    fn read(&self, value: &Value) -> Result<T, FaultTree> {
        let number = whole_number(value)?;
        let (least, most) = ((*self.0.start()).into(), (*self.0.end()).into());
        if number < least {
            return refuse(FieldFault::too_small(least));
        }
        match T::try_from(number) {
            Ok(read) if number <= most => Ok(read),
            _ => refuse(FieldFault::too_large(most)),
        }
    }

    fn schema(&self, _: &mut Definitions) -> Value {
        let bound = |n: T| match i64::try_from(n.into()) {
            Ok(n) => json!(n),
            Err(_) => json!(u64::try_from(n.into()).unwrap_or(u64::MAX)),
        };
        json!({ "type": "integer", "minimum": bound(*self.0.start()), "maximum": bound(*self.0.end()) })
    }
}

impl<T: Copy + Into<i128> + TryFrom<i128>> Standin for Integer<T> {
    fn stand_in(&self) -> T {
        *self.0.start()
    }
}

/// A number with a fraction; see [`number`].
pub struct Number(RangeInclusive<f64>);

/// A number in a range, as JSON number or decimal string.
pub fn number(range: RangeInclusive<f64>) -> Number {
    Number(range)
}

impl Kind for Number {
    type Out = f64;

    fn read(&self, value: &Value) -> Result<f64, FaultTree> {
        let read = match value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) if text.len() <= MAX_DIGITS => text.trim().parse().ok(),
            _ => None,
        };
        match read.filter(|number| number.is_finite()) {
            None => refuse(FieldFault::not_number()),
            Some(number) if number < *self.0.start() => refuse(FieldFault::too_small(self.0.start())),
            Some(number) if number > *self.0.end() => refuse(FieldFault::too_large(self.0.end())),
            Some(number) => Ok(number),
        }
    }

    fn schema(&self, _: &mut Definitions) -> Value {
        json!({ "type": "number", "minimum": self.0.start(), "maximum": self.0.end() })
    }
}

impl Standin for Number {
    fn stand_in(&self) -> f64 {
        *self.0.start()
    }
}

/// A truth; see [`boolean`].
pub struct Boolean;

/// `true` or `false`, also as `True`, `1` and their opposites (API.md §1.1).
pub fn boolean() -> Boolean {
    Boolean
}

impl Kind for Boolean {
    type Out = bool;

    fn read(&self, value: &Value) -> Result<bool, FaultTree> {
        match value {
            Value::Bool(truth) => Ok(*truth),
            Value::String(text) if matches!(text.as_str(), "true" | "True" | "1") => Ok(true),
            Value::String(text) if matches!(text.as_str(), "false" | "False" | "0") => Ok(false),
            Value::Number(number) if number.as_u64() == Some(1) => Ok(true),
            Value::Number(number) if number.as_u64() == Some(0) => Ok(false),
            _ => refuse(FieldFault::not_boolean()),
        }
    }

    fn schema(&self, _: &mut Definitions) -> Value {
        json!({ "type": "boolean" })
    }
}

impl Standin for Boolean {
    fn stand_in(&self) -> bool {
        false
    }
}

fn unsigned(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) if text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok(),
        _ => None,
    }
}

/// An id; see [`snowflake`].
pub struct Snowflake<T>(PhantomData<fn() -> T>);

/// An id of a `T`, as decimal string or integer.
pub fn snowflake<T>() -> Snowflake<T> {
    Snowflake(PhantomData)
}

impl<T> Kind for Snowflake<T> {
    type Out = Id<T>;

    fn read(&self, value: &Value) -> Result<Id<T>, FaultTree> {
        unsigned(value)
            .map(Id::new)
            .map_or_else(|| refuse(FieldFault::new("NUMBER_TYPE_COERCE", "Must be a snowflake")), Ok)
    }

    fn schema(&self, _: &mut Definitions) -> Value {
        json!({ "type": "string", "format": "snowflake", "pattern": "^[0-9]{1,19}$" })
    }
}

impl<T> Standin for Snowflake<T> {
    fn stand_in(&self) -> Id<T> {
        Id::new(0)
    }
}

/// A bit set; see [`bits`] and [`permissions`].
pub struct Bits<T> {
    of: fn(u64) -> T,
    may_be_number: bool,
}

/// Flags of 64 bits, as decimal string or number.
pub fn bits() -> Bits<u64> {
    Bits { of: |bits| bits, may_be_number: true }
}

/// Permissions (API.md §1.3), as decimal string or number.
pub fn permissions() -> Bits<Permissions> {
    Bits { of: Permissions::from_bits, may_be_number: false }
}

impl<T> Kind for Bits<T> {
    type Out = T;

    fn read(&self, value: &Value) -> Result<T, FaultTree> {
        let bits = unsigned(value).map(self.of);
        bits.map_or_else(|| refuse(FieldFault::new("NUMBER_TYPE_COERCE", "Must be a bit set")), Ok)
    }

    fn schema(&self, _: &mut Definitions) -> Value {
        if self.may_be_number {
            return json!({ "type": ["integer", "string"], "minimum": 0, "pattern": "^[0-9]{1,19}$" });
        }
        json!({ "type": "string", "format": "permissions", "pattern": "^[0-9]{1,19}$" })
    }
}

impl<T> Standin for Bits<T> {
    fn stand_in(&self) -> T {
        (self.of)(0)
    }
}

/// One of a few integers or strings; see [`among`] and [`word`].
pub struct Choice<V: 'static, T: 'static>(&'static [(V, T)]);

/// One of a few integers: `among(&[(0, ChannelType::Text), (2, ChannelType::Voice)])`.
pub fn among<T: Clone>(choices: &'static [(i64, T)]) -> Choice<i64, T> {
    Choice(choices)
}

/// One of a few strings: `word(&[("online", Status::Online), ("idle", Status::Idle)])`.
pub fn word<T: Clone>(choices: &'static [(&'static str, T)]) -> Choice<&'static str, T> {
    Choice(choices)
}

fn no_choice<V: std::fmt::Display, T>(choices: &[(V, T)]) -> FieldFault {
    FieldFault::no_choice(&choices.iter().map(|(value, _)| value).collect::<Vec<_>>())
}

impl<T: Clone> Kind for Choice<i64, T> {
    type Out = T;

    fn read(&self, value: &Value) -> Result<T, FaultTree> {
        let number = whole_number(value)?;
        match self.0.iter().find(|(choice, _)| i128::from(*choice) == number) {
            Some((_, meaning)) => Ok(meaning.clone()),
            None => refuse(no_choice(self.0)),
        }
    }

    fn schema(&self, _: &mut Definitions) -> Value {
        json!({ "type": "integer", "enum": self.0.iter().map(|(choice, _)| choice).collect::<Vec<_>>() })
    }
}

impl<T: Clone> Kind for Choice<&'static str, T> {
    type Out = T;

    fn read(&self, value: &Value) -> Result<T, FaultTree> {
        let text = string_of(value)?;
        match self.0.iter().find(|(choice, _)| *choice == text) {
            Some((_, meaning)) => Ok(meaning.clone()),
            None => refuse(no_choice(self.0)),
        }
    }

    fn schema(&self, _: &mut Definitions) -> Value {
        json!({ "type": "string", "enum": self.0.iter().map(|(choice, _)| choice).collect::<Vec<_>>() })
    }
}

impl<V, T: Clone> Standin for Choice<V, T>
where
    Self: Kind<Out = T>,
{
    fn stand_in(&self) -> T {
        self.0[0].1.clone()
    }
}

/// A time; see [`timestamp`].
pub struct Time;

/// An ISO 8601 time with `Z`, an offset or neither (UTC) and any fraction.
pub fn timestamp() -> Time {
    Time
}

impl Kind for Time {
    type Out = Timestamp;

    fn read(&self, value: &Value) -> Result<Timestamp, FaultTree> {
        let read = value.as_str().and_then(Timestamp::parse);
        read.map_or_else(|| refuse(FieldFault::not_timestamp()), Ok)
    }

    fn schema(&self, _: &mut Definitions) -> Value {
        json!({ "type": "string", "format": "date-time" })
    }
}

impl Standin for Time {
    fn stand_in(&self) -> Timestamp {
        Timestamp(0)
    }
}
