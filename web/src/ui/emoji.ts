// The emoji one can pick: their table, finding in it, and skin tones.
import { loaders } from 'virtual:emoji';

export interface EmojiEntry {
  /** What is sent. */
  text: string;
  name: string;
  /** Lower-case words that find it, short names first. */
  words: readonly string[];
  /** Its short name, as written between colons. */
  code: string;
  hasTones: boolean;
  /** Drawn by this instead of its text. */
  picture?: { still: string; moving: string | null };
}

export interface EmojiCategory {
  key: string;
  name: string;
  /** Stands for it among the categories; null: its first letter does. Absent: its icon. */
  picture?: string | null;
  emoji: readonly EmojiEntry[];
}

/** What a person picks often, kept by whoever shows the picker. */
export interface EmojiHabits {
  readonly recents: readonly string[];
  /** 0 none, 1 to 5 from light to dark. */
  readonly tone: number;
  setTone: (tone: number) => void;
}

const loaded = new Map<string, Promise<readonly EmojiCategory[]>>();

/** The table in a language; loaded once. */
export function emojiTable(locale: string): Promise<readonly EmojiCategory[]> {
  const known = loaded.get(locale);
  if (known) return known;
  const load = loaders[locale] ?? loaders['en'];
  const table = (async () => {
    const rows = (await load?.())?.default ?? [];
    return rows.map(([key, name, emoji]) => ({
      key,
      name,
      emoji: emoji.map(([text, label, words, codes, hasTones]) => ({
        text,
        name: label,
        code: codes.split(' ')[0] ?? '',
        words: `${codes.replaceAll('_', ' ')} ${codes} ${label} ${words}`.toLowerCase().split(/[\s:,]+/),
        hasTones: hasTones === 1,
      })),
    }));
  })();
  loaded.set(locale, table);
  table.catch(() => loaded.delete(locale)); // the network was away: the next try may do better
  return table;
}

/** An emoji in a skin tone: the modifier follows each figure that takes one (UTS #51, section 2.4). */
export function toned(entry: Pick<EmojiEntry, 'text' | 'hasTones'>, tone: number): string {
  if (!entry.hasTones || tone < 1 || tone > 5) return entry.text;
  const modifier = String.fromCodePoint(0x1f3fa + tone);
  // the clasped hands between two people have no colour of their own
  return entry.text.replace(/(?<!\u200d(?=🤝))(\p{Emoji_Modifier_Base})\u{fe0f}?/gu, `$1${modifier}`);
}

/** Entries that match every word of the query: those whose short name or name begins with it first. */
export function findEmoji(
  categories: readonly EmojiCategory[],
  query: string,
  limit: number,
  recents: readonly string[] = [],
): EmojiEntry[] {
  const wanted = query
    .toLowerCase()
    .split(/[\s_]+/)
    .filter(Boolean);
  if (wanted.length === 0) return [];
  const whole = wanted.join('_');
  const ranked: { entry: EmojiEntry; rank: number; at: number }[] = [];
  let at = 0;
  for (const { emoji } of categories) {
    for (const entry of emoji) {
      at++;
      if (!wanted.every((word) => entry.words.some((one) => one.startsWith(word)))) continue;
      const isRecent = recents.includes(entry.text);
      const rank =
        entry.code === whole
          ? 0
          : isRecent
            ? 1
            : entry.code.startsWith(whole)
              ? 2
              : entry.name.startsWith(query)
                ? 3
                : 4;
      ranked.push({ entry, rank, at });
    }
  }
  ranked.sort((a, b) => a.rank - b.rank || a.at - b.at);
  return ranked.slice(0, limit).map(({ entry }) => entry);
}
