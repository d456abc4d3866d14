//! A thread that owns media of some of the rooms: its loop, and whose each packet is (VOICE.md §2). What a packet then does is `media`'s,
//! what clients say `sessions`', and what they are told `telling`'s. The first of the threads reads the socket, and hands over to the
//! others what is theirs.

mod media;
mod port;
mod routes;
mod sessions;
mod telling;

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;
use str0m::config::DtlsCert;
use str0m::net::{Protocol, Transmit};
use tokio::sync::mpsc;

use super::Command;
use super::bot::{Bot, discovery_answer, discovery_of, is_keepalive};
use super::crypto::ssrc_of;
use super::directory::Directory;
use super::held::Picture;
use super::mailbox::Mailbox;
use super::metrics::{Counters, count};
use super::peer::{Addresses, Peer, PeerEvent};
use super::tcp::Outlet;
use crate::hub::{Grant, HubHandle, VoiceReport};
use crate::logic::room::{Delivery, MemberId, Room, VideoDelivery};
use crate::logic::voice_session::VoiceClose;
use crate::model::ChannelId;
use port::{Inlet, Port};
use routes::Routes;

/// How often rooms and sessions are looked at for what time brings.
const TICK: Duration = Duration::from_millis(100);
/// How often a bot is told again where it is, each tick but the first, until it selects how media is to flow: discord.py drops an answer
/// that comes before it listens, as one does over loopback, and would wait for it without end.
const ANSWERS: u8 = 6;
/// How long pictures are given out in one turn, and sent in one: then what has come meanwhile has its turn, as a sound must not wait
/// until a picture has gone out to hundreds, which takes longer than all else.
const PICTURES_TAKE: Duration = Duration::from_micros(250);
/// Packets of one sender's pictures that may wait to be given out, and for how long: beyond that they are left out, and sounds are not.
const MAX_PICTURES: usize = 256;
const PICTURES_WAIT: Duration = Duration::from_millis(200);
/// Who waited so long for their turn is sent all at once: what comes meanwhile waits in the system, which drops it where it is too much.
const WRITTEN_WAITS: Duration = Duration::from_millis(50);
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
    /// From where it asked last where it is, and how often it may be answered yet without having asked again.
    asked_from: Option<SocketAddr>,
    answers: u8,
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
    /// What its connection carries of video, once estimated, in bits per second.
    estimate_bps: Option<u64>,
    budget: Budget,
    /// It is among those that were written to.
    is_written: bool,
    /// Packets of its pictures that wait to be given out.
    pictures: usize,
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

/// What a thread is given.
pub(super) struct Post {
    /// Which of the threads it is.
    pub number: usize,
    pub hub: HubHandle,
    pub addresses: Arc<Addresses>,
    pub videos_per_channel: usize,
    pub max_bps_per_sender: u64,
    pub certificate: DtlsCert,
    pub counters: Arc<Counters>,
    pub directory: Arc<Directory>,
    /// The ways to all threads; they end with whoever else has them.
    pub threads: Vec<mpsc::WeakSender<Command>>,
}

/// The thread's state.
pub(super) struct Worker {
    number: usize,
    hub: HubHandle,
    addresses: Arc<Addresses>,
    videos_per_channel: usize,
    max_bps_per_sender: u64,
    certificate: DtlsCert,
    counters: Arc<Counters>,
    threads: Vec<mpsc::WeakSender<Command>>,
    port: Option<Port>,
    started: Instant,
    now: Instant,
    last_member: MemberId,
    /// By numbers that we gave, so that nobody can choose them to collide.
    members: FxHashMap<MemberId, Participant>,
    sessions: HashMap<Arc<str>, MemberId>,
    rooms: HashMap<ChannelId, Room>,
    routes: Routes,
    /// The number by which we ask ourselves.
    probe: Option<u32>,
    tcp: HashMap<SocketAddr, Outlet>,
    /// Packets to be sent with the next flush, within the turn.
    out: Vec<Transmit>,
    /// Those that go out in one piece.
    joined: Vec<u8>,
    /// Packets of pictures that came and were not given out yet.
    pictures: VecDeque<Picture>,
    /// Whose connections were written to and have not sent it yet, each once, and since when.
    written: VecDeque<(MemberId, Instant)>,
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
    /// Rooms and peers that are counted as this thread's.
    told: [u64; 2],
    is_stopping: bool,
}

impl Worker {
    /// A thread's state; `socket` is the one of media, if there is one.
    ///
    /// # Errors
    /// The socket can't be used.
    pub fn new(post: Post, socket: Option<&std::net::UdpSocket>) -> io::Result<Self> {
        let now = Instant::now();
        Ok(Self {
            number: post.number,
            hub: post.hub,
            addresses: post.addresses,
            videos_per_channel: post.videos_per_channel,
            max_bps_per_sender: post.max_bps_per_sender,
            certificate: post.certificate,
            counters: post.counters,
            threads: post.threads,
            port: socket.map(Port::new).transpose()?,
            started: now,
            now,
            last_member: 0,
            members: FxHashMap::default(),
            sessions: HashMap::new(),
            rooms: HashMap::new(),
            routes: Routes::new(post.directory, post.number),
            probe: None,
            tcp: HashMap::new(),
            out: Vec::new(),
            joined: Vec::new(),
            pictures: VecDeque::new(),
            written: VecDeque::new(),
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
            told: [0; 2],
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
        self.routes.clear();
        self.tcp.clear();
        self.out.clear();
        self.pictures.clear();
        self.written.clear();
        self.events.clear();
        self.scratch.clear();
        self.heard.clear();
        self.seen.clear();
        // So that a panic which comes again and again leaves the machine to others.
        std::thread::sleep(BEGINS_ANEW_AFTER);
    }

    async fn serve(&mut self, queue: &mut mpsc::Receiver<Command>) -> io::Result<()> {
        let mut inlet = self.port.as_ref().filter(|_| self.number == 0).map(Inlet::open).transpose()?;
        let mut taken = Vec::with_capacity(64);
        let desk = Arc::clone(self.hub.desk());
        while !self.is_stopping {
            let deadline = self.deadline();
            tokio::select! {
                ready = Inlet::readable(inlet.as_ref()) => ready?,
                count = queue.recv_many(&mut taken, 64) => if count == 0 { return Ok(()) },
                () = desk.changed(self.number) => {}
                // It lets the system tell of packets that came.
                () = tokio::task::yield_now(), if !(self.pictures.is_empty() && self.written.is_empty()) => {}
                () = tokio::time::sleep_until(deadline.into()) => {}
            }
            self.now = Instant::now();
            // Rights first: what they took must not be used once more.
            self.read_desk();
            for command in taken.drain(..) {
                self.obey(command);
            }
            if let Some(inlet) = &mut inlet {
                self.read_socket(inlet);
            }
            self.give_pictures();
            self.send_written();
            self.pass_time();
            self.flush();
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

    /// Finds out whose a packet is (VOICE.md §2; the order matters).
    pub(super) fn take_packet(&mut self, proto: Protocol, from: SocketAddr, packet: &[u8]) {
        count(&self.counters.packets_in, 1);
        if let Some(id) = self.routes.at(proto, from) {
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
            self.discover(ssrc, from, packet);
        } else if first < 4 {
            self.take_stun(proto, from, packet);
        } else if proto == Protocol::Udp
            && let Some(id) = ssrc_of(packet).and_then(|ssrc| self.routes.streaming(ssrc))
        {
            self.take_bot(id, from, packet);
        } else {
            self.pass_on(proto, from, packet);
        }
    }

    /// A packet of nobody who is here: it goes to the thread where somebody knows of it, if there is one.
    fn pass_on(&mut self, proto: Protocol, from: SocketAddr, packet: &[u8]) {
        // Only the one that reads the socket gets what is another's, so nothing goes in circles.
        let thread = self.routes.elsewhere(proto, from, packet).filter(|_| self.number == 0);
        let queue = thread.and_then(|thread| self.threads[thread].upgrade());
        let is_taken =
            queue.is_some_and(|queue| queue.try_send(Command::Packet(proto, from, packet.to_vec())).is_ok());
        // A thread whose queue is full takes no more of them: they are of the moment.
        count(&self.counters.dropped_strangers, u64::from(!is_taken));
    }

    fn take_known(&mut self, id: MemberId, proto: Protocol, from: SocketAddr, packet: &[u8]) {
        match self.members.get(&id).map(|member| &member.link) {
            Some(Link::Bot(_)) => match discovery_of(packet) {
                Some(ssrc) => self.discover(ssrc, from, packet),
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
            Some(Link::None) | None => self.pass_on(proto, from, packet),
        }
    }

    /// A check of a route: it names whose it is, and proves it.
    fn take_stun(&mut self, proto: Protocol, from: SocketAddr, packet: &[u8]) {
        let id = self.routes.named(packet);
        let is_proved = id.and_then(|id| self.members.get(&id)).is_some_and(|member| match &member.link {
            Link::Web(peer) => peer.accepts(self.now, proto, from, packet),
            Link::None | Link::Bot(_) => false,
        });
        let (Some(id), true) = (id, is_proved) else {
            self.pass_on(proto, from, packet);
            return;
        };
        self.know(id, proto, from);
        self.feed(id, proto, from, packet);
    }

    /// From here on packets from an address are somebody's.
    fn know(&mut self, id: MemberId, proto: Protocol, from: SocketAddr) {
        /// Addresses of one client at most: its networks, and what is left of those it had.
        const MAX_ADDRESSES: usize = 16;
        if !self.routes.add_address(id, proto, from) {
            return;
        }
        let Some(member) = self.members.get_mut(&id) else { return };
        member.addresses.push((proto, from));
        if member.addresses.len() > MAX_ADDRESSES {
            let oldest = member.addresses.remove(0);
            self.routes.remove_address(id, oldest);
        }
    }

    fn discover(&mut self, ssrc: u32, from: SocketAddr, packet: &[u8]) {
        let Some(member) = self.routes.streaming(ssrc).and_then(|id| self.members.get_mut(&id)) else {
            self.pass_on(Protocol::Udp, from, packet);
            return;
        };
        // Libraries ask before they select how media is to flow.
        member.asked_from = Some(from);
        // A stranger is answered once, or forged senders would have us send them more than they sent.
        let may_wait = matches!(member.link, Link::None) && from.ip().to_canonical() == member.home;
        member.answers = if may_wait { ANSWERS } else { 0 };
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
        if !self.scratch.is_empty() {
            self.events.extend(self.scratch.drain(..).map(|event| (id, event)));
        }
        if result.is_err() || peer.faults > MAX_FAULTS {
            tracing::warn!(panicked = result.is_err(), "a voice connection failed");
            count(&self.counters.failed_peers, 1);
            self.drop_link(id);
            self.tell_reconnect(id, "full", "the connection failed");
        }
    }

    /// Writes to a connection; what was written leaves when it is its turn, however many packets it is.
    fn write(&mut self, id: MemberId, act: impl FnOnce(&mut Peer)) {
        self.drive(id, |peer, _, _| act(peer));
        let now = self.now;
        let Some(member) = self.members.get_mut(&id) else { return };
        let has_written = matches!(&member.link, Link::Web(peer) if peer.has_written());
        if has_written && !std::mem::replace(&mut member.is_written, true) {
            self.written.push_back((id, now));
        }
    }

    /// Lets what was written leave, for some connections; each one's at once, as it is still in the cache. Whole pictures leave with
    /// fewer calls, so what came of them is given out first.
    fn send_written(&mut self) {
        let (now, began, is_whole) = (self.now, Instant::now(), self.pictures.is_empty());
        let may_leave = |since: Instant| {
            (is_whole && began.elapsed() < PICTURES_TAKE) || now.duration_since(since) >= WRITTEN_WAITS
        };
        while let Some((id, _)) = self.written.pop_front_if(|(_, since)| may_leave(*since)) {
            if let Some(member) = self.members.get_mut(&id) {
                member.is_written = false;
            }
            self.drive(id, |peer, out, events| peer.send(now, out, events));
            self.flush();
        }
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
        self.answer_again();
        let passed = self.now.duration_since(self.measured);
        if passed >= LOAD_WINDOW {
            let load = self.busy.as_secs_f64() / passed.as_secs_f64();
            count(&self.counters.busy_us, self.busy.as_micros() as u64);
            (self.busy, self.measured) = (Duration::ZERO, self.now);
            self.shed(load);
        }
        let peers = self.members.values().filter(|member| !matches!(member.link, Link::None)).count();
        // Of all threads together: each adds what changed of its own.
        let now = [self.rooms.len() as u64, peers as u64];
        let gauges = [&self.counters.rooms, &self.counters.peers];
        for ((gauge, now), told) in gauges.into_iter().zip(now).zip(&mut self.told) {
            gauge.fetch_add(now.wrapping_sub(*told), Ordering::Relaxed);
            *told = now;
        }
    }

    /// Tells those who asked where they are, and did nothing with the answer.
    fn answer_again(&mut self) {
        let mut waiting = Vec::new();
        for member in self.members.values_mut().filter(|member| matches!(member.link, Link::None)) {
            let Some(from) = member.asked_from.filter(|_| member.answers > 0) else { continue };
            member.answers -= 1;
            if member.answers < ANSWERS - 1 {
                waiting.push((member.ssrc, from));
            }
        }
        for (ssrc, from) in waiting {
            self.send(Protocol::Udp, from, discovery_answer(ssrc, from));
        }
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
}
