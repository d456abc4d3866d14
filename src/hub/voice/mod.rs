//! Who is in voice, and what they may do there. Joining, moving and leaving take their turn among commits, and are decided by the
//! replica's rights of that moment; a change of rights takes effect here before the next event is told (SAFETY.md §3.2). Nothing of
//! it is durable: after a restart clients join again.

mod calls;
mod desk;
mod rooms;
mod telling;

use std::collections::HashMap;
use std::sync::Arc;

pub(super) use calls::Calls;
pub use calls::Conversation;
pub use desk::{Desk, Grant, MAX_MEDIA_THREADS, Powers, VoicePlace, VoiceSetup, VoiceToken};
pub(super) use rooms::Rooms;

use crate::hub::guild::Guild;
use crate::hub::session_id;
use crate::hub::state::{Now, State};
use crate::model::{
    ChannelId, ChannelKind, Dispatch, GuildId, Member, Permissions, Timestamp, UserId, VoiceServer,
    VoiceState,
};

/// Milliseconds for which somebody stays in voice whose gateway connection is lost (API.md §6.1).
pub const AWAY_MS: u64 = 60_000;

/// What somebody says of themself in voice.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SelfState {
    /// Sends no sound.
    pub mute: bool,
    /// Wants to hear nothing.
    pub deaf: bool,
    /// Shows a camera.
    pub video: bool,
    /// Shows a screen.
    pub stream: bool,
}

/// Somebody in voice.
#[derive(Debug)]
pub(super) struct Occupant {
    pub channel: ChannelId,
    /// The gateway session that joined.
    key: u64,
    session: Arc<str>,
    token: VoiceToken,
    is_bot: bool,
    own: SelfState,
    member: Option<Member>,
    powers: Powers,
    /// Only listens: the audience of a stage, or the channel for the absent.
    suppress: bool,
    request_to_speak: Option<Timestamp>,
    /// A moderator put them there, so the right to connect is not asked of them.
    is_brought: bool,
    /// Since when their gateway connection is lost.
    away_ms: Option<u64>,
}

/// Everybody in voice.
#[derive(Debug, Default)]
pub(super) struct Voices {
    places: HashMap<VoicePlace, HashMap<UserId, Occupant>>,
    /// Where each account is: one place for people.
    by_user: HashMap<UserId, Vec<VoicePlace>>,
}

impl Voices {
    fn get(&self, place: VoicePlace, user: UserId) -> Option<&Occupant> {
        self.places.get(&place)?.get(&user)
    }

    fn get_mut(&mut self, place: VoicePlace, user: UserId) -> Option<&mut Occupant> {
        self.places.get_mut(&place)?.get_mut(&user)
    }

    fn remove(&mut self, place: VoicePlace, user: UserId) -> Option<Occupant> {
        let held = self.places.get_mut(&place)?;
        let occupant = held.remove(&user)?;
        if held.is_empty() {
            self.places.remove(&place);
        }
        if let Some(places) = self.by_user.get_mut(&user) {
            places.retain(|of| *of != place);
            if places.is_empty() {
                self.by_user.remove(&user);
            }
        }
        Some(occupant)
    }

    fn insert(&mut self, place: VoicePlace, user: UserId, occupant: Occupant) {
        if self.places.entry(place).or_default().insert(user, occupant).is_none() {
            self.by_user.entry(user).or_default().push(place);
        }
    }

    fn of(&self, place: VoicePlace) -> impl Iterator<Item = (&UserId, &Occupant)> {
        self.places.get(&place).into_iter().flatten()
    }

    fn places_of(&self, user: UserId) -> Vec<VoicePlace> {
        self.by_user.get(&user).cloned().unwrap_or_default()
    }

    fn count_in(&self, place: VoicePlace, channel: ChannelId) -> usize {
        self.of(place).filter(|(_, occupant)| occupant.channel == channel).count()
    }
}

/// What a channel makes of who comes into it.
struct Entry {
    powers: Powers,
    suppress: bool,
    afk_after_ms: Option<u64>,
}

impl Entry {
    fn of(guild: &Guild, channel: ChannelId, held: Permissions) -> Self {
        let kind = guild.kind(channel);
        let is_afk = guild.afk().is_some_and(|(afk, _)| afk == channel);
        let powers = Powers {
            speak: held.contains(Permissions::SPEAK) || kind == Some(ChannelKind::Stage),
            stream: held.contains(Permissions::STREAM),
            use_vad: held.contains(Permissions::USE_VAD) || kind == Some(ChannelKind::Stage),
            priority: held.contains(Permissions::PRIORITY_SPEAKER),
            soundboard: held.contains(Permissions::USE_SOUNDBOARD | Permissions::SPEAK),
        };
        let afk_after_ms = guild.afk().filter(|_| !is_afk && kind == Some(ChannelKind::Voice));
        Self {
            powers,
            suppress: is_afk || kind == Some(ChannelKind::Stage),
            afk_after_ms: afk_after_ms.map(|(_, seconds)| u64::from(seconds) * 1_000),
        }
    }
}

impl State {
    /// Op 4 with a channel of a guild. Without the right, or where it is full, nothing happens (API.md §6.1).
    pub fn join_voice(&mut self, now: Now, key: u64, id: GuildId, channel: ChannelId, own: SelfState) {
        let Some(session) = self.sessions.get(&key).map(|entry| entry.session.clone()) else { return };
        let (user, is_bot, place) = (session.owner().user, session.owner().is_bot(), VoicePlace::Guild(id));
        let Some(guild) = self.guilds.get_mut(&id) else { return };
        if !guild.kind(channel).is_some_and(ChannelKind::is_voice) {
            return;
        }
        let held = guild.rights_of(user, channel, now.unix_ms);
        let limit = guild.channel(channel).and_then(|channel| channel.user_limit).unwrap_or(0) as usize;
        let current = self.voices.get(place, user);
        if current.is_some_and(|at| at.channel == channel && at.key == key) {
            self.set_own(now, place, user, own, true);
            return;
        }
        let is_there = current.is_some_and(|at| at.channel == channel);
        let count = self.voices.count_in(place, channel);
        let is_full = !is_there && limit > 0 && count >= limit && !held.contains(Permissions::MOVE_MEMBERS);
        let cap = self.desk.setup().map_or(0, |setup| setup.members_per_channel);
        if !held.contains(Permissions::CONNECT) || is_full || (!is_there && count >= cap) {
            return;
        }
        let entry = Entry::of(guild, channel, held);
        let member = guild.member(user).cloned();
        if !is_bot {
            for other in self.voices.places_of(user).into_iter().filter(|other| *other != place) {
                self.leave_voice(now, other, user);
            }
        }
        let own = SelfState { video: own.video && entry.powers.stream, stream: false, ..own };
        self.enter_voice(now, place, user, entry, |session, token, entry| Occupant {
            channel,
            key,
            session,
            token,
            is_bot,
            own,
            member,
            powers: entry.powers,
            suppress: entry.suppress,
            request_to_speak: None,
            is_brought: false,
            away_ms: None,
        });
    }

    /// Puts somebody into a channel with a session and a token of their own, and tells everybody, then them where to connect.
    fn enter_voice(
        &mut self,
        now: Now,
        place: VoicePlace,
        user: UserId,
        entry: Entry,
        make: impl FnOnce(Arc<str>, VoiceToken, &Entry) -> Occupant,
    ) {
        let old = self.voices.remove(place, user);
        if let Some(old) = &old {
            self.desk.remove(&old.session);
        }
        let occupant = make(session_id(), VoiceToken::generate(), &entry);
        let channel = occupant.channel;
        self.voices.insert(place, user, occupant);
        self.grant(place, user, entry.afk_after_ms);
        let left = old.map(|old| old.channel);
        self.tell_both(now, place, user, left);
        for channel in left.into_iter().chain([channel]) {
            self.note_room(now, place, channel);
        }
    }

    /// What somebody says of themself changed. Op 4 with nothing new asks for the server again.
    pub fn set_own(&mut self, now: Now, place: VoicePlace, user: UserId, own: SelfState, is_asked: bool) {
        let Some(occupant) = self.voices.get_mut(place, user) else { return };
        // Op 4 knows nothing of screens.
        let stream = if is_asked { occupant.own.stream } else { own.stream };
        let may = occupant.powers.stream;
        let own = SelfState { video: own.video && may, stream: stream && may, ..own };
        let channel = occupant.channel;
        let is_new = std::mem::replace(&mut occupant.own, own) != own;
        if !is_new && !is_asked {
            return;
        }
        self.regrant(place, user);
        if is_new {
            self.tell_voice(now, place, user, Some(channel));
        } else {
            self.tell_both(now, place, user, Some(channel));
        }
    }

    /// Takes somebody out of voice.
    pub fn leave_voice(&mut self, now: Now, place: VoicePlace, user: UserId) {
        let Some(occupant) = self.voices.remove(place, user) else { return };
        self.desk.remove(&occupant.session);
        self.tell_left(now, place, user, &occupant);
        self.note_room(now, place, occupant.channel);
    }

    /// Op 4 without a channel: the session leaves where it is, if it is the one that joined or its account's only one.
    pub fn leave_voice_by(&mut self, now: Now, key: u64, guild: Option<GuildId>) {
        let Some(user) = self.sessions.get(&key).map(|entry| entry.session.owner().user) else { return };
        for place in self.voices.places_of(user) {
            if guild.is_none_or(|id| place == VoicePlace::Guild(id)) {
                self.leave_voice(now, place, user);
            }
        }
    }

    /// A moderator moves somebody who is in voice, or takes them out. Whether they were there.
    pub fn move_voice(&mut self, now: Now, id: GuildId, user: UserId, to: Option<ChannelId>) -> bool {
        let place = VoicePlace::Guild(id);
        let Some(occupant) = self.voices.get(place, user) else { return false };
        let Some(channel) = to else {
            self.leave_voice(now, place, user);
            return true;
        };
        if occupant.channel == channel {
            return true;
        }
        let (key, is_bot, own, away_ms) = (occupant.key, occupant.is_bot, occupant.own, occupant.away_ms);
        let Some(guild) = self.guilds.get_mut(&id) else { return false };
        if !guild.kind(channel).is_some_and(ChannelKind::is_voice) {
            return true;
        }
        let held = guild.rights_of(user, channel, now.unix_ms);
        let entry = Entry::of(guild, channel, held);
        let member = guild.member(user).cloned();
        self.enter_voice(now, place, user, entry, |session, token, entry| Occupant {
            channel,
            key,
            session,
            token,
            is_bot,
            own: SelfState { video: false, stream: false, ..own },
            member,
            powers: entry.powers,
            suppress: entry.suppress,
            request_to_speak: None,
            is_brought: true,
            away_ms,
        });
        true
    }

    /// Somebody said nothing for so long that they count as absent.
    pub fn idle_voice(&mut self, now: Now, session: &str) {
        let Some(grant) = self.desk.grant(session) else { return };
        if let VoicePlace::Guild(id) = grant.place
            && let Some((afk, _)) = self.guilds.get(&id).and_then(Guild::afk)
        {
            self.move_voice(now, id, grant.user, Some(afk));
        }
    }

    /// On a stage: makes somebody a speaker or audience, or notes that they would like to speak.
    pub fn set_stage(
        &mut self,
        now: Now,
        id: GuildId,
        user: UserId,
        suppress: Option<bool>,
        request: Option<Option<Timestamp>>,
    ) {
        let place = VoicePlace::Guild(id);
        let Some(occupant) = self.voices.get_mut(place, user) else { return };
        if let Some(suppress) = suppress {
            occupant.suppress = suppress;
            if !suppress {
                occupant.request_to_speak = None;
            }
        }
        if let Some(request) = request {
            occupant.request_to_speak = request;
        }
        let channel = occupant.channel;
        self.regrant(place, user);
        self.tell_voice(now, place, user, Some(channel));
    }

    /// Media ended for good: its session is over.
    pub fn lose_voice(&mut self, now: Now, session: &str) {
        if let Some(grant) = self.desk.grant(session) {
            self.leave_voice(now, grant.place, grant.user);
        }
    }

    /// What somebody's client says over its voice connection.
    pub fn set_own_by(&mut self, now: Now, session: &str, own: SelfState) {
        if let Some(grant) = self.desk.grant(session) {
            self.set_own(now, grant.place, grant.user, own, false);
        }
    }

    /// The rights, members or channels of a guild changed: who may no longer be where they are leaves, and media hears what is left
    /// to the others.
    pub fn recheck_voice(&mut self, now: Now, id: GuildId) {
        let place = VoicePlace::Guild(id);
        let users: Vec<UserId> = self.voices.of(place).map(|(user, _)| *user).collect();
        for user in users {
            let (Some(guild), Some(occupant)) = (self.guilds.get_mut(&id), self.voices.get_mut(place, user))
            else {
                continue;
            };
            let (channel, is_timed_out) = (occupant.channel, guild.is_timed_out(user, now.unix_ms));
            let held = guild.rights_of(user, channel, now.unix_ms);
            let may_stay = guild.kind(channel).is_some()
                && !is_timed_out
                && (occupant.is_brought || held.contains(Permissions::CONNECT));
            if !may_stay {
                self.leave_voice(now, place, user);
                continue;
            }
            let entry = Entry::of(guild, channel, held);
            let is_stage = guild.kind(channel) == Some(ChannelKind::Stage);
            let member = guild.member(user).cloned();
            let flags = |member: &Option<Member>| member.as_ref().map(|of| (of.mute, of.deaf));
            let was = (flags(&occupant.member), occupant.own, occupant.suppress);
            occupant.member = member;
            occupant.powers = entry.powers;
            if !is_stage {
                occupant.suppress = entry.suppress;
            }
            if !entry.powers.stream {
                (occupant.own.video, occupant.own.stream) = (false, false);
            }
            let is_told = was != (flags(&occupant.member), occupant.own, occupant.suppress);
            self.grant(place, user, entry.afk_after_ms);
            if is_told {
                self.tell_voice(now, place, user, Some(channel));
            }
        }
    }

    /// A gateway session is over: who joined by it leaves.
    pub fn end_voice_of(&mut self, now: Now, key: u64, user: UserId) {
        for place in self.voices.places_of(user) {
            if self.voices.get(place, user).is_some_and(|occupant| occupant.key == key) {
                self.leave_voice(now, place, user);
            }
        }
    }

    /// A gateway session lost its connection, or has one again.
    pub fn set_voice_away(&mut self, key: u64, user: UserId, since_ms: Option<u64>) {
        for place in self.voices.places_of(user) {
            if let Some(occupant) = self.voices.get_mut(place, user).filter(|occupant| occupant.key == key) {
                occupant.away_ms = since_ms;
                if let Some(since_ms) = since_ms {
                    self.away.push_back((since_ms + AWAY_MS, place, user));
                }
            }
        }
    }

    /// Takes out whose gateway connection is lost for too long.
    pub fn expire_voice(&mut self, now: Now) {
        while let Some(&(due_ms, place, user)) = self.away.front()
            && due_ms <= now.up_ms
        {
            self.away.pop_front();
            let since = self.voices.get(place, user).and_then(|occupant| occupant.away_ms);
            if since.is_some_and(|since| since + AWAY_MS <= now.up_ms) {
                self.leave_voice(now, place, user);
            }
        }
    }

    /// A guild is gone: nobody is told.
    pub fn dissolve_voice(&mut self, id: GuildId) {
        self.forget_rooms(id);
        let place = VoicePlace::Guild(id);
        let users: Vec<UserId> = self.voices.of(place).map(|(user, _)| *user).collect();
        for user in users {
            if let Some(occupant) = self.voices.remove(place, user) {
                self.desk.remove(&occupant.session);
            }
            self.board.set_voice(id, user, None);
        }
    }

    fn regrant(&mut self, place: VoicePlace, user: UserId) {
        let Some(occupant) = self.voices.get(place, user) else { return };
        let afk_after_ms = self.desk.grant(&occupant.session).and_then(|grant| grant.afk_after_ms);
        self.grant(place, user, afk_after_ms);
    }

    fn grant(&self, place: VoicePlace, user: UserId, afk_after_ms: Option<u64>) {
        let Some(occupant) = self.voices.get(place, user) else { return };
        let (mute, deaf) = occupant.member.as_ref().map_or((false, false), |of| (of.mute, of.deaf));
        self.desk.put(Grant {
            session: occupant.session.clone(),
            token: occupant.token.clone(),
            user,
            place,
            channel: occupant.channel,
            is_bot: occupant.is_bot,
            powers: occupant.powers,
            is_muted: mute || occupant.suppress,
            is_deaf: deaf,
            self_mute: occupant.own.mute,
            self_deaf: occupant.own.deaf,
            afk_after_ms,
        });
    }

    /// Tells where somebody is, and their session where to connect, the two together: discord.py waits without end for the second where
    /// it comes a moment after the first.
    fn tell_both(&mut self, now: Now, place: VoicePlace, user: UserId, left: Option<ChannelId>) {
        let entry = self.voices.get(place, user).and_then(|occupant| self.sessions.get(&occupant.key));
        let _together = entry.map(|entry| entry.session.hold());
        self.tell_voice(now, place, user, left);
        self.tell_server(place, user);
    }

    /// Tells the session that joined where to connect, and by what token.
    fn tell_server(&self, place: VoicePlace, user: UserId) {
        let Some(occupant) = self.voices.get(place, user) else { return };
        let Some(entry) = self.sessions.get(&occupant.key) else { return };
        let channel_id = match place {
            VoicePlace::Guild(_) => None,
            VoicePlace::Call(id) => Some(id),
        };
        let server = VoiceServer {
            token: occupant.token.reveal().to_owned(),
            guild_id: place.guild(),
            channel_id,
            endpoint: self.desk.setup().map(|setup| setup.endpoint.to_string()),
        };
        let placed = crate::logic::session::Place { guild: place.guild(), channel: None };
        entry.session.push(crate::hub::encoding::encode(
            &Dispatch::VoiceServerUpdate(server),
            placed,
            &self.meter,
        ));
    }
}

/// An occupant as others see it.
fn shown(place: VoicePlace, user: UserId, occupant: &Occupant) -> VoiceState {
    let (mute, deaf) = occupant.member.as_ref().map_or((false, false), |of| (of.mute, of.deaf));
    VoiceState {
        guild_id: place.guild(),
        channel_id: Some(occupant.channel),
        user_id: user,
        session_id: occupant.session.to_string(),
        member: occupant.member.clone(),
        deaf,
        mute,
        self_deaf: occupant.own.deaf,
        self_mute: occupant.own.mute,
        self_video: occupant.own.video,
        self_stream: occupant.own.stream.then_some(true),
        suppress: occupant.suppress,
        request_to_speak_timestamp: occupant.request_to_speak,
    }
}
