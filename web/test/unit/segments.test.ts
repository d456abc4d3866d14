import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareIds } from '../../src/api/snowflake';
import {
  append,
  cutBefore,
  detach,
  EMPTY,
  extend,
  insert,
  liveSegment,
  presentSegment,
  react,
  renew,
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

  test('a run read far back gives up its end, and one read forward its beginning', () => {
    let timeline = live(...Array.from({ length: 50 }, (_, n) => 9000 + n));
    for (let first = 8950; first > 5000; first -= 50)
      timeline = extend(
        timeline,
        String(1000 + first + 50),
        page(...Array.from({ length: 50 }, (_, n) => first + n)),
        'older',
        false,
      );
    expect(timeline.segments[0]?.messages.length).toBeLessThanOrEqual(3000);
    expect(timeline.segments[0]?.hasNewer).toBe(true);
    expect(liveSegment(timeline)).toBeUndefined();
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

  test('after a gap what was the present stands for it, and takes no events', () => {
    const behind = detach(live(1, 2));
    expect(liveSegment(behind)).toBeUndefined();
    expect(ids({ ...behind, segments: [presentSegment(behind) ?? fail()] })).toEqual([['1001', '1002']]);
    expect(append(behind, message('1009'))).toBe(behind);
    const listening = insert(behind, { messages: [], hasOlder: true, hasNewer: false });
    expect(ids(append(listening, message('1009')))).toEqual([['1001', '1002'], ['1009']]);
    expect(presentSegment(append(listening, message('1009')))?.messages).toHaveLength(2);
  });

  test('a page read anew brings edits and takes away what was deleted', () => {
    const edited = { ...message('1003'), content: 'better', edited_timestamp: '2026-01-02T11:00:00+00:00' };
    const timeline = renew(live(1, 2, 3, 4, 9), [message('1002'), edited, message('1005')], {
      isFirst: false,
      until: null,
    });
    expect(ids(timeline)).toEqual([['1001', '1002', '1003', '1009']]);
    expect(timeline.segments[0]?.messages[2]?.content).toBe('better');
    const older = renew(live(1, 2, 3, 9), page(2), { isFirst: true, until: '1009' });
    expect(ids(older)).toEqual([['1002', '1009']]);
  });

  test('an edit that overtook the page stays, and so does a deletion', () => {
    const edited = { ...message('1002'), content: 'newest', edited_timestamp: '2026-01-02T12:00:00+00:00' };
    const held = remove(
      insert(EMPTY, { messages: [message('1001'), edited], hasOlder: true, hasNewer: false }),
      ['1001'],
    );
    const timeline = renew(held, page(1, 2), { isFirst: false, until: null });
    expect(ids(timeline)).toEqual([['1002']]);
    expect(timeline.segments[0]?.messages[0]?.content).toBe('newest');
  });

  test('what is too old to be sure of is forgotten', () => {
    const timeline = cutBefore(live(1, 2, 3), '1002');
    expect(ids(timeline)).toEqual([['1002', '1003']]);
    expect(timeline.segments[0]?.hasOlder).toBe(true);
  });
});

function fail(): never {
  throw new Error('nothing is shown');
}

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
