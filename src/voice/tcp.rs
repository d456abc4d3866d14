//! Media over TCP for networks that let no UDP through: packets with their length before them (RFC 4571, RFC 6544).

use std::any::Any;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use str0m::net::Protocol;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use super::{Command, Voice};

/// Largest packet.
pub const MAX_PACKET_BYTES: usize = 1_500;
/// How long the first packet may take.
const FIRST_WITHIN: Duration = Duration::from_secs(5);
/// How long a connection may say nothing: routes are checked every few seconds.
const IDLE_WITHIN: Duration = Duration::from_secs(60);
/// Bytes that may wait to be written; what comes on top is dropped.
const MAX_QUEUED_BYTES: usize = 256 << 10;
/// Packets that may wait to be written.
const MAX_QUEUED: usize = 1_024;
/// Connections of one address.
const MAX_PER_ADDRESS: u32 = 32;

/// The way to one connection.
#[derive(Debug)]
pub struct Outlet {
    packets: mpsc::Sender<Vec<u8>>,
    queued_bytes: Arc<AtomicUsize>,
}

impl Outlet {
    /// Queues a packet; false when it is dropped because the client takes too little.
    pub fn send(&self, packet: Vec<u8>) -> bool {
        let len = packet.len();
        if self.queued_bytes.load(Ordering::Relaxed) + len > MAX_QUEUED_BYTES {
            return false;
        }
        self.queued_bytes.fetch_add(len, Ordering::Relaxed);
        let is_queued = self.packets.try_send(packet).is_ok();
        if !is_queued {
            self.queued_bytes.fetch_sub(len, Ordering::Relaxed);
        }
        is_queued
    }
}

/// How many connections each address has.
#[derive(Debug, Default)]
pub struct Counter(Mutex<HashMap<IpAddr, u32>>);

/// One connection's place; dropping it frees the place.
struct Place {
    counter: Arc<Counter>,
    address: IpAddr,
}

impl Counter {
    fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(address).or_default();
        if *count >= MAX_PER_ADDRESS {
            return None;
        }
        *count += 1;
        Some(Place { counter: Arc::clone(self), address })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.counter.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

/// Serves a connection to its end; `seat` is its place among all the server's connections.
pub async fn serve(stream: TcpStream, from: SocketAddr, seat: Box<dyn Any + Send>, voice: Voice) {
    let Some(_place) = voice.tcp.enter(from.ip().to_canonical()) else { return };
    // Packets are of the moment; a failure costs delay alone.
    let _ = stream.set_nodelay(true);
    let (mut reader, mut writer) = stream.into_split();
    let Ok(Some(first)) = tokio::time::timeout(FIRST_WITHIN, read(&mut reader)).await else { return };
    // It has to be a check of the route (RFC 8489 §5), so that nobody parks a connection here; it names whose it is.
    if first.first().is_none_or(|first| *first > 3) {
        return;
    }
    let commands = voice.thread_of_packet(from, &first);
    let (packets, mut queue) = mpsc::channel::<Vec<u8>>(MAX_QUEUED);
    let queued_bytes = Arc::new(AtomicUsize::new(0));
    let outlet = Outlet { packets, queued_bytes: Arc::clone(&queued_bytes) };
    let came = |packet| Command::Packet(Protocol::Tcp, from, packet);
    if commands.send(Command::TcpOpened(from, outlet)).await.is_err()
        || commands.send(came(first)).await.is_err()
    {
        return;
    }
    let writing = async {
        while let Some(packet) = queue.recv().await {
            let mut framed = Vec::with_capacity(2 + packet.len());
            framed.extend((packet.len() as u16).to_be_bytes());
            framed.extend(&packet);
            let written = writer.write_all(&framed).await;
            queued_bytes.fetch_sub(packet.len(), Ordering::Relaxed);
            if written.is_err() {
                return;
            }
        }
    };
    let reading = async {
        while let Ok(Some(packet)) = tokio::time::timeout(IDLE_WITHIN, read(&mut reader)).await {
            if commands.send(came(packet)).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = writing => {}
        () = reading => {}
    }
    // A worker that has ended holds no outlet.
    let _ = commands.send(Command::TcpClosed(from)).await;
    drop(seat);
}

async fn read(reader: &mut (impl tokio::io::AsyncRead + Unpin)) -> Option<Vec<u8>> {
    let len = usize::from(reader.read_u16().await.ok()?);
    if len == 0 || len > MAX_PACKET_BYTES {
        return None;
    }
    let mut packet = vec![0; len];
    reader.read_exact(&mut packet).await.ok()?;
    Some(packet)
}
