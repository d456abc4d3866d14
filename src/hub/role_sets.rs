//! The sets of roles that connected members hold, interned: thousands of members share a few sets, so rights are worked out per
//! set and channel, not per member.

use std::collections::HashMap;

use crate::logic::permissions::guild_permissions;
use crate::model::{GuildId, Permissions, RoleId, UserId};

/// What of a role decides who sees what, and where they stand in lists.
#[derive(Clone, Copy, Debug)]
pub(super) struct RoleRights {
    pub permissions: Permissions,
    /// The bot a managed role came with.
    pub bot: Option<UserId>,
    /// Whether its members stand apart in member lists, and how high.
    pub is_hoisted: bool,
    pub position: u32,
}

/// The number of an interned set.
pub(super) type SetIndex = u32;

#[derive(Debug)]
struct Set {
    /// Ascending, without @everyone.
    roles: Box<[RoleId]>,
    /// Members that hold it; a set without any is free.
    members: u32,
    /// Guild rights of a member with these roles who is neither owner nor restricted, once worked out.
    base: Option<Permissions>,
}

#[derive(Debug, Default)]
pub(super) struct RoleSets {
    sets: Vec<Set>,
    by_roles: HashMap<Box<[RoleId]>, SetIndex>,
    free: Vec<SetIndex>,
}

impl RoleSets {
    /// The set of these roles, with one member more; whether its number had another meaning or none before.
    pub fn enter(&mut self, roles: &[RoleId]) -> (SetIndex, bool) {
        let mut sorted = roles.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        let sorted: Box<[RoleId]> = sorted.into();
        if let Some(&index) = self.by_roles.get(&sorted) {
            self.sets[index as usize].members += 1;
            return (index, false);
        }
        let set = Set { roles: sorted.clone(), members: 1, base: None };
        let index = match self.free.pop() {
            Some(index) => {
                self.sets[index as usize] = set;
                index
            }
            None => {
                self.sets.push(set);
                (self.sets.len() - 1) as SetIndex
            }
        };
        self.by_roles.insert(sorted, index);
        (index, true)
    }

    /// Takes a member from a set.
    pub fn leave(&mut self, index: SetIndex) {
        let set = &mut self.sets[index as usize];
        set.members -= 1;
        if set.members == 0 {
            self.by_roles.remove(&set.roles);
            self.free.push(index);
        }
    }

    pub fn roles(&self, index: SetIndex) -> &[RoleId] {
        &self.sets[index as usize].roles
    }

    /// Numbers given out so far; each is below this.
    pub fn len(&self) -> usize {
        self.sets.len()
    }

    /// Whether members of the set hold the role; all hold @everyone.
    pub fn holds(&self, index: SetIndex, guild: GuildId, role: RoleId) -> bool {
        role == guild.cast() || self.roles(index).binary_search(&role).is_ok()
    }

    /// Forgets the guild rights of sets with this role, and returns their numbers.
    pub fn forget_base(&mut self, guild: GuildId, role: RoleId) -> Vec<SetIndex> {
        let touched: Vec<SetIndex> =
            (0..self.len() as SetIndex).filter(|index| self.holds(*index, guild, role)).collect();
        for index in &touched {
            self.sets[*index as usize].base = None;
        }
        touched
    }

    /// Guild rights of a member with these roles who is neither owner nor restricted.
    pub fn base(
        &mut self,
        index: SetIndex,
        guild: GuildId,
        roles: &HashMap<RoleId, RoleRights>,
    ) -> Permissions {
        let set = &mut self.sets[index as usize];
        *set.base.get_or_insert_with(|| {
            let rights = |role: &RoleId| roles.get(role).map(|role| role.permissions);
            let everyone = rights(&guild.cast()).unwrap_or_default();
            guild_permissions(false, everyone, set.roles.iter().filter_map(rights), false, false)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_sets_share_a_number_and_free_numbers_are_used_again() {
        let mut sets = RoleSets::default();
        let (a, is_new) = sets.enter(&[RoleId::new(2), RoleId::new(1)]);
        assert!(is_new);
        assert_eq!(sets.enter(&[RoleId::new(1), RoleId::new(2)]), (a, false));
        sets.leave(a);
        sets.leave(a);
        assert_eq!(sets.enter(&[]), (a, true));
        assert_eq!(sets.len(), 1);
    }
}
