// A bot of a real library in a voice channel: it plays a tone, and decodes what people send (tests/bots/jukebox.mjs).
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { House } from './people';

const PROGRAMS = fileURLToPath(new URL('../../../tests/bots/', import.meta.url));
/** The library runs on no older Node than 22, which the bots' packages bring along. */
const NODE = `${PROGRAMS}node_modules/.bin/node`;
const ADMINISTRATOR = 8;

/** The pitch of what it plays. */
export const PITCH_HZ = 440;

export interface Jukebox {
  id: string;
  /** Packets it played. */
  played: number;
  /** By person: packets decoded, and how loud the last of them are, of 32767. */
  heard: Record<string, { packets: number; loudness: number }>;
  /** States its connection went through, and errors its library told of. */
  states: string[];
  errors: string[];
  stop: () => Promise<void>;
}

/** Makes a bot in the guild and starts it. `cert` is the certificate it trusts. */
export async function startJukebox(house: House, channel: string, cert: string): Promise<Jukebox> {
  if (!existsSync(NODE)) throw new Error(`no ${NODE}: run npm ci in tests/bots`);
  const { mira, guild } = house;
  const { id } = await mira.call<{ id: string }>('POST', '/applications', { name: 'Jukebox' });
  const { token } = await mira.call<{ token: string }>('POST', `/applications/${id}/bot`);
  const query = `client_id=${id}&scope=bot&permissions=${ADMINISTRATOR}`;
  await mira.call('POST', `/oauth2/authorize?${query}`, { authorize: true, guild_id: guild });
  const child = spawn(NODE, ['jukebox.mjs'], {
    cwd: PROGRAMS,
    env: {
      ...process.env,
      NODE_EXTRA_CA_CERTS: cert,
      HEARTH_ORIGIN: mira.origin,
      GUILD_ID: guild,
      CHANNEL_ID: channel,
      BOT_TOKEN: token,
    },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const jukebox: Jukebox = {
    id,
    played: 0,
    heard: {},
    states: [],
    errors: [],
    stop: async () => {
      if (child.exitCode !== null) return;
      const ended = once(child, 'exit');
      child.stdin.end();
      await ended;
    },
  };
  createInterface({ input: child.stdout }).on('line', (line) => {
    const told = JSON.parse(line) as Partial<Jukebox> & { status?: string; error?: string };
    if (told.status) jukebox.states.push(told.status);
    if (told.error) jukebox.errors.push(told.error);
    if (told.heard) Object.assign(jukebox, { heard: told.heard, played: told.played });
  });
  return jukebox;
}
