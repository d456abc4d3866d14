// The loudness of a recording, to the wire and back.
import { expect, test } from 'vitest';
import fc from 'fast-check';
import { barsPath, MAX_STRETCHES, readWaveform, resample, writeWaveform } from '../../src/state/waveform';

test('any recording fits the wire, and its loudest stretch fills the height', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 3000 }), (levels) => {
      const bytes = [...atob(writeWaveform(levels))].map((char) => char.charCodeAt(0));
      expect(bytes.length).toBeGreaterThan(0);
      expect(bytes.length).toBeLessThanOrEqual(MAX_STRETCHES);
      if (levels.some((level) => level >= 0.01)) expect(Math.max(...bytes)).toBe(255);
    }),
  );
});

test('a loud moment stays where it was', () => {
  const levels = Array.from({ length: 1000 }, (_, n) => (n >= 500 && n < 510 ? 1 : 0.1));
  const read = resample(readWaveform(writeWaveform(levels)), 10);
  expect(read.indexOf(Math.max(...read))).toBe(5);
});

test('what is no waveform is silence, and draws as bars all the same', () => {
  expect(readWaveform('*no*')).toEqual([]);
  expect(readWaveform(undefined)).toEqual([]);
  expect(resample([], 3)).toEqual([0, 0, 0]);
  expect(barsPath([0, 1])).toBe('M1.5 15.0V17.0M4.5 1.0V31.0');
});
