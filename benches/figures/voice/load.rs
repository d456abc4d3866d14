//! Many peers on one thread. It looks for packets now and then, as [`crate::crowd::Sweep`] does: on one machine a packet that wakes its
//! receiver counts as work of the sender, though over a network it is none. One peer alone, an ear, waits for each packet instead: its
//! waits are those of forwarding.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::time::{Duration, Instant};

use super::peer::{Peer, Tally};

/// Time between two looks.
const LOOK: Duration = Duration::from_millis(2);
/// How long everything may take to begin.
const PATIENCE: Duration = Duration::from_secs(90);
/// Bytes of the longest packet.
const PACKET_BYTES: usize = 2_000;

enum Order {
    Take(Box<Peer>),
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
    pub fn ear(mut peer: Peer) -> Self {
        peer.wait_for_packets(LOOK);
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

    /// Takes a peer whose descriptions are exchanged.
    pub fn take(&mut self, peer: Peer) {
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
    let mut peers: Vec<Peer> = Vec::new();
    let mut buffer = [0; PACKET_BYTES];
    loop {
        match orders.try_recv() {
            Ok(Order::Take(peer)) => {
                peers.push(*peer);
                continue;
            }
            Ok(Order::Begin) => peers.iter_mut().for_each(Peer::begin),
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
            peer.turn(&mut buffer);
        }
        settled.store(peers.iter().filter(|peer| peer.is_settled()).count(), Ordering::Relaxed);
        if !is_ear || peers.is_empty() {
            std::thread::sleep(LOOK.saturating_sub(looked.elapsed()));
        }
    }
}
