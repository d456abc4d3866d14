//! Hearth: the chat, voice and video home that a community runs for itself. This is the map of the code.
//!
//! # The rooms
//! | room | what it is for | may import |
//! |---|---|---|
//! | [`model`] | the nouns: ids, guild, channel, message, role, permissions, event; what the API shows | nothing of ours |
//! | [`logic`] | pure decisions: rights, words, forms, the gateway's protocol, rate limits; no clock, randomness or IO | `model` |
//! | [`auth`] | keys, tokens, password hashes, live logins: what opens doors, and no door | `model`, `logic` |
//! | [`store`] | redb: tables, rows, the one writer with group commit, proofs of rights | `model`, `logic` |
//! | [`hub`] | what is true while we run: sessions, fan-out, presence, typing; a replica fed by the events it forwards | `model`, `logic` |
//! | [`blobs`] | uploaded files by hash, and what is made of pictures | `model`, `logic` |
//! | [`unfurl`] | cards for links, fetched by the one client that goes to public addresses only | `model`, `logic`, `store`, `hub`, `blobs` |
//! | [`voice`] | voice and video: a socket of media, threads that own rooms, a connection for each client, sound sealed beside it | `model`, `logic`, `store`, `hub`, `blobs` |
//! | [`app`] | the handles every action gets | all above |
//! | [`actions`] | what a person or bot can do, one function each: authorise, validate, write, emit | all above |
//! | [`tls`] | certificates from files, and the connections they make | nothing of ours |
//! | [`http`], [`gateway`] | bytes to calls and calls to bytes; the table of routes; the WebSocket | not `store`, not each other |
//! | [`config`], [`control`], [`cli`], [`serve`], [`start`] | settings, the command line, the process and its parts | |
//!
//! `tests/tidy.rs` holds this table and fails on any other path.
//!
//! # How a message travels
//! `http` decodes the request and asks `actions::messages::post`. That opens one write: inside the transaction the store proves
//! the right ([`store::access`]), the action checks the words, writes rows and collects events. The writer commits a batch of
//! such jobs with one fsync, and only then answers them and hands their events to the hub, in commit order. The hub encodes each
//! event once and puts the same bytes into the ring of every session that may see it; the gateway's sockets write what waits in
//! their ring with one vectored write.
//!
//! # What holds
//! * Acknowledged means on disk, and nobody hears of what is not. What need not last (typing, presence) goes straight to the hub,
//!   in the same order.
//! * Commit order is event order is the order every client sees. Ids are drawn by the writer and rise for ever.
//! * A job may run twice: it is a function of its transaction. One that fails leaves nothing behind.
//! * One pure function decides rights ([`logic::permissions`]); every write asks for a proof that it said yes.
//! * Every queue, page, body and cache has a named bound; a slow reader is dropped and resumes.
//!
//! # What is not here on purpose
//! No second service, no cluster, no plug-ins in the process, no trait with one implementation, no `unsafe`.

pub mod actions;
pub mod app;
pub mod auth;
pub mod blobs;
pub mod cli;
pub mod config;
pub mod control;
pub mod gateway;
pub mod http;
pub mod hub;
pub mod logic;
pub mod model;
pub mod serve;
pub mod start;
pub mod store;
pub mod tls;
pub mod unfurl;
pub mod voice;
