// The conversations on hand: loading their pages, and everything one does to a message.
import { SvelteMap } from 'svelte/reactivity';
import { ApiError } from '../api/http';
import { faultText } from '../refusals';
import { MAX_PAGE, PAGE_SIZE } from '../api/limits';
import type { Post, PostedFile, Routes } from '../api/routes';

import { compareIds, idAt, timeOf } from '../api/snowflake';
import { MessageFlag } from '../api/enums';
import type { Channel, Emoji, Id, Message, StickerItem } from '../api/types';
import { m } from '../i18n';
import type { Archive, Sent } from './archive';
import { reduce } from './reduce';
import {
  cutBefore,
  detach,
  EMPTY,
  enqueue,
  extend,
  insert,
  liveSegment,
  presentSegment,
  react,
  renew,
  segmentAround,
  segmentWith,
  settle,
  type Pending,
  type SentFile,
  type Timeline,
} from './segments';
import { LostFile, type Uploads } from './uploads.svelte';
import type { World } from './world';

/** Conversations kept; the least recently opened go first. */
const MAX_KEPT = 20;
/** Pages above the newest that are read again after a gap. */
const MAX_RENEWED_PAGES = 2;
/** The code of a post that comes too soon after the last (API.md section 1.4). */
const SLOWED_DOWN = 20016;
/** The server remembers a nonce for five minutes; past this we no longer count on it. */
const NONCE_KEPT_MS = 4 * 60_000;

/** What a message has besides its words. */
export interface Extras {
  replyTo?: Message | null;
  pingsReply?: boolean;
  files?: readonly SentFile[];
  stickers?: readonly StickerItem[];
}

export type Loading = 'latest' | 'older' | 'newer' | 'around';

/** Messages of all channels: what is held, what is on its way. */
export class Timelines {
  /** What is being fetched, by channel. */
  readonly loading = new SvelteMap<Id, Loading>();
  /** Why the last fetch failed, by channel. */
  readonly faults = new SvelteMap<Id, ApiError>();
  readonly #world: World;
  readonly #api: Routes;
  readonly #uploads: Uploads | undefined;
  /** When each was last opened, the longest unopened first. */
  readonly #opened = new Map<Id, number>();
  readonly #sending = new Set<Id>();
  /** By channel: until when the server takes nothing more of ours. */
  readonly #slowUntil = new SvelteMap<Id, number>();
  readonly #fetches = new Map<Id, Promise<void>>();
  /** How often events were missed, everywhere and by channel; an answer asked for before the last time is out of date. */
  #gap = 0;
  readonly #gaps = new Map<Id, number>();
  /** By channel: the gap that is being closed. */
  readonly #catchingUp = new Map<Id, number>();
  /** Messages recognised as ones of ours that we never heard of. */
  readonly #found = new Set<Id>();
  #archive: Archive | null = null;
  #order = 0;

  constructor(world: World, api: Routes, uploads?: Uploads) {
    this.#world = world;
    this.#uploads = uploads;
    this.#api = api;
  }

  get(channelId: Id): Timeline | undefined {
    return this.#world.timelines.get(channelId);
  }

  /** Makes the newest messages of a channel available, and brings up to date what was held when events were missed. */
  async open(channelId: Id): Promise<void> {
    this.touch(channelId, Date.now());
    const held = this.get(channelId);
    if (held?.isBehind || !liveSegment(held) || this.faults.has(channelId)) await this.#catchUp(channelId);
  }

  /**
   * After a gap in the event stream: what is held may be old, and is read again when it is looked at; settles when that of
   * the open channel was.
   */
  async recover(openChannelId: Id | null): Promise<void> {
    this.#gap++;
    this.#detach([...this.#world.timelines.keys()]);
    if (openChannelId && this.#world.channels.has(openChannelId)) await this.open(openChannelId);
  }

  /** The same for these channels alone. */
  async miss(channelIds: readonly Id[], openChannelId: Id | null): Promise<void> {
    for (const id of channelIds) this.#gaps.set(id, (this.#gaps.get(id) ?? 0) + 1);
    this.#detach(channelIds);
    if (openChannelId && channelIds.includes(openChannelId)) await this.open(openChannelId);
  }

  #detach(channelIds: readonly Id[]): void {
    for (const id of channelIds) {
      const held = this.get(id);
      if (held) this.#world.timelines.set(id, detach(held));
    }
  }

  #gapOf(channelId: Id): number {
    return this.#gap + (this.#gaps.get(channelId) ?? 0);
  }

  /** Channels whose messages are held, the longest unopened first. */
  recent(): readonly { channelId: Id; openedAtMs: number }[] {
    return [...this.#opened].map(([channelId, openedAtMs]) => ({ channelId, openedAtMs }));
  }

  /** Notes that a channel was opened; past the limit, the one longest unopened is forgotten. */
  touch(channelId: Id, openedAtMs: number): void {
    this.#opened.delete(channelId);
    this.#opened.set(channelId, openedAtMs);
    for (const oldest of this.#opened.keys()) {
      if (this.#opened.size <= MAX_KEPT) break;
      this.#opened.delete(oldest);
      const pending = this.get(oldest)?.pending ?? [];
      if (pending.length === 0) this.#world.timelines.delete(oldest);
      else this.#world.timelines.set(oldest, { ...EMPTY, pending });
    }
  }

  /** Events that arrive before the page does must find a place. */
  #makeLive(channelId: Id): void {
    if (liveSegment(this.get(channelId))) return;
    this.#change(channelId, (timeline) =>
      insert(timeline, { messages: [], hasOlder: true, hasNewer: false }),
    );
  }

  /** Reads the newest page, and what was missed since the last message held; where that is too much, the present takes over. */
  async #catchUp(channelId: Id): Promise<void> {
    const gap = this.#gapOf(channelId);
    if (this.#catchingUp.get(channelId) === gap) return;
    this.#catchingUp.set(channelId, gap);
    this.#makeLive(channelId);
    await this.#fetch(channelId, 'latest', async () => {
      const lastId = presentSegment(this.get(channelId))?.messages.at(-1)?.id;
      const limit = lastId ? MAX_PAGE : PAGE_SIZE;
      const newest = await this.#page(channelId, { limit });
      const isFirst = newest.length < limit;
      const reaches = !lastId || isFirst || compareIds(newest[0]?.id ?? '', lastId) <= 0;
      const missed = reaches ? [] : await this.#page(channelId, { after: lastId, limit: MAX_PAGE });
      if (gap !== this.#gapOf(channelId)) return;
      this.#change(channelId, (timeline) => {
        const renewed = renew(timeline, newest, { isFirst, until: null });
        const joined = insert(renewed, { messages: newest, hasOlder: !isFirst, hasNewer: false });
        const whole = missed.length > 0 ? extend(joined, lastId ?? '', missed, 'newer', false) : joined;
        return { ...whole, isBehind: false };
      });
      await this.#renewOlder(channelId, newest[0]?.id);
    });
    if (this.#catchingUp.get(channelId) === gap) this.#catchingUp.delete(channelId);
  }

  /** What one may be reading above the newest page is read again too; what lies beyond is forgotten. */
  async #renewOlder(channelId: Id, edge: Id | undefined): Promise<void> {
    let until = edge;
    for (let page = 0; page < MAX_RENEWED_PAGES && until; page++) {
      const held = segmentWith(this.get(channelId), until);
      if (!held || held.messages[0]?.id === until) return;
      const older = await this.#page(channelId, { before: until, limit: MAX_PAGE });
      const isFirst = older.length < MAX_PAGE;
      const bound = until;
      this.#change(channelId, (timeline) => renew(timeline, older, { isFirst, until: bound }));
      if (isFirst) return;
      until = older[0]?.id;
    }
    const last = until;
    if (last) this.#change(channelId, (timeline) => cutBefore(timeline, last));
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

  /**
   * Makes the surroundings of a message available. `isThere`: it must exist; otherwise the place where it would be is
   * enough. False when it is not to be had.
   */
  async loadAround(channelId: Id, messageId: Id, isThere = true): Promise<boolean> {
    this.touch(channelId, Date.now());
    const found = isThere ? segmentWith : segmentAround;
    if (found(this.get(channelId), messageId)) return true;
    await this.#fetch(channelId, 'around', async () => {
      const page = await this.#page(channelId, { around: messageId });
      const last = page.at(-1);
      const latest = this.#world.latest.get(channelId);
      const hasNewer = last !== undefined && latest !== undefined && compareIds(last.id, latest) < 0;
      this.#change(channelId, (timeline) => insert(timeline, { messages: page, hasOlder: true, hasNewer }));
    });
    return found(this.get(channelId), messageId) !== undefined;
  }

  async #page(
    channelId: Id,
    cursor: { before?: Id; after?: Id; around?: Id; limit?: number },
  ): Promise<Message[]> {
    const page = await this.#api.messages(channelId, { limit: PAGE_SIZE, ...cursor });
    return page.sort((a, b) => compareIds(a.id, b.id));
  }

  /** One fetch a channel at a time; asking again for the same page joins the running one. */
  async #fetch(channelId: Id, what: Loading, run: () => Promise<void>): Promise<void> {
    for (let running; (running = this.#fetches.get(channelId));) {
      if (what !== 'latest' && this.loading.get(channelId) === what) return running;
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
  post(
    channelId: Id,
    content: string,
    { replyTo = null, pingsReply = true, files = [], stickers = [] }: Extras = {},
  ): void {
    const nowMs = Date.now();
    this.#order = Math.max(this.#order + 1, nowMs * 1000);
    const pending: Pending = {
      nonce: idAt(nowMs, Math.floor(Math.random() * 0x3f_ffff)),
      order: this.#order,
      content,
      sentAtMs: nowMs,
      afterId: this.#world.latest.get(channelId) ?? null,
      triedAtMs: null,
      replyTo,
      pingsReply,
      ...(files.length > 0 && { files }),
      ...(stickers.length > 0 && { stickers }),
      state: 'sending',
      fault: null,
    };
    this.#change(channelId, (timeline) => enqueue(timeline, pending));
    this.#keep(channelId, pending);
    this.retry(channelId); // what could not be sent before goes first
  }

  /** When one may post again where posting is slowed down, in Unix milliseconds; 0: at once. */
  readyAtMs(channel: Channel, isExempt: boolean): number {
    const slowMs = (channel.rate_limit_per_user ?? 0) * 1000;
    if (slowMs === 0 || isExempt) return 0;
    const me = this.#world.me.value?.id;
    const own = liveSegment(this.get(channel.id))?.messages.findLast(({ author }) => author.id === me);
    return Math.max(this.#slowUntil.get(channel.id) ?? 0, own ? timeOf(own.id) + slowMs : 0);
  }

  /** Sends again what failed: one message, or all that failed because the server was out of reach. */
  retry(channelId: Id, nonce?: string): void {
    const asked = this.get(channelId)?.pending.find((sent) => sent.nonce === nonce);
    for (const file of asked?.files ?? []) this.#uploads?.retry(file.uploadId);
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

  /** Takes a message back that did not arrive. Answers with the way back: its files begin anew. */
  discard(channelId: Id, nonce: string): () => void {
    const held = this.get(channelId)?.pending.find((sent) => sent.nonce === nonce);
    const files = (held?.files ?? []).map((file) => {
      const again = this.#uploads?.remove(file.uploadId);
      return () => again?.(file) ?? file;
    });
    this.#change(channelId, (timeline) => settle(timeline, nonce, null));
    void this.#archive?.removeSent(nonce);
    return () => {
      if (!held) return;
      const pending = { ...held, ...(held.files && { files: files.map((again) => again()) }) };
      this.#change(channelId, (timeline) => enqueue(timeline, pending));
      this.#keep(channelId, pending);
      void this.#pump(channelId);
    };
  }

  /** A file of the channel arrived, or failed: a message may have waited for it. */
  filesSettled(channelId: Id): void {
    void this.#pump(channelId);
  }

  /** The connection is back: everything that failed for want of it goes out, in order. */
  flush(): void {
    for (const [channelId, timeline] of this.#world.timelines)
      if (timeline.pending.length > 0) this.retry(channelId);
  }

  /** Keeps what waits to be sent, from here on. */
  keepIn(archive: Archive): void {
    this.#archive = archive;
    for (const [channelId, timeline] of this.#world.timelines)
      for (const pending of timeline.pending) this.#keep(channelId, pending);
  }

  /** Takes up what an earlier visit could not send: for one open tab at a time. */
  takeUp(outbox: readonly Sent[]): void {
    for (const channelId of new Set(outbox.map((sent) => sent.channelId))) {
      const held = new Set(this.get(channelId)?.pending.map((sent) => sent.nonce));
      const left = outbox
        .filter((sent) => sent.channelId === channelId && !held.has(sent.nonce))
        .map(({ pending }) => ({ ...pending, state: 'failed' as const }));
      this.#change(channelId, (timeline) => ({ ...timeline, pending: [...left, ...timeline.pending] }));
    }
  }

  /** Forgets what waits and where one was; the world's own maps are emptied by the session. */
  forget(): void {
    this.#archive = null;
    this.#opened.clear();
  }

  #keep(channelId: Id, pending: Pending): void {
    void this.#archive?.putSent({ nonce: pending.nonce, channelId, pending });
  }

  async #pump(channelId: Id): Promise<void> {
    if (this.#sending.has(channelId)) return;
    this.#sending.add(channelId);
    try {
      for (;;) {
        const next = this.#nextToSend(channelId);
        if (!next) return;
        await this.#sendOne(channelId, next);
        await this.#follow(channelId, next.nonce);
      }
    } finally {
      this.#sending.delete(channelId);
    }
  }

  /** The first that waits for nothing but its turn: one whose files are on their way lets those after it pass. */
  #nextToSend(channelId: Id): Pending | undefined {
    for (const sent of this.get(channelId)?.pending ?? []) {
      if (sent.state !== 'sending') continue;
      if (!sent.files) return sent;
      try {
        const files = this.#uploads?.arrived(sent.files);
        if (files) return { ...sent, files };
      } catch (error) {
        const fault = error instanceof LostFile ? m.file_lost({ name: error.file }) : faultText(error);
        this.#change(channelId, (timeline) => settle(timeline, sent.nonce, { state: 'failed', fault }));
      }
    }
    return undefined;
  }

  /** What became of a message is kept too. */
  async #follow(channelId: Id, nonce: string): Promise<void> {
    const left = this.get(channelId)?.pending.find((sent) => sent.nonce === nonce);
    if (!left) await this.#archive?.removeSent(nonce);
    else if (left.fault !== null) this.#keep(channelId, left);
  }

  async #sendOne(channelId: Id, sent: Pending): Promise<void> {
    try {
      const known = await this.#findSent(channelId, sent);
      if (sent.triedAtMs === null) {
        const tried = { ...sent, triedAtMs: Date.now() };
        this.#change(channelId, (timeline) => settle(timeline, sent.nonce, tried));
        this.#keep(channelId, tried);
      }
      const message = known ?? (await this.#api.post(channelId, bodyOf(sent)));
      this.#learn('MESSAGE_CREATE', { ...message, nonce: sent.nonce });
      this.#change(channelId, (timeline) => settle(timeline, sent.nonce, null));
      for (const file of sent.files ?? []) this.#uploads?.forgetOne(file.uploadId);
    } catch (error) {
      const fault = error instanceof ApiError && error.status !== 0 ? faultText(error) : null;
      if (error instanceof ApiError && error.code === SLOWED_DOWN && error.retryAfterMs !== null)
        this.#slowUntil.set(channelId, Date.now() + error.retryAfterMs);
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

  /**
   * The server forgets a nonce after a while. What was tried before that may have arrived without our hearing of it:
   * then it is in the history, ours and with the same words.
   */
  async #findSent(channelId: Id, sent: Pending): Promise<Message | undefined> {
    if (sent.triedAtMs === null || Date.now() - sent.triedAtMs < NONCE_KEPT_MS) return undefined;
    const page = await this.#page(channelId, { after: sent.afterId ?? '0', limit: MAX_PAGE });
    const me = this.#world.me.value?.id;
    const found = page.find(
      ({ id, author, content, attachments, sticker_items }) =>
        author.id === me &&
        content === sent.content &&
        attachments.length === (sent.files?.length ?? 0) &&
        (sticker_items ?? []).map((one) => one.id).join() ===
          (sent.stickers ?? []).map((one) => one.id).join() &&
        !this.#found.has(id),
    );
    if (found) this.#found.add(found.id);
    return found;
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
}

/** A message on its way as the server takes it. */
function bodyOf(sent: Pending): Post {
  return {
    content: sent.content,
    nonce: sent.nonce,
    ...(sent.files && { attachments: sent.files.map(postedFile) }),
    ...(sent.files?.some(({ voice }) => voice) && { flags: MessageFlag.isVoice }),
    ...(sent.stickers && { sticker_ids: sent.stickers.map(({ id }) => id) }),
    ...(sent.replyTo && { message_reference: { message_id: sent.replyTo.id, fail_if_not_exists: false } }),
    ...(sent.replyTo &&
      !sent.pingsReply && {
        allowed_mentions: { parse: ['users', 'roles', 'everyone'], replied_user: false },
      }),
  };
}

function postedFile(file: SentFile, index: number): PostedFile {
  return {
    id: String(index),
    filename: file.name,
    uploaded_filename: file.uploadedName ?? '',
    ...(file.description && { description: file.description }),
    ...(file.isSpoiler && { is_spoiler: true }),
    ...(file.posterName && { poster_filename: file.posterName }),
    ...(file.voice && { duration_secs: file.voice.durationSecs, waveform: file.voice.waveform }),
  };
}
