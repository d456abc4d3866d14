//! Accounts: registering, one's own profile, looking at others, and leaving.

use std::sync::Arc;

use serde::Serialize;

use super::actor::Actor;
use super::error::{ActionError, Fault};
use super::registration::{check_password, email, global_name, taken_username, username};
use super::sessions::{self, Device, Opened};
use super::{relationships, show};
use crate::app::App;
use crate::auth::passwords::{Password, PasswordHash};
use crate::logic::content;
use crate::logic::field::FieldFault;
use crate::logic::form::kinds::{colour, raw_text};
use crate::logic::form::{Checked, Fields, Form, Patch};
use crate::logic::scopes::Scopes;
use crate::model::{AuthSessionId, Dispatch, Event, OwnUser, UserId};
use crate::store::{
    AccountRow, AccountState, Accounts, Emails, Meta, MetaRow, Order, StoreError, Tx, UserGuilds, UserIdRow,
    UserRow, Usernames, Users, View, unix_ms,
};

/// Relationships of an account that goes which one job ends; each is two rows (SAFETY.md §5.2).
const ENDED_AT_ONCE: usize = 400;
/// Key of the instance's owner in [`Meta`].
pub(super) const OWNER: &str = "owner";
/// Time between the wish to delete an account and its end, milliseconds.
const DELETION_DELAY_MS: u64 = 14 * 24 * 3_600 * 1_000;
/// Username changes allowed in [`USERNAME_WINDOW_MS`].
const USERNAME_CHANGES: usize = 2;
/// The time in which username changes count, milliseconds.
const USERNAME_WINDOW_MS: u64 = 3_600 * 1_000;

/// Who owns the instance.
pub fn owner(view: &View<'_>) -> Result<Option<UserId>, StoreError> {
    Ok(match view.get::<Meta>(&OWNER.to_owned())? {
        Some(MetaRow::Number(id)) => Some(UserId::new(id)),
        _ => None,
    })
}

/// The caller's own account.
pub fn me(app: &App, actor: Actor) -> Result<OwnUser, ActionError> {
    let mut own = app.store.read(|view| show::own_user_by_id(view, actor.user))?;
    if !actor.has_scope(Scopes::EMAIL) {
        own.email = None;
    }
    Ok(own)
}

/// Body of `PATCH /users/@me` and `PATCH /users/@me/profile`.
#[derive(Clone)]
pub struct Edit {
    username: Option<String>,
    global_name: Patch<String>,
    avatar: Patch<crate::logic::form::ImageData>,
    banner: Patch<crate::logic::form::ImageData>,
    accent_color: Patch<u32>,
    bio: Patch<String>,
    pronouns: Patch<String>,
    email: Patch<String>,
    password: Option<String>,
    new_password: Option<String>,
}

impl Form for Edit {
    fn read(f: &mut Fields<'_>) -> Self {
        use super::images::MAX_UPLOAD_BYTES;
        use crate::logic::form::kinds::image_data;
        let form = Self {
            username: f.opt_with("username", username),
            global_name: f.patch_with("global_name", global_name),
            avatar: f.patch("avatar", image_data(MAX_UPLOAD_BYTES)),
            banner: f.patch("banner", image_data(MAX_UPLOAD_BYTES)),
            accent_color: f.patch("accent_color", colour()),
            bio: f.patch_with("bio", |raw| content::Bio::parse(raw).map(String::from)),
            pronouns: f.patch_with("pronouns", |raw| content::Pronouns::parse(raw).map(String::from)),
            email: f.patch_with("email", email),
            password: f.opt("password", raw_text(1..=1_024)),
            new_password: f.opt("new_password", raw_text(0..=1_024)),
        };
        if let Some(new) = &form.new_password {
            check_password(f, "new_password", new);
        }
        form
    }
}

impl Edit {
    fn is_sensitive(&self) -> bool {
        self.username.is_some() || !self.email.is_keep() || self.new_password.is_some()
    }
}

/// What a change of one's account answers: the account, and a new token when the password changed.
#[derive(Serialize, schemars::JsonSchema)]
pub struct Edited {
    /// The account as it is.
    #[serde(flatten)]
    pub user: OwnUser,
    /// The token that replaces all others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

/// Changes the caller's own account, and tells their sessions and guilds.
///
/// # Errors
/// PASSWORD_DOES_NOT_MATCH for username, mail address and password without the right password.
pub async fn edit(
    app: &App,
    actor: Actor,
    form: Checked<Edit>,
    device: Device,
) -> Result<(Edited, Option<Opened>), ActionError> {
    let form = form.take()?;
    let user = actor.user;
    if !actor.is_bot() && form.is_sensitive() {
        require_password(app, user, form.password.clone()).await?;
    }
    let hash = match (&form.new_password, actor.is_bot()) {
        (Some(new), false) => {
            let new = Password::offer(new.clone());
            Some(app.passwords.hash(new).await.map_err(sessions::pool_error)?)
        }
        _ => None,
    };
    let avatar = super::images::keep_patch(app, form.avatar.clone(), super::images::AVATAR).await?;
    let banner = super::images::keep_patch(app, form.banner.clone(), super::images::BANNER).await?;
    let (own, ended, sid) = app
        .store
        .write(move |tx| -> Result<_, ActionError> {
            let own = write_edit(tx, actor, &form, &avatar, &banner, hash.as_ref())?;
            if hash.is_none() {
                return Ok((own, Vec::new(), None));
            }
            let ended = sessions::others(tx, user, None)?;
            sessions::revoke(tx, user, &ended)?;
            let sid = sessions::insert_session(tx, user, &device)?;
            Ok((own, ended, Some(sid)))
        })
        .await?;
    for sid in ended {
        app.live.remove(sid);
    }
    let opened = sid.map(|sid: AuthSessionId| sessions::started(app, user, sid));
    let token = opened.as_ref().map(|opened| opened.token.clone());
    Ok((Edited { user: own, token }, opened))
}

fn write_edit(
    tx: &mut Tx<'_>,
    actor: Actor,
    form: &Edit,
    avatar: &Patch<String>,
    banner: &Patch<String>,
    hash: Option<&PasswordHash>,
) -> Result<OwnUser, ActionError> {
    let user = actor.user;
    let mut row = tx.get::<Users>(&user)?.ok_or(Fault::UnknownUser)?;
    let mut account = tx.get::<Accounts>(&user)?.unwrap_or_default();
    let old = row.clone();
    if let Some(name) = form.username.as_ref().filter(|name| **name != row.username) {
        allow_username(tx, actor, name, &mut account)?;
        row.username.clone_from(name);
    }
    avatar.clone().apply(&mut row.avatar);
    banner.clone().apply(&mut row.banner);
    form.accent_color.apply(&mut row.accent_color);
    if !actor.is_bot() {
        form.global_name.clone().apply(&mut row.global_name);
        apply_text(&form.bio, &mut row.bio);
        apply_text(&form.pronouns, &mut row.pronouns);
        move_email(tx, user, &form.email, &mut account)?;
        if let Some(hash) = hash {
            account.password = Some(hash.as_stored().to_owned());
        }
    }
    let by = tx.own(user);
    if row.username != old.username {
        tx.delete::<Usernames>(&by, &old.username)?;
        tx.put::<Usernames>(&by, &row.username, &UserIdRow { id: user })?;
    }
    tx.put::<Users>(&by, &user, &row)?;
    tx.put::<Accounts>(&by, &user, &account)?;
    let own = show::own_user(user, &row, &account);
    tx.emit(crate::model::Audience::User(user), Dispatch::UserUpdate(Arc::new(own.clone())));
    if row != old {
        tx.emit_event(Event::UserChanged(Arc::new(own.user.clone())));
    }
    Ok(own)
}

fn apply_text(patch: &Patch<String>, slot: &mut String) {
    match patch {
        Patch::Keep => {}
        Patch::Clear => slot.clear(),
        Patch::Set(text) => slot.clone_from(text),
    }
}

fn allow_username(
    tx: &Tx<'_>,
    actor: Actor,
    name: &String,
    account: &mut AccountRow,
) -> Result<(), ActionError> {
    if tx.has::<Usernames>(name)? {
        return Err(ActionError::field("username", taken_username()));
    }
    let since = tx.now_ms().saturating_sub(USERNAME_WINDOW_MS);
    account.username_changes_ms.retain(|at| *at > since);
    if !actor.is_bot() && account.username_changes_ms.len() >= USERNAME_CHANGES {
        let fault = FieldFault::new(
            "USERNAME_RATE_LIMIT",
            "The username was changed twice within the last hour. Try again later.",
        );
        return Err(ActionError::field("username", fault));
    }
    account.username_changes_ms.push(tx.now_ms());
    Ok(())
}

fn move_email(
    tx: &mut Tx<'_>,
    user: UserId,
    patch: &Patch<String>,
    account: &mut AccountRow,
) -> Result<(), ActionError> {
    let new = match patch {
        Patch::Keep => return Ok(()),
        Patch::Clear => None,
        Patch::Set(address) => Some(address.clone()),
    };
    if let Some(address) = &new
        && let Some(holder) = tx.get::<Emails>(&address.to_lowercase())?
        && holder.id != user
    {
        let fault = FieldFault::new("EMAIL_ALREADY_REGISTERED", "Email is already registered.");
        return Err(ActionError::field("email", fault));
    }
    let by = tx.own(user);
    if let Some(old) = &account.email {
        tx.delete::<Emails>(&by, &old.to_lowercase())?;
    }
    if let Some(address) = &new {
        tx.put::<Emails>(&by, &address.to_lowercase(), &UserIdRow { id: user })?;
    }
    account.email = new;
    Ok(())
}

/// Checks the caller's own password for an act that asks for it again. Guesses are limited.
///
/// # Errors
/// PASSWORD_DOES_NOT_MATCH on `password`.
pub async fn require_password(app: &App, user: UserId, given: Option<String>) -> Result<(), ActionError> {
    let wrong = || {
        ActionError::field("password", FieldFault::new("PASSWORD_DOES_NOT_MATCH", "Password does not match."))
    };
    let Some(given) = given else { return Err(wrong()) };
    if sessions::guess_own_password(app, user, given).await? { Ok(()) } else { Err(wrong()) }
}

/// Body of `POST /users/@me/disable` and `/delete`.
#[derive(Clone)]
pub struct Leave {
    password: String,
}

impl Form for Leave {
    fn read(f: &mut Fields<'_>) -> Self {
        Self { password: f.need("password", raw_text(1..=1_024)) }
    }
}

/// Switches the caller's account off, or has it deleted in 14 days; either way every session ends.
///
/// # Errors
/// 40011 for deleting while owning guilds.
pub async fn leave(
    app: &App,
    actor: Actor,
    form: Checked<Leave>,
    is_deletion: bool,
) -> Result<(), ActionError> {
    let user = actor.user;
    actor.session()?;
    require_password(app, user, Some(form.take()?.password)).await?;
    let ended = app
        .store
        .write(move |tx| -> Result<_, ActionError> {
            if is_deletion && owns_guilds(tx, user)? {
                return Err(Fault::UserOwnsGuilds.into());
            }
            let mut account = tx.get::<Accounts>(&user)?.ok_or(Fault::UnknownUser)?;
            account.state = if is_deletion {
                AccountState::Deleting(tx.now_ms() + DELETION_DELAY_MS)
            } else {
                AccountState::Disabled
            };
            tx.put::<Accounts>(&tx.own(user), &user, &account)?;
            let ended = sessions::others(tx, user, None)?;
            sessions::revoke(tx, user, &ended)?;
            Ok(ended)
        })
        .await?;
    for sid in ended {
        app.live.remove(sid);
    }
    Ok(())
}

pub(super) fn owns_guilds(view: &View<'_>, user: UserId) -> Result<bool, StoreError> {
    for guild in guilds_of(view, user)? {
        if view.shared::<crate::store::Guilds>(&guild)?.is_some_and(|row| row.owner == user) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Guilds of an account.
pub fn guilds_of(view: &View<'_>, user: UserId) -> Result<Vec<crate::model::GuildId>, StoreError> {
    let rows = view.list::<UserGuilds>(&user, None, Order::Ascending, MAX_GUILDS)?;
    Ok(rows.into_iter().map(|((_, guild), ())| guild).collect())
}

/// Most guilds that are looked at for one account; the settable limit is below.
const MAX_GUILDS: usize = 1_000;

/// Whether a username is taken; asked while registering.
pub fn is_taken(app: &App, name: &str) -> Result<bool, ActionError> {
    let name = name.trim().to_lowercase();
    Ok(app.store.read(|view| view.has::<Usernames>(&name))?)
}

/// Ends what deletion scheduled: accounts past their time become "Deleted User"; their messages stay.
pub async fn delete_due(app: &App) -> Result<usize, ActionError> {
    let now_ms = unix_ms();
    let is_due = move |state: AccountState| matches!(state, AccountState::Deleting(at) if at <= now_ms);
    // Every account is looked at, so not on a thread that serves requests.
    let store = app.store.clone();
    let look = move || {
        let mut due = Vec::new();
        store.read(|view| {
            view.walk::<Accounts>(&(), None, Order::Ascending, |id, account| {
                if is_due(account.state) {
                    due.push(id);
                }
                std::ops::ControlFlow::Continue(())
            })
        })?;
        Ok::<_, StoreError>(due)
    };
    let due = tokio::task::spawn_blocking(look).await.map_err(ActionError::internal)??;
    for user in &due {
        let user = *user;
        while app.store.reclaim(move |tx| relationships::end_some(tx, user, ENDED_AT_ONCE)).await? {}
        app.store
            .reclaim(move |tx| -> Result<(), ActionError> {
                let (Some(row), Some(account)) = (tx.get::<Users>(&user)?, tx.get::<Accounts>(&user)?) else {
                    return Ok(());
                };
                if !is_due(account.state) {
                    return Ok(());
                }
                let by = tx.own(user);
                tx.delete::<Usernames>(&by, &row.username)?;
                if let Some(address) = &account.email {
                    tx.delete::<Emails>(&by, &address.to_lowercase())?;
                }
                let gone = UserRow { deleted: true, bot: row.bot, ..UserRow::default() };
                tx.put::<Users>(&by, &user, &gone)?;
                tx.put::<Accounts>(
                    &by,
                    &user,
                    &AccountRow { state: AccountState::Deleted, ..AccountRow::default() },
                )?;
                tx.emit_event(Event::UserChanged(Arc::new(show::user(user, gone))));
                Ok(())
            })
            .await?;
    }
    Ok(due.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::fixture::World;

    #[tokio::test]
    async fn an_account_past_its_time_becomes_a_deleted_user_and_its_name_is_free() {
        let world = World::new();
        let (gone, kept) = (world.person("alice").await, world.person("bob").await);
        for (who, at_ms) in [(gone, 1), (kept, u64::MAX)] {
            world
                .write(move |tx| -> Result<(), StoreError> {
                    let mut account = tx.get::<Accounts>(&who.user)?.unwrap();
                    account.state = AccountState::Deleting(at_ms);
                    tx.put::<Accounts>(&tx.internal(), &who.user, &account)
                })
                .await;
        }
        assert_eq!(delete_due(&world.app).await.unwrap(), 1);
        let shown = |id| world.app.store.read(|view| show::user_by_id(view, id)).unwrap();
        assert_eq!(shown(gone.user).global_name.as_deref(), Some("Deleted User"));
        assert_eq!(shown(kept.user).username, "bob");
        assert!(!is_taken(&world.app, "alice").unwrap() && is_taken(&world.app, "bob").unwrap());
    }
}
