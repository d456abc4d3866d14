// Takes pictures of the client's states for a person to look at, and fails on any complaint of the browser.
import { mkdirSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { accessibilityFaults } from '../support/axe';
import { launch, openPage } from '../support/browser';
import { startMock, type Mock } from '../support/mock';

const OUT = new URL('../screens/', import.meta.url).pathname;
const SIZES = { desktop: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } };
let browser: Browser;
let mock: Mock;

beforeAll(async () => {
  mkdirSync(OUT, { recursive: true });
  mock = await startMock();
  browser = await launch();
});
afterAll(async () => {
  await browser.close();
  await mock.close();
});

async function signedIn(size: keyof typeof SIZES, theme: string) {
  const { page, complaints } = await openPage(browser, {
    viewport: SIZES[size],
    ...(size === 'phone' && { hasTouch: true, isMobile: true, deviceScaleFactor: 2 }),
  });
  await page.addInitScript((chosen) => {
    localStorage.setItem('hearth.signed-in', 'yes');
    localStorage.setItem('hearth.look', JSON.stringify({ theme: chosen }));
  }, theme);
  return { page, complaints };
}

/** A picture for a person, and the state's accessibility faults for the test. */
async function shot(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: `${OUT}${name}.png`, animations: 'disabled' });
  expect.soft(await accessibilityFaults(page), name).toEqual([]);
}

for (const theme of ['dark', 'light', 'contrast'] as const) {
  for (const size of ['desktop', 'phone'] as const) {
    test(`${size} in ${theme}`, async () => {
      const { page, complaints } = await signedIn(size, theme);
      const talk = `${mock.url}/channels/${mock.ids.guild}/${mock.ids.kitchen}`;
      await page.goto(talk);
      await page.getByText('number nine').waitFor();
      mock.dispatch('TYPING_START', {
        channel_id: mock.ids.kitchen,
        user_id: mock.ids.mira,
        timestamp: Date.now() / 1000,
      });
      await page.getByText('Mira is typing').waitFor();
      if (size === 'desktop') await page.getByText('can you bring the long table').hover();
      await shot(page, `talk-${size}-${theme}`);

      await page.goto(`${mock.url}/channels/${mock.ids.guild}`);
      await page.getByText('film-night').first().waitFor();
      await shot(page, `guild-${size}-${theme}`);
      await page.goto(`${mock.url}/channels/@me/${mock.ids.direct}`);
      await page.getByText('Under the stairs').waitFor();
      await shot(page, `direct-${size}-${theme}`);
      await page.goto(`${mock.url}/channels/@me`);
      await page.getByText('Tomasz').first().waitFor();
      await shot(page, `home-${size}-${theme}`);
      for (const section of ['profile', 'appearance', 'sessions', 'password', 'applications']) {
        await page.goto(`${mock.url}/settings/${section}`);
        await page.locator('h1').waitFor();
        await page.waitForLoadState('networkidle');
        await shot(page, `settings-${section}-${size}-${theme}`);
      }
      await page.goto(`${mock.url}/invite/maple`);
      await page.getByText('Join', { exact: true }).waitFor();
      await shot(page, `invite-${size}-${theme}`);
      await page.goto(
        `${mock.url}/oauth2/authorize?client_id=1&scope=bot&permissions=8&guild_id=${mock.ids.guild}`,
      );
      await page.getByText('Allow').waitFor();
      await shot(page, `authorize-${size}-${theme}`);

      await page.goto(talk);
      await page.getByText('number nine').waitFor();
      if (size === 'phone') {
        await page
          .getByText('can you bring the long table')
          .dispatchEvent('contextmenu', { clientX: 100, clientY: 300 });
      } else {
        await page.getByText('can you bring the long table').click({ button: 'right' });
      }
      await page.getByRole('menu').waitFor();
      await shot(page, `menu-${size}-${theme}`);
      await page.keyboard.press('Escape');
      if (size === 'desktop') {
        await page.getByRole('complementary', { name: 'Members' }).getByText('Mira').click();
        await page.getByText('Keeper of the big pot').waitFor();
        await shot(page, `person-${size}-${theme}`);
        await page.keyboard.press('Escape');
        await page.getByRole('button', { name: 'Add a server' }).click();
        await page.getByRole('dialog').waitFor();
        await shot(page, `add-${size}-${theme}`);
        await page.keyboard.press('Escape');
        await page.getByRole('button', { name: 'Server menu' }).click();
        await page.getByRole('menuitem', { name: 'Invite people' }).waitFor();
        await shot(page, `servermenu-${size}-${theme}`);
        await page.getByRole('menuitem', { name: 'Create a channel' }).click();
        await page.getByRole('dialog').waitFor();
        await shot(page, `newchannel-${size}-${theme}`);
        await page.keyboard.press('Escape');
        await page.getByRole('button', { name: 'Emoji', exact: true }).click();
        await shot(page, `emoji-${size}-${theme}`);
        await page.keyboard.press('Escape');
      }
      expect(complaints).toEqual([]);
    });
  }
}

test('between desktop and phone', async () => {
  const { page, complaints } = await signedIn('desktop', 'dark');
  await page.addInitScript(() =>
    localStorage.setItem('hearth.look', JSON.stringify({ theme: 'dark', locale: 'de' })),
  );
  for (const width of [1000, 700, 320]) {
    await page.setViewportSize({ width, height: 800 });
    await page.goto(`${mock.url}/channels/${mock.ids.guild}/${mock.ids.kitchen}`);
    await page.getByText('number nine').waitFor();
    await shot(page, `talk-${width}`);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    expect(overflow, `${width} px wide`).toBeLessThanOrEqual(0);
  }
  expect(complaints).toEqual([]);
});

test('signed out', async () => {
  for (const size of ['desktop', 'phone'] as const) {
    const { page, complaints } = await openPage(browser, {
      viewport: SIZES[size],
      colorScheme: size === 'phone' ? 'light' : 'dark',
    });
    for (const path of ['login', 'register', 'setup#token', 'setup']) {
      await page.goto('about:blank');
      await page.goto(`${mock.url}/${path}`);
      await page.locator('h1').waitFor();
      await shot(page, `${path.replace('#', '-')}-${size}`);
    }
    expect(complaints).toEqual([]);
    await page.goto(`${mock.url}/login`);
    await page.getByLabel('Username or e-mail').fill('june');
    await page.getByLabel('Password').fill('wrong');
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByRole('alert').waitFor();
    await shot(page, `login-fault-${size}`);
  }
});
