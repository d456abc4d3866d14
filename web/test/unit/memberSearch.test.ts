// When members of a big guild are asked for by name, and which answers count.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { MAX_FOUND, MemberSearch } from '../../src/state/memberSearch';
import { member, user } from '../support/things';

let said: { guild_id: string; query: string; nonce: string }[];
let isConnected: boolean;
let search: MemberSearch;

beforeEach(() => {
  vi.useFakeTimers();
  said = [];
  isConnected = true;
  search = new MemberSearch((op, d) => {
    expect(op).toBe(8);
    if (isConnected) said.push(d as (typeof said)[number]);
    return isConnected;
  });
});
afterEach(() => {
  vi.useRealTimers();
});

/** The server answers what was asked last. */
const answer = (count: number): void =>
  search.told({
    nonce: said.at(-1)?.nonce ?? '',
    members: Array.from({ length: count }, (_, n) => member(user(String(n)))),
  });

test('a name is asked for once typing pauses, and only the last beginning counts', async () => {
  const early = search.find('5', 'm');
  const late = search.find('5', 'Mi');
  expect(await early).toBe(false);
  expect(said).toEqual([]);
  vi.runAllTimers();
  expect(said).toMatchObject([{ guild_id: '5', query: 'mi', limit: MAX_FOUND }]);
  search.told({ nonce: 'another', members: [] });
  answer(1);
  expect(await late).toBe(true);
});

test('an answer that comes after one typed on is no answer', async () => {
  const first = search.find('5', 'm');
  vi.runAllTimers();
  const second = search.find('5', 'mi');
  answer(1);
  expect(await first).toBe(false);
  vi.runAllTimers();
  answer(2);
  expect(await second).toBe(true);
  expect(said).toHaveLength(2);
});

test('where all were named, a longer beginning asks nothing; where not, it does', async () => {
  void search.find('5', 'mi');
  vi.runAllTimers();
  answer(3);
  expect(await search.find('5', 'mira')).toBe(false);
  void search.find('5', 'ra');
  vi.runAllTimers();
  answer(MAX_FOUND);
  void search.find('5', 'rav');
  void search.find('6', 'mira');
  vi.runAllTimers();
  expect(said.map(({ query }) => query)).toEqual(['mi', 'ra', 'mira']);
  search.forget(); // another session: others may have come
  void search.find('5', 'mira');
  vi.runAllTimers();
  expect(said.at(-1)).toMatchObject({ guild_id: '5', query: 'mira' });
});

test('nothing is waited for without a connection, or without a name', async () => {
  isConnected = false;
  const found = search.find('5', 'mi');
  vi.runAllTimers();
  expect(await found).toBe(false);
  expect(await search.find('5', '')).toBe(false);
});
