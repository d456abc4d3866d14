import { describe, expect, test } from 'vitest';
import { Hear, Relation } from '../../src/api/enums';
import type { GuildSettings } from '../../src/api/types';
import {
  defaultHearing,
  holdsKeyword,
  isChannelMuted,
  isHeard,
  isSuppressed,
  levelOf,
  nextMuteEnd,
} from '../../src/state/notify';
import { isPing, reduce } from '../../src/state/reduce';
import { plainWorld, type World } from '../../src/state/world';
import { channel, guild, me, message, ready, user } from '../support/things';

const NOW = Date.UTC(2026, 0, 1, 12);
function world(settings: Partial<GuildSettings> = {}): World {
  const made = plainWorld();
  const channels = [channel('10', { parent_id: '20' }), channel('20', { type: 4 })];
  reduce(made, 'READY', ready({ guilds: [guild({ channels })] }), NOW);
  reduce(made, 'USER_GUILD_SETTINGS_UPDATE', { ...defaultHearing('5'), ...settings }, NOW);
  return made;
}
const room = (made: World) => made.channels.get('10') ?? channel('10');
const heard = (made: World, extra = {}) => {
  const said = message('100', extra);
  return isHeard(made, said, '1', isPing(made, said, '1'), NOW);
};

describe('mutes', () => {
  const until = (ms: number) => ({ end_time: new Date(NOW + ms).toISOString(), selected_time_window: 900 });
  test('hold for the channel, its category and the guild, until they end', () => {
    expect(isChannelMuted(world(), room(world()), NOW)).toBe(false);
    expect(isChannelMuted(world({ muted: true }), room(world()), NOW)).toBe(true);
    for (const channel_id of ['10', '20']) {
      const made = world({ channel_overrides: [{ channel_id, muted: true, mute_config: until(1000) }] });
      expect(isChannelMuted(made, room(made), NOW)).toBe(true);
      expect(isChannelMuted(made, room(made), NOW + 1001)).toBe(false);
      expect(nextMuteEnd(made, NOW)).toBe(NOW + 1000);
      expect(nextMuteEnd(made, NOW + 1001)).toBeNull();
    }
  });
});

describe('levels', () => {
  test('the nearest choice holds, and the guild’s default where none was made', () => {
    expect(levelOf(world(), room(world()))).toBe(Hear.all);
    const quiet = world({ message_notifications: Hear.nothing });
    expect(levelOf(quiet, room(quiet))).toBe(Hear.nothing);
    const own = world({
      message_notifications: Hear.nothing,
      channel_overrides: [{ channel_id: '20', message_notifications: Hear.mentions }],
    });
    expect(levelOf(own, room(own))).toBe(Hear.mentions);
  });
});

describe('what is heard', () => {
  test('all, mentions or nothing', () => {
    expect(heard(world())).toBe(true);
    const mentions = world({ message_notifications: Hear.mentions });
    expect(heard(mentions)).toBe(false);
    expect(heard(mentions, { mentions: [me] })).toBe(true);
    expect(heard(world({ message_notifications: Hear.nothing }), { mentions: [me] })).toBe(false);
  });
  test('nothing of one’s own, of silent messages, of the blocked, in mutes, or while not to be disturbed', () => {
    expect(heard(world(), { author: me })).toBe(false);
    expect(heard(world(), { flags: 1 << 12 })).toBe(false);
    expect(heard(world({ muted: true }), { mentions: [me] })).toBe(false);
    const blocked = world();
    reduce(blocked, 'RELATIONSHIP_ADD', { id: '2', type: Relation.blocked, user: user('2') }, NOW);
    expect(heard(blocked, { mentions: [me] })).toBe(false);
    const busy = world();
    reduce(busy, 'USER_SETTINGS_UPDATE', { status: 'dnd' }, NOW);
    expect(heard(busy, { mentions: [me] })).toBe(false);
  });
  test('keywords call where only mentions do', () => {
    const made = world({ message_notifications: Hear.mentions });
    reduce(made, 'HEARTH_PREFS_UPDATE', { keywords: ['soup', 'long table'] }, NOW);
    expect(heard(made, { content: 'The SOUP, finally!' })).toBe(true);
    expect(heard(made, { content: 'a long  table.' })).toBe(true);
    expect(heard(made, { content: 'soups' })).toBe(false);
    reduce(made, 'HEARTH_PREFS_UPDATE', { keywords: null }, NOW);
    expect(made.prefs.value).toEqual({});
  });
  test('a word is a word in any script, and an empty one is none', () => {
    expect(holdsKeyword('スープ できた', ['スープ'])).toBe(true);
    expect(holdsKeyword('anything', ['', '!!'])).toBe(false);
  });
});

describe('suppressed calls', () => {
  test('of everyone are not counted; one by name is', () => {
    const made = world({ suppress_everyone: true });
    expect(isSuppressed(made, message('100', { mention_everyone: true }), '1')).toBe(true);
    expect(isSuppressed(made, message('100', { mention_everyone: true, mentions: [me] }), '1')).toBe(false);
    reduce(made, 'MESSAGE_CREATE', message('100', { mention_everyone: true }), NOW);
    expect(made.reads.get('10')?.mention_count ?? 0).toBe(0);
    reduce(made, 'MESSAGE_CREATE', message('101', { mentions: [me] }), NOW);
    expect(made.reads.get('10')?.mention_count).toBe(1);
  });
  test('a stranger’s request does not count', () => {
    const made = world();
    const direct = { id: '40', type: 1, recipients: [user('9')] };
    reduce(made, 'CHANNEL_CREATE', { ...direct, is_message_request: true }, NOW);
    reduce(made, 'MESSAGE_CREATE', message('100', { channel_id: '40', author: user('9') }), NOW);
    expect(made.reads.get('40')?.mention_count ?? 0).toBe(0);
    reduce(made, 'CHANNEL_UPDATE', direct, NOW); // taken up: the mark is gone
    reduce(made, 'MESSAGE_CREATE', message('101', { channel_id: '40', author: user('9') }), NOW);
    expect(made.reads.get('40')?.mention_count).toBe(1);
  });
});
