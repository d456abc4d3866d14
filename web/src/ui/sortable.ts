// Lets a row be dragged to another place. Whatever can be dragged has buttons or keys beside it, so this may load late.
import type { Attachment } from 'svelte/attachments';

/** Where on a row something is let go. */
export type Zone = 'before' | 'after' | 'into';

export interface Sortable<T> {
  /** Rows of other kinds are not accepted. */
  kind: string;
  /** What is taken hold of. */
  held: () => T;
  isOn?: () => boolean;
  accepts: (held: T) => boolean;
  /** Whether letting go on the middle means into it. */
  hasInto?: (held: T) => boolean;
  drop: (held: T, zone: Zone) => void;
}

/** What a page needs to be read comes first. */
const AFTER_MS = 1500;

/** An attachment: the element gets `data-drop` while something is held over it, and `data-dragging` while it is held. */
export function sortable<T>(options: Sortable<T>): Attachment<HTMLElement> {
  return (element) => {
    let undo: (() => void) | null = null;
    let isGone = false;
    const timer = setTimeout(() => {
      void import('./drag').then(({ attach }) => {
        if (!isGone) undo = attach(element, options);
      });
    }, AFTER_MS);
    return () => {
      isGone = true;
      clearTimeout(timer);
      undo?.();
    };
  };
}
