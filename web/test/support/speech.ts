// Something like speech as a sound file: pulses of a throat through three resonances, in syllables. For a browser's fake microphone.
import { writeFileSync } from 'node:fs';

const RATE = 48_000;
const SECONDS = 6;

/** Writes it as WAV. */
export function writeSpeech(path: string): void {
  const samples = new Float64Array(RATE * SECONDS);
  const vowels = [
    [730, 1090, 2440],
    [270, 2290, 3010],
    [300, 870, 2240],
    [530, 1840, 2480],
  ];
  let phase = 0;
  for (let at = 0; at < samples.length; at++) {
    const seconds = at / RATE;
    const pitch = 118 + 14 * Math.sin(seconds * 4.1) + 4 * Math.sin(seconds * 33);
    phase += pitch / RATE;
    const isPulse = phase >= 1;
    if (isPulse) phase -= 1;
    const breath = ((at * 16807) % 2147483647) / 2147483647 - 0.5;
    samples[at] = (isPulse ? 1 : 0) + breath * 0.006;
  }
  const spoken = new Float64Array(samples.length);
  for (const [which, width] of [60, 90, 120].entries()) {
    let [one, two] = [0, 0];
    for (let at = 0; at < samples.length; at++) {
      const vowel = vowels[Math.floor((at / RATE) * 3.7) % vowels.length] ?? [500, 1500, 2500];
      const r = Math.exp((-Math.PI * width) / RATE);
      const now =
        (samples[at] ?? 0) +
        2 * r * Math.cos((2 * Math.PI * (vowel[which] ?? 500)) / RATE) * one -
        r * r * two;
      [one, two] = [now, one];
      spoken[at] = (spoken[at] ?? 0) + now / (which + 1);
    }
  }
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
  spoken.forEach((value, at) => {
    const syllable = Math.max(0, Math.sin((at / RATE) * Math.PI * 3.7)) ** 0.5;
    file.writeInt16LE(Math.round((value / most) * syllable * 22_000), 44 + at * 2);
  });
  writeFileSync(path, file);
}
