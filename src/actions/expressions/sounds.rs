//! Sounds of soundboards: those of guilds, and the few that everybody has. A sound is played by everybody's client for itself; here
//! is who may make, manage and play which.

use serde_json::{Value, json};

use super::{check_manages, found, log, require_some_right, sees_makers};
use crate::actions::actor::{Actor, Reason};
use crate::actions::audit::Act;
use crate::actions::error::{ActionError, Fault};
use crate::actions::show;
use crate::app::App;
use crate::hub::Connection;
use crate::logic::emoji::ReactionEmoji;
use crate::logic::field::FieldFault;
use crate::logic::form::kinds::{number, parsed, snowflake, sound_data, text};
use crate::logic::form::{Checked, Fields, Form, Patch};
use crate::logic::sound_file;
use crate::model::{
    Audience, ChannelId, ChannelKind, Dispatch, EffectEmoji, EmojiId, GuildId, Permissions, Sound,
    SoundDeleted, SoundId, SoundList, Soundboard, VoiceEffect,
};
use crate::store::access::{Proof, require, right};
use crate::store::{
    BlobUsers, Emojis, FileRow, GuildSounds, Members, Order, SoundRow, Sounds, StoreError, Tx, View,
    blob_user,
};

/// Most bytes of a sound's file (API.md §5).
const MAX_SOUND_BYTES: usize = 512 << 10;
/// Longest that a sound plays, milliseconds (API.md §5).
const MAX_SOUND_MS: u64 = 5_200;
/// Most sounds of a guild (API.md §5).
pub const MAX_SOUNDS: usize = 48;
/// Thousandths of full loudness.
const FULL_VOLUME: u32 = 1_000;

/// A sound that everybody has.
pub struct DefaultSound {
    name: &'static str,
    glyph: &'static str,
    /// Its file: Ogg Opus.
    pub file: &'static [u8],
}

macro_rules! default_sounds {
    ($($name:literal $glyph:literal $file:literal,)*) => {
        [$(DefaultSound {
            name: $name,
            glyph: $glyph,
            file: include_bytes!(concat!("../../../assets/sounds/", $file)),
        },)*]
    };
}

/// Sounds that everybody has, their ids being their places from 1.
static DEFAULT_SOUNDS: [DefaultSound; 6] = default_sounds! {
    "Gong" "🔔" "gong.ogg",
    "Drum roll" "🥁" "drum-roll.ogg",
    "Applause" "👏" "applause.ogg",
    "Fanfare" "🎺" "fanfare.ogg",
    "Sad horn" "😢" "sad-horn.ogg",
    "Crickets" "🦗" "crickets.ogg",
};

/// The sound that everybody has under this id.
pub fn default_sound(id: SoundId) -> Option<&'static DefaultSound> {
    DEFAULT_SOUNDS.get(usize::try_from(id.get().checked_sub(1)?).ok()?)
}

/// The sounds that everybody has.
pub fn defaults() -> Vec<Sound> {
    let shown = |(index, sound): (usize, &DefaultSound)| Sound {
        sound_id: SoundId::new(index as u64 + 1),
        name: sound.name.to_owned(),
        volume: 1.0,
        emoji_id: None,
        emoji_name: Some(sound.glyph.to_owned()),
        guild_id: None,
        available: true,
        user: None,
    };
    DEFAULT_SOUNDS.iter().enumerate().map(shown).collect()
}

/// A plain emoji.
fn glyph(text: &str) -> Result<String, FieldFault> {
    match ReactionEmoji::parse(text) {
        Some(ReactionEmoji::Unicode(glyph)) => Ok(glyph),
        _ => Err(FieldFault::new("EMOJI_INVALID", "Must be an emoji")),
    }
}

fn in_millis(volume: f64) -> u32 {
    (volume * f64::from(FULL_VOLUME)).round() as u32
}

/// Body of `POST …/soundboard-sounds`.
#[derive(Clone, Debug)]
pub struct Create {
    name: String,
    sound: Vec<u8>,
    volume: f64,
    emoji_id: Option<EmojiId>,
    emoji_name: Option<String>,
}

impl Form for Create {
    fn read(f: &mut Fields<'_>) -> Self {
        Self {
            name: f.need("name", text(2..=32)),
            sound: f.need("sound", sound_data(MAX_SOUND_BYTES)),
            volume: f.opt("volume", number(0.0..=1.0)).unwrap_or(1.0),
            emoji_id: f.opt("emoji_id", snowflake()),
            emoji_name: f.opt("emoji_name", parsed(glyph)),
        }
    }
}

/// Body of `PATCH …/soundboard-sounds/{sound}`.
#[derive(Clone, Debug)]
pub struct Edit {
    name: Option<String>,
    volume: Patch<f64>,
    emoji_id: Patch<EmojiId>,
    emoji_name: Patch<String>,
}

impl Form for Edit {
    fn read(f: &mut Fields<'_>) -> Self {
        Self {
            name: f.opt("name", text(2..=32)),
            volume: f.patch("volume", number(0.0..=1.0)),
            emoji_id: f.patch("emoji_id", snowflake()),
            emoji_name: f.patch("emoji_name", parsed(glyph)),
        }
    }
}

/// Sounds of a guild, oldest first; with who made each where `with_makers`.
pub fn of_guild(view: &View<'_>, guild: GuildId, with_makers: bool) -> Result<Vec<Sound>, StoreError> {
    let ids = view.list::<GuildSounds>(&guild, None, Order::Ascending, MAX_SOUNDS)?;
    let mut sounds = Vec::with_capacity(ids.len());
    for ((_, id), ()) in ids {
        if let Some(row) = view.shared::<Sounds>(&id)? {
            sounds.push(shown(view, id, &row, with_makers)?);
        }
    }
    Ok(sounds)
}

fn shown(view: &View<'_>, id: SoundId, row: &SoundRow, with_maker: bool) -> Result<Sound, StoreError> {
    Ok(Sound {
        sound_id: id,
        name: row.name.clone(),
        volume: f64::from(row.volume_millis) / f64::from(FULL_VOLUME),
        emoji_id: row.emoji,
        emoji_name: row.glyph.clone(),
        guild_id: Some(row.guild),
        available: true,
        user: if with_maker { Some(show::user_by_id(view, row.creator)?) } else { None },
    })
}

fn of_this_guild(view: &View<'_>, guild: GuildId, id: SoundId) -> Result<SoundRow, ActionError> {
    found(view.get::<Sounds>(&id)?.filter(|row| row.guild == guild), Fault::UnknownSound)
}

/// Sounds of a guild, for its members.
///
/// # Errors
/// 50001 for strangers.
pub fn list(app: &App, actor: Actor, guild: GuildId) -> Result<SoundList, ActionError> {
    app.store.read(|view| {
        let by = view.allow_guild::<right::Membership>(actor.user, guild)?;
        Ok(SoundList { items: of_guild(view, guild, sees_makers(&by))? })
    })
}

/// One sound of a guild.
///
/// # Errors
/// 50001 for strangers, 10097.
pub fn get(app: &App, actor: Actor, guild: GuildId, id: SoundId) -> Result<Sound, ActionError> {
    app.store.read(|view| {
        let by = view.allow_guild::<right::Membership>(actor.user, guild)?;
        Ok(shown(view, id, &of_this_guild(view, guild, id)?, sees_makers(&by))?)
    })
}

/// Op 31: tells a session the sounds of guilds it is in.
pub fn answer(app: &App, connection: &Connection, guilds: &[GuildId]) {
    let user = connection.session().owner().user;
    for guild_id in guilds {
        let sounds = app.store.read(|view| match view.guild_access(user, *guild_id) {
            Ok(by) => of_guild(view, *guild_id, sees_makers(&by)).map(Some),
            Err(StoreError::Denied(_)) => Ok(None),
            Err(error) => Err(error),
        });
        match sounds {
            Ok(Some(soundboard_sounds)) => {
                let board = Soundboard { guild_id: *guild_id, soundboard_sounds };
                connection.answer(app.hub.encode("SOUNDBOARD_SOUNDS", &board, &[]));
            }
            // What one is not in is passed over, as clients expect.
            Ok(None) => {}
            Err(error) => tracing::error!(%error, "a request for sounds was not answered"),
        }
    }
}

/// The emoji beside a sound's name: one of the guild's own, or a plain one; not both.
fn check_emoji(view: &View<'_>, row: &SoundRow) -> Result<(), ActionError> {
    let Some(id) = row.emoji else { return Ok(()) };
    let is_own = view.shared::<Emojis>(&id)?.is_some_and(|emoji| emoji.guild == Some(row.guild));
    if is_own && row.glyph.is_none() { Ok(()) } else { Err(Fault::UnknownEmoji.into()) }
}

/// Makes a sound.
///
/// # Errors
/// 50013 without CREATE_GUILD_EXPRESSIONS, form faults (also for what is no MP3 or Ogg, or plays longer than 5.2 s), 30045 at the
/// limit.
pub async fn create(
    app: &App,
    actor: Actor,
    guild: GuildId,
    form: Checked<Create>,
    reason: Option<Reason>,
) -> Result<Sound, ActionError> {
    app.store.read(|view| view.allow_guild::<right::CreateGuildExpressions>(actor.user, guild).map(drop))?;
    let form = form.take()?;
    let refused = |code, words| ActionError::field("sound", FieldFault::new(code, words));
    let seen = sound_file::look(&form.sound)
        .ok_or_else(|| refused("SOUND_INVALID", "This file is no MP3 or Ogg that can be read."))?;
    if seen.duration_ms == 0 || seen.duration_ms > MAX_SOUND_MS {
        return Err(refused("SOUND_DURATION", "A sound plays at most 5.2 seconds."));
    }
    let size_bytes = form.sound.len() as u64;
    let hash = app.blobs.put(form.sound.into()).await?;
    let row = SoundRow {
        guild,
        name: form.name,
        volume_millis: in_millis(form.volume),
        emoji: form.emoji_id,
        glyph: form.emoji_name,
        creator: actor.user,
        file: FileRow {
            hash,
            size_bytes,
            media_type: seen.media_type.to_owned(),
            duration_ms: Some(seen.duration_ms),
            ..FileRow::default()
        },
    };
    app.store
        .write(move |tx| {
            let by = tx.allow_guild::<right::CreateGuildExpressions>(actor.user, guild)?;
            check_emoji(tx, &row)?;
            if tx.list::<GuildSounds>(&guild, None, Order::Ascending, MAX_SOUNDS)?.len() >= MAX_SOUNDS {
                return Err(Fault::TooManySounds.into());
            }
            let id: SoundId = tx.next_id();
            tx.put::<Sounds>(&by, &id, &row)?;
            tx.put::<GuildSounds>(&by, &(guild, id), &())?;
            tx.put::<BlobUsers>(&by, &(row.file.hash, blob_user::SOUND, id.get()), &())?;
            log(tx, &by, Act::SoundCreate, id.to_string(), (None, Some(logged(&row))), reason.as_ref())?;
            let told = shown(tx, id, &row, true)?;
            tx.emit(Audience::Guild(guild), Dispatch::SoundCreate(told.clone()));
            Ok::<_, ActionError>(told)
        })
        .await
}

/// Takes a sound's rows away; its file goes with the sweep.
pub fn erase(tx: &mut Tx<'_>, by: &impl Proof, id: SoundId, row: &SoundRow) -> Result<(), StoreError> {
    tx.delete::<Sounds>(by, &id)?;
    tx.delete::<GuildSounds>(by, &(row.guild, id))?;
    tx.delete::<BlobUsers>(by, &(row.file.hash, blob_user::SOUND, id.get()))?;
    Ok(())
}

/// Changes a sound's name, loudness or emoji.
///
/// # Errors
/// 10097, 10014 for an emoji of elsewhere, 50013, form faults.
pub async fn edit(
    app: &App,
    actor: Actor,
    guild: GuildId,
    id: SoundId,
    form: Checked<Edit>,
    reason: Option<Reason>,
) -> Result<Sound, ActionError> {
    app.store
        .write(move |tx| {
            let by = tx.allow_guild::<right::Membership>(actor.user, guild)?;
            require_some_right(&by)?;
            let old = of_this_guild(tx, guild, id)?;
            check_manages(&by, old.creator)?;
            let (form, mut row) = (form.get()?, old.clone());
            row.name = form.name.clone().unwrap_or(row.name);
            match form.volume {
                Patch::Keep => {}
                Patch::Clear => row.volume_millis = FULL_VOLUME,
                Patch::Set(volume) => row.volume_millis = in_millis(volume),
            }
            // One of the two set takes the place of the other.
            match (&form.emoji_id, &form.emoji_name) {
                (Patch::Set(_), Patch::Keep) => row.glyph = None,
                (Patch::Keep, Patch::Set(_)) => row.emoji = None,
                _ => {}
            }
            form.emoji_id.apply(&mut row.emoji);
            form.emoji_name.clone().apply(&mut row.glyph);
            let told = shown(tx, id, &row, true)?;
            if row != old {
                check_emoji(tx, &row)?;
                tx.put::<Sounds>(&by, &id, &row)?;
                log(
                    tx,
                    &by,
                    Act::SoundUpdate,
                    id.to_string(),
                    (Some(logged(&old)), Some(logged(&row))),
                    reason.as_ref(),
                )?;
                tx.emit(Audience::Guild(guild), Dispatch::SoundUpdate(told.clone()));
            }
            Ok::<_, ActionError>(told)
        })
        .await
}

/// Deletes a sound.
///
/// # Errors
/// 10097, 50013.
pub async fn delete(
    app: &App,
    actor: Actor,
    guild: GuildId,
    id: SoundId,
    reason: Option<Reason>,
) -> Result<(), ActionError> {
    app.store
        .reclaim(move |tx| {
            let by = tx.allow_guild::<right::Membership>(actor.user, guild)?;
            require_some_right(&by)?;
            let old = of_this_guild(tx, guild, id)?;
            check_manages(&by, old.creator)?;
            erase(tx, &by, id, &old)?;
            log(tx, &by, Act::SoundDelete, id.to_string(), (Some(logged(&old)), None), reason.as_ref())?;
            let gone = SoundDeleted { sound_id: id, guild_id: guild };
            tx.emit(Audience::Guild(guild), Dispatch::SoundDelete(gone));
            Ok::<_, ActionError>(())
        })
        .await
}

/// What the audit log compares.
fn logged(row: &SoundRow) -> Value {
    json!({
        "name": row.name,
        "volume": f64::from(row.volume_millis) / f64::from(FULL_VOLUME),
        "emoji_id": row.emoji,
        "emoji_name": row.glyph,
    })
}

/// Body of `POST /channels/{channel}/send-soundboard-sound`.
#[derive(Clone, Copy, Debug)]
pub struct Play {
    sound: SoundId,
}

impl Form for Play {
    fn read(f: &mut Fields<'_>) -> Self {
        // Clients name the guild of a sound too; the sound says it by itself.
        f.opt("source_guild_id", snowflake::<crate::model::kind::Guild>());
        Self { sound: f.need("sound_id", snowflake()) }
    }
}

/// Plays a sound to everybody in the voice channel that the actor is in.
///
/// # Errors
/// 50013 without SPEAK, USE_SOUNDBOARD, or USE_EXTERNAL_SOUNDS for a sound of another guild, 50024 outside of voice
/// channels, 40032 for who is not there or can't be heard, 10097.
pub async fn play(
    app: &App,
    actor: Actor,
    channel: ChannelId,
    form: Checked<Play>,
) -> Result<(), ActionError> {
    let effect = app.store.read(|view| {
        let by = view.allow::<right::View>(actor.user, channel)?;
        require(by.held, Permissions::SPEAK | Permissions::USE_SOUNDBOARD)?;
        let (ChannelKind::Voice | ChannelKind::Stage, Some(guild)) = (by.channel.kind, by.channel.guild)
        else {
            return Err(Fault::ChannelType.into());
        };
        let Play { sound } = *form.get()?;
        let (glyph, emoji, volume_millis) = match default_sound(sound) {
            Some(known) => (Some(known.glyph.to_owned()), None, FULL_VOLUME),
            None => {
                let row = found(view.shared::<Sounds>(&sound)?, Fault::UnknownSound)?;
                if row.guild != guild {
                    if !view.has::<Members>(&(row.guild, actor.user))? {
                        return Err(Fault::UnknownSound.into());
                    }
                    require(by.held, Permissions::USE_EXTERNAL_SOUNDS)?;
                }
                (row.glyph.clone(), row.emoji, row.volume_millis)
            }
        };
        let emoji = (glyph.is_some() || emoji.is_some()).then_some(EffectEmoji { id: emoji, name: glyph });
        Ok::<_, ActionError>(VoiceEffect {
            channel_id: channel,
            guild_id: guild,
            user_id: actor.user,
            emoji,
            sound_id: sound,
            sound_volume: f64::from(volume_millis) / f64::from(FULL_VOLUME),
        })
    })?;
    let is_played = app.hub.play_sound(effect).await.map_err(ActionError::internal)?;
    if is_played { Ok(()) } else { Err(Fault::NotInVoice.into()) }
}
