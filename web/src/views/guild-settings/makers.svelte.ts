// Who made the emoji, stickers or sounds of a guild: told only to those who may make some.
import { untrack } from 'svelte';
import type { Id, User } from '../../api/types';

/** By id: the maker of each, asked for again whenever others are there (`ids`): events say what there is, not whose it is. */
export class Makers {
  #known: ReadonlyMap<Id, User> = $state.raw(new Map());

  constructor(ids: () => readonly Id[], list: () => Promise<readonly { id: Id; user?: User }[]>) {
    const all = $derived(ids().join());
    $effect(() => {
      void all;
      untrack(() => void this.#learn(list));
    });
  }

  of(id: Id): User | undefined {
    return this.#known.get(id);
  }

  async #learn(list: () => Promise<readonly { id: Id; user?: User }[]>): Promise<void> {
    const listed = await list().catch(() => []); // names of makers are extra
    if (listed.length > 0)
      this.#known = new Map(listed.flatMap(({ id, user }) => (user ? [[id, user]] : [])));
  }
}
