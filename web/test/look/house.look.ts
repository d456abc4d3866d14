// Pictures of a lived-in place on the real server, for a person to look at: every size, theme and direction.
import { mkdirSync } from 'node:fs';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { accessibilityFaults } from '../support/axe';
import { launch, openPage } from '../support/browser';
import { settle, type Community, type Name } from '../support/community';
import { startServer, type TestServer } from '../support/server';

const OUT = new URL('../screens/', import.meta.url).pathname;
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 };
const TABLET = { viewport: { width: 820, height: 1100 }, hasTouch: true };
const DESKTOP = { viewport: { width: 1440, height: 900 } };

let browser: Browser;
let server: TestServer;
let house: Community;

beforeAll(async () => {
  mkdirSync(OUT, { recursive: true });
  server = await startServer();
  browser = await launch();
  house = await settle(server, browser);
});
afterAll(async () => {
  house?.close();
  await browser?.close();
  await server?.stop();
});

interface Seat {
  page: Page;
  /** Takes a picture; its accessibility faults fail the test, and what the browser complained of but for what was `meant`. */
  shot: (name: string, meant?: RegExp) => Promise<void>;
  go: (path: string) => Promise<void>;
}

const inRoom = (room: string, message = ''): string =>
  `/channels/${house.guild}/${house.rooms[room]}${message && `/${house.messages[message]}`}`;

async function sit(
  who: Name,
  path: string,
  size: BrowserContextOptions,
  look: object = { theme: 'dark' },
): Promise<Seat> {
  const { page, complaints } = await openPage(browser, { timezoneId: 'UTC', ...size });
  await house.people[who].signIn(page);
  // before the app reads it, and as a choice made here, which goes before what the account has from the last picture
  await page.addInitScript(
    (kept) => {
      if (!localStorage.getItem('hearth.look')) localStorage.setItem('hearth.look', kept);
    },
    JSON.stringify({ ...look, isUnsaved: true }),
  );
  await page.goto(server.url + path);
  page.setDefaultTimeout(15_000);
  return seat(page, complaints);
}

async function visitor(path: string, size: BrowserContextOptions, theme = 'dark'): Promise<Seat> {
  const { page, complaints } = await openPage(browser, size);
  await page.addInitScript((look) => localStorage.setItem('hearth.look', look), JSON.stringify({ theme }));
  await page.goto(server.url + path);
  return seat(page, complaints);
}

function seat(page: Page, complaints: string[]): Seat {
  return {
    page,
    go: async (path) => void (await page.goto(server.url + path)),
    shot: async (name, meant) => {
      await page.evaluate(() => document.fonts.ready.then(() => undefined));
      await page.waitForFunction(() =>
        [...document.images].every((image) => {
          const { top, bottom } = image.getBoundingClientRect();
          const isSeen =
            image.checkVisibility({ visibilityProperty: true }) && bottom > 0 && top < innerHeight;
          return image.complete || !isSeen;
        }),
      );
      await page.screenshot({ path: `${OUT}house-${name}.png`, animations: 'disabled' });
      expect.soft(await accessibilityFaults(page), name).toEqual([]);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      expect.soft(wide, `${name} scrolls sideways`).toBeLessThanOrEqual(0);
      const unmeant = complaints.filter((line) => !meant?.test(line));
      expect.soft(unmeant, name).toEqual([]);
    },
  };
}

const composer = (page: Page) => page.getByRole('textbox', { name: /^(Message|الكتابة|رسالة)/ });
const read = (page: Page) => page.getByText('if you’re number nine').waitFor();

for (const theme of ['dark', 'light', 'contrast'] as const) {
  test(`the talk in ${theme}`, async () => {
    const { page, shot } = await sit('june', inRoom('kitchen'), DESKTOP, { theme });
    await read(page);
    await page.getByText('can you bring the long table').hover();
    await shot(`talk-desktop-${theme}`);
    const phone = await sit('june', inRoom('kitchen'), PHONE, { theme });
    await read(phone.page);
    await phone.shot(`talk-phone-${theme}`);
    await phone.page.getByRole('button', { name: 'Back' }).click();
    await phone.page.getByText('film-night').waitFor();
    await phone.shot(`rooms-phone-${theme}`);
  });
}

test('around the talk on a desktop', async () => {
  const { page, shot, go } = await sit('june', inRoom('kitchen'), DESKTOP);
  await read(page);
  await page.getByText('can you bring the long table').click({ button: 'right' });
  await page.getByRole('menu').waitFor();
  await shot('menu-desktop');
  await page.keyboard.press('Escape');
  await page.getByRole('list', { name: 'Members' }).getByText('Mira').click();
  await page.getByText('Keeper of the big pot').waitFor();
  await shot('person-desktop');
  await page.getByRole('button', { name: 'More about Mira' }).click();
  await shot('person-menu-desktop');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Control+k');
  await page.getByRole('option').first().waitFor();
  await shot('switcher-desktop');
  await page.keyboard.type('h');
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Emoji and stickers' }).click();
  await page
    .getByRole('combobox', { name: 'Search emoji' })
    .or(page.getByPlaceholder(/emoji/i))
    .first()
    .waitFor();
  await shot('emoji-desktop');
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: /Pinned messages|Pinned messages, new/ }).click();
  await page.getByRole('complementary', { name: 'Pinned messages' }).getByText('Starter doubled').waitFor();
  await shot('pins-desktop');
  await page.keyboard.press('Escape');
  await composer(page).fill('@');
  await page.getByRole('listbox').waitFor();
  await shot('mention-desktop');
  await composer(page).fill('');
  await page.getByText('if you’re number nine').hover();
  await page
    .getByRole('article')
    .filter({ hasText: 'number nine' })
    .getByRole('button', { name: 'Reply' })
    .click();
  await composer(page).fill('Count me in, I bring the **good** plates\nand the blue bowls');
  await shot('reply-desktop');
  await composer(page).fill('');
  await page.keyboard.press('Escape');
  await page
    .getByRole('button', { name: /red pot steams/ })
    .first()
    .click();
  await page.getByRole('dialog').waitFor();
  await shot('picture-desktop');
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Add a server' }).click();
  await page.getByRole('dialog').waitFor();
  await shot('add-desktop');
  await page.keyboard.press('Escape');
  await go(inRoom('house-rules'));
  await page.getByText('Short, and kept').waitFor();
  await page.getByText('Be kind').waitFor();
  await shot('beginning-desktop');
  await go(house.emptyRoom);
  await composer(page).waitFor();
  await shot('empty-desktop');
  await page.getByRole('button', { name: 'Server menu' }).click();
  await page.getByRole('menuitem', { name: 'Invite people' }).waitFor();
  await shot('servermenu-desktop');
  await page.getByRole('menuitem', { name: 'Invite people' }).click();
  await page.getByRole('textbox', { name: 'Invite link' }).waitFor();
  await shot('invite-dialog-desktop');
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Server menu' }).click();
  await page.getByRole('menuitem', { name: 'Create a channel' }).click();
  await page.getByRole('dialog').waitFor();
  await shot('newchannel-desktop');
});

test('people on a desktop', async () => {
  const { page, shot, go } = await sit('june', '/channels/@me', DESKTOP);
  await page.getByText('Sunday hike').waitFor();
  await page.getByRole('main').getByText('Tomasz').first().waitFor();
  await shot('friends-desktop');
  await go('/channels/@me/friends/pending');
  await page.getByRole('main').getByText('Oskar').first().waitFor();
  await shot('pending-desktop');
  await go('/channels/@me/friends/add');
  await page.getByRole('main').getByRole('textbox').waitFor();
  await shot('addfriend-desktop');
  await go('/channels/@me/friends/requests');
  await page.getByRole('main').waitFor();
  await shot('requests-desktop');
  await go(`/channels/@me/${house.direct}`);
  await page.getByText('Leave the porch light on').waitFor();
  await shot('direct-desktop');
  await go(`/channels/@me/${house.group}`);
  await page.getByText('boots on?').waitFor();
  await shot('group-desktop');
  const lonely = await sit('sam', '/channels/@me', DESKTOP, { theme: 'light' });
  await lonely.page.getByText('Friends').first().waitFor();
  await lonely.shot('friends-empty-desktop');
});

test('settings', async () => {
  const { page, shot, go } = await sit('june', '/settings/profile', DESKTOP);
  for (const section of [
    'profile',
    'appearance',
    'notifications',
    'keys',
    'sessions',
    'password',
    'applications',
    'data',
    'accessibility',
  ]) {
    await go(`/settings/${section}`);
    await page.locator('h1').waitFor();
    await page.waitForLoadState('networkidle');
    await shot(`settings-${section}-desktop`);
  }
  const { id } = await house.people.june.call<{ id: string }>('POST', '/applications', { name: 'Ladle' });
  await go(`/oauth2/authorize?client_id=${id}&scope=bot&permissions=8`);
  await page.getByText('Allow').waitFor();
  await shot('authorize-desktop');
  const phone = await sit('june', '/settings', PHONE, { theme: 'light' });
  await phone.page.getByText('Appearance').waitFor();
  await phone.shot('settings-phone');
  await phone.go('/settings/appearance');
  await phone.page.locator('h1').waitFor();
  await phone.page.waitForLoadState('networkidle');
  await phone.shot('settings-appearance-phone');
});

test('a phone', async () => {
  const { page, shot, go } = await sit('june', inRoom('kitchen'), PHONE, { theme: 'light' });
  await read(page);
  await page
    .getByText('can you bring the long table')
    .dispatchEvent('contextmenu', { clientX: 100, clientY: 300 });
  await page.getByRole('menu').waitFor();
  await shot('sheet-phone');
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Members' }).click();
  await page.getByRole('list', { name: 'Members' }).getByText('Oskar').waitFor();
  await shot('members-phone');
  await page.getByRole('list', { name: 'Members' }).getByText('Mira').click();
  await page.getByText('Keeper of the big pot').waitFor();
  await shot('person-phone');
  await go('/channels/@me');
  await page.getByText('Sunday hike').waitFor();
  await shot('messages-phone');
  await go('/channels/@me/friends/pending');
  await page.getByRole('main').getByText('Oskar').first().waitFor();
  await shot('pending-phone');
  await go(`/channels/@me/${house.direct}`);
  await page.getByText('Leave the porch light on').waitFor();
  await shot('direct-phone');
  await go(inRoom('kitchen'));
  await read(page);
  await page.getByRole('button', { name: 'Emoji and stickers' }).click();
  await page
    .getByRole('combobox', { name: 'Search emoji' })
    .or(page.getByPlaceholder(/emoji/i))
    .first()
    .waitFor();
  await shot('emoji-phone');
});

test('a tablet', async () => {
  const { page, shot } = await sit('june', inRoom('kitchen'), TABLET);
  await read(page);
  await shot('talk-tablet');
  await page.getByRole('button', { name: 'Members' }).click();
  await page.getByText('Priya').waitFor();
  await shot('members-tablet');
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Servers and channels' }).click();
  await page.getByText('film-night').waitFor();
  await shot('drawer-tablet');
});

test('German, from a narrow desktop to the narrowest phone', async () => {
  for (const width of [1000, 700, 320]) {
    const size = { viewport: { width, height: 800 } };
    const { page, shot } = await sit('june', inRoom('kitchen'), size, { theme: 'dark', locale: 'de' });
    await read(page);
    await shot(`german-${width}`);
  }
});

test('Arabic', async () => {
  const look = { theme: 'dark', locale: 'ar' };
  const path = `/channels/${house.arabic.guild}/${house.arabic.room}`;
  const { page, shot, go } = await sit('june', path, DESKTOP, look);
  await page.getByText('والوصفة').or(page.getByText('الوصفة هنا')).first().waitFor();
  await page.getByText('الطاولة الطويلة').hover();
  await shot('arabic-desktop');
  await go('/channels/@me/friends/all');
  await page.getByText('Sunday hike').waitFor();
  await page.getByRole('main').getByText('Tomasz').first().waitFor();
  await shot('arabic-friends-desktop');
  await go('/settings/appearance');
  await page.locator('h1').waitFor();
  await page.waitForLoadState('networkidle');
  await shot('arabic-settings-desktop');
  const phone = await sit('june', path, PHONE, { theme: 'light', locale: 'ar' });
  await phone.page.getByText('الوصفة هنا').waitFor();
  await phone.shot('arabic-phone');
  await phone.go(`/channels/${house.arabic.guild}`);
  await phone.page.getByText('الحديقة').waitFor();
  await phone.shot('arabic-rooms-phone');
});

test('text at twice its size', async () => {
  const look = { theme: 'light', textScale: 200 };
  const { page, shot } = await sit('june', inRoom('kitchen'), DESKTOP, look);
  await read(page);
  await shot('double-desktop');
  const phone = await sit(
    'june',
    inRoom('kitchen'),
    { ...PHONE, viewport: { width: 320, height: 640 } },
    look,
  );
  await read(phone.page);
  await phone.shot('double-phone');
  await phone.go(`/channels/${house.guild}`);
  await phone.page.getByText('film-night').waitFor();
  await phone.shot('double-rooms-phone');
  await phone.go('/channels/@me/friends/pending');
  await phone.page.getByRole('main').getByText('Oskar').first().waitFor();
  await phone.shot('double-pending-phone');
  await phone.go('/channels/@me');
  await phone.page.getByText('Sunday hike').waitFor();
  await phone.shot('double-messages-phone');
  await phone.go(`/channels/@me/${house.direct}`);
  await phone.page.getByText('Leave the porch light on').waitFor();
  await phone.shot('double-direct-phone');
  await phone.go(inRoom('kitchen'));
  await read(phone.page);
  await phone.page.getByRole('button', { name: 'Members' }).click();
  await phone.page.getByRole('list', { name: 'Members' }).getByText('Mira').waitFor();
  await phone.shot('double-members-phone');
});

test('from outside', async () => {
  for (const [size, options, theme] of [
    ['desktop', DESKTOP, 'dark'],
    ['phone', PHONE, 'light'],
  ] as const) {
    const { page, shot, go } = await visitor(`/invite/${house.invite}`, options, theme);
    await page.getByRole('heading', { name: 'Maple House' }).waitFor();
    await shot(`invite-${size}`);
    await go('/login');
    await page.locator('h1').waitFor();
    await shot(`login-${size}`);
    await go('/register');
    await page.locator('h1').waitFor();
    await shot(`register-${size}`);
    await go('/setup');
    await page.locator('h1').waitFor();
    await shot(`setup-${size}`);
    await go('/login');
    await page.getByLabel('Username or e-mail').fill('june');
    await page.getByLabel('Password').fill('wrong');
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByRole('alert').waitFor();
    await shot(`login-fault-${size}`, /auth\/login/);
  }
});
