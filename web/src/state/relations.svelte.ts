// Friends, requests and blocks.
import type { Routes } from '../api/routes';
import { Relation } from '../api/enums';
import type { Channel, Id, Relationship } from '../api/types';
import { nameOf } from './names';
import { DIRECT_KEY, type World } from './world';

/** The person's ties to others. What changes comes back as RELATIONSHIP_* events. */
export class Relations {
  readonly #world: World;
  readonly #api: Routes;

  constructor(world: World, api: Routes) {
    this.#world = world;
    this.#api = api;
  }

  /** What ties us to someone: one of `Relation`, 0 for nothing. */
  typeOf(userId: Id): number {
    return this.#world.relations.get(userId)?.type ?? 0;
  }

  isBlocked(userId: Id): boolean {
    return this.typeOf(userId) === Relation.blocked;
  }

  isIgnored(userId: Id): boolean {
    return this.#world.relations.get(userId)?.user_ignored ?? false;
  }

  /** Whether what someone writes stays out of sight until it is asked for. */
  isUnwanted(userId: Id): boolean {
    return this.isBlocked(userId) || this.isIgnored(userId);
  }

  /** Everyone tied to us in one of these ways, by name. */
  of(...types: number[]): Relationship[] {
    const name = (one: Relationship): string => one.nickname || nameOf(this.#world, one.id, null, one.user);
    return [...this.#world.relations.values()]
      .filter((one) => types.includes(one.type))
      .sort((a, b) => name(a).localeCompare(name(b)));
  }

  get incomingCount(): number {
    let sum = 0;
    for (const one of this.#world.relations.values()) if (one.type === Relation.incoming) sum++;
    return sum;
  }

  /** Conversations begun by strangers, which wait to be taken up. */
  get requests(): Channel[] {
    return (this.#world.rooms.get(DIRECT_KEY) ?? []).flatMap((id) => {
      const channel = this.#world.channels.get(id);
      const isOpen =
        channel?.is_message_request && !channel.recipients?.some((one) => this.isBlocked(one.id));
      return isOpen ? [channel] : [];
    });
  }

  /** Asks someone by their username. Rejects with the server's reason. */
  async ask(username: string): Promise<void> {
    await this.#api.askFriend(username);
  }

  /** Asks someone known by id, or accepts what they asked. */
  async befriend(userId: Id): Promise<void> {
    await this.#api.setRelation(userId, {});
  }

  async block(userId: Id): Promise<void> {
    await this.#api.setRelation(userId, { type: Relation.blocked });
  }

  /** Ends whatever tie there is: a friendship, a request either way, a block. */
  async end(userId: Id): Promise<void> {
    await this.#api.endRelation(userId);
  }

  /** Hides someone's messages and calls, without their knowing; or shows them again. */
  async ignore(userId: Id, isIgnored: boolean): Promise<void> {
    await (isIgnored ? this.#api.ignoreUser(userId) : this.#api.heedUser(userId));
  }

  /** Takes up a stranger's conversation. */
  async accept(channelId: Id): Promise<void> {
    await this.#api.acceptRequest(channelId);
  }

  /** Drops a stranger's conversation, unseen by them. */
  async drop(channelId: Id): Promise<void> {
    await this.#api.dropRequest(channelId);
  }
}
