//! What a voice channel is besides who is in it: since when somebody is, what it says it is about, and sounds that are played there.
//! It lasts as long as somebody is in it.

use std::collections::HashMap;

use super::VoicePlace;
use crate::hub::encoding::{Encoding, encode};
use crate::hub::guild::Reach;
use crate::hub::state::{Now, State};
use crate::logic::session::Place;
use crate::model::{
    Audience, ChannelId, ChannelInfo, Dispatch, GuildId, Permissions, UserId, VoiceChannelInfo, VoiceEffect,
    VoiceStart, VoiceStatus,
};

/// Voice channels that somebody is in, or that say something.
pub(in crate::hub) type Rooms = HashMap<ChannelId, Room>;

/// One of them.
#[derive(Debug)]
pub(in crate::hub) struct Room {
    guild: GuildId,
    /// Seconds since 1970.
    since_s: Option<u64>,
    status: Option<String>,
}

impl State {
    /// Somebody came into a channel or left one.
    pub(super) fn note_room(&mut self, now: Now, place: VoicePlace, channel: ChannelId) {
        let VoicePlace::Guild(guild_id) = place else { return };
        let is_empty = self.voices.count_in(place, channel) == 0;
        let audience = Audience::Channel(guild_id, channel);
        if is_empty {
            let Some(room) = self.rooms.remove(&channel) else { return };
            if room.status.is_some() {
                let status = VoiceStatus { id: channel, guild_id, status: None };
                self.tell_unwritten(now, &audience, &Dispatch::VoiceStatus(status));
            }
            let start = VoiceStart { id: channel, guild_id, voice_start_time: None };
            self.tell_unwritten(now, &audience, &Dispatch::VoiceStart(start));
            return;
        }
        let room = self.rooms.entry(channel).or_insert(Room { guild: guild_id, since_s: None, status: None });
        if room.since_s.is_none() {
            room.since_s = Some(now.unix_ms / 1_000);
            let start = VoiceStart { id: channel, guild_id, voice_start_time: room.since_s };
            self.tell_unwritten(now, &audience, &Dispatch::VoiceStart(start));
        }
    }

    /// A guild is gone, and all that was said of its channels.
    pub(super) fn forget_rooms(&mut self, guild: GuildId) {
        self.rooms.retain(|_, room| room.guild != guild);
    }

    /// What a voice channel says it is about from here on.
    pub fn set_voice_status(&mut self, now: Now, guild: GuildId, channel: ChannelId, status: Option<String>) {
        let is_held = self.guilds.get(&guild).is_some_and(|of| of.kind(channel).is_some());
        let room = self.rooms.entry(channel).or_insert(Room { guild, since_s: None, status: None });
        if !is_held || room.status == status {
            if room.since_s.is_none() && room.status.is_none() {
                self.rooms.remove(&channel);
            }
            return;
        }
        room.status.clone_from(&status);
        if room.since_s.is_none() && status.is_none() {
            self.rooms.remove(&channel);
        }
        let told = Dispatch::VoiceStatus(VoiceStatus { id: channel, guild_id: guild, status });
        self.tell_unwritten(now, &Audience::Channel(guild, channel), &told);
    }

    /// Op 43: tells a session of the voice channels that it sees in a guild.
    pub fn show_rooms(&mut self, now: Now, key: u64, guild_id: GuildId) {
        let Some(session) = self.sessions.get(&key).map(|entry| entry.session.clone()) else { return };
        let Some(guild) = self.guilds.get_mut(&guild_id) else { return };
        let Some(seat) = guild.place_of(key) else { return };
        let mut channels: Vec<VoiceChannelInfo> = Vec::new();
        for (id, room) in self.rooms.iter().filter(|(_, room)| room.guild == guild_id) {
            if guild.reaches(Reach::Channel(*id, Permissions::NONE), seat, now.unix_ms) {
                let (status, voice_start_time) = (room.status.clone(), room.since_s);
                channels.push(VoiceChannelInfo { id: *id, status, voice_start_time });
            }
        }
        channels.sort_by_key(|channel| channel.id);
        let info = Dispatch::ChannelInfo(ChannelInfo { guild_id, channels });
        session.push(encode(&info, Place { guild: Some(guild_id), channel: None }, &self.meter));
    }

    /// Plays a sound to everybody in a channel, if who plays it is there and may be heard; whether they are.
    pub fn play_sound(&mut self, now: Now, effect: VoiceEffect) -> bool {
        let place = VoicePlace::Guild(effect.guild_id);
        let may_play = self.voices.get(place, effect.user_id).is_some_and(|occupant| {
            let is_silenced = occupant.member.as_ref().is_some_and(|of| of.mute || of.deaf);
            occupant.channel == effect.channel_id && !is_silenced && !occupant.suppress && !occupant.own.deaf
        });
        if !may_play {
            return false;
        }
        let there = self.voices.of(place).filter(|(_, of)| of.channel == effect.channel_id);
        let users: Vec<UserId> = there.map(|(user, _)| *user).collect();
        let meter = self.meter.clone();
        let dispatch = Dispatch::VoiceEffect(effect);
        let mut encoding = Encoding::new(&dispatch, None, &meter);
        for user in users {
            for session in self.hearing(user, self.commit + 1) {
                if encoding.is_wanted_by(session.owner()) {
                    session.push(encoding.packet_for(session.owner()));
                }
            }
        }
        self.weigh_later(now);
        true
    }
}
