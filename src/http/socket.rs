//! A TCP connection that notes when it last moved, so that silent and slow ones can be closed.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::server::Seat;
use crate::tls::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How long a request's headers may take (SAFETY.md §6).
const MAX_HEADERS: Duration = Duration::from_secs(10);
/// How long a connection may stay open between requests.
const MAX_IDLE: Duration = Duration::from_secs(75);
/// How long a client may take nothing of what is sent to it (SAFETY.md §5.13).
const MAX_STUCK: Duration = Duration::from_secs(30);

/// When a connection last moved, shared by its socket, its requests and its guard. Times are ms since the connection, 0 for none.
#[derive(Debug)]
pub struct Pulse {
    opened: Instant,
    is_busy: AtomicBool,
    idle_since_ms: AtomicU64,
    headers_since_ms: AtomicU64,
    stuck_since_ms: AtomicU64,
}

impl Pulse {
    /// The pulse of a connection opened now: its first request is awaited as one whose headers have begun.
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            opened: Instant::now(),
            is_busy: AtomicBool::new(false),
            idle_since_ms: AtomicU64::new(1),
            headers_since_ms: AtomicU64::new(1),
            stuck_since_ms: AtomicU64::new(0),
        })
    }

    fn now_ms(&self) -> u64 {
        self.opened.elapsed().as_millis() as u64 + 1
    }

    /// A request's headers are complete.
    pub fn begin(&self) {
        self.is_busy.store(true, Relaxed);
        self.headers_since_ms.store(0, Relaxed);
    }

    /// A request is answered.
    pub fn end(&self) {
        self.idle_since_ms.store(self.now_ms(), Relaxed);
        self.is_busy.store(false, Relaxed);
    }

    /// Whether the connection has outstayed one of its times.
    pub fn is_overdue(&self) -> bool {
        self.is_overdue_at(self.now_ms())
    }

    fn is_overdue_at(&self, now_ms: u64) -> bool {
        let longer = |since: &AtomicU64, most: Duration| match since.load(Relaxed) {
            0 => false,
            since_ms => now_ms.saturating_sub(since_ms) > most.as_millis() as u64,
        };
        let waits_too_long = !self.is_busy.load(Relaxed)
            && (longer(&self.idle_since_ms, MAX_IDLE) || longer(&self.headers_since_ms, MAX_HEADERS));
        waits_too_long || longer(&self.stuck_since_ms, MAX_STUCK)
    }

    fn has_read(&self) {
        if !self.is_busy.load(Relaxed) && self.headers_since_ms.load(Relaxed) == 0 {
            self.headers_since_ms.store(self.now_ms(), Relaxed);
        }
    }

    fn has_written<T>(&self, poll: &Poll<T>) {
        if poll.is_ready() {
            self.stuck_since_ms.store(0, Relaxed);
        } else if self.stuck_since_ms.load(Relaxed) == 0 {
            self.stuck_since_ms.store(self.now_ms(), Relaxed);
        }
    }
}

/// A connection and its pulse. After an upgrade, `TokioIo<Socket>` is what hyper's `Upgraded` holds.
#[derive(Debug)]
pub struct Socket {
    stream: Stream,
    pulse: Arc<Pulse>,
    seat: Seat,
}

impl Socket {
    /// A connection that tells `pulse` how it moves and holds its place.
    pub(super) fn new(stream: Stream, pulse: Arc<Pulse>, seat: Seat) -> Self {
        Self { stream, pulse, seat }
    }

    /// The connection, for who has taken it over by an upgrade, and its place among all, to be kept as long as it is open.
    pub fn into_parts(self) -> (Stream, Seat) {
        (self.stream, self.seat)
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let poll = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.pulse.has_read();
        }
        poll
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.pulse.has_written(&poll);
        poll
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.pulse.has_written(&poll);
        poll
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_idleness_and_stuck_writes_have_their_own_times() {
        let pulse = Pulse::new();
        let overdue_after = |secs: u64| pulse.is_overdue_at(pulse.now_ms() + secs * 1_000);
        assert!(!overdue_after(9) && overdue_after(11), "the first request is waited for like headers");
        pulse.begin();
        assert!(!overdue_after(3_600), "a request may take its time");
        pulse.end();
        assert!(!overdue_after(74) && overdue_after(76), "idle");
        pulse.has_read();
        assert!(!overdue_after(9) && overdue_after(11), "headers have begun");
        pulse.begin();
        pulse.has_written::<()>(&Poll::Pending);
        assert!(!overdue_after(29) && overdue_after(31), "nothing is taken");
        pulse.has_written(&Poll::Ready(()));
        assert!(!overdue_after(3_600));
    }
}
