//! Applications and their bots: made, changed, deleted by their owner; tokens are shown once and kept as hashes.

use super::accounts;
use super::actor::{Actor, ActorKind};
use super::confirm;
use super::error::{ActionError, Fault};
use super::images;
use super::members;
use super::registration;
use super::sessions::Device;
use super::show;
use crate::app::App;
use crate::auth::interactions::verify_key;
use crate::auth::random::{BotToken, OpaqueToken};
use crate::logic::field::FieldFault;
use crate::logic::form::kinds::{bits, boolean, image_data, list, object, permissions, raw_text, text};
use crate::logic::form::{Checked, Fields, Form, ImageData, Kind as _, Patch, Standin};
use crate::model::{
    Application, ApplicationId, BotUser, Event, InstallParams, IssuedSecret, IssuedToken, Permissions, bot_of,
};
use crate::store::{
    AccountRow, ApplicationRow, Applications, BotTokens, Order, StoreError, Tx, UserApplications, UserGuilds,
    UserIdRow, UserRow, Usernames, Users, View, unix_ms,
};

/// Most applications of an account (API.md §2.4).
const MAX_APPLICATIONS: usize = 50;
/// Most addresses that people may be sent to after adding an application.
const MAX_REDIRECT_URIS: usize = 10;
/// Longest address, code points: as much as the query of consent has room for, percent-encoded.
pub const MAX_URI_CHARS: usize = 512;
/// Application flags that are switches of the owner: the privileged intents, each as verified and as limited (API.md §3.3).
pub const INTENT_SWITCHES: u64 = 1 << 12 | 1 << 13 | 1 << 14 | 1 << 15 | 1 << 18 | 1 << 19;

/// Body of `POST /applications`.
#[derive(Clone)]
pub struct Create {
    name: String,
    description: String,
    icon: Patch<ImageData>,
}

impl Form for Create {
    fn read(f: &mut Fields<'_>) -> Self {
        Self {
            name: f.need("name", text(2..=32)),
            description: f.or("description", text(0..=400), String::new()),
            icon: f.patch("icon", image_data(images::MAX_UPLOAD_BYTES)),
        }
    }
}

/// Body of `PATCH /applications/{application}`.
#[derive(Clone)]
pub struct Edit {
    name: Option<String>,
    description: Patch<String>,
    icon: Patch<ImageData>,
    cover_image: Patch<ImageData>,
    flags: Option<u64>,
    redirect_uris: Patch<Vec<String>>,
    tags: Patch<Vec<String>>,
    install_params: Patch<InstallParams>,
    bot_public: Option<bool>,
    custom_install_url: Patch<String>,
}

impl Form for Edit {
    fn read(f: &mut Fields<'_>) -> Self {
        let form = Self {
            name: f.opt("name", text(2..=32)),
            description: f.patch("description", text(0..=400)),
            icon: f.patch("icon", image_data(images::MAX_UPLOAD_BYTES)),
            cover_image: f.patch("cover_image", image_data(images::MAX_UPLOAD_BYTES)),
            flags: f.opt("flags", bits()),
            redirect_uris: f.patch("redirect_uris", list(address(), MAX_REDIRECT_URIS).distinct()),
            tags: f.patch("tags", list(text(1..=20), 5).distinct()),
            install_params: f.patch("install_params", object::<Install>()).map(|install| install.0),
            bot_public: f.opt("bot_public", boolean()),
            custom_install_url: f.patch("custom_install_url", address()),
        };
        if f.opt("bot_require_code_grant", boolean()) == Some(true) {
            f.fault(
                "bot_require_code_grant",
                FieldFault::new("BASE_TYPE_CHOICES", "Value must be one of (false)."),
            );
        }
        if f.opt("interactions_endpoint_url", raw_text(0..=MAX_URI_CHARS)).is_some_and(|url| !url.is_empty())
        {
            let why = "This server delivers interactions by the gateway only.";
            f.fault(
                "interactions_endpoint_url",
                FieldFault::new("APPLICATION_INTERACTIONS_ENDPOINT_INVALID", why),
            );
        }
        form
    }
}

#[derive(Clone)]
struct Install(InstallParams);

impl Form for Install {
    fn read(f: &mut Fields<'_>) -> Self {
        Self(InstallParams {
            scopes: f.need("scopes", list(text(1..=64), 20).distinct()),
            permissions: f.or("permissions", permissions(), Permissions::NONE),
        })
    }
}

/// An absolute http or https address without a fragment, kept to the letter: redirects are compared exactly (SAFETY.md §1).
fn address() -> impl Standin<Out = String> {
    text(1..=MAX_URI_CHARS).then("https://example.org/".to_owned(), |uri| {
        let rest = uri.strip_prefix("https://").or_else(|| uri.strip_prefix("http://"));
        let host = rest.and_then(|rest| rest.split(['/', '?']).next()).unwrap_or_default();
        let is_plain =
            uri.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '#' | '\\' | '"' | '<' | '>'));
        if !host.is_empty() && !host.contains('@') && is_plain {
            return Ok(uri);
        }
        Err(FieldFault::new(
            "URL_TYPE_INVALID_SCHEME",
            "Must be an absolute http or https address without a fragment.",
        ))
    })
}

/// Body of the acts that ask for the owner's password.
#[derive(Clone)]
pub struct Confirm {
    password: Option<String>,
}

impl Form for Confirm {
    fn read(f: &mut Fields<'_>) -> Self {
        Self { password: f.opt("password", raw_text(1..=1_024)) }
    }
}

/// The caller's applications, oldest first.
pub fn list_own(app: &App, actor: Actor) -> Result<Vec<Application>, ActionError> {
    actor.session()?;
    app.store.read(|view| {
        let ids = view.list::<UserApplications>(&actor.user, None, Order::Ascending, MAX_APPLICATIONS)?;
        ids.into_iter().map(|((_, id), ())| show(view, id, &row_of(view, id)?)).collect()
    })
}

/// Makes an application with its bot, which has no token yet.
///
/// # Errors
/// APPLICATION_LIMIT on the name at [`MAX_APPLICATIONS`].
pub async fn create(app: &App, actor: Actor, form: Checked<Create>) -> Result<Application, ActionError> {
    actor.session()?;
    let form = form.take()?;
    let mut icon = None;
    images::keep_patch(app, form.icon, images::ICON).await?.apply(&mut icon);
    let sealing = app.keys.sealing.clone();
    let (name, description) = (form.name, form.description);
    app.store
        .write(move |tx| {
            let owned = tx.list::<UserApplications>(&actor.user, None, Order::Ascending, MAX_APPLICATIONS)?;
            if owned.len() >= MAX_APPLICATIONS {
                let why = format!("An account can have {MAX_APPLICATIONS} applications.");
                return Err(ActionError::field("name", FieldFault::new("APPLICATION_LIMIT", why)));
            }
            let id: ApplicationId = tx.next_id();
            let row = ApplicationRow {
                owner: actor.user,
                name: name.clone(),
                description: description.clone(),
                icon: icon.clone(),
                bot_public: true,
                verify_key: verify_key(&sealing, id),
                ..ApplicationRow::default()
            };
            let bot = UserRow {
                username: registration::free_username(tx, &name, bot_of(id))?,
                global_name: Some(name.clone()),
                avatar: icon.clone(),
                bot: true,
                ..UserRow::default()
            };
            registration::insert_rows(tx, bot_of(id), &bot, &AccountRow::default())?;
            let by = tx.own(actor.user);
            tx.put::<Applications>(&by, &id, &row)?;
            tx.put::<UserApplications>(&by, &(actor.user, id), &())?;
            show(tx, id, &row)
        })
        .await
}

/// An application, for its owner or its bot.
///
/// # Errors
/// 10002, 20012.
pub fn get(app: &App, actor: Actor, id: ApplicationId) -> Result<Application, ActionError> {
    app.store.read(|view| show(view, id, &own_row(view, actor, id)?))
}

/// Changes an application, for its owner or its bot.
///
/// # Errors
/// 10002, 20012.
pub async fn edit(
    app: &App,
    actor: Actor,
    id: ApplicationId,
    form: Checked<Edit>,
) -> Result<Application, ActionError> {
    app.store.read(|view| own_row(view, actor, id).map(drop))?;
    let form = form.take()?;
    let icon = images::keep_patch(app, form.icon.clone(), images::ICON).await?;
    let cover = images::keep_patch(app, form.cover_image.clone(), images::BANNER).await?;
    app.store
        .write(move |tx| {
            let mut row = own_row(tx, actor, id)?;
            apply(&mut row, &form)?;
            icon.clone().apply(&mut row.icon);
            cover.clone().apply(&mut row.cover_image);
            let by = tx.own(actor.user);
            tx.put::<Applications>(&by, &id, &row)?;
            if let Some(name) = &form.name {
                rename_bot(tx, id, name)?;
            }
            show(tx, id, &row)
        })
        .await
}

fn apply(row: &mut ApplicationRow, form: &Edit) -> Result<(), ActionError> {
    if let Some(name) = &form.name {
        row.name.clone_from(name);
    }
    if let Some(description) = form.description.clone().set_or(String::new()) {
        row.description = description;
    }
    if let Some(flags) = form.flags {
        row.flags = (row.flags & !INTENT_SWITCHES) | (flags & INTENT_SWITCHES);
    }
    if let Some(uris) = form.redirect_uris.clone().set_or(Vec::new()) {
        row.redirect_uris = uris;
    }
    if let Some(tags) = form.tags.clone().set_or(Vec::new()) {
        row.tags = tags;
    }
    if let Some(is_public) = form.bot_public {
        row.bot_public = is_public;
    }
    form.custom_install_url.clone().apply(&mut row.custom_install_url);
    match &form.install_params {
        Patch::Keep => {}
        Patch::Clear => row.install_params = None,
        Patch::Set(params) => {
            row.install_params = Some(serde_json::to_string(params).map_err(ActionError::internal)?);
        }
    }
    Ok(())
}

/// A bot's display name is its application's (API.md §2.4), so it changes with it.
fn rename_bot(tx: &mut Tx<'_>, id: ApplicationId, name: &str) -> Result<(), ActionError> {
    let bot = bot_of(id);
    let mut row = tx.get::<Users>(&bot)?.ok_or(Fault::ApplicationWithoutBot)?;
    if row.global_name.as_deref() == Some(name) {
        return Ok(());
    }
    row.global_name = Some(name.to_owned());
    let by = tx.own(bot);
    tx.put::<Users>(&by, &bot, &row)?;
    tx.emit_event(Event::UserChanged(std::sync::Arc::new(show::user(bot, row))));
    Ok(())
}

/// The application's bot. It exists since the application does; the first call gives it its token.
///
/// # Errors
/// 10002, 20012.
pub async fn create_bot(app: &App, actor: Actor, id: ApplicationId) -> Result<BotUser, ActionError> {
    actor.session()?;
    let token = BotToken::generate(bot_of(id), unix_ms());
    let hash = token.hash().as_bytes().to_vec();
    let (user, is_first) = app
        .store
        .write(move |tx| -> Result<_, ActionError> {
            let row = own_row(tx, actor, id)?;
            let user = (*show::user_by_id(tx, bot_of(id))?).clone();
            let is_first = row.token_hash.is_empty();
            if is_first {
                put_token(tx, id, row, hash.clone())?;
            }
            Ok((user, is_first))
        })
        .await?;
    Ok(BotUser { user, token: is_first.then(|| token.expose().to_owned()) })
}

/// Gives the bot a new token; the old one opens nothing any more and its sockets close.
///
/// # Errors
/// 10002, 20012.
pub async fn reset_token(app: &App, actor: Actor, id: ApplicationId) -> Result<IssuedToken, ActionError> {
    actor.session()?;
    let token = BotToken::generate(bot_of(id), unix_ms());
    let hash = token.hash().as_bytes().to_vec();
    app.store
        .write(move |tx| -> Result<_, ActionError> {
            let row = own_row(tx, actor, id)?;
            Ok(put_token(tx, id, row, hash.clone())?)
        })
        .await?;
    Ok(IssuedToken { token: token.expose().to_owned() })
}

/// Gives the application a new secret for its own part of OAuth2; the one before opens nothing any more.
///
/// # Errors
/// 10002, 20012, PASSWORD_DOES_NOT_MATCH, 60003.
pub async fn reset_secret(
    app: &App,
    actor: Actor,
    id: ApplicationId,
    form: Checked<Confirm>,
    pass: Option<String>,
) -> Result<IssuedSecret, ActionError> {
    actor.session()?;
    app.store.read(|view| own_row(view, actor, id).map(drop))?;
    confirm::require(app, actor, confirm::Shown { password: form.take()?.password, pass }).await?;
    let secret = OpaqueToken::generate();
    let hash = secret.hash().as_bytes().to_vec();
    app.store
        .write(move |tx| -> Result<_, ActionError> {
            let mut row = own_row(tx, actor, id)?;
            row.secret_hash.clone_from(&hash);
            Ok(tx.put::<Applications>(&tx.own(actor.user), &id, &row)?)
        })
        .await?;
    Ok(IssuedSecret { secret: secret.expose().to_owned() })
}

/// Keeps the hash of a bot's token in place of the one before; none for an empty one.
fn put_token(
    tx: &mut Tx<'_>,
    id: ApplicationId,
    mut row: ApplicationRow,
    hash: Vec<u8>,
) -> Result<(), StoreError> {
    let by = tx.own(row.owner);
    if !row.token_hash.is_empty() {
        tx.delete::<BotTokens>(&by, &row.token_hash)?;
        tx.emit_event(Event::BotRevoked(id));
    }
    if !hash.is_empty() {
        tx.put::<BotTokens>(&by, &hash, &UserIdRow { id: bot_of(id) })?;
    }
    row.token_hash = hash;
    tx.put::<Applications>(&by, &id, &row)
}

/// Changes the bot's own account, for the application's owner.
///
/// # Errors
/// 10002, 20012; as changing any account.
pub async fn edit_bot(
    app: &App,
    actor: Actor,
    id: ApplicationId,
    form: Checked<accounts::Edit>,
) -> Result<accounts::Edited, ActionError> {
    actor.session()?;
    app.store.read(|view| own_row(view, actor, id).map(drop))?;
    let bot = Actor { user: bot_of(id), kind: ActorKind::Bot { application: id } };
    Ok(accounts::edit(app, bot, form, Device::default()).await?.0)
}

/// Deletes an application: its bot is locked out at once, leaves its guilds one job each, and stays as a deleted user under its
/// messages. A crash in between leaves an application without a token, which can be deleted again.
///
/// # Errors
/// 10002, 20012, PASSWORD_DOES_NOT_MATCH, 60003, 40011 while the bot owns guilds.
pub async fn delete(
    app: &App,
    actor: Actor,
    id: ApplicationId,
    form: Checked<Confirm>,
    pass: Option<String>,
) -> Result<(), ActionError> {
    actor.session()?;
    app.store.read(|view| own_row(view, actor, id).map(drop))?;
    confirm::require(app, actor, confirm::Shown { password: form.take()?.password, pass }).await?;
    app.store
        .reclaim(move |tx| -> Result<(), ActionError> {
            let row = own_row(tx, actor, id)?;
            if accounts::owns_guilds(tx, bot_of(id))? {
                return Err(Fault::UserOwnsGuilds.into());
            }
            Ok(put_token(tx, id, row, Vec::new())?)
        })
        .await?;
    while !app.store.reclaim(move |tx| leave_one_or_end(tx, actor, id)).await? {}
    Ok(())
}

/// Takes the bot out of one guild; when none is left, ends the application. Answers whether it ended.
fn leave_one_or_end(tx: &mut Tx<'_>, actor: Actor, id: ApplicationId) -> Result<bool, ActionError> {
    let row = own_row(tx, actor, id)?;
    let bot = bot_of(id);
    if let Some(((_, guild), ())) = tx.list::<UserGuilds>(&bot, None, Order::Ascending, 1)?.pop() {
        members::leave(tx, &tx.own(bot), guild, bot)?;
        return Ok(false);
    }
    let by = tx.own(row.owner);
    if !row.token_hash.is_empty() {
        tx.delete::<BotTokens>(&by, &row.token_hash)?;
    }
    tx.delete::<Applications>(&by, &id)?;
    tx.delete::<UserApplications>(&by, &(row.owner, id))?;
    if let Some(user) = tx.get::<Users>(&bot)? {
        tx.delete::<Usernames>(&by, &user.username)?;
        tx.put::<Users>(&by, &bot, &UserRow { bot: true, deleted: true, ..UserRow::default() })?;
    }
    tx.emit_event(Event::BotRevoked(id));
    Ok(true)
}

/// An application that has to be there.
///
/// # Errors
/// 10002.
pub fn row_of(view: &View<'_>, id: ApplicationId) -> Result<ApplicationRow, ActionError> {
    Ok(view.get::<Applications>(&id)?.ok_or(Fault::UnknownApplication)?)
}

/// An application that has to be the caller's own: a person's, or a bot's.
fn own_row(view: &View<'_>, actor: Actor, id: ApplicationId) -> Result<ApplicationRow, ActionError> {
    let row = row_of(view, id)?;
    let is_own = match actor.kind {
        ActorKind::Human { .. } => row.owner == actor.user,
        ActorKind::Bot { application } => application == id,
        ActorKind::Bearer { .. } => false,
    };
    if is_own { Ok(row) } else { Err(Fault::NotYourApplication.into()) }
}

/// Checks that an application is the caller's own: a person's, or a bot's.
///
/// # Errors
/// 10002, 20012.
pub fn check_own(view: &View<'_>, actor: Actor, id: ApplicationId) -> Result<(), ActionError> {
    own_row(view, actor, id).map(drop)
}

fn show(view: &View<'_>, id: ApplicationId, row: &ApplicationRow) -> Result<Application, ActionError> {
    Ok(super::show_apps::application(view, id, row)?)
}
