// A place in a conversation: which messages are in the page, and where the one being read stands.
import type { Id } from '../api/types';

/** The part of a run of messages in the page, by ids so that messages arriving at either end do not move it. Null: as far as goes. */
export interface Pane {
  readonly firstId: Id | null;
  readonly lastId: Id | null;
}

/** A row held where it is on the screen. */
export interface Anchor {
  readonly key: string;
  /** Distance of the row's top from the scroller's, in CSS pixels. */
  readonly top: number;
}

/** Where one was; without an anchor, at the end. */
export interface Place {
  readonly pane: Pane;
  /** A message of the run that is shown; null: the one that reaches the present. */
  readonly shownId: Id | null;
  readonly anchor: Anchor | null;
}
