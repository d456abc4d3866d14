//! Deleting a guild: gone for all readers at once, its rows swept in chunks (SAFETY.md §5.2).

use crate::actions::actor::Actor;
use crate::actions::confirm;
use crate::actions::error::{ActionError, Fault};
use crate::actions::expressions::{emojis, sounds, stickers};
use crate::app::App;
use crate::logic::form::kinds::raw_text;
use crate::logic::form::{Checked, Fields, Form};
use crate::model::{Audience, Dispatch, Event, GuildId, UnavailableGuild};
use crate::store::access::{Internal, right};
use crate::store::{
    AuditLog, Bans, ChannelStates, Channels, DoomedChannels, DoomedGuilds, DoomedRoles, Emojis, ForeignBans,
    GuildBots, GuildChannels, GuildEmojis, GuildExtras, GuildInvites, GuildSounds, GuildStickers, Guilds,
    Invites, Key, MemberCounts, Members, Order, Roles, Sounds, Stickers, StoreError, Table, Tx,
    UserGuildSettings, UserGuilds,
};

/// Keys that one write sweeps; each stands for at most four rows.
const CHUNK: usize = 200;

/// Body of `DELETE /guilds/{guild}` and `POST /guilds/{guild}/delete`.
#[derive(Clone)]
pub struct Confirm {
    password: Option<String>,
}

impl Form for Confirm {
    fn read(f: &mut Fields<'_>) -> Self {
        Self { password: f.opt("password", raw_text(1..=1_024)) }
    }
}

/// Deletes a guild, once its owner said again who they are.
///
/// # Errors
/// 50001 for strangers, 50013 for others than the owner, 50035 for a wrong password, 60003 for none.
pub async fn delete(
    app: &App,
    actor: Actor,
    id: GuildId,
    form: Checked<Confirm>,
    pass: Option<String>,
) -> Result<(), ActionError> {
    actor.session()?;
    let access = app.store.read(|view| view.guild_access(actor.user, id))?;
    if !access.is_owner() {
        return Err(Fault::MissingPermissions.into());
    }
    confirm::require(app, actor, confirm::Shown { password: form.take()?.password, pass }).await?;
    app.store
        .reclaim(move |tx| {
            let by = tx.allow_guild::<right::Membership>(actor.user, id)?;
            if !by.is_owner() {
                return Err(Fault::MissingPermissions.into());
            }
            if let Some(code) = &by.guild.vanity {
                tx.delete::<Invites>(&by, code)?;
            }
            tx.delete::<Guilds>(&by, &id)?;
            tx.put::<DoomedGuilds>(&by, &id, &())?;
            let gone = UnavailableGuild { id, unavailable: None };
            tx.emit(Audience::Guild(id), Dispatch::GuildDelete(gone));
            tx.emit_event(Event::GuildGone(id));
            Ok(())
        })
        .await
}

/// Sweeps one chunk of a deleted guild; answers whether more is to be done. What is left is read from the tables, so a restart goes on.
pub async fn sweep(app: &App) -> Result<bool, ActionError> {
    let first = app.store.read(|view| view.list::<DoomedGuilds>(&(), None, Order::Ascending, 1))?.pop();
    let Some((guild, ())) = first else { return Ok(false) };
    app.store
        .reclaim(move |tx| -> Result<bool, ActionError> {
            // The guild was deleted by its owner; this is what is left of that.
            let by = tx.internal();
            let swept = invites(tx, &by, guild)?
                || channels(tx, &by, guild)?
                || members(tx, &by, guild)?
                || clear::<Roles, _>(tx, &by, guild)?
                || clear::<DoomedRoles, _>(tx, &by, guild)?
                || clear::<Bans, _>(tx, &by, guild)?
                || clear::<ForeignBans, _>(tx, &by, guild)?
                || clear::<GuildBots, _>(tx, &by, guild)?
                || expressions(tx, &by, guild)?
                || clear::<AuditLog, _>(tx, &by, guild)?;
            if !swept {
                tx.delete::<MemberCounts>(&by, &guild)?;
                tx.delete::<GuildExtras>(&by, &guild)?;
                tx.delete::<DoomedGuilds>(&by, &guild)?;
            }
            Ok(true)
        })
        .await
}

/// Deletes a chunk of rows under a guild; answers whether there were any.
fn clear<T, K>(tx: &mut Tx<'_>, by: &Internal<'_>, guild: GuildId) -> Result<bool, StoreError>
where
    T: Table<Key = (GuildId, K)>,
    (GuildId, K): Key,
{
    let rows = tx.list::<T>(&guild, None, Order::Ascending, CHUNK)?;
    for (key, _) in &rows {
        tx.delete::<T>(by, key)?;
    }
    Ok(!rows.is_empty())
}

fn invites(tx: &mut Tx<'_>, by: &Internal<'_>, guild: GuildId) -> Result<bool, StoreError> {
    for ((_, code), ()) in tx.list::<GuildInvites>(&guild, None, Order::Ascending, CHUNK)? {
        tx.delete::<Invites>(by, &code)?;
    }
    clear::<GuildInvites, _>(tx, by, guild)
}

/// Emoji, stickers and sounds, whose files go with the sweep of files.
fn expressions(tx: &mut Tx<'_>, by: &Internal<'_>, guild: GuildId) -> Result<bool, StoreError> {
    let emojis_left = tx.list::<GuildEmojis>(&guild, None, Order::Ascending, CHUNK)?;
    for ((_, id), ()) in &emojis_left {
        if let Some(row) = tx.get::<Emojis>(id)? {
            emojis::erase(tx, by, *id, &row)?;
        }
    }
    let stickers_left = tx.list::<GuildStickers>(&guild, None, Order::Ascending, CHUNK)?;
    for ((_, id), ()) in &stickers_left {
        if let Some(row) = tx.get::<Stickers>(id)? {
            stickers::erase(tx, by, *id, &row)?;
        }
    }
    let sounds_left = tx.list::<GuildSounds>(&guild, None, Order::Ascending, CHUNK)?;
    for ((_, id), ()) in &sounds_left {
        if let Some(row) = tx.get::<Sounds>(id)? {
            sounds::erase(tx, by, *id, &row)?;
        }
    }
    Ok(!emojis_left.is_empty() || !stickers_left.is_empty() || !sounds_left.is_empty())
}

/// Channels are handed to the sweep of their messages.
fn channels(tx: &mut Tx<'_>, by: &Internal<'_>, guild: GuildId) -> Result<bool, StoreError> {
    for ((_, id), ()) in tx.list::<GuildChannels>(&guild, None, Order::Ascending, CHUNK)? {
        tx.put::<DoomedChannels>(by, &id, &())?;
        tx.delete::<Channels>(by, &id)?;
        tx.delete::<ChannelStates>(by, &id)?;
    }
    clear::<GuildChannels, _>(tx, by, guild)
}

fn members(tx: &mut Tx<'_>, by: &Internal<'_>, guild: GuildId) -> Result<bool, StoreError> {
    for ((_, user), _) in tx.list::<Members>(&guild, None, Order::Ascending, CHUNK)? {
        tx.delete::<UserGuilds>(by, &(user, guild))?;
        tx.delete::<UserGuildSettings>(by, &(user, guild))?;
    }
    clear::<Members, _>(tx, by, guild)
}
