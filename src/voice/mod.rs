//! Voice and video: the IO of a forwarding server. A few threads each own some of the rooms, with every connection in them; the first
//! reads the UDP socket for all. Sockets of clients and media over TCP bring a thread commands through one bounded queue, and take
//! what it says out of mailboxes. Who may do what it reads from the hub's desk, within one turn of its loop. What is sent where is
//! decided by `logic::room`. A browser's connection (`peer`) is the WebRTC library's; sound to it goes past that: `handshake` hears the keys,
//! `stream` writes packets, `srtp` seals them, `slots` are what both send in, and `held` is what waits of its pictures.

mod bot;
mod crypto;
mod description;
mod directory;
pub mod doctor;
mod handshake;
mod held;
mod mailbox;
mod metrics;
mod peer;
mod slots;
mod srtp;
mod stream;
mod tcp;
mod worker;

use std::any::Any;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use str0m::net::Protocol;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};

use crate::hub::{HubHandle, MAX_MEDIA_THREADS};
use crate::logic::voice_session::{Offer, Quality, Select, SelfUpdate, VideoWant};
use directory::Directory;
pub use mailbox::{Mail, Mailbox};
pub use metrics::{Counters, Snapshot};
pub use peer::Addresses;
use worker::{Post, Worker};

/// Commands that may wait for a thread; who brings one more waits.
const MAX_COMMANDS: usize = 1_024;

/// What voice is started with.
#[derive(Debug)]
pub struct Settings {
    /// The UDP socket of media, bound; none for TCP alone.
    pub socket: Option<std::net::UdpSocket>,
    /// Where clients reach it.
    pub addresses: Addresses,
    /// Videos of one room at once.
    pub videos_per_channel: usize,
    /// Bits per second that one sender may send.
    pub max_bps_per_sender: u64,
    /// Threads among which rooms are divided, at most [`MAX_MEDIA_THREADS`].
    pub threads: usize,
}

/// What is asked of a thread.
pub(crate) enum Command {
    /// A client identified for a session whose token it showed.
    Attach { session: Arc<str>, from: IpAddr, reply: oneshot::Sender<Option<Attached>> },
    /// A client goes on with a session.
    Resume { session: Arc<str>, seq: u64, reply: oneshot::Sender<Option<Attached>> },
    /// A client's connection is gone.
    Detach { session: Arc<str>, holder: u32 },
    /// A client said something.
    Said { session: Arc<str>, what: Said },
    /// Media over TCP.
    TcpOpened(SocketAddr, tcp::Outlet),
    /// A packet of it, or one that another thread read.
    Packet(Protocol, SocketAddr, Vec<u8>),
    /// The end of media over TCP.
    TcpClosed(SocketAddr),
    /// A discovery with this number is our own, and answered; none is any more.
    Probe(Option<u32>),
    /// The thread panics, outside of any connection's own steps.
    #[cfg(test)]
    Panic,
    /// The server stops.
    Stop,
}

/// What a client says of its media.
#[derive(Debug)]
pub enum Said {
    /// How media is to flow.
    Select(Select),
    /// A new description.
    Offer(Offer),
    /// What it sends, in bits.
    Speaking(u32),
    /// Which videos it wants.
    Want(Vec<VideoWant>),
    /// What its person says of themself.
    Own(SelfUpdate),
    /// How its connection is.
    Quality(Quality),
}

/// A client's hold on its session.
#[derive(Debug)]
pub struct Attached {
    /// What it is told.
    pub mailbox: Arc<Mailbox>,
    /// Its number among those that held the session.
    pub holder: u32,
    /// The number of its stream.
    pub ssrc: u32,
}

/// The way to voice; a cheap clone.
#[derive(Clone, Debug)]
pub struct Voice {
    hub: HubHandle,
    threads: Arc<[mpsc::Sender<Command>]>,
    directory: Arc<Directory>,
    addresses: Arc<Addresses>,
    counters: Arc<Counters>,
    tcp: Arc<tcp::Counter>,
    running: Arc<Mutex<Vec<JoinHandle<()>>>>,
}

impl Voice {
    /// Starts the threads.
    ///
    /// # Errors
    /// The system gives no thread, or the socket can't be used.
    pub fn start(hub: HubHandle, settings: Settings) -> io::Result<Self> {
        let number = settings.threads.clamp(1, MAX_MEDIA_THREADS);
        hub.desk().divide(number);
        let certificate = handshake::certificate();
        let certificate = certificate.ok_or_else(|| io::Error::other("no certificate could be made"))?;
        let (threads, queues): (Vec<_>, Vec<_>) = (0..number).map(|_| mpsc::channel(MAX_COMMANDS)).unzip();
        let voice = Self {
            hub: hub.clone(),
            threads: threads.into(),
            directory: Arc::default(),
            addresses: Arc::new(settings.addresses),
            counters: Arc::default(),
            tcp: Arc::default(),
            running: Arc::default(),
        };
        for (number, queue) in queues.into_iter().enumerate() {
            let post = Post {
                number,
                hub: hub.clone(),
                addresses: Arc::clone(&voice.addresses),
                videos_per_channel: settings.videos_per_channel,
                max_bps_per_sender: settings.max_bps_per_sender,
                certificate: certificate.clone(),
                counters: Arc::clone(&voice.counters),
                directory: Arc::clone(&voice.directory),
                threads: voice.threads.iter().map(mpsc::Sender::downgrade).collect(),
            };
            let worker = Worker::new(post, settings.socket.as_ref())?;
            let thread = std::thread::Builder::new().name(format!("voice-{number}"));
            voice.running().push(thread.spawn(move || worker.run(queue))?);
        }
        Ok(voice)
    }

    fn running(&self) -> MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The way to the thread that a session's media is on, as long as it has leave.
    fn thread_of(&self, session: &str) -> Option<&mpsc::Sender<Command>> {
        self.threads.get(self.hub.desk().thread_of(session)?)
    }

    /// The way to the thread that a packet over TCP is for; the first where nobody knows of it.
    fn thread_of_packet(&self, from: SocketAddr, packet: &[u8]) -> mpsc::Sender<Command> {
        let thread = self.directory.thread_of(Protocol::Tcp, from, packet).unwrap_or(0);
        self.threads[thread].clone()
    }

    /// Where bots send their packets: IPv4, as their libraries open no other socket.
    pub fn address(&self) -> SocketAddr {
        bot_address(&self.addresses)
    }

    /// What was counted so far.
    pub fn counted(&self) -> Snapshot {
        self.counters.snapshot()
    }

    /// Takes hold of a session for a client that showed its token.
    pub async fn attach(&self, session: Arc<str>, from: IpAddr) -> Option<Attached> {
        let (reply, answer) = oneshot::channel();
        let thread = self.thread_of(&session)?;
        thread.send(Command::Attach { session, from, reply }).await.ok()?;
        answer.await.ok()?
    }

    /// Takes hold of a session again, after the message with this number.
    pub async fn resume(&self, session: Arc<str>, seq: u64) -> Option<Attached> {
        let (reply, answer) = oneshot::channel();
        let thread = self.thread_of(&session)?;
        thread.send(Command::Resume { session, seq, reply }).await.ok()?;
        answer.await.ok()?
    }

    /// A client's connection is gone.
    pub async fn detach(&self, session: Arc<str>, holder: u32) {
        // A session that has no leave ends by itself; a thread that has ended holds none.
        if let Some(thread) = self.thread_of(&session) {
            let _ = thread.send(Command::Detach { session, holder }).await;
        }
    }

    /// Passes on what a client said.
    pub async fn say(&self, session: &Arc<str>, what: Said) {
        // As above.
        if let Some(thread) = self.thread_of(session) {
            let _ = thread.send(Command::Said { session: Arc::clone(session), what }).await;
        }
    }

    /// Takes over a TCP connection that carries media, with its place among all connections.
    pub fn take_tcp(&self, stream: TcpStream, from: SocketAddr, seat: Box<dyn Any + Send>) {
        tokio::spawn(tcp::serve(stream, from, seat, self.clone()));
    }

    /// Closes every voice connection, so that clients come back, and ends the threads. Blocks.
    pub fn stop(&self) {
        for thread in self.threads.iter() {
            // One that has ended already takes no command.
            let _ = thread.blocking_send(Command::Stop);
        }
        let running = std::mem::take(&mut *self.running());
        for thread in running {
            if thread.join().is_err() {
                tracing::error!("a voice thread ended by a panic");
            }
        }
    }
}

/// The IPv4 address of media, or what stands for one where there is none.
fn bot_address(addresses: &Addresses) -> SocketAddr {
    let all = addresses.udp.iter().chain(&addresses.tcp);
    all.clone()
        .find(|address| address.is_ipv4())
        .or(all.clone().next())
        .copied()
        .unwrap_or_else(|| (Ipv4Addr::LOCALHOST, 0).into())
}

/// The address of this machine that reaches others: that of the default route, found without sending anything.
pub fn own_address() -> Option<IpAddr> {
    let probe = |bind: &str, to: &str| -> Option<IpAddr> {
        let socket = std::net::UdpSocket::bind(bind).ok()?;
        socket.connect(to).ok()?;
        socket.local_addr().ok().map(|own| own.ip()).filter(|ip| !ip.is_unspecified())
    };
    // Addresses for documentation (RFC 5737, RFC 3849): only the route to them is looked up.
    probe("0.0.0.0:0", "192.0.2.1:9").or_else(|| probe("[::]:0", "[2001:db8::1]:9"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::{Hub, RING_BUDGET_BYTES};
    use crate::logic::voice_session::VoiceClose;
    use crate::model::{ChannelId, UserId};

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    /// A server of media on so many threads, and the address of its socket.
    fn started(hub: &HubHandle, threads: usize) -> (Voice, SocketAddr) {
        let socket = std::net::UdpSocket::bind((HERE, 0)).unwrap();
        let at = socket.local_addr().unwrap();
        let settings = Settings {
            socket: Some(socket),
            addresses: Addresses { udp: vec![at], tcp: Vec::new() },
            videos_per_channel: 1,
            max_bps_per_sender: 1_000_000,
            threads,
        };
        (Voice::start(hub.clone(), settings).unwrap(), at)
    }

    /// Asks where it is, and waits for the answer.
    async fn ask(at: SocketAddr, ssrc: u32) {
        let client = tokio::net::UdpSocket::bind((HERE, 0)).await.unwrap();
        client.send_to(&bot::discovery_question(ssrc), at).await.unwrap();
        let mut answer = [0; 128];
        assert_eq!(client.recv(&mut answer).await.unwrap(), bot::DISCOVERY_BYTES);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_panic_of_a_thread_sends_its_clients_back_and_the_next_ones_are_served() {
        let (_hub, hub) = Hub::start(RING_BUDGET_BYTES).unwrap();
        let (voice, at) = started(&hub, 1);
        let desk = hub.desk();
        let mut held = Vec::new();
        for (session, user) in [("one", 11), ("two", 12)] {
            desk.admit(session, UserId::new(user), ChannelId::new(7));
            held.push(voice.attach(session.into(), HERE).await.unwrap());
        }
        voice.threads[0].send(Command::Panic).await.unwrap();
        for attached in held {
            assert_eq!(attached.mailbox.next(attached.holder).await, Mail::Close(VoiceClose::Crashed));
        }
        desk.admit("three", UserId::new(11), ChannelId::new(7));
        let back = voice.attach("three".into(), HERE).await.unwrap();
        assert_eq!(voice.counted().restarts, 1);

        // The same socket is read again.
        ask(at, back.ssrc).await;
        tokio::task::spawn_blocking(move || voice.stop()).await.unwrap();
        assert_eq!(back.mailbox.next(back.holder).await, Mail::Close(VoiceClose::Restart));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn rooms_on_two_threads_are_served_and_a_panic_of_one_spares_the_other() {
        let (_hub, hub) = Hub::start(RING_BUDGET_BYTES).unwrap();
        let (voice, at) = started(&hub, 2);
        let desk = hub.desk();
        // A room on each: the first channel whose media is there.
        let mut held: Vec<Attached> = Vec::new();
        for (thread, session) in ["reads", "other"].into_iter().enumerate() {
            let channel = (1..).map(ChannelId::new).find(|channel| {
                desk.admit(session, UserId::new(11), *channel);
                desk.thread_of(session) == Some(thread)
            });
            assert!(channel.is_some());
            held.push(voice.attach(session.into(), HERE).await.unwrap());
        }
        let [reads, other] = &held[..] else { unreachable!("one each") };
        // Both are answered, though one thread alone reads the socket; no number is given twice.
        ask(at, reads.ssrc).await;
        ask(at, other.ssrc).await;
        assert_ne!(reads.ssrc, other.ssrc);

        voice.threads[1].send(Command::Panic).await.unwrap();
        assert_eq!(other.mailbox.next(other.holder).await, Mail::Close(VoiceClose::Crashed));
        ask(at, reads.ssrc).await;
        voice.threads[0].send(Command::Panic).await.unwrap();
        assert_eq!(reads.mailbox.next(reads.holder).await, Mail::Close(VoiceClose::Crashed));
        let back = voice.attach("other".into(), HERE).await.unwrap();
        ask(at, back.ssrc).await;
        assert_eq!(voice.counted().restarts, 2);
        tokio::task::spawn_blocking(move || voice.stop()).await.unwrap();
    }
}
