//! The life of a server process: logs, data directory and its lock, listener, signals, orderly stop. What runs inside it, store to
//! gateway, is started by a function it is given.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, IsTerminal as _, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::ExitCode;
use std::time::Duration;

use listenfd::ListenFd;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::{TcpListener, TcpSocket};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::config::{Config, LogFormat, LogSettings};
use crate::control::{ControlServer, Handler};

/// Exit code for a fault in the settings (`EX_CONFIG` of sysexits.h); a restart does not help.
pub const EXIT_SETTINGS: u8 = 78;
/// Exit code for a failed disk or socket (`EX_IOERR` of sysexits.h); a restart repairs what can be repaired.
pub const EXIT_IO: u8 = 74;
/// Exit code of a second signal: the process ended where it stood.
const EXIT_AT_ONCE: i32 = 130;
/// How long an orderly stop may take, so that the process is gone within 5 s of the signal.
const STOP_WITHIN: Duration = Duration::from_millis(4_500);
/// How long tasks that outlive the stop are waited for.
const TASKS_WITHIN: Duration = Duration::from_millis(300);
/// File in the data directory that the server keeps locked.
const LOCK: &str = "lock";
/// Most file descriptors asked for: more connections than that is another machine's work.
const MAX_DESCRIPTORS: u64 = 262_144;
/// Connections that may wait to be accepted; the system allows fewer (`net.core.somaxconn`, 4 096 by default). Whoever finds no place
/// asks again after 1, 3, 7 and 15 s, which is what everybody's return after a cut would take.
const BACKLOG: u32 = 16_384;

/// Why a server did not start, or had to end.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The settings are at fault.
    #[error("{0}")]
    Settings(String),
    /// A disk or socket is at fault.
    #[error("{0}")]
    Io(String),
}

impl Failure {
    /// What the process exits with.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Settings(_) => EXIT_SETTINGS.into(),
            Self::Io(_) => EXIT_IO.into(),
        }
    }
}

/// What the parts of a server are started with.
pub struct Start {
    /// The settings.
    pub config: Config,
    /// The bound listener.
    pub listener: TcpListener,
    /// Its address, with the port it really has.
    pub address: SocketAddr,
}

/// A future that the shell awaits.
pub type Pending<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What started parts give to the shell around them.
pub struct Running {
    /// Path and fragment of the owner's one-time link (`/setup#TOKEN`), while there is no owner.
    pub setup_link: Option<String>,
    /// Carries out what the command line asks.
    pub commands: Handler,
    /// Ends when a part failed so that the server can't go on, with why.
    pub failed: Pending<String>,
    /// Stops in order: no new requests, op 7 to gateway clients, writes finished. Begins when it is first polled.
    pub stop: Pending<Result<(), String>>,
}

/// Serves until a signal or a failure. Exit codes: 0 after an orderly stop, [`EXIT_SETTINGS`], [`EXIT_IO`].
pub fn run<F, P>(config: Config, start: F) -> ExitCode
where
    F: FnOnce(Start) -> P,
    P: Future<Output = Result<Running, Failure>>,
{
    start_logs(&config.log);
    raise_descriptor_limit();
    let served = prepare(&config).and_then(|_lock| {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .thread_name("hearth")
            .build()
            .map_err(|error| Failure::Io(format!("the runtime did not start: {error}")))?;
        let served = runtime.block_on(serve(config, start));
        runtime.shutdown_timeout(TASKS_WITHIN);
        served
    });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            tracing::error!("{failure}");
            failure.exit_code()
        }
    }
}

/// Makes the data directory and takes its lock, which lasts as long as the file returned.
fn prepare(config: &Config) -> Result<File, Failure> {
    make_data_directory(&config.data)?;
    lock(&config.data)
}

/// The listener: one that the service manager holds for us (sd_listen_fds(3)), so that nobody is refused while we restart, else one of
/// our own at this address.
fn listen(wanted: SocketAddr) -> Result<(TcpListener, SocketAddr), Failure> {
    let unbound = |error: io::Error| match error.kind() {
        io::ErrorKind::AddrInUse => {
            Failure::Io(format!("listen = \"{wanted}\": another program uses this port"))
        }
        _ => Failure::Io(format!("listen = \"{wanted}\": {error}")),
    };
    let unusable = |error: io::Error| {
        Failure::Io(format!("the socket given by the service manager is no listening TCP socket: {error}"))
    };
    let mut given = ListenFd::from_env();
    if given.len() > 1 {
        let count = given.len();
        return Err(Failure::Settings(format!(
            "the service manager gives {count} sockets: give one address"
        )));
    }
    let listener = match given.take_tcp_listener(0).map_err(unusable)? {
        Some(held) => {
            held.set_nonblocking(true).map_err(unusable)?;
            TcpListener::from_std(held).map_err(unusable)?
        }
        None => {
            let socket = if wanted.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
            let socket = socket.map_err(unbound)?;
            socket.set_reuseaddr(true).map_err(unbound)?;
            socket.bind(wanted).map_err(unbound)?;
            socket.listen(BACKLOG).map_err(unbound)?
        }
    };
    let address = listener.local_addr().map_err(unbound)?;
    Ok((listener, address))
}

async fn serve<F, P>(config: Config, start: F) -> Result<(), Failure>
where
    F: FnOnce(Start) -> P,
    P: Future<Output = Result<Running, Failure>>,
{
    let mut signals =
        Signals::new().map_err(|error| Failure::Io(format!("signals can't be heard: {error}")))?;
    let (listener, address) = listen(config.listen)?;
    let (origin, data) = (config.origin_at(address), config.data.clone());
    let running = tokio::select! {
        started = start(Start { config, listener, address }) => started?,
        () = signals.next() => return Ok(()),
    };
    let control = ControlServer::start(&data, running.commands)
        .map_err(|error| Failure::Io(format!("{}: {error}", data.join("control.sock").display())))?;
    announce(&origin.to_string(), &data, running.setup_link.as_deref());
    let failure = tokio::select! {
        why = running.failed => Some(why),
        () = signals.next() => None,
    };
    tracing::info!("stopping");
    drop(control);
    tokio::spawn(async move {
        signals.next().await;
        std::process::exit(EXIT_AT_ONCE);
    });
    let stopped = tokio::time::timeout(STOP_WITHIN, running.stop).await;
    if let Some(why) = failure {
        return Err(Failure::Io(why));
    }
    match stopped {
        Ok(Ok(())) => Ok(()),
        Ok(Err(why)) => Err(Failure::Io(format!("the stop was not clean: {why}"))),
        Err(_) => Err(Failure::Io(format!(
            "the stop took more than {} ms and was cut short",
            STOP_WITHIN.as_millis()
        ))),
    }
}

/// Tells on standard output what to open; a log collector need not understand it.
fn announce(origin: &str, data: &Path, setup_link: Option<&str>) {
    let data = fs::canonicalize(data).unwrap_or_else(|_| data.to_owned());
    let mut text =
        format!("Hearth {} is ready, with its data in {}\n", env!("CARGO_PKG_VERSION"), data.display());
    match setup_link {
        Some(link) => {
            text.push_str(&format!("Open this first, once, to make the owner's account: {origin}{link}\n"))
        }
        None => text.push_str(&format!("Open {origin}\n")),
    }
    let mut out = io::stdout().lock();
    // A closed standard output is no reason not to serve.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// SIGTERM and SIGINT.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Sends logs to standard error. The filter was checked with the settings.
fn start_logs(settings: &LogSettings) {
    let filter = EnvFilter::try_new(&settings.filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    // A second server in one process, as tests start them, keeps the first one's logs.
    let _ = match settings.format {
        LogFormat::Human => logs.with_ansi(io::stderr().is_terminal()).try_init(),
        LogFormat::Json => logs.json().flatten_event(true).try_init(),
    };
}

/// Lets the process have as many descriptors as the system allows it: each connection is one.
fn raise_descriptor_limit() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.map_or(MAX_DESCRIPTORS, |most| most.min(MAX_DESCRIPTORS));
    if current.is_some_and(|current| current < wanted)
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum })
    {
        tracing::warn!(%error, "the limit of open files stays low, and with it the number of connections");
    }
}

/// Makes the data directory for the server's user alone; one that is open to others is used and told of.
pub fn make_data_directory(data: &Path) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::Io(format!("data = \"{}\": {error}", data.display()));
    DirBuilder::new().recursive(true).mode(0o700).create(data).map_err(failed)?;
    let mode = fs::metadata(data).map_err(failed)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let data = data.display();
        tracing::warn!(
            "{data} is open to other users of this machine (mode {mode:o}); run: chmod 700 {data}"
        );
    }
    Ok(())
}

/// Takes the lock of a data directory: two servers on one would destroy it. It lasts as long as the file returned.
pub fn lock(data: &Path) -> Result<File, Failure> {
    let path: PathBuf = data.join(LOCK);
    let failed = |error: io::Error| Failure::Io(format!("{}: {error}", path.display()));
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Failure::Io(format!(
            "another Hearth process is using {}; stop it first, or give this one a directory of its own with --data",
            data.display()
        ))),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}
