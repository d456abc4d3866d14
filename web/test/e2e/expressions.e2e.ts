// Emoji and stickers of a server: made, written, shown, changed and gone, before the eyes of two people.
import { mkdirSync } from 'node:fs';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { accessibilityFaults } from '../support/axe';
import { launch, type Complaints } from '../support/browser';
import { gif, noise, png } from '../support/files';
import { furnish, PHONE, sitTwo, type House } from '../support/people';
import { startServer, type TestServer } from '../support/server';

const OUT = new URL('../screens/', import.meta.url).pathname;
let browser: Browser;
let server: TestServer;
let house: House;
let mira: Page;
let ravi: Page;
let complaints: Complaints[];

beforeAll(async () => {
  mkdirSync(OUT, { recursive: true });
  server = await startServer({ HEARTH_LIMITS_ROUTES: 'false', HEARTH_LIMITS_GLOBAL_PER_USER: '0' });
  browser = await launch();
  house = await furnish(server);
  ({ mira, ravi, complaints } = await sitTwo(
    browser,
    house,
    { colorScheme: 'dark' },
    { ...PHONE, colorScheme: 'light' },
  ));
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

const box = (page: Page): Locator => page.getByRole('textbox', { name: /^Message / });
const log = (page: Page): Locator => page.getByRole('log');
const glyph = (page: Page, name: string): Locator => log(page).getByRole('img', { name: `:${name}:` });
const toast = (page: Page, text: string | RegExp): Locator => page.locator('.toasts').getByText(text);
const settings = (section: string): string => `${server.url}/guilds/${house.guild}/settings/${section}`;
const loads = (picture: Locator): Promise<void> =>
  expect
    .poll(() => picture.evaluate((image) => (image as HTMLImageElement).naturalWidth), { timeout: 10_000 })
    .toBeGreaterThan(0);
async function say(page: Page, text: string): Promise<void> {
  await box(page).fill(text);
  await box(page).press('Enter');
}
async function talk(page: Page): Promise<void> {
  await page.goto(server.url + house.path);
  await box(page).waitFor();
}

describe('emoji', () => {
  test('many are added at once, and what can’t be is said beside it', async () => {
    await mira.goto(settings('emoji'));
    await mira.getByText('No emoji yet.').waitFor();
    await mira.screenshot({ path: `${OUT}emoji-none.png` });
    await mira
      .locator('[data-files]')
      .setInputFiles([
        png('blob wave.png', 64, 64, 1),
        png('Träne!.png', 900, 700, 2),
        gif('blink.gif', 48),
        noise('not-one.png', 900, 'image/png'),
      ]);
    await mira.getByText('not-one.png is not a picture.').waitFor();
    await expect.poll(() => mira.getByLabel('Name of the emoji').count()).toBe(3);
    const names = await mira
      .getByLabel('Name of the emoji')
      .evaluateAll((fields) => fields.map((field) => (field as HTMLInputElement).value));
    expect(names.sort()).toEqual(['Tra_ne', 'blink', 'blob_wave']);
    await mira.getByText('Still: 2 of 250').waitFor();
    await mira.getByText('Moving: 1 of 250').waitFor();
    await mira.screenshot({ path: `${OUT}emoji-settings.png` });
    expect(await accessibilityFaults(mira)).toEqual([]);
    await mira.getByRole('button', { name: 'Remove not_one' }).click();
    await mira.getByText('not-one.png is not a picture.').waitFor({ state: 'detached' });
  });

  test('one is renamed in place, with a way back, and a bad name is told', async () => {
    const field = mira.locator('input[aria-label="Name of the emoji"]').nth(1);
    await field.fill('x');
    await field.press('Enter');
    await mira.getByText('2 to 32 letters a–z, digits or underscores.').waitFor();
    await field.press('Escape');
    await expect.poll(() => field.inputValue()).toBe('Tra_ne');
    await field.fill('tear');
    await field.press('Enter');
    await toast(mira, 'It is called :tear: now').waitFor();
    await mira.locator('.toasts').getByRole('button', { name: 'Undo' }).click();
    await expect.poll(() => field.inputValue()).toBe('Tra_ne');
    await field.fill('tear');
    await field.press('Tab');
    await expect
      .poll(async () =>
        (await house.mira.call<{ name: string }[]>('GET', `/guilds/${house.guild}/emojis`)).map(
          ({ name }) => name,
        ),
      )
      .toContain('tear');
  });

  test('they are completed by name, sent, and drawn for the other', async () => {
    await talk(mira);
    await box(mira).fill('look ');
    await box(mira).pressSequentially(':blob');
    await mira.getByRole('option', { name: ':blob_wave:' }).waitFor();
    await mira.screenshot({ path: `${OUT}emoji-complete.png` });
    await box(mira).press('Tab');
    expect(await box(mira).inputValue()).toBe('look :blob_wave: ');
    await box(mira).press('Enter');
    await loads(glyph(ravi, 'blob_wave').first());
    const [newest] = await house.mira.call<{ content: string }[]>(
      'GET',
      `/channels/${house.general}/messages?limit=1`,
    );
    expect(newest?.content).toMatch(/^look <:blob_wave:\d+>$/);
    // editing shows the name again
    await box(mira).press('ArrowUp');
    expect(await log(mira).locator('textarea').inputValue()).toBe('look :blob_wave:');
    await mira.keyboard.press('Escape');
  });

  test('the picker has them by server, and they are reactions too', async () => {
    await mira.getByRole('button', { name: 'Emoji and stickers' }).click();
    const picker = mira.getByRole('dialog', { name: 'Emoji and stickers' });
    await picker.getByRole('gridcell', { name: ':tear:' }).first().waitFor();
    await loads(picker.getByRole('gridcell', { name: ':tear:' }).first().locator('img'));
    await mira.screenshot({ path: `${OUT}emoji-picker.png` });
    await picker.getByRole('gridcell', { name: ':tear:' }).first().click();
    expect(await box(mira).inputValue()).toBe(':tear:');
    await box(mira).press('Enter');
    await loads(glyph(ravi, 'tear').first());

    const row = mira.getByRole('article').filter({ hasText: 'look' });
    await row.hover();
    await row.getByRole('button', { name: 'Add reaction' }).first().click();
    const grid = mira.getByRole('dialog', { name: 'Add reaction' });
    await grid.getByRole('gridcell', { name: ':blink:' }).first().click();
    await row.getByRole('button', { name: /:blink:/, pressed: true }).waitFor();
    const there = ravi.getByRole('article').filter({ hasText: 'look' });
    await there.getByRole('button', { name: /:blink:/ }).tap();
    await expect
      .poll(() => row.getByRole('button', { name: /:blink:/, pressed: true }).textContent())
      .toContain('2');
    await ravi.screenshot({ path: `${OUT}emoji-talk-phone.png` });
    await mira.screenshot({ path: `${OUT}emoji-talk.png` });
  });

  test('moving ones move always, under the pointer, or never', async () => {
    await say(mira, ':blink:');
    const one = glyph(mira, 'blink').last();
    const address = (): Promise<string | null> => one.getAttribute('src');
    await one.waitFor();
    expect(await address()).toMatch(/\.gif$/);
    await mira.emulateMedia({ reducedMotion: 'reduce' });
    await expect.poll(address).toMatch(/\.webp\?size=/);
    await one.hover();
    await expect.poll(address).toMatch(/\.gif$/);
    await mira.emulateMedia({ reducedMotion: 'no-preference' });
    await mira.goto(`${server.url}/settings/accessibility`);
    await mira.getByRole('radio', { name: 'Never move by themselves' }).check();
    await mira.screenshot({ path: `${OUT}emoji-accessibility.png` });
    await talk(mira);
    await one.hover();
    await expect.poll(address).toMatch(/\.webp\?size=/);
    await mira.goto(`${server.url}/settings/accessibility`);
    await mira.getByRole('radio', { name: 'Always move' }).check();
  });

  test('a deleted one is asked about first, and its name stays in messages', async () => {
    await mira.goto(settings('emoji'));
    await mira.getByRole('button', { name: 'Delete :tear:' }).click();
    const question = mira.getByRole('dialog', { name: 'Delete :tear:?' });
    // everybody hears of it before the answer comes, and the row goes while the question still stands
    await mira.route('**/emojis/*', async (route) => {
      if (route.request().method() !== 'DELETE') return route.continue();
      const response = await route.fetch();
      await mira.getByRole('button', { name: 'Delete :tear:', includeHidden: true }).waitFor({
        state: 'detached',
      });
      await route.fulfill({ response });
    });
    await question.getByRole('button', { name: 'Delete' }).click();
    await mira.getByRole('button', { name: 'Delete :tear:' }).waitFor({ state: 'detached' });
    await expect
      .poll(() => mira.evaluate(() => document.activeElement?.hasAttribute('data-delete')))
      .toBe(true);
    await mira.unroute('**/emojis/*');
    // in a browser that never saw it: this one keeps its picture for ever
    const { page } = await house.ravi.sit(browser, house.path);
    await log(page).getByText(':tear:').first().waitFor();
    await page.context().close();
  });
});

describe('stickers', () => {
  test('one is made of a picture that is too big as it is', async () => {
    await mira.goto(settings('stickers'));
    await mira.getByText('No stickers yet.').waitFor();
    await mira.getByRole('button', { name: 'Add a sticker' }).click();
    const form = mira.getByRole('dialog', { name: 'Add a sticker' });
    await mira.locator('[data-files]').setInputFiles(png('warm soup.png', 900, 600, 4));
    await expect.poll(() => form.getByLabel('Name').inputValue()).toBe('warm soup');
    expect(await form.getByRole('button', { name: 'Save' }).isDisabled()).toBe(true);
    await form.getByRole('button', { name: /Emoji it stands for/ }).click();
    await mira.getByRole('combobox', { name: 'Find an emoji' }).fill('fire');
    await mira.getByRole('gridcell', { name: 'fire', exact: true }).click();
    await mira.screenshot({ path: `${OUT}sticker-form.png` });
    await form.getByRole('button', { name: 'Save' }).click();
    await form.waitFor({ state: 'detached' });
    await loads(mira.getByRole('listitem').filter({ hasText: 'warm soup' }).locator('img'));
    await mira.locator('main').getByText('1 of 60').waitFor();
    await mira.screenshot({ path: `${OUT}sticker-settings.png` });
    expect(await accessibilityFaults(mira)).toEqual([]);
  });

  test('it is sent from the picker and drawn for the other', async () => {
    await talk(mira);
    await box(mira).fill('unfinished words');
    await mira.getByRole('button', { name: 'Emoji and stickers' }).click();
    await mira.getByRole('tab', { name: 'Stickers' }).click();
    await mira.getByLabel('Find a sticker').fill('soup');
    await mira.getByRole('button', { name: 'Sticker: warm soup' }).waitFor();
    await mira.screenshot({ path: `${OUT}sticker-picker.png` });
    await mira.getByLabel('Find a sticker').press('ArrowDown');
    await mira.keyboard.press('Enter');
    await loads(log(ravi).getByRole('img', { name: 'Sticker: warm soup' }));
    expect(await box(mira).inputValue()).toBe('unfinished words');
    await box(mira).fill('');
    await ravi.getByRole('button', { name: 'Emoji and stickers' }).tap();
    await ravi.getByRole('tab', { name: 'Stickers' }).tap();
    await ravi.screenshot({ path: `${OUT}sticker-picker-phone.png` });
    await ravi.getByRole('button', { name: 'Sticker: warm soup' }).tap();
    await expect.poll(() => log(mira).getByRole('img', { name: 'Sticker: warm soup' }).count()).toBe(2);
    await mira.screenshot({ path: `${OUT}sticker-talk.png` });
  });

  test('its words are changed and it is deleted, live for the other', async () => {
    await mira.goto(settings('stickers'));
    await mira.getByRole('button', { name: 'Edit warm soup' }).click();
    await mira.getByRole('dialog').getByLabel('Name').fill('hot soup');
    await mira.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
    await mira.getByText('hot soup').waitFor();
    await ravi.getByRole('button', { name: 'Emoji and stickers' }).tap();
    await ravi.getByRole('tab', { name: 'Stickers' }).tap();
    await ravi.getByRole('button', { name: 'Sticker: hot soup' }).waitFor();
    await mira.getByRole('button', { name: 'Delete hot soup' }).click();
    await mira.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await ravi.getByText('None of your servers has stickers yet.').waitFor();
    await ravi.keyboard.press('Escape');
    const { page } = await house.ravi.sit(browser, house.path);
    await log(page).getByText('Sticker: warm soup').first().waitFor();
    await page.context().close();
  });
});

test('who may make some changes only their own', async () => {
  const role = await house.mira.call<{ id: string }>('POST', `/guilds/${house.guild}/roles`, {
    name: 'painter',
    permissions: String(1n << 43n),
  });
  const me = await house.ravi.call<{ id: string }>('GET', '/users/@me');
  await house.mira.call('PUT', `/guilds/${house.guild}/members/${me.id}/roles/${role.id}`);
  await ravi.goto(settings('emoji'));
  await ravi.locator('[data-files]').setInputFiles([png('ravis.png', 40, 40, 3)]);
  await ravi.getByRole('button', { name: 'Delete :ravis:' }).waitFor();
  expect(await ravi.getByRole('button', { name: 'Delete :blob_wave:' }).count()).toBe(0);
  await ravi.screenshot({ path: `${OUT}emoji-settings-phone.png` });
  expect(await ravi.getByRole('link', { name: 'Overview' }).count()).toBe(0);
});

test('nobody’s browser complained', () => {
  expect(complaints.flat().filter((line) => !/status of 404/.test(line))).toEqual([]);
});
