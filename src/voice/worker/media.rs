//! What comes out of connections, and where it goes: sounds and pictures to those whose slots they are in.

use std::net::SocketAddr;
use std::time::Instant;

use str0m::rtp::RtpPacket;

use super::port::SENT_AT_ONCE;
use super::{Link, MAX_PICTURES, PICTURES_TAKE, PICTURES_WAIT, Participant, Worker};
use crate::hub::VoiceReport;
use crate::logic::room::{Delivery, Kind, Level, MemberId, SourceId};
use crate::voice::held::Picture;
use crate::voice::metrics::count;
use crate::voice::peer::PeerEvent;
use crate::voice::stream::Told;

/// Packets of a bot that said nothing of speaking, after which it speaks: half a second.
const SPEAKS_AFTER_PACKETS: u32 = 25;

/// A sound on its way.
struct Heard<'a> {
    seq: u64,
    timestamp: u32,
    level: Level,
    payload: &'a [u8],
    told: Option<Told>,
}

impl Participant {
    /// Whether what it sends of this kind is to be passed on, by what it may do and says of itself.
    pub fn may_send(&self, kind: Kind) -> bool {
        let grant = &self.grant;
        match kind {
            Kind::Mic | Kind::Bot => {
                grant.powers.speak
                    && !grant.is_muted
                    && !grant.self_mute
                    && (grant.is_bot || grant.powers.use_vad || self.ptt)
            }
            Kind::Camera => grant.powers.stream && self.camera,
            Kind::Screen | Kind::ScreenAudio => grant.powers.stream && self.screen && !grant.is_muted,
            Kind::Soundboard => grant.powers.soundboard,
        }
    }

    /// Whether it is sent sound.
    pub fn hears(&self) -> bool {
        !self.grant.is_deaf && !self.grant.self_deaf
    }
}

impl Worker {
    /// Handles what connections said, and what that makes others say, to the end.
    pub(super) fn handle_events(&mut self) {
        while let Some((id, event)) = self.events.pop_front() {
            match event {
                PeerEvent::Connected => self.connected(id),
                PeerEvent::Disconnected => self.media_lost(id),
                PeerEvent::Closed => {
                    self.drop_link(id);
                    self.tell_reconnect(id, "full", "the connection was closed");
                }
                PeerEvent::Audio { kind, level, packet } => self.take_audio(id, kind, level, &packet),
                PeerEvent::Video { kind, facts, packet } => {
                    let of = SourceId { member: id, kind };
                    self.take_video(Picture { of, facts, packet, came: self.now });
                }
                PeerEvent::KeyframeWanted { slot } => {
                    let now_ms = self.now_ms();
                    self.in_room(id, |room| room.keyframe_wanted(now_ms, id, slot));
                }
                PeerEvent::Estimate(bps) => {
                    let now_ms = self.now_ms();
                    if let Some(member) = self.members.get_mut(&id) {
                        member.estimate_bps = Some(bps);
                    }
                    self.in_room(id, |room| room.estimate(now_ms, id, bps));
                    self.set_wanted(id);
                }
            }
        }
    }

    fn connected(&mut self, id: MemberId) {
        let Some(member) = self.members.get_mut(&id) else { return };
        (member.lost_ms, member.connecting_ms, member.was_asked_anew) = (None, None, false);
        self.set_slots(id);
    }

    fn media_lost(&mut self, id: MemberId) {
        let now_ms = self.now_ms();
        let Some(member) = self.members.get_mut(&id) else { return };
        if member.lost_ms.is_none() {
            member.lost_ms = Some(now_ms);
            self.tell_reconnect(id, "ice", "no packets arrive");
        }
    }

    /// Tells a receiver's estimate how much to look for.
    pub(super) fn set_wanted(&mut self, id: MemberId) {
        let channel = self.members.get(&id).map(|member| member.grant.channel);
        let wanted = channel.and_then(|of| self.rooms.get(&of)).map_or(0, |room| room.wanted_bps(id));
        if let Some(Link::Web(peer)) = self.members.get_mut(&id).map(|member| &mut member.link) {
            peer.set_wanted(wanted);
        }
    }

    fn is_admitted(&mut self, id: MemberId, kind: Kind, bytes: usize) -> bool {
        let (now_ms, most) = (self.now_ms(), self.max_bps_per_sender);
        let Some(member) = self.members.get_mut(&id) else { return false };
        if !member.budget.takes(now_ms, bytes, most) {
            count(&self.counters.dropped_budget, 1);
            return false;
        }
        if !member.may_send(kind) {
            count(&self.counters.dropped_muted, 1);
            return false;
        }
        true
    }

    fn take_audio(&mut self, id: MemberId, kind: Kind, level: Level, packet: &RtpPacket) {
        if !self.is_admitted(id, kind, packet.payload.len()) {
            self.pass_over(SourceId { member: id, kind }, *packet.seq_no);
            return;
        }
        let heard = Heard {
            seq: *packet.seq_no,
            timestamp: packet.header.timestamp,
            level,
            payload: &packet.payload,
            told: Told::of(&packet.header.ext_vals),
        };
        self.hear(SourceId { member: id, kind }, &heard);
    }

    /// A packet of a bot, from wherever: the key proves whose it is.
    pub(super) fn take_bot(&mut self, id: MemberId, from: SocketAddr, packet: &[u8]) {
        let now_ms = self.now_ms();
        let Some(member) = self.members.get_mut(&id) else { return };
        let Link::Bot(bot) = &mut member.link else { return };
        let Some(sound) = bot.receive(now_ms, from, packet) else {
            count(&self.counters.dropped_strangers, 1);
            return;
        };
        // A library that reconnects while it plays may say nothing of it again: what goes on and on is speech too.
        member.unannounced += u32::from(!member.has_spoken);
        if member.unannounced >= SPEAKS_AFTER_PACKETS {
            self.take_speaking(id, 1);
        }
        let has_spoken = self.members.get(&id).is_some_and(|member| member.has_spoken);
        self.know(id, str0m::net::Protocol::Udp, from);
        // Sound may overtake the announcement that it comes (API.md §7.54); it is dropped, not punished.
        if !has_spoken || !self.is_admitted(id, Kind::Bot, sound.payload.len()) {
            self.pass_over(SourceId { member: id, kind: Kind::Bot }, sound.seq);
            return;
        }
        let heard = Heard {
            seq: sound.seq,
            timestamp: sound.timestamp,
            level: sound.level,
            payload: &sound.payload,
            told: None,
        };
        self.hear(SourceId { member: id, kind: Kind::Bot }, &heard);
        self.handle_events();
    }

    /// A sound that nobody gets.
    fn pass_over(&mut self, source: SourceId, seq: u64) {
        let channel = self.members.get(&source.member).map(|member| member.grant.channel);
        if let Some(room) = channel.and_then(|of| self.rooms.get_mut(&of)) {
            room.skip(source, seq);
        }
    }

    /// Sends a sound to everybody who gets it.
    fn hear(&mut self, source: SourceId, heard: &Heard<'_>) {
        let now_ms = self.now_ms();
        let Some(channel) = self.members.get(&source.member).map(|member| member.grant.channel) else {
            return;
        };
        let Some(room) = self.rooms.get_mut(&channel) else { return };
        let mut deliveries = std::mem::take(&mut self.heard);
        room.audio(now_ms, source, heard.level, heard.seq, heard.timestamp, &mut deliveries);
        self.settle(channel);
        for delivery in deliveries.drain(..) {
            self.deliver_sound(source, &delivery, heard);
            // What was just sealed is still in the cache, and need not wait for all others.
            if self.out.len() >= SENT_AT_ONCE {
                self.flush();
            }
        }
        self.heard = deliveries;
        self.flush();
    }

    fn deliver_sound(&mut self, source: SourceId, delivery: &Delivery, heard: &Heard<'_>) {
        let (now, now_ms) = (self.now, self.now_ms());
        let Some(member) = self.members.get_mut(&delivery.to) else { return };
        match &mut member.link {
            Link::Web(peer) if peer.is_live => {
                let (mapped, index) = (delivery.mapped, delivery.slot.index);
                self.drive(delivery.to, |peer, out, _| {
                    peer.send_sound(now, index, mapped, heard.payload, heard.told, out);
                });
            }
            Link::Bot(bot) if bot.has_key(now_ms) && matches!(source.kind, Kind::Mic | Kind::Bot) => {
                let ssrc = self.members.get(&source.member).map_or(0, |member| member.ssrc);
                let Some(Link::Bot(bot)) = self.members.get_mut(&delivery.to).map(|member| &mut member.link)
                else {
                    return;
                };
                let is_new = bot.is_to_announce(ssrc);
                let address = bot.address();
                let sealed = bot.seal(delivery.mapped.seq, delivery.mapped.timestamp, ssrc, heard.payload);
                if is_new {
                    self.tell_speaking_to(delivery.to, source.member, true);
                }
                if let (Some(address), Some(sealed)) = (address, sealed) {
                    self.send(str0m::net::Protocol::Udp, address, sealed);
                }
            }
            Link::Web(_) | Link::Bot(_) | Link::None => {}
        }
    }

    /// A packet of a video came: it waits for its turn.
    fn take_video(&mut self, picture: Picture) {
        let of = picture.of;
        if !self.is_admitted(of.member, of.kind, picture.packet.payload.len()) {
            return;
        }
        let Some(member) = self.members.get_mut(&of.member) else { return };
        if member.pictures < MAX_PICTURES {
            member.pictures += 1;
            self.pictures.push_back(picture);
        } else {
            self.leave_out(&picture);
        }
    }

    /// Nobody is sent a packet of a video again that nobody got, so its layer has to begin anew.
    fn leave_out(&mut self, Picture { of, facts, .. }: &Picture) {
        count(&self.counters.dropped_busy, 1);
        let now_ms = self.now_ms();
        self.in_room(of.member, |room| room.left_out(now_ms, *of, facts.layer));
    }

    /// Gives out pictures that came, for a moment.
    pub(super) fn give_pictures(&mut self) {
        let began = Instant::now();
        while let Some(picture) = self.pictures.pop_front() {
            self.give_picture(picture);
            if began.elapsed() >= PICTURES_TAKE {
                break;
            }
        }
    }

    fn give_picture(&mut self, picture: Picture) {
        let Picture { of, facts, .. } = picture;
        let Some(member) = self.members.get_mut(&of.member) else { return };
        member.pictures = member.pictures.saturating_sub(1);
        // Its leave may have been taken from it meanwhile.
        if !member.may_send(of.kind) {
            count(&self.counters.dropped_muted, 1);
            return;
        }
        if self.now.duration_since(picture.came) > PICTURES_WAIT {
            self.leave_out(&picture);
            return;
        }
        let is_awaited = self.show(&picture);
        let member = self.members.get_mut(&of.member);
        let Some(Link::Web(peer)) = member.map(|member| &mut member.link) else { return };
        if is_awaited {
            peer.waiting.hold(picture);
        } else if !peer.waiting.is_empty() {
            // Those who have them already are not sent them again.
            for mut held in peer.waiting.release(of, facts) {
                held.facts.bytes = 0;
                self.show(&held);
            }
        }
    }

    /// Sends a packet of a video to everybody who gets it; whether somebody waits for its layer to begin.
    fn show(&mut self, Picture { of, facts, packet, .. }: &Picture) -> bool {
        let (now, now_ms) = (self.now, self.now_ms());
        let Some(channel) = self.members.get(&of.member).map(|member| member.grant.channel) else {
            return false;
        };
        let Some(room) = self.rooms.get_mut(&channel) else { return false };
        let mut deliveries = std::mem::take(&mut self.seen);
        let is_awaited = room.video(now_ms, *of, *facts, &mut deliveries);
        self.settle(channel);
        for video in deliveries.drain(..) {
            let (to, mapped) = (video.delivery.to, video.delivery.mapped);
            let (index, picture) = (video.delivery.slot.index, video.picture);
            let is_live = self
                .members
                .get(&to)
                .is_some_and(|member| matches!(&member.link, Link::Web(peer) if peer.is_live));
            if is_live {
                self.write(to, |peer| peer.write_video(now, index, mapped, packet, picture));
            }
        }
        self.seen = deliveries;
        is_awaited
    }

    /// Does something in the room that somebody is in, and what follows from it.
    pub(super) fn in_room<T>(
        &mut self,
        id: MemberId,
        act: impl FnOnce(&mut crate::logic::room::Room) -> T,
    ) -> Option<T> {
        let channel = self.members.get(&id)?.grant.channel;
        let result = act(self.rooms.get_mut(&channel)?);
        self.settle(channel);
        Some(result)
    }

    /// Somebody was silent for as long as they may be.
    pub(super) fn report_idle(&mut self, id: MemberId) {
        if let Some(member) = self.members.get(&id) {
            self.reports.push_back(VoiceReport::Idle(member.grant.session.clone()));
        }
    }
}
