// What stands unsent in the composers: kept while one is elsewhere, and over reloads.
import { SvelteMap } from 'svelte/reactivity';
import type { Id, Message } from '../api/types';
import type { Archive, Draft } from './archive';

/** Between a keystroke and its being kept. A page that is hidden or closed keeps at once. */
const KEEP_AFTER_MS = 250;

/** The drafts of all channels. */
export class Drafts {
  readonly #held = new SvelteMap<Id, Draft>();
  readonly #unsaved = new Set<Id>();
  #archive: Archive | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** What stands in a channel's composer. */
  get(channelId: Id): Draft {
    return this.#held.get(channelId) ?? { channelId, text: '', replyTo: null, pingsReply: true };
  }

  /** Whether a channel has something unsent: it gets a pencil. */
  has(channelId: Id): boolean {
    return (this.#held.get(channelId)?.text.trim() ?? '') !== '';
  }

  /** Whether any channel has: a new version waits for it. */
  get any(): boolean {
    for (const draft of this.#held.values()) if (draft.text.trim() !== '') return true;
    return false;
  }

  write(channelId: Id, text: string): void {
    this.#put({ ...this.get(channelId), text });
  }

  /** Answers a message, or none. */
  reply(channelId: Id, message: Message | null): void {
    this.#put({ ...this.get(channelId), replyTo: message, pingsReply: true });
  }

  setPing(channelId: Id, pingsReply: boolean): void {
    this.#put({ ...this.get(channelId), pingsReply });
  }

  /** It was sent: the composer is empty. */
  clear(channelId: Id): void {
    this.#put({ channelId, text: '', replyTo: null, pingsReply: true });
    this.flush();
  }

  /** Takes up what an earlier visit left; what was written since stands. */
  restore(archive: Archive, drafts: readonly Draft[]): void {
    this.#archive = archive;
    for (const draft of drafts) if (!this.#held.has(draft.channelId)) this.#held.set(draft.channelId, draft);
    this.flush();
  }

  /** Keeps what is not kept yet. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const archive = this.#archive;
    if (!archive) return;
    for (const id of this.#unsaved) void archive.putDraft(this.get(id));
    this.#unsaved.clear();
  }

  /** Forgets everything: someone else may sit down here. */
  forget(): void {
    clearTimeout(this.#timer);
    this.#archive = null;
    this.#held.clear();
    this.#unsaved.clear();
  }

  #put(draft: Draft): void {
    if (draft.text === '' && draft.replyTo === null) this.#held.delete(draft.channelId);
    else this.#held.set(draft.channelId, draft);
    this.#unsaved.add(draft.channelId);
    this.#timer ??= setTimeout(() => this.flush(), KEEP_AFTER_MS);
  }
}
