// WEB.md section 4, lines 1 to 20, as two people live them on the real server.
import { mkdirSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { accessibilityFaults } from '../support/axe';
import { launch } from '../support/browser';
import { furnish, type House } from '../support/people';
import { startServer, type TestServer } from '../support/server';

const OUT = new URL('../screens/', import.meta.url).pathname;
let browser: Browser;
let server: TestServer;
let house: House;
let mira: Page;
let ravi: Page;
/** A channel with a long past. */
let long: string;
let longIds: string[];

beforeAll(async () => {
  mkdirSync(OUT, { recursive: true });
  server = await startServer({ HEARTH_LIMITS_ROUTES: 'false', HEARTH_LIMITS_GLOBAL_PER_USER: '0' });
  browser = await launch();
  house = await furnish(server);
  const made = await house.mira.call<{ id: string }>('POST', `/guilds/${house.guild}/channels`, {
    name: 'long',
    type: 0,
  });
  long = made.id;
  longIds = [];
  for (let n = 1; n <= 300; n++)
    longIds.push(await house.mira.say(long, `Note ${n} of the winter${' and more of it'.repeat(n % 9)}`));
  mira = (await house.mira.sit(browser, house.path)).page;
  ravi = (await house.ravi.sit(browser, house.path)).page;
  await Promise.all([box(mira).waitFor(), box(ravi).waitFor()]);
}, 120_000);
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

const log = (page: Page) => page.getByRole('log');
const box = (page: Page) => page.getByRole('textbox', { name: /^Message / });
const said = (page: Page, text: string) => log(page).getByText(text, { exact: true });
const row = (page: Page, text: string) => page.getByRole('article').filter({ hasText: text });
const room = (page: Page, name: string) =>
  page.getByRole('navigation', { name: 'Channels' }).getByRole('link', { name: new RegExp(name) });
const fromEnd = (page: Page) =>
  log(page).evaluate((one) => one.scrollHeight - one.clientHeight - one.scrollTop);
const frames = (page: Page, count: number) =>
  page.evaluate(async (left) => {
    for (let n = 0; n < left; n++) await new Promise((resolve) => requestAnimationFrame(resolve));
  }, count);
const focusedRow = (page: Page) => page.evaluate(() => document.activeElement?.getAttribute('data-row'));
async function say(page: Page, text: string): Promise<void> {
  await box(page).fill(text);
  await box(page).press('Enter');
}

test('1: a message is on the screen in the next frame, and a burst keeps its order', async () => {
  await box(mira).fill('at once');
  const isThere = await box(mira).evaluate(async (element) => {
    element.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true }));
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    return document.querySelector('[role="log"]')?.textContent?.includes('at once') ?? false;
  });
  expect(isThere).toBe(true);
  expect(await box(mira).inputValue()).toBe('');
  for (let n = 1; n <= 20; n++) await say(mira, `burst ${n}`);
  await expect.poll(() => mira.locator('[data-pending]').count()).toBe(0);
  for (const page of [mira, ravi])
    await expect
      .poll(() =>
        log(page)
          .getByText(/^burst \d+$/)
          .allTextContents(),
      )
      .toEqual(Array.from({ length: 20 }, (_, n) => `burst ${n + 1}`));
});

test('2: what is written offline outlives a reload and goes out in order, once', async () => {
  const context = mira.context();
  await context.setOffline(true);
  for (const text of ['lost 1', 'lost 2', 'lost 3']) await say(mira, text);
  await mira.getByText('Not sent').nth(2).waitFor({ timeout: 30_000 });
  // what was thrown away by mistake comes back where it stood
  await row(mira, 'lost 2').getByRole('button', { name: 'Delete' }).click();
  await said(mira, 'lost 2').waitFor({ state: 'detached' });
  expect(await box(mira).evaluate((one) => one === document.activeElement)).toBe(true);
  await mira.locator('.toasts').getByRole('button', { name: 'Undo' }).click();
  await said(mira, 'lost 2').waitFor();
  expect(
    await log(mira)
      .getByText(/^lost \d$/)
      .allTextContents(),
  ).toEqual(['lost 1', 'lost 2', 'lost 3']);
  await row(mira, 'lost 2').getByRole('button', { name: 'Delete' }).click();
  // a page that is only left hears that the network is back, and sends: this one is gone before that
  const address = mira.url();
  await mira.close();
  mira = await context.newPage();
  // the network comes back for the page, not yet for the messages
  let tries = 0;
  await mira.route('**/messages', (route) => {
    if (route.request().method() !== 'POST') return route.continue();
    tries++;
    return route.abort();
  });
  await context.setOffline(false);
  await mira.goto(address);
  await expect.poll(() => tries).toBeGreaterThan(0); // what was kept goes out by itself once the gateway is there
  await mira.getByText('Not sent').nth(1).waitFor({ timeout: 30_000 });
  await mira.unroute('**/messages');
  await row(mira, 'lost 1').getByRole('button', { name: 'Retry' }).click();
  await row(mira, 'lost 3').getByRole('button', { name: 'Retry' }).click();
  await said(ravi, 'lost 3').waitFor();
  expect(
    await log(ravi)
      .getByText(/^lost \d$/)
      .allTextContents(),
  ).toEqual(['lost 1', 'lost 3']);
  await expect.poll(() => mira.locator('[data-pending]').count()).toBe(0);
});

test('3: a draft and what it answers outlive a switch and a reload', async () => {
  await row(mira, 'burst 20').hover();
  await row(mira, 'burst 20').getByRole('button', { name: 'Reply' }).click();
  await box(mira).fill('half a thou');
  await room(mira, 'long').click();
  await mira.getByRole('textbox', { name: 'Message long' }).waitFor();
  expect(await box(mira).inputValue()).toBe('');
  await room(mira, 'general').getByText('Draft').waitFor();
  await room(mira, 'general').click();
  await mira.getByRole('textbox', { name: 'Message general' }).waitFor();
  expect(await box(mira).inputValue()).toBe('half a thou');
  await mira.reload();
  await expect.poll(() => box(mira).inputValue()).toBe('half a thou');
  await mira.getByText('Replying to').waitFor();
  await box(mira).press('Escape');
  await box(mira).fill('');
});

test('27: the last visit is readable without a server, and logging out takes it away', async () => {
  const third = (await house.ravi.sit(browser, house.path)).page;
  await said(third, 'burst 20').waitFor();
  await third.evaluate(() => dispatchEvent(new Event('pagehide')));
  await third.route('**/api/**', (route) => route.abort());
  await third.reload();
  await said(third, 'burst 20').waitFor();
  await room(third, 'long').waitFor();
  await third.unroute('**/api/**');
  await third.goto(`${server.url}/settings/profile`);
  await third.getByRole('button', { name: 'Log out' }).click();
  await third.getByRole('button', { name: 'Log in' }).waitFor();
  await expect
    .poll(() => third.evaluate(async () => (await indexedDB.databases()).map(({ name }) => name)))
    .toEqual([]);
  expect(await third.evaluate(() => localStorage.getItem('hearth.account'))).toBeNull();
  await third.context().close();
});

test('4 to 6: a place is kept, the end is held, and what is new is counted', async () => {
  await room(mira, 'long').click();
  await said(mira, 'Note 300 of the winter and more of it and more of it and more of it').waitFor();
  await expect.poll(() => fromEnd(mira)).toBeLessThanOrEqual(8);
  await log(mira).hover();
  for (let n = 0; n < 12; n++) {
    await mira.mouse.wheel(0, -700);
    await frames(mira, 4);
  }
  const place = () =>
    log(mira).evaluate((one) => {
      const edge = one.getBoundingClientRect().top;
      const first = [...one.querySelectorAll<HTMLElement>('article[data-row]')].find(
        (article) => article.getBoundingClientRect().top > edge,
      );
      return { id: first?.dataset['row'], top: Math.round((first?.getBoundingClientRect().top ?? 0) - edge) };
    });
  const before = await place();
  await room(mira, 'general').click();
  await said(mira, 'burst 20').waitFor();
  await room(mira, 'long').click();
  await expect.poll(place).toEqual(before);
  for (let n = 1; n <= 3; n++) await house.ravi.say(long, `news ${n}`);
  const pill = mira.getByRole('button', { name: '3 new · Jump to present' });
  await pill.waitFor();
  expect(await place()).toEqual(before);
  await pill.click();
  await said(mira, 'news 3').waitFor();
  expect(await fromEnd(mira)).toBeLessThanOrEqual(8);
});

test('5: forty pages keep the row one reads within a pixel, with late growth and another font size', async () => {
  const made = await house.mira.call<{ id: string }>('POST', `/guilds/${house.guild}/channels`, {
    name: 'deep',
    type: 0,
  });
  const batch = 20;
  for (let n = 0; n < 2000; n += batch)
    await Promise.all(
      Array.from({ length: batch }, (_, k) =>
        house.mira.say(made.id, `Line ${n + k} ${'long '.repeat((n + k) % 40)}`),
      ),
    );
  await room(mira, 'deep').click();
  await log(mira)
    .getByText(/^Line 19\d\d/)
    .first()
    .waitFor();
  let worst = 0;
  let rows = 0;
  for (let turn = 0; turn < 400; turn++) {
    const seen = await log(mira).evaluate(async (one, turn) => {
      const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
      one.scrollTop -= 900;
      await frame();
      const edge = one.getBoundingClientRect().top;
      const articles = [...one.querySelectorAll<HTMLElement>('article[data-row]')];
      const read = articles.find((article) => article.getBoundingClientRect().bottom > edge);
      const before = read?.getBoundingClientRect().top ?? 0;
      // something above grows late, as an embed does; once in a while the person changes the font size
      const late = document.createElement('div');
      late.style.height = '40px';
      if (turn % 5 === 0 && articles[0] !== read) articles[0]?.append(late);
      if (turn % 50 === 49) document.documentElement.style.fontSize = turn % 100 === 49 ? '18px' : '';
      for (let n = 0; n < 6; n++) await frame();
      const drift = read?.isConnected ? Math.abs(read.getBoundingClientRect().top - before) : 0;
      late.remove();
      await frame();
      return { drift, rows: articles.length, isDone: one.textContent.includes('This is where') };
    }, turn);
    worst = Math.max(worst, seen.drift);
    rows = Math.max(rows, seen.rows);
    if (seen.isDone) break;
  }
  await mira.evaluate(() => (document.documentElement.style.fontSize = ''));
  await mira.getByText('This is where #deep begins').waitFor();
  expect(worst).toBeLessThanOrEqual(1);
  expect(rows).toBeLessThanOrEqual(200);
}, 300_000);

test('7: the divider stands at the first unread message; the mark moves only for someone who looks', async () => {
  await room(ravi, 'long').click();
  await said(ravi, 'news 3').waitFor();
  await ravi.bringToFront();
  await room(ravi, 'general').click();
  await said(ravi, 'burst 20').waitFor();
  await house.mira.say(long, 'unread one');
  await house.mira.say(long, 'unread two');
  await ravi.getByRole('link', { name: /long.*unread/ }).waitFor();
  await room(ravi, 'long').click();
  await said(ravi, 'unread two').waitFor();
  const divider = ravi.getByRole('separator', { name: /^New since/ });
  await divider.waitFor();
  const follows = await divider.evaluate((one) => one.nextElementSibling?.textContent);
  expect(follows).toContain('unread one');
  await ravi.getByRole('link', { name: /long.*unread/ }).waitFor({ state: 'detached' });
  expect(await divider.count()).toBe(1); // it stays while one reads
  await row(ravi, 'unread two').click({ button: 'right' });
  await ravi.getByRole('menuitem', { name: 'Mark unread from here' }).click();
  await ravi.getByRole('link', { name: /long.*unread/ }).waitFor();
  expect(await divider.evaluate((one) => one.nextElementSibling?.textContent)).toContain('unread two');
  await box(ravi).press('Escape');
  await divider.waitFor({ state: 'detached' });
  await ravi.getByRole('link', { name: /long.*unread/ }).waitFor({ state: 'detached' });
});

test('8: a link leads to its message, in the middle, and Back to the old place', async () => {
  const target = longIds[99] ?? '';
  await room(mira, 'long').click();
  await said(mira, 'unread two').waitFor();
  await house.ravi.say(long, `see ${server.url}/channels/${house.guild}/${long}/${target}`);
  await log(mira)
    .getByRole('link', { name: new RegExp(target) })
    .click();
  await expect.poll(() => focusedRow(mira)).toBe(target);
  const offset = await mira.locator(`[data-row="${target}"]`).evaluate((one) => {
    const list = one.closest('[role="log"]')?.getBoundingClientRect();
    const own = one.getBoundingClientRect();
    return Math.abs((own.top + own.bottom) / 2 - ((list?.top ?? 0) + (list?.bottom ?? 0)) / 2);
  });
  expect(offset).toBeLessThan(40);
  expect(await mira.locator('.flash').count()).toBe(1);
  await mira.goBack();
  await said(mira, 'unread two').waitFor();
  await expect.poll(() => fromEnd(mira)).toBeLessThanOrEqual(8);
});

test('10 and 11: keys on a message do what its bar and menu do; Shift deletes without asking', async () => {
  await say(mira, 'to be changed');
  await expect.poll(() => mira.locator('[data-pending]').count()).toBe(0);
  await row(mira, 'to be changed').focus();
  await mira.keyboard.press('e');
  const edit = mira.getByRole('textbox', { name: 'Edit message' });
  await edit.fill('changed');
  await edit.press('Enter');
  await row(ravi, 'changed').getByText('(edited)').waitFor();
  await row(mira, 'changed').focus();
  await mira.keyboard.press('ArrowRight');
  expect(await mira.evaluate(() => document.activeElement?.closest('[role="toolbar"]') !== null)).toBe(true);
  await mira.keyboard.press('Escape');
  await mira.keyboard.press('ArrowUp');
  await mira.keyboard.press('ArrowDown');
  await mira.keyboard.press('c');
  expect(await mira.evaluate(() => navigator.clipboard.readText())).toMatch(/\/channels\/\d+\/\d+\/\d+$/);
  await mira.keyboard.press('Shift+Delete');
  await said(ravi, 'changed').waitFor({ state: 'detached' });
  await expect.poll(() => focusedRow(mira)).toMatch(/^\d+$/); // its neighbour
});

test('12 and 13: a reply without a call, its source deleted; a reaction undone when refused, and who reacted', async () => {
  await say(ravi, 'the source');
  await row(mira, 'the source').hover();
  await row(mira, 'the source').getByRole('button', { name: 'Reply' }).click();
  await mira.getByRole('checkbox', { name: 'Mention' }).uncheck();
  await say(mira, 'the answer');
  await row(ravi, 'the answer')
    .getByRole('link', { name: /the source/ })
    .waitFor();
  expect(await row(ravi, 'the answer').evaluate((one) => one.classList.contains('ping'))).toBe(false);

  await row(mira, 'the answer').hover();
  await row(mira, 'the answer').getByRole('button', { name: 'React with 🔥' }).click();
  const fire = row(ravi, 'the answer').getByRole('button', { name: '🔥, 1' });
  await fire.hover();
  await ravi.getByRole('tooltip').getByText('mira reacted with 🔥').waitFor();
  await ravi.route('**/reactions/**', (route) =>
    route.fulfill({ status: 403, json: { code: 50013, message: 'Missing Permissions' } }),
  );
  await fire.click();
  await ravi.getByText('You do not have the right to do that.').waitFor();
  await fire.waitFor();
  await ravi.unroute('**/reactions/**');
  await row(ravi, 'the answer').click({ button: 'right' });
  await ravi.getByRole('menuitem', { name: 'Who reacted' }).click();
  await ravi.getByRole('dialog').getByRole('listitem').getByText('mira').first().waitFor();
  await ravi.keyboard.press('Escape');

  await row(ravi, 'the source').first().click({ button: 'right' });
  await ravi.getByRole('menuitem', { name: 'Delete message' }).click();
  await ravi.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await row(mira, 'the answer').getByText('The message this answers was deleted').waitFor();
});

test('13: the emoji picker is searched and walked by keys, and remembers', async () => {
  await mira.getByRole('button', { name: 'Emoji and stickers' }).click();
  const find = mira.getByRole('combobox', { name: 'Find an emoji' });
  await find.fill('campfire');
  await find.fill('fire');
  await mira.getByRole('gridcell', { name: 'fire', exact: true }).waitFor();
  await find.press('Enter');
  await expect.poll(() => box(mira).inputValue()).toBe('🔥');
  await mira.getByRole('button', { name: 'Emoji and stickers' }).click();
  await mira.getByText('Used lately').waitFor();
  await mira.getByRole('grid').getByRole('gridcell').first().waitFor();
  expect(await mira.getByRole('gridcell').count()).toBeLessThan(200);
  await find.press('ArrowDown');
  await find.press('ArrowDown');
  expect(await mira.getByRole('gridcell', { selected: true }).count()).toBe(1);
  expect(await accessibilityFaults(mira)).toEqual([]);
  await mira.screenshot({ path: `${OUT}conversation-emoji.png` });
  await find.press('Escape');
  await box(mira).fill('');
});

test('14 and 15: code is coloured, a masked link shows its host, a spoiler opens by key', async () => {
  await say(mira, '```rust\nfn main() { let x = 1; }\n```\n[the news](https://example.org/x) ||hidden||');
  const message = row(ravi, 'the news');
  await message.locator('pre .word').first().waitFor();
  expect(await message.getByRole('link', { name: 'the news' }).getAttribute('title')).toBe(
    'Goes to example.org',
  );
  expect(await message.getByRole('link', { name: 'the news' }).getAttribute('rel')).toBe(
    'noopener noreferrer',
  );
  const spoiler = message.getByRole('button', { name: 'Spoiler, show' });
  await spoiler.focus();
  await ravi.keyboard.press('Enter');
  await message.locator('.open').getByText('hidden').waitFor();
});

test('16: the composer completes, formats, grows, keeps its fence, counts and waits', async () => {
  await box(mira).fill('');
  await box(mira).pressSequentially('hi @rav');
  await mira.getByRole('option', { name: /ravi/ }).waitFor();
  await box(mira).press('Tab');
  expect(await box(mira).inputValue()).toBe('hi @ravi ');
  await box(mira).pressSequentially(':campin');
  await mira.getByRole('option', { name: /camping/ }).waitFor();
  await box(mira).press('Enter');
  expect(await box(mira).inputValue()).toBe('hi @ravi 🏕️ ');
  await box(mira).fill('word');
  await box(mira).press('Control+a');
  await box(mira).press('Control+b');
  expect(await box(mira).inputValue()).toBe('**word**');
  await box(mira).press('Control+z');
  expect(await box(mira).inputValue()).toBe('word');
  await box(mira).fill('```\nlet');
  await box(mira).press('Enter');
  expect(await box(mira).inputValue()).toBe('```\nlet\n');
  await box(mira).fill('line\n'.repeat(80));
  const share = await box(mira).evaluate((one) => one.clientHeight / innerHeight);
  expect(share).toBeGreaterThan(0.4);
  expect(share).toBeLessThanOrEqual(0.51);
  await box(mira).fill('x'.repeat(1850));
  await mira.getByRole('status').getByText('150', { exact: true }).waitFor();
  await box(mira).fill('');
  // composing: Enter belongs to the input method
  await box(mira).fill('かな');
  await box(mira).dispatchEvent('keydown', { key: 'Enter', keyCode: 229, isComposing: true });
  expect(await box(mira).inputValue()).toBe('かな');
  await box(mira).fill('');

  const slow = await house.mira.call<{ id: string }>('POST', `/guilds/${house.guild}/channels`, {
    name: 'slow',
    type: 0,
    rate_limit_per_user: 3600,
  });
  await room(mira, 'slow').click();
  await room(ravi, 'slow').click();
  await ravi.getByRole('textbox', { name: 'Message slow' }).waitFor();
  await box(ravi).fill('slowly');
  await box(ravi).press('Enter');
  await said(mira, 'slowly').waitFor();
  await ravi
    .getByRole('timer')
    .getByText(/^\d+:\d\d(:\d\d)?$/)
    .waitFor();
  await box(ravi).fill('again');
  await box(ravi).press('Enter');
  expect(await box(ravi).inputValue()).toBe('again');
  await box(ravi).fill('');
  await house.mira.call('PUT', `/channels/${slow.id}/permissions/${house.guild}`, { type: 0, deny: '2048' });
  await ravi.getByText('You can read here, but not write.').waitFor();
  await house.mira.call('DELETE', `/channels/${slow.id}/permissions/${house.guild}`);
  await box(ravi).waitFor();
});

test('19 and 20: pins stand beside the conversation; what cannot be drawn says so', async () => {
  await room(mira, 'long').click();
  await row(mira, 'news 1').first().click({ button: 'right' });
  await mira.getByRole('menuitem', { name: 'Pin', exact: true }).click();
  await mira.getByText('pinned a message').waitFor();
  await mira.getByRole('button', { name: /^Pinned messages/ }).click();
  const pins = mira.getByRole('complementary', { name: 'Pinned messages' });
  await pins.getByText('news 1').waitFor();
  await pins.getByRole('link', { name: /Jump/ }).click();
  await expect.poll(() => focusedRow(mira)).toMatch(/^\d+$/);
  expect(await accessibilityFaults(mira)).toEqual([]);
  await mira.screenshot({ path: `${OUT}conversation-pins.png` });
  await pins.getByRole('button', { name: 'Unpin' }).click();
  await pins.getByText('Nothing is pinned here yet').waitFor();
});

test('messages that come in are read out, and many as one', async () => {
  await room(mira, 'general').click();
  await said(mira, 'burst 20').waitFor();
  await house.ravi.say(house.general, 'soup is ready');
  const spoken = mira.locator('[data-spoken]');
  await spoken.getByText('ravi: soup is ready').waitFor();
  for (let n = 1; n <= 8; n++) await house.ravi.say(house.general, `quickly ${n}`);
  await spoken.getByText(/^\d new messages from ravi$/).waitFor();
});
