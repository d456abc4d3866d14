//! Who is told who is there. A change is told at once when nothing was told for a while, else with all others of the same half
//! second (SAFETY.md §5.12).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::hub::encoding::encode;
use crate::hub::guild::Guild;
use crate::hub::log::Kept;
use crate::hub::presence::{SessionInfo, Showing, Shown, may_know, merge};
use crate::hub::session::Session;
use crate::hub::state::{Account, Now, Present, State};
use crate::logic::session::{Meter, Packet, Place};
use crate::model::{Dispatch, GuildId, UserId};

/// Milliseconds between two passes over changed presences.
pub const FLUSH_EVERY_MS: u64 = 500;
/// Milliseconds for which an account whose last connection is lost still shows as it was: clients come back within seconds.
pub const OFFLINE_AFTER_MS: u64 = 10_000;
/// Milliseconds after the start before which nobody is told to be offline: everybody is on the way back.
pub const START_GRACE_MS: u64 = 60_000;
/// Friends and DM peers of one account that are told of its presence.
pub const MAX_PEERS: usize = 1_000;

impl State {
    /// Changes what a session shows.
    pub fn show(&mut self, key: u64, showing: Showing) {
        let Some(entry) = self.sessions.get(&key) else { return };
        let user = entry.session.owner().user;
        self.last_change += 1;
        let changed = self.last_change;
        let Some(account) = self.accounts.get_mut(&user) else { return };
        if let Some(present) = account.present.iter_mut().find(|present| present.key == key) {
            (present.part.showing, present.part.changed) = (showing, changed);
            self.stirred.insert(user);
        }
    }

    /// A session's connection is lost; its part of the presence stays for a while.
    pub fn fade(&mut self, now: Now, user: UserId, key: u64) {
        let at = (now.up_ms + OFFLINE_AFTER_MS).max(START_GRACE_MS);
        if self.set_fading(user, key, Some(at)) {
            self.fading.push_back((at, user, key));
        }
    }

    /// Sets or takes back when a part fades; whether it changed from staying to fading.
    pub fn set_fading(&mut self, user: UserId, key: u64, at: Option<u64>) -> bool {
        let Some(account) = self.accounts.get_mut(&user) else { return false };
        let Some(present) = account.present.iter_mut().find(|present| present.key == key) else {
            return false;
        };
        let begins = at.is_some() && present.fades_ms.is_none();
        if begins || at.is_none() {
            present.fades_ms = at;
        }
        begins
    }

    /// Takes the parts whose time has come.
    pub fn fade_out(&mut self, now: Now) {
        while let Some(&(at, user, key)) = self.fading.front()
            && at <= now.up_ms
        {
            self.fading.pop_front();
            if let Some(account) = self.accounts.get_mut(&user) {
                account.present.retain(|present| present.key != key || present.fades_ms != Some(at));
                self.stirred.insert(user);
            }
        }
    }

    /// When the next pass is due.
    pub fn flush_due(&self) -> Option<u64> {
        (!self.stirred.is_empty()).then_some(self.flushed_ms + FLUSH_EVERY_MS)
    }

    /// Works out and tells the presences that changed.
    pub fn flush_if_due(&mut self, now: Now) {
        if self.flush_due().is_none_or(|due| due > now.up_ms) {
            return;
        }
        let mut is_told = false;
        for user in std::mem::take(&mut self.stirred) {
            is_told |= self.settle(now, user);
        }
        if is_told {
            // Who hides does not even make others wait.
            self.flushed_ms = now.up_ms;
        }
        self.weigh_later(now);
    }

    /// Works out an account's presence; whether it was told.
    fn settle(&mut self, now: Now, user: UserId) -> bool {
        let Some(account) = self.accounts.get_mut(&user) else { return false };
        let shown = merge(account.present.iter().map(|present| &present.part));
        let is_told = shown != account.shown;
        if is_told {
            account.shown = shown.clone();
            self.announce(now, user, &shown);
        }
        self.list_sessions(user);
        if self
            .accounts
            .get(&user)
            .is_some_and(|account| account.sessions.is_empty() && account.present.is_empty())
        {
            self.accounts.remove(&user);
        }
        is_told
    }

    fn announce(&mut self, now: Now, user: UserId, shown: &Shown) {
        let Some(account) = self.accounts.get(&user) else { return };
        self.board.set_shown(user, shown, &account.guilds);
        if !self.waiting.is_empty() {
            self.log.push(Kept::Presence(user, account.guilds.iter().copied().collect()));
        }
        let guilds: Vec<GuildId> = account.guilds.iter().copied().collect();
        for id in &guilds {
            if let Some(guild) = self.guilds.get_mut(id) {
                tell_guild(guild, user, shown, self.board.online_count(*id), &self.meter);
                guild.relist_presence(user, shown);
            }
        }
        guilds.into_iter().for_each(|id| self.tell_later(now, id));
        let Some(account) = self.accounts.get(&user).filter(|account| !account.peers.is_empty()) else {
            return;
        };
        let packet = packet(user, shown, None, &self.meter);
        for peer in &account.peers {
            for session in self.hearing(*peer, u64::MAX).filter(|session| !session.owner().is_bot()) {
                session.push(packet.clone());
            }
        }
    }

    /// A member got a seat: those of the guild who do not know of them yet are told.
    pub fn appear(&mut self, now: Now, user: UserId, id: GuildId) {
        let Some(account) = self.accounts.get_mut(&user) else { return };
        let is_new = account.guilds.insert(id);
        if !account.shown.is_online() {
            return;
        }
        self.board.set_in_guild(id, user, true);
        if let Some(guild) = self.guilds.get_mut(&id) {
            guild.relist_presence(user, &account.shown);
            if is_new {
                tell_guild(guild, user, &account.shown, self.board.online_count(id), &self.meter);
            }
        }
        self.tell_later(now, id);
        if is_new {
            if !self.waiting.is_empty() {
                self.log.push(Kept::Presence(user, [id].into()));
            }
            self.weigh_later(now);
        }
    }

    /// From here on these are told of the account's presence outside of guilds, up to the bound. Returns who is new.
    pub fn add_peers(&mut self, user: UserId, peers: Vec<UserId>) -> Vec<UserId> {
        let Some(account) = self.accounts.get_mut(&user) else { return Vec::new() };
        let room = MAX_PEERS.saturating_sub(account.peers.len());
        let others = peers.into_iter().filter(|peer| *peer != user).take(room);
        others.filter(|peer| account.peers.insert(*peer)).collect()
    }

    /// A DM was opened: its owner is told who of the others is there, and they hear of the owner.
    pub fn meet(&mut self, now: Now, user: UserId, peers: Vec<UserId>) {
        let added = self.add_peers(user, peers);
        for peer in added {
            let Some(shown) = self.accounts.get(&peer).map(|account| &account.shown) else { continue };
            if shown.is_online() {
                let packet = packet(peer, shown, None, &self.meter);
                for session in self.hearing(user, self.commit + 1).filter(|session| !session.owner().is_bot())
                {
                    session.push(packet.clone());
                }
            }
        }
        self.weigh_later(now);
    }

    /// Two have nothing to do with each other any more: neither is told of the other's presence outside of guilds, and each goes
    /// offline for the other there.
    pub fn part_ways(&mut self, now: Now, one: UserId, other: UserId) {
        for (user, peer) in [(one, other), (other, one)] {
            let was_told = self.accounts.get_mut(&user).is_some_and(|account| account.peers.remove(&peer));
            if was_told && self.accounts.get(&user).is_some_and(|account| account.shown.is_online()) {
                let packet = packet(user, &Shown::default(), None, &self.meter);
                for session in self.hearing(peer, self.commit + 1).filter(|session| !session.owner().is_bot())
                {
                    session.push(packet.clone());
                }
            }
        }
        self.weigh_later(now);
    }

    /// Tells one session the presences of these accounts, each where it was told, if the session is there too.
    pub fn tell_presences(&self, session: &Arc<Session>, told: &HashMap<UserId, HashSet<GuildId>>) {
        let owner = session.owner();
        let Some(entry) = self.sessions.get(&session.key) else { return };
        let nobody = Account::default();
        let mine = self.accounts.get(&owner.user).unwrap_or(&nobody);
        for (user, guilds) in told.iter().filter(|(user, _)| **user != owner.user) {
            let shown = &self.accounts.get(user).unwrap_or(&nobody).shown;
            let is_awake =
                |id: &GuildId| self.guilds.get(id).is_some_and(|of| !of.is_passive_for(session.key));
            for id in entry.guilds.iter().filter(|id| guilds.contains(id) && is_awake(id)) {
                if may_know(owner.intents, owner.is_bot(), self.board.online_count(*id)) {
                    session.push(packet(*user, shown, Some(*id), &self.meter));
                }
            }
            if mine.peers.contains(user) && !owner.is_bot() {
                session.push(packet(*user, shown, None, &self.meter));
            }
        }
    }

    /// Writes the account's own list of sessions, and tells them when it changed. Bots have no use for it.
    fn list_sessions(&mut self, user: UserId) {
        let Some(account) = self.accounts.get(&user) else { return };
        let info = |present: &Present| {
            let session = &self.sessions.get(&present.key)?.session;
            (present.fades_ms.is_none() && !session.owner().is_bot()).then(|| SessionInfo {
                session_id: session.id().clone(),
                status: present.part.showing.status,
                activities: present.part.showing.activities.clone(),
                client_info: session.owner().client.clone(),
            })
        };
        let list: Arc<[SessionInfo]> = account.present.iter().filter_map(info).collect();
        if list == self.board.sessions_of(user) {
            return;
        }
        self.board.set_sessions(user, list.clone());
        let value = serde_json::to_value(&list).expect("a list of sessions has string keys only");
        let packet = encode(&Dispatch::SessionsReplace(value), Place::default(), &self.meter);
        for session in self.hearing(user, u64::MAX) {
            session.push(packet.clone());
        }
    }
}

fn tell_guild(guild: &Guild, user: UserId, shown: &Shown, online: usize, meter: &Meter) {
    let mut told: Option<Packet> = None;
    for seat in guild.hearers_of_presences(online).filter(|seat| seat.user != user) {
        let owner = seat.session.owner();
        let is_watched = || seat.subscription.as_ref().is_some_and(|of| of.members.contains(&user));
        if !seat.is_passive && (may_know(owner.intents, owner.is_bot(), online) || is_watched()) {
            let packet = told.get_or_insert_with(|| packet(user, shown, Some(guild.id), meter));
            seat.session.push(packet.clone());
        }
    }
}

fn packet(user: UserId, shown: &Shown, guild: Option<GuildId>, meter: &Meter) -> Packet {
    encode(&Dispatch::PresenceUpdate(shown.presence(user, guild)), Place { guild, channel: None }, meter)
}
