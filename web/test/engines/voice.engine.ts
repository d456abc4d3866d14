// Two people talk in Firefox, through the real server: what the one's microphone takes, the other hears. Firefox takes no media from
// a loopback address, so the server gives it the machine's own; a machine without one is passed over.
import { networkInterfaces } from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { keepConnections, measureFlow } from '../support/media';
import { furnish, PASSWORD, type House } from '../support/people';
import { startServer, type TestServer } from '../support/server';
import { firefox } from './firefox';
import { freePort } from './ports';
import { hasSpeakers, startSpeakers, type Speakers } from './speakers';
import { Visitor } from './visitor';

const address = Object.values(networkInterfaces())
  .flatMap((several) => several ?? [])
  .find((one) => one.family === 'IPv4' && !one.internal)?.address;
const absence =
  firefox.absence ??
  (address === undefined ? 'no address but loopback' : hasSpeakers ? null : 'no pulseaudio');
if (absence !== null) console.info(`voice in Firefox is passed over: ${absence}`);

describe.skipIf(absence !== null)('voice in Firefox', () => {
  let server: TestServer;
  let house: House;
  let room: string;
  let speakers: Speakers;
  const people: Visitor[] = [];

  async function sit(username: string, env: Record<string, string>): Promise<Visitor> {
    const who = new Visitor(username, await firefox.open(env));
    await who.hands.goto(`${server.url}/login?next=${encodeURIComponent(house.path)}`);
    await who.write('input[name="login"]', username);
    await who.write('input[name="password"]', PASSWORD);
    await who.hands.press('Enter');
    await who.sees('[data-composer]');
    await who.hands.run(keepConnections);
    return who;
  }

  beforeAll(async () => {
    server = await startServer({
      HEARTH_VOICE_UDP: `${address}:${await freePort()}`,
      HEARTH_VOICE_TCP: 'off',
      HEARTH_VOICE_PUBLIC_IP: `${address}`,
    });
    speakers = await startSpeakers();
    house = await furnish(server);
    const channels = await house.mira.call<{ id: string; type: number }[]>(
      'GET',
      `/guilds/${house.guild}/channels`,
    );
    room = channels.find((channel) => channel.type === 2)?.id ?? '';
    for (const { username } of [house.mira, house.ravi]) people.push(await sit(username, speakers.env));
  }, 120_000);
  afterAll(async () => {
    await Promise.all(people.map((who) => who.hands.close()));
    await speakers?.stop();
    await server?.stop();
  });

  test('both come in by a click, and hear each other', async () => {
    for (const who of people) {
      await who.click(`[data-channel="${room}"] a`);
      await who.sees('[role="region"], section', 'In General');
    }
    for (const who of people) {
      await expect.poll(async () => (await who.hands.run(measureFlow)).state).toBe('connected');
      const before = await who.hands.run(measureFlow);
      await expect
        .poll(async () => (await who.hands.run(measureFlow)).audioPackets)
        .toBeGreaterThan(before.audioPackets + 50);
      await expect
        .poll(async () => (await who.hands.run(measureFlow)).audioEnergy)
        .toBeGreaterThan(before.audioEnergy + 0.001);
      await who.shoot(`Firefox-voice-${who.name}`);
    }
  });

  test('both are seen', async () => {
    for (const who of people) await who.click('button', 'Camera');
    for (const who of people)
      await expect.poll(async () => (await who.hands.run(measureFlow)).frames).toBeGreaterThan(10);
    await people[0]?.shoot('Firefox-voice-cameras');
  });

  test('one who leaves is gone for the other', async () => {
    const [mira, ravi] = people;
    await mira?.click('button', 'Leave the room');
    await ravi?.misses(`[data-channel="${room}"] + li`, 'mira');
  });

  test('one who has no speakers is heard all the same', async () => {
    const [, ravi] = people;
    const mira = await sit('mira', { PULSE_SERVER: 'unix:/nowhere' });
    people.push(mira);
    await mira.click(`[data-channel="${room}"] a`);
    await ravi?.sees(`[data-channel="${room}"] + li`, 'mira');
    const before = (await ravi?.hands.run(measureFlow))?.audioEnergy ?? 0;
    await expect
      .poll(async () => (await ravi?.hands.run(measureFlow))?.audioEnergy)
      .toBeGreaterThan(before + 0.001);
  });

  test('nobody’s browser complained', () => {
    expect(people.flatMap((who) => who.hands.complaints)).toEqual([]);
  });
});
