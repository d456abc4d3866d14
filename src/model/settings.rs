//! What a person sets for themself, the same on all their devices, and what they want to hear of (API.md §2.1).

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{ChannelId, EmojiId, GuildId, Status, UserId};

/// The settings of an account. Several are kept for clients alone: nothing here reads them.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct UserSettings {
    /// `dark`, `light` or what else a client has.
    pub theme: String,
    /// The language of its clients.
    pub locale: String,
    /// What it shows where a client says nothing else; never `offline`.
    pub status: Status,
    /// What it says of itself.
    #[schemars(extend("nullable" = true))]
    pub custom_status: Option<CustomStatus>,
    /// Its guilds in order, some together.
    pub guild_folders: Vec<GuildFolder>,
    /// Its guilds in order, for clients without folders.
    pub guild_positions: Vec<GuildId>,
    /// Whether messages stand close.
    pub message_display_compact: bool,
    /// Whether ids can be copied.
    pub developer_mode: bool,
    /// Whether cards are shown, and made for its own links.
    pub render_embeds: bool,
    /// Whether reactions are shown.
    pub render_reactions: bool,
    /// Whether pictures of messages are shown.
    pub inline_attachment_media: bool,
    /// Whether pictures of cards are shown.
    pub inline_embed_media: bool,
    /// Whether emoji move.
    pub animate_emoji: bool,
    /// Whether stickers move: 0 always, 1 when pointed at, 2 never.
    pub animate_stickers: u8,
    /// Whether GIFs move by themselves.
    pub gif_auto_play: bool,
    /// Whether `:)` becomes an emoji.
    pub convert_emoticons: bool,
    /// Whether messages may be read aloud.
    pub enable_tts_command: bool,
    /// Seconds without a key until it counts as away.
    pub afk_timeout: u32,
    /// Minutes from UTC.
    pub timezone_offset: i32,
    /// Whether what it plays is shown.
    pub show_current_game: bool,
    /// Whether members of guilds it joins may not write to it.
    pub default_guilds_restricted: bool,
    /// Guilds whose members may not write to it.
    pub restricted_guilds: Vec<GuildId>,
    /// Whose pictures are looked through.
    pub explicit_content_filter: u8,
    /// Whether programs on its computer are looked for.
    pub detect_platform_accounts: bool,
    /// Whether the tab of games is hidden.
    pub disable_games_tab: bool,
    /// Whether it hears of streams.
    pub stream_notifications_enabled: bool,
    /// Whether its phone's calls come in.
    pub native_phone_integration_enabled: bool,
    /// Whether friends are found by its address book.
    pub contact_sync_enabled: bool,
    /// Whether a screen reader may be noticed.
    pub allow_accessibility_detection: bool,
    /// Whether age-restricted guilds are shown.
    pub view_nsfw_guilds: bool,
    /// Who may ask it to be a friend.
    pub friend_source_flags: FriendSources,
}

impl Default for UserSettings {
    fn default() -> Self {
        Self {
            theme: "dark".to_owned(),
            locale: "en-US".to_owned(),
            status: Status::Online,
            custom_status: None,
            guild_folders: Vec::new(),
            guild_positions: Vec::new(),
            message_display_compact: false,
            developer_mode: false,
            render_embeds: true,
            render_reactions: true,
            inline_attachment_media: true,
            inline_embed_media: true,
            animate_emoji: true,
            animate_stickers: 0,
            gif_auto_play: true,
            convert_emoticons: false,
            enable_tts_command: true,
            afk_timeout: 600,
            timezone_offset: 0,
            show_current_game: true,
            default_guilds_restricted: false,
            restricted_guilds: Vec::new(),
            explicit_content_filter: 0,
            detect_platform_accounts: false,
            disable_games_tab: true,
            stream_notifications_enabled: true,
            native_phone_integration_enabled: false,
            contact_sync_enabled: false,
            allow_accessibility_detection: false,
            view_nsfw_guilds: true,
            friend_source_flags: FriendSources { all: true, mutual_friends: true, mutual_guilds: true },
        }
    }
}

/// What somebody says of themself.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct CustomStatus {
    /// The text.
    pub text: Option<String>,
    /// The custom emoji before it.
    pub emoji_id: Option<EmojiId>,
    /// The plain one, or the custom one's name.
    pub emoji_name: Option<String>,
    /// When it ends, ISO 8601: the client's to look at.
    pub expires_at: Option<String>,
}

/// Guilds kept together; one without an id is a guild by itself.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct GuildFolder {
    /// The client's own number for it.
    pub id: Option<i64>,
    /// Its name.
    pub name: Option<String>,
    /// Its colour, 0–16777215.
    pub color: Option<u32>,
    /// What is in it.
    pub guild_ids: Vec<GuildId>,
}

/// Who may ask an account to be a friend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct FriendSources {
    /// Everybody.
    pub all: bool,
    /// Friends of friends.
    pub mutual_friends: bool,
    /// Members of the same guilds.
    pub mutual_guilds: bool,
}

/// USER_SETTINGS_UPDATE: those that changed, of one's own [`UserSettings`].
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct SettingsChange(pub Map<String, Value>);

impl JsonSchema for SettingsChange {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SettingsChange".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = UserSettings::json_schema(generator);
        schema.remove("required");
        schema
    }
}

/// What somebody wants to hear of a guild, or of direct messages; also USER_GUILD_SETTINGS_UPDATE.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct UserGuildSettings {
    /// The guild; null for direct messages.
    pub guild_id: Option<GuildId>,
    /// 0 of all messages, 1 of mentions, 2 of none, 3 as the guild has it.
    pub message_notifications: u8,
    /// Whether it is silent.
    pub muted: bool,
    /// Until when.
    pub mute_config: Option<MuteConfig>,
    /// Whether mentions of everyone count for nothing.
    pub suppress_everyone: bool,
    /// Whether mentions of roles count for nothing.
    pub suppress_roles: bool,
    /// Whether phones hear too.
    pub mobile_push: bool,
    /// Whether events count for nothing.
    pub mute_scheduled_events: bool,
    /// Whether silent channels are hidden.
    pub hide_muted_channels: bool,
    /// Whether what is going on is told: 0 as it is, 1 not, 2 yes.
    pub notify_highlights: u8,
    /// Bits that are the client's.
    pub flags: u64,
    /// Channels that differ.
    pub channel_overrides: Vec<ChannelOverride>,
    /// Rises with each change.
    pub version: u64,
}

impl UserGuildSettings {
    /// Those of somebody who chose nothing.
    pub fn of(guild_id: Option<GuildId>) -> Self {
        Self {
            guild_id,
            message_notifications: 3,
            muted: false,
            mute_config: None,
            suppress_everyone: false,
            suppress_roles: false,
            mobile_push: true,
            mute_scheduled_events: false,
            hide_muted_channels: false,
            notify_highlights: 0,
            flags: 0,
            channel_overrides: Vec::new(),
            version: 0,
        }
    }
}

/// What somebody wants to hear of a channel.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ChannelOverride {
    /// The channel.
    pub channel_id: ChannelId,
    /// As in [`UserGuildSettings`].
    pub message_notifications: u8,
    /// Whether it is silent.
    pub muted: bool,
    /// Until when.
    pub mute_config: Option<MuteConfig>,
    /// Whether the category is folded up.
    pub collapsed: bool,
    /// Bits that are the client's.
    pub flags: u64,
}

impl ChannelOverride {
    /// That of a channel of which nothing was said.
    pub fn of(channel_id: ChannelId) -> Self {
        Self {
            channel_id,
            message_notifications: 3,
            muted: false,
            mute_config: None,
            collapsed: false,
            flags: 0,
        }
    }
}

/// Until when something is silent.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct MuteConfig {
    /// ISO 8601; null: until it is taken back.
    #[serde(default)]
    pub end_time: Option<String>,
    /// Seconds that were asked for; -1: until it is taken back.
    #[serde(default = "without_end")]
    pub selected_time_window: i64,
}

fn without_end() -> i64 {
    -1
}

/// USER_NOTE_UPDATE: what one wrote down about somebody.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct NoteUpdate {
    /// About whom.
    pub id: UserId,
    /// The note; empty where it was taken away.
    pub note: String,
}

/// `settings` with one of them changed; nothing where there is no such setting, or it takes other values.
pub fn with<T: Serialize + DeserializeOwned>(settings: &T, key: &str, value: Value) -> Option<T> {
    let Ok(Value::Object(mut all)) = serde_json::to_value(settings) else { return None };
    *all.get_mut(key)? = value;
    serde_json::from_value(Value::Object(all)).ok()
}
