//! Who views which channels before and after a change of rights.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::hub::guild::{Guild, Seat};
use crate::hub::role_sets::SetIndex;
use crate::model::{ChannelId, Dispatch, RoleId, UserId};

/// The channels a member sees, ascending; shared by members with the same rights.
pub(super) type View = Arc<[ChannelId]>;

/// Whose view of what an event may change.
#[derive(Debug)]
pub(super) enum Scope {
    /// Nobody's.
    Nothing,
    /// Everybody's, of these channels.
    Channels(Vec<ChannelId>),
    /// Of all channels, of members with this role.
    Role(RoleId),
    /// Of all channels, of these members.
    Users(Vec<UserId>),
}

impl Guild {
    /// Whose view of what this dispatch changes, beside that of the channel it is about.
    pub fn scope(&self, dispatch: &Dispatch) -> Scope {
        match dispatch {
            Dispatch::ChannelCreate(channel) => {
                Scope::Channels(channel.parent_id.flatten().into_iter().collect())
            }
            Dispatch::ChannelDelete(channel) => {
                Scope::Channels(channel.parent_id.flatten().into_iter().collect())
            }
            Dispatch::ChannelUpdate(channel) => {
                let Some(old) = self.channels.get(&channel.id) else { return Scope::Nothing };
                let mut ids = vec![channel.id];
                ids.extend(channel.parent_id.flatten());
                ids.extend(old.parent());
                ids.dedup();
                Scope::Channels(ids)
            }
            Dispatch::RoleCreate(event) | Dispatch::RoleUpdate(event) => match self.roles.get(&event.role.id)
            {
                Some(old) if old.permissions == event.role.permissions => Scope::Nothing,
                _ => Scope::Role(event.role.id),
            },
            Dispatch::RoleDelete(event) => Scope::Role(event.role_id),
            Dispatch::GuildUpdate(guild) if guild.owner_id != self.owner => {
                Scope::Users(vec![self.owner, guild.owner_id])
            }
            Dispatch::MemberUpdate(event) => {
                match event.member.user.as_ref().and_then(|user| self.member(user.id)) {
                    Some(held) if held.roles != event.member.roles => {
                        Scope::Users(event.member.user.iter().map(|user| user.id).collect())
                    }
                    _ => Scope::Nothing,
                }
            }
            _ => Scope::Nothing,
        }
    }

    /// What each seat in the scope sees of it, by the seat's place.
    pub fn views(&mut self, scope: &Scope, now_ms: u64) -> Vec<(usize, View)> {
        let ids: Vec<ChannelId> = match scope {
            Scope::Nothing => return Vec::new(),
            Scope::Channels(ids) if ids.is_empty() => return Vec::new(),
            Scope::Channels(ids) => ids.iter().filter(|id| self.channels.contains_key(id)).copied().collect(),
            Scope::Role(_) | Scope::Users(_) => self.channels.keys().copied().collect(),
        };
        let mut deciding: Vec<(ChannelId, Vec<ChannelId>)> =
            ids.iter().map(|id| (*id, self.deciding(*id))).collect();
        deciding.sort_unstable();
        let touched: Vec<ChannelId> = deciding.iter().flat_map(|(_, ids)| ids).copied().collect();
        self.fill_masks(&touched);
        let special: HashSet<UserId> = touched
            .iter()
            .filter_map(|id| self.channels.get(id))
            .flat_map(|held| &held.overwritten)
            .copied()
            .collect();
        let mut by_set: HashMap<SetIndex, View> = HashMap::new();
        let see = |seat: &Seat| -> View {
            deciding.iter().filter(|(_, by)| self.sees_any(seat, by, now_ms)).map(|(id, _)| *id).collect()
        };
        let in_scope = |seat: &Seat| match scope {
            Scope::Nothing | Scope::Channels(_) => true,
            Scope::Role(role) => self.sets.holds(seat.set, self.id, *role),
            Scope::Users(users) => users.contains(&seat.user),
        };
        let mut views = Vec::new();
        for (place, seat) in self.seats.iter().enumerate().filter(|(_, seat)| in_scope(seat)) {
            let is_plain = seat.user != self.owner && !special.contains(&seat.user);
            let view = match by_set.get(&seat.set) {
                Some(view) if is_plain => view.clone(),
                _ => see(seat),
            };
            if is_plain {
                by_set.entry(seat.set).or_insert_with(|| view.clone());
            }
            views.push((place, view));
        }
        views
    }

    /// What the seats at these places see of the scope's channels.
    pub fn views_again(
        &mut self,
        scope: &Scope,
        before: &[(usize, View)],
        now_ms: u64,
    ) -> Vec<(usize, View)> {
        match scope {
            Scope::Role(_) => {
                // Who held a role that is gone is known by the places alone.
                let places: HashSet<usize> = before.iter().map(|(place, _)| *place).collect();
                let mut all = self.views(&Scope::Role(self.id.cast()), now_ms);
                all.retain(|(place, _)| places.contains(place));
                all
            }
            Scope::Nothing | Scope::Channels(_) | Scope::Users(_) => self.views(scope, now_ms),
        }
    }

    /// Those of these channels that who sits here views; their masks must be worked out.
    pub fn viewed(&self, seat: &Seat, channels: &[ChannelId], now_ms: u64) -> Vec<ChannelId> {
        channels.iter().copied().filter(|id| self.sees_any(seat, &[*id], now_ms)).collect()
    }

    /// Whether who sits here has no say of their own in any channel's overwrites, nor owns the guild: they view what all with their
    /// roles view.
    pub fn is_plain(&self, seat: &Seat, channels: &[ChannelId]) -> bool {
        let is_named =
            |id: &ChannelId| self.channels.get(id).is_some_and(|held| held.overwritten.contains(&seat.user));
        seat.user != self.owner && !channels.iter().any(is_named)
    }
}
