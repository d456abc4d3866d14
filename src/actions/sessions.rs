//! Logins: from a name and password to a session, from a credential to the one who shows it, and how sessions end.

use std::sync::PoisonError;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::actor::{Actor, ActorKind, Credential};
use super::error::{ActionError, Fault, LimitScope, RateLimited};
use super::{confirm, grants};
use crate::app::App;
use crate::auth::live::LiveSession;
use crate::auth::passwords::{Password, PasswordError, PasswordHash};
use crate::auth::random::{BotToken, TokenHash};
use crate::auth::tokens::{Purpose, SESSION_LIFE_SECS};
use crate::logic::field::FieldFault;
use crate::logic::form::kinds::{boolean, list, raw_text, text};
use crate::logic::form::{Checked, FaultTree, Fields, Form};
use crate::logic::rate_limit::{Caller, Key, Quota};
use crate::model::{AuthSessionId, Event, Timestamp, UserId};
use crate::store::{
    AccountRow, AccountState, Accounts, AuthSessionRow, AuthSessions, BotTokens, Emails, Order, StoreError,
    Tx, Usernames, Users, View, unix_ms,
};

/// Most logins of an account that are listed or ended at once; the live table keeps no more.
pub const MAX_SESSIONS: usize = crate::auth::live::MAX_SESSIONS_PER_USER;
/// Numbers of the limits on guesses in [`Key::limit`], apart from the routes' own.
const GUESS_LIMIT: u32 = 900;
const DEVICE_LIMIT: u32 = 901;
/// Guesses of somebody who is logged in: a bucket apart, so that strangers' guesses keep nobody from their own account.
const OWN_LIMIT: u32 = 902;

/// The account behind a credential, if it is valid and alive.
///
/// # Errors
/// [`Fault::Unauthorized`] for whatever does not open the door; nothing tells why.
pub fn authenticate(app: &App, credential: Credential) -> Result<Actor, ActionError> {
    match credential {
        Credential::Bot(token) => bot(app, &token),
        Credential::Human(token) | Credential::Cookie(token) => person(app, Purpose::Session, &token),
        Credential::Bearer(token) => grants::authenticate(app, &token),
    }
}

/// The actor behind a token shown at the gateway: a bot's token, a person's session token, or the web client's ticket.
///
/// # Errors
/// As [`authenticate`].
pub fn authenticate_gateway(app: &App, token: &str) -> Result<Actor, ActionError> {
    if BotToken::claim(token).is_some()
        && let Ok(actor) = bot(app, token)
    {
        return Ok(actor);
    }
    person(app, Purpose::GatewayTicket, token).or_else(|_| person(app, Purpose::Session, token))
}

fn bot(app: &App, token: &str) -> Result<Actor, ActionError> {
    let (user, hash) = BotToken::claim(token).ok_or(Fault::Unauthorized)?;
    let row = app.store.read(|view| view.get::<BotTokens>(&hash.as_bytes().to_vec()))?;
    match row {
        Some(row) if row.id == user => Ok(Actor { user, kind: ActorKind::Bot { application: user.cast() } }),
        _ => Err(Fault::Unauthorized.into()),
    }
}

fn person(app: &App, purpose: Purpose, token: &str) -> Result<Actor, ActionError> {
    let now_ms = unix_ms();
    let verified = app.tokens.verify(purpose, token, now_ms).map_err(|_| Fault::Unauthorized)?;
    if !app.live.touch(verified.sid, verified.user, now_ms) {
        return Err(Fault::Unauthorized.into());
    }
    Ok(Actor { user: verified.user, kind: ActorKind::Human { session: verified.sid } })
}

/// What a client says of itself at login.
#[derive(Clone, Debug, Default)]
pub struct Device {
    /// Operating system, at most 64 characters.
    pub os: String,
    /// Program, at most 64 characters.
    pub client: String,
}

impl Device {
    /// Reads the usual words of a `User-Agent` header; a hint for the owner's list of sessions, nothing depends on it.
    pub fn of_user_agent(agent: &str) -> Self {
        let find = |names: &[&str]| {
            names.iter().find(|name| agent.contains(**name)).map_or("", |name| *name).to_owned()
        };
        Self {
            os: find(&["Android", "iPhone", "iPad", "Windows", "Mac OS", "Linux"]),
            client: find(&["Firefox", "Edg", "OPR", "Chrome", "Safari", "curl"]),
        }
    }
}

/// A session that was just made.
pub struct Opened {
    /// Whose.
    pub user: UserId,
    /// Its token, shown once.
    pub token: String,
    /// Its end, seconds from now.
    pub life_s: u64,
}

/// Writes a session of an account; [`started`] makes it live after the commit.
pub fn insert_session(tx: &mut Tx<'_>, user: UserId, device: &Device) -> Result<AuthSessionId, StoreError> {
    let sid: AuthSessionId = tx.next_id();
    let now_ms = tx.now_ms();
    let row = AuthSessionRow {
        created_ms: now_ms,
        used_ms: now_ms,
        os: device.os.clone(),
        client: device.client.clone(),
        expires_ms: now_ms + SESSION_LIFE_SECS * 1_000,
    };
    // The password or setup link that let the caller in was checked by the action.
    tx.put::<AuthSessions>(&tx.internal(), &(user, sid), &row)?;
    let mut all = tx.list::<AuthSessions>(&user, None, Order::Ascending, MAX_SESSIONS + 1)?;
    if all.len() > MAX_SESSIONS {
        all.sort_by_key(|(_, row)| row.used_ms);
        let stale = all[0].0;
        tx.delete::<AuthSessions>(&tx.internal(), &stale)?;
        tx.emit_event(Event::SessionsRevoked([stale.1].into()));
    }
    Ok(sid)
}

/// Makes a committed session live and signs its token.
pub fn started(app: &App, user: UserId, sid: AuthSessionId) -> Opened {
    let now_ms = unix_ms();
    app.live.insert(sid, user, now_ms);
    Opened { user, token: app.tokens.issue(Purpose::Session, user, sid, now_ms), life_s: SESSION_LIFE_SECS }
}

/// Sessions of the file, for the live table; ended ones are left out.
pub fn load_live(view: &View<'_>) -> Result<Vec<(AuthSessionId, LiveSession)>, StoreError> {
    let mut live = Vec::new();
    view.walk::<AuthSessions>(&(), None, Order::Ascending, |(user, sid), row| {
        if row.expires_ms > view.now_ms() {
            live.push((sid, LiveSession { user, last_used_ms: row.used_ms }));
        }
        std::ops::ControlFlow::Continue(())
    })?;
    Ok(live)
}

/// Body of `POST /auth/login`.
#[derive(Clone)]
pub struct Login {
    /// Mail address or username.
    pub login: String,
    password: String,
    undelete: bool,
}

impl Form for Login {
    fn read(f: &mut Fields<'_>) -> Self {
        Self {
            login: f.need("login", text(1..=320)),
            password: f.need("password", raw_text(1..=1_024)),
            undelete: f.or("undelete", boolean(), false),
        }
    }
}

/// Opens a session for whoever knows the password. Unknown names and wrong passwords get the same answer after the same work.
///
/// # Errors
/// INVALID_LOGIN on both fields; 20013 and 20011 for accounts switched off or about to be deleted, once the password was right.
pub async fn login(
    app: &App,
    form: Checked<Login>,
    device: Device,
    known_device: Option<UserId>,
) -> Result<Opened, ActionError> {
    let Login { login, password, undelete } = form.take()?;
    let found = app.store.read(|view| account_of_login(view, &login))?;
    let guess = Guess::of(&login, found.as_ref().map(|(id, _)| *id), known_device);
    guess.take(app)?;
    let stored =
        found.as_ref().and_then(|(_, account)| account.password.clone()).map(PasswordHash::from_stored);
    let is_right = verify(app, Password::offer(password.clone()), stored.clone()).await?;
    let (Some((user, account)), true, Some(stored)) = (found, is_right, stored) else {
        return Err(invalid_login());
    };
    guess.refund(app);
    let state = account.state;
    match state {
        AccountState::Deleted => return Err(invalid_login()),
        AccountState::Disabled if !undelete => return Err(Fault::AccountDisabled.into()),
        AccountState::Deleting(_) if !undelete => return Err(Fault::AccountDeletionPending.into()),
        _ => {}
    }
    let rehashed = if app.passwords.needs_rehash(&stored) {
        // A full pool only means that the stronger hash waits for the next login.
        app.passwords.hash(Password::offer(password)).await.ok()
    } else {
        None
    };
    let sid = app
        .store
        .write(move |tx| -> Result<_, ActionError> {
            let mut account = tx.get::<Accounts>(&user)?.ok_or_else(invalid_login)?;
            if account.password.as_deref() != Some(stored.as_stored()) {
                return Err(invalid_login());
            }
            if state != AccountState::Active || rehashed.is_some() {
                account.state = AccountState::Active;
                if let Some(hash) = &rehashed {
                    account.password = Some(hash.as_stored().to_owned());
                }
                tx.put::<Accounts>(&tx.own(user), &user, &account)?;
            }
            Ok(insert_session(tx, user, &device)?)
        })
        .await?;
    Ok(started(app, user, sid))
}

fn account_of_login(view: &View<'_>, login: &str) -> Result<Option<(UserId, AccountRow)>, StoreError> {
    let login = login.trim().to_lowercase();
    let id = match view.get::<Usernames>(&login)? {
        Some(row) => Some(row.id),
        None => view.get::<Emails>(&login)?.map(|row| row.id),
    };
    let Some(id) = id else { return Ok(None) };
    let is_bot = view.shared::<Users>(&id)?.is_none_or(|user| user.bot);
    Ok(if is_bot { None } else { view.get::<Accounts>(&id)?.map(|account| (id, account)) })
}

fn invalid_login() -> ActionError {
    let fault = || FieldFault::new("INVALID_LOGIN", "Login or password is invalid.");
    let mut tree = FaultTree::of("login", fault());
    tree.add("password", fault());
    tree.into()
}

/// Checks a password in the pool; a full pool is a 429, so that logins never hold up messages.
pub async fn verify(
    app: &App,
    password: Password,
    stored: Option<PasswordHash>,
) -> Result<bool, ActionError> {
    app.passwords.verify(password, stored).await.map_err(pool_error)
}

/// The pool's refusal as an answer.
pub fn pool_error(error: PasswordError) -> ActionError {
    match error {
        PasswordError::Busy => ActionError::RateLimited(RateLimited {
            retry_after: std::time::Duration::from_secs(2),
            scope: LimitScope::Shared,
            code: 0,
        }),
        other => ActionError::internal(other),
    }
}

/// The bucket that a guess at a password counts in: by account and name, or the own one of a browser that was let in before, so
/// that guessing cannot lock the owner out (SAFETY.md §1).
struct Guess(Key);

impl Guess {
    fn of(login: &str, account: Option<UserId>, known_device: Option<UserId>) -> Self {
        let (limit, major) = match account {
            Some(id) if known_device == Some(id) => (DEVICE_LIMIT, id.get()),
            Some(id) => (GUESS_LIMIT, id.get()),
            None => {
                let hash = TokenHash::of(&login.to_lowercase());
                let head = hash.as_bytes().first_chunk::<8>().expect("a SHA-256 is longer than 8 bytes");
                (GUESS_LIMIT, u64::from_be_bytes(*head))
            }
        };
        Self(Key { limit, caller: Caller::Everyone, major })
    }

    fn quota(app: &App) -> Option<Quota> {
        app.config.limits.auth_per_account.limit().map(|(count, per)| Quota::new(count, per))
    }

    fn take(&self, app: &App) -> Result<(), ActionError> {
        let Some(quota) = Self::quota(app) else { return Ok(()) };
        let mut guesses = app.guesses.lock().unwrap_or_else(PoisonError::into_inner);
        match guesses.take(self.0, quota, app.started.elapsed()).retry_after {
            None => Ok(()),
            Some(retry_after) => {
                Err(ActionError::RateLimited(RateLimited { retry_after, scope: LimitScope::User, code: 0 }))
            }
        }
    }

    /// Gives the guess back: it was right.
    fn refund(&self, app: &App) {
        if let Some(quota) = Self::quota(app) {
            app.guesses.lock().unwrap_or_else(PoisonError::into_inner).refund(self.0, quota);
        }
    }
}

/// Whether a guess at the caller's own password is right; as many are let through as at a login.
pub async fn guess_own_password(app: &App, user: UserId, password: String) -> Result<bool, ActionError> {
    let guess = Guess(Key { limit: OWN_LIMIT, caller: Caller::Everyone, major: user.get() });
    guess.take(app)?;
    let stored = app.store.read(|view| view.get::<Accounts>(&user))?.and_then(|account| account.password);
    let is_right = verify(app, Password::offer(password), stored.map(PasswordHash::from_stored)).await?;
    if is_right {
        guess.refund(app);
    }
    Ok(is_right)
}

/// Ends the caller's own session.
pub async fn logout(app: &App, actor: Actor) -> Result<(), ActionError> {
    let sid = actor.session()?;
    end(app, actor.user, vec![sid]).await
}

/// Ends sessions of an account: rows, live table, sockets.
pub async fn end(app: &App, user: UserId, sids: Vec<AuthSessionId>) -> Result<(), ActionError> {
    let ended = sids.clone();
    app.store
        .reclaim(move |tx| -> Result<(), ActionError> {
            revoke(tx, user, &sids)?;
            Ok(())
        })
        .await?;
    for sid in ended {
        app.live.remove(sid);
    }
    Ok(())
}

/// Deletes sessions of an account inside a write and has their sockets closed; the caller takes them out of the live table after
/// the commit.
pub fn revoke(tx: &mut Tx<'_>, user: UserId, sids: &[AuthSessionId]) -> Result<(), StoreError> {
    for sid in sids {
        tx.delete::<AuthSessions>(&tx.own(user), &(user, *sid))?;
    }
    if !sids.is_empty() {
        tx.emit_event(Event::SessionsRevoked(sids.into()));
    }
    Ok(())
}

/// Sessions of an account but one, for a password change.
pub fn others(
    view: &View<'_>,
    user: UserId,
    except: Option<AuthSessionId>,
) -> Result<Vec<AuthSessionId>, StoreError> {
    let rows = view.list::<AuthSessions>(&user, None, Order::Ascending, MAX_SESSIONS + 1)?;
    Ok(rows.into_iter().map(|((_, sid), _)| sid).filter(|sid| Some(*sid) != except).collect())
}

/// An item of `GET /auth/sessions`.
#[derive(Serialize, schemars::JsonSchema)]
pub struct ListedSession {
    id_hash: String,
    approx_last_used_time: Timestamp,
    client_info: ClientInfo,
    current: bool,
}

#[derive(Serialize, schemars::JsonSchema)]
struct ClientInfo {
    os: String,
    platform: String,
    location: Option<String>,
}

/// Answer of `GET /auth/sessions`.
#[derive(Serialize, schemars::JsonSchema)]
pub struct ListedSessions {
    user_sessions: Vec<ListedSession>,
}

/// How a session is named to its owner: the id itself stays inside.
pub fn id_hash(sid: AuthSessionId) -> String {
    STANDARD.encode(TokenHash::of(&sid.to_string()).as_bytes())
}

/// The caller's sessions, the newest first.
pub fn list_own(app: &App, actor: Actor) -> Result<ListedSessions, ActionError> {
    let current = actor.session()?;
    let rows = app
        .store
        .read(|view| view.list::<AuthSessions>(&actor.user, None, Order::Descending, MAX_SESSIONS))?;
    let used: std::collections::HashMap<_, _> =
        app.live.of(actor.user).into_iter().map(|(sid, live)| (sid, live.last_used_ms)).collect();
    let user_sessions = rows
        .into_iter()
        .filter(|((_, sid), _)| used.contains_key(sid))
        .map(|((_, sid), row)| ListedSession {
            id_hash: id_hash(sid),
            approx_last_used_time: Timestamp(used[&sid].max(row.used_ms)),
            client_info: ClientInfo { os: row.os, platform: row.client, location: None },
            current: sid == current,
        })
        .collect();
    Ok(ListedSessions { user_sessions })
}

/// Body of `POST /auth/sessions/logout`.
#[derive(Clone)]
pub struct EndSessions {
    hashes: Vec<String>,
    password: Option<String>,
}

impl Form for EndSessions {
    fn read(f: &mut Fields<'_>) -> Self {
        Self {
            hashes: f.need("session_id_hashes", list(text(1..=64), 64).at_least(1)),
            password: f.opt("password", raw_text(1..=1_024)),
        }
    }
}

/// Ends some of the caller's sessions, once they said again who they are.
///
/// # Errors
/// Form faults, 60003 and as [`confirm::require`].
pub async fn end_some(
    app: &App,
    actor: Actor,
    form: Checked<EndSessions>,
    pass: Option<String>,
) -> Result<(), ActionError> {
    let form = form.take()?;
    confirm::require(app, actor, confirm::Shown { password: form.password.clone(), pass }).await?;
    let own = app.live.of(actor.user).into_iter().map(|(sid, _)| sid);
    end(app, actor.user, own.filter(|sid| form.hashes.contains(&id_hash(*sid))).collect()).await
}

/// A ticket with which the web client identifies at the gateway: one minute, one use. With it comes a fresh session token when the
/// old one is half spent, for the cookie.
pub async fn gateway_ticket(app: &App, actor: Actor) -> Result<(String, Option<Opened>), ActionError> {
    let sid = actor.session()?;
    let now_ms = unix_ms();
    let ticket = app.tokens.issue(Purpose::GatewayTicket, actor.user, sid, now_ms);
    let key = (actor.user, sid);
    let row = app.store.read(|view| view.get::<AuthSessions>(&key))?.ok_or(Fault::Unauthorized)?;
    if row.expires_ms.saturating_sub(now_ms) > SESSION_LIFE_SECS * 500 {
        return Ok((ticket, None));
    }
    app.store
        .write(move |tx| -> Result<(), ActionError> {
            let mut row = tx.get::<AuthSessions>(&key)?.ok_or(Fault::Unauthorized)?;
            row.used_ms = tx.now_ms();
            row.expires_ms = tx.now_ms() + SESSION_LIFE_SECS * 1_000;
            Ok(tx.put::<AuthSessions>(&tx.own(key.0), &key, &row)?)
        })
        .await?;
    Ok((ticket, Some(started(app, actor.user, sid))))
}

/// Writes behind when sessions were used last (SAFETY.md §5.4), a bounded number per write.
pub async fn write_used(app: &App) -> Result<(), ActionError> {
    /// Rows of one write.
    const AT_ONCE: usize = 500;
    let used = app.live.take_used();
    for chunk in used.chunks(AT_ONCE) {
        let chunk: Vec<(UserId, AuthSessionId, u64)> = chunk
            .iter()
            .filter_map(|(sid, used_ms)| Some((app.live.user_of(*sid)?, *sid, *used_ms)))
            .collect();
        app.store
            .write(move |tx| -> Result<(), ActionError> {
                for (user, sid, used_ms) in &chunk {
                    if let Some(mut row) = tx.get::<AuthSessions>(&(*user, *sid))? {
                        row.used_ms = row.used_ms.max(*used_ms);
                        tx.put::<AuthSessions>(&tx.own(*user), &(*user, *sid), &row)?;
                    }
                }
                Ok(())
            })
            .await?;
    }
    Ok(())
}

/// Ends sessions whose time is over: rows and live table.
pub async fn end_expired(app: &App) -> Result<(), ActionError> {
    let now_ms = unix_ms();
    let store = app.store.clone();
    // Every session is looked at, so not on a thread that serves requests.
    let look = move || {
        let mut over = Vec::new();
        store.read(|view| {
            view.walk::<AuthSessions>(&(), None, Order::Ascending, |(user, sid), row| {
                if row.expires_ms <= now_ms {
                    over.push((user, sid));
                }
                std::ops::ControlFlow::Continue(())
            })
        })?;
        Ok::<_, StoreError>(over)
    };
    let over = tokio::task::spawn_blocking(look).await.map_err(ActionError::internal)??;
    for (user, sid) in over {
        end(app, user, vec![sid]).await?;
    }
    Ok(())
}
