// The watched form of the world: every map a SvelteMap, every cell a rune.
import { SvelteMap } from 'svelte/reactivity';
import { buildWorld, type Cell, type World } from './world';

class RuneCell<T> implements Cell<T> {
  value: T;

  constructor(value: T) {
    this.value = $state.raw(value);
  }
}

/** A world whose readers follow it. */
export function liveWorld(): World {
  return buildWorld(
    <K, V>() => new SvelteMap<K, V>(),
    (value) => new RuneCell(value),
  );
}
