// Which rows of which big guild's member list are followed, and which big guilds are awake at all (API.md 3.6).
import type { Id } from '../api/types';
import { rangesFor } from './memberList';
import type { World } from './world';

/** Guilds up to this size are told whole (API.md 3.6). */
export const SMALL_GUILD = 250;
/** Big guilds kept awake at once: the last ones looked at. */
const MAX_AWAKE = 3;
/** A list that is scrolled asks for its new place once it rests this long. */
const SETTLE_MS = 120;

interface Followed {
  channelId: Id;
  ranges: [number, number][];
}

/** Subscriptions to big guilds. */
export class Lists {
  readonly #world: World;
  readonly #send: (op: number, d: unknown) => void;
  /** By guild, the least recently looked at first. */
  readonly #awake = new Map<Id, Followed>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `send` speaks to the gateway. */
  constructor(world: World, send: (op: number, d: unknown) => void) {
    this.#world = world;
    this.#send = send;
  }

  /** Whether the server keeps part of the guild's members to itself until asked. */
  isBig(guildId: Id): boolean {
    const guild = this.#world.guilds.get(guildId);
    return (guild?.member_count ?? 0) > SMALL_GUILD;
  }

  /** Called when a guild's channel comes on the screen: from here on the guild tells everything. Answers whether it slept. */
  open(guildId: Id, channelId: Id): boolean {
    if (!this.isBig(guildId)) return false;
    const held = this.#awake.get(guildId);
    if (held?.channelId === channelId) return false;
    this.#follow(guildId, { channelId, ranges: rangesFor(0, 0) });
    return held === undefined;
  }

  /** Called as the list is scrolled: rows `first`–`last` are on the screen. */
  show(guildId: Id, first: number, last: number): void {
    const held = this.#awake.get(guildId);
    if (!held) return;
    const ranges = rangesFor(first, last);
    if (JSON.stringify(ranges) === JSON.stringify(held.ranges)) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#follow(guildId, { ...held, ranges }), SETTLE_MS);
  }

  /** A new session knows of no subscription: says them all again. */
  renew(): void {
    for (const [guildId, followed] of this.#awake) this.#tell(guildId, followed);
  }

  /** Forgets everything: the session is over. */
  reset(): void {
    clearTimeout(this.#timer);
    this.#awake.clear();
  }

  #follow(guildId: Id, followed: Followed): void {
    this.#awake.delete(guildId);
    this.#awake.set(guildId, followed);
    this.#tell(guildId, followed);
    for (const oldest of this.#awake.keys()) {
      if (this.#awake.size <= MAX_AWAKE) break;
      this.#awake.delete(oldest);
      this.#world.lists.delete(oldest);
      this.#send(14, { guild_id: oldest, channels: {}, members: [] });
    }
  }

  #tell(guildId: Id, { channelId, ranges }: Followed): void {
    this.#send(14, {
      guild_id: guildId,
      channels: { [channelId]: ranges },
      typing: true,
      activities: true,
      threads: true,
    });
  }
}
