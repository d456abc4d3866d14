import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Channel } from '../../src/api/types';
import { inverse, moveBy, moveTo, type Move } from '../../src/state/order';
import { channelTree } from '../../src/state/tree';
import { channel } from '../support/things';

const start: Channel[] = [
  channel('10', { position: 0 }),
  channel('20', { type: 4, position: 0 }),
  channel('21', { position: 0, parent_id: '20' }),
  channel('22', { position: 1, parent_id: '20' }),
  channel('23', { type: 2, position: 0, parent_id: '20' }),
  channel('30', { type: 4, position: 1 }),
  channel('31', { position: 0, parent_id: '30' }),
];
const tree = (channels: readonly Channel[]) => channelTree(channels, '5', true);
const apply = (channels: readonly Channel[], moves: readonly Move[]): Channel[] =>
  channels.map((one) => ({ ...one, ...moves.find((move) => move.id === one.id) }));
const shown = (channels: readonly Channel[]): string =>
  tree(channels)
    .map((branch) => `${branch.category?.id ?? ''}[${branch.channels.map((one) => one.id).join(' ')}]`)
    .join(' ');
const by = (id: string, channels = start): Channel => channels.find((one) => one.id === id) ?? channel(id);

test('one step moves inside the category, then on into the next', () => {
  expect(shown(start)).toBe('[10] 20[21 22 23] 30[31]');
  expect(shown(apply(start, moveBy(tree(start), by('22'), -1)))).toBe('[10] 20[22 21 23] 30[31]');
  expect(shown(apply(start, moveBy(tree(start), by('22'), 1)))).toBe('[10] 20[21 23] 30[22 31]');
  expect(shown(apply(start, moveBy(tree(start), by('21'), -1)))).toBe('[10 21] 20[22 23] 30[31]');
  expect(moveBy(tree(start), by('31'), 1)).toEqual([]);
  expect(shown(apply(start, moveBy(tree(start), by('30'), -1)))).toBe('[10] 30[31] 20[21 22 23]');
});
test('only what changes is asked for, and one parent at most', () => {
  const moves = moveTo(tree(start), by('10'), '20', '21');
  expect(moves).toEqual([
    { id: '10', position: 0, parent_id: '20' },
    { id: '21', position: 1 },
    { id: '22', position: 2 },
  ]);
});
test('any row of moves keeps every channel, changes one parent at a time, and is undone by its inverse', () => {
  const ids = fc.constantFrom('10', '20', '21', '22', '23', '30', '31');
  const direction = fc.constantFrom(1 as const, -1 as const);
  fc.assert(
    fc.property(fc.array(fc.tuple(ids, direction), { maxLength: 12 }), (steps) => {
      let channels = start;
      for (const [id, where] of steps) {
        const moves = moveBy(tree(channels), by(id, channels), where);
        expect(moves.filter((move) => 'parent_id' in move).length).toBeLessThanOrEqual(1);
        const back = inverse(moves, new Map(channels.map((one) => [one.id, one])));
        const next = apply(channels, moves);
        expect(shown(apply(next, back))).toBe(shown(channels));
        channels = next;
      }
      expect(shown(channels).match(/\d+/g)?.sort()).toEqual(start.map((one) => one.id).sort());
    }),
  );
});
