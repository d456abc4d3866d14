// Runs on the sound thread: measures how loud the microphone is, and lets it through while its owner talks. Timers of a page in the
// background are slow; this is not.

/** From the page: how the gate is to work. */
export interface GateOrders {
  /** `auto` follows the noise of the room; a number of decibels is the least that opens it; `open` and `shut` are final. */
  mode: 'auto' | 'open' | 'shut' | number;
}

/** To the page, about twenty times a second. */
export interface GateReport {
  levelDb: number;
  /** What opens it this moment. */
  thresholdDb: number;
  isOpen: boolean;
}

// the worklet's own globals, which TypeScript's library for pages does not know
declare const sampleRate: number;
declare function registerProcessor(name: string, make: unknown): void;
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}

const QUIETEST_DB = -100;
/** The gate stays open for so long after the last loud moment. */
const HOLD_S = 0.35;
/** The time a fade takes, against clicks. */
const FADE_S = 0.012;
const REPORT_S = 0.05;
/** Above the noise of the room by so much is a voice. */
const ABOVE_NOISE_DB = 12;
const LEAST_AUTO_DB = -58;
const MOST_AUTO_DB = -30;
/** How fast the idea of the room's noise rises, and falls, per second. */
const NOISE_RISES_DB = 1.5;
const NOISE_FALLS_DB = 30;

class Gate extends AudioWorkletProcessor {
  #mode: GateOrders['mode'] = 'auto';
  #noiseDb = -70;
  #peakDb = QUIETEST_DB;
  #heldS = 0;
  #gain = 0;
  #sinceReportS = 0;

  constructor() {
    super();
    this.port.onmessage = (event: MessageEvent<GateOrders>) => {
      this.#mode = event.data.mode;
      if (this.#mode === 'shut') this.#heldS = 0;
    };
  }

  process(inputs: Float32Array[][], outputs: Float32Array[][]): boolean {
    const input = inputs[0]?.[0];
    const output = outputs[0] ?? [];
    const length = input?.length ?? output[0]?.length ?? 128;
    const passedS = length / sampleRate;
    const levelDb = input ? loudness(input) : QUIETEST_DB;
    this.#follow(levelDb, passedS);
    const thresholdDb = this.#threshold();
    if (levelDb >= thresholdDb) this.#heldS = HOLD_S;
    else this.#heldS = Math.max(0, this.#heldS - passedS);
    const isOpen = this.#mode === 'open' || (this.#mode !== 'shut' && this.#heldS > 0);
    const step = 1 / (FADE_S * sampleRate);
    for (let at = 0; at < length; at++) {
      this.#gain = Math.min(1, Math.max(0, this.#gain + (isOpen ? step : -step)));
      const sample = (input?.[at] ?? 0) * this.#gain;
      for (const channel of output) channel[at] = sample;
    }
    this.#peakDb = Math.max(this.#peakDb, levelDb);
    this.#sinceReportS += passedS;
    if (this.#sinceReportS >= REPORT_S) {
      const report: GateReport = { levelDb: this.#peakDb, thresholdDb, isOpen };
      this.port.postMessage(report);
      this.#sinceReportS = 0;
      this.#peakDb = QUIETEST_DB;
    }
    return true;
  }

  #threshold(): number {
    if (typeof this.#mode === 'number') return this.#mode;
    return Math.min(MOST_AUTO_DB, Math.max(LEAST_AUTO_DB, this.#noiseDb + ABOVE_NOISE_DB));
  }

  #follow(levelDb: number, passedS: number): void {
    const change = levelDb - this.#noiseDb;
    this.#noiseDb += Math.max(-NOISE_FALLS_DB * passedS, Math.min(NOISE_RISES_DB * passedS, change));
  }
}

function loudness(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return sum > 0 ? Math.max(QUIETEST_DB, 10 * Math.log10(sum / samples.length)) : QUIETEST_DB;
}

registerProcessor('hearth-gate', Gate);
