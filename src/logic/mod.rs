//! Pure decisions: no clock, randomness, socket or file; time comes in as a value.

pub mod address;
pub mod content;
pub mod embed;
pub mod emoji;
pub mod field;
pub mod file_links;
pub mod file_name;
pub mod form;
pub mod frame;
pub mod inline;
pub mod intents;
pub mod links;
pub mod member_list;
pub mod mentions;
pub mod permissions;
pub mod ranked;
pub mod rate_limit;
pub mod room;
pub mod scopes;
pub mod scratch;
pub mod services;
pub mod session;
pub mod sniff;
pub mod sound_file;
pub mod stream;
pub mod voice_session;
