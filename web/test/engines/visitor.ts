// Somebody before a browser of any engine: does with the page what hands can, and looks at it as eyes do.
import { mkdirSync, writeFileSync } from 'node:fs';
import { expect, vi } from 'vitest';

const OUT = new URL('../screens/', import.meta.url).pathname;
const WITHIN = { timeout: 30_000, interval: 100 };

/** The keys that tests press by name; all others are their own character. */
export type Key =
  'Enter' | 'Escape' | 'Tab' | 'ArrowUp' | 'ArrowDown' | 'Control' | 'Shift' | 'Alt' | (string & {});

/** What a browser is driven by. */
export interface Hands {
  goto(url: string): Promise<void>;
  /** Runs a function in the page, which sees nothing but its inputs. */
  run<Inputs extends unknown[], Seen>(
    look: (...inputs: Inputs) => Seen,
    ...inputs: Inputs
  ): Promise<Awaited<Seen>>;
  click(x: number, y: number): Promise<void>;
  wheel(x: number, y: number, byPx: number): Promise<void>;
  type(text: string): Promise<void>;
  /** Presses the last of these while the others are held. */
  press(...keys: Key[]): Promise<void>;
  picture(): Promise<Buffer>;
  /** What the page complained of, where the engine tells. */
  readonly complaints: readonly string[];
  close(): Promise<void>;
}

/** A kind of browser. */
export interface Engine {
  readonly name: string;
  /** Why there is none here; null where there is. */
  readonly absence: string | null;
  /** `env`: what its process is told besides. */
  open(env?: Record<string, string>): Promise<Hands>;
}

interface Spot {
  x: number;
  y: number;
}

/** The middle of the first visible element of a kind that holds, or is named by, a text. Runs in the page. */
function spotOf(css: string, text: string): Spot | null {
  for (const one of document.querySelectorAll<HTMLElement>(css)) {
    const words = `${one.getAttribute('aria-label') ?? ''} ${one.textContent}`;
    if (!words.includes(text) || !one.checkVisibility()) continue;
    one.scrollIntoView({ block: 'nearest' });
    const { x, y, width, height } = one.getBoundingClientRect();
    if (width > 0 && height > 0) return { x: x + width / 2, y: y + height / 2 };
  }
  return null;
}

export class Visitor {
  readonly hands: Hands;
  readonly name: string;

  constructor(name: string, hands: Hands) {
    this.name = name;
    this.hands = hands;
  }

  /** Waits until something is seen; answers with where. */
  sees(css: string, text = ''): Promise<Spot> {
    return vi.waitFor(async () => {
      const spot = await this.hands.run(spotOf, css, text);
      if (!spot) throw new Error(`${this.name} sees no ${css} with “${text}”`);
      return spot;
    }, WITHIN);
  }

  /** Waits until it is no longer seen. */
  async misses(css: string, text = ''): Promise<void> {
    await expect.poll(() => this.hands.run(spotOf, css, text), WITHIN).toBeNull();
  }

  async click(css: string, text = ''): Promise<void> {
    const { x, y } = await this.sees(css, text);
    await this.hands.click(x, y);
  }

  async write(css: string, text: string): Promise<void> {
    await this.click(css);
    await this.hands.type(text);
  }

  /** What has the focus, by its name. */
  focus(): Promise<string> {
    return this.hands.run(() => {
      const one = document.activeElement;
      return one?.getAttribute('aria-label') ?? one?.textContent?.trim() ?? '';
    });
  }

  /** Keeps a picture to be looked at. */
  async shoot(what: string): Promise<void> {
    mkdirSync(OUT, { recursive: true });
    await this.hands.run(async () => {
      for (let n = 0; n < 3; n++) await new Promise((resolve) => requestAnimationFrame(resolve));
    });
    writeFileSync(`${OUT}engine-${what}.png`, await this.hands.picture());
  }
}
