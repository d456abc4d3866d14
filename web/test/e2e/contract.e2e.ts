// Every call the client makes is one the server describes.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Http } from '../../src/api/http';
import { routes } from '../../src/api/routes';
import { startServer, type TestServer } from '../support/server';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server?.stop());

test('routes are in the server’s own document', async () => {
  const called: string[] = [];
  const http = {
    request: (method: string, path: string) => {
      called.push(`${method} ${path.replace(/\?.*/, '')}`);
      return Promise.resolve({});
    },
    // a file goes to the address that another call was given, which no document names
    upload: () => Promise.resolve(),
    heldBytes: () => Promise.resolve(0),
  } as unknown as Http;
  const api = routes(http);
  const arg = '1';
  const emoji = { id: null, name: 'x' };
  const sticker = { file: new Blob([]), name: 'x', description: '', tags: 'x' };
  // ids where ids go, and what a route takes apart in their place
  const special = new Map<unknown, unknown[]>([
    [api.react, [arg, arg, emoji]],
    [api.unreact, [arg, arg, emoji]],
    [api.createSticker, [arg, sticker]],
    [api.media, [arg, ['image'], 1]],
  ]);
  for (const call of Object.values(api) as ((...args: unknown[]) => unknown)[])
    call(...(special.get(call) ?? [arg, arg, arg]));
  const answer = await fetch(`${server.url}/api/v10/hearth/openapi.json`);
  const document = (await answer.json()) as { paths: Record<string, Record<string, unknown>> };
  const known = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => ({
      method: method.toUpperCase(),
      pattern: new RegExp(`^${path.replace(/^\/api\/v10/, '').replace(/\{[^}]+\}/g, '[^/]+')}$`),
    })),
  );
  const unknown = called.filter((line) => {
    const [method = '', path = ''] = line.split(' ');
    return !known.some((route) => route.method === method && route.pattern.test(path));
  });
  const elsewhere: string[] = ['upload', 'heldBytes'] satisfies (keyof typeof api)[];
  expect(called).toHaveLength(Object.keys(api).filter((name) => !elsewhere.includes(name)).length);
  expect(unknown).toEqual([]);
});
