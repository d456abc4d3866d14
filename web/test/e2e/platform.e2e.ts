// The client as a platform: phone pages, languages and directions, looks that follow the account, the installed app offline.
// Against the real server.
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { accessibilityFaults } from '../support/axe';
import { launch, openPage, type Complaints } from '../support/browser';
import { startServer, type TestServer } from '../support/server';

const PASSWORD = 'correct horse battery';
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
const DESKTOP = { viewport: { width: 1280, height: 800 } };

let browser: Browser;
let server: TestServer;
let cookies: Awaited<ReturnType<ReturnType<Page['context']>['cookies']>>;
let talk: string;
const complaints: Complaints[] = [];

const composer = (page: Page) => page.locator('[data-composer]');

/** Whether the composer's hint can be read to its end. */
const hintIsWhole = (page: Page): Promise<boolean> =>
  composer(page).evaluate((box) => {
    const { placeholder, clientWidth, clientHeight } = box as HTMLTextAreaElement;
    const { font, paddingInlineStart, paddingInlineEnd, paddingBlockStart, paddingBlockEnd } =
      getComputedStyle(box);
    const probe = document.createElement('div');
    const width = clientWidth - parseFloat(paddingInlineStart) - parseFloat(paddingInlineEnd);
    Object.assign(probe.style, { font, position: 'absolute', width: `${width}px` });
    probe.style.whiteSpace = getComputedStyle(box, '::placeholder').whiteSpace;
    probe.textContent = placeholder;
    document.body.append(probe);
    const height = clientHeight - parseFloat(paddingBlockStart) - parseFloat(paddingBlockEnd);
    const isWhole = probe.scrollWidth <= Math.ceil(width) && probe.scrollHeight <= Math.ceil(height);
    probe.remove();
    return isWhole;
  });

/**
 * A page of the owner, on a device that has not seen the app before. With a look it has chosen that there and not saved it
 * yet; without, the account's is taken over.
 */
async function visit(
  options: BrowserContextOptions,
  look: Record<string, unknown> | null = null,
): Promise<Page> {
  const { page, complaints: heard } = await openPage(browser, options);
  complaints.push(heard);
  await page.context().addCookies(cookies);
  await page.addInitScript(
    (stored) => {
      if (localStorage.getItem('hearth.signed-in')) return;
      localStorage.setItem('hearth.signed-in', 'yes');
      localStorage.setItem('hearth.look', stored);
    },
    JSON.stringify(look ? { ...look, isUnsaved: true } : {}),
  );
  return page;
}

beforeAll(async () => {
  server = await startServer();
  browser = await launch();
  const { page, complaints: heard } = await openPage(browser, DESKTOP);
  complaints.push(heard);
  await page.goto(server.setupLink);
  await page.getByLabel('Your name').fill('Mira');
  await page.getByLabel('Username').fill('mira');
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Make me the owner' }).click();
  await page.getByLabel('Server name').fill('Maple House');
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByRole('link', { name: 'Enter Maple House' }).click();
  await composer(page).fill('Soup is ready');
  await composer(page).press('Enter');
  await page.getByRole('article').getByText('Soup is ready').waitFor();
  talk = page.url();
  cookies = await page.context().cookies();
  await page.context().close();
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

test('a phone has pages: the list lies under the conversation, and Back, the arrow, Esc and a swipe agree', async () => {
  const page = await visit(PHONE);
  const tabs = page.getByRole('navigation', { name: 'Main' });
  await page.goto(talk);
  await composer(page).waitFor();
  await tabs.waitFor({ state: 'hidden' });
  for (const back of [
    () => page.goBack(),
    () => page.getByRole('button', { name: 'Back' }).click(),
    () => page.keyboard.press('Escape'),
    () => swipe(page, 60, 330),
  ]) {
    await back();
    await tabs.waitFor();
    await expect.poll(() => page.url().startsWith(talk)).toBe(false);
    await page.goForward();
    await composer(page).waitFor();
    await tabs.waitFor({ state: 'hidden' });
  }
  await swipe(page, 330, 60);
  const members = page.getByRole('complementary', { name: 'Members' });
  await members.waitFor();
  await page.goBack();
  await members.waitFor({ state: 'detached' });
  await page.context().close();
});

/** One finger over the middle of the page. */
async function swipe(page: Page, fromX: number, toX: number): Promise<void> {
  const touch = await page.context().newCDPSession(page);
  const point = (share: number) => [{ x: fromX + (toX - fromX) * share, y: 300 }];
  await touch.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: point(0) });
  for (let step = 1; step <= 8; step++)
    await touch.send('Input.dispatchTouchEvent', { type: 'touchMove', touchPoints: point(step / 8) });
  await touch.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
  await touch.detach();
}

test('nothing is lost at 320 pixels, nor with text twice as large', async () => {
  for (const [width, textScale] of [
    [320, 100],
    [320, 200],
    [1280, 200],
  ] as const) {
    const page = await visit({ viewport: { width, height: 640 } }, { textScale });
    for (const path of [talk, `${server.url}/channels/@me`, `${server.url}/settings/appearance`]) {
      await page.goto(path);
      await page.locator('h1:visible, h2:visible').first().waitFor();
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      expect(overflow, `${path} at ${width} px, ${textScale} %`).toBeLessThanOrEqual(0);
    }
    await page.goto(talk);
    await composer(page).waitFor();
    const box = await composer(page).boundingBox();
    expect(box && box.x >= 0 && box.x + box.width <= width && box.y + box.height <= 640).toBe(true);
    expect(await hintIsWhole(page), `the hint at ${width} px, ${textScale} %`).toBe(true);
    await page.context().close();
  }
});

test('Arabic runs from right to left, names and numbers keep their own way', async () => {
  for (const options of [DESKTOP, PHONE]) {
    const page = await visit(options, { locale: 'ar' });
    await page.goto(talk);
    await composer(page).waitFor();
    expect(await page.evaluate(() => [document.documentElement.lang, document.documentElement.dir])).toEqual([
      'ar',
      'rtl',
    ]);
    await composer(page).fill('مرحبا @mira 123');
    expect(await composer(page).evaluate((box) => getComputedStyle(box).direction)).toBe('rtl');
    await composer(page).fill('');
    if (options === DESKTOP) {
      const rail = await page.locator('[data-region="servers"]').boundingBox();
      expect(rail?.x).toBeGreaterThan(1280 / 2);
    } else {
      await swipe(page, 330, 60); // back is towards the end of the line
      await page.locator('.tabs').waitFor();
    }
    expect(await accessibilityFaults(page)).toEqual([]);
    await page.context().close();
  }
});

test('the pseudo-locale reaches every word', async () => {
  const page = await visit(DESKTOP, { locale: 'en-XA' });
  for (const path of [talk, `${server.url}/settings/appearance`, `${server.url}/settings/accessibility`]) {
    await page.goto(path);
    await page.locator('h1').first().waitFor();
    const plain = await page.evaluate(() => {
      const named = [...document.querySelectorAll('button, a, label, h1, h2, h3, legend')];
      return named
        .filter((element) => element.checkVisibility() && !element.querySelector('bdi'))
        .flatMap((element) => [element.getAttribute('aria-label'), element.textContent?.trim()])
        .filter((text) => text && /[A-Za-z]{3}/.test(text) && !text.includes('⟦') && text !== 'Maple House');
    });
    expect(plain, path).toEqual([]);
  }
  await page.context().close();
});

test('looks and language follow the account from device to device', async () => {
  const here = await visit(DESKTOP, { locale: 'en' });
  const there = await visit(DESKTOP);
  await there.goto(talk);
  await composer(there).waitFor();
  await here.goto(`${server.url}/settings/appearance`);
  await here.getByRole('radio', { name: 'Light' }).check();
  await there.locator('html[data-theme="light"]').waitFor();
  await here.goto(`${server.url}/settings/language`);
  await here.getByRole('radio', { name: 'Deutsch' }).check();
  await here.getByRole('heading', { name: 'Sprache und Zeit' }).waitFor();
  await there.locator('html[lang="de"]').waitFor();
  await here.goto(`${server.url}/settings/accessibility`);
  await here.getByRole('radio', { name: /So wenig wie möglich/ }).check();
  await there.locator('html[data-motion="reduced"]').waitFor();
  // a device that never saw the app takes it over, and keeps it for its first paint
  const fresh = await visit(DESKTOP);
  await fresh.goto(talk);
  await fresh.locator('html[lang="de"][data-theme="light"]').waitFor();
  await fresh.reload({ waitUntil: 'commit' });
  await fresh.locator('html[data-theme="light"]').waitFor({ state: 'attached' });
  await here.goto(`${server.url}/settings/language`);
  await here.getByRole('radio', { name: 'English' }).check();
  await fresh.locator('html[lang="en"]').waitFor();
  for (const page of [here, there, fresh]) await page.context().close();
});

test('the installed app starts without a network', async () => {
  const page = await visit({ ...DESKTOP, serviceWorkers: 'allow' });
  await page.goto(talk);
  await composer(page).waitFor();
  await page.evaluate(() => navigator.serviceWorker.ready);
  await page.reload();
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
  await composer(page).waitFor();
  const heard = complaints.at(-1)?.length ?? 0;
  await page.context().setOffline(true);
  await page.reload();
  await page.locator('#app > *').first().waitFor();
  await page.context().setOffline(false);
  complaints.at(-1)?.splice(heard); // the browser reports what it could not reach
  await composer(page).waitFor();
  await page.context().close();
});

test('nobody’s browser complained', () => {
  expect(complaints.flat()).toEqual([]);
});
