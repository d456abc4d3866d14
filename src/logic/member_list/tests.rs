//! Rows against a list that is built anew each time, and changes against a client that applies them.

use std::collections::BTreeMap;

use super::*;

const GROUPS: [Group; 3] = [Group::Role(RoleId::new(9)), Group::Online, Group::Offline];

struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

fn key(user: u64, group: u16) -> Key {
    Key { group, name: format!("n{:03}", user * 7 % 500).into(), user: UserId::new(user) }
}

/// All rows, by sorting.
fn sorted(members: &BTreeMap<u64, u16>) -> Vec<Row> {
    let mut keys: Vec<Key> = members.iter().map(|(user, group)| key(*user, *group)).collect();
    keys.sort();
    let mut rows = Vec::new();
    for (at, group) in GROUPS.iter().enumerate() {
        let of_group: Vec<_> = keys.iter().filter(|key| usize::from(key.group) == at).collect();
        if !of_group.is_empty() {
            rows.push(Row::Heading(*group));
            rows.extend(of_group.iter().map(|key| Row::Member(key.user)));
        }
    }
    rows
}

/// Does to a client's rows what it is told; rows it was never told are `None`.
fn apply(held: &mut Vec<Option<Row>>, range: (u32, u32), change: Change, list: &ListRows) {
    let put = |held: &mut Vec<Option<Row>>, index: usize, row: Row| {
        held.resize(held.len().max(index), None);
        held.insert(index, Some(row));
    };
    match change {
        Change::Sync => {
            for (at, row) in list.rows(range.0, range.1).into_iter().enumerate() {
                let index = range.0 as usize + at;
                held.resize(held.len().max(index + 1), None);
                held[index] = Some(row);
            }
        }
        Change::Insert(index, row) => put(held, index as usize, row),
        Change::Update(index, row) => assert_eq!(held[index as usize], Some(row)),
        Change::Delete(index) => _ = held.remove(index as usize),
        Change::Invalidate => {
            let end = held.len().min(range.1 as usize + 1);
            held[range.0 as usize..end].fill(None);
        }
    }
}

#[test]
fn a_client_that_applies_the_changes_holds_the_rows() {
    for seed in 0..300 {
        let mut random = Random(seed);
        let mut members: BTreeMap<u64, u16> = BTreeMap::new();
        let mut list = ListRows::new(GROUPS.into(), Vec::new());
        let ranges = [(0, 9), (10, 19), (30, 49)];
        let mut told: Vec<Vec<Row>> = vec![Vec::new(); ranges.len()];
        let (mut held, mut told_len) = (Vec::new(), 0);
        let size = [8, 30, 60, 200][seed as usize % 4];
        for _ in 0..60 {
            for _ in 0..random.below(8) {
                let user = random.below(size);
                if let Some(group) = members.remove(&user) {
                    list.remove(&key(user, group));
                }
                if random.below(3) > 0 {
                    let group = random.below(3) as u16;
                    members.insert(user, group);
                    list.insert(key(user, group));
                }
            }
            let all = sorted(&members);
            assert_eq!(list.len(), all.len());
            let mut order: Vec<usize> = (0..ranges.len()).collect();
            if list.len() < told_len {
                order.reverse();
            }
            for at in order {
                let (first, last) = ranges[at];
                let new = list.rows(first, last);
                let shown: Vec<Row> =
                    all.iter().skip(first as usize).take((last - first) as usize + 1).copied().collect();
                assert_eq!(new, shown);
                for change in changes(first, &told[at], &new, |_| random_is_even(first)) {
                    apply(&mut held, (first, last), change, &list);
                }
                told[at] = new;
            }
            told_len = list.len();
            held.truncate(told_len);
            for (at, (first, _)) in ranges.iter().enumerate() {
                let shown = held.iter().skip(*first as usize).take(told[at].len());
                assert!(shown.copied().eq(told[at].iter().copied().map(Some)), "seed {seed}, range {at}");
            }
        }
    }
}

fn random_is_even(number: u32) -> bool {
    number.is_multiple_of(2)
}

#[test]
fn what_moves_is_told_in_few_changes() {
    let rows: Vec<Row> = (0..100).map(|user| Row::Member(UserId::new(user))).collect();
    let mut moved = rows.clone();
    let row = moved.remove(80);
    moved.insert(3, row);
    assert_eq!(changes(0, &rows, &moved, |_| false), [Change::Delete(80), Change::Insert(3, row)]);
    moved.reverse();
    assert_eq!(changes(0, &rows, &moved, |_| false), [Change::Sync]);
    assert!(changes(0, &rows, &rows, |_| false).is_empty());
    assert_eq!(changes(7, &rows, &[], |_| false), [Change::Invalidate]);
}

#[test]
fn channels_that_the_same_people_view_share_a_list() {
    let guild = GuildId::new(1);
    let role = |id, allow, deny| Overwrite { target: OverwriteTarget::Role(RoleId::new(id)), allow, deny };
    let (view, talk, none) = (Permissions::VIEW_CHANNEL, Permissions::SEND_MESSAGES, Permissions::NONE);
    let of = |everyone, overwrites: &[Overwrite]| {
        list_id(&list_text(viewers(guild, everyone, overwrites).as_deref()))
    };
    assert_eq!(&*of(view, &[]), "everyone");
    assert_eq!(&*of(view, &[role(1, none, talk)]), "everyone", "posting is not viewing");
    assert_eq!(&*of(view, &[role(5, view, none)]), "everyone");
    assert_ne!(&*of(none, &[]), "everyone");
    assert_ne!(&*of(view, &[role(5, none, view)]), "everyone", "some role is denied");
    let staff = [role(1, none, view), role(5, view | talk, none)];
    let staff_too = [role(5, view, talk), role(1, none, view)];
    assert_eq!(of(view, &staff), of(view, &staff_too));
    assert_ne!(of(view, &staff), of(view, &staff[..1]));
}

/// Known answers of MurmurHash3_x86_32.
#[test]
fn the_hash_is_the_one_clients_know() {
    assert_eq!(murmur3(b""), 0);
    assert_eq!(murmur3(b"hello"), 0x248b_fa47);
    assert_eq!(murmur3(b"hello, world"), 0x149b_bb7f);
    assert_eq!(murmur3(b"The quick brown fox jumps over the lazy dog"), 0x2e4f_f723);
}
