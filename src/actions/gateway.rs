//! Sessions at the gateway: who may open or resume one, and what they show of their owner. What they are told first is `ready`'s.

use std::sync::Arc;
use std::sync::PoisonError;
use std::time::Duration;

use super::actor::{Actor, ActorKind};
use super::error::ActionError;
use super::{ready, sessions};
use crate::app::App;
use crate::hub::{
    Activated, Auth, ClientInfo, ClientKind, Connection, NotAttached, NotResumable, NotResumed, Owner,
    ResumeRequest, Showing,
};
use crate::logic::rate_limit::{Caller, Key, Quota};
use crate::logic::session::client_frame::{PresenceUpdate, Properties};
use crate::logic::session::{Admitted, Close, CloseCode, Identify, Resume, Who};
use crate::model::{Activity, Status, UserId};
use crate::store::{Applications, unix_ms};

/// Sessions an account may begin at once, and then one each third of a second (API.md §3.2: `max_concurrency`).
pub const MAX_CONCURRENCY: u32 = 16;
/// Sessions a bot may begin in a day.
pub const MAX_STARTS: u32 = 1_000;
/// READYs built for one Identify: each next one only because rights changed while the last was built.
const MAX_TRIES: u32 = 8;
/// Numbers of the limits in [`Key::limit`].
const CONCURRENCY_LIMIT: u32 = 910;
const STARTS_LIMIT: u32 = 911;

const BAD_TOKEN: Close = Close::new(CloseCode::BadToken, "the token is not valid");
const FAILED: Close = Close::new(CloseCode::Unknown, "the server could not do it; try again");

/// A session that a socket holds.
#[derive(Debug)]
pub struct Entered {
    /// The hold.
    pub connection: Connection,
    /// Whose session it is.
    pub who: Who,
}

/// Why a socket got no session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refused {
    /// Close with this.
    Close(Close),
    /// Send op 9 `false` and wait for another Identify.
    InvalidSession,
}

impl From<Close> for Refused {
    fn from(close: Close) -> Self {
        Self::Close(close)
    }
}

/// Begins a session for whoever the token names, with READY and all that follows it queued. `url` is where clients resume.
///
/// # Errors
/// What to tell the client.
pub async fn identify(app: App, url: Arc<str>, identify: Box<Identify>) -> Result<Entered, Refused> {
    let actor = authenticate(&app, identify.token.reveal())?;
    let who = who(&app, actor)?;
    let admitted = Admitted::check(who, &identify)?;
    admit_start(&app, actor)?;
    let owner = Owner {
        user: actor.user,
        auth: auth(actor)?,
        intents: admitted.intents,
        shard: admitted.shard,
        capabilities: identify.capabilities,
        client: client_info(actor, &identify.properties),
    };
    let connection = match app.hub.attach(owner).await {
        Ok(connection) => connection,
        Err(NotAttached::TooMany(_)) => {
            return Err(Close::new(CloseCode::TooManySessions, "the account has too many sessions").into());
        }
        Err(NotAttached::Stopped(_)) => return Err(FAILED.into()),
    };
    let request = ready::Request {
        session: connection.session().clone(),
        actor,
        who,
        large_threshold: u64::from(identify.large_threshold),
        presence: identify.presence.map(showing),
        url,
    };
    drop(identify.token);
    let request = Arc::new(request);
    for _ in 0..MAX_TRIES {
        let activation = ready::build(&app, &request).await.map_err(failed)?.ok_or(BAD_TOKEN)?;
        match app.hub.activate(&connection, activation).await {
            // What is gone says by itself how to close.
            Ok(Activated::Live | Activated::Gone) => return Ok(Entered { connection, who }),
            Ok(Activated::Retry) => {}
            Err(_) => return Err(FAILED.into()),
        }
    }
    Err(Refused::InvalidSession)
}

/// Goes on with a session for whoever the token names.
///
/// # Errors
/// What to tell the client.
pub async fn resume(app: App, resume: Resume) -> Result<Entered, Refused> {
    let actor = authenticate(&app, resume.token.reveal())?;
    let request = ResumeRequest {
        session_id: resume.session_id,
        user: actor.user,
        auth: auth(actor)?,
        seq: resume.seq,
    };
    let who = who(&app, actor)?;
    match app.hub.resume(request).await {
        Ok(connection) => Ok(Entered { connection, who }),
        Err(NotResumed::NotResumable(NotResumable::Gone)) => Err(Refused::InvalidSession),
        Err(NotResumed::NotResumable(NotResumable::Foreign)) => {
            Err(Close::new(CloseCode::BadToken, "the session is not this login's").into())
        }
        Err(NotResumed::Stopped(_)) => Err(FAILED.into()),
    }
}

/// Changes what a session shows of its owner.
pub async fn show(app: &App, connection: &Connection, presence: PresenceUpdate) {
    // A hub that has stopped closes the session by itself.
    let _ = app.hub.update_presence(connection, showing(presence)).await;
}

/// How many sessions an account may still begin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StartsLeft {
    /// In a day.
    pub total: u32,
    /// Now.
    pub remaining: u32,
    /// When all are back.
    pub reset_after: Duration,
}

/// How many sessions an account may still begin, for `/gateway/bot`.
pub fn starts_left(app: &App, user: UserId) -> StartsLeft {
    let starts = app.session_starts.lock().unwrap_or_else(PoisonError::into_inner);
    let next = starts.check(key(STARTS_LIMIT, user), STARTS, app.started.elapsed());
    // What is told is what would be left after one more.
    let remaining = if next.retry_after.is_none() { next.remaining + 1 } else { 0 };
    StartsLeft { total: next.limit, remaining, reset_after: next.reset_after }
}

const CONCURRENCY: Quota = Quota::new(MAX_CONCURRENCY, Duration::from_secs(5));
const STARTS: Quota = Quota::new(MAX_STARTS, Duration::from_secs(24 * 3_600));

fn key(limit: u32, user: UserId) -> Key {
    Key { limit, caller: Caller::Account(user.get()), major: 0 }
}

/// Counts one more start of a session.
fn admit_start(app: &App, actor: Actor) -> Result<(), Refused> {
    let now = app.started.elapsed();
    let mut starts = app.session_starts.lock().unwrap_or_else(PoisonError::into_inner);
    let limits: &[_] = if actor.is_bot() {
        &[(CONCURRENCY_LIMIT, CONCURRENCY), (STARTS_LIMIT, STARTS)]
    } else {
        &[(CONCURRENCY_LIMIT, CONCURRENCY)]
    };
    for (limit, quota) in limits {
        if starts.take(key(*limit, actor.user), *quota, now).retry_after.is_some() {
            return Err(Refused::InvalidSession);
        }
    }
    Ok(())
}

fn authenticate(app: &App, token: &str) -> Result<Actor, Close> {
    sessions::authenticate_gateway(app, token).map_err(|error| match error {
        ActionError::Internal(_) => failed(error),
        _ => BAD_TOKEN,
    })
}

/// What we caused is told once, here.
fn failed(error: ActionError) -> Close {
    let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
    tracing::error!(%error, source, "a gateway session could not begin");
    FAILED
}

fn who(app: &App, actor: Actor) -> Result<Who, Close> {
    let ActorKind::Bot { application } = actor.kind else { return Ok(Who::Person) };
    let row = app.store.read(|view| view.shared::<Applications>(&application));
    let row = row.map_err(|error| failed(error.into()))?.ok_or(BAD_TOKEN)?;
    Ok(Who::Bot { application_flags: row.flags })
}

fn auth(actor: Actor) -> Result<Auth, Close> {
    match actor.kind {
        ActorKind::Human { session } => Ok(Auth::Person(session)),
        ActorKind::Bot { application } => Ok(Auth::Bot(application)),
        ActorKind::Bearer { .. } => Err(BAD_TOKEN),
    }
}

/// What a client says it runs on; bots count as browsers.
fn client_info(actor: Actor, properties: &Properties) -> ClientInfo {
    let said = format!("{} {} {}", properties.browser, properties.device, properties.os).to_lowercase();
    let names = |words: &[&str]| words.iter().any(|word| said.contains(word));
    let kind = if actor.is_bot() {
        ClientKind::Web
    } else if names(&["android", "ios", "iphone", "ipad", "mobile"]) {
        ClientKind::Mobile
    } else if names(&["desktop", "client"]) {
        ClientKind::Desktop
    } else {
        ClientKind::Web
    };
    ClientInfo { kind, os: properties.os.as_str().into(), version: 0 }
}

/// A client that says it is offline is there, and hides.
fn showing(presence: PresenceUpdate) -> Showing {
    let status = match presence.status {
        Status::Offline => Status::Invisible,
        status => status,
    };
    let activities: Arc<[Activity]> = presence.activities.into_iter().map(dated).collect();
    Showing { status, activities }
}

/// An activity with the time it was set at, if its client gave none.
pub(super) fn dated(activity: Activity) -> Activity {
    let created_at = if activity.created_at == 0 { unix_ms() } else { activity.created_at };
    Activity { created_at, ..activity }
}
