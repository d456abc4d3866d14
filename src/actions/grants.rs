//! Access that people give to applications by OAuth2 (RFC 6749, RFC 7636): codes, access and refresh tokens, and taking it back. All
//! tokens are random and kept as SHA-256. A grant is what one consent made; its tokens are a family that ends with it.

use std::ops::ControlFlow;

use aws_lc_rs::{constant_time, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

use super::actor::{Actor, ActorKind};
use super::applications::row_of;
use super::error::{ActionError, Fault};
use super::{show, show_apps};
use crate::app::App;
use crate::auth::random::{OpaqueToken, TokenHash};
use crate::logic::form::kinds::raw_text;
use crate::logic::form::{Checked, Fields, Form};
use crate::logic::scopes::Scopes;
use crate::model::{ApplicationId, OAuthGrantId, PublicApplication, Timestamp, User, UserId};
use crate::store::{
    AccountState, Accounts, ApplicationRow, OAuthCodeRow, OAuthCodes, OAuthGrantRow, OAuthGrants,
    OAuthTokenRow, OAuthTokens, Order, StoreError, Table, Tx, View, unix_ms,
};

/// Life of a code, milliseconds (SAFETY.md §1).
const CODE_LIFE_MS: u64 = 60_000;
/// Life of an access token, seconds (API.md §2.4).
const ACCESS_LIFE_S: u64 = 604_800;
/// Life of a refresh token that is not used, milliseconds.
const REFRESH_LIFE_MS: u64 = 180 * 24 * 3_600 * 1_000;
/// Most grants of an account; a further one ends the oldest.
const MAX_GRANTS: usize = 200;
/// Rows of ended tokens and codes that one job takes out.
const SWEPT_AT_ONCE: usize = 400;
/// Longest value of a field of the token route, code points.
const MAX_FIELD_CHARS: usize = 2_048;

fn hash(token: &str) -> Vec<u8> {
    TokenHash::of(token).as_bytes().to_vec()
}

/// What a code is bound to.
pub(super) struct Bound {
    pub application: ApplicationId,
    pub scopes: Scopes,
    pub redirect_uri: String,
    /// The S256 challenge of RFC 7636.
    pub challenge: Option<String>,
}

/// Writes a code that the application may exchange once within a minute; `code` is the token's hash.
pub(super) fn put_code(
    tx: &mut Tx<'_>,
    user: UserId,
    bound: &Bound,
    code: Vec<u8>,
) -> Result<(), StoreError> {
    let row = OAuthCodeRow {
        application: bound.application,
        user,
        scopes: bound.scopes.bits(),
        redirect_uri: bound.redirect_uri.clone(),
        challenge: bound.challenge.clone(),
        expires_ms: tx.now_ms() + CODE_LIFE_MS,
        used_for: None,
    };
    tx.put::<OAuthCodes>(&tx.own(user), &code, &row)
}

/// A new code and what to keep of it.
pub(super) fn new_code() -> (OpaqueToken, Vec<u8>) {
    let code = OpaqueToken::generate();
    let kept = code.hash().as_bytes().to_vec();
    (code, kept)
}

/// The one behind an access token.
///
/// # Errors
/// [`Fault::Unauthorized`] for whatever is no live token of a live account.
pub fn authenticate(app: &App, token: &str) -> Result<Actor, ActionError> {
    app.store.read(|view| {
        let (row, grant) = live_token(view, token)?.ok_or(Fault::Unauthorized)?;
        let scopes = Scopes::from_bits(grant.scopes);
        Ok(Actor { user: row.user, kind: ActorKind::Bearer { application: row.application, scopes } })
    })
}

/// An access token that is good, with its grant.
fn live_token(view: &View<'_>, token: &str) -> Result<Option<(OAuthTokenRow, OAuthGrantRow)>, StoreError> {
    let Some(row) = view.get::<OAuthTokens>(&hash(token))? else { return Ok(None) };
    if row.refresh || row.expires_ms <= view.now_ms() {
        return Ok(None);
    }
    let is_active =
        view.get::<Accounts>(&row.user)?.is_some_and(|account| account.state == AccountState::Active);
    let grant = view.get::<OAuthGrants>(&(row.user, row.grant))?.filter(|_| is_active);
    Ok(grant.map(|grant| (row, grant)))
}

/// The one behind an access token that its owner's application shows for `guilds.join`.
///
/// # Errors
/// 50025 for a token that is not good, another application's, or without the scope.
pub(super) fn joiner(
    view: &View<'_>,
    application: ApplicationId,
    token: &str,
) -> Result<UserId, ActionError> {
    match live_token(view, token)? {
        Some((row, grant))
            if row.application == application
                && Scopes::from_bits(grant.scopes).contains(Scopes::GUILDS_JOIN) =>
        {
            Ok(row.user)
        }
        _ => Err(Fault::InvalidOAuth2Token.into()),
    }
}

/// Who calls the token routes: by `Authorization: Basic` or by fields of the body.
#[derive(Clone, Default)]
pub struct Client {
    /// The application's id.
    pub id: Option<String>,
    /// Its secret; public clients have none.
    pub secret: Option<String>,
}

/// Body of `POST /oauth2/token`.
#[derive(Clone)]
pub struct Grant {
    grant_type: String,
    client: Client,
    code: Option<String>,
    redirect_uri: Option<String>,
    verifier: Option<String>,
    refresh_token: Option<String>,
    scope: Option<String>,
}

impl Form for Grant {
    fn read(f: &mut Fields<'_>) -> Self {
        let field = || raw_text(0..=MAX_FIELD_CHARS);
        Self {
            grant_type: f.need("grant_type", field()),
            client: Client { id: f.opt("client_id", field()), secret: f.opt("client_secret", field()) },
            code: f.opt("code", field()),
            redirect_uri: f.opt("redirect_uri", field()),
            verifier: f.opt("code_verifier", field()),
            refresh_token: f.opt("refresh_token", field()),
            scope: f.opt("scope", field()),
        }
    }
}

/// Body of `POST /oauth2/token/revoke`.
#[derive(Clone)]
pub struct Revoke {
    token: String,
    client: Client,
}

impl Form for Revoke {
    fn read(f: &mut Fields<'_>) -> Self {
        let field = || raw_text(0..=MAX_FIELD_CHARS);
        f.opt("token_type_hint", field());
        Self {
            token: f.need("token", field()),
            client: Client { id: f.opt("client_id", field()), secret: f.opt("client_secret", field()) },
        }
    }
}

/// What a grant gives out.
#[derive(Serialize, schemars::JsonSchema)]
pub struct Issued {
    access_token: String,
    token_type: &'static str,
    /// Seconds.
    expires_in: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    scope: String,
}

/// A client that said who it is.
#[derive(Clone, Copy)]
struct Known {
    id: ApplicationId,
    /// Whether it showed its secret.
    is_confidential: bool,
}

/// Who calls, where a secret that is shown is the right one.
fn known(view: &View<'_>, basic: &Client, body: &Client) -> Result<Known, ActionError> {
    let given = if basic.id.is_some() { basic } else { body };
    let refuse = ActionError::OAuth2("invalid_client");
    let Some(id) = given.id.as_deref().and_then(|id| id.parse().ok()) else { return Err(refuse) };
    let row: ApplicationRow = match row_of(view, id) {
        Ok(row) => row,
        Err(ActionError::Fault(_)) => return Err(refuse),
        Err(error) => return Err(error),
    };
    let Some(secret) = given.secret.as_deref().filter(|secret| !secret.is_empty()) else {
        return Ok(Known { id, is_confidential: false });
    };
    let is_right = constant_time::verify_slices_are_equal(&hash(secret), &row.secret_hash).is_ok();
    if is_right { Ok(Known { id, is_confidential: true }) } else { Err(refuse) }
}

/// The two tokens of an answer, made before the job that keeps their hashes.
struct Pair {
    access: OpaqueToken,
    refresh: OpaqueToken,
}

impl Pair {
    fn generate() -> Self {
        Self { access: OpaqueToken::generate(), refresh: OpaqueToken::generate() }
    }

    fn kept(&self) -> Kept {
        let kept = |token: &OpaqueToken| token.hash().as_bytes().to_vec();
        Kept { access: kept(&self.access), refresh: kept(&self.refresh) }
    }

    fn issued(&self, scopes: Scopes, has_refresh: bool) -> Issued {
        Issued {
            access_token: self.access.expose().to_owned(),
            token_type: "Bearer",
            expires_in: ACCESS_LIFE_S,
            refresh_token: has_refresh.then(|| self.refresh.expose().to_owned()),
            scope: scopes.words().join(" "),
        }
    }
}

/// Hashes of a [`Pair`].
#[derive(Clone)]
struct Kept {
    access: Vec<u8>,
    refresh: Vec<u8>,
}

/// What a job decided: a refusal may have ended a family, so it is no error of the job.
enum Exchanged {
    Given(Scopes),
    Refused,
}

/// Gives tokens for a code, a refresh token, or the application's own secret.
///
/// # Errors
/// The words of RFC 6749 §5.2.
pub async fn exchange(app: &App, basic: Client, form: Checked<Grant>) -> Result<Issued, ActionError> {
    let Ok(form) = form.take() else { return Err(ActionError::OAuth2("invalid_request")) };
    let pair = Pair::generate();
    let kept = pair.kept();
    let is_of_person = form.grant_type != "client_credentials";
    let exchanged = match form.grant_type.as_str() {
        "authorization_code" => app.store.write(move |tx| by_code(tx, &basic, &form, &kept)).await?,
        "refresh_token" => app.store.write(move |tx| by_refresh(tx, &basic, &form, &kept)).await?,
        "client_credentials" => app.store.write(move |tx| by_secret(tx, &basic, &form, &kept)).await?,
        _ => return Err(ActionError::OAuth2("unsupported_grant_type")),
    };
    match exchanged {
        Exchanged::Given(scopes) => Ok(pair.issued(scopes, is_of_person)),
        Exchanged::Refused => Err(ActionError::OAuth2("invalid_grant")),
    }
}

fn by_code(tx: &mut Tx<'_>, basic: &Client, form: &Grant, kept: &Kept) -> Result<Exchanged, ActionError> {
    let client = known(tx, basic, &form.client)?;
    let Some(code) = form.code.as_deref() else { return Err(ActionError::OAuth2("invalid_request")) };
    let code = hash(code);
    let Some(mut row) = tx.get::<OAuthCodes>(&code)? else { return Ok(Exchanged::Refused) };
    if row.application != client.id {
        return Ok(Exchanged::Refused);
    }
    if let Some(grant) = row.used_for {
        // Shown twice, so somebody else has it too: what it gave ends (RFC 6749 §4.1.2).
        tx.delete::<OAuthGrants>(&tx.own(row.user), &(row.user, grant))?;
        return Ok(Exchanged::Refused);
    }
    let is_bound = row.expires_ms > tx.now_ms()
        && form.redirect_uri.as_deref() == Some(row.redirect_uri.as_str())
        && match row.challenge.as_deref() {
            Some(challenge) => form.verifier.as_deref().is_some_and(|verifier| meets(verifier, challenge)),
            // Without a challenge only the secret tells whose code it is.
            None => client.is_confidential,
        };
    if !is_bound {
        return Ok(Exchanged::Refused);
    }
    let scopes = Scopes::from_bits(row.scopes);
    let grant = put_grant(tx, row.user, client, scopes)?;
    put_tokens(tx, (row.user, grant, client.id), kept, true)?;
    row.used_for = Some(grant);
    tx.put::<OAuthCodes>(&tx.own(row.user), &code, &row)?;
    Ok(Exchanged::Given(scopes))
}

/// Whether a verifier is the challenge's (RFC 7636 §4.6, S256).
fn meets(verifier: &str, challenge: &str) -> bool {
    let hashed = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()));
    (43..=128).contains(&verifier.len())
        && constant_time::verify_slices_are_equal(hashed.as_bytes(), challenge.as_bytes()).is_ok()
}

fn by_refresh(tx: &mut Tx<'_>, basic: &Client, form: &Grant, kept: &Kept) -> Result<Exchanged, ActionError> {
    let client = known(tx, basic, &form.client)?;
    let Some(token) = form.refresh_token.as_deref() else {
        return Err(ActionError::OAuth2("invalid_request"));
    };
    let token = hash(token);
    let Some(mut row) = tx.get::<OAuthTokens>(&token)?.filter(|row| row.refresh) else {
        return Ok(Exchanged::Refused);
    };
    let key = (row.user, row.grant);
    let Some(grant) = tx.get::<OAuthGrants>(&key)? else { return Ok(Exchanged::Refused) };
    if row.application != client.id
        || !(client.is_confidential || grant.public)
        || row.expires_ms <= tx.now_ms()
    {
        return Ok(Exchanged::Refused);
    }
    let by = tx.own(row.user);
    if row.spent {
        // Used before, so one of two users stole it: the whole family ends (SAFETY.md §1).
        tx.delete::<OAuthGrants>(&by, &key)?;
        return Ok(Exchanged::Refused);
    }
    row.spent = true;
    tx.put::<OAuthTokens>(&by, &token, &row)?;
    put_tokens(tx, (row.user, row.grant, client.id), kept, true)?;
    Ok(Exchanged::Given(Scopes::from_bits(grant.scopes)))
}

fn by_secret(tx: &mut Tx<'_>, basic: &Client, form: &Grant, kept: &Kept) -> Result<Exchanged, ActionError> {
    let client = known(tx, basic, &form.client)?;
    if !client.is_confidential {
        return Err(ActionError::OAuth2("invalid_client"));
    }
    let scopes = Scopes::parse(form.scope.as_deref().unwrap_or("identify"))
        .filter(|scopes| *scopes == scopes.without(Scopes::OF_CONSENT) && !scopes.is_empty())
        .ok_or(ActionError::OAuth2("invalid_scope"))?;
    let owner = row_of(tx, client.id)?.owner;
    let grant = put_grant(tx, owner, client, scopes)?;
    put_tokens(tx, (owner, grant, client.id), kept, false)?;
    Ok(Exchanged::Given(scopes))
}

fn put_grant(
    tx: &mut Tx<'_>,
    user: UserId,
    client: Known,
    scopes: Scopes,
) -> Result<OAuthGrantId, StoreError> {
    let by = tx.own(user);
    let held = tx.list::<OAuthGrants>(&user, None, Order::Ascending, MAX_GRANTS)?;
    if held.len() == MAX_GRANTS {
        tx.delete::<OAuthGrants>(&by, &held[0].0)?;
    }
    let id: OAuthGrantId = tx.next_id();
    let row =
        OAuthGrantRow { application: client.id, scopes: scopes.bits(), public: !client.is_confidential };
    tx.put::<OAuthGrants>(&by, &(user, id), &row)?;
    Ok(id)
}

fn put_tokens(
    tx: &mut Tx<'_>,
    (user, grant, application): (UserId, OAuthGrantId, ApplicationId),
    kept: &Kept,
    has_refresh: bool,
) -> Result<(), StoreError> {
    let by = tx.own(user);
    let now_ms = tx.now_ms();
    let access = OAuthTokenRow {
        user,
        grant,
        application,
        expires_ms: now_ms + ACCESS_LIFE_S * 1_000,
        ..OAuthTokenRow::default()
    };
    let refresh = OAuthTokenRow { expires_ms: now_ms + REFRESH_LIFE_MS, refresh: true, ..access.clone() };
    tx.put::<OAuthTokens>(&by, &kept.access, &access)?;
    if has_refresh {
        tx.put::<OAuthTokens>(&by, &kept.refresh, &refresh)?;
    }
    Ok(())
}

/// Ends the grant of a token, for its application; a token that is none is ended already (RFC 7009 §2.2).
///
/// # Errors
/// `invalid_client` for a wrong secret.
pub async fn revoke(app: &App, basic: Client, form: Checked<Revoke>) -> Result<(), ActionError> {
    let Ok(form) = form.take() else { return Err(ActionError::OAuth2("invalid_request")) };
    app.store
        .reclaim(move |tx| -> Result<(), ActionError> {
            let client = known(tx, &basic, &form.client)?;
            if let Some(row) = tx.get::<OAuthTokens>(&hash(&form.token))?
                && row.application == client.id
            {
                tx.delete::<OAuthGrants>(&tx.own(row.user), &(row.user, row.grant))?;
            }
            Ok(())
        })
        .await
}

/// Answer of `GET /oauth2/@me`.
#[derive(Serialize, schemars::JsonSchema)]
pub struct Authorization {
    application: PublicApplication,
    scopes: Vec<&'static str>,
    expires: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<std::sync::Arc<User>>,
}

/// What an access token stands for.
///
/// # Errors
/// 401 for whatever is no access token.
pub fn current(app: &App, token: &str) -> Result<Authorization, ActionError> {
    app.store.read(|view| {
        let (row, grant) = live_token(view, token)?.ok_or(Fault::Unauthorized)?;
        let scopes = Scopes::from_bits(grant.scopes);
        Ok(Authorization {
            application: show_apps::public_application(row.application, &row_of(view, row.application)?),
            scopes: scopes.words(),
            expires: Timestamp(row.expires_ms),
            user: match scopes.contains(Scopes::IDENTIFY) {
                true => Some(show::user_by_id(view, row.user)?),
                false => None,
            },
        })
    })
}

/// Access that the caller gave.
#[derive(Serialize, schemars::JsonSchema)]
pub struct Given {
    id: OAuthGrantId,
    scopes: Vec<&'static str>,
    application: PublicApplication,
    disclosures: Vec<()>,
}

/// Applications that the caller gave access to, newest first.
pub fn list(app: &App, actor: Actor) -> Result<Vec<Given>, ActionError> {
    actor.session()?;
    app.store.read(|view| {
        let mut given = Vec::new();
        for ((_, id), row) in view.list::<OAuthGrants>(&actor.user, None, Order::Descending, MAX_GRANTS)? {
            // An application that is gone has no access either.
            let Ok(application) = row_of(view, row.application) else { continue };
            given.push(Given {
                id,
                scopes: Scopes::from_bits(row.scopes).words(),
                application: show_apps::public_application(row.application, &application),
                disclosures: Vec::new(),
            });
        }
        Ok(given)
    })
}

/// Takes access back that the caller gave.
///
/// # Errors
/// 10012 for none of theirs.
pub async fn take_back(app: &App, actor: Actor, id: OAuthGrantId) -> Result<(), ActionError> {
    actor.session()?;
    app.store
        .reclaim(move |tx| -> Result<(), ActionError> {
            match tx.delete::<OAuthGrants>(&tx.own(actor.user), &(actor.user, id))? {
                true => Ok(()),
                false => Err(Fault::UnknownToken.into()),
            }
        })
        .await
}

/// Whether somebody gave an application these scopes already.
pub(super) fn has_given(
    view: &View<'_>,
    user: UserId,
    application: ApplicationId,
    scopes: Scopes,
) -> Result<bool, StoreError> {
    let grants = view.list::<OAuthGrants>(&user, None, Order::Ascending, MAX_GRANTS)?;
    Ok(grants
        .iter()
        .any(|(_, row)| row.application == application && Scopes::from_bits(row.scopes).contains(scopes)))
}

/// Takes codes and tokens out of the tables whose time is over or whose grant is gone.
///
/// # Errors
/// Why the store did not take a job.
pub async fn sweep(app: &App) -> Result<(), ActionError> {
    let now_ms = unix_ms();
    while sweep_some::<OAuthCodes>(app, move |_, row| Ok(row.expires_ms <= now_ms)).await? {}
    while sweep_some::<OAuthTokens>(app, move |view, row| {
        Ok(row.expires_ms <= now_ms || !view.has::<OAuthGrants>(&(row.user, row.grant))?)
    })
    .await?
    {}
    Ok(())
}

/// One job of it; whether there may be more.
async fn sweep_some<T>(
    app: &App,
    is_over: impl Fn(&View<'_>, &T::Row) -> Result<bool, StoreError> + Send + Copy + 'static,
) -> Result<bool, ActionError>
where
    T: Table<Key = Vec<u8>>,
{
    let store = app.store.clone();
    // Every row is looked at, so not on a thread that serves requests.
    let look = move || {
        store.read(|view| {
            let (mut over, mut failed) = (Vec::new(), None);
            view.walk::<T>(&(), None, Order::Ascending, |key, row| {
                match is_over(view, &row) {
                    Ok(true) => over.push(key),
                    Ok(false) => {}
                    Err(error) => failed = Some(error),
                }
                let is_enough = over.len() == SWEPT_AT_ONCE || failed.is_some();
                if is_enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })?;
            failed.map_or(Ok(over), Err)
        })
    };
    let over: Vec<Vec<u8>> = tokio::task::spawn_blocking(look).await.map_err(ActionError::internal)??;
    let is_more = over.len() == SWEPT_AT_ONCE;
    if !over.is_empty() {
        app.store
            .reclaim(move |tx| -> Result<(), ActionError> {
                for key in &over {
                    // Nobody's right is asked: their time is over.
                    tx.delete::<T>(&tx.internal(), key)?;
                }
                Ok(())
            })
            .await?;
    }
    Ok(is_more)
}
