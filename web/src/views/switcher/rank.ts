// What the quick switcher finds, best first. Plain functions.

export interface Candidate {
  /** What is matched. */
  text: string;
  /** The same in comparable form; made once by `comparable`. */
  plain: string;
  /** Rises with use: 0 for what was never opened. */
  recency: number;
}

/** Lower case, without accents: what people type without thinking. */
export function comparable(text: string): string {
  return text
    .toLowerCase()
    .normalize('NFD')
    .replace(/\p{M}+/gu, '');
}

/** Points of a match; none below. Whole names beat beginnings, those beat word beginnings, those beat parts, those scattered letters. */
const WHOLE = 1000;
const START = 800;
const WORD = 600;
const INSIDE = 400;
const SCATTERED = 100;
/** Use never lifts a worse kind of match over a better one. */
const MAX_RECENCY = 90;

const isBoundary = (plain: string, at: number): boolean =>
  at === 0 || !/[\p{L}\p{N}]/u.test(plain[at - 1] ?? '');

/** How well `query` (comparable) fits; 0 for not at all. */
export function score(query: string, plain: string): number {
  if (query === '') return 1;
  if (plain === query) return WHOLE;
  const at = plain.indexOf(query);
  if (at === 0) return START - Math.min(99, plain.length - query.length);
  if (at > 0) {
    for (let from = at; from >= 0; from = plain.indexOf(query, from + 1))
      if (isBoundary(plain, from)) return WORD - Math.min(99, from);
    return INSIDE - Math.min(99, at);
  }
  return scattered(query, plain);
}

/** Every letter in order: each run and each word beginning counts, each gap costs. */
function scattered(query: string, plain: string): number {
  let points = 0;
  let from = 0;
  let last = -2;
  for (const letter of query) {
    if (letter === ' ') continue;
    const at = plain.indexOf(letter, from);
    if (at < 0) return 0;
    if (at === last + 1) points += 5;
    else if (isBoundary(plain, at)) points += 4;
    else points -= Math.min(3, at - from);
    last = at;
    from = at + letter.length;
  }
  return Math.max(1, Math.min(INSIDE - 110, SCATTERED + points));
}

/** The best of them, at most `limit`; among equals the more used, then the shorter, then in the order given. */
export function rank<T extends Candidate>(query: string, candidates: readonly T[], limit: number): T[] {
  const plain = comparable(query.trim());
  const found: { one: T; points: number; at: number }[] = [];
  candidates.forEach((one, at) => {
    const points = score(plain, one.plain);
    if (points > 0) found.push({ one, points: points + Math.min(MAX_RECENCY, one.recency), at });
  });
  found.sort(
    (a, b) =>
      b.points - a.points || (plain === '' ? 0 : a.one.plain.length - b.one.plain.length) || a.at - b.at,
  );
  return found.slice(0, limit).map(({ one }) => one);
}
