// Three people in real browsers and a music bot of a real library in one room of the real server, over TLS: everybody is heard and
// seen, by the bot too, over a change of roles and a server that dies. CALL_SECONDS makes the call as long as wished (600:
// the ten minutes that issue 5 asks for); how it went is printed.
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FAKE_MEDIA, launch } from '../support/browser';
import { PITCH_HZ, startJukebox, type Jukebox } from '../support/jukebox';
import { awaitFirstSound, pitches, streams, watchMedia, type Stream } from '../support/media';
import { furnish, register, type House, type Person } from '../support/people';
import { startServer, type TestServer } from '../support/server';
import { makeCertificate, type Certificate } from '../support/tls';

const SECONDS = Number(process.env['CALL_SECONDS'] ?? 20);
const WITHIN = { timeout: 60_000 };
const SAMPLE_MS = 5000;
/** From when the pointer is there until it presses. */
const REACH_MS = 200;
const SPEAK = 1n << 21n;
const NAMES = ['mira', 'ravi', 'june'] as const;

let browser: Browser;
let server: TestServer;
let certificate: Certificate;
let house: House;
let june: Person;
let room: string;
let jukebox: Jukebox;
const pages: Page[] = [];
/** By page: what came in since the call began, over all connections. */
const sums: { made: number; last: Map<string, Stream>; total: Omit<Stream, 'mid' | 'kind' | 'height'> }[] =
  [];
/** Milliseconds from the click to the first packet of a sound, by page. */
const joinsMs: number[] = [];
const asleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const stage = (page: Page) => page.getByRole('region', { name: 'Who is here' });
const tile = (page: Page, name: string) => stage(page).locator('.tile', { hasText: name });

beforeAll(async () => {
  certificate = await makeCertificate();
  // the certificate vouches for itself: these pages and calls take it, the bot is told to trust it
  process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
  server = await startServer(certificate.settings);
  browser = await launch([
    ...FAKE_MEDIA,
    '--ignore-certificate-errors',
    '--auto-select-tab-capture-source-by-title=Hearth',
    '--auto-accept-this-tab-capture',
  ]);
  house = await furnish(server);
  const { code } = await house.mira.call<{ code: string }>('POST', `/channels/${house.general}/invites`, {});
  june = await register(server.url, 'june', { invite: code });
  await june.call('POST', `/invites/${code}`, {});
  room = house.voice;
  for (const person of [house.mira, house.ravi, june]) {
    const { page } = await person.sit(browser, '/login', {
      ignoreHTTPSErrors: true,
      viewport: { width: 900, height: 640 },
    });
    await watchMedia(page);
    await page.goto(server.url + house.path);
    pages.push(page);
    sums.push({
      made: 0,
      last: new Map(),
      total: { packets: 0, lost: 0, energy: 0, samples: 0, concealed: 0, frames: 0, freezes: 0 },
    });
  }
  jukebox = await startJukebox(house, room, certificate.cert);
}, 180_000);
afterAll(async () => {
  await jukebox?.stop();
  await browser?.close();
  await server?.stop();
  await certificate?.remove();
  delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
});

/** Streams of a kind that brought something new since they were asked for last. */
async function flowing(page: Page, kind: Stream['kind'], of: 'energy' | 'frames'): Promise<number> {
  const at = pages.indexOf(page);
  const before = await streams(page);
  await asleep(1500);
  const after = await streams(page);
  if (before.made !== after.made) return 0;
  expect(at).toBeGreaterThanOrEqual(0);
  const held = new Map(before.streams.map((stream) => [stream.mid, stream]));
  return after.streams.filter(
    (stream) => stream.kind === kind && stream[of] > (held.get(stream.mid)?.[of] ?? 0),
  ).length;
}

/** Everybody hears the three others, and sees what is shown; the bot hears the three people. */
async function everybodyIsThere({ voices = 3, videos = 0, people = NAMES.length } = {}): Promise<void> {
  await Promise.all(
    pages.map(async (page) => {
      await expect.poll(() => flowing(page, 'audio', 'energy'), WITHIN).toBeGreaterThanOrEqual(voices);
      if (videos > 0)
        await expect.poll(() => flowing(page, 'video', 'frames'), WITHIN).toBeGreaterThanOrEqual(videos);
      await expect
        .poll(async () => (await pitches(page)).some((hz) => Math.abs(hz - PITCH_HZ) < 15), WITHIN)
        .toBe(true);
    }),
  );
  const before = Object.fromEntries(Object.entries(jukebox.heard).map(([id, { packets }]) => [id, packets]));
  const grown = (): number =>
    Object.entries(jukebox.heard).filter(([id, { packets }]) => packets > (before[id] ?? 0) + 20).length;
  await expect.poll(grown, WITHIN).toBeGreaterThanOrEqual(people);
}

/** Adds up what came in; a new connection counts from nothing. */
async function addUp(): Promise<void> {
  await Promise.all(
    pages.map(async (page, at) => {
      const sum = sums[at];
      if (!sum) return;
      const { made, streams: now } = await streams(page);
      if (made !== sum.made) sum.last.clear();
      sum.made = made;
      for (const stream of now) {
        const before = sum.last.get(stream.mid);
        for (const key of Object.keys(sum.total) as (keyof typeof sum.total)[])
          sum.total[key] += stream[key] - (before?.[key] ?? 0);
        sum.last.set(stream.mid, stream);
      }
    }),
  );
}

/** The call goes on for so long; whatever stops is a failure at the next look. */
async function goOn(seconds: number): Promise<void> {
  const end = Date.now() + seconds * 1000;
  while (Date.now() < end) {
    await asleep(Math.min(SAMPLE_MS, Math.max(0, end - Date.now())));
    await addUp();
  }
}

async function everyone(change: (bits: bigint) => bigint): Promise<void> {
  const { mira, guild } = house;
  const roles = await mira.call<{ id: string; permissions: string }[]>('GET', `/guilds/${guild}/roles`);
  const held = BigInt(roles.find((role) => role.id === guild)?.permissions ?? '0');
  await mira.call('PATCH', `/guilds/${guild}/roles/${guild}`, { permissions: String(change(held)) });
}

test('three people and a music bot meet in a room, and all of them are heard', async () => {
  await expect.poll(() => jukebox.states.includes('ready'), WITHIN).toBe(true);
  for (const page of pages) {
    const firstSound = await awaitFirstSound(page);
    await page.locator(`[data-channel="${room}"] a`).hover(); // as a hand does before it presses
    await asleep(REACH_MS);
    await page.locator(`[data-channel="${room}"] a`).click();
    await stage(page).waitFor(WITHIN);
    joinsMs.push(Math.round(await firstSound()));
  }
  await everybodyIsThere();
  for (const { loudness } of Object.values(jukebox.heard)) expect(loudness).toBeGreaterThan(50);
});

test('cameras and a screen with its sound are seen and heard by all', async () => {
  for (const page of pages) await stage(page).getByRole('button', { name: 'Camera' }).click();
  const [mira] = pages;
  if (!mira) throw new Error('nobody is there');
  await stage(mira).getByRole('button', { name: 'Share screen' }).click();
  for (const page of pages.slice(1)) await tile(page, 'Screen of mira').locator('video').waitFor(WITHIN);
  await everybodyIsThere({ videos: 2 });
  await addUp();
});

test(
  'the call goes on through a change of roles and a server that dies',
  async () => {
    const third = SECONDS / 3;
    await goOn(third);
    // nobody but the owner and the bot may speak: they are silent at once, for everybody, and heard again with the right
    await everyone((bits) => bits & ~SPEAK);
    await expect.poll(() => flowing(pages[1] as Page, 'audio', 'energy'), WITHIN).toBeLessThanOrEqual(3);
    const silent = { ...jukebox.heard };
    await asleep(2000);
    const moved = (): number =>
      Object.entries(jukebox.heard).filter(([id, { packets }]) => packets > (silent[id]?.packets ?? 0) + 5)
        .length;
    await expect.poll(moved, WITHIN).toBeLessThanOrEqual(1);
    await everyone((bits) => bits | SPEAK);
    await everybodyIsThere({ videos: 2 });
    await goOn(third);

    const died = Date.now();
    await server.restart();
    await everybodyIsThere({ videos: 2 });
    const backMs = Date.now() - died;
    await goOn(third);
    await everybodyIsThere({ videos: 2 });
    await addUp();

    console.log(`call of ${SECONDS} s and more; all is back ${backMs} ms after the server died`);
    console.log(`from the click to the first packet of a sound: ${joinsMs.join(', ')} ms`);
    console.table(
      Object.fromEntries(
        sums.map(({ made, total }, at) => [
          NAMES[at] ?? at,
          {
            connections: made,
            packets: total.packets,
            lost: total.lost,
            'loss %': Number(((100 * total.lost) / (total.packets + total.lost)).toFixed(3)),
            'concealed %': Number(((100 * total.concealed) / total.samples).toFixed(3)),
            energy: Number(total.energy.toFixed(3)),
            frames: total.frames,
            freezes: total.freezes,
          },
        ]),
      ),
    );
    console.log(
      `bot: ${jukebox.played} packets played, decoded`,
      JSON.stringify(jukebox.heard),
      jukebox.errors,
    );
    for (const { total } of sums) {
      expect(total.lost / (total.packets + total.lost)).toBeLessThan(0.02);
      expect(total.frames).toBeGreaterThan(SECONDS);
    }
  },
  (SECONDS + 300) * 1000,
);
