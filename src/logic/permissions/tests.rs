//! The algorithm against a model twice as simple, which decides one bit at a time by the numbers of API.md §4's table; the same model
//! writes the vectors that the web client runs.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::model::Id;

const GUILD: u64 = 1_000;
const MEMBER: u64 = 42;
const EVERY: [u64; 52] = {
    let mut bits = [0; 52];
    let mut next = 0;
    while next < 52 {
        bits[next] = if next < 47 { next as u64 } else { next as u64 + 1 };
        next += 1;
    }
    bits
};
const GUILD_LEVEL: [u64; 12] = [1, 2, 3, 5, 7, 19, 26, 27, 30, 40, 41, 43];
const VIEW: u64 = 10;
const SEND: u64 = 11;
const HISTORY: u64 = 16;
const CONNECT: u64 = 20;
const SEND_IN_THREADS: u64 = 38;
/// TTS, embeds, files, @everyone, voice messages, polls.
const OF_SENDING: [u64; 6] = [12, 14, 15, 17, 46, 49];

/// A member, the roles and overwrites that concern them and some that don't.
#[derive(Clone, Debug)]
struct Case {
    everyone: u64,
    roles: Vec<(u64, u64)>,
    member_roles: Vec<u64>,
    overwrites: Vec<(u64, u8, u64, u64)>,
    owner: bool,
    timed_out: bool,
    pending: bool,
    kind: u8,
}

/// What the simple model says of a case.
#[derive(Debug, PartialEq)]
struct Answer {
    base: u64,
    channel: u64,
    effective: u64,
}

fn has(set: u64, bit: u64) -> bool {
    set >> bit & 1 == 1
}

fn all_bits_where(is_held: impl Fn(u64) -> bool) -> u64 {
    EVERY.into_iter().filter(|bit| is_held(*bit)).map(|bit| 1 << bit).sum()
}

fn model(case: &Case) -> Answer {
    let granted = |bit| {
        let by_role =
            case.roles.iter().any(|(id, rights)| case.member_roles.contains(id) && has(*rights, bit));
        has(case.everyone, bit) || by_role
    };
    let is_admin = case.owner || granted(3);
    let is_muted = case.timed_out || case.pending;
    let survives = |bit| is_admin || !is_muted || bit == VIEW || bit == HISTORY;
    let layers: [&dyn Fn(u64, u8) -> bool; 3] = [
        &|id, kind| kind == 0 && id == GUILD,
        &|id, kind| kind == 0 && case.member_roles.contains(&id),
        &|id, kind| kind == 1 && id == MEMBER,
    ];
    let in_channel = |bit| {
        let mut is_held = granted(bit);
        for concerns in layers {
            let here = || case.overwrites.iter().filter(|(id, kind, ..)| concerns(*id, *kind));
            if here().any(|(.., allow, _)| has(*allow, bit)) {
                is_held = true;
            } else if here().any(|(.., deny)| has(*deny, bit)) {
                is_held = false;
            }
        }
        is_admin || if GUILD_LEVEL.contains(&bit) { granted(bit) } else { is_held }
    };
    let in_channel = |bit| in_channel(bit) && survives(bit);
    let (is_voice, is_thread) = (matches!(case.kind, 2 | 13), matches!(case.kind, 10..=12));
    let may_send = in_channel(if is_thread { SEND_IN_THREADS } else { SEND });
    let is_effective = |bit| {
        let is_reached = !is_voice || in_channel(CONNECT) || bit == VIEW;
        let is_usable = may_send || !OF_SENDING.contains(&bit);
        let has_meaning = !(is_thread && bit == SEND);
        in_channel(VIEW) && is_reached && is_usable && has_meaning && in_channel(bit)
    };
    Answer {
        base: all_bits_where(|bit| is_admin || (granted(bit) && survives(bit))),
        channel: all_bits_where(in_channel),
        effective: all_bits_where(is_effective),
    }
}

fn real(case: &Case) -> Answer {
    let bits = Permissions::from_bits;
    let held_roles =
        case.roles.iter().filter(|(id, _)| case.member_roles.contains(id)).map(|(_, held)| bits(*held));
    let base = guild_permissions(case.owner, bits(case.everyone), held_roles, case.timed_out, case.pending);
    let roles: Vec<RoleId> = case.member_roles.iter().copied().map(Id::new).collect();
    let overwrites: Vec<Overwrite> = case
        .overwrites
        .iter()
        .map(|&(id, kind, allow, deny)| Overwrite {
            target: if kind == 0 {
                OverwriteTarget::Role(Id::new(id))
            } else {
                OverwriteTarget::Member(Id::new(id))
            },
            allow: bits(allow),
            deny: bits(deny),
        })
        .collect();
    let standing = Standing {
        guild: Id::new(GUILD),
        member: Id::new(MEMBER),
        roles: &roles,
        base,
        is_owner: case.owner,
        is_timed_out: case.timed_out,
        is_pending: case.pending,
    };
    let channel = channel_permissions(&standing, &overwrites);
    let kind = ChannelKind::from_number(case.kind.into()).unwrap();
    Answer { base: base.bits(), channel: channel.bits(), effective: effective(channel, kind).bits() }
}

/// Rights as they are met: few, many, those that others stand on, and now and then an administrator's.
fn rights() -> impl Strategy<Value = u64> {
    let some = any::<u64>().prop_map(|bits| Permissions::from_bits(bits).bits());
    let few = (any::<u64>(), any::<u64>(), any::<u64>())
        .prop_map(|(a, b, c)| Permissions::from_bits(a & b & c).bits());
    let pillars = prop::sample::subsequence(vec![VIEW, SEND, HISTORY, CONNECT, SEND_IN_THREADS, 28], 0..=6)
        .prop_map(|bits| bits.into_iter().map(|bit| 1u64 << bit).sum::<u64>());
    prop_oneof![
        8 => (some, Just(8)).prop_map(|(bits, admin)| bits & !admin),
        8 => (few, pillars).prop_map(|(few, pillars)| (few & !8) | pillars),
        1 => Just(8),
    ]
}

fn cases() -> impl Strategy<Value = Case> {
    let roles =
        prop::collection::vec(rights(), 0..5).prop_map(|rights| (1u64..).zip(rights).collect::<Vec<_>>());
    // Ids of roles and members overlap, and both meet the guild's: only the type tells them apart.
    let target = prop::sample::select(vec![
        (GUILD, 0),
        (1, 0),
        (2, 0),
        (3, 0),
        (MEMBER, 1),
        (2, 1),
        (GUILD, 1),
        (MEMBER, 0),
    ]);
    let overwrites = prop::collection::vec((target, rights(), rights()), 0..7).prop_map(|list| {
        let mut seen = std::collections::BTreeSet::new();
        list.into_iter()
            .filter(|(target, ..)| seen.insert(*target))
            .map(|((id, kind), allow, deny)| (id, kind, allow, deny))
            .collect()
    });
    let kind = prop::sample::select(vec![0u8, 2, 4, 5, 10, 11, 12, 13, 15, 16]);
    let flags = (prop::bool::weighted(0.05), prop::bool::weighted(0.15), prop::bool::weighted(0.1));
    (rights(), roles, prop::sample::subsequence(vec![1u64, 2, 3, 4], 0..=4), overwrites, flags, kind)
        .prop_map(|(everyone, roles, member_roles, overwrites, (owner, timed_out, pending), kind)| Case {
            everyone,
            roles,
            member_roles,
            overwrites,
            owner,
            timed_out,
            pending,
            kind,
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_algorithm_answers_as_the_model_of_single_bits(case in cases()) {
        prop_assert_eq!(real(&case), model(&case));
    }

    #[test]
    fn replacing_overwrites_needs_what_the_single_changes_need(
        held in rights(), old in overwrite_lists(), new in overwrite_lists(),
    ) {
        for authority in [OverwriteAuthority::HeldBits, OverwriteAuthority::WholeChannel, OverwriteAuthority::Administrator] {
            let held = Permissions::from_bits(held);
            let find = |list: &[Overwrite], target| list.iter().find(|each| each.target == target).copied();
            let is_allowed = old.iter().chain(&new).map(|each| each.target).all(|target| {
                let (before, after) = (find(&old, target), find(&new, target));
                before == after || may_change_overwrite(held, authority, before.as_ref(), after.as_ref()).is_ok()
            });
            prop_assert_eq!(may_replace_overwrites(held, authority, &old, &new).is_ok(), is_allowed);
        }
    }
}

fn overwrite_lists() -> impl Strategy<Value = Vec<Overwrite>> {
    prop::collection::btree_map(1u64..5, (rights(), rights()), 0..4).prop_map(|map| {
        let overwrite = |(id, (allow, deny))| Overwrite {
            target: OverwriteTarget::Role(Id::new(id)),
            allow: Permissions::from_bits(allow),
            deny: Permissions::from_bits(deny),
        };
        map.into_iter().map(overwrite).collect()
    })
}

/// Cases told by hand, the traps of API.md §7 among them; with what the effective rights must hold and lack.
fn told() -> Vec<(&'static str, Case, Vec<u64>, Vec<u64>)> {
    let view_send = 1 << VIEW | 1 << SEND;
    let plain = Case {
        everyone: view_send
            | 1 << HISTORY
            | 1 << CONNECT
            | 1 << 12
            | 1 << 14
            | 1 << 15
            | 1 << 17
            | 1 << SEND_IN_THREADS,
        roles: vec![(1, 0), (2, 0)],
        member_roles: vec![1, 2],
        overwrites: vec![],
        owner: false,
        timed_out: false,
        pending: false,
        kind: 0,
    };
    let with = |change: &dyn Fn(&mut Case)| {
        let mut case = plain.clone();
        change(&mut case);
        case
    };
    vec![
        (
            "an allow of any role beats a deny of another",
            with(&|c| c.overwrites = vec![(1, 0, 1 << SEND, 0), (2, 0, 0, 1 << SEND)]),
            vec![SEND],
            vec![],
        ),
        (
            "a denied view beats an explicit send",
            with(&|c| c.overwrites = vec![(MEMBER, 1, 1 << SEND, 1 << VIEW)]),
            vec![],
            vec![VIEW, SEND],
        ),
        (
            "a member's overwrite beats the roles'",
            with(&|c| c.overwrites = vec![(1, 0, 1 << SEND, 0), (MEMBER, 1, 0, 1 << SEND)]),
            vec![VIEW],
            vec![SEND],
        ),
        (
            "a role's allow beats the deny of everyone",
            with(&|c| c.overwrites = vec![(GUILD, 0, 0, 1 << VIEW), (2, 0, 1 << VIEW, 0)]),
            vec![VIEW, SEND],
            vec![],
        ),
        (
            "a time-out leaves view and history",
            with(&|c| c.timed_out = true),
            vec![VIEW, HISTORY],
            vec![SEND, CONNECT],
        ),
        (
            "a time-out does not reach administrators",
            with(&|c| {
                c.timed_out = true;
                c.roles[0].1 = 8;
            }),
            vec![SEND, 3],
            vec![],
        ),
        (
            "screening leaves view and history, whatever overwrites say",
            with(&|c| {
                c.pending = true;
                c.overwrites = vec![(MEMBER, 1, 1 << SEND, 0)];
            }),
            vec![VIEW, HISTORY],
            vec![SEND],
        ),
        (
            "the owner needs no role and no overwrite stops them",
            with(&|c| {
                c.owner = true;
                c.everyone = 0;
                c.overwrites = vec![(MEMBER, 1, 0, u64::MAX)];
            }),
            vec![VIEW, 3, 52],
            vec![],
        ),
        (
            "an overwrite makes no administrator",
            with(&|c| c.overwrites = vec![(MEMBER, 1, 8 | 1 << 2, 0)]),
            vec![VIEW],
            vec![2, 3],
        ),
        (
            "a voice channel one may not join shows itself only",
            with(&|c| {
                c.kind = 2;
                c.overwrites = vec![(GUILD, 0, 1 << 4, 1 << CONNECT)];
            }),
            vec![VIEW],
            vec![SEND, 4, HISTORY],
        ),
        (
            "without sending there are no files, embeds or pings",
            with(&|c| c.overwrites = vec![(1, 0, 0, 1 << SEND)]),
            vec![VIEW, HISTORY],
            vec![SEND, 12, 14, 15, 17],
        ),
        (
            "in threads only their own sending counts",
            with(&|c| {
                c.kind = 11;
                c.overwrites = vec![(1, 0, 0, 1 << SEND)];
            }),
            vec![SEND_IN_THREADS, 15],
            vec![SEND],
        ),
        (
            "sending in channels is none in threads",
            with(&|c| {
                c.kind = 12;
                c.overwrites = vec![(1, 0, 0, 1 << SEND_IN_THREADS)];
            }),
            vec![VIEW],
            vec![SEND, 15, 17],
        ),
        (
            "a forum post needs sending only",
            with(&|c| {
                c.kind = 15;
                c.overwrites = vec![(1, 0, 0, 1 << SEND_IN_THREADS)];
            }),
            vec![SEND, 15],
            vec![SEND_IN_THREADS],
        ),
        (
            "an overwrite of a role does not meet the member with its number",
            with(&|c| c.overwrites = vec![(MEMBER, 0, 0, 1 << SEND), (2, 1, 0, 1 << VIEW)]),
            vec![VIEW, SEND],
            vec![],
        ),
    ]
}

#[test]
fn told_cases_end_as_told() {
    for (name, case, held, lacked) in told() {
        let answer = real(&case);
        assert_eq!(answer, model(&case), "{name}");
        assert!(held.iter().all(|bit| has(answer.effective, *bit)), "{name}: {answer:?}");
        assert!(!lacked.iter().any(|bit| has(answer.effective, *bit)), "{name}: {answer:?}");
    }
}

/// SplitMix64: the vectors must come out the same for ever, so they don't hang on a crate's generator.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, sides: u64) -> u64 {
        self.roll() % sides
    }

    fn rights(&mut self) -> u64 {
        let admin = if self.below(16) == 0 { 8 } else { 0 };
        let pillars = self.roll() & (1 << VIEW | 1 << SEND | 1 << CONNECT | 1 << SEND_IN_THREADS);
        let sparse = if self.below(2) == 0 { u64::MAX } else { self.roll() };
        Permissions::from_bits((self.roll() & sparse & !8) | pillars | admin).bits()
    }

    fn case(&mut self) -> Case {
        let roles: Vec<(u64, u64)> = (1..=self.below(4)).map(|id| (id, self.rights())).collect();
        let member_roles = roles.iter().map(|(id, _)| *id).filter(|_| self.below(3) > 0).collect();
        let targets = [(GUILD, 0), (1, 0), (2, 0), (3, 0), (MEMBER, 1), (2, 1)];
        let mut overwrites = Vec::new();
        for (id, kind) in targets {
            if self.below(3) == 0 {
                overwrites.push((id, kind, self.rights(), self.rights()));
            }
        }
        let kinds = [0, 0, 2, 4, 5, 11, 12, 13, 15];
        Case {
            everyone: self.rights() & !8,
            roles,
            member_roles,
            overwrites,
            owner: self.below(20) == 0,
            timed_out: self.below(8) == 0,
            pending: self.below(10) == 0,
            kind: kinds[self.below(kinds.len() as u64) as usize],
        }
    }
}

fn vector(name: &str, case: &Case) -> Value {
    let text = |bits: u64| bits.to_string();
    let overwrite = |&(id, kind, allow, deny): &(u64, u8, u64, u64)| {
        let (allow, deny) = (Permissions::from_bits(allow), Permissions::from_bits(deny));
        json!({ "id": text(id), "type": kind, "allow": allow, "deny": deny })
    };
    let answer = model(case);
    json!({
        "name": name,
        "guild_id": text(GUILD),
        "everyone": text(case.everyone),
        "roles": case.roles.iter().map(|(id, held)| json!({ "id": text(*id), "permissions": text(*held) })).collect::<Vec<_>>(),
        "member": { "id": text(MEMBER), "roles": case.member_roles.iter().copied().map(text).collect::<Vec<_>>() },
        "overwrites": case.overwrites.iter().map(overwrite).collect::<Vec<_>>(),
        "owner": case.owner,
        "timed_out": case.timed_out,
        "pending": case.pending,
        "channel_type": case.kind,
        "base": text(answer.base),
        "channel": text(answer.channel),
        "effective": text(answer.effective),
    })
}

/// How many cases follow the told ones in the file.
const ROLLED: u64 = 300;

/// `tests/vectors/permissions.json` is what the model says; with `HEARTH_WRITE_VECTORS` set it is written anew.
#[test]
fn the_vectors_of_the_client_are_the_models() {
    let mut dice = Dice(7);
    let told = told().into_iter().map(|(name, case, ..)| vector(name, &case));
    let vectors: Vec<Value> =
        told.chain((1..=ROLLED).map(|n| vector(&format!("rolled {n}"), &dice.case()))).collect();
    let lines: Vec<String> = vectors.iter().map(Value::to_string).collect();
    let file = format!("[\n{}\n]\n", lines.join(",\n"));
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/permissions.json");
    if std::env::var_os("HEARTH_WRITE_VECTORS").is_some() {
        std::fs::write(path, &file).unwrap();
    }
    assert!(std::fs::read_to_string(path).unwrap() == file, "{path} is not what the model says");
}

#[test]
fn older_roles_rank_higher_at_equal_position() {
    let guild: GuildId = Id::new(GUILD);
    let (older, newer) = (rank(3, Id::new(5_000)), rank(3, Id::new(6_000)));
    assert!(older > newer && rank(4, Id::new(9_000)) > older);
    assert_eq!(top_rank(guild, []), rank(0, guild.cast()));
    assert_eq!(top_rank(guild, [(3, Id::new(6_000)), (1, Id::new(2_000)), (3, Id::new(5_000))]), older);
}

#[test]
fn rank_decides_whom_and_what_one_may_act_on() {
    let place = |is_owner, position| Place { is_owner, top: rank(position, Id::new(7_000)) };
    let (owner, high, low) = (place(true, 0), place(false, 5), place(false, 2));
    assert!(
        may_act_on_member(high, Some(low))
            && may_act_on_member(owner, Some(high))
            && may_act_on_member(low, None)
    );
    assert!(!may_act_on_member(low, Some(high)) && !may_act_on_member(low, Some(low)));
    assert!(!may_act_on_member(high, Some(owner)) && !may_act_on_member(owner, Some(owner)));

    assert!(
        may_manage_role(high, low.top, false, RoleAct::Delete)
            && !may_manage_role(low, low.top, false, RoleAct::Edit)
    );
    assert!(
        may_manage_role(high, low.top, true, RoleAct::Edit)
            && may_manage_role(owner, high.top, false, RoleAct::Assign)
    );
    assert!(
        !may_manage_role(owner, low.top, true, RoleAct::Assign)
            && !may_manage_role(high, low.top, true, RoleAct::Delete)
    );

    let to = |position| rank(position, Id::new(8_000));
    assert!(may_reorder(high, [(to(1), to(4))]) && may_reorder(owner, [(to(1), to(9))]));
    assert!(!may_reorder(high, [(to(1), to(2)), (to(2), to(6))]), "one above spoils all");
}

#[test]
fn only_held_bits_change() {
    let held = Permissions::MANAGE_ROLES | Permissions::KICK_MEMBERS;
    let (kick, ban) = (Permissions::KICK_MEMBERS, Permissions::BAN_MEMBERS);
    assert_eq!(may_grant(held, Permissions::NONE, kick), Ok(()));
    assert_eq!(may_grant(held, ban, ban | kick), Ok(()), "what stays as it was is nobody's concern");
    assert_eq!(may_grant(held, ban, kick), Err(ban), "turning off counts too");
    assert_eq!(may_grant(held, kick, Permissions::ADMINISTRATOR), Err(Permissions::ADMINISTRATOR));
    assert_eq!(may_grant(Permissions::ADMINISTRATOR, ban, kick), Ok(()));
    assert_eq!(may_take_up_role(held, ban | kick), Err(ban));
}

#[test]
fn overwrites_change_by_held_bits_and_manage_roles_by_administrators() {
    use OverwriteAuthority::{Administrator, HeldBits, WholeChannel};
    let of = |allow, deny| Overwrite { target: OverwriteTarget::Role(Id::new(1)), allow, deny };
    let (view, speak, manage) = (Permissions::VIEW_CHANNEL, Permissions::SPEAK, Permissions::MANAGE_ROLES);
    let none = Permissions::NONE;
    let held = manage | view;
    assert_eq!(may_change_overwrite(held, HeldBits, None, Some(&of(view, none))), Ok(()));
    assert_eq!(
        may_change_overwrite(held, HeldBits, Some(&of(none, view | speak)), Some(&of(none, speak))),
        Ok(())
    );
    assert_eq!(
        may_change_overwrite(held, HeldBits, Some(&of(none, speak)), None),
        Err(speak),
        "removal changes bits"
    );
    assert_eq!(
        may_change_overwrite(held, HeldBits, Some(&of(none, speak)), Some(&of(speak, none))),
        Err(speak)
    );
    assert_eq!(may_change_overwrite(held, WholeChannel, None, Some(&of(speak, none))), Ok(()));
    assert_eq!(
        may_change_overwrite(view, WholeChannel, None, Some(&of(view, none))),
        Err(manage),
        "timed out"
    );
    for authority in [HeldBits, WholeChannel] {
        let refused = Err(Permissions::ADMINISTRATOR);
        assert_eq!(may_change_overwrite(held, authority, None, Some(&of(manage, none))), refused);
        assert_eq!(may_change_overwrite(held, authority, Some(&of(none, manage)), None), refused);
    }
    assert_eq!(may_change_overwrite(none, Administrator, None, Some(&of(manage, none))), Ok(()));
}

#[test]
fn dms_give_what_the_contract_lists() {
    let held = effective(dm_permissions(), ChannelKind::Dm);
    assert_eq!(held, dm_permissions());
    assert!(held.contains(Permissions::PIN_MESSAGES) && !held.contains(Permissions::MANAGE_MESSAGES));
}
