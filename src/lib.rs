//! Hearth: the chat, voice and video home that a community runs for itself.

pub mod actions;
pub mod app;
pub mod auth;
pub mod blobs;
pub mod cli;
pub mod config;
pub mod control;
pub mod http;
pub mod hub;
pub mod logic;
pub mod model;
pub mod serve;
pub mod store;
