//! Who looks at the member lists of a guild: each reader holds some ranges of a list's rows, and is told what changed in them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::{Head, List, Lists, Reader, Viewers, Wanted, text_of};
use crate::hub::encoding::encode;
use crate::hub::guild::Guild;
use crate::hub::session::Session;
use crate::logic::member_list::{self, Change, ListRows, Row};
use crate::logic::session::client_frame::Rows;
use crate::logic::session::{Meter, Packet, Place};
use crate::model::{
    ChannelId, Dispatch, GuildId, ListGroup, ListItem, ListOp, ListedMember, MemberListUpdate,
};

impl Guild {
    /// Lets a session look at the lists of these channels, which it views, and at no others; those it looked at before through
    /// the same channel with the same ranges go on, unless it is to be told them `anew`. `room` more members may be listed.
    pub fn follow(
        &mut self,
        session: &Arc<Session>,
        wanted: &[Wanted],
        is_anew: bool,
        room: usize,
        meter: &Meter,
    ) {
        let mut targets: Vec<(Arc<str>, Viewers, &Wanted)> = Vec::new();
        for wanted in wanted {
            if let Some((text, viewers)) = self.viewers_of(wanted.channel)
                && targets.iter().all(|(other, ..)| *other != text)
            {
                targets.push((text, viewers, wanted));
            }
        }
        let is_kept = |text: &Arc<str>, reader: &Reader| {
            reader.session.key != session.key
                || !is_anew
                    && targets.iter().any(|(target, _, wanted)| {
                        target == text && wanted.channel == reader.channel && wanted.ranges == reader.ranges
                    })
        };
        if let Some(lists) = &mut self.lists {
            for (text, list) in &mut lists.by_text {
                list.drop_readers(|reader| is_kept(text, reader));
            }
        }
        let mut room = room;
        for (text, viewers, wanted) in targets {
            let goes_on = self
                .lists
                .as_ref()
                .and_then(|lists| lists.by_text.get(&text))
                .is_some_and(|list| list.readers.iter().any(|reader| reader.session.key == session.key));
            if !goes_on && self.open(&text, viewers, &mut room, meter) {
                self.greet_reader(&text, session, wanted, meter);
            }
        }
        self.close_unread();
    }

    /// Makes a list if there is none yet; `false` when there is no room.
    fn open(&mut self, text: &Arc<str>, viewers: Viewers, room: &mut usize, meter: &Meter) -> bool {
        let Some(lists) = &self.lists else { return false };
        let is_open = lists.by_text.contains_key(text);
        if lists.is_stale {
            self.restack();
        }
        if is_open {
            // Who comes later begins with what the others hold.
            self.tell_one_list(text, meter);
            return true;
        }
        let Some(lists) = &self.lists else { return false };
        if lists.roster.len() > *room {
            return false;
        }
        let mut list = List {
            id: member_list::list_id(text),
            viewers,
            sees: Vec::new(),
            rows: ListRows::new(lists.groups.clone(), Vec::new()),
            ranges: BTreeMap::new(),
            readers: Vec::new(),
            told: Head::default(),
            told_rows: 0,
            told_change: lists.change,
        };
        list.rows = self.rows_of(&mut list);
        *room -= list.rows.members();
        list.told_rows = list.rows.len();
        if let Some(lists) = &mut self.lists {
            list.told = lists.head(&list, self.member_count);
            lists.by_text.insert(text.clone(), list);
        }
        true
    }

    /// Tells a session the rows of its ranges as everybody else who holds them has them.
    fn greet_reader(&mut self, text: &Arc<str>, session: &Arc<Session>, wanted: &Wanted, meter: &Meter) {
        let (guild, member_count) = (self.id, self.member_count);
        let Some(lists) = &mut self.lists else { return };
        let Some(list) = lists.by_text.get_mut(text) else { return };
        for range in wanted.ranges.iter() {
            let rows = || (list.rows.rows(range.first, range.last), 0);
            list.ranges.entry(*range).or_insert_with(rows).1 += 1;
        }
        let reader =
            Reader { session: session.clone(), channel: wanted.channel, ranges: wanted.ranges.clone() };
        let Some(lists) = &self.lists else { return };
        let Some(list) = lists.by_text.get(text) else { return };
        let sync = |range: &Rows| lists.sync(*range, &list.ranges[range].0, &list.rows, guild);
        let ops = wanted.ranges.iter().map(sync).collect();
        let head = lists.head(list, member_count);
        session.push_answer(packet(guild, &list.id, &head, ops, wanted.channel, meter));
        if let Some(list) = self.lists.as_mut().and_then(|lists| lists.by_text.get_mut(text)) {
            list.readers.push(reader);
        }
    }

    /// A session looks at nothing any more.
    pub fn unfollow(&mut self, key: u64) {
        let Some(lists) = &mut self.lists else { return };
        for list in lists.by_text.values_mut() {
            list.drop_readers(|reader| reader.session.key != key);
        }
        self.close_unread();
    }

    /// Lets go the readers of lists, by session and channel, that `is_over` picks. Their lists stay until they
    /// [follow](Self::follow) others.
    pub fn stop_reading(&mut self, is_over: impl Fn(u64, ChannelId) -> bool) {
        let Some(lists) = &mut self.lists else { return };
        for list in lists.by_text.values_mut() {
            list.drop_readers(|reader| !is_over(reader.session.key, reader.channel));
        }
    }

    /// Lets go what nobody looks at.
    fn close_unread(&mut self) {
        let Some(lists) = &mut self.lists else { return };
        lists.by_text.retain(|_, list| !list.readers.is_empty());
        if lists.by_text.is_empty()
            && let Some(lists) = self.lists.take()
        {
            lists.roster.values().for_each(|listed| self.sets.leave(listed.set));
        }
    }

    /// Tells everybody who looks at a list what changed in their ranges since the last time.
    pub fn tell_lists(&mut self, meter: &Meter) {
        let Some(lists) = &self.lists else { return };
        if !lists.is_dirty {
            return;
        }
        if lists.is_stale {
            self.restack();
        }
        let Some(lists) = &mut self.lists else { return };
        lists.is_dirty = false;
        let mut by_text = std::mem::take(&mut lists.by_text);
        for list in by_text.values_mut() {
            self.tell_list(list, meter);
        }
        if let Some(lists) = &mut self.lists {
            lists.by_text = by_text;
        }
    }

    fn tell_one_list(&mut self, text: &str, meter: &Meter) {
        let taken = self.lists.as_mut().and_then(|lists| lists.by_text.remove_entry(text));
        let Some((text, mut list)) = taken else { return };
        self.tell_list(&mut list, meter);
        if let Some(lists) = &mut self.lists {
            lists.by_text.insert(text, list);
        }
    }

    fn tell_list(&self, list: &mut List, meter: &Meter) {
        let Some(lists) = &self.lists else { return };
        let rows = list.rows.len();
        let is_shorter = rows < list.told_rows;
        let mut ops: HashMap<Rows, Vec<ListOp>> = HashMap::new();
        for (range, (held, _)) in &mut list.ranges {
            let new = list.rows.rows(range.first, range.last);
            let is_updated = |row| match row {
                Row::Heading(_) => false,
                Row::Member(user) => {
                    lists.roster.get(&user).is_some_and(|listed| listed.changed > list.told_change)
                }
            };
            let changes = member_list::changes(range.first, held, &new, is_updated);
            if !changes.is_empty() {
                let op = |change: &Change| lists.op(*change, *range, &new, &list.rows, self.id);
                ops.insert(*range, changes.iter().map(op).collect());
            }
            *held = new;
        }
        let head = lists.head(list, self.member_count);
        let is_headed = head != list.told;
        (list.told_rows, list.told_change, list.told) = (rows, lists.change, head);
        let mut packets: HashMap<(ChannelId, Arc<[Rows]>), Option<Packet>> = HashMap::new();
        for reader in &list.readers {
            let make = || {
                let mut order: Vec<&Rows> = reader.ranges.iter().collect();
                if is_shorter {
                    order.reverse();
                }
                let own: Vec<ListOp> =
                    order.into_iter().filter_map(|range| ops.get(range)).flatten().cloned().collect();
                let is_news = is_headed || !own.is_empty();
                is_news.then(|| packet(self.id, &list.id, &list.told, own, reader.channel, meter))
            };
            let packet = packets.entry((reader.channel, reader.ranges.clone())).or_insert_with(make);
            if let Some(packet) = packet {
                reader.session.push(packet.clone());
            }
        }
    }
}

impl List {
    /// Lets go the readers that are not to be kept, and the ranges nobody holds then.
    fn drop_readers(&mut self, mut is_kept: impl FnMut(&Reader) -> bool) {
        let Self { readers, ranges, .. } = self;
        readers.retain(|reader| {
            let is_kept = is_kept(reader);
            if !is_kept {
                for range in reader.ranges.iter() {
                    if let Some((_, holders)) = ranges.get_mut(range) {
                        *holders -= 1;
                    }
                }
            }
            is_kept
        });
        ranges.retain(|_, (_, holders)| *holders > 0);
    }
}

impl Lists {
    fn head(&self, list: &List, member_count: u64) -> Head {
        let groups = list.rows.groups().map(|(group, count)| ListGroup { id: text_of(group), count });
        Head { member_count, online_count: self.online, groups: groups.collect() }
    }

    fn sync(&self, range: Rows, rows: &[Row], all: &ListRows, guild: GuildId) -> ListOp {
        let items = rows.iter().filter_map(|row| self.item(*row, all, guild)).collect();
        ListOp::Sync { range: [range.first, range.last], items }
    }

    fn op(&self, change: Change, range: Rows, rows: &[Row], all: &ListRows, guild: GuildId) -> ListOp {
        let item = |row| self.item(row, all, guild).expect("rows of a list are in the roster");
        match change {
            Change::Sync => self.sync(range, rows, all, guild),
            Change::Insert(index, row) => ListOp::Insert { index, item: item(row) },
            Change::Update(index, row) => ListOp::Update { index, item: item(row) },
            Change::Delete(index) => ListOp::Delete { index },
            Change::Invalidate => ListOp::Invalidate { range: [range.first, range.last] },
        }
    }

    fn item(&self, row: Row, all: &ListRows, guild: GuildId) -> Option<ListItem> {
        Some(match row {
            Row::Heading(wanted) => {
                let (group, count) = all.groups().find(|(group, _)| *group == wanted)?;
                ListItem::Group(ListGroup { id: text_of(group), count })
            }
            Row::Member(user) => {
                let listed = self.roster.get(&user)?;
                let shown = listed.shown.clone().unwrap_or_default();
                let presence = shown.presence(user, Some(guild));
                ListItem::Member(Box::new(ListedMember { member: listed.member.clone(), presence }))
            }
        })
    }
}

/// Dropped with what waits of its channel when the right to view that is lost.
fn packet(
    guild: GuildId,
    id: &Arc<str>,
    head: &Head,
    ops: Vec<ListOp>,
    channel: ChannelId,
    meter: &Meter,
) -> Packet {
    let Head { member_count, online_count, groups } = head.clone();
    let update =
        MemberListUpdate { guild_id: guild, id: id.clone(), member_count, online_count, groups, ops };
    let place = Place { guild: Some(guild), channel: Some(channel) };
    encode(&Dispatch::MemberListUpdate(Box::new(update)), place, meter)
}
