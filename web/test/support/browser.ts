// Chromium for tests, and what must never be seen in it: console errors and reports of the content policy.
import { existsSync } from 'node:fs';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';

const CANDIDATES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** A microphone that beeps, a camera with a moving picture, a screen that is chosen by itself. */
export const FAKE_MEDIA: readonly string[] = [
  '--use-fake-device-for-media-stream',
  '--use-fake-ui-for-media-stream',
  '--autoplay-policy=no-user-gesture-required',
  '--mute-audio',
];

/** What every browser of a test is started with. */
export const CHROMIUM_SWITCHES: readonly string[] = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
];

/** The browser named by `CHROMIUM`, or the system's. */
export function chromiumPath(): string {
  const path = process.env['CHROMIUM'] ?? CANDIDATES.find((path) => existsSync(path));
  if (!path) throw new Error('no Chromium: set CHROMIUM to its path');
  return path;
}

/** Starts it, with more of its switches. */
export function launch(switches: readonly string[] = []): Promise<Browser> {
  return chromium.launch({ executablePath: chromiumPath(), args: [...CHROMIUM_SWITCHES, ...switches] });
}

/** Everything a page complained about. */
export type Complaints = string[];

/**
 * A page of its own, with its complaints gathered. It has no service worker unless `options` allow one: what a worker
 * fetches passes by the faults that a test puts between page and server.
 */
export async function openPage(
  browser: Browser,
  options: BrowserContextOptions = {},
): Promise<{ page: Page; complaints: Complaints }> {
  const context = await browser.newContext({ locale: 'en-GB', ...options });
  if (options.serviceWorkers !== 'allow')
    await context.addInitScript(() => {
      Object.defineProperty(Navigator.prototype, 'serviceWorker', { value: undefined });
    });
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  const page = await context.newPage();
  const complaints: Complaints = [];
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(`console: ${message.text()} ${message.location().url}`);
  });
  page.on('pageerror', (error) => complaints.push(`error: ${error.stack ?? error.message}`));
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
    });
  });
  return { page, complaints };
}
