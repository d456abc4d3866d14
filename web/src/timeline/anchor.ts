// Keeps the row one reads where it is on the screen while rows above it come, go, or change height.
import type { Anchor } from '../state/place';

const rowsOf = (scroller: HTMLElement): HTMLElement[] => [
  ...scroller.querySelectorAll<HTMLElement>('[data-row]'),
];

/** The first row whose foot is in sight. */
export function capture(scroller: HTMLElement): Anchor | null {
  const edge = scroller.getBoundingClientRect().top;
  const rows = rowsOf(scroller);
  let low = 0;
  let high = rows.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((rows[middle]?.getBoundingClientRect().bottom ?? 0) > edge) high = middle;
    else low = middle + 1;
  }
  const row = rows[low];
  const key = row?.dataset['row'];
  return row && key !== undefined ? { key, top: row.getBoundingClientRect().top - edge } : null;
}

/** Puts the row back where it was; false when it is gone. */
export function restore(scroller: HTMLElement, anchor: Anchor): boolean {
  const row = scroller.querySelector<HTMLElement>(`[data-row="${CSS.escape(anchor.key)}"]`);
  if (!row) return false;
  const moved = row.getBoundingClientRect().top - scroller.getBoundingClientRect().top - anchor.top;
  if (Math.abs(moved) >= 0.5) scroller.scrollTop += moved;
  return true;
}

/** Pixels between what is in sight and the end. */
export function fromEnd(scroller: HTMLElement): number {
  return scroller.scrollHeight - scroller.clientHeight - scroller.scrollTop;
}
