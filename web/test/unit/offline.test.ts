import { expect, test } from 'vitest';
import { planOf, surplus } from '../../src/offline';

const ORIGIN = 'https://chat.example.org';
const FILES = ['/', '/assets/index-abc.js', '/first-paint.js'];
const plan = (url: string, extra: Partial<Parameters<typeof planOf>[0]> = {}) =>
  planOf({ method: 'GET', mode: 'no-cors', destination: '', url: ORIGIN + url, ...extra }, ORIGIN, FILES);

test('pages come from the network with the kept page behind them', () => {
  for (const path of ['/', '/channels/1/2', '/settings/language?x=1'])
    expect(plan(path, { mode: 'navigate' })).toBe('page');
  expect(plan('/cdn/attachments/1/2/a.pdf', { mode: 'navigate' })).toBe(null);
  expect(plan('/api/v10/oauth2/authorize', { mode: 'navigate' })).toBe(null);
});

test('what the app starts from is kept, its pictures are kept loosely, the rest is left alone', () => {
  expect(plan('/assets/index-abc.js')).toBe('kept');
  expect(plan('/assets/Lazy-def.js')).toBe(null);
  expect(plan('/cdn/avatars/1/a.webp?size=64', { destination: 'image' })).toBe('picture');
  expect(plan('/cdn/emojis/1.webp', { destination: 'image' })).toBe('picture');
  expect(plan('/cdn/attachments/1/2/a.png', { destination: 'image' })).toBe(null);
  expect(plan('/cdn/avatars/1/a.webp')).toBe(null);
  expect(plan('/api/v10/users/@me')).toBe(null);
  expect(plan('/assets/index-abc.js', { method: 'POST' })).toBe(null);
  expect(
    planOf(
      { method: 'GET', mode: 'cors', destination: 'image', url: 'https://other.example/cdn/avatars/1/a' },
      ORIGIN,
      FILES,
    ),
  ).toBe(null);
});

test('the oldest pictures go first', () => {
  expect(surplus([1, 2, 3, 4], 3)).toEqual([1]);
  expect(surplus([1, 2], 3)).toEqual([]);
});
