// How this device talks and listens: chosen once, kept in the browser, since devices differ from machine to machine.
import type { Id } from '../api/types';

const KEY = 'hearth.voice';
/** Loudness of a person as a share of what they send. */
export const VOLUME = { min: 0, max: 2, step: 0.05 } as const;
/** Loudness of a sound as a share of what was uploaded. */
export const SOUND_VOLUME = { min: 0, max: 1, step: 0.05 } as const;
/** Decibels below the loudest; quieter than the threshold is not sent. */
export const THRESHOLD = { min: -80, max: -10, step: 1 } as const;

export interface VoiceChoices {
  /** Device ids; null takes the system's. */
  input: string | null;
  output: string | null;
  camera: string | null;
  /** What opens the microphone: one's voice, or a key held down. */
  trigger: 'voice' | 'push';
  /** Null finds it from the noise of the room. */
  thresholdDb: number | null;
  /** The key held down to talk (`KeyboardEvent.code`). */
  pushKey: string;
  cancelsEcho: boolean;
  levelsGain: boolean;
  /** Who takes the noise away: nobody, the browser, or RNNoise in the page. */
  noise: 'off' | 'browser' | 'rnnoise';
  /** What a shared screen keeps when there is not room for all. */
  screen: 'detail' | 'motion';
  /** How loud sounds of the soundboard are played, 0 to 1. */
  soundVolume: number;
  /** Sounds for coming and going. */
  hasSounds: boolean;
  isMuted: boolean;
  isDeaf: boolean;
  /** By person, where it is not 1. */
  volumes: Readonly<Record<Id, number>>;
  /** People not heard on this device. */
  hushed: readonly Id[];
}

const DEFAULTS: VoiceChoices = {
  input: null,
  output: null,
  camera: null,
  trigger: 'voice',
  thresholdDb: null,
  pushKey: 'Space',
  cancelsEcho: true,
  levelsGain: true,
  noise: 'browser',
  screen: 'detail',
  soundVolume: 0.7,
  hasSounds: true,
  isMuted: false,
  isDeaf: false,
  volumes: {},
  hushed: [],
};

/** The choices, kept. */
export class Choices {
  #now: VoiceChoices = $state.raw(stored());

  get now(): VoiceChoices {
    return this.#now;
  }

  change(part: Partial<VoiceChoices>): void {
    this.#now = { ...this.#now, ...part };
    try {
      localStorage.setItem(KEY, JSON.stringify(this.#now));
    } catch {
      // a browser that stores nothing: the choice lasts until the page closes
    }
  }

  volumeOf(userId: Id): number {
    return this.#now.volumes[userId] ?? 1;
  }

  setVolume(userId: Id, volume: number): void {
    const { [userId]: _, ...others } = this.#now.volumes;
    this.change({ volumes: volume === 1 ? others : { ...others, [userId]: volume } });
  }

  isHushed(userId: Id): boolean {
    return this.#now.hushed.includes(userId);
  }

  hush(userId: Id, isOn: boolean): void {
    const others = this.#now.hushed.filter((id) => id !== userId);
    this.change({ hushed: isOn ? [...others, userId] : others });
  }
}

function stored(): VoiceChoices {
  try {
    return { ...DEFAULTS, ...(JSON.parse(localStorage.getItem(KEY) ?? '{}') as Partial<VoiceChoices>) };
  } catch {
    return DEFAULTS;
  }
}
