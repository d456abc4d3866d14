// The microphone, from the device to what is sent: less noise, a gate, and a meter. The track it gives stays when devices change.
import { logFault } from '../log';
import type { VoiceChoices } from '../state/voiceChoices.svelte';
import gateUrl from './gate.worklet.ts?worker&url';
import type { GateOrders, GateReport } from './gate.worklet';

/** RNNoise knows this rate alone, and it is Opus's own. */
const SAMPLE_RATE = 48_000;
/** Where the browser's clock of sound stands still for longer, it has none: Firefox takes it from the speakers. */
const CLOCK_MS = 2000;

/** Why there is no microphone. */
export type MicFault = 'refused' | 'missing' | 'busy';

/** What a failed request for a device means. */
export function faultOf(error: unknown): MicFault {
  const name = error instanceof DOMException ? error.name : '';
  if (name === 'NotAllowedError' || name === 'SecurityError') return 'refused';
  return name === 'NotFoundError' || name === 'OverconstrainedError' ? 'missing' : 'busy';
}

type Source = Pick<VoiceChoices, 'input' | 'cancelsEcho' | 'levelsGain' | 'noise'>;

/** One microphone in use. */
export class Microphone {
  /** Told about twenty times a second. */
  onReport: (report: GateReport) => void = () => undefined;
  /** The device went away: unplugged, or taken back by the person. */
  onEnded: () => void = () => undefined;
  readonly #start: Promise<void>;
  #context: AudioContext | null = null;
  #out: MediaStreamAudioDestinationNode | null = null;
  #gate: AudioWorkletNode | null = null;
  #raw: MediaStream | null = null;
  #source: MediaStreamAudioSourceNode | null = null;
  #denoiser: AudioNode | null = null;
  #orders: GateOrders = { mode: 'auto' };
  #opening: Promise<void> = Promise.resolve();
  #isClosed = false;
  /** The device itself is sent: what lies between needs a clock. */
  #isBare = false;

  /** The device is asked for at once; what becomes of its sound waits for `start`. */
  constructor(start: Promise<void> = Promise.resolve()) {
    this.#start = start;
  }

  /** What is to be sent, once it is open. */
  get track(): MediaStreamTrack | null {
    return (this.#isBare ? this.#raw : this.#out?.stream)?.getAudioTracks()[0] ?? null;
  }

  /** Takes a device, also in place of another; one after the other. Rejects as the browser does. */
  open(source: Source): Promise<void> {
    const opened = this.#opening.then(() => this.#take(source));
    this.#opening = opened.catch(() => undefined); // whoever asked hears of it
    return opened;
  }

  async #take(source: Source): Promise<void> {
    if (this.#isClosed) return;
    const raw = await navigator.mediaDevices.getUserMedia({ audio: constraintsFor(source) });
    if (this.#isClosed) return stop(raw);
    this.#release();
    this.#raw = raw;
    const [device] = raw.getAudioTracks();
    if (device) device.onended = () => this.onEnded();
    await this.#start;
    if (this.#raw !== raw) return stop(raw); // closed meanwhile
    const context = (this.#context ??= new AudioContext({
      sampleRate: SAMPLE_RATE,
      latencyHint: 'interactive',
    }));
    const out = (this.#out ??= new MediaStreamAudioDestinationNode(context, { channelCount: 1 }));
    this.#source = context.createMediaStreamSource(raw);
    this.#denoiser = source.noise === 'rnnoise' ? await loadDenoiser(context) : null;
    const gate = await this.#loadGate(context, out);
    if (this.#raw !== raw) return stop(raw);
    let last: AudioNode = this.#source;
    if (this.#denoiser) last = last.connect(this.#denoiser);
    last.connect(gate ?? out);
    this.wake();
    this.#isBare = !(await hasClock(context));
    this.#shut();
  }

  /** How the gate is to work. */
  order(mode: GateOrders['mode']): void {
    this.#orders = { mode };
    this.#gate?.port.postMessage(this.#orders);
    this.#shut();
  }

  /** Browsers let sound run only after a gesture. */
  wake(): void {
    if (this.#context?.state === 'suspended') void this.#context.resume();
  }

  close(): void {
    this.#isClosed = true;
    this.#release();
    this.track?.stop();
    void this.#context?.close();
  }

  /** Without a gate the track itself is what shuts. */
  #shut(): void {
    const hasGate = this.#gate !== null && !this.#isBare;
    if (this.track) this.track.enabled = hasGate || this.#orders.mode !== 'shut';
  }

  #release(): void {
    this.#source?.disconnect();
    this.#denoiser?.disconnect();
    (this.#denoiser as { destroy?: () => void } | null)?.destroy?.();
    this.#denoiser = null;
    if (this.#raw) stop(this.#raw);
    this.#raw = null;
  }

  async #loadGate(context: AudioContext, out: AudioNode): Promise<AudioWorkletNode | null> {
    if (this.#gate) return this.#gate;
    try {
      await context.audioWorklet.addModule(gateUrl);
      const gate = new AudioWorkletNode(context, 'hearth-gate', { outputChannelCount: [1] });
      gate.port.onmessage = (event: MessageEvent<GateReport>) => this.onReport(event.data);
      gate.port.postMessage(this.#orders);
      gate.connect(out);
      this.#gate = gate;
      this.#shut();
    } catch (error) {
      logFault('the gate of the microphone', error); // one is heard without it
    }
    return this.#gate;
  }
}

async function loadDenoiser(context: AudioContext): Promise<AudioNode | null> {
  try {
    return await (await import('./denoise')).denoiser(context);
  } catch (error) {
    logFault('noise suppression', error); // one is heard with the noise
    return null;
  }
}

/** Whether sound runs, and does so soon. */
function hasClock(context: AudioContext): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, CLOCK_MS, false);
    const look = (): void => {
      if (context.state !== 'running') return;
      clearTimeout(timer);
      context.onstatechange = null;
      resolve(true);
    };
    context.onstatechange = look;
    look();
  });
}

/** What is asked of the browser for a choice of device. */
export function constraintsFor({ input, cancelsEcho, levelsGain, noise }: Source): MediaTrackConstraints {
  return {
    ...(input ? { deviceId: { exact: input } } : {}),
    echoCancellation: cancelsEcho,
    autoGainControl: levelsGain,
    noiseSuppression: noise === 'browser',
    channelCount: 1,
  };
}

function stop(stream: MediaStream): void {
  for (const track of stream.getTracks()) {
    track.onended = null;
    track.stop();
  }
}
