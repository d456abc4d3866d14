//! What clients are told: the opcodes of VOICE.md §5, into their mailboxes.

use serde_json::{Map, Value, json};

use super::{Link, Worker};
use crate::logic::room::{Effect, Kind, MAX_LAYERS, MemberId, SlotId, SourceId};
use crate::model::{ChannelId, UserId};
use crate::voice::metrics::count;
use crate::voice::peer::BadOffer;

impl Worker {
    /// Does what a room says is to be done.
    pub(super) fn settle(&mut self, channel: ChannelId) {
        let Some(room) = self.rooms.get_mut(&channel) else { return };
        for effect in room.take_effects() {
            match effect {
                Effect::Slots { to, slots } => self.tell_slots(to, false, &slots),
                Effect::NeedSlots { to, audio } => self.tell(to, 107, &json!({ "audio": audio, "video": 0 })),
                Effect::Speaking { member, is_speaking } => self.tell_speaking(member, is_speaking),
                Effect::Keyframe { source, layer } => {
                    count(&self.counters.keyframes_asked, 1);
                    let now = self.now;
                    self.drive(source.member, |peer, out, events| {
                        peer.ask_keyframe(source.kind, layer);
                        peer.pass(now, out, events);
                    });
                }
                Effect::Layers { source, wanted } => self.tell_layers(source, wanted),
                Effect::Video { to, slot, height } => self.tell_video(to, slot, height),
                Effect::Watched { source } => self.tell_producers(channel, source.member),
                Effect::Idle { member } => self.report_idle(member),
            }
        }
    }

    fn tell(&self, to: MemberId, op: u8, data: &Value) {
        if let Some(member) = self.members.get(&to) {
            member.mailbox.tell(op, data);
        }
    }

    fn others_in(&self, channel: ChannelId, but: MemberId) -> impl Iterator<Item = MemberId> {
        self.members
            .iter()
            .filter(move |(id, member)| member.grant.channel == channel && **id != but)
            .map(|(id, _)| *id)
    }

    /// What a slot carries, as its client is told.
    fn shown_slot(&self, to: MemberId, slot: SlotId, source: Option<SourceId>) -> Option<Value> {
        let Link::Web(peer) = &self.members.get(&to)?.link else { return None };
        let mid = peer.mid(slot.is_video, slot.index)?;
        let user = source.and_then(|source| Some(self.members.get(&source.member)?.grant.user));
        let kind = source.map_or(if slot.is_video { Kind::Camera } else { Kind::Mic }, |source| source.kind);
        Some(json!({ "mid": mid, "user_id": user, "kind": kind.name() }))
    }

    /// Op 102.
    pub(super) fn tell_slots(&self, to: MemberId, is_full: bool, slots: &[(SlotId, Option<SourceId>)]) {
        let shown: Vec<Value> =
            slots.iter().filter_map(|(slot, source)| self.shown_slot(to, *slot, *source)).collect();
        if is_full || !shown.is_empty() {
            self.tell(to, 102, &json!({ "full": is_full, "slots": shown }));
        }
    }

    /// Op 102 with every slot.
    pub(super) fn tell_all_slots(&self, to: MemberId) {
        let Some(member) = self.members.get(&to) else { return };
        if !matches!(member.link, Link::Web(_)) {
            return;
        }
        let Some(room) = self.rooms.get(&member.grant.channel) else { return };
        let mut slots = room.audio_slots(to);
        slots.extend(room.video_slots(to));
        self.tell_slots(to, true, &slots);
    }

    /// Op 5 to everybody in the room.
    pub(super) fn tell_speaking(&mut self, whose: MemberId, is_speaking: bool) {
        let Some(channel) = self.members.get(&whose).map(|member| member.grant.channel) else { return };
        let others: Vec<MemberId> = self.others_in(channel, whose).collect();
        for to in others {
            self.tell_speaking_to(to, whose, is_speaking);
        }
    }

    /// Op 5. Bots hear of a beginning alone: what ends shows by its silence. Only what they were told of is known to them: discord.py
    /// says that it is silent when it comes back, and says nothing more where its player did not see that it was away.
    pub(super) fn tell_speaking_to(&mut self, to: MemberId, whose: MemberId, is_speaking: bool) {
        let Some(speaker) = self.members.get(&whose) else { return };
        let (user, ssrc) = (speaker.grant.user, speaker.ssrc);
        let bits = match (is_speaking, speaker.grant.powers.priority && !speaker.grant.is_bot) {
            (false, _) => 0,
            (true, true) => 1 | 4,
            (true, false) => 1,
        };
        let Some(member) = self.members.get_mut(&to) else { return };
        if let Link::Bot(bot) = &mut member.link {
            if !is_speaking {
                return;
            }
            bot.is_to_announce(ssrc);
        }
        member.mailbox.tell(5, &json!({ "user_id": user, "ssrc": ssrc, "speaking": bits }));
    }

    /// Ops 11, 5 and 110 to who came, and 11 to those who were there.
    pub(super) fn tell_present(&mut self, id: MemberId) {
        let Some(member) = self.members.get(&id) else { return };
        let (channel, user) = (member.grant.channel, member.grant.user);
        let others: Vec<MemberId> = self.others_in(channel, id).collect();
        let users: Vec<UserId> =
            others.iter().filter_map(|other| Some(self.members.get(other)?.grant.user)).collect();
        if !users.is_empty() {
            self.tell(id, 11, &json!({ "user_ids": users }));
        }
        for other in &others {
            self.tell(*other, 11, &json!({ "user_ids": [user] }));
        }
        let speaking: Vec<MemberId> =
            self.rooms.get(&channel).map(|room| room.speaking().collect()).unwrap_or_default();
        for speaker in speaking.into_iter().filter(|speaker| *speaker != id) {
            self.tell_speaking_to(id, speaker, true);
        }
        let mut all = Map::new();
        for other in others {
            self.add_producer(other, &mut all);
        }
        if self.members.get(&id).is_some_and(|member| matches!(member.link, Link::Web(_))) {
            self.tell(id, 110, &json!({ "full": true, "users": all }));
        }
    }

    /// Op 13 to those who stay.
    pub(super) fn tell_gone(&self, channel: ChannelId, user: UserId) {
        for to in self.others_in(channel, 0) {
            self.tell(to, 13, &json!({ "user_id": user }));
        }
    }

    fn add_producer(&self, id: MemberId, users: &mut Map<String, Value>) {
        let Some(member) = self.members.get(&id) else { return };
        let room = self.rooms.get(&member.grant.channel);
        let kinds: Vec<Kind> =
            room.map(|room| room.sources_of(id).map(|source| source.kind).collect()).unwrap_or_default();
        let screen = SourceId { member: id, kind: Kind::Screen };
        let shows = |kind| kinds.contains(&kind);
        users.insert(
            member.grant.user.to_string(),
            json!({
                "camera": shows(Kind::Camera),
                "screen": shows(Kind::Screen),
                "screen_audio": shows(Kind::ScreenAudio),
                "watchers": room.map_or(0, |room| room.watchers(screen)),
            }),
        );
    }

    /// Op 110 to everybody: what somebody shows changed, or how many look at it.
    pub(super) fn tell_producers(&self, channel: ChannelId, id: MemberId) {
        let mut users = Map::new();
        self.add_producer(id, &mut users);
        let told = json!({ "full": false, "users": users });
        for to in self.others_in(channel, 0) {
            if self.members.get(&to).is_some_and(|member| matches!(member.link, Link::Web(_))) {
                self.tell(to, 110, &told);
            }
        }
    }

    /// Op 104: which layers of its video anybody wants.
    fn tell_layers(&self, source: SourceId, wanted: [bool; MAX_LAYERS]) {
        let Some(member) = self.members.get(&source.member) else { return };
        let Link::Web(peer) = &member.link else { return };
        let Some((mid, rids)) = peer.track(source.kind) else { return };
        let rids: Map<String, Value> =
            rids.iter().zip(wanted).map(|(rid, wanted)| (rid.clone(), wanted.into())).collect();
        member.mailbox.tell(104, &json!({ "mid": mid, "rids": rids, "any": wanted.contains(&true) }));
    }

    /// Op 109.
    fn tell_video(&self, to: MemberId, slot: usize, height: Option<u32>) {
        let Some(member) = self.members.get(&to) else { return };
        let Link::Web(peer) = &member.link else { return };
        let Some(mid) = peer.mid(true, slot) else { return };
        let state = if height.is_some() { "live" } else { "paused" };
        member.mailbox.tell(109, &json!({ "mid": mid, "state": state, "height": height.unwrap_or(0) }));
    }

    /// Op 105: how to get media back.
    pub(super) fn tell_reconnect(&self, id: MemberId, mode: &str, reason: &str) {
        self.tell(id, 105, &json!({ "mode": mode, "reason": reason }));
    }

    /// Op 101 with what is wrong with an offer; from code 2 on the connection is to be made anew.
    pub(super) fn tell_bad_offer(&self, id: MemberId, rev: u64, bad: BadOffer) {
        let (code, message) = match bad {
            BadOffer::Unreadable => (1, "the description can't be read"),
            BadOffer::Broken => (2, "the description can't be answered; connect anew"),
        };
        self.tell(id, 101, &json!({ "rev": rev, "error": { "code": code, "message": message } }));
    }

    /// Op 108: how the connection looks from here.
    pub(super) fn tell_quality(&self, id: MemberId) {
        let Some(member) = self.members.get(&id) else { return };
        member.mailbox.mention(108, &json!({ "estimate": member.estimate_bps }));
    }
}
