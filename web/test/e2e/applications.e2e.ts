// A bot is made, linked to a guild by its consent page, and told what it may be told. Against the real server.
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launch, openPage, type Complaints } from '../support/browser';
import { startServer, type TestServer } from '../support/server';

const PASSWORD = 'correct horse battery';
let browser: Browser;
let server: TestServer;
let page: Page;
let complaints: Complaints;

beforeAll(async () => {
  server = await startServer();
  browser = await launch();
  ({ page, complaints } = await openPage(browser, { viewport: { width: 1280, height: 800 } }));
  await page.goto(server.setupLink);
  await page.getByLabel('Username').fill('mira');
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Make me the owner' }).click();
  await page.getByLabel('Server name').fill('Maple House');
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByRole('link', { name: 'Enter Maple House' }).click();
  await page.getByRole('heading', { name: 'Maple House' }).waitFor();
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

const card = () => page.getByRole('article', { name: 'Ladle' });

test('an application gets a token and keeps its switches', async () => {
  await page.goto(`${server.url}/settings/applications`);
  await page.getByLabel('Name of a new application').fill('Ladle');
  await page.getByRole('button', { name: 'Create' }).click();
  await card().getByRole('button', { name: 'Make a new token' }).click();
  const token = card().getByRole('textbox', { name: 'Bot token' });
  expect(await token.inputValue()).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/);
  await card().getByLabel('Read the content of messages').click();
  await expect.poll(() => card().getByLabel('Read the content of messages').isEnabled()).toBe(true);
  await page.reload();
  await expect.poll(() => card().getByLabel('Read the content of messages').isChecked()).toBe(true);
});

test('its link asks for consent and lets it in', async () => {
  const link = await card().getByRole('textbox', { name: 'Link to add it to a server' }).inputValue();
  await page.goto(link.replace('permissions=0', 'permissions=3072'));
  await page.getByLabel('Which server?').selectOption({ label: 'Maple House' });
  await page.getByLabel('Send messages').waitFor();
  await page.getByRole('button', { name: 'Allow' }).click();
  await page.getByText('Ladle is in').waitFor();
  await page.getByRole('link', { name: 'Continue' }).click();
  await page.getByRole('complementary', { name: 'Members' }).getByText('Ladle').waitFor();
});

test('it is deleted after the password was asked for', async () => {
  await page.goto(`${server.url}/settings/applications`);
  await card().getByRole('button', { name: 'Delete Ladle' }).click();
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Delete', exact: true }).click();
  await card().waitFor({ state: 'detached' });
  expect(complaints).toEqual([]);
});
