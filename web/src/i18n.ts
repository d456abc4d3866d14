// Words and numbers in the person's language. Texts come compiled from messages/*.json.
import { m } from './paraglide/messages.js';
import { baseLocale, getLocale, locales, overwriteGetLocale } from './paraglide/runtime.js';

export { m, getLocale, locales };
export type Locale = (typeof locales)[number];

/** The regional form of the language the browser asks for: it decides how dates and numbers look. */
let region: string = baseLocale;

/** Chooses the language before anything is drawn: the stored choice, else the browser's first we have. */
export function initLocale(stored: string | null, wanted: readonly string[]): void {
  const candidates = [stored, ...wanted.map((tag) => tag.split('-')[0] ?? '')];
  const locale = locales.find(
    (known) => known === candidates.find((tag) => locales.some((one) => one === tag)),
  );
  overwriteGetLocale(() => locale ?? baseLocale);
  region = wanted.find((tag) => tag.split('-')[0] === getLocale()) ?? getLocale();
}

const formats = new Map<string, Intl.DateTimeFormat>();
function format(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = JSON.stringify(options);
  let made = formats.get(key);
  if (!made) formats.set(key, (made = new Intl.DateTimeFormat(region, options)));
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

/** "3 hours ago", to the coarsest unit that says something. */
export function ago(date: Date, nowMs: number): string {
  const seconds = Math.round((date.getTime() - nowMs) / 1000);
  const relative = new Intl.RelativeTimeFormat(region, { numeric: 'auto' });
  for (const [unit, size] of [
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
export const count = (value: number): string => new Intl.NumberFormat(region).format(value);
