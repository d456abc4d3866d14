//! Kinds made of others, and pictures: lists, forms inside forms, objects whose keys are data. Used by way of `kinds`.

use std::marker::PhantomData;
use std::ops::RangeInclusive;

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Value, json};

use super::kinds::{Kind, Standin, refuse};
use super::{Definitions, FaultTree, Fields, Form, Mode};
use crate::logic::field::FieldFault;

/// A list; see [`list`] and [`repeated`].
pub struct List<K> {
    item: K,
    lengths: RangeInclusive<usize>,
    distinct: bool,
    repeated: bool,
}

/// A list of at most `most` items.
pub fn list<K: Kind>(item: K, most: usize) -> List<K> {
    List { item, lengths: 0..=most, distinct: false, repeated: false }
}

/// A key of a query string that may come several times, or once with commas between its values.
pub fn repeated<K: Kind>(item: K, most: usize) -> List<K> {
    List { item, lengths: 0..=most, distinct: false, repeated: true }
}

impl<K> List<K> {
    /// The same list with at least `least` items.
    pub fn at_least(mut self, least: usize) -> Self {
        self.lengths = least..=*self.lengths.end();
        self
    }

    /// The same list, of values that all differ.
    pub fn distinct(mut self) -> Self {
        self.distinct = true;
        self
    }
}

impl<K: Kind> List<K> {
    fn read_items(&self, values: &[Value]) -> Result<Vec<K::Out>, FaultTree> {
        let (least, most) = (*self.lengths.start(), *self.lengths.end());
        if values.len() > most {
            return refuse(FieldFault::too_long(most));
        }
        if values.len() < least {
            return refuse(FieldFault::too_short(least));
        }
        let mut faults = FaultTree::default();
        let mut items = Vec::with_capacity(values.len());
        let mut seen = std::collections::HashSet::new();
        for (index, value) in values.iter().enumerate() {
            let written = value.to_string().replace('"', "");
            if self.distinct && !seen.insert(written.clone()) {
                let twice = FieldFault::already_contains(written);
                faults.merge_below(index.to_string(), twice.into());
            }
            match self.item.read(value) {
                Ok(item) => items.push(item),
                Err(inside) => faults.merge_below(index.to_string(), inside),
            }
        }
        if faults.is_empty() { Ok(items) } else { Err(faults) }
    }
}

impl<K: Kind> Kind for List<K> {
    type Out = Vec<K::Out>;

    fn read(&self, value: &Value) -> Result<Vec<K::Out>, FaultTree> {
        match value {
            Value::Array(values) => self.read_items(values),
            Value::String(text) if self.repeated => {
                let values: Vec<Value> =
                    text.split(',').filter(|part| !part.is_empty()).map(Value::from).collect();
                self.read_items(&values)
            }
            _ => refuse(FieldFault::not_list()),
        }
    }

    fn schema(&self, defs: &mut Definitions) -> Value {
        let mut schema =
            json!({ "type": "array", "items": self.item.schema(defs), "maxItems": self.lengths.end() });
        if *self.lengths.start() > 0 {
            schema["minItems"] = json!(self.lengths.start());
        }
        if self.distinct {
            schema["uniqueItems"] = json!(true);
        }
        schema
    }
}

impl<K: Kind> Standin for List<K> {
    fn stand_in(&self) -> Vec<K::Out> {
        Vec::new()
    }
}

/// A form inside a form; see [`object`].
pub struct Object<F>(PhantomData<fn() -> F>);

/// A form inside a form.
pub fn object<F: Form>() -> Object<F> {
    Object(PhantomData)
}

impl<F: Form> Kind for Object<F> {
    type Out = F;

    fn read(&self, value: &Value) -> Result<F, FaultTree> {
        super::read_value(value)
    }

    fn schema(&self, defs: &mut Definitions) -> Value {
        defs.reference::<F>()
    }
}

impl<F: Form> Standin for Object<F> {
    fn stand_in(&self) -> F {
        F::read(&mut Fields { mode: Mode::Reading(&Value::Null), faults: FaultTree::default() })
    }
}

/// An object whose keys are data; see [`map`].
pub struct Entries<K, V> {
    key: K,
    value: V,
    most: usize,
}

/// An object whose keys are data, as `channel_overrides` by channel id; at most `most` of them.
pub fn map<K: Kind, V: Kind>(key: K, value: V, most: usize) -> Entries<K, V> {
    Entries { key, value, most }
}

impl<K: Kind, V: Kind> Kind for Entries<K, V> {
    type Out = Vec<(K::Out, V::Out)>;

    fn read(&self, value: &Value) -> Result<Self::Out, FaultTree> {
        let Value::Object(object) = value else { return refuse(FieldFault::not_dict()) };
        if object.len() > self.most {
            return refuse(FieldFault::too_long(self.most));
        }
        let mut faults = FaultTree::default();
        let mut entries = Vec::with_capacity(object.len());
        for (name, value) in object {
            match (self.key.read(&Value::String(name.clone())), self.value.read(value)) {
                (Ok(key), Ok(value)) => entries.push((key, value)),
                (key, value) => {
                    for inside in [key.err(), value.err()].into_iter().flatten() {
                        faults.merge_below(name.clone(), inside);
                    }
                }
            }
        }
        if faults.is_empty() { Ok(entries) } else { Err(faults) }
    }

    fn schema(&self, defs: &mut Definitions) -> Value {
        json!({ "type": "object", "additionalProperties": self.value.schema(defs), "maxProperties": self.most })
    }
}

impl<K: Kind, V: Kind> Standin for Entries<K, V> {
    fn stand_in(&self) -> Self::Out {
        Vec::new()
    }
}

/// A JSON value kept as it is; see [`json_value`].
pub struct Json;

/// Any JSON value, as a nonce is.
pub fn json_value() -> Json {
    Json
}

impl Kind for Json {
    type Out = Value;

    fn read(&self, value: &Value) -> Result<Value, FaultTree> {
        Ok(value.clone())
    }

    fn schema(&self, _: &mut Definitions) -> Value {
        json!({})
    }
}

impl Standin for Json {
    fn stand_in(&self) -> Value {
        Value::Null
    }
}

/// The types of picture that can be uploaded (API.md §1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageType {
    /// `image/png`
    Png,
    /// `image/jpeg`
    Jpeg,
    /// `image/gif`
    Gif,
    /// `image/webp`
    Webp,
}

/// A picture from a data URI: what it says it is, and its bytes, not looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageData {
    /// The type that the URI names.
    pub kind: ImageType,
    /// The file.
    pub bytes: Vec<u8>,
}

/// A picture; see [`image_data`].
pub struct ImageUri {
    max_bytes: usize,
}

/// A picture as `data:image/png;base64,…`, whose file has at most `max_bytes`.
pub fn image_data(max_bytes: usize) -> ImageUri {
    ImageUri { max_bytes }
}

/// Standard base64, padded or not.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent),
);

/// A sound; see [`sound_data`].
pub struct SoundUri {
    max_bytes: usize,
}

/// A sound as `data:audio/ogg;base64,…`, whose file has at most `max_bytes`. What it is shows when it is looked at.
pub fn sound_data(max_bytes: usize) -> SoundUri {
    SoundUri { max_bytes }
}

impl Kind for SoundUri {
    type Out = Vec<u8>;

    fn read(&self, value: &Value) -> Result<Vec<u8>, FaultTree> {
        let uri = value.as_str().and_then(|uri| uri.strip_prefix("data:audio/"));
        let Some((_, encoded)) = uri.and_then(|uri| uri.split_once(";base64,")) else {
            return refuse(FieldFault::new("SOUND_INVALID", "Must be a sound as a data URI."));
        };
        decode_within(encoded, self.max_bytes, || {
            FieldFault::new("SOUND_INVALID", "Must be a sound as a data URI.")
        })
    }

    fn schema(&self, _: &mut Definitions) -> Value {
        json!({ "type": "string", "pattern": "^data:audio/[a-z0-9.+-]+;base64," })
    }
}

/// The file of a data URI.
fn decode_within(
    encoded: &str,
    max_bytes: usize,
    broken: impl FnOnce() -> FieldFault,
) -> Result<Vec<u8>, FaultTree> {
    if encoded.len() / 4 * 3 > max_bytes + 2 {
        return refuse(FieldFault::new(
            "BINARY_TYPE_MAX_SIZE",
            format!("File cannot be larger than {max_bytes} bytes."),
        ));
    }
    match BASE64.decode(encoded) {
        Ok(bytes) if !bytes.is_empty() => Ok(bytes),
        _ => refuse(broken()),
    }
}

impl Kind for ImageUri {
    type Out = ImageData;

    fn read(&self, value: &Value) -> Result<ImageData, FaultTree> {
        let parts = value
            .as_str()
            .and_then(|uri| uri.strip_prefix("data:"))
            .and_then(|uri| uri.split_once(";base64,"));
        let kind = match parts {
            Some(("image/png", _)) => ImageType::Png,
            Some(("image/jpeg" | "image/jpg", _)) => ImageType::Jpeg,
            Some(("image/gif", _)) => ImageType::Gif,
            Some(("image/webp", _)) => ImageType::Webp,
            _ => return refuse(FieldFault::bad_image()),
        };
        let encoded = parts.map_or("", |(_, encoded)| encoded);
        Ok(ImageData { kind, bytes: decode_within(encoded, self.max_bytes, FieldFault::bad_image)? })
    }

    fn schema(&self, _: &mut Definitions) -> Value {
        json!({ "type": "string", "pattern": "^data:image/(png|jpeg|jpg|gif|webp);base64," })
    }
}

impl Standin for SoundUri {
    fn stand_in(&self) -> Vec<u8> {
        Vec::new()
    }
}

impl Standin for ImageUri {
    fn stand_in(&self) -> ImageData {
        ImageData { kind: ImageType::Png, bytes: Vec::new() }
    }
}
