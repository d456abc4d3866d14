//! Applications as their owner, their bot and those who link them see them, and integrations: bots as a guild lists them.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ApplicationId, GuildId, Permissions, User, UserId};

/// What an application asks for when it is added without further words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InstallParams {
    /// OAuth2 scopes.
    pub scopes: Vec<String>,
    /// Rights for the bot's role.
    pub permissions: Permissions,
}

/// How an application is added in one context.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct IntegrationTypeConfig {
    /// Left out where it asks for nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oauth2_install_params: Option<InstallParams>,
}

/// What everybody may see of an application.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PublicApplication {
    /// The application; its bot has the same number.
    pub id: ApplicationId,
    /// Its name.
    pub name: String,
    /// Hash of its icon.
    pub icon: Option<String>,
    /// What it is for.
    pub description: String,
    /// Always empty: the field is obsolete, but libraries read it.
    pub summary: &'static str,
    /// Always null.
    #[serde(rename = "type")]
    pub kind: Option<u8>,
    /// Hash of the picture that stands large on its page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cover_image: Option<String>,
    /// Whether others than the owner may add the bot.
    pub bot_public: bool,
    /// Whether adding it needs the code grant; never so.
    pub bot_require_code_grant: bool,
    /// Hex of the Ed25519 key that interactions are signed for.
    pub verify_key: String,
    /// Application flags: the privileged intents that are switched on (API.md §3.3).
    pub flags: u64,
    /// Always true.
    pub hook: bool,
    /// Words it can be found by.
    pub tags: Vec<String>,
    /// What it asks for when it is added without further words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub install_params: Option<InstallParams>,
    /// The same by context; 0 is a guild.
    pub integration_types_config: BTreeMap<String, IntegrationTypeConfig>,
    /// Where its own page adds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_install_url: Option<String>,
}

/// An application as its owner and its bot see it (API.md §1.4).
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Application {
    /// What everybody sees.
    #[serde(flatten)]
    pub public: PublicApplication,
    /// Whose it is.
    pub owner: Arc<User>,
    /// Always null: there are no teams.
    pub team: Option<()>,
    /// Guilds its bot is in.
    pub approximate_guild_count: u64,
    /// Always 0: applications are added to guilds only.
    pub approximate_user_install_count: u64,
    /// Always 0.
    pub approximate_user_authorization_count: u64,
    /// Where people may be sent after adding it.
    pub redirect_uris: Vec<String>,
    /// Always null: interactions come by the gateway.
    pub interactions_endpoint_url: Option<String>,
    /// Always null.
    pub role_connections_verification_url: Option<String>,
    /// Always 1: none are sent.
    pub event_webhooks_status: u8,
    /// Always empty.
    pub rpc_origins: Vec<String>,
    /// Its bot.
    pub bot: Arc<User>,
}

/// The account by which an integration acts.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct IntegrationAccount {
    /// The bot's id.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// The application behind an integration.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct IntegrationApplication {
    /// The application.
    pub id: ApplicationId,
    /// Its name.
    pub name: String,
    /// Hash of its icon.
    pub icon: Option<String>,
    /// What it is for.
    pub description: String,
    /// Always empty: the field is obsolete, but libraries read it.
    pub summary: &'static str,
    /// Its bot.
    pub bot: Arc<User>,
}

/// A bot as a guild's list of integrations shows it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Integration {
    /// The integration has its application's number.
    pub id: ApplicationId,
    /// The application's name.
    pub name: String,
    /// Always `discord`, the API's word for a bot.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Always true.
    pub enabled: bool,
    /// The account it acts by.
    pub account: IntegrationAccount,
    /// The application.
    pub application: IntegrationApplication,
    /// What it was added with.
    pub scopes: Vec<&'static str>,
}

/// INTEGRATION_CREATE.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct IntegrationEvent {
    /// The guild.
    pub guild_id: GuildId,
    /// The integration.
    #[serde(flatten)]
    pub integration: Integration,
}

/// A guild that somebody may add a bot to.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct LinkableGuild {
    /// The guild.
    pub id: GuildId,
    /// Its name.
    pub name: String,
    /// Hash of its icon.
    pub icon: Option<String>,
    /// 1: moderators need a second factor.
    pub mfa_level: u8,
    /// The caller's rights in it.
    pub permissions: Permissions,
}

/// What somebody is asked before a bot is added to a guild.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Consent {
    /// The application.
    pub application: PublicApplication,
    /// The caller.
    pub user: Arc<User>,
    /// Always false: consent is asked each time.
    pub authorized: bool,
    /// Always 0: to a guild.
    pub integration_type: u8,
    /// Where the caller is sent afterwards.
    pub redirect_uri: Option<String>,
    /// The bot.
    pub bot: Arc<User>,
    /// Guilds that the caller may add it to.
    pub guilds: Vec<LinkableGuild>,
}

/// Where the caller goes after answering; both keys hold the same, since clients differ in which they read.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Location {
    /// An absolute address.
    pub location: String,
    /// The same.
    pub url: String,
}

/// A new secret of an application, shown once.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct IssuedSecret {
    /// The secret.
    pub secret: String,
}

/// The new token of a bot, shown this once.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct IssuedToken {
    /// The token.
    pub token: String,
}

/// A bot, and its token if it had none before.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct BotUser {
    /// The bot.
    #[serde(flatten)]
    pub user: User,
    /// Its first token, shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

/// A bot as the number of its application.
pub fn bot_of(application: ApplicationId) -> UserId {
    application.cast()
}
