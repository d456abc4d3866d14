// What has been read, and telling the server so.
import { SvelteMap } from 'svelte/reactivity';
import type { Routes } from '../api/routes';
import { idAt, isAfter } from '../api/snowflake';
import type { Id, ReadState } from '../api/types';
import { isChannelMuted, isGuildMuted } from './notify';
import { isUnread, reduce } from './reduce';
import { DIRECT_KEY, type World } from './world';

/** From when something is read until the server hears of it: what else is read meanwhile goes with it. */
const ACK_MS = 50;

/** Read marks over the world. */
export class Reads {
  /** By channel: where the person set the mark back to; nothing is marked read there until they leave. */
  readonly setBack = new SvelteMap<Id, Id>();
  /** By channel that is open: what was read when it was opened. The divider stays there while one reads. */
  readonly marks = new SvelteMap<Id, Id>();
  readonly #world: World;
  readonly #api: Routes;
  readonly #isSending = new Set<Id>();

  constructor(world: World, api: Routes) {
    this.#world = world;
    this.#api = api;
  }

  /** The newest message read in a channel; where none is, everything before one joined counts as read. */
  lastRead(channelId: Id): Id | null {
    const read = this.#world.reads.get(channelId)?.last_message_id;
    if (read) return read;
    const guildId = this.#world.channels.get(channelId)?.guild_id;
    const me = this.#world.me.value;
    const joinedAt = guildId && me ? this.#world.members.get(guildId)?.get(me.id)?.joined_at : undefined;
    return joinedAt ? idAt(Date.parse(joinedAt), 0) : null;
  }

  isUnread(channelId: Id): boolean {
    return isUnread(this.#world.latest.get(channelId), {
      id: channelId,
      last_message_id: this.lastRead(channelId),
      mention_count: 0,
    });
  }

  mentions(channelId: Id): number {
    return this.isUnread(channelId) ? (this.#world.reads.get(channelId)?.mention_count ?? 0) : 0;
  }

  /** A guild's state from its channels; what is muted shows its calls only. */
  ofGuild(guildId: Id, nowMs = Date.now()): { isUnread: boolean; mentions: number } {
    const isQuiet = isGuildMuted(this.#world, guildId, nowMs);
    let hasUnread = false;
    let mentions = 0;
    for (const id of this.#world.rooms.get(guildId) ?? []) {
      if (!this.isUnread(id)) continue;
      const channel = this.#world.channels.get(id);
      mentions += this.mentions(id);
      if (!isQuiet && !hasUnread && channel && !isChannelMuted(this.#world, channel, nowMs)) hasUnread = true;
    }
    return { isUnread: hasUnread, mentions };
  }

  /** Calls waiting in conversations outside guilds; requests of strangers do not call. */
  directMentions(): number {
    let sum = 0;
    for (const id of this.#world.rooms.get(DIRECT_KEY) ?? [])
      if (!this.#world.channels.get(id)?.is_message_request) sum += this.mentions(id);
    return sum;
  }

  /** Calls waiting anywhere. */
  allMentions(): number {
    let sum = this.directMentions();
    for (const guildId of this.#world.guilds.keys())
      for (const id of this.#world.rooms.get(guildId) ?? []) sum += this.mentions(id);
    return sum;
  }

  /** A channel is opened, or looked away from: the divider moves to what is unread by then. */
  mark(channelId: Id): void {
    const read = this.lastRead(channelId);
    if (read && this.isUnread(channelId)) this.marks.set(channelId, read);
    else this.marks.delete(channelId);
  }

  /** The channel is left. */
  leave(channelId: Id): void {
    this.marks.delete(channelId);
    this.setBack.delete(channelId);
  }

  /** The person says that all of it is read, whether they saw it or not: the divider goes. */
  clear(channelId: Id): void {
    this.leave(channelId);
    this.ack(channelId);
  }

  /** Marks a channel read up to its newest message. */
  ack(channelId: Id): void {
    const latest = this.#world.latest.get(channelId);
    if (!latest || this.setBack.has(channelId) || !isAfter(latest, this.lastRead(channelId))) return;
    reduce(this.#world, 'MESSAGE_ACK', { channel_id: channelId, message_id: latest }, Date.now());
    void this.#send(channelId, latest);
  }

  /** Marks everything of a guild read. Answers with the way back. */
  ackGuild(guildId: Id): () => Promise<void> {
    const before: ReadState[] = [];
    for (const id of this.#world.rooms.get(guildId) ?? []) {
      const held = this.#world.reads.get(id);
      if (!this.isUnread(id)) continue;
      before.push({ id, last_message_id: this.lastRead(id), mention_count: held?.mention_count ?? 0 });
      this.ack(id);
    }
    return async () => {
      for (const { id, last_message_id, mention_count } of before) {
        if (!last_message_id) continue;
        const mark = { channel_id: id, message_id: last_message_id, manual: true, mention_count };
        reduce(this.#world, 'MESSAGE_ACK', mark, Date.now());
        await this.#api.ack(id, last_message_id, true, mention_count);
      }
    };
  }

  /** Makes `messageId` and what follows unread again. */
  async markUnread(channelId: Id, messageId: Id): Promise<void> {
    const before = (BigInt(messageId) - 1n).toString();
    this.setBack.set(channelId, before);
    this.marks.set(channelId, before);
    reduce(
      this.#world,
      'MESSAGE_ACK',
      { channel_id: channelId, message_id: before, manual: true, mention_count: 0 },
      Date.now(),
    );
    await this.#api.ack(channelId, before, true);
  }

  async #send(channelId: Id, messageId: Id): Promise<void> {
    if (this.#isSending.has(channelId)) return;
    this.#isSending.add(channelId);
    try {
      for (let next: Id | null = messageId; next;) {
        await new Promise((resolve) => setTimeout(resolve, ACK_MS));
        if (!this.#world.channels.has(channelId)) return; // its last message was that one is out
        await this.#api.ack(channelId, next);
        const read: Id | null = this.#world.reads.get(channelId)?.last_message_id ?? null;
        next = isAfter(read, next) ? read : null;
      }
    } catch {
      // the mark stays local; the next message read sends a newer one
    } finally {
      this.#isSending.delete(channelId);
    }
  }
}
