// Keeps the row one reads where it is on the screen while rows above it come, go, or change height.
import type { Anchor } from '../state/place';

/** Messages only: dividers come, go and move with the part of the past that is in the page. */
const ROWS = 'article[data-row]';

/** The first message whose foot is in sight. */
export function capture(scroller: HTMLElement): Anchor | null {
  const edge = scroller.getBoundingClientRect().top;
  const rows = [...scroller.querySelectorAll<HTMLElement>(ROWS)];
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

/** Pixels between what is in sight and the end. */
export function fromEnd(scroller: HTMLElement): number {
  return scroller.scrollHeight - scroller.clientHeight - scroller.scrollTop;
}

/**
 * The hold on the row one reads. Scrolling moves it, growth does not: the two are told apart by the scroller's own
 * position, whose event comes a frame late.
 */
export class Hold {
  #anchor: Anchor | null = null;
  #scrollTop = 0;

  get anchor(): Anchor | null {
    return this.#anchor;
  }

  /** Takes hold of what is in sight. */
  take(scroller: HTMLElement): void {
    this.set(capture(scroller), scroller);
  }

  /** Takes hold of a row for a place it is to have; null lets go. */
  set(anchor: Anchor | null, scroller: HTMLElement): void {
    this.#anchor = anchor;
    this.#scrollTop = scroller.scrollTop;
  }

  /** Follows what was scrolled since, before the page changes. */
  follow(scroller: HTMLElement): void {
    const moved = scroller.scrollTop - this.#scrollTop;
    this.#scrollTop = scroller.scrollTop;
    if (this.#anchor && moved !== 0) this.#anchor = { ...this.#anchor, top: this.#anchor.top - moved };
  }

  /** Puts the row back where it was; where it is gone, what is in sight takes its place. */
  restore(scroller: HTMLElement): void {
    const anchor = this.#anchor;
    if (!anchor) return;
    this.follow(scroller);
    const row = scroller.querySelector<HTMLElement>(`[data-row="${CSS.escape(anchor.key)}"]`);
    if (!row) return this.take(scroller);
    const edge = scroller.getBoundingClientRect().top;
    const moved = row.getBoundingClientRect().top - edge - (this.#anchor?.top ?? 0);
    if (Math.abs(moved) >= 0.5) scroller.scrollTop += moved;
    this.#scrollTop = scroller.scrollTop;
  }
}
