// Keeps the row one reads, or the end, where it is on the screen while rows come, go, or change height.
//
// Rows that stay are never moved by the page's layout together with a scroll: a browser counts that as a layout shift
// (https://wicg.github.io/layout-instability/), while either alone, or a translation, is none.
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

/** The empty space above the rows: what leaves there is made up for in it, what comes fills it. */
export class Room {
  #height = 0;
  readonly #element: () => HTMLElement;

  constructor(element: () => HTMLElement) {
    this.#element = element;
  }

  get height(): number {
    return this.#height;
  }

  /** Rows below were moved down by `moved` pixels; answers with how many of them are left for the scroller. */
  absorb(moved: number): number {
    const next = Math.max(0, this.#height - moved);
    const left = moved - (this.#height - next);
    this.#set(next);
    return left;
  }

  /** Gives it another height; the scroller follows, so that nothing is seen of it. */
  become(height: number, scroller: HTMLElement): void {
    const by = height - this.#height;
    if (Math.abs(by) < 1) return;
    const from = scroller.scrollTop;
    this.#set(height);
    scroller.scrollTop = from + by;
  }

  #set(height: number): void {
    if (height === this.#height) return;
    this.#height = height;
    this.#element().style.height = `${height}px`;
  }
}

/** Stands at the end: rows that arrive are scrolled to, and a conversation shorter than the page stands at its foot. */
export class Footing {
  #row: HTMLElement | null = null;
  #top = 0;

  /** Looks where the last row is, before the page changes. */
  note(content: HTMLElement): void {
    this.#row = [...content.querySelectorAll<HTMLElement>(ROWS)].at(-1) ?? null;
    this.#top = this.#row ? topIn(content, this.#row) : 0;
  }

  /** Scrolls to the end. */
  settle(scroller: HTMLElement, content: HTMLElement, room: Room): void {
    if (this.#row?.isConnected) room.absorb(topIn(content, this.#row) - this.#top);
    this.#row = null;
    scroller.scrollTop = scroller.scrollHeight;
  }
}

function topIn(content: HTMLElement, row: HTMLElement): number {
  return row.getBoundingClientRect().top - content.getBoundingClientRect().top;
}

/** Lets a conversation shorter than the page stand at its foot. */
export function sink(scroller: HTMLElement, content: HTMLElement): void {
  const spare = scroller.clientHeight - content.offsetHeight;
  content.style.transform = spare > 0 ? `translateY(${spare}px)` : '';
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
  restore(scroller: HTMLElement, room: Room): void {
    const anchor = this.#anchor;
    if (!anchor) return;
    this.follow(scroller);
    const row = scroller.querySelector<HTMLElement>(`[data-row="${CSS.escape(anchor.key)}"]`);
    if (!row) return this.take(scroller);
    const edge = scroller.getBoundingClientRect().top;
    const moved = row.getBoundingClientRect().top - edge - (this.#anchor?.top ?? 0);
    if (Math.abs(moved) >= 0.5) {
      const at = scroller.scrollTop;
      const left = room.absorb(moved);
      scroller.scrollTop = at + left; // also undoes what the browser clamped meanwhile
    }
    this.#scrollTop = scroller.scrollTop;
  }
}
