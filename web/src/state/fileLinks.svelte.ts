// Addresses of files end after a day (API.md section 1.12); here they are signed anew when one no longer works.
import { SvelteMap } from 'svelte/reactivity';
import { MAX_REFRESHED } from '../api/limits';
import { logFault } from '../log';

/** Addresses asked for within this time go in one call. */
const GATHER_MS = 30;
/** An address that still fails is not asked for again before this. */
const AGAIN_MS = 60_000;
/** Addresses remembered; the oldest go first. */
const MAX_KEPT = 500;

type Refresh = (
  urls: readonly string[],
) => Promise<{ refreshed_urls: { original: string; refreshed: string | null }[] }>;

/** The file an address names, whatever its signature. */
function fileOf(url: string): string {
  return url.split('?', 1)[0] ?? url;
}

/** Whether an address has ended, by its own word (`ex`, hexadecimal Unix seconds). */
export function hasEnded(url: string, nowMs: number): boolean {
  const ends = /[?&]ex=([0-9a-f]{1,12})(?:&|$)/.exec(url)?.[1];
  return ends !== undefined && parseInt(ends, 16) * 1000 <= nowMs;
}

/** An address with more to ask of it. */
export function withQuery(url: string, query: Readonly<Record<string, string | number>>): string {
  const asked = Object.entries(query).map(([key, value]) => `${key}=${value}`);
  if (asked.length === 0) return url;
  return `${url}${url.includes('?') ? '&' : '?'}${asked.join('&')}`;
}

/** The addresses of files as they are good now. */
export class FileLinks {
  readonly #refresh: Refresh;
  readonly #fresh = new SvelteMap<string, string>();
  readonly #askedAtMs = new Map<string, number>();
  #wanted = new Map<string, string>();
  #running: Promise<void> | null = null;

  constructor(refresh: Refresh) {
    this.#refresh = refresh;
  }

  /** The address to use for one that a message gave. */
  of(url: string): string {
    return this.#fresh.get(fileOf(url)) ?? url;
  }

  /** An address did not work: asks for another, once a minute at most. Answers with the one that is good then. */
  async renew(url: string): Promise<string> {
    const file = fileOf(url);
    const nowMs = Date.now();
    if (nowMs - (this.#askedAtMs.get(file) ?? -AGAIN_MS) < AGAIN_MS && !this.#wanted.has(file))
      return this.of(url);
    this.#askedAtMs.set(file, nowMs);
    this.#wanted.set(file, url);
    this.#running ??= new Promise((resolve) => setTimeout(() => void this.#ask().then(resolve), GATHER_MS));
    await this.#running;
    return this.of(url);
  }

  async #ask(): Promise<void> {
    const urls = [...this.#wanted.values()];
    this.#wanted = new Map();
    this.#running = null;
    for (let from = 0; from < urls.length; from += MAX_REFRESHED) {
      try {
        const { refreshed_urls } = await this.#refresh(urls.slice(from, from + MAX_REFRESHED));
        for (const { original, refreshed } of refreshed_urls) if (refreshed) this.#keep(original, refreshed);
      } catch (error) {
        logFault('signing addresses anew', error);
      }
    }
  }

  #keep(original: string, refreshed: string): void {
    this.#fresh.set(fileOf(original), refreshed);
    for (const oldest of this.#fresh.keys()) {
      if (this.#fresh.size <= MAX_KEPT) break;
      this.#fresh.delete(oldest);
      this.#askedAtMs.delete(oldest);
    }
  }
}
