//! What of big guilds sessions look at (API.md §3.6): taken in their turn, dropped with the right to view, and told at fixed times.

use std::sync::Arc;

use crate::hub::guild::Guild;
use crate::hub::member_list::{MAX_LISTED, MAX_WITH_OFFLINE, Wanted};
use crate::hub::presence::Shown;
use crate::hub::session::Session;
use crate::hub::state::{Now, State};
use crate::logic::session::Meter;
use crate::logic::session::client_frame::{GuildSubscription, Rows};
use crate::model::{Dispatch, GuildId, Member, UserId};

/// Milliseconds between two passes over changed member lists.
pub const LISTS_EVERY_MS: u64 = 500;
/// Channels of one guild whose member lists a session looks at; more are left out.
pub const MAX_LISTS_AT_ONCE: usize = 4;

/// Everybody in a guild, as of a commit.
#[derive(Debug)]
pub struct Roster {
    /// The guild.
    pub guild: GuildId,
    /// The commit of the snapshot they were read from.
    pub commit: u64,
    /// The members, each with `user`.
    pub members: Vec<Member>,
}

impl State {
    /// Takes what a session looks at in these guilds. Returns those to be asked for again: their member list takes a [`Roster`] that
    /// was not brought or was too old, the rest being taken, or the session's READY is ahead of what was told so far.
    pub fn subscribe(
        &mut self,
        now: Now,
        key: u64,
        subscriptions: &[GuildSubscription],
        mut rosters: Vec<Roster>,
    ) -> Vec<GuildId> {
        let mut missing = Vec::new();
        for subscription in subscriptions {
            let id = subscription.guild_id;
            let room = self.room_for_lists();
            let Some(guild) = self.guilds.get_mut(&id) else { continue };
            let Some(place) = guild.place_of(key) else { continue };
            if guild.seats[place].since > self.commit {
                // What it was told in its READY is to be true here before what it may look at is decided.
                missing.push(id);
                continue;
            }
            if guild.seats[place].is_passive && !subscription.is_empty() {
                let voices = self.board.voice_states(id);
                guild.tell_passive_one(key, &[], &voices, now.unix_ms, &self.meter);
            }
            guild.set_passive(place, subscription.is_empty());
            guild.seats[place].subscription =
                (!subscription.is_empty()).then(|| Box::new(subscription.clone()));
            guild.watch(key);
            guild.forget_unseen(place, now.unix_ms);
            if let Some(kept) = &mut guild.seats[place].subscription {
                kept.channels.truncate(MAX_LISTS_AT_ONCE);
            }
            let session = guild.seats[place].session.clone();
            let wanted = guild.wanted(place);
            if wanted.is_empty() {
                guild.unfollow(key);
                continue;
            }
            if guild.lists.is_none() {
                let newest = guild.members_changed.max(self.users_changed);
                let brought = rosters.iter().position(|roster| roster.guild == id && roster.commit >= newest);
                let members = match brought {
                    _ if guild.member_count > MAX_WITH_OFFLINE => None,
                    Some(at) => Some(rosters.swap_remove(at).members),
                    None => {
                        missing.push(id);
                        continue;
                    }
                };
                let accounts = &self.accounts;
                let shown = |user: UserId| -> Option<Shown> {
                    accounts.get(&user).map(|account| account.shown.clone()).filter(Shown::is_online)
                };
                guild.begin_lists(members, shown);
            }
            guild.follow(&session, &wanted, true, room, &self.meter);
            self.weigh_later(now);
        }
        missing
    }

    /// Rights may have changed by a dispatch: nobody goes on reading what they no longer see (SAFETY.md §3.4). `losers` are the
    /// sessions that lost channels by it.
    pub fn review(&mut self, now: Now, id: GuildId, dispatch: &Dispatch, losers: &[Arc<Session>]) {
        let Some(guild) = self.guilds.get(&id) else { return };
        if losers.is_empty() && (guild.lists.is_none() || !decides_views(dispatch)) {
            return;
        }
        let (room, voices) = (self.room_for_lists(), self.board.voice_states(id));
        if let Some(guild) = self.guilds.get_mut(&id) {
            for session in losers {
                guild.renew_passive(session, &voices, now.unix_ms, &self.meter);
            }
            guild.review_subscriptions(room, now, &self.meter);
        }
    }

    /// Members that may still be listed.
    fn room_for_lists(&self) -> usize {
        MAX_LISTED.saturating_sub(self.guilds.values().map(Guild::listed).sum())
    }

    /// Something happened in a guild: who looks at it, and who does not, are told before long.
    pub fn tell_later(&mut self, now: Now, id: GuildId) {
        let Some(guild) = self.guilds.get_mut(&id) else { return };
        if guild.has_unlisted_changes() {
            self.lists_to_tell.insert(id);
            // Fixed times, so that none tells of what happens out of sight (SAFETY.md I-1).
            self.lists_due.get_or_insert((now.up_ms / LISTS_EVERY_MS + 1) * LISTS_EVERY_MS);
        }
        if let Some(due) = guild.passive_due(now.up_ms) {
            self.passive_to_tell.insert((due, id));
        }
    }

    /// When the next pass is due.
    pub fn subscriptions_due(&self) -> Option<u64> {
        let passive = self.passive_to_tell.first().map(|(due, _)| *due);
        [self.lists_due, passive].into_iter().flatten().min()
    }

    /// Makes the passes that are due.
    pub fn tell_subscribed(&mut self, now: Now) {
        if self.lists_due.is_some_and(|due| due <= now.up_ms) {
            self.lists_due = None;
            for id in std::mem::take(&mut self.lists_to_tell) {
                if let Some(guild) = self.guilds.get_mut(&id) {
                    guild.tell_lists(&self.meter);
                }
            }
            self.weigh_later(now);
        }
        while let Some((_, id)) = self.passive_to_tell.first().copied().filter(|(due, _)| *due <= now.up_ms) {
            self.passive_to_tell.pop_first();
            if let Some(guild) = self.guilds.get_mut(&id) {
                guild.tell_passive(&self.board.voice_states(id), now.unix_ms, &self.meter);
            }
            self.weigh_later(now);
        }
    }
}

impl Guild {
    /// The lists that who sits here looks at.
    fn wanted(&self, place: usize) -> Vec<Wanted> {
        let channels = self.seats[place].subscription.iter().flat_map(|of| &of.channels);
        channels
            .filter(|(_, ranges)| !ranges.is_empty())
            .map(|(channel, ranges)| Wanted { channel: *channel, ranges: disjoint(ranges) })
            .collect()
    }

    /// Forgets that who sits here looks at channels they do not view.
    fn forget_unseen(&mut self, place: usize, now_ms: u64) {
        let asked = self.seats[place].subscription.iter().flat_map(|of| &of.channels);
        let channels: Vec<_> = asked.map(|(channel, _)| *channel).collect();
        self.fill_masks(&channels);
        let seen = self.viewed(&self.seats[place], &channels, now_ms);
        if let Some(subscription) = &mut self.seats[place].subscription {
            subscription.channels.retain(|(channel, _)| seen.contains(channel));
        }
    }

    /// Nobody goes on reading a list by way of a channel they no longer view, and who views another list by their channel is told it.
    fn review_subscriptions(&mut self, room: usize, now: Now, meter: &Meter) {
        let looking: Vec<usize> =
            (0..self.seats.len()).filter(|place| self.seats[*place].subscription.is_some()).collect();
        looking.iter().for_each(|place| self.forget_unseen(*place, now.unix_ms));
        let wanted: Vec<(Arc<Session>, Vec<Wanted>)> = looking
            .into_iter()
            .map(|place| (self.seats[place].session.clone(), self.wanted(place)))
            .collect();
        self.stop_reading(|key, channel| {
            !wanted.iter().any(|(session, wanted)| {
                session.key == key && wanted.iter().any(|wanted| wanted.channel == channel)
            })
        });
        for (session, wanted) in &wanted {
            self.follow(session, wanted, false, room, meter);
        }
    }
}

/// Whether by it somebody may view other channels, or a channel have another list.
fn decides_views(dispatch: &Dispatch) -> bool {
    matches!(
        dispatch,
        Dispatch::ChannelUpdate(_)
            | Dispatch::ChannelDelete(_)
            | Dispatch::RoleCreate(_)
            | Dispatch::RoleUpdate(_)
            | Dispatch::RoleDelete(_)
            | Dispatch::GuildUpdate(_)
            | Dispatch::MemberUpdate(_)
    )
}

/// The same rows, each once, from the top.
fn disjoint(ranges: &[Rows]) -> Arc<[Rows]> {
    let mut sorted = ranges.to_vec();
    sorted.sort_unstable();
    let mut free = 0;
    let rest = sorted.into_iter().filter_map(|range| {
        let first = range.first.max(free);
        free = free.max(range.last.saturating_add(1));
        (first <= range.last).then_some(Rows { first, last: range.last })
    });
    rest.collect()
}
