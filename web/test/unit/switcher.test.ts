import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { comparable, rank, score, type Candidate } from '../../src/views/switcher/rank';

const candidate = (text: string, recency = 0): Candidate => ({ text, plain: comparable(text), recency });
const texts = (found: readonly Candidate[]): string[] => found.map((one) => one.text);

describe('what the switcher finds', () => {
  test('whole names before beginnings, word beginnings, parts and scattered letters', () => {
    const all = ['a big garden', 'gardening', 'garden', 'regardens', 'great arden'].map((text) =>
      candidate(text),
    );
    expect(texts(rank('garden', all, 9))).toEqual([
      'garden',
      'gardening',
      'a big garden',
      'regardens',
      'great arden',
    ]);
  });
  test('what was used lately comes first among the like, never above a better match', () => {
    const all = [candidate('kitchen two'), candidate('kitchen one', 80), candidate('the kitchen', 90)];
    expect(texts(rank('kitchen', all, 9))).toEqual(['kitchen one', 'kitchen two', 'the kitchen']);
  });
  test('accents and case do not matter', () => {
    expect(score(comparable('CAFE'), comparable('Café'))).toBe(1000);
    expect(texts(rank('ELE', [candidate('Éléonore'), candidate('Otto')], 9))).toEqual(['Éléonore']);
  });
  test('letters have to come in order', () => {
    expect(score('cab', 'abc')).toBe(0);
    expect(score('abc', 'a big cat')).toBeGreaterThan(0);
  });

  test('the found all hold the letters, the best first, and no better one was left out', () => {
    const word = fc.stringMatching(/^[a-d ]{1,8}$/);
    fc.assert(
      fc.property(
        word,
        fc.array(word, { maxLength: 40 }),
        fc.integer({ min: 1, max: 10 }),
        (query, names, limit) => {
          const all = names.map((name) => candidate(name));
          const found = rank(query, all, limit);
          const points = found.map((one) => score(query.trim(), one.plain));
          expect(points.every((one) => one > 0)).toBe(true);
          expect(points).toEqual([...points].sort((a, b) => b - a));
          const left = all.filter((one) => !found.includes(one)).map((one) => score(query.trim(), one.plain));
          if (found.length < limit) expect(left.every((one) => one === 0)).toBe(true);
          else expect(Math.max(0, ...left)).toBeLessThanOrEqual(points.at(-1) ?? 0);
        },
      ),
    );
  });

  test('five thousand places are ranked for each letter typed', () => {
    const words = [
      'kitchen',
      'garden',
      'hallway',
      'board',
      'night',
      'train',
      'choir',
      'rust',
      'bread',
      'soup',
    ];
    const all = Array.from({ length: 5000 }, (_, n) =>
      candidate(`${words[n % 10]}-${words[(n * 7) % 10]} ${n}`, n % 50 === 0 ? 40 : 0),
    );
    const keystrokes = ['g', 'ga', 'gar', 'gard', 'garde', 'garden', 'garden 4', 'garden 49', 'gdn', 'xyz'];
    const tookMs = keystrokes.map((query) => {
      const from = performance.now();
      rank(query, all, 40);
      return performance.now() - from;
    });
    tookMs.sort((a, b) => a - b);
    console.info(`switcher: 5 000 places, median ${tookMs[5]?.toFixed(1)} ms of 16 ms a keystroke`);
    expect(rank('garden', all, 40)).toHaveLength(40);
    expect(rank('xyz', all, 40)).toHaveLength(0);
  });
});
