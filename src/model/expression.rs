//! Custom emoji and stickers.

use std::sync::Arc;

use minicbor::{Decode, Encode};
use schemars::JsonSchema;
use serde::Serialize;

use super::{EmojiId, GuildId, RoleId, StickerId, User};

/// A custom emoji (API.md §1.4).
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Emoji {
    /// The emoji.
    pub id: EmojiId,
    /// Its name.
    pub name: String,
    /// Roles that may use it; everybody where there are none.
    pub roles: Vec<RoleId>,
    /// Who made it, for those who may manage emoji.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<Arc<User>>,
    /// Always true: it is written between colons.
    pub require_colons: bool,
    /// Always false: no service brings any.
    pub managed: bool,
    /// Whether it moves.
    pub animated: bool,
    /// Always true: none is lost with a subscription.
    pub available: bool,
}

/// An application's emoji.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct EmojiList {
    /// All of them.
    pub items: Vec<Emoji>,
}

/// A sticker (API.md §1.4).
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Sticker {
    /// The sticker.
    pub id: StickerId,
    /// Its name.
    pub name: String,
    /// What is on it.
    pub description: Option<String>,
    /// The emoji that suggests it.
    pub tags: String,
    /// 2: of a guild.
    #[serde(rename = "type")]
    pub kind: u8,
    /// 1 PNG, 2 APNG, 4 GIF.
    pub format_type: u8,
    /// Always true.
    pub available: bool,
    /// Its guild.
    pub guild_id: GuildId,
    /// Who made it, for those who may manage stickers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<Arc<User>>,
}

/// A sticker in a message; kept with it, so that it has a name when the sticker is gone.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema, Encode, Decode)]
pub struct StickerItem {
    /// The sticker.
    #[n(0)]
    pub id: StickerId,
    /// Its name.
    #[n(1)]
    pub name: String,
    /// As in [`Sticker`].
    #[n(2)]
    pub format_type: u8,
}

/// GUILD_EMOJIS_UPDATE: all of them.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct EmojisUpdate {
    /// The guild.
    pub guild_id: GuildId,
    /// Every emoji that it has by now.
    pub emojis: Vec<Emoji>,
}

/// GUILD_STICKERS_UPDATE: all of them.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct StickersUpdate {
    /// The guild.
    pub guild_id: GuildId,
    /// Every sticker that it has by now.
    pub stickers: Vec<Sticker>,
}
