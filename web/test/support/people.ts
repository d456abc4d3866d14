// Two people in one guild on the real server, signed in without clicking through the pages that do it.
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { openPage, type Complaints } from './browser';
import type { TestServer } from './server';

export const PASSWORD = 'correct horse battery';

/** Someone with an account, who can act over HTTP and sit in front of any number of browsers. */
export class Person {
  readonly username: string;
  readonly token: string;
  readonly origin: string;

  constructor(origin: string, username: string, token: string) {
    this.origin = origin;
    this.username = username;
    this.token = token;
  }

  /** One call; rejects unless it succeeds. */
  call<T>(method: string, path: string, body?: unknown): Promise<T> {
    return this.send(method, path, body === undefined ? undefined : JSON.stringify(body));
  }

  /** One call with a body as it is, such as a form with files. */
  async send<T>(method: string, path: string, body?: string | FormData): Promise<T> {
    const isForm = body instanceof FormData;
    const response = await fetch(`${this.origin}/api/v10${path}`, {
      method,
      headers: {
        Authorization: this.token,
        ...(isForm ? {} : { 'Content-Type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return (text ? JSON.parse(text) : undefined) as T;
  }

  /** Says something; answers with its id. */
  async say(channel: string, content: string, extra: object = {}): Promise<string> {
    return (await this.call<{ id: string }>('POST', `/channels/${channel}/messages`, { content, ...extra }))
      .id;
  }

  /** Gives a page their session, without opening anything in it. */
  async signIn(page: Page, origin = this.origin): Promise<void> {
    const answer = await page.context().request.post(`${origin}/api/v10/auth/login`, {
      data: { login: this.username, password: PASSWORD },
      headers: { 'X-Hearth-Client': 'web', Origin: origin },
    });
    if (!answer.ok()) throw new Error(`login: ${answer.status()}`);
    await page.addInitScript(() => {
      if (!localStorage.getItem('hearth.signed-in')) localStorage.setItem('hearth.signed-in', 'yes');
    });
  }

  /** A page of their own, signed in and at an address. `origin`: by another way to the same server. */
  async sit(
    browser: Browser,
    path: string,
    options: Seat = {},
  ): Promise<{ page: Page; complaints: Complaints }> {
    const { origin = this.origin, ...context } = options;
    const opened = await openPage(browser, { viewport: { width: 1440, height: 900 }, ...context });
    await this.signIn(opened.page, origin);
    await opened.page.goto(origin + path);
    return opened;
  }
}

/** Two at their desks, or wherever their options put them. */
export interface Pair {
  mira: Page;
  ravi: Page;
  complaints: Complaints[];
}

export const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true } as const;

type Seat = BrowserContextOptions & { origin?: string };

/** Both of a house in their first channel, each with a browser of their own. */
export async function sitTwo(browser: Browser, house: House, forMira: Seat, forRavi: Seat): Promise<Pair> {
  const sat = await Promise.all([
    house.mira.sit(browser, house.path, forMira),
    house.ravi.sit(browser, house.path, forRavi),
  ]);
  for (const { page } of sat) {
    page.setDefaultTimeout(15_000);
    await page.getByRole('textbox', { name: /^Message / }).waitFor();
  }
  return { mira: sat[0].page, ravi: sat[1].page, complaints: sat.map((one) => one.complaints) };
}

export interface House {
  mira: Person;
  ravi: Person;
  guild: string;
  /** The text and the voice channel the guild began with. */
  general: string;
  voice: string;
  path: string;
}

/** Someone with a new account. */
export async function register(origin: string, username: string, extra: object): Promise<Person> {
  const response = await fetch(`${origin}/api/v10/auth/register`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ username, global_name: username, password: PASSWORD, consent: true, ...extra }),
  });
  const body = (await response.json()) as { token?: string };
  if (!body.token) throw new Error(`register: ${response.status} ${JSON.stringify(body)}`);
  return new Person(origin, username, body.token);
}

/** The owner, a guest, and the guild they share. `origin`: where the server is reached. */
export async function furnish(server: TestServer, origin = server.url): Promise<House> {
  const mira = await register(origin, 'mira', { setup_token: new URL(server.setupLink).hash.slice(1) });
  const guild = (await mira.call<{ id: string }>('POST', '/guilds', { name: 'Maple House' })).id;
  const channels = await mira.call<{ id: string; type: number }[]>('GET', `/guilds/${guild}/channels`);
  const first = (type: number): string => channels.find((channel) => channel.type === type)?.id ?? '';
  const [general, voice] = [first(0), first(2)];
  const { code } = await mira.call<{ code: string }>('POST', `/channels/${general}/invites`, {});
  const ravi = await register(origin, 'ravi', { invite: code });
  await ravi.call('POST', `/invites/${code}`, {});
  return { mira, ravi, guild, general, voice, path: `/channels/${guild}/${general}` };
}

/** Fills the guild with more people, who do nothing but be there. */
export async function populate(origin: string, house: House, count: number): Promise<void> {
  const { code } = await house.mira.call<{ code: string }>('POST', `/channels/${house.general}/invites`, {});
  const AT_ONCE = 4; // hashing their passwords is what takes the time
  for (let n = 0; n < count; n += AT_ONCE)
    await Promise.all(
      Array.from({ length: Math.min(AT_ONCE, count - n) }, async (_, k) => {
        const one = await register(origin, `crowd${n + k}`, { invite: code });
        await one.call('POST', `/invites/${code}`, {});
      }),
    );
}
