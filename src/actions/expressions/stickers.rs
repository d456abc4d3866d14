//! Stickers of guilds.

use serde_json::{Value, json};

use super::{check_manages, found, log, require_some_right, sees_makers};
use crate::actions::actor::{Actor, Reason};
use crate::actions::audit::Act;
use crate::actions::error::{ActionError, Fault};
use crate::actions::show;
use crate::actions::uploads::NewFile;
use crate::app::App;
use crate::logic::field::FieldFault;
use crate::logic::form::kinds::text;
use crate::logic::form::{Checked, Fields, Form, Patch};
use crate::model::{Audience, Dispatch, GuildId, Sticker, StickerId, StickersUpdate};
use crate::store::access::{Proof, right};
use crate::store::{BlobUsers, GuildStickers, Order, StickerRow, Stickers, StoreError, Tx, View, blob_user};

/// Most bytes of a sticker's picture (API.md §5).
const MAX_STICKER_BYTES: u64 = 512 << 10;
/// Most pixels along one side of it.
const MAX_STICKER_SIDE: u32 = 320;
/// Most stickers of a guild (API.md §5).
pub const MAX_STICKERS: usize = 60;

/// The words of `POST …/stickers`; the picture comes beside them.
#[derive(Clone, Debug)]
pub struct Create {
    name: String,
    description: Option<String>,
    tags: String,
}

impl Form for Create {
    fn read(f: &mut Fields<'_>) -> Self {
        Self {
            name: f.need("name", text(2..=30)),
            description: f.opt("description", text(0..=100)).filter(|text| !text.is_empty()),
            tags: f.need("tags", text(1..=200)),
        }
    }
}

/// Body of `PATCH …/stickers/{sticker}`.
#[derive(Clone, Debug)]
pub struct Edit {
    name: Option<String>,
    description: Patch<String>,
    tags: Option<String>,
}

impl Form for Edit {
    fn read(f: &mut Fields<'_>) -> Self {
        Self {
            name: f.opt("name", text(2..=30)),
            description: f.patch("description", text(0..=100)),
            tags: f.opt("tags", text(1..=200)),
        }
    }
}

/// Stickers of a guild, oldest first; with who made each where `with_makers`.
pub fn of_guild(view: &View<'_>, guild: GuildId, with_makers: bool) -> Result<Vec<Sticker>, StoreError> {
    let ids = view.list::<GuildStickers>(&guild, None, Order::Ascending, MAX_STICKERS)?;
    let mut stickers = Vec::with_capacity(ids.len());
    for ((_, id), ()) in ids {
        if let Some(row) = view.shared::<Stickers>(&id)? {
            stickers.push(shown(view, id, &row, with_makers)?);
        }
    }
    Ok(stickers)
}

fn shown(view: &View<'_>, id: StickerId, row: &StickerRow, with_maker: bool) -> Result<Sticker, StoreError> {
    Ok(Sticker {
        id,
        name: row.name.clone(),
        description: row.description.clone(),
        tags: row.tags.clone(),
        kind: 2,
        format_type: row.format,
        available: true,
        guild_id: row.guild,
        user: if with_maker { Some(show::user_by_id(view, row.creator)?) } else { None },
    })
}

fn of_this_guild(view: &View<'_>, guild: GuildId, id: StickerId) -> Result<StickerRow, ActionError> {
    found(view.get::<Stickers>(&id)?.filter(|row| row.guild == guild), Fault::UnknownSticker)
}

/// Stickers of a guild, for its members.
///
/// # Errors
/// 50001 for strangers.
pub fn list(app: &App, actor: Actor, guild: GuildId) -> Result<Vec<Sticker>, ActionError> {
    app.store.read(|view| {
        let by = view.allow_guild::<right::Membership>(actor.user, guild)?;
        Ok(of_guild(view, guild, sees_makers(&by))?)
    })
}

/// One sticker of a guild.
///
/// # Errors
/// 50001 for strangers, 10060.
pub fn get(app: &App, actor: Actor, guild: GuildId, id: StickerId) -> Result<Sticker, ActionError> {
    app.store.read(|view| {
        let by = view.allow_guild::<right::Membership>(actor.user, guild)?;
        Ok(shown(view, id, &of_this_guild(view, guild, id)?, sees_makers(&by))?)
    })
}

/// One sticker, whatever guild it is of, for who is in that guild.
///
/// # Errors
/// 10060.
pub fn find(app: &App, actor: Actor, id: StickerId) -> Result<Sticker, ActionError> {
    app.store.read(|view| {
        let row = found(view.get::<Stickers>(&id)?, Fault::UnknownSticker)?;
        match view.guild_access(actor.user, row.guild) {
            Ok(_) => Ok(shown(view, id, &row, false)?),
            Err(StoreError::Denied(_)) => Err(Fault::UnknownSticker.into()),
            Err(error) => Err(error.into()),
        }
    })
}

/// Checks that somebody may make stickers, before the picture is taken.
///
/// # Errors
/// 50001, 50013.
pub fn check_may_create(app: &App, actor: Actor, guild: GuildId) -> Result<(), ActionError> {
    Ok(app
        .store
        .read(|view| view.allow_guild::<right::CreateGuildExpressions>(actor.user, guild).map(drop))?)
}

/// Makes a sticker of the first of these files.
///
/// # Errors
/// 50013 without CREATE_GUILD_EXPRESSIONS, form faults, 50045, 50046 for what is no fitting picture, 30039 at the limit.
pub async fn create(
    app: &App,
    actor: Actor,
    guild: GuildId,
    form: Checked<Create>,
    files: Vec<NewFile>,
    reason: Option<Reason>,
) -> Result<Sticker, ActionError> {
    app.store
        .write(move |tx| {
            let by = tx.allow_guild::<right::CreateGuildExpressions>(actor.user, guild)?;
            let form = form.get()?;
            let Some(NewFile { file, .. }) = files.first() else {
                return Err(ActionError::field("file", FieldFault::required()));
            };
            if file.size_bytes > MAX_STICKER_BYTES {
                return Err(Fault::FileTooLarge.into());
            }
            let fits = |side: Option<u32>| side.is_some_and(|side| side <= MAX_STICKER_SIDE);
            let format = match (file.media_type.as_str(), file.is_animated) {
                ("image/png", false) => 1,
                ("image/png", true) => 2,
                ("image/gif", _) => 4,
                _ => return Err(Fault::InvalidFile.into()),
            };
            if !fits(file.width) || !fits(file.height) {
                return Err(Fault::InvalidFile.into());
            }
            if tx.list::<GuildStickers>(&guild, None, Order::Ascending, MAX_STICKERS)?.len() >= MAX_STICKERS {
                return Err(Fault::TooManyStickers.into());
            }
            let row = StickerRow {
                guild,
                name: form.name.clone(),
                description: form.description.clone(),
                tags: form.tags.clone(),
                creator: actor.user,
                file: file.clone(),
                format,
            };
            let id: StickerId = tx.next_id();
            tx.put::<Stickers>(&by, &id, &row)?;
            tx.put::<GuildStickers>(&by, &(guild, id), &())?;
            tx.put::<BlobUsers>(&by, &(row.file.hash, blob_user::STICKER, id.get()), &())?;
            log(tx, &by, Act::StickerCreate, id.to_string(), (None, Some(logged(&row))), reason.as_ref())?;
            tell(tx, guild)?;
            Ok(shown(tx, id, &row, true)?)
        })
        .await
}

/// Takes a sticker's rows away; its file goes with the sweep.
pub fn erase(tx: &mut Tx<'_>, by: &impl Proof, id: StickerId, row: &StickerRow) -> Result<(), StoreError> {
    tx.delete::<Stickers>(by, &id)?;
    tx.delete::<GuildStickers>(by, &(row.guild, id))?;
    tx.delete::<BlobUsers>(by, &(row.file.hash, blob_user::STICKER, id.get()))?;
    Ok(())
}

/// Changes a sticker's words.
///
/// # Errors
/// 10060, 50013, form faults.
pub async fn edit(
    app: &App,
    actor: Actor,
    guild: GuildId,
    id: StickerId,
    form: Checked<Edit>,
    reason: Option<Reason>,
) -> Result<Sticker, ActionError> {
    app.store
        .write(move |tx| {
            let by = tx.allow_guild::<right::Membership>(actor.user, guild)?;
            require_some_right(&by)?;
            let old = of_this_guild(tx, guild, id)?;
            check_manages(&by, old.creator)?;
            let (form, mut row) = (form.get()?, old.clone());
            row.name = form.name.clone().unwrap_or(row.name);
            row.tags = form.tags.clone().unwrap_or(row.tags);
            form.description.clone().apply(&mut row.description);
            row.description = row.description.take().filter(|text| !text.is_empty());
            if row != old {
                tx.put::<Stickers>(&by, &id, &row)?;
                log(
                    tx,
                    &by,
                    Act::StickerUpdate,
                    id.to_string(),
                    (Some(logged(&old)), Some(logged(&row))),
                    reason.as_ref(),
                )?;
                tell(tx, guild)?;
            }
            Ok::<_, ActionError>(shown(tx, id, &row, true)?)
        })
        .await
}

/// Deletes a sticker.
///
/// # Errors
/// 10060, 50013.
pub async fn delete(
    app: &App,
    actor: Actor,
    guild: GuildId,
    id: StickerId,
    reason: Option<Reason>,
) -> Result<(), ActionError> {
    app.store
        .reclaim(move |tx| {
            let by = tx.allow_guild::<right::Membership>(actor.user, guild)?;
            require_some_right(&by)?;
            let old = of_this_guild(tx, guild, id)?;
            check_manages(&by, old.creator)?;
            erase(tx, &by, id, &old)?;
            log(tx, &by, Act::StickerDelete, id.to_string(), (Some(logged(&old)), None), reason.as_ref())?;
            Ok::<_, ActionError>(tell(tx, guild)?)
        })
        .await
}

fn tell(tx: &mut Tx<'_>, guild: GuildId) -> Result<(), StoreError> {
    let stickers = of_guild(tx, guild, false)?;
    tx.emit(Audience::Guild(guild), Dispatch::StickersUpdate(StickersUpdate { guild_id: guild, stickers }));
    Ok(())
}

/// What the audit log compares.
fn logged(row: &StickerRow) -> Value {
    json!({ "name": row.name, "description": row.description, "tags": row.tags, "format_type": row.format })
}
