// Voice without a browser: who is where, what a description says, the word for a connection, the tiles, and coming back to a session.
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Socket } from '../../src/gateway/socket';
import { reduce } from '../../src/state/reduce';
import { plainWorld, type World } from '../../src/state/world';
import { PictureDelay, sharesSince, wordFor } from '../../src/voice/quality';
import { inStereo } from '../../src/voice/sdp';
import { afterClose, Signal, type End } from '../../src/voice/signal';
import { gridFor, tilesOf } from '../../src/voice/tiles';
import type { VoiceState } from '../../src/api/types';
import { ready } from '../support/things';

const state = (userId: string, channelId: string | null, extra: Partial<VoiceState> = {}): VoiceState => ({
  guild_id: '5',
  channel_id: channelId,
  user_id: userId,
  session_id: 's',
  deaf: false,
  mute: false,
  self_deaf: false,
  self_mute: false,
  self_video: false,
  suppress: false,
  request_to_speak_timestamp: null,
  ...extra,
});
const inRoom = (world: World, id: string): string[] => [...(world.voices.get(id)?.keys() ?? [])];
function world(...states: VoiceState[]): World {
  const made = plainWorld();
  reduce(made, 'READY', ready(), 0);
  for (const one of states) reduce(made, 'VOICE_STATE_UPDATE', one, 0);
  return made;
}

describe('who is in voice', () => {
  test('one is in one room of a guild, and a room that empties is gone', () => {
    const made = world(state('2', '20'), state('3', '20'), state('2', '21'));
    expect([inRoom(made, '20'), inRoom(made, '21')]).toEqual([['3'], ['2']]);
    reduce(made, 'VOICE_STATE_UPDATE', state('3', null), 0);
    expect(made.voices.has('20')).toBe(false);
  });

  test('somebody is in two guilds at once where they are a bot', () => {
    const made = world(state('9', '20'), state('9', '60', { guild_id: '6' }));
    expect([inRoom(made, '20'), inRoom(made, '60')]).toEqual([['9'], ['9']]);
    reduce(made, 'VOICE_STATE_UPDATE', state('9', null, { guild_id: '6' }), 0);
    expect(inRoom(made, '20')).toEqual(['9']);
  });

  test('a call comes with its people, and takes them along', () => {
    const made = world(state('2', '20'));
    const call = { channel_id: '11', message_id: '1', ringing: ['1'], voice_states: [] as VoiceState[] };
    const { guild_id: _, ...own } = state('2', '11');
    reduce(made, 'CALL_CREATE', { ...call, voice_states: [own] }, 0);
    expect([inRoom(made, '11'), inRoom(made, '20')]).toEqual([['2'], ['2']]);
    expect(made.calls.get('11')?.ringing).toEqual(['1']);
    reduce(made, 'CALL_DELETE', { channel_id: '11' }, 0);
    expect([made.calls.size, inRoom(made, '11')]).toEqual([0, []]);
  });

  test('a new session knows of nobody until told', () => {
    const made = world(state('2', '20'));
    reduce(made, 'READY', ready(), 0);
    expect(made.voices.size).toBe(0);
    const merged_presences = { friends: [], guilds: [[]] };
    const guilds = [{ id: '5', voice_states: [state('2', '20')] }];
    reduce(made, 'READY_SUPPLEMENTAL', { guilds, merged_presences }, 0);
    expect(inRoom(made, '20')).toEqual(['2']);
  });
});

describe('a description', () => {
  const SDP =
    'v=0\r\nm=audio 9 RTP 111\r\na=mid:0\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n' +
    'm=video 9 RTP 96\r\na=mid:1\r\na=fmtp:96 useinbandfec=1\r\n' +
    'm=audio 9 RTP 111\r\na=mid:7\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n';

  test('asks for both ears, once, and for sound alone', () => {
    const all = inStereo(SDP, 'all');
    expect(all.match(/;stereo=1/g)).toHaveLength(2);
    expect(inStereo(all, 'all')).toBe(all);
    expect(inStereo(SDP, ['7']).indexOf('stereo')).toBeGreaterThan(SDP.indexOf('a=mid:7'));
    expect(inStereo(SDP, [])).toBe(SDP);
  });
});

describe('the word for a connection', () => {
  const good = { rttMs: 20, loss: 0, jitterMs: 4, concealed: 0 };
  test('follows the worst of its numbers', () => {
    expect(wordFor(good)).toBe('clear');
    expect(wordFor({ ...good, loss: 0.05 })).toBe('uneven');
    expect(wordFor({ ...good, rttMs: 900 })).toBe('broken');
  });
  test('counts what changed, and begins anew with a new connection', () => {
    const tally = (received: number, lost: number) => ({ received, lost, samples: 0, concealedSamples: 0 });
    expect(sharesSince(tally(100, 0), tally(190, 10)).loss).toBeCloseTo(0.1);
    expect(sharesSince(tally(500, 90), tally(9, 1)).loss).toBeCloseTo(0.1);
    expect(sharesSince(tally(5, 0), tally(5, 0))).toEqual({ loss: 0, concealed: 0 });
  });

  test('keeps pictures back while packets are lost, and for a while after', () => {
    const delay = new PictureDelay();
    expect(delay.after(0.01, 1_000)).toBe(null);
    expect(delay.after(0.05, 2_000)).toBe(200);
    expect(delay.after(0, 31_000)).toBe(200);
    expect(delay.after(0, 32_000)).toBe(null);
  });
});

describe('tiles', () => {
  test('a shared screen stands before people', () => {
    const shown = tilesOf([state('2', '20'), state('3', '20')], new Set(['3']));
    expect(shown.map((tile) => tile.key)).toEqual(['3 screen', '2', '3']);
  });
  test('fit into their room whatever its size, and none is a stripe', () => {
    const side = fc.integer({ min: 200, max: 3000 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), side, side, (count, width, height) => {
        const grid = gridFor(count, width, height, 10);
        const rows = Math.ceil(count / grid.columns);
        expect(grid.columns * grid.width + 10 * (grid.columns - 1)).toBeLessThanOrEqual(width);
        expect(rows * grid.height + 10 * (rows - 1)).toBeLessThanOrEqual(Math.max(height, 10 * (rows - 1)));
        if (grid.height > 20) expect(grid.width / grid.height).toBeLessThanOrEqual(2.1);
      }),
    );
  });
});

describe('a voice session', () => {
  class FakeSocket implements Socket {
    binaryType: BinaryType = 'blob';
    onopen: Socket['onopen'] = null;
    onmessage: Socket['onmessage'] = null;
    onclose: Socket['onclose'] = null;
    readonly sent: { op: number; d: Record<string, unknown> }[] = [];
    closed: number | undefined;
    send(text: string): void {
      this.sent.push(JSON.parse(text) as (typeof this.sent)[number]);
    }
    close(code?: number): void {
      this.closed = code;
    }
    hear(frame: object): void {
      this.onmessage?.(new MessageEvent('message', { data: JSON.stringify(frame) }));
    }
    lose(code: number): void {
      this.onclose?.({ code } as CloseEvent);
    }
  }
  const sockets: FakeSocket[] = [];
  const ends: End[] = [];
  const heard: number[] = [];
  let resumed = 0;
  const last = (): FakeSocket => {
    const socket = sockets.at(-1);
    if (!socket) throw new Error('no socket');
    return socket;
  };
  const dial = (): Signal =>
    new Signal({
      url: 'ws://here/voice?v=8',
      userId: '1',
      onWelcome: () => undefined,
      onResumed: () => resumed++,
      onMessage: (op) => heard.push(op),
      onEnd: (end) => ends.push(end),
      openSocket: () => {
        const made = new FakeSocket();
        sockets.push(made);
        return made;
      },
      random: () => 0,
    });
  const admission = { token: 't', endpoint: 'here:1', sessionId: 's', serverId: '5' };
  const begin = (): Signal => {
    const signal = dial();
    signal.admit(admission);
    return signal;
  };

  beforeEach(() => {
    vi.useFakeTimers();
    sockets.length = ends.length = heard.length = resumed = 0;
  });
  afterEach(() => vi.useRealTimers());

  test('identifies, beats, and resumes after what it heard last', () => {
    begin();
    last().hear({ op: 8, d: { heartbeat_interval: 1000 } });
    expect(last().sent[0]).toMatchObject({ op: 0, d: { server_id: '5', user_id: '1', token: 't' } });
    last().hear({ op: 2, d: { ssrc: 1, ip: '', port: 1 }, seq: 1 });
    last().hear({ op: 102, d: {}, seq: 4 });
    expect(heard).toEqual([102]);
    vi.advanceTimersByTime(1000);
    expect(last().sent.at(-1)).toMatchObject({ op: 3, d: { seq_ack: 4 } });
    last().hear({ op: 6, d: {} });
    last().lose(1006);
    vi.advanceTimersByTime(250);
    expect(sockets).toHaveLength(2);
    last().hear({ op: 8, d: { heartbeat_interval: 1000 } });
    expect(last().sent[0]).toMatchObject({ op: 7, d: { session_id: 's', seq_ack: 4 } });
    last().hear({ op: 9, d: null });
    expect([resumed, ends]).toEqual([1, []]);
  });

  test('stands before it is admitted, and says nothing until then, over as many sockets as it takes', () => {
    const signal = dial();
    last().lose(1006);
    vi.advanceTimersByTime(250);
    last().hear({ op: 8, d: { heartbeat_interval: 1000 } });
    vi.advanceTimersByTime(5000);
    last().lose(4009); // the server waited long enough
    vi.advanceTimersByTime(500);
    last().lose(1012);
    expect([sockets.length, sockets.flatMap(({ sent }) => sent)]).toEqual([3, []]);
    signal.admit(admission); // not after the wait of the next try, but at once
    expect(sockets).toHaveLength(4);
    last().hear({ op: 8, d: { heartbeat_interval: 1000 } });
    expect(last().sent).toMatchObject([{ op: 0, d: { token: 't' } }]);
    vi.advanceTimersByTime(1000);
    expect(last().sent.map(({ op }) => op)).toEqual([0, 3]);
    expect([signal.isOver, ends]).toEqual([false, []]);
  });

  test('a beat that is not answered is a dead socket', () => {
    begin();
    last().hear({ op: 8, d: { heartbeat_interval: 1000 } });
    vi.advanceTimersByTime(2250);
    expect([sockets[0]?.closed, sockets.length]).toEqual([4000, 2]);
  });

  test('asks for a new way in, or ends, as the server closes', () => {
    expect([afterClose(4014), afterClose(4006), afterClose(1012), afterClose(1006)]).toEqual([
      'over',
      'anew',
      'anew',
      'resume',
    ]);
    begin();
    last().lose(4014);
    begin();
    last().lose(4006);
    vi.advanceTimersByTime(1);
    expect(ends).toEqual(['over', 'anew']);
  });

  test('gives up resuming when the server has forgotten it', () => {
    begin();
    last().hear({ op: 8, d: { heartbeat_interval: 100_000 } });
    last().hear({ op: 2, d: {}, seq: 1 });
    for (let passed = 0; passed < 90_000 && ends.length === 0; passed += 1000) {
      last().lose(1006);
      vi.advanceTimersByTime(6000);
    }
    expect(ends).toEqual(['anew']);
  });

  test('closed by us it stays closed', () => {
    const signal = begin();
    signal.close();
    expect(signal.isOver).toBe(true);
    vi.advanceTimersByTime(120_000);
    expect([sockets.length, last().closed, ends]).toEqual([1, 1000, []]);
  });
});
