// The words of every language: complete, with the same holes, and with every plural form the language has.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

type Message = string | { declarations: string[]; match: Record<string, string> }[];
type Texts = Record<string, Message>;

const read = (path: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8'));
const { locales } = read('project.inlang/settings.json') as { locales: string[] };
const textsOf = (locale: string): Texts => {
  const { $schema: _, ...texts } = read(`messages/${locale}.json`) as Texts;
  return texts;
};
const english = textsOf('en');

const variants = (message: Message): string[] =>
  typeof message === 'string' ? [message] : message.flatMap((one) => Object.values(one.match));
/** What is filled in, over all variants; a form of "one" may leave the number out. */
const holes = (message: Message): string[] =>
  [...new Set(variants(message).flatMap((text) => text.match(/\{\w+\}/g) ?? []))].sort();

describe.each(locales)('%s', (locale) => {
  const texts = textsOf(locale);
  test('has every key', () => {
    expect(Object.keys(english).filter((key) => !(key in texts))).toEqual([]);
  });
  test('fills in the same things', () => {
    for (const [key, message] of Object.entries(english))
      if (texts[key]) expect([key, holes(texts[key])]).toEqual([key, holes(message)]);
  });
  test('has its own plural forms', () => {
    const forms = new Intl.PluralRules(locale).resolvedOptions().pluralCategories;
    for (const [key, message] of Object.entries(texts)) {
      if (typeof message === 'string') continue;
      const own = Object.keys(message[0]?.match ?? {}).map((match) => match.split('=')[1] ?? '');
      expect(own.at(-1), key).toBe('*'); // a count is never without words
      // "many" of the Romance languages is for millions, and reads as the rest does
      const needed = forms.filter(
        (form) => !['other', 'many'].includes(form) || (form === 'many' && locale === 'ar'),
      );
      const isUncounted = own.length === 1; // the words do not change with the number
      if (!isUncounted) expect([key, [...own].sort()]).toEqual([key, [...needed, '*'].sort()]);
    }
  });
  test('leaves nothing empty', () => {
    for (const [key, message] of Object.entries(texts))
      for (const text of variants(message)) expect(text.trim(), key).not.toBe('');
  });
});
