//! How sessions come and go: attached while their READY is built, live, detached for a while, resumed or forgotten.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::hub::encoding::Encoding;
use crate::hub::fan_out::reach;
use crate::hub::guild::Guild;
use crate::hub::log::Kept;
use crate::hub::passive::changed_channel;
use crate::hub::presence::{Part, Showing};
use crate::hub::session::{Auth, Connection, NoReplay, Owner, Session};
use crate::hub::state::{Entry, Now, Present, Reconnecting, Stage, State};
use crate::logic::session::{Close, CloseCode, MAX_REPLAY_EVENTS, Meter, Packet};
use crate::model::{
    Audience, Batch, ChannelId, Dispatch, Event, GuildId, GuildSnapshot, Member, MemberEvent, UserId,
};

/// Sessions of one person, detached ones included (API.md §3.1).
pub const MAX_PERSON_SESSIONS: usize = 25;
/// Sessions of one bot, detached ones included: its shards.
pub const MAX_BOT_SESSIONS: usize = 100;
/// Milliseconds for which a session without a connection can be resumed (API.md §3.2).
pub const RESUMABLE_MS: u64 = 300_000;
/// Milliseconds between weighings of the rings.
pub const WEIGH_EVERY_MS: u64 = 1_000;
/// Events that may wait for a reader when memory is short.
const MAX_WAITING_WHEN_SHORT: usize = 64;
/// Bytes of a ring for each event beside the event's own.
const EVENT_COST_BYTES: usize = 16;
/// Milliseconds over which all clients are asked to reconnect, and in how many steps (SAFETY.md §5.12).
const RECONNECT_OVER_MS: u64 = 2_000;
const RECONNECT_STEPS: u64 = 20;

/// The login or bot token is no longer good.
pub(super) const BAD_TOKEN: Close = Close::new(CloseCode::BadToken, "the token is no longer valid");
/// The client is to identify anew: the session is forgotten.
pub(super) const START_OVER: Close = Close::new(CloseCode::Unknown, "identify again");
const FORGOTTEN: Close = Close::new(CloseCode::Unknown, "the session was given up");

/// More live sessions than an account may have.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("more than {MAX_PERSON_SESSIONS} sessions of a person, or {MAX_BOT_SESSIONS} of a bot")]
pub struct TooManySessions;

/// Why a session can't be resumed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotResumable {
    /// Unknown, expired, or events are no longer kept: op 9 `false`.
    #[error("the session is gone, or events since then are")]
    Gone,
    /// Another account's or login's: close with 4004.
    #[error("the session belongs to another login")]
    Foreign,
}

/// What makes an attached session live: its READY, built from a snapshot of the store.
#[derive(Debug)]
pub struct Activation {
    /// The commit of the snapshot. Everything below is as it was then.
    pub commit: u64,
    /// READY, and what follows it before anything else (a bot's guilds, READY_SUPPLEMENTAL); at most 64 MiB.
    pub ready: Vec<Packet>,
    /// The guilds of the account that are this session's shard, each with the membership, its `user` included.
    pub memberships: Vec<(GuildId, Member)>,
    /// Those of the guilds that READY shows without all of their members.
    pub large: Vec<GuildId>,
    /// Those of the guilds that the hub did not [hold](crate::hub::HubHandle::holds).
    pub guilds: Vec<Arc<GuildSnapshot>>,
    /// Friends and those the account has a DM with; empty for bots.
    pub peers: Vec<UserId>,
    /// What the session shows from the start.
    pub showing: Showing,
}

/// What became of an [`Activation`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Activated {
    /// READY is queued, and everything since.
    Live,
    /// Rights changed since the snapshot, or a guild was let go: take a new one. The session waits on.
    Retry,
    /// The connection is gone or the login was revoked; the connection says how to close.
    Gone,
}

impl State {
    /// Makes a session that keeps what happens from here on, for its READY to follow.
    pub fn attach(&mut self, now: Now, id: Arc<str>, owner: Owner) -> Result<Connection, TooManySessions> {
        let limit = if owner.is_bot() { MAX_BOT_SESSIONS } else { MAX_PERSON_SESSIONS };
        if self.accounts.get(&owner.user).is_some_and(|account| account.sessions.len() >= limit) {
            let oldest = self.oldest_detached(owner.user).ok_or(TooManySessions)?;
            self.end(now, oldest, FORGOTTEN);
        }
        self.last_key += 1;
        let key = self.last_key;
        let user = owner.user;
        let session = Session::new(key, id.clone(), owner, &self.errands);
        let connection = session.connect();
        let stage = self.wait(key);
        self.sessions.insert(key, Entry { session, stage, guilds: Vec::new(), detached_ms: None });
        self.by_id.insert(id, key);
        self.accounts.entry(user).or_default().sessions.push(key);
        Ok(connection)
    }

    fn oldest_detached(&self, user: UserId) -> Option<u64> {
        let keys = &self.accounts.get(&user)?.sessions;
        let detached = keys.iter().filter_map(|key| Some((self.sessions.get(key)?.detached_ms?, *key)));
        detached.min().map(|(_, key)| key)
    }

    /// Makes an attached session live, if what its READY says still holds.
    pub fn activate(&mut self, now: Now, key: u64, activation: Activation) -> Activated {
        let Some(entry) = self.sessions.get(&key) else { return Activated::Gone };
        let Stage::Pending { from } = entry.stage else { return Activated::Gone };
        if !entry.session.is_connected() {
            return Activated::Gone;
        }
        let session = entry.session.clone();
        let Some(kept) = self.log.since(from) else { return self.retry(key, from) };
        match outdated(&kept, &activation, session.owner()) {
            Outdated::No => {}
            Outdated::Rights => return self.retry(key, from),
            Outdated::Login => {
                self.end(now, key, BAD_TOKEN);
                return Activated::Gone;
            }
        }
        let Some(loaded) = self.admit_guilds(&activation) else { return self.retry(key, from) };
        self.waiting.remove(&(from, key));
        self.trim_log();
        if self.commit == 0 {
            // Nothing was committed since the start: the first snapshot says where the store stands.
            self.commit = activation.commit;
        }
        if let Some(entry) = self.sessions.get_mut(&key) {
            entry.stage = Stage::Live { since: activation.commit };
        }
        for packet in activation.ready {
            session.push_answer(packet);
        }
        self.greet(key, &session, activation.peers, activation.showing);
        for (guild, member) in activation.memberships {
            if session.owner().holds(Some(guild)) {
                let is_large = activation.large.contains(&guild);
                self.seat(now, key, guild, activation.commit, member, is_large);
            }
        }
        self.catch_up(now, key, &session, activation.commit, &kept, &loaded);
        Activated::Live
    }

    /// Keeps what happens from here on for a session.
    fn wait(&mut self, key: u64) -> Stage {
        let from = self.log.end();
        self.waiting.insert((from, key));
        Stage::Pending { from }
    }

    /// Lets the session wait for another snapshot, taken from here on.
    fn retry(&mut self, key: u64, from: u64) -> Activated {
        self.waiting.remove(&(from, key));
        let stage = self.wait(key);
        if let Some(entry) = self.sessions.get_mut(&key) {
            entry.stage = stage;
        }
        self.trim_log();
        Activated::Retry
    }

    /// Forgets what nobody waits for any more.
    fn trim_log(&mut self) {
        let needed = self.waiting.first().map_or(self.log.end(), |(from, _)| *from);
        self.log.forget_before(needed);
    }

    /// Loads the guilds the session brings, if with them all of its guilds are held, none newer than its READY; tells which.
    fn admit_guilds(&mut self, activation: &Activation) -> Option<Vec<GuildId>> {
        let is_known = |id: &GuildId| match self.guilds.get(id) {
            Some(guild) => guild.loaded <= activation.commit,
            None => activation.guilds.iter().any(|snapshot| snapshot.id == *id),
        };
        if !activation.memberships.iter().all(|(id, _)| is_known(id)) {
            return None;
        }
        let mut loaded = Vec::new();
        let is_seated = |id: GuildId| activation.memberships.iter().any(|(of, _)| *of == id);
        for snapshot in activation.guilds.iter().filter(|snapshot| is_seated(snapshot.id)) {
            if !self.guilds.contains_key(&snapshot.id) {
                self.load(snapshot, activation.commit);
                loaded.push(snapshot.id);
            }
        }
        Some(loaded)
    }

    /// Holds a guild from here on.
    pub fn load(&mut self, snapshot: &GuildSnapshot, commit: u64) {
        self.guilds.insert(snapshot.id, Guild::new(snapshot, commit));
        self.board.hold(snapshot.id);
    }

    /// Gives a session its seat in a guild that is held.
    pub fn seat(&mut self, now: Now, key: u64, id: GuildId, since: u64, member: Member, is_large: bool) {
        let (Some(entry), Some(guild)) = (self.sessions.get_mut(&key), self.guilds.get_mut(&id)) else {
            return;
        };
        if entry.guilds.contains(&id) {
            return;
        }
        entry.guilds.push(id);
        let user = entry.session.owner().user;
        guild.seat(&entry.session, since, member, is_large);
        self.appear(now, user, id);
    }

    /// Takes a session's seat, and lets the guild go with the last one.
    pub fn unseat(&mut self, key: u64, id: GuildId) {
        if let Some(entry) = self.sessions.get_mut(&key) {
            entry.guilds.retain(|held| *held != id);
        }
        if let Some(guild) = self.guilds.get_mut(&id) {
            guild.unseat(key);
            if guild.seats().is_empty() {
                self.guilds.remove(&id);
                self.board.release(id);
            }
        }
    }

    /// Counts the session among those that make its account's presence.
    fn greet(&mut self, key: u64, session: &Arc<Session>, peers: Vec<UserId>, showing: Showing) {
        self.last_change += 1;
        let user = session.owner().user;
        let part = Part { showing, kind: session.owner().client.kind, changed: self.last_change };
        if let Some(account) = self.accounts.get_mut(&user) {
            account.present.push(Present { key, part, fades_ms: None });
        }
        // READY has their presences.
        self.add_peers(user, peers);
        self.stirred.insert(user);
    }

    /// Tells a session what happened since its snapshot.
    fn catch_up(
        &mut self,
        now: Now,
        key: u64,
        session: &Arc<Session>,
        commit: u64,
        kept: &[Kept],
        loaded: &[GuildId],
    ) {
        let mut missed: HashMap<GuildId, Vec<ChannelId>> = HashMap::new();
        let mut told: HashMap<UserId, HashSet<GuildId>> = HashMap::new();
        for kept in kept {
            match kept {
                Kept::Batch(batch) if batch.commit > commit => {
                    self.replay(now, key, session, batch, loaded, &mut missed);
                }
                Kept::Batch(_) => {}
                Kept::Presence(user, guilds) => told.entry(*user).or_default().extend(guilds.iter()),
                Kept::Voice { guild, user, old, new } => {
                    self.catch_up_voice(now, session, *guild, *user, [*old, *new]);
                }
            }
        }
        for (id, channels) in missed {
            if let Some(guild) = self.guilds.get_mut(&id) {
                let voices = self.board.voice_states(id);
                guild.tell_passive_one(key, &channels, &voices, now.unix_ms, &self.meter);
            }
        }
        self.tell_presences(session, &told);
    }

    /// Tells what of a batch the session would have been told. Guilds it `loaded` itself hear of the batch only here. Channels of
    /// which it was told nothing, being passive there, are `missed`.
    fn replay(
        &mut self,
        now: Now,
        key: u64,
        session: &Arc<Session>,
        batch: &Batch,
        loaded: &[GuildId],
        missed: &mut HashMap<GuildId, Vec<ChannelId>>,
    ) {
        let owner = session.owner();
        let guilds = self.sessions.get(&key).map(|entry| entry.guilds.clone()).unwrap_or_default();
        for event in &batch.events {
            match event {
                Event::Dispatch(Audience::User(user), dispatch) if *user == owner.user => {
                    self.replay_own(session, dispatch);
                }
                Event::Dispatch(Audience::Users(users), dispatch) if users.contains(&owner.user) => {
                    self.replay_own(session, dispatch);
                }
                Event::Dispatch(audience, dispatch) => {
                    let Some(guild) = guild_of(audience).and_then(|id| self.guilds.get_mut(&id)) else {
                        continue;
                    };
                    let Some(place) = guild.place_of(key) else { continue };
                    if loaded.contains(&guild.id) {
                        // By now only newest messages, pins and other people's memberships.
                        guild.apply(batch.commit, dispatch);
                    }
                    let reach = reach(guild, audience, dispatch);
                    if !guild.reaches(reach, place, now.unix_ms) {
                        continue;
                    }
                    if guild.hears(place, dispatch) {
                        tell_one(session, dispatch, Some(guild), &self.meter);
                    } else if let Some(channel) = changed_channel(dispatch) {
                        missed.entry(guild.id).or_default().push(channel);
                    }
                }
                Event::UserChanged(user) => {
                    for id in &guilds {
                        let Some(guild) = self.guilds.get(id) else { continue };
                        let Some(member) = guild.member(user.id) else { continue };
                        let event = MemberEvent { guild_id: *id, member: member.clone() };
                        let dispatch = Dispatch::MemberUpdate(event);
                        if guild.place_of(key).is_some_and(|place| guild.hears(place, &dispatch)) {
                            tell_one(session, &dispatch, Some(guild), &self.meter);
                        }
                    }
                }
                Event::GuildState(_)
                | Event::GuildGone(_)
                | Event::SessionsRevoked(_)
                | Event::BotRevoked(_) => {}
            }
        }
    }

    fn replay_own(&self, session: &Arc<Session>, dispatch: &Dispatch) {
        tell_one(session, dispatch, None, &self.meter);
    }

    /// Gives a session to a new connection, and tells it what its client missed.
    pub fn resume(
        &mut self,
        now: Now,
        id: &str,
        user: UserId,
        auth: Auth,
        seq: u64,
    ) -> Result<Connection, NotResumable> {
        let key = *self.by_id.get(id).ok_or(NotResumable::Gone)?;
        let entry = self.sessions.get_mut(&key).ok_or(NotResumable::Gone)?;
        let owner = entry.session.owner();
        if owner.user != user || owner.auth != auth {
            return Err(NotResumable::Foreign);
        }
        if let Stage::Pending { .. } = entry.stage {
            return Err(NotResumable::Gone);
        }
        match entry.session.resume(seq) {
            Ok(connection) => {
                entry.detached_ms = None;
                entry.session.push_answer(Packet::of("RESUMED", r#"{"_trace":[]}"#));
                self.set_voice_away(key, user, None);
                self.set_fading(user, key, None);
                self.stirred.insert(user);
                Ok(connection)
            }
            Err(NoReplay::FromTheFuture) => Err(NotResumable::Gone),
            Err(NoReplay::Lost) => {
                self.end(now, key, FORGOTTEN);
                Err(NotResumable::Gone)
            }
        }
    }

    /// Looks at the sessions whose connections are gone.
    pub fn depart(&mut self, now: Now) {
        for key in self.errands.take_departed() {
            let Some(entry) = self.sessions.get_mut(&key) else { continue };
            if entry.session.is_connected() {
                continue;
            }
            if entry.session.is_over() || matches!(entry.stage, Stage::Pending { .. }) {
                self.end(now, key, FORGOTTEN);
            } else if entry.detached_ms.is_none() {
                entry.detached_ms = Some(now.up_ms);
                let user = entry.session.owner().user;
                self.detached.push_back((now.up_ms, key));
                self.set_voice_away(key, user, Some(now.up_ms));
                self.fade(now, user, key);
                self.stirred.insert(user);
            }
        }
    }

    /// Ends a session for good.
    pub fn end(&mut self, now: Now, key: u64, close: Close) {
        let Some(entry) = self.sessions.remove(&key) else { return };
        entry.session.end(close);
        self.by_id.remove(entry.session.id());
        let user = entry.session.owner().user;
        self.end_voice_of(now, key, user);
        for id in &entry.guilds {
            self.unseat(key, *id);
        }
        if let Some(account) = self.accounts.get_mut(&user) {
            account.sessions.retain(|of| *of != key);
        }
        self.fade(now, user, key);
        self.stirred.insert(user);
        if let Stage::Pending { from } = entry.stage {
            self.waiting.remove(&(from, key));
            self.trim_log();
        }
    }

    /// Asks every client to reconnect, over 2 s.
    pub fn reconnect_all(&mut self, now: Now) {
        let keys: Vec<u64> = self.sessions.keys().copied().collect();
        let at_once = keys.len().div_ceil(RECONNECT_STEPS as usize).max(1);
        self.reconnecting = Some(Reconnecting { keys, at_once, next_ms: now.up_ms });
    }

    /// Does what is due.
    pub fn tick(&mut self, now: Now) {
        self.expire(now);
        self.expire_voice(now);
        self.fade_out(now);
        self.flush_if_due(now);
        self.tell_subscribed(now);
        if self.weigh_ms.is_some_and(|due| due <= now.up_ms) {
            self.weigh_ms = None;
            self.keep_within_budget(now);
        }
        if let Some(reconnecting) = self.reconnecting.as_mut().filter(|of| of.next_ms <= now.up_ms) {
            let from = reconnecting.keys.len().saturating_sub(reconnecting.at_once);
            for key in reconnecting.keys.drain(from..) {
                if let Some(entry) = self.sessions.get(&key) {
                    entry.session.ask_to_reconnect();
                }
            }
            reconnecting.next_ms = now.up_ms + RECONNECT_OVER_MS / RECONNECT_STEPS;
            self.reconnecting.take_if(|of| of.keys.is_empty());
        }
    }

    /// When [`tick`](Self::tick) has something to do next, in milliseconds since the start.
    pub fn next_deadline(&self) -> Option<u64> {
        let expiry = self.detached.front().map(|(at, _)| at + RESUMABLE_MS);
        let fading = self.fading.front().map(|(at, ..)| *at);
        let reconnecting = self.reconnecting.as_ref().map(|of| of.next_ms);
        let away = self.away.front().map(|(at, ..)| *at);
        let due =
            [expiry, fading, away, self.flush_due(), self.subscriptions_due(), self.weigh_ms, reconnecting];
        due.into_iter().flatten().min()
    }

    fn expire(&mut self, now: Now) {
        while let Some(&(at, key)) = self.detached.front()
            && at + RESUMABLE_MS <= now.up_ms
        {
            self.detached.pop_front();
            self.end_if_detached_at(now, at, key);
        }
    }

    fn end_if_detached_at(&mut self, now: Now, at: u64, key: u64) {
        if self.sessions.get(&key).is_some_and(|entry| entry.detached_ms == Some(at)) {
            self.end(now, key, FORGOTTEN);
        }
    }

    /// Something was queued, so the rings are to be weighed before long.
    pub fn weigh_later(&mut self, now: Now) {
        self.weigh_ms.get_or_insert(now.up_ms + WEIGH_EVERY_MS);
    }

    fn ring_bytes(&self) -> usize {
        let events: usize = self.sessions.values().map(|entry| entry.session.events()).sum();
        self.meter.bytes() + events * EVENT_COST_BYTES
    }

    /// Gives memory back when the rings hold too much: detached sessions go first, oldest before newer; then every replay gets
    /// shorter, and readers that are behind are cut off.
    fn keep_within_budget(&mut self, now: Now) {
        if self.meter.bytes() + self.sessions.len() * MAX_REPLAY_EVENTS * EVENT_COST_BYTES
            <= self.ring_budget_bytes
        {
            return;
        }
        while self.ring_bytes() > self.ring_budget_bytes {
            let Some((at, key)) = self.detached.pop_front() else { break };
            self.end_if_detached_at(now, at, key);
        }
        if self.ring_bytes() <= self.ring_budget_bytes {
            return;
        }
        for entry in self.sessions.values() {
            entry.session.halve_replay();
            entry.session.cut_if_behind(MAX_WAITING_WHEN_SHORT);
        }
        self.weigh_later(now);
    }
}

fn tell_one(session: &Arc<Session>, dispatch: &Dispatch, guild: Option<&Guild>, meter: &Meter) {
    let mut encoding = Encoding::new(dispatch, guild, meter);
    let owner = session.owner();
    if owner.holds(encoding.place().guild) && encoding.is_wanted_by(owner) {
        session.push(encoding.packet_for(owner));
    }
}

fn guild_of(audience: &Audience) -> Option<GuildId> {
    match audience {
        Audience::Guild(id)
        | Audience::GuildHolding(id, _)
        | Audience::Channel(id, _)
        | Audience::ChannelHolding(id, _, _) => Some(*id),
        Audience::Users(_) | Audience::User(_) => None,
    }
}

/// Whether a READY still holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outdated {
    No,
    /// What the account may see changed since, or where it is a member.
    Rights,
    /// What it was identified by was revoked.
    Login,
}

fn outdated(kept: &[Kept], activation: &Activation, owner: &Owner) -> Outdated {
    let mut result = Outdated::No;
    for kept in kept {
        let Kept::Batch(batch) = kept else { continue };
        if batch.commit <= activation.commit {
            continue;
        }
        for event in &batch.events {
            match outdated_by(event, activation, owner) {
                Outdated::No => {}
                Outdated::Rights => result = Outdated::Rights,
                Outdated::Login => return Outdated::Login,
            }
        }
    }
    result
}

fn outdated_by(event: &Event, activation: &Activation, owner: &Owner) -> Outdated {
    let is_member = |id: GuildId| activation.memberships.iter().any(|(of, _)| *of == id);
    let is_own = |user: Option<UserId>| user == Some(owner.user);
    let changes_rights = match event {
        Event::SessionsRevoked(logins) => {
            let is_revoked = matches!(owner.auth, Auth::Person(login) if logins.contains(&login));
            return if is_revoked { Outdated::Login } else { Outdated::No };
        }
        Event::BotRevoked(application) => {
            let is_revoked = owner.auth == Auth::Bot(*application);
            return if is_revoked { Outdated::Login } else { Outdated::No };
        }
        Event::GuildGone(id) => is_member(*id),
        Event::GuildState(_) | Event::UserChanged(_) => false,
        Event::Dispatch(audience, dispatch) => match dispatch {
            Dispatch::GuildCreate(_) | Dispatch::GuildDelete(_) => match audience {
                Audience::User(user) => *user == owner.user,
                Audience::Users(users) => users.contains(&owner.user),
                _ => guild_of(audience).is_some_and(is_member),
            },
            Dispatch::GuildUpdate(_)
            | Dispatch::RoleCreate(_)
            | Dispatch::RoleUpdate(_)
            | Dispatch::RoleDelete(_)
            | Dispatch::ChannelCreate(_)
            | Dispatch::ChannelUpdate(_)
            | Dispatch::ChannelDelete(_) => guild_of(audience).is_some_and(is_member),
            Dispatch::MemberAdd(event) | Dispatch::MemberUpdate(event) => {
                is_own(event.member.user.as_ref().map(|user| user.id))
            }
            Dispatch::MemberRemove(event) => is_own(Some(event.user.id)),
            _ => false,
        },
    };
    if changes_rights { Outdated::Rights } else { Outdated::No }
}
