// The table of emoji, one lazy chunk per language, from emojibase's data: what to draw, its name, what finds it.
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Category, Row } from 'virtual:emoji';
import type { Plugin } from 'vite';

const VIRTUAL = 'virtual:emoji';
/** Emoji younger than this Unicode version are drawn as boxes on many systems. */
const MAX_VERSION = 15.1;
/** Skin and hair on their own are no emoji to send. */
const COMPONENTS = 2;
const FALLBACK = 'en';

interface Source {
  hexcode: string;
  label: string;
  tags?: string[];
  group?: number;
  order?: number;
  version: number;
  skins?: { hexcode: string; tone?: number | number[] }[];
}

const root = dirname(createRequire(import.meta.url).resolve('emojibase-data/package.json'));
const read = <T>(path: string): T => JSON.parse(readFileSync(join(root, path), 'utf8')) as T;

/** Code points as text, with the selector only where the emoji would be drawn as text without it. */
export function textOf(hexcode: string): string {
  const points = hexcode.split('-').map((hex) => String.fromCodePoint(parseInt(hex, 16)));
  const isText = points.length === 1 && !/\p{Emoji_Presentation}/u.test(points[0] ?? '');
  return points.join('') + (isText ? '\u{fe0f}' : '');
}

/** The table in one language; English where that language has none. */
export function tableOf(locale: string): Category[] {
  const from = existsSync(join(root, locale, 'data.json')) ? locale : FALLBACK;
  const data = read<Source[]>(`${from}/data.json`);
  const groups = read<{ groups: { key: string; message: string; order: number }[] }>(
    `${from}/messages.json`,
  ).groups;
  const github = read<Record<string, string | string[]>>('en/shortcodes/github.json');
  const cldr = read<Record<string, string | string[]>>('en/shortcodes/cldr.json');
  return groups
    .filter((group) => group.order !== COMPONENTS)
    .map(({ key, message, order }) => [
      key,
      message,
      data
        .filter((one) => one.group === order && one.version <= MAX_VERSION)
        .sort((a, b) => (a.order ?? 0) - (b.order ?? 0))
        .map((one): Row => {
          const codes = [github[one.hexcode] ?? cldr[one.hexcode] ?? []].flat();
          return [
            textOf(one.hexcode),
            one.label,
            (one.tags ?? []).join(' '),
            codes.join(' '),
            (one.skins?.length ?? 0) > 0 ? 1 : 0,
          ];
        }),
    ]);
}

/** The Vite plugin: `virtual:emoji` has a loader for each language of the project. */
export function emojiTable(): Plugin {
  let locales: string[] = [];
  return {
    name: 'hearth-emoji',
    configResolved(config) {
      const settings = readFileSync(join(config.root, 'project.inlang/settings.json'), 'utf8');
      locales = (JSON.parse(settings) as { locales: string[] }).locales;
    },
    resolveId: (id) => (id === VIRTUAL || id.startsWith(`${VIRTUAL}/`) ? `\0${id}` : undefined),
    load(id) {
      if (id === `\0${VIRTUAL}`) {
        const loaders = locales.map((locale) => `'${locale}': () => import('${VIRTUAL}/${locale}')`);
        return `export const loaders = { ${loaders.join(', ')} };`;
      }
      if (!id.startsWith(`\0${VIRTUAL}/`)) return undefined;
      const text = JSON.stringify(tableOf(id.slice(VIRTUAL.length + 2)));
      return `export default JSON.parse(${JSON.stringify(text)});`;
    },
  };
}
