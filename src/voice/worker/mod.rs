//! The thread that owns media: its loop, its socket, and whose each packet is (VOICE.md §2). What a packet then does is `media`'s,
//! what clients say `sessions`', and what they are told `telling`'s.

mod media;
mod sessions;
mod telling;

use std::collections::{HashMap, VecDeque};
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use quinn_udp::{RecvMeta, UdpSockRef, UdpSocketState};
use str0m::config::{CryptoProvider, DtlsCert};
use str0m::ice::StunMessage;
use str0m::net::{Protocol, Transmit};
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;

use super::bot::{Bot, discovery_answer, discovery_of, is_keepalive};
use super::crypto::ssrc_of;
use super::mailbox::Mailbox;
use super::metrics::{Counters, count};
use super::peer::{Addresses, Peer, PeerEvent};
use super::tcp::Outlet;
use super::{Command, Settings};
use crate::hub::{Grant, HubHandle, VoiceReport};
use crate::logic::room::{Delivery, MemberId, Room, VideoDelivery};
use crate::logic::voice_session::VoiceClose;
use crate::model::ChannelId;

/// Datagrams read with one call to the system.
const BATCH: usize = 32;
/// Bytes of room for the datagrams of one sender that the system joins.
const BUFFER_BYTES: usize = 65_536;
/// How often rooms and sessions are looked at for what time brings.
const TICK: Duration = Duration::from_millis(100);
/// A turn of the loop that takes longer is counted.
const SLOW_TURN: Duration = Duration::from_millis(200);
/// Rest before the thread begins anew.
const BEGINS_ANEW_AFTER: Duration = Duration::from_millis(100);
/// Inputs that may fail before a connection is given up.
const MAX_FAULTS: u32 = 3;
/// How long the load is measured, and from where on layers of video are left out, or taken up again.
const LOAD_WINDOW: Duration = Duration::from_secs(5);
const TOO_BUSY: f64 = 0.85;
const EASY: f64 = 0.60;
/// Layers of video that may be left out: sound never is.
const MAX_SHED_LAYERS: usize = 2;
/// Bytes that the system keeps for us in each direction while the loop is busy.
const SOCKET_BUFFER_BYTES: usize = 4 << 20;

/// How media of a session flows.
enum Link {
    None,
    Web(Box<Peer>),
    Bot(Box<Bot>),
}

/// Somebody with a voice session.
struct Participant {
    grant: Arc<Grant>,
    mailbox: Arc<Mailbox>,
    /// How many connections held the mailbox.
    holders: u32,
    /// The address of the connection that identified.
    home: IpAddr,
    link: Link,
    ssrc: u32,
    /// The number that its route is asked for by.
    ufrag: String,
    /// From where it asked last where it is.
    asked_from: Option<SocketAddr>,
    /// Where its packets come from.
    addresses: Vec<(Protocol, SocketAddr)>,
    /// What its client says beside what the hub knows.
    camera: bool,
    screen: bool,
    ptt: bool,
    has_spoken: bool,
    /// Packets that came without it having said that it speaks.
    unannounced: u32,
    /// Since when no connection holds the mailbox, since when nothing carries media.
    detached_ms: Option<u64>,
    lost_ms: Option<u64>,
    /// When its present connection began, until it is live.
    connecting_ms: Option<u64>,
    /// It was told that this takes too long, and to begin its media anew.
    was_asked_anew: bool,
    /// What its connection carries, once estimated, in bits per second.
    estimate_bps: Option<u64>,
    budget: Budget,
}

/// What a sender sent in the present second.
#[derive(Default)]
struct Budget {
    second: u64,
    packets: u32,
    bytes: u64,
}

/// Packets that one sender may send in a second (VOICE.md §8).
const MAX_PACKETS_PER_S: u32 = 1_500;

impl Budget {
    fn takes(&mut self, now_ms: u64, bytes: usize, max_bps: u64) -> bool {
        let second = now_ms / 1_000;
        if self.second != second {
            *self = Self { second, packets: 0, bytes: 0 };
        }
        self.packets += 1;
        self.bytes += bytes as u64;
        self.packets <= MAX_PACKETS_PER_S && self.bytes * 8 <= max_bps
    }
}

/// The thread's state.
pub(super) struct Worker {
    hub: HubHandle,
    addresses: Arc<Addresses>,
    videos_per_channel: usize,
    max_bps_per_sender: u64,
    certificate: DtlsCert,
    counters: Arc<Counters>,
    socket: Option<std::net::UdpSocket>,
    is_v6: bool,
    started: Instant,
    now: Instant,
    last_member: MemberId,
    members: HashMap<MemberId, Participant>,
    sessions: HashMap<Arc<str>, MemberId>,
    rooms: HashMap<ChannelId, Room>,
    /// Whose packets come from an address.
    by_address: HashMap<(Protocol, SocketAddr), MemberId>,
    by_ufrag: HashMap<String, MemberId>,
    /// Whose stream has a number: by it bots ask where they are, and send from wherever.
    by_ssrc: HashMap<u32, MemberId>,
    /// The number by which we ask ourselves.
    probe: Option<u32>,
    tcp: HashMap<SocketAddr, Outlet>,
    /// Packets to be sent at the end of the turn.
    out: Vec<Transmit>,
    /// Whose connections were written to in this turn.
    written: Vec<MemberId>,
    /// No connection wants to be told the time before.
    due: Instant,
    events: VecDeque<(MemberId, PeerEvent)>,
    scratch: Vec<PeerEvent>,
    heard: Vec<Delivery>,
    seen: Vec<VideoDelivery>,
    reports: VecDeque<VoiceReport>,
    ticked: Instant,
    busy: Duration,
    measured: Instant,
    shed_layers: usize,
    is_stopping: bool,
}

impl Worker {
    pub fn new(hub: HubHandle, settings: Settings, counters: Arc<Counters>) -> io::Result<Self> {
        let provider: CryptoProvider = str0m::crypto::from_feature_flags();
        let certificate = provider.dtls_provider.generate_certificate();
        let certificate = certificate.ok_or_else(|| io::Error::other("no certificate could be made"))?;
        if let Some(socket) = &settings.socket {
            socket.set_nonblocking(true)?;
            let socket = socket2::SockRef::from(socket);
            // Systems that allow less give what they allow.
            let _ = socket.set_recv_buffer_size(SOCKET_BUFFER_BYTES);
            let _ = socket.set_send_buffer_size(SOCKET_BUFFER_BYTES);
        }
        let is_v6 = match &settings.socket {
            Some(socket) => socket.local_addr()?.is_ipv6(),
            None => false,
        };
        let now = Instant::now();
        Ok(Self {
            hub,
            addresses: Arc::new(settings.addresses),
            videos_per_channel: settings.videos_per_channel,
            max_bps_per_sender: settings.max_bps_per_sender,
            certificate,
            counters,
            socket: settings.socket,
            is_v6,
            started: now,
            now,
            last_member: 0,
            members: HashMap::new(),
            sessions: HashMap::new(),
            rooms: HashMap::new(),
            by_address: HashMap::new(),
            by_ufrag: HashMap::new(),
            by_ssrc: HashMap::new(),
            probe: None,
            tcp: HashMap::new(),
            out: Vec::new(),
            written: Vec::new(),
            due: now,
            events: VecDeque::new(),
            scratch: Vec::new(),
            heard: Vec::new(),
            seen: Vec::new(),
            reports: VecDeque::new(),
            ticked: now,
            busy: Duration::ZERO,
            measured: now,
            shed_layers: 0,
            is_stopping: false,
        })
    }

    /// Runs the thread to its end. A panic ends every session it held, whose clients come back, and nothing else.
    pub fn run(mut self, mut queue: mpsc::Receiver<Command>) {
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                tracing::error!(%error, "voice did not start");
                return;
            }
        };
        loop {
            match catch_unwind(AssertUnwindSafe(|| runtime.block_on(self.serve(&mut queue)))) {
                Ok(Ok(())) => break,
                Ok(Err(error)) => {
                    tracing::error!(%error, "voice ended");
                    break;
                }
                Err(_) => self.begin_anew(),
            }
        }
        for member in self.members.values() {
            member.mailbox.close(VoiceClose::Restart);
        }
    }

    /// Forgets everybody: what a panic left half done is trusted no more. Their clients are told to come back, the hub that they left.
    fn begin_anew(&mut self) {
        tracing::error!(sessions = self.members.len(), "the voice thread panicked, and begins anew");
        count(&self.counters.restarts, 1);
        for (_, member) in self.members.drain() {
            member.mailbox.close(VoiceClose::Crashed);
            self.reports.push_back(VoiceReport::Ended(member.grant.session.clone()));
        }
        self.sessions.clear();
        self.rooms.clear();
        self.by_address.clear();
        self.by_ufrag.clear();
        self.by_ssrc.clear();
        self.tcp.clear();
        self.out.clear();
        self.written.clear();
        self.events.clear();
        self.scratch.clear();
        self.heard.clear();
        self.seen.clear();
        // So that a panic which comes again and again leaves the machine to others.
        std::thread::sleep(BEGINS_ANEW_AFTER);
    }

    async fn serve(&mut self, queue: &mut mpsc::Receiver<Command>) -> io::Result<()> {
        let socket = self.socket.as_ref().map(std::net::UdpSocket::try_clone).transpose()?;
        let socket = socket.map(UdpSocket::from_std).transpose()?;
        let state = match &socket {
            Some(socket) => Some(UdpSocketState::new(UdpSockRef::from(socket))?),
            None => None,
        };
        let udp = socket.as_ref().zip(state.as_ref());
        let mut buffers = vec![0; BATCH * BUFFER_BYTES];
        let mut taken = Vec::with_capacity(64);
        let desk = Arc::clone(self.hub.desk());
        while !self.is_stopping {
            let deadline = self.deadline();
            tokio::select! {
                ready = readable(udp) => ready?,
                count = queue.recv_many(&mut taken, 64) => if count == 0 { return Ok(()) },
                () = desk.changed() => {}
                () = tokio::time::sleep_until(deadline.into()) => {}
            }
            self.now = Instant::now();
            // Rights first: what they took must not be used once more.
            self.read_desk();
            for command in taken.drain(..) {
                self.obey(command);
            }
            if let Some((socket, state)) = udp {
                self.read_socket(socket, state, &mut buffers);
            }
            self.send_written(udp);
            self.pass_time();
            self.flush(udp);
            let spent = self.now.elapsed();
            self.busy += spent;
            if spent > SLOW_TURN {
                count(&self.counters.slow_turns, 1);
                tracing::warn!(?spent, "a turn of the voice thread took long");
            }
        }
        Ok(())
    }

    /// When something is to be done next.
    fn deadline(&self) -> Instant {
        if self.members.is_empty() && self.reports.is_empty() {
            // Nothing is due; whoever comes rings.
            return self.now + Duration::from_secs(3_600);
        }
        self.due.min(self.ticked + TICK)
    }

    fn now_ms(&self) -> u64 {
        self.now.duration_since(self.started).as_millis() as u64
    }

    /// Reads a batch of datagrams.
    fn read_socket(&mut self, socket: &UdpSocket, state: &UdpSocketState, buffers: &mut [u8]) {
        let mut metas = [RecvMeta::default(); BATCH];
        let received = {
            let mut slices: Vec<IoSliceMut<'_>> =
                buffers.chunks_mut(BUFFER_BYTES).map(IoSliceMut::new).collect();
            socket
                .try_io(Interest::READABLE, || state.recv(UdpSockRef::from(socket), &mut slices, &mut metas))
        };
        // Nothing to read, or an earlier packet that did not arrive (ICMP): neither ends the socket.
        let Ok(received) = received else { return };
        for (meta, buffer) in metas.iter().zip(buffers.chunks(BUFFER_BYTES)).take(received) {
            let from = SocketAddr::new(meta.addr.ip().to_canonical(), meta.addr.port());
            let stride = meta.stride.max(1);
            for packet in buffer[..meta.len].chunks(stride) {
                self.take_packet(Protocol::Udp, from, packet);
            }
        }
    }

    /// Finds out whose a packet is (VOICE.md §2; the order matters).
    fn take_packet(&mut self, proto: Protocol, from: SocketAddr, packet: &[u8]) {
        count(&self.counters.packets_in, 1);
        if let Some(id) = self.by_address.get(&(proto, from)).copied() {
            self.take_known(id, proto, from, packet);
            return;
        }
        let first = packet.first().copied().unwrap_or(0xff);
        let asked = discovery_of(packet);
        if let Some(ssrc) = asked.filter(|_| asked == self.probe) {
            self.send(proto, from, discovery_answer(ssrc, from));
        } else if proto == Protocol::Udp
            && let Some(ssrc) = asked
        {
            self.discover(ssrc, from);
        } else if first < 4 {
            self.take_stun(proto, from, packet);
        } else if proto == Protocol::Udp
            && let Some(id) = ssrc_of(packet).and_then(|ssrc| self.by_ssrc.get(&ssrc)).copied()
        {
            self.take_bot(id, from, packet);
        } else {
            count(&self.counters.dropped_strangers, 1);
        }
    }

    fn take_known(&mut self, id: MemberId, proto: Protocol, from: SocketAddr, packet: &[u8]) {
        match self.members.get(&id).map(|member| &member.link) {
            Some(Link::Bot(_)) => match discovery_of(packet) {
                Some(ssrc) => self.discover(ssrc, from),
                None if is_keepalive(packet) => self.send(proto, from, packet.to_vec()),
                None => self.take_bot(id, from, packet),
            },
            Some(Link::Web(peer)) => {
                // Two people of one network may come to have the same address one after the other.
                if packet.first().is_some_and(|first| *first < 4)
                    && !peer.accepts(self.now, proto, from, packet)
                {
                    self.take_stun(proto, from, packet);
                    return;
                }
                self.feed(id, proto, from, packet);
            }
            Some(Link::None) | None => count(&self.counters.dropped_strangers, 1),
        }
    }

    /// A check of a route: it names whose it is, and proves it.
    fn take_stun(&mut self, proto: Protocol, from: SocketAddr, packet: &[u8]) {
        let named = StunMessage::parse(packet).ok();
        let id = named.as_ref().and_then(|message| self.by_ufrag.get(message.split_username()?.0)).copied();
        let is_proved = id.and_then(|id| self.members.get(&id)).is_some_and(|member| match &member.link {
            Link::Web(peer) => peer.accepts(self.now, proto, from, packet),
            Link::None | Link::Bot(_) => false,
        });
        let (Some(id), true) = (id, is_proved) else {
            count(&self.counters.dropped_strangers, 1);
            return;
        };
        self.know(id, proto, from);
        self.feed(id, proto, from, packet);
    }

    /// From here on packets from an address are somebody's.
    fn know(&mut self, id: MemberId, proto: Protocol, from: SocketAddr) {
        /// Addresses of one client at most: its networks, and what is left of those it had.
        const MAX_ADDRESSES: usize = 16;
        if self.by_address.insert((proto, from), id) == Some(id) {
            return;
        }
        let Some(member) = self.members.get_mut(&id) else { return };
        member.addresses.push((proto, from));
        if member.addresses.len() > MAX_ADDRESSES {
            let oldest = member.addresses.remove(0);
            if self.by_address.get(&oldest) == Some(&id) {
                self.by_address.remove(&oldest);
            }
        }
    }

    fn discover(&mut self, ssrc: u32, from: SocketAddr) {
        let Some(member) = self.by_ssrc.get(&ssrc).and_then(|id| self.members.get_mut(id)) else {
            count(&self.counters.dropped_strangers, 1);
            return;
        };
        // Libraries ask before they select how media is to flow.
        member.asked_from = Some(from);
        if let Link::Bot(bot) = &mut member.link {
            bot.discovered(from);
        }
        self.send(Protocol::Udp, from, discovery_answer(ssrc, from));
    }

    /// Gives a packet to a connection.
    fn feed(&mut self, id: MemberId, proto: Protocol, from: SocketAddr, packet: &[u8]) {
        let now = self.now;
        self.drive(id, |peer, out, events| peer.receive(now, proto, from, packet, out, events));
        self.handle_events();
    }

    /// Does something with a browser's connection; a panic in it, or too many faults, ends that connection and nobody else's.
    fn drive(&mut self, id: MemberId, act: impl FnOnce(&mut Peer, &mut Vec<Transmit>, &mut Vec<PeerEvent>)) {
        let Some(Link::Web(peer)) = self.members.get_mut(&id).map(|member| &mut member.link) else { return };
        let (out, events) = (&mut self.out, &mut self.scratch);
        let result = catch_unwind(AssertUnwindSafe(|| act(peer, out, events)));
        self.due = self.due.min(peer.next);
        self.events.extend(self.scratch.drain(..).map(|event| (id, event)));
        if result.is_err() || peer.faults > MAX_FAULTS {
            tracing::warn!(panicked = result.is_err(), "a voice connection failed");
            count(&self.counters.failed_peers, 1);
            self.drop_link(id);
            self.tell_reconnect(id, "full", "the connection failed");
        }
    }

    /// Writes to a connection; what was written leaves at the end of the turn, however many packets it is.
    fn write(&mut self, id: MemberId, act: impl FnOnce(&mut Peer)) {
        let mut is_first = false;
        self.drive(id, |peer, _, _| {
            let had_written = peer.has_written();
            act(peer);
            is_first = peer.has_written() && !had_written;
        });
        if is_first {
            self.written.push(id);
        }
    }

    /// Lets everything leave that was written, each connection's at once: it is still in the cache.
    fn send_written(&mut self, udp: Option<(&UdpSocket, &UdpSocketState)>) {
        let now = self.now;
        let mut written = std::mem::take(&mut self.written);
        for id in written.drain(..) {
            self.drive(id, |peer, out, events| peer.send(now, out, events));
            self.flush(udp);
        }
        self.written = written;
        self.handle_events();
    }

    /// When each connection wants to be told the time.
    fn next_times(&self) -> impl Iterator<Item = (MemberId, Instant)> {
        self.members.iter().filter_map(|(id, member)| match &member.link {
            Link::Web(peer) => Some((*id, peer.next)),
            Link::None | Link::Bot(_) => None,
        })
    }

    /// Gives time to whoever waits for it.
    fn pass_time(&mut self) {
        let now = self.now;
        if self.due <= now {
            let due: Vec<MemberId> =
                self.next_times().filter(|(_, next)| *next <= now).map(|(id, _)| id).collect();
            for id in due {
                self.drive(id, |peer, out, events| peer.pass(now, out, events));
            }
            self.due = self.next_times().map(|(_, next)| next).fold(now + TICK, Instant::min);
        }
        self.handle_events();
        if now.duration_since(self.ticked) >= TICK {
            self.ticked = now;
            self.tick();
        }
        while let Some(report) = self.reports.pop_front() {
            if let Err(report) = self.hub.report_voice(report) {
                self.reports.push_front(report);
                break;
            }
        }
    }

    fn tick(&mut self) {
        let now_ms = self.now_ms();
        let rooms: Vec<ChannelId> = self.rooms.keys().copied().collect();
        for channel in rooms {
            if let Some(room) = self.rooms.get_mut(&channel) {
                room.tick(now_ms);
            }
            self.settle(channel);
        }
        self.expire(now_ms);
        let passed = self.now.duration_since(self.measured);
        if passed >= LOAD_WINDOW {
            let load = self.busy.as_secs_f64() / passed.as_secs_f64();
            count(&self.counters.busy_us, self.busy.as_micros() as u64);
            (self.busy, self.measured) = (Duration::ZERO, self.now);
            self.shed(load);
        }
        self.counters.rooms.store(self.rooms.len() as u64, Ordering::Relaxed);
        let peers = self.members.values().filter(|member| !matches!(member.link, Link::None)).count();
        self.counters.peers.store(peers as u64, Ordering::Relaxed);
    }

    /// With too much to do, leaves out the highest layers of video everywhere.
    fn shed(&mut self, load: f64) {
        let shed = if load > TOO_BUSY {
            (self.shed_layers + 1).min(MAX_SHED_LAYERS)
        } else if load < EASY {
            self.shed_layers.saturating_sub(1)
        } else {
            self.shed_layers
        };
        if shed == self.shed_layers {
            return;
        }
        tracing::warn!(load, layers_left_out = shed, "the load of voice changed what video is sent");
        self.shed_layers = shed;
        let now_ms = self.now_ms();
        for room in self.rooms.values_mut() {
            room.set_shed_layers(now_ms, shed);
        }
    }

    /// Queues bytes for an address.
    fn send(&mut self, proto: Protocol, to: SocketAddr, bytes: Vec<u8>) {
        self.out.push(Transmit { proto, source: to, destination: to, contents: bytes.into() });
    }

    /// Sends what is queued. What the network does not take at once is dropped: it is of the moment.
    fn flush(&mut self, udp: Option<(&UdpSocket, &UdpSocketState)>) {
        count(&self.counters.packets_out, self.out.len() as u64);
        let mut unsent = 0;
        for transmit in self.out.drain(..) {
            if transmit.proto != Protocol::Udp {
                let is_sent =
                    self.tcp.get(&transmit.destination).is_some_and(|of| of.send(transmit.contents.into()));
                unsent += u64::from(!is_sent);
                continue;
            }
            let Some((socket, state)) = udp else { continue };
            let datagram = quinn_udp::Transmit {
                destination: mapped(transmit.destination, self.is_v6),
                ecn: None,
                contents: &transmit.contents,
                segment_size: None,
                src_ip: None,
            };
            let sent =
                socket.try_io(Interest::WRITABLE, || state.try_send(UdpSockRef::from(socket), &datagram));
            unsent += u64::from(sent.is_err());
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

async fn readable(udp: Option<(&UdpSocket, &UdpSocketState)>) -> io::Result<()> {
    match udp {
        Some((socket, _)) => socket.readable().await,
        None => std::future::pending().await,
    }
}
