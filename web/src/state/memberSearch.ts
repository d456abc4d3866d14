// Finding members of a big guild nobody told us of, by how their names begin (op 8, API.md section 3.5).
import type { Id, Member } from '../api/types';

/** A name that is being typed is asked for once it rests this long. */
const SETTLE_MS = 150;
/** Members one answer names at most. */
export const MAX_FOUND = 25;
/** Beginnings remembered as answered in full; past this, all are asked for anew. */
const MAX_REMEMBERED = 500;

interface Asked {
  nonce: string;
  key: string;
  settle: (isAnswered: boolean) => void;
}

/** What members are asked for, one beginning at a time: that of the name being typed. */
export class MemberSearch {
  readonly #send: (op: number, d: unknown) => boolean;
  readonly #known = new Set<string>();
  #asked: Asked | null = null;
  #nonce = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `send` speaks to the gateway, and answers whether it listens. */
  constructor(send: (op: number, d: unknown) => boolean) {
    this.#send = send;
  }

  /**
   * Asks for the members of a guild whose names begin with `query`. Settles with true once the world holds them; with false
   * where nothing comes: all of them are held, another beginning was asked for since, or the connection is gone.
   */
  find(guildId: Id, query: string): Promise<boolean> {
    this.#end(false);
    const begin = query.toLowerCase();
    if (begin === '' || this.#isKnown(guildId, begin)) return Promise.resolve(false);
    return new Promise((settle) => {
      const nonce = String(this.#nonce++);
      this.#asked = { nonce, key: `${guildId} ${begin}`, settle };
      this.#timer = setTimeout(() => {
        const wanted = { guild_id: guildId, query: begin, limit: MAX_FOUND, presences: true, nonce };
        if (!this.#send(8, wanted)) this.#end(false);
      }, SETTLE_MS);
    });
  }

  /** Called when members arrived and the world holds them. */
  told({ nonce, members }: { nonce?: string; members: readonly Member[] }): void {
    if (!this.#asked || nonce !== this.#asked.nonce) return;
    if (this.#known.size >= MAX_REMEMBERED) this.#known.clear();
    if (members.length < MAX_FOUND) this.#known.add(this.#asked.key);
    this.#end(true);
  }

  /** Another session begins, or none: who came meanwhile is not known of. */
  forget(): void {
    this.#known.clear();
    this.#end(false);
  }

  /** Where a beginning was answered in full, every longer one was as well. */
  #isKnown(guildId: Id, begin: string): boolean {
    for (let length = begin.length; length > 0; length--)
      if (this.#known.has(`${guildId} ${begin.slice(0, length)}`)) return true;
    return false;
  }

  #end(isAnswered: boolean): void {
    clearTimeout(this.#timer);
    this.#asked?.settle(isAnswered);
    this.#asked = null;
  }
}
