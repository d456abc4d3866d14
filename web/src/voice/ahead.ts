// What a call needs of the app: its parts come when somebody joins, or already as they reach for what joins.
export const parts = {
  host: () => import('./Host.svelte'),
  stage: () => import('./Stage.svelte'),
  dock: () => import('./Dock.svelte'),
};

/** Fetches them now. What does not come is asked for again when it is needed. */
export function fetchAhead(): void {
  for (const part of Object.values(parts)) part().catch(() => undefined);
}
