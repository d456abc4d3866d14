// Who is typing, and telling others that we are.
import type { Routes } from '../api/routes';
import type { Id } from '../api/types';
import type { World } from './world';

const NOTICE_EVERY_MS = 8000;
const SWEEP_EVERY_MS = 1000;

/** Typing notices, both ways. */
export class Typing {
  readonly #world: World;
  readonly #api: Routes;
  readonly #sentAt = new Map<Id, number>();

  constructor(world: World, api: Routes) {
    this.#world = world;
    this.#api = api;
  }

  /** Who types in a channel. */
  in(channelId: Id): Id[] {
    return Object.keys(this.#world.typing.get(channelId) ?? {});
  }

  /** Called with each keystroke; sends at most one notice in eight seconds. */
  notify(channelId: Id): void {
    const nowMs = Date.now();
    if (nowMs - (this.#sentAt.get(channelId) ?? 0) < NOTICE_EVERY_MS) return;
    this.#sentAt.set(channelId, nowMs);
    this.#api.typing(channelId).catch(() => undefined); // a lost notice harms nobody
  }

  /** Called when a message was sent: the next keystroke is news again. */
  reset(channelId: Id): void {
    this.#sentAt.delete(channelId);
  }

  /** Forgets notices that ran out; answers with the undo. */
  listen(): () => void {
    const timer = setInterval(() => {
      const nowMs = Date.now();
      for (const [channelId, typers] of [...this.#world.typing]) {
        const left = Object.entries(typers).filter(([, untilMs]) => untilMs > nowMs);
        if (left.length === 0) this.#world.typing.delete(channelId);
        else if (left.length < Object.keys(typers).length)
          this.#world.typing.set(channelId, Object.fromEntries(left));
      }
    }, SWEEP_EVERY_MS);
    return () => clearInterval(timer);
  }
}
