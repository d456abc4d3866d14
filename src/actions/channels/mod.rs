//! Channels of a guild: shown and deleted here, made by `create`, changed by `edit`, ordered by `order`; `overwrites` holds who may do
//! what in them. Conversations are `super::dms`'.

mod create;
mod edit;
mod form;
mod order;
mod overwrites;

pub use create::{Create, create, insert};
pub use edit::{Edit, edit};
pub(super) use form::{Details, KINDS, channel_name};
pub use order::{Move, Moves, reorder};
pub(super) use overwrites::MAX_IN_REQUEST as MAX_OVERWRITES_IN_REQUEST;
pub use overwrites::{PutOverwrite, WrittenOverwrite, delete_overwrite, put_overwrite};

use std::sync::Arc;

use super::actor::{Actor, Reason};
use super::audit::{self, Act, Changes, Entry};
use super::error::{ActionError, Fault};
use super::{invites, show};
use crate::app::App;
use crate::logic::field::FieldFault;
use crate::model::{Audience, Channel, ChannelId, ChannelKind, Dispatch, GuildId};
use crate::store::access::{GuildAccess, Proof, right};
use crate::store::{
    ChannelRow, ChannelStates, Channels, DoomedChannels, GuildChannels, GuildRow, Guilds, StoreError, Tx,
    View,
};

/// Most channels of a category (API.md §5).
const MAX_CHILDREN: usize = 50;
/// The feature of guilds that must have a channel for rules and one for notices.
const COMMUNITY: &str = "COMMUNITY";

/// A channel or conversation.
///
/// # Errors
/// 50001 for hidden channels, 10003 for conversations of others and what does not exist.
pub fn get(app: &App, actor: Actor, id: ChannelId) -> Result<Channel, ActionError> {
    app.store.read(|view| {
        let access = view.channel_access(actor.user, id)?;
        Ok(show::channel(view, id, &access.channel, Some(actor.user))?)
    })
}

/// What a channel is, where the actor may know it.
///
/// # Errors
/// As [`get`].
pub fn kind_of(app: &App, actor: Actor, id: ChannelId) -> Result<ChannelKind, ActionError> {
    app.store.read(|view| Ok(view.channel_access(actor.user, id)?.channel.kind))
}

/// Channels of a guild that the actor may view.
///
/// # Errors
/// 50001 for strangers.
pub fn list(app: &App, actor: Actor, guild: GuildId) -> Result<Vec<Arc<Channel>>, ActionError> {
    app.store.read(|view| {
        let access = view.allow_guild::<right::Membership>(actor.user, guild)?;
        Ok(show::visible_channels(view, &access, &show::rooms(view, access.id)?)?)
    })
}

/// Deletes a channel. It is gone at once; its messages are swept later. Children of a category stay, and settings of the guild that
/// named the channel name none.
///
/// # Errors
/// 50013 without MANAGE_CHANNELS, 50074 for channels that a community needs.
pub async fn delete(
    app: &App,
    actor: Actor,
    id: ChannelId,
    reason: Option<Reason>,
) -> Result<Channel, ActionError> {
    app.store
        .reclaim(move |tx| {
            let by = tx.allow::<right::ManageChannels>(actor.user, id)?;
            let access = by.guild.clone().ok_or(Fault::ChannelType)?;
            let needed = [access.guild.rules_channel, access.guild.public_updates_channel];
            if access.guild.features.iter().any(|feature| feature == COMMUNITY) && needed.contains(&Some(id))
            {
                return Err(Fault::RequiredChannel.into());
            }
            let shown = show::channel(tx, id, &by.channel, None)?;
            invites::forget_channel(tx, &by, access.id, id)?;
            tx.delete::<Channels>(&by, &id)?;
            tx.delete::<GuildChannels>(&by, &(access.id, id))?;
            tx.delete::<ChannelStates>(&by, &id)?;
            tx.put::<DoomedChannels>(&by, &id, &())?;
            tx.emit(Audience::Channel(access.id, id), Dispatch::ChannelDelete(Arc::new(shown.clone())));
            free_children(tx, &by, access.id, id)?;
            forget_in_settings(tx, &by, &access, id)?;
            record(tx, &by, &access, Act::ChannelDelete, id, (Some(&by.channel), None), reason.as_ref())?;
            Ok(shown)
        })
        .await
}

fn free_children(
    tx: &mut Tx<'_>,
    by: &impl Proof,
    guild: GuildId,
    category: ChannelId,
) -> Result<(), StoreError> {
    for (id, row) in show::guild_channels(tx, guild)? {
        if row.parent == Some(category) {
            put(tx, by, guild, id, &ChannelRow { parent: None, ..(*row).clone() })?;
        }
    }
    Ok(())
}

/// Clears the settings of the guild that name a channel (API.md §7.49).
fn forget_in_settings(
    tx: &mut Tx<'_>,
    by: &impl Proof,
    access: &GuildAccess,
    channel: ChannelId,
) -> Result<(), StoreError> {
    let mut row: GuildRow = (*access.guild).clone();
    for slot in [
        &mut row.afk_channel,
        &mut row.system_channel,
        &mut row.rules_channel,
        &mut row.public_updates_channel,
        &mut row.safety_alerts_channel,
        &mut row.widget_channel,
    ] {
        slot.take_if(|named| *named == channel);
    }
    if row != *access.guild {
        tx.put::<Guilds>(by, &access.id, &row)?;
        let shown = show::guild(tx, access.id, &row)?;
        tx.emit(Audience::Guild(access.id), Dispatch::GuildUpdate(Arc::new(shown)));
    }
    Ok(())
}

/// Writes a changed channel and tells those who may view it.
fn put(
    tx: &mut Tx<'_>,
    by: &impl Proof,
    guild: GuildId,
    id: ChannelId,
    row: &ChannelRow,
) -> Result<Arc<Channel>, StoreError> {
    tx.put::<Channels>(by, &id, row)?;
    let shown = Arc::new(show::channel(tx, id, row, None)?);
    tx.emit(Audience::Channel(guild, id), Dispatch::ChannelUpdate(shown.clone()));
    Ok(shown)
}

/// Checks that a channel may stand in this category: one of the guild, with room, and it is no category itself.
fn allow_parent(
    view: &View<'_>,
    guild: GuildId,
    kind: ChannelKind,
    parent: ChannelId,
) -> Result<Arc<ChannelRow>, ActionError> {
    let fault = |code, message: &'static str| ActionError::field("parent_id", FieldFault::new(code, message));
    let is_category = |row: &Arc<ChannelRow>| row.guild == Some(guild) && row.kind == ChannelKind::Category;
    let row = view.shared::<Channels>(&parent)?.filter(is_category);
    let row = row.ok_or_else(|| fault("CHANNEL_PARENT_INVALID", "Category does not exist"))?;
    if kind == ChannelKind::Category {
        return Err(fault("CHANNEL_PARENT_INVALID_TYPE", "A category can't be in a category"));
    }
    let children =
        show::guild_channels(view, guild)?.iter().filter(|(_, row)| row.parent == Some(parent)).count();
    if children >= MAX_CHILDREN {
        let message = "Maximum number of channels in category reached (50)";
        return Err(fault("CHANNEL_PARENT_MAX_CHANNELS", message));
    }
    Ok(row)
}

/// Notes what was made, changed or deleted of a channel; overwrites of a change have entries of their own.
fn record(
    tx: &mut Tx<'_>,
    by: &impl Proof,
    actor: &GuildAccess,
    act: Act,
    channel: ChannelId,
    (old, new): (Option<&ChannelRow>, Option<&ChannelRow>),
    reason: Option<&Reason>,
) -> Result<(), StoreError> {
    let fields = |row: &ChannelRow| {
        let mut fields = serde_json::json!({
            "name": row.name,
            "type": row.kind,
            "topic": row.topic,
            "position": row.position,
            "parent_id": row.parent,
            "nsfw": row.nsfw,
            "rate_limit_per_user": row.slowmode_s,
            "bitrate": row.bitrate_bps,
            "user_limit": row.user_limit,
            "rtc_region": row.rtc_region,
            "video_quality_mode": row.video_quality_mode,
            "default_auto_archive_duration": row.default_auto_archive_duration,
            "flags": row.flags,
        });
        if act != Act::ChannelUpdate {
            fields["permission_overwrites"] = serde_json::json!(row.overwrites);
        }
        fields
    };
    let (old, new) = (old.map(fields), new.map(fields));
    let mut changes = Changes::none();
    changes.objects(old.as_ref(), new.as_ref());
    if changes.is_empty() {
        return Ok(());
    }
    let entry = Entry {
        guild: actor.id,
        actor: actor.actor,
        act,
        target: Some(channel.to_string()),
        changes,
        options: None,
        reason: reason.map(Reason::as_str),
    };
    audit::record(tx, by, entry)
}

#[cfg(test)]
mod tests;
