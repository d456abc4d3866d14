//! A small guild in memory where random members try random acts, to see that no act raises anybody further than the actor's own
//! rights and rank reach (SAFETY.md §1, "Raising one's rights").

use proptest::prelude::*;

use super::*;
use crate::model::Id;

const GUILD: GuildId = Id::new(100);
const OWNER: usize = 0;
/// The owner, a moderator of the highest role, members of the others, one with none.
const MEMBERS: usize = 5;
const CHANNELS: usize = 2;

#[derive(Clone, Debug)]
struct Role {
    id: RoleId,
    position: u32,
    rights: Permissions,
}

#[derive(Clone, Debug)]
struct Guild {
    everyone: Permissions,
    next_role: u64,
    roles: Vec<Role>,
    members: Vec<Vec<RoleId>>,
    channels: Vec<Vec<Overwrite>>,
}

/// What somebody tries; numbers choose among what there is.
#[derive(Clone, Debug)]
enum Act {
    CreateRole { rights: Permissions },
    EditRole { role: usize, rights: Permissions },
    EditEveryone { rights: Permissions },
    DeleteRole { role: usize },
    Give { role: usize, to: usize },
    Take { role: usize, from: usize },
    PutOverwrite { channel: usize, overwrite: Overwrite },
    DeleteOverwrite { channel: usize, overwrite: usize },
    CopyOverwrites { from: usize, to: usize },
}

impl Guild {
    fn user(member: usize) -> UserId {
        Id::new(200 + member as u64)
    }

    fn role(&self, id: RoleId) -> Option<&Role> {
        self.roles.iter().find(|role| role.id == id)
    }

    fn base(&self, member: usize) -> Permissions {
        let roles = self.members[member].iter().filter_map(|id| self.role(*id)).map(|role| role.rights);
        guild_permissions(member == OWNER, self.everyone, roles, false, false)
    }

    fn place(&self, member: usize) -> Place {
        let roles =
            self.members[member].iter().filter_map(|id| self.role(*id)).map(|role| (role.position, role.id));
        Place { is_owner: member == OWNER, top: top_rank(GUILD, roles) }
    }

    fn standing(&self, member: usize) -> Standing<'_> {
        Standing {
            guild: GUILD,
            member: Self::user(member),
            roles: &self.members[member],
            base: self.base(member),
            is_owner: member == OWNER,
            is_timed_out: false,
            is_pending: false,
        }
    }

    fn held(&self, member: usize, channel: usize) -> Permissions {
        channel_permissions(&self.standing(member), &self.channels[channel])
    }

    /// The guild after the act, if the actor may.
    fn after(&self, actor: usize, act: &Act) -> Option<Guild> {
        let mut next = self.clone();
        let (base, place) = (self.base(actor), self.place(actor));
        let manages = base.contains(Permissions::MANAGE_ROLES);
        let reaches =
            |role: &Role, act| manages && may_manage_role(place, rank(role.position, role.id), false, act);
        match *act {
            Act::CreateRole { rights } => {
                let id = Id::new(self.next_role);
                next.next_role += 1;
                let may = manages && may_grant(base, Permissions::NONE, rights).is_ok();
                next.roles.push(Role { id, position: 1, rights });
                may.then_some(next)
            }
            Act::EditRole { role, rights } => {
                let role = next.roles.get_mut(role)?;
                let may = reaches(role, RoleAct::Edit) && may_grant(base, role.rights, rights).is_ok();
                role.rights = rights;
                may.then_some(next)
            }
            Act::EditEveryone { rights } => {
                let may = manages
                    && may_manage_role(place, rank(0, GUILD.cast()), false, RoleAct::Edit)
                    && may_grant(base, self.everyone, rights).is_ok();
                next.everyone = rights;
                may.then_some(next)
            }
            Act::DeleteRole { role } => {
                let role = self.roles.get(role)?;
                next.roles.retain(|other| other.id != role.id);
                next.members.iter_mut().for_each(|roles| roles.retain(|id| *id != role.id));
                for overwrites in &mut next.channels {
                    overwrites.retain(|overwrite| overwrite.target != OverwriteTarget::Role(role.id));
                }
                reaches(role, RoleAct::Delete).then_some(next)
            }
            Act::Give { role, to } => {
                let role = self.roles.get(role)?;
                let may = to != actor || may_take_up_role(base, role.rights).is_ok();
                let held = next.members.get_mut(to)?;
                if !held.contains(&role.id) {
                    held.push(role.id);
                }
                (may && reaches(role, RoleAct::Assign)).then_some(next)
            }
            Act::Take { role, from } => {
                let role = self.roles.get(role)?;
                next.members.get_mut(from)?.retain(|id| *id != role.id);
                reaches(role, RoleAct::Assign).then_some(next)
            }
            Act::PutOverwrite { channel, overwrite } => {
                next.channels[channel].retain(|old| old.target != overwrite.target);
                next.channels[channel].push(overwrite);
                self.may_replace(actor, channel, &next).then_some(next)
            }
            Act::DeleteOverwrite { channel, overwrite } => {
                (overwrite < self.channels[channel].len())
                    .then(|| next.channels[channel].remove(overwrite))?;
                self.may_replace(actor, channel, &next).then_some(next)
            }
            Act::CopyOverwrites { from, to } => {
                next.channels[to] = self.channels[from].clone();
                self.may_replace(actor, to, &next).then_some(next)
            }
        }
    }

    fn may_replace(&self, actor: usize, channel: usize, next: &Guild) -> bool {
        let held = effective(self.held(actor, channel), ChannelKind::Text);
        let authority = overwrite_authority(&self.standing(actor), &self.channels[channel]);
        may_replace_overwrites(held, authority, &self.channels[channel], &next.channels[channel]).is_ok()
    }

    /// The furthest that an act of `actor` may raise anybody in the guild, and in each channel.
    fn reach(&self, actor: usize, act: &Act) -> (Permissions, Vec<Permissions>) {
        let base = self.base(actor);
        match *act {
            // Bits of roles are written with guild rights, and hold in every channel.
            Act::CreateRole { .. } | Act::EditRole { .. } | Act::EditEveryone { .. } => {
                (base, vec![base; CHANNELS])
            }
            // A role below one's own was cut by those above; it carries its rights, and in channels what its overwrites let or hinder.
            Act::Give { role, .. } | Act::Take { role, .. } | Act::DeleteRole { role } => {
                let role = &self.roles[role];
                let (given, is_given) = match act {
                    Act::Give { .. } => (role.rights, true),
                    _ => (Permissions::NONE, false),
                };
                let own = |overwrite: &&Overwrite| overwrite.target == OverwriteTarget::Role(role.id);
                let moved = |o: &Overwrite| if is_given { o.allow } else { o.deny };
                let in_channel =
                    |list: &Vec<Overwrite>| list.iter().find(own).map_or(given, |o| given | moved(o));
                (given, self.channels.iter().map(in_channel).collect())
            }
            Act::PutOverwrite { channel: target, .. }
            | Act::DeleteOverwrite { channel: target, .. }
            | Act::CopyOverwrites { to: target, .. } => {
                let standing = self.standing(actor);
                let in_channel =
                    |channel: usize| match overwrite_authority(&standing, &self.channels[channel]) {
                        _ if channel != target => Permissions::NONE,
                        OverwriteAuthority::Administrator => Permissions::ALL,
                        OverwriteAuthority::WholeChannel => !Permissions::MANAGE_ROLES,
                        OverwriteAuthority::HeldBits => self.held(actor, channel) - Permissions::MANAGE_ROLES,
                    };
                (Permissions::NONE, (0..CHANNELS).map(in_channel).collect())
            }
        }
    }
}

fn rights() -> impl Strategy<Value = Permissions> {
    let bits = |weight: f64, bit: Permissions| {
        prop::bool::weighted(weight).prop_map(move |on| if on { bit } else { Permissions::NONE })
    };
    (
        bits(0.05, Permissions::ADMINISTRATOR),
        bits(0.5, Permissions::MANAGE_ROLES),
        bits(0.6, Permissions::VIEW_CHANNEL),
        bits(0.5, Permissions::SEND_MESSAGES),
        bits(0.3, Permissions::KICK_MEMBERS),
        bits(0.3, Permissions::ATTACH_FILES),
    )
        .prop_map(|(a, b, c, d, e, f)| a | b | c | d | e | f)
}

fn overwrites() -> impl Strategy<Value = Overwrite> {
    let target = prop_oneof![
        (0u64..6).prop_map(|role| OverwriteTarget::Role(Id::new(if role == 0 {
            GUILD.get()
        } else {
            1_000 + role - 1
        }))),
        (0..MEMBERS).prop_map(|member| OverwriteTarget::Member(Guild::user(member))),
    ];
    (target, rights(), rights()).prop_map(|(target, allow, deny)| Overwrite { target, allow, deny })
}

fn guilds() -> impl Strategy<Value = Guild> {
    let roles = prop::collection::vec(rights(), 4).prop_map(|rights| {
        let role = |(nth, rights): (usize, Permissions)| Role {
            id: Id::new(1_000 + nth as u64),
            position: nth as u32 / 2 + 1,
            rights,
        };
        rights.into_iter().enumerate().map(role).collect::<Vec<_>>()
    });
    let members = prop::collection::vec(
        prop::sample::subsequence((0u64..4).map(|n| Id::new(1_000 + n)).collect::<Vec<_>>(), 0..=3),
        MEMBERS,
    );
    let list = prop::collection::vec(overwrites(), 0..5).prop_map(|mut list| {
        list.sort_by_key(Overwrite::raw_target);
        list.dedup_by_key(|overwrite| overwrite.target);
        list
    });
    (rights(), roles, members, prop::collection::vec(list, CHANNELS)).prop_map(
        |(everyone, roles, members, channels)| Guild {
            everyone: everyone - Permissions::ADMINISTRATOR,
            next_role: 2_000,
            roles,
            members,
            channels,
        },
    )
}

fn acts() -> impl Strategy<Value = Act> {
    let (role, member, channel) = (0..6usize, 0..MEMBERS, 0..CHANNELS);
    prop_oneof![
        rights().prop_map(|rights| Act::CreateRole { rights }),
        (role.clone(), rights()).prop_map(|(role, rights)| Act::EditRole { role, rights }),
        rights().prop_map(|rights| Act::EditEveryone { rights }),
        role.clone().prop_map(|role| Act::DeleteRole { role }),
        (role.clone(), member.clone()).prop_map(|(role, to)| Act::Give { role, to }),
        (role, member).prop_map(|(role, from)| Act::Take { role, from }),
        (channel.clone(), overwrites())
            .prop_map(|(channel, overwrite)| Act::PutOverwrite { channel, overwrite }),
        (channel.clone(), 0..5usize)
            .prop_map(|(channel, overwrite)| Act::DeleteOverwrite { channel, overwrite }),
        (channel.clone(), channel).prop_map(|(from, to)| Act::CopyOverwrites { from, to }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_act_raises_anybody_beyond_the_actors_reach(
        guild in guilds(), acts in prop::collection::vec((0..MEMBERS, acts()), 1..30),
    ) {
        let mut guild = guild;
        for (actor, act) in acts {
            let Some(next) = guild.after(actor, &act) else { continue };
            let (in_guild, in_channels) = guild.reach(actor, &act);
            for member in 0..MEMBERS {
                let gained = next.base(member) - guild.base(member);
                prop_assert!(in_guild.contains(gained) || in_guild.contains(Permissions::ADMINISTRATOR), "{actor} {act:?}: {member} gains {gained:?}");
                for (channel, reach) in in_channels.iter().enumerate() {
                    let gained = next.held(member, channel) - guild.held(member, channel);
                    prop_assert!(reach.contains(gained) || in_guild.contains(Permissions::ADMINISTRATOR), "{actor} {act:?}: {member} gains {gained:?} in {channel}");
                }
                let (before, after, own) = (guild.place(member).top, next.place(member).top, guild.place(actor));
                prop_assert!(own.is_owner || after <= before || after < own.top, "{actor} {act:?}: {member} rises above");
            }
            guild = next;
        }
    }
}
