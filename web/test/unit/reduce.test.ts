import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FrameQueue } from '../../src/gateway/queue';
import { isPing, reduce } from '../../src/state/reduce';
import { EMPTY, insert } from '../../src/state/segments';
import { plainWorld, type World } from '../../src/state/world';
import { channel, guild, me, member, message, pending, ready, user } from '../support/things';

type Step = [t: string, d: unknown];

function world(...steps: Step[]): World {
  const made = plainWorld();
  reduce(made, 'READY', ready(), 0);
  made.timelines.set('10', insert(EMPTY, { messages: [], hasOlder: false, hasNewer: false }));
  for (const [t, d] of steps) reduce(made, t, d, 0);
  return made;
}

/** The world as plain data, to be compared. */
function snapshot(of: World): unknown {
  return JSON.parse(
    JSON.stringify(of, (_key, value: unknown) =>
      value instanceof Map ? [...value].sort(([a], [b]) => String(a).localeCompare(String(b))) : value,
    ),
  );
}

describe('messages', () => {
  test('a mention counts until it is read, and our own message reads everything', () => {
    const made = world(['MESSAGE_CREATE', message('100', { mentions: [me] })]);
    expect(made.reads.get('10')?.mention_count).toBe(1);
    reduce(made, 'MESSAGE_CREATE', message('101', { author: me }), 0);
    expect(made.reads.get('10')).toEqual({ id: '10', last_message_id: '101', mention_count: 0 });
  });

  test('an echo confirms the pending message it answers', () => {
    const made = world();
    const timeline = made.timelines.get('10') ?? EMPTY;
    made.timelines.set('10', { ...timeline, pending: [pending('7', 'hi')] });
    reduce(made, 'MESSAGE_CREATE', message('100', { author: me, nonce: '7' }), 0);
    expect(made.timelines.get('10')?.pending).toEqual([]);
    expect(made.timelines.get('10')?.segments[0]?.messages).toHaveLength(1);
  });

  test('the read mark goes back only by hand', () => {
    const made = world(['MESSAGE_ACK', { channel_id: '10', message_id: '90' }]);
    reduce(made, 'MESSAGE_ACK', { channel_id: '10', message_id: '80' }, 0);
    expect(made.reads.get('10')?.last_message_id).toBe('90');
    reduce(made, 'MESSAGE_ACK', { channel_id: '10', message_id: '80', manual: true, mention_count: 2 }, 0);
    expect(made.reads.get('10')).toEqual({ id: '10', last_message_id: '80', mention_count: 2 });
  });

  test('who is called: by name, by role, by everyone, and in direct messages', () => {
    const made = world(['CHANNEL_CREATE', { id: '11', type: 1, recipients: [user('2')] }]);
    reduce(made, 'GUILD_MEMBER_UPDATE', { ...member(me, ['77']), guild_id: '5' }, 0);
    expect(isPing(made, message('1'), '1')).toBe(false);
    expect(isPing(made, message('1', { mentions: [me] }), '1')).toBe(true);
    expect(isPing(made, message('1', { mention_roles: ['77'] }), '1')).toBe(true);
    expect(isPing(made, message('1', { mention_everyone: true }), '1')).toBe(true);
    expect(isPing(made, message('1', { channel_id: '11' }), '1')).toBe(true);
    expect(isPing(made, message('1', { channel_id: '11', author: me }), '1')).toBe(false);
  });
});

describe('guilds', () => {
  test('a guild that is left takes its channels along', () => {
    const made = world(['GUILD_DELETE', { id: '5' }]);
    expect(made.guilds.size + made.channels.size + made.members.size + made.timelines.size).toBe(0);
  });

  test('a guild that is away for a while stays', () => {
    const made = world(['GUILD_DELETE', { id: '5', unavailable: true }]);
    expect(made.guilds.get('5')?.unavailable).toBe(true);
    reduce(made, 'GUILD_CREATE', guild(), 0);
    expect(made.guilds.get('5')?.unavailable).toBeUndefined();
  });

  test('joining and leaving count once', () => {
    const joined: Step = ['GUILD_MEMBER_ADD', { ...member(user('9')), guild_id: '5' }];
    const made = world(joined, joined);
    expect(made.guilds.get('5')?.member_count).toBe(3);
    reduce(made, 'GUILD_MEMBER_REMOVE', { guild_id: '5', user: user('9') }, 0);
    reduce(made, 'GUILD_MEMBER_REMOVE', { guild_id: '5', user: user('9') }, 0);
    expect(made.guilds.get('5')?.member_count).toBe(2);
  });

  test('a deleted role is taken from its members', () => {
    const made = world(['GUILD_MEMBER_UPDATE', { ...member(me, ['77']), guild_id: '5' }]);
    reduce(made, 'GUILD_ROLE_DELETE', { guild_id: '5', role_id: '77' }, 0);
    expect(made.members.get('5')?.get('1')?.roles).toEqual([]);
  });
});

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  fc
    .integer({ min: 100, max: 120 })
    .chain((id) =>
      fc.constantFrom<Step>(
        ['MESSAGE_CREATE', message(String(id))],
        ['MESSAGE_CREATE', message(String(id), { mentions: [me] })],
        [
          'MESSAGE_UPDATE',
          message(String(id), { content: 'changed', edited_timestamp: '2026-01-02T11:00:00+00:00' }),
        ],
        ['MESSAGE_DELETE', { id: String(id), channel_id: '10' }],
        ['MESSAGE_ACK', { channel_id: '10', message_id: String(id) }],
      ),
    ),
  fc
    .record({
      id: fc.integer({ min: 100, max: 105 }),
      who: fc.constantFrom('1', '2', '3'),
      isAdded: fc.boolean(),
    })
    .map(({ id, who, isAdded }): Step => [
      isAdded ? 'MESSAGE_REACTION_ADD' : 'MESSAGE_REACTION_REMOVE',
      { channel_id: '10', message_id: String(id), user_id: who, emoji: { id: null, name: '🔥' } },
    ]),
  fc.constantFrom<Step>(
    ['CHANNEL_UPDATE', channel('10', { name: 'renamed' })],
    ['CHANNEL_CREATE', channel('12')],
    ['CHANNEL_DELETE', channel('12')],
    ['GUILD_MEMBER_ADD', { ...member(user('9')), guild_id: '5' }],
    ['GUILD_MEMBER_REMOVE', { guild_id: '5', user: user('9') }],
    ['PRESENCE_UPDATE', { user: { id: '2' }, status: 'idle', activities: [] }],
    ['TYPING_START', { channel_id: '10', user_id: '2', timestamp: 0 }],
  ),
);

describe('any stream', () => {
  test('an event told twice in a row changes nothing more', () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 30 }), (steps) => {
        const twice = steps.flatMap((step) => [step, step]);
        expect(snapshot(world(...twice))).toEqual(snapshot(world(...steps)));
      }),
    );
  });

  test('however it is cut into frames, the world is the same', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(anyStep, fc.boolean()), { maxLength: 30 }), (stream) => {
        const framed = world();
        const queue = new FrameQueue<Step>(
          (batch) => batch.forEach(([t, d]) => reduce(framed, t, d, 0)),
          () => undefined,
        );
        for (const [step, endsFrame] of stream) {
          queue.push(step);
          if (endsFrame) queue.flush();
        }
        queue.flush();
        expect(snapshot(framed)).toEqual(snapshot(world(...stream.map(([step]) => step))));
      }),
    );
  });
});
