// What the client knows of the server is what the server says of itself: every call is one it describes, and the types are its own.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { typesOf, type Document } from '../../build/types';
import type { Http } from '../../src/api/http';
import { routes } from '../../src/api/routes';
import { startServer, type TestServer } from '../support/server';

let server: TestServer;
let document: Document;
beforeAll(async () => {
  server = await startServer();
  document = (await (await fetch(`${server.url}/api/v10/hearth/openapi.json`)).json()) as Document;
});
afterAll(() => server?.stop());

/** The calls that `api/routes.ts` makes, as `METHOD /path`. */
function callsMade(): string[] {
  const called: string[] = [];
  const http = {
    request: (method: string, path: string) => {
      called.push(`${method} ${path}`);
      return Promise.resolve({});
    },
    // a file goes to the address that another call was given, which no document names
    upload: () => Promise.resolve(),
    heldBytes: () => Promise.resolve(0),
    drop: () => undefined,
    renew: () => undefined,
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
  ]);
  for (const call of Object.values(api) as ((...args: unknown[]) => unknown)[])
    call(...(special.get(call) ?? [arg, arg, arg]));
  const elsewhere: string[] = ['upload', 'heldBytes', 'drop', 'renew'] satisfies (keyof typeof api)[];
  expect(called).toHaveLength(Object.keys(api).filter((name) => !elsewhere.includes(name)).length);
  return called;
}

/** What a path takes, as the document writes it. */
const BLANK = /\{[^}]+\}/g;

/** The described path that a call goes to: of those it fits, the one with the fewest blanks. */
function described(call: string): string | undefined {
  const [method = '', path = ''] = call.split(' ');
  const fits = Object.entries(document.paths)
    .filter(([, operations]) => method.toLowerCase() in operations)
    .map(([known]) => known)
    .filter((known) => new RegExp(`^${known.replaceAll('.', '\\.').replaceAll(BLANK, '[^/]+')}$`).test(path))
    .sort((one, other) => one.split(BLANK).length - other.split(BLANK).length);
  return fits[0] && `${method} ${fits[0]}`;
}

test('routes are in the server’s own document', () => {
  expect(callsMade().filter((call) => !described(call))).toEqual([]);
});

test('the types of the client are the document’s (`npm run types` writes them anew)', async () => {
  const used = new Set(callsMade().map(described));
  const types = await typesOf(document, (method, path) => used.has(`${method} ${path}`));
  await expect(types).toMatchFileSnapshot('../../src/api/document.ts');
});
