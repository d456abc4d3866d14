//! The accept loop: connections counted and capped, each served by hyper until it is done, silent, stuck or the server stops.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use super::edge::Edge;
use super::peer;
use super::socket::{Pulse, Socket};
use crate::tls::Stream;

/// Most bytes of a request's headers (SAFETY.md §6); hyper itself takes 100 of them.
const MAX_HEADER_BYTES: usize = 16 << 10;
/// Most bytes hyper keeps of a connection's input.
pub(super) const MAX_BUFFER_BYTES: usize = 64 << 10;
/// How long a client may take to send its first byte, which tells what it speaks.
const MAX_FIRST_BYTE: Duration = Duration::from_secs(10);
/// The first byte of a TLS handshake (RFC 8446 §5.1).
const TLS_HANDSHAKE: u8 = 0x16;
/// Greatest first byte of a media packet's length on TCP (RFC 4571): packets hold at most 1 500 bytes.
const MAX_MEDIA_LENGTH: u8 = 0x05;
/// How often a connection is looked at for having outstayed its times; they end at most this much late.
const GUARD_PERIOD: Duration = Duration::from_secs(5);
/// How long requests under way may take to end when the server stops.
const MAX_STOPPING: Duration = Duration::from_secs(3);
/// How long the loop waits when the system has no more room for a connection, instead of asking again at once.
const NO_ROOM_WAIT: Duration = Duration::from_millis(200);

/// Serves `edge` on `listener` until `stop` turns true, then ends the requests under way and returns. WebSockets that were handed
/// over are not waited for: the gateway closes them.
pub async fn serve(listener: TcpListener, edge: Arc<Edge>, stop: watch::Receiver<bool>) {
    let mut stopping = stop.clone();
    let seats = Seats::new(edge.app().config.limits.connection_cap());
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, from)) => {
                    let address = from.ip().to_canonical();
                    let is_shared = edge.peers.is_trusted(address);
                    let Some(seat) = seats.take(if is_shared { None } else { Some(peer::counted(address)) }) else {
                        continue;
                    };
                    connections.spawn(connection(stream, from, Arc::clone(&edge), stop.clone(), seat));
                }
                Err(error) => wait_for_room(&error).await,
            },
            Some(_) = connections.join_next() => {}
            () = stopped(&mut stopping) => break,
        }
    }
    drop(listener);
    let drained = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(MAX_STOPPING, drained).await.is_err() {
        tracing::warn!(connections = connections.len(), "requests were cut off by the stop");
    }
}

/// Waits for the stop; whoever could call it being gone is one too.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|is_stopping| *is_stopping).await;
}

/// A failed accept: a client that left already is nothing, but without free file numbers the loop must not spin.
async fn wait_for_room(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    if !matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted) {
        tracing::warn!(%error, "no connection can be accepted");
        tokio::time::sleep(NO_ROOM_WAIT).await;
    }
}

async fn connection(
    stream: TcpStream,
    from: SocketAddr,
    edge: Arc<Edge>,
    mut stop: watch::Receiver<bool>,
    seat: Seat,
) {
    // Answers are written whole, so waiting for more to send only delays them; a failure costs delay alone.
    let _ = stream.set_nodelay(true);
    let opened = tokio::select! {
        opened = open(stream, from, &edge, seat) => opened,
        () = stopped(&mut stop) => return,
    };
    let Some((stream, seat)) = opened else { return };
    let is_tls = matches!(stream, Stream::Tls(_));
    let pulse = Pulse::new();
    let socket = Socket::new(stream, Arc::clone(&pulse), seat);
    let service = service_fn({
        let pulse = Arc::clone(&pulse);
        move |request| {
            let (edge, pulse) = (Arc::clone(&edge), Arc::clone(&pulse));
            pulse.begin();
            async move {
                let response = edge.answer(request, from, is_tls).await;
                pulse.end();
                Ok::<_, Infallible>(response)
            }
        }
    });
    let mut builder = http1::Builder::new();
    // hyper's own header time-out would also end connections that wait between requests; the pulse tells the two apart.
    builder.header_read_timeout(None).max_header_size(MAX_HEADER_BYTES).max_buf_size(MAX_BUFFER_BYTES);
    let served = builder.serve_connection(TokioIo::new(socket), service).with_upgrades();
    tokio::pin!(served);
    let mut guard = tokio::time::interval(GUARD_PERIOD);
    guard.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut is_stopping = false;
    loop {
        tokio::select! {
            ended = served.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection ended badly");
                }
                return;
            }
            _ = guard.tick() => if pulse.is_overdue() { return },
            () = stopped(&mut stop), if !is_stopping => {
                is_stopping = true;
                served.as_mut().graceful_shutdown();
            }
        }
    }
}

/// Finds out by its first byte what a client speaks: TLS, HTTP, or media, which is handed on. `None` when there is nothing to answer.
async fn open(stream: TcpStream, from: SocketAddr, edge: &Edge, seat: Seat) -> Option<(Stream, Seat)> {
    let mut first = [0];
    let peeked = tokio::time::timeout(MAX_FIRST_BYTE, stream.peek(&mut first)).await;
    if !matches!(peeked, Ok(Ok(1))) {
        return None;
    }
    match first[0] {
        TLS_HANDSHAKE => match edge.tls()?.accept(stream).await {
            Ok(stream) => Some((stream, seat)),
            Err(error) => {
                tracing::debug!(%error, "a TLS handshake failed");
                None
            }
        },
        0..=MAX_MEDIA_LENGTH => {
            edge.take_media(stream, from, seat);
            None
        }
        _ => Some((Stream::Plain(stream), seat)),
    }
}

/// The connections that are open, in all and per address.
struct Seats {
    taken: Mutex<Taken>,
    most_per_address: Option<u32>,
    most: u32,
}

#[derive(Default)]
struct Taken {
    in_all: u32,
    per_address: HashMap<u64, u32>,
}

/// One connection's place; dropping it frees the place.
pub struct Seat {
    seats: Arc<Seats>,
    address: Option<u64>,
}

impl std::fmt::Debug for Seat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seat")
    }
}

impl Seats {
    fn new(most_per_address: Option<u32>) -> Arc<Self> {
        let most = file_limit().saturating_mul(9) / 10;
        Arc::new(Self { taken: Mutex::default(), most_per_address, most })
    }

    /// A place for one more connection; `None` as address counts in all only, as for a proxy that stands for many people.
    fn take(self: &Arc<Self>, address: Option<u64>) -> Option<Seat> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.in_all >= self.most {
            return None;
        }
        if let Some(address) = address {
            let count = taken.per_address.entry(address).or_default();
            if self.most_per_address.is_some_and(|most| *count >= most) {
                return None;
            }
            *count += 1;
        }
        taken.in_all += 1;
        Some(Seat { seats: Arc::clone(self), address })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.in_all -= 1;
        let Some(address) = self.address else { return };
        if let Some(count) = taken.per_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                taken.per_address.remove(&address);
            }
        }
    }
}

/// How many files this process may have open; 1024, the least that systems give, where it can't be told.
fn file_limit() -> u32 {
    let read = std::fs::read_to_string("/proc/self/limits").ok();
    let line = read.as_deref().and_then(|text| text.lines().find(|line| line.starts_with("Max open files")));
    match line.and_then(|line| line.split_whitespace().nth(3)) {
        Some("unlimited") => u32::MAX,
        Some(count) => count.parse().unwrap_or(1_024),
        None => 1_024,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_are_counted_per_address_and_given_back() {
        let seats = Seats::new(Some(2));
        let first = seats.take(Some(1)).unwrap();
        let second = seats.take(Some(1)).unwrap();
        assert!(seats.take(Some(1)).is_none());
        assert!(seats.take(Some(2)).is_some() && seats.take(None).is_some());
        drop(first);
        assert!(seats.take(Some(1)).is_some());
        drop(second);
        assert!(seats.taken.lock().unwrap().per_address.is_empty());
        assert_eq!(seats.taken.lock().unwrap().in_all, 0);
        assert!(Seats::new(None).most >= 900);
    }
}
