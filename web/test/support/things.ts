// Small objects for tests, complete enough for their types.
import type { Channel, FullGuild, Member, Message, OwnUser, User } from '../../src/api/types';
import type { Ready } from '../../src/gateway/events';
import type { Pending } from '../../src/state/segments';

export const user = (id: string, name = `user${id}`): User => ({
  id,
  username: name,
  global_name: null,
  avatar: null,
});
export const me: OwnUser = { ...user('1', 'me'), email: null, locale: 'en-US', banner: null, flags: 0 };
export const member = (of: User, roles: string[] = []): Member => ({
  user: of,
  nick: null,
  roles,
  joined_at: '2026-01-01T00:00:00+00:00',
});

export function message(id: string, extra: Partial<Message> = {}): Message {
  return {
    id,
    channel_id: '10',
    author: user('2'),
    content: `message ${id}`,
    timestamp: '2026-01-02T10:00:00+00:00',
    edited_timestamp: null,
    mention_everyone: false,
    mentions: [],
    mention_roles: [],
    attachments: [],
    embeds: [],
    pinned: false,
    type: 0,
    ...extra,
  };
}

export const pending = (nonce: string, content: string, extra: Partial<Pending> = {}): Pending => ({
  nonce,
  order: Number(nonce),
  content,
  sentAtMs: 0,
  afterId: null,
  triedAtMs: null,
  replyTo: null,
  pingsReply: true,
  state: 'sending',
  fault: null,
  ...extra,
});

export const channel = (id: string, extra: Partial<Channel> = {}): Channel => ({
  id,
  type: 0,
  guild_id: '5',
  name: `channel${id}`,
  position: 0,
  parent_id: null,
  permission_overwrites: [],
  last_message_id: null,
  ...extra,
});

export const guild = (extra: Partial<FullGuild> = {}): FullGuild => ({
  id: '5',
  name: 'Guild',
  icon: null,
  owner_id: '2',
  roles: [
    {
      id: '5',
      name: '@everyone',
      color: 0,
      hoist: false,
      position: 0,
      permissions: '3072',
      managed: false,
      mentionable: false,
    },
  ],
  member_count: 2,
  channels: [channel('10')],
  members: [member(me), member(user('2'))],
  presences: [],
  ...extra,
});

export const ready = (extra: Partial<Ready> = {}): Ready => ({
  user: me,
  user_settings: { theme: 'dark', locale: 'en-US', status: 'online', custom_status: null },
  read_state: { entries: [] },
  guilds: [guild()],
  private_channels: [],
  presences: [],
  session_id: 's',
  resume_gateway_url: '',
  ...extra,
});

/** The shortest of several runs, in milliseconds: the one that other work on the machine disturbed least. */
export function fastest(runs: number, run: () => void): number {
  return Math.min(
    ...Array.from({ length: runs }, () => {
      const startedMs = performance.now();
      run();
      return performance.now() - startedMs;
    }),
  );
}
