//! The websocket: frames in and out of `logic::session`, nothing else. One task per socket reads, writes and waits; who is told
//! what is the hub's, who may what is `actions`'.

mod connection;
mod handshake;
mod outbox;
mod socket;
mod voice;
mod waiting;

use std::any::Any;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{HeaderValue, RETRY_AFTER};
use hyper::upgrade::Upgraded;
use hyper::{Request, Response, StatusCode};
use tokio::sync::Notify;

use crate::app::App;
use crate::logic::session::{Close, CloseCode, ConnectQuery};
use crate::tls::Stream;
use connection::Connection;
pub use voice::VoiceDoor;
use waiting::WaitingRoom;

/// How long clients have to come back elsewhere when the server stops: the hub asks all of them within 2 s (SAFETY.md §5.14).
const STOP_AFTER: Duration = Duration::from_millis(2_100);
/// How long the last closes may take after that.
const LAST_CLOSES: Duration = Duration::from_millis(400);
/// What every connection left at the end is closed with: its session can be resumed, if not here.
const STOPPING: Close = Close::new(CloseCode::Unknown, "the server restarts");

/// A connection taken over from HTTP.
pub struct Taken {
    /// The connection, with `TCP_NODELAY` set.
    pub stream: Stream,
    /// What was read of it beyond the request.
    pub read: Bytes,
    /// Its place among all connections, kept as long as it is open.
    pub seat: Box<dyn Any + Send>,
}

/// The gateway of a running server.
pub struct Gateway(Arc<Shared>);

/// What connections share.
struct Shared {
    app: App,
    /// Where clients resume.
    url: Arc<str>,
    take: fn(Upgraded) -> Option<Taken>,
    room: Arc<WaitingRoom>,
    /// Milliseconds are counted from here.
    started: Instant,
    /// Nobody is let in any more.
    is_stopping: AtomicBool,
    /// Every connection that is left closes.
    is_closing: AtomicBool,
    /// Wakes every connection that is left.
    stop: Arc<Notify>,
    /// Connections that are served.
    open: AtomicUsize,
    /// Rings when there is none any more.
    all_ended: Notify,
}

impl Shared {
    fn now_ms(&self) -> u64 {
        self.started.elapsed().as_millis() as u64
    }
}

/// One connection that is served.
struct Running(Arc<Shared>);

impl Running {
    fn new(shared: &Arc<Shared>) -> Self {
        shared.open.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(shared))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.0.open.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.all_ended.notify_one();
        }
    }
}

/// Takes upgrades for a [`Gateway`].
#[derive(Clone)]
pub struct Door(Arc<Shared>);

impl Gateway {
    /// The gateway of `app`, reached at `url`. `take` gets the connection out of what hyper gives after an upgrade; `None` when it is
    /// of another kind than the listener's.
    pub fn new(app: App, url: String, take: fn(Upgraded) -> Option<Taken>) -> (Self, Door) {
        let room = WaitingRoom::new(app.config.limits.gateway_connection_cap());
        let shared = Arc::new(Shared {
            app,
            url: url.into(),
            take,
            room,
            started: Instant::now(),
            is_stopping: AtomicBool::new(false),
            is_closing: AtomicBool::new(false),
            stop: Arc::default(),
            open: AtomicUsize::new(0),
            all_ended: Notify::new(),
        });
        (Self(Arc::clone(&shared)), Door(shared))
    }

    /// Asks every client to reconnect (op 7), then closes what is left with 4000, within 2.5 s. Doors that are still held let nobody in.
    pub async fn stop(self) {
        let Self(shared) = self;
        shared.is_stopping.store(true, Ordering::Release);
        let deadline = tokio::time::Instant::now() + STOP_AFTER;
        // A hub that has stopped has closed its sessions already.
        let _ = shared.app.hub.reconnect_all().await;
        let all_gone = async {
            while shared.open.load(Ordering::Acquire) > 0 {
                shared.all_ended.notified().await;
            }
        };
        tokio::pin!(all_gone);
        if tokio::time::timeout_at(deadline, all_gone.as_mut()).await.is_ok() {
            return;
        }
        shared.is_closing.store(true, Ordering::Release);
        shared.stop.notify_waiters();
        // Who does not take the close is cut off with the process.
        let _ = tokio::time::timeout(LAST_CLOSES, all_gone).await;
    }
}

impl Door {
    /// Answers an upgrade asked for from `address`, and serves the socket once the answer is sent.
    pub fn upgrade<B>(&self, mut request: Request<B>, address: IpAddr) -> Response<Full<Bytes>> {
        let (accepted, upgrade) = match handshake::accept(&mut request) {
            Ok(accepted) => accepted,
            Err(refused) => return refused.answer(),
        };
        if self.0.is_stopping.load(Ordering::Acquire) {
            return later(StatusCode::SERVICE_UNAVAILABLE, "5");
        }
        let Some(place) = self.0.room.enter(address) else {
            return later(StatusCode::TOO_MANY_REQUESTS, "30");
        };
        let asked = ConnectQuery::parse(request.uri().query().unwrap_or_default());
        let shared = Arc::clone(&self.0);
        tokio::spawn(async move {
            // A client that left before the answer was sent is nothing to tell of.
            let Ok(socket) = upgrade.await else { return };
            // The bare connection: what waits for it leaves in one vectored write, and frames are read so that a read may be
            // cancelled and an idle socket holds no buffer, neither of which the library's own halves do.
            let Some(taken) = (shared.take)(socket.into_inner().into_inner()) else {
                tracing::error!("an upgraded connection is not of the listener's kind");
                return;
            };
            // On its own, so that a waiting upgrade's future is not kept with the connection.
            tokio::spawn(async move {
                let _running = Running::new(&shared);
                Connection::new(shared, taken, place).serve(asked).await;
            });
        });
        accepted
    }
}

fn later(status: StatusCode, secs: &'static str) -> Response<Full<Bytes>> {
    let mut refusal = handshake::plain(status);
    refusal.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(secs));
    refusal
}
