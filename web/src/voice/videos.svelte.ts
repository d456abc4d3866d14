// What others show: which tiles want which video, the slots they come in, and what stands on the screen (VOICE.md 4).
import { SvelteMap } from 'svelte/reactivity';
import type { Id } from '../api/types';
import { MAX_VIDEO_SLOTS, type Rtc } from './rtc';

/** Wishes of video leave together, at most five times a second. */
const WANT_MS = 250;

export type VideoKind = 'camera' | 'screen';

/** What somebody shows. */
export interface Producer {
  camera: boolean;
  screen: boolean;
  screen_audio: boolean;
  /** People who look at the screen. */
  watchers?: number;
}

/** A video that is looked at. */
export interface Seen {
  stream: MediaStream;
  /** Nothing arrives: the connection does not carry it. */
  isPaused: boolean;
}

/** A tile that shows somebody's video. */
interface Wish {
  userId: Id;
  kind: VideoKind;
  height: number;
  priority: number;
}

/** A wish with the slot it is to come in, as the server is told it (op 103). */
interface Want {
  mid: string;
  user_id: Id;
  kind: VideoKind;
  height: number;
  priority: number;
}

interface Hooks {
  rtc: () => Rtc | null;
  /** Tells the server what is to come in which slot, if it listens. */
  want: (video: Want[]) => void;
}

const videoKey = (userId: Id, kind: VideoKind): string => `${userId} ${kind}`;

/** Videos of others. */
export class Videos {
  readonly #hooks: Hooks;
  /** What others show. */
  readonly producers = new SvelteMap<Id, Producer>();
  /** Videos on the screen, by `videoKey`. */
  readonly #seen = new SvelteMap<string, Seen>();
  readonly #wishes = new Map<object, Wish>();
  /** The slot of each video, by `videoKey`. */
  readonly #slots = new Map<string, string>();
  readonly #paused = new Map<string, boolean>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(hooks: Hooks) {
    this.#hooks = hooks;
  }

  /** A tile shows a video; answers with the undo. The greater priority is seen first where not all fits. */
  watch(userId: Id, kind: VideoKind, height: number, priority: number): () => void {
    const key = {};
    this.#wishes.set(key, { userId, kind, height, priority });
    this.wantSoon();
    return () => {
      this.#wishes.delete(key);
      this.wantSoon();
    };
  }

  /** Somebody's video, where it is on the screen. */
  of(userId: Id, kind: VideoKind): Seen | undefined {
    return this.#seen.get(videoKey(userId, kind));
  }

  /** Somebody shows something, or no longer does (op 110). */
  produce({ full, users }: { full: boolean; users: Record<Id, Producer> }): void {
    if (full) this.producers.clear();
    for (const [userId, shown] of Object.entries(users)) this.producers.set(userId, shown);
    this.wantSoon();
  }

  /** Somebody is gone. */
  leave(userId: Id): void {
    this.producers.delete(userId);
    this.wantSoon();
  }

  /** What comes in a slot stopped, or goes on (op 109). */
  pause(mid: string, isPaused: boolean): void {
    this.#paused.set(mid, isPaused);
    this.#show();
  }

  /** Wishes, slots or what is shown changed. */
  wantSoon(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#want();
    }, WANT_MS);
  }

  /** Nothing is known of what others show: the next session tells it. */
  forget(): void {
    this.producers.clear();
    this.#slots.clear();
    this.#paused.clear();
    this.#seen.clear();
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  /** Gives each video on the screen a slot, and tells the server. */
  #want(): void {
    const rtc = this.#hooks.rtc();
    if (!rtc) return;
    const wanted = this.#wanted();
    for (const key of [...this.#slots.keys()]) if (!wanted.has(key)) this.#slots.delete(key);
    rtc.addVideoSlots(Math.min(wanted.size, MAX_VIDEO_SLOTS));
    const free = rtc.videoMids.filter((mid) => ![...this.#slots.values()].includes(mid));
    for (const key of wanted.keys()) {
      if (this.#slots.has(key)) continue;
      const mid = free.shift();
      if (mid === undefined) continue; // on its way
      this.#paused.delete(mid);
      this.#slots.set(key, mid);
    }
    const video = [...wanted].flatMap(([key, { userId, kind, height, priority }]) => {
      const mid = this.#slots.get(key);
      return mid === undefined ? [] : [{ mid, user_id: userId, kind, height, priority }];
    });
    this.#hooks.want(video);
    this.#show();
  }

  /** One wish for each video: the tallest tile of it. */
  #wanted(): Map<string, Wish> {
    const wanted = new Map<string, Wish>();
    const byPriority = [...this.#wishes.values()].sort((a, b) => b.priority - a.priority);
    for (const wish of byPriority) {
      if (!this.producers.get(wish.userId)?.[wish.kind]) continue;
      const key = videoKey(wish.userId, wish.kind);
      const held = wanted.get(key);
      if (held) wanted.set(key, { ...held, height: Math.max(held.height, wish.height) });
      else if (wanted.size < MAX_VIDEO_SLOTS) wanted.set(key, wish);
    }
    return wanted;
  }

  #show(): void {
    for (const key of [...this.#seen.keys()]) if (!this.#slots.has(key)) this.#seen.delete(key);
    for (const [key, mid] of this.#slots) {
      const track = this.#hooks.rtc()?.trackOf(mid);
      if (!track) continue;
      const isPaused = this.#paused.get(mid) ?? false;
      const held = this.#seen.get(key);
      if (held?.stream.getTracks()[0] === track && held.isPaused === isPaused) continue;
      const stream = held?.stream.getTracks()[0] === track ? held.stream : new MediaStream([track]);
      this.#seen.set(key, { stream, isPaused });
    }
  }
}
