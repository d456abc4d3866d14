//! A socket that its task and the hub's writers hold together. Both write under the lock of what waits to be written, so frames
//! leave in their order; reading is the task's alone. Over TLS the task alone writes too: a connection's cipher has one user.

use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::os::fd::AsFd as _;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::outbox::{MAX_BYTES, MAX_FRAMES, Outbox};
use crate::hub::{self, Waiting};
use crate::logic::stream::{Compression, Outbound};
use crate::tls::Stream;

/// The task's hold on the socket.
pub(super) enum Socket {
    /// A bare connection, which the hub's writers hold too.
    Plain(Arc<TcpStream>),
    /// TLS, which is the task's own.
    Tls(Box<TlsStream<TcpStream>>),
}

impl Socket {
    /// A socket of this stream.
    pub fn new(stream: Stream) -> Self {
        match stream {
            Stream::Plain(stream) => Self::Plain(Arc::new(stream)),
            Stream::Tls(stream) => Self::Tls(stream),
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let stream = match self.get_mut() {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => return Pin::new(stream).poll_read(cx, buf),
        };
        loop {
            ready!(stream.poll_read_ready(cx))?;
            match stream.try_read(buf.initialize_unfilled()) {
                Ok(read) => {
                    buf.advance(read);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let stream = match self.get_mut() {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => return Pin::new(stream).poll_write_vectored(cx, bytes),
        };
        loop {
            ready!(stream.poll_write_ready(cx))?;
            match stream.try_write_vectored(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => return Poll::Ready(written),
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(_) => Poll::Ready(Ok(())),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => {
                let own = stream.as_fd().try_clone_to_owned();
                Poll::Ready(own.and_then(|own| std::net::TcpStream::from(own).shutdown(Shutdown::Write)))
            }
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

/// What goes out on a socket: the encoding that counts on the order of frames, and the frames that wait.
pub(super) struct Out {
    /// Makes frames of events.
    pub outbound: Outbound,
    /// Frames on their way.
    pub outbox: Outbox,
    /// The connection takes its leave: nothing of the session follows.
    pub is_closed: bool,
}

/// What goes out, shared with the hub's writers.
#[derive(Clone)]
pub(super) struct SharedOut(Arc<Mutex<Out>>);

impl SharedOut {
    /// Nothing yet.
    pub fn new(compression: Compression) -> Self {
        let out = Out { outbound: Outbound::new(compression), outbox: Outbox::default(), is_closed: false };
        Self(Arc::new(Mutex::new(out)))
    }

    /// The right to queue and write; held for as long as a system call takes.
    pub fn lock(&self) -> MutexGuard<'_, Out> {
        self.0.lock().expect("nothing panics while it writes")
    }

    /// Lets the hub write for this connection while its task sleeps; over TLS the hub wakes the task instead.
    pub fn write_for(&self, session: &hub::Connection, socket: &Socket) {
        let Socket::Plain(socket) = socket else { return };
        let (out, socket) = (Arc::clone(&self.0), Arc::clone(socket));
        session.write_with(Arc::new(move |waiting| {
            let mut out = match out.try_lock() {
                Ok(out) => out,
                // The task is at it; it looks again when it is woken.
                Err(TryLockError::WouldBlock | TryLockError::Poisoned(_)) => return true,
            };
            !out.is_closed && out.write_waiting(waiting, &socket)
        }));
    }
}

impl Out {
    /// Takes what the session is owed and writes it; whether the task has to see to the rest.
    fn write_waiting(&mut self, waiting: &mut Waiting<'_>, socket: &TcpStream) -> bool {
        if !self.outbox.is_empty() {
            // The task waits for the socket to take more, and then goes on by itself.
            return false;
        }
        let (is_more, taken) = waiting.take(MAX_FRAMES, MAX_BYTES);
        let write = |slices: &[IoSlice<'_>]| socket.try_write_vectored(slices);
        // An error shows again when the task writes what is left.
        let is_written = if let [(seq, packet)] = taken {
            // By far the most: it leaves without being queued.
            let (head, body) = self.outbound.parts(*seq, packet);
            self.outbox.write_through(head, body, write)
        } else {
            for (seq, packet) in taken {
                self.outbox.push(self.outbound.dispatch(*seq, packet));
            }
            self.outbox.write_now(write)
        };
        is_more || !is_written.unwrap_or(false)
    }
}
