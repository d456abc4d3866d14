// The word under the caret, and what it could become.
import type { Emoji } from '../api/types';

export type Sign = '@' | '#' | ':';

export interface Token {
  sign: Sign;
  query: string;
  /** Where the sign stands in the text. */
  from: number;
}

/** The mention or emoji being written at the caret, if one is. */
export function tokenAt(text: string, caret: number): Token | null {
  const before = text.slice(Math.max(0, caret - 40), caret);
  const found =
    /(?:^|[\s(])([@#])([\p{L}\p{N}_.-]{0,32})$/u.exec(before) ??
    /(?:^|[\s(])(:)([\p{L}\p{N}_+-]{2,32})$/u.exec(before);
  if (!found) return null;
  const query = found[2] ?? '';
  return { sign: found[1] as Sign, query, from: caret - query.length - 1 };
}

export interface Candidate {
  id: string;
  kind: 'user' | 'role' | 'everyone' | 'channel' | 'emoji';
  /** What takes the token's place, sign and all; matched without it. */
  text: string;
  /** Drawn by this, where it is an emoji of a guild's. */
  emoji?: Emoji;
  /** What people see; matched as well. */
  label: string;
  /** Said beside it. */
  note?: string;
}

const MAX_SHOWN = 8;

interface Ranked {
  candidate: Candidate;
  begins: boolean;
  recency: number;
}

/** Whether `a` stands before `b`: what begins with the query, then who spoke last, then the shorter name. */
function isBefore(a: Ranked, b: Ranked): boolean {
  if (a.begins !== b.begins) return a.begins;
  if (a.recency !== b.recency) return a.recency > b.recency;
  const [first, second] = [a.candidate.label, b.candidate.label];
  return first.length === second.length ? first < second : first.length < second.length;
}

/** The best candidates, in one pass that keeps no more than are shown. `recency` of an id: the higher, the later. */
export function rank(
  candidates: Iterable<Candidate>,
  query: string,
  recency: ReadonlyMap<string, number> = new Map(),
): Candidate[] {
  const wanted = query.toLowerCase();
  const best: Ranked[] = [];
  for (const candidate of candidates) {
    const text = candidate.text.slice(1).toLowerCase();
    const label = candidate.label.toLowerCase();
    const begins = text.startsWith(wanted) || label.startsWith(wanted);
    if (!begins && !text.includes(wanted) && !label.includes(wanted)) continue;
    const ranked = { candidate, begins, recency: recency.get(candidate.id) ?? 0 };
    const last = best.at(-1);
    if (best.length === MAX_SHOWN && last && !isBefore(ranked, last)) continue;
    const at = best.findIndex((other) => isBefore(ranked, other));
    best.splice(at < 0 ? best.length : at, 0, ranked);
    if (best.length > MAX_SHOWN) best.pop();
  }
  return best.map(({ candidate }) => candidate);
}
