// What a page's media connection does, read from outside: the browser's own statistics.
import type { Page } from 'playwright-core';

/** Keeps a page's connections where `flow` finds them. Runs in the page, before it makes any. */
export function keepConnections(): void {
  const made: RTCPeerConnection[] = [];
  (window as unknown as { connections: RTCPeerConnection[] }).connections = made;
  window.RTCPeerConnection = new Proxy(window.RTCPeerConnection, {
    construct: (target, parameters: [RTCConfiguration?]) => {
      const connection = new target(...parameters);
      made.push(connection);
      return connection;
    },
  });
}

/** The same for every page that is loaded from here on. */
export async function watchMedia(page: Page): Promise<void> {
  await page.addInitScript(keepConnections);
}

export interface Flow {
  state: string;
  /** Sound that came in. */
  audioPackets: number;
  audioEnergy: number;
  /** The loudest second of what came in, 0 to 1. */
  audioLevel: number;
  /** Pictures drawn of what came in. */
  frames: number;
  /** Streams of video and of sound something came in on. */
  videos: number;
  sounds: number;
  /** How packets travel. */
  protocol: string;
  made: number;
  /** Packets of sound that the sender's reports tell of, and when the newest of these says it was written, ms of the clock. */
  reportedPackets: number;
  reportedAt: number;
}

/** What flows through the newest connection. Runs in the page. */
export async function measureFlow(): Promise<Flow> {
  const { connections } = window as unknown as { connections: RTCPeerConnection[] };
  const newest = connections.at(-1);
  const flow: Flow = {
    state: newest?.connectionState ?? 'none',
    audioPackets: 0,
    audioEnergy: 0,
    audioLevel: 0,
    frames: 0,
    videos: 0,
    sounds: 0,
    protocol: '',
    made: connections.length,
    reportedPackets: 0,
    reportedAt: 0,
  };
  const report = await newest?.getStats();
  report?.forEach((stat: Record<string, unknown>) => {
    const number = (name: string): number => (typeof stat[name] === 'number' ? stat[name] : 0);
    if (stat['type'] === 'inbound-rtp' && stat['kind'] === 'audio') {
      flow.audioPackets += number('packetsReceived');
      flow.audioEnergy += number('totalAudioEnergy');
      flow.audioLevel = Math.max(flow.audioLevel, number('audioLevel'));
      if (number('packetsReceived') > 0) flow.sounds++;
    } else if (stat['type'] === 'inbound-rtp' && stat['kind'] === 'video') {
      flow.frames += number('framesDecoded');
      if (number('framesDecoded') > 0) flow.videos++;
    } else if (stat['type'] === 'remote-outbound-rtp' && stat['kind'] === 'audio') {
      flow.reportedPackets += number('packetsSent');
      flow.reportedAt = Math.max(flow.reportedAt, number('remoteTimestamp'));
    } else if (stat['type'] === 'candidate-pair' && stat['nominated'] === true) {
      const local = report.get(String(stat['localCandidateId'])) as { protocol?: string } | undefined;
      flow.protocol = local?.protocol ?? flow.protocol;
    }
  });
  return flow;
}

export function flow(page: Page): Promise<Flow> {
  return page.evaluate(measureFlow);
}

/** One stream that comes in. */
export interface Stream {
  mid: string;
  kind: 'audio' | 'video';
  packets: number;
  lost: number;
  energy: number;
  samples: number;
  /** Samples made up for what did not come, but for silence. */
  concealed: number;
  frames: number;
  freezes: number;
  height: number;
}

/** All that comes in through the newest connection, and how many there were. */
export function streams(page: Page): Promise<{ made: number; streams: Stream[] }> {
  return page.evaluate(async () => {
    const { connections } = window as unknown as { connections: RTCPeerConnection[] };
    const found: Stream[] = [];
    const report = await connections.at(-1)?.getStats();
    report?.forEach((stat: Record<string, unknown>) => {
      if (stat['type'] !== 'inbound-rtp') return;
      const number = (name: string): number => (typeof stat[name] === 'number' ? stat[name] : 0);
      found.push({
        mid: String(stat['mid']),
        kind: stat['kind'] as 'audio' | 'video',
        packets: number('packetsReceived'),
        lost: number('packetsLost'),
        energy: number('totalAudioEnergy'),
        samples: number('totalSamplesReceived'),
        concealed: number('concealedSamples') - number('silentConcealedSamples'),
        frames: number('framesDecoded'),
        freezes: number('freezeCount'),
        height: number('frameHeight'),
      });
    });
    return { made: connections.length, streams: found };
  });
}

/**
 * Waits for the page's next click and then for the first sound; what comes back waits for the milliseconds from that click to the newest
 * packet the browser knows of when it first tells of any.
 */
export async function awaitFirstSound(page: Page): Promise<() => Promise<number>> {
  await page.evaluate(() => {
    const { connections } = window as unknown as { connections: RTCPeerConnection[] };
    const clicked = new Promise<number>((resolve) =>
      addEventListener('click', ({ timeStamp }) => resolve(performance.timeOrigin + timeStamp), {
        capture: true,
        once: true,
      }),
    );
    const came = async (): Promise<number> => {
      for (;;) {
        const report = await connections.at(-1)?.getStats();
        let cameAt = 0;
        report?.forEach((stat: Record<string, unknown>) => {
          if (
            stat['type'] === 'inbound-rtp' &&
            stat['kind'] === 'audio' &&
            Number(stat['packetsReceived']) > 0
          )
            cameAt = Math.max(cameAt, Number(stat['lastPacketReceivedTimestamp']));
        });
        if (cameAt > 0) return cameAt - (await clicked);
        await new Promise((resolve) => setTimeout(resolve, 25)); // they are gathered anew no more often than each 50 ms
      }
    };
    (window as unknown as { firstSound: Promise<number> }).firstSound = came();
  });
  return () => page.evaluate(() => (window as unknown as { firstSound: Promise<number> }).firstSound);
}

/** The pitch at which each slot of sound is loudest just now, in hertz; 0 where nothing is heard. */
export function pitches(page: Page): Promise<number[]> {
  return page.evaluate(async () => {
    const context = new AudioContext();
    const ears = [...document.querySelectorAll<HTMLAudioElement>('audio[data-slot]')];
    const found = ears.map(async ({ srcObject }) => {
      const analyser = new AnalyserNode(context, { fftSize: 8192, smoothingTimeConstant: 0 });
      context.createMediaStreamSource(srcObject as MediaStream).connect(analyser);
      await new Promise((resolve) => setTimeout(resolve, 400)); // the window has to fill
      const loudness = new Float32Array(analyser.frequencyBinCount);
      analyser.getFloatFrequencyData(loudness);
      const peak = loudness.reduce((best, db, at) => (db > (loudness[best] ?? -1e9) ? at : best), 0);
      return (loudness[peak] ?? -1e9) > -70 ? (peak * context.sampleRate) / analyser.fftSize : 0;
    });
    const heard = await Promise.all(found);
    await context.close();
    return heard;
  });
}

/** Sums of such counters over all that comes in of a kind, by their names in the browser's statistics (webrtc-stats);
 *  a name that it counts nothing by is an error. */
export function counters<Name extends string>(
  page: Page,
  kind: Stream['kind'],
  names: readonly Name[],
): Promise<Record<Name, number>> {
  const read = async ({ kind, names }: { kind: string; names: readonly string[] }) => {
    const { connections } = window as unknown as { connections: RTCPeerConnection[] };
    const sums: Record<string, number> = {};
    const report = await connections.at(-1)?.getStats();
    report?.forEach((stat: Record<string, unknown>) => {
      if (stat['type'] !== 'inbound-rtp' || stat['kind'] !== kind) return;
      for (const name of names) if (name in stat) sums[name] = (sums[name] ?? 0) + Number(stat[name]);
    });
    const unknown = names.filter((name) => !(name in sums));
    if (unknown.length > 0) throw new Error(`the browser counts no ${unknown.join(', ')}`);
    return sums;
  };
  return page.evaluate(read, { kind, names }) as Promise<Record<Name, number>>;
}
