//! Many clients of the gateway at once. A [`Crowd`] waits for frames and knows how long each took; a [`Sweep`] of the same sockets looks
//! for frames now and then. CPU is measured with the latter: on one machine a frame that wakes its receiver counts as work of the
//! sender, though over a network it is none.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch};

use crate::client::{Socket, frame_at, text_frame};

/// Connections being made at once.
const CONNECTING: usize = 32;
/// A heartbeat is due within 41 s of HELLO; this is soon enough for a slow machine.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// What a heartbeat says.
const BEAT: &str = r#"{"op":1,"d":null}"#;
/// Nothing arrived for so long: everybody has what they were sent.
const QUIET: Duration = Duration::from_millis(1_500);
/// Frames of the gateway that hold a post are longer than this, and the floor's frames too.
const LARGE_FRAME_BYTES: usize = 500;
/// Time between two looks of a sweep.
const LOOK: Duration = Duration::from_millis(2);

/// What all clients have counted together.
#[derive(Default)]
struct Counts {
    bytes: AtomicU64,
    frames: AtomicU64,
    /// Bytes of the payload of the last one.
    frame_bytes: AtomicUsize,
    /// When the last post left, and how long its frames took.
    posted: Mutex<Option<Instant>>,
    waits: Mutex<Vec<Duration>>,
}

impl Counts {
    /// Takes whole frames off the front, and counts those that hold a post.
    fn take_frames(&self, buffer: &mut Vec<u8>) {
        let mut taken = 0;
        while let Some((from, to)) = frame_at(&buffer[taken..]) {
            if to - from >= LARGE_FRAME_BYTES {
                self.frames.fetch_add(1, Ordering::Relaxed);
                self.frame_bytes.store(to - from, Ordering::Relaxed);
                let posted = *self.posted.lock().expect("held for a moment");
                if let Some(posted) = posted {
                    self.waits.lock().expect("held for a moment").push(posted.elapsed());
                }
            }
            taken += to;
        }
        buffer.drain(..taken);
        if buffer.is_empty() {
            // Five thousand clients need not each keep the room of their READY.
            buffer.shrink_to(1 << 10);
        }
    }
}

type Left = Option<(TcpStream, Vec<u8>)>;

/// Clients who stay until the guard is dropped.
pub struct Crowd {
    counts: Arc<Counts>,
    tasks: tokio::task::JoinSet<Left>,
    /// Turns true when the clients are to let go of their sockets.
    end: watch::Sender<bool>,
}

impl Crowd {
    /// Connects and identifies one client for each token, and waits until nothing more comes.
    pub async fn gateway(address: SocketAddr, query: &str, tokens: impl Iterator<Item = String>) -> Self {
        let crowd = Self::connect(address, query, tokens, CONNECTING).await;
        crowd.quiet().await;
        crowd
    }

    /// Connects and identifies one client for each token, so many at once, until each has its READY.
    pub async fn connect(
        address: SocketAddr,
        query: &str,
        tokens: impl Iterator<Item = String>,
        at_once: usize,
    ) -> Self {
        let counts = Arc::<Counts>::default();
        let turns = Arc::new(Semaphore::new(at_once));
        let (end, ended) = watch::channel(false);
        let (ready, mut is_ready) = watch::channel(0usize);
        let mut tasks = tokio::task::JoinSet::new();
        let mut sessions = 0;
        for token in tokens {
            sessions += 1;
            let (counts, turns, query) = (counts.clone(), turns.clone(), query.to_owned());
            let (ready, ended) = (ready.clone(), ended.clone());
            tasks.spawn(async move {
                let turn = turns.acquire().await.expect("nobody closes it");
                let mut socket = Socket::open(address, &query).await;
                socket.next().await;
                socket.identify(&token).await;
                socket.next().await;
                drop(turn);
                ready.send_modify(|count| *count += 1);
                follow(socket, &counts, ended).await
            });
        }
        is_ready.wait_for(|count| *count == sessions).await.expect("the clients run");
        Self { counts, tasks, end }
    }

    /// Connects so many clients to a floor that broadcasts.
    pub async fn floor(address: SocketAddr, clients: usize) -> Self {
        let counts = Arc::<Counts>::default();
        let (end, ended) = watch::channel(false);
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..clients {
            let socket = Socket::open(address, "").await;
            let (counts, ended) = (counts.clone(), ended.clone());
            tasks.spawn(async move { follow(socket, &counts, ended).await });
        }
        Self { counts, tasks, end }
    }

    /// How many clients there are.
    pub fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Notes that a post leaves now; gives back how many frames with a post have come so far.
    pub fn posting(&self) -> u64 {
        *self.counts.posted.lock().expect("held for a moment") = Some(Instant::now());
        self.counts.frames.load(Ordering::Relaxed)
    }

    /// Waits until so many frames with a post have come.
    pub async fn wait_for_frames(&self, frames: u64) {
        while self.counts.frames.load(Ordering::Relaxed) < frames {
            tokio::time::sleep(Duration::from_micros(500)).await;
        }
    }

    /// Bytes of the payload of the last frame with a post.
    pub fn frame_bytes(&self) -> usize {
        self.counts.frame_bytes.load(Ordering::Relaxed)
    }

    /// How long each frame took since the last call.
    pub fn take_waits(&self) -> Vec<Duration> {
        std::mem::take(&mut self.counts.waits.lock().expect("held for a moment"))
    }

    /// Bytes that came to all of them together, their READYs apart.
    pub fn told_bytes(&self) -> u64 {
        self.counts.bytes.load(Ordering::Relaxed)
    }

    /// Lets go of every socket at once, as a cut line does, and waits until they are gone.
    pub async fn cut(mut self) {
        self.tasks.abort_all();
        while self.tasks.join_next().await.is_some() {}
    }

    /// Waits until nothing comes any more.
    pub async fn quiet(&self) {
        loop {
            let before = self.counts.bytes.load(Ordering::Relaxed);
            tokio::time::sleep(QUIET).await;
            if self.counts.bytes.load(Ordering::Relaxed) == before {
                return;
            }
        }
    }

    /// The same clients, who no longer wait for frames.
    pub async fn into_sweep(self) -> Sweep {
        self.end.send_replace(true);
        let left = self.tasks.join_all().await;
        let clients = left.into_iter().flatten();
        let clients =
            clients.map(|(stream, rest)| (stream.into_std().expect("it leaves the runtime"), rest)).collect();
        Sweep { counts: self.counts, clients, beaten: Instant::now() }
    }
}

async fn is_over(ended: &mut watch::Receiver<bool>) {
    // A sender that is gone ends it too.
    let _ = ended.wait_for(|is_ended| *is_ended).await;
}

/// Reads until the server or the wish for it is gone; sends heartbeats.
async fn follow(socket: Socket, counts: &Counts, mut ended: watch::Receiver<bool>) -> Left {
    let (mut stream, mut buffer) = socket.into_parts();
    counts.take_frames(&mut buffer);
    let mut beat = tokio::time::interval_at((Instant::now() + HEARTBEAT).into(), HEARTBEAT);
    loop {
        tokio::select! {
            read = stream.read_buf(&mut buffer) => {
                let Ok(read @ 1..) = read else { return None };
                counts.bytes.fetch_add(read as u64, Ordering::Relaxed);
                counts.take_frames(&mut buffer);
            }
            _ = beat.tick() => stream.write_all(&text_frame(BEAT)).await.ok()?,
            () = is_over(&mut ended) => return Some((stream, buffer)),
        }
    }
}

/// Clients who look for frames now and then.
pub struct Sweep {
    counts: Arc<Counts>,
    clients: Vec<(std::net::TcpStream, Vec<u8>)>,
    beaten: Instant,
}

impl Sweep {
    /// How many clients there are.
    pub fn len(&self) -> usize {
        self.clients.len()
    }

    /// Frames with a post that all clients have had so far.
    pub fn frames(&self) -> u64 {
        self.counts.frames.load(Ordering::Relaxed)
    }

    /// Looks until so many frames with a post have come. Blocks.
    pub fn wait_for_frames(&mut self, frames: u64) {
        let mut bytes = vec![0; 64 << 10];
        if self.beaten.elapsed() > HEARTBEAT {
            self.beaten = Instant::now();
            for (stream, _) in &mut self.clients {
                stream.write_all(&text_frame(BEAT)).expect("the server reads");
            }
        }
        while self.frames() < frames {
            std::thread::sleep(LOOK);
            for (stream, buffer) in &mut self.clients {
                match stream.read(&mut bytes) {
                    Ok(0) => panic!("the server closed a socket"),
                    Ok(read) => {
                        buffer.extend_from_slice(&bytes[..read]);
                        self.counts.take_frames(buffer);
                    }
                    Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}"),
                }
            }
        }
    }
}
