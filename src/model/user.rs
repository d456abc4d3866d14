//! Accounts as others see them, as their owner sees them, and what a guild adds to them.

use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde_json::Value;

use super::{GuildId, Permissions, RoleId, Timestamp, UserId};

/// A person or bot as everybody may see it.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct User {
    /// The account.
    pub id: UserId,
    /// The unique name.
    pub username: String,
    /// `"0"` for accounts, `"0000"` for webhooks.
    pub discriminator: &'static str,
    /// The name shown in place of `username`.
    pub global_name: Option<String>,
    /// Hash of the avatar.
    pub avatar: Option<String>,
    /// Hash of the banner.
    pub banner: Option<String>,
    /// Colour of the profile, 0–16777215.
    pub accent_color: Option<u32>,
    /// Present and true for bots and webhooks.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub bot: bool,
    /// Badges; none exist.
    pub public_flags: u64,
    /// Never set: no decorations exist.
    pub avatar_decoration_data: Option<()>,
}

/// An account as its owner sees it (`/users/@me`, READY).
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct OwnUser {
    /// What everybody sees.
    #[serde(flatten)]
    pub user: User,
    /// Whether the address is confirmed; true where no mailer is configured.
    pub verified: bool,
    /// Whether a second factor is on.
    pub mfa_enabled: bool,
    /// Account flags; none exist.
    pub flags: u64,
    /// The mail address; left out of calls without the right to it.
    pub email: Option<String>,
    /// The interface language.
    pub locale: String,
    /// Always 0.
    pub premium_type: u8,
    /// The text about oneself.
    pub bio: String,
    /// Pronouns.
    pub pronouns: String,
    /// Always true: no age is asked.
    pub nsfw_allowed: bool,
}

/// An account in a guild.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(transform = requires_user)]
pub struct Member {
    /// The account; left out where the object stands beside its user ([`BesideUser`]).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(required)]
    pub user: Option<Arc<User>>,
    /// The name in this guild.
    pub nick: Option<String>,
    /// Hash of the avatar in this guild.
    pub avatar: Option<String>,
    /// Hash of the banner in this guild.
    pub banner: Option<String>,
    /// Roles, without @everyone.
    pub roles: Vec<RoleId>,
    /// When the account joined.
    pub joined_at: Timestamp,
    /// Never set: no boosts exist.
    pub premium_since: Option<Timestamp>,
    /// Deafened by a moderator.
    pub deaf: bool,
    /// Muted by a moderator.
    pub mute: bool,
    /// Member flags (1<<0 rejoined, 1<<2 bypasses verification).
    pub flags: u64,
    /// Whether the rules are still to be accepted.
    pub pending: bool,
    /// End of the time-out.
    pub communication_disabled_until: Option<Timestamp>,
}

fn requires_user(schema: &mut Schema) {
    if let Some(Value::Array(required)) = schema.get_mut("required") {
        required.push("user".into());
    }
}

/// The schema of a [`Member`] that stands beside its user and has none of its own, as in messages.
pub struct BesideUser;

impl JsonSchema for BesideUser {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "MemberBesideUser".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = Member::json_schema(generator);
        if let Some(Value::Object(properties)) = schema.get_mut("properties") {
            properties.remove("user");
        }
        if let Some(Value::Array(required)) = schema.get_mut("required") {
            required.retain(|name| name != "user");
        }
        schema
    }
}

/// GUILD_MEMBER_ADD and GUILD_MEMBER_UPDATE.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct MemberEvent {
    /// The guild.
    pub guild_id: GuildId,
    /// The member, with `user`.
    #[serde(flatten)]
    pub member: Member,
}

/// GUILD_MEMBER_REMOVE, GUILD_BAN_ADD and GUILD_BAN_REMOVE.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct GuildUser {
    /// The guild.
    pub guild_id: GuildId,
    /// Who left, was banned or unbanned.
    pub user: Arc<User>,
}

/// A user mentioned by a message, with the member's part in guilds.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct MentionedUser {
    /// The account.
    #[serde(flatten)]
    pub user: Arc<User>,
    /// The membership, without `user`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<BesideUser>")]
    pub member: Option<Member>,
}

/// An item of `/users/@me/guilds`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PartialGuild {
    /// The guild.
    pub id: GuildId,
    /// Its name.
    pub name: String,
    /// Hash of its icon.
    pub icon: Option<String>,
    /// Hash of its banner.
    pub banner: Option<String>,
    /// Whether the caller owns it.
    pub owner: bool,
    /// The caller's rights in it, overwrites apart.
    pub permissions: Permissions,
    /// What is switched on.
    pub features: Vec<String>,
    /// Members, when asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approximate_member_count: Option<u64>,
    /// Members online, when asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approximate_presence_count: Option<u64>,
}
