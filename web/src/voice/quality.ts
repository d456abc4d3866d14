// How a connection is, from its numbers to a word.

export type Word = 'clear' | 'uneven' | 'broken';

export interface Quality {
  /** Milliseconds there and back. */
  rttMs: number;
  /** Share of packets of the last seconds that did not arrive. */
  loss: number;
  jitterMs: number;
  /** Sound made up for what did not arrive, as a share. */
  concealed: number;
}

/** Where each word ends: the worst of the numbers decides. */
const CLEAR: Quality = { rttMs: 180, loss: 0.02, jitterMs: 35, concealed: 0.04 };
const UNEVEN: Quality = { rttMs: 400, loss: 0.08, jitterMs: 90, concealed: 0.15 };

const isWithin = (quality: Quality, limit: Quality): boolean =>
  quality.rttMs <= limit.rttMs &&
  quality.loss <= limit.loss &&
  quality.jitterMs <= limit.jitterMs &&
  quality.concealed <= limit.concealed;

/** The word for a connection. */
export function wordFor(quality: Quality): Word {
  if (isWithin(quality, CLEAR)) return 'clear';
  return isWithin(quality, UNEVEN) ? 'uneven' : 'broken';
}

/** From so much loss on, and for so long after it, pictures are kept back a little: what was lost is asked for, and comes in time. */
const LOSSY = 0.02;
const LOSSY_FOR_MS = 30_000;
/** Longer would be seen on lips. */
const PICTURES_WAIT_MS = 200;

/** How long pictures wait before they are shown; null leaves that to the browser. */
export class PictureDelay {
  #lossyUntil = -Infinity;

  after(loss: number, nowMs: number): number | null {
    if (loss > LOSSY) this.#lossyUntil = nowMs + LOSSY_FOR_MS;
    return nowMs < this.#lossyUntil ? PICTURES_WAIT_MS : null;
  }
}

/** Counters that only rise, as the browser keeps them. */
export interface Tally {
  received: number;
  lost: number;
  samples: number;
  concealedSamples: number;
}

/** What changed between two readings, as shares. A new connection counts from nothing. */
export function sharesSince(before: Tally, now: Tally): Pick<Quality, 'loss' | 'concealed'> {
  const part = (made: number, all: number): number => (all > 0 ? Math.min(1, Math.max(0, made) / all) : 0);
  const isNew = now.received < before.received || now.samples < before.samples;
  const from = isNew ? { received: 0, lost: 0, samples: 0, concealedSamples: 0 } : before;
  const lost = now.lost - from.lost;
  return {
    loss: part(lost, Math.max(0, lost) + now.received - from.received),
    concealed: part(now.concealedSamples - from.concealedSamples, now.samples - from.samples),
  };
}

/** What the browser counts of a connection: what came in, and how it travels. */
export function readReport(report: RTCStatsReport): {
  tally: Tally;
  rttMs: number;
  jitterMs: number;
  isTcp: boolean;
} {
  const tally: Tally = { received: 0, lost: 0, samples: 0, concealedSamples: 0 };
  let [rttMs, jitterMs, isTcp] = [0, 0, false];
  report.forEach((stat: Record<string, unknown>) => {
    const number = (name: string): number => (typeof stat[name] === 'number' ? stat[name] : 0);
    if (stat['type'] === 'inbound-rtp') {
      tally.received += number('packetsReceived');
      tally.lost += Math.max(0, number('packetsLost'));
      if (stat['kind'] !== 'audio') return;
      tally.samples += number('totalSamplesReceived');
      // what was silent on purpose is made up too, and is no fault
      tally.concealedSamples += number('concealedSamples') - number('silentConcealedSamples');
      if (number('packetsReceived') > 0) jitterMs = Math.max(jitterMs, number('jitter') * 1000);
    } else if (
      stat['type'] === 'candidate-pair' &&
      stat['nominated'] === true &&
      stat['state'] === 'succeeded'
    ) {
      rttMs = number('currentRoundTripTime') * 1000;
      const local = report.get(String(stat['localCandidateId'])) as { protocol?: string } | undefined;
      isTcp = local?.protocol === 'tcp';
    }
  });
  return { tally, rttMs, jitterMs, isTcp };
}
