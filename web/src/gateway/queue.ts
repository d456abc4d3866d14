// Collects dispatches and hands them on once per animation frame, so that a burst is one render.

const HIDDEN_DELAY_MS = 250;
/** Frames may pause for long (a hidden tab); past this many, the batch is applied at once. */
const MAX_WAITING = 5000;

/** When to run the next batch; the browser's by default, a hand-driven one in tests. */
export type Schedule = (run: () => void) => void;

/** One batch per animation frame, or per quarter second while the page is hidden. */
export const perFrame: Schedule = (run) => {
  if (document.hidden) setTimeout(run, HIDDEN_DELAY_MS);
  else requestAnimationFrame(run);
};

/** A batching queue of `T`. */
export class FrameQueue<T> {
  #waiting: T[] = [];
  #isScheduled = false;
  readonly #apply: (batch: readonly T[]) => void;
  readonly #schedule: Schedule;

  constructor(apply: (batch: readonly T[]) => void, schedule: Schedule = perFrame) {
    this.#apply = apply;
    this.#schedule = schedule;
  }

  push(item: T): void {
    this.#waiting.push(item);
    if (this.#waiting.length >= MAX_WAITING) {
      this.flush();
    } else if (!this.#isScheduled) {
      this.#isScheduled = true;
      this.#schedule(() => {
        this.#isScheduled = false;
        this.flush();
      });
    }
  }

  /** Applies what waits, now. */
  flush(): void {
    if (this.#waiting.length === 0) return;
    const batch = this.#waiting;
    this.#waiting = [];
    this.#apply(batch);
  }
}
