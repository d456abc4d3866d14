// The soundboard and what a room is about: made in the settings, played to and read by others, in two real browsers.
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { accessibilityFaults } from '../support/axe';
import { FAKE_MEDIA, launch } from '../support/browser';
import { furnish, type House, type Person } from '../support/people';
import { startServer, type TestServer } from '../support/server';

const SOUND = fileURLToPath(new URL('../../../assets/sounds/gong.ogg', import.meta.url));
const WITHIN = { timeout: 30_000 };
let browser: Browser;
let server: TestServer;
let house: House;
let room: string;
let mira: Page;
let ravi: Page;

const row = (page: Page) => page.locator(`[data-channel="${room}"] a`);
const dock = (page: Page) => page.getByRole('region', { name: 'Voice connection' });
const stage = (page: Page) => page.getByRole('region', { name: 'Who is here' });

/** Addresses of files that the page played, other than streams. */
const played = (page: Page): Promise<string[]> =>
  page.evaluate(() => (window as unknown as { played: string[] }).played);

async function sit(person: Person): Promise<Page> {
  const { page } = await person.sit(browser, '/login');
  await page.addInitScript(() => {
    const played: string[] = [];
    (window as unknown as { played: string[] }).played = played;
    const { play } = HTMLMediaElement.prototype;
    HTMLMediaElement.prototype.play = function () {
      if (this.src) played.push(`${new URL(this.src).pathname} ${this.volume.toFixed(2)}`);
      return play.call(this);
    };
  });
  await page.goto(server.url + house.path);
  return page;
}

beforeAll(async () => {
  server = await startServer();
  browser = await launch(FAKE_MEDIA);
  house = await furnish(server);
  room = house.voice;
  mira = await sit(house.mira);
  ravi = await sit(house.ravi);
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

test('a sound is made in the settings, renamed, and kept', async () => {
  await mira.goto(`${server.url}/guilds/${house.guild}/settings/sounds`);
  await mira.getByRole('button', { name: 'Add a sound' }).click();
  await mira.locator('[data-files]').setInputFiles(SOUND);
  const name = mira.getByRole('textbox', { name: 'Name' });
  await expect.poll(() => name.inputValue()).toBe('gong');
  await name.fill('Dinner');
  await mira.getByRole('button', { name: 'Save' }).click();
  await mira.getByText('1 of 48').waitFor();
  await mira.getByRole('button', { name: 'Play Dinner' }).click();
  await expect.poll(() => played(mira)).toHaveLength(1);
  expect(await accessibilityFaults(mira)).toEqual([]);
  await mira.goto(server.url + house.path);
});

test('a sound is heard by those in the room, as loud as each likes, and shows whose it is', async () => {
  for (const page of [mira, ravi]) {
    await row(page).click();
    await dock(page).getByText(/^In /).waitFor(WITHIN);
  }
  await stage(mira).getByRole('button', { name: 'Sounds' }).click();
  const board = mira.getByRole('dialog', { name: 'Sounds' });
  await board.getByRole('button', { name: 'Play Dinner' }).click();
  await stage(ravi).locator('.tile', { hasText: 'mira' }).locator('.played').waitFor();
  await expect.poll(async () => (await played(ravi)).at(-1)).toMatch(/soundboard-sounds\/\d+ 0\.70$/);

  await board.getByRole('slider').fill('0.2');
  await board.getByRole('button', { name: 'Play Gong' }).click();
  await expect.poll(async () => (await played(mira)).at(-1)).toMatch(/soundboard-sounds\/1 0\.20$/);
  await expect.poll(async () => (await played(ravi)).at(-1)).toMatch(/soundboard-sounds\/1 0\.70$/);
  expect(await accessibilityFaults(mira)).toEqual([]);
  await mira.keyboard.press('Escape');

  // who is deaf hears no sounds either
  const heard = (await played(ravi)).length;
  await ravi.keyboard.press('Control+Shift+D');
  await mira.getByRole('list', { name: /^In / }).getByText('Hears nobody').waitFor();
  await house.mira.call('POST', `/channels/${room}/send-soundboard-sound`, { sound_id: '2' });
  await expect.poll(async () => (await played(mira)).at(-1)).toMatch(/soundboard-sounds\/2 /);
  expect(await played(ravi)).toHaveLength(heard);
  await ravi.keyboard.press('Control+Shift+D');
});

test('what the room is about is said by those in it and read by all', async () => {
  await stage(mira).getByRole('button', { name: 'Say what you talk about' }).click();
  await stage(mira).getByRole('textbox', { name: 'What the room is about' }).fill('Tea and cake');
  await mira.keyboard.press('Enter');
  for (const page of [mira, ravi])
    await page.getByRole('navigation').getByText('Tea and cake').first().waitFor(WITHIN);
  await stage(ravi).getByText('Tea and cake').waitFor();
  await stage(ravi)
    .getByText(/^Talking for \d+:\d\d$/)
    .waitFor({ state: 'attached' });
  // who looks later is told too
  await ravi.reload();
  await ravi.getByRole('navigation').getByText('Tea and cake').first().waitFor(WITHIN);
});
