// Calls between two friends on the real server: ringing, declining, accepting, and the view in the conversation.
import { mkdirSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { accessibilityFaults } from '../support/axe';
import { FAKE_MEDIA, launch } from '../support/browser';
import { flow, watchMedia } from '../support/media';
import { furnish, type House, type Person } from '../support/people';
import { startServer, type TestServer } from '../support/server';

const OUT = new URL('../screens/', import.meta.url).pathname;
const WITHIN = { timeout: 30_000 };
let browser: Browser;
let server: TestServer;
let house: House;
let talk: string;
let mira: Page;
let ravi: Page;

async function sit(person: Person, path: string, options = {}): Promise<Page> {
  const { page } = await person.sit(browser, '/login', options);
  await watchMedia(page);
  await page.goto(server.url + path);
  return page;
}
const ring = (page: Page) => page.getByRole('alertdialog', { name: /^Call from/ });
const stage = (page: Page) => page.getByRole('region', { name: 'Who is here' });
const shot = (page: Page, name: string) => page.screenshot({ path: `${OUT}call-${name}.png` });

beforeAll(async () => {
  mkdirSync(OUT, { recursive: true });
  server = await startServer();
  browser = await launch(FAKE_MEDIA);
  house = await furnish(server);
  const { id } = await house.ravi.call<{ id: string }>('GET', '/users/@me');
  talk = (await house.mira.call<{ id: string }>('POST', '/users/@me/channels', { recipient_id: id })).id;
  await house.mira.say(talk, 'Are you there?');
  mira = await sit(house.mira, `/channels/@me/${talk}`, { colorScheme: 'dark' });
  ravi = await sit(house.ravi, house.path, { colorScheme: 'dark' });
  await ravi.getByRole('textbox', { name: /^Message / }).waitFor();
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

test('a call rings, and can be declined', async () => {
  await mira.getByRole('button', { name: 'Start a call' }).click();
  await ring(ravi).waitFor(WITHIN);
  await shot(ravi, 'ring');
  expect(await accessibilityFaults(ravi)).toEqual([]);
  await ring(ravi).getByRole('button', { name: 'Decline the call' }).click();
  await ring(ravi).waitFor({ state: 'hidden' });
  await stage(mira).locator('.tile', { hasText: 'mira (you)' }).waitFor();
  await mira.getByRole('log').getByText('started a call').waitFor();
});

test('who declined may still come, and both are heard', async () => {
  await ravi.goto(`${server.url}/channels/@me/${talk}`);
  // the page is new: it asked whether there is a call
  await stage(ravi).getByRole('button', { name: 'Join the call' }).click();
  for (const page of [mira, ravi]) {
    await expect.poll(async () => (await flow(page)).audioPackets, WITHIN).toBeGreaterThan(50);
    await expect.poll(async () => (await flow(page)).audioEnergy, WITHIN).toBeGreaterThan(0);
  }
  await stage(mira).locator('.tile', { hasText: 'ravi' }).getByText('is talking').waitFor(WITHIN);
  await shot(mira, 'talk');
  await mira.getByRole('textbox', { name: /^Message / }).fill('We can write meanwhile');
  await mira.keyboard.press('Enter');
  await ravi.getByRole('log').getByText('We can write meanwhile').waitFor();
});

test('with the last who leaves it is over, and the next one rings until it is taken', async () => {
  await stage(mira).getByRole('button', { name: 'Leave the call' }).click();
  await stage(ravi).getByRole('button', { name: 'Leave the call' }).click();
  for (const page of [mira, ravi]) await stage(page).waitFor({ state: 'hidden' });
  await ravi.getByRole('button', { name: 'Start a call' }).click();
  await ring(mira).getByRole('button', { name: 'Accept the call' }).click();
  await ring(mira).waitFor({ state: 'hidden' });
  await expect.poll(async () => (await flow(mira)).audioEnergy, WITHIN).toBeGreaterThan(0);
  // who began it and stops before anybody came rings no more
  for (const page of [mira, ravi]) await stage(page).getByRole('button', { name: 'Leave the call' }).click();
  await mira.getByRole('button', { name: 'Start a call' }).click();
  await ring(ravi).waitFor(WITHIN);
  await stage(mira).getByRole('button', { name: 'Leave the call' }).click();
  await ring(ravi).waitFor({ state: 'hidden' });
});
