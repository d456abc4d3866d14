//! What a person or bot can do, one function each: authorise, validate, write, emit.

pub mod accounts;
pub mod actor;
pub mod admin;
pub mod applications;
pub mod audit;
pub mod audit_log;
pub mod bans;
pub mod channels;
pub mod confirm;
pub mod dms;
pub mod error;
pub mod expressions;
mod fault;
pub mod files;
#[cfg(test)]
mod fixture;
pub mod followers;
pub mod gateway;
pub mod grants;
pub mod guilds;
#[cfg(test)]
mod hierarchy_tests;
pub mod images;
pub mod integrations;
pub mod invites;
pub mod links;
pub mod member_requests;
pub mod members;
pub mod messages;
pub mod oauth2;
pub mod profiles;
pub mod ready;
pub mod registration;
pub mod relationships;
pub mod resets;
pub mod roles;
pub mod sessions;
pub mod settings;
pub mod show;
pub mod show_apps;
pub mod show_files;
pub mod subscriptions;
pub mod sweeps;
pub mod upkeep;
pub mod uploads;
pub mod voice;
pub mod webhooks;

pub use actor::{Actor, ActorKind, Credential, Reason};
pub use error::{ActionError, Fault};
