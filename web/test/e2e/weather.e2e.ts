// Two people in real browsers in a room of the real server, in bad weather: of all packets to it and from it one in twenty is lost, and
// the others come up to 50 ms late in any order. What one says is heard by the other, what one shows is seen, though a tenth of it is lost
// on both ways together. CALL_SECONDS makes the call as long as wished and holds it to the targets of VOICE.md §10 (120: two minutes);
// WEATHER=up or down has it bad on one way alone. How it went is printed.
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FAKE_MEDIA, launch } from '../support/browser';
import { counters, flow, watchMedia } from '../support/media';
import { furnish, type House, type Person } from '../support/people';
import { startServer, type TestServer } from '../support/server';
import { writeSpeech } from '../support/speech';
import { CLEAR_SKY, startWeather, type Sky, type Weather } from '../support/weather';

const SECONDS = Number(process.env['CALL_SECONDS'] ?? 20);
const ONLY = process.env['WEATHER'];
const SEED = 7;
const STORM: Sky = { loss: 0.05, jitterMs: 50 };
/** Shares of sound made up, and freezes of a picture in a minute: as wished, and as much as a machine that is short of time adds. */
const IS_HELD_TO_TARGETS = process.env['CALL_SECONDS'] !== undefined;
const CONCEALED = IS_HELD_TO_TARGETS ? 0.06 : 0.12;
const FREEZES = IS_HELD_TO_TARGETS ? Math.max(1, Math.ceil(SECONDS / 60)) - 1 : 5;
/** Until the connection has found its delay. */
const SETTLES_MS = 3000;
const WITHIN = { timeout: 60_000 };
const SOUND = [
  'packetsReceived',
  'packetsLost',
  'fecPacketsReceived',
  'totalSamplesReceived',
  'concealedSamples',
  'silentConcealedSamples',
] as const;
const PICTURE = [
  'packetsReceived',
  'packetsLost',
  'retransmittedPacketsReceived',
  'framesDecoded',
  'keyFramesDecoded',
  'pliCount',
  'freezeCount',
  'totalFreezesDuration',
] as const;

const speech = join(tmpdir(), `hearth-weather-${process.pid}.wav`);
let browser: Browser;
let server: TestServer;
let weather: Weather;
let house: House;
let room: string;
let mira: Page;
let ravi: Page;

const asleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const stage = (page: Page) => page.getByRole('region', { name: 'Who is here' });
const row = (page: Page) => page.locator(`[data-channel="${room}"] a`);

async function sit(person: Person): Promise<Page> {
  const { page } = await person.sit(browser, '/login', { viewport: { width: 900, height: 640 } });
  await watchMedia(page);
  await page.goto(server.url + house.path);
  return page;
}

beforeAll(async () => {
  weather = await startWeather(SEED);
  server = await startServer(weather.settings);
  writeSpeech(speech);
  browser = await launch([...FAKE_MEDIA, `--use-file-for-fake-audio-capture=${speech}`]);
  house = await furnish(server);
  room = house.voice;
  mira = await sit(house.mira);
  ravi = await sit(house.ravi);
}, 180_000);
afterAll(async () => {
  await browser?.close();
  await server?.stop();
  await weather?.close();
  rmSync(speech, { force: true });
});

/** What has grown since, name by name. */
function grown<Name extends string>(before: Record<Name, number>, now: Record<Name, number>) {
  const names = Object.keys(now) as Name[];
  return Object.fromEntries(names.map((name) => [name, now[name] - before[name]])) as Record<Name, number>;
}

const percent = (part: number, all: number): number => Number(((100 * part) / all).toFixed(2));

test('they meet in bad weather, over UDP and by no other way', async () => {
  weather.up = ONLY === 'down' ? CLEAR_SKY : STORM;
  weather.down = ONLY === 'up' ? CLEAR_SKY : STORM;
  for (const page of [mira, ravi]) {
    await row(page).click();
    await stage(page).waitFor(WITHIN);
  }
  await stage(mira).getByRole('button', { name: 'Camera' }).click();
  for (const page of [mira, ravi])
    await expect.poll(async () => (await flow(page)).audioEnergy, WITHIN).toBeGreaterThan(0);
  await expect.poll(async () => (await flow(ravi)).frames, WITHIN).toBeGreaterThan(10);
  for (const page of [mira, ravi])
    await expect.poll(async () => (await flow(page)).protocol, WITHIN).toBe('udp');
});

test(
  'what is lost is mended: hardly anything is made up, and the picture goes on',
  async () => {
    await asleep(SETTLES_MS);
    const look = () =>
      Promise.all([
        counters(mira, 'audio', SOUND),
        counters(ravi, 'audio', SOUND),
        counters(ravi, 'video', PICTURE),
      ]);
    const before = await look();
    await asleep(SECONDS * 1000);
    const [toMira, toRavi, seen] = await look();
    const heard = { mira: grown(before[0], toMira), ravi: grown(before[1], toRavi) };
    const picture = grown(before[2], seen);

    console.log(`call of ${SECONDS} s in a storm on ${ONLY ?? 'both ways'}, seed ${SEED}`);
    console.table(weather.passed);
    const shares = Object.entries(heard).map(([name, of]) => ({
      name,
      'lost %': percent(of.packetsLost, of.packetsLost + of.packetsReceived),
      'in the next %': percent(of.fecPacketsReceived, of.packetsReceived),
      'concealed %': percent(of.concealedSamples - of.silentConcealedSamples, of.totalSamplesReceived),
      'with silence %': percent(of.concealedSamples, of.totalSamplesReceived),
    }));
    console.table(shares);
    console.table({ 'what ravi sees': picture });

    for (const way of ['up', 'down'] as const) {
      const { carried, lost, overtaken } = weather.passed[way];
      if (weather[way] === CLEAR_SKY) continue;
      expect(lost / (carried + lost)).toBeGreaterThan(0.03);
      expect(overtaken).toBeGreaterThan(carried / 10);
    }
    for (const of of Object.values(heard)) {
      expect(of.totalSamplesReceived).toBeGreaterThan(SECONDS * 24_000);
      // a sender that knows of loss on its way sends each sound once more with the next one
      if (weather.up === STORM) expect(of.fecPacketsReceived).toBeGreaterThan(0);
      const concealed = of.concealedSamples - of.silentConcealedSamples;
      expect(concealed / of.totalSamplesReceived).toBeLessThan(CONCEALED);
    }
    expect(picture.framesDecoded).toBeGreaterThan(SECONDS * 2);
    expect(picture.freezeCount).toBeLessThanOrEqual(FREEZES);
  },
  (SECONDS + 60) * 1000,
);
