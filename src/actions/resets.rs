//! Passwords that were forgotten: a link from whoever runs the instance opens the account to its person once, for an hour.

use super::error::ActionError;
use super::registration::check_password;
use super::sessions::{self, Device, Opened};
use crate::app::App;
use crate::auth::passwords::Password;
use crate::auth::random::TokenHash;
use crate::auth::tokens::Purpose;
use crate::logic::field::FieldFault;
use crate::logic::form::kinds::{raw_text, text};
use crate::logic::form::{Checked, Fields, Form};
use crate::model::{AuthSessionId, UserId};
use crate::store::{AccountRow, AccountState, Accounts, unix_ms};

/// Body of `POST /auth/forgot`.
pub struct Forgot;

impl Form for Forgot {
    fn read(f: &mut Fields<'_>) -> Self {
        let _login: String = f.need("login", text(1..=320));
        Self
    }
}

/// Body of `POST /auth/reset`.
#[derive(Clone)]
pub struct Reset {
    token: String,
    password: String,
}

impl Form for Reset {
    fn read(f: &mut Fields<'_>) -> Self {
        let form = Self {
            token: f.need("token", raw_text(1..=1_024)),
            password: f.need("password", raw_text(0..=1_024)),
        };
        check_password(f, "password", &form.password);
        form
    }
}

/// What ties a link to the password of its time: with another password the link opens nothing, so it is good once.
fn mark(account: &AccountRow) -> AuthSessionId {
    let hash = TokenHash::of(account.password.as_deref().unwrap_or_default());
    let head = hash.as_bytes().first_chunk::<8>().expect("a SHA-256 is longer than 8 bytes");
    AuthSessionId::new(u64::from_be_bytes(*head))
}

/// A link's token for an account.
pub fn token_for(app: &App, user: UserId, account: &AccountRow) -> String {
    app.tokens.issue(Purpose::Reset, user, mark(account), unix_ms())
}

fn invalid_link() -> ActionError {
    let fault = FieldFault::new("TOKEN_INVALID", "This link was used, or is too old. Ask for a new one.");
    ActionError::field("token", fault)
}

/// Gives the account another password, ends all its sessions and opens a new one. An account that was switched off is on again.
///
/// # Errors
/// TOKEN_INVALID on `token` for a link that is used, too old or none.
pub async fn reset(app: &App, form: Checked<Reset>, device: Device) -> Result<Opened, ActionError> {
    let Reset { token, password } = form.take()?;
    let link = app.tokens.verify(Purpose::Reset, &token, unix_ms()).map_err(|_| invalid_link())?;
    let opens =
        move |account: &AccountRow| account.state != AccountState::Deleted && mark(account) == link.sid;
    // Before the hash is made, which is dear.
    if !app.store.read(|view| view.get::<Accounts>(&link.user))?.is_some_and(|account| opens(&account)) {
        return Err(invalid_link());
    }
    let hash = app.passwords.hash(Password::offer(password)).await.map_err(sessions::pool_error)?;
    let (sid, ended) = app
        .store
        .write(move |tx| -> Result<_, ActionError> {
            let account = tx.get::<Accounts>(&link.user)?.filter(|account| opens(account));
            let mut account = account.ok_or_else(invalid_link)?;
            account.password = Some(hash.as_stored().to_owned());
            account.state = AccountState::Active;
            tx.put::<Accounts>(&tx.own(link.user), &link.user, &account)?;
            let ended = sessions::others(tx, link.user, None)?;
            sessions::revoke(tx, link.user, &ended)?;
            Ok((sessions::insert_session(tx, link.user, &device)?, ended))
        })
        .await?;
    for sid in ended {
        app.live.remove(sid);
    }
    Ok(sessions::started(app, link.user, sid))
}
