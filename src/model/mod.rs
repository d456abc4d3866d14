//! The nouns of Hearth as the API shows them: plain data with serde and schemas, no behaviour beyond their own shape.

pub mod id;

pub use id::*;
