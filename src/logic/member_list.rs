//! The rows of a member list: groups of hoisted roles, then online, then offline, each under its heading; and what a client that
//! holds some ranges of them has to be told when they change (API.md §3.6).

use std::collections::HashMap;
use std::sync::Arc;

use crate::logic::permissions::{Standing, channel_permissions};
use crate::logic::ranked::Ranked;
use crate::model::{GuildId, Overwrite, OverwriteTarget, Permissions, RoleId, UserId};

/// Changes to one range above which its rows are told anew.
const MAX_EDITS: usize = 40;

/// The list of everybody.
const EVERYONE: &str = "everyone";

/// A group of members.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Group {
    /// Those online whose highest hoisted role this is.
    Role(RoleId),
    /// Those online without one.
    Online,
    /// The others.
    Offline,
}

/// A row of a list.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Row {
    /// A group's heading.
    Heading(Group),
    /// A member.
    Member(UserId),
}

/// Where a member stands: by group, then by name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Key {
    /// The group's place from the top.
    pub group: u16,
    /// The name shown, in lower case.
    pub name: Arc<str>,
    /// The member.
    pub user: UserId,
}

/// All rows of a list. A change costs O(log n).
#[derive(Debug)]
pub struct ListRows {
    groups: Arc<[Group]>,
    /// Members of each group.
    counts: Vec<u32>,
    keys: Ranked<Key>,
}

impl ListRows {
    /// The rows of these members, in any order, each of one of the groups.
    pub fn new(groups: Arc<[Group]>, mut keys: Vec<Key>) -> Self {
        keys.sort_unstable();
        let mut counts = vec![0; groups.len()];
        keys.iter().for_each(|key| counts[usize::from(key.group)] += 1);
        Self { groups, counts, keys: Ranked::from_sorted(keys) }
    }

    /// Adds a member who is not there.
    pub fn insert(&mut self, key: Key) {
        let group = usize::from(key.group);
        if self.keys.insert(key) {
            self.counts[group] += 1;
        }
    }

    /// Takes a member out, if there.
    pub fn remove(&mut self, key: &Key) {
        if self.keys.remove(key) {
            self.counts[usize::from(key.group)] -= 1;
        }
    }

    /// Members listed.
    pub fn members(&self) -> usize {
        self.keys.len()
    }

    /// The groups that have members, from the top, and how many.
    pub fn groups(&self) -> impl Iterator<Item = (Group, u32)> {
        self.groups.iter().copied().zip(self.counts.iter().copied()).filter(|(_, count)| *count > 0)
    }

    /// Rows, headings counted.
    pub fn len(&self) -> usize {
        self.keys.len() + self.groups().count()
    }

    /// Whether nobody is listed.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The rows from `first` to `last`, as far as there are any.
    pub fn rows(&self, first: u32, last: u32) -> Vec<Row> {
        let (first, end) = (first as usize, last as usize + 1);
        let mut rows = Vec::new();
        // The row of the group's heading, and how many members come before it.
        let (mut heading, mut before) = (0, 0);
        for (group, count) in self.groups() {
            let count = count as usize;
            if heading >= end {
                break;
            }
            if heading >= first {
                rows.push(Row::Heading(group));
            }
            let from = first.saturating_sub(heading + 1).min(count);
            let until = (end - heading - 1).min(count);
            if from < until {
                let members = self.keys.range(before + from..before + until);
                rows.extend(members.map(|key| Row::Member(key.user)));
            }
            heading += count + 1;
            before += count;
        }
        rows
    }
}

/// One change to the rows a client holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// All rows of the range are to be told.
    Sync,
    /// A row comes in.
    Insert(u32, Row),
    /// A row stays where it is and shows something new.
    Update(u32, Row),
    /// A row goes.
    Delete(u32),
    /// The list no longer reaches into the range.
    Invalidate,
}

/// What turns the rows `old` of a range that begins at `first` into `new`. As many come in as go, unless the list ends in the range,
/// so ranges don't shift each other: those of a list that grew are to be told in ascending order, of one that shrank in descending.
pub fn changes(first: u32, old: &[Row], new: &[Row], is_updated: impl Fn(Row) -> bool) -> Vec<Change> {
    match (old.is_empty(), new.is_empty()) {
        (true, true) => return Vec::new(),
        (true, false) => return vec![Change::Sync],
        (false, true) => return vec![Change::Invalidate],
        (false, false) => {}
    }
    let place: HashMap<Row, usize> = new.iter().enumerate().map(|(place, row)| (*row, place)).collect();
    let stays = longest_ascent(&old.iter().map(|row| place.get(row).copied()).collect::<Vec<_>>());
    let mut is_kept = vec![false; new.len()];
    let mut changes = Vec::new();
    for (at, row) in old.iter().enumerate().rev() {
        if stays[at] {
            is_kept[place[row]] = true;
        } else {
            changes.push(Change::Delete(first + at as u32));
        }
    }
    for (at, row) in new.iter().enumerate() {
        let index = first + at as u32;
        if !is_kept[at] {
            changes.push(Change::Insert(index, *row));
        } else if is_updated(*row) {
            changes.push(Change::Update(index, *row));
        }
    }
    if changes.len() > MAX_EDITS { vec![Change::Sync] } else { changes }
}

/// Which of these numbers make a longest ascending run, gaps allowed.
fn longest_ascent(numbers: &[Option<usize>]) -> Vec<bool> {
    // For each length, where the run of that length with the smallest end ends; and for each number the one before it.
    let mut ends: Vec<usize> = Vec::new();
    let mut previous = vec![usize::MAX; numbers.len()];
    for (at, number) in numbers.iter().enumerate() {
        if number.is_none() {
            continue;
        }
        let length = ends.partition_point(|end| numbers[*end] < *number);
        if length > 0 {
            previous[at] = ends[length - 1];
        }
        match ends.get_mut(length) {
            Some(end) => *end = at,
            None => ends.push(at),
        }
    }
    let mut is_in = vec![false; numbers.len()];
    let mut at = ends.last().copied().unwrap_or(usize::MAX);
    while let Some(is_in) = is_in.get_mut(at) {
        *is_in = true;
        at = previous[at];
    }
    is_in
}

/// What decides who is in a channel's list: its overwrites, as far as they are about viewing, in one order. Channels with the same
/// share the list. `None` where everybody is in it: @everyone, whose rights in the guild these are, sees the channel, and nobody is
/// denied.
pub fn viewers(guild: GuildId, everyone: Permissions, overwrites: &[Overwrite]) -> Option<Box<[Overwrite]>> {
    let view = |bits: Permissions| bits & Permissions::VIEW_CHANNEL;
    let mut about: Vec<Overwrite> = overwrites
        .iter()
        .map(|of| Overwrite { target: of.target, allow: view(of.allow), deny: view(of.deny) })
        .filter(|of| !(of.allow | of.deny).is_empty())
        .collect();
    about.sort_unstable_by_key(text_of);
    let standing = Standing {
        guild,
        member: UserId::new(0),
        roles: &[],
        base: everyone,
        is_owner: false,
        is_timed_out: false,
        is_pending: false,
    };
    let is_seen = channel_permissions(&standing, &about).contains(Permissions::VIEW_CHANNEL);
    let is_denied = |of: &Overwrite| !of.deny.is_empty() && of.target != OverwriteTarget::Role(guild.cast());
    (!is_seen || about.iter().any(is_denied)).then(|| about.into())
}

/// What stands for a list among those of a guild, by what [`viewers`] says.
pub fn list_text(viewers: Option<&[Overwrite]>) -> Arc<str> {
    let Some(overwrites) = viewers else { return EVERYONE.into() };
    overwrites.iter().map(text_of).collect::<Vec<_>>().join(",").into()
}

/// The id clients know a list by: `everyone`, or MurmurHash3 (x86, 32 bits) of the text, as clients of this protocol work it out from
/// a channel's overwrites. It tells lists apart for who reads a few; it is no key.
pub fn list_id(text: &str) -> Arc<str> {
    if text == EVERYONE { EVERYONE.into() } else { murmur3(text.as_bytes()).to_string().into() }
}

fn text_of(overwrite: &Overwrite) -> String {
    let side = if overwrite.allow.is_empty() { "deny" } else { "allow" };
    match overwrite.target {
        OverwriteTarget::Role(role) => format!("{side}:{role}"),
        OverwriteTarget::Member(user) => format!("{side}:{user}"),
    }
}

/// MurmurHash3_x86_32 with seed 0.
fn murmur3(bytes: &[u8]) -> u32 {
    let mix = |block: u32| block.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593);
    let (blocks, rest) = bytes.as_chunks::<4>();
    let mut hash = blocks.iter().fold(0_u32, |hash, block| {
        (hash ^ mix(u32::from_le_bytes(*block))).rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64)
    });
    let tail = rest.iter().rev().fold(0, |tail, byte| tail << 8 | u32::from(*byte));
    if !rest.is_empty() {
        hash ^= mix(tail);
    }
    hash ^= bytes.len() as u32;
    hash = (hash ^ hash >> 16).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ hash >> 13).wrapping_mul(0xc2b2_ae35);
    hash ^ hash >> 16
}

#[cfg(test)]
mod tests;
