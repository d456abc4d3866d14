// Everything the quick switcher can go to, from what the client holds.
import { ChannelType, Relation } from '../../api/enums';
import type { Id } from '../../api/types';
import { m } from '../../i18n';
import { channelPath, friendsPath, settingsPath } from '../../router';
import type { Client } from '../../state/client.svelte';
import { directName } from '../../state/names';
import { isConversation } from '../../state/tree';
import type { IconName } from '../../ui/icons';
import { comparable, type Candidate } from './rank';

/** What the first sign of the query narrows the search to. */
export type Kind = 'channel' | 'person' | 'guild' | 'action';
export const SIGNS: Readonly<Record<string, Kind>> = {
  '#': 'channel',
  '@': 'person',
  '*': 'guild',
  '>': 'action',
};

export interface Item extends Candidate {
  id: string;
  kind: Kind;
  /** Where it is, below its name. */
  place: string | null;
  icon: IconName | null;
  /** What its picture grows from, and the picture itself. */
  face: { seed: string; src: string | null; round: number } | null;
  isUnread: boolean;
  mentions: number;
  run: () => unknown;
}

/** People offered at most, beyond friends and conversations. */
const MAX_PEOPLE = 2000;

/** All there is to go to, in the order of what is nearest. */
export function itemsOf(client: Client): Item[] {
  return [
    ...conversations(client),
    ...channels(client),
    ...guilds(client),
    ...people(client),
    ...actions(client),
  ];
}

function item(client: Client, part: Pick<Item, 'id' | 'kind' | 'text' | 'run'> & Partial<Item>): Item {
  const used = client.visits.indexOf(part.id);
  return {
    plain: comparable(part.text),
    recency: used < 0 ? 0 : Math.max(1, 90 - used * 4),
    place: null,
    icon: null,
    face: null,
    isUnread: false,
    mentions: 0,
    ...part,
  };
}

function conversations(client: Client): Item[] {
  const { world } = client;
  return [...world.channels.values()]
    .filter((channel) => !channel.guild_id && !channel.is_message_request)
    .map((channel) => {
      const other = channel.recipients?.[0];
      const isGroup = channel.type === ChannelType.group;
      return item(client, {
        id: channel.id,
        kind: 'person',
        text: directName(world, channel),
        place: isGroup ? m.group_conversation() : (other?.username ?? null),
        icon: isGroup ? 'people' : null,
        face:
          isGroup || !other
            ? null
            : { seed: other.id, src: client.picture('avatars', other.id, other.avatar, 64), round: 32 },
        mentions: client.reads.mentions(channel.id),
        run: () => client.nav.go(channelPath(null, channel.id)),
      });
    });
}

function channels(client: Client): Item[] {
  const { world, reads } = client;
  const guildOf = (id: Id | undefined): string => (id ? (world.guilds.get(id)?.name ?? '') : '');
  return [...world.channels.values()]
    .filter((channel) => channel.guild_id && channel.type !== ChannelType.category && isConversation(channel))
    .map((channel) =>
      item(client, {
        id: channel.id,
        kind: 'channel',
        text: channel.name ?? '',
        place: guildOf(channel.guild_id),
        icon: channel.type === ChannelType.voice || channel.type === ChannelType.stage ? 'speaker' : 'hash',
        isUnread: reads.isUnread(channel.id) && !client.isMuted(channel),
        mentions: reads.mentions(channel.id),
        run: () => client.nav.go(channelPath(channel.guild_id, channel.id)),
      }),
    );
}

function guilds(client: Client): Item[] {
  return [...client.world.guilds.values()].map((guild) =>
    item(client, {
      id: guild.id,
      kind: 'guild',
      text: guild.name,
      place: m.kind_server(),
      face: { seed: guild.id, src: client.picture('icons', guild.id, guild.icon, 64), round: 33 },
      run: () => client.nav.go(channelPath(guild.id)),
    }),
  );
}

function people(client: Client): Item[] {
  const { world } = client;
  const direct = new Set(
    [...world.channels.values()]
      .filter((channel) => channel.type === ChannelType.dm)
      .map((channel) => channel.recipients?.[0]?.id),
  );
  return [...world.users.values()]
    .filter((user) => user.id !== client.meId && !direct.has(user.id))
    .filter((user) => client.relations.typeOf(user.id) !== Relation.blocked)
    .slice(0, MAX_PEOPLE)
    .map((user) =>
      item(client, {
        id: `user-${user.id}`,
        kind: 'person',
        text: user.global_name ?? user.username,
        plain: comparable(`${user.global_name ?? ''} ${user.username}`.trim()),
        place: user.username,
        face: { seed: user.id, src: client.picture('avatars', user.id, user.avatar, 64), round: 32 },
        run: () => client.ui.attempt(() => client.message(user.id)),
      }),
    );
}

function actions(client: Client): Item[] {
  const { nav, ui } = client;
  const action = (id: string, text: string, icon: IconName, run: () => unknown): Item =>
    item(client, { id, kind: 'action', text, icon, place: m.kind_action(), run });
  return [
    action('action-friends', m.friends(), 'people', () => nav.go(friendsPath())),
    action('action-add-friend', m.friend_add(), 'user', () => nav.go(friendsPath('add'))),
    action('action-group', m.group_new(), 'chat', () => ui.open({ kind: 'newGroup', channelId: null })),
    action('action-server', m.add_server(), 'plus', () => ui.open({ kind: 'addGuild' })),
    action('action-status', m.custom_status(), 'smile', () => ui.open({ kind: 'customStatus' })),
    action('action-settings', m.settings(), 'gear', () => nav.go(settingsPath('profile'))),
    action('action-keys', m.settings_keys(), 'board', () => ui.open({ kind: 'keys' })),
  ];
}
