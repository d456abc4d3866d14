//! Who is in voice: joining and leaving by the gateway, and what routes tell and change of it. The hub decides who may join, in its
//! turn among commits; here is what needs the store.

use std::sync::Arc;

use serde::Serialize;

use super::actor::{Actor, ActorKind, Reason};
use super::audit::{self, Act, Changes, Entry};
use super::error::{ActionError, Fault};
use super::{dms, messages};
use crate::app::App;
use crate::hub::{Auth, Connection, Conversation, SelfState};
use crate::logic::form::kinds::{boolean, list, snowflake, text, timestamp};
use crate::logic::form::{Checked, Fields, Form, Patch};
use crate::logic::session::client_frame::VoiceStateUpdate;
use crate::logic::voice_session::VoiceClose;
use crate::model::{ChannelId, ChannelKind, GuildId, Permissions, Timestamp, UserId, VoiceState};
use crate::store::access::{require, right};
use crate::store::{Denied, StoreError};
pub use crate::voice::{Attached, Mail, Said, Voice};

/// People that one call of the API may ring: no group holds more.
const MAX_RUNG: usize = 100;

/// Op 4: joins voice, moves, changes what one says of oneself, or leaves. What may not be is passed over, as clients expect.
pub async fn update(app: &App, connection: &Connection, update: VoiceStateUpdate) {
    let own =
        SelfState { mute: update.self_mute, deaf: update.self_deaf, video: update.self_video, stream: false };
    let done = match (update.guild_id, update.channel_id) {
        (Some(guild), Some(channel)) => app.hub.join_voice(connection, guild, channel, own).await,
        (guild, None) => app.hub.leave_voice(connection, guild).await,
        (None, Some(channel)) => {
            match join_call(app, connection, channel, own).await {
                // What may not be is passed over here too.
                Ok(()) | Err(ActionError::Fault(_)) => {}
                Err(error) => tracing::error!(%error, "a call could not begin"),
            }
            return;
        }
    };
    // A hub that has stopped closes the session by itself.
    let _ = done;
}

/// Begins the call of a conversation, or joins it. A message tells of a call that begins; who may not write may not call.
async fn join_call(
    app: &App,
    connection: &Connection,
    channel: ChannelId,
    own: SelfState,
) -> Result<(), ActionError> {
    let owner = connection.session().owner();
    let Auth::Person(session) = owner.auth else { return Err(Fault::BotsNotAllowed.into()) };
    let actor = Actor { user: owner.user, kind: ActorKind::Human { session } };
    let running = app.hub.call_in(channel);
    let conversation = app
        .store
        .write(move |tx| {
            let by = tx.allow::<right::View>(actor.user, channel)?;
            require_conversation(by.channel.kind)?;
            if by.channel.kind == ChannelKind::Dm {
                for other in by.channel.recipients.iter().filter(|other| **other != actor.user) {
                    dms::require_open_ear(tx, actor, channel, *other)?;
                }
            }
            let message = match running {
                Some(message) => message,
                None => messages::announce_call(tx, &by, channel, &by.channel, actor.user)?,
            };
            let recipients = by.channel.recipients.as_slice().into();
            Ok::<_, ActionError>(Conversation { channel, recipients, message })
        })
        .await?;
    app.hub.join_call(connection, conversation, own).await.map_err(ActionError::internal)
}

fn require_conversation(kind: ChannelKind) -> Result<(), Fault> {
    if kind.is_dm() { Ok(()) } else { Err(Fault::ChannelType) }
}

/// Whether a conversation can be called.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct Ringable {
    /// Always true for who may see it.
    pub ringable: bool,
}

/// Whether the caller can call a conversation.
///
/// # Errors
/// 10003 for conversations of others, 50024 for channels of guilds.
pub fn ringable(app: &App, actor: Actor, channel: ChannelId) -> Result<Ringable, ActionError> {
    allow_call(app, actor, channel)?;
    Ok(Ringable { ringable: true })
}

fn allow_call(app: &App, actor: Actor, channel: ChannelId) -> Result<(), ActionError> {
    app.store.read(|view| {
        let by = view.allow::<right::View>(actor.user, channel)?;
        Ok(require_conversation(by.channel.kind)?)
    })
}

/// Body of `POST /channels/{channel}/call/ring` and of `…/stop-ringing`.
#[derive(Clone)]
pub struct Ring {
    recipients: Option<Vec<UserId>>,
}

impl Form for Ring {
    fn read(f: &mut Fields<'_>) -> Self {
        Self { recipients: f.opt("recipients", list(snowflake(), MAX_RUNG)) }
    }
}

/// Rings the others of a conversation for the call in it, or stops to: for others what one began, for oneself what others did.
///
/// # Errors
/// 10003 for conversations of others or without a call, 50024 for channels of guilds.
pub async fn ring(
    app: &App,
    actor: Actor,
    channel: ChannelId,
    form: Checked<Ring>,
    is_on: bool,
) -> Result<(), ActionError> {
    allow_call(app, actor, channel)?;
    let Ring { recipients } = form.take()?;
    // Who declines stops their own clients from ringing.
    let users = if is_on { recipients } else { Some(recipients.unwrap_or_else(|| vec![actor.user])) };
    let is_there = app.hub.ring(channel, users, is_on).await.map_err(ActionError::internal)?;
    if is_there { Ok(()) } else { Err(Fault::UnknownChannel.into()) }
}

/// Op 13: tells a session of the call in a conversation.
pub async fn show_call(app: &App, connection: &Connection, channel: ChannelId) {
    // A hub that has stopped closes the session by itself.
    let _ = app.hub.show_call(connection, channel).await;
}

/// Op 43: tells a session of the voice channels that it sees in a guild.
pub async fn show_rooms(app: &App, connection: &Connection, guild: GuildId) {
    // A hub that has stopped closes the session by itself.
    let _ = app.hub.show_rooms(connection, guild).await;
}

/// Characters of what a voice channel says it is about.
const MAX_STATUS_CHARS: usize = 500;

/// Body of `PUT /channels/{channel}/voice-status`.
#[derive(Clone)]
pub struct SetStatus {
    status: Option<String>,
}

impl Form for SetStatus {
    fn read(f: &mut Fields<'_>) -> Self {
        Self { status: f.opt("status", text(0..=MAX_STATUS_CHARS)).filter(|text| !text.is_empty()) }
    }
}

/// Sets what a voice channel says it is about, until the last who is in it leaves.
///
/// # Errors
/// 50024 outside of voice channels, 50013 without SET_VOICE_CHANNEL_STATUS, and from outside of the channel without MANAGE_CHANNELS.
pub async fn set_status(
    app: &App,
    actor: Actor,
    channel: ChannelId,
    form: Checked<SetStatus>,
    reason: Option<Reason>,
) -> Result<(), ActionError> {
    let SetStatus { status } = form.take()?;
    let told = status.clone();
    let place = app.store.read(|view| {
        let by = view.allow::<right::SetVoiceStatus>(actor.user, channel)?;
        Ok::<_, StoreError>(by.channel.guild.and_then(|guild| channel_of(app, guild, actor.user)))
    })?;
    let guild = app
        .store
        .write(move |tx| {
            let by = tx.allow::<right::SetVoiceStatus>(actor.user, channel)?;
            let (ChannelKind::Voice, Some(guild)) = (by.channel.kind, by.channel.guild) else {
                return Err(Fault::ChannelType.into());
            };
            if place != Some(channel) {
                require(by.held, Permissions::MANAGE_CHANNELS)?;
            }
            let act = if told.is_some() { Act::VoiceStatusUpdate } else { Act::VoiceStatusDelete };
            let mut changes = Changes::none();
            changes.field("status", None::<String>, told.clone());
            let entry = Entry {
                guild,
                actor: actor.user,
                act,
                target: Some(channel.to_string()),
                changes,
                options: told.as_ref().map(|status| serde_json::json!({ "status": status })),
                reason: reason.as_ref().map(Reason::as_str),
            };
            audit::record(tx, &by, entry)?;
            Ok::<_, ActionError>(guild)
        })
        .await?;
    app.hub.set_voice_status(guild, channel, status).await.map_err(ActionError::internal)
}

/// Sets where a call is: there is one region, so nothing changes.
///
/// # Errors
/// As [`ringable`].
pub fn set_region(app: &App, actor: Actor, channel: ChannelId) -> Result<(), ActionError> {
    allow_call(app, actor, channel)
}

/// Where somebody is in voice.
///
/// # Errors
/// 50001 for strangers, 10065 for who is not in voice, or where the viewer can't see.
pub fn state(app: &App, actor: Actor, guild: GuildId, user: UserId) -> Result<VoiceState, ActionError> {
    app.store.read(|view| {
        view.allow_guild::<right::Membership>(actor.user, guild)?;
        let state = app.hub.voice_state(guild, user).ok_or(Fault::UnknownVoiceState)?;
        let channel = state.channel_id.ok_or(Fault::UnknownVoiceState)?;
        match view.allow::<right::View>(actor.user, channel) {
            Ok(_) => Ok(state),
            Err(StoreError::Denied(_)) => Err(Fault::UnknownVoiceState.into()),
            Err(error) => Err(error.into()),
        }
    })
}

/// Body of `PATCH /guilds/{guild}/voice-states/…`.
#[derive(Clone)]
pub struct EditState {
    channel: Option<ChannelId>,
    suppress: Option<bool>,
    request_to_speak: Patch<Timestamp>,
}

impl Form for EditState {
    fn read(f: &mut Fields<'_>) -> Self {
        Self {
            channel: f.opt("channel_id", snowflake()),
            suppress: f.opt("suppress", boolean()),
            request_to_speak: f.patch("request_to_speak_timestamp", timestamp()),
        }
    }
}

/// Makes somebody on a stage a speaker or audience, or asks to speak there.
///
/// # Errors
/// 50001 for strangers, 10065 for who is not in voice, 50024 outside of stages, 50013 without MUTE_MEMBERS (for others, and to speak)
/// or REQUEST_TO_SPEAK.
pub async fn edit_state(
    app: &App,
    actor: Actor,
    guild: GuildId,
    user: UserId,
    form: Checked<EditState>,
) -> Result<(), ActionError> {
    let edit = app.store.read(|view| {
        view.allow_guild::<right::Membership>(actor.user, guild)?;
        let state = app.hub.voice_state(guild, user).ok_or(Fault::UnknownVoiceState)?;
        let channel = state.channel_id.ok_or(Fault::UnknownVoiceState)?;
        let access = match view.channel_access(actor.user, channel) {
            Err(StoreError::Denied(_)) => return Err(Fault::UnknownVoiceState.into()),
            access => access?,
        };
        let form = form.take()?;
        if access.channel.kind != ChannelKind::Stage || form.channel.is_some_and(|of| of != channel) {
            return Err(Fault::ChannelType.into());
        }
        let is_self = user == actor.user;
        let wants_to_speak = matches!(form.request_to_speak, Patch::Set(_));
        if !is_self || form.suppress == Some(false) {
            require(access.held, Permissions::MUTE_MEMBERS)?;
        }
        if wants_to_speak && is_self {
            require(access.held, Permissions::REQUEST_TO_SPEAK)?;
        } else if wants_to_speak {
            return Err(Denied::Missing(Permissions::REQUEST_TO_SPEAK).into());
        }
        Ok::<_, ActionError>(form)
    })?;
    let request = match edit.request_to_speak {
        Patch::Keep => None,
        Patch::Clear => Some(None),
        Patch::Set(at) => Some(Some(at)),
    };
    app.hub.set_stage(guild, user, edit.suppress, request).await.map_err(ActionError::internal)
}

/// Where somebody is in voice in a guild, as far as the server knows.
pub(super) fn channel_of(app: &App, guild: GuildId, user: UserId) -> Option<ChannelId> {
    app.hub.voice_state(guild, user)?.channel_id
}

/// Whether there is voice here.
pub fn is_on(app: &App) -> bool {
    app.hub.desk().setup().is_some()
}

/// The voice session that a client identifies for, when it shows the session's token, whose it is, and where.
///
/// # Errors
/// What to close its connection with.
pub fn admit(
    app: &App,
    session: &str,
    token: &str,
    user: UserId,
    server: u64,
) -> Result<Arc<str>, VoiceClose> {
    let grant = app.hub.desk().grant(session).ok_or(VoiceClose::SessionInvalid)?;
    if !grant.token.is(token) || grant.user != user {
        return Err(VoiceClose::BadToken);
    }
    if grant.place.number() != server {
        return Err(VoiceClose::SessionInvalid);
    }
    Ok(Arc::clone(&grant.session))
}

/// The voice session that a client goes on with, when it shows the session's token and where it is.
///
/// # Errors
/// What to close its connection with.
pub fn admit_again(app: &App, session: &str, token: &str, server: u64) -> Result<Arc<str>, VoiceClose> {
    let user = app.hub.desk().grant(session).ok_or(VoiceClose::SessionInvalid)?.user;
    admit(app, session, token, user, server)
}
