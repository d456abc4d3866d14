// Two people talk in a room of the real server, in two real browsers: sound, camera, screen, mute, and a server that dies meanwhile.
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
let room: string;
let mira: Page;
let ravi: Page;

async function sit(person: Person, path = house.path): Promise<Page> {
  const { page } = await person.sit(browser, '/login');
  await watchMedia(page);
  await page.goto(server.url + path);
  return page;
}

const row = (page: Page) => page.locator(`[data-channel="${room}"] a`);
const dock = (page: Page) => page.getByRole('region', { name: 'Voice connection' });
const stage = (page: Page) => page.getByRole('region', { name: 'Who is here' });
const tile = (page: Page, name: string) => stage(page).locator('.tile', { hasText: name });
const shot = (page: Page, name: string) => page.screenshot({ path: `${OUT}voice-${name}.png` });

/** Sound comes in: packets, and something to be heard in them. */
async function hears(page: Page): Promise<void> {
  const before = await flow(page);
  const isSame = async (): Promise<boolean> => (await flow(page)).made === before.made;
  await expect
    .poll(async () => (await flow(page)).audioPackets - ((await isSame()) ? before.audioPackets : 0), WITHIN)
    .toBeGreaterThan(50);
  await expect.poll(async () => (await flow(page)).audioEnergy, WITHIN).toBeGreaterThan(0);
}

beforeAll(async () => {
  mkdirSync(OUT, { recursive: true });
  server = await startServer();
  browser = await launch([
    ...FAKE_MEDIA,
    '--auto-select-tab-capture-source-by-title=Hearth',
    '--auto-accept-this-tab-capture',
  ]);
  house = await furnish(server);
  room = house.voice;
  await house.mira.call('PATCH', `/channels/${room}`, { name: 'Fireside' });
  mira = await sit(house.mira);
  ravi = await sit(house.ravi);
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

test('two people join by a click, and hear each other', async () => {
  await row(mira).click();
  await dock(mira).getByText('In Fireside').waitFor(WITHIN);
  await ravi.getByRole('list', { name: 'In Fireside' }).getByText('mira').waitFor();
  await row(ravi).click();
  await dock(ravi).getByText('In Fireside').waitFor(WITHIN);
  await mira.getByRole('list', { name: 'In Fireside' }).getByText('ravi').waitFor();
  // said to those who do not see it
  await mira.getByRole('status').getByText('ravi came in.').waitFor({ state: 'attached' });
  await Promise.all([hears(mira), hears(ravi)]);
  // who talks is ringed, on both sides
  await tile(mira, 'ravi').getByText('is talking').waitFor(WITHIN);
  await tile(ravi, 'mira').getByText('is talking').waitFor(WITHIN);
  await dock(mira).getByText('Clear').waitFor(WITHIN);
  expect((await flow(mira)).protocol).toBe('udp');
  // what plays sound in time with pictures: the sender's own account of both, by one clock
  await expect.poll(async () => (await flow(mira)).reportedPackets, WITHIN).toBeGreaterThan(50);
  expect(Math.abs((await flow(mira)).reportedAt - Date.now())).toBeLessThan(10_000);
});

test('a mute keeps everything in, and a deaf person hears nothing', async () => {
  await mira.getByRole('button', { name: 'Mute microphone' }).first().click();
  await ravi.getByRole('list', { name: 'In Fireside' }).getByText('Microphone off').waitFor();
  await tile(ravi, 'mira').getByText('is talking').waitFor({ state: 'hidden' });
  // what was on its way has arrived: from here on nothing more is heard
  await expect.poll(async () => (await flow(ravi)).audioLevel, WITHIN).toBe(0);
  const silent = (await flow(ravi)).audioEnergy;
  const packets = (await flow(mira)).audioPackets;
  await expect.poll(async () => (await flow(mira)).audioPackets, WITHIN).toBeGreaterThan(packets + 50);
  expect((await flow(ravi)).audioEnergy).toBeCloseTo(silent, 6);
  await shot(mira, 'muted');

  await mira.keyboard.press('Control+Shift+M');
  await expect.poll(async () => (await flow(ravi)).audioEnergy, WITHIN).toBeGreaterThan(silent + 0.001);

  await ravi.keyboard.press('Control+Shift+D');
  await mira.getByRole('list', { name: 'In Fireside' }).getByText('Hears nobody').waitFor();
  expect(
    await ravi
      .locator('audio[data-slot]')
      .first()
      .evaluate((ear: HTMLAudioElement) => ear.volume),
  ).toBe(0);
  await ravi.keyboard.press('Control+Shift+D');
  await mira
    .getByRole('list', { name: 'In Fireside' })
    .getByText('Hears nobody')
    .waitFor({ state: 'hidden' });
});

test('cameras are seen both ways', async () => {
  for (const page of [mira, ravi]) {
    await stage(page).getByRole('button', { name: 'Camera' }).click();
  }
  for (const page of [mira, ravi]) {
    await expect.poll(async () => (await flow(page)).frames, WITHIN).toBeGreaterThan(10);
    await expect.poll(() => stage(page).locator('video').count(), WITHIN).toBe(2);
  }
  await shot(mira, 'cameras-grid');
  await tile(mira, 'ravi').getByRole('button', { name: 'Show ravi large' }).click();
  await mira.locator('.focus .tile', { hasText: 'ravi' }).waitFor();
  await shot(mira, 'cameras-focus');
  await stage(ravi).getByRole('button', { name: 'Camera' }).click();
  await expect.poll(() => stage(mira).locator('video').count(), WITHIN).toBe(1);
  await expect
    .poll(() => mira.getByRole('list', { name: 'In Fireside' }).getByText('Camera on').count(), WITHIN)
    .toBe(1);
});

test('a screen is shared with its sound', async () => {
  await stage(ravi).getByRole('button', { name: 'Share screen' }).click();
  await tile(mira, 'Screen of ravi').locator('video').waitFor(WITHIN);
  await mira.getByRole('list', { name: 'In Fireside' }).getByText('Live', { exact: true }).waitFor();
  const before = (await flow(mira)).frames;
  await expect.poll(async () => (await flow(mira)).frames, WITHIN).toBeGreaterThan(before + 10);
  await expect.poll(async () => (await flow(mira)).sounds, WITHIN).toBe(2);
  await shot(mira, 'screen');
  await stage(ravi).getByRole('button', { name: 'Share screen' }).click();
  await tile(mira, 'Screen of ravi').waitFor({ state: 'hidden' });
});

test('a server that dies and comes back is found again', async () => {
  await server.restart();
  await dock(mira).getByText('In Fireside').waitFor({ timeout: 60_000 });
  await dock(ravi).getByText('In Fireside').waitFor({ timeout: 60_000 });
  await expect.poll(async () => (await flow(mira)).state, WITHIN).toBe('connected');
  await Promise.all([hears(mira), hears(ravi)]);
});

test('the room is there for everybody', async () => {
  expect(await accessibilityFaults(mira)).toEqual([]);
});

test('leaving leaves, by the button and by closing the page', async () => {
  await dock(mira).getByRole('button', { name: 'Leave the room' }).click();
  await dock(mira).waitFor({ state: 'hidden' });
  await ravi.getByRole('list', { name: 'In Fireside' }).getByText('mira').waitFor({ state: 'hidden' });
  await mira.getByRole('list', { name: 'In Fireside' }).getByText('ravi').waitFor();
  await ravi.close({ runBeforeUnload: true });
  await mira.getByRole('list', { name: 'In Fireside' }).waitFor({ state: 'hidden' });
});
