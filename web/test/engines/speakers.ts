// Speakers that nobody hears: Firefox starts its clock of sound, and so a page's own work on it, only where there are some.
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { vi } from 'vitest';

const PULSE = '/usr/bin/pulseaudio';

export const hasSpeakers = existsSync(PULSE);

export interface Speakers {
  /** What a browser is told to find them. */
  env: Record<string, string>;
  stop: () => Promise<void>;
}

export async function startSpeakers(): Promise<Speakers> {
  const home = await mkdtemp(join(tmpdir(), 'hearth-sound-'));
  const socket = join(home, 'socket');
  const server: ChildProcess = spawn(
    PULSE,
    [
      '-n',
      '--daemonize=no',
      '--exit-idle-time=-1',
      '--load=module-null-sink',
      `--load=module-native-protocol-unix auth-anonymous=1 socket=${socket}`,
    ],
    { env: { ...process.env, HOME: home, XDG_RUNTIME_DIR: home }, stdio: 'ignore' },
  );
  await vi.waitFor(
    () => {
      if (!existsSync(socket)) throw new Error('pulseaudio does not start');
    },
    { timeout: 10_000, interval: 50 },
  );
  return {
    env: { PULSE_SERVER: `unix:${socket}` },
    stop: async () => {
      server.kill();
      await rm(home, { recursive: true, force: true });
    },
  };
}
