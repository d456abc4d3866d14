// Something like speech as a sound file: pulses of a throat through three resonances that move from vowel to vowel, hisses between them,
// and pauses. For a browser's fake microphone: Opus takes it for a voice, and noise suppression too.
import { writeFileSync } from 'node:fs';
import { numbers } from './numbers';

const RATE = 48_000;
const SECONDS = 6;
const LOUDEST = 22_000;
/** Resonances of vowels in hertz, and how wide they are. */
const VOWELS: readonly (readonly [number, number, number])[] = [
  [730, 1090, 2440],
  [270, 2290, 3010],
  [300, 870, 2240],
  [530, 1840, 2480],
  [660, 1720, 2410],
  [490, 1350, 1690],
];
const WIDTHS = [70, 100, 140] as const;

/** Writes it as WAV. */
export function writeSpeech(path: string): void {
  const spoken = speak(RATE * SECONDS);
  const most = spoken.reduce((top, value) => Math.max(top, Math.abs(value)), 0);
  const file = Buffer.alloc(44 + spoken.length * 2);
  file.write('RIFF', 0);
  file.writeUInt32LE(36 + spoken.length * 2, 4);
  file.write('WAVEfmt ', 8);
  file.writeUInt32LE(16, 16);
  file.writeUInt16LE(1, 20);
  file.writeUInt16LE(1, 22);
  file.writeUInt32LE(RATE, 24);
  file.writeUInt32LE(RATE * 2, 28);
  file.writeUInt16LE(2, 32);
  file.writeUInt16LE(16, 34);
  file.write('data', 36);
  file.writeUInt32LE(spoken.length * 2, 40);
  spoken.forEach((value, at) => file.writeInt16LE(Math.round((value / most) * LOUDEST), 44 + at * 2));
  writeFileSync(path, file);
}

/** So many samples, syllable after syllable: a consonant, a vowel, and now and then a pause. */
function speak(length: number): Float64Array {
  const next = numbers(7);
  const between = (least: number, most: number): number => least + next() * (most - least);
  const spoken = new Float64Array(length);
  const throat = new Throat();
  let [at, hissed] = [0, 0];
  while (at < length) {
    const vowel = VOWELS[Math.floor(next() * VOWELS.length)] ?? VOWELS[0];
    const consonant = Math.floor(between(0.03, 0.12) * RATE);
    const sung = Math.floor(between(0.08, 0.24) * RATE);
    const pause = Math.floor((next() < 0.2 ? between(0.12, 0.32) : 0.01) * RATE);
    const [pitch, rise, hiss] = [between(105, 145), between(-20, 20), next() < 0.6 ? 0.12 : 0];
    for (let n = 0; n < consonant + sung + pause && at < length; n++, at++) {
      const breath = next() - 0.5;
      const into = (n - consonant) / sung;
      const isSung = into >= 0 && into < 1;
      const hz = isSung ? pitch + rise * into + 2 * Math.sin((at / RATE) * 33) : 0;
      const voice = throat.sound(vowel, Math.min(1, into * 3), hz, breath * 0.02, between(0.995, 1.005));
      const swell = isSung ? Math.min(1, into * 8, (1 - into) * 5) : 1;
      const shape = n < consonant ? Math.sin((Math.PI * n) / consonant) * hiss : 0;
      spoken[at] = (voice * swell) / 60 + (breath - hissed) * shape + breath * 0.0006;
      hissed = breath;
    }
    throat.from = vowel;
  }
  return spoken;
}

/** Pulses, or none, through three resonances. */
class Throat {
  /** The vowel before. */
  from = VOWELS[0];
  #phase = 0;
  readonly #held = WIDTHS.map((): [number, number] => [0, 0]);

  /** The next sample, so far on the way from the vowel before. Without a pitch what was sounds out. */
  sound(vowel: Throat['from'], way: number, hz: number, breath: number, waver: number): number {
    this.#phase += (hz * waver) / RATE;
    const isPulse = this.#phase >= 1;
    if (isPulse) this.#phase -= 1;
    const pulse = hz > 0 ? Number(isPulse) + breath : 0;
    let sum = 0;
    for (const [which, held] of this.#held.entries()) {
      const [before, after] = [this.from?.[which] ?? 500, vowel?.[which] ?? 500];
      const r = Math.exp((-Math.PI * (WIDTHS[which] ?? 100)) / RATE);
      const centre = before + (after - before) * Math.max(0, way);
      const now = pulse + 2 * r * Math.cos((2 * Math.PI * centre) / RATE) * held[0] - r * r * held[1];
      [held[1], held[0]] = [held[0], now];
      sum += now / (which + 1);
    }
    return sum;
  }
}
