// Guilds of many members sleep until they are looked at (API.md 3.6): what is unread shows, and waking one loses nothing.
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launch } from '../support/browser';
import { furnish, populate, type House } from '../support/people';
import { startServer, type TestServer } from '../support/server';

/** One more than a guild that is told whole may have. */
const CROWD = 251;

let browser: Browser;
let server: TestServer;
let house: House;
let market: string;

beforeAll(async () => {
  server = await startServer({ HEARTH_LIMITS_ROUTES: 'false', HEARTH_LIMITS_GLOBAL_PER_USER: '0' });
  browser = await launch();
  house = await furnish(server);
  await populate(server.url, house, CROWD - 2);
  const made = { name: 'market', type: 0 };
  market = (await house.mira.call<{ id: string }>('POST', `/guilds/${house.guild}/channels`, made)).id;
}, 240_000);
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

const rail = (page: Page) =>
  page.getByRole('navigation', { name: 'Servers' }).getByRole('link', { name: /^Maple House/ });
const log = (page: Page) => page.getByRole('log');

test('a big guild tells nothing but that there is something, until it is opened', async () => {
  await house.mira.say(market, 'apples');
  const { page, complaints } = await house.ravi.sit(browser, '/channels/@me');
  await rail(page).waitFor();
  const texts = await hear(page);
  await page.reload();
  await rail(page).waitFor();
  await expect.poll(() => texts.some((text) => text.includes('"READY"'))).toBe(true);
  await house.mira.say(market, 'pears');
  // the update that tells of it is the only thing that comes
  await expect
    .poll(() => texts.filter((text) => text.includes('PASSIVE_UPDATE_V2')).length, { timeout: 15_000 })
    .toBeGreaterThan(0);
  expect(texts.filter((text) => text.includes('MESSAGE_CREATE'))).toEqual([]);
  await page.getByRole('link', { name: /^Maple House.*unread/ }).waitFor();

  // opened, it is awake
  await rail(page).click();
  await page.getByRole('link', { name: /^market/ }).click();
  await log(page).getByText('pears', { exact: true }).waitFor();
  await house.mira.say(market, 'plums');
  await log(page).getByText('plums', { exact: true }).waitFor();
  expect(await log(page).getByRole('article').count()).toBe(3);
  await page.getByRole('complementary', { name: 'Members' }).getByText('ravi').waitFor();
  expect(complaints).toEqual([]);
  await page.context().close();
});

test('what mentions one comes while it sleeps, and what came around it is there when it wakes', async () => {
  const { page } = await house.ravi.sit(browser, '/channels/@me');
  await rail(page).waitFor();
  const me = (await house.ravi.call<{ id: string }>('GET', '/users/@me')).id;
  await house.mira.say(market, 'before');
  await house.mira.say(market, `<@${me}> come here`);
  await house.mira.say(market, 'after');
  await page.getByRole('link', { name: /^Maple House.*1/ }).waitFor();
  await page.goto(`${server.url}/channels/${house.guild}/${market}`);
  await log(page).getByText('after', { exact: true }).waitFor();
  const lines = await log(page).locator('article .text').allTextContents();
  expect(lines.slice(-3).map((line) => line.trim())).toEqual(['before', '@ravi come here', 'after']);
  await page.context().close();
});

test('a message between the opening and the waking is not lost', async () => {
  const { page } = await house.ravi.sit(browser, '/channels/@me');
  await rail(page).waitFor();
  // the server hears that the guild is looked at only after its history was read, and something was said since
  const isRead = waiting();
  await page.routeWebSocket(/./, (near) => {
    const far = near.connectToServer();
    near.onMessage((text) => {
      if (!String(text).startsWith('{"op":14')) far.send(text);
      else void isRead.promise.then(() => far.send(text));
    });
    far.onMessage((frame) => near.send(frame));
  });
  await page.route('**/messages?*', async (route) => {
    await route.fulfill({ response: await route.fetch() });
    await page.unroute('**/messages?*');
    await house.mira.say(market, 'in between');
    isRead.resolve();
  });
  await page.goto(`${server.url}/channels/${house.guild}/${market}`);
  await log(page).getByText('in between', { exact: true }).waitFor();
  expect(await log(page).getByText('in between', { exact: true }).count()).toBe(1);
  await page.context().close();
});

test('a name that was never told is completed by asking the server, once typing pauses', async () => {
  const { page, complaints } = await house.ravi.sit(browser, '/channels/@me');
  const asked: { query: string; nonce: string }[] = [];
  page.on('websocket', (socket) =>
    socket.on('framesent', ({ payload }) => {
      const frame = JSON.parse(String(payload)) as { op: number; d: (typeof asked)[number] };
      if (frame.op === 8) asked.push(frame.d);
    }),
  );
  await page.goto(`${server.url}/channels/${house.guild}/${market}`);
  const box = page.getByRole('textbox', { name: 'Message market' });
  await box.waitFor();
  const options = page.getByRole('listbox', { name: 'Suggestions' }).getByRole('option');
  // the last who came stands far below what of the list was asked for
  const last = `crowd${CROWD - 3}`;
  await box.pressSequentially(`@${last}`);
  await options.filter({ hasText: last }).waitFor();
  expect(asked.length).toBeLessThan(last.length);
  expect(asked.at(-1)?.query).toBe(last);
  await box.press('Enter');
  await box.pressSequentially('you are called');
  await box.press('Enter');
  const { id } = (
    await house.mira.call<{ user: { id: string } }[]>(
      'GET',
      `/guilds/${house.guild}/members/search?query=${last}`,
    )
  )[0]?.user ?? { id: '' };
  await log(page).getByText('you are called').waitFor();
  await expect
    .poll(
      async () =>
        (await house.mira.call<{ content: string }[]>('GET', `/channels/${market}/messages?limit=1`))[0]
          ?.content,
    )
    .toBe(`<@${id}> you are called`);
  expect(complaints).toEqual([]);
  await page.context().close();
});

/** Something to wait for, and the way to let it happen. */
function waiting(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}

/** The text of every gateway frame of a page's next connection. */
async function hear(page: Page): Promise<string[]> {
  const texts: string[] = [];
  await page.addInitScript(() => {
    // plain text can be read from outside; the client takes it where a browser cannot inflate
    Object.defineProperty(window, 'DecompressionStream', { value: undefined });
  });
  page.on('websocket', (socket) => socket.on('framereceived', ({ payload }) => texts.push(String(payload))));
  return texts;
}
