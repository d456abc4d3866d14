//! Who hears of who is in voice: those who see the channel. Who saw the one that was left and not the one that was entered is told
//! of a leaving (API.md §6.1); who could see neither hears nothing.

use std::collections::HashSet;
use std::sync::Arc;

use super::{Occupant, VoicePlace, shown};
use crate::hub::encoding::Encoding;
use crate::hub::guild::Reach;
use crate::hub::log::Kept;
use crate::hub::passive::Hearers;
use crate::hub::session::Session;
use crate::hub::state::{Now, State};
use crate::model::{ChannelId, Dispatch, GuildId, Permissions, UserId, VoiceState};

impl State {
    /// Tells of somebody who is in voice; `old` is the channel they were told to be in before, if any.
    pub(super) fn tell_voice(&mut self, now: Now, place: VoicePlace, user: UserId, old: Option<ChannelId>) {
        let Some(state) = self.voices.get(place, user).map(|occupant| shown(place, user, occupant)) else {
            return;
        };
        self.publish_voice(now, place, state, old);
    }

    /// Tells of somebody who left.
    pub(super) fn tell_left(&mut self, now: Now, place: VoicePlace, user: UserId, occupant: &Occupant) {
        let old = occupant.channel;
        self.publish_voice(now, place, gone(shown(place, user, occupant)), Some(old));
    }

    fn publish_voice(&mut self, now: Now, place: VoicePlace, state: VoiceState, old: Option<ChannelId>) {
        let id = match place {
            VoicePlace::Guild(id) => id,
            VoicePlace::Call(channel) => return self.publish_in_call(now, channel, state),
        };
        let (user, new) = (state.user_id, state.channel_id);
        self.board.set_voice(id, user, new.is_some().then(|| state.clone()));
        if !self.waiting.is_empty() {
            self.log.push(Kept::Voice { guild: id, user, old, new });
        }
        let commit = self.commit + 1;
        let meter = self.meter.clone();
        let Some(guild) = self.guilds.get_mut(&id) else { return };
        guild.keep_voice_for_passive(user, [old, new]);
        let hearers = Hearers::Concerned(user);
        let mut told: HashSet<u64> = HashSet::new();
        if new.is_some() {
            let dispatch = Dispatch::VoiceStateUpdate(state.clone());
            let mut encoding = Encoding::new(&dispatch, Some(guild), &meter);
            let mut tell = |session: &Arc<Session>| {
                if told.insert(session.key) && encoding.is_wanted_by(session.owner()) {
                    session.push(encoding.packet_for(session.owner()));
                }
            };
            for seat in guild.seats().iter().filter(|seat| seat.user == user && seat.since < commit) {
                tell(&seat.session);
            }
            if let Some(channel) = new {
                let reach = Reach::Channel(channel, Permissions::NONE);
                guild.for_each(reach, hearers, commit, now.unix_ms, |seat| tell(&seat.session));
            }
        }
        let dispatch = Dispatch::VoiceStateUpdate(gone(state));
        let mut encoding = Encoding::new(&dispatch, Some(guild), &meter);
        let mut tell = |session: &Arc<Session>| {
            if told.insert(session.key) && encoding.is_wanted_by(session.owner()) {
                session.push(encoding.packet_for(session.owner()));
            }
        };
        for seat in guild.seats().iter().filter(|seat| seat.user == user && seat.since < commit) {
            tell(&seat.session);
        }
        if let Some(channel) = old {
            let reach = Reach::Channel(channel, Permissions::NONE);
            guild.for_each(reach, hearers, commit, now.unix_ms, |seat| tell(&seat.session));
        }
        self.tell_later(now, id);
        self.weigh_later(now);
    }

    /// Tells a session that came to see channels, or lost them from sight, of who is in them.
    pub fn tell_voice_in(
        &self,
        session: &Arc<Session>,
        id: GuildId,
        gained: &[ChannelId],
        lost: &[ChannelId],
    ) {
        let place = VoicePlace::Guild(id);
        for (user, occupant) in self.voices.of(place).filter(|(user, _)| **user != session.owner().user) {
            let state = if gained.contains(&occupant.channel) {
                shown(place, *user, occupant)
            } else if lost.contains(&occupant.channel) {
                gone(shown(place, *user, occupant))
            } else {
                continue;
            };
            self.tell_state(session, state);
        }
    }

    /// Tells a session whose READY may be behind of what became of somebody in voice.
    pub fn catch_up_voice(
        &mut self,
        now: Now,
        session: &Arc<Session>,
        id: GuildId,
        user: UserId,
        channels: [Option<ChannelId>; 2],
    ) {
        let place = VoicePlace::Guild(id);
        let current = self.voices.get(place, user).map(|occupant| shown(place, user, occupant));
        let Some(guild) = self.guilds.get_mut(&id) else { return };
        let Some(seat) = guild.place_of(session.key) else { return };
        let mut sees = |channel: Option<ChannelId>| {
            channel.is_some_and(|channel| {
                guild.reaches(Reach::Channel(channel, Permissions::NONE), seat, now.unix_ms)
            })
        };
        let is_own = session.owner().user == user;
        let is_shown = current.as_ref().is_some_and(|state| is_own || sees(state.channel_id));
        let knew = is_own || channels.into_iter().any(&mut sees);
        match current {
            Some(state) if is_shown => self.tell_state(session, state),
            Some(state) if knew => self.tell_state(session, gone(state)),
            None if knew => {
                let state = VoiceState { guild_id: Some(id), user_id: user, ..VoiceState::default() };
                self.tell_state(session, state);
            }
            Some(_) | None => {}
        }
    }

    fn tell_state(&self, session: &Arc<Session>, state: VoiceState) {
        let dispatch = Dispatch::VoiceStateUpdate(state);
        let mut encoding = Encoding::new(&dispatch, None, &self.meter);
        if encoding.is_wanted_by(session.owner()) {
            session.push(encoding.packet_for(session.owner()));
        }
    }
}

/// The state as who can't see the channel is told it: left, and nothing of how they are now.
fn gone(state: VoiceState) -> VoiceState {
    VoiceState {
        channel_id: None,
        self_video: false,
        self_stream: None,
        suppress: false,
        request_to_speak_timestamp: None,
        ..state
    }
}
