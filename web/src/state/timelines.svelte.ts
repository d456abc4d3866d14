// The conversations on hand: loading their pages, and everything one does to a message.
import { SvelteMap } from 'svelte/reactivity';
import { ApiError } from '../api/http';
import { PAGE_SIZE } from '../api/limits';
import type { Routes } from '../api/routes';
import { compareIds, idAt } from '../api/snowflake';
import type { Emoji, Id, Message } from '../api/types';
import { reduce } from './reduce';
import {
  EMPTY,
  enqueue,
  extend,
  insert,
  liveSegment,
  react,
  refresh,
  segmentWith,
  settle,
  type Pending,
  type Timeline,
} from './segments';
import type { World } from './world';

/** Conversations kept; the least recently opened go first. */
const MAX_KEPT = 20;

export type Loading = 'latest' | 'older' | 'newer' | 'around';

/** Messages of all channels: what is held, what is on its way. */
export class Timelines {
  /** What is being fetched, by channel. */
  readonly loading = new SvelteMap<Id, Loading>();
  /** Why the last fetch failed, by channel. */
  readonly faults = new SvelteMap<Id, ApiError>();
  readonly #world: World;
  readonly #api: Routes;
  readonly #recent: Id[] = [];
  readonly #sending = new Set<Id>();
  readonly #fetches = new Map<Id, Promise<void>>();

  constructor(world: World, api: Routes) {
    this.#world = world;
    this.#api = api;
  }

  get(channelId: Id): Timeline | undefined {
    return this.#world.timelines.get(channelId);
  }

  /** Makes the newest messages of a channel available. */
  open(channelId: Id): void {
    this.#touch(channelId);
    const held = this.get(channelId);
    if (liveSegment(held) && !this.faults.has(channelId)) return;
    void this.#loadLatest(channelId, (timeline, page, hasOlder) =>
      insert(timeline, { messages: page, hasOlder, hasNewer: false }),
    );
  }

  /** After a gap in the event stream: reads the open channels again and forgets the rest. */
  recover(openChannelId: Id | null): void {
    for (const [id, timeline] of [...this.#world.timelines]) {
      if (id === openChannelId) continue;
      if (timeline.pending.length === 0) this.#world.timelines.delete(id);
      else this.#world.timelines.set(id, { ...EMPTY, pending: timeline.pending });
    }
    if (openChannelId && this.get(openChannelId)) void this.#loadLatest(openChannelId, refresh);
  }

  async #loadLatest(
    channelId: Id,
    put: (timeline: Timeline, page: readonly Message[], hasOlder: boolean) => Timeline,
  ): Promise<void> {
    if (!liveSegment(this.get(channelId))) {
      // events that arrive before the page does must find a place
      this.#change(channelId, (timeline) =>
        insert(timeline, { messages: [], hasOlder: true, hasNewer: false }),
      );
    }
    await this.#fetch(channelId, 'latest', async () => {
      const page = await this.#page(channelId, {});
      this.#change(channelId, (timeline) => put(timeline, page, page.length === PAGE_SIZE));
    });
  }

  /** Loads the page before the oldest held message of a run (`edge`). */
  loadOlder(channelId: Id, edge: Id): Promise<void> {
    return this.#fetch(channelId, 'older', async () => {
      const page = await this.#page(channelId, { before: edge });
      this.#change(channelId, (timeline) => extend(timeline, edge, page, 'older', page.length < PAGE_SIZE));
    });
  }

  /** Loads the page after the newest held message of a run (`edge`). */
  loadNewer(channelId: Id, edge: Id): Promise<void> {
    return this.#fetch(channelId, 'newer', async () => {
      const page = await this.#page(channelId, { after: edge });
      this.#change(channelId, (timeline) => extend(timeline, edge, page, 'newer', page.length < PAGE_SIZE));
    });
  }

  /** Makes the surroundings of one message available; false when it does not exist. */
  async loadAround(channelId: Id, messageId: Id): Promise<boolean> {
    this.#touch(channelId);
    if (segmentWith(this.get(channelId), messageId)) return true;
    await this.#fetch(channelId, 'around', async () => {
      const page = await this.#page(channelId, { around: messageId });
      const last = page.at(-1);
      const latest = this.#world.latest.get(channelId);
      const hasNewer = last !== undefined && latest !== undefined && compareIds(last.id, latest) < 0;
      this.#change(channelId, (timeline) => insert(timeline, { messages: page, hasOlder: true, hasNewer }));
    });
    return segmentWith(this.get(channelId), messageId) !== undefined;
  }

  async #page(channelId: Id, cursor: { before?: Id; after?: Id; around?: Id }): Promise<Message[]> {
    const page = await this.#api.messages(channelId, { ...cursor, limit: PAGE_SIZE });
    return page.sort((a, b) => compareIds(a.id, b.id));
  }

  /** One fetch a channel at a time; asking again for the same joins the running one. */
  async #fetch(channelId: Id, what: Loading, run: () => Promise<void>): Promise<void> {
    const running = this.#fetches.get(channelId);
    if (running) {
      if (this.loading.get(channelId) === what) return running;
      await running;
    }
    const fetch = (async () => {
      this.loading.set(channelId, what);
      this.faults.delete(channelId);
      try {
        await run();
      } catch (error) {
        this.faults.set(channelId, error instanceof ApiError ? error : new ApiError(0, 0, String(error)));
      } finally {
        this.#fetches.delete(channelId);
        this.loading.delete(channelId);
      }
    })();
    this.#fetches.set(channelId, fetch);
    return fetch;
  }

  /** Shows a message of ours at once and sends it after those before it. */
  post(channelId: Id, content: string, replyTo: Message | null = null, pingsReply = true): void {
    const nowMs = Date.now();
    const nonce = idAt(nowMs, Math.floor(Math.random() * 0x3f_ffff));
    this.#change(channelId, (timeline) =>
      enqueue(timeline, {
        nonce,
        content,
        sentAtMs: nowMs,
        replyTo,
        pingsReply,
        state: 'sending',
        fault: null,
      }),
    );
    void this.#pump(channelId);
  }

  /** Sends again what failed: one message, or all that failed because the server was out of reach. */
  retry(channelId: Id, nonce?: string): void {
    this.#change(channelId, (timeline) => ({
      ...timeline,
      pending: timeline.pending.map((sent) =>
        sent.state === 'failed' && (nonce === undefined ? sent.fault === null : sent.nonce === nonce)
          ? { ...sent, state: 'sending' as const, fault: null }
          : sent,
      ),
    }));
    void this.#pump(channelId);
  }

  /** Takes a failed message back. */
  discard(channelId: Id, nonce: string): void {
    this.#change(channelId, (timeline) => settle(timeline, nonce, null));
  }

  /** The connection is back: everything that failed for want of it goes out, in order. */
  flush(): void {
    for (const [channelId, timeline] of this.#world.timelines)
      if (timeline.pending.length > 0) this.retry(channelId);
  }

  async #pump(channelId: Id): Promise<void> {
    if (this.#sending.has(channelId)) return;
    this.#sending.add(channelId);
    try {
      for (;;) {
        const next = this.get(channelId)?.pending.find((sent) => sent.state === 'sending');
        if (!next) return;
        await this.#sendOne(channelId, next);
      }
    } finally {
      this.#sending.delete(channelId);
    }
  }

  async #sendOne(channelId: Id, sent: Pending): Promise<void> {
    try {
      const message = await this.#api.post(channelId, {
        content: sent.content,
        nonce: sent.nonce,
        ...(sent.replyTo && {
          message_reference: { message_id: sent.replyTo.id, fail_if_not_exists: false },
        }),
        ...(sent.replyTo &&
          !sent.pingsReply && {
            allowed_mentions: { parse: ['users', 'roles', 'everyone'], replied_user: false },
          }),
      });
      this.#learn('MESSAGE_CREATE', { ...message, nonce: sent.nonce });
    } catch (error) {
      const fault = error instanceof ApiError && error.status !== 0 ? faultText(error) : null;
      this.#change(channelId, (timeline) => ({
        ...timeline,
        pending: timeline.pending.map((one) =>
          one.nonce === sent.nonce || (fault === null && one.state === 'sending')
            ? { ...one, state: 'failed' as const, fault }
            : one,
        ),
      }));
    }
  }

  /** Saves a changed text. Rejects with the server's reason. */
  async edit(message: Message, content: string): Promise<void> {
    this.#learn('MESSAGE_UPDATE', await this.#api.editMessage(message.channel_id, message.id, content));
  }

  /** Deletes a message for everyone. Rejects with the server's reason. */
  async remove(message: Message): Promise<void> {
    await this.#api.deleteMessage(message.channel_id, message.id);
    reduce(this.#world, 'MESSAGE_DELETE', { id: message.id, channel_id: message.channel_id }, Date.now());
  }

  /** Adds our reaction, or takes it back, at once; rejects, and undoes it, when the server refuses. */
  async toggleReaction(message: Message, emoji: Emoji, isAdded: boolean): Promise<void> {
    const me = this.#world.me.value;
    if (!me) return;
    const put = (added: boolean): void =>
      this.#change(message.channel_id, (timeline) => react(timeline, message.id, emoji, me.id, added, true));
    put(isAdded);
    try {
      await (isAdded ? this.#api.react : this.#api.unreact)(message.channel_id, message.id, emoji);
    } catch (error) {
      put(!isAdded);
      throw error;
    }
  }

  #learn(t: string, message: Message): void {
    const guildId = this.#world.channels.get(message.channel_id)?.guild_id;
    reduce(this.#world, t, guildId ? { ...message, guild_id: guildId } : message, Date.now());
  }

  #change(channelId: Id, change: (timeline: Timeline) => Timeline): void {
    this.#world.timelines.set(channelId, change(this.get(channelId) ?? EMPTY));
  }

  #touch(channelId: Id): void {
    const at = this.#recent.indexOf(channelId);
    if (at >= 0) this.#recent.splice(at, 1);
    this.#recent.push(channelId);
    while (this.#recent.length > MAX_KEPT) {
      const oldest = this.#recent.shift();
      if (oldest && this.get(oldest)?.pending.length === 0) this.#world.timelines.delete(oldest);
    }
  }
}

/** A refusal in words: the fields' own if there are any. */
export function faultText(error: unknown): string {
  if (!(error instanceof ApiError)) return String(error);
  return Object.values(error.fields)[0] ?? error.message;
}
