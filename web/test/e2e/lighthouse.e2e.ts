// Lighthouse's verdict on accessibility and good practice (WEB.md section 7), as a visitor and as somebody signed in meets the client.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import lighthouse, { desktopConfig } from 'lighthouse';
import { chromium, type Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CHROMIUM_SWITCHES, chromiumPath } from '../support/browser';
import { furnish, type House } from '../support/people';
import { startServer, type TestServer } from '../support/server';

const MIN_BEST_PRACTICES = 0.95;
const MAX_LOAD_MS = 30_000;

let server: TestServer;
let house: House;
let profile: string;
let child: ChildProcess;
let browser: Browser;
let port: number;

beforeAll(async () => {
  server = await startServer();
  house = await furnish(server);
  await house.ravi.say(house.general, 'Soup at **eight**, see <https://example.org/menu> for `what`');
  await house.mira.say(house.general, 'On my way');
  // Lighthouse drives a browser by its port, and in the profile that the browser began with
  profile = await mkdtemp(join(tmpdir(), 'hearth-lighthouse-'));
  child = spawn(
    chromiumPath(),
    [
      ...CHROMIUM_SWITCHES,
      '--headless',
      '--remote-debugging-port=0',
      `--user-data-dir=${profile}`,
      'about:blank',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  port = await debuggingPort(child);
  browser = await chromium.connectOverCDP(`http://127.0.0.1:${port}`);
}, 120_000);
afterAll(async () => {
  await browser?.close();
  if (child && child.exitCode === null) {
    const ended = once(child, 'exit');
    child.kill();
    await ended;
  }
  if (profile) await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  await server?.stop();
});

/** Where a browser that was started with a port of its own choosing listens. */
async function debuggingPort({ stderr }: ChildProcess): Promise<number> {
  if (!stderr) throw new Error('the browser’s errors are not piped');
  for await (const line of createInterface({ input: stderr })) {
    const found = /DevTools listening on ws:\/\/[^:]+:(\d+)\//.exec(line)?.[1];
    if (found) return Number(found);
  }
  throw new Error('the browser ended');
}

interface Verdict {
  accessibility: number;
  bestPractices: number;
  /** What cost points, one line each. */
  faults: string[];
}

async function verdict(path: string, form: 'mobile' | 'desktop'): Promise<Verdict> {
  const found = await lighthouse(
    server.url + path,
    {
      port,
      logLevel: 'error',
      onlyCategories: ['accessibility', 'best-practices'],
      disableStorageReset: true,
      throttlingMethod: 'provided',
      maxWaitForLoad: MAX_LOAD_MS,
    },
    form === 'desktop' ? desktopConfig : undefined,
  );
  if (!found) throw new Error('Lighthouse said nothing');
  const { categories, audits, runtimeError, finalDisplayedUrl } = found.lhr;
  if (runtimeError) throw new Error(runtimeError.message);
  expect(new URL(finalDisplayedUrl ?? '').pathname).toBe(path);
  const weighed = Object.values(categories).flatMap((category) => category.auditRefs);
  const faults = weighed.flatMap(({ id, weight }) => {
    const audit = audits[id];
    if (!audit || weight === 0 || audit.score === null || audit.score === 1) return [];
    return [`${id}: ${audit.title} ${JSON.stringify(audit.details)?.slice(0, 600) ?? ''}`];
  });
  return {
    accessibility: categories['accessibility']?.score ?? 0,
    bestPractices: categories['best-practices']?.score ?? 0,
    faults,
  };
}

async function expectGood(path: string, form: 'mobile' | 'desktop'): Promise<void> {
  const { accessibility, bestPractices, faults } = await verdict(path, form);
  expect(accessibility, faults.join('\n')).toBe(1);
  expect(bestPractices, faults.join('\n')).toBeGreaterThanOrEqual(MIN_BEST_PRACTICES);
}

test('the sign-in page is as good as it gets', async () => {
  await expectGood('/login', 'mobile');
  await expectGood('/login', 'desktop');
});

test('so is a conversation', async () => {
  const [context] = browser.contexts();
  if (!context) throw new Error('the browser has no profile');
  const page = await context.newPage();
  await house.mira.signIn(page);
  await page.goto(server.url + house.path);
  await page.getByRole('log').getByText('On my way').waitFor();
  await page.close();
  await expectGood(house.path, 'mobile');
  await expectGood(house.path, 'desktop');
});
