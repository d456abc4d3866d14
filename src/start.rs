//! The parts of a server, put together around a listener, and taken apart in order. `serve` holds the process around it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

use crate::actions::{accounts, admin, images, messages, sessions, sweeps, upkeep};
use crate::app::{App, Parts};
use crate::auth::keys::Keys;
use crate::auth::live::LiveSessions;
use crate::auth::passwords::PasswordPool;
use crate::auth::random::OpaqueToken;
use crate::auth::tokens::Tokens;
use crate::blobs::Blobs;
use crate::config::Config;
use crate::control::{Answer, Command, UserSummary, handler};
use crate::gateway::{Gateway, Taken};
use crate::http::{self, Edge, Hooks, Socket};
use crate::hub::Hub;
use crate::logic::rate_limit::Limiter;
use crate::serve::{Failure, Running, Start};
use crate::store::marks::Marks;
use crate::store::{self, DiskGauge, Store};
use crate::tls::Tls;

/// Starts the parts of a server around its listener.
///
/// # Errors
/// What kept a part from starting, in words for whoever runs it.
pub async fn start(start: Start) -> Result<Running, Failure> {
    let Start { config, listener, address } = start;
    let tls = match (&config.tls.cert, &config.tls.key) {
        (Some(cert), Some(key)) => {
            let tls = Tls::from_files(cert.clone(), key.clone());
            Some(tls.map_err(|error| Failure::Settings(error.to_string()))?)
        }
        _ => None,
    };
    let (app, hub, setup_link) = open(config)?;
    let server = Server::start(app.clone(), hub, tls, listener, address);
    let commands = {
        let app = app.clone();
        handler(move |command| {
            let app = app.clone();
            async move { carry_out(&app, command).await }
        })
    };
    let failed = {
        let store = app.store.clone();
        Box::pin(async move {
            match store.ended().await {
                Some(error) => error.to_string(),
                None => std::future::pending().await,
            }
        })
    };
    Ok(Running { setup_link, commands, failed, stop: Box::pin(server.stop()) })
}

/// Carries out a command on a data directory that no server uses.
pub async fn alone(config: Config, command: Command) -> Answer {
    let (app, hub, _) = open(config).map_err(|failure| failure.to_string())?;
    let answer = carry_out(&app, command).await;
    tokio::task::spawn_blocking(move || close(&app, hub)).await.map_err(|error| error.to_string())??;
    answer
}

/// Opens what the data directory holds. The last part is the owner's one-time link, while there is no owner.
///
/// # Errors
/// Keys, store or pools that did not open, in words for whoever runs the server.
pub fn open(config: Config) -> Result<(App, Hub, Option<String>), Failure> {
    let io = |error: &dyn std::fmt::Display| Failure::Io(format!("{}: {error}", config.data.display()));
    let keys = Keys::open(&config.data).map_err(|error| io(&error))?;
    let passwords = PasswordPool::start(config.passwords.cost(), &config.data).map_err(|error| io(&error))?;
    let blobs = Blobs::open(config.data.join("blobs")).map_err(|error| io(&error))?;
    let space = DiskGauge::new(config.data.clone(), config.store.free_space_floor_bytes.get())
        .map_err(|error| io(&error))?;
    let options = store::Options {
        cache_bytes: usize::try_from(config.store.cache_bytes.get()).unwrap_or(usize::MAX),
        space: Box::new(space),
        rehearse: config.store.rehearse,
        ..store::Options::default()
    };
    let opened = Store::open(&config.data, options).map_err(|error| io(&error))?;
    let (sessions, owner) = opened
        .read::<_, store::StoreError>(|view| Ok((sessions::load_live(view)?, accounts::owner(view)?)))
        .map_err(|error| io(&error))?;
    let replay_bytes = usize::try_from(config.gateway.replay_bytes.get()).unwrap_or(usize::MAX);
    let (hub, handle) = Hub::start(replay_bytes).map_err(|error| io(&error))?;
    let publisher = handle.clone();
    let publish = move |batch| {
        if publisher.publish(batch).is_err() {
            tracing::error!("a commit could not be told: the hub has stopped");
        }
    };
    let store = opened.start(publish).map_err(|error| io(&error))?;
    let setup = owner.is_none().then(OpaqueToken::generate);
    let setup_link = setup.as_ref().map(|token| format!("/setup#{}", token.expose()));
    let app = App::new(Parts {
        tokens: Tokens::new(keys.session.clone()),
        keys,
        store,
        hub: handle,
        blobs,
        picture_turns: Semaphore::new(images::MAX_AT_ONCE),
        live: LiveSessions::load(sessions),
        passwords,
        guesses: Mutex::new(Limiter::default()),
        marks: Marks::default(),
        nonces: Arc::default(),
        session_starts: Mutex::new(Limiter::default()),
        ready_turns: Semaphore::new(std::thread::available_parallelism().map_or(1, usize::from)),
        setup: Mutex::new(setup.map(|token| token.hash())),
        started: Instant::now(),
        config,
    });
    Ok((app, hub, setup_link))
}

/// A server that listens.
struct Server {
    app: App,
    hub: Hub,
    gateway: Gateway,
    stop: watch::Sender<bool>,
    upkeep: tokio::task::JoinHandle<()>,
    http: tokio::task::JoinHandle<()>,
    /// What follows writes: read marks, sweeps.
    followers: [tokio::task::JoinHandle<()>; 2],
}

impl Server {
    fn start(app: App, hub: Hub, tls: Option<Tls>, listener: TcpListener, address: SocketAddr) -> Self {
        let url = app.config.origin_at(address).gateway_url();
        let (gateway, door) = Gateway::new(app.clone(), url, take);
        let hooks = Hooks {
            authenticate: sessions::authenticate,
            gateway: Box::new(move |request, peer| door.upgrade(request, peer.address)),
            voice: None,
            media: None,
            tls,
            cdn: http::pictures(app.clone()),
        };
        let edge: Arc<Edge> = Edge::new(app.clone(), hooks, address);
        let (stop, stopping) = watch::channel(false);
        let http = tokio::spawn(http::serve(listener, edge, stopping));
        let (marking, sweeping) = (app.clone(), app.clone());
        let followers = [
            tokio::spawn(async move { messages::keep_marks(&marking).await }),
            tokio::spawn(async move { sweeps::run(&sweeping).await }),
        ];
        let upkeep = tokio::spawn(upkeep::run(app.clone()));
        Self { app, hub, gateway, stop, upkeep, http, followers }
    }

    /// No new requests, and clients of the gateway are asked to come back; those under way end; the store commits what it holds.
    async fn stop(self) -> Result<(), String> {
        self.stop.send_replace(true);
        self.upkeep.abort();
        if let Err(error) = sessions::write_used(&self.app).await {
            tracing::warn!(%error, "when sessions were used last was not saved");
        }
        self.followers.iter().for_each(tokio::task::JoinHandle::abort);
        let (requests, ()) = tokio::join!(self.http, self.gateway.stop());
        let requests = requests.map_err(|error| error.to_string());
        if let Err(error) = messages::write_marks(&self.app).await {
            tracing::warn!(%error, "what was read last was not saved");
        }
        tokio::task::spawn_blocking(move || close(&self.app, self.hub))
            .await
            .map_err(|error| error.to_string())??;
        requests
    }
}

/// The bare connection of an upgrade.
fn take(upgraded: Upgraded) -> Option<Taken> {
    let parts = upgraded.downcast::<TokioIo<Socket>>().ok()?;
    let (stream, seat) = parts.io.into_inner().into_parts();
    Some(Taken { stream, read: parts.read_buf, seat: Box::new(seat) })
}

/// Commits what is in the queue, tells of it, and ends the threads. Blocks.
fn close(app: &App, hub: Hub) -> Result<(), String> {
    let committed = app.store.close().map_err(|error| error.to_string());
    hub.stop().map_err(|error| error.to_string())?;
    committed
}

async fn carry_out(app: &App, command: Command) -> Answer {
    let shown = |summary: admin::Summary| UserSummary {
        id: summary.id.to_string(),
        username: summary.username,
        is_owner: summary.is_owner,
        is_disabled: summary.is_disabled,
    };
    let json = |value: &UserSummary| serde_json::to_value(value).map_err(|error| error.to_string());
    let said = |error: admin::AdminError| error.to_string();
    match command {
        Command::UserCreate { username, password, is_owner } => {
            json(&shown(admin::create(app, &username, password, is_owner).await.map_err(said)?))
        }
        Command::UserResetPassword { username, password } => {
            json(&shown(admin::reset_password(app, &username, password).await.map_err(said)?))
        }
        Command::UserPromote { username } => {
            json(&shown(admin::promote(app, &username).await.map_err(said)?))
        }
        Command::UserList => {
            let all: Vec<UserSummary> = admin::list(app).map_err(said)?.into_iter().map(shown).collect();
            serde_json::to_value(all).map_err(|error| error.to_string())
        }
        Command::KeysRotate { rotation } => {
            let mut keys = Keys::open(&app.config.data).map_err(|error| error.to_string())?;
            keys.rotate(rotation, store::unix_ms() / 1_000).map_err(|error| error.to_string())?;
            app.tokens.replace_keys(keys.session);
            Ok(serde_json::Value::Null)
        }
        Command::Status => Ok(serde_json::json!({
            "version": env!("CARGO_PKG_VERSION"),
            "data": app.config.data,
            "uptime_s": app.started.elapsed().as_secs(),
        })),
    }
}
