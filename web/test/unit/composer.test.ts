import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { tableOf, textOf } from '../../build/emoji-table';
import { rank, tokenAt, type Candidate } from '../../src/composer/autocomplete';
import { isInFence, toggleMark } from '../../src/composer/format';
import { waitText } from '../../src/composer/slow';
import { Announcer } from '../../src/timeline/announce';
import { layOut, shownLines } from '../../src/ui/emojiLines';
import { fastest } from '../support/things';

const person = (name: string, id = name): Candidate => ({ id, kind: 'user', text: `@${name}`, label: name });
const names = (found: readonly Candidate[]) => found.map(({ label }) => label);

describe('autocomplete', () => {
  test('the word at the caret is what is completed', () => {
    expect(tokenAt('hello @ju', 9)).toEqual({ sign: '@', query: 'ju', from: 6 });
    expect(tokenAt('(#kit', 5)).toEqual({ sign: '#', query: 'kit', from: 1 });
    expect(tokenAt('so :smi', 7)).toEqual({ sign: ':', query: 'smi', from: 3 });
    for (const text of ['me@ju', 'at 12:30', ':s', 'http://x']) expect(tokenAt(text, text.length)).toBeNull();
  });

  test('beginnings come first, then who spoke last, then the shorter name', () => {
    const people = ['bejune', 'june', 'jun', 'junia'].map((name) => person(name));
    expect(names(rank(people, 'jun'))).toEqual(['jun', 'june', 'junia', 'bejune']);
    expect(names(rank(people, 'jun', new Map([['junia', 5]])))).toEqual(['junia', 'jun', 'june', 'bejune']);
    expect(names(rank(people, 'JUNI'))).toEqual(['junia']);
  });

  test('ten thousand members are ranked for what is typed', () => {
    const members = Array.from({ length: 10_000 }, (_, n) =>
      person(`member_${(n * 7919) % 10_000}`, String(n)),
    );
    const tookMs = fastest(5, () => rank(members, 'mem'));
    console.info(`autocomplete: 10 000 members, ${tookMs.toFixed(1)} ms of 16 ms a keystroke`);
    expect(names(rank(members, 'mem'))).toHaveLength(8);
    expect(names(rank(members, 'member_77'))).toHaveLength(8);
  });
});

describe('formatting keys', () => {
  const apply = (text: string, start: number, end: number, mark: string): string => {
    const change = toggleMark(text, start, end, mark);
    const after = text.slice(0, change.from) + change.insert + text.slice(change.to);
    return `${after.slice(0, change.start)}[${after.slice(change.start, change.end)}]${after.slice(change.end)}`;
  };
  test('put marks on and take them off again', () => {
    expect(apply('a word here', 2, 6, '**')).toBe('a **[word]** here');
    expect(apply('a **word** here', 4, 8, '**')).toBe('a [word] here');
    expect(apply('a **word** here', 2, 10, '**')).toBe('a [word] here');
    expect(apply('', 0, 0, '~~')).toBe('~~[]~~');
  });
  test('italics inside bold are their own', () => {
    expect(apply('**word**', 2, 6, '*')).toBe('***[word]***');
    expect(apply('***word***', 3, 7, '*')).toBe('**[word]**');
  });
  test('an open fence is one that is not closed before the caret', () => {
    expect(isInFence('```js\nlet a', 10)).toBe(true);
    expect(isInFence('```js\nlet a\n```\n', 16)).toBe(false);
  });
});

test('the time to wait is written as a clock shows it', () => {
  expect([200, 59_000, 90_000, 7_500_000].map(waitText)).toEqual(['0:01', '0:59', '1:30', '2:05:00']);
});

describe('announcing', () => {
  test('three are read out, what follows within five seconds is counted', () => {
    let nowMs = 0;
    const timers: { run: () => void; ms: number }[] = [];
    const said: string[] = [];
    const announcer = new Announcer({
      one: ({ name, text }) => said.push(`${name}: ${text}`),
      many: (count, from) => said.push(`${count} from ${from.join(', ')}`),
      now: () => nowMs,
      setTimer: (run, ms) => timers.push({ run, ms }),
    });
    for (let n = 1; n <= 6; n++) announcer.hear({ name: n % 2 ? 'Mira' : 'Ravi', text: String(n) });
    expect(said).toEqual(['Mira: 1', 'Ravi: 2', 'Mira: 3']);
    expect(timers.map(({ ms }) => ms)).toEqual([5000]);
    nowMs = 5000;
    timers[0]?.run();
    expect(said.at(-1)).toBe('3 from Ravi, Mira');
    nowMs = 20_000;
    announcer.hear({ name: 'Mira', text: 'later' });
    expect(said.at(-1)).toBe('Mira: later');
  });
});

describe('the emoji table', () => {
  const load = () => import('../../src/ui/emoji');
  test('holds every group in both languages', () => {
    for (const locale of ['en', 'de', 'ar']) {
      const table = tableOf(locale);
      expect(table).toHaveLength(9);
      expect(table.flatMap(([, , rows]) => rows).length).toBeGreaterThan(1800);
    }
  });

  test('finds by short name, name and word', async () => {
    const { emojiTable, findEmoji } = await load();
    const table = await emojiTable('en');
    const first = (query: string, recents: string[] = []) => findEmoji(table, query, 5, recents)[0]?.text;
    expect(first('thumbsup') ?? first('+1')).toBe('👍');
    expect(first('fire')).toBe('🔥');
    expect(first('red heart')).toBe('❤️');
    expect(findEmoji(table, 'smile', 20).map(({ text }) => text)).toContain('😄');
    expect(first('cat', ['🐈'])).not.toBe('');
    expect(findEmoji(table, 'nothing is called so', 5)).toEqual([]);
  });

  test('skin tones are put where Unicode puts them', async () => {
    const { toned } = await load();
    const tone = (text: string) => toned({ text, hasTones: true }, 3);
    expect(tone('👍')).toBe('👍🏽');
    expect(tone('🕵️‍♂️')).toBe('🕵🏽‍♂️');
    expect(tone('🧑‍🤝‍🧑')).toBe('🧑🏽‍🤝‍🧑🏽');
    const data = JSON.parse(readFileSync('node_modules/emojibase-data/en/data.json', 'utf8')) as {
      hexcode: string;
      skins?: { hexcode: string; tone: number | number[] }[];
    }[];
    for (const { hexcode, skins } of data) {
      const told = skins?.find((skin) => [skin.tone].flat().every((one) => one === 3));
      if (told) expect(tone(textOf(hexcode))).toBe(textOf(told.hexcode));
    }
    expect(toned({ text: '🔥', hasTones: false }, 3)).toBe('🔥');
  });

  test('draws only the lines in sight, and walks by columns', () => {
    const entry = (n: number) => ({ text: String(n), name: '', words: [], code: '', hasTones: false });
    const category = (key: string, count: number) => ({
      key,
      name: key,
      emoji: Array.from({ length: count }, (_, n) => entry(n)),
    });
    const layout = layOut([category('a', 20), category('b', 500)], 8, 40);
    expect(layout.lines.map(({ cells }) => cells.length).slice(0, 5)).toEqual([0, 8, 8, 4, 0]);
    expect(layout.below(6, 1)).toBe(14);
    expect(layout.below(14, 1)).toBe(19);
    expect(layout.below(16, 1)).toBe(20);
    expect(shownLines(layout, 0, 400).length).toBeLessThan(20);
    expect(shownLines(layout, layout.height - 400, 400).at(-1)?.index).toBe(layout.lines.length - 1);
  });
});
