import { expect, test } from 'vitest';
import { directionOf, LOCALES, m, pickLocale, showLocale } from '../../src/i18n';
import { DEFAULTS, readChoices } from '../../src/state/look';

test('choices from outside are taken one by one, and only as far as they are understood', () => {
  expect(readChoices(null)).toEqual(DEFAULTS);
  expect(readChoices('light')).toEqual(DEFAULTS);
  const base = readChoices({ theme: 'light', textScale: 150, announces: false });
  expect(base).toEqual({ ...DEFAULTS, theme: 'light', textScale: 150, announces: false });
  const strange = { theme: 'neon', textScale: 9000, motion: 1, locale: 'x'.repeat(99), showsMembers: 'yes' };
  expect(readChoices(strange, base)).toEqual(base);
});

test('the language is the chosen one, else the browser’s first we have', () => {
  expect(pickLocale('ja', ['de-AT'])).toBe('ja');
  expect(pickLocale(null, ['nl-NL', 'de-AT', 'fr'])).toBe('de');
  expect(pickLocale(null, ['pt-PT'])).toBe('pt-BR');
  expect(pickLocale(null, ['en-XB', 'nl'])).toBe('en');
  expect(pickLocale('en-XA', [])).toBe('en-XA');
  expect(pickLocale('klingon', [])).toBe('en');
  expect(LOCALES).not.toContain('en-XA');
  expect(directionOf('ar')).toBe('rtl');
});

test('words follow the language, counts its plural forms', async () => {
  await showLocale('en', ['en-GB']);
  expect([0, 1, 2].map((count) => m.mentions_count({ count }))).toEqual([
    '0 mentions',
    '1 mention',
    '2 mentions',
  ]);
  await showLocale('de', []);
  expect(m.mentions_count({ count: 1 })).toBe('1 Erwähnung');
  await showLocale('en-XA', []);
  expect(m.back()).toBe('⟦Báçk··⟧');
  expect(m.name_with_mentions({ name: 'Mira', count: 2 })).toContain('Mira');
});
