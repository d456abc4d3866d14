// The word under the caret, and what it could become.

export interface Token {
  sign: '@' | '#';
  query: string;
  /** Where the sign stands in the text. */
  from: number;
}

/** The mention being written at the caret, if one is. */
export function tokenAt(text: string, caret: number): Token | null {
  const found = /(?:^|[\s(])([@#])([\p{L}\p{N}_.-]{0,32})$/u.exec(text.slice(Math.max(0, caret - 40), caret));
  if (!found) return null;
  const sign = found[1] === '#' ? '#' : '@';
  const query = found[2] ?? '';
  return { sign, query, from: caret - query.length - 1 };
}

export interface Candidate {
  id: string;
  /** What is inserted after the sign. */
  name: string;
  /** What people see; matched as well. */
  label: string;
}

const MAX_SHOWN = 8;

/** The best candidates: those that begin with the query, then those that contain it. */
export function rank(candidates: Iterable<Candidate>, query: string): Candidate[] {
  const wanted = query.toLowerCase();
  const begins: Candidate[] = [];
  const contains: Candidate[] = [];
  for (const candidate of candidates) {
    const name = candidate.name.toLowerCase();
    const label = candidate.label.toLowerCase();
    if (name.startsWith(wanted) || label.startsWith(wanted)) begins.push(candidate);
    else if (contains.length < MAX_SHOWN && (name.includes(wanted) || label.includes(wanted)))
      contains.push(candidate);
  }
  begins.sort((a, b) => a.label.length - b.label.length || a.label.localeCompare(b.label));
  return [...begins, ...contains].slice(0, MAX_SHOWN);
}
