//! One browser's WebRTC connection: a str0m instance, what its streams carry, and in which of them slots are sent. It takes packets
//! and time, and gives packets and events; it knows nothing of rooms. Sound to the browser goes past that instance, under its keys.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use str0m::bwe::{Bitrate, BweKind};
use str0m::change::SdpOffer;
use str0m::config::DtlsCert;
use str0m::media::{KeyframeRequestKind, Mid, Rid};
use str0m::net::{Protocol, Receive, TcpType, Transmit};
use str0m::rtp::{ExtensionValues, RtpPacket, RtpWrite, Ssrc, Vp8Descriptor};
use str0m::{Candidate, Event, IceConnectionState, Input, Output, Rtc};

use super::description::{Section, sections, without_candidates};
use super::handshake::{self, Agreed};
use super::held::Waiting;
use super::slots::{self, SoundSlot, VideoSlot};
use super::srtp::Sealer;
use super::stream::{self, Told};
use crate::logic::room::{Kind, Layer, Level, Mapped, VideoPacket};
use crate::logic::voice_session::Offer;

/// Estimate with which a receiver of video begins.
const FIRST_ESTIMATE_KBPS: u64 = 1_000;

/// How often a connection that is sent video all the time is asked for what else it has to say.
const SETTLES_EVERY: Duration = Duration::from_millis(10);

/// How often a connection is told the time at once while it is late.
const MAX_LATE: usize = 32;
/// How long and how often a connection is asked where it sends after a check of another route: as good a route as the present one is
/// taken only once nobody checked that for fifteen seconds.
const ASKS_FOR: Duration = Duration::from_secs(20);
const ASKS_EVERY: Duration = Duration::from_secs(1);
/// What it says, as a time from now, when it wants to be told the same once more.
const AT_ONCE: Duration = Duration::from_micros(1);

/// Where clients reach media.
#[derive(Clone, Debug, Default)]
pub struct Addresses {
    /// On UDP.
    pub udp: Vec<SocketAddr>,
    /// On TCP (RFC 6544, passive).
    pub tcp: Vec<SocketAddr>,
}

impl Addresses {
    /// The own address that packets of a client's family came to.
    fn local(&self, proto: Protocol, from: SocketAddr) -> Option<SocketAddr> {
        let all = if proto == Protocol::Udp { &self.udp } else { &self.tcp };
        all.iter().find(|own| own.is_ipv4() == from.is_ipv4()).or(all.first()).copied()
    }
}

/// Why an offer is not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BadOffer {
    /// Not a description, or one that can't be answered; the connection goes on as it is.
    Unreadable,
    /// Taken in half: the connection has to be made anew.
    Broken,
}

/// What comes out of a connection.
pub enum PeerEvent {
    /// Media flows, or flows again.
    Connected,
    /// No route carries anything.
    Disconnected,
    /// The client ended it.
    Closed,
    /// A sound.
    Audio { kind: Kind, level: Level, packet: Box<RtpPacket> },
    /// A packet of a video.
    Video { kind: Kind, facts: VideoPacket, packet: Box<RtpPacket> },
    /// The receiver wants a keyframe in a video slot.
    KeyframeWanted { slot: usize },
    /// What the connection carries of video beside its sound, in bits per second.
    Estimate(u64),
}

/// Where the library sends what is no check of a route.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Route {
    proto: Protocol,
    source: SocketAddr,
    destination: SocketAddr,
}

/// A browser's connection.
pub struct Peer {
    rtc: Rtc,
    addresses: Arc<Addresses>,
    sections: Vec<Section>,
    /// What the streams that come in carry, by their number.
    incoming: HashMap<Ssrc, Incoming>,
    /// What it sends that waits for the beginning of its picture.
    pub waiting: Waiting,
    audio: Vec<SoundSlot>,
    video: Vec<VideoSlot>,
    /// What its handshake agrees on, and what that made.
    agreed: Agreed,
    sealer: Option<Sealer>,
    route: Option<Route>,
    /// Until when it is asked where it sends, as a check of another route came, and when next.
    asks_until: Option<Instant>,
    asks_at: Instant,
    /// Whom the library's feedback comes from when it is asked where it sends: nobody whose sound is sealed here.
    asker: Ssrc,
    /// When it wants to be told the time.
    pub next: Instant,
    /// Packets that were written and have not left, and when it was last asked for all it has to say.
    written: usize,
    settled: Instant,
    /// Whether what the connection carries is estimated.
    is_estimated: bool,
    /// What its estimate is told to look for, in bits per second.
    wanted_bps: u64,
    /// Whether media flowed already.
    pub is_live: bool,
    /// Inputs that failed.
    pub faults: u32,
}

#[derive(Clone, Copy)]
struct Incoming {
    kind: Kind,
    layer: Layer,
}

impl Peer {
    /// A connection for who makes this offer. Video needs an estimate of what its receiver's connection carries, sound does not.
    pub fn new(now: Instant, addresses: Arc<Addresses>, certificate: DtlsCert, offer: &Offer) -> Self {
        let mut config = Rtc::builder()
            .set_ice_lite(true)
            .set_rtp_mode(true)
            .set_dtls_cert(certificate)
            .clear_codecs()
            .enable_opus(true, false)
            .enable_vp8(true);
        let is_estimated = offer.sdp.contains("\nm=video ");
        if is_estimated {
            config = config.enable_bwe(Some(Bitrate::kbps(FIRST_ESTIMATE_KBPS)));
        }
        stream::fix_clock();
        let (mut rtc, agreed) = handshake::build(config, now);
        let asker = rtc.direct_api().new_ssrc();
        for address in &addresses.udp {
            if let Ok(candidate) = Candidate::host(*address, "udp") {
                rtc.add_local_candidate(candidate);
            }
        }
        for address in &addresses.tcp {
            if let Ok(candidate) = Candidate::builder().tcp().host(*address).tcptype(TcpType::Passive).build()
            {
                rtc.add_local_candidate(candidate);
            }
        }
        Self {
            rtc,
            addresses,
            sections: Vec::new(),
            incoming: HashMap::new(),
            waiting: Waiting::default(),
            audio: Vec::new(),
            video: Vec::new(),
            agreed,
            sealer: None,
            route: None,
            asks_until: None,
            asks_at: now,
            asker,
            next: now,
            written: 0,
            settled: now,
            is_estimated,
            wanted_bps: 0,
            is_live: false,
            faults: 0,
        }
    }

    /// Takes an offer, also one that restarts the search for a route; the answer comes back.
    ///
    /// # Errors
    /// What the client has to do.
    pub fn negotiate(&mut self, offer: &Offer) -> Result<String, BadOffer> {
        let found = sections(&offer.sdp, &offer.tracks).ok_or(BadOffer::Unreadable)?;
        // Sections are added and never changed (VOICE.md §5): a stream of sound that went and came back would begin its numbers anew,
        // under the same keys.
        let own = found.iter().filter(|section| section.sends.is_none() && !section.is_video);
        let mut offered = own.map(|section| section.mid.as_str());
        if !self.audio.iter().all(|slot| offered.next() == Some(&*slot.mid)) {
            return Err(BadOffer::Unreadable);
        }
        // The library may panic over what one client offers: that ends its connection, and nobody else's.
        catch_unwind(AssertUnwindSafe(|| self.accept(&offer.sdp, found))).unwrap_or_else(|_| {
            tracing::warn!("the library panicked over an offer");
            Err(BadOffer::Broken)
        })
    }

    fn accept(&mut self, sdp: &str, found: Vec<Section>) -> Result<String, BadOffer> {
        let parsed = SdpOffer::from_sdp_string(&without_candidates(sdp));
        let parsed = parsed.map_err(|_| BadOffer::Unreadable)?;
        // The library has no streams of sound but here, so that the answer names them as the one before did.
        for slot in &self.audio {
            slot.open(&mut self.rtc);
        }
        let answer = self.rtc.sdp_api().accept_offer(parsed);
        if answer.is_ok() {
            self.sections = found;
            self.incoming.clear();
            let own = self.sections.iter().filter(|section| section.sends.is_none());
            let known = std::mem::take(&mut self.audio);
            (self.audio, self.video) = slots::negotiated(&mut self.rtc, own, known, &self.video);
        }
        for slot in &self.audio {
            slot.close(&mut self.rtc);
        }
        answer.map(|answer| answer.to_sdp_string()).map_err(|error| {
            tracing::debug!(%error, "an offer was not taken");
            BadOffer::Broken
        })
    }

    /// The name by which its route is asked for.
    pub fn ufrag(&mut self) -> String {
        self.rtc.direct_api().local_ice_credentials().ufrag
    }

    /// What the client's description says it sends: each kind with its layers.
    pub fn sends(&self) -> impl Iterator<Item = (Kind, usize)> {
        self.sections.iter().filter_map(|section| Some((section.sends?, section.layers())))
    }

    /// How many slots of sound and of video the client offers.
    pub fn slots(&self) -> (usize, usize) {
        (self.audio.len(), self.video.len())
    }

    /// The mid of a slot.
    pub fn mid(&self, is_video: bool, index: usize) -> Option<String> {
        let (audio, video) = (self.audio.get(index), self.video.get(index));
        let mid = if is_video { video.map(|slot| slot.mid) } else { audio.map(|slot| slot.mid) };
        mid.map(|mid| mid.to_string())
    }

    /// The video slot with this mid.
    pub fn video_slot(&self, mid: &str) -> Option<usize> {
        self.video.iter().position(|slot| &*slot.mid == mid)
    }

    /// The mid of what the client sends of this kind, and the rids of its layers.
    pub fn track(&self, kind: Kind) -> Option<(&str, &[String])> {
        let section = self.sections.iter().find(|section| section.sends == Some(kind))?;
        Some((&section.mid, &section.rids))
    }

    /// Whether a packet is this connection's: it comes from where its media goes, or proves that it knows its secret.
    pub fn accepts(&self, now: Instant, proto: Protocol, from: SocketAddr, bytes: &[u8]) -> bool {
        self.input(now, proto, from, bytes).is_some_and(|input| self.rtc.accepts(&input))
    }

    fn input<'a>(
        &self,
        now: Instant,
        proto: Protocol,
        from: SocketAddr,
        bytes: &'a [u8],
    ) -> Option<Input<'a>> {
        let local = self.addresses.local(proto, from)?;
        Some(Input::Receive(now, Receive::new(proto, from, local, bytes).ok()?))
    }

    /// Takes a packet.
    pub fn receive(
        &mut self,
        now: Instant,
        proto: Protocol,
        from: SocketAddr,
        bytes: &[u8],
        out: &mut Vec<Transmit>,
        events: &mut Vec<PeerEvent>,
    ) {
        let Some(input) = self.input(now, proto, from, bytes) else {
            self.faults += 1;
            return;
        };
        if let Err(error) = self.rtc.handle_input(input) {
            tracing::debug!(%error, "a packet was not taken");
            self.faults += 1;
        }
        let is_here = |route: Route| (route.proto, route.destination) == (proto, from);
        if self.is_live && is_check(bytes) && !self.route.is_some_and(is_here) {
            self.asks_until = Some(now + ASKS_FOR);
            self.ask_route(now);
        }
        self.drain(now, out, events);
    }

    /// Has the library send something where it sends media, as it tells nobody where that is: feedback that clients pass over.
    fn ask_route(&mut self, now: Instant) {
        self.asks_at = now + ASKS_EVERY;
        self.rtc.direct_api().send_app_specific_feedback(self.asker, self.asker, *b"HRTH");
    }

    /// Asks again while it may be that another route is taken.
    fn ask_again(&mut self, now: Instant) {
        self.asks_until = self.asks_until.filter(|until| now < *until);
        if self.asks_until.is_some() && now >= self.asks_at {
            self.ask_route(now);
        }
    }

    /// Lets time pass. What is paced or tried out leaves one packet each time that it is told the time: so it is told again while it is
    /// late, or what should leave within milliseconds would take as long as so many turns of everybody.
    pub fn pass(&mut self, now: Instant, out: &mut Vec<Transmit>, events: &mut Vec<PeerEvent>) {
        self.ask_again(now);
        for _ in 0..MAX_LATE {
            self.tell_time(now);
            self.drain(now, out, events);
            if self.next > now + AT_ONCE {
                break;
            }
        }
    }

    /// Whether packets were written that have not left.
    pub fn has_written(&self) -> bool {
        self.written > 0
    }

    /// Lets what was written leave. To ask a connection what else it has to say, and when it wants to be told the time, costs as much
    /// as a packet, and it has something to say a few times a second: one that sends all the time is not asked each time.
    pub fn send(&mut self, now: Instant, out: &mut Vec<Transmit>, events: &mut Vec<PeerEvent>) {
        let mut has_more = true;
        while has_more && self.written > 0 {
            let before = self.written;
            self.tell_time(now);
            // From one whose connection is estimated one packet leaves each time that it is told the time; a video's that the pace does
            // not let go yet leaves when it says.
            while has_more && self.written > 0 && !(self.is_estimated && self.written < before) {
                has_more = self.poll(out, events);
            }
        }
        if !has_more {
            (self.settled, self.written) = (now, 0);
        } else if now.duration_since(self.settled) >= SETTLES_EVERY {
            self.pass(now, out, events);
        } else {
            // Later than the next packet would ask it, so that it is asked for its own sake only when none comes.
            self.next = self.next.min(self.settled + 2 * SETTLES_EVERY);
        }
    }

    fn tell_time(&mut self, now: Instant) {
        if let Err(error) = self.rtc.handle_input(Input::Timeout(now)) {
            tracing::debug!(%error, "time was not taken");
            self.faults += 1;
        }
    }

    fn drain(&mut self, now: Instant, out: &mut Vec<Transmit>, events: &mut Vec<PeerEvent>) {
        while self.poll(out, events) {}
        (self.settled, self.written) = (now, 0);
    }

    /// Takes the next thing that it has to say; whether there may be more.
    fn poll(&mut self, out: &mut Vec<Transmit>, events: &mut Vec<PeerEvent>) -> bool {
        match self.rtc.poll_output() {
            Ok(Output::Timeout(at)) => {
                self.next = if self.asks_until.is_some() { at.min(self.asks_at) } else { at };
                return false;
            }
            Ok(Output::Transmit(transmit)) => {
                self.written -= usize::from(self.written > 0 && is_media(&transmit.contents));
                if !is_check(&transmit.contents) {
                    let Transmit { proto, source, destination, .. } = transmit;
                    let route = Some(Route { proto, source, destination });
                    if std::mem::replace(&mut self.route, route) != route {
                        self.asks_until = None;
                    }
                }
                out.push(transmit);
            }
            Ok(Output::Event(event)) => self.take(event, events),
            Err(error) => {
                tracing::debug!(%error, "a connection failed");
                events.push(PeerEvent::Closed);
                self.faults += 1;
                return false;
            }
        }
        if !self.rtc.is_alive() {
            events.push(PeerEvent::Closed);
            return false;
        }
        true
    }

    fn take(&mut self, event: Event, events: &mut Vec<PeerEvent>) {
        match event {
            Event::Connected => {
                self.is_live = true;
                events.push(PeerEvent::Connected);
            }
            Event::IceConnectionStateChange(IceConnectionState::Disconnected) => {
                events.push(PeerEvent::Disconnected);
            }
            Event::IceConnectionStateChange(
                IceConnectionState::Connected | IceConnectionState::Completed,
            ) if self.is_live => {
                events.push(PeerEvent::Connected);
            }
            Event::Closed => events.push(PeerEvent::Closed),
            Event::KeyframeRequest(request) => {
                if let Some(slot) = self.video.iter().position(|slot| slot.mid == request.mid) {
                    events.push(PeerEvent::KeyframeWanted { slot });
                }
            }
            Event::EgressBitrateEstimate(BweKind::Twcc { estimate, .. } | BweKind::Remb { estimate, .. }) => {
                events.push(PeerEvent::Estimate(estimate.as_u64()));
            }
            Event::RtpPacket(packet) => self.take_packet(packet, events),
            _ => {}
        }
    }

    fn take_packet(&mut self, packet: RtpPacket, events: &mut Vec<PeerEvent>) {
        let Some(Incoming { kind, layer }) = self.stream_of(&packet) else { return };
        if packet.payload.is_empty() {
            return;
        }
        if !kind.is_video() {
            let level = level_of(kind, &packet);
            events.push(PeerEvent::Audio { kind, level, packet: Box::new(packet) });
            return;
        }
        let Ok(descriptor) = Vp8Descriptor::parse(&packet.payload) else { return };
        let picture = descriptor.picture_id().zip(descriptor.tl0_pic_idx());
        let facts = VideoPacket {
            layer,
            seq: *packet.seq_no,
            timestamp: packet.header.timestamp,
            bytes: packet.payload.len(),
            starts_keyframe: descriptor.starts_keyframe(&packet.payload),
            picture,
        };
        events.push(PeerEvent::Video { kind, facts, packet: Box::new(packet) });
    }

    /// What a packet's stream carries, found out once per stream.
    fn stream_of(&mut self, packet: &RtpPacket) -> Option<Incoming> {
        let ssrc = packet.header.ssrc;
        if let Some(known) = self.incoming.get(&ssrc) {
            return Some(*known);
        }
        let (mid, rid) = {
            let mut direct = self.rtc.direct_api();
            let stream = direct.stream_rx(&ssrc)?;
            (stream.mid(), stream.rid())
        };
        let section = self.sections.iter().find(|section| section.mid == *mid)?;
        let layer = section.layer(rid.as_deref());
        let found = Incoming { kind: section.sends?, layer };
        self.incoming.insert(ssrc, found);
        Some(found)
    }

    /// Asks the client for a keyframe.
    pub fn ask_keyframe(&mut self, kind: Kind, layer: Layer) {
        let Some(section) = self.sections.iter().find(|section| section.sends == Some(kind)) else { return };
        let (mid, rid): (Mid, Option<Rid>) =
            (section.mid.as_str().into(), section.rids.get(layer).map(|rid| rid.as_str().into()));
        if let Some(stream) = self.rtc.direct_api().stream_rx_by_mid(mid, rid) {
            stream.request_keyframe(KeyframeRequestKind::Pli);
        }
    }

    /// How much the estimate is to look for.
    pub fn set_wanted(&mut self, bps: u64) {
        if std::mem::replace(&mut self.wanted_bps, bps) != bps {
            self.rtc.bwe().set_bitrate(Bitrate::bps(0), Bitrate::bps(bps));
        }
    }

    /// Sends a sound in a slot.
    pub fn send_sound(
        &mut self,
        now: Instant,
        index: usize,
        mapped: Mapped,
        payload: &[u8],
        told: Option<Told>,
        out: &mut Vec<Transmit>,
    ) {
        if self.sealer.is_none() {
            self.sealer = self.agreed.take();
        }
        let (Some(sealer), Some(slot)) = (&mut self.sealer, self.audio.get_mut(index)) else { return };
        let (Some(route), Some(format)) = (self.route, slot.format(&self.rtc)) else { return };
        let Some(stream) = &mut slot.stream else { return };
        let Route { proto, source, destination } = route;
        let mut send = |contents: Option<Vec<u8>>| {
            out.extend(contents.map(|of| Transmit { proto, source, destination, contents: of.into() }));
        };
        let packet = stream.packet(sealer, format, mapped, payload, told);
        let is_to_report = packet.is_some() && stream.is_to_report(now, mapped.seq);
        send(packet);
        if is_to_report && let Some(media) = self.rtc.media(slot.mid) {
            send(stream.report(sealer, now, mapped.timestamp, media.cname()));
        }
    }

    /// Sends a packet of a video in a slot, its picture numbers being as given.
    pub fn write_video(
        &mut self,
        now: Instant,
        index: usize,
        mapped: Mapped,
        packet: &RtpPacket,
        picture: Option<(u16, u8)>,
    ) {
        let Some(slot) = self.video.get_mut(index) else { return };
        let Some(pt) = slot.payload_type(&self.rtc) else { return };
        let ext_vals = ExtensionValues {
            video_orientation: packet.header.ext_vals.video_orientation,
            ..ExtensionValues::default()
        };
        let mut write =
            RtpWrite::new(pt, mapped.seq.into(), mapped.timestamp, now, Arc::clone(&packet.payload))
                .marker(packet.header.marker)
                .nackable(true)
                .ext_vals(ext_vals);
        let patch = picture.and_then(|(picture, tl0)| {
            let descriptor = Vp8Descriptor::parse(&packet.payload).ok()?;
            descriptor.patch().picture_id(picture).tl0_pic_idx(tl0).build().ok()
        });
        if let Some(patch) = patch {
            write = write.vp8_patch(patch);
        }
        if let Some(ssrc) = slot.ssrc
            && let Some(stream) = self.rtc.direct_api().stream_tx(&ssrc)
        {
            stream.write_rtp(write);
            self.written += 1;
        }
    }
}

/// Whether a packet is of STUN (RFC 7983 §7).
fn is_check(packet: &[u8]) -> bool {
    matches!(packet, [0..4, ..])
}

/// Whether a packet is one of RTP (RFC 5761 §4, RFC 7983 §7), and not of RTCP, DTLS or STUN.
fn is_media(packet: &[u8]) -> bool {
    matches!(packet, [128..192, kind, ..] if !(64..96).contains(&(kind & 0x7f)))
}

/// How loud a packet is, as its client says; what is played says nothing, and counts as heard.
fn level_of(kind: Kind, packet: &RtpPacket) -> Level {
    if kind != Kind::Mic {
        return Level::UNTOLD;
    }
    let extensions = &packet.header.ext_vals;
    Told::of(extensions)
        .map_or(Level::UNTOLD, |told| Level { below_db: told.below_db, is_voice: extensions.voice_activity })
}

#[cfg(test)]
mod tests;
