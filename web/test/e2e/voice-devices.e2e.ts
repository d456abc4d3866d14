// One's own side of voice on the real server: the settings page, the key to talk, how loud others are, and what is said when there is
// no microphone or no way for media.
import { mkdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { accessibilityFaults } from '../support/axe';
import { FAKE_MEDIA, launch, type Complaints } from '../support/browser';
import { flow, watchMedia } from '../support/media';
import { furnish, type House, type Person } from '../support/people';
import { writeSpeech } from '../support/speech';
import { startServer, type TestServer } from '../support/server';

const OUT = new URL('../screens/', import.meta.url).pathname;
const WITHIN = { timeout: 40_000 };
const speech = join(tmpdir(), `hearth-speech-${process.pid}.wav`);
let browser: Browser;
let server: TestServer;
let house: House;
let room: string;
let complaints: Complaints;
let mira: Page;
let ravi: Page;

async function sit(person: Person, path: string, options = {}, by = browser) {
  const opened = await person.sit(by, '/login', { colorScheme: 'dark', ...options });
  await watchMedia(opened.page);
  await opened.page.goto(person.origin + path);
  return opened;
}
/** The room of a fresh server. */
async function roomOf({ mira: owner, voice: id }: House): Promise<string> {
  await owner.call('PATCH', `/channels/${id}`, { name: 'Fireside' });
  return id;
}

const dock = (page: Page) => page.getByRole('region', { name: 'Voice connection' });
const stage = (page: Page) => page.getByRole('region', { name: 'Who is here' });
const tile = (page: Page, name: string) => stage(page).locator('.tile', { hasText: name });
const shot = (page: Page, name: string) => page.screenshot({ path: `${OUT}voice-${name}.png` });
const energy = async (page: Page) => (await flow(page)).audioEnergy;
const roomPath = () => `/channels/${house.guild}/${room}`;
async function enter(page: Page): Promise<void> {
  await stage(page).getByRole('button', { name: 'Come in' }).click();
  await dock(page).getByText('In Fireside').waitFor(WITHIN);
}

beforeAll(async () => {
  mkdirSync(OUT, { recursive: true });
  server = await startServer();
  writeSpeech(speech);
  browser = await launch([...FAKE_MEDIA, `--use-file-for-fake-audio-capture=${speech}`]);
  house = await furnish(server);
  room = await roomOf(house);
  ({ page: mira, complaints } = await sit(house.mira, '/settings/voice'));
  ({ page: ravi } = await sit(house.ravi, roomPath()));
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
  rmSync(speech, { force: true });
});

test('the microphone is tried before anybody hears it, with the noise taken away too', async () => {
  await mira.getByRole('button', { name: 'Try it' }).click();
  await mira.getByText('You are heard', { exact: true }).waitFor(WITHIN);
  const fetched = mira.waitForResponse((answer) => /rnnoise.*\.wasm/.test(answer.url()) && answer.ok());
  await mira.getByRole('radio', { name: /Strong, on this device/ }).check();
  await fetched;
  await mira.getByRole('meter', { name: 'Microphone level' }).waitFor();
  await expect
    .poll(
      () => mira.getByRole('meter').evaluate((meter) => Number(meter.getAttribute('aria-valuenow'))),
      WITHIN,
    )
    .toBeGreaterThan(-60);
  await mira.getByRole('button', { name: 'Look at the picture' }).click();
  await mira.locator('video').waitFor();
  await expect
    .poll(() => mira.locator('video').evaluate((video: HTMLVideoElement) => video.videoWidth))
    .toBeGreaterThan(0);
  await shot(mira, 'settings');
  expect(await accessibilityFaults(mira)).toEqual([]);
  await mira.getByRole('button', { name: 'Stop', exact: true }).click();
  await mira.getByRole('button', { name: 'Stop trying' }).click();
  expect(await mira.getByRole('combobox', { name: 'Input' }).locator('option').count()).toBeGreaterThan(1);
  expect(complaints).toEqual([]);
});

test('with a key to talk, nothing leaves but while it is held', async () => {
  await mira.getByRole('radio', { name: /While a key is held/ }).check();
  await mira.getByRole('button', { name: 'Space' }).click();
  await mira.keyboard.press('F9');
  await mira.getByRole('button', { name: 'F9' }).waitFor();
  await mira.goto(server.url + roomPath());
  await enter(mira);
  await enter(ravi);
  // the other way round flows: the connection stands
  await expect.poll(() => energy(mira), WITHIN).toBeGreaterThan(0);
  await stage(mira).getByText('Hold F9 to talk').waitFor();
  expect(await energy(ravi)).toBeLessThan(0.0001);
  await mira.keyboard.down('F9');
  await tile(ravi, 'mira').getByText('is talking').waitFor(WITHIN);
  await expect.poll(() => energy(ravi), WITHIN).toBeGreaterThan(0.001);
  await mira.keyboard.up('F9');
  await tile(ravi, 'mira').getByText('is talking').waitFor({ state: 'hidden' });
  await expect.poll(async () => (await flow(ravi)).audioLevel, WITHIN).toBe(0);
});

test('devices change without leaving', async () => {
  const before = (await flow(ravi)).made;
  await stage(ravi).getByRole('button', { name: 'Microphone and sound' }).click();
  const input = ravi.getByRole('combobox', { name: 'Input' });
  await expect.poll(() => input.locator('option').count()).toBeGreaterThan(1);
  await input.selectOption({ index: 1 });
  await shot(ravi, 'quick');
  await ravi.keyboard.press('Escape');
  const heard = await energy(mira);
  await expect.poll(() => energy(mira), WITHIN).toBeGreaterThan(heard + 0.001);
  expect((await flow(ravi)).made).toBe(before);
});

test('how loud somebody is, is one’s own affair', async () => {
  const ears = (page: Page) =>
    page
      .locator('audio[data-slot]')
      .evaluateAll((all: HTMLAudioElement[]) => all.map((ear) => (ear.muted ? 'gain' : ear.volume)));
  expect(await ears(mira)).toContain(1);
  await tile(mira, 'ravi').hover();
  await tile(mira, 'ravi').getByRole('button', { name: 'More about ravi' }).click();
  const loudness = mira.getByRole('slider', { name: 'Volume of ravi' });
  await loudness.fill('2');
  await expect.poll(() => ears(mira)).toContain('gain');
  await loudness.fill('0.5');
  await expect.poll(() => ears(mira)).toContain(0.5);
  await shot(mira, 'volume');
  await mira.getByRole('button', { name: 'Mute on this device' }).click();
  await expect.poll(() => ears(mira)).not.toContain(0.5);
  await mira.getByRole('button', { name: 'Hear again on this device' }).click();
  await expect.poll(() => ears(mira)).toContain(0.5);
  await mira.keyboard.press('Escape');
});

test('who keeps order mutes, and takes out', async () => {
  await tile(mira, 'ravi').hover();
  await tile(mira, 'ravi').getByRole('button', { name: 'More about ravi' }).click();
  await mira.getByRole('menuitem', { name: 'Mute for everybody' }).click();
  await dock(ravi).getByText('Somebody who keeps order has muted you.').waitFor();
  await mira.getByRole('button', { name: 'Undo' }).click();
  await dock(ravi).getByText('Somebody who keeps order has muted you.').waitFor({ state: 'hidden' });
  await tile(mira, 'ravi').hover();
  await tile(mira, 'ravi').getByRole('button', { name: 'More about ravi' }).click();
  await mira.getByRole('menuitem', { name: 'Take out of the room' }).click();
  await ravi.getByText('You are no longer in the room.').waitFor();
  await dock(ravi).waitFor({ state: 'hidden' });
  await enter(ravi);
});

test('what is said beside the talk, and how the connection is', async () => {
  await ravi.getByRole('button', { name: 'Room chat' }).click();
  await ravi.getByRole('textbox', { name: /^Message / }).fill('Can you hear me?');
  await ravi.keyboard.press('Enter');
  await ravi.getByRole('log').getByText('Can you hear me?').waitFor();
  await dock(mira)
    .getByRole('button', { name: /Connection details/ })
    .click();
  await mira.getByText('There and back').waitFor();
  await mira.getByText('UDP', { exact: true }).waitFor();
  await shot(mira, 'connection');
  await mira.keyboard.press('Escape');
  await shot(ravi, 'chat');
  expect(await accessibilityFaults(ravi)).toEqual([]);
  await ravi.getByRole('button', { name: 'Room chat' }).click();
});

test('another device takes over, and this one says so', async () => {
  const { page: phone } = await sit(house.ravi, roomPath(), {
    viewport: { width: 390, height: 844 },
    hasTouch: true,
  });
  await stage(phone).getByRole('button', { name: 'Come in' }).click();
  await ravi.getByText('You are talking on another device now.').waitFor(WITHIN);
  await stage(phone).getByText('Clear').waitFor(WITHIN);
  await shot(phone, 'phone');
  expect(await accessibilityFaults(phone)).toEqual([]);
  await phone.getByRole('button', { name: 'Back' }).click();
  await dock(phone).getByText('In Fireside').waitFor(WITHIN);
  await shot(phone, 'phone-rooms');
  expect(await accessibilityFaults(phone)).toEqual([]);
  await phone.close();
});

test('without a microphone one listens, and is told', async () => {
  const plain = await launch(['--mute-audio', '--autoplay-policy=no-user-gesture-required']);
  const { page } = await sit(house.ravi, roomPath(), {}, plain);
  await stage(page).getByRole('button', { name: 'Come in' }).click();
  await dock(page).getByText('In Fireside').waitFor(WITHIN);
  await dock(page)
    .getByText(/No microphone was found|does not let Hearth use the microphone/)
    .waitFor(WITHIN);
  await mira.keyboard.down('F9');
  await expect.poll(() => energy(page), WITHIN).toBeGreaterThan(0);
  await mira.keyboard.up('F9');
  await shot(page, 'no-microphone');
  await plain.close();
});

test('where no UDP gets through sound goes over TCP; where nothing does, the port is named', async () => {
  for (const [env, check] of [
    [{ HEARTH_VOICE_UDP: 'off' }, 'tcp'],
    [{ HEARTH_VOICE_PUBLIC_IP: '192.0.2.1' }, 'none'],
  ] as const) {
    const other = await startServer(env);
    const home = await furnish(other);
    const id = await roomOf(home);
    const { page } = await sit(home.mira, `/channels/${home.guild}/${id}`);
    await stage(page).getByRole('button', { name: 'Come in' }).click();
    if (check === 'tcp') {
      await dock(page).getByText('In Fireside').waitFor(WITHIN);
      expect((await flow(page)).protocol).toBe('tcp');
    } else {
      await dock(page)
        .getByText(`blocks port ${new URL(other.url).port}`)
        .waitFor(WITHIN);
      await shot(page, 'no-route');
    }
    await page.close();
    await other.stop();
  }
});
