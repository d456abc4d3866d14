//! The socket of media: one thread reads its datagrams in batches, all of them send through it.

use std::io::{self, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};

use quinn_udp::{RecvMeta, UdpSockRef, UdpSocketState};
use str0m::net::{Protocol, Transmit};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::Worker;
use crate::voice::metrics::count;

/// Datagrams read with one call to the system.
const BATCH: usize = 32;
/// Bytes of room for the datagrams of one sender that the system joins.
const BUFFER_BYTES: usize = 65_536;
/// Bytes that the system keeps for us in each direction while the loop is busy.
const SOCKET_BUFFER_BYTES: usize = 4 << 20;

/// The socket, as a thread sends through it.
pub struct Port {
    socket: UdpSocket,
    state: UdpSocketState,
    is_v6: bool,
}

impl Port {
    /// Takes the socket for one more thread.
    ///
    /// # Errors
    /// The socket can't be used.
    pub fn new(socket: &UdpSocket) -> io::Result<Self> {
        let socket = socket.try_clone()?;
        socket.set_nonblocking(true)?;
        let options = socket2::SockRef::from(&socket);
        // Systems that allow less give what they allow.
        let _ = options.set_recv_buffer_size(SOCKET_BUFFER_BYTES);
        let _ = options.set_send_buffer_size(SOCKET_BUFFER_BYTES);
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        let is_v6 = socket.local_addr()?.is_ipv6();
        Ok(Self { socket, state, is_v6 })
    }

    /// Sends a packet; false when the network takes no more of them at once. Hardly two in a row go to one address, so there is nothing
    /// that the system could cut for us, and what else a message may carry costs it time.
    fn send(&self, transmit: &Transmit) -> bool {
        let to = mapped(transmit.destination, self.is_v6);
        self.socket.send_to(&transmit.contents, to).is_ok()
    }
}

/// The socket, as the one thread reads it. It asks to be woken by what comes alone: a socket that may be written to again wakes whoever
/// asked for that, with every packet that any thread sent.
pub struct Inlet {
    socket: AsyncFd<UdpSocket>,
    buffers: Vec<u8>,
}

impl Inlet {
    /// The side of the socket that is read.
    ///
    /// # Errors
    /// The system can't say when there is something to read.
    pub fn open(port: &Port) -> io::Result<Self> {
        #[expect(
            deprecated,
            reason = "its successor is unsafe; this socket is owned, and closes after it is let go"
        )]
        let socket = AsyncFd::with_interest(port.socket.try_clone()?, Interest::READABLE)?;
        Ok(Self { socket, buffers: vec![0; BATCH * BUFFER_BYTES] })
    }

    /// Waits for datagrams; for ever where there is no socket to read.
    pub async fn readable(inlet: Option<&Self>) -> io::Result<()> {
        match inlet {
            // What is ready is cleared by the read that finds nothing more.
            Some(inlet) => inlet.socket.readable().await.map(|mut ready| ready.retain_ready()),
            None => std::future::pending().await,
        }
    }
}

impl Worker {
    /// Reads a batch of datagrams.
    pub(super) fn read_socket(&mut self, inlet: &mut Inlet) {
        let Some(port) = &self.port else { return };
        let mut metas = [RecvMeta::default(); BATCH];
        let (socket, buffers) = (&inlet.socket, &mut inlet.buffers);
        let mut received = 0;
        let read = socket.try_io(Interest::READABLE, |socket| {
            let mut slices: Vec<IoSliceMut<'_>> =
                buffers.chunks_mut(BUFFER_BYTES).map(IoSliceMut::new).collect();
            received = port.state.recv(UdpSockRef::from(socket), &mut slices, &mut metas)?;
            // Less than there was room for is all there is: it need not be asked once more to hear so.
            if received < BATCH { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
        });
        if let Err(error) = read
            && error.kind() != io::ErrorKind::WouldBlock
        {
            // An earlier packet that did not arrive (ICMP): it does not end the socket.
            tracing::trace!(%error, "a read of the media socket failed");
        }
        for (meta, buffer) in metas.iter().zip(buffers.chunks(BUFFER_BYTES)).take(received) {
            let from = SocketAddr::new(meta.addr.ip().to_canonical(), meta.addr.port());
            let stride = meta.stride.max(1);
            for packet in buffer[..meta.len].chunks(stride) {
                self.take_packet(Protocol::Udp, from, packet);
            }
        }
    }

    /// Queues bytes for an address.
    pub(super) fn send(&mut self, proto: Protocol, to: SocketAddr, bytes: Vec<u8>) {
        self.out.push(Transmit { proto, source: to, destination: to, contents: bytes.into() });
    }

    /// Sends what is queued. What the network does not take at once is dropped: it is of the moment.
    pub(super) fn flush(&mut self) {
        count(&self.counters.packets_out, self.out.len() as u64);
        let mut unsent = 0;
        for transmit in self.out.drain(..) {
            let is_sent = if transmit.proto == Protocol::Udp {
                self.port.as_ref().is_some_and(|port| port.send(&transmit))
            } else {
                let outlet = self.tcp.get(&transmit.destination);
                outlet.is_some_and(|outlet| outlet.send(transmit.contents.into()))
            };
            unsent += u64::from(!is_sent);
        }
        count(&self.counters.dropped_unsent, unsent);
    }
}

/// An address as the socket wants it: an IPv6 socket reaches IPv4 by mapped addresses.
fn mapped(address: SocketAddr, is_v6: bool) -> SocketAddr {
    match address {
        SocketAddr::V4(v4) if is_v6 => SocketAddr::new(v4.ip().to_ipv6_mapped().into(), v4.port()),
        other => other,
    }
}
