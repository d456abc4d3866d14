// Recording a voice message: the microphone, how loud it is, and the file that comes of it.
import { writeWaveform } from '../state/waveform';

/** The longest recording; then it stops by itself. */
export const MAX_RECORDING_MS = 20 * 60_000;
/** How often the loudness is looked at. */
const LEVEL_EVERY_MS = 50;
/** Levels shown while it runs. */
const SHOWN_LEVELS = 40;
/** What browsers can record, the best first. */
const TYPES = ['audio/webm;codecs=opus', 'audio/ogg;codecs=opus', 'audio/mp4'] as const;
const BITS_PER_SECOND = 48_000;

export interface Recorded {
  file: File;
  durationSecs: number;
  waveform: string;
}

function bestType(): string | undefined {
  return TYPES.find((type) => MediaRecorder.isTypeSupported(type));
}

/** Whether this browser can record at all. */
export function canRecord(): boolean {
  return typeof MediaRecorder === 'function' && 'mediaDevices' in navigator && bestType() !== undefined;
}

/** One recording, from the first word to the last. */
export class Recording {
  elapsedMs = $state.raw(0);
  /** Between 0 and 1, the newest last. */
  shown: readonly number[] = $state.raw([]);
  readonly #levels: number[] = [];
  readonly #parts: Blob[] = [];
  readonly #onfull: () => void;
  #stream: MediaStream | null = null;
  #context: AudioContext | null = null;
  #recorder: MediaRecorder | null = null;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** `onfull`: it has become as long as it may. */
  constructor(onfull: () => void) {
    this.#onfull = onfull;
  }

  /** Begins; rejects where there is no microphone, or it is not allowed. */
  async start(): Promise<void> {
    this.#stream = await navigator.mediaDevices.getUserMedia({
      audio: { echoCancellation: true, noiseSuppression: true, channelCount: 1 },
    });
    this.#context = new AudioContext();
    const analyser = this.#context.createAnalyser();
    analyser.fftSize = 1024;
    this.#context.createMediaStreamSource(this.#stream).connect(analyser);
    const mimeType = bestType();
    const options = { audioBitsPerSecond: BITS_PER_SECOND, ...(mimeType && { mimeType }) };
    this.#recorder = new MediaRecorder(this.#stream, options);
    this.#recorder.ondataavailable = ({ data }) => this.#parts.push(data);
    this.#recorder.start(1000); // in pieces: nothing is lost if the page suffers
    const startedMs = performance.now();
    const samples = new Float32Array(analyser.fftSize);
    this.#timer = setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      const level = Math.sqrt(samples.reduce((sum, one) => sum + one * one, 0) / samples.length);
      this.#levels.push(Math.min(1, level * 3));
      this.shown = this.#levels.slice(-SHOWN_LEVELS);
      this.elapsedMs = performance.now() - startedMs;
      if (this.elapsedMs >= MAX_RECORDING_MS) this.#onfull();
    }, LEVEL_EVERY_MS);
  }

  /** Ends it, and gives what was recorded. */
  async stop(): Promise<Recorded> {
    const recorder = this.#recorder;
    clearInterval(this.#timer);
    if (recorder && recorder.state !== 'inactive') {
      const ended = new Promise((resolve) => recorder.addEventListener('stop', resolve, { once: true }));
      recorder.stop();
      await ended;
    }
    this.close();
    const type = (recorder?.mimeType ?? '').split(';', 1)[0] || 'audio/webm';
    const ending = { 'audio/ogg': 'ogg', 'audio/mp4': 'm4a' }[type] ?? 'webm';
    return {
      file: new File(this.#parts, `voice-message.${ending}`, { type }),
      durationSecs: Math.max(0.1, Math.round(this.elapsedMs / 100) / 10),
      waveform: writeWaveform(this.#levels),
    };
  }

  /** Lets go of the microphone. */
  close(): void {
    clearInterval(this.#timer);
    this.#stream?.getTracks().forEach((track) => track.stop());
    void this.#context?.close().catch(() => undefined); // closed already
    this.#context = null;
  }
}
