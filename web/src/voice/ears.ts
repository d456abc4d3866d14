// What is heard: one hidden element for each slot of sound, and a gain where somebody is to be louder than they send.
import { logFault } from '../log';

/** What a slot carries. */
export interface Carried {
  userId: string | null;
  kind: string;
}

/** Sounds played over one another; more are not heard apart. */
const MAX_PLAYED = 8;

interface Ear {
  element: HTMLAudioElement;
  track: MediaStreamTrack;
  carried: Carried;
  /** Louder than the element can: through a gain of the page's sound. */
  gain: { source: MediaStreamAudioSourceNode; node: GainNode } | null;
}

interface Options {
  volumeOf: (userId: string) => number;
  isHushed: (userId: string) => boolean;
}

type Sink = { setSinkId?: (id: string) => Promise<void> };

/** All slots of sound. */
export class Ears {
  readonly #options: Options;
  readonly #ears = new Map<string, Ear>();
  /** Sounds that play just now. */
  readonly #played = new Set<HTMLAudioElement>();
  #context: AudioContext | null = null;
  #isDeaf = false;
  #output: string | null = null;

  constructor(options: Options) {
    this.#options = options;
  }

  /** Somebody else, or nobody, is in a slot. */
  put(mid: string, track: MediaStreamTrack, carried: Carried): void {
    let ear = this.#ears.get(mid);
    if (ear && ear.track !== track) this.drop(mid);
    ear = this.#ears.get(mid);
    if (!ear) {
      const element = document.createElement('audio');
      element.autoplay = true;
      element.hidden = true;
      element.dataset['slot'] = mid;
      element.srcObject = new MediaStream([track]);
      document.body.append(element); // browsers play only what is in the page
      ear = { element, track, carried, gain: null };
      this.#ears.set(mid, ear);
      void this.#route(element);
      element.play().catch(() => this.#awaitGesture());
    }
    ear.carried = carried;
    this.#apply(ear);
  }

  drop(mid: string): void {
    const ear = this.#ears.get(mid);
    if (!ear) return;
    this.#ears.delete(mid);
    ear.gain?.source.disconnect();
    ear.element.srcObject = null;
    ear.element.remove();
  }

  setDeaf(isDeaf: boolean): void {
    this.#isDeaf = isDeaf;
    if (isDeaf) for (const element of this.#played) element.pause();
    this.refresh();
  }

  /** A volume changed. */
  refresh(): void {
    for (const ear of this.#ears.values()) this.#apply(ear);
  }

  /** Where it is heard. */
  async setOutput(id: string | null): Promise<void> {
    this.#output = id;
    await Promise.all([...this.#ears.values()].map((ear) => this.#route(ear.element)));
    await this.#routeContext();
  }

  /** Plays a file once, where everything is heard. */
  async playOnce(url: string, volume: number): Promise<void> {
    if (this.#isDeaf || volume <= 0 || this.#played.size >= MAX_PLAYED) return;
    const element = new Audio(url);
    element.volume = Math.min(1, volume);
    this.#played.add(element);
    const end = (): boolean => this.#played.delete(element);
    element.onended = element.onerror = end;
    await this.#route(element);
    element.play().catch(end); // the page was not touched yet, or the browser can't play it
  }

  close(): void {
    for (const element of this.#played) element.pause();
    this.#played.clear();
    for (const mid of [...this.#ears.keys()]) this.drop(mid);
    removeEventListener('pointerdown', this.#wake, true);
    void this.#context?.close();
    this.#context = null;
  }

  #apply(ear: Ear): void {
    const { userId } = ear.carried;
    const isSilent = this.#isDeaf || userId === null || this.#options.isHushed(userId);
    const volume = isSilent || userId === null ? 0 : this.#options.volumeOf(userId);
    if (volume > 1) this.#gainOf(ear).gain.value = volume;
    else if (ear.gain) ear.gain.node.gain.value = 0;
    ear.element.muted = volume > 1;
    ear.element.volume = Math.min(1, volume);
  }

  #gainOf(ear: Ear): GainNode {
    if (!ear.gain) {
      if (!this.#context) {
        this.#context = new AudioContext();
        void this.#routeContext();
      }
      const source = this.#context.createMediaStreamSource(new MediaStream([ear.track]));
      const node = this.#context.createGain();
      source.connect(node).connect(this.#context.destination);
      ear.gain = { source, node };
    }
    return ear.gain.node;
  }

  async #route(element: HTMLAudioElement): Promise<void> {
    const sink = element as Sink;
    if (this.#output === null && !('sinkId' in element && element.sinkId)) return;
    try {
      await sink.setSinkId?.(this.#output ?? '');
    } catch (error) {
      logFault('choosing where it is heard', error); // the device is gone: the system's own is heard
    }
  }

  async #routeContext(): Promise<void> {
    try {
      await (this.#context as Sink | null)?.setSinkId?.(this.#output ?? '');
    } catch (error) {
      logFault('choosing where it is heard', error);
    }
  }

  /** A browser that plays nothing yet does so with the next touch. */
  #awaitGesture(): void {
    addEventListener('pointerdown', this.#wake, true);
  }

  readonly #wake = (): void => {
    removeEventListener('pointerdown', this.#wake, true);
    void this.#context?.resume();
    for (const { element } of this.#ears.values()) element.play().catch(() => undefined);
  };
}
