//! The nouns of Hearth as the API shows them: plain data with serde and schemas, no behaviour beyond their own shape.

mod application;
mod attachment;
mod blob;
mod channel;
mod channel_kind;
mod decimal;
mod embed;
mod event;
mod expression;
mod guild;
pub mod id;
mod member_list;
mod message;
mod permissions;
mod presence;
mod read_state;
mod ready;
mod relationship;
pub mod settings;
mod sound;
mod timestamp;
mod user;
mod webhook;

pub use application::*;
pub use attachment::*;
pub use blob::*;
pub use channel::*;
pub use channel_kind::*;
pub use decimal::Decimal;
pub use embed::*;
pub use event::*;
pub use expression::*;
pub use guild::*;
pub use id::*;
pub use member_list::*;
pub use message::*;
pub use permissions::*;
pub use presence::*;
pub use read_state::*;
pub use ready::*;
pub use relationship::*;
pub use settings::{
    ChannelOverride, CustomStatus, FriendSources, GuildFolder, MuteConfig, NoteUpdate, SettingsChange,
    UserGuildSettings, UserSettings,
};
pub use sound::*;
pub use timestamp::*;
pub use user::*;
pub use webhook::*;
