// A guild's channels in the order people see them, and its members in theirs.
import { compareIds } from '../api/snowflake';
import { ChannelType } from '../api/enums';
import type { Channel, Guild, Id, Member, Presence } from '../api/types';
import { hoistedRole } from './names';

export interface Branch {
  category: Channel | null;
  channels: Channel[];
}

/** Whether people talk in it. */
export const isVoice = (channel: Channel): boolean =>
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

/** A line of the member list: a heading, or a member by id; `undefined` where the server keeps it until asked. */
export type MemberRow = { group: string; count: number } | { userId: Id; isAway: boolean } | undefined;

/** The list of a guild told whole: those here by their highest shown role, then the rest, then those away. */
export function memberRows(
  guild: Guild,
  members: Iterable<Member>,
  presences: ReadonlyMap<Id, Presence>,
  isHere: (id: Id) => boolean,
  nameOf: (member: Member) => string,
): MemberRow[] {
  const byGroup = new Map<string, { id: Id; name: string }[]>();
  for (const member of members) {
    const { id } = member.user;
    const status = presences.get(id)?.status ?? 'offline';
    const isOnline = isHere(id) || (status !== 'offline' && status !== 'invisible');
    const group = isOnline ? (hoistedRole(guild, member) ?? 'online') : 'offline';
    const named = { id, name: nameOf(member) };
    const held = byGroup.get(group);
    if (held) held.push(named);
    else byGroup.set(group, [named]);
  }
  const roles = guild.roles
    .filter((role) => role.hoist)
    .sort((a, b) => b.position - a.position || compareIds(a.id, b.id));
  return [...roles.map((role) => role.id), 'online', 'offline'].flatMap((group): MemberRow[] => {
    const people = byGroup.get(group);
    if (!people) return [];
    people.sort((a, b) => byName.compare(a.name, b.name) || compareIds(a.id, b.id));
    return [
      { group, count: people.length },
      ...people.map(({ id }) => ({ userId: id, isAway: group === 'offline' })),
    ];
  });
}

const byName = new Intl.Collator();
