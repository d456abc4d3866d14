// Which part of a run of messages is in the page: never more than 200 rows, moved in steps as one scrolls.
import type { Id, Message } from '../api/types';
import type { Pane } from '../state/place';
import { lowerBound } from '../state/segments';

export const MAX_ROWS = 200;
const FIRST_ROWS = 60;
const STEP = 50;

export const AT_END: Pane = { firstId: null, lastId: null };

/** A pane as indexes, end exclusive. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** Where the pane lies in the messages at hand. `max`: the most rows it may have. */
export function rangeOf(messages: readonly Message[], pane: Pane, max = MAX_ROWS): Range {
  const to =
    pane.lastId === null ? messages.length : Math.min(messages.length, lowerBound(messages, pane.lastId) + 1);
  const from = pane.firstId === null ? Math.max(0, to - FIRST_ROWS) : lowerBound(messages, pane.firstId);
  if (to - from <= max) return { from: Math.min(from, to), to };
  return pane.lastId === null ? { from: to - max, to } : { from, to: from + max };
}

function paneOf(messages: readonly Message[], from: number, to: number): Pane {
  return {
    firstId: messages[from]?.id ?? null,
    lastId: to >= messages.length ? null : (messages[to - 1]?.id ?? null),
  };
}

/** The pane a step further up; rows at its foot leave when there are too many. */
export function up(messages: readonly Message[], pane: Pane): Pane {
  const { from, to } = rangeOf(messages, pane);
  const next = Math.max(0, from - STEP);
  return paneOf(messages, next, Math.min(to, next + MAX_ROWS));
}

/** The pane a step further down. */
export function down(messages: readonly Message[], pane: Pane): Pane {
  const { from, to } = rangeOf(messages, pane);
  const next = Math.min(messages.length, to + STEP);
  return paneOf(messages, Math.max(from, next - MAX_ROWS), next);
}

/** The pane around one message. */
export function around(messages: readonly Message[], id: Id): Pane {
  const at = lowerBound(messages, id);
  return paneOf(messages, Math.max(0, at - STEP), Math.min(messages.length, at + STEP));
}

/** The same part with its upper edge held, for someone who reads while new messages arrive. */
export function held(messages: readonly Message[], pane: Pane): Pane {
  if (pane.firstId !== null) return pane;
  const { from } = rangeOf(messages, pane);
  return { ...pane, firstId: messages[from]?.id ?? null };
}
