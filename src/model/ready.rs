//! What one gateway session alone is told when it begins, and what it asks for (API.md §3.2, §3.5).

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::{
    Activity, ApplicationId, Channel, GuildCreate, GuildId, Member, OwnUser, Presence, ReadState,
    Relationship, Status, UnavailableGuild, User, UserGuildSettings, UserId, UserSettings, VoiceState,
};

/// Version of the gateway that READY names.
pub const GATEWAY_VERSION: u8 = 10;

/// READY of a bot. Libraries fail without the arrays, which are all there though most are empty (JDA: `private_channels`).
#[derive(Debug, Serialize, JsonSchema)]
pub struct BotReady {
    /// Version of the gateway.
    pub v: u8,
    /// The bot itself.
    pub user: OwnUser,
    /// Its guilds, each to be told of by a GUILD_CREATE.
    pub guilds: Vec<UnavailableGuild>,
    /// By what it resumes.
    pub session_id: Arc<str>,
    /// Where it resumes.
    pub resume_gateway_url: Arc<str>,
    /// Its application.
    pub application: ReadyApplication,
    /// Its part of the guilds and of how many, if it said one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shard: Option<[u64; 2]>,
    /// Always empty: bots hear of a DM with its first message.
    pub private_channels: Vec<Channel>,
    /// Always empty.
    pub relationships: Vec<Value>,
    /// Always empty.
    pub presences: Vec<Presence>,
    /// Always empty.
    pub user_settings: BTreeMap<String, Value>,
    /// Always empty.
    pub guild_join_requests: Vec<Value>,
    /// Always empty: there is one voice server.
    pub geo_ordered_rtc_regions: Vec<String>,
    /// Always `normal`.
    pub session_type: &'static str,
    /// Always empty.
    #[serde(rename = "_trace")]
    pub trace: Vec<String>,
}

/// The application in a bot's READY.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ReadyApplication {
    /// The application.
    pub id: ApplicationId,
    /// What is switched on, privileged intents among it.
    pub flags: u64,
    /// The same as a decimal string.
    pub flags_new: String,
}

/// READY of a person.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PersonReady {
    /// Version of the gateway.
    pub v: u8,
    /// The account.
    pub user: OwnUser,
    /// Its settings.
    pub user_settings: UserSettings,
    /// Its notification settings.
    pub user_guild_settings: Versioned<UserGuildSettings>,
    /// How far it has read.
    pub read_state: Versioned<ReadState>,
    /// Its guilds, whole.
    pub guilds: Vec<GuildCreate>,
    /// Friends, requests and blocks.
    pub relationships: Vec<Relationship>,
    /// Its open conversations.
    pub private_channels: Vec<Channel>,
    /// Of friends, and of those it has a conversation with.
    pub presences: Vec<Presence>,
    /// Its membership in each guild, in their order.
    pub merged_members: Vec<Vec<Member>>,
    /// Always empty: users stand where they are used.
    pub users: Vec<Arc<User>>,
    /// Its live sessions, this one among them.
    pub sessions: Vec<ReadySession>,
    /// Always empty: notes are asked for.
    pub notes: BTreeMap<String, String>,
    /// Always empty.
    pub connected_accounts: Vec<Value>,
    /// Always empty.
    pub guild_join_requests: Vec<Value>,
    /// By what it resumes.
    pub session_id: Arc<str>,
    /// Always `normal`.
    pub session_type: &'static str,
    /// Which of the account's logins this is.
    pub auth_session_id_hash: String,
    /// Where it resumes.
    pub resume_gateway_url: Arc<str>,
    /// Never set.
    pub country_code: Option<String>,
    /// Always 1.
    pub api_code_version: u8,
    /// What the account is told of by mail or push.
    pub notification_settings: NotificationSettings,
    /// Never set.
    pub tutorial: Option<Value>,
    /// Always empty.
    pub experiments: Vec<Value>,
    /// Always empty.
    pub guild_experiments: Vec<Value>,
    /// Never set: nothing is measured.
    pub analytics_token: Option<String>,
    /// Always empty.
    #[serde(rename = "_trace")]
    pub trace: Vec<String>,
}

/// A list that clients keep by version.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "{T}List")]
pub struct Versioned<T> {
    /// The whole list.
    pub entries: Vec<T>,
    /// Always false.
    pub partial: bool,
    /// Rises with each change.
    pub version: u64,
}

impl Versioned<UserGuildSettings> {
    /// A list whose entries hold their own versions, of which it has the greatest.
    pub fn new(entries: Vec<UserGuildSettings>) -> Self {
        let version = entries.iter().map(|entry| entry.version).max().unwrap_or(0);
        Self { entries, partial: false, version }
    }
}

/// One of an account's live sessions.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ReadySession {
    /// The session.
    pub session_id: Arc<str>,
    /// What it shows, `invisible` too.
    pub status: Status,
    /// What its owner does there.
    pub activities: Vec<Activity>,
    /// What it runs on.
    pub client_info: ReadyClient,
}

/// What a session runs on.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ReadyClient {
    /// `desktop`, `mobile` or `web`.
    pub client: Value,
    /// The operating system.
    pub os: String,
    /// Always 0.
    pub version: u32,
}

/// What an account is told of by mail or push.
#[derive(Debug, Serialize, JsonSchema)]
pub struct NotificationSettings {
    /// Always 0.
    pub flags: u64,
}

/// READY_SUPPLEMENTAL, which follows a person's READY.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ReadySupplemental {
    /// Who is in voice, by guild.
    pub guilds: Vec<SupplementalGuild>,
    /// Members beyond those of READY, by guild in its order; always empty.
    pub merged_members: Vec<Vec<Member>>,
    /// Presences beyond those of READY; always empty.
    pub merged_presences: MergedPresences,
    /// Always empty.
    pub lazy_private_channels: Vec<Channel>,
}

impl ReadySupplemental {
    /// The supplement to a READY with these guilds, and who of each is in voice.
    pub fn of(guilds: impl Iterator<Item = (GuildId, Vec<VoiceState>)>) -> Self {
        let guilds: Vec<_> =
            guilds.map(|(id, voice_states)| SupplementalGuild { id, voice_states }).collect();
        Self {
            merged_members: guilds.iter().map(|_| Vec::new()).collect(),
            merged_presences: MergedPresences {
                friends: Vec::new(),
                guilds: guilds.iter().map(|_| Vec::new()).collect(),
            },
            guilds,
            lazy_private_channels: Vec::new(),
        }
    }
}

/// Who is in voice in a guild.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SupplementalGuild {
    /// The guild.
    pub id: GuildId,
    /// Who is in voice.
    pub voice_states: Vec<VoiceState>,
}

/// Presences beyond those of READY.
#[derive(Debug, Serialize, JsonSchema)]
pub struct MergedPresences {
    /// Of those the account has a conversation with.
    pub friends: Vec<Presence>,
    /// By guild, in READY's order.
    pub guilds: Vec<Vec<Presence>>,
}

/// GUILD_MEMBERS_CHUNK.
#[derive(Debug, Serialize, JsonSchema)]
pub struct MembersChunk {
    /// The guild.
    pub guild_id: GuildId,
    /// At most 1 000 members.
    pub members: Vec<Member>,
    /// Which chunk, from 0.
    pub chunk_index: usize,
    /// How many there are; at least 1.
    pub chunk_count: usize,
    /// Of accounts that were named, those that are no members; always there when accounts were named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_found: Option<Vec<UserId>>,
    /// Who of the members is online, if it was asked for and may be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub presences: Option<Vec<Presence>>,
    /// The mark of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
}

/// READY, which differs by who gets it.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "names the two forms for the API's document; each is written by itself")]
enum Ready {
    Person(Box<PersonReady>),
    Bot(Box<BotReady>),
}

/// Name and schema of what one session alone is told, for the API's document.
pub fn session_schemas(generator: &mut schemars::SchemaGenerator) -> Vec<(&'static str, schemars::Schema)> {
    vec![
        ("READY", generator.subschema_for::<Ready>()),
        ("READY_SUPPLEMENTAL", generator.subschema_for::<ReadySupplemental>()),
        ("GUILD_MEMBERS_CHUNK", generator.subschema_for::<MembersChunk>()),
    ]
}
