//! Sounds of soundboards, and what is told of those in voice beside their states.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use super::{ChannelId, EmojiId, GuildId, SoundId, User, UserId};

/// A sound (API.md §2.5).
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Sound {
    /// The sound.
    pub sound_id: SoundId,
    /// Its name.
    pub name: String,
    /// How loud it is played, 0 to 1.
    pub volume: f64,
    /// The custom emoji beside its name.
    pub emoji_id: Option<EmojiId>,
    /// The plain one.
    pub emoji_name: Option<String>,
    /// Its guild; none for those that everybody has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guild_id: Option<GuildId>,
    /// Always true: none is lost with a subscription.
    pub available: bool,
    /// Who made it, for those who may manage sounds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<Arc<User>>,
}

/// A guild's sounds.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct SoundList {
    /// All of them.
    pub items: Vec<Sound>,
}

/// GUILD_SOUNDBOARD_SOUND_DELETE.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct SoundDeleted {
    /// The sound.
    pub sound_id: SoundId,
    /// Its guild.
    pub guild_id: GuildId,
}

/// SOUNDBOARD_SOUNDS: the answer to op 31.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Soundboard {
    /// The guild.
    pub guild_id: GuildId,
    /// Its sounds.
    pub soundboard_sounds: Vec<Sound>,
}

/// VOICE_CHANNEL_EFFECT_SEND: somebody played a sound; everybody's client plays it for itself.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct VoiceEffect {
    /// Where.
    pub channel_id: ChannelId,
    /// Its guild.
    pub guild_id: GuildId,
    /// Who.
    pub user_id: UserId,
    /// The emoji beside the sound's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub emoji: Option<EffectEmoji>,
    /// The sound.
    pub sound_id: SoundId,
    /// How loud, 0 to 1.
    pub sound_volume: f64,
}

/// The emoji of an effect.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct EffectEmoji {
    /// The custom one.
    pub id: Option<EmojiId>,
    /// The plain one.
    pub name: Option<String>,
}

/// VOICE_CHANNEL_STATUS_UPDATE: what a voice channel says it is about.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct VoiceStatus {
    /// The channel.
    pub id: ChannelId,
    /// Its guild.
    pub guild_id: GuildId,
    /// The text; null when it says nothing.
    pub status: Option<String>,
}

/// VOICE_CHANNEL_START_TIME_UPDATE: since when somebody is in a voice channel.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct VoiceStart {
    /// The channel.
    pub id: ChannelId,
    /// Its guild.
    pub guild_id: GuildId,
    /// Seconds since 1970; null while nobody is.
    pub voice_start_time: Option<u64>,
}

/// CHANNEL_INFO: the answer to op 43.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ChannelInfo {
    /// The guild.
    pub guild_id: GuildId,
    /// Its voice channels with somebody in them.
    pub channels: Vec<VoiceChannelInfo>,
}

/// A voice channel with somebody in it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct VoiceChannelInfo {
    /// The channel.
    pub id: ChannelId,
    /// As in [`VoiceStatus`].
    pub status: Option<String>,
    /// As in [`VoiceStart`].
    pub voice_start_time: Option<u64>,
}
