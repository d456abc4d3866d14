// Friends, blocks, strangers and groups, as several people live them at once on the real server.
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { accessibilityFaults } from '../support/axe';
import { launch } from '../support/browser';
import { newGuild, newOwner, newPerson, type Person, type Place } from '../support/newcomers';
import { startServer, type TestServer } from '../support/server';

let browser: Browser;
let server: TestServer;
let mira: Person;
let ravi: Person;
let lena: Person;
let house: Place;

beforeAll(async () => {
  server = await startServer();
  browser = await launch();
  mira = await newOwner(browser, server);
  house = await newGuild(mira, 'Maple House', ['hallway']);
  ravi = await newPerson(browser, server, { username: 'ravi', name: 'Ravi', invite: house.invite });
  lena = await newPerson(browser, server, { username: 'lena', name: 'Lena', invite: house.invite });
  for (const { page } of [mira, ravi, lena]) page.setDefaultTimeout(20_000);
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

const main = (page: Page): Locator => page.getByRole('main');
const dialog = (page: Page, name: string): Locator => page.getByRole('dialog', { name });
const composer = (page: Page): Locator => page.getByRole('textbox', { name: /^Message / });
const said = (page: Page, text: string): Locator => page.getByRole('log').getByText(text, { exact: true });
const directs = (page: Page): Locator => page.getByRole('navigation', { name: 'Direct messages' });
const undo = (page: Page): Promise<void> =>
  page.locator('.toasts').getByRole('button', { name: 'Undo' }).last().click();
const friends = async ({ page }: Person, tab: string): Promise<void> => {
  await page.goto(`${server.url}/channels/@me/friends/${tab}`);
  await page.getByRole('navigation', { name: 'Friends' }).waitFor();
};
const hallway = async ({ page }: Person): Promise<void> => {
  await page.goto(`${server.url}/channels/${house.guildId}/${house.channels['hallway']}`);
  await page.getByRole('textbox', { name: 'Message hallway' }).waitFor();
};
async function say(page: Page, text: string): Promise<void> {
  await composer(page).fill(text);
  await composer(page).press('Enter');
}
async function ask({ page }: Person, username: string): Promise<void> {
  await page.getByRole('link', { name: 'Add a friend' }).first().click();
  await page.getByLabel('Username').fill(username);
  await page.getByRole('button', { name: 'Send a friend request' }).click();
  await page.getByText(`You asked ${username}.`).waitFor();
}
async function becomes({ page }: Person, status: string): Promise<void> {
  await page.getByRole('button', { name: /Change status/ }).click();
  await page.getByRole('menuitemradio', { name: status }).click();
}
async function openMenu(page: Page, name: RegExp): Promise<void> {
  await directs(page).getByRole('link', { name }).click({ button: 'right' });
  await page.getByRole('menu').waitFor();
}
const tieOf = async (from: Person, to: Person): Promise<number> => {
  const ties = await from.call<{ id: string; type: number }[]>('GET', '/users/@me/relationships');
  return ties.find(({ id }) => id === to.id)?.type ?? 0;
};

describe('friends', () => {
  test('a request is sent by name, taken back, sent again and declined, live on both sides', async () => {
    await Promise.all([friends(mira, 'all'), friends(ravi, 'pending')]);
    await main(mira.page).getByText('No friends here yet').waitFor();
    await ask(mira, 'ravi');
    await ravi.page.getByRole('button', { name: 'Accept Mira' }).waitFor();
    await directs(ravi.page).getByLabel('1 request', { exact: true }).waitFor();
    await friends(mira, 'pending');
    await mira.page.getByRole('button', { name: 'Cancel the request to Ravi' }).click();
    await ravi.page.getByRole('button', { name: 'Accept Mira' }).waitFor({ state: 'detached' });
    await undo(mira.page);
    await ravi.page.getByRole('button', { name: 'Decline Mira' }).click();
    await dialog(ravi.page, 'Decline Mira’s request?').getByRole('button', { name: 'Decline' }).click();
    await main(mira.page).getByText('No requests are waiting.').waitFor();
    await main(ravi.page).getByText('No requests are waiting.').waitFor();
  });

  test('what cannot be asked is said beside the field', async () => {
    await friends(mira, 'add');
    await mira.page.getByLabel('Username').fill('nobody_here');
    await mira.page.getByRole('button', { name: 'Send a friend request' }).click();
    await expect.poll(() => mira.page.getByLabel('Username').getAttribute('aria-invalid')).toBe('true');
    await main(mira.page).getByText('Nobody here has that username.').waitFor();
  });

  test('an accepted one makes friends, who see each other come and go, until one ends it', async () => {
    await Promise.all([friends(mira, 'online'), friends(ravi, 'pending')]);
    await ask(mira, 'ravi');
    await ravi.page.getByRole('button', { name: 'Accept Mira' }).click();
    await friends(ravi, 'online');
    await main(ravi.page).getByText('Here — 1').waitFor();
    await friends(mira, 'online');
    await main(mira.page).getByText('Here — 1').waitFor();
    await becomes(ravi, 'Invisible');
    await main(mira.page).getByText('None of your friends is here right now.').waitFor();
    await becomes(ravi, 'Online');
    await main(mira.page).getByText('Here — 1').waitFor();

    await mira.page.getByRole('button', { name: 'More about Ravi' }).click();
    await mira.page.getByRole('menuitem', { name: 'Remove friend' }).click();
    await dialog(mira.page, 'Remove Ravi from your friends?')
      .getByRole('button', { name: 'Remove friend' })
      .click();
    await main(mira.page).getByText('No friends here yet').waitFor();
    await main(ravi.page).getByText('No friends here yet').waitFor();
    expect(await tieOf(ravi, mira)).toBe(0);
  });
});

describe('blocking', () => {
  test('hides what they write, at once, and shows it again', async () => {
    await Promise.all([hallway(mira), hallway(ravi)]);
    await say(ravi.page, 'a very bad joke');
    await said(mira.page, 'a very bad joke').waitFor();
    await mira.page.getByRole('list', { name: 'Members' }).getByRole('button', { name: /Ravi/ }).click();
    await mira.page.getByRole('button', { name: 'More about Ravi' }).click();
    // nobody loses anything that undo could not bring back: no question
    await mira.page.getByRole('menuitem', { name: 'Block' }).click();
    await mira.page.locator('.toasts').getByText('Ravi is blocked').waitFor();
    await mira.page.keyboard.press('Escape');
    await mira.page.getByRole('dialog').waitFor({ state: 'detached' });
    await said(mira.page, 'a very bad joke').waitFor({ state: 'detached' });
    await mira.page.getByRole('article', { name: 'A message from someone you blocked' }).waitFor();
    await say(ravi.page, 'and a worse one');
    await expect
      .poll(() => mira.page.getByRole('article', { name: 'A message from someone you blocked' }).count())
      .toBe(2);
    expect(await mira.page.locator('[data-spoken]').textContent()).not.toContain('worse');
    await mira.page.getByRole('button', { name: 'Show', exact: true }).first().click();
    await said(mira.page, 'a very bad joke').waitFor();
    expect(await said(mira.page, 'and a worse one').count()).toBe(0);
    expect(await accessibilityFaults(mira.page)).toEqual([]);

    await friends(mira, 'blocked');
    await mira.page.getByRole('button', { name: 'Unblock Ravi' }).click();
    await main(mira.page).getByText('You have blocked nobody.').waitFor();
    await undo(mira.page);
    await mira.page.getByRole('button', { name: 'Unblock Ravi' }).click();
    await main(mira.page).getByText('You have blocked nobody.').waitFor();
    await hallway(mira);
    await said(mira.page, 'and a worse one').waitFor();
  });

  test('closes a conversation of two, with the way out in place of the box', async () => {
    await mira.page.getByRole('list', { name: 'Members' }).getByRole('button', { name: /Ravi/ }).click();
    await mira.page.getByRole('button', { name: 'Send a message' }).click();
    await mira.page.getByRole('textbox', { name: 'Message Ravi' }).waitFor();
    await say(mira.page, 'just us');
    await said(mira.page, 'just us').waitFor();
    await mira.page.getByRole('button', { name: 'About Ravi' }).click();
    await mira.page.getByRole('button', { name: 'More about Ravi' }).click();
    await mira.page.getByRole('menuitem', { name: 'Block' }).click();
    await mira.page.getByText('You blocked Ravi.').waitFor();
    await mira.page.keyboard.press('Escape');
    expect(await composer(mira.page).count()).toBe(0);
    await main(mira.page).getByRole('button', { name: 'Unblock' }).click();
    await mira.page.getByRole('textbox', { name: 'Message Ravi' }).waitFor();
  });
});

describe('strangers', () => {
  const begin = async (text: string): Promise<void> => {
    await hallway(lena);
    await lena.page.getByRole('list', { name: 'Members' }).getByRole('button', { name: /Mira/ }).click();
    await lena.page.getByRole('button', { name: 'Send a message' }).click();
    await lena.page.getByRole('textbox', { name: 'Message Mira' }).waitFor();
    await say(lena.page, text);
    await said(lena.page, text).waitFor();
  };

  test('wait apart, are read without notice, and are dropped after a question', async () => {
    await friends(mira, 'requests');
    await main(mira.page).getByText('No message requests.').waitFor();
    await begin('Do you rent the room?');
    await main(mira.page).getByRole('link', { name: /Lena/ }).click();
    await said(mira.page, 'Do you rent the room?').waitFor();
    await mira.page.getByText('Lena is not among your friends.').waitFor();
    expect(await accessibilityFaults(mira.page)).toEqual([]);
    await main(mira.page).getByRole('button', { name: 'Ignore' }).click();
    await dialog(mira.page, 'Ignore what Lena wrote?').getByRole('button', { name: 'Ignore' }).click();
    await directs(mira.page).getByText('Lena').waitFor({ state: 'detached' });
    await friends(mira, 'requests');
    await main(mira.page).getByText('No message requests.').waitFor();
    expect(await said(lena.page, 'Do you rent the room?').count()).toBe(1);
  });

  test('are taken up with a button, and answered', async () => {
    await begin('I could come by on Sunday');
    await mira.page.getByRole('button', { name: 'Accept Lena' }).click();
    await mira.page.getByRole('textbox', { name: 'Message Lena' }).waitFor();
    await mira.page.getByText('Lena is not among your friends.').waitFor({ state: 'detached' });
    await directs(mira.page).getByRole('link', { name: /Lena/ }).waitFor();
    await say(mira.page, 'Sunday is fine');
    await said(lena.page, 'Sunday is fine').waitFor();
  });
});

describe('a group', () => {
  beforeAll(async () => {
    for (const one of [ravi, lena]) {
      await one.call('POST', '/users/@me/relationships', { username: 'mira' });
      await mira.call('PUT', `/users/@me/relationships/${one.id}`, {});
    }
  });

  test('is begun, named, written in, and everyone sees it', async () => {
    await Promise.all([friends(mira, 'all'), friends(ravi, 'all'), friends(lena, 'all')]);
    await mira.page.getByRole('button', { name: 'New group' }).click();
    const making = dialog(mira.page, 'New group');
    await making.getByRole('checkbox', { name: /Ravi/ }).check();
    // one person alone is no group
    await making.getByRole('button', { name: 'Send a message' }).waitFor();
    await making.getByRole('checkbox', { name: /Lena/ }).check();
    await making.getByRole('button', { name: 'Begin the group' }).click();
    await composer(mira.page).waitFor();
    await openMenu(mira.page, /3 members/);
    await mira.page.getByRole('menuitem', { name: 'Rename group' }).click();
    await mira.page.getByLabel('Group name').fill('Sunday hike');
    await dialog(mira.page, 'Rename group').getByRole('button', { name: 'Save' }).click();
    await mira.page.getByRole('textbox', { name: 'Message Sunday hike' }).waitFor();
    await say(mira.page, 'Eight o’clock?');
    for (const { page } of [ravi, lena]) {
      await directs(page)
        .getByRole('link', { name: /Sunday hike.*mention/ })
        .click();
      await said(page, 'Eight o’clock?').waitFor();
      await page.getByText('Mira named this conversation Sunday hike.').waitFor();
    }
  });

  test('shows who is there, and lets its owner alone put people out and bring them back', async () => {
    const list = ({ page }: Person): Locator => page.getByRole('list', { name: 'People in the group' });
    const isOf = (who: Person, count: number): Promise<void> =>
      expect.poll(() => list(who).getByRole('listitem').count()).toBe(count);
    const hike = directs(lena.page).getByText('Sunday hike');
    for (const { page } of [mira, ravi])
      await page.getByRole('button', { name: 'People in the group' }).click();
    await Promise.all([isOf(mira, 3), isOf(ravi, 3)]);
    expect(await ravi.page.getByRole('button', { name: /^Remove .* from the group$/ }).count()).toBe(0);
    expect(await accessibilityFaults(mira.page)).toEqual([]);

    // a friend can be brought back, so there is no question
    await mira.page.getByRole('button', { name: 'Remove Lena from the group' }).click();
    await hike.waitFor({ state: 'detached' });
    await isOf(ravi, 2);
    await undo(mira.page);
    await hike.waitFor();
    await mira.page.getByRole('button', { name: 'Remove Lena from the group' }).click();
    await hike.waitFor({ state: 'detached' });
    await mira.page
      .getByRole('complementary', { name: 'People in the group' })
      .getByRole('button', { name: 'Add people' })
      .click();
    await dialog(mira.page, 'Add people').getByRole('checkbox', { name: /Lena/ }).check();
    await dialog(mira.page, 'Add people').getByRole('button', { name: 'Add', exact: true }).click();
    await hike.waitFor();
    await ravi.page.getByText('Mira added Lena.').last().waitFor();
    await isOf(ravi, 3);

    await mira.call('DELETE', `/users/@me/relationships/${lena.id}`);
    await friends(mira, 'all');
    await directs(mira.page)
      .getByRole('link', { name: /Sunday hike/ })
      .click();
    await mira.page.getByRole('button', { name: 'People in the group' }).click();
    await mira.page.getByRole('button', { name: 'Remove Lena from the group' }).click();
    await dialog(mira.page, 'Remove Lena from the group?').getByRole('button', { name: 'Remove' }).click();
    await hike.waitFor({ state: 'detached' });
    await isOf(mira, 2);
  });

  test('is left after a question that names it', async () => {
    await openMenu(ravi.page, /Sunday hike/);
    await ravi.page.getByRole('menuitem', { name: 'Leave group' }).click();
    await dialog(ravi.page, 'Leave Sunday hike?').getByRole('button', { name: 'Leave group' }).click();
    await directs(ravi.page).getByText('Sunday hike').waitFor({ state: 'detached' });
    await main(ravi.page).getByRole('navigation', { name: 'Friends' }).waitFor();
    await expect
      .poll(() => mira.page.getByRole('list', { name: 'People in the group' }).getByRole('listitem').count())
      .toBe(1);
  });
});

test('nobody’s browser complained', () => {
  // but of the name that nobody has, and of a group's last message, read as one is put out
  const isAsked = (line: string): boolean =>
    /status of 400 .*\/users\/@me\/relationships$|status of 404 .*\/messages\/\d+\/ack$/.test(line);
  const heard = [...mira.complaints, ...ravi.complaints, ...lena.complaints];
  expect(heard.filter((line) => !isAsked(line))).toEqual([]);
});
