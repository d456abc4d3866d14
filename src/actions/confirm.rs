//! Being asked who one is once more: acts that end or hand over something for good want the password, or a pass that a password got
//! a moment ago (API.md §2.2, code 60003). A pass and the ticket for it are signed tokens of the login that asked.

use super::actor::Actor;
use super::error::{ActionError, Confirmation, Fault};
use super::{accounts, sessions};
use crate::app::App;
use crate::auth::tokens::Purpose;
use crate::logic::form::kinds::{raw_text, word};
use crate::logic::form::{Checked, Fields, Form};
use crate::store::unix_ms;

/// What a caller shows to be let through: the password in the body, or the pass of `X-Discord-MFA-Authorization`.
#[derive(Clone, Default)]
pub struct Shown {
    /// The account's password.
    pub password: Option<String>,
    /// A pass that [`finish`] gave.
    pub pass: Option<String>,
}

/// Lets a person through who shows the password or a pass of this login.
///
/// # Errors
/// PASSWORD_DOES_NOT_MATCH for a wrong password; with nothing shown, or a pass that is none, 60003 and a ticket.
pub async fn require(app: &App, actor: Actor, shown: Shown) -> Result<(), ActionError> {
    let sid = actor.session()?;
    let now_ms = unix_ms();
    if let Some(pass) = shown.pass
        && let Ok(verified) = app.tokens.verify(Purpose::MfaPass, &pass, now_ms)
        && (verified.user, verified.sid) == (actor.user, sid)
    {
        return Ok(());
    }
    if shown.password.is_some() {
        return accounts::require_password(app, actor.user, shown.password).await;
    }
    let ticket = app.tokens.issue(Purpose::MfaTicket, actor.user, sid, now_ms);
    Err(ActionError::ConfirmIdentity(Confirmation {
        ticket,
        totp: false,
        backup_codes: false,
        password: true,
    }))
}

/// Body of `POST /mfa/finish`.
#[derive(Clone)]
pub struct Finish {
    ticket: String,
    password: String,
}

impl Form for Finish {
    fn read(f: &mut Fields<'_>) -> Self {
        if f.opt("mfa_type", word(&[("password", ())])).is_none() {
            f.require("mfa_type");
        }
        Self { ticket: f.need("ticket", raw_text(1..=1_024)), password: f.need("data", raw_text(1..=1_024)) }
    }
}

/// A pass of five minutes for who has a ticket of this login and knows the password. Guesses count as at a login.
///
/// # Errors
/// 60004 for a ticket that is none of this login, 60008 for a wrong password.
pub async fn finish(app: &App, actor: Actor, form: Checked<Finish>) -> Result<String, ActionError> {
    let sid = actor.session()?;
    let Finish { ticket, password } = form.take()?;
    let now_ms = unix_ms();
    let verified =
        app.tokens.verify(Purpose::MfaTicket, &ticket, now_ms).map_err(|_| Fault::InvalidMfaTicket)?;
    if (verified.user, verified.sid) != (actor.user, sid) {
        return Err(Fault::InvalidMfaTicket.into());
    }
    if !sessions::guess_own_password(app, actor.user, password).await? {
        return Err(Fault::InvalidMfaCode.into());
    }
    Ok(app.tokens.issue(Purpose::MfaPass, actor.user, sid, unix_ms()))
}
