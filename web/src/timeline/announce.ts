// What a screen reader hears of messages that come in: each one while they are few, a count when they are many.

const WINDOW_MS = 5000;
const MAX_SINGLE = 3;

/** A message as it is heard. */
export interface Heard {
  name: string;
  text: string;
}

interface Options {
  /** Says one message. */
  one: (heard: Heard) => void;
  /** Says how many came, and from whom. */
  many: (count: number, names: readonly string[]) => void;
  now?: () => number;
  setTimer?: (run: () => void, ms: number) => number;
}

/** Merges what would be more than three in five seconds. */
export class Announcer {
  readonly #options: Options;
  readonly #now: () => number;
  readonly #setTimer: (run: () => void, ms: number) => number;
  #said: number[] = [];
  #held: Heard[] = [];

  constructor(options: Options) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#setTimer = options.setTimer ?? ((run, ms) => window.setTimeout(run, ms));
  }

  hear(heard: Heard): void {
    const nowMs = this.#now();
    this.#said = this.#said.filter((saidMs) => nowMs - saidMs < WINDOW_MS);
    if (this.#held.length > 0) {
      this.#held.push(heard);
    } else if (this.#said.length < MAX_SINGLE) {
      this.#said.push(nowMs);
      this.#options.one(heard);
    } else {
      this.#held.push(heard);
      this.#setTimer(() => this.#release(), WINDOW_MS - (nowMs - (this.#said[0] ?? nowMs)));
    }
  }

  #release(): void {
    const held = this.#held;
    this.#held = [];
    this.#said.push(this.#now());
    const [only] = held;
    if (held.length === 1 && only) this.#options.one(only);
    else this.#options.many(held.length, [...new Set(held.map(({ name }) => name))]);
  }
}
