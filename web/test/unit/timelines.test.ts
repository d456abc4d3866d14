// Sending and catching up, on a stand-in for the server that knows nonces as the real one does.
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { ApiError } from '../../src/api/http';
import type { Routes } from '../../src/api/routes';
import { compareIds } from '../../src/api/snowflake';
import type { Message } from '../../src/api/types';
import { Archive, type Sent } from '../../src/state/archive';
import { reduce } from '../../src/state/reduce';
import { presentSegment } from '../../src/state/segments';
import { Timelines } from '../../src/state/timelines.svelte';
import { plainWorld, type World } from '../../src/state/world';
import { me, message, pending, ready } from '../support/things';

const CHANNEL = '10';

/** One channel of the server. */
class Channel {
  messages: Message[] = [];
  nonces = new Map<string, Message>();
  isReachable = true;
  /** Takes the message, and loses the answer. */
  losesAnswers = false;
  pages: Record<string, unknown>[] = [];
  #next = 1000;

  say(extra: Partial<Message> = {}): Message {
    const said = message(String(this.#next++), { channel_id: CHANNEL, ...extra });
    this.messages.push(said);
    return said;
  }

  routes(): Routes {
    const unreachable = new ApiError(0, 0, 'unreachable');
    return {
      post: (_: string, body: { content: string; nonce: string }) => {
        if (!this.isReachable) return Promise.reject(unreachable);
        const known = this.nonces.get(body.nonce) ?? this.say({ author: me, content: body.content });
        this.nonces.set(body.nonce, known);
        return this.losesAnswers ? Promise.reject(unreachable) : Promise.resolve(known);
      },
      messages: (_: string, page: { before?: string; after?: string; limit: number }) => {
        this.pages.push(page);
        if (!this.isReachable) return Promise.reject(unreachable);
        const { before, after, limit } = page;
        const within = this.messages.filter(
          ({ id }) => (!before || compareIds(id, before) < 0) && (!after || compareIds(id, after) > 0),
        );
        return Promise.resolve((after ? within.slice(0, limit) : within.slice(-limit)).reverse());
      },
    } as unknown as Routes;
  }
}

/** Stands for the browser's database. */
class Shelf {
  sent = new Map<string, Sent>();
  putSent = (sent: Sent) => Promise.resolve(void this.sent.set(sent.nonce, sent));
  removeSent = (nonce: string) => Promise.resolve(void this.sent.delete(nonce));
  get archive(): Archive {
    return this as unknown as Archive;
  }
}

let world: World;
let server: Channel;
let shelf: Shelf;
let timelines: Timelines;

const settle = () => vi.waitFor(() => expect(timelines.loading.size).toBe(0));
const shown = () => presentSegment(timelines.get(CHANNEL))?.messages.map(({ id }) => id) ?? [];
const waiting = () => timelines.get(CHANNEL)?.pending ?? [];
const contents = () => server.messages.map(({ content }) => content);

beforeEach(async () => {
  world = plainWorld();
  reduce(world, 'READY', ready(), 0);
  server = new Channel();
  shelf = new Shelf();
  timelines = new Timelines(world, server.routes());
  timelines.keepIn(shelf.archive);
});

describe('sending', () => {
  test('a burst goes out in its order, each once, and nothing is left waiting', async () => {
    for (let n = 0; n < 20; n++) timelines.post(CHANNEL, `burst ${n}`);
    expect(waiting()).toHaveLength(20);
    await vi.waitFor(() => expect(waiting()).toHaveLength(0));
    expect(contents()).toEqual(Array.from({ length: 20 }, (_, n) => `burst ${n}`));
    await vi.waitFor(() => expect(shelf.sent.size).toBe(0));
  });

  test('what could not be sent goes before what is written after it', async () => {
    server.isReachable = false;
    timelines.post(CHANNEL, 'first');
    await vi.waitFor(() => expect(waiting()[0]?.state).toBe('failed'));
    server.isReachable = true;
    timelines.post(CHANNEL, 'second');
    await vi.waitFor(() => expect(waiting()).toHaveLength(0));
    expect(contents()).toEqual(['first', 'second']);
  });

  test('an answer that was lost makes no second message', async () => {
    server.losesAnswers = true;
    timelines.post(CHANNEL, 'once');
    await vi.waitFor(() => expect(waiting()[0]?.state).toBe('failed'));
    server.losesAnswers = false;
    timelines.flush();
    await vi.waitFor(() => expect(waiting()).toHaveLength(0));
    expect(contents()).toEqual(['once']);
  });

  test('what an earlier visit left is sent first, in order, and is kept until it is', async () => {
    const left = ['3', '4'].map((nonce) => ({
      nonce,
      channelId: CHANNEL,
      pending: pending(nonce, `left ${nonce}`),
    }));
    for (const sent of left) await shelf.putSent(sent);
    server.isReachable = false;
    timelines.keepIn(shelf.archive);
    timelines.takeUp(left);
    expect(waiting().map(({ state }) => state)).toEqual(['failed', 'failed']);
    server.isReachable = true;
    timelines.post(CHANNEL, 'new');
    await vi.waitFor(() => expect(waiting()).toHaveLength(0));
    expect(contents()).toEqual(['left 3', 'left 4', 'new']);
    await vi.waitFor(() => expect(shelf.sent.size).toBe(0));
  });

  test('a message tried long ago is looked for before it is sent again, and twins are told apart', async () => {
    const before = server.say({ author: me, content: 'yes' });
    server.say({ author: me, content: 'yes' });
    const old = { afterId: before.id, triedAtMs: Date.now() - 3_600_000, state: 'failed' as const };
    const left = ['3', '4'].map((nonce) => ({
      nonce,
      channelId: CHANNEL,
      pending: pending(nonce, 'yes', old),
    }));
    timelines.keepIn(shelf.archive);
    timelines.takeUp(left);
    timelines.flush();
    await vi.waitFor(() => expect(waiting()).toHaveLength(0));
    expect(contents()).toEqual(['yes', 'yes', 'yes']); // one had arrived, one had not
  });

  test('a refusal stays with its reason until it is taken back', async () => {
    const refusing = {
      ...server.routes(),
      post: () => Promise.reject(new ApiError(403, 50013, 'Missing Permissions')),
    };
    timelines = new Timelines(world, refusing as unknown as Routes);
    timelines.keepIn(shelf.archive);
    timelines.post(CHANNEL, 'no');
    await vi.waitFor(() => expect(waiting()[0]).toMatchObject({ state: 'failed', fault: 'refused_right' }));
    timelines.flush();
    expect(waiting()[0]?.state).toBe('failed');
    timelines.discard(CHANNEL, waiting()[0]?.nonce ?? '');
    expect(waiting()).toEqual([]);
    await vi.waitFor(() => expect(shelf.sent.size).toBe(0));
  });

  test('what was taken back comes back as it was, and is kept again', async () => {
    server.isReachable = false;
    for (const text of ['one', 'two']) timelines.post(CHANNEL, text);
    await vi.waitFor(() => expect(waiting().map(({ state }) => state)).toEqual(['failed', 'failed']));
    const [first] = waiting();
    const undo = timelines.discard(CHANNEL, first?.nonce ?? '');
    expect(waiting().map(({ content }) => content)).toEqual(['two']);
    undo();
    expect(waiting().map(({ content }) => content)).toEqual(['one', 'two']);
    await vi.waitFor(() => expect(shelf.sent.has(first?.nonce ?? '')).toBe(true));
    server.isReachable = true;
    timelines.flush();
    await vi.waitFor(() => expect(waiting()).toHaveLength(0));
    expect(contents()).toEqual(['one', 'two']);
  });
});

describe('after events were missed', () => {
  async function held(count: number): Promise<void> {
    for (let n = 0; n < count; n++) server.say();
    timelines.open(CHANNEL);
    await vi.waitFor(() => expect(shown()).toHaveLength(count));
  }

  test('a gap of up to two pages is closed without a seam', async () => {
    await held(30);
    for (let n = 0; n < 180; n++) server.say();
    timelines.recover(CHANNEL);
    await vi.waitFor(() => expect(timelines.get(CHANNEL)?.isBehind).toBe(false));
    expect(shown()).toEqual(server.messages.map(({ id }) => id));
  });

  test('past that the present takes over, and scrolling back finds the rest', async () => {
    await held(30);
    for (let n = 0; n < 400; n++) server.say();
    timelines.recover(CHANNEL);
    await vi.waitFor(() => expect(timelines.get(CHANNEL)?.isBehind).toBe(false));
    await settle();
    expect(shown()).toEqual(server.messages.slice(-100).map(({ id }) => id));
    expect(presentSegment(timelines.get(CHANNEL))?.hasOlder).toBe(true);
  });

  test('events that come while the gap is being closed are neither lost nor doubled', async () => {
    await held(30);
    for (let n = 0; n < 20; n++) server.say();
    timelines.recover(CHANNEL);
    for (let n = 0; n < 3; n++) reduce(world, 'MESSAGE_CREATE', server.say(), 0);
    await vi.waitFor(() => expect(timelines.get(CHANNEL)?.isBehind).toBe(false));
    expect(shown()).toEqual(server.messages.map(({ id }) => id));
  });

  test('a second gap while the first is being closed leaves none', async () => {
    await held(10);
    server.say();
    timelines.recover(CHANNEL);
    server.say();
    timelines.recover(CHANNEL);
    reduce(world, 'MESSAGE_CREATE', server.say(), 0);
    await vi.waitFor(() => expect(timelines.get(CHANNEL)?.isBehind).toBe(false));
    await settle();
    expect(shown()).toEqual(server.messages.map(({ id }) => id));
  });

  test('messages deleted meanwhile go, also above the newest page', async () => {
    await held(50);
    for (let n = 0; n < 150; n++) server.say();
    timelines.recover(CHANNEL);
    await vi.waitFor(() => expect(shown()).toHaveLength(200));
    server.messages.splice(120, 1);
    server.messages.splice(20, 1);
    timelines.recover(CHANNEL);
    await vi.waitFor(() => expect(shown()).toEqual(server.messages.map(({ id }) => id)));
  });

  test('a gap of other channels leaves this one alone', async () => {
    await held(10);
    const asked = server.pages.length;
    timelines.recover(CHANNEL);
    await timelines.miss(['11'], CHANNEL); // while this one is being read again
    await vi.waitFor(() => expect(timelines.get(CHANNEL)?.isBehind).toBe(false));
    expect(server.pages).toHaveLength(asked + 1);
    await timelines.miss([CHANNEL], CHANNEL);
    expect(server.pages).toHaveLength(asked + 2);
  });

  test('a channel not looked at keeps what it had, and is read again when opened', async () => {
    await held(10);
    timelines.recover(null);
    server.say();
    reduce(world, 'MESSAGE_CREATE', server.say(), 0);
    expect(shown()).toHaveLength(10);
    timelines.open(CHANNEL);
    await vi.waitFor(() => expect(shown()).toEqual(server.messages.map(({ id }) => id)));
  });
});

test('twenty channels are held, those longest unopened go, and none with something unsent', async () => {
  server.isReachable = false;
  timelines.touch('1', 1);
  timelines.post('1', 'unsent');
  for (let n = 2; n <= 25; n++) {
    world.timelines.set(String(n), { segments: [], pending: [], isBehind: false, gone: [], reactors: {} });
    timelines.touch(String(n), n);
  }
  expect(timelines.recent()).toHaveLength(20);
  expect(world.timelines.has('5')).toBe(false);
  expect(world.timelines.has('6')).toBe(true);
  expect(world.timelines.get('1')?.pending).toHaveLength(1);
});
