//! Registering, logging in and out, sessions, one's own account and those of others.

use hyper::header::HeaderValue;
use schemars::JsonSchema;
use serde::Serialize;

use super::call::Call;
use super::reply::{Answer, Reply};
use super::route::{Route, Who, get, patch, post};
use crate::actions::accounts::{self, Edit, Leave};
use crate::actions::confirm::{self, Finish};
use crate::actions::profiles::{self, ProfileQuery};
use crate::actions::registration::{self, Register};
use crate::actions::resets::{self, Forgot, Reset};
use crate::actions::sessions::{self, Device, EndSessions, Login, Opened};
use crate::auth::cookies;
use crate::auth::tokens::{Purpose, SESSION_LIFE_SECS};
use crate::logic::form::kinds::text;
use crate::logic::form::{Checked, Fields, Form};
use crate::logic::rate_limit::Bucket;
use crate::logic::scopes::Scopes;
use crate::model::kind::User as UserKind;
use crate::model::{AuthSessionId, OwnUser, User, UserId};

/// The routes of accounts and sessions.
pub fn routes() -> Vec<Route> {
    vec![
        post("/auth/register", register)
            .who(Who::Nobody)
            .limit(Bucket::Register)
            .takes::<Register>()
            .gives::<TokenAnswer>(201)
            .summary("Make an account"),
        post("/auth/login", login)
            .who(Who::Nobody)
            .limit(Bucket::Login)
            .takes::<Login>()
            .gives::<LoginAnswer>(200)
            .summary("Log in"),
        post("/auth/logout", logout).who(Who::Human).or_nothing().summary("End this session"),
        get("/auth/sessions", list_sessions)
            .who(Who::Human)
            .gives::<sessions::ListedSessions>(200)
            .summary("List one's own sessions"),
        post("/auth/sessions/logout", end_sessions)
            .who(Who::Human)
            .takes::<EndSessions>()
            .or_nothing()
            .summary("End some of one's own sessions"),
        post("/auth/forgot", forgot)
            .who(Who::Nobody)
            .limit(Bucket::Login)
            .takes::<Forgot>()
            .gives::<Recovery>(200)
            .summary("Say that one forgot a password: whoever runs the instance makes the link"),
        post("/auth/reset", reset)
            .who(Who::Nobody)
            .limit(Bucket::Login)
            .takes::<Reset>()
            .gives::<TokenAnswer>(200)
            .summary("Choose a new password by a link"),
        post("/mfa/finish", finish)
            .who(Who::Human)
            .takes::<Finish>()
            .gives::<Pass>(200)
            .summary("Say again who one is, for acts that ask"),
        post("/auth/fingerprint", fingerprint)
            .who(Who::Nobody)
            .gives::<Fingerprint>(200)
            .summary("A name for a browser: clients of old ask for one, nothing is kept"),
        get("/auth/location-metadata", location_metadata)
            .who(Who::Nobody)
            .gives::<serde_json::Value>(200)
            .summary("What the law of the caller's place asks for: nothing is looked up"),
        post("/unique-username/username-attempt-unauthed", is_taken)
            .who(Who::Nobody)
            .limit(Bucket::Register)
            .takes::<Attempt>()
            .gives::<Taken>(200)
            .summary("Whether a username is taken"),
        post("/users/@me/pomelo-attempt", is_taken)
            .who(Who::Human)
            .takes::<Attempt>()
            .gives::<Taken>(200)
            .summary("Whether a username is taken"),
        post("/hearth/gateway-ticket", ticket)
            .who(Who::Human)
            .gives::<Ticket>(200)
            .summary("A ticket for the gateway"),
        get("/users/@me", me).scope(Scopes::IDENTIFY).gives::<OwnUser>(200).summary("One's own account"),
        patch("/users/@me", edit)
            .takes::<Edit>()
            .with_pictures()
            .gives::<accounts::Edited>(200)
            .summary("Change one's own account"),
        patch("/users/@me/profile", edit)
            .who(Who::Human)
            .takes::<Edit>()
            .with_pictures()
            .gives::<accounts::Edited>(200)
            .summary("Change one's own profile"),
        post("/users/@me/disable", disable)
            .who(Who::Human)
            .takes::<Leave>()
            .or_nothing()
            .summary("Switch one's own account off"),
        post("/users/@me/delete", delete_account)
            .who(Who::Human)
            .takes::<Leave>()
            .or_nothing()
            .summary("Have one's own account deleted"),
        get("/users/{user_id}", user).gives::<User>(200).summary("An account"),
        get("/users/{user_id}/profile", profile)
            .who(Who::Human)
            .query::<ProfileQuery>()
            .gives::<profiles::Profile>(200)
            .summary("An account's profile"),
        get("/users/{user_id}/relationships", mutual_friends)
            .who(Who::Human)
            .gives::<Vec<User>>(200)
            .summary("Friends one has in common with somebody"),
    ]
}

/// Answer of registering and logging in; the web client's token goes into its cookie instead (API.md §0).
#[derive(Serialize, JsonSchema)]
struct TokenAnswer {
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    user_id: UserId,
}

#[derive(Serialize, JsonSchema)]
struct LoginAnswer {
    user_id: UserId,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    user_settings: LoginSettings,
}

#[derive(Serialize, JsonSchema)]
struct LoginSettings {
    locale: String,
    theme: String,
}

/// Name of the cookie that marks a browser in which an account logged in before.
const DEVICE_COOKIE: &str = "hearth_device";

fn device(call: &Call) -> Device {
    Device::of_user_agent(call.header("user-agent").unwrap_or_default())
}

/// The account that logged in from this browser before, if its mark says so.
fn known_device(call: &Call) -> Option<UserId> {
    let mark = call
        .header("cookie")?
        .split(';')
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(name, value)| (name == DEVICE_COOKIE).then_some(value))?;
    call.app.tokens.verify(Purpose::Device, mark, now_ms()).ok().map(|verified| verified.user)
}

fn now_ms() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as u64)
}

/// Gives a web client its cookies.
fn with_cookies(call: &Call, reply: Reply, opened: &Opened) -> Answer {
    if !call.is_web_client() {
        return Ok(reply.no_store());
    }
    let is_https = call.origin().is_https();
    let mark = call.app.tokens.issue(Purpose::Device, opened.user, AuthSessionId::new(0), now_ms());
    let secure = if is_https { "; Secure" } else { "" };
    reply.no_store().cookie(&cookies::set(&opened.token, is_https, SESSION_LIFE_SECS))?.cookie(&format!(
        "{DEVICE_COOKIE}={mark}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Strict{secure}"
    ))
}

fn shown_token(call: &Call, opened: &Opened) -> Option<String> {
    (!call.is_web_client()).then(|| opened.token.clone())
}

async fn register(call: Call) -> Answer {
    let opened =
        registration::register(&call.app, call.form::<Register>(), device(&call), call.is_local()).await?;
    let answer = TokenAnswer { token: shown_token(&call, &opened), user_id: opened.user };
    with_cookies(&call, Reply::json(&answer)?, &opened)
}

async fn login(call: Call) -> Answer {
    let opened = sessions::login(&call.app, call.form::<Login>(), device(&call), known_device(&call)).await?;
    let settings = crate::actions::settings::of_login(&call.app, opened.user)?;
    let answer = LoginAnswer {
        user_id: opened.user,
        token: shown_token(&call, &opened),
        user_settings: LoginSettings { locale: settings.0, theme: settings.1 },
    };
    with_cookies(&call, Reply::json(&answer)?, &opened)
}

/// How a forgotten password is replaced.
#[derive(Serialize, JsonSchema)]
struct Recovery {
    method: &'static str,
}

/// Says the same of every name, there or not (SAFETY.md §1): there is no mailer that could send the link.
async fn forgot(call: Call) -> Answer {
    call.form::<Forgot>().take()?;
    Reply::json(&Recovery { method: "password_reset" })
}

async fn reset(call: Call) -> Answer {
    let opened = resets::reset(&call.app, call.form::<Reset>(), device(&call)).await?;
    let answer = TokenAnswer { token: shown_token(&call, &opened), user_id: opened.user };
    with_cookies(&call, Reply::json(&answer)?, &opened)
}

async fn logout(call: Call) -> Answer {
    sessions::logout(&call.app, call.actor()?).await?;
    let reply = Reply::nothing();
    if !call.is_web_client() {
        return Ok(reply);
    }
    reply.cookie(&cookies::clear(call.origin().is_https())).map(|reply| {
        reply.header(
            hyper::header::HeaderName::from_static("clear-site-data"),
            HeaderValue::from_static("\"cache\""),
        )
    })
}

async fn list_sessions(call: Call) -> Answer {
    Reply::json(&sessions::list_own(&call.app, call.actor()?)?)
}

async fn end_sessions(call: Call) -> Answer {
    let pass = call.mfa_pass();
    sessions::end_some(&call.app, call.actor()?, call.form::<EndSessions>(), pass).await?;
    Ok(Reply::nothing())
}

/// A pass for acts that ask again who one is.
#[derive(Serialize, JsonSchema)]
struct Pass {
    token: String,
}

async fn finish(call: Call) -> Answer {
    let token = confirm::finish(&call.app, call.actor()?, call.form::<Finish>()).await?;
    Ok(Reply::json(&Pass { token })?.no_store())
}

#[derive(Serialize, JsonSchema)]
struct Fingerprint {
    fingerprint: String,
}

async fn fingerprint(_: Call) -> Answer {
    let name = u64::from_be_bytes(crate::auth::random::bytes());
    Reply::json(&Fingerprint { fingerprint: format!("{name}.hearth") })
}

async fn location_metadata(_: Call) -> Answer {
    let nothing_asked = serde_json::json!({
        "consent_required": false,
        "country_code": null,
        "promotional_email_opt_in": { "required": false, "pre_checked": false },
    });
    Reply::json(&nothing_asked)
}

struct Attempt {
    username: String,
}

impl Form for Attempt {
    fn read(f: &mut Fields<'_>) -> Self {
        Self { username: f.need("username", text(1..=64)) }
    }
}

#[derive(Serialize, JsonSchema)]
struct Taken {
    taken: bool,
}

async fn is_taken(call: Call) -> Answer {
    let form: Checked<Attempt> = call.form();
    Reply::json(&Taken { taken: accounts::is_taken(&call.app, &form.take()?.username)? })
}

#[derive(Serialize, JsonSchema)]
struct Ticket {
    ticket: String,
}

async fn ticket(call: Call) -> Answer {
    let (ticket, renewed) = sessions::gateway_ticket(&call.app, call.actor()?).await?;
    let reply = Reply::json(&Ticket { ticket })?;
    match renewed {
        Some(opened) => with_cookies(&call, reply, &opened),
        None => Ok(reply.no_store()),
    }
}

async fn me(call: Call) -> Answer {
    Reply::json(&accounts::me(&call.app, call.actor()?)?)
}

async fn edit(call: Call) -> Answer {
    let (mut edited, opened) =
        accounts::edit(&call.app, call.actor()?, call.form::<Edit>(), device(&call)).await?;
    let Some(opened) = opened else { return Reply::json(&edited) };
    edited.token = shown_token(&call, &opened);
    with_cookies(&call, Reply::json(&edited)?, &opened)
}

async fn disable(call: Call) -> Answer {
    accounts::leave(&call.app, call.actor()?, call.form::<Leave>(), false).await?;
    Ok(Reply::nothing())
}

async fn delete_account(call: Call) -> Answer {
    accounts::leave(&call.app, call.actor()?, call.form::<Leave>(), true).await?;
    Ok(Reply::nothing())
}

async fn user(call: Call) -> Answer {
    Reply::json(&*profiles::user(&call.app, call.actor()?, call.id::<UserKind>("user_id")?)?)
}

async fn profile(call: Call) -> Answer {
    let query = call.query::<ProfileQuery>()?;
    Reply::json(&profiles::profile(&call.app, call.actor()?, call.id::<UserKind>("user_id")?, query)?)
}

async fn mutual_friends(call: Call) -> Answer {
    Reply::json(&profiles::mutual_friends(&call.app, call.actor()?, call.id::<UserKind>("user_id")?)?)
}
