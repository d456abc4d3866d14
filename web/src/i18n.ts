// Words and numbers in the person's language. Texts come compiled from messages/*.json, a module for each language: English
// with the app, as what there is to say when nothing else can be had, any other when it is shown.
import english from './paraglide/english.js';
// every language's counts need it: it comes with the app, not as a request of its own
import { number } from './paraglide/registry.js';

type Inputs<Text> = Text extends (inputs: infer I) => string ? I : never;
/** Texts by their keys; one without anything to fill in is called without arguments. */
type Messages = {
  readonly [Key in keyof typeof english]: Record<string, never> extends Inputs<(typeof english)[Key]>
    ? () => string
    : (inputs: Inputs<(typeof english)[Key]>) => string;
};
type Table = Record<string, (inputs: unknown) => string>;

/** Every language, by its BCP 47 tag, and how its words are fetched. The last is the pseudo-locale, for tests. */
const LOADERS = {
  en: () => Promise.resolve(english),
  de: () => import('./paraglide/messages/de.js'),
  fr: () => import('./paraglide/messages/fr.js'),
  es: () => import('./paraglide/messages/es.js'),
  'pt-BR': () => import('./paraglide/messages/pt-BR.js'),
  ja: () => import('./paraglide/messages/ja.js'),
  ar: () => import('./paraglide/messages/ar.js'),
  'en-XA': () => import('./paraglide/messages/en-XA.js'),
} as const;

export type Locale = keyof typeof LOADERS;
const BASE: Locale = 'en';
/** The languages one can choose. */
export const LOCALES = (Object.keys(LOADERS) as Locale[]).filter((locale) => locale !== 'en-XA');
const RIGHT_TO_LEFT: readonly Locale[] = ['ar'];

export type TimeFormat = 'system' | '12' | '24';

let table: Table = {};
let shown: Locale = BASE;
/** The regional form of the language the browser asks for: it decides how dates and numbers look. */
let region: string = BASE;
let timeFormat: TimeFormat = 'system';

/** Every text by its key, in the language shown when it is called. */
export const m = new Proxy({} as Messages, {
  get: (_, key: string) => (inputs: unknown) => table[key]?.(inputs) ?? key,
});

export const getLocale = (): Locale => shown;
export const directionOf = (locale: Locale): 'ltr' | 'rtl' =>
  RIGHT_TO_LEFT.includes(locale) ? 'rtl' : 'ltr';

/** The language for a choice and, without one, for what the browser asks for: the first we have, by tag or by language. */
export function pickLocale(chosen: string | null, wanted: readonly string[]): Locale {
  const known = Object.keys(LOADERS) as Locale[];
  for (const tag of [chosen, ...wanted]) {
    if (!tag) continue;
    const exact = known.find((locale) => locale.toLowerCase() === tag.toLowerCase());
    const [language] = tag.split('-');
    const near = LOCALES.find((locale) => locale.split('-')[0] === language?.toLowerCase());
    const found = exact ?? near;
    if (found) return found;
  }
  return BASE;
}

/** Fetches the words of a language and shows them from then on. */
export async function showLocale(locale: Locale, wanted: readonly string[]): Promise<void> {
  const texts = await LOADERS[locale]();
  table = texts as unknown as Table;
  shown = locale;
  const [language] = locale.split('-');
  region = wanted.find((tag) => tag.split('-')[0] === language) ?? locale;
  formats.clear();
}

/** How hours are written: as the language does, or by the person's own choice. */
export function setTimeFormat(chosen: TimeFormat): void {
  timeFormat = chosen;
  formats.clear();
}

const formats = new Map<string, Intl.DateTimeFormat>();
function format(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = JSON.stringify(options);
  let made = formats.get(key);
  if (!made) {
    const hours: Intl.DateTimeFormatOptions =
      timeFormat === 'system' ? {} : { hourCycle: timeFormat === '12' ? 'h12' : 'h23' };
    made = new Intl.DateTimeFormat(region, { ...options, ...hours });
    formats.set(key, made);
  }
  return made;
}

/** 17:48 */
export const clockTime = (date: Date): string => format({ hour: '2-digit', minute: '2-digit' }).format(date);
/** 24 November 2026 */
export const longDay = (date: Date): string =>
  format({ day: 'numeric', month: 'long', year: 'numeric' }).format(date);
/** Tuesday, 24 November 2026 at 17:48 */
export const fullTime = (date: Date): string =>
  format({ dateStyle: 'full', timeStyle: 'short' }).format(date);
/** 24/11/2026, 17:48 */
export const shortTime = (date: Date): string =>
  format({ dateStyle: 'short', timeStyle: 'short' }).format(date);

/** 24 Nov 2026 */
export const dayOf = (date: Date): string => format({ dateStyle: 'medium' }).format(date);

/** "3 hours ago", to the coarsest unit that says something. */
export function ago(date: Date, nowMs: number): string {
  const seconds = Math.round((date.getTime() - nowMs) / 1000);
  const relative = new Intl.RelativeTimeFormat(region, { numeric: 'auto' });
  for (const [unit, size] of [
    ['year', 31_556_952],
    ['month', 2_629_746],
    ['day', 86_400],
    ['hour', 3600],
    ['minute', 60],
  ] as const) {
    if (Math.abs(seconds) >= size) return relative.format(Math.round(seconds / size), unit);
  }
  return relative.format(0, 'minute');
}

/** "Mira, Ravi and June" */
export function listOf(names: readonly string[]): string {
  return new Intl.ListFormat(region, { type: 'conjunction' }).format(names);
}

/** 1,204 */
export const count = (value: number): string => number(region as Locale, value);

/** 85 % */
export const percent = (value: number): string =>
  new Intl.NumberFormat(region, { style: 'percent' }).format(value);

/** 12 KiB, 3.4 MiB */
export function byteSize(bytes: number): string {
  if (bytes < 1024 * 1024) return m.size_kib({ size: count(Math.ceil(bytes / 1024)) });
  return m.size_mib({
    size: new Intl.NumberFormat(region, { maximumFractionDigits: 1 }).format(bytes / 1048576),
  });
}
