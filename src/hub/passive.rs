//! Guilds a session does not look at (API.md §3.6): what of them it is told all the same, and what it is told now and then instead
//! of every message.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::hub::encoding::encode;
use crate::hub::guild::{Guild, Seat};
use crate::hub::role_sets::{RoleSets, SetIndex};
use crate::hub::session::Session;
use crate::logic::session::{Meter, Packet, Place};
use crate::model::{ChannelId, Dispatch, Message, PassiveChannel, PassiveUpdate, RoleId, UserId, VoiceState};

/// Milliseconds between two updates of a passive guild.
pub const PASSIVE_EVERY_MS: u64 = 5_000;

/// What is still to be told to those who are passive in a guild.
#[derive(Debug, Default)]
pub(super) struct Passive {
    /// How many sessions are.
    pub seats: u32,
    /// Channels in which something was posted or pinned since they were told, each with the last commit that did.
    changed: BTreeMap<ChannelId, u64>,
    /// Who came into voice, left it or is otherwise there, with the channels they were in since.
    voices: BTreeMap<UserId, BTreeSet<ChannelId>>,
    /// The same of the update before.
    told_voices: BTreeMap<UserId, BTreeSet<ChannelId>>,
    /// When they are told.
    pub due_ms: Option<u64>,
}

/// Whom of those that see it a dispatch is told.
#[derive(Clone, Copy)]
pub(super) enum Hearers<'a> {
    /// All of them.
    All,
    /// Who looks at the guild.
    Awake,
    /// Who looks at the guild, and has not said that typing is of no use.
    AwakeToTyping,
    /// Who looks at the guild, and those it mentions.
    Mentioned(&'a Message),
    /// Who looks at the guild, and whom it is about.
    Concerned(UserId),
}

impl<'a> Hearers<'a> {
    /// Those of a dispatch.
    pub fn of(dispatch: &'a Dispatch) -> Self {
        match dispatch {
            Dispatch::MessageCreate(event) => Self::Mentioned(&event.message),
            Dispatch::MessageUpdate(_)
            | Dispatch::MessageDelete(_)
            | Dispatch::MessageDeleteBulk(_)
            | Dispatch::ReactionAdd(_)
            | Dispatch::ReactionRemove(_)
            | Dispatch::ReactionRemoveAll(_)
            | Dispatch::ReactionRemoveEmoji(_)
            | Dispatch::PinsUpdate(_)
            | Dispatch::PresenceUpdate(_) => Self::Awake,
            Dispatch::VoiceStateUpdate(state) => Self::Concerned(state.user_id),
            Dispatch::TypingStart(_) => Self::AwakeToTyping,
            Dispatch::MemberAdd(event) | Dispatch::MemberUpdate(event) => {
                event.member.user.as_ref().map_or(Self::Awake, |user| Self::Concerned(user.id))
            }
            Dispatch::MemberRemove(event) => Self::Concerned(event.user.id),
            _ => Self::All,
        }
    }

    /// Whether who sits here is one.
    pub fn hold(self, seat: &Seat, sets: &RoleSets) -> bool {
        match self {
            Self::All => true,
            Self::Awake => !seat.is_passive,
            Self::AwakeToTyping => {
                let typing = seat.subscription.as_ref().and_then(|subscription| subscription.typing);
                !seat.is_passive && typing != Some(false)
            }
            Self::Mentioned(message) => {
                !seat.is_passive || mentions(message, seat.user, sets.roles(seat.set))
            }
            Self::Concerned(user) => !seat.is_passive || seat.user == user,
        }
    }
}

fn mentions(message: &Message, user: UserId, roles: &[RoleId]) -> bool {
    message.mention_everyone
        || message.mentions.iter().any(|mention| mention.user.id == user)
        || message.mention_roles.iter().any(|role| roles.contains(role))
}

/// The channel whose newest message or pin a dispatch changes, where those who are passive are told of that alone.
pub(super) fn changed_channel(dispatch: &Dispatch) -> Option<ChannelId> {
    match dispatch {
        Dispatch::MessageCreate(event) => Some(event.message.channel_id),
        Dispatch::PinsUpdate(event) => Some(event.channel_id),
        _ => None,
    }
}

impl Guild {
    /// Whether a session is passive here.
    pub fn is_passive_for(&self, key: u64) -> bool {
        self.place_of(key).is_some_and(|place| self.seats[place].is_passive)
    }

    /// Keeps what a dispatch of a commit changes for those who are passive.
    pub fn keep_for_passive(&mut self, commit: u64, dispatch: &Dispatch) {
        if self.passive.seats > 0
            && let Some(channel) = changed_channel(dispatch)
        {
            self.passive.changed.insert(channel, commit);
        }
    }

    /// Keeps for those who are passive that somebody went from one voice channel to another.
    pub fn keep_voice_for_passive(&mut self, user: UserId, channels: [Option<ChannelId>; 2]) {
        if self.passive.seats > 0 {
            self.passive.voices.entry(user).or_default().extend(channels.into_iter().flatten());
        }
    }

    /// When the next update is due, if there will be one and none is due yet. Updates come at fixed times, so that none tells by its
    /// time of what happens out of sight (SAFETY.md I-1); different ones for different guilds.
    pub fn passive_due(&mut self, now_ms: u64) -> Option<u64> {
        let is_quiet = self.passive.changed.is_empty() && self.passive.voices.is_empty();
        if is_quiet || self.passive.due_ms.is_some() {
            return None;
        }
        let phase = (self.id.get() >> 22) % PASSIVE_EVERY_MS;
        let since = (now_ms + PASSIVE_EVERY_MS - phase) % PASSIVE_EVERY_MS;
        self.passive.due_ms = Some(now_ms + PASSIVE_EVERY_MS - since);
        self.passive.due_ms
    }

    /// Tells all who are passive what changed since the last time. `voices` are all who are in voice.
    pub fn tell_passive(&mut self, voices: &[VoiceState], now_ms: u64, meter: &Meter) {
        self.passive.due_ms = None;
        let changed = std::mem::take(&mut self.passive.changed);
        let moved = std::mem::take(&mut self.passive.voices);
        let change = Change::of(&changed, &moved, voices);
        self.fill_masks(&change.places);
        let mut by_set: HashMap<SetIndex, News> = HashMap::new();
        let mut packets: HashMap<News, Packet> = HashMap::new();
        for seat in self.seats.iter().filter(|seat| seat.is_passive) {
            let news = || self.news_for(seat, &change, now_ms);
            // Some of it may be in the READY of who came lately.
            let is_plain = self.is_plain(seat, &change.places)
                && !moved.contains_key(&seat.user)
                && changed.values().all(|commit| *commit > seat.since);
            let news = if is_plain { by_set.entry(seat.set).or_insert_with(news).clone() } else { news() };
            if news != News::default() {
                let packet =
                    packets.entry(news).or_insert_with_key(|news| self.passive_packet(news, &change, meter));
                seat.session.push(packet.clone());
            }
        }
        self.passive.told_voices = moved;
    }

    /// Tells one session what it has not been told yet; `also` beside what the others are told before long.
    pub fn tell_passive_one(
        &mut self,
        key: u64,
        also: &[ChannelId],
        voices: &[VoiceState],
        now_ms: u64,
        meter: &Meter,
    ) {
        let mut changed = self.passive.changed.clone();
        changed.extend(also.iter().map(|id| (*id, u64::MAX)));
        let moved = self.passive.voices.clone();
        self.tell_news(key, &Change::of(&changed, &moved, voices), now_ms, meter);
    }

    fn tell_news(&mut self, key: u64, change: &Change<'_>, now_ms: u64, meter: &Meter) {
        self.fill_masks(&change.places);
        let Some(seat) = self.place_of(key).map(|place| &self.seats[place]) else { return };
        let news = self.news_for(seat, change, now_ms);
        if news != News::default() {
            seat.session.push(self.passive_packet(&news, change, meter));
        }
    }

    /// What of a change concerns who sits here; of themself in voice they are told at once.
    fn news_for(&self, seat: &Seat, change: &Change<'_>, now_ms: u64) -> News {
        let seen = self.viewed(seat, &change.places, now_ms);
        // The replica may be behind a READY.
        let fresh = change.changed.iter().filter(|(_, commit)| **commit > seat.since);
        let mut news = News {
            channels: fresh.map(|(id, _)| *id).filter(|id| seen.contains(id)).collect(),
            ..News::default()
        };
        for (user, channels) in change.moved.iter().filter(|(user, _)| **user != seat.user) {
            let is_shown = change
                .voices
                .get(user)
                .and_then(|state| state.channel_id)
                .is_some_and(|id| seen.contains(&id));
            if is_shown {
                news.there.push(*user);
            } else if channels.iter().any(|id| seen.contains(id)) {
                news.gone.push(*user);
            }
        }
        news
    }

    fn passive_packet(&self, news: &News, change: &Change<'_>, meter: &Meter) -> Packet {
        let updated = news.channels.iter().filter_map(|id| {
            let held = self.channels.get(id)?;
            let (last_message_id, last_pin_timestamp) = (held.last_message, held.last_pin);
            Some(PassiveChannel { id: *id, last_message_id, last_pin_timestamp })
        });
        let there = news.there.iter().filter_map(|user| change.voices.get(user).copied());
        let update = PassiveUpdate {
            guild_id: self.id,
            updated_channels: updated.collect(),
            updated_members: there.clone().filter_map(|state| state.member.clone()).collect(),
            updated_voice_states: there.cloned().collect(),
            removed_voice_states: news.gone.clone(),
        };
        let place = Place { guild: Some(self.id), channel: None };
        encode(&Dispatch::PassiveUpdate(Box::new(update)), place, meter)
    }

    /// An update that waits for a session may name channels it no longer views: all that it still views is told in its place.
    pub fn renew_passive(
        &mut self,
        session: &Arc<Session>,
        voices: &[VoiceState],
        now_ms: u64,
        meter: &Meter,
    ) {
        if session.drop_named(self.id, "PASSIVE_UPDATE_V2") {
            let all = self.channels.keys().map(|id| (*id, u64::MAX)).collect();
            let moved = self.passive.told_voices.clone();
            self.tell_news(session.key, &Change::of(&all, &moved, voices), now_ms, meter);
        }
    }

    /// Makes a session passive or wakes it.
    pub fn set_passive(&mut self, place: usize, is_passive: bool) {
        let seat = &mut self.seats[place];
        let is_passive = is_passive && seat.is_drowsy;
        self.passive.seats += u32::from(is_passive);
        self.passive.seats -= u32::from(std::mem::replace(&mut seat.is_passive, is_passive));
        if self.passive.seats == 0 {
            self.passive.changed.clear();
            self.passive.voices.clear();
        }
    }
}

/// What happened since the last update.
struct Change<'a> {
    changed: &'a BTreeMap<ChannelId, u64>,
    moved: &'a BTreeMap<UserId, BTreeSet<ChannelId>>,
    /// Who of those that moved is in voice, and how.
    voices: HashMap<UserId, &'a VoiceState>,
    /// Every channel that is spoken of.
    places: Vec<ChannelId>,
}

impl<'a> Change<'a> {
    fn of(
        changed: &'a BTreeMap<ChannelId, u64>,
        moved: &'a BTreeMap<UserId, BTreeSet<ChannelId>>,
        voices: &'a [VoiceState],
    ) -> Self {
        let voices: HashMap<UserId, &VoiceState> = voices
            .iter()
            .filter(|state| moved.contains_key(&state.user_id))
            .map(|state| (state.user_id, state))
            .collect();
        let there = voices.values().filter_map(|state| state.channel_id);
        let places: BTreeSet<ChannelId> =
            changed.keys().chain(moved.values().flatten()).copied().chain(there).collect();
        Self { changed, moved, places: places.into_iter().collect(), voices }
    }
}

/// What of it one session is told.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
struct News {
    channels: Vec<ChannelId>,
    there: Vec<UserId>,
    gone: Vec<UserId>,
}
