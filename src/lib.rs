//! Hearth: the chat, voice and video home that a community runs for itself.

pub mod logic;
pub mod model;
