// What the service worker keeps of what, apart from how: plain decisions.

/** Avatars, server and emoji pictures kept at most; the oldest go first. */
export const MAX_PICTURES = 400;

export const cacheOf = (kind: string, version: string): string => `hearth-${kind}-${version}`;

interface Asked {
  method: string;
  mode: string;
  destination: string;
  url: string;
}

/** Small pictures of people, servers and emoji: addressed by their content. Attachments are not kept. */
const PICTURES = /^\/cdn\/(?:avatars|icons|app-icons|emojis|role-icons|guilds\/\d+\/users\/\d+\/avatars)\//;

/**
 * How a request is answered: `page` from the network with the kept page behind it, `kept` from what was kept at install,
 * `picture` from the last time while a fresh one comes; `null` is left to the network.
 */
export function planOf(
  asked: Asked,
  origin: string,
  files: readonly string[],
): 'page' | 'kept' | 'picture' | null {
  const url = new URL(asked.url);
  if (asked.method !== 'GET' || url.origin !== origin) return null;
  if (asked.mode === 'navigate') return /^\/(?:api|cdn)\//.test(url.pathname) ? null : 'page';
  if (files.includes(url.pathname)) return 'kept';
  return asked.destination === 'image' && PICTURES.test(url.pathname) ? 'picture' : null;
}

/** What has to go for no more than `most` to stay; the list has the oldest first. */
export function surplus<T>(list: readonly T[], most: number): readonly T[] {
  return list.slice(0, Math.max(0, list.length - most));
}
