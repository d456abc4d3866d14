//! Request bodies and query strings: a form's `read` is at once its reader, which collects every fault before it fails
//! (API.md §1.5), and its JSON schema (2020-12), so the document can't drift from what is accepted.
//!
//! ```
//! use hearth::logic::form::{self, Fields, Form, Patch, kinds::*};
//!
//! struct Edit {
//!     name: Option<String>,
//!     topic: Patch<String>,
//!     slow_mode_s: Option<u16>,
//! }
//!
//! impl Form for Edit {
//!     fn read(f: &mut Fields) -> Self {
//!         Self {
//!             name: f.opt("name", text(1..=100)),
//!             topic: f.patch("topic", text(0..=1024)),
//!             slow_mode_s: f.opt("rate_limit_per_user", integer(0..=21_600)),
//!         }
//!     }
//! }
//!
//! let edit: Edit = form::decode(br#"{"topic":null}"#, Some("application/json")).unwrap();
//! assert!(edit.name.is_none() && edit.topic == Patch::Clear);
//! ```

mod compound;
mod faults;
mod json;
pub mod kinds;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

pub use faults::{FaultTree, FormError};
pub use json::MAX_DEPTH;
pub use kinds::{ImageData, ImageType, Kind, Standin};

use super::field::FieldFault;

/// What a route takes in its body or query string.
pub trait Form: Sized {
    /// Asks for each field once, always in the same way: it runs without a body too, to describe itself and to make stand-ins, so it
    /// must not branch on values (but may check what it got and lay faults with [`Fields::fault`]).
    fn read(f: &mut Fields<'_>) -> Self;
}

/// A field of a `PATCH` (API.md §1.8): absent keeps, `null` clears, a value sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Patch<T> {
    /// The field was absent.
    #[default]
    Keep,
    /// The field was `null`.
    Clear,
    /// The field had this value.
    Set(T),
}

impl<T> Patch<T> {
    /// Whether the field was absent.
    pub fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }

    /// The same patch with its value changed by `f`.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Patch<U> {
        match self {
            Self::Keep => Patch::Keep,
            Self::Clear => Patch::Clear,
            Self::Set(value) => Patch::Set(f(value)),
        }
    }

    /// The same patch, lent.
    pub fn as_ref(&self) -> Patch<&T> {
        match self {
            Self::Keep => Patch::Keep,
            Self::Clear => Patch::Clear,
            Self::Set(value) => Patch::Set(value),
        }
    }

    /// Writes the change into `slot`.
    pub fn apply(self, slot: &mut Option<T>) {
        match self {
            Self::Keep => {}
            Self::Clear => *slot = None,
            Self::Set(value) => *slot = Some(value),
        }
    }

    /// What to write, if anything: the value, or `default` where it was cleared.
    pub fn set_or(self, default: T) -> Option<T> {
        match self {
            Self::Keep => None,
            Self::Clear => Some(default),
            Self::Set(value) => Some(value),
        }
    }
}

/// A form that was decoded before the caller's rights were known. Its faults show only when an action asks, which it does after the
/// proof of the right, inside its transaction (the order of checks of API.md §1.5).
#[derive(Debug, Clone)]
pub struct Checked<F>(Result<F, FormError>);

impl<F> Checked<F> {
    /// A form made by the server itself.
    pub fn valid(form: F) -> Self {
        Self(Ok(form))
    }

    /// The form, or all its faults. Lends, because a job of the store may run twice.
    pub fn get(&self) -> Result<&F, FormError> {
        self.0.as_ref().map_err(FormError::clone)
    }

    /// The form itself, or all its faults.
    pub fn take(self) -> Result<F, FormError> {
        self.0
    }
}

impl<F> From<Result<F, FormError>> for Checked<F> {
    fn from(read: Result<F, FormError>) -> Self {
        Self(read)
    }
}

/// Reads a body. An empty one counts as `{}`; `content_type` is the header's value, parameters and all.
pub fn decode<F: Form>(body: &[u8], content_type: Option<&str>) -> Result<F, FormError> {
    if body.is_empty() {
        return read_value(&Value::Object(Map::new())).map_err(FormError::Fields);
    }
    let media_type = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let value = if media_type.eq_ignore_ascii_case("application/json") {
        json::parse(body)?
    } else if media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        query_value(std::str::from_utf8(body).map_err(|_| FormError::Syntax)?)
    } else {
        return Err(FormError::ContentType);
    };
    read_value(&value).map_err(FormError::Fields)
}

/// Reads a query string (without its `?`). Repeated keys become a list, see [`kinds::repeated`].
pub fn decode_query<F: Form>(query: &str) -> Result<F, FormError> {
    read_value(&query_value(query)).map_err(FormError::Fields)
}

/// Reads a parsed JSON value.
pub fn read_value<F: Form>(value: &Value) -> Result<F, FaultTree> {
    let mut fields = Fields { mode: Mode::Reading(value), faults: FaultTree::default() };
    let form = F::read(&mut fields);
    if fields.faults.is_empty() { Ok(form) } else { Err(fields.faults) }
}

/// The most keys of a query string or form body that are looked at; more are ignored.
const MAX_QUERY_KEYS: usize = 512;

/// A query string as a JSON object: a key given once is a string, one given more often a list of strings.
fn query_value(query: &str) -> Value {
    let mut object = Map::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()).take(MAX_QUERY_KEYS) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (key, value) = (unescape(key), Value::String(unescape(value)));
        match object.get_mut(&key) {
            None => drop(object.insert(key, value)),
            Some(Value::Array(values)) => values.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
        }
    }
    Value::Object(object)
}

fn unescape(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_encoding::percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

/// The fields of one JSON object, while a form asks for them.
pub struct Fields<'a> {
    mode: Mode<'a>,
    faults: FaultTree,
}

enum Mode<'a> {
    Reading(&'a Value),
    Describing(Description<'a>),
}

struct Description<'a> {
    properties: Map<String, Value>,
    required: Vec<&'static str>,
    whole: Option<Value>,
    defs: &'a mut Definitions,
}

/// What was found under a field's name.
enum Given<T> {
    Absent,
    Null,
    Value(T),
    Faulty,
}

#[derive(Clone, Copy, PartialEq)]
enum Presence {
    Needed,
    Optional,
}

impl Fields<'_> {
    /// A field that must be there and not `null`.
    pub fn need<K: Standin>(&mut self, name: &'static str, kind: K) -> K::Out {
        match self.look_up(name, &kind, Presence::Needed) {
            Given::Value(value) => value,
            Given::Absent | Given::Null => {
                self.require(name);
                kind.stand_in()
            }
            Given::Faulty => kind.stand_in(),
        }
    }

    /// A field that may be absent or `null`: both are `None`.
    pub fn opt<K: Kind>(&mut self, name: &'static str, kind: K) -> Option<K::Out> {
        match self.look_up(name, &kind, Presence::Optional) {
            Given::Value(value) => Some(value),
            Given::Absent | Given::Null | Given::Faulty => None,
        }
    }

    /// A field that may be absent or `null` and then is `default`.
    pub fn or<K: Kind>(&mut self, name: &'static str, kind: K, default: K::Out) -> K::Out {
        self.opt(name, kind).unwrap_or(default)
    }

    /// A field of a `PATCH`, where absent and `null` differ.
    pub fn patch<K: Kind>(&mut self, name: &'static str, kind: K) -> Patch<K::Out> {
        match self.look_up(name, &kind, Presence::Optional) {
            Given::Value(value) => Patch::Set(value),
            Given::Null => Patch::Clear,
            Given::Absent | Given::Faulty => Patch::Keep,
        }
    }

    /// A field that must be there, a string read by a typed parser: `f.need_with("name", ChannelName::parse)`.
    /// A type without a default can be read by `need("name", text(1..=100).then(example, parse))`.
    pub fn need_with<T: Default>(
        &mut self,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, FieldFault>,
    ) -> T {
        self.need(name, kinds::parsed(parse))
    }

    /// [`opt`](Self::opt) of a string read by a typed parser.
    pub fn opt_with<T>(
        &mut self,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, FieldFault>,
    ) -> Option<T> {
        self.opt(name, kinds::parsed(parse))
    }

    /// [`patch`](Self::patch) of a string read by a typed parser.
    pub fn patch_with<T>(
        &mut self,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, FieldFault>,
    ) -> Patch<T> {
        self.patch(name, kinds::parsed(parse))
    }

    /// The whole body, for a form that is not an object: `f.whole(list(object::<Move>(), 500))`.
    pub fn whole<K: Standin>(&mut self, kind: K) -> K::Out {
        match &mut self.mode {
            Mode::Reading(value) => match kind.read(value) {
                Ok(value) => value,
                Err(faults) => {
                    self.faults.merge(faults);
                    kind.stand_in()
                }
            },
            Mode::Describing(description) => {
                description.whole = Some(kind.schema(description.defs));
                kind.stand_in()
            }
        }
    }

    /// Lays a fault on a field: of a rule that spans fields, or that no kind has.
    pub fn fault(&mut self, name: &str, fault: FieldFault) {
        self.faults.add(name, fault);
    }

    /// Lays a fault on the object itself.
    pub fn fault_here(&mut self, fault: FieldFault) {
        self.faults.add_here(fault);
    }

    /// Says that a field is missing, where a rule that spans fields needs it.
    pub fn require(&mut self, name: &str) {
        if self.faults.here().is_empty() {
            self.faults.add(name, FieldFault::required());
        }
    }

    fn look_up<K: Kind>(&mut self, name: &'static str, kind: &K, presence: Presence) -> Given<K::Out> {
        match &mut self.mode {
            Mode::Describing(description) => {
                let schema = kind.schema(description.defs);
                description.add(name, schema, presence);
                Given::Faulty
            }
            Mode::Reading(Value::Object(object)) => match object.get(name) {
                None => Given::Absent,
                Some(Value::Null) => Given::Null,
                Some(value) => match kind.read(value) {
                    Ok(value) => Given::Value(value),
                    Err(faults) => {
                        self.faults.merge_below(name.to_owned(), faults);
                        Given::Faulty
                    }
                },
            },
            Mode::Reading(_) => {
                if self.faults.is_empty() {
                    self.faults.add_here(FieldFault::not_model());
                }
                Given::Absent
            }
        }
    }
}

impl Description<'_> {
    fn add(&mut self, name: &'static str, schema: Value, presence: Presence) {
        let schema = match presence {
            Presence::Needed => {
                self.required.push(name);
                schema
            }
            Presence::Optional if self.defs.show_null => nullable(schema),
            Presence::Optional => schema,
        };
        self.properties.insert(name.to_owned(), schema);
    }

    fn finish(self) -> Value {
        if let Some(whole) = self.whole {
            return whole;
        }
        let mut schema = json!({ "type": "object", "properties": self.properties });
        if !self.required.is_empty() {
            schema["required"] = json!(self.required);
        }
        schema
    }
}

/// The schema of a value that may be `null` too.
fn nullable(mut schema: Value) -> Value {
    if let Some(Value::String(only)) = schema.get("type") {
        schema["type"] = json!([only, "null"]);
        if let Some(Value::Array(choices)) = schema.get_mut("enum") {
            choices.push(Value::Null);
        }
        return schema;
    }
    json!({ "anyOf": [schema, { "type": "null" }] })
}

/// The schemas of named forms, gathered while forms describe themselves.
pub struct Definitions {
    prefix: &'static str,
    show_null: bool,
    named: BTreeMap<String, Value>,
}

impl Definitions {
    /// An empty set whose references begin with `prefix`, as `#/$defs/`.
    pub fn new(prefix: &'static str) -> Self {
        Self { prefix, show_null: true, named: BTreeMap::new() }
    }

    /// An empty set for query strings, which have no `null`.
    pub fn of_query(prefix: &'static str) -> Self {
        Self { show_null: false, ..Self::new(prefix) }
    }

    /// The schemas by name.
    pub fn into_named(self) -> BTreeMap<String, Value> {
        self.named
    }

    /// Adds the schemas that another set gathered.
    pub fn extend(&mut self, other: Definitions) {
        self.named.extend(other.named);
    }

    /// A reference to `F`'s schema, which is added if it isn't there.
    pub fn reference<F: Form>(&mut self) -> Value {
        let name = definition_name(std::any::type_name::<F>());
        if !self.named.contains_key(&name) {
            self.named.insert(name.clone(), Value::Null); // stands here while a form that holds itself is described
            let schema = self.inline::<F>();
            self.named.insert(name.clone(), schema);
        }
        json!({ "$ref": format!("{}{name}", self.prefix) })
    }

    /// `F`'s own schema; the forms inside it are referred to.
    pub fn inline<F: Form>(&mut self) -> Value {
        let description =
            Description { properties: Map::new(), required: Vec::new(), whole: None, defs: self };
        let mut fields = Fields { mode: Mode::Describing(description), faults: FaultTree::default() };
        F::read(&mut fields);
        match fields.mode {
            Mode::Describing(description) => description.finish(),
            Mode::Reading(_) => Value::Null, // the mode was set three lines above
        }
    }
}

/// A type's path as a name that OpenAPI allows (`^[a-zA-Z0-9._-]+$`).
fn definition_name(path: &str) -> String {
    path.trim_start_matches("hearth::")
        .replace("::", ".")
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '.' || c == '_' { c } else { '-' })
        .collect()
}

/// The form's JSON schema, with the forms inside it under `$defs`.
pub fn describe<F: Form>() -> Value {
    let mut defs = Definitions::new("#/$defs/");
    let mut schema = defs.inline::<F>();
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    let named = defs.into_named();
    if !named.is_empty() {
        schema["$defs"] = json!(named);
    }
    schema
}

#[cfg(test)]
mod tests;
