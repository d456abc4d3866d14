// The first evening: the owner sets the place up, a guest comes through the invite, they talk. Against the real server.
import { mkdirSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { accessibilityFaults } from '../support/axe';
import { launch, openPage, type Complaints } from '../support/browser';
import { startServer, type TestServer } from '../support/server';

const OUT = new URL('../screens/', import.meta.url).pathname;
const PASSWORD = 'correct horse battery';
let browser: Browser;
let server: TestServer;
const complaints: Complaints[] = [];
let mira: Page;
let ravi: Page;

beforeAll(async () => {
  mkdirSync(OUT, { recursive: true });
  server = await startServer();
  browser = await launch();
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

async function visitor(options = {}): Promise<Page> {
  const opened = await openPage(browser, { viewport: { width: 1280, height: 800 }, ...options });
  complaints.push(opened.complaints);
  return opened.page;
}

const log = (page: Page) => page.getByRole('log');
const composer = (page: Page) => page.getByRole('textbox', { name: /^Message / });
const said = (page: Page, text: string) => log(page).getByText(text, { exact: true });
const row = (page: Page, text: string) => page.getByRole('article').filter({ hasText: text });
async function say(page: Page, text: string): Promise<void> {
  await composer(page).fill(text);
  await composer(page).press('Enter');
}
async function register(page: Page, name: string, username: string, button: string): Promise<void> {
  await page.getByLabel('Your name').fill(name);
  await page.getByLabel('Username').fill(username);
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: button }).click();
}

test('the owner follows the link, names the guild and gets an invite', async () => {
  mira = await visitor();
  await mira.goto(server.setupLink);
  await register(mira, 'Mira', 'mira', 'Make me the owner');
  await mira.getByLabel('Server name').fill('Maple House');
  await mira.getByRole('button', { name: 'Continue' }).click();
  const link = mira.getByRole('textbox', { name: 'Invite link' });
  await link.waitFor();
  const invite = await link.inputValue();
  expect(invite).toMatch(new RegExp(`^${server.url}/invite/\\w+$`));
  await mira.getByRole('link', { name: 'Enter Maple House' }).click();
  await composer(mira).waitFor();

  ravi = await visitor();
  await ravi.goto(invite);
  await ravi.getByRole('heading', { name: 'Maple House' }).waitFor();
  await ravi.getByRole('link', { name: 'Create an account' }).click();
  await register(ravi, 'Ravi', 'ravi', 'Create account');
  // an invite that was taken up with the account leads straight in; otherwise it is accepted here
  const join = ravi.getByRole('button', { name: 'Join' });
  await join.or(composer(ravi)).first().waitFor();
  if (await join.isVisible()) await join.click();
  await composer(ravi).waitFor();
  await mira.getByRole('complementary', { name: 'Members' }).getByText('Ravi').waitFor();
});

test('they talk both ways, and typing shows', async () => {
  await say(mira, 'Soup is **ready** 🍲');
  await row(ravi, 'Soup is ready').waitFor();
  await composer(ravi).pressSequentially('On my w');
  await mira.getByText('Ravi is typing').waitFor();
  await composer(ravi).fill('On my way!');
  await composer(ravi).press('Enter');
  await said(mira, 'On my way!').waitFor();
  await mira.getByText('Ravi is typing').waitFor({ state: 'hidden' });
  expect(await said(ravi, 'On my way!').count()).toBe(1);
  for (let n = 1; n <= 4; n++) await say(mira, `course ${n}`);
  await said(ravi, 'course 4').waitFor({ timeout: 30_000 });
  const order = await log(ravi)
    .getByText(/^course \d$/)
    .allTextContents();
  expect(order).toEqual(['course 1', 'course 2', 'course 3', 'course 4']);
});

test('an edit, a reply, a reaction and a deletion reach the other side', async () => {
  await say(ravi, 'Bring the big tabel');
  await said(mira, 'Bring the big tabel').waitFor();
  await composer(ravi).press('ArrowUp');
  await ravi.getByRole('textbox', { name: 'Edit message' }).fill('Bring the big table');
  await ravi.getByRole('textbox', { name: 'Edit message' }).press('Enter');
  await said(mira, 'Bring the big table').waitFor();
  await row(mira, 'Bring the big table').getByText('(edited)').waitFor();

  await row(mira, 'Bring the big table').hover();
  await row(mira, 'Bring the big table').getByRole('button', { name: 'React with 👍' }).click();
  const reaction = (page: Page) => row(page, 'Bring the big table').getByRole('button', { name: '👍, 1' });
  await reaction(ravi).waitFor();
  expect(await reaction(ravi).getAttribute('aria-pressed')).toBe('false');
  await row(ravi, 'Bring the big table').getByRole('button', { name: '👍, 1' }).click();
  await row(mira, 'Bring the big table').getByRole('button', { name: '👍, 2' }).waitFor();
  await row(mira, 'Bring the big table').getByRole('button', { name: '👍, 2' }).click();
  await reaction(ravi).waitFor();

  await row(mira, 'Bring the big table').hover();
  await row(mira, 'Bring the big table').getByRole('button', { name: 'Reply' }).click();
  await say(mira, 'Which one?');
  await row(ravi, 'Which one?')
    .getByRole('link', { name: /Ravi.*Bring the big table/ })
    .waitFor();

  await say(ravi, 'never mind');
  await said(mira, 'never mind').waitFor();
  await row(ravi, 'never mind').click({ button: 'right' });
  await ravi.getByRole('menuitem', { name: 'Delete message' }).click();
  await ravi.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await said(mira, 'never mind').waitFor({ state: 'detached' });
  await said(ravi, 'never mind').waitFor({ state: 'detached' });
});

test('channels are made, renamed, mentioned in, and deleted', async () => {
  await mira.getByRole('button', { name: 'Server menu' }).click();
  await mira.getByRole('menuitem', { name: 'Create a channel' }).click();
  await mira.getByLabel('Channel name').fill('kitchen');
  await mira.getByRole('button', { name: 'Create', exact: true }).click();
  await mira.getByRole('textbox', { name: 'Message kitchen' }).waitFor();
  await ravi.getByRole('navigation', { name: 'Channels' }).getByText('kitchen').waitFor();

  await composer(mira).fill('come here @rav');
  await mira.getByRole('option', { name: /Ravi/ }).waitFor();
  await composer(mira).press('Tab');
  await composer(mira).press('Enter');
  await said(mira, '@Ravi').waitFor();
  const kitchen = ravi.getByRole('link', { name: /kitchen/ });
  await kitchen.getByLabel('1 mention').waitFor();
  await kitchen.click();
  await said(ravi, '@Ravi').waitFor();
  await ravi.bringToFront();
  await kitchen.getByLabel('1 mention').waitFor({ state: 'detached' });

  await mira.getByRole('link', { name: /kitchen/ }).hover();
  await mira.getByRole('button', { name: 'Menu of kitchen' }).click();
  await mira.getByRole('menuitem', { name: 'Edit channel' }).click();
  await mira.getByLabel('Topic').fill('What’s cooking');
  await mira.getByRole('button', { name: 'Save' }).click();
  await ravi.getByText('What’s cooking').waitFor();
  await mira.getByRole('link', { name: /kitchen/ }).hover();
  await mira.getByRole('button', { name: 'Menu of kitchen' }).click();
  await mira.getByRole('menuitem', { name: 'Edit channel' }).click();
  await mira.getByRole('button', { name: 'Delete channel' }).click();
  await mira.getByRole('dialog').getByRole('button', { name: 'Delete', exact: true }).click();
  await ravi
    .getByRole('navigation', { name: 'Channels' })
    .getByText('kitchen')
    .waitFor({ state: 'detached' });
  await composer(ravi).waitFor();
});

test('they write to each other directly', async () => {
  await mira.bringToFront();
  await mira.getByRole('complementary', { name: 'Members' }).getByText('Ravi').click();
  await mira.getByRole('button', { name: 'Send a message' }).click();
  await mira.getByRole('textbox', { name: 'Message Ravi' }).waitFor();
  await say(mira, 'just between us');
  // a first message of somebody who is no friend is asked about, and rings nowhere
  const direct = ravi.getByRole('link', { name: 'Direct messages', exact: true });
  await direct.click();
  const directs = ravi.getByRole('navigation', { name: 'Direct messages' });
  await directs.getByRole('link', { name: /^Message requests/ }).click();
  await ravi.getByRole('link', { name: /Mira/ }).click();
  await said(ravi, 'just between us').waitFor();
  await say(ravi, 'of course'); // which accepts it
  await said(mira, 'of course').waitFor();
  await directs.getByText('Mira').waitFor();
  await ravi.getByRole('link', { name: 'Maple House' }).click();
  await said(ravi, 'On my way!').waitFor();
  await say(mira, 'see you at eight');
  await ravi.getByRole('link', { name: 'Direct messages, 1 mention' }).waitFor();
});

test('status and profile are seen by the other', async () => {
  await ravi.goto(`${server.url}/settings/profile`);
  await ravi.getByLabel('Your name').fill('Ravi S');
  await ravi.getByLabel('Pronouns').fill('he/him');
  await ravi.getByLabel('About you').fill('On the 18:02 home.');
  await ravi.getByRole('button', { name: 'Save' }).click();
  await ravi.getByText('Saved').waitFor();
  await mira.getByRole('navigation', { name: 'Direct messages' }).getByText('Ravi S').waitFor();
  await ravi.goto(`${server.url}/channels/@me`);
  await ravi.getByRole('button', { name: /Change status/ }).click();
  await ravi.getByRole('menuitemradio', { name: 'Do not disturb' }).click();
  await mira
    .getByRole('navigation', { name: 'Direct messages' })
    .getByRole('img', { name: 'Do not disturb' })
    .waitFor();
  await mira.getByRole('button', { name: 'About Ravi S' }).click();
  await mira.getByText('On the 18:02 home.').waitFor();
  await mira.getByText('he/him').waitFor();
  await mira.keyboard.press('Escape');
});

test('a picture is uploaded and shown', async () => {
  await mira.goto(`${server.url}/settings/profile`);
  await mira.locator('[data-files]').setInputFiles('public/icons/hearth-192.png');
  await mira.getByText('Saved').waitFor();
  const picture = mira.locator('.avatar-row img');
  await picture.waitFor();
  expect(
    await picture.evaluate((image: HTMLImageElement) => image.decode().then(() => image.naturalWidth)),
  ).toBeGreaterThan(0);
});

test('a reload keeps the session, the history and the place', async () => {
  await mira.goto(`${server.url}/channels/@me`);
  await mira.getByRole('link', { name: 'Maple House' }).click();
  await said(mira, 'On my way!').waitFor();
  const address = mira.url();
  await mira.reload();
  await said(mira, 'On my way!').waitFor();
  expect(mira.url()).toBe(address);
  await mira.screenshot({ path: `${OUT}e2e-talk.png` });
  expect(await accessibilityFaults(mira)).toEqual([]);
});

test('the server is killed and comes back; nothing is lost, nothing is there twice', async () => {
  await ravi.goto(mira.url());
  await said(ravi, 'On my way!').waitFor();
  const before = complaints.map((heard) => heard.length);
  await server.restart();
  await say(mira, 'still here?');
  await said(ravi, 'still here?').waitFor({ timeout: 60_000 });
  await say(ravi, 'still here.');
  await said(mira, 'still here.').waitFor({ timeout: 60_000 });
  expect(await said(mira, 'still here?').count()).toBe(1);
  expect(await said(ravi, 'still here?').count()).toBe(1);
  // the browser reports the connections it lost
  complaints.forEach((heard, index) => heard.splice(before[index] ?? 0));
});

test('sessions are listed and ended, the password changed, and one logs out and in', async () => {
  const second = await visitor();
  await second.goto(`${server.url}/channels/@me`);
  await second.getByLabel('Username or e-mail').fill('ravi');
  await second.getByLabel('Password').fill(PASSWORD);
  await second.getByRole('button', { name: 'Log in' }).click();
  await second.getByRole('navigation', { name: 'Servers' }).waitFor();
  await ravi.goto(`${server.url}/settings/sessions`);
  await ravi.getByText('this device').waitFor();
  await ravi.getByLabel('Current password').fill(PASSWORD);
  complaints.pop(); // what follows is refused on purpose, and the browser says so
  await ravi.getByRole('button', { name: 'Log out', exact: true }).last().click();
  await second.getByRole('button', { name: 'Log in' }).waitFor();

  await ravi.goto(`${server.url}/settings/password`);
  await ravi.getByLabel('Current password').fill(PASSWORD);
  await ravi.getByLabel('New password', { exact: true }).fill(`${PASSWORD} 2`);
  await ravi.getByLabel('New password, again').fill(`${PASSWORD} 2`);
  await ravi.getByRole('button', { name: 'Change password' }).click();
  await ravi.getByText('Password changed').waitFor();
  await ravi.goto(`${server.url}/settings/profile`);
  await ravi.getByRole('button', { name: 'Log out' }).click();
  await ravi.getByLabel('Username or e-mail').fill('ravi');
  await ravi.getByLabel('Password').fill(`${PASSWORD} 2`);
  await ravi.getByRole('button', { name: 'Log in' }).click();
  await ravi.getByRole('link', { name: 'Maple House' }).waitFor();
});

test('someone leaves', async () => {
  await ravi.getByRole('link', { name: 'Maple House' }).click();
  await ravi.getByRole('button', { name: 'Server menu' }).click();
  await ravi.getByRole('menuitem', { name: 'Leave server' }).click();
  await ravi.getByRole('dialog').getByRole('button', { name: 'Leave server' }).click();
  await ravi.getByText('You are in no server yet').waitFor();
  await mira.getByRole('complementary', { name: 'Members' }).getByText('Ravi').waitFor({ state: 'detached' });
});

test('the owner closes the place for good', async () => {
  await mira.goto(`${server.url}/channels/@me`);
  await mira.getByRole('link', { name: 'Maple House' }).click();
  await mira.getByRole('button', { name: 'Server menu' }).click();
  await mira.getByRole('menuitem', { name: 'Server settings' }).click();
  await mira.getByLabel('Server name').fill('Maple Hall');
  await mira.getByRole('button', { name: 'Save' }).click();
  await mira.getByRole('heading', { name: 'Maple Hall' }).waitFor();
  await mira.getByRole('button', { name: 'Delete server' }).click();
  const dialog = mira.getByRole('dialog', { name: 'Delete Maple Hall' });
  await dialog.getByLabel('Password').fill(PASSWORD);
  await dialog.getByRole('button', { name: 'Delete server' }).click();
  await mira.getByText('You are in no server yet').waitFor();
});

test('nobody’s browser complained', () => {
  expect(complaints.flat()).toEqual([]);
});
