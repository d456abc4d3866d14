// Which big guilds are kept awake, when what they did not tell is asked for, and what is said again after the line was gone.
import { beforeEach, describe, expect, test } from 'vitest';
import { Lists } from '../../src/state/lists.svelte';
import { reduce } from '../../src/state/reduce';
import { plainWorld } from '../../src/state/world';
import { channel, guild, ready } from '../support/things';

const GUILDS = ['5', '6', '7', '8'];
let said: { guild_id: string; channels: Record<string, unknown>; threads: boolean }[];
let gaps: string[];
let heard: Set<string>;
let isConnected: boolean;
let lists: Lists;

beforeEach(() => {
  const world = plainWorld();
  const big = GUILDS.map((id) =>
    guild({ id, member_count: 1000, channels: [channel(`${id}0`), channel(`${id}1`)] }),
  );
  reduce(world, 'READY', ready({ guilds: [...big, guild({ id: '9', member_count: 3 })] }), 0);
  said = [];
  gaps = [];
  heard = new Set();
  isConnected = true;
  lists = new Lists(world, {
    send: (op, d) => {
      expect(op).toBe(14);
      if (isConnected) said.push(d as (typeof said)[number]);
      return isConnected;
    },
    onGap: (guildId) => gaps.push(guildId),
    isHeard: (guildId) => heard.has(guildId),
  });
});
const isAwake = (guildId: string): boolean => {
  const last = said.findLast((one) => one.guild_id === guildId);
  return last !== undefined && (Object.keys(last.channels).length > 0 || last.threads);
};

describe('a guild of many members', () => {
  test('is woken when it is looked at, and asked for what it kept to itself once it is awake', () => {
    lists.open('5', '50');
    expect(isAwake('5')).toBe(true);
    expect(gaps).toEqual([]);
    lists.told('5');
    lists.told('5');
    expect(gaps).toEqual(['5']);
    lists.open('5', '51');
    lists.told('5');
    expect(gaps).toEqual(['5']);
  });

  test('sleeps again when three others were looked at since, and misses what comes then', () => {
    for (const id of GUILDS) lists.open(id, `${id}0`);
    expect(GUILDS.map(isAwake)).toEqual([false, true, true, true]);
    expect(gaps).toEqual(['5']);
  });

  test('is kept awake for what is heard of it', () => {
    heard.add('6');
    lists.attend();
    expect(GUILDS.map(isAwake)).toEqual([false, true, false, false]);
    lists.renew(); // another session: it knows nothing of that
    lists.attend();
    expect(said.map((one) => one.guild_id)).toEqual(['6', '6']);
  });

  test('is told again what a broken line kept from it', () => {
    isConnected = false;
    lists.open('5', '50');
    expect(said).toEqual([]);
    isConnected = true;
    lists.catchUp();
    lists.catchUp();
    expect(said).toHaveLength(1);
    lists.renew();
    expect(said).toHaveLength(2);
  });
});

test('a small guild tells everything without being asked', () => {
  lists.open('9', '90');
  expect(said).toEqual([]);
});
