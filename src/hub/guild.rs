//! The replica of one guild with a live session: what decides who is told of what, kept true by the events that are told. Loaded
//! from a snapshot; no disk is read afterwards.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::hub::member_list::Lists;
use crate::hub::passive::{Hearers, Passive};
use crate::hub::presence::MAX_ONLINE_TOLD;
use crate::hub::role_sets::{RoleRights, RoleSets, SetIndex};
use crate::hub::session::Session;
use crate::logic::intents::Intents;
use crate::logic::permissions::{Standing, channel_permissions, effective, guild_permissions};
use crate::logic::session::client_frame::GuildSubscription;
use crate::model::{
    Channel, ChannelId, ChannelKind, Dispatch, GuildId, GuildSnapshot, Member, MessageId, Overwrite,
    OverwriteTarget, Permissions, Role, RoleId, Timestamp, UserId,
};

/// Who of a guild is told.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reach {
    /// Every member.
    Members,
    /// Members with at least one of these rights in the guild.
    Holding(Permissions),
    /// Members who see the channel and hold all of these rights in it.
    Channel(ChannelId, Permissions),
}

/// One session's place in a guild: all that is asked of it for each event, side by side in memory.
#[derive(Debug)]
pub(super) struct Seat {
    pub session: Arc<Session>,
    pub user: UserId,
    pub is_bot: bool,
    /// The session has seen everything up to this commit in its READY.
    pub since: u64,
    pub set: SetIndex,
    pub timed_out_until_ms: u64,
    pub is_pending: bool,
    /// Whether its client lets the guild be passive, which READY showed without all members.
    pub is_drowsy: bool,
    /// Whether it is passive: told of little but what mentions it.
    pub is_passive: bool,
    /// What of the guild it looks at.
    pub subscription: Option<Box<GuildSubscription>>,
}

impl Seat {
    fn is_timed_out(&self, now_ms: u64) -> bool {
        self.timed_out_until_ms > now_ms
    }
}

/// What a [`Reach`] asks of each seat.
enum Question {
    Nothing,
    Holding(Permissions),
    SeesAny(Vec<ChannelId>),
    Rights(ChannelId, Permissions),
}

#[derive(Debug)]
pub(super) struct HeldMember {
    pub member: Member,
    set: SetIndex,
    seats: u32,
}

#[derive(Debug)]
pub(super) struct HeldChannel {
    pub channel: Arc<Channel>,
    /// Newer than in `channel`, which many share.
    pub last_message: Option<MessageId>,
    pub last_pin: Option<Timestamp>,
    /// Members with an overwrite of their own here; few.
    pub overwritten: Box<[UserId]>,
    /// Rights by set of roles, before the implicit rules; member overwrites and restrictions come on top.
    masks: Vec<Option<Permissions>>,
}

impl HeldChannel {
    fn new(channel: Arc<Channel>) -> Self {
        let member = |overwrite: &Overwrite| match overwrite.target {
            OverwriteTarget::Member(user) => Some(user),
            OverwriteTarget::Role(_) => None,
        };
        Self {
            last_message: channel.last_message_id.flatten(),
            last_pin: channel.last_pin_timestamp.flatten(),
            overwritten: overwrites(&channel).iter().filter_map(member).collect(),
            masks: Vec::new(),
            channel,
        }
    }

    pub fn parent(&self) -> Option<ChannelId> {
        self.channel.parent_id.flatten()
    }
}

fn overwrites(channel: &Channel) -> &[Overwrite] {
    channel.permission_overwrites.as_deref().unwrap_or_default()
}

#[derive(Debug)]
pub(super) struct Guild {
    pub id: GuildId,
    /// The commit of the snapshot it was loaded from: events up to it are in there.
    pub loaded: u64,
    pub owner: UserId,
    /// The voice channel of the absent, and the seconds of silence after which one is.
    afk: Option<(ChannelId, u32)>,
    pub roles: HashMap<RoleId, RoleRights>,
    pub channels: HashMap<ChannelId, HeldChannel>,
    pub sets: RoleSets,
    pub members: HashMap<UserId, HeldMember>,
    pub seats: Vec<Seat>,
    /// Where each session sits.
    places: HashMap<u64, usize>,
    /// Sessions that hear of presences however many are online: bots with the intent, and who looks at some members.
    watchers: HashSet<u64>,
    /// All members, connected or not.
    pub member_count: u64,
    /// The last commit that changed somebody's membership.
    pub members_changed: u64,
    /// The member lists somebody looks at.
    pub lists: Option<Box<Lists>>,
    /// What is still to be told to those who are passive here.
    pub passive: Passive,
}

impl Guild {
    pub fn new(snapshot: &GuildSnapshot, loaded: u64) -> Self {
        Self {
            id: snapshot.id,
            loaded,
            owner: snapshot.owner_id,
            afk: snapshot.afk,
            roles: snapshot.roles.iter().map(|role| (role.id, rights_of(role))).collect(),
            channels: snapshot
                .channels
                .iter()
                .map(|channel| (channel.id, HeldChannel::new(channel.clone())))
                .collect(),
            sets: RoleSets::default(),
            members: HashMap::new(),
            seats: Vec::new(),
            places: HashMap::new(),
            watchers: HashSet::new(),
            member_count: snapshot.member_count,
            members_changed: loaded,
            lists: None,
            passive: Passive::default(),
        }
    }

    pub fn seats(&self) -> &[Seat] {
        &self.seats
    }

    /// Whether what is held of the guild, and of this member, is no newer than what was before a commit.
    pub fn is_as_old_for(&self, user: UserId, commit: u64) -> bool {
        self.loaded < commit && !self.seats.iter().any(|seat| seat.user == user && seat.since >= commit)
    }

    pub fn has_member(&self, user: UserId) -> bool {
        self.members.contains_key(&user)
    }

    pub fn member(&self, user: UserId) -> Option<&Member> {
        self.members.get(&user).map(|held| &held.member)
    }

    pub fn member_mut(&mut self, user: UserId) -> Option<&mut Member> {
        self.members.get_mut(&user).map(|held| &mut held.member)
    }

    /// Seats a session of a member, who is held from here on; one who is held already stays as the events made them.
    /// `is_large` says whether its client was told of the guild without all members.
    pub fn seat(&mut self, session: &Arc<Session>, since: u64, member: Member, is_large: bool) {
        let user = session.owner().user;
        if !self.members.contains_key(&user) {
            let set = self.enter(&member.roles);
            self.members.insert(user, HeldMember { member, set, seats: 0 });
        }
        let held = self.members.get_mut(&user).expect("was just put there");
        held.seats += 1;
        let is_drowsy = is_large && session.owner().lets_guilds_be_passive();
        self.passive.seats += u32::from(is_drowsy);
        let seat = Seat {
            session: session.clone(),
            user,
            is_bot: session.owner().is_bot(),
            since,
            set: held.set,
            timed_out_until_ms: held.member.communication_disabled_until.map_or(0, |until| until.0),
            is_pending: held.member.pending,
            is_drowsy,
            is_passive: is_drowsy,
            subscription: None,
        };
        self.places.insert(session.key, self.seats.len());
        self.seats.push(seat);
        self.watch(session.key);
    }

    /// The place of a session's seat.
    pub fn place_of(&self, key: u64) -> Option<usize> {
        self.places.get(&key).copied()
    }

    /// Counts a session among those that hear of presences however many are online, or no longer.
    pub fn watch(&mut self, key: u64) {
        let Some(place) = self.place_of(key) else { return };
        let seat = &self.seats[place];
        let owner = seat.session.owner();
        let looks = seat.subscription.as_ref().is_some_and(|of| !of.members.is_empty());
        if looks || owner.is_bot() && owner.intents.contains(Intents::GUILD_PRESENCES) {
            self.watchers.insert(key);
        } else {
            self.watchers.remove(&key);
        }
    }

    /// The seats of those who may hear of presences when so many are online.
    pub fn hearers_of_presences(&self, online: usize) -> impl Iterator<Item = &Seat> {
        let is_told = online <= MAX_ONLINE_TOLD;
        let all = self.seats.iter().filter(move |_| is_told);
        let some = self.watchers.iter().filter(move |_| !is_told);
        all.chain(some.filter_map(|key| self.seats.get(self.place_of(*key)?)))
    }

    /// Takes the seat of a session; whether its user is not held any more.
    pub fn unseat(&mut self, key: u64) -> bool {
        let Some(place) = self.places.remove(&key) else { return false };
        let seat = self.seats.swap_remove(place);
        if let Some(moved) = self.seats.get(place) {
            self.places.insert(moved.session.key, place);
        }
        self.watchers.remove(&key);
        let user = seat.user;
        self.passive.seats -= u32::from(seat.is_passive);
        if seat.subscription.is_some() {
            self.unfollow(key);
        }
        let held = self.members.get_mut(&user).expect("who has a seat is held");
        held.seats -= 1;
        if held.seats > 0 {
            return false;
        }
        let set = held.set;
        self.members.remove(&user);
        self.sets.leave(set);
        true
    }

    pub fn enter(&mut self, roles: &[RoleId]) -> SetIndex {
        let (set, is_new) = self.sets.enter(roles);
        if is_new {
            self.forget_masks(&[set]);
        }
        set
    }

    fn forget_masks(&mut self, sets: &[SetIndex]) {
        self.forget_listed_sets(sets);
        for held in self.channels.values_mut() {
            for set in sets {
                if let Some(mask) = held.masks.get_mut(*set as usize) {
                    *mask = None;
                }
            }
        }
    }

    /// The channel as it is, its newest message included.
    pub fn channel(&self, id: ChannelId) -> Option<Arc<Channel>> {
        let held = self.channels.get(&id)?;
        let mut channel = held.channel.clone();
        if channel.last_message_id.is_some_and(|id| id != held.last_message) {
            Arc::make_mut(&mut channel).last_message_id = Some(held.last_message);
        }
        if held.last_pin.is_some() && channel.last_pin_timestamp.flatten() != held.last_pin {
            Arc::make_mut(&mut channel).last_pin_timestamp = Some(held.last_pin);
        }
        Some(channel)
    }

    pub fn kind(&self, id: ChannelId) -> Option<ChannelKind> {
        self.channels.get(&id).map(|held| held.channel.kind)
    }

    /// The voice channel of the absent, and the seconds of silence after which one is.
    pub fn afk(&self) -> Option<(ChannelId, u32)> {
        self.afk
    }

    /// What somebody who sits here may do in a channel, implicit rules applied; nothing for who does not.
    pub fn rights_of(&mut self, user: UserId, channel: ChannelId, now_ms: u64) -> Permissions {
        self.fill_masks(&[channel]);
        let seat = self.seats.iter().find(|seat| seat.user == user);
        let (Some(seat), Some(held)) = (seat, self.channels.get(&channel)) else { return Permissions::NONE };
        self.rights_in(seat, held, now_ms)
    }

    /// Whether a time-out of somebody who sits here lasts still; it does not reach who may do everything.
    pub fn is_timed_out(&self, user: UserId, now_ms: u64) -> bool {
        let seat = self.seats.iter().find(|seat| seat.user == user);
        seat.is_some_and(|seat| {
            seat.is_timed_out(now_ms) && !self.base(seat, now_ms).contains(Permissions::ADMINISTRATOR)
        })
    }

    /// The bots whose managed role is among these.
    pub fn bots_of<'a>(&'a self, roles: &'a [RoleId]) -> impl Iterator<Item = UserId> + 'a {
        roles.iter().filter_map(|role| self.roles.get(role)?.bot)
    }

    /// The channels whose rights decide over this one: itself, or for a category also what is in it (API.md §3.4).
    pub fn deciding(&self, id: ChannelId) -> Vec<ChannelId> {
        let mut ids = vec![id];
        if self.kind(id) == Some(ChannelKind::Category) {
            ids.extend(self.channels.iter().filter(|(_, held)| held.parent() == Some(id)).map(|(id, _)| *id));
        }
        ids
    }

    /// Works out the masks of these channels for every set of roles there is.
    pub fn fill_masks(&mut self, channels: &[ChannelId]) {
        for id in channels {
            let Some(held) = self.channels.get_mut(id) else { continue };
            held.masks.resize(self.sets.len(), None);
            for (set, mask) in held.masks.iter_mut().enumerate().filter(|(_, mask)| mask.is_none()) {
                let standing = Standing {
                    guild: self.id,
                    member: UserId::new(0),
                    base: self.sets.base(set as SetIndex, self.id, &self.roles),
                    roles: self.sets.roles(set as SetIndex),
                    is_owner: false,
                    is_timed_out: false,
                    is_pending: false,
                };
                *mask = Some(channel_permissions(&standing, overwrites(&held.channel)));
            }
        }
    }

    /// What who sits here may do in a channel whose masks are worked out.
    fn rights_in(&self, seat: &Seat, held: &HeldChannel, now_ms: u64) -> Permissions {
        let kind = held.channel.kind;
        if seat.user == self.owner {
            return effective(Permissions::ALL, kind);
        }
        let is_restricted = seat.is_pending || seat.is_timed_out(now_ms);
        if !is_restricted && !held.overwritten.contains(&seat.user) {
            return effective(held.masks[seat.set as usize].expect("masks are worked out first"), kind);
        }
        let standing = Standing {
            guild: self.id,
            member: seat.user,
            roles: self.sets.roles(seat.set),
            base: self.base(seat, now_ms),
            is_owner: false,
            is_timed_out: seat.is_timed_out(now_ms),
            is_pending: seat.is_pending,
        };
        effective(channel_permissions(&standing, overwrites(&held.channel)), kind)
    }

    /// What who sits here may do in the guild.
    fn base(&self, seat: &Seat, now_ms: u64) -> Permissions {
        let rights = |role: &RoleId| self.roles.get(role).map(|role| role.permissions);
        let everyone = rights(&self.id.cast()).unwrap_or_default();
        let roles = self.sets.roles(seat.set).iter().filter_map(rights);
        guild_permissions(
            seat.user == self.owner,
            everyone,
            roles,
            seat.is_timed_out(now_ms),
            seat.is_pending,
        )
    }

    pub fn sees_any(&self, seat: &Seat, deciding: &[ChannelId], now_ms: u64) -> bool {
        deciding
            .iter()
            .filter_map(|id| self.channels.get(id))
            .any(|held| self.rights_in(seat, held, now_ms).contains(Permissions::VIEW_CHANNEL))
    }

    /// Calls `tell` for each seat that `reach` and `hearers` hold and that has not seen `commit` in its READY.
    pub fn for_each(
        &mut self,
        reach: Reach,
        hearers: Hearers<'_>,
        commit: u64,
        now_ms: u64,
        mut tell: impl FnMut(&Seat),
    ) {
        let Some(question) = self.ask(reach) else { return };
        let guild = &*self;
        let mut tell_if = |is_told: &dyn Fn(&Seat) -> bool| {
            let hears = |seat: &&Seat| seat.since < commit && hearers.hold(seat, &guild.sets);
            guild.seats.iter().filter(hears).filter(|seat| is_told(seat)).for_each(&mut tell);
        };
        match &question {
            // Nearly all events: the channel is looked up once for all seats.
            Question::Rights(id, needs) => {
                let Some(held) = guild.channels.get(id) else { return };
                tell_if(&|seat| guild.rights_in(seat, held, now_ms).contains(*needs));
            }
            _ => tell_if(&|seat| guild.is_told(&question, seat, now_ms)),
        }
    }

    /// Whether the seat at this place is one of those of whom a dispatch is told, if it is to see it.
    pub fn hears(&self, place: usize, dispatch: &Dispatch) -> bool {
        Hearers::of(dispatch).hold(&self.seats[place], &self.sets)
    }

    /// Whether the seat at this place is one of those that `reach` holds.
    pub fn reaches(&mut self, reach: Reach, place: usize, now_ms: u64) -> bool {
        self.ask(reach).is_some_and(|question| self.is_told(&question, &self.seats[place], now_ms))
    }

    /// Readies what is asked of every seat; `None` when the channel is not known.
    fn ask(&mut self, reach: Reach) -> Option<Question> {
        Some(match reach {
            Reach::Members => Question::Nothing,
            Reach::Holding(any) => Question::Holding(any),
            Reach::Channel(id, needs) => {
                let is_category = self.kind(id)? == ChannelKind::Category;
                let deciding = self.prepare(id);
                if is_category && needs.is_empty() {
                    Question::SeesAny(deciding)
                } else {
                    Question::Rights(id, needs | Permissions::VIEW_CHANNEL)
                }
            }
        })
    }

    fn is_told(&self, question: &Question, seat: &Seat, now_ms: u64) -> bool {
        match question {
            Question::Nothing => true,
            Question::Holding(any) => self.base(seat, now_ms).intersects(*any),
            Question::SeesAny(deciding) => self.sees_any(seat, deciding, now_ms),
            Question::Rights(id, needs) => {
                self.channels.get(id).is_some_and(|held| self.rights_in(seat, held, now_ms).contains(*needs))
            }
        }
    }

    /// Works out the masks that decide over a channel, and says whose they are.
    fn prepare(&mut self, id: ChannelId) -> Vec<ChannelId> {
        let deciding = self.deciding(id);
        self.fill_masks(&deciding);
        deciding
    }

    /// Whether `user`, as far as held, sees the channel; nobody knows of one who is not.
    pub fn sees(&mut self, user: UserId, channel: ChannelId, now_ms: u64) -> Option<bool> {
        let deciding = self.prepare(channel);
        let seat = self.seats.iter().find(|seat| seat.user == user)?;
        Some(self.sees_any(seat, &deciding, now_ms))
    }

    /// Makes true what the dispatch of a commit says. Seats stay at their places.
    pub fn apply(&mut self, commit: u64, dispatch: &Dispatch) {
        if let Dispatch::MemberAdd(_) | Dispatch::MemberUpdate(_) | Dispatch::MemberRemove(_) = dispatch {
            self.members_changed = commit;
        }
        match dispatch {
            Dispatch::GuildUpdate(guild) => {
                self.owner = guild.owner_id;
                self.afk = guild.afk_channel_id.map(|channel| (channel, guild.afk_timeout));
            }
            Dispatch::RoleCreate(event) | Dispatch::RoleUpdate(event) => self.set_role(&event.role),
            Dispatch::RoleDelete(event) => self.remove_role(event.role_id),
            Dispatch::ChannelCreate(channel) | Dispatch::ChannelUpdate(channel) => self.set_channel(channel),
            Dispatch::ChannelDelete(channel) => _ = self.channels.remove(&channel.id),
            // Who joins is held already when a READY that was ahead of us brought the membership.
            Dispatch::MemberAdd(event) => {
                self.member_count += 1;
                self.set_member(&event.member);
            }
            Dispatch::MemberUpdate(event) => self.set_member(&event.member),
            Dispatch::MemberRemove(_) => self.member_count = self.member_count.saturating_sub(1),
            Dispatch::MessageCreate(event) => {
                if let Some(held) = self.channels.get_mut(&event.message.channel_id) {
                    held.last_message = Some(event.message.id);
                }
            }
            Dispatch::PinsUpdate(event) => {
                if let Some(held) = self.channels.get_mut(&event.channel_id) {
                    held.last_pin = event.last_pin_timestamp;
                }
            }
            _ => {}
        }
    }

    fn set_role(&mut self, role: &Role) {
        let rights = rights_of(role);
        let old = self.roles.insert(role.id, rights);
        if old.is_none_or(|old| old.permissions != rights.permissions) {
            let touched = self.sets.forget_base(self.id, role.id);
            self.forget_masks(&touched);
        }
    }

    /// Nothing is told of the members who held it, so it is taken from them here.
    fn remove_role(&mut self, role: RoleId) {
        self.roles.remove(&role);
        let holders: Vec<UserId> = self
            .members
            .iter()
            .filter(|(_, held)| held.member.roles.contains(&role))
            .map(|(user, _)| *user)
            .collect();
        let mut new_sets = HashMap::with_capacity(holders.len());
        for user in holders {
            let Some(held) = self.members.get_mut(&user) else { continue };
            held.member.roles.retain(|held| *held != role);
            let (roles, old) = (held.member.roles.clone(), held.set);
            let set = self.enter(&roles);
            self.sets.leave(old);
            if let Some(held) = self.members.get_mut(&user) {
                held.set = set;
            }
            new_sets.insert(user, set);
        }
        for seat in &mut self.seats {
            if let Some(set) = new_sets.get(&seat.user) {
                seat.set = *set;
            }
        }
    }

    fn set_channel(&mut self, channel: &Arc<Channel>) {
        self.channels.insert(channel.id, HeldChannel::new(channel.clone()));
    }

    fn set_member(&mut self, member: &Member) {
        let Some(user) = member.user.as_ref().map(|user| user.id) else { return };
        if !self.members.contains_key(&user) {
            return;
        }
        let set = self.enter(&member.roles);
        let held = self.members.get_mut(&user).expect("was just found");
        let old = std::mem::replace(&mut held.set, set);
        held.member = member.clone();
        self.sets.leave(old);
        for seat in self.seats.iter_mut().filter(|seat| seat.user == user) {
            seat.set = set;
            seat.timed_out_until_ms = member.communication_disabled_until.map_or(0, |until| until.0);
            seat.is_pending = member.pending;
        }
    }
}

fn rights_of(role: &Role) -> RoleRights {
    RoleRights {
        permissions: role.permissions,
        bot: role.tags.as_ref().map(|tags| tags.bot_id),
        is_hoisted: role.hoist,
        position: role.position,
    }
}
