/// <reference lib="webworker" />
// The service worker: the app starts without a network, and pictures seen before need none.
import { cacheOf, MAX_PICTURES, planOf, surplus } from './offline';

declare const self: ServiceWorkerGlobalScope;
/** What the build put in: a name that changes with the files, and the files the app starts from. */
declare const BUILD: { version: string; files: readonly string[] };

const SHELL = cacheOf('shell', BUILD.version);
const PICTURES = cacheOf('pictures', '1');
/** A navigation waits this long for the network before the kept page is shown. */
const NAVIGATION_MS = 1500;

self.addEventListener('install', (event) => {
  event.waitUntil(
    caches.open(SHELL).then((cache) =>
      // what is addressed by its content may come from the browser's own cache; the rest must be of today
      cache.addAll(
        BUILD.files.map((url) => new Request(url, url.startsWith('/assets/') ? {} : { cache: 'reload' })),
      ),
    ),
  );
});

self.addEventListener('activate', (event) => {
  event.waitUntil(
    (async () => {
      for (const name of await caches.keys())
        if (name.startsWith('hearth-') && name !== SHELL && name !== PICTURES) await caches.delete(name);
      await self.clients.claim();
    })(),
  );
});

// the page asks for the change when nothing would be lost by it
self.addEventListener('message', (event) => {
  if (event.data === 'take-over') void self.skipWaiting();
  if (event.data === 'forget') event.waitUntil(caches.delete(PICTURES));
});

self.addEventListener('fetch', (event) => {
  const { request } = event;
  const plan = planOf(
    { method: request.method, mode: request.mode, destination: request.destination, url: request.url },
    self.location.origin,
    BUILD.files,
  );
  if (plan === 'page') event.respondWith(page(request));
  else if (plan === 'kept') event.respondWith(kept(request));
  else if (plan === 'picture') event.respondWith(picture(request, event));
});

/** The network's page, or the kept one where it does not come in time. */
async function page(request: Request): Promise<Response> {
  const shell = async (): Promise<Response> =>
    (await caches.match('/', { cacheName: SHELL })) ?? Response.error();
  const late = new Promise<Response | null>((resolve) => setTimeout(resolve, NAVIGATION_MS, null));
  try {
    const answer = await Promise.race([fetch(request), late]);
    return answer && answer.status < 500 ? answer : await shell();
  } catch {
    return shell();
  }
}

async function kept(request: Request): Promise<Response> {
  const path = new URL(request.url).pathname;
  return (await caches.match(path, { cacheName: SHELL })) ?? fetch(request);
}

/** A picture as it was, while a fresh one is fetched for the next time. */
async function picture(request: Request, event: FetchEvent): Promise<Response> {
  const cache = await caches.open(PICTURES);
  const held = await cache.match(request);
  const fresh = fetch(request).then(async (answer) => {
    if (answer.ok) {
      await cache.put(request, answer.clone());
      const keys = await cache.keys();
      for (const old of surplus(keys, MAX_PICTURES)) await cache.delete(old);
    }
    return answer;
  });
  if (!held) return fresh;
  event.waitUntil(fresh.catch(() => undefined));
  return held;
}
