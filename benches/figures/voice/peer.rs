//! One WebRTC connection of a loader: str0m without a browser around it. It sends what it was asked to, and counts what comes by the
//! headers alone, which are in the clear (RFC 3711 §3.1), so that many of them leave the machine to the server they measure.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::OnceLock;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::media::{Direction, MediaKind, Mid, Rid, Simulcast, SimulcastLayer};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{ExtensionValues, RtpWrite};
use str0m::{Candidate, Event, Input, Output, Rtc};

/// Payload types that str0m gives Opus and VP8, in what it offers.
const OPUS: u8 = 111;
const VP8: u8 = 96;
/// A sound of 32 kbps: 20 ms in 80 bytes.
pub const SOUND_EVERY: Duration = Duration::from_millis(20);
pub const SOUND_BYTES: usize = 80;
const SOUND_STEP: u32 = 960;
/// A screen of 1.5 Mbps: 15 pictures a second, each of eleven packets; in its small layer of two.
pub const PICTURE_EVERY: Duration = Duration::from_micros(66_667);
pub const PICTURE_PACKETS: u16 = 11;
const SMALL_PICTURE_PACKETS: u16 = 2;
pub const PICTURE_BYTES: usize = 1_130;
const PICTURE_STEP: u32 = 6_000;
/// Where the payload's stamp stands: its last bytes.
const STAMP_BYTES: usize = 8;
/// Packets taken before others get their turn.
const PACKETS_A_TURN: usize = 64;
/// Bytes that the system keeps for a peer between two of its turns.
const SOCKET_BUFFER_BYTES: usize = 1 << 20;

/// What a peer is there for.
#[derive(Clone, Copy, Default, Debug)]
pub struct Role {
    /// What it sends, if anything.
    pub sends: Option<Content>,
    /// Slots of sound and of video.
    pub sounds: usize,
    pub videos: usize,
    /// Streams after which it hears all that it is to hear.
    pub streams: usize,
    /// It opens every packet, instead of counting it by its header. Video needs it: the server sends what the feedback says arrives.
    pub is_whole: bool,
}

/// What is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Content {
    /// Opus, 50 packets a second.
    Voice,
    /// VP8, 165 packets a second.
    Screen,
    /// The same with a small layer beside it, as browsers send it: from it a receiver works its way up.
    LayeredScreen,
}

/// One stream that comes in.
struct Stream {
    ssrc: u32,
    seq: u16,
    due: u64,
    came: u64,
}

/// From a stamp in the payload to the end of decryption.
#[derive(Clone, Default, Debug)]
pub struct Waits {
    pub sounds: Vec<Duration>,
    pub pictures: Vec<Duration>,
}

impl Waits {
    /// Takes that of a packet with so many bytes in it.
    pub fn take(&mut self, bytes: usize, wait: Duration) {
        if bytes > SOUND_BYTES { &mut self.pictures } else { &mut self.sounds }.push(wait);
    }
}

/// What peers counted.
#[derive(Clone, Default, Debug)]
pub struct Tally {
    /// Media packets that came.
    pub came: u64,
    /// Those and the ones whose numbers are missing.
    pub due: u64,
    pub waits: Waits,
}

impl Tally {
    /// Takes in what others counted.
    pub fn add(&mut self, other: Self) {
        self.came += other.came;
        self.due += other.due;
        self.waits.sounds.extend(other.waits.sounds);
        self.waits.pictures.extend(other.waits.pictures);
    }

    /// The share that is missing, in percent.
    pub fn lost_percent(&self) -> f64 {
        100.0 * self.due.saturating_sub(self.came) as f64 / self.due.max(1) as f64
    }
}

impl Content {
    /// What is sent at once, how often: packets of each layer.
    fn layers(self) -> &'static [(Option<&'static str>, u16)] {
        match self {
            Self::Voice => &[(None, 1)],
            Self::Screen => &[(None, PICTURE_PACKETS)],
            Self::LayeredScreen => &[(Some("q"), SMALL_PICTURE_PACKETS), (Some("f"), PICTURE_PACKETS)],
        }
    }

    fn every(self) -> Duration {
        if self == Self::Voice { SOUND_EVERY } else { PICTURE_EVERY }
    }
}

struct Source {
    mid: Mid,
    content: Content,
    /// How many sounds or pictures left.
    sent: u64,
    due: Instant,
    is_key: bool,
}

/// A connection.
pub struct Peer {
    rtc: Rtc,
    socket: UdpSocket,
    own: SocketAddr,
    pending: Option<SdpPendingOffer>,
    source: Option<Source>,
    role: Role,
    slots: Vec<Mid>,
    streams: Vec<Stream>,
    waits: Waits,
    next: Instant,
    first: Option<Sender<Instant>>,
}

impl Peer {
    /// A peer whose media goes through a socket of this address.
    pub fn new(ip: IpAddr, role: Role) -> Self {
        let socket = UdpSocket::bind((ip, 0)).expect("a port is free");
        // Systems that allow less give what they allow.
        let _ = socket2::SockRef::from(&socket).set_recv_buffer_size(SOCKET_BUFFER_BYTES);
        socket.set_nonblocking(true).expect("a socket takes its options");
        let own = socket.local_addr().expect("it is bound");
        let now = Instant::now();
        let mut rtc = Rtc::builder()
            .set_rtp_mode(true)
            .clear_codecs()
            .enable_opus(true, false)
            .enable_vp8(true)
            .build(now);
        rtc.add_local_candidate(Candidate::host(own, "udp").expect("an address is a candidate"));
        Self {
            rtc,
            socket,
            own,
            pending: None,
            source: None,
            role,
            slots: Vec::new(),
            streams: Vec::new(),
            waits: Waits::default(),
            next: now,
            first: None,
        }
    }

    /// What it offers: a microphone, whether it talks or not, a screen where it shows one, and its slots. The mids of what it sends
    /// come with it.
    pub fn offer(&mut self) -> (String, Vec<(Mid, Content)>) {
        let mut changes = self.rtc.sdp_api();
        let mut sent = vec![(
            changes.add_media(MediaKind::Audio, Direction::SendOnly, None, None, None),
            Content::Voice,
        )];
        if let Some(content) = self.role.sends.filter(|content| *content != Content::Voice) {
            let rids = content.layers().iter().filter_map(|(rid, _)| *rid);
            let layers: Vec<SimulcastLayer> = rids.map(SimulcastLayer::new).collect();
            let simulcast = (!layers.is_empty()).then_some(Simulcast { send: layers, recv: Vec::new() });
            let mid = changes.add_media(MediaKind::Video, Direction::SendOnly, None, None, simulcast);
            sent.push((mid, content));
        }
        for _ in 0..self.role.sounds {
            changes.add_media(MediaKind::Audio, Direction::RecvOnly, None, None, None);
        }
        for _ in 0..self.role.videos {
            let mid = changes.add_media(MediaKind::Video, Direction::RecvOnly, None, None, None);
            self.slots.push(mid);
        }
        let (offer, pending) = changes.apply().expect("there is something to offer");
        self.pending = Some(pending);
        let source = self.role.sends.and_then(|content| sent.iter().find(|(_, of)| *of == content));
        self.source = source.map(|(mid, content)| Source {
            mid: *mid,
            content: *content,
            sent: 0,
            due: Instant::now(),
            is_key: true,
        });
        (offer.to_sdp_string(), sent)
    }

    /// The mid of the first video slot.
    pub fn video_slot(&self) -> Option<Mid> {
        self.slots.first().copied()
    }

    /// Takes the answer to what it offered.
    pub fn take_answer(&mut self, sdp: &str) {
        let answer = SdpAnswer::from_sdp_string(sdp).expect("a server describes itself");
        let pending = self.pending.take().expect("it offered");
        self.rtc.sdp_api().accept_answer(pending, answer).expect("the answer fits the offer");
    }

    /// Answers what a server offers.
    pub fn answer(&mut self, sdp: &str) -> String {
        let offer = SdpOffer::from_sdp_string(sdp).expect("a server describes itself");
        self.rtc.sdp_api().accept_offer(offer).expect("it can be answered").to_sdp_string()
    }

    /// When its next sound or picture is due, so that not all peers send in one moment.
    pub fn send_from(&mut self, at: Instant) {
        if let Some(source) = &mut self.source {
            source.due = at;
        }
    }

    /// Tells when the first packet of media comes.
    pub fn tell_first(&mut self, to: Sender<Instant>) {
        self.first = Some(to);
    }

    /// From here on it waits so long for a packet, at most.
    pub fn wait_for_packets(&mut self, at_most: Duration) {
        self.socket.set_nonblocking(false).expect("a socket takes its options");
        self.socket.set_read_timeout(Some(at_most)).expect("a socket takes its options");
    }

    /// Whether everything that it is to hear has begun.
    pub fn is_settled(&self) -> bool {
        self.rtc.is_connected() && self.streams.len() >= self.role.streams
    }

    /// Counts from here on.
    pub fn begin(&mut self) {
        self.waits = Waits::default();
        for stream in &mut self.streams {
            (stream.due, stream.came) = (0, 0);
        }
    }

    /// What was counted since it began.
    pub fn tally(&mut self) -> Tally {
        Tally {
            came: self.streams.iter().map(|stream| stream.came).sum(),
            due: self.streams.iter().map(|stream| stream.due).sum(),
            waits: std::mem::take(&mut self.waits),
        }
    }

    /// Takes what came, sends what is due, lets time pass.
    pub fn turn(&mut self, buffer: &mut [u8]) {
        for _ in 0..PACKETS_A_TURN {
            match self.socket.recv_from(buffer) {
                Ok((count, from)) => self.take(from, &buffer[..count]),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => break,
                // An earlier packet that did not arrive (ICMP): the server is on its way.
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => {}
                Err(error) => panic!("a peer's socket failed: {error}"),
            }
            if self.is_due(Instant::now()) {
                break;
            }
        }
        let now = Instant::now();
        if self.is_due(now) {
            self.send(now);
        }
        if self.next <= now {
            self.rtc.handle_input(Input::Timeout(now)).expect("time passes");
            self.drain();
        }
    }

    fn is_due(&self, now: Instant) -> bool {
        self.rtc.is_connected() && self.source.as_ref().is_some_and(|source| source.due <= now)
    }

    fn take(&mut self, from: SocketAddr, bytes: &[u8]) {
        if let Some((ssrc, seq)) = media_of(bytes) {
            self.count(ssrc, seq);
            if !self.role.is_whole {
                return;
            }
        }
        if let Ok(receive) = Receive::new(Protocol::Udp, from, self.own, bytes) {
            self.rtc.handle_input(Input::Receive(Instant::now(), receive)).expect("the server sends packets");
            self.drain();
        }
    }

    fn count(&mut self, ssrc: u32, seq: u16) {
        if let Some(first) = self.first.take() {
            // Who asked may have had enough.
            let _ = first.send(Instant::now());
        }
        let Some(stream) = self.streams.iter_mut().find(|stream| stream.ssrc == ssrc) else {
            self.streams.push(Stream { ssrc, seq, due: 1, came: 1 });
            return;
        };
        stream.came += 1;
        let ahead = seq.wrapping_sub(stream.seq);
        if ahead < 1 << 15 {
            stream.due += u64::from(ahead);
            stream.seq = seq;
        }
    }

    /// Sends a sound, or a picture.
    fn send(&mut self, now: Instant) {
        let Some(source) = &mut self.source else { return };
        let (mid, content) = (source.mid, source.content);
        source.due = (source.due + content.every()).max(now);
        source.sent += 1;
        let (sent, is_key) = (source.sent, std::mem::take(&mut source.is_key));
        for (rid, packets) in content.layers() {
            for packet in 0..*packets {
                let seq = (sent - 1) * u64::from(*packets) + u64::from(packet) + 1;
                let write = match content {
                    Content::Voice => sound(seq, now),
                    Content::Screen | Content::LayeredScreen => {
                        let is_last = packet + 1 == *packets;
                        piece(seq, sent, packet == 0, is_last, is_key, now)
                    }
                };
                let rid = rid.map(Rid::from);
                if let Some(stream) = self.rtc.direct_api().stream_tx_by_mid(mid, rid) {
                    stream.write_rtp(write);
                }
                self.rtc.handle_input(Input::Timeout(now)).expect("time passes");
                self.drain();
            }
        }
    }

    fn drain(&mut self) {
        loop {
            match self.rtc.poll_output().expect("a connection holds") {
                Output::Timeout(at) => {
                    self.next = at;
                    return;
                }
                // What the system takes no more of is lost, and counted by the other side.
                Output::Transmit(transmit) => {
                    _ = self.socket.send_to(&transmit.contents, transmit.destination);
                }
                Output::Event(Event::KeyframeRequest(_)) => {
                    if let Some(source) = &mut self.source {
                        source.is_key = true;
                    }
                }
                Output::Event(Event::RtpPacket(packet)) => {
                    if let Some(wait) = since_stamp(&packet.payload) {
                        self.waits.take(packet.payload.len(), wait);
                    }
                }
                Output::Event(_) => {}
            }
        }
    }
}

/// Stream and number of a packet of media; nothing for any other packet.
fn media_of(bytes: &[u8]) -> Option<(u32, u16)> {
    let header = bytes.first_chunk::<12>()?;
    let is_media = header[0] >> 6 == 2 && matches!(header[1] & 0x7f, OPUS | VP8);
    let ssrc = u32::from_be_bytes([header[8], header[9], header[10], header[11]]);
    is_media.then(|| (ssrc, u16::from_be_bytes([header[2], header[3]])))
}

fn sound(seq: u64, now: Instant) -> RtpWrite {
    let ext_vals =
        ExtensionValues { audio_level: Some(-30), voice_activity: Some(true), ..ExtensionValues::default() };
    let payload = stamped(vec![0xfc; SOUND_BYTES]);
    RtpWrite::new(OPUS.into(), seq.into(), seq as u32 * SOUND_STEP, now, payload).ext_vals(ext_vals)
}

/// A packet of a VP8 picture: its descriptor (RFC 7741 §4.2) and the first byte of the frame, the rest filled.
fn piece(seq: u64, picture: u64, is_first: bool, is_last: bool, is_key: bool, now: Instant) -> RtpWrite {
    let [high, low] = (picture as u16 & 0x7fff).to_be_bytes();
    let start = if is_first { 0x10 } else { 0 };
    let mut payload = vec![0x80 | start, 0xe0, 0x80 | high, low, low, 0, u8::from(!is_key)];
    payload.resize(PICTURE_BYTES, 0x55);
    let timestamp = picture as u32 * PICTURE_STEP;
    RtpWrite::new(VP8.into(), seq.into(), timestamp, now, stamped(payload)).marker(is_last).nackable(true)
}

/// Nanoseconds since the first call in this process.
fn now_ns() -> u64 {
    static BEGAN: OnceLock<Instant> = OnceLock::new();
    BEGAN.get_or_init(Instant::now).elapsed().as_nanos() as u64
}

/// The payload with the present moment in its last bytes.
fn stamped(mut payload: Vec<u8>) -> Vec<u8> {
    let at = payload.len() - STAMP_BYTES;
    payload[at..].copy_from_slice(&now_ns().to_be_bytes());
    payload
}

/// How long ago a payload was stamped.
fn since_stamp(payload: &[u8]) -> Option<Duration> {
    let stamp = u64::from_be_bytes(*payload.last_chunk::<STAMP_BYTES>()?);
    Some(Duration::from_nanos(now_ns().saturating_sub(stamp)))
}
