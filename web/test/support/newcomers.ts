// People and places made one by one on the real server; people.ts furnishes a whole house at once.
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { openPage, type Complaints } from './browser';
import type { TestServer } from './server';

export const PASSWORD = 'correct horse battery';

export interface Person {
  page: Page;
  id: string;
  name: string;
  complaints: Complaints;
  /** Calls the API as this person. */
  call: <T>(method: string, path: string, body?: unknown) => Promise<T>;
}

export interface Newcomer {
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
  const { page, complaints } = await openPage(browser, {
    viewport: { width: 1440, height: 900 },
    colorScheme: 'dark',
    ...options,
  });
  await page.addInitScript(() => localStorage.setItem('hearth.signed-in', 'yes'));
  const call = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const answer = await page.context().request.fetch(`${server.url}/api/v10${path}`, {
      method,
      headers: { 'X-Hearth-Client': 'web', Origin: server.url },
      ...(body === undefined ? {} : { data: body }),
    });
    if (!answer.ok()) throw new Error(`${method} ${path}: ${answer.status()} ${await answer.text()}`);
    const text = await answer.text();
    return (text === '' ? undefined : JSON.parse(text)) as T;
  };
  await call('POST', '/auth/register', {
    username,
    global_name: name,
    password: PASSWORD,
    consent: true,
    ...(setupToken && { setup_token: setupToken }),
    ...(invite && { invite }),
  });
  const { id } = await call<{ id: string }>('GET', '/users/@me');
  if (invite) await call('POST', `/invites/${invite}`, {});
  return { page, id, name, complaints, call };
}

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

/** The token at the end of the setup link. */
export const setupTokenOf = (server: TestServer): string => new URL(server.setupLink).hash.slice(1);
