// A guild's channels in the order people see them, and its members in theirs.
import { compareIds } from '../api/snowflake';
import { ChannelType, type Channel, type Guild, type Id, type Member, type Presence } from '../api/types';
import { hoistedRole } from './names';

export interface Branch {
  category: Channel | null;
  channels: Channel[];
}

const isVoice = (channel: Channel): boolean =>
  channel.type === ChannelType.voice || channel.type === ChannelType.stage;

function inOrder(a: Channel, b: Channel): number {
  if (isVoice(a) !== isVoice(b)) return isVoice(a) ? 1 : -1;
  return (a.position ?? 0) - (b.position ?? 0) || compareIds(a.id, b.id);
}

/** Channels outside categories first, then each category with its own; empty categories stay for whoever manages them. */
export function channelTree(channels: Iterable<Channel>, guildId: Id, keepsEmpty: boolean): Branch[] {
  const own = [...channels].filter((channel) => channel.guild_id === guildId);
  const categories = own.filter((channel) => channel.type === ChannelType.category).sort(inOrder);
  const known = new Set(categories.map((category) => category.id));
  const leaves = own.filter((channel) => channel.type !== ChannelType.category).sort(inOrder);
  const branches: Branch[] = [
    { category: null, channels: leaves.filter((leaf) => !leaf.parent_id || !known.has(leaf.parent_id)) },
    ...categories.map((category) => ({
      category,
      channels: leaves.filter((leaf) => leaf.parent_id === category.id),
    })),
  ];
  return branches.filter((branch) => branch.channels.length > 0 || (keepsEmpty && branch.category !== null));
}

/** Whether messages are written in it. */
export function isConversation(channel: Channel): boolean {
  return ![ChannelType.category, ChannelType.forum, ChannelType.media].some((type) => type === channel.type);
}

/** Where a guild opens when nothing was read there yet. */
export function firstChannel(branches: readonly Branch[]): Channel | undefined {
  const all = branches.flatMap((branch) => branch.channels);
  return all.find((channel) => isConversation(channel) && !isVoice(channel)) ?? all.find(isConversation);
}

export interface MemberGroup {
  /** A role's id, or `online`, or `offline`. */
  id: string;
  name: string | null;
  members: Member[];
}

/** Members as the list shows them: those here by their highest shown role, then the rest, then those away. */
export function memberGroups(
  guild: Guild,
  members: Iterable<Member>,
  presences: ReadonlyMap<Id, Presence>,
  isHere: (id: Id) => boolean,
  nameOf: (member: Member) => string,
): MemberGroup[] {
  const byGroup = new Map<string, Member[]>();
  for (const member of members) {
    const status = presences.get(member.user.id)?.status ?? 'offline';
    const isOnline = isHere(member.user.id) || (status !== 'offline' && status !== 'invisible');
    const group = isOnline ? (hoistedRole(guild, member) ?? 'online') : 'offline';
    byGroup.set(group, [...(byGroup.get(group) ?? []), member]);
  }
  const roles = guild.roles
    .filter((role) => role.hoist)
    .sort((a, b) => b.position - a.position || compareIds(a.id, b.id));
  const order = [
    ...roles.map((role) => ({ id: role.id, name: role.name })),
    { id: 'online', name: null },
    { id: 'offline', name: null },
  ];
  return order.flatMap(({ id, name }) => {
    const group = byGroup.get(id);
    if (!group) return [];
    return [{ id, name, members: group.sort((a, b) => nameOf(a).localeCompare(nameOf(b))) }];
  });
}
