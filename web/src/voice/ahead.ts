// What a call needs of the app: its parts come when somebody joins, or already as they reach for what joins.
import type { Client } from '../state/client.svelte';

export const parts = {
  host: () => import('./Host.svelte'),
  stage: () => import('./Stage.svelte'),
  dock: () => import('./Dock.svelte'),
};

/** Fetches them now. Not without a connection: browsers that failed to fetch a part once do not try again. */
export function fetchAhead({ session }: Client): void {
  if (!session.isConnected) return;
  for (const part of Object.values(parts)) part().catch(() => undefined);
}
