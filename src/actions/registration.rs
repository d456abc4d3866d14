//! Registering: who may, and the rows of a new account.

use std::sync::PoisonError;

use super::accounts::{OWNER, owner};
use super::actor::{Actor, ActorKind};
use super::error::ActionError;
use super::sessions::{self, Device, Opened};
use crate::app::App;
use crate::auth::passwords::{Password, PasswordHash};
use crate::auth::random::TokenHash;
use crate::config::Registration;
use crate::logic::content;
use crate::logic::field::FieldFault;
use crate::logic::form::kinds::{raw_text, text};
use crate::logic::form::{Checked, FaultTree, Fields, Form};
use crate::model::UserId;
use crate::store::{
    AccountRow, Accounts, Emails, Meta, MetaRow, StoreError, Tx, UserIdRow, UserRow, Usernames, Users, View,
};

/// Body of `POST /auth/register`.
#[derive(Clone)]
pub struct Register {
    username: Option<String>,
    global_name: Option<String>,
    email: Option<String>,
    password: String,
    invite: Option<String>,
    setup_token: Option<String>,
}

impl Form for Register {
    fn read(f: &mut Fields<'_>) -> Self {
        let form = Self {
            username: f.opt_with("username", username),
            global_name: f.opt_with("global_name", global_name),
            email: f.opt_with("email", email),
            password: f.need("password", raw_text(0..=1_024)),
            invite: f.opt("invite", text(1..=64)),
            setup_token: f.opt("setup_token", text(1..=256)),
        };
        check_password(f, "password", &form.password);
        if form.username.is_none() && form.global_name.is_none() {
            f.require("username");
        }
        form
    }
}

/// Lays a fault on a new password that is too short or too long, in bytes.
pub(super) fn check_password(f: &mut Fields<'_>, name: &str, password: &str) {
    if !(8..=72).contains(&password.len()) {
        f.fault(name, FieldFault::new("BASE_TYPE_BAD_LENGTH", "Must be between 8 and 72 in length."));
    }
}

pub(super) fn username(raw: &str) -> Result<String, FieldFault> {
    content::Username::parse(raw).map(String::from)
}

pub(super) fn global_name(raw: &str) -> Result<String, FieldFault> {
    content::GlobalName::parse(raw).map(String::from)
}

/// An address in the one respect that matters here: something on both sides of one `@`, without blanks.
pub(super) fn email(given: &str) -> Result<String, FieldFault> {
    let given = given.trim();
    let is_shaped = given.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty()
            && domain.contains('.')
            && !domain.contains('@')
            && !given.contains(char::is_whitespace)
            && given.len() <= 254
    });
    if is_shaped {
        Ok(given.to_owned())
    } else {
        Err(FieldFault::new("EMAIL_TYPE_INVALID_EMAIL", "Not a well formed email address."))
    }
}

/// Makes an account and its first session. With the set-up token it becomes the owner's (API.md §0).
///
/// # Errors
/// REGISTRATION_DISABLED, INVITE_ONLY, USERNAME_ALREADY_TAKEN, EMAIL_ALREADY_REGISTERED on their fields.
pub async fn register(
    app: &App,
    form: Checked<Register>,
    device: Device,
    is_local: bool,
) -> Result<Opened, ActionError> {
    let form = form.take()?;
    let is_setup = admit(app, &form, is_local)?;
    if app.config.email_required && form.email.is_none() {
        return Err(ActionError::field(
            "email",
            FieldFault::new("BASE_TYPE_REQUIRED", "This field is required"),
        ));
    }
    app.store.read(|view| require_free(view, &form))?;
    let invite = form.invite.clone();
    let hash =
        app.passwords.hash(Password::offer(form.password.clone())).await.map_err(sessions::pool_error)?;
    let (user, sid) = app
        .store
        .write(move |tx| -> Result<_, ActionError> {
            if is_setup && owner(tx)?.is_some() {
                return Err(ActionError::field("setup_token", spent_setup_token()));
            }
            require_free(tx, &form)?;
            let user = insert(tx, &form, &hash, is_setup)?;
            Ok((user, sessions::insert_session(tx, user, &device)?))
        })
        .await?;
    if is_setup {
        app.forget_setup();
    }
    let opened = sessions::started(app, user, sid);
    if let Some(code) = invite {
        let actor = Actor { user, kind: ActorKind::Human { session: sid } };
        // The account stands whatever becomes of the invite: it may have been used up in the meantime.
        if let Err(refused) = super::invites::accept(app, actor, code).await {
            tracing::debug!(%refused, "the invite of a registration was not accepted");
        }
    }
    Ok(opened)
}

fn spent_setup_token() -> FieldFault {
    FieldFault::new(
        "SETUP_TOKEN_INVALID",
        "This set-up link is not valid any more. Restart Hearth for a new one.",
    )
}

/// Whether this registration may go on; answers whether it makes the owner.
fn admit(app: &App, form: &Register, is_local: bool) -> Result<bool, ActionError> {
    if let Some(token) = &form.setup_token {
        let is_right = app
            .setup
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .as_ref()
            .is_some_and(|expected| expected.matches(&TokenHash::of(token)));
        return if is_right { Ok(true) } else { Err(ActionError::field("setup_token", spent_setup_token())) };
    }
    let refuse =
        |code, message: &'static str| Err(ActionError::field("email", FieldFault::new(code, message)));
    let has_owner = app.store.read(owner)?.is_some();
    match app.config.registration {
        Registration::Open if has_owner || (app.config.listen.ip().is_loopback() && is_local) => Ok(false),
        _ if !has_owner => refuse(
            "REGISTRATION_DISABLED",
            "This Hearth is not set up yet. Whoever runs it has the link to do so.",
        ),
        Registration::Open => Ok(false),
        Registration::Invite => {
            let code = form.invite.clone().unwrap_or_default();
            if app.store.read(|view| super::invites::is_live(view, &code))? {
                Ok(false)
            } else {
                refuse("INVITE_ONLY", "An invite is needed to register here.")
            }
        }
        Registration::Closed => refuse(
            "REGISTRATION_DISABLED",
            "Registration is closed here. Ask whoever runs it for an account.",
        ),
    }
}

fn require_free(view: &View<'_>, form: &Register) -> Result<(), ActionError> {
    let mut faults = FaultTree::default();
    if let Some(name) = &form.username
        && view.has::<Usernames>(name)?
    {
        faults.add("username", taken_username());
    }
    if let Some(address) = &form.email
        && view.has::<Emails>(&address.to_lowercase())?
    {
        faults.add("email", FieldFault::new("EMAIL_ALREADY_REGISTERED", "Email is already registered."));
    }
    if faults.is_empty() { Ok(()) } else { Err(faults.into()) }
}

pub(super) fn taken_username() -> FieldFault {
    FieldFault::new("USERNAME_ALREADY_TAKEN", "This username is taken. Try another.")
}

fn insert(
    tx: &mut Tx<'_>,
    form: &Register,
    hash: &PasswordHash,
    is_owner: bool,
) -> Result<UserId, StoreError> {
    let user: UserId = tx.next_id();
    let username = match &form.username {
        Some(name) => name.clone(),
        None => free_username(tx, form.global_name.as_deref().unwrap_or_default(), user)?,
    };
    let row = UserRow { username, global_name: form.global_name.clone(), ..UserRow::default() };
    let account = AccountRow {
        email: form.email.clone(),
        password: Some(hash.as_stored().to_owned()),
        admin: is_owner,
        ..AccountRow::default()
    };
    insert_rows(tx, user, &row, &account)?;
    if is_owner {
        tx.put::<Meta>(&tx.internal(), &OWNER.to_owned(), &MetaRow::Number(user.get()))?;
    }
    Ok(user)
}

/// Writes the rows of a new account, person's or bot's.
pub fn insert_rows(
    tx: &mut Tx<'_>,
    user: UserId,
    row: &UserRow,
    account: &AccountRow,
) -> Result<(), StoreError> {
    // Registration, or an application's owner, was admitted by the action.
    let by = tx.internal();
    tx.put::<Users>(&by, &user, row)?;
    tx.put::<Accounts>(&by, &user, account)?;
    tx.put::<Usernames>(&by, &row.username, &UserIdRow { id: user })?;
    if let Some(address) = &account.email {
        tx.put::<Emails>(&by, &address.to_lowercase(), &UserIdRow { id: user })?;
    }
    Ok(())
}

/// A username made of a display name; the id's last digits tell equal ones apart.
pub fn free_username(view: &View<'_>, name: &str, user: UserId) -> Result<String, StoreError> {
    let kept: String = name
        .to_lowercase()
        .chars()
        .filter(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '_')
        .take(24)
        .collect();
    let base = if kept.len() < 2 { "user".to_owned() } else { kept };
    if username(&base).is_ok() && !view.has::<Usernames>(&base)? {
        return Ok(base);
    }
    Ok(format!("{base}_{:05}", user.get() % 100_000))
}
