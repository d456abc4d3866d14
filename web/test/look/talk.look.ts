// The conversation against the stand-in server, where faults can be made at will: order, failure, reconnection, scrolling.
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { launch, openPage, type Complaints } from '../support/browser';
import { startMock, type Mock } from '../support/mock';

let browser: Browser;
let mock: Mock;
let page: Page;
let complaints: Complaints;

beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());

beforeEach(async () => {
  mock = await startMock();
  ({ page, complaints } = await openPage(browser, { viewport: { width: 1280, height: 800 } }));
  await page.addInitScript(() => localStorage.setItem('hearth.signed-in', 'yes'));
  await page.goto(`${mock.url}/channels/${mock.ids.guild}/${mock.ids.kitchen}`);
  await page.getByText('number nine').waitFor();
});
afterEach(async () => {
  await page.context().close();
  await mock.close();
});

const box = () => page.getByRole('textbox', { name: 'Message kitchen' });
const log = () => page.getByRole('log');
const fromEnd = () =>
  log().evaluate((scroller) => scroller.scrollHeight - scroller.clientHeight - scroller.scrollTop);

test('a burst keeps its order and nothing is there twice', async () => {
  for (let n = 1; n <= 20; n++) {
    await box().fill(`burst ${n}!`);
    await box().press('Enter');
  }
  await page.waitForFunction(() => document.querySelectorAll('[data-pending]').length === 0);
  expect(mock.posts.map((post) => post.content)).toEqual(
    Array.from({ length: 20 }, (_, n) => `burst ${n + 1}!`),
  );
  expect(new Set(mock.posts.map((post) => post.nonce)).size).toBe(20);
  await expect.poll(() => page.getByText(/^burst \d+!$/).count()).toBe(20);
  expect(await fromEnd()).toBeLessThanOrEqual(8);
  expect(complaints).toEqual([]);
});

test('what could not be sent says so, and goes out once when asked again', async () => {
  mock.failPosts(true);
  await box().fill('into the void');
  await box().press('Enter');
  await page.getByText('Not sent').waitFor({ timeout: 30_000 });
  mock.failPosts(false);
  await page.getByRole('button', { name: 'Retry' }).click();
  await page.waitForFunction(() => document.querySelectorAll('[data-pending]').length === 0);
  expect(mock.posts.map((post) => post.content)).toEqual(['into the void']);
});

test('what is written offline goes out in order when the network is back', async () => {
  await page.context().setOffline(true);
  await page.getByText('You are offline').waitFor();
  for (const text of ['first', 'second', 'third']) {
    await box().fill(text);
    await box().press('Enter');
  }
  await page.getByText('Not sent').nth(2).waitFor({ timeout: 30_000 });
  await page.context().setOffline(false);
  await page.waitForFunction(() => document.querySelectorAll('[data-pending]').length === 0);
  expect(mock.posts.map((post) => post.content)).toEqual(['first', 'second', 'third']);
});

test('a cut connection comes back by itself, without a gap', async () => {
  mock.cut();
  const missed = mock.say('said while you were away');
  await log().getByText(missed.content).waitFor({ timeout: 30_000 });
  expect(await log().getByText(missed.content).count()).toBe(1);
});

test('reading upwards keeps the place, page after page', async () => {
  await log().hover();
  let worst = 0;
  for (let n = 0; n < 60; n++) {
    await page.mouse.wheel(0, -500);
    await page.evaluate(
      () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))),
    );
    const drift = await log().evaluate(async (scroller) => {
      const rows = [...scroller.querySelectorAll<HTMLElement>('article[data-row]')];
      const row = rows.find((one) => one.getBoundingClientRect().top > 200);
      const before = row?.getBoundingClientRect().top ?? 0;
      // long enough for a page to arrive and be drawn
      for (let frame = 0; frame < 6; frame++) await new Promise((resolve) => requestAnimationFrame(resolve));
      return row?.isConnected ? Math.abs(row.getBoundingClientRect().top - before) : 0;
    });
    worst = Math.max(worst, drift);
    expect(await page.locator('[data-row]').count()).toBeLessThanOrEqual(240);
  }
  await page.getByText('Note 1 of the long winter').waitFor();
  await page.getByText('This is where #kitchen begins').waitFor();
  expect(worst).toBeLessThanOrEqual(1.5);
  // new messages do not move someone who reads, and the way back is one step
  mock.say('news from below');
  await page.getByRole('button', { name: /1 new/ }).click();
  await log().getByText('news from below').waitFor();
  await expect.poll(fromEnd).toBeLessThanOrEqual(8);
  expect(complaints).toEqual([]);
});

test('a reply leads to what it answers and back', async () => {
  await page.getByRole('link', { name: /Tomasz.*Starter doubled/ }).click();
  await expect.poll(() => page.url()).toContain(mock.ids.starter);
  expect(await page.evaluate(() => document.activeElement?.getAttribute('data-row'))).toBe(mock.ids.starter);
  await page.goBack();
  await box().waitFor();
  expect(page.url()).not.toContain(mock.ids.starter);
});

test('the keyboard edits, cancels and walks', async () => {
  await box().press('ArrowUp');
  const edit = page.getByRole('textbox', { name: 'Edit message' });
  await edit.waitFor();
  expect(await edit.inputValue()).toContain('#hallway');
  await edit.press('Escape');
  await expect.poll(() => box().evaluate((element) => element === document.activeElement)).toBe(true);
  await box().fill('hello @mi');
  await page.getByRole('option', { name: /Mira/ }).waitFor();
  await box().press('Enter');
  expect(await box().inputValue()).toBe('hello @mira ');
  await box().press('Enter');
  await expect.poll(() => mock.posts.at(-1)?.content).toBe(`hello <@${mock.ids.mira}>`);
  expect(complaints).toEqual([]);
});
