//! Many peers on one thread. It looks for packets now and then, as [`crate::crowd::Sweep`] does: on one machine a packet that wakes its
//! receiver counts as work of the sender, though over a network it is none. One peer alone, an ear, waits for each packet instead: its
//! waits are those of forwarding.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::time::{Duration, Instant};

use super::tally::Tally;

/// Time between two looks.
const LOOK: Duration = Duration::from_millis(2);
/// How long everything may take to begin.
const PATIENCE: Duration = Duration::from_secs(90);
/// Bytes of the longest packet.
const PACKET_BYTES: usize = 2_000;
/// Packets taken before others get their turn.
const PACKETS_A_TURN: usize = 64;
/// Bytes that the system keeps for a peer between two of its turns.
const SOCKET_BUFFER_BYTES: usize = 1 << 20;

/// Somebody in a room, on whichever server: what a thread of them needs to know.
pub trait Loader: Send {
    /// What its packets come and go through, of [`socket`].
    fn socket(&self) -> &UdpSocket;
    /// When its next sound or picture is due, so that not all of them send in one moment.
    fn send_from(&mut self, at: Instant);
    /// Whether it has something to send.
    fn is_due(&self, now: Instant) -> bool;
    /// Takes a packet.
    fn take(&mut self, from: SocketAddr, bytes: &[u8]);
    /// Sends what is due, lets time pass.
    fn tend(&mut self, now: Instant);
    /// Whether everything that it is to hear has begun.
    fn is_settled(&self) -> bool;
    /// Counts from here on.
    fn begin(&mut self);
    /// What was counted since it began.
    fn tally(&mut self) -> Tally;
}

/// A socket of this address for one of them, which does not wait.
pub fn socket(ip: IpAddr) -> UdpSocket {
    let socket = UdpSocket::bind((ip, 0)).expect("a port is free");
    // Systems that allow less give what they allow.
    let _ = socket2::SockRef::from(&socket).set_recv_buffer_size(SOCKET_BUFFER_BYTES);
    socket.set_nonblocking(true).expect("a socket takes its options");
    socket
}

/// When what was due then, and leaves now, is due again. Who is late leaves out what they missed, and keeps
/// their place: else all whom one pause of their thread held up would send in one moment from there on.
pub fn due_again(due: Instant, every: Duration, now: Instant) -> Instant {
    let missed = now.saturating_duration_since(due).as_nanos() / every.as_nanos();
    due + every * (missed as u32 + 1)
}

enum Order {
    Take(Box<dyn Loader>),
    Begin,
    End(Sender<Tally>),
}

/// Peers that run until this is dropped.
pub struct Load {
    orders: Sender<Order>,
    settled: Arc<AtomicUsize>,
    peers: usize,
}

impl Load {
    /// No peers yet; those to come are looked after every few milliseconds.
    pub fn sweep() -> Self {
        Self::start(false)
    }

    /// One peer that waits for its packets.
    pub fn ear(peer: impl Loader + 'static) -> Self {
        peer.socket().set_nonblocking(false).expect("a socket takes its options");
        peer.socket().set_read_timeout(Some(LOOK)).expect("a socket takes its options");
        let mut load = Self::start(true);
        load.take(peer);
        load
    }

    fn start(is_ear: bool) -> Self {
        let (orders, queue) = channel();
        let settled = Arc::<AtomicUsize>::default();
        let count = settled.clone();
        std::thread::spawn(move || run(&queue, &count, is_ear));
        Self { orders, settled, peers: 0 }
    }

    /// Takes a peer that has joined.
    pub fn take(&mut self, peer: impl Loader + 'static) {
        self.peers += 1;
        self.order(Order::Take(Box::new(peer)));
    }

    fn order(&self, order: Order) {
        self.orders.send(order).expect("the peers' thread runs");
    }

    /// Waits until every peer hears all that it is to hear.
    pub async fn settled(&self, what: &str) {
        let began = Instant::now();
        while self.settled.load(Ordering::Relaxed) < self.peers {
            let settled = self.settled.load(Ordering::Relaxed);
            assert!(began.elapsed() < PATIENCE, "{what}: {settled} of {} peers hear everybody", self.peers);
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Counts from here on.
    pub fn begin(&self) {
        self.order(Order::Begin);
    }

    /// What was counted since it began.
    pub async fn end(&self) -> Tally {
        let (reply, answer) = channel();
        self.order(Order::End(reply));
        loop {
            match answer.try_recv() {
                Ok(tally) => return tally,
                Err(TryRecvError::Empty) => tokio::time::sleep(LOOK).await,
                Err(TryRecvError::Disconnected) => panic!("the peers' thread ended"),
            }
        }
    }
}

/// Runs peers until nobody gives orders any more.
fn run(orders: &Receiver<Order>, settled: &AtomicUsize, is_ear: bool) {
    let mut peers: Vec<Box<dyn Loader>> = Vec::new();
    let mut buffer = [0; PACKET_BYTES];
    loop {
        match orders.try_recv() {
            Ok(Order::Take(peer)) => {
                peers.push(peer);
                continue;
            }
            Ok(Order::Begin) => peers.iter_mut().for_each(|peer| peer.begin()),
            Ok(Order::End(reply)) => {
                let mut all = Tally::default();
                peers.iter_mut().for_each(|peer| all.add(peer.tally()));
                // Who asked is gone with the figure.
                let _ = reply.send(all);
            }
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => return,
        }
        let looked = Instant::now();
        for peer in &mut peers {
            turn(peer.as_mut(), &mut buffer);
        }
        settled.store(peers.iter().filter(|peer| peer.is_settled()).count(), Ordering::Relaxed);
        if !is_ear || peers.is_empty() {
            std::thread::sleep(LOOK.saturating_sub(looked.elapsed()));
        }
    }
}

/// Takes what came, sends what is due, lets time pass.
fn turn(peer: &mut dyn Loader, buffer: &mut [u8]) {
    for _ in 0..PACKETS_A_TURN {
        match peer.socket().recv_from(buffer) {
            Ok((count, from)) => peer.take(from, &buffer[..count]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => break,
            // An earlier packet that did not arrive (ICMP): the server is on its way.
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {}
            Err(error) => panic!("a peer's socket failed: {error}"),
        }
        if peer.is_due(Instant::now()) {
            break;
        }
    }
    peer.tend(Instant::now());
}
