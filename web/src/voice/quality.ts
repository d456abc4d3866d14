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
