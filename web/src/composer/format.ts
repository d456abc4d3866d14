// Formatting by keys: marks put around what is selected, or taken off again.

/** A change to a text: what lies in [from, to) becomes `insert`, and [start, end) of the result is selected. */
export interface Change {
  from: number;
  to: number;
  insert: string;
  start: number;
  end: number;
}

/** Puts `mark` around the selection; where it stands there already, takes it off. */
export function toggleMark(text: string, start: number, end: number, mark: string): Change {
  const size = mark.length;
  const inner = text.slice(start, end);
  if (hasMark(text, start, end, mark)) {
    return { from: start - size, to: end + size, insert: inner, start: start - size, end: end - size };
  }
  if (inner.length >= 2 * size && hasMark(text, start + size, end - size, mark)) {
    const bare = inner.slice(size, -size);
    return { from: start, to: end, insert: bare, start, end: end - 2 * size };
  }
  return { from: start, to: end, insert: mark + inner + mark, start: start + size, end: end + size };
}

/** Whether the mark itself stands around, not a longer one of the same sign (`*` is not in `**`, but is in `***`). */
function hasMark(text: string, start: number, end: number, mark: string): boolean {
  const sign = mark[0] ?? '';
  const run = (at: number, step: number): number => {
    let length = 0;
    while (text[at + length * step] === sign) length++;
    return length;
  };
  const around = Math.min(run(start - 1, -1), run(end, 1));
  if (around < mark.length) return false;
  return mark.length === 1 && sign === '*' ? around !== 2 : true;
}

/** The marks of the formatting keys. */
export const MARK_KEYS: Readonly<Record<string, string>> = { b: '**', i: '*', u: '__' };
export const STRIKE = '~~';

/** Whether the caret stands in a code fence that is not closed before it. */
export function isInFence(text: string, caret: number): boolean {
  return (text.slice(0, caret).match(/```/g)?.length ?? 0) % 2 === 1;
}
