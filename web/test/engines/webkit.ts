// WebKitGTK's small browser, driven over classic WebDriver on a screen that nobody sees. It has no WebRTC.
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { vi } from 'vitest';
import { freePort } from './ports';
import type { Engine, Hands, Key } from './visitor';

const DRIVER = process.env['WEBKIT_DRIVER'] ?? '/usr/bin/WebKitWebDriver';
const BROWSER = ['4.1', '4.0', '6.0']
  .map((version) => `/usr/lib/x86_64-linux-gnu/webkit2gtk-${version}/MiniBrowser`)
  .find((candidate) => existsSync(candidate));
const SCREEN = '/usr/bin/Xvfb';

/** Keys as WebDriver writes them (section 17.4.2). */
const KEYS: Readonly<Record<string, string>> = {
  Enter: '\uE007',
  Escape: '\uE00C',
  Tab: '\uE004',
  ArrowUp: '\uE013',
  ArrowDown: '\uE015',
  Control: '\uE009',
  Shift: '\uE008',
  Alt: '\uE00A',
};
const signOf = (key: Key): string => KEYS[key] ?? key;

/** Starts a screen; answers with its name. */
function startScreen(): Promise<{ process: ChildProcess; display: string }> {
  const process = spawn(SCREEN, ['-displayfd', '1', '-screen', '0', '1280x800x24', '-nolisten', 'tcp'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return new Promise((resolve, reject) => {
    process.once('exit', () => reject(new Error('Xvfb ended')));
    createInterface({ input: process.stdout }).once('line', (number) =>
      resolve({ process, display: `:${number}` }),
    );
  });
}

async function command<Answer>(method: string, url: string, body?: object): Promise<Answer> {
  const answer = await fetch(url, { method, ...(body ? { body: JSON.stringify(body) } : {}) });
  const { value } = (await answer.json()) as { value: Answer & { error?: string; message?: string } };
  if (!answer.ok) throw new Error(`${method} ${url}: ${value.error ?? ''} ${value.message ?? ''}`);
  return value;
}

export const webkit: Engine = {
  name: 'WebKitGTK',
  absence: !BROWSER || !existsSync(DRIVER) ? 'no webkit2gtk-driver' : existsSync(SCREEN) ? null : 'no xvfb',
  async open(): Promise<Hands> {
    const screen = await startScreen();
    const port = await freePort();
    const driver = spawn(DRIVER, [`--port=${port}`], {
      env: { ...process.env, DISPLAY: screen.display, LANGUAGE: 'en_GB', NO_AT_BRIDGE: '1' },
      stdio: 'ignore',
    });
    const root = `http://127.0.0.1:${port}`;
    await vi.waitFor(() => command('GET', `${root}/status`), { timeout: 10_000, interval: 100 });
    const { sessionId } = await command<{ sessionId: string }>('POST', `${root}/session`, {
      capabilities: {
        alwaysMatch: { 'webkitgtk:browserOptions': { binary: BROWSER, args: ['--automation'] } },
      },
    });
    const session = `${root}/session/${sessionId}`;
    await command('POST', `${session}/window/rect`, { x: 0, y: 0, width: 1280, height: 800 });
    const act = async (type: 'key' | 'pointer' | 'wheel', actions: object[]): Promise<void> => {
      await command('POST', `${session}/actions`, { actions: [{ type, id: type, actions }] });
    };
    const at = (x: number, y: number) => ({ x: Math.round(x), y: Math.round(y), origin: 'viewport' });
    return {
      complaints: [],
      goto: async (url) => {
        await command('POST', `${session}/url`, { url });
      },
      run: async <Inputs extends unknown[], Seen>(
        look: (...inputs: Inputs) => Seen,
        ...inputs: Inputs
      ): Promise<Awaited<Seen>> => {
        const script = `const done = arguments[arguments.length - 1];
          Promise.resolve((${String(look)})(...[...arguments].slice(0, -1))).then(
            (seen) => done({ seen }), (error) => done({ error: String(error) }));`;
        const answer = await command<{ seen?: unknown; error?: string }>('POST', `${session}/execute/async`, {
          script,
          args: inputs,
        });
        if (answer.error !== undefined) throw new Error(answer.error);
        return answer.seen as Awaited<Seen>;
      },
      click: (x, y) =>
        act('pointer', [
          { type: 'pointerMove', duration: 0, ...at(x, y) },
          { type: 'pointerDown', button: 0 },
          { type: 'pointerUp', button: 0 },
        ]),
      wheel: (x, y, byPx) =>
        act('wheel', [{ type: 'scroll', duration: 0, deltaX: 0, deltaY: byPx, ...at(x, y) }]),
      type: (text) =>
        act(
          'key',
          [...text].flatMap((value) => [
            { type: 'keyDown', value },
            { type: 'keyUp', value },
          ]),
        ),
      press: (...keys) =>
        act('key', [
          ...keys.map((key) => ({ type: 'keyDown', value: signOf(key) })),
          ...[...keys].reverse().map((key) => ({ type: 'keyUp', value: signOf(key) })),
        ]),
      picture: async () => Buffer.from(await command<string>('GET', `${session}/screenshot`), 'base64'),
      close: async () => {
        await command('DELETE', session).catch(() => undefined); // the driver may have ended with its browser
        driver.kill();
        screen.process.removeAllListeners('exit').kill();
      },
    };
  },
};
