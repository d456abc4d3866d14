import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareIds } from '../../src/api/snowflake';
import {
  append,
  EMPTY,
  extend,
  insert,
  liveSegment,
  react,
  refresh,
  remove,
  type Timeline,
} from '../../src/state/segments';
import { message } from '../support/things';

const ids = (timeline: Timeline): string[][] =>
  timeline.segments.map((segment) => segment.messages.map((one) => one.id));
const page = (...numbers: number[]) => numbers.map((n) => message(String(1000 + n)));
const live = (...numbers: number[]): Timeline =>
  insert(EMPTY, { messages: page(...numbers), hasOlder: true, hasNewer: false });

describe('pages', () => {
  test('an older page joins the run it was asked from', () => {
    const timeline = extend(live(5, 6), '1005', page(3, 4), 'older', false);
    expect(ids(timeline)).toEqual([['1003', '1004', '1005', '1006']]);
    expect(timeline.segments[0]).toMatchObject({ hasOlder: true, hasNewer: false });
  });

  test('the last older page says that nothing comes before', () => {
    expect(extend(live(5), '1005', page(4), 'older', true).segments[0]?.hasOlder).toBe(false);
    expect(extend(live(5), '1005', [], 'older', true).segments[0]?.hasOlder).toBe(false);
  });

  test('a jump makes a second run, which joins the first when they meet', () => {
    const jumped = insert(live(8, 9), { messages: page(2, 3), hasOlder: true, hasNewer: true });
    expect(ids(jumped)).toEqual([
      ['1002', '1003'],
      ['1008', '1009'],
    ]);
    const met = extend(jumped, '1003', page(4, 5, 6, 7, 8), 'newer', false);
    expect(ids(met)).toEqual([['1002', '1003', '1004', '1005', '1006', '1007', '1008', '1009']]);
    expect(liveSegment(met)).toBe(met.segments[0]);
  });

  test('after a gap the newest page takes over, and keeps what it overlaps', () => {
    expect(ids(refresh(live(1, 2, 3), page(2, 4), true))).toEqual([['1001', '1002', '1004']]);
    expect(ids(refresh(live(1, 2), page(7, 8), true))).toEqual([['1007', '1008']]);
  });
});

describe('events', () => {
  test('a message told twice is there once', () => {
    const once = append(live(1), message('1002'));
    expect(append(once, message('1002'))).toBe(once);
  });

  test('a deleted message does not come back with a late answer', () => {
    const timeline = remove(append(live(1), message('1002')), ['1002']);
    expect(ids(append(timeline, message('1002')))).toEqual([['1001']]);
    expect(ids(insert(timeline, { messages: page(1, 2), hasOlder: true, hasNewer: false }))).toEqual([
      ['1001'],
    ]);
  });

  test('a reply learns that what it answers is gone', () => {
    const source = message('1001');
    const timeline = append(live(1), { ...message('1002'), type: 19, referenced_message: source });
    expect(remove(timeline, ['1001']).segments[0]?.messages[0]?.referenced_message).toBeNull();
  });

  test('a message older than what is held waits for its page', () => {
    expect(ids(append(live(5), message('1002')))).toEqual([['1005']]);
  });

  test('reactions count people once, and ours agree with the page they came in', () => {
    const fire = { id: null, name: '🔥' };
    let timeline = react(live(1), '1001', fire, 'a', true, false);
    timeline = react(timeline, '1001', fire, 'a', true, false);
    timeline = react(timeline, '1001', fire, 'me', true, true);
    expect(timeline.segments[0]?.messages[0]?.reactions).toEqual([{ emoji: fire, count: 2, me: true }]);
    timeline = react(timeline, '1001', fire, 'me', false, true);
    timeline = react(timeline, '1001', { id: null, name: '🔥\u{fe0f}' }, 'a', false, false);
    expect(timeline.segments[0]?.messages[0]?.reactions).toEqual([]);
  });
});

test('whatever is inserted, runs stay sorted, apart and without doubles', () => {
  const anySegment = fc
    .record({
      numbers: fc.uniqueArray(fc.integer({ min: 0, max: 60 }), { maxLength: 12 }),
      hasOlder: fc.boolean(),
      hasNewer: fc.boolean(),
    })
    .map(({ numbers, hasOlder, hasNewer }) => ({
      messages: page(...numbers.sort((a, b) => a - b)),
      hasOlder,
      hasNewer: numbers.length === 0 ? false : hasNewer,
    }));
  fc.assert(
    fc.property(fc.array(anySegment, { maxLength: 8 }), (segments) => {
      const timeline = segments.reduce(insert, EMPTY);
      const all = ids(timeline).flat();
      expect(new Set(all).size).toBe(all.length);
      expect([...all].sort(compareIds)).toEqual(all);
      expect(timeline.segments.filter((segment) => !segment.hasNewer).length).toBeLessThanOrEqual(1);
    }),
  );
});
