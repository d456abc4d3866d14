// Everything around the conversation, as two people on the real server.
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { launch, openPage } from '../support/browser';
import { newGuild, newOwner, newPerson, type Person, type Place } from '../support/newcomers';
import { startServer, type TestServer } from '../support/server';

let browser: Browser;
let server: TestServer;
let mira: Person;
let ravi: Person;
let house: Place;
let trains: Place;

beforeAll(async () => {
  server = await startServer();
  browser = await launch();
  mira = await newOwner(browser, server);
  house = await newGuild(mira, 'Maple House', ['hallway', 'kitchen', 'garden']);
  trains = await newGuild(mira, 'Night Trains', ['platform']);
  ravi = await newPerson(browser, server, { username: 'ravi', name: 'Ravi', invite: house.invite });
  await ravi.call('POST', `/invites/${trains.invite}`, {});
  await Promise.all([enter(mira, house, 'hallway'), enter(ravi, house, 'hallway')]);
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

async function enter({ page }: Person, place: Place, room: string): Promise<void> {
  await page.goto(`${server.url}/channels/${place.guildId}/${place.channels[room]}`);
  await composer(page).waitFor();
  page.setDefaultTimeout(20_000);
}
const PREFS = '/hearth/users/@me/prefs';
/** Enters, and waits until it is connected: what was kept of the room stands before, and keywords are read after. */
async function enterHearing(who: Person, place: Place, room: string): Promise<void> {
  await who.page.goto('about:blank'); // nothing the page before asked for is taken for an answer
  const words = who.page.waitForResponse((answer) => answer.url().endsWith(PREFS));
  await enter(who, place, room);
  await words;
}
const composer = (page: Page): Locator => page.getByRole('textbox', { name: /^Message / });
const tree = (page: Page): Locator => page.getByRole('navigation', { name: 'Channels' });
const rail = (page: Page): Locator => page.getByRole('navigation', { name: 'Servers' });
const toast = (page: Page, text: string | RegExp): Locator => page.locator('.toasts').getByText(text);
const say = (who: Person, channel: string, content: string): Promise<unknown> =>
  who.call('POST', `/channels/${channel}/messages`, { content });
const undo = (page: Page): Promise<void> =>
  page.locator('.toasts').getByRole('button', { name: 'Undo' }).last().click();
const order = (page: Page): Promise<string[]> => tree(page).locator('li[data-channel] bdi').allTextContents();
const servers = async (page: Page): Promise<(string | null)[]> =>
  rail(page)
    .locator('a.server')
    .evaluateAll((links) => links.map((link) => link.getAttribute('title')));
const focused = (page: Page): Promise<string | null | undefined> =>
  page.evaluate(
    () => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent?.trim(),
  );

describe('the quick switcher', () => {
  test('goes to channels, people and servers by keys alone, and gives the focus back', async () => {
    const { page } = mira;
    await composer(page).focus();
    await page.keyboard.press('Control+k');
    const box = page.getByRole('combobox', { name: 'Go to' });
    await box.waitFor();
    await page.keyboard.type('gard');
    await page.getByRole('option', { name: /garden/, selected: true }).waitFor();
    await page.keyboard.press('Enter');
    await page.getByRole('textbox', { name: 'Message garden' }).waitFor();

    await page.keyboard.press('Control+k');
    await page.keyboard.type('@ravi');
    await page.getByRole('option', { name: /Ravi/, selected: true }).waitFor();
    expect(await page.getByRole('option').count()).toBe(1);
    await page.keyboard.press('Escape');
    await box.waitFor({ state: 'detached' });

    await page.keyboard.press('Control+k');
    await page.keyboard.type('*night');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Night Trains' }).waitFor();
    await page.getByRole('textbox', { name: 'Message platform' }).waitFor();

    // nothing typed: the last places, the newest first
    await page.keyboard.press('Control+k');
    await page.getByRole('option').first().waitFor();
    expect(await page.getByRole('option').first().textContent()).toContain('garden');
    await page.keyboard.type('zzzz');
    await page.getByText('Nothing found for “zzzz”.').waitFor();
    await page.keyboard.press('Escape');
    await composer(page).focus();
    await page.keyboard.press('Control+k');
    await box.waitFor();
    await page.keyboard.press('Escape');
    await expect
      .poll(() => composer(page).evaluate((element) => element === document.activeElement))
      .toBe(true);
    await enter(mira, house, 'hallway');
  });
});

describe('keys', () => {
  test('help opens by ? and Ctrl+/ and lists the table', async () => {
    const { page } = mira;
    await rail(page).getByRole('link', { name: 'Maple House' }).press('?');
    const help = page.getByRole('dialog', { name: 'Keyboard' });
    await help.getByText('Next unread channel').waitFor();
    await page.keyboard.press('Escape');
    await help.waitFor({ state: 'detached' });
    await composer(page).focus();
    await page.keyboard.press('Control+/');
    await help.waitFor();
    await page.keyboard.press('Control+/');
    await help.waitFor({ state: 'detached' });
  });

  test('arrows walk channels, unread channels and servers', async () => {
    const { page } = ravi;
    await composer(page).focus();
    const start = await order(page);
    const at = start.indexOf('hallway');
    await page.keyboard.press('Alt+ArrowDown');
    await page.getByRole('textbox', { name: `Message ${start[at + 1]}` }).waitFor();
    await page.keyboard.press('Alt+ArrowUp');
    await page.getByRole('textbox', { name: 'Message hallway' }).waitFor();
    await say(mira, house.channels['garden'] ?? '', 'tulips');
    await tree(page)
      .getByRole('link', { name: /garden.*unread/ })
      .waitFor();
    await page.keyboard.press('Alt+Shift+ArrowDown');
    await page.getByRole('textbox', { name: 'Message garden' }).waitFor();
    await page.keyboard.press('Control+Alt+ArrowDown');
    await page.keyboard.press('Control+Alt+ArrowUp');
    await page.getByRole('heading', { name: 'Maple House' }).waitFor();
    await enter(ravi, house, 'hallway');
  });

  test('Shift+Esc marks the server read, and undo takes it back', async () => {
    const { page } = ravi;
    await say(mira, house.channels['kitchen'] ?? '', 'first');
    const kitchen = tree(page).getByRole('link', { name: /kitchen/ });
    await kitchen.getByText('unread').waitFor({ state: 'attached' });
    await composer(page).focus();
    await page.keyboard.press('Shift+Escape');
    await kitchen.getByText('unread').waitFor({ state: 'detached' });
    await undo(page);
    await kitchen.getByText('unread').waitFor({ state: 'attached' });
  });

  test('what is typed outside of a field lands in the composer', async () => {
    const { page } = ravi;
    await rail(page).getByRole('link', { name: 'Maple House' }).focus();
    await page.keyboard.type('hello');
    expect(await composer(page).inputValue()).toBe('hello');
    await composer(page).fill('');
  });
});

describe('the rail', () => {
  test('is put in order by keys, and the order stays', async () => {
    const { page } = mira;
    expect(await servers(page)).toEqual(['Night Trains', 'Maple House']);
    const house = rail(page).getByRole('link', { name: 'Maple House' });
    await house.focus();
    await page.keyboard.press('Control+Shift+ArrowUp');
    await expect.poll(() => servers(page)).toEqual(['Maple House', 'Night Trains']);
    expect(await focused(page)).toContain('Maple House');
    await page.reload();
    await composer(page).waitFor();
    expect(await servers(page)).toEqual(['Maple House', 'Night Trains']);
  });

  test('a server dropped on another makes a folder, which is named, opened and dissolved', async () => {
    const { page } = mira;
    const from = rail(page).getByRole('link', { name: 'Night Trains' });
    await page.waitForFunction(() => document.querySelectorAll('a.server[draggable="true"]').length === 2);
    const onto = rail(page).getByRole('link', { name: 'Maple House' });
    await from.hover();
    await page.mouse.down();
    const box = await onto.boundingBox();
    if (!box) throw new Error('Maple House is not on the screen');
    let moves = 0; // the browser tells of a drag by moves alone, and the first ones begin it
    await expect
      .poll(async () => {
        await page.mouse.move(box.x + box.width / 2 + (moves++ % 3), box.y + box.height / 2);
        return page.locator('a.server[data-drop="into"]').count();
      })
      .toBe(1);
    await page.mouse.up();
    const folder = rail(page).getByRole('button', { name: /^Folder: / });
    await folder.waitFor();
    await folder.click({ button: 'right' });
    await page.getByRole('menuitem', { name: 'Folder settings' }).click();
    await page.getByLabel('Folder name').fill('Near');
    await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
    await rail(page).getByRole('button', { name: 'Folder: Near' }).click();
    await expect.poll(() => servers(page)).toEqual(['Maple House', 'Night Trains']);
    await page.reload();
    await rail(page).getByRole('button', { name: 'Folder: Near', expanded: true }).waitFor();
    await rail(page).getByRole('button', { name: 'Folder: Near' }).click({ button: 'right' });
    await page.getByRole('menuitem', { name: 'Dissolve folder' }).click();
    await folder.waitFor({ state: 'detached' });
    await undo(page);
    await folder.waitFor();
    await folder.click({ button: 'right' });
    await page.getByRole('menuitem', { name: 'Dissolve folder' }).click();
    await folder.waitFor({ state: 'detached' });
  });
});

describe('the channel tree', () => {
  test('is put in order by keys, menu and drag; others see it, and undo takes it back', async () => {
    const { page } = mira;
    const before = await order(page);
    const at = before.indexOf('kitchen');
    await tree(page)
      .getByRole('link', { name: /kitchen/ })
      .focus();
    await page.keyboard.press('Control+Shift+ArrowUp');
    await expect.poll(async () => (await order(ravi.page)).indexOf('kitchen')).toBe(at - 1);
    await undo(page);
    await expect.poll(() => order(ravi.page)).toEqual(before);

    await tree(page)
      .getByRole('link', { name: /garden/ })
      .hover();
    await tree(page).getByRole('button', { name: 'Menu of garden' }).click();
    await page.getByRole('menuitem', { name: 'Move up' }).click();
    await expect
      .poll(async () => (await order(ravi.page)).indexOf('garden'))
      .toBe(before.indexOf('garden') - 1);

    await page.waitForFunction(
      () => document.querySelectorAll('li[data-channel]:not([draggable="true"])').length === 0,
    );
    const row = (name: string): Locator => tree(page).locator('li[data-channel]').filter({ hasText: name });
    await row('kitchen').dragTo(row('hallway'), { targetPosition: { x: 60, y: 4 } });
    await expect
      .poll(async () => {
        const now = await order(ravi.page);
        return now.indexOf('kitchen') - now.indexOf('hallway');
      })
      .toBe(-1);
    expect(await order(page)).toEqual(await order(ravi.page));
  });

  test('whoever may not arrange has nothing to arrange with', async () => {
    const { page } = ravi;
    await tree(page)
      .getByRole('link', { name: /kitchen/ })
      .click({ button: 'right' });
    await page.getByRole('menuitem', { name: 'Mute' }).waitFor();
    expect(await page.getByRole('menuitem', { name: 'Move up' }).count()).toBe(0);
    await page.keyboard.press('Escape');
  });

  test('a category folds up and stays so; what is unread in it shows', async () => {
    const { page } = ravi;
    const category = tree(page).getByRole('button', { expanded: true }).first();
    const name = (await category.textContent())?.trim() ?? '';
    await category.click();
    await tree(page).getByRole('button', { name, expanded: false }).waitFor();
    await page.reload();
    await tree(page).getByRole('button', { name, expanded: false }).waitFor();
    await tree(page).getByRole('button', { name, expanded: false }).click();
    await tree(page).getByRole('button', { name, expanded: true }).waitFor();
  });
});

describe('notifications', () => {
  test('a muted channel shows nothing unread, but still counts who calls', async () => {
    const { page } = ravi;
    await enter(ravi, house, 'hallway');
    await tree(page)
      .getByRole('link', { name: /garden/ })
      .click({ button: 'right' });
    await page.getByRole('menuitem', { name: 'Mute' }).click();
    await toast(page, 'garden is muted').waitFor();
    const garden = tree(page).getByRole('link', { name: /garden/ });
    await garden.getByText('Muted').waitFor({ state: 'attached' });
    await say(mira, house.channels['garden'] ?? '', 'quietly');
    await say(mira, house.channels['garden'] ?? '', `<@${ravi.id}> loudly`);
    await garden.getByLabel('1 mention', { exact: true }).waitFor();
    await expect.poll(() => page.title()).toMatch(/^\(1\) /);
    expect(await page.locator('link[rel="icon"]').getAttribute('href')).toBe('/icons/hearth-calls.svg');
    await garden.click();
    await expect.poll(() => page.title()).not.toMatch(/^\(/);
    await enter(ravi, house, 'hallway');
    await tree(page)
      .getByRole('link', { name: /garden/ })
      .click({ button: 'right' });
    await page.getByRole('menuitem', { name: 'Unmute' }).click();
    await garden.getByText('Muted').waitFor({ state: 'detached' });
  });

  test('a server is muted for a time, and heard only where it mentions', async () => {
    const { page } = ravi;
    await rail(page)
      .getByRole('link', { name: /Night Trains/ })
      .click({ button: 'right' });
    await page.getByRole('menuitem', { name: 'Notification settings' }).click();
    const dialog = page.getByRole('dialog', { name: 'Notifications: Night Trains' });
    await dialog.getByRole('radio', { name: 'Only mentions' }).check();
    await dialog.getByRole('button', { name: '1 hour' }).click();
    await dialog.getByText(/^Muted until /).waitFor();
    await page.keyboard.press('Escape');
    await rail(page).getByRole('link', { name: 'Night Trains, muted' }).waitFor();
    await page.reload();
    await rail(page).getByRole('link', { name: 'Night Trains, muted' }).waitFor();
    await rail(page).getByRole('link', { name: 'Night Trains, muted' }).click({ button: 'right' });
    await page.getByRole('menuitem', { name: 'Unmute' }).click();
    await rail(page).getByRole('link', { name: 'Night Trains', exact: true }).waitFor();
  });

  test('the desktop is told of what is heard and not looked at, and the words can stay hidden', async () => {
    const { page } = ravi;
    await page.addInitScript(() => {
      interface Told {
        title: string;
        body: string | undefined;
        click: () => void;
      }
      const told: Told[] = [];
      class Recorder {
        static permission = 'granted';
        static requestPermission = () => Promise.resolve('granted');
        onclick: (() => void) | null = null;
        constructor(title: string, options?: NotificationOptions) {
          told.push({ title, body: options?.body, click: () => this.onclick?.() });
        }
        close(): void {
          // nothing is on the screen
        }
      }
      Object.assign(window, { Notification: Recorder, told });
    });
    const told = (): Promise<{ title: string; body: string }[]> =>
      page.evaluate(() =>
        (window as unknown as { told: { title: string; body: string }[] }).told.map(({ title, body }) => ({
          title,
          body,
        })),
      );
    await page.goto(`${server.url}/settings/notifications`);
    await page.getByRole('switch', { name: /Show notifications/ }).check();
    await page.getByLabel('New word').fill('soup');
    const kept = page.waitForResponse(
      (answer) => answer.request().method() === 'PATCH' && answer.url().endsWith(PREFS),
    );
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await page.getByRole('button', { name: 'Remove soup' }).waitFor();
    await kept;

    await enterHearing(ravi, house, 'hallway');
    await page.bringToFront();
    await say(mira, house.channels['kitchen'] ?? '', 'the big pot');
    await expect.poll(told).toEqual([{ title: 'Mira · #kitchen', body: 'the big pot' }]);
    // a keyword is heard where only mentions are; the rest is not
    const platform = trains.channels['platform'] ?? '';
    await say(mira, platform, 'nothing for anyone');
    await say(mira, platform, 'Soup in the dining car!');
    await expect
      .poll(async () => (await told()).at(-1))
      .toEqual({ title: 'Mira · #platform', body: 'Soup in the dining car!' });
    expect(await told()).toHaveLength(2);
    await page.evaluate(() => (window as unknown as { told: { click: () => void }[] }).told.at(-1)?.click());
    await page.getByRole('textbox', { name: 'Message platform' }).waitFor();

    await page.goto(`${server.url}/settings/notifications`);
    await page.getByRole('switch', { name: /Hide what was written/ }).check();
    await enterHearing(ravi, house, 'hallway');
    await say(mira, house.channels['kitchen'] ?? '', 'a secret');
    await expect.poll(told).toEqual([{ title: 'Mira · #kitchen', body: '' }]);
    // not to be disturbed: nothing, though the message arrives
    await page.getByRole('button', { name: /Change status/ }).click();
    await page.getByRole('menuitemradio', { name: 'Do not disturb' }).click();
    await say(mira, house.channels['garden'] ?? '', `<@${ravi.id}> psst`);
    await tree(page)
      .getByRole('link', { name: /garden/ })
      .getByLabel('1 mention', { exact: true })
      .waitFor();
    expect(await told()).toHaveLength(1);
    await page.getByRole('button', { name: /Change status/ }).click();
    await page.getByRole('menuitemradio', { name: 'Online' }).click();
  });
});

describe('people', () => {
  const members = (page: Page): Locator => page.getByRole('list', { name: 'Members' });

  test('what one says of oneself is seen by others, until it ends', async () => {
    const { page } = ravi;
    await page.getByRole('button', { name: /Change status/ }).click();
    await page.getByRole('menuitem', { name: 'Say what you are up to' }).click();
    await page.getByLabel('What are you up to?').fill('kneading dough');
    await page.getByLabel('Clear it').selectOption({ label: 'In 30 minutes' });
    await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
    await members(mira.page).getByText('kneading dough').waitFor();
    const settings = await ravi.call<{ custom_status: { expires_at: string } }>('GET', '/users/@me/settings');
    expect(Date.parse(settings.custom_status.expires_at)).toBeGreaterThan(Date.now());
    // its end is now: the client takes it back
    await ravi.call('PATCH', '/users/@me/settings', {
      custom_status: { text: 'kneading dough', expires_at: new Date().toISOString() },
    });
    await members(mira.page).getByText('kneading dough').waitFor({ state: 'detached' });
  });

  test('a card opens beside its person, keeps a note, and closes where it came from', async () => {
    const { page } = mira;
    const row = members(page).getByRole('button', { name: /Ravi/ });
    await row.focus();
    await page.keyboard.press('Enter');
    const card = page.getByRole('dialog', { name: 'Ravi' });
    await card.getByLabel('Note').fill('likes miso');
    await card.getByText('2 servers in common').waitFor();
    await page.keyboard.press('Escape');
    await card.waitFor({ state: 'detached' });
    await expect.poll(() => row.evaluate((element) => element === document.activeElement)).toBe(true);
    await expect.poll(() => mira.call('GET', '/users/@me/notes')).toEqual({ [ravi.id]: 'likes miso' });
    await page.reload();
    await members(page).getByRole('button', { name: /Ravi/ }).click();
    await expect.poll(() => card.getByLabel('Note').inputValue()).toBe('likes miso');
    await page.keyboard.press('Escape');
  });

  test('the list is one tab stop, walked by arrows', async () => {
    const { page } = mira;
    await members(page).getByRole('button', { name: /Mira/ }).focus();
    await page.keyboard.press('End');
    await expect.poll(() => focused(page)).toContain('Ravi');
    await page.keyboard.press('Home');
    await expect.poll(() => focused(page)).toContain('Mira');
    expect(await members(page).locator('button[tabindex="0"]').count()).toBe(1);
  });

  test('a time-out leaves reading, and is taken back', async () => {
    const { page } = mira;
    await members(page).getByRole('button', { name: /Ravi/ }).click();
    await page.getByRole('button', { name: 'More about Ravi' }).click();
    await page.getByRole('menuitem', { name: 'Time out for 10 minutes' }).click();
    await toast(page, 'Ravi can only read for now').waitFor();
    await ravi.page.getByText(/^You are timed out here until /).waitFor();
    await undo(page);
    await composer(ravi.page).waitFor();
  });
});

describe('invites', () => {
  test('are made with an end and a number of uses, listed, and revoked by name', async () => {
    const { page } = mira;
    await page.goto(`${server.url}/channels/${house.guildId}/${house.channels['hallway']}`);
    await page.getByRole('button', { name: 'Server menu' }).click();
    await page.getByRole('menuitem', { name: 'Invite people' }).click();
    await expect.poll(() => focused(page)).toBe('Copy'); // what one came for
    await page.getByLabel('Expires').selectOption({ label: 'After an hour' });
    await page.getByLabel('Can be used').selectOption('5');
    const link = page.getByRole('textbox', { name: 'Invite link' });
    await link.waitFor();
    await expect
      .poll(async () => {
        const invites = await mira.call<{ code: string; max_uses: number }[]>(
          'GET',
          `/guilds/${house.guildId}/invites`,
        );
        const code = (await link.inputValue()).split('/').at(-1);
        return invites.find((invite) => invite.code === code)?.max_uses;
      })
      .toBe(5);
    const address = await link.inputValue();
    const code = address.split('/').at(-1) ?? '';
    await page.getByRole('button', { name: 'All invites of this server' }).click();
    const list = page.getByRole('dialog', { name: 'Invites to Maple House' });
    await list.getByText(/used 0 of 5 times/).waitFor();

    await ravi.page.goto(`${server.url}/invite/${code}`);
    await composer(ravi.page).waitFor(); // already inside: straight in
    await list.getByRole('button', { name: `Revoke ${code}` }).click();
    await page
      .getByRole('dialog', { name: `Revoke the invite ${code}?` })
      .getByRole('button', { name: 'Revoke' })
      .click();
    await expect
      .poll(async () =>
        (await mira.call<{ code: string }[]>('GET', `/guilds/${house.guildId}/invites`)).map(
          (one) => one.code,
        ),
      )
      .not.toContain(code);
    ravi.complaints.length = 0;
    await ravi.page.goto(`${server.url}/invite/${code}`);
    await ravi.page.getByText('This invite no longer works').waitFor();
    ravi.complaints.length = 0; // the browser reports the refusal itself
  });
});

describe('settings', () => {
  test('list the keys, and hand out what is kept', async () => {
    const { page } = mira;
    await page.goto(`${server.url}/settings/keys`);
    await page.getByText('Go to a channel, person or server').waitFor();
    await page.goto(`${server.url}/settings/data`);
    await page.getByText('Servers you are in').waitFor();
    expect(await page.getByRole('button', { name: 'Delete account' }).isDisabled()).toBe(true);
    await page.getByText(/You own .*Maple House/).waitFor();
  });
});

describe('an address that leads nowhere', () => {
  const heading = (page: Page, name: string): Promise<void> =>
    page.getByRole('heading', { level: 1, name }).waitFor();

  test('is said to, with a way home, whoever opens it', async () => {
    const { page } = ravi;
    for (const path of ['/foo/bar', '/channels/not-an-id/x']) {
      const answer = await page.goto(server.url + path);
      expect(answer?.status()).toBe(path === '/foo/bar' ? 404 : 200);
      await heading(page, 'There is nothing at this address');
      expect(await page.title()).toMatch(/There is nothing at this address · Hearth$/);
    }
    await page.getByRole('link', { name: 'Go home' }).click();
    await rail(page).waitFor();

    const { page: stranger } = await openPage(browser);
    await stranger.goto(`${server.url}/foo/bar`);
    await heading(stranger, 'There is nothing at this address');
    await stranger.getByRole('link', { name: 'Go home' }).click();
    await stranger.getByRole('button', { name: 'Log in' }).waitFor();
    await stranger.context().close();
  });

  test('is no page for what asks for a part of the client, or for the API', async () => {
    const ask = (path: string): Promise<[number, string | null]> =>
      ravi.page
        .context()
        .request.get(server.url + path, { headers: { Accept: 'text/html' } })
        .then((answer) => [answer.status(), answer.headers()['content-type'] ?? null]);
    expect(await ask('/assets/gone.js')).toEqual([404, 'application/json']);
    expect(await ask('/api/v10/gone')).toEqual([404, 'application/json']);
  });

  test('a place that is not open to one says so, and leads back', async () => {
    const { page } = ravi;
    const cellar = await mira.call<{ id: string }>('POST', `/guilds/${house.guildId}/channels`, {
      name: 'cellar',
      type: 0,
      permission_overwrites: [{ id: house.guildId, type: 0, deny: '1024', allow: '0' }],
    });
    await page.goto(`${server.url}/channels/${house.guildId}/${cellar.id}`);
    await heading(page, 'This place is not open to you');
    await page.getByRole('link', { name: 'Back to Maple House' }).click();
    await composer(page).waitFor();

    await page.goto(`${server.url}/channels/${cellar.id}`); // no server has this id
    await heading(page, 'This place is not open to you');
    await page.getByRole('main').getByRole('link', { name: 'Go home' }).click();
    await page.getByRole('navigation', { name: 'Friends' }).waitFor();

    // one that goes while it is looked at is left
    await page.goto(`${server.url}/channels/${house.guildId}/${house.channels['garden']}`);
    const shed = await mira.call<{ id: string }>('POST', `/guilds/${house.guildId}/channels`, {
      name: 'shed',
      type: 0,
    });
    await tree(page).getByRole('link', { name: 'shed' }).click();
    await page.getByRole('textbox', { name: 'Message shed' }).waitFor();
    await mira.call('DELETE', `/channels/${shed.id}`);
    await page.getByRole('textbox', { name: 'Message shed' }).waitFor({ state: 'detached' });
    await composer(page).waitFor();
    await mira.call('DELETE', `/channels/${cellar.id}`);
    ravi.complaints.length = 0; // the browser reports the page that is none
  });
});

test('removing someone asks by name', async () => {
  const { page } = mira;
  await enter(mira, house, 'hallway');
  await enter(ravi, house, 'hallway');
  await page.getByRole('list', { name: 'Members' }).getByRole('button', { name: /Ravi/ }).click();
  await page.getByRole('button', { name: 'More about Ravi' }).click();
  await page.getByRole('menuitem', { name: 'Remove from the server' }).click();
  await page
    .getByRole('dialog', { name: 'Remove Ravi from the server?' })
    .getByRole('button', { name: 'Remove from the server' })
    .click();
  await rail(ravi.page).getByRole('link', { name: 'Maple House' }).waitFor({ state: 'detached' });
  await page
    .getByRole('list', { name: 'Members' })
    .getByRole('button', { name: /Ravi/ })
    .waitFor({ state: 'detached' });
});

test('nobody’s browser complained', () => {
  expect([...mira.complaints, ...ravi.complaints]).toEqual([]);
});
