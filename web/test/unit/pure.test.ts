import { describe, expect, test } from 'vitest';
import { errorOf, Http } from '../../src/api/http';
import { ALL, allows, channelPermissions, guildPermissions, Permission } from '../../src/api/permissions';
import { compareIds, idAt, isAfter, timeOf } from '../../src/api/snowflake';
import { channelPath, parse, returnPath } from '../../src/router';
import { decodeMentions, encodeMentions } from '../../src/state/mentions';
import { channelTree, firstChannel, memberRows } from '../../src/state/tree';
import { contrast, roleColour } from '../../src/timeline/colour';
import { buildRows, goesOn } from '../../src/timeline/rows';
import { around, AT_END, down, held, MAX_ROWS, rangeOf, up } from '../../src/timeline/window';
import { hills } from '../../src/ui/avatar';
import { channel, guild, member, message, presence, user } from '../support/things';

test('ids order as numbers and know their time', () => {
  expect(compareIds('9', '10')).toBeLessThan(0);
  expect(isAfter('2', null)).toBe(true);
  expect(isAfter(null, '1')).toBe(false);
  const nowMs = Date.UTC(2026, 10, 24);
  expect(timeOf(idAt(nowMs, 5))).toBe(nowMs);
});

describe('addresses', () => {
  const at = (path: string) => parse(new URL(path, 'http://h'));
  test('are read', () => {
    expect(at('/channels/1/2/3')).toEqual({ page: 'guild', guildId: '1', channelId: '2', messageId: '3' });
    expect(at('/channels/@me/2')).toEqual({ page: 'direct', channelId: '2', messageId: null });
    expect(at('/setup#abc')).toEqual({ page: 'setup', token: 'abc' });
    expect(at('/reset#abc')).toEqual({ page: 'reset', token: 'abc' });
    expect(at('/guilds/5/settings/overview')).toEqual({
      page: 'guildSettings',
      guildId: '5',
      section: 'overview',
    });
    expect(at('/guilds/5/settings')).toEqual({ page: 'guildSettings', guildId: '5', section: null });
    expect(at('/guilds/5')).toEqual({ page: 'missing' });
    expect(at('/settings/nothing')).toEqual({ page: 'settings', section: null });
    expect(at('/channels/x')).toEqual({ page: 'missing' });
    expect(at('/invite/%E0%A4%A')).toEqual({ page: 'invite', code: '%E0%A4%A' });
  });
  test('are written', () => {
    expect(channelPath('1', '2')).toBe('/channels/1/2');
    expect(channelPath(null, '2')).toBe('/channels/@me/2');
  });
  test('lead back inside the app only', () => {
    expect(returnPath('/invite/abc')).toBe('/invite/abc');
    for (const strange of ['//evil.example', 'https://evil.example', '/login', null]) {
      expect(returnPath(strange)).toBe('/channels/@me');
    }
  });
});

describe('permissions', () => {
  const plain = guild();
  const someone = member(user('3'));
  test('the owner and administrators may everything', () => {
    expect(guildPermissions(plain, '2', undefined, 0)).toBe(ALL);
  });
  test('an allow of one role beats the deny of another, and a member’s own beats both', () => {
    const overwrites = [
      { id: '5', type: 0, allow: '0', deny: '2048' },
      { id: '7', type: 0, allow: '2048', deny: '0' },
      { id: '8', type: 0, allow: '0', deny: '2048' },
    ];
    const where = channel('10', { permission_overwrites: overwrites });
    const both = { ...someone, roles: ['7', '8'] };
    expect(allows(channelPermissions(plain, where, '3', both, 0), Permission.sendMessages)).toBe(true);
    expect(allows(channelPermissions(plain, where, '3', someone, 0), Permission.sendMessages)).toBe(false);
    const mine = channel('10', {
      permission_overwrites: [...overwrites, { id: '3', type: 1, allow: '0', deny: '2048' }],
    });
    expect(allows(channelPermissions(plain, mine, '3', both, 0), Permission.sendMessages)).toBe(false);
  });
  test('without sight there is nothing', () => {
    const hidden = channel('10', {
      permission_overwrites: [{ id: '5', type: 0, allow: '2048', deny: '1024' }],
    });
    expect(channelPermissions(plain, hidden, '3', someone, 0)).toBe(0n);
  });
  test('a time-out leaves reading', () => {
    const quiet = { ...someone, communication_disabled_until: '2026-01-01T00:00:00+00:00' };
    const before = Date.UTC(2025, 0);
    expect(guildPermissions(plain, '3', quiet, before)).toBe(Permission.viewChannel);
    expect(guildPermissions(plain, '3', quiet, Date.UTC(2027, 0))).toBe(3072n);
  });
});

describe('http', () => {
  test('faults are found by their field', () => {
    const body = {
      code: 50035,
      message: 'Invalid Form Body',
      errors: {
        username: { _errors: [{ code: 'X', message: 'taken' }] },
        channels: { 0: { name: { _errors: [{ message: 'short' }] } } },
      },
    };
    expect(errorOf(400, body).fields).toEqual({ username: 'taken', 'channels.0.name': 'short' });
  });

  const answer = (status: number, body: unknown, headers: Record<string, string> = {}) =>
    new Response(body === undefined ? null : JSON.stringify(body), { status, headers });
  function http(answers: (Response | Error)[]) {
    const waits: number[] = [];
    const made = new Http({
      fetch: () => {
        const next = answers.shift();
        return next instanceof Error || next === undefined
          ? Promise.reject(next ?? new Error('none'))
          : Promise.resolve(next);
      },
      sleep: (ms) => Promise.resolve(void waits.push(ms)),
    });
    return { made, waits };
  }

  test('waits out a rate limit', async () => {
    const { made, waits } = http([
      answer(429, { retry_after: 0.5, code: 0, message: '' }),
      answer(200, { ok: 1 }),
    ]);
    expect(await made.request('POST', '/x')).toEqual({ ok: 1 });
    expect(waits).toEqual([550]);
  });

  test('an empty bucket is not asked before it fills', async () => {
    const limits = { 'X-RateLimit-Remaining': '0', 'X-RateLimit-Reset-After': '2' };
    const { made, waits } = http([answer(200, {}, limits), answer(200, {})]);
    await made.request('POST', '/x');
    await made.request('POST', '/x');
    expect(waits).toHaveLength(1);
    expect(waits[0]).toBeGreaterThan(1000);
  });

  test('tries again what may be repeated, and nothing else', async () => {
    const lost = (): Error => new TypeError('network');
    expect(await http([lost(), answer(200, 1)]).made.request('GET', '/x')).toBe(1);
    await expect(http([lost(), answer(200, 1)]).made.request('POST', '/x')).rejects.toMatchObject({
      status: 0,
    });
  });

  test('waits no longer for what an ended session asks, and still for what it tells', async () => {
    const made = new Http({
      fetch: (_, init) =>
        new Promise((resolve, reject) => {
          const callOff = (): void => reject(new Error('called off'));
          if (init?.signal?.aborted) callOff();
          init?.signal?.addEventListener('abort', callOff);
          if (init?.method === 'POST') setTimeout(() => resolve(answer(200, 'told')), 5);
        }),
      sleep: () => Promise.resolve(),
    });
    const asked = made.request('GET', '/x');
    const told = made.request('POST', '/x');
    made.drop();
    await expect(asked).rejects.toMatchObject({ status: 0 });
    await expect(made.request('GET', '/x')).rejects.toMatchObject({ status: 0 });
    expect(await told).toBe('told');
    made.renew();
    const answers = new Promise((resolve) => setTimeout(() => resolve('waits'), 5));
    expect(await Promise.race([made.request('GET', '/x').catch(() => 'called off'), answers])).toBe('waits');
  });
});

describe('rows', () => {
  const at = (id: string, minute: number, extra = {}) =>
    message(id, { timestamp: new Date(2026, 0, 2, 10, minute).toISOString(), ...extra });
  test('one head for what one person says within seven minutes', () => {
    const rows = buildRows(
      [
        at('1', 0),
        at('2', 6),
        at('3', 20),
        at('4', 21, { author: user('3') }),
        at('5', 22, { type: 19, author: user('3') }),
      ],
      null,
      '9',
    );
    expect(rows.flatMap((row) => (row.kind === 'message' ? [row.isHead] : []))).toEqual([
      true,
      false,
      true,
      true,
      true,
    ]);
  });
  test('what is on its way has a head where the message it becomes will have one', () => {
    const mine = at('1', 0, { author: user('9') });
    const sent = (minute: number, replyTo: ReturnType<typeof at> | null = null): boolean =>
      goesOn({ replyTo, sentAtMs: new Date(2026, 0, 2, 10, minute).getTime() }, mine, '9');
    expect([sent(6), sent(7), sent(1, at('2', 0))]).toEqual([true, false, false]);
    const pinned = at('2', 1, { type: 6, author: user('9') });
    for (const previous of [pinned, at('2', 1), undefined])
      expect(goesOn({ replyTo: null, sentAtMs: 0 }, previous, '9')).toBe(false);
  });
  test('the divider stands before the first unread that is not our own', () => {
    const rows = buildRows([at('1', 0), at('2', 1, { author: user('9') }), at('3', 2)], '1', '9');
    expect(rows.map((row) => row.key)).toEqual([expect.stringContaining('day'), '1', '2', 'fresh', '3']);
  });
  test('days are apart', () => {
    const rows = buildRows(
      [at('1', 0), message('2', { timestamp: new Date(2026, 0, 3, 0, 1).toISOString() })],
      null,
      '9',
    );
    expect(rows.filter((row) => row.kind === 'day')).toHaveLength(2);
  });
});

describe('the window', () => {
  const many = Array.from({ length: 1000 }, (_, n) => message(String(10_000 + n)));
  test('never holds more than its rows, and moves without jumping', () => {
    let pane = AT_END;
    for (let n = 0; n < 30; n++) {
      const before = rangeOf(many, pane);
      pane = up(many, pane);
      const after = rangeOf(many, pane);
      expect(after.to - after.from).toBeLessThanOrEqual(MAX_ROWS);
      expect(after.from).toBeLessThanOrEqual(before.from);
      expect(after.to).toBeGreaterThan(before.from);
    }
    expect(rangeOf(many, pane).from).toBe(0);
    for (let n = 0; n < 30; n++) pane = down(many, pane);
    expect(rangeOf(many, pane).to).toBe(1000);
    expect(pane.lastId).toBeNull();
  });
  test('a held upper edge stays while messages arrive', () => {
    const pane = held(many, AT_END);
    const grown = [...many, message('99999')];
    expect(rangeOf(grown, pane)).toEqual({ from: 940, to: 1001 });
  });
  test('goes around a message', () => {
    const { from, to } = rangeOf(many, around(many, '10500'));
    expect(from).toBeLessThanOrEqual(500);
    expect(to).toBeGreaterThan(500);
  });
});

describe('lists', () => {
  test('channels stand below their category, talk after text', () => {
    const all = [
      channel('1', { type: 2, position: 0 }),
      channel('2', { position: 1 }),
      channel('3', { type: 4, position: 0 }),
      channel('4', { parent_id: '3' }),
      channel('5', { type: 4, position: 1 }),
    ];
    const tree = channelTree(all, '5', false);
    expect(tree.map((branch) => [branch.category?.id ?? null, branch.channels.map((one) => one.id)])).toEqual(
      [
        [null, ['2', '1']],
        ['3', ['4']],
      ],
    );
    expect(firstChannel(tree)?.id).toBe('2');
    expect(channelTree(all, '5', true)).toHaveLength(3);
  });
  test('members stand by shown role, then here, then away', () => {
    const host = { ...(guild().roles[0] ?? never()), id: '7', name: 'Hosts', hoist: true, position: 2 };
    const rows = memberRows(
      guild({ roles: [...guild().roles, host] }),
      [member(user('1')), member(user('2'), ['7']), member(user('3'))],
      new Map([['2', presence('2', 'idle')]]),
      (id) => id === '1',
      (one) => one.user.username,
    );
    expect(rows).toEqual([
      { group: '7', count: 1 },
      { userId: '2', isAway: false },
      { group: 'online', count: 1 },
      { userId: '1', isAway: false },
      { group: 'offline', count: 1 },
      { userId: '3', isAway: true },
    ]);
  });
});

function never(): never {
  throw new Error('unreachable');
}

describe('mentions', () => {
  const users = new Map([['june', '1']]);
  const rooms = new Map([['kitchen', '2']]);
  test('names become ids outside code, and ids become names', () => {
    const written = 'hi @june. and @nobody in #kitchen `@june` mail me@june.com';
    const wire = 'hi <@1>. and @nobody in <#2> `@june` mail me@june.com';
    expect(encodeMentions(written, users, rooms)).toBe(wire);
    expect(
      decodeMentions(
        wire,
        () => 'june',
        () => 'kitchen',
      ),
    ).toBe(written);
  });
  test('roles are named whole, the longer name first', () => {
    const roles = new Map([
      ['Hosts', '3'],
      ['Hosts of May', '4'],
    ]);
    const wire = encodeMentions('@Hosts of May and @Hosts, not @Hostses', users, rooms, roles);
    expect(wire).toBe('<@&4> and <@&3>, not @Hostses');
    const name = (id: string) => [...roles].find((role) => role[1] === id)?.[0];
    expect(
      decodeMentions(
        wire,
        () => undefined,
        () => undefined,
        name,
      ),
    ).toBe('@Hosts of May and @Hosts, not @Hostses');
  });
});

test('any role colour reads on any ground', () => {
  for (const theme of ['dark', 'light', 'contrast']) {
    const ground = { dark: [0x3a, 0x32, 0x2c], light: [0xee, 0xe4, 0xd8], contrast: [0x1f, 0x1a, 0x17] }[
      theme
    ] as [number, number, number];
    for (const colour of [0x000001, 0xff0000, 0x0000ff, 0xffffff, 0x808080, 0x2a201a]) {
      const [r = 0, g = 0, b = 0] = (roleColour(colour, theme).match(/\d+/g) ?? []).map(Number);
      expect(contrast([r, g, b], ground)).toBeGreaterThanOrEqual(4.5);
    }
  }
});

test('a seed always grows the same picture', () => {
  expect(hills('june')).toEqual(hills('june'));
  expect(hills('june')).not.toEqual(hills('jume'));
});
