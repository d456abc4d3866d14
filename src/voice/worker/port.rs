//! The socket of media: one thread reads its datagrams in batches, all of them send through it. Packets of one size to one address, as
//! pictures are, go to the system in one piece, which it cuts (UDP GSO, Linux' udp(7)); others go many with one call (sendmmsg(2)).

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};

use quinn_udp::{RecvMeta, UdpSockRef, UdpSocketState};
use rustix::io::Errno;
use rustix::net::addr::SocketAddrArg as _;
use rustix::net::{MMsgHdr, SendAncillaryBuffer, SendFlags, sendmmsg};
use str0m::net::{Protocol, Transmit};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::Worker;
use crate::voice::metrics::count;

/// Datagrams read with one call to the system.
const BATCH: usize = 32;
/// Datagrams sent with one.
pub(super) const SENT_AT_ONCE: usize = 64;
/// Bytes of room for the datagrams of one sender that the system joins.
const BUFFER_BYTES: usize = 65_536;
/// Bytes that the system is given at most to be cut: what a datagram can carry (RFC 768), less the longest headers.
const MAX_JOINED_BYTES: usize = 65_000;
/// Bytes of one of them at most: the system cuts none that are too long for the network, and would be taken not to cut at all.
const MAX_PIECE_BYTES: usize = 1_400;
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

    /// How many of the packets, from the first on, go to the system with one call.
    fn batch(&self, packets: &[Transmit]) -> usize {
        let is_apart =
            |at: &usize| packets[*at].proto == Protocol::Udp && self.joinable(&packets[*at..]) == 1;
        match (0..packets.len()).take(SENT_AT_ONCE).take_while(is_apart).count() {
            0 => self.joinable(packets),
            apart => apart,
        }
    }

    /// Sends a batch; how many the network took.
    fn send(&self, packets: &[Transmit], joined: &mut Vec<u8>) -> usize {
        let [first, rest @ ..] = packets else { return 0 };
        let destination = mapped(first.destination, self.is_v6);
        if rest.is_empty() {
            // What else a message may carry costs the system time.
            return usize::from(self.socket.send_to(&first.contents, destination).is_ok());
        }
        if self.joinable(packets) == packets.len() {
            joined.clear();
            packets.iter().for_each(|packet| joined.extend_from_slice(&packet.contents));
            let segment_size = Some(first.contents.len());
            let whole =
                quinn_udp::Transmit { destination, ecn: None, contents: joined, segment_size, src_ip: None };
            match self.state.try_send(UdpSockRef::from(&self.socket), &whole) {
                Ok(()) => return packets.len(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return 0,
                // An adapter that can't cut, which is remembered, or whatever else: one by one each has its own answer.
                Err(error) => tracing::debug!(%error, "packets were not taken together"),
            }
        }
        self.send_each(packets)
    }

    /// Sends packets as they are, to wherever each goes; how many the network took. Once it takes no more for now, it is asked no more.
    fn send_each(&self, packets: &[Transmit]) -> usize {
        let to: Vec<_> = packets.iter().map(|of| mapped(of.destination, self.is_v6).as_any()).collect();
        let contents: Vec<_> = packets.iter().map(|of| [IoSlice::new(&of.contents)]).collect();
        let mut controls: Vec<_> = packets.iter().map(|_| SendAncillaryBuffer::default()).collect();
        let each = to.iter().zip(&contents).zip(&mut controls);
        let mut messages: Vec<_> =
            each.map(|((to, contents), control)| MMsgHdr::new_with_addr(to, contents, control)).collect();
        let (mut sent, mut at) = (0, 0);
        while at < messages.len() {
            match sendmmsg(&self.socket, &mut messages[at..], SendFlags::empty()) {
                Ok(count) => (sent, at) = (sent + count, at + count.max(1)),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN | Errno::NOBUFS) => break,
                // This one can't go where it is to go; the next may.
                Err(_) => at += 1,
            }
        }
        sent
    }

    /// How many of the packets, from the first on, may go to the system in one piece.
    fn joinable(&self, packets: &[Transmit]) -> usize {
        let Some(first) = packets.first() else { return 0 };
        let size = first.contents.len().max(1);
        let most = self.state.max_gso_segments().min(MAX_JOINED_BYTES / size);
        let most = if size > MAX_PIECE_BYTES { 1 } else { most.max(1) };
        let mut count = 1;
        for packet in packets.iter().take(most).skip(1) {
            let is_alike = (packet.proto, packet.destination) == (first.proto, first.destination);
            if !is_alike || packet.contents.len() > size {
                break;
            }
            count += 1;
            if packet.contents.len() < size {
                break;
            }
        }
        count
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
            if from.port() == 0 {
                continue; // nothing can be sent there
            }
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
        let mut left = &self.out[..];
        while let [first, ..] = left {
            let (now, later, sent);
            if first.proto == Protocol::Udp {
                let port = self.port.as_ref();
                (now, later) = left.split_at(port.map_or(1, |port| port.batch(left)));
                sent = port.map_or(0, |port| port.send(now, &mut self.joined));
            } else {
                (now, later) = left.split_at(1);
                let outlet = self.tcp.get(&first.destination);
                sent = usize::from(outlet.is_some_and(|outlet| outlet.send(first.contents.to_vec())));
            }
            unsent += now.len() - sent;
            left = later;
        }
        self.out.clear();
        count(&self.counters.dropped_unsent, unsent as u64);
    }
}

/// An address as the socket wants it: an IPv6 socket reaches IPv4 by mapped addresses.
fn mapped(address: SocketAddr, is_v6: bool) -> SocketAddr {
    match address {
        SocketAddr::V4(v4) if is_v6 => SocketAddr::new(v4.ip().to_ipv6_mapped().into(), v4.port()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn packet(to: SocketAddr, byte: u8, length: usize) -> Transmit {
        Transmit { proto: Protocol::Udp, source: to, destination: to, contents: vec![byte; length].into() }
    }

    /// Packets that go in one piece arrive as they were, in their order; those that can't go as they are.
    #[test]
    fn what_goes_in_one_piece_arrives_packet_by_packet() {
        let here = || {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            socket
        };
        let (port, one, other) = (Port::new(&here()).unwrap(), here(), here());
        let to = one.local_addr().unwrap();
        let lengths = [1_130, 1_130, 1_130, 40, 1_130, 1_131];
        let mut packets: Vec<_> =
            lengths.into_iter().zip(0..).map(|(length, byte)| packet(to, byte, length)).collect();
        packets.push(packet(other.local_addr().unwrap(), 9, 1_131));
        let tcp = Transmit { proto: Protocol::Tcp, ..packet(to, 0, 1_130) };
        assert_eq!(port.joinable(&[packet(to, 0, 1_130), tcp]), 1, "over another protocol");

        // A system that can't cut is given one after the other.
        let is_cut = port.state.max_gso_segments() > 1;
        let (mut sizes, mut left, mut joined) = (Vec::new(), &packets[..], Vec::new());
        while !left.is_empty() {
            let (now, later) = left.split_at(port.batch(left));
            assert_eq!(port.send(now, &mut joined), now.len());
            left = later;
            sizes.push(now.len());
        }
        assert_eq!(sizes, if is_cut { vec![4, 3] } else { vec![7] });
        let mut buffer = [0; 2_000];
        for sent in packets.iter().filter(|packet| packet.destination == to) {
            let count = one.recv(&mut buffer).unwrap();
            assert_eq!(buffer[..count], sent.contents[..]);
        }
        // Port 0 is nobody's: what goes there is lost, and nothing else.
        let nowhere = packet("127.0.0.1:0".parse().unwrap(), 1, 100);
        let (first, last) = (packet(to, 2, 100), packet(to, 3, 200));
        assert_eq!(port.send(&[first, nowhere, last], &mut joined), 2);
        assert_eq!((one.recv(&mut buffer).unwrap(), buffer[0]), (100, 2));
        assert_eq!((one.recv(&mut buffer).unwrap(), buffer[0]), (200, 3));
        let many: Vec<_> = (0..200).map(|byte| packet(to, byte, 1_130)).collect();
        assert!(port.joinable(&many) * 1_130 <= MAX_JOINED_BYTES);
        let long: Vec<_> = (0..2).map(|byte| packet(to, byte, MAX_PIECE_BYTES + 1)).collect();
        assert_eq!(port.joinable(&long), 1, "too long for the network");
    }
}
