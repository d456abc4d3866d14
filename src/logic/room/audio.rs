//! Which sounds are sent on, and in which slot each receiver gets them. While there are slots for all, everybody keeps one; with more
//! to hear than slots, who was heard least recently gives theirs up, but nobody that was heard a moment ago.

use super::{
    AUDIO_HZ, AUDIO_SLOT_STEP, AudioSlot, Delivery, Effect, Level, MAX_AUDIO_SLOTS, Mapper, MemberId, Room,
    SLOT_STAYS_MS, SlotId, SourceId,
};

/// Slots of a bot: its streams cost no description, so it may hear more at once.
const MAX_BOT_SLOTS: usize = 32;

impl Room {
    /// How many audio slots a receiver's client offers; those it had keep what they carry.
    pub fn set_audio_slots(&mut self, id: MemberId, count: usize) {
        let Some(member) = self.members.get_mut(&id) else { return };
        while member.audio.len() < count.min(MAX_AUDIO_SLOTS) {
            member.audio.push(AudioSlot { source: None, mapper: Mapper::new(AUDIO_HZ) });
        }
        self.ask_for_slots(id);
        self.fill_audio(id);
    }

    /// All that a receiver's audio slots carry, for a client that knows nothing of them.
    pub fn audio_slots(&self, id: MemberId) -> Vec<(SlotId, Option<SourceId>)> {
        let slots = self.members.get(&id).map_or(&[][..], |member| &member.audio);
        slots
            .iter()
            .enumerate()
            .map(|(index, slot)| (SlotId { is_video: false, index }, slot.source))
            .collect()
    }

    /// A receiver's connection is new: its slots are to be offered again, and their numbers begin anew.
    pub fn forget_slots(&mut self, id: MemberId) {
        if let Some(member) = self.members.get_mut(&id) {
            member.audio.clear();
            member.asked = 0;
            member.video = Default::default();
        }
        self.reroute_audio();
        self.settle_video();
    }

    /// A sound came in: who gets it, with which numbers.
    pub fn audio(
        &mut self,
        now_ms: u64,
        source: SourceId,
        level: Level,
        seq: u64,
        timestamp: u32,
        out: &mut Vec<Delivery>,
    ) {
        self.now_ms = now_ms;
        let Some(held) = self.sources.get_mut(&source) else { return };
        if let Some(is_speaking) = held.activity.hear(now_ms, level)
            && source.kind.is_talk()
        {
            self.effects.push(Effect::Speaking { member: source.member, is_speaking });
        }
        let is_audible = held.activity.is_audible(now_ms);
        if held.activity.last_voice_ms() == Some(now_ms)
            && let Some(member) = self.members.get_mut(&source.member)
        {
            member.last_heard_ms = now_ms;
        }
        if !is_audible || !self.is_among_loudest(source) {
            self.skip(source, seq);
            return;
        }
        self.find_slots(source);
        let Some(routes) = self.routes.get(&source) else { return };
        // Nobody is the last of hundreds each time.
        let (later, first) = routes.split_at(seq as usize % routes.len().max(1));
        for (to, index) in first.iter().chain(later) {
            let Some(slot) = self.members.get_mut(to).and_then(|member| member.audio.get_mut(*index)) else {
                continue;
            };
            if let Some(mapped) = slot.mapper.map(now_ms, seq, timestamp) {
                out.push(Delivery { to: *to, slot: SlotId { is_video: false, index: *index }, mapped });
            }
        }
    }

    /// A sound that is not sent on, as of who is muted, leaves no hole in anybody's numbers.
    pub fn skip(&mut self, source: SourceId, seq: u64) {
        for (to, index) in self.routes.get(&source).into_iter().flatten() {
            if let Some(slot) = self.members.get_mut(to).and_then(|member| member.audio.get_mut(*index)) {
                slot.mapper.skip(seq);
            }
        }
    }

    /// Whether a sound is among those sent on: all that is played, and the loudest of those who talk.
    fn is_among_loudest(&self, source: SourceId) -> bool {
        if !source.kind.is_talk() || self.sources.len() <= MAX_AUDIO_SLOTS {
            return true;
        }
        let Some(own) = self.sources.get(&source).map(|held| held.activity.loudness(self.now_ms)) else {
            return false;
        };
        let louder = self.sources.iter().filter(|(id, held)| {
            id.kind.is_talk() && **id != source && held.activity.loudness(self.now_ms) > own
        });
        louder.count() < MAX_AUDIO_SLOTS
    }

    /// Gives the source a slot at everybody who has none for it, where one may be had.
    fn find_slots(&mut self, source: SourceId) {
        let has_route = |routes: &[(MemberId, usize)], id: MemberId| routes.iter().any(|(to, _)| *to == id);
        let hearing = self.members.iter().filter(|(id, member)| member.hears && **id != source.member);
        let known = self.routes.get(&source).map_or(&[][..], Vec::as_slice);
        if known.len() == hearing.clone().count() {
            return;
        }
        let lacking: Vec<MemberId> = hearing.map(|(id, _)| *id).filter(|id| !has_route(known, *id)).collect();
        for to in lacking {
            self.take_slot(to, source);
        }
    }

    fn take_slot(&mut self, to: MemberId, source: SourceId) {
        let Some(member) = self.members.get_mut(&to) else { return };
        let sources = &self.sources;
        let heard_ms = |slot: &AudioSlot| {
            let held = slot.source.and_then(|of| sources.get(&of));
            held.and_then(|held| held.activity.last_voice_ms()).unwrap_or(0)
        };
        if member.is_bot
            && member.audio.iter().all(|slot| slot.source.is_some())
            && member.audio.len() < MAX_BOT_SLOTS
        {
            member.audio.push(AudioSlot { source: None, mapper: Mapper::new(AUDIO_HZ) });
        }
        let free = member.audio.iter().position(|slot| slot.source.is_none());
        let index = free.or_else(|| {
            let oldest = member.audio.iter().enumerate().min_by_key(|(_, slot)| heard_ms(slot))?;
            (self.now_ms.saturating_sub(heard_ms(oldest.1)) >= SLOT_STAYS_MS).then_some(oldest.0)
        });
        let Some(index) = index else { return };
        let slot = &mut member.audio[index];
        slot.mapper.switch();
        let old = slot.source.replace(source);
        if let Some(routes) = old.and_then(|old| self.routes.get_mut(&old)) {
            routes.retain(|route| *route != (to, index));
        }
        if member.hears {
            self.routes.entry(source).or_default().push((to, index));
        }
        let slots = vec![(SlotId { is_video: false, index }, Some(source))];
        self.effects.push(Effect::Slots { to, slots });
    }

    /// Gives free slots to sounds that have none, so that nobody's first word is lost.
    pub(super) fn fill_audio(&mut self, to: MemberId) {
        let Some(member) = self.members.get(&to) else { return };
        let is_free = member.is_bot || member.audio.iter().any(|slot| slot.source.is_none());
        if !is_free {
            return;
        }
        let carried: Vec<SourceId> = member.audio.iter().filter_map(|slot| slot.source).collect();
        let waiting: Vec<SourceId> = self
            .sources
            .keys()
            .filter(|id| !id.kind.is_video() && id.member != to && !carried.contains(id))
            .copied()
            .collect();
        let free = member.audio.iter().filter(|slot| slot.source.is_none()).count();
        let room = if member.is_bot { MAX_BOT_SLOTS - member.audio.len() + free } else { free };
        for source in waiting.into_iter().take(room) {
            self.take_slot(to, source);
        }
    }

    /// Takes a sound that is gone out of everybody's slots, and gives them to others.
    pub(super) fn free_audio(&mut self, source: SourceId) {
        let mut freed = Vec::new();
        for (id, member) in &mut self.members {
            for (index, slot) in member.audio.iter_mut().enumerate() {
                if slot.source == Some(source) {
                    slot.source = None;
                    freed.push((*id, SlotId { is_video: false, index }));
                }
            }
        }
        for (to, slot) in freed {
            self.effects.push(Effect::Slots { to, slots: vec![(slot, None)] });
            self.fill_audio(to);
        }
    }

    /// Asks a receiver's client for as many slots as there is to hear, in steps.
    pub(super) fn ask_for_slots(&mut self, to: MemberId) {
        let heard = self.sources.keys().filter(|id| !id.kind.is_video() && id.member != to).count();
        let wanted = heard.next_multiple_of(AUDIO_SLOT_STEP).clamp(AUDIO_SLOT_STEP, MAX_AUDIO_SLOTS);
        let Some(member) = self.members.get_mut(&to) else { return };
        // A client that offered none yet is on its way, and offers the first step by itself.
        if member.is_bot || member.audio.is_empty() || member.audio.len() >= wanted || member.asked >= wanted
        {
            return;
        }
        member.asked = wanted;
        self.effects.push(Effect::NeedSlots { to, audio: wanted });
    }

    /// Works out who gets which sound anew.
    pub(super) fn reroute_audio(&mut self) {
        self.routes.retain(|source, _| source.kind.is_video());
        for (to, member) in self.members.iter().filter(|(_, member)| member.hears) {
            for (index, slot) in member.audio.iter().enumerate() {
                if let Some(source) = slot.source {
                    self.routes.entry(source).or_default().push((*to, index));
                }
            }
        }
    }
}
