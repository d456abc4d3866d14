// A day's work without a mouse (WEB.md section 6): log in, change server and channel, write, edit, reply, react, menus, settings.
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launch, openPage, type Complaints } from '../support/browser';
import { furnish, PASSWORD, type House } from '../support/people';
import { startServer, type TestServer } from '../support/server';

/** No page has so many stops before what one wants. */
const MAX_PRESSES = 60;

let browser: Browser;
let server: TestServer;
let house: House;
let page: Page;
let complaints: Complaints;

beforeAll(async () => {
  server = await startServer();
  browser = await launch();
  house = await furnish(server);
  const oak = (await house.mira.call<{ id: string }>('POST', '/guilds', { name: 'Oak House' })).id;
  const channels = await house.mira.call<{ id: string; type: number }[]>('GET', `/guilds/${oak}/channels`);
  const general = channels.find((channel) => channel.type === 0)?.id ?? '';
  const { code } = await house.mira.call<{ code: string }>('POST', `/channels/${general}/invites`, {});
  await house.ravi.call('POST', `/invites/${code}`, {});
  await house.mira.call('POST', `/guilds/${oak}/channels`, { name: 'kitchen', type: 0 });
  ({ page, complaints } = await openPage(browser, { viewport: { width: 1440, height: 900 } }));
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

const keys = (...presses: string[]) =>
  presses.reduce((done, key) => done.then(() => page.keyboard.press(key)), Promise.resolve());
const isFocused = (target: Locator) =>
  target.evaluateAll((found) => found.some((one) => one === document.activeElement));
const row = (text: string) => page.getByRole('article').filter({ hasText: text });
const box = () => page.getByRole('textbox', { name: /^Message / });
const focused = () => page.locator(':focus');

/** Presses a key until the target has the focus. */
async function walk(key: string, target: Locator): Promise<void> {
  await target.first().waitFor();
  for (let presses = 0; !(await isFocused(target)); presses++) {
    if (presses === MAX_PRESSES) throw new Error(`${key} never led to ${String(target)}`);
    await page.keyboard.press(key);
  }
}

/** Waits until the focus is there. */
const arrives = (target: Locator) => expect.poll(() => isFocused(target)).toBe(true);

test('log in', async () => {
  await page.goto(server.url);
  await walk('Tab', page.getByLabel('Username or e-mail'));
  await page.keyboard.type('ravi');
  await walk('Tab', page.getByLabel('Password'));
  await page.keyboard.type(PASSWORD);
  await keys('Enter');
  await page.getByRole('navigation', { name: 'Servers' }).waitFor();
});

test('go from server to server, and from channel to channel', async () => {
  const servers = page.getByRole('navigation', { name: 'Servers' });
  await walk('F6', servers.getByRole('link'));
  await walk('Tab', servers.getByRole('link', { name: /^Oak House/ }));
  await keys('Enter');
  await page.getByRole('heading', { level: 1, name: 'Oak House' }).waitFor();
  const kitchen = page.getByRole('navigation', { name: 'Channels' }).getByRole('link', { name: /^kitchen/ });
  await walk('F6', page.getByRole('navigation', { name: 'Channels' }).getByRole('link'));
  await walk('Tab', kitchen);
  await keys('Enter');
  await page.getByRole('textbox', { name: 'Message kitchen' }).waitFor();
  await keys('Control+Alt+ArrowDown');
  await page.getByRole('heading', { level: 1, name: 'Maple House' }).waitFor();
  await keys('Control+k');
  await arrives(page.getByRole('dialog').getByRole('combobox'));
  await page.keyboard.type('kitch');
  await page.getByRole('option', { name: /kitchen/ }).waitFor();
  await keys('Enter');
  await page.getByRole('textbox', { name: 'Message kitchen' }).waitFor();
});

test('write wherever one is, and edit what one wrote', async () => {
  await page.keyboard.type('bred is ready');
  await arrives(box());
  await keys('Enter');
  await row('bred is ready').waitFor();
  await expect.poll(() => page.locator('[data-pending]').count()).toBe(0);
  await keys('ArrowUp');
  const edit = page.getByRole('textbox', { name: 'Edit message' });
  await arrives(edit);
  await keys('Control+a');
  await page.keyboard.type('bread is ready');
  await keys('Enter');
  await row('bread is ready').getByText('(edited)').waitFor();
  await expect.poll(() => focused().count()).toBe(1); // not lost with the field that went
});

test('walk the messages, answer one and react to it', async () => {
  await house.mira.say(new URL(page.url()).pathname.split('/').at(-1) ?? '', 'with butter?');
  await row('with butter?').waitFor();
  await walk('Tab', box());
  await keys('Shift+Tab');
  await walk('ArrowUp', row('with butter?'));
  await keys('r');
  await arrives(box());
  await page.getByText('Replying to').waitFor();
  await page.keyboard.type('always');
  await keys('Enter');
  await row('always')
    .getByRole('link', { name: /with butter/ })
    .waitFor();

  await keys('Shift+Tab');
  await walk('ArrowUp', row('with butter?').filter({ hasNotText: 'always' }));
  await keys('+');
  await arrives(page.getByRole('combobox', { name: 'Find an emoji' }));
  await page.keyboard.type('bread');
  await page.getByRole('gridcell', { name: 'bread', exact: true }).waitFor();
  await keys('Enter');
  const bread = row('with butter?').getByRole('button', { name: /🍞, 1/ });
  await bread.first().waitFor();
  await arrives(row('with butter?'));
  await walk('Tab', bread);
  await keys('Enter');
  await bread.first().waitFor({ state: 'detached' });
  await expect.poll(() => focused().count()).toBe(1);
});

test('open a message’s menu, and leave it again', async () => {
  const mine = row('bread is ready');
  await walk('Shift+Tab', page.getByRole('article'));
  await walk('ArrowUp', mine);
  await keys('ArrowRight');
  await walk('ArrowRight', page.getByRole('toolbar').getByRole('button', { name: 'More' }));
  await keys('Enter');
  const menu = page.getByRole('menu');
  await menu.waitFor();
  await walk('ArrowDown', menu.getByRole('menuitem', { name: 'Copy text' }));
  await keys('Enter');
  await menu.waitFor({ state: 'detached' });
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe('bread is ready');
  await arrives(page.getByRole('toolbar').getByRole('button', { name: 'More' })); // where one came from
  await keys('Escape');
  await arrives(mine);
  await keys('Delete');
  const asks = page.getByRole('dialog');
  await asks.waitFor();
  await keys('Escape');
  await asks.waitFor({ state: 'detached' });
  await arrives(mine);
});

test('open what has keys of its own, begin in its field, and come back', async () => {
  await box().focus();
  await keys('Control+e');
  await arrives(page.getByRole('combobox', { name: 'Find an emoji' }));
  await keys('Escape');
  await arrives(box());
  await keys('Control+p');
  const pins = page.getByRole('complementary', { name: 'Pinned messages' });
  await pins.waitFor();
  await keys('Control+p');
  await pins.waitFor({ state: 'detached' });
  await arrives(box());
  // what opens before the browser was told to hand its choosers over is not seen: the key is pressed again then
  const opened = async (): Promise<boolean | null> => {
    const chooser = page.waitForEvent('filechooser', { timeout: 2000 }).catch(() => null);
    await keys('Control+Shift+U');
    return (await chooser)?.isMultiple() ?? null;
  };
  await expect.poll(opened).toBe(true);
  const add = page.getByRole('button', { name: 'Add a server' });
  await add.focus();
  await keys('Enter');
  await arrives(page.getByLabel('Server name'));
  await keys('Escape');
  await arrives(add);
  const person = page.getByRole('list', { name: 'Members' }).getByRole('button', { name: /mira/ });
  await person.focus();
  await keys('Enter');
  await arrives(page.getByRole('dialog').getByRole('button', { name: 'Send a message' }));
  await keys('Escape');
  await arrives(person);
  await box().focus();
});

test('change a setting, and come back to where one was', async () => {
  const before = page.url();
  await keys('Control+,');
  await page.getByRole('heading', { name: 'Profile' }).first().waitFor();
  await walk('Tab', page.getByRole('link', { name: 'Appearance' }));
  await keys('Enter');
  await walk('Tab', page.getByRole('radio'));
  await walk('ArrowDown', page.getByRole('radio', { name: 'Light' }));
  await page.locator('html[data-theme="light"]').waitFor();
  await keys('Escape');
  await expect.poll(() => page.url()).toBe(before);
  await box().waitFor();
  await page.keyboard.type('back again');
  await arrives(box());
  expect(await box().inputValue()).toBe('back again');
  expect(complaints).toEqual([]);
});
