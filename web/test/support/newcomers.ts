// People and places made one by one on the real server; people.ts furnishes a whole house at once.
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { openPage, type Complaints } from './browser';
import { register } from './people';
import type { TestServer } from './server';

export interface Person {
  page: Page;
  id: string;
  name: string;
  complaints: Complaints;
  /** Calls the API as this person. */
  call: <T>(method: string, path: string, body?: unknown) => Promise<T>;
}

interface Newcomer {
  username: string;
  name: string;
  /** The token of the setup link, for the owner of the instance. */
  setupToken?: string;
  invite?: string;
}

/** Somebody with an account, signed in, with an empty page. */
export async function newPerson(
  browser: Browser,
  server: TestServer,
  { username, name, setupToken, invite }: Newcomer,
  options: BrowserContextOptions = {},
): Promise<Person> {
  const account = await register(server.url, username, {
    global_name: name,
    ...(setupToken && { setup_token: setupToken }),
    ...(invite && { invite }),
  });
  const { page, complaints } = await openPage(browser, {
    viewport: { width: 1440, height: 900 },
    colorScheme: 'dark',
    ...options,
  });
  await account.signIn(page);
  const call = <T>(method: string, path: string, body?: unknown): Promise<T> =>
    account.call<T>(method, path, body);
  const { id } = await call<{ id: string }>('GET', '/users/@me');
  if (invite) await call('POST', `/invites/${invite}`, {});
  return { page, id, name, complaints, call };
}

/** The owner of a fresh instance. */
export const newOwner = (browser: Browser, server: TestServer): Promise<Person> =>
  newPerson(browser, server, {
    username: 'mira',
    name: 'Mira',
    setupToken: new URL(server.setupLink).hash.slice(1),
  });

export interface Place {
  guildId: string;
  /** Channels by name. */
  channels: Record<string, string>;
  invite: string;
}

/** A guild of `owner` with text channels of these names, in this order, and an invite into it. */
export async function newGuild(owner: Person, name: string, rooms: readonly string[]): Promise<Place> {
  const guild = await owner.call<{ id: string }>('POST', '/guilds', { name });
  const channels: Record<string, string> = {};
  for (const room of rooms) {
    const made = await owner.call<{ id: string }>('POST', `/guilds/${guild.id}/channels`, {
      name: room,
      type: 0,
    });
    channels[room] = made.id;
  }
  const first = channels[rooms[0] ?? ''] ?? '';
  const invite = await owner.call<{ code: string }>('POST', `/channels/${first}/invites`, { max_age: 0 });
  return { guildId: guild.id, channels, invite: invite.code };
}
