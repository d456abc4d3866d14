// The hard gates of WEB.md section 7 that need a browser: counts and shifts are asserted, times are only printed.
import type { Browser, CDPSession, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launch, openPage } from '../support/browser';
import { furnish, type House } from '../support/people';
import { startServer, type TestServer } from '../support/server';

const FLOOD_PER_SECOND = 100;
const FLOOD_SECONDS = 10;
const LONG_PAST = 10_000;
const MAX_REQUESTS = 8;
const MAX_ROWS = 200;
const MAX_SHIFT = 0.02;

let browser: Browser;
let server: TestServer;
let house: House;

beforeAll(async () => {
  server = await startServer({ HEARTH_LIMITS_ROUTES: 'false', HEARTH_LIMITS_GLOBAL_PER_USER: '0' });
  browser = await launch();
  house = await furnish(server);
}, 120_000);
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

const log = (page: Page) => page.getByRole('log');

/** A channel of its own with this many messages. */
async function room(name: string, count = 0): Promise<{ id: string; path: string }> {
  const { id } = await house.mira.call<{ id: string }>('POST', `/guilds/${house.guild}/channels`, {
    name,
    type: 0,
  });
  for (let n = 0; n < count; n += 50)
    await Promise.all(
      Array.from({ length: Math.min(50, count - n) }, (_, k) =>
        house.ravi.say(id, `Line ${n + k} ${'long '.repeat((n + k) % 23)}`),
      ),
    );
  return { id, path: `/channels/${house.guild}/${id}` };
}

interface Seen {
  shift: number;
  /** The first of them, for whoever looks for the cause. */
  shifts: string[];
  isDoubled: boolean;
  longestTaskMs: number;
  frames: number;
  rows: number;
}

/** Watches layout shifts, long tasks, frames and rows from now on. */
async function watch(page: Page): Promise<() => Promise<Seen>> {
  await page.evaluate(() => {
    const seen = { shift: 0, shifts: [] as string[], isDoubled: false, longestTaskMs: 0, frames: 0, rows: 0 };
    Object.assign(window, { seen });
    interface Shift extends PerformanceEntry {
      value: number;
      sources: { node: Node | null; previousRect: DOMRect; currentRect: DOMRect }[];
    }
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries() as Shift[]) {
        seen.shift += entry.value;
        const [source] = entry.sources;
        const name =
          source?.node instanceof Element ? source.node.outerHTML.slice(0, 90) : source?.node?.nodeName;
        if (seen.shifts.length < 20)
          seen.shifts.push(
            `${entry.value.toFixed(4)} ${name ?? '?'} ${source?.previousRect.y} -> ${source?.currentRect.y}`,
          );
      }
    }).observe({ type: 'layout-shift' });
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries())
        seen.longestTaskMs = Math.max(seen.longestTaskMs, duration);
    }).observe({ type: 'longtask' });
    const look = () => {
      seen.frames++;
      const rows = [...document.querySelectorAll<HTMLElement>('[role="log"] article[data-row]')];
      seen.rows = Math.max(seen.rows, rows.length);
      seen.isDoubled ||= new Set(rows.map((row) => row.dataset['row'])).size < rows.length;
      requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
  return () => page.evaluate(() => (window as unknown as { seen: Seen }).seen);
}

/** Live nodes and used heap after a collection. */
async function memory(cdp: CDPSession): Promise<{ nodes: number; heapBytes: number }> {
  await cdp.send('HeapProfiler.collectGarbage');
  const nodes = await cdp.send('Runtime.evaluate', { expression: 'document.querySelectorAll("*").length' });
  const { usedSize } = await cdp.send('Runtime.getHeapUsage');
  return { nodes: Number(nodes.result.value), heapBytes: usedSize };
}

/** Turns the wheel upwards until the first message is in the page; answers with every line seen, by id. */
async function walkUp(page: Page, first: string): Promise<Map<string, string>> {
  const lines = new Map<string, string>();
  await log(page).hover();
  for (let turn = 0; ; turn++) {
    const { rows, isFirst } = await page.evaluate(async (first) => {
      await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
      const articles = [...document.querySelectorAll<HTMLElement>('[role="log"] article[data-row]')];
      const rows = articles.map((one) => [
        one.dataset['row'] ?? '',
        one.querySelector('.text')?.textContent?.trim() ?? '',
      ]);
      return { rows, isFirst: rows.some(([, text]) => text === first) };
    }, first);
    for (const [id = '', text = ''] of rows) lines.set(id, text);
    if (isFirst) return lines;
    if (turn > 1500) throw new Error(`not there after ${turn} turns and ${lines.size} lines`);
    await page.mouse.wheel(0, -1500);
  }
}

test('a first visit has its conversation after few requests', async () => {
  const { path } = await room('first', 3);
  const { page } = await openPage(browser, {
    viewport: { width: 390, height: 844 },
    serviceWorkers: 'allow',
  });
  await house.mira.signIn(page);
  // by the page's own clock: what comes once the conversation stands counts for nothing, however slow the machine is
  await page.addInitScript(() => {
    const seen = new MutationObserver(() => {
      if (!document.querySelector('[role="log"] article')) return;
      seen.disconnect();
      performance.mark('usable');
    });
    seen.observe(document, { childList: true, subtree: true });
  });
  const made: string[] = [];
  page.on('request', (request) => made.push(`${request.method()} ${new URL(request.url()).pathname}`));
  page.on('websocket', () => made.push('websocket'));
  await page.goto(server.url + path);
  await log(page).getByText('Line 2').waitFor();
  await page.getByRole('textbox', { name: 'Message first' }).waitFor();
  const fetched = await page.evaluate(() => {
    const usableMs = performance.getEntriesByName('usable')[0]?.startTime ?? Infinity;
    const before = performance.getEntriesByType('resource').filter((one) => one.startTime <= usableMs);
    return before.map(({ name }) => new URL(name).pathname);
  });
  // the browser fetches icons by itself, when it has nothing else to do
  const first = ['the page', ...made.filter((one) => one === 'websocket'), ...fetched].filter(
    (one) => !one.includes('/icons/'),
  );
  expect(first.length, first.join('\n')).toBeLessThanOrEqual(MAX_REQUESTS);
  // nothing is asked for twice after that either
  await page.evaluate(() => navigator.serviceWorker.ready);
  const calls = made.filter((one) => one.includes('/api/'));
  expect(calls).toEqual([...new Set(calls)]);
  await page.context().close();
});

test('a flood of messages loses none, doubles none, and shifts nothing', async () => {
  const { id, path } = await room('flood', 3);
  const { page } = await house.mira.sit(browser, path);
  await log(page).getByText('Line 2').waitFor();
  const seen = await watch(page);
  const total = FLOOD_PER_SECOND * FLOOD_SECONDS;
  const startedMs = performance.now();
  const posts: Promise<string>[] = [];
  for (let n = 0; n < total; n++) {
    const waitMs = startedMs + (n * 1000) / FLOOD_PER_SECOND - performance.now();
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs)); // the rate is what is tested
    posts.push(house.ravi.say(id, `Flood ${n}`));
  }
  const ids = await Promise.all(posts);
  const tookMs = performance.now() - startedMs;
  const last = ids.reduce((a, b) => (BigInt(a) > BigInt(b) ? a : b));
  await page.locator(`[data-row="${last}"]`).waitFor();
  const { frames, longestTaskMs, ...after } = await seen();
  console.log(
    `flood: ${total} messages in ${Math.round(tookMs)} ms, ${Math.round((frames * 1000) / tookMs)} frames/s, ` +
      `longest task ${Math.round(longestTaskMs)} ms`,
  );
  expect(after).toMatchObject({ shifts: [], isDoubled: false });
  expect(after.rows).toBeLessThanOrEqual(MAX_ROWS);
  const lines = await walkUp(page, 'Line 0');
  expect(ids.map((one) => lines.get(one))).toEqual(ids.map((_, n) => `Flood ${n}`));
  expect(lines.size).toBe(total + 3);
  await page.context().close();
});

test('ten thousand messages are walked through in a page of constant size', async () => {
  const { path } = await room('past', LONG_PAST);
  const { page } = await house.mira.sit(browser, path);
  await log(page)
    .getByText(`Line ${LONG_PAST - 1}`)
    .waitFor();
  const cdp = await page.context().newCDPSession(page);
  const before = await memory(cdp);
  const seen = await watch(page);
  const startedMs = performance.now();
  const lines = await walkUp(page, 'Line 0');
  const tookMs = performance.now() - startedMs;
  const after = await seen();
  const { nodes, heapBytes } = await memory(cdp);
  console.log(
    `past: ${lines.size} messages in ${Math.round(tookMs)} ms, heap ${((heapBytes - before.heapBytes) / 2 ** 20).toFixed(1)} MiB more, ` +
      `${nodes} nodes, longest task ${Math.round(after.longestTaskMs)} ms`,
  );
  expect(new Set(lines.values()).size).toBe(LONG_PAST);
  expect(lines.size).toBe(LONG_PAST);
  expect(after).toMatchObject({ isDoubled: false });
  expect(after.rows).toBeLessThanOrEqual(MAX_ROWS);
  expect(nodes).toBeLessThanOrEqual(4000);
  expect(heapBytes - before.heapBytes).toBeLessThanOrEqual(25 * 2 ** 20);
  expect(after.shift, after.shifts.join('\n')).toBeLessThanOrEqual(MAX_SHIFT);
  await page.context().close();
}, 300_000);
