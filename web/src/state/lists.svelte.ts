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

interface Hooks {
  /** Speaks to the gateway; answers whether it listens. */
  send: (op: number, d: unknown) => boolean;
  /** Events of a guild were missed: it slept until this moment, or sleeps from now on. */
  onGap: (guildId: Id) => void;
  /** Whether more than calls is to be heard of a guild, whether it is looked at or not. */
  isHeard: (guildId: Id) => boolean;
}

/** Subscriptions to big guilds: the others tell everything anyway. */
export class Lists {
  readonly #world: World;
  readonly #hooks: Hooks;
  /** By guild, the least recently looked at first. */
  readonly #awake = new Map<Id, Followed>();
  /** Asked to wake, and not yet heard from. */
  readonly #waking = new Set<Id>();
  /** Kept awake for what is heard of them. */
  readonly #heard = new Set<Id>();
  /** What could not be said, the connection being gone. */
  readonly #untold = new Set<Id>();
  /** Rises with each session of the gateway. */
  #session = $state.raw(0);
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(world: World, hooks: Hooks) {
    this.#world = world;
    this.#hooks = hooks;
  }

  /** Whether the server keeps part of the guild's members to itself until asked. */
  isBig(guildId: Id): boolean {
    const guild = this.#world.guilds.get(guildId);
    return (guild?.member_count ?? 0) > SMALL_GUILD;
  }

  /** Called when a guild's channel comes on the screen: from here on the guild tells everything. */
  open(guildId: Id, channelId: Id): void {
    if (!this.isBig(guildId)) return;
    const held = this.#awake.get(guildId);
    if (held?.channelId === channelId) return;
    if (!held) this.#waking.add(guildId);
    this.#follow(guildId, { channelId, ranges: rangesFor(0, 0) });
  }

  /** Called when a guild told its list: it is awake, and what it did not tell before can be asked for. */
  told(guildId: Id): void {
    if (this.#waking.delete(guildId)) this.#hooks.onGap(guildId);
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
    this.#heard.clear();
    this.#untold.clear();
    for (const [guildId, followed] of this.#awake) {
      this.#waking.add(guildId);
      this.#tell(guildId, followed);
    }
    this.#session++;
  }

  /** The connection stands again: says what could not be said meanwhile. */
  catchUp(): void {
    for (const guildId of [...this.#untold]) {
      const followed = this.#awake.get(guildId);
      if (followed) this.#tell(guildId, followed);
      else this.#rest(guildId);
    }
  }

  /** Forgets everything: the session is over. */
  reset(): void {
    clearTimeout(this.#timer);
    this.#untold.clear();
    this.#awake.clear();
    this.#waking.clear();
    this.#heard.clear();
  }

  /** Keeps awake what is to be heard of guilds nobody looks at, as that changes; answers with the undo. */
  listen(): () => void {
    return $effect.root(() => {
      $effect(() => this.attend());
    });
  }

  /** Keeps those guilds awake of which more than calls is heard now. */
  attend(): void {
    void this.#session;
    for (const guildId of this.#world.guilds.keys()) {
      const isHeard = this.isBig(guildId) && this.#hooks.isHeard(guildId);
      if (isHeard === this.#heard.has(guildId)) continue;
      if (isHeard) this.#heard.add(guildId);
      else this.#heard.delete(guildId);
      if (!this.#awake.has(guildId)) this.#rest(guildId);
    }
  }

  #follow(guildId: Id, followed: Followed): void {
    this.#awake.delete(guildId);
    this.#awake.set(guildId, followed);
    this.#tell(guildId, followed);
    for (const oldest of this.#awake.keys()) {
      if (this.#awake.size <= MAX_AWAKE) break;
      this.#awake.delete(oldest);
      this.#waking.delete(oldest);
      this.#world.lists.delete(oldest);
      this.#rest(oldest);
    }
  }

  /** What is told of a guild nobody looks at. */
  #rest(guildId: Id): void {
    const isHeard = this.#heard.has(guildId);
    this.#say({ guild_id: guildId, channels: {}, members: [], threads: isHeard });
    if (!isHeard) this.#hooks.onGap(guildId);
  }

  #tell(guildId: Id, { channelId, ranges }: Followed): void {
    const channels = { [channelId]: ranges };
    this.#say({ guild_id: guildId, channels, typing: true, activities: true, threads: true });
  }

  #say(d: { guild_id: Id } & Record<string, unknown>): void {
    if (this.#hooks.send(14, d)) this.#untold.delete(d.guild_id);
    else this.#untold.add(d.guild_id);
  }
}
