//! The member lists of one guild that somebody looks at (API.md §3.6). Channels that the same people may view share a list. All is
//! made from what the replica knows, kept by the events it is told, and gone when nobody looks any more.
//!
//! A list of a guild of more than [`MAX_WITH_OFFLINE`] members holds those online only, whom the replica holds anyway; of a smaller
//! one an action brings the others. A member costs about 100 bytes in the roster beside the membership itself and 40 in each list.

mod readers;

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::hub::guild::Guild;
use crate::hub::presence::Shown;
use crate::hub::role_sets::{RoleRights, RoleSets, SetIndex};
use crate::hub::session::Session;
use crate::logic::member_list::{self, Group, Key, ListRows, Row};
use crate::logic::permissions::{Standing, channel_permissions, rank};
use crate::logic::session::client_frame::Rows;
use crate::model::{
    ChannelId, Dispatch, GuildId, ListGroup, Member, Overwrite, OverwriteTarget, Permissions, RoleId, User,
    UserId,
};

/// Members up to which a guild's lists hold those who are offline too (API.md §3.6).
pub const MAX_WITH_OFFLINE: u64 = 1_000;
/// Members that all lists of all guilds may hold together when one more is opened: some 80 MB.
pub const MAX_LISTED: usize = 2_000_000;

/// Who is in a list, as overwrites say it; `None` is everybody.
type Viewers = Option<Box<[Overwrite]>>;

/// The lists of a guild, and everybody who may be in one.
#[derive(Debug)]
pub(super) struct Lists {
    roster: HashMap<UserId, Listed>,
    /// Whether those who are offline are in the roster.
    has_offline: bool,
    online: u64,
    /// Hoisted roles from the top, then online, then offline.
    groups: Arc<[Group]>,
    by_text: HashMap<Arc<str>, List>,
    /// Rises with each change of a row.
    change: u64,
    /// The groups or who views what changed: everybody finds their place anew at the next pass.
    is_stale: bool,
    is_dirty: bool,
}

/// Somebody who may be in lists.
#[derive(Debug)]
struct Listed {
    member: Member,
    set: SetIndex,
    name: Arc<str>,
    /// What they show, if online.
    shown: Option<Shown>,
    group: Option<u16>,
    /// The change they were last touched by.
    changed: u64,
}

impl Listed {
    fn key(&self, user: UserId) -> Option<Key> {
        Some(Key { group: self.group?, name: self.name.clone(), user })
    }
}

/// One list.
#[derive(Debug)]
struct List {
    id: Arc<str>,
    viewers: Viewers,
    /// Whether members with a set of roles and no overwrite of their own are in it, once worked out.
    sees: Vec<Option<bool>>,
    rows: ListRows,
    /// The rows of each range that somebody holds, as they were told, and how many hold it.
    ranges: BTreeMap<Rows, (Vec<Row>, u32)>,
    readers: Vec<Reader>,
    told: Head,
    told_rows: usize,
    /// The last change that is told.
    told_change: u64,
}

/// A session that looks at a list, by way of a channel it views.
#[derive(Debug)]
struct Reader {
    session: Arc<Session>,
    channel: ChannelId,
    ranges: Arc<[Rows]>,
}

/// What each update tells beside rows.
#[derive(Clone, PartialEq, Debug, Default)]
struct Head {
    member_count: u64,
    online_count: u64,
    groups: Arc<[ListGroup]>,
}

/// One list that a session is to look at, through the first of its channels that has it.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub channel: ChannelId,
    pub ranges: Arc<[Rows]>,
}

impl Guild {
    /// Begins to keep lists. `members` are all of the guild, or none for one that is too big to list who is offline.
    pub fn begin_lists(&mut self, members: Option<Vec<Member>>, shown: impl Fn(UserId) -> Option<Shown>) {
        let has_offline = members.is_some();
        let held = self.members.values().map(|held| held.member.clone());
        let all: Vec<Member> = members.unwrap_or_default().into_iter().chain(held).collect();
        self.lists = Some(Box::new(Lists {
            roster: HashMap::new(),
            has_offline,
            online: 0,
            groups: self.groups(),
            by_text: HashMap::new(),
            change: 0,
            is_stale: false,
            is_dirty: false,
        }));
        for member in all {
            let shown = member.user.as_ref().and_then(|user| shown(user.id));
            if has_offline || shown.is_some() {
                self.list(member, shown);
            }
        }
        if let Some(lists) = &mut self.lists {
            // Nobody was told anything that could have changed.
            lists.is_dirty = false;
        }
    }

    /// Members in all lists of the guild.
    pub fn listed(&self) -> usize {
        let of = |lists: &Lists| lists.by_text.values().map(|list| list.rows.members()).sum();
        self.lists.as_ref().map_or(0, |lists| of(lists))
    }

    /// Whether a pass has something to tell.
    pub fn has_unlisted_changes(&self) -> bool {
        self.lists.as_ref().is_some_and(|lists| lists.is_dirty)
    }

    fn groups(&self) -> Arc<[Group]> {
        let mut hoisted: Vec<_> = self
            .roles
            .iter()
            .filter(|(id, rights)| rights.is_hoisted && **id != self.id.cast())
            .map(|(id, rights)| (rank(rights.position, *id), *id))
            .collect();
        hoisted.sort_unstable_by_key(|(rank, _)| Reverse(*rank));
        hoisted.into_iter().map(|(_, id)| Group::Role(id)).chain([Group::Online, Group::Offline]).collect()
    }

    /// Puts somebody into the roster and in their place in every list.
    fn list(&mut self, member: Member, shown: Option<Shown>) {
        let Some(user) = member.user.as_ref().map(|user| user.id) else { return };
        let set = self.enter(&member.roles);
        let Some(lists) = &mut self.lists else { return };
        let name = name_of(&member);
        lists.online += u64::from(shown.is_some());
        let new = Listed { member, set, name, shown, group: None, changed: 0 };
        if let Some(old) = lists.roster.insert(user, new) {
            lists.online -= u64::from(old.shown.is_some());
            self.sets.leave(old.set);
            if let Some(key) = old.key(user) {
                lists.by_text.values_mut().for_each(|list| list.rows.remove(&key));
            }
        }
        self.place(user);
    }

    fn unlist(&mut self, user: UserId) {
        let Some(lists) = &mut self.lists else { return };
        let Some(old) = lists.roster.remove(&user) else { return };
        lists.online -= u64::from(old.shown.is_some());
        lists.is_dirty = true;
        if let Some(key) = old.key(user) {
            lists.by_text.values_mut().for_each(|list| list.rows.remove(&key));
        }
        self.sets.leave(old.set);
    }

    /// Finds somebody's place in each list anew; their row is told again.
    fn place(&mut self, user: UserId) {
        let Some(lists) = &mut self.lists else { return };
        let Some(listed) = lists.roster.get_mut(&user) else { return };
        lists.change += 1;
        lists.is_dirty = true;
        listed.changed = lists.change;
        let old = listed.key(user);
        listed.group = group_of(listed, &lists.groups, lists.has_offline);
        let (new, set) = (listed.key(user), listed.set);
        for list in lists.by_text.values_mut() {
            if let Some(old) = old.as_ref().filter(|old| new.as_ref() != Some(*old)) {
                list.rows.remove(old);
            }
            let Some(new) = &new else { continue };
            let mut viewing =
                Viewing { guild: self.id, owner: self.owner, sets: &mut self.sets, roles: &self.roles };
            if viewing.is_in(list, user, set) {
                list.rows.insert(new.clone());
            } else {
                list.rows.remove(new);
            }
        }
    }

    /// Makes true in the lists what the replica was just told. `changes_views` says whether somebody may view other channels by it.
    pub fn relist(&mut self, dispatch: &Dispatch, changes_views: bool) {
        let Some(lists) = &self.lists else { return };
        match dispatch {
            Dispatch::MemberAdd(event) => {
                if self.member_count > MAX_WITH_OFFLINE && lists.has_offline {
                    self.drop_offline();
                }
                let is_kept = self.lists.as_ref().is_some_and(|lists| lists.has_offline);
                if is_kept {
                    self.list(event.member.clone(), None);
                }
                self.stir_lists();
            }
            Dispatch::MemberUpdate(event) => self.relist_member(&event.member),
            Dispatch::MemberRemove(event) => {
                self.unlist(event.user.id);
                self.stir_lists();
            }
            Dispatch::RoleCreate(_) | Dispatch::RoleUpdate(_) | Dispatch::GuildUpdate(_)
                if changes_views || self.groups() != lists.groups =>
            {
                self.restack_later();
            }
            Dispatch::RoleDelete(event) => self.forget_listed_role(event.role_id),
            _ => {}
        }
    }

    fn stir_lists(&mut self) {
        if let Some(lists) = &mut self.lists {
            lists.is_dirty = true;
        }
    }

    /// A guild that grew is listed without those who are offline.
    fn drop_offline(&mut self) {
        let Some(lists) = &mut self.lists else { return };
        lists.has_offline = false;
        let gone = lists.roster.iter().filter(|(_, listed)| listed.shown.is_none()).map(|(user, _)| *user);
        for user in gone.collect::<Vec<_>>() {
            self.unlist(user);
        }
    }

    /// A membership, or the account behind it, changed.
    pub fn relist_member(&mut self, member: &Member) {
        let Some(user) = member.user.as_ref().map(|user| user.id) else { return };
        let Some(listed) = self.lists.as_ref().and_then(|lists| lists.roster.get(&user)) else { return };
        let shown = listed.shown.clone();
        self.list(member.clone(), shown);
    }

    /// The account behind a member who is not connected changed.
    pub fn relist_user(&mut self, user: &Arc<User>) {
        let Some(listed) = self.lists.as_ref().and_then(|lists| lists.roster.get(&user.id)) else { return };
        let member = Member { user: Some(user.clone()), ..listed.member.clone() };
        self.relist_member(&member);
    }

    /// Somebody comes, goes or shows something else.
    pub fn relist_presence(&mut self, user: UserId, shown: &Shown) {
        let Some(lists) = &mut self.lists else { return };
        let shown = shown.is_online().then(|| shown.clone());
        match (lists.roster.get_mut(&user), &shown) {
            (Some(_), None) if !lists.has_offline => self.unlist(user),
            (Some(listed), _) if listed.shown == shown => {}
            (Some(listed), _) => {
                lists.online -= u64::from(listed.shown.is_some());
                lists.online += u64::from(shown.is_some());
                listed.shown = shown;
                self.place(user);
            }
            (None, Some(_)) => {
                if let Some(member) = self.member(user).cloned() {
                    self.list(member, shown);
                }
            }
            (None, None) => {}
        }
    }

    /// The groups may have changed, or who is in which list.
    fn restack_later(&mut self) {
        if let Some(lists) = &mut self.lists {
            (lists.is_stale, lists.is_dirty) = (true, true);
        }
    }

    /// Nothing is told of the members who held a role that is gone, so it is taken from them here.
    fn forget_listed_role(&mut self, role: RoleId) {
        let Some(lists) = &self.lists else { return };
        let holders = lists.roster.iter().filter(|(_, listed)| listed.member.roles.contains(&role));
        for user in holders.map(|(user, _)| *user).collect::<Vec<_>>() {
            let Some(listed) = self.lists.as_mut().and_then(|lists| lists.roster.get_mut(&user)) else {
                continue;
            };
            listed.member.roles.retain(|held| *held != role);
            let (roles, old) = (listed.member.roles.clone(), listed.set);
            let set = self.enter(&roles);
            self.sets.leave(old);
            if let Some(lists) = &mut self.lists
                && let Some(listed) = lists.roster.get_mut(&user)
            {
                lists.change += 1;
                (listed.set, listed.changed) = (set, lists.change);
            }
        }
        self.restack_later();
    }

    /// These numbers of sets mean something else now.
    pub fn forget_listed_sets(&mut self, sets: &[SetIndex]) {
        let Some(lists) = &mut self.lists else { return };
        for list in lists.by_text.values_mut() {
            for set in sets {
                if let Some(sees) = list.sees.get_mut(*set as usize) {
                    *sees = None;
                }
            }
        }
    }

    /// Lets everybody find their place anew.
    fn restack(&mut self) {
        let groups = self.groups();
        let Some(lists) = &mut self.lists else { return };
        lists.groups = groups;
        for listed in lists.roster.values_mut() {
            listed.group = group_of(listed, &lists.groups, lists.has_offline);
        }
        let mut by_text = std::mem::take(&mut lists.by_text);
        for list in by_text.values_mut() {
            list.sees.clear();
            list.rows = self.rows_of(list);
        }
        if let Some(lists) = &mut self.lists {
            lists.by_text = by_text;
            lists.is_stale = false;
        }
    }

    fn rows_of(&mut self, list: &mut List) -> ListRows {
        let Some(lists) = &self.lists else { return ListRows::new([].into(), Vec::new()) };
        let mut viewing =
            Viewing { guild: self.id, owner: self.owner, sets: &mut self.sets, roles: &self.roles };
        let viewers = lists.roster.iter().filter_map(|(user, listed)| {
            let key = listed.key(*user)?;
            viewing.is_in(list, *user, listed.set).then_some(key)
        });
        let keys = viewers.collect();
        ListRows::new(lists.groups.clone(), keys)
    }

    /// The text that stands for who views a channel, and the overwrites that say it.
    fn viewers_of(&self, channel: ChannelId) -> Option<(Arc<str>, Viewers)> {
        let held = self.channels.get(&channel)?;
        let everyone = self.roles.get(&self.id.cast()).map(|role| role.permissions).unwrap_or_default();
        let overwrites = held.channel.permission_overwrites.as_deref().unwrap_or_default();
        let viewers = member_list::viewers(self.id, everyone, overwrites);
        Some((member_list::list_text(viewers.as_deref()), viewers))
    }
}

/// What decides who views what, lent from a guild.
struct Viewing<'a> {
    guild: GuildId,
    owner: UserId,
    sets: &'a mut RoleSets,
    roles: &'a HashMap<RoleId, RoleRights>,
}

impl Viewing<'_> {
    /// Whether somebody is in a list. Neither a time-out nor screening takes the right to view.
    fn is_in(&mut self, list: &mut List, user: UserId, set: SetIndex) -> bool {
        let Some(viewers) = &list.viewers else { return true };
        if user == self.owner {
            return true;
        }
        let has_own = viewers.iter().any(|of| of.target == OverwriteTarget::Member(user));
        let at = set as usize;
        if let Some(sees) = list.sees.get(at).copied().flatten().filter(|_| !has_own) {
            return sees;
        }
        let base = self.sets.base(set, self.guild, self.roles);
        let standing = Standing {
            guild: self.guild,
            member: user,
            roles: self.sets.roles(set),
            base,
            is_owner: false,
            is_timed_out: false,
            is_pending: false,
        };
        let sees = channel_permissions(&standing, viewers).contains(Permissions::VIEW_CHANNEL);
        if !has_own {
            list.sees.resize(list.sees.len().max(at + 1), None);
            list.sees[at] = Some(sees);
        }
        sees
    }
}

/// The group somebody stands in: those online in that of their highest hoisted role.
fn group_of(listed: &Listed, groups: &[Group], has_offline: bool) -> Option<u16> {
    let place = |wanted: Group| groups.iter().position(|group| *group == wanted).map(|place| place as u16);
    if listed.shown.is_none() {
        return place(Group::Offline).filter(|_| has_offline);
    }
    let hoisted = listed.member.roles.iter().filter_map(|role| place(Group::Role(*role)));
    hoisted.min().or_else(|| place(Group::Online))
}

/// The name shown, in lower case.
fn name_of(member: &Member) -> Arc<str> {
    let user = member.user.as_ref();
    let name = member.nick.as_deref().or_else(|| user.and_then(|user| user.global_name.as_deref()));
    name.or_else(|| user.map(|user| user.username.as_str())).unwrap_or_default().to_lowercase().into()
}

fn text_of(group: Group) -> Arc<str> {
    match group {
        Group::Role(role) => role.to_string().into(),
        Group::Online => "online".into(),
        Group::Offline => "offline".into(),
    }
}
