// A bad line and a dying server, while two people write: nothing lost, doubled or out of order.
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launch } from '../support/browser';
import { furnish, Person, type House } from '../support/people';
import { freePort, startProxy, type Proxy } from '../support/proxy';
import { startServer, type TestServer } from '../support/server';

let browser: Browser;
let server: TestServer;
let proxy: Proxy;
let house: House;
let mira: Page;
let ravi: Page;

beforeAll(async () => {
  proxy = await startProxy();
  proxy.target.port = await freePort();
  const listen = `127.0.0.1:${proxy.target.port}`;
  server = await startServer({ HEARTH_LISTEN: listen, HEARTH_LIMITS_ROUTES: 'false' }, proxy.url);
  browser = await launch();
  house = await furnish(server, proxy.url);
  mira = (await house.mira.sit(browser, house.path, { origin: proxy.url })).page;
  ravi = (await house.ravi.sit(browser, house.path, { origin: proxy.url })).page;
  await Promise.all([box(mira).waitFor(), box(ravi).waitFor()]);
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
  await proxy?.close();
});

const box = (page: Page) => page.getByRole('textbox', { name: /^Message / });
const shown = (page: Page, prefix: string) =>
  page
    .getByRole('log')
    .locator('article[data-row]')
    .evaluateAll(
      (rows, wanted) =>
        rows
          .map((row) => row.querySelector('.markdown')?.textContent ?? '')
          .filter((text) => text.startsWith(wanted)),
      prefix,
    );
const numbered = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, n) => `${prefix} ${n + 1}`);

async function say(page: Page, text: string): Promise<void> {
  await box(page).fill(text);
  await box(page).press('Enter');
}

/** Both write while the line is tormented; then both, and the server, hold the same. */
async function writeThrough(prefix: string, count: number, torment: (n: number) => Promise<void> | void) {
  for (let n = 1; n <= count; n++) {
    await say(mira, `${prefix}-m ${n}`);
    await say(ravi, `${prefix}-r ${n}`);
    await torment(n);
  }
  proxy.delayMs = 0;
  proxy.isDown = false;
  for (const page of [mira, ravi]) {
    for (const who of ['m', 'r']) {
      await expect
        .poll(() => shown(page, `${prefix}-${who} `), { timeout: 90_000, interval: 250 })
        .toEqual(numbered(`${prefix}-${who}`, count));
    }
    // a message may be heard of before the answer to its sender
    await expect.poll(() => page.locator('[data-pending]').count()).toBe(0);
  }
  // asked for where no line is tormented
  const direct = new Person(`http://127.0.0.1:${proxy.target.port}`, 'mira', house.mira.token);
  const history = await direct.call<{ content: string }[]>(
    'GET',
    `/channels/${house.general}/messages?limit=100`,
  );
  const held = history.map(({ content }) => content).reverse();
  for (const who of ['m', 'r'])
    expect(held.filter((text) => text.startsWith(`${prefix}-${who} `))).toEqual(
      numbered(`${prefix}-${who}`, count),
    );
}

test('connections that are dropped', () =>
  writeThrough('drop', 8, (n) => {
    if (n % 3 === 0) proxy.drop();
  }));

test('frames that are cut in the middle', () =>
  writeThrough('cut', 8, (n) => {
    if (n % 3 === 0) proxy.cut();
  }));

test('a slow line that then goes away for a while', () =>
  writeThrough('slow', 6, (n) => {
    proxy.delayMs = 150;
    if (n === 3) {
      proxy.isDown = true;
      proxy.drop();
    }
    if (n === 5) proxy.isDown = false;
  }));

test('the server is killed and started again while they type', () =>
  writeThrough('kill', 6, async (n) => {
    if (n === 2 || n === 4) await server.restart();
  }));
