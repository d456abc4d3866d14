//! The server from outside: real HTTP and WebSocket clients against a real server on port 0, one module per resource.

mod accounts;
mod announcements;
mod applications;
mod bots;
mod bucket;
mod corpus;
mod emojis;
mod files;
mod garbage;
mod gateway;
mod guilds;
mod links;
mod messages;
mod moderation;
mod oauth2;
mod pictures;
mod resets;
mod revocations;
#[path = "../s3/mod.rs"]
mod s3;
mod social;
mod sounds;
mod support;
mod table;
mod tls;
mod traps;
mod uploads;
mod voice;
mod webhooks;
mod widgets;
mod worlds;
