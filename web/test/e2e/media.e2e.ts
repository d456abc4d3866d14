// Files as two people send and look at them, on a desk and on a phone, over a line that breaks.
import { mkdirSync, readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import type { Browser, Dialog, Locator, Page, Request } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { accessibilityFaults } from '../support/axe';
import { launch, type Complaints } from '../support/browser';
import { film, gif, noise, png, wav, type TestFile } from '../support/files';
import { furnish, PHONE, sitTwo, type House } from '../support/people';
import { freePort, startProxy, type Proxy } from '../support/proxy';
import { startServer, type TestServer } from '../support/server';

const OUT = new URL('../screens/', import.meta.url).pathname;
const MAX_BYTES = 3 * 1024 * 1024;
let browser: Browser;
let server: TestServer;
let proxy: Proxy;
let house: House;
let mira: Page;
let ravi: Page;
let complaints: Complaints[];
let clip: TestFile;

beforeAll(async () => {
  mkdirSync(OUT, { recursive: true });
  proxy = await startProxy();
  proxy.target.port = await freePort();
  server = await startServer(
    {
      HEARTH_LISTEN: `127.0.0.1:${proxy.target.port}`,
      HEARTH_LIMITS_ROUTES: 'false',
      HEARTH_MAX_FILE_SIZE: String(MAX_BYTES),
    },
    proxy.url,
  );
  browser = await launch();
  house = await furnish(server, proxy.url);
  ({ mira, ravi, complaints } = await sitTwo(
    browser,
    house,
    { origin: proxy.url },
    { origin: proxy.url, ...PHONE },
  ));
  clip = await film(mira, 'walk.webm');
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
  await proxy?.close();
});

const log = (page: Page): Locator => page.getByRole('log');
const box = (page: Page): Locator => page.getByRole('textbox', { name: /^Message / });
const row = (page: Page, text: string): Locator => page.getByRole('article').filter({ hasText: text });
const tray = (page: Page): Locator => page.getByRole('list', { name: 'Files to send' });
const sent = (page: Page): Promise<void> => expect.poll(() => page.locator('[data-pending]').count()).toBe(0);
const toast = (page: Page, text: string | RegExp): Locator => page.locator('.toasts').getByText(text);
const done = (page: Page, name: string): Promise<void> =>
  tray(page).getByRole('listitem').filter({ hasText: name }).and(page.locator('.done')).waitFor();

async function attach(page: Page, ...files: TestFile[]): Promise<void> {
  await page.locator('[data-chooser]').setInputFiles(files);
}
async function say(page: Page, text: string): Promise<void> {
  await box(page).fill(text);
  await box(page).press('Enter');
}

/** Lets files fall on something, or pastes them, as the browser would after a drag or a copy. */
async function give(target: Locator, how: 'drop' | 'paste' | 'dragenter', files: TestFile[]): Promise<void> {
  const plain = files.map(({ name, mimeType, buffer }) => ({ name, mimeType, bytes: [...buffer] }));
  await target.evaluate(
    (element, [kind, given]) => {
      const data = new DataTransfer();
      for (const { name, mimeType, bytes } of given)
        data.items.add(new File([new Uint8Array(bytes)], name, { type: mimeType }));
      const init = { bubbles: true, cancelable: true };
      element.dispatchEvent(
        kind === 'paste'
          ? new ClipboardEvent('paste', { ...init, clipboardData: data })
          : new DragEvent(kind, { ...init, dataTransfer: data }),
      );
    },
    [how, plain] as const,
  );
}

/** Closes the page, whatever it asks, and opens it again. */
async function reopened(page: Page): Promise<void> {
  const agree = (dialog: Dialog): void => void dialog.accept();
  page.on('dialog', agree);
  await page.reload();
  page.off('dialog', agree);
  await box(page).waitFor();
}

/** Whether what a link gives is, byte for byte, what was sent. */
async function givesBack(link: Locator, bytes: Buffer): Promise<boolean> {
  const [download] = await Promise.all([link.page().waitForEvent('download'), link.click()]);
  return readFileSync(await download.path()).equals(bytes);
}

describe('files find their way in', () => {
  test('by picker, paste and drop, also beside the composer', async () => {
    await attach(mira, png('picked.png', 300, 200, 1));
    await give(box(mira), 'paste', [png('pasted.png', 200, 300, 2)]);
    await give(log(mira), 'dragenter', [png('x.png', 2, 2)]);
    await mira.getByText('Drop to send to general').waitFor();
    await mira.screenshot({ path: `${OUT}media-drop.png` });
    await give(log(mira), 'drop', [png('dropped.png', 240, 240, 3)]);
    await mira.getByText('Drop to send to general').waitFor({ state: 'detached' });
    for (const name of ['picked.png', 'pasted.png', 'dropped.png']) await done(mira, name);
    expect(await tray(mira).getByRole('listitem').count()).toBe(3);
    await mira.screenshot({ path: `${OUT}media-tray.png` });
    await say(mira, 'three ways');
    await sent(mira);
    await expect.poll(() => row(ravi, 'three ways').locator('.picture img').count()).toBe(3);
    await expect
      .poll(() =>
        row(ravi, 'three ways')
          .locator('.picture img')
          .evaluateAll((images) => images.every((image) => (image as HTMLImageElement).naturalWidth > 0)),
      )
      .toBe(true);
  });

  test('text that comes with a picture of itself is pasted as text', async () => {
    await box(mira).evaluate((element) => {
      const data = new DataTransfer();
      data.setData('text/plain', 'words');
      data.items.add(new File([new Uint8Array(4)], 'image.png', { type: 'image/png' }));
      element.dispatchEvent(
        new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }),
      );
    });
    expect(await tray(mira).count()).toBe(0);
  });

  test('what is too big is refused before it is sent, with the limit named', async () => {
    let calls = 0;
    mira.on('request', (request) => (calls += /\/attachments$/.test(request.url()) ? 1 : 0));
    await attach(mira, noise('huge.bin', MAX_BYTES + 1));
    await toast(mira, 'huge.bin is too big: at most 3 MiB a file.').waitFor();
    expect(await tray(mira).count()).toBe(0);
    expect(calls).toBe(0);
    await attach(mira, ...Array.from({ length: 12 }, (_, n) => noise(`n${n}.bin`, 10)));
    await toast(mira, 'A message holds at most 10 files.').waitFor();
    expect(await tray(mira).getByRole('listitem').count()).toBe(10);
    for (let n = 0; n < 10; n++)
      await mira
        .getByRole('button', { name: /^Remove n/ })
        .first()
        .click();
    await tray(mira).waitFor({ state: 'detached' });
    expect(await box(mira).evaluate((element) => element === document.activeElement)).toBe(true);
  });
});

describe('every kind of file', () => {
  const story = noise('story.zip', 70_000);
  const notes: TestFile = { name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('one\ntwo\n') };

  test('goes out with its name, spoiler and description', async () => {
    const files = [png('sea.png', 800, 500), gif('blink.gif', 48), clip, wav('tone.wav', 2), notes, story];
    await attach(mira, ...files);
    for (const { name } of files) await done(mira, name);
    await tray(mira).getByRole('button', { name: 'Edit sea.png' }).click();
    const edit = mira.getByRole('dialog', { name: 'Name and description' });
    await edit.getByLabel('File name').fill('harbour.png');
    await edit.getByLabel('Description').fill('Boats in the evening');
    await mira.screenshot({ path: `${OUT}media-edit.png` });
    await edit.getByRole('button', { name: 'Save' }).click();
    await edit.waitFor({ state: 'detached' });
    await tray(mira).getByRole('button', { name: 'Hide notes.txt as a spoiler' }).click();
    await say(mira, 'all kinds');
    await sent(mira);
    const there = row(ravi, 'all kinds');
    await there.getByRole('button', { name: 'Open picture Boats in the evening' }).waitFor();
    await there.getByRole('button', { name: 'Open picture blink.gif' }).waitFor();
    await there.getByLabel('Play walk.webm').waitFor();
    await there.getByLabel('Play tone.wav').waitFor();
    await there.getByText('story.zip').waitFor();
    await mira.screenshot({ path: `${OUT}media-kinds.png` });
    await ravi.screenshot({ path: `${OUT}media-kinds-phone.png` });
  });

  test('a spoiler shows when it is asked for, and the bytes come back as they went', async () => {
    const there = row(mira, 'all kinds');
    await there.getByRole('button', { name: 'Hidden file, show' }).click();
    expect(await givesBack(there.getByRole('link', { name: 'Download notes.txt' }), notes.buffer)).toBe(true);
    expect(await givesBack(there.getByRole('link', { name: 'Download story.zip' }), story.buffer)).toBe(true);
    expect(await givesBack(there.getByRole('link', { name: 'Download tone.wav' }), wav('', 2).buffer)).toBe(
      true,
    );
  });

  test('film and tone play', async () => {
    const plays = (media: Locator): Promise<boolean> =>
      media.evaluate(async (element) => {
        const player = element as HTMLMediaElement;
        player.muted = true;
        await player.play();
        await new Promise((resolve) => player.addEventListener('timeupdate', resolve, { once: true }));
        player.pause();
        return player.error === null;
      });
    expect(await plays(row(mira, 'all kinds').locator('video'))).toBe(true);
    expect(await plays(row(mira, 'all kinds').locator('audio'))).toBe(true);
  });
});

describe('a line that breaks', () => {
  test('pauses a file and takes it up where it stopped', async () => {
    const big = noise('long.bin', 2_500_000);
    await mira.context().setOffline(true);
    await attach(mira, big);
    await tray(mira).getByText('Paused until the server is back').waitFor();
    await mira.screenshot({ path: `${OUT}media-paused.png` });
    await mira.context().setOffline(false);
    await done(mira, 'long.bin');
    await say(mira, 'after the tunnel');
    await sent(mira);
    expect(
      await givesBack(row(mira, 'after the tunnel').getByRole('link', { name: /^Download/ }), big.buffer),
    ).toBe(true);
  });

  test('a cut in the middle costs only what was not there yet', async () => {
    const big = noise('cut.bin', 2_900_000);
    const ranges: string[] = [];
    mira.on('request', (request) => {
      const range = request.headers()['content-range'];
      if (request.method() === 'PUT' && range) ranges.push(range);
    });
    proxy.delayMs = 40;
    let isCut = false;
    let total = 0;
    proxy.onBytes = (bytes) => {
      total += bytes;
      if (isCut || total < 1_000_000) return;
      isCut = true;
      proxy.isDown = true; // or the browser tries the whole of it again by itself
      proxy.drop();
    };
    await attach(mira, big);
    await expect.poll(() => isCut, { timeout: 20_000 }).toBe(true);
    proxy.delayMs = 0;
    proxy.onBytes = null;
    await tray(mira).getByText('Paused until the server is back').waitFor();
    proxy.isDown = false;
    await done(mira, 'cut.bin');
    expect(ranges.length).toBeGreaterThan(0);
    expect(Number(/bytes (\d+)-/.exec(ranges[0] ?? '')?.[1])).toBeGreaterThan(0);
    await say(mira, 'after the cut');
    await sent(mira);
    expect(
      await givesBack(row(mira, 'after the cut').getByRole('link', { name: /^Download/ }), big.buffer),
    ).toBe(true);
  });

  test('the page closed in the middle costs only what was not there yet either', async () => {
    const big = noise('kept.bin', 2_700_000);
    const ranges: string[] = [];
    const hear = (request: Request): void => {
      const range = request.headers()['content-range'];
      if (request.method() === 'PUT' && range) ranges.push(range);
    };
    let total = 0;
    proxy.onBytes = (bytes) => {
      total += bytes;
      if (total < 1_000_000 || proxy.isDown) return;
      proxy.isDown = true;
      proxy.drop();
    };
    await attach(mira, big, noise('kept.zip', 3000));
    await expect.poll(() => proxy.isDown, { timeout: 20_000 }).toBe(true);
    proxy.onBytes = null;
    await tray(mira).getByText('Paused until the server is back').first().waitFor();
    await tray(mira).getByRole('button', { name: 'Hide kept.zip as a spoiler' }).click();
    await mira.route('**/hearth/uploads/**', () => undefined); // nothing goes on before the page is closed
    proxy.isDown = false;
    await tray(mira).locator('.sending').first().waitFor();
    await mira.unroute('**/hearth/uploads/**');
    mira.on('request', hear);
    await reopened(mira);
    for (const name of ['kept.bin', 'kept.zip']) await done(mira, name);
    mira.off('request', hear);
    expect(Number(/bytes (\d+)-/.exec(ranges[0] ?? '')?.[1])).toBeGreaterThan(0);
    await tray(mira).getByRole('button', { name: 'Hide kept.zip as a spoiler', pressed: true }).waitFor();
    await say(mira, 'after the reload');
    await sent(mira);
    const there = row(mira, 'after the reload');
    expect(await givesBack(there.getByRole('link', { name: 'Download kept.bin' }), big.buffer)).toBe(true);
    await reopened(mira);
    await there.waitFor();
    expect(await tray(mira).count()).toBe(0);
  });

  test('a message that waited for its file when the page closed goes out by the next', async () => {
    await mira.route('**/hearth/uploads/**', () => undefined);
    await attach(mira, noise('waited.bin', 40_000));
    await say(mira, 'closed on it');
    await mira.locator('[data-pending]').getByText('waited.bin').waitFor();
    await mira.unroute('**/hearth/uploads/**');
    await reopened(mira);
    await row(ravi, 'closed on it').getByText('waited.bin').waitFor();
    await sent(mira);
  });

  test('what a closed tab left goes out from the one that stays', async () => {
    const tab = await mira.context().newPage();
    await tab.goto(proxy.url + house.path);
    await box(tab).waitFor();
    await reopened(mira); // which gives the turn to the other tab, and waits for it
    const waiting = (): Promise<number> =>
      mira.evaluate(async () => (await navigator.locks.query()).pending?.length ?? 0);
    await expect.poll(waiting).toBe(1);
    await tab.route('**/hearth/uploads/**', () => undefined);
    await attach(tab, noise('left.bin', 40_000));
    await say(tab, 'closed beside');
    await tab.locator('[data-pending]').getByText('left.bin').waitFor();
    await tab.close();
    await row(ravi, 'closed beside').getByText('left.bin').waitFor();
    await sent(mira);
  });

  test('a file taken out after the page was closed on it leaves nothing on the server', async () => {
    await mira.route('**/hearth/uploads/**', () => undefined);
    await attach(mira, noise('gone.bin', 40_000));
    await tray(mira).locator('.sending').waitFor();
    await reopened(mira);
    await tray(mira).getByRole('button', { name: 'Remove gone.bin' }).click();
    await tray(mira).waitFor({ state: 'detached' });
    await mira.unroute('**/hearth/uploads/**');
    await reopened(mira);
    expect(await tray(mira).count()).toBe(0);
    expect((await readdir(`${server.data}/blobs`)).filter((name) => name.startsWith('part-'))).toEqual([]);
  });

  test('words written after a slow file do not wait for it, and it can be called off', async () => {
    await mira.route('**/hearth/uploads/**', () => undefined); // the bytes never arrive
    await attach(mira, png('slow.png', 400, 300));
    await say(mira, 'with the slow one');
    await mira.locator('[data-pending]').getByText('slow.png').waitFor();
    await say(mira, 'and on we talk');
    await row(ravi, 'and on we talk').waitFor();
    expect(await row(ravi, 'with the slow one').count()).toBe(0);
    await mira.screenshot({ path: `${OUT}media-pending.png` });
    await mira.locator('[data-pending]').getByRole('button', { name: 'Cancel' }).click();
    await sent(mira);
    await mira.unroute('**/hearth/uploads/**');
  });

  test('a file the server refuses says why and can be tried again', async () => {
    let refusals = 1;
    await mira.route('**/hearth/uploads/**', (route) =>
      refusals-- > 0
        ? route.fulfill({ status: 400, json: { code: 50035, message: 'Not today' } })
        : route.continue(),
    );
    await attach(mira, png('moody.png', 120, 90));
    await tray(mira).getByText('Not today').waitFor();
    expect(await mira.getByRole('button', { name: 'Send' }).isDisabled()).toBe(true);
    await tray(mira).getByRole('button', { name: 'Retry moody.png' }).click();
    await done(mira, 'moody.png');
    await mira.unroute('**/hearth/uploads/**');
    await tray(mira).getByRole('button', { name: 'Remove moody.png' }).click();
    await tray(mira).waitFor({ state: 'detached' });
  });
});

describe('looking closer', () => {
  const scaleOf = (page: Page): Promise<number> =>
    page
      .getByRole('dialog', { name: 'Pictures' })
      .locator('figure img')
      .evaluate((image) => Number(/scale\(([\d.]+)\)/.exec((image as HTMLElement).style.transform)?.[1]));

  test('zooms, pans, walks by keys and gives the focus back', async () => {
    const opener = row(mira, 'three ways').getByRole('button', { name: 'Open picture picked.png' });
    await opener.click();
    const viewer = mira.getByRole('dialog', { name: 'Pictures' });
    await viewer.getByText('1 of 3').waitFor();
    await mira.screenshot({ path: `${OUT}media-lightbox.png` });
    await mira.keyboard.press('ArrowRight');
    await viewer.getByText('2 of 3').waitFor();
    await mira.keyboard.press('End');
    await viewer.getByText('3 of 3').waitFor();
    await mira.keyboard.press('+');
    expect(await scaleOf(mira)).toBe(1.5);
    await mira.keyboard.press('0');
    expect(await scaleOf(mira)).toBe(1);
    await mira.mouse.move(720, 450);
    await mira.mouse.wheel(0, -800);
    await expect.poll(() => scaleOf(mira)).toBeGreaterThan(3);
    const before = await viewer.locator('figure img').boundingBox();
    await mira.mouse.down();
    await mira.mouse.move(780, 480, { steps: 4 });
    await mira.mouse.up();
    const after = await viewer.locator('figure img').boundingBox();
    expect(after?.x).not.toBe(before?.x);
    await mira.keyboard.press('Escape');
    await viewer.waitFor({ state: 'detached' });
    await expect.poll(() => opener.evaluate((element) => element === document.activeElement)).toBe(true);
  });

  test('on a phone too', async () => {
    await row(ravi, 'three ways').getByRole('button', { name: 'Open picture picked.png' }).tap();
    const viewer = ravi.getByRole('dialog', { name: 'Pictures' });
    await viewer.getByText('1 of 3').waitFor();
    await ravi.screenshot({ path: `${OUT}media-lightbox-phone.png` });
    await viewer.getByRole('button', { name: 'Next' }).tap();
    await viewer.getByText('2 of 3').waitFor();
    await viewer.getByRole('button', { name: 'Close' }).tap();
    await viewer.waitFor({ state: 'detached' });
  });
});

describe('all that was sent', () => {
  test('stands beside the conversation by kind, and leads back to where it was said', async () => {
    await say(mira, '`https://example.org/code`');
    await say(mira, 'https://example.org/bread');
    await sent(mira);
    await mira.getByRole('button', { name: 'Pictures, files and links' }).click();
    const pane = mira.getByRole('tabpanel');
    await expect.poll(() => pane.locator('.picture').count()).toBe(5);
    await pane.locator('video').waitFor();
    await mira.screenshot({ path: `${OUT}media-pane.png` });
    expect(await accessibilityFaults(mira)).toEqual([]);
    await pane.locator('.picture').first().click();
    await mira.getByRole('dialog', { name: 'Pictures' }).getByText('1 of 5').waitFor();
    await mira.keyboard.press('Escape');
    await mira.getByRole('tab', { name: 'Pictures' }).focus();
    await mira.keyboard.press('ArrowRight');
    await pane.getByText('story.zip').waitFor();
    await pane.getByRole('button', { name: 'Play tone.wav' }).waitFor();
    await mira.keyboard.press('ArrowRight');
    await pane.getByRole('link', { name: 'https://example.org/bread' }).waitFor();
    expect(await pane.getByText('https://example.org/code').count()).toBe(0);
    await pane.getByRole('link', { name: /^Jump to this message/ }).click();
    await mira.waitForURL(/\/\d+\/\d+\/\d+$/);
    await pane.waitFor(); // it stays where there is room for both
    await mira.getByRole('button', { name: 'Close' }).first().click();
    await pane.waitFor({ state: 'detached' });
  });

  test('is a page of its own on a phone', async () => {
    await ravi.getByRole('button', { name: 'Pictures, files and links' }).tap();
    await ravi.getByRole('heading', { name: 'Pictures, files and links' }).waitFor();
    await expect.poll(() => ravi.locator('[role="tabpanel"] .picture').count()).toBe(5);
    await ravi.screenshot({ path: `${OUT}media-pane-phone.png` });
    await ravi.getByRole('tab', { name: 'Files' }).tap();
    await ravi
      .getByRole('tabpanel')
      .getByRole('link', { name: /^Jump to this message/ })
      .first()
      .tap();
    await box(ravi).waitFor();
    await ravi.getByRole('tabpanel').waitFor({ state: 'detached' });
  });

  test('says so where there is nothing', async () => {
    const empty = await house.mira.call<{ id: string }>('POST', `/guilds/${house.guild}/channels`, {
      name: 'empty',
      type: 0,
    });
    await mira.goto(`${proxy.url}/channels/${house.guild}/${empty.id}`);
    await mira.getByRole('button', { name: 'Pictures, files and links' }).click();
    await mira.getByText('No pictures or films were sent here yet.').waitFor();
    await mira.goto(proxy.url + house.path);
  });
});

test('nothing moves while pictures and films come', async () => {
  for (const options of [{}, PHONE]) {
    const { page } = await house.mira.sit(browser, '/channels/@me', { origin: proxy.url, ...options });
    await page.addInitScript(() => {
      const held = window as unknown as { shifted: number };
      held.shifted = 0;
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) {
          const shift = entry as unknown as { value: number; hadRecentInput: boolean };
          if (!shift.hadRecentInput) held.shifted += shift.value;
        }
      }).observe({ type: 'layout-shift', buffered: true });
    });
    proxy.delayMs = 60; // pictures come after the words
    await page.goto(proxy.url + house.path);
    await row(page, 'all kinds').waitFor();
    await expect
      .poll(() =>
        page
          .locator('.picture img')
          .evaluateAll((images) => images.length > 0 && images.every((image) => image.matches('.loaded'))),
      )
      .toBe(true);
    proxy.delayMs = 0;
    expect(await page.evaluate(() => (window as unknown as { shifted: number }).shifted)).toBeLessThanOrEqual(
      0.02,
    );
    await page.context().close();
  }
});

test('nobody’s browser complained', () => {
  expect(complaints.flat().filter((line) => !/ERR_|status of|Failed to load/.test(line))).toEqual([]);
});
