//! What a caller's media goes over: UDP, the server's own TCP port, or a network that loses and delays.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use str0m::Candidate;
use str0m::net::{Protocol, TcpType};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::mpsc;

use crate::gateway::large::seeding::Random;

/// What happens to packets on their way.
#[derive(Clone, Copy)]
pub struct Weather {
    /// How many of a hundred are lost.
    pub lost: u64,
    /// How much later they come at most, milliseconds: those behind them overtake them.
    pub late_ms: u64,
}

impl Weather {
    /// How much later a packet comes, if it does.
    fn fate(self, random: &mut Random) -> Option<Duration> {
        let is_lost = random.below(100) < self.lost;
        (!is_lost).then(|| Duration::from_millis(random.below(self.late_ms + 1)))
    }
}

/// A socket with weather in both directions.
pub struct Rough {
    socket: Arc<UdpSocket>,
    weather: Weather,
    random: Random,
    arrived: mpsc::UnboundedReceiver<(Vec<u8>, SocketAddr)>,
    reader: tokio::task::JoinHandle<()>,
}

impl Rough {
    /// A socket in this weather, as a seed has it.
    pub async fn open(weather: Weather, seed: u64) -> Self {
        let socket = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
        let (tell, arrived) = mpsc::unbounded_channel();
        let (read, mut random) = (socket.clone(), Random::new(seed));
        let reader = tokio::spawn(async move {
            let mut buffer = vec![0; 2_000];
            loop {
                let (count, from) = read.recv_from(&mut buffer).await.unwrap();
                let Some(late) = weather.fate(&mut random) else { continue };
                let (tell, packet) = (tell.clone(), buffer[..count].to_vec());
                tokio::spawn(async move {
                    tokio::time::sleep(late).await;
                    // Whoever waited for it may be gone.
                    _ = tell.send((packet, from));
                });
            }
        });
        Self { socket, weather, random: Random::new(!seed), arrived, reader }
    }

    fn send(&mut self, packet: &[u8], to: SocketAddr) {
        let Some(late) = self.weather.fate(&mut self.random) else { return };
        let (socket, packet) = (self.socket.clone(), packet.to_vec());
        tokio::spawn(async move {
            tokio::time::sleep(late).await;
            _ = socket.send_to(&packet, to).await;
        });
    }
}

impl Drop for Rough {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

/// What media goes over.
pub enum Wire {
    Udp(UdpSocket),
    Rough(Rough),
    /// Packets with their length before them (RFC 4571), and what has come of the next one.
    Tcp(TcpStream, Vec<u8>),
}

impl Wire {
    /// Dials the server's own port.
    pub async fn tcp(address: &str) -> Self {
        Self::Tcp(TcpStream::connect(address).await.unwrap(), Vec::new())
    }

    pub fn own(&self) -> SocketAddr {
        match self {
            Self::Udp(socket) => socket.local_addr(),
            Self::Rough(rough) => rough.socket.local_addr(),
            Self::Tcp(stream, _) => stream.local_addr(),
        }
        .unwrap()
    }

    pub fn protocol(&self) -> Protocol {
        match self {
            Self::Udp(_) | Self::Rough(_) => Protocol::Udp,
            Self::Tcp(..) => Protocol::Tcp,
        }
    }

    pub fn candidate(&self) -> Candidate {
        match self {
            Self::Udp(_) | Self::Rough(_) => Candidate::host(self.own(), "udp"),
            Self::Tcp(..) => Candidate::builder().tcp().host(self.own()).tcptype(TcpType::Active).build(),
        }
        .unwrap()
    }

    /// The next packet, and where it came from; nothing is lost when it is not waited for to the end.
    pub async fn receive(&mut self, buffer: &mut [u8]) -> (usize, SocketAddr) {
        let (stream, held) = match self {
            Self::Udp(socket) => return socket.recv_from(buffer).await.unwrap(),
            Self::Rough(rough) => {
                let (packet, from) = rough.arrived.recv().await.expect("its reader runs as long as it");
                buffer[..packet.len()].copy_from_slice(&packet);
                return (packet.len(), from);
            }
            Self::Tcp(stream, held) => (stream, held),
        };
        loop {
            if let Some((length, rest)) = held.split_first_chunk::<2>() {
                let length = usize::from(u16::from_be_bytes(*length));
                if rest.len() >= length {
                    buffer[..length].copy_from_slice(&rest[..length]);
                    held.drain(..2 + length);
                    return (length, stream.peer_addr().unwrap());
                }
            }
            stream.readable().await.unwrap();
            match stream.try_read_buf(held) {
                Ok(0) => std::future::pending().await,
                Ok(_) => {}
                Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock, "{error}"),
            }
        }
    }

    /// Sends a packet. A server that restarts takes none for a moment.
    pub async fn send(&mut self, packet: &[u8], to: SocketAddr) {
        match self {
            Self::Udp(socket) => _ = socket.send_to(packet, to).await,
            Self::Rough(rough) => rough.send(packet, to),
            Self::Tcp(stream, _) => {
                let length = u16::try_from(packet.len()).unwrap().to_be_bytes();
                _ = stream.write_all(&[&length, packet].concat()).await;
            }
        }
    }
}
