//! Voice and video: the IO of a forwarding server. One thread owns the UDP socket, every connection and every room; sockets of clients
//! and media over TCP bring it commands through one bounded queue, and take what it says out of mailboxes. Who may do what it reads
//! from the hub's desk, within one turn of its loop. What is sent where is decided by `logic::room`.

mod bot;
mod crypto;
mod description;
pub mod doctor;
mod mailbox;
mod metrics;
mod peer;
mod tcp;
mod worker;

use std::any::Any;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};

use crate::hub::HubHandle;
use crate::logic::voice_session::{Offer, Quality, Select, SelfUpdate, VideoWant};
pub use mailbox::{Mail, Mailbox};
pub use metrics::{Counters, Snapshot};
pub use peer::Addresses;

/// Commands that may wait for the thread; who brings one more waits.
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
}

/// What is asked of the thread.
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
    /// A packet of it.
    Tcp(SocketAddr, Vec<u8>),
    /// Its end.
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
    commands: mpsc::Sender<Command>,
    addresses: Arc<Addresses>,
    counters: Arc<Counters>,
    tcp: Arc<tcp::Counter>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl Voice {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system gives no thread, or the socket can't be used.
    pub fn start(hub: HubHandle, settings: Settings) -> io::Result<Self> {
        let (commands, queue) = mpsc::channel(MAX_COMMANDS);
        let counters = Arc::<Counters>::default();
        let addresses = Arc::new(settings.addresses.clone());
        let worker = worker::Worker::new(hub, settings, Arc::clone(&counters))?;
        let thread = std::thread::Builder::new().name("voice".into()).spawn(move || worker.run(queue))?;
        Ok(Self {
            commands,
            addresses,
            counters,
            tcp: Arc::default(),
            thread: Arc::new(Mutex::new(Some(thread))),
        })
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
        self.commands.send(Command::Attach { session, from, reply }).await.ok()?;
        answer.await.ok()?
    }

    /// Takes hold of a session again, after the message with this number.
    pub async fn resume(&self, session: Arc<str>, seq: u64) -> Option<Attached> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(Command::Resume { session, seq, reply }).await.ok()?;
        answer.await.ok()?
    }

    /// A client's connection is gone.
    pub async fn detach(&self, session: Arc<str>, holder: u32) {
        // A thread that has ended holds no session.
        let _ = self.commands.send(Command::Detach { session, holder }).await;
    }

    /// Passes on what a client said.
    pub async fn say(&self, session: &Arc<str>, what: Said) {
        // As above.
        let _ = self.commands.send(Command::Said { session: Arc::clone(session), what }).await;
    }

    /// Takes over a TCP connection that carries media, with its place among all connections.
    pub fn take_tcp(&self, stream: TcpStream, from: SocketAddr, seat: Box<dyn Any + Send>) {
        tokio::spawn(tcp::serve(stream, from, seat, Arc::clone(&self.tcp), self.commands.clone()));
    }

    /// Closes every voice connection, so that clients come back, and ends the thread. Blocks.
    pub fn stop(&self) {
        // A thread that has ended already takes no command.
        let _ = self.commands.blocking_send(Command::Stop);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the voice thread ended by a panic");
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

    #[tokio::test(flavor = "multi_thread")]
    async fn a_panic_of_the_thread_sends_its_clients_back_and_the_next_ones_are_served() {
        let (_hub, hub) = Hub::start(RING_BUDGET_BYTES).unwrap();
        let socket = std::net::UdpSocket::bind((HERE, 0)).unwrap();
        let at = socket.local_addr().unwrap();
        let settings = Settings {
            socket: Some(socket),
            addresses: Addresses { udp: vec![at], tcp: Vec::new() },
            videos_per_channel: 1,
            max_bps_per_sender: 1_000_000,
        };
        let voice = Voice::start(hub.clone(), settings).unwrap();
        let desk = hub.desk();
        let mut held = Vec::new();
        for (session, user) in [("one", 11), ("two", 12)] {
            desk.admit(session, UserId::new(user), ChannelId::new(7));
            held.push(voice.attach(session.into(), HERE).await.unwrap());
        }
        voice.commands.send(Command::Panic).await.unwrap();
        for attached in held {
            assert_eq!(attached.mailbox.next(attached.holder).await, Mail::Close(VoiceClose::Crashed));
        }
        desk.admit("three", UserId::new(11), ChannelId::new(7));
        let back = voice.attach("three".into(), HERE).await.unwrap();
        assert_eq!(voice.counted().restarts, 1);

        // The same socket is read again.
        let client = tokio::net::UdpSocket::bind((HERE, 0)).await.unwrap();
        client.send_to(&bot::discovery_question(back.ssrc), at).await.unwrap();
        let mut answer = [0; 128];
        assert_eq!(client.recv(&mut answer).await.unwrap(), bot::DISCOVERY_BYTES);
        tokio::task::spawn_blocking(move || voice.stop()).await.unwrap();
        assert_eq!(back.mailbox.next(back.holder).await, Mail::Close(VoiceClose::Restart));
    }
}
