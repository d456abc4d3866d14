// What a first hour holds, in the engines that the other tests do not run: two people of each sign in, write, scroll, answer to keys.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PASSWORD, register, type Person } from '../support/people';
import { startServer, type TestServer } from '../support/server';
import { firefox } from './firefox';
import { Visitor, type Engine } from './visitor';
import { webkit } from './webkit';

const BOX = '[data-composer]';
const LINES = 150;

describe.each([firefox, webkit])('$name', (engine: Engine) => {
  if (engine.absence !== null) {
    console.info(`${engine.name} is passed over: ${engine.absence}`);
    test.skip('is not here');
    return;
  }

  let server: TestServer;
  let mira: Visitor;
  let ravi: Visitor;
  let raviHimself: Person;
  let guild: string;
  let general: string;

  const shown = (who: Visitor): Promise<string[]> =>
    who.hands.run(() =>
      [...document.querySelectorAll('article[data-row] .markdown')].map((one) => one.textContent.trim()),
    );
  async function say(who: Visitor, text: string): Promise<void> {
    await who.write(BOX, text);
    await who.hands.press('Enter');
  }
  async function logIn(who: Visitor, username: string): Promise<void> {
    await who.hands.goto(`${server.url}/login`);
    await who.write('input[name="login"]', username);
    await who.write('input[name="password"]', PASSWORD);
    await who.hands.press('Enter');
  }

  beforeAll(async () => {
    server = await startServer({ HEARTH_LIMITS_ROUTES: 'false', HEARTH_LIMITS_GLOBAL_PER_USER: '0' });
    await register(server.url, 'mira', { setup_token: new URL(server.setupLink).hash.slice(1) });
    [mira, ravi] = (await Promise.all(
      ['mira', 'ravi'].map(async (name) => new Visitor(name, await engine.open())),
    )) as [Visitor, Visitor];
  }, 120_000);
  afterAll(async () => {
    await Promise.all([mira, ravi].map((who) => who?.hands.close()));
    await server?.stop();
  });

  test('somebody logs in, makes a server, and invites', async () => {
    await logIn(mira, 'mira');
    await mira.click('button', 'Add a server');
    await mira.write('dialog input', 'Maple House');
    await mira.hands.press('Enter');
    await mira.sees(BOX);
    [guild = '', general = ''] = (await mira.hands.run(() => location.pathname)).split('/').slice(2);
    await mira.click('button', 'Server menu');
    await mira.click('[role="menuitem"]', 'Invite people');
    await mira.sees('dialog input[readonly]');
    const link = await mira.hands.run(
      () => document.querySelector<HTMLInputElement>('dialog input[readonly]')?.value ?? '',
    );
    const invite = link.split('/').at(-1) ?? '';
    raviHimself = await register(server.url, 'ravi', { invite });
    await raviHimself.call('POST', `/invites/${invite}`, {});
    await mira.hands.press('Escape');
    await mira.misses('dialog');
  });

  test('what one says the other reads, and back', async () => {
    await logIn(ravi, 'ravi');
    await ravi.click('a', 'Maple House');
    await say(mira, 'Who is there?');
    await ravi.sees('article', 'Who is there?');
    await say(ravi, 'It is me');
    await mira.sees('article', 'It is me');
    expect((await shown(mira)).slice(-2)).toEqual(['Who is there?', 'It is me']);
    await mira.shoot(`${engine.name}-talk`);
  });

  test('the last message is edited by the arrow', async () => {
    await mira.click(BOX);
    await mira.hands.press('ArrowUp');
    await mira.sees('article textarea');
    await mira.hands.type(' And why?');
    await mira.hands.press('Enter');
    await ravi.sees('article', 'Who is there? And why?');
    await ravi.sees('article', '(edited)');
    await expect.poll(() => mira.focus()).toContain('Message');
  });

  test('what one reads stays where it is while older messages come', async () => {
    for (let n = 1; n <= LINES; n++)
      await raviHimself.say(general, `Line ${n}${' and more of it'.repeat(n % 12)}`);
    await mira.sees('article', `Line ${LINES}`);
    let worst = 0;
    for (let turn = 0; turn < 200; turn++) {
      const { drift, isDone } = await mira.hands.run(async () => {
        const log = document.querySelector<HTMLElement>('[role="log"]');
        if (!log) throw new Error('there are no messages');
        const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
        log.scrollTop -= 400;
        await frame();
        const edge = log.getBoundingClientRect().top;
        const read = [...log.querySelectorAll('article[data-row]')].find(
          (one) => one.getBoundingClientRect().bottom > edge,
        );
        const before = read?.getBoundingClientRect().top ?? 0;
        for (let n = 0; n < 6; n++) await frame();
        const drift = read?.isConnected ? Math.abs(read.getBoundingClientRect().top - before) : 0;
        return { drift, isDone: log.textContent.includes('This is where') };
      });
      worst = Math.max(worst, drift);
      if (isDone) break;
    }
    await mira.sees('[role="log"] *', 'This is where');
    expect(worst).toBeLessThanOrEqual(1);
    await mira.shoot(`${engine.name}-beginning`);
  });

  test('the wheel scrolls, and the way back leads to the end', async () => {
    const { x, y } = await mira.sees('[role="log"]');
    const place = (): Promise<number> =>
      mira.hands.run(() => document.querySelector('[role="log"]')?.scrollTop ?? 0);
    const before = await place();
    await mira.hands.wheel(x, y, 300);
    await expect.poll(place).toBeGreaterThan(before);
    await raviHimself.say(general, 'And one more');
    await mira.click('button', 'Jump to present');
    await mira.sees('article', 'And one more');
    await expect
      .poll(() =>
        mira.hands.run(() => {
          const log = document.querySelector('[role="log"]');
          return log ? log.scrollHeight - log.clientHeight - log.scrollTop : 1e9;
        }),
      )
      .toBeLessThanOrEqual(8);
  });

  test('dialogs and the switcher take the focus, close by Escape, and give it back', async () => {
    await mira.click(BOX);
    await mira.hands.press('Control', 'k');
    await mira.sees('[role="combobox"]');
    await expect.poll(() => mira.focus()).toBe('Go to');
    await mira.hands.press('Escape');
    await mira.misses('[role="combobox"]');
    await expect.poll(() => mira.focus()).toContain('Message');

    await mira.click('button', 'Add a server');
    await mira.sees('dialog');
    await expect
      .poll(() => mira.hands.run(() => document.activeElement?.closest('dialog') !== null))
      .toBe(true);
    await mira.hands.press('Tab');
    // to what can be used, and not to a box that scrolls
    expect(
      await mira.hands.run(() =>
        document.activeElement?.matches('dialog :is(input, button, a):focus-visible'),
      ),
    ).toBe(true);
    await mira.shoot(`${engine.name}-dialog`);
    await mira.hands.press('Escape');
    await mira.misses('dialog');
    await expect.poll(() => mira.focus()).toBe('Add a server');

    await mira.click('button', 'Server menu');
    await mira.sees('[role="menuitem"]');
    await mira.hands.press('Escape');
    await mira.misses('[role="menuitem"]');
    await expect.poll(() => mira.focus()).toContain('Server menu');
  });

  test('themes are worn at once', async () => {
    await mira.hands.goto(`${server.url}/settings/appearance`);
    const grounds = new Set<string>();
    for (const theme of ['Dark', 'Light', 'High contrast']) {
      await mira.click('label', theme);
      const ground = (): Promise<string> =>
        mira.hands.run(() => getComputedStyle(document.body).backgroundColor);
      await expect.poll(async () => grounds.has(await ground())).toBe(false);
      grounds.add(await ground());
      await mira.shoot(`${engine.name}-${theme.toLowerCase().replace(' ', '-')}`);
    }
    await mira.hands.goto(`${server.url}/channels/${guild}/${general}`);
    await mira.sees(BOX);
  });

  test('nobody’s browser complained', () => {
    expect([...mira.hands.complaints, ...ravi.hands.complaints]).toEqual([]);
  });
});
