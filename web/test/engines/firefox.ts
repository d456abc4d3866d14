// Firefox, driven over WebDriver BiDi by Puppeteer. Each visitor has one of their own, so that none is in the background.
import { existsSync } from 'node:fs';
import puppeteer, { type KeyInput } from 'puppeteer-core';
import type { Engine, Hands } from './visitor';

const CANDIDATES = ['/usr/bin/firefox-esr', '/usr/bin/firefox'];
const path = process.env['FIREFOX'] ?? CANDIDATES.find((candidate) => existsSync(candidate));

/** A microphone that beeps and a camera that moves, which nobody is asked for, and sound without a click (VOICE.md section 9). */
const PREFS = {
  'media.navigator.streams.fake': true,
  'media.navigator.permission.disabled': true,
  'media.autoplay.default': 0,
  'intl.accept_languages': 'en-GB',
  'dom.serviceWorkers.enabled': false, // as in the other tests: see support/browser.ts
};

export const firefox: Engine = {
  name: 'Firefox',
  absence: path === undefined ? 'no firefox-esr' : null,
  async open(env = {}): Promise<Hands> {
    const browser = await puppeteer.launch({
      browser: 'firefox',
      headless: true,
      ...(path === undefined ? {} : { executablePath: path }),
      extraPrefsFirefox: PREFS,
      env: { ...process.env, ...env },
      defaultViewport: { width: 1280, height: 800 },
    });
    const page = await browser.newPage(); // in the first one the address bar has the focus
    const complaints: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(`console: ${message.text()}`);
    });
    page.on('pageerror', (error) => complaints.push(`error: ${String(error)}`));
    return {
      complaints,
      goto: async (url) => {
        await page.bringToFront();
        await page.goto(url, { waitUntil: 'domcontentloaded' });
      },
      run: <Inputs extends unknown[], Seen>(look: (...inputs: Inputs) => Seen, ...inputs: Inputs) =>
        page.evaluate(look as (...given: unknown[]) => unknown, ...inputs) as Promise<Awaited<Seen>>,
      click: (x, y) => page.mouse.click(x, y),
      wheel: async (x, y, byPx) => {
        await page.mouse.move(x, y);
        await page.mouse.wheel({ deltaY: byPx });
      },
      type: (text) => page.keyboard.type(text),
      press: async (...keys) => {
        const held = keys.slice(0, -1) as KeyInput[];
        for (const key of held) await page.keyboard.down(key);
        await page.keyboard.press(keys.at(-1) as KeyInput);
        for (const key of held.reverse()) await page.keyboard.up(key);
      },
      picture: async () => Buffer.from(await page.screenshot()),
      close: () => browser.close(),
    };
  },
};
