// Who and what can be named in a channel.
import { Permission } from '../api/permissions';
import { ChannelType } from '../api/enums';
import type { Channel } from '../api/types';
import { getLocale, m } from '../i18n';
import type { Client } from '../state/client.svelte';
import { byName, writtenOf } from '../state/expressions';
import { liveSegment } from '../state/segments';
import { emojiTable, findEmoji, toned } from '../ui/emoji';
import { rank, type Candidate, type Token } from './autocomplete';

const MAX_EMOJI = 8;
/** Of these at most so many guilds' own, where Unicode's match as well. */
const MAX_OWN_EMOJI = 5;

/**
 * What the token could become, and again when more is known: emoji come from a table that may have to arrive first, members
 * of a big guild from the server.
 */
export async function* candidatesFor(
  client: Client,
  channel: Channel,
  { sign, query }: Token,
): AsyncIterable<Candidate[]> {
  if (sign === ':') return yield emoji(client, channel, query);
  if (sign === '#') return yield rank(rooms(client, channel), query);
  const ranked = (): Candidate[] => rank(people(client, channel), query, lastSpoken(client, channel));
  yield ranked();
  const guildId = channel.guild_id;
  if (guildId && client.lists.isBig(guildId) && (await client.memberSearch.find(guildId, query)))
    yield ranked();
}

/** Those of guilds first: whoever made them wants them found. */
async function emoji(client: Client, channel: Channel, query: string): Promise<Candidate[]> {
  const own = rank(customEmoji(client, channel), query);
  const table = await emojiTable(getLocale());
  const room = MAX_EMOJI - Math.min(own.length, MAX_OWN_EMOJI);
  const found = findEmoji(table, query, room, client.emoji.recents).map((entry): Candidate => ({
    id: toned(entry, client.emoji.tone),
    kind: 'emoji',
    text: toned(entry, client.emoji.tone),
    label: `:${entry.code}:`,
    note: entry.name,
  }));
  return [...own.slice(0, MAX_EMOJI - found.length), ...found];
}

function* customEmoji(client: Client, channel: Channel): Iterable<Candidate> {
  const shelves = client.emojiIn(channel);
  const named = byName(shelves);
  for (const { guild, items } of shelves) {
    for (const one of items) {
      const note = guild.id === channel.guild_id ? {} : { note: guild.name };
      const text = writtenOf(one, named);
      yield { id: one.id, kind: 'emoji', text, label: `:${one.name}:`, emoji: one, ...note };
    }
  }
}

function* rooms(client: Client, channel: Channel): Iterable<Candidate> {
  for (const { id, name, guild_id, type } of client.world.channels.values()) {
    if (!channel.guild_id || guild_id !== channel.guild_id || type === ChannelType.category) continue;
    yield { id, kind: 'channel', text: `#${name ?? ''}`, label: name ?? '' };
  }
}

function* people(client: Client, channel: Channel): Iterable<Candidate> {
  const { world } = client;
  const guild = channel.guild_id ? world.guilds.get(channel.guild_id) : undefined;
  const users = channel.guild_id
    ? [...(world.members.get(channel.guild_id)?.values() ?? [])].map((member) => member.user)
    : (channel.recipients ?? []);
  for (const user of users) {
    const label = client.nameOf(user.id, channel.guild_id);
    const note = label === user.username ? {} : { note: user.username };
    yield { id: user.id, kind: 'user', text: `@${user.username}`, label, ...note };
  }
  const mayCallAll = client.may(channel, Permission.mentionEveryone);
  for (const role of guild?.roles ?? []) {
    if (role.id === guild?.id || !(role.mentionable || mayCallAll)) continue;
    yield { id: role.id, kind: 'role', text: `@${role.name}`, label: role.name, note: m.role() };
  }
  if (!guild || !mayCallAll) return;
  yield { id: 'everyone', kind: 'everyone', text: '@everyone', label: 'everyone', note: m.everyone_hint() };
  yield { id: 'here', kind: 'everyone', text: '@here', label: 'here', note: m.here_hint() };
}

/** By person: how late they spoke in the channel. */
function lastSpoken(client: Client, channel: Channel): Map<string, number> {
  const spoken = new Map<string, number>();
  liveSegment(client.timelines.get(channel.id))?.messages.forEach(({ author }, at) => {
    if (author.id !== client.meId) spoken.set(author.id, at + 1);
  });
  return spoken;
}
