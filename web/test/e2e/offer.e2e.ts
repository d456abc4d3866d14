// Notifications of the desktop, as somebody comes to have them: offered by a button, answered in the browser, told of what is not in sight.
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launch } from '../support/browser';
import { furnish, type House } from '../support/people';
import { startServer, type TestServer } from '../support/server';

let browser: Browser;
let server: TestServer;
let house: House;

beforeAll(async () => {
  server = await startServer();
  browser = await launch();
  house = await furnish(server);
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

test('they are offered once something was said, and told only of what is not looked at', async () => {
  const made = { name: 'kitchen', type: 0 };
  const kitchen = (await house.mira.call<{ id: string }>('POST', `/guilds/${house.guild}/channels`, made)).id;
  const { page, complaints } = await house.ravi.sit(browser, '/login');
  const context = page.context();
  const cdp = await context.newCDPSession(page);
  const { targetInfo } = await cdp.send('Target.getTargetInfo');
  const { browserContextId } = targetInfo;
  const answer = (setting: 'prompt' | 'granted') =>
    cdp.send('Browser.setPermission', {
      permission: { name: 'notifications' },
      setting,
      origin: server.url,
      ...(browserContextId && { browserContextId }),
    });
  await answer('prompt');
  await page.addInitScript(() => {
    const shown: string[] = [];
    window.Notification = new Proxy(Notification, {
      construct(target, [title, options]: [string, NotificationOptions]) {
        shown.push(`${title}: ${options.body ?? ''}`);
        return new target(title, options);
      },
    });
    Object.assign(window, { shown });
  });
  const told = (): Promise<string[]> => page.evaluate(() => (window as unknown as { shown: string[] }).shown);
  const box = page.getByRole('textbox', { name: 'Message general' });
  const offer = page.locator('.toasts').getByRole('button', { name: 'Turn on' });
  await page.goto(server.url + house.path);
  await box.waitFor();
  expect(await page.evaluate(() => Notification.permission)).toBe('default');
  expect(await offer.count()).toBe(0); // never on arrival
  await box.fill('Hello');
  await box.press('Enter');
  await offer.waitFor();
  await answer('granted'); // what the person says to the browser's own question
  await offer.click();
  await page.locator('.toasts').getByText('Notifications are on').waitFor();

  await page.bringToFront();
  await house.mira.say(house.general, 'in sight');
  await page.getByRole('log').getByText('in sight', { exact: true }).waitFor();
  await house.mira.say(kitchen, 'out of sight');
  await expect.poll(told).toEqual(['mira · #kitchen: out of sight']);
  // nor is it offered again
  await box.fill('Hello again');
  await box.press('Enter');
  await page.getByRole('log').getByText('Hello again', { exact: true }).waitFor();
  expect(await offer.count()).toBe(0);
  expect(complaints).toEqual([]);
});
