//! What the instance is, and where its gateway is.

use schemars::JsonSchema;
use serde::Serialize;

use super::call::Call;
use super::reply::{Answer, Reply};
use super::route::{Route, Who, get};
use crate::actions::gateway;

/// The instance's routes.
pub fn routes() -> Vec<Route> {
    vec![
        get("/gateway", any_gateway).who(Who::Nobody).gives::<Gateway>(200).summary("Where the gateway is"),
        get("/gateway/bot", bot_gateway)
            .gives::<BotGateway>(200)
            .summary("Where the gateway is, and how often a bot may identify"),
        get("/voice/regions", regions).gives::<Vec<Region>>(200).summary("List voice regions"),
        get("/guilds/{guild_id}/regions", regions)
            .gives::<Vec<Region>>(200)
            .summary("List a guild's voice regions"),
        get("/hearth/instance", instance)
            .who(Who::Nobody)
            .gives::<Instance>(200)
            .summary("What this instance is and allows"),
        get("/hearth/openapi.json", openapi)
            .who(Who::Nobody)
            .gives::<serde_json::Value>(200)
            .summary("This document"),
    ]
}

/// Where the gateway is.
#[derive(Serialize, JsonSchema)]
struct Gateway {
    /// `wss://HOST`, without path, query or slash: libraries append their own (API.md §1.1).
    url: String,
}

async fn any_gateway(call: Call) -> Answer {
    Reply::json(&Gateway { url: call.origin().gateway_url() })
}

/// Where the gateway is, and how often a bot may identify.
#[derive(Serialize, JsonSchema)]
struct BotGateway {
    /// `wss://HOST`, without path, query or slash.
    url: String,
    /// Always 1: any number is served.
    shards: u32,
    session_start_limit: SessionStartLimit,
}

/// How often a bot may identify.
#[derive(Serialize, JsonSchema)]
struct SessionStartLimit {
    total: u32,
    remaining: u32,
    /// Milliseconds until all are back.
    reset_after: u64,
    /// How many in 5 seconds.
    max_concurrency: u32,
}

async fn bot_gateway(call: Call) -> Answer {
    let starts = gateway::starts_left(&call.app, call.actor()?.user);
    Reply::json(&BotGateway {
        url: call.origin().gateway_url(),
        shards: 1,
        session_start_limit: SessionStartLimit {
            total: starts.total,
            remaining: starts.remaining,
            reset_after: starts.reset_after.as_millis() as u64,
            max_concurrency: gateway::MAX_CONCURRENCY,
        },
    })
}

/// A place where voice servers stand; there is one.
#[derive(Serialize, JsonSchema)]
struct Region {
    id: &'static str,
    name: &'static str,
    optimal: bool,
    deprecated: bool,
    custom: bool,
}

async fn regions(_: Call) -> Answer {
    Reply::json(&[Region { id: "hearth", name: "Hearth", optimal: true, deprecated: false, custom: false }])
}

/// What an instance is and allows.
#[derive(Serialize, JsonSchema)]
struct Instance {
    name: String,
    description: String,
    version: &'static str,
    /// Who may make an account.
    #[schemars(extend("enum" = ["open", "invite", "closed"]))]
    registration: &'static str,
    email_required: bool,
    /// Whether it can send mail.
    mailer: bool,
    limits: InstanceLimits,
    cdn_base: String,
    push_public_key: Option<String>,
    voice: InstanceVoice,
}

/// Limits that a client has to know before it sends.
#[derive(Serialize, JsonSchema)]
struct InstanceLimits {
    /// Code points of a message.
    max_content_chars: u32,
    /// Bytes of one file.
    max_file_size: u64,
    /// Guilds of one account.
    guilds_per_user: u32,
    /// Members of one guild.
    members_per_guild: u32,
}

/// Whether there are calls.
#[derive(Serialize, JsonSchema)]
struct InstanceVoice {
    enabled: bool,
    ice_servers: Vec<String>,
}

async fn instance(call: Call) -> Answer {
    let config = &call.app.config;
    Reply::json(&Instance {
        name: config.name.clone(),
        description: config.description.clone(),
        version: env!("CARGO_PKG_VERSION"),
        registration: config.registration.as_str(),
        email_required: config.email_required,
        mailer: false,
        limits: InstanceLimits {
            max_content_chars: config.limits.max_content_chars,
            max_file_size: config.max_file_size.get(),
            guilds_per_user: config.limits.guilds_per_user,
            members_per_guild: config.limits.members_per_guild,
        },
        cdn_base: call.cdn_base().to_owned(),
        push_public_key: None,
        voice: InstanceVoice { enabled: crate::actions::voice::is_on(&call.app), ice_servers: Vec::new() },
    })
}

async fn openapi(call: Call) -> Answer {
    Ok(Reply::json_bytes(call.openapi()?))
}
