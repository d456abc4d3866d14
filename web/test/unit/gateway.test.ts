import { deflateSync, constants, createDeflate } from 'node:zlib';
import { beforeEach, describe, expect, test } from 'vitest';
import { Inflater, ObjectSplitter } from '../../src/gateway/inflate';
import { aftermath, Gateway, type Phase, type Socket } from '../../src/gateway/socket';

class FakeSocket implements Socket {
  binaryType: BinaryType = 'blob';
  onopen: Socket['onopen'] = null;
  onmessage: Socket['onmessage'] = null;
  onclose: Socket['onclose'] = null;
  sent: { op: number; d: unknown }[] = [];
  closedWith: number | undefined;
  readonly url: string;
  constructor(url: string) {
    this.url = url;
  }
  send(text: string): void {
    this.sent.push(JSON.parse(text) as { op: number; d: unknown });
  }
  close(code?: number): void {
    this.closedWith = code;
  }
  tell(op: number, d: unknown, s: number | null = null, t: string | null = null): void {
    this.onmessage?.({ data: JSON.stringify({ op, d, s, t }) } as MessageEvent);
  }
  lose(code: number): void {
    this.onclose?.({ code } as CloseEvent);
  }
}

let sockets: FakeSocket[];
let timers: { run: () => void; ms: number; id: number }[];
let phases: Phase[];
let seen: string[];
let signedOut: number;
let lostSessions: number;
let gateway: Gateway;

const last = (): FakeSocket => sockets.at(-1) as FakeSocket;
const settle = async (): Promise<void> => {
  for (let n = 0; n < 6; n++) await Promise.resolve();
};
/** Runs the pending timer of that length. */
const fire = (matches: (ms: number) => boolean): void => {
  const at = timers.findIndex((timer) => matches(timer.ms));
  const [timer] = timers.splice(at, 1);
  timer?.run();
};
async function toReady(): Promise<void> {
  gateway.start();
  await settle();
  last().tell(10, { heartbeat_interval: 40_000 });
  last().tell(0, { session_id: 'abc', resume_gateway_url: 'ws://here' }, 1, 'READY');
}

beforeEach(() => {
  sockets = [];
  timers = [];
  phases = [];
  seen = [];
  signedOut = 0;
  lostSessions = 0;
  let nextTimer = 1;
  let tickets = 0;
  gateway = new Gateway({
    url: () => Promise.resolve('ws://here'),
    ticket: () => Promise.resolve(`ticket${++tickets}`),
    onDispatch: (t) => seen.push(t),
    onPhase: (phase) => phases.push(phase),
    onSignedOut: () => signedOut++,
    onLostSession: () => lostSessions++,
    openSocket: (url) => {
      const socket = new FakeSocket(url);
      sockets.push(socket);
      return socket;
    },
    random: () => 0.5,
    setTimer: (run, ms) => {
      timers.push({ run, ms, id: nextTimer });
      return nextTimer++;
    },
    clearTimer: (id) => void (timers = timers.filter((timer) => timer.id !== id)),
    inflate: false,
  });
});

describe('a session', () => {
  test('identifies with a ticket and becomes ready', async () => {
    await toReady();
    expect(last().url).toBe('ws://here/?v=10&encoding=json');
    expect(last().sent[0]).toMatchObject({ op: 2, d: { token: 'ticket1' } });
    expect(phases).toEqual(['connecting', 'identifying', 'ready']);
    expect(seen).toEqual(['READY']);
  });

  test('resumes a lost socket with a fresh ticket and drops what it had', async () => {
    await toReady();
    last().tell(0, {}, 2, 'MESSAGE_CREATE');
    last().lose(1006);
    expect(gateway.phase).toBe('waiting');
    fire((ms) => ms <= 1000);
    await settle();
    last().tell(10, { heartbeat_interval: 40_000 });
    expect(last().sent[0]).toEqual({ op: 6, d: { token: 'ticket2', session_id: 'abc', seq: 2 } });
    last().tell(0, {}, 2, 'MESSAGE_CREATE');
    last().tell(0, {}, 3, 'MESSAGE_UPDATE');
    last().tell(0, { _trace: [] }, 4, 'RESUMED');
    expect(seen).toEqual(['READY', 'MESSAGE_CREATE', 'MESSAGE_UPDATE', 'RESUMED']);
    expect(gateway.phase).toBe('ready');
    expect(lostSessions).toBe(0);
  });

  test('starts anew when the session cannot be resumed', async () => {
    await toReady();
    last().tell(9, false);
    expect(lostSessions).toBe(1);
    fire((ms) => ms <= 1000);
    await settle();
    last().tell(10, { heartbeat_interval: 40_000 });
    expect(last().sent[0]?.op).toBe(2);
  });

  test('comes back at once when told to reconnect', async () => {
    await toReady();
    last().tell(7, null);
    expect(last().closedWith).toBe(4000);
    fire((ms) => ms === 0);
    await settle();
    expect(sockets).toHaveLength(2);
  });

  test('gives up a connection that does not answer its heartbeat', async () => {
    await toReady();
    fire((ms) => ms === 20_000); // the first beat, spread over the interval
    expect(last().sent.at(-1)).toEqual({ op: 1, d: 1 });
    last().tell(11, null);
    fire((ms) => ms === 40_000);
    expect(gateway.phase).toBe('ready');
    fire((ms) => ms === 40_000);
    expect(gateway.phase).toBe('waiting');
    expect(last().closedWith).toBe(4000);
  });

  test('a machine that slept does not wait for a missed beat', async () => {
    await toReady();
    gateway.probe();
    expect(last().sent.at(-1)).toEqual({ op: 1, d: 1 });
    expect(timers.map((timer) => timer.ms)).toEqual([4000]);
    last().tell(11, null);
    fire((ms) => ms === 4000);
    expect(gateway.phase).toBe('ready'); // it lives, and beats on
    gateway.probe();
    fire((ms) => ms === 4000);
    expect(gateway.phase).toBe('waiting');
  });

  test('waits longer with each failure, and not at all when woken', async () => {
    gateway.start();
    await settle();
    for (const expected of [750, 1500, 3000, 6000, 12_000, 22_500, 22_500]) {
      last().lose(1006);
      expect(timers.map((timer) => timer.ms)).toEqual([expected]);
      gateway.wake();
      await settle();
    }
  });

  test('a token that is not accepted signs out, and nothing is tried again', async () => {
    gateway.start();
    await settle();
    last().lose(4004);
    expect(signedOut).toBe(1);
    expect(timers).toEqual([]);
    expect(gateway.phase).toBe('idle');
  });

  test('a session that was accepted asks for a new ticket before it gives up', async () => {
    await toReady();
    last().lose(4004);
    expect(signedOut).toBe(0);
    fire((ms) => ms <= 1000);
    await settle();
    last().tell(10, { heartbeat_interval: 40_000 });
    expect(last().sent[0]).toMatchObject({ op: 2, d: { token: 'ticket2' } });
    last().lose(4004);
    expect(signedOut).toBe(1);
  });

  test('an answer from a socket already dropped is not heard', async () => {
    await toReady();
    const old = last();
    const hear = old.onmessage;
    old.lose(1006);
    hear?.({ data: JSON.stringify({ op: 0, d: {}, s: 9, t: 'LATE' }) } as MessageEvent);
    expect(seen).toEqual(['READY']);
  });
});

test('close codes', () => {
  expect([1006, 4000, 4008].map(aftermath)).toEqual(['resume', 'resume', 'resume']);
  expect([4007, 4009].map(aftermath)).toEqual(['identify', 'identify']);
  expect(aftermath(4004)).toBe('sign-out');
  expect([4012, 4013, 4014].map(aftermath)).toEqual(['stop', 'stop', 'stop']);
});

describe('the compressed stream', () => {
  test('objects are cut out wherever the chunks end', () => {
    const texts = ['{"a":"}{\\"","b":{"c":[1,{}]}}', '{}', '{"d":"\\\\"}'];
    const whole = texts.join('');
    for (let size = 1; size <= whole.length; size++) {
      const splitter = new ObjectSplitter();
      const out: string[] = [];
      for (let at = 0; at < whole.length; at += size) out.push(...splitter.push(whole.slice(at, at + size)));
      expect(out).toEqual(texts);
    }
  });

  test('each flushed message comes out before the next goes in', async () => {
    const deflate = createDeflate({ flush: constants.Z_SYNC_FLUSH });
    const chunks: Buffer[] = [];
    deflate.on('data', (chunk: Buffer) => chunks.push(chunk));
    const got: string[] = [];
    let wake = (): void => undefined;
    const inflater = new Inflater(
      (text) => {
        got.push(text);
        wake();
      },
      (error) => {
        throw error;
      },
    );
    for (const text of ['{"n":1}', `{"n":"${'ü'.repeat(100_000)}"}`, '{"n":3}']) {
      const heard = new Promise<void>((resolve) => (wake = resolve));
      chunks.length = 0;
      await new Promise<void>((resolve) => deflate.write(text, () => resolve()));
      inflater.push(new Uint8Array(Buffer.concat(chunks)));
      await heard;
      expect(got.at(-1)).toBe(text);
    }
  });

  test('a broken stream is told', async () => {
    const error = await new Promise((resolve) => {
      const inflater = new Inflater(() => undefined, resolve);
      inflater.push(new Uint8Array(deflateSync('{}').map((byte, at) => (at < 2 ? 0 : byte))));
    });
    expect(error).toBeInstanceOf(Error);
  });
});
