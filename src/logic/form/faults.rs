//! What is wrong with a form: a tree that mirrors the request (API.md §1.5).

use std::collections::BTreeMap;

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::logic::field::FieldFault;

/// Why a form could not be read. The sentences are the API's answer, but for the tree's.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum FormError {
    /// The body isn't JSON.
    #[error("The request body contains invalid JSON.")]
    Syntax,
    /// Objects and lists inside one another, deeper than [`MAX_DEPTH`](super::MAX_DEPTH).
    #[error("The request body is nested deeper than {} levels.", super::MAX_DEPTH)]
    TooDeep,
    /// The body has no content type, or one that isn't taken here.
    #[error("The content type must be application/json.")]
    ContentType,
    /// Fields that break their rules.
    #[error("Invalid Form Body")]
    Fields(FaultTree),
}

/// Faults of a value, and of what is inside it by key or list index. In JSON `{"name":{"_errors":[{"code","message"}]}}`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FaultTree {
    here: Vec<FieldFault>,
    below: BTreeMap<String, FaultTree>,
}

impl FaultTree {
    /// A tree of one fault, on the field `name`.
    pub fn of(name: &str, fault: FieldFault) -> Self {
        let mut tree = Self::default();
        tree.add(name, fault);
        tree
    }

    /// Whether there is no fault at all.
    pub fn is_empty(&self) -> bool {
        self.here.is_empty() && self.below.is_empty()
    }

    /// The faults of the value itself.
    pub fn here(&self) -> &[FieldFault] {
        &self.here
    }

    /// The faults below `name`, if any.
    pub fn below(&self, name: &str) -> Option<&FaultTree> {
        self.below.get(name)
    }

    /// Adds a fault of the value itself.
    pub fn add_here(&mut self, fault: FieldFault) {
        self.here.push(fault);
    }

    /// Adds a fault of the field `name`.
    pub fn add(&mut self, name: &str, fault: FieldFault) {
        self.below.entry(name.to_owned()).or_default().here.push(fault);
    }

    /// Adds the faults of the value under `name`.
    pub fn merge_below(&mut self, name: String, faults: FaultTree) {
        self.below.entry(name).or_default().merge(faults);
    }

    /// Adds all faults of `other`, a tree of the same value.
    pub fn merge(&mut self, other: FaultTree) {
        self.here.extend(other.here);
        for (name, faults) in other.below {
            self.merge_below(name, faults);
        }
    }
}

impl From<FieldFault> for FaultTree {
    fn from(fault: FieldFault) -> Self {
        Self { here: vec![fault], below: BTreeMap::new() }
    }
}

impl Serialize for FaultTree {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let own = usize::from(!self.here.is_empty());
        let mut map = serializer.serialize_map(Some(self.below.len() + own))?;
        if own == 1 {
            map.serialize_entry("_errors", &self.here)?;
        }
        for (name, faults) in &self.below {
            map.serialize_entry(name, faults)?;
        }
        map.end()
    }
}
