//! Typing: told at once and forgotten; it never reaches the store.

use super::audience;
use crate::actions::actor::Actor;
use crate::actions::error::{ActionError, Fault};
use crate::actions::{dms, show};
use crate::app::App;
use crate::model::{Audience, ChannelId, ChannelKind, TypingStart};
use crate::store::access::right;

/// Tells a channel for the next ten seconds that the caller types.
///
/// # Errors
/// 50001, 50013, 50008, 50007.
pub fn typing(app: &App, actor: Actor, channel: ChannelId) -> Result<(), ActionError> {
    let (audience, start) = telling(app, actor, channel)?;
    app.hub.typing(audience, start);
    Ok(())
}

/// Whom to tell what.
pub(super) fn telling(
    app: &App,
    actor: Actor,
    channel: ChannelId,
) -> Result<(Audience, TypingStart), ActionError> {
    app.store.read(|view| {
        let by = view.allow::<right::SendMessages>(actor.user, channel)?;
        if !by.channel.kind.can_hold_messages() {
            return Err(Fault::NonTextChannel.into());
        }
        if by.channel.kind == ChannelKind::Dm {
            for other in by.channel.recipients.iter().filter(|other| **other != actor.user) {
                dms::require_open_ear(view, actor, channel, *other)?;
            }
        }
        let guild_id = by.channel.guild;
        let member = match guild_id {
            Some(guild) => show::member_by_id(view, guild, actor.user)?,
            None => None,
        };
        let start = TypingStart {
            channel_id: channel,
            guild_id,
            user_id: actor.user,
            timestamp: view.now_ms() / 1_000,
            member,
        };
        Ok((audience(channel, &by.channel), start))
    })
}
