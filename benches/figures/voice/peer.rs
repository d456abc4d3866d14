//! One WebRTC connection of a loader: str0m without a browser around it. It sends what it was asked to, and counts what comes by the
//! headers alone, which are in the clear (RFC 3711 §3.1), so that many of them leave the machine to the server they measure.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::media::{Direction, MediaKind, Mid, Rid, Simulcast, SimulcastLayer};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{ExtensionValues, RtpWrite};
use str0m::{Candidate, Event, Input, Output, Rtc};

use super::load::{Loader, due_again, socket};
use super::tally::{Streams, Tally, Waits, since_stamp, stamped};

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

    /// How many packets of its largest layer leave within so long.
    pub fn packets_within(self, window: Duration) -> u64 {
        let largest = self.layers().iter().map(|(_, packets)| *packets).max().unwrap_or_default();
        (window.as_secs_f64() / self.every().as_secs_f64()).round() as u64 * u64::from(largest)
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
    streams: Streams,
    waits: Waits,
    next: Instant,
    first: Option<Sender<Instant>>,
}

impl Peer {
    /// A peer whose media goes through a socket of this address.
    pub fn new(ip: IpAddr, role: Role) -> Self {
        let socket = socket(ip);
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
            streams: Streams::default(),
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

    /// Tells when the first packet of media comes.
    pub fn tell_first(&mut self, to: Sender<Instant>) {
        self.first = Some(to);
    }

    /// Sends a sound, or a picture.
    fn send(&mut self, now: Instant) {
        let Some(source) = &mut self.source else { return };
        let (mid, content) = (source.mid, source.content);
        source.due = due_again(source.due, content.every(), now);
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

impl Loader for Peer {
    fn socket(&self) -> &UdpSocket {
        &self.socket
    }

    fn send_from(&mut self, at: Instant) {
        if let Some(source) = &mut self.source {
            source.due = at;
        }
    }

    fn is_due(&self, now: Instant) -> bool {
        self.rtc.is_connected() && self.source.as_ref().is_some_and(|source| source.due <= now)
    }

    fn take(&mut self, from: SocketAddr, bytes: &[u8]) {
        if let Some((ssrc, seq)) = media_of(bytes) {
            if let Some(first) = self.first.take() {
                // Who asked may have had enough.
                let _ = first.send(Instant::now());
            }
            self.streams.count(ssrc, seq);
            if !self.role.is_whole {
                return;
            }
        }
        if let Ok(receive) = Receive::new(Protocol::Udp, from, self.own, bytes) {
            self.rtc.handle_input(Input::Receive(Instant::now(), receive)).expect("the server sends packets");
            self.drain();
        }
    }

    fn tend(&mut self, now: Instant) {
        if self.is_due(now) {
            self.send(now);
        }
        if self.next <= now {
            self.rtc.handle_input(Input::Timeout(now)).expect("time passes");
            self.drain();
        }
    }

    fn is_settled(&self) -> bool {
        self.rtc.is_connected() && self.streams.heard() >= self.role.streams
    }

    fn begin(&mut self) {
        self.waits = Waits::default();
        self.streams.begin();
    }

    fn tally(&mut self) -> Tally {
        self.streams.tally(std::mem::take(&mut self.waits))
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
