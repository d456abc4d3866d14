//! Custom emoji of guilds and applications.

use serde_json::{Value, json};

use super::{check_manages, emoji_name, found, log, require_some_right, sees_makers};
use crate::actions::actor::{Actor, Reason};
use crate::actions::audit::Act;
use crate::actions::error::{ActionError, Fault};
use crate::actions::{applications, images, show};
use crate::app::App;
use crate::logic::form::kinds::{image_data, list, parsed, snowflake};
use crate::logic::form::{Checked, Fields, Form, ImageData, Patch};
use crate::model::{
    ApplicationId, Audience, Dispatch, Emoji, EmojiId, EmojiList, EmojisUpdate, GuildId, RoleId, UserId,
};
use crate::store::access::{Proof, right};
use crate::store::{
    ApplicationEmojis, BlobUsers, EmojiRow, Emojis, FileRow, GuildEmojis, Order, StoreError, Tx, View,
    blob_user,
};

/// Most bytes of an emoji's picture (API.md §5).
pub const MAX_EMOJI_BYTES: usize = 256 << 10;
/// Most still emoji of a guild, and as many that move (API.md §5).
pub const MAX_EMOJIS: usize = 250;
/// Most emoji of an application (API.md §5).
const MAX_APPLICATION_EMOJIS: usize = 2_000;
/// Most roles that an emoji is kept for.
const MAX_ROLES: usize = 250;

/// Body of `POST …/emojis`.
#[derive(Clone, Debug)]
pub struct Create {
    name: String,
    image: ImageData,
    roles: Vec<RoleId>,
}

impl Form for Create {
    fn read(f: &mut Fields<'_>) -> Self {
        Self {
            name: f.need_with("name", emoji_name),
            image: f.need("image", image_data(MAX_EMOJI_BYTES)),
            roles: f.or("roles", list(snowflake(), MAX_ROLES), Vec::new()),
        }
    }
}

/// Body of `PATCH …/emojis/{emoji}`.
#[derive(Clone, Debug)]
pub struct Edit {
    name: Option<String>,
    roles: Patch<Vec<RoleId>>,
}

impl Form for Edit {
    fn read(f: &mut Fields<'_>) -> Self {
        Self {
            name: f.opt("name", parsed(emoji_name)),
            roles: f.patch("roles", list(snowflake(), MAX_ROLES)),
        }
    }
}

/// Emoji of a guild, oldest first; with who made each where `with_makers`.
pub fn of_guild(view: &View<'_>, guild: GuildId, with_makers: bool) -> Result<Vec<Emoji>, StoreError> {
    let ids = view.list::<GuildEmojis>(&guild, None, Order::Ascending, 2 * MAX_EMOJIS)?;
    let mut emojis = Vec::with_capacity(ids.len());
    for ((_, id), ()) in ids {
        if let Some(row) = view.shared::<Emojis>(&id)? {
            emojis.push(shown(view, id, &row, with_makers)?);
        }
    }
    Ok(emojis)
}

fn shown(view: &View<'_>, id: EmojiId, row: &EmojiRow, with_maker: bool) -> Result<Emoji, StoreError> {
    Ok(Emoji {
        id,
        name: row.name.clone(),
        roles: row.roles.clone(),
        user: if with_maker { Some(show::user_by_id(view, row.creator)?) } else { None },
        require_colons: true,
        managed: false,
        animated: row.file.is_animated,
        available: true,
    })
}

fn of_this_guild(view: &View<'_>, guild: GuildId, id: EmojiId) -> Result<EmojiRow, ActionError> {
    found(view.get::<Emojis>(&id)?.filter(|row| row.guild == Some(guild)), Fault::UnknownEmoji)
}

/// Emoji of a guild, for its members.
///
/// # Errors
/// 50001 for strangers.
pub fn list_all(app: &App, actor: Actor, guild: GuildId) -> Result<Vec<Emoji>, ActionError> {
    app.store.read(|view| {
        let by = view.allow_guild::<right::Membership>(actor.user, guild)?;
        Ok(of_guild(view, guild, sees_makers(&by))?)
    })
}

/// One emoji of a guild.
///
/// # Errors
/// 50001 for strangers, 10014.
pub fn get(app: &App, actor: Actor, guild: GuildId, id: EmojiId) -> Result<Emoji, ActionError> {
    app.store.read(|view| {
        let by = view.allow_guild::<right::Membership>(actor.user, guild)?;
        let row = of_this_guild(view, guild, id)?;
        Ok(shown(view, id, &row, sees_makers(&by))?)
    })
}

/// Makes an emoji.
///
/// # Errors
/// 50013 without CREATE_GUILD_EXPRESSIONS, form faults, 30008 and 30018 at the limits.
pub async fn create(
    app: &App,
    actor: Actor,
    guild: GuildId,
    form: Checked<Create>,
    reason: Option<Reason>,
) -> Result<Emoji, ActionError> {
    app.store.read(|view| view.allow_guild::<right::CreateGuildExpressions>(actor.user, guild).map(drop))?;
    let form = form.take()?;
    let file = images::keep_emoji(app, form.image).await?;
    app.store
        .write(move |tx| {
            let by = tx.allow_guild::<right::CreateGuildExpressions>(actor.user, guild)?;
            check_room(tx, guild, file.is_animated)?;
            let row = EmojiRow {
                guild: Some(guild),
                name: form.name.clone(),
                roles: form.roles.clone(),
                creator: actor.user,
                file: file.clone(),
                application: None,
            };
            let id = insert(tx, &by, &row)?;
            tx.put::<GuildEmojis>(&by, &(guild, id), &())?;
            log(tx, &by, Act::EmojiCreate, id.to_string(), (None, Some(logged(&row))), reason.as_ref())?;
            tell(tx, guild)?;
            Ok(shown(tx, id, &row, true)?)
        })
        .await
}

fn check_room(view: &View<'_>, guild: GuildId, is_animated: bool) -> Result<(), ActionError> {
    let same = of_guild(view, guild, false)?.iter().filter(|emoji| emoji.animated == is_animated).count();
    match (same < MAX_EMOJIS, is_animated) {
        (true, _) => Ok(()),
        (false, true) => Err(Fault::TooManyAnimatedEmojis.into()),
        (false, false) => Err(Fault::TooManyEmojis.into()),
    }
}

fn insert(tx: &mut Tx<'_>, by: &impl Proof, row: &EmojiRow) -> Result<EmojiId, StoreError> {
    let id: EmojiId = tx.next_id();
    tx.put::<Emojis>(by, &id, row)?;
    tx.put::<BlobUsers>(by, &(row.file.hash, blob_user::EMOJI, id.get()), &())?;
    Ok(id)
}

/// Takes an emoji's rows away; its file goes with the sweep.
pub fn erase(tx: &mut Tx<'_>, by: &impl Proof, id: EmojiId, row: &EmojiRow) -> Result<(), StoreError> {
    tx.delete::<Emojis>(by, &id)?;
    tx.delete::<BlobUsers>(by, &(row.file.hash, blob_user::EMOJI, id.get()))?;
    if let Some(guild) = row.guild {
        tx.delete::<GuildEmojis>(by, &(guild, id))?;
    }
    if let Some(application) = row.application {
        tx.delete::<ApplicationEmojis>(by, &(application, id))?;
    }
    Ok(())
}

/// Changes an emoji's name or roles.
///
/// # Errors
/// 10014, 50013, form faults.
pub async fn edit(
    app: &App,
    actor: Actor,
    guild: GuildId,
    id: EmojiId,
    form: Checked<Edit>,
    reason: Option<Reason>,
) -> Result<Emoji, ActionError> {
    app.store
        .write(move |tx| {
            let by = tx.allow_guild::<right::Membership>(actor.user, guild)?;
            require_some_right(&by)?;
            let old = of_this_guild(tx, guild, id)?;
            check_manages(&by, old.creator)?;
            let row = form.get()?.applied(&old);
            if row != old {
                tx.put::<Emojis>(&by, &id, &row)?;
                log(
                    tx,
                    &by,
                    Act::EmojiUpdate,
                    id.to_string(),
                    (Some(logged(&old)), Some(logged(&row))),
                    reason.as_ref(),
                )?;
                tell(tx, guild)?;
            }
            Ok(shown(tx, id, &row, true)?)
        })
        .await
}

impl Edit {
    fn applied(&self, old: &EmojiRow) -> EmojiRow {
        EmojiRow {
            name: self.name.clone().unwrap_or_else(|| old.name.clone()),
            roles: self.roles.clone().set_or(Vec::new()).unwrap_or_else(|| old.roles.clone()),
            ..old.clone()
        }
    }
}

/// Deletes an emoji.
///
/// # Errors
/// 10014, 50013.
pub async fn delete(
    app: &App,
    actor: Actor,
    guild: GuildId,
    id: EmojiId,
    reason: Option<Reason>,
) -> Result<(), ActionError> {
    app.store
        .reclaim(move |tx| {
            let by = tx.allow_guild::<right::Membership>(actor.user, guild)?;
            require_some_right(&by)?;
            let old = of_this_guild(tx, guild, id)?;
            check_manages(&by, old.creator)?;
            erase(tx, &by, id, &old)?;
            log(tx, &by, Act::EmojiDelete, id.to_string(), (Some(logged(&old)), None), reason.as_ref())?;
            Ok(tell(tx, guild)?)
        })
        .await
}

fn tell(tx: &mut Tx<'_>, guild: GuildId) -> Result<(), StoreError> {
    let emojis = of_guild(tx, guild, false)?;
    tx.emit(Audience::Guild(guild), Dispatch::EmojisUpdate(EmojisUpdate { guild_id: guild, emojis }));
    Ok(())
}

/// What the audit log compares.
fn logged(row: &EmojiRow) -> Value {
    json!({ "name": row.name, "roles": row.roles })
}

/// Emoji of an application, for its owner and its bot.
///
/// # Errors
/// 10002, 20012.
pub fn list_of_application(app: &App, actor: Actor, id: ApplicationId) -> Result<EmojiList, ActionError> {
    app.store.read(|view| {
        applications::check_own(view, actor, id)?;
        Ok(EmojiList { items: of_application(view, id)? })
    })
}

fn of_application(view: &View<'_>, id: ApplicationId) -> Result<Vec<Emoji>, StoreError> {
    let ids = view.list::<ApplicationEmojis>(&id, None, Order::Ascending, MAX_APPLICATION_EMOJIS)?;
    let mut emojis = Vec::with_capacity(ids.len());
    for ((_, emoji), ()) in ids {
        if let Some(row) = view.shared::<Emojis>(&emoji)? {
            emojis.push(shown(view, emoji, &row, true)?);
        }
    }
    Ok(emojis)
}

fn of_this_application(view: &View<'_>, id: ApplicationId, emoji: EmojiId) -> Result<EmojiRow, ActionError> {
    found(view.get::<Emojis>(&emoji)?.filter(|row| row.application == Some(id)), Fault::UnknownEmoji)
}

/// One emoji of an application.
///
/// # Errors
/// 10002, 20012, 10014.
pub fn get_of_application(
    app: &App,
    actor: Actor,
    id: ApplicationId,
    emoji: EmojiId,
) -> Result<Emoji, ActionError> {
    app.store.read(|view| {
        applications::check_own(view, actor, id)?;
        Ok(shown(view, emoji, &of_this_application(view, id, emoji)?, true)?)
    })
}

/// Makes an emoji that the application's bot uses everywhere.
///
/// # Errors
/// 10002, 20012, form faults, 30008.
pub async fn create_of_application(
    app: &App,
    actor: Actor,
    id: ApplicationId,
    form: Checked<Create>,
) -> Result<Emoji, ActionError> {
    app.store.read(|view| applications::check_own(view, actor, id))?;
    let form = form.take()?;
    let file = images::keep_emoji(app, form.image).await?;
    app.store
        .write(move |tx| {
            applications::check_own(tx, actor, id)?;
            let by = tx.own(actor.user);
            if of_application(tx, id)?.len() >= MAX_APPLICATION_EMOJIS {
                return Err(Fault::TooManyEmojis.into());
            }
            let creator: UserId = id.cast();
            let (name, file) = (form.name.clone(), FileRow::clone(&file));
            let row = EmojiRow { name, file, creator, application: Some(id), ..EmojiRow::default() };
            let emoji = insert(tx, &by, &row)?;
            tx.put::<ApplicationEmojis>(&by, &(id, emoji), &())?;
            Ok(shown(tx, emoji, &row, true)?)
        })
        .await
}

/// Renames an emoji of an application.
///
/// # Errors
/// 10002, 20012, 10014, form faults.
pub async fn edit_of_application(
    app: &App,
    actor: Actor,
    id: ApplicationId,
    emoji: EmojiId,
    form: Checked<Edit>,
) -> Result<Emoji, ActionError> {
    app.store
        .write(move |tx| {
            applications::check_own(tx, actor, id)?;
            let old = of_this_application(tx, id, emoji)?;
            let row = EmojiRow { roles: Vec::new(), ..form.get()?.applied(&old) };
            let by = tx.own(actor.user);
            tx.put::<Emojis>(&by, &emoji, &row)?;
            Ok::<_, ActionError>(shown(tx, emoji, &row, true)?)
        })
        .await
}

/// Deletes an emoji of an application.
///
/// # Errors
/// 10002, 20012, 10014.
pub async fn delete_of_application(
    app: &App,
    actor: Actor,
    id: ApplicationId,
    emoji: EmojiId,
) -> Result<(), ActionError> {
    app.store
        .reclaim(move |tx| {
            applications::check_own(tx, actor, id)?;
            let old = of_this_application(tx, id, emoji)?;
            let by = tx.own(actor.user);
            Ok::<_, ActionError>(erase(tx, &by, emoji, &old)?)
        })
        .await
}
