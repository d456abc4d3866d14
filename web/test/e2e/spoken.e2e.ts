// Voice messages and films: recorded and sent by one browser, heard and seen by another.
import { mkdirSync } from 'node:fs';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { accessibilityFaults } from '../support/axe';
import { FAKE_MEDIA, launch, type Complaints } from '../support/browser';
import { film, noise, type TestFile } from '../support/files';
import { furnish, PHONE, sitTwo, type House } from '../support/people';
import { startServer, type TestServer } from '../support/server';

const OUT = new URL('../screens/', import.meta.url).pathname;
let browser: Browser;
let server: TestServer;
let house: House;
let mira: Page;
let ravi: Page;
let complaints: Complaints[];
let clip: TestFile;

beforeAll(async () => {
  mkdirSync(OUT, { recursive: true });
  server = await startServer({ HEARTH_LIMITS_ROUTES: 'false' });
  browser = await launch(FAKE_MEDIA);
  house = await furnish(server);
  ({ mira, ravi, complaints } = await sitTwo(
    browser,
    house,
    { colorScheme: 'dark' },
    { ...PHONE, colorScheme: 'dark' },
  ));
  clip = await film(mira, 'walk.webm');
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

const log = (page: Page): Locator => page.getByRole('log');
const box = (page: Page): Locator => page.getByRole('textbox', { name: /^Message / });
const voices = (page: Page): Locator => log(page).getByRole('button', { name: 'Play Voice message' });
const record = (page: Page): Locator => page.getByRole('button', { name: 'Record a voice message' });
/** Until the recorder shows so many seconds. */
const spoken = (page: Page, clock: string): Promise<void> =>
  page.getByRole('timer').getByText(clock).waitFor();

interface Heard {
  flags: number;
  content: string;
  attachments: { content_type: string; duration_secs: number; waveform: string; proxy_url: string }[];
}
const newest = async (): Promise<Heard | undefined> =>
  (await house.mira.call<Heard[]>('GET', `/channels/${house.general}/messages?limit=1`))[0];

test('a recording can be heard before it goes, and arrives with its length and loudness', async () => {
  await record(mira).click();
  await spoken(mira, '0:01');
  await mira.screenshot({ path: `${OUT}voice-recording.png` });
  await mira.getByRole('button', { name: 'Stop and listen' }).click();
  await mira.getByRole('button', { name: 'Play Voice message' }).waitFor();
  await mira.screenshot({ path: `${OUT}voice-preview.png` });
  expect(await accessibilityFaults(mira)).toEqual([]);
  await mira.getByRole('button', { name: 'Send the recording' }).click();
  await voices(ravi).waitFor();
  const message = await newest();
  expect([message?.flags, message?.content, message?.attachments[0]?.content_type]).toEqual([
    1 << 13,
    '',
    'audio/webm',
  ]);
  expect(message?.attachments[0]?.duration_secs).toBeGreaterThan(0.9);
  expect(Math.max(...Buffer.from(message?.attachments[0]?.waveform ?? '', 'base64'))).toBe(255);
  await expect.poll(() => box(mira).evaluate((element) => element === document.activeElement)).toBe(true);
});

test('the other side plays it, faster too, and from where one wants', async () => {
  await voices(ravi).tap();
  await log(ravi).getByRole('button', { name: 'Pause Voice message' }).waitFor();
  await ravi.screenshot({ path: `${OUT}voice-playing-phone.png` });
  await voices(ravi).waitFor(); // it came to its end
  await log(ravi).getByRole('button', { name: 'Speed 1×' }).tap();
  await log(ravi).getByRole('button', { name: 'Speed 1.5×' }).waitFor();
  const slider = log(ravi).getByRole('slider', { name: 'Position in Voice message' });
  await slider.fill('0.5');
  expect(await slider.getAttribute('aria-valuetext')).toMatch(/^0:00 \/ 0:0\d$/);
  expect(await accessibilityFaults(ravi)).toEqual([]);
});

test('it can be sent at once, and thrown away', async () => {
  await record(ravi).tap();
  await spoken(ravi, '0:01');
  await ravi.screenshot({ path: `${OUT}voice-recording-phone.png` });
  await ravi.getByRole('button', { name: 'Send the recording' }).tap();
  await expect.poll(() => voices(mira).count()).toBe(2);
  await record(mira).click();
  await spoken(mira, '0:01');
  await mira.keyboard.press('Escape'); // stops, and loses nothing
  await mira.getByRole('button', { name: 'Stop and listen' }).waitFor({ state: 'detached' });
  await mira.getByRole('button', { name: 'Throw the recording away' }).click();
  await record(mira).waitFor();
  expect(await mira.locator('[data-pending]').count()).toBe(0);
  await box(mira).fill('words');
  expect(await record(mira).count()).toBe(0);
  await box(mira).fill('');
});

test('without a microphone it says so', async () => {
  await mira.evaluate(() => {
    navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', 'NotAllowedError'));
  });
  await record(mira).click();
  await mira.getByText('There is no microphone, or this browser may not use it.').waitFor();
  await mira.getByRole('button', { name: 'Throw the recording away' }).click();
});

test('a film goes with a frame of itself, which stands there until it plays', async () => {
  await mira.locator('[data-chooser]').setInputFiles(clip);
  await mira.locator('.tray .done').waitFor();
  await expect
    .poll(() => mira.locator('.tray img').evaluate((image) => (image as HTMLImageElement).naturalWidth))
    .toBe(320);
  await mira.screenshot({ path: `${OUT}film-tray.png` });
  await box(mira).press('Enter');
  const player = log(ravi).getByLabel('Play walk.webm');
  await expect.poll(() => player.getAttribute('poster')).toMatch(/size=1024$/);
  expect(await player.getAttribute('preload')).toBe('none');
  const url = (await newest())?.attachments[0]?.proxy_url ?? '';
  const picture = await fetch(`${url}&size=1024`);
  expect(picture.headers.get('content-type')).toBe('image/jpeg');
  await ravi.screenshot({ path: `${OUT}film-phone.png` });
});

test('what only calls itself a film goes as it is', async () => {
  await mira.locator('[data-chooser]').setInputFiles(noise('broken.mp4', 5000, 'video/mp4'));
  await mira.locator('.tray .done').waitFor();
  await box(mira).press('Enter');
  await log(ravi).getByText('broken.mp4').waitFor();
});

test('nobody’s browser complained', () => {
  expect(complaints.flat()).toEqual([]);
});
