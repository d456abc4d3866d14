//! The parts of a server, put together around a listener, and taken apart in order. `serve` holds the process around it.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

use crate::actions::{accounts, admin, links, messages, sessions, sweeps, upkeep};
use crate::app::{App, Parts};
use crate::auth::keys::Keys;
use crate::auth::live::LiveSessions;
use crate::auth::passwords::PasswordPool;
use crate::auth::random::OpaqueToken;
use crate::auth::tokens::Tokens;
use crate::blobs::Blobs;
use crate::blobs::bucket::{self, BucketError};
use crate::blobs::cache::Cache;
use crate::blobs::pool::PicturePool;
use crate::config::{Config, MediaPort, S3Settings};
use crate::control::{Answer, Command, Finding, UserSummary, handler};
use crate::gateway::{Gateway, Taken, VoiceDoor};
use crate::http::{self, Body, Edge, Hooks, Socket};
use crate::hub::{Hub, VoiceSetup};
use crate::logic::file_links::FileLinks;
use crate::logic::rate_limit::Limiter;
use crate::logic::right_of_way::RightOfWay;
use crate::serve::{Failure, Running, Start};
use crate::store::marks::Marks;
use crate::store::{self, DiskGauge, GuildsAsOf, SpaceGauge, Store};
use crate::tls::Tls;
use crate::unfurl::Unfurler;
use crate::unfurl::client::{self, Client};
use crate::unfurl::queue::Queue;
use crate::voice::doctor::{self, Transport};
use crate::voice::{self, Addresses, Voice};

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
    let (app, hub, setup_link) = open(config, address)?;
    try_bucket(&app).await?;
    let server = Server::start(app.clone(), hub, tls, listener, address);
    let commands = {
        let app = app.clone();
        handler(move |command| {
            let app = app.clone();
            async move { carry_out(&app, address, command).await }
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
    let address = config.listen;
    let (app, hub, _) = open(config, address).map_err(|failure| failure.to_string())?;
    let answer = carry_out(&app, address, command).await;
    tokio::task::spawn_blocking(move || close(&app, hub)).await.map_err(|error| error.to_string())??;
    answer
}

/// Opens what the data directory holds, for a listener at `address`. The last part is the owner's one-time link, while there is no owner.
///
/// # Errors
/// Keys, store or pools that did not open, in words for whoever runs the server.
pub fn open(config: Config, address: SocketAddr) -> Result<(App, Hub, Option<String>), Failure> {
    let io = |error: &dyn std::fmt::Display| Failure::Io(format!("{}: {error}", config.data.display()));
    let keys = Keys::open(&config.data).map_err(|error| io(&error))?;
    let passwords = PasswordPool::start(config.passwords.cost(), &config.data).map_err(|error| io(&error))?;
    let gauge = || DiskGauge::new(config.data.clone(), config.store.free_space_floor_bytes.get());
    let (space, room) = (gauge().map_err(|error| io(&error))?, gauge().map_err(|error| io(&error))?);
    let room = move || Ok((room.free_bytes()?, room.floor_bytes()));
    let way = Arc::<RightOfWay>::default();
    let folder = config.data.join("blobs");
    let blobs = Blobs::open(folder, Box::new(room), Arc::clone(&way), bucket(&config, &keys)?)
        .map_err(|error| io(&error))?;
    let previews = Cache::open(config.data.join("previews"), config.media.preview_cache_bytes.get())
        .map_err(|error| io(&error))?;
    let cores = cores();
    let pictures = PicturePool::new(cores / 2);
    let client = outside(&config, address);
    let links = FileLinks::new(config.cdn_base_at(address), keys.cdn.expose());
    let options = store::Options {
        cache_bytes: usize::try_from(config.store.cache_bytes.get()).unwrap_or(usize::MAX),
        space: Box::new(space),
        rehearse: config.store.rehearse,
        links: Arc::new(links),
        way,
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
        links: Queue::default(),
        unfurler: Unfurler::new(client, pictures.clone(), previews.clone()),
        pictures,
        previews,
        live: LiveSessions::load(sessions),
        passwords,
        guesses: Mutex::new(Limiter::default()),
        marks: Marks::default(),
        nonces: Arc::default(),
        session_starts: Mutex::new(Limiter::default()),
        ready_turns: Semaphore::new(cores),
        whole_guilds: GuildsAsOf::default(),
        voice: std::sync::OnceLock::new(),
        setup: Mutex::new(setup.map(|token| token.hash())),
        started: Instant::now(),
        config,
    });
    Ok((app, hub, setup_link))
}

/// What opens the bucket that the settings name, if they name one.
fn bucket(config: &Config, keys: &Keys) -> Result<Option<bucket::Access>, Failure> {
    let S3Settings { bucket, endpoint, region, prefix, access_key_id, secret_file } = &config.media.s3;
    if bucket.is_empty() {
        return Ok(None);
    }
    let secret_access_key = keys.s3_secret(secret_file.as_deref()).map_err(|error| {
        Failure::Settings(format!("media.s3.bucket is set, so the secret of its key is needed: {error}"))
    })?;
    Ok(Some(bucket::Access {
        endpoint: endpoint.as_ref().map(|url| url.as_str().to_owned()),
        bucket: bucket.clone(),
        region: region.clone(),
        prefix: prefix.trim_matches('/').to_owned(),
        access_key_id: access_key_id.clone(),
        secret_access_key,
    }))
}

/// Tries the bucket out. One that is refused or missing is a fault of the settings; one that can't be reached may come back, and chat
/// goes on without it.
async fn try_bucket(app: &App) -> Result<(), Failure> {
    match app.blobs.try_bucket().await {
        Ok(()) => Ok(()),
        Err(error @ BucketError::Unreachable { .. }) => {
            tracing::error!(%error, "files can be neither kept nor read until it is back");
            Ok(())
        }
        Err(error) => Err(Failure::Settings(error.to_string())),
    }
}

/// The client for addresses that strangers name.
fn outside(config: &Config, address: SocketAddr) -> Client {
    let resolve = client::system_resolver().unwrap_or_else(|error| {
        tracing::warn!(%error, "names of other servers can't be looked up, so links have no previews");
        client::no_resolver()
    });
    let exceptions = config.media.fetch_exceptions.clone();
    if !exceptions.is_empty() {
        tracing::warn!(
            count = exceptions.len(),
            "media.fetch_exceptions lets anybody here make this server fetch from addresses that are not public"
        );
    }
    let exempt = move |address| exceptions.iter().any(|network| network.contains(address));
    let own = vec![config.origin_at(address).authority().to_owned(), address.to_string()];
    Client::new(resolve, Box::new(exempt), own)
}

/// A server that listens.
struct Server {
    app: App,
    hub: Hub,
    gateway: Gateway,
    stop: watch::Sender<bool>,
    upkeep: tokio::task::JoinHandle<()>,
    /// Takes media over TCP at an address of its own, if it has one.
    media: Option<tokio::task::JoinHandle<()>>,
    http: tokio::task::JoinHandle<()>,
    /// What follows writes: read marks, sweeps, cards for links.
    followers: [tokio::task::JoinHandle<()>; 3],
}

impl Server {
    fn start(app: App, hub: Hub, tls: Option<Tls>, listener: TcpListener, address: SocketAddr) -> Self {
        let url = app.config.origin_at(address).gateway_url();
        let (gateway, door) = Gateway::new(app.clone(), url, take);
        let voice = start_voice(&app, address);
        let (media, shared) = match (&voice, app.config.voice.tcp) {
            (Some(voice), MediaPort::At(at)) => (listen_for_media(at, voice.clone()), None),
            (Some(voice), MediaPort::Shared) => (None, Some(voice.clone())),
            (Some(_), MediaPort::Off) | (None, _) => (None, None),
        };
        let voices = voice.map(|voice| VoiceDoor::new(app.clone(), voice, take));
        let hooks = Hooks {
            authenticate: sessions::authenticate,
            gateway: Box::new(move |request, peer| {
                door.upgrade(request, peer.address).map(|_| Body::default())
            }),
            voice: voices.map(|door| -> Box<http::Upgrades> {
                Box::new(move |request, peer| door.upgrade(request, peer.address).map(|_| Body::default()))
            }),
            media: shared.map(|voice| -> Box<http::Media> {
                Box::new(move |stream, from, seat| voice.take_tcp(stream, from, Box::new(seat)))
            }),
            tls,
            cdn: http::cdn(app.clone()),
        };
        let edge: Arc<Edge> = Edge::new(app.clone(), hooks, address);
        let (stop, stopping) = watch::channel(false);
        let http = tokio::spawn(http::serve(listener, edge, stopping));
        let (marking, sweeping, unfurling) = (app.clone(), app.clone(), app.clone());
        let followers = [
            tokio::spawn(async move { messages::keep_marks(&marking).await }),
            tokio::spawn(async move { sweeps::run(&sweeping).await }),
            tokio::spawn(async move { links::run(&unfurling).await }),
        ];
        let upkeep = tokio::spawn(upkeep::run(app.clone()));
        Self { app, hub, gateway, stop, upkeep, media, http, followers }
    }

    /// No new requests, and clients of the gateway are asked to come back; those under way end; the store commits what it holds.
    async fn stop(self) -> Result<(), String> {
        self.stop.send_replace(true);
        self.upkeep.abort();
        if let Some(media) = &self.media {
            media.abort();
        }
        if let Some(voice) = self.app.voice.get().cloned() {
            // Calls end now, so that clients are on their way back when the rest has stopped.
            let ended = tokio::task::spawn_blocking(move || voice.stop()).await;
            ended.map_err(|error| error.to_string())?;
        }
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

/// Starts voice, where the settings have it on. What keeps it from starting keeps nothing else.
fn start_voice(app: &App, address: SocketAddr) -> Option<Voice> {
    let settings = &app.config.voice;
    let socket = match settings.udp {
        MediaPort::Off => None,
        MediaPort::Shared => bind_media(address)?,
        MediaPort::At(at) => bind_media(at)?,
    };
    if socket.is_none() && settings.tcp == MediaPort::Off {
        return None;
    }
    let udp_port = socket.as_ref().and_then(|socket| Some(socket.local_addr().ok()?.port()));
    let tcp_port = match settings.tcp {
        MediaPort::Off => None,
        MediaPort::Shared => Some(address.port()),
        MediaPort::At(at) => Some(at.port()),
    };
    let reached = reached_at(&app.config, address);
    let at = |port: Option<u16>| -> Vec<SocketAddr> {
        port.map_or_else(Vec::new, |port| reached.iter().map(|ip| SocketAddr::new(*ip, port)).collect())
    };
    let started = Voice::start(
        app.hub.clone(),
        voice::Settings {
            socket,
            addresses: Addresses { udp: at(udp_port), tcp: at(tcp_port) },
            videos_per_channel: settings.videos_per_channel as usize,
            max_bps_per_sender: u64::from(settings.max_kbps_per_sender) * 1_000,
            threads: settings.threads.map_or_else(cores, |threads| threads as usize),
        },
    );
    match started {
        Ok(voice) => {
            app.hub.desk().open(VoiceSetup {
                endpoint: app.config.origin_at(address).endpoint().into(),
                members_per_channel: settings.members_per_channel as usize,
            });
            Some(app.voice.get_or_init(|| voice).clone())
        }
        Err(error) => {
            tracing::error!(%error, "voice did not start");
            None
        }
    }
}

/// Threads that the machine runs at once.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The media socket; the outer `None` when it can't be had, which leaves voice off.
fn bind_media(at: SocketAddr) -> Option<Option<UdpSocket>> {
    match UdpSocket::bind(at) {
        Ok(socket) => Some(Some(socket)),
        Err(error) => {
            tracing::error!(%error, "voice is off: UDP {at} could not be opened (setting voice.udp)");
            None
        }
    }
}

/// The addresses at which clients reach media.
fn reached_at(config: &Config, listener: SocketAddr) -> Vec<IpAddr> {
    if !config.voice.public_ip.is_empty() {
        return config.voice.public_ip.clone();
    }
    let ip = match config.voice.udp {
        MediaPort::At(at) => at.ip(),
        MediaPort::Shared | MediaPort::Off => listener.ip(),
    };
    let found = if ip.is_unspecified() { voice::own_address() } else { Some(ip.to_canonical()) };
    if found.is_none_or(is_local) && config.public_url.as_ref().is_some_and(|url| url.is_https()) {
        tracing::warn!(
            found = found.map(|ip| ip.to_string()),
            "voice tells clients an address of this machine or network alone: set voice.public_ip to the public address, forward \
             the media port to this machine if it is behind NAT, and give voice.udp an address of its own behind a proxy"
        );
    }
    found.into_iter().collect()
}

/// Takes media over TCP at an address of its own.
fn listen_for_media(at: SocketAddr, voice: Voice) -> Option<tokio::task::JoinHandle<()>> {
    let bound = std::net::TcpListener::bind(at).and_then(|listener| {
        listener.set_nonblocking(true)?;
        TcpListener::from_std(listener)
    });
    match bound {
        Ok(listener) => Some(tokio::spawn(async move {
            loop {
                match listener.accept().await {
                    Ok((stream, from)) => voice.take_tcp(stream, from, Box::new(())),
                    // Without free file numbers the loop must not spin.
                    Err(_) => tokio::time::sleep(std::time::Duration::from_millis(200)).await,
                }
            }
        })),
        Err(error) => {
            tracing::error!(%error, "media over TCP is off: {at} could not be opened (setting voice.tcp)");
            None
        }
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

async fn carry_out(app: &App, address: SocketAddr, command: Command) -> Answer {
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
        Command::UserResetLink { username } => {
            let link = admin::reset_link(app, &username).map_err(said)?;
            Ok(format!("{}{link}", app.config.origin_at(address)).into())
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
        Command::DoctorVoice => {
            serde_json::to_value(look_at_voice(app).await).map_err(|error| error.to_string())
        }
    }
}

/// Whether media finds this server at the addresses that clients are told, and what to do where it does not.
async fn look_at_voice(app: &App) -> Vec<Finding> {
    let bad = |finding: &str| Finding { is_good: false, finding: finding.into() };
    let Some(voice) = app.voice.get() else {
        return vec![bad(
            "Voice is off: voice.udp and voice.tcp are both off, or the media port could not be opened. The server's log says which.",
        )];
    };
    let found = doctor::check(voice).await;
    let mut findings: Vec<Finding> = found.iter().map(told).collect();
    let has = |transport| found.iter().any(|one| one.transport == transport);
    if !has(Transport::Udp) {
        findings.push(bad("UDP is off (voice.udp), or has no address: sound and video over TCP alone stutter on a bad line."));
    }
    if !has(Transport::Tcp) {
        findings.push(bad(
            "TCP is off (voice.tcp), or has no address: nobody is heard whose network lets no UDP through.",
        ));
    }
    let is_public = app.config.public_url.as_ref().is_some_and(|url| url.is_https());
    if is_public && found.iter().all(|one| is_local(one.address.ip())) {
        findings.push(bad(
            "Clients are told addresses of this machine or network alone, though public_url is on the internet: set voice.public_ip to \
             the public address.",
        ));
    }
    findings
}

fn told(one: &doctor::Reached) -> Finding {
    let (transport, at) = (format!("{:?}", one.transport).to_uppercase(), one.address);
    match &one.result {
        Ok(()) => Finding { is_good: true, finding: format!("{transport} {at} answers.") },
        Err(why) => Finding {
            is_good: false,
            finding: format!(
                "{transport} {at} does not answer ({why}). Open {transport} port {port} in the firewall, and behind NAT forward it to \
                 this machine. Some routers do not lead their own network's packets back: if members outside hear each other, all is well.",
                port = at.port()
            ),
        },
    }
}

/// Whether an address means something on this machine or network alone.
fn is_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.is_private() || v4.is_loopback() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}
