//! Who is in voice: joining and leaving by the gateway, and what routes tell and change of it. The hub decides who may join, in its
//! turn among commits; here is what needs the store.

use std::sync::Arc;

use super::actor::Actor;
use super::error::{ActionError, Fault};
use crate::app::App;
use crate::hub::{Connection, SelfState};
use crate::logic::form::kinds::{boolean, snowflake, timestamp};
use crate::logic::form::{Checked, Fields, Form, Patch};
use crate::logic::session::client_frame::VoiceStateUpdate;
use crate::logic::voice_session::VoiceClose;
use crate::model::{ChannelId, ChannelKind, GuildId, Permissions, Timestamp, UserId, VoiceState};
use crate::store::access::{require, right};
use crate::store::{Denied, StoreError};
pub use crate::voice::{Attached, Mail, Said, Voice};

/// Op 4: joins voice, moves, changes what one says of oneself, or leaves. What may not be is passed over, as clients expect.
pub async fn update(app: &App, connection: &Connection, update: VoiceStateUpdate) {
    let own =
        SelfState { mute: update.self_mute, deaf: update.self_deaf, video: update.self_video, stream: false };
    let done = match (update.guild_id, update.channel_id) {
        (Some(guild), Some(channel)) => app.hub.join_voice(connection, guild, channel, own).await,
        (guild, None) => app.hub.leave_voice(connection, guild).await,
        (None, Some(_)) => Ok(()),
    };
    // A hub that has stopped closes the session by itself.
    let _ = done;
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
