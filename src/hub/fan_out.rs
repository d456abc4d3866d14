//! Who is told of a commit: each event is told to those who may see it when its turn comes, and what it changes of rights is true
//! before the next one is queued (SAFETY.md §3.2).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::hub::encoding::{Encoding, encode};
use crate::hub::guild::{Guild, Reach};
use crate::hub::lifecycle::{BAD_TOKEN, START_OVER};
use crate::hub::log::Kept;
use crate::hub::presence::may_know;
use crate::hub::session::{Auth, Session};
use crate::hub::state::{Now, State};
use crate::hub::views::{Scope, View};
use crate::hub::voice::VoicePlace;
use crate::logic::session::{Meter, Packet, Place};
use crate::model::{
    Audience, Batch, Channel, ChannelId, ChannelKind, Dispatch, Event, GuildCreate, GuildId, Member,
    MemberEvent, Permissions, TypingStart, UnavailableGuild, User, UserId, relationship_type,
};

impl State {
    /// Tells of a commit. Commits come in order.
    pub fn publish(&mut self, now: Now, batch: Batch) {
        let batch = Arc::new(batch);
        for event in &batch.events {
            self.tell(now, batch.commit, event);
        }
        self.arriving = None;
        self.commit = batch.commit;
        if !self.waiting.is_empty() {
            self.log.push(Kept::Batch(batch));
        }
        self.weigh_later(now);
    }

    fn tell(&mut self, now: Now, commit: u64, event: &Event) {
        match event {
            Event::Dispatch(audience, dispatch) => self.dispatch(now, commit, audience, dispatch),
            Event::GuildState(snapshot) => self.arriving = Some(snapshot.clone()),
            Event::GuildGone(guild) => self.dissolve(*guild),
            Event::UserChanged(user) => self.user_changed(now, commit, user),
            Event::SessionsRevoked(logins) => {
                self.end_where(now, |auth| matches!(auth, Auth::Person(login) if logins.contains(&login)));
            }
            Event::BotRevoked(application) => self.end_where(now, |auth| auth == Auth::Bot(*application)),
        }
    }

    fn end_where(&mut self, now: Now, is_revoked: impl Fn(Auth) -> bool) {
        let keys: Vec<u64> = self
            .sessions
            .values()
            .filter(|entry| is_revoked(entry.session.owner().auth))
            .map(|entry| entry.session.key)
            .collect();
        for key in keys {
            self.end(now, key, BAD_TOKEN);
        }
    }

    /// Tells of something that is true for a moment only: by the rights of the last commit, to those who know of it.
    pub fn typing(&mut self, now: Now, audience: &Audience, start: TypingStart) {
        if let (Some(guild), channel) = (start.guild_id, start.channel_id)
            && let Some(guild) = self.guilds.get_mut(&guild)
            && guild.sees(start.user_id, channel, now.unix_ms) == Some(false)
        {
            return;
        }
        self.tell_unwritten(now, audience, &Dispatch::TypingStart(start));
    }

    /// Tells of what is true for the moment and was never written.
    pub fn tell_unwritten(&mut self, now: Now, audience: &Audience, dispatch: &Dispatch) {
        self.dispatch(now, self.commit + 1, audience, dispatch);
        self.weigh_later(now);
    }

    fn dispatch(&mut self, now: Now, commit: u64, audience: &Audience, dispatch: &Dispatch) {
        match audience {
            Audience::User(user) => self.dispatch_to_user(now, commit, *user, dispatch),
            Audience::Users(users) => {
                if let Dispatch::RecipientRemove(event) = dispatch {
                    self.leave_conversation(now, event.channel_id, event.user.id);
                }
                let meter = self.meter.clone();
                let mut encoding = Encoding::new(dispatch, None, &meter);
                for user in users.iter() {
                    self.tell_user(now, commit, *user, dispatch, &mut encoding);
                }
            }
            Audience::Guild(id)
            | Audience::GuildHolding(id, _)
            | Audience::Channel(id, _)
            | Audience::ChannelHolding(id, _, _) => {
                self.dispatch_in_guild(now, commit, *id, audience, dispatch)
            }
        }
    }

    fn dispatch_to_user(&mut self, now: Now, commit: u64, user: UserId, dispatch: &Dispatch) {
        match dispatch {
            Dispatch::GuildCreate(create) => self.join(now, commit, user, create),
            Dispatch::GuildDelete(gone) => self.part(now, commit, user, gone, dispatch),
            _ => {
                let meter = self.meter.clone();
                let mut encoding = Encoding::new(dispatch, None, &meter);
                self.tell_user(now, commit, user, dispatch, &mut encoding);
            }
        }
    }

    /// Tells an account something that is its own or of a DM it is in.
    fn tell_user(
        &mut self,
        now: Now,
        commit: u64,
        user: UserId,
        dispatch: &Dispatch,
        encoding: &mut Encoding<'_>,
    ) {
        let place = encoding.place();
        for session in self.hearing(user, commit) {
            let owner = session.owner();
            if !owner.holds(place.guild) || !encoding.is_wanted_by(owner) {
                continue;
            }
            if let Dispatch::ChannelDelete(channel) = dispatch {
                session.drop_channels(&[channel.id]);
            }
            session.push(encoding.packet_for(owner));
        }
        match dispatch {
            // A stranger is told nothing of who does not answer.
            Dispatch::ChannelCreate(channel) | Dispatch::ChannelUpdate(channel)
                if channel.kind.is_dm() && channel.is_message_request.is_none() =>
            {
                let others =
                    channel.recipients.iter().flatten().map(|other| other.id).filter(|other| *other != user);
                self.meet(now, user, others.collect());
            }
            Dispatch::RelationshipAdd(of) if of.kind == relationship_type::FRIEND => {
                self.meet(now, user, vec![of.id]);
            }
            Dispatch::RelationshipAdd(of) if of.kind == relationship_type::BLOCKED => {
                self.part_ways(now, user, of.id);
            }
            Dispatch::RelationshipRemove(of) if of.is_parting => self.part_ways(now, user, of.id),
            _ => {}
        }
    }

    fn dispatch_in_guild(
        &mut self,
        now: Now,
        commit: u64,
        id: GuildId,
        audience: &Audience,
        dispatch: &Dispatch,
    ) {
        if self.guilds.get(&id).is_none_or(|guild| commit <= guild.loaded) {
            return;
        }
        if let Dispatch::MemberRemove(event) = dispatch {
            self.leave(now, commit, id, event.user.id);
        }
        let Some(guild) = self.guilds.get_mut(&id) else { return };
        let reach = reach(guild, audience, dispatch);
        let changes = tell_guild(guild, &self.meter, now.unix_ms, commit, reach, dispatch);
        let losers = losers(guild, &changes);
        let touched: Vec<_> = changes
            .iter()
            .filter(|change| guild.seats()[change.seat].since < commit)
            .map(|change| (guild.seats()[change.seat].session.clone(), change.difference.clone()))
            .collect();
        for (session, difference) in touched {
            self.tell_voice_in(&session, id, &difference.gained, &difference.lost);
        }
        self.review(now, id, dispatch, &losers);
        if decides_voice(dispatch) {
            self.recheck_voice(now, id);
        }
        self.tell_later(now, id);
    }

    /// Seats the sessions of who just became a member, and gives them the guild.
    fn join(&mut self, now: Now, commit: u64, user: UserId, create: &GuildCreate) {
        let id = create.guild.id;
        let is_hers = |key: &u64| self.sessions[key].session.owner().holds(Some(id));
        let keys: Vec<u64> = self.hearing(user, commit).map(|session| session.key).filter(is_hers).collect();
        if keys.is_empty() {
            return;
        }
        if !self.guilds.contains_key(&id)
            && let Some(snapshot) = self.arriving.take_if(|snapshot| snapshot.id == id)
        {
            self.load(&snapshot, commit - 1);
        }
        let is_member = |member: &&Member| member.user.as_ref().is_some_and(|of| of.id == user);
        let member = create.members.iter().find(is_member);
        let is_as_old = self.guilds.get(&id).is_some_and(|guild| guild.is_as_old_for(user, commit));
        let visible: HashSet<ChannelId> = create.channels.list.iter().map(|channel| channel.id).collect();
        let (true, Some(member)) = (is_as_old, member) else {
            // What the guild is like is not known, or newer than this event because a READY was ahead of us and brought it: these
            // clients are to read it from a READY of their own.
            keys.into_iter().for_each(|key| self.end(now, key, START_OVER));
            return;
        };
        let mut forms: [Option<Packet>; 2] = [None, None];
        for key in keys {
            self.seat(now, key, id, commit - 1, member.clone(), create.large);
            let Some(entry) = self.sessions.get(&key) else { continue };
            let owner = entry.session.owner();
            // A guild that is shown without its members is shown without their presences.
            let sees_presences = may_know(owner.intents, owner.is_bot(), self.board.online_count(id))
                && (owner.is_bot() || !create.large);
            let form = forms[usize::from(sees_presences)].get_or_insert_with(|| {
                let presences = self.board.presences(id, &entry.session);
                let mut voice_states = self.board.voice_states(id);
                voice_states.retain(|state| state.channel_id.is_some_and(|of| visible.contains(&of)));
                voice_states.iter_mut().for_each(|state| state.guild_id = None);
                let filled = GuildCreate { presences, voice_states, ..create.clone() };
                let place = Place { guild: Some(id), channel: None };
                encode(&Dispatch::GuildCreate(Box::new(filled)), place, &self.meter)
            });
            if owner.intents.admits("GUILD_CREATE", false) {
                entry.session.push(form.clone());
            }
        }
    }

    /// Tells who is no longer a member, after taking the seats.
    fn part(&mut self, now: Now, commit: u64, user: UserId, gone: &UnavailableGuild, dispatch: &Dispatch) {
        if gone.unavailable != Some(true) {
            self.leave(now, commit, gone.id, user);
        }
        let packet = encode(dispatch, Place::default(), &self.meter);
        for session in self.hearing(user, commit) {
            let owner = session.owner();
            if owner.holds(Some(gone.id)) && owner.intents.admits(dispatch.name(), false) {
                session.push(packet.clone());
            }
        }
    }

    /// Takes the seats of who is no longer a member, and what waits to be told there.
    fn leave(&mut self, now: Now, commit: u64, id: GuildId, user: UserId) {
        self.leave_voice(now, VoicePlace::Guild(id), user);
        let keys: Vec<u64> = self.hearing(user, commit).map(|session| session.key).collect();
        for key in keys {
            if let Some(entry) = self.sessions.get_mut(&key)
                && entry.guilds.contains(&id)
            {
                entry.session.drop_guild(id);
                self.unseat(key, id);
            }
        }
        if self.guilds.get(&id).is_none_or(|guild| !guild.has_member(user)) {
            self.board.set_in_guild(id, user, false);
            if let Some(account) = self.accounts.get_mut(&user) {
                account.guilds.remove(&id);
            }
        }
    }

    /// A guild is gone: whoever still sits there is told nothing more of it.
    fn dissolve(&mut self, id: GuildId) {
        self.dissolve_voice(id);
        let Some(guild) = self.guilds.get(&id) else { return };
        let seated: Vec<(u64, UserId)> =
            guild.seats().iter().map(|seat| (seat.session.key, seat.user)).collect();
        for (key, user) in seated {
            if let Some(entry) = self.sessions.get(&key) {
                entry.session.drop_guild(id);
            }
            self.unseat(key, id);
            if let Some(account) = self.accounts.get_mut(&user) {
                account.guilds.remove(&id);
            }
        }
    }

    /// Each guild that holds the account is told once.
    fn user_changed(&mut self, now: Now, commit: u64, user: &Arc<User>) {
        self.users_changed = commit;
        let mut touched: Vec<GuildId> = Vec::new();
        for guild in self.guilds.values_mut().filter(|guild| guild.lists.is_some()) {
            guild.relist_user(user);
            touched.push(guild.id);
        }
        let Some(account) = self.accounts.get(&user.id) else {
            touched.into_iter().for_each(|id| self.tell_later(now, id));
            return;
        };
        let guilds: Vec<GuildId> = account.guilds.iter().copied().collect();
        for id in &guilds {
            let Some(guild) = self.guilds.get_mut(id).filter(|guild| commit > guild.loaded) else { continue };
            let Some(member) = guild.member_mut(user.id) else { continue };
            member.user = Some(user.clone());
            let dispatch = Dispatch::MemberUpdate(MemberEvent { guild_id: *id, member: member.clone() });
            tell_guild(guild, &self.meter, now.unix_ms, commit, Reach::Members, &dispatch);
            self.recheck_voice(now, *id);
        }
        touched.into_iter().for_each(|id| self.tell_later(now, id));
    }
}

/// Whether it may change who may be in voice, or what they may do there.
fn decides_voice(dispatch: &Dispatch) -> bool {
    matches!(
        dispatch,
        Dispatch::GuildUpdate(_)
            | Dispatch::RoleUpdate(_)
            | Dispatch::RoleDelete(_)
            | Dispatch::MemberUpdate(_)
            | Dispatch::ChannelUpdate(_)
            | Dispatch::ChannelDelete(_)
    )
}

/// Who of the guild an audience is.
pub(super) fn reach(guild: &Guild, audience: &Audience, dispatch: &Dispatch) -> Reach {
    let needs = |channel: ChannelId| match guild.kind(channel) {
        // Without CONNECT a voice channel shows its name and nothing of its text (API.md §4).
        Some(kind) if kind.is_voice() && is_talk(dispatch) => Permissions::CONNECT,
        _ => Permissions::NONE,
    };
    match audience {
        Audience::Guild(_) | Audience::User(_) | Audience::Users(_) => Reach::Members,
        Audience::GuildHolding(_, any) => Reach::Holding(*any),
        Audience::Channel(_, channel) => Reach::Channel(*channel, needs(*channel)),
        Audience::ChannelHolding(_, channel, right) => Reach::Channel(*channel, *right | needs(*channel)),
    }
}

/// Whether it is about what people say in a channel.
fn is_talk(dispatch: &Dispatch) -> bool {
    matches!(
        dispatch,
        Dispatch::MessageCreate(_)
            | Dispatch::MessageUpdate(_)
            | Dispatch::MessageDelete(_)
            | Dispatch::MessageDeleteBulk(_)
            | Dispatch::ReactionAdd(_)
            | Dispatch::ReactionRemove(_)
            | Dispatch::ReactionRemoveAll(_)
            | Dispatch::ReactionRemoveEmoji(_)
            | Dispatch::PinsUpdate(_)
            | Dispatch::TypingStart(_)
    )
}

/// Makes a dispatch true in the replica and tells it; then tells those who came to see channels by it, or no longer see them.
/// What changed for whom comes back.
fn tell_guild(
    guild: &mut Guild,
    meter: &Meter,
    now_ms: u64,
    commit: u64,
    reach: Reach,
    dispatch: &Dispatch,
) -> Vec<Change> {
    let mut encoding = Encoding::new(dispatch, Some(guild), meter);
    let scope = guild.scope(dispatch);
    guild.keep_for_passive(commit, dispatch);
    if matches!(scope, Scope::Nothing) {
        guild.apply(commit, dispatch);
        guild.relist(dispatch, false);
        fan_out(guild, reach, commit, now_ms, &mut encoding, &HashSet::new());
        return Vec::new();
    }
    let before = guild.views(&scope, now_ms);
    let old = match dispatch {
        Dispatch::ChannelUpdate(channel) => guild.channel(channel.id),
        _ => None,
    };
    if let Dispatch::ChannelDelete(_) = dispatch {
        // Who saw it is known as long as it is there.
        fan_out(guild, reach, commit, now_ms, &mut encoding, &HashSet::new());
    }
    guild.apply(commit, dispatch);
    guild.relist(dispatch, true);
    let after = guild.views_again(&scope, &before, now_ms);
    let changes = compare(&before, &after);
    if !matches!(dispatch, Dispatch::ChannelDelete(_)) {
        let newcomers = match dispatch {
            Dispatch::ChannelUpdate(channel) => gainers(guild, &changes, channel.id),
            _ => HashSet::new(),
        };
        fan_out(guild, reach, commit, now_ms, &mut encoding, &newcomers);
    }
    tell_changes(guild, meter, commit, &changes, old.as_ref());
    changes
}

/// Queues a dispatch for everyone whom `reach` holds, but the sessions in `but`.
fn fan_out(
    guild: &mut Guild,
    reach: Reach,
    commit: u64,
    now_ms: u64,
    encoding: &mut Encoding<'_>,
    but: &HashSet<u64>,
) {
    let id = guild.id;
    let is_farewell = encoding.is_farewell();
    guild.for_each(reach, encoding.hearers(), commit, now_ms, |seat| {
        if is_farewell {
            seat.session.drop_guild(id);
        }
        if !but.is_empty() && but.contains(&seat.session.key) {
            return;
        }
        if !seat.is_bot {
            seat.session.push(encoding.packet_for_person(seat.user));
        } else if encoding.is_wanted_by(seat.session.owner()) {
            seat.session.push(encoding.packet_for(seat.session.owner()));
        }
    });
}

/// What a seat came to see and what it lost from sight.
struct Change {
    seat: usize,
    difference: Arc<Difference>,
}

struct Difference {
    gained: Vec<ChannelId>,
    lost: Vec<ChannelId>,
}

/// Compares the views of the same seats before and after; seats with the same rights share views, and so the work.
fn compare(before: &[(usize, View)], after: &[(usize, View)]) -> Vec<Change> {
    let mut known: HashMap<(*const ChannelId, *const ChannelId), Arc<Difference>> = HashMap::new();
    let mut changes = Vec::new();
    for ((seat, old), (_, new)) in before.iter().zip(after) {
        let difference = known.entry((old.as_ptr(), new.as_ptr())).or_insert_with(|| {
            let missing = |from: &View, of: &View| -> Vec<ChannelId> {
                of.iter().filter(|id| from.binary_search(id).is_err()).copied().collect()
            };
            Arc::new(Difference { gained: missing(old, new), lost: missing(new, old) })
        });
        if !difference.gained.is_empty() || !difference.lost.is_empty() {
            changes.push(Change { seat: *seat, difference: difference.clone() });
        }
    }
    changes
}

/// The sessions that lost channels from sight.
fn losers(guild: &Guild, changes: &[Change]) -> Vec<Arc<Session>> {
    let lost = changes.iter().filter(|change| !change.difference.lost.is_empty());
    lost.map(|change| guild.seats[change.seat].session.clone()).collect()
}

fn gainers(guild: &Guild, changes: &[Change], channel: ChannelId) -> HashSet<u64> {
    changes
        .iter()
        .filter(|change| change.difference.gained.contains(&channel))
        .map(|change| guild.seats()[change.seat].session.key)
        .collect()
}

/// CHANNEL_CREATE to who came to see a channel, categories first; CHANNEL_DELETE to who lost it, with `old` as they knew it, after
/// dropping what waits of it.
fn tell_changes(guild: &Guild, meter: &Meter, commit: u64, changes: &[Change], old: Option<&Arc<Channel>>) {
    let mut packets: HashMap<(ChannelId, bool), Option<Packet>> = HashMap::new();
    let mut packet = |id: ChannelId, is_gain: bool| -> Option<Packet> {
        let make = || {
            let known = old.filter(|channel| channel.id == id && !is_gain).cloned();
            let channel = known.or_else(|| guild.channel(id))?;
            let place = Place { guild: Some(guild.id), channel: is_gain.then_some(id) };
            let dispatch =
                if is_gain { Dispatch::ChannelCreate(channel) } else { Dispatch::ChannelDelete(channel) };
            Some(encode(&dispatch, place, meter))
        };
        packets.entry((id, is_gain)).or_insert_with(make).clone()
    };
    let is_heading = |id: &ChannelId| guild.kind(*id) == Some(ChannelKind::Category);
    for change in changes {
        let seat = &guild.seats()[change.seat];
        if seat.since >= commit {
            continue;
        }
        if !change.difference.lost.is_empty() {
            seat.session.drop_channels(&change.difference.lost);
        }
        if !seat.session.owner().intents.admits("CHANNEL_CREATE", false) {
            continue;
        }
        let split = |ids: &[ChannelId]| ids.iter().copied().partition::<Vec<_>, _>(is_heading);
        let (headings, others) = split(&change.difference.gained);
        for told in headings.into_iter().chain(others).filter_map(|id| packet(id, true)) {
            seat.session.push(told);
        }
        let (headings, others) = split(&change.difference.lost);
        for told in others.into_iter().chain(headings).filter_map(|id| packet(id, false)) {
            seat.session.push(told);
        }
    }
}
