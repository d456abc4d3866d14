// What people are called and how their name is coloured, here and now.
import type { Channel, Guild, Id, Member, User } from '../api/types';
import type { World } from './world';

/** A person's name in a guild (or outside of one). */
export function nameOf(world: World, userId: Id, guildId: Id | null | undefined, fallback?: User): string {
  const member = guildId ? world.members.get(guildId)?.get(userId) : undefined;
  const user = world.users.get(userId) ?? fallback;
  return member?.nick ?? user?.global_name ?? user?.username ?? userId;
}

/** What a conversation outside guilds is called: its name, or its people. */
export function directName(world: World, channel: Channel): string {
  if (channel.name) return channel.name;
  const names = (channel.recipients ?? []).map((user) => nameOf(world, user.id, null, user));
  return names.join(', ');
}

/** The colour of a member's highest coloured role, as a number; 0 for none. */
export function nameColour(guild: Guild | undefined, member: Member | undefined): number {
  if (!guild || !member) return 0;
  const held = guild.roles.filter((role) => role.color !== 0 && member.roles.includes(role.id));
  return held.reduce((top, role) => (top && top.position >= role.position ? top : role), held[0])?.color ?? 0;
}

/** The member's highest role shown apart in the member list. */
export function hoistedRole(guild: Guild, member: Member): Id | null {
  const held = guild.roles.filter((role) => role.hoist && member.roles.includes(role.id));
  return held.reduce((top, role) => (top && top.position >= role.position ? top : role), held[0])?.id ?? null;
}
