//! Sessions: who has leave to be here, what their clients ask for, and when they end (VOICE.md §6).

use std::net::IpAddr;
use std::sync::Arc;

use serde_json::json;
use str0m::net::Protocol;

use super::{Budget, Link, Participant, Worker};
use crate::hub::{Grant, SelfState, VoiceReport};
use crate::logic::room::{Kind, MemberId, SourceId, Want};
use crate::logic::voice_session::{Mode, Offer, RESUMABLE_MS, Select, SelfUpdate, VideoWant, VoiceClose};
use crate::voice::bot::Bot;
use crate::voice::mailbox::Mailbox;
use crate::voice::peer::{BadOffer, Peer};
use crate::voice::{Attached, Command, Said};

/// Milliseconds for which a session stays whose media is lost.
const LOST_STAYS_MS: u64 = 30_000;
/// Milliseconds a new connection may take until media flows, before its client is to make it anew; and over all.
const ANEW_AFTER_MS: u64 = 10_000;
const CONNECT_WITHIN_MS: u64 = 30_000;

impl Worker {
    /// Takes note of what the hub changed: who may no longer be here goes at once.
    pub(super) fn read_desk(&mut self) {
        let desk = Arc::clone(self.hub.desk());
        for (session, grant) in desk.take_changed(self.number) {
            let Some(id) = self.sessions.get(&session).copied() else { continue };
            match grant {
                Some(grant) => self.regrant(id, grant),
                None => self.remove(id, VoiceClose::Disconnected),
            }
        }
    }

    fn regrant(&mut self, id: MemberId, grant: Arc<Grant>) {
        let Some(member) = self.members.get_mut(&id) else { return };
        let idle_after_ms = grant.afk_after_ms;
        member.grant = grant;
        if !member.grant.powers.stream {
            (member.camera, member.screen) = (false, false);
        }
        let hears = member.hears();
        self.in_room(id, |room| {
            room.set_hears(id, hears);
            room.set_idle(id, idle_after_ms);
        });
        self.update_sources(id);
    }

    pub(super) fn obey(&mut self, command: Command) {
        match command {
            // Who asked may be gone by the time of the answer; then their connection detaches.
            Command::Attach { session, from, reply } => _ = reply.send(self.attach(session, from)),
            Command::Resume { session, seq, reply } => _ = reply.send(self.resume(&session, seq)),
            Command::Detach { session, holder } => self.detach(&session, holder),
            Command::Said { session, what } => {
                if let Some(id) = self.sessions.get(&session).copied() {
                    self.hear_client(id, what);
                }
            }
            Command::TcpOpened(from, outlet) => _ = self.tcp.insert(from, outlet),
            Command::Packet(proto, from, packet) => self.take_packet(proto, from, &packet),
            Command::TcpClosed(from) => {
                self.tcp.remove(&from);
                if let Some(id) = self.routes.at(Protocol::Tcp, from) {
                    self.routes.remove_address(id, (Protocol::Tcp, from));
                }
            }
            Command::Probe(number) => self.probe = number,
            #[cfg(test)]
            Command::Panic => panic!("as asked"),
            Command::Stop => self.is_stopping = true,
        }
    }

    fn attach(&mut self, session: Arc<str>, from: IpAddr) -> Option<Attached> {
        let grant = self.hub.desk().grant(&session)?;
        if let Some(id) = self.sessions.get(&session).copied() {
            return self.attach_again(id, from);
        }
        self.last_member += 1;
        let id = self.last_member;
        let ssrc = self.routes.take_ssrc(id);
        let mailbox = Arc::<Mailbox>::default();
        mailbox.hold(1);
        let now_ms = self.now_ms();
        let (channel, is_bot, idle_after_ms) = (grant.channel, grant.is_bot, grant.afk_after_ms);
        let member = Participant {
            mailbox: Arc::clone(&mailbox),
            holders: 1,
            home: from.to_canonical(),
            link: Link::None,
            ssrc,
            ufrag: String::new(),
            asked_from: None,
            answers: 0,
            addresses: Vec::new(),
            camera: false,
            screen: false,
            ptt: false,
            has_spoken: false,
            unannounced: 0,
            detached_ms: None,
            lost_ms: None,
            connecting_ms: None,
            was_asked_anew: false,
            estimate_bps: None,
            budget: Budget::default(),
            is_written: false,
            pictures: 0,
            grant,
        };
        let hears = member.hears();
        self.members.insert(id, member);
        self.sessions.insert(session, id);
        let room = self.rooms.entry(channel).or_default();
        room.join(now_ms, id, is_bot);
        room.set_hears(id, hears);
        room.set_idle(id, idle_after_ms);
        room.set_shed_layers(now_ms, self.shed_layers);
        Some(Attached { mailbox, holder: 1, ssrc })
    }

    /// The same session on a new connection that identifies anew: media begins anew too.
    fn attach_again(&mut self, id: MemberId, from: IpAddr) -> Option<Attached> {
        self.drop_link(id);
        let member = self.members.get_mut(&id)?;
        member.holders += 1;
        member.home = from.to_canonical();
        member.detached_ms = None;
        let mailbox = Arc::<Mailbox>::default();
        mailbox.hold(member.holders);
        // Whoever held the old one is told that the session is no longer theirs.
        member.mailbox.close(VoiceClose::SessionInvalid);
        member.mailbox = Arc::clone(&mailbox);
        Some(Attached { mailbox, holder: member.holders, ssrc: member.ssrc })
    }

    fn resume(&mut self, session: &str, seq: u64) -> Option<Attached> {
        let id = *self.sessions.get(session)?;
        let member = self.members.get_mut(&id)?;
        member.holders += 1;
        if !member.mailbox.resume(member.holders, seq) {
            return None;
        }
        member.detached_ms = None;
        let (mailbox, holder, ssrc) = (Arc::clone(&member.mailbox), member.holders, member.ssrc);
        self.tell_all_slots(id);
        Some(Attached { mailbox, holder, ssrc })
    }

    fn detach(&mut self, session: &str, holder: u32) {
        let now_ms = self.now_ms();
        let Some(member) = self.sessions.get(session).and_then(|id| self.members.get_mut(id)) else { return };
        if member.holders == holder {
            member.detached_ms = Some(now_ms);
        }
    }

    /// Ends sessions whose time is over.
    pub(super) fn expire(&mut self, now_ms: u64) {
        let over =
            |since: Option<u64>, after: u64| since.is_some_and(|at| now_ms.saturating_sub(at) >= after);
        let ended: Vec<MemberId> = self
            .members
            .iter()
            .filter(|(_, member)| {
                over(member.detached_ms, RESUMABLE_MS)
                    || over(member.lost_ms, LOST_STAYS_MS)
                    || over(member.connecting_ms, CONNECT_WITHIN_MS)
            })
            .map(|(id, _)| *id)
            .collect();
        let slow: Vec<MemberId> = self
            .members
            .iter()
            .filter(|(_, member)| !member.was_asked_anew && over(member.connecting_ms, ANEW_AFTER_MS))
            .map(|(id, _)| *id)
            .collect();
        for id in slow {
            if let Some(member) = self.members.get_mut(&id) {
                member.was_asked_anew = true;
                self.tell_reconnect(id, "full", "no media came");
            }
        }
        for id in ended {
            if let Some(member) = self.members.get(&id) {
                self.reports.push_back(VoiceReport::Ended(member.grant.session.clone()));
            }
            self.remove(id, VoiceClose::SessionInvalid);
        }
    }

    /// Ends a session.
    fn remove(&mut self, id: MemberId, close: VoiceClose) {
        self.drop_link(id);
        let now_ms = self.now_ms();
        let Some(member) = self.members.remove(&id) else { return };
        self.sessions.remove(&member.grant.session);
        self.routes.remove_ssrc(member.ssrc);
        member.mailbox.close(close);
        let channel = member.grant.channel;
        if let Some(room) = self.rooms.get_mut(&channel) {
            room.leave(now_ms, id);
        }
        self.settle(channel);
        if self.rooms.get(&channel).is_some_and(|room| room.is_empty()) {
            self.rooms.remove(&channel);
        }
        self.tell_gone(channel, member.grant.user);
    }

    /// Ends the media of a session, which goes on without.
    pub(super) fn drop_link(&mut self, id: MemberId) {
        let Some(member) = self.members.get_mut(&id) else { return };
        member.link = Link::None;
        // What it sent under other keys and numbers is not for those who see its next connection.
        if std::mem::take(&mut member.pictures) > 0 {
            self.pictures.retain(|picture| picture.of.member != id);
        }
        (member.lost_ms, member.connecting_ms) = (None, None);
        self.routes.remove_ufrag(&std::mem::take(&mut member.ufrag));
        for address in std::mem::take(&mut member.addresses) {
            self.routes.remove_address(id, address);
        }
        self.in_room(id, |room| room.forget_slots(id));
        self.update_sources(id);
    }

    fn hear_client(&mut self, id: MemberId, what: Said) {
        match what {
            Said::Select(Select::Udp(mode)) => self.select_udp(id, mode),
            Said::Select(Select::WebRtc(offer)) => self.select_webrtc(id, &offer),
            Said::Offer(offer) => self.take_offer(id, &offer),
            Said::Speaking(bits) => self.take_speaking(id, bits),
            Said::Want(wants) => self.take_wants(id, &wants),
            Said::Own(own) => self.take_own(id, own),
            Said::Quality(_) => self.tell_quality(id),
        }
        self.handle_events();
    }

    fn select_udp(&mut self, id: MemberId, mode: Mode) {
        self.drop_link(id);
        let mut key = [0; 32];
        aws_lc_rs::rand::fill(&mut key).expect("the system's randomness does not fail once it started");
        let now_ms = self.now_ms();
        let Some(member) = self.members.get_mut(&id) else { return };
        let mut bot = Bot::new(now_ms, mode, &key, member.home);
        if let Some(from) = member.asked_from {
            bot.discovered(from);
        }
        member.link = Link::Bot(Box::new(bot));
        member.answers = 0;
        let session = json!({
            "mode": mode.name(),
            "secret_key": key,
            "audio_codec": "opus",
            "video_codec": "VP8",
            "media_session_id": &*member.grant.session,
            "dave_protocol_version": 0,
        });
        member.mailbox.tell(4, &session);
        self.tell_present(id);
        self.in_room(id, |room| room.set_audio_slots(id, 0));
        self.update_sources(id);
    }

    fn select_webrtc(&mut self, id: MemberId, offer: &Offer) {
        // Who tries again is still without media since they first tried.
        let since_ms = self.members.get(&id).and_then(|member| member.connecting_ms);
        self.drop_link(id);
        let mut peer = Peer::new(self.now, Arc::clone(&self.addresses), self.certificate.clone(), offer);
        match peer.negotiate(offer) {
            Ok(sdp) => {
                let now_ms = self.now_ms();
                let ufrag = peer.ufrag();
                let Some(member) = self.members.get_mut(&id) else { return };
                self.due = self.due.min(peer.next);
                member.link = Link::Web(Box::new(peer));
                member.ufrag.clone_from(&ufrag);
                // Before its client is told: what it sends at once over TCP is for the thread that is known by then.
                self.routes.add_ufrag(id, ufrag);
                member.connecting_ms = since_ms.or(Some(now_ms));
                let session = json!({
                    "sdp": sdp,
                    "audio_codec": "opus",
                    "video_codec": "VP8",
                    "media_session_id": &*member.grant.session,
                    "dave_protocol_version": 0,
                    "rev": offer.rev.max(1),
                });
                member.mailbox.tell(4, &session);
                self.tell_present(id);
                self.set_slots(id);
                self.update_sources(id);
            }
            Err(_) => self.tell_bad_offer(id, offer.rev, BadOffer::Unreadable),
        }
    }

    fn take_offer(&mut self, id: MemberId, offer: &Offer) {
        let Some(member) = self.members.get_mut(&id) else { return };
        let Link::Web(peer) = &mut member.link else {
            self.tell_bad_offer(id, offer.rev, BadOffer::Broken);
            return;
        };
        match peer.negotiate(offer) {
            Ok(sdp) => {
                let ufrag = peer.ufrag();
                let old = std::mem::replace(&mut member.ufrag, ufrag.clone());
                self.routes.remove_ufrag(&old);
                self.routes.add_ufrag(id, ufrag);
                member.mailbox.tell(101, &json!({ "rev": offer.rev, "sdp": sdp }));
                let now = self.now;
                self.drive(id, |peer, out, events| peer.pass(now, out, events));
                self.set_slots(id);
                self.update_sources(id);
            }
            Err(bad) => {
                if bad == BadOffer::Broken {
                    self.drop_link(id);
                }
                self.tell_bad_offer(id, offer.rev, bad);
            }
        }
    }

    /// Tells the room how many slots a client offers, and the client what is in them.
    pub(super) fn set_slots(&mut self, id: MemberId) {
        let Some(Link::Web(peer)) = self.members.get(&id).map(|member| &member.link) else { return };
        let (audio, video) = peer.slots();
        self.in_room(id, |room| {
            room.set_audio_slots(id, audio);
            room.set_video_slots(id, video);
        });
        self.tell_all_slots(id);
    }

    pub(super) fn take_speaking(&mut self, id: MemberId, bits: u32) {
        let Some(member) = self.members.get_mut(&id) else { return };
        (member.has_spoken, member.unannounced) = (true, 0);
        if !member.grant.is_bot {
            member.ptt = bits & 1 != 0;
        }
        self.update_sources(id);
        let is_speaking = bits & 0b11 != 0;
        if self.members.get(&id).is_some_and(|member| member.grant.is_bot && member.may_send(Kind::Bot)) {
            self.tell_speaking(id, is_speaking);
        }
    }

    fn take_own(&mut self, id: MemberId, own: SelfUpdate) {
        let Some(member) = self.members.get_mut(&id) else { return };
        (member.camera, member.screen, member.ptt) = (own.camera, own.screen, own.ptt);
        let state = SelfState { mute: own.mute, deaf: own.deaf, video: own.camera, stream: own.screen };
        self.reports.push_back(VoiceReport::Own(member.grant.session.clone(), state));
        self.update_sources(id);
    }

    fn take_wants(&mut self, id: MemberId, wants: &[VideoWant]) {
        let Some(member) = self.members.get(&id) else { return };
        let Link::Web(peer) = &member.link else { return };
        let channel = member.grant.channel;
        let found = |want: &VideoWant| {
            let whose = self
                .members
                .iter()
                .find(|(_, other)| other.grant.channel == channel && other.grant.user == want.user_id)?;
            let kind = Kind::from_client(&want.kind).filter(|kind| kind.is_video())?;
            Some(Want {
                slot: peer.video_slot(&want.mid)?,
                source: SourceId { member: *whose.0, kind },
                height: want.height,
                priority: want.priority,
            })
        };
        let wants: Vec<Want> = wants.iter().filter_map(found).collect();
        let now_ms = self.now_ms();
        let changed = self.in_room(id, |room| room.want(now_ms, id, &wants)).unwrap_or_default();
        self.tell_slots(id, false, &changed);
        self.set_wanted(id);
    }

    /// Brings in line what a session sends with what it offers, says and may.
    pub(super) fn update_sources(&mut self, id: MemberId) {
        let Some(member) = self.members.get(&id) else { return };
        let channel = member.grant.channel;
        let mut wanted: Vec<(Kind, usize)> = match &member.link {
            Link::None => Vec::new(),
            Link::Bot(_) => vec![(Kind::Bot, 1)],
            Link::Web(peer) => peer.sends().collect(),
        };
        // A microphone that is muted keeps its slots; a picture that is not shown is not there.
        wanted.retain(|(kind, _)| matches!(kind, Kind::Mic | Kind::Bot) || member.may_send(*kind));
        let now_ms = self.now_ms();
        let most = self.videos_per_channel;
        let Some(room) = self.rooms.get_mut(&channel) else { return };
        let had: Vec<SourceId> = room.sources_of(id).collect();
        for old in had.iter().filter(|old| !wanted.iter().any(|(kind, _)| *kind == old.kind)) {
            room.remove_source(now_ms, *old);
        }
        for (kind, layers) in wanted {
            let source = SourceId { member: id, kind };
            let videos = room.sources().filter(|of| of.kind.is_video()).count();
            if had.contains(&source) || !kind.is_video() || videos < most {
                room.add_source(now_ms, source, layers);
            }
        }
        let has: Vec<SourceId> = room.sources_of(id).collect();
        if let Some(Link::Web(peer)) = self.members.get_mut(&id).map(|member| &mut member.link) {
            peer.waiting.keep(&has);
        }
        self.settle(channel);
        if had != has {
            self.tell_producers(channel, id);
        }
    }
}
