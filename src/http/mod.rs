//! The HTTP edge: bytes to calls and answers to bytes. `routes` is the one table that the order of checks, the rate limits and the
//! OpenAPI document come from; one file per resource holds its handlers. Rights are decided in `actions`.
//!
//! ```no_run
//! use hearth::http::{Answer, Bucket, Call, Reply, Route, Who, get, patch};
//! use hearth::logic::form::{Fields, Form, Patch, kinds::*};
//! use hearth::model::kind::Channel;
//!
//! /// Every route of the resource, as `routes.rs` lists it.
//! pub fn routes() -> Vec<Route> {
//!     vec![
//!         patch("/channels/{channel_id}/topic", set_topic)
//!             .who(Who::Human)
//!             .limit(Bucket::ChannelRename)
//!             .takes::<Topic>()
//!             .gives::<serde_json::Value>(200)
//!             .audited()
//!             .permission("MANAGE_CHANNELS")
//!             .summary("Set a channel's topic"),
//!     ]
//! }
//!
//! struct Topic {
//!     topic: Patch<String>,
//! }
//!
//! impl Form for Topic {
//!     fn read(f: &mut Fields) -> Self {
//!         Self { topic: f.patch("topic", text(0..=1024)) }
//!     }
//! }
//!
//! async fn set_topic(call: Call) -> Answer {
//!     let (actor, channel) = (call.actor()?, call.id::<Channel>("channel_id")?);
//!     let (form, reason) = (call.form::<Topic>(), call.reason()?);
//!     // channels::edit(&call.app, actor, channel, form, reason).await? proves the right, then asks `form.get()?`
//!     # let _ = (actor, channel, reason);
//!     Reply::json(&serde_json::json!({ "topic": form.take()?.topic.set_or(String::new()) }))
//! }
//! ```

mod absent;
mod accounts;
mod applications;
mod attachments;
mod audit;
mod authenticate;
mod bans;
mod body;
mod call;
mod cdn;
mod channels;
mod client;
mod dms;
mod edge;
mod emojis;
mod errors;
mod file_body;
mod followers;
mod guilds;
mod instance;
mod integrations;
mod invites;
mod limits;
mod members;
mod messages;
mod multipart;
mod oauth2;
pub mod openapi;
mod origin;
mod peer;
mod pins;
mod range;
mod reactions;
mod read_states;
mod relationships;
mod reply;
mod roles;
mod route;
pub mod routes;
mod server;
mod settings;
mod socket;
mod sounds;
mod stickers;
mod voice;
mod webhooks;
mod widgets;

pub use call::Call;
pub use cdn::cdn;
pub use edge::{Edge, Hooks, Media, Upgrades};
pub use file_body::Body;
pub use peer::Peer;
pub use reply::{Answer, Reply};
pub use route::{Route, Who, delete, get, patch, post, put};
pub use server::{Seat, serve};
pub use socket::Socket;

pub use crate::logic::rate_limit::Bucket;

#[cfg(test)]
mod tests;
