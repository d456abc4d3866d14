// The real server, on a fresh data directory and a port of its own choosing.
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

export interface TestServer {
  /** The instance's own origin. */
  url: string;
  /** Its data directory. */
  data: string;
  /** The link that makes the owner. */
  setupLink: string;
  /** Everything it printed. */
  log: string[];
  /** Kills it where it stands and starts it again on the same data and port. */
  restart: () => Promise<void>;
  /** What the command line answers on this server's data. */
  command: (...words: string[]) => Promise<string>;
  stop: () => Promise<void>;
}

/**
 * Starts the binary named by `HEARTH_BIN`; limits that a test would run into are off. `env` sets more of its settings;
 * `publicUrl` is the origin that visitors come by, where that is not the server's own.
 */
export async function startServer(env: Record<string, string> = {}, publicUrl?: string): Promise<TestServer> {
  const binary = process.env['HEARTH_BIN'];
  if (!binary) throw new Error('HEARTH_BIN must name the server binary');
  const data = await mkdtemp(join(tmpdir(), 'hearth-e2e-'));
  const log: string[] = [];
  const settings = { ...env, ...(publicUrl ? { HEARTH_PUBLIC_URL: publicUrl } : {}) };
  let child = run(binary, data, env['HEARTH_LISTEN'] ?? '127.0.0.1:0', log, settings);
  const setupLink = await seen(child, log, /https?:\/\/\S+\/setup#\S+/);
  const url = new URL(setupLink).origin;
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  };
  return {
    url,
    data,
    setupLink,
    log,
    restart: async () => {
      await end('SIGKILL');
      log.length = 0;
      child = run(binary, data, env['HEARTH_LISTEN'] ?? new URL(url).host, log, settings);
      await seen(child, log, /is ready/);
    },
    command: async (...words) => {
      const { stdout } = await promisify(execFile)(binary, [...words, '--data', data]);
      return stdout.trim();
    },
    stop: async () => {
      await end('SIGTERM');
      await rm(data, { recursive: true, force: true });
    },
  };
}

function run(
  binary: string,
  data: string,
  listen: string,
  log: string[],
  settings: Record<string, string>,
): ChildProcess {
  const child = spawn(binary, ['serve', '--data', data, '--listen', listen], {
    env: {
      ...process.env,
      HEARTH_LIMITS_AUTH_PER_ADDRESS: '0',
      HEARTH_LIMITS_REQUESTS_PER_ADDRESS: '0',
      ...settings,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      log.push(line);
      child.emit('line', line);
    });
  }
  return child;
}

/** Waits until the server prints something like `pattern`; rejects when it ends first. */
function seen(child: ChildProcess, log: string[], pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    child.once('exit', () => reject(new Error(`the server ended: ${log.join('\n')}`)));
    child.on('line', (line: string) => {
      const found = pattern.exec(line)?.[0];
      if (found) resolve(found);
    });
  });
}
