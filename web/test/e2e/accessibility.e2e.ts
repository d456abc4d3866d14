// WEB.md section 6 on the real server: axe in every view, in each theme, on desktop and phone; and the main views as a screen
// reader is told them.
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FRIENDS_TABS, GUILD_SETTINGS_PAGES, SETTINGS_PAGES } from '../../src/router';
import { accessibilityFaults } from '../support/axe';
import { launch, openPage } from '../support/browser';
import { furnish, type House } from '../support/people';
import { startServer, type TestServer } from '../support/server';

const THEMES = ['dark', 'light', 'contrast'] as const;
const DEVICES: Record<string, BrowserContextOptions> = {
  desktop: { viewport: { width: 1440, height: 900 } },
  phone: { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true },
};

let browser: Browser;
let server: TestServer;
let house: House;

beforeAll(async () => {
  server = await startServer({ HEARTH_LIMITS_ROUTES: 'false', HEARTH_LIMITS_GLOBAL_PER_USER: '0' });
  browser = await launch();
  house = await furnish(server);
  const { mira, ravi, general } = house;
  const first = await mira.say(
    general,
    'Soup is **ready**, see https://example.org\n```rust\nlet a = 1;\n```',
  );
  await ravi.say(general, 'I come ||hungry||', { message_reference: { message_id: first } });
  await ravi.call('PUT', `/channels/${general}/messages/${first}/reactions/%F0%9F%8D%B2/@me`);
  await mira.call('PUT', `/channels/${general}/messages/pins/${first}`);
  const me = await ravi.call<{ id: string }>('GET', '/users/@me');
  const direct = await mira.call<{ id: string }>('POST', '/users/@me/channels', { recipient_id: me.id });
  await mira.say(direct.id, 'between us');
  await mira.call('PUT', `/users/@me/relationships/${me.id}`, { type: 1 });
  talk = house.path;
  directPath = `/channels/@me/${direct.id}`;
}, 60_000);
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

let talk: string;
let directPath: string;

/** Every page by its address. */
const addresses = (): string[] => [
  talk,
  directPath,
  ...FRIENDS_TABS.map((tab) => (tab === 'online' ? '/channels/@me' : `/channels/@me/friends/${tab}`)),
  ...SETTINGS_PAGES.map((section) => `/settings/${section}`),
  ...GUILD_SETTINGS_PAGES.map((section) => `/guilds/${house.guild}/settings/${section}`),
  '/nowhere',
];

const soup = (page: Page) => page.getByRole('article', { name: /Soup is/ });

/** What opens over a page, and how. */
const OVER: Record<string, (page: Page) => Promise<void>> = {
  'the switcher': (page) => page.keyboard.press('Control+k'),
  'the keys': (page) => page.keyboard.press('Control+/'),
  'a message’s menu': async (page) => {
    await soup(page).getByRole('button', { name: 'mira', exact: true }).click({ button: 'right' });
    await page.getByRole('menu').or(page.getByRole('dialog')).first().waitFor();
  },
  'the question before deleting': async (page) => {
    await soup(page).focus();
    await page.keyboard.press('Delete');
    await page.getByRole('dialog').waitFor();
  },
  'a person': async (page) => {
    await soup(page).getByRole('button', { name: 'mira', exact: true }).click();
    await page.getByRole('dialog').waitFor();
  },
  'the emoji': async (page) => {
    await page
      .getByRole('button', { name: 'Emoji', exact: true })
      .or(page.getByRole('button', { name: /^Emoji/ }))
      .first()
      .click();
    await page.getByRole('grid').getByRole('gridcell').first().waitFor();
  },
};

/** Nothing moves any more. */
async function rests(page: Page): Promise<void> {
  await page.locator('h1, h2, dialog[open]').first().waitFor({ state: 'attached' });
  await expect.poll(() => page.locator('[aria-busy="true"], .skeleton').count()).toBe(0);
  await page.evaluate(() =>
    Promise.all(document.getAnimations().map((one) => one.finished.catch(() => undefined))),
  );
}

/** Another theme, as another tab would choose it. */
async function wear(page: Page, theme: string): Promise<void> {
  await page.evaluate((theme) => {
    localStorage.setItem('hearth.look', JSON.stringify({ theme, isUnsaved: true }));
    dispatchEvent(new StorageEvent('storage', { key: 'hearth.look' }));
  }, theme);
  await page.locator(`html[data-theme="${theme}"]`).waitFor();
}

/** Goes to an address inside the app, without loading it anew. */
const go = (page: Page, path: string) =>
  page.evaluate((path) => {
    history.pushState(null, '', path);
    dispatchEvent(new PopStateEvent('popstate'));
  }, path);

describe.each(Object.keys(DEVICES))('%s', (device) => {
  /** Every rule in the first theme; of the others what themes differ in. */
  async function look(page: Page, what: string): Promise<string[]> {
    const faults: string[] = [];
    for (const theme of THEMES) {
      await wear(page, theme);
      await rests(page);
      const found = await accessibilityFaults(page, theme === THEMES[0] ? undefined : ['color-contrast']);
      faults.push(...found.map((fault) => `${what}, ${theme}: ${fault}`));
    }
    return faults;
  }

  test('who comes in', async () => {
    const { page } = await openPage(browser, { ...DEVICES[device], reducedMotion: 'reduce' });
    const faults: string[] = [];
    for (const path of ['/login', '/register']) {
      await page.goto(server.url + path);
      await page.getByRole('heading', { level: 1 }).waitFor();
      faults.push(...(await look(page, path)));
    }
    expect(faults).toEqual([]);
    await page.context().close();
  });

  test('every page, and what opens over a conversation', async () => {
    const { page } = await house.mira.sit(browser, talk, { ...DEVICES[device], reducedMotion: 'reduce' });
    const faults: string[] = [];
    await page.getByRole('article').nth(1).waitFor();
    for (const path of addresses()) {
      await go(page, path);
      faults.push(...(await look(page, path)));
    }
    for (const [what, open] of Object.entries(OVER)) {
      await page.goto(server.url + talk);
      await page.getByRole('article').nth(1).waitFor();
      await open(page);
      faults.push(...(await look(page, what)));
    }
    expect(faults).toEqual([]);
    await page.context().close();
  });
});

/** What a screen reader is told of a part, without what differs from run to run. */
async function told(part: Locator): Promise<string> {
  return (await part.ariaSnapshot())
    .replaceAll(/\w+day, \d+ \w+ \d{4} at \d\d:\d\d/g, 'DATE')
    .replaceAll(/\d+ \w+ \d{4}/g, 'DAY')
    .replaceAll(/\b\d\d:\d\d\b/g, 'TIME')
    .replaceAll(/\d{15,}/g, 'ID');
}

test('the main views as a screen reader is told them', async () => {
  const { page } = await house.ravi.sit(browser, talk, DEVICES['desktop']);
  await page.getByRole('article').nth(1).waitFor();
  await page.getByRole('complementary', { name: 'Members' }).getByText('ravi').waitFor();
  await page.bringToFront(); // what is looked at is read
  await page.getByRole('link', { name: /^Maple House, unread/ }).waitFor({ state: 'detached' });
  expect(await told(page.getByRole('navigation', { name: 'Servers' }))).toMatchInlineSnapshot(`
    "- navigation "Servers":
      - link "Home":
        - /url: /channels/@me
      - link "Direct messages, 1 mention":
        - /url: /channels/@me
        - text: "1"
      - separator
      - list:
        - listitem:
          - link "Maple House":
            - /url: /channels/ID
        - listitem:
          - button "Add a server""
  `);
  expect(await told(page.getByRole('navigation', { name: 'Channels' }))).toMatchInlineSnapshot(`
    "- navigation "Channels":
      - button "Channels" [expanded]:
        - heading "Channels" [level=2]
      - button "Menu of Channels"
      - list "Channels":
        - listitem:
          - link "general":
            - /url: /channels/ID/ID
          - button "Menu of general"
        - listitem:
          - link "General":
            - /url: /channels/ID/ID
          - button "Menu of General""
  `);
  expect(await told(page.getByRole('log'))).toMatchInlineSnapshot(`
    "- log "Messages in general":
      - paragraph: general
      - paragraph: "This is where #general begins."
      - separator "DAY"
      - 'article "ravi, DATE: ravi came in."':
        - paragraph:
          - text: ravi came in.
          - time: TIME
      - 'article "mira, DATE: Soup is ready, see https://example.org let a = 1;"':
        - button "mira"
        - time: TIME
        - paragraph:
          - text: Soup is
          - strong: ready
          - text: ", see"
          - link "https://example.org":
            - /url: https://example.org
        - code: let a = 1;
        - button "Copy code"
        - button "🍲, 1" [pressed]: 🍲 1
        - button "Add reaction"
      - 'article "ravi, DATE: I come ▒▒▒"':
        - link "mira Soup is ready, see https://example.org let a = 1;":
          - /url: /channels/ID/ID/ID
        - button "ravi"
        - time: TIME
        - paragraph:
          - text: I come
          - button "Spoiler, show"
      - separator "New since TIME"
      - 'article "mira, DATE: mira pinned a message."':
        - paragraph:
          - text: mira pinned a message.
          - time: TIME"
  `);
  expect(await told(page.locator('form').filter({ has: page.locator('[data-composer]') })))
    .toMatchInlineSnapshot(`
      "- button "Attach files"
      - textbox "Message general":
        - /placeholder: Say something in general…
      - timer
      - status
      - button "Emoji and stickers"
      - button "Record a voice message"
      - button "Send" [disabled]"
    `);
  await page.context().close();
});

test('words twice as large on a phone of 320 px lose no name, and nothing scrolls sideways', async () => {
  const channel = 'announcements-of-the-neighbourhood-council';
  await house.mira.call('POST', `/guilds/${house.guild}/channels`, { name: channel, type: 0 });
  await house.ravi.call('PATCH', '/users/@me', { global_name: 'Raviprasad Bartholomew Feathers' });
  const { page } = await house.mira.sit(browser, talk, {
    ...DEVICES['phone'],
    viewport: { width: 320, height: 640 },
  });
  await page.evaluate(() => {
    localStorage.setItem('hearth.look', JSON.stringify({ textScale: 200, isUnsaved: true }));
    dispatchEvent(new StorageEvent('storage', { key: 'hearth.look' }));
  });
  await expect.poll(() => page.evaluate(() => document.documentElement.style.fontSize)).toBe('200%');
  for (const address of [...addresses(), `/channels/${house.guild}`, '/settings']) {
    await go(page, address);
    await rests(page);
    const lost = await page.evaluate(() =>
      [...document.querySelectorAll<HTMLElement>('.cut:not(small)')]
        .filter((one) => one.checkVisibility({ visibilityProperty: true }) && !one.closest('[inert]'))
        .flatMap((one) => [one, ...one.querySelectorAll('bdi')])
        .filter((one) => one.scrollWidth > one.clientWidth && getComputedStyle(one).overflowX === 'hidden')
        .map((one) => one.textContent),
    );
    expect.soft(lost, address).toEqual([]);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    expect.soft(wide, address).toBeLessThanOrEqual(0);
  }
  await page.context().close();
});
