// A forgotten password: from the login to whoever can help, and by the link that the command line makes back in.
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launch, openPage } from '../support/browser';
import { newOwner, type Person } from '../support/newcomers';
import { PASSWORD } from '../support/people';
import { startServer, type TestServer } from '../support/server';

let browser: Browser;
let server: TestServer;
let mira: Person;

beforeAll(async () => {
  server = await startServer();
  browser = await launch();
  mira = await newOwner(browser, server);
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

async function logIn(page: Page, password: string): Promise<void> {
  await page.goto(`${server.url}/login`);
  await page.getByLabel('Username or e-mail').fill('mira');
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Log in' }).click();
}

test('a link lets in whoever forgot the password, once', async () => {
  const { page } = await openPage(browser);
  await logIn(page, 'not the password');
  await page.getByText('That name and password do not go together.').waitFor();
  await page.getByRole('link', { name: 'Forgot your password?' }).click();
  await page.getByText('Ask whoever runs Hearth for a link').waitFor();

  const link = await server.command('user', 'reset-link', 'mira');
  expect(link.startsWith(`${server.url}/reset#`)).toBe(true);
  await page.goto(link);
  const field = page.getByLabel('New password');
  await field.fill('short');
  const button = page.getByRole('button', { name: 'Set password' });
  expect(await button.isDisabled()).toBe(true);
  await field.fill('a better horse');
  await field.press('Enter');
  await page.waitForURL(/channels/);

  // every other place is logged out, and the link is used up
  await expect(mira.call('GET', '/users/@me')).rejects.toThrow('401');
  const { page: other } = await openPage(browser);
  await other.goto(link);
  await other.getByLabel('New password').fill('yet another horse');
  await other.getByRole('button', { name: 'Set password' }).click();
  await other.getByRole('alert').getByText('This link was used, or is too old.').waitFor();
  await logIn(other, PASSWORD);
  await other.getByText('That name and password do not go together.').waitFor();
  await logIn(other, 'a better horse');
  await other.waitForURL(/channels/);
});
