import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ListItem, ListOp, MemberListUpdate, PassiveUpdate } from '../../src/api/document';
import { applyList, rangesFor, RANGE_ROWS, type MemberList } from '../../src/state/memberList';
import { reduce } from '../../src/state/reduce';
import { plainWorld } from '../../src/state/world';
import { guild, member, presence, ready, user } from '../support/things';

const person = (id: string): ListItem => ({
  member: { ...member(user(id)), presence: presence(id, 'online') },
});
const heading = (id: string, count: number): ListItem => ({ group: { id, count } });
const update = (groups: MemberListUpdate['groups'], ops: ListOp[], id = 'everyone'): MemberListUpdate => ({
  guild_id: '5',
  id,
  member_count: 1000,
  online_count: 40,
  groups,
  ops,
});
const shown = (list: MemberList): string =>
  list.rows
    .map((row) => (row === undefined ? '?' : 'group' in row ? `${row.group}:${row.count}` : row.userId))
    .join(' ');

describe('the list of a big guild', () => {
  const first = applyList(
    undefined,
    update(
      [
        { id: 'online', count: 3 },
        { id: 'offline', count: 2 },
      ],
      [{ op: 'SYNC', range: [0, 99], items: [heading('online', 3), person('1'), person('2'), person('3')] }],
    ),
  );
  test('is as long as its groups say, with what was not told yet left open', () => {
    expect(shown(first)).toBe('online:3 1 2 3 offline:2 ? ?');
  });
  test('follows somebody who leaves one group for another', () => {
    const next = applyList(
      first,
      update(
        [
          { id: 'online', count: 2 },
          { id: 'offline', count: 3 },
        ],
        [
          { op: 'DELETE', index: 2 },
          { op: 'INSERT', index: 4, item: person('2') },
        ],
      ),
    );
    expect(shown(next)).toBe('online:2 1 3 offline:3 2 ? ?');
  });
  test('forgets what the server takes back, and begins anew with another list', () => {
    const gone = applyList(first, update([...first.groups], [{ op: 'INVALIDATE', range: [1, 2] }]));
    expect(shown(gone)).toBe('online:3 ? ? 3 offline:2 ? ?');
    const other = applyList(
      first,
      update(
        [{ id: 'online', count: 1 }],
        [{ op: 'SYNC', range: [0, 99], items: [heading('online', 1), person('9')] }],
        'abc',
      ),
    );
    expect(shown(other)).toBe('online:1 9');
    expect(applyList(first, update([{ id: 'online', count: 1 }], [{ op: 'DELETE', index: 1 }], 'abc'))).toBe(
      first,
    );
  });
  test('brings the people it lists, and their presence, into the world', () => {
    const world = plainWorld();
    reduce(world, 'READY', ready({ guilds: [guild({ member_count: 1000 })] }), 0);
    reduce(
      world,
      'GUILD_MEMBER_LIST_UPDATE',
      update(
        [{ id: 'online', count: 1 }],
        [{ op: 'SYNC', range: [0, 99], items: [heading('online', 1), person('77')] }],
      ),
      0,
    );
    expect(world.members.get('5')?.get('77')?.user.username).toBe('user77');
    expect(world.presences.get('77')?.status).toBe('online');
    expect(world.lists.get('5')?.onlineCount).toBe(40);
  });
  test('changes that follow a synced list keep it equal to the server’s own', () => {
    const step = fc.record({ kind: fc.constantFrom('add', 'drop', 'change'), at: fc.nat(30) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        let next = 100;
        const people = ['1', '2', '3', '4', '5'];
        const groups = () => [{ id: 'online', count: people.length }];
        let list = applyList(
          undefined,
          update(groups(), [
            { op: 'SYNC', range: [0, 99], items: [heading('online', 5), ...people.map(person)] },
          ]),
        );
        for (const { kind, at } of steps) {
          const place = people.length === 0 ? 0 : at % people.length;
          let op: ListOp;
          const id = String(next++);
          if (kind === 'add' || people.length === 0) {
            people.splice(place, 0, id);
            op = { op: 'INSERT', index: place + 1, item: person(id) };
          } else if (kind === 'drop') {
            people.splice(place, 1);
            op = { op: 'DELETE', index: place + 1 };
          } else {
            people[place] = id;
            op = { op: 'UPDATE', index: place + 1, item: person(id) };
          }
          list = applyList(list, update(groups(), [op]));
          expect(shown(list)).toBe([`online:${people.length}`, ...people].join(' '));
        }
      }),
    );
  });
});

test('the ranges asked for hold what is on the screen, the top among them, five at most', () => {
  expect(rangesFor(0, 20)).toEqual([[0, 99]]);
  expect(rangesFor(250, 320)).toEqual([
    [0, 99],
    [200, 299],
    [300, 399],
  ]);
  fc.assert(
    fc.property(fc.nat(50_000), fc.nat(300), (first, more) => {
      const ranges = rangesFor(first, first + more);
      expect(ranges.length).toBeLessThanOrEqual(5);
      expect(ranges[0]).toEqual([0, RANGE_ROWS - 1]);
      for (const at of [first, first + more])
        expect(ranges.some(([from, to]) => from <= at && at <= to)).toBe(true);
    }),
  );
});

test('a passive guild tells what is newest, and nothing older', () => {
  const world = plainWorld();
  reduce(world, 'READY', ready(), 0);
  const passive = (last: string): PassiveUpdate => ({
    guild_id: '5',
    updated_members: [],
    updated_voice_states: [],
    removed_voice_states: [],
    updated_channels: [{ id: '10', last_message_id: last }],
  });
  reduce(world, 'PASSIVE_UPDATE_V2', passive('900'), 0);
  expect(world.latest.get('10')).toBe('900');
  reduce(world, 'PASSIVE_UPDATE_V2', passive('800'), 0);
  expect(world.latest.get('10')).toBe('900');
});
