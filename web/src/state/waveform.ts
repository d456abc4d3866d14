// How loud a recording is over its length, as the wire has it (API.md section 1.10): a byte for each stretch, in base64.

/** The most stretches a message may have. */
export const MAX_STRETCHES = 256;

/** As many values as wanted, each the loudest of its share; fewer are spread. */
export function resample(levels: readonly number[], wanted: number): number[] {
  if (levels.length === 0) return Array.from({ length: wanted }, () => 0);
  return Array.from({ length: wanted }, (_, n) => {
    const from = Math.floor((n * levels.length) / wanted);
    const to = Math.max(from + 1, Math.floor(((n + 1) * levels.length) / wanted));
    return Math.max(...levels.slice(from, to));
  });
}

/** Levels between 0 and 1 as they are sent; the loudest stretch fills the height. */
export function writeWaveform(levels: readonly number[]): string {
  const stretches = resample(levels, Math.max(1, Math.min(MAX_STRETCHES, levels.length)));
  const loudest = Math.max(0.01, ...stretches);
  const bytes = stretches.map((level) => Math.round(255 * Math.max(0, Math.min(1, level / loudest))));
  return btoa(String.fromCharCode(...bytes));
}

/** What came, as levels between 0 and 1; none for what is no waveform. */
export function readWaveform(text: string | null | undefined): number[] {
  try {
    return [...atob(text ?? '')].slice(0, MAX_STRETCHES).map((char) => char.charCodeAt(0) / 255);
  } catch {
    return []; // no base64: the player draws a plain line
  }
}

/** Bars from left to right as one path, on a field of `bars × 3` by 32. */
export function barsPath(levels: readonly number[]): string {
  return levels
    .map((level, n) => {
      const half = Math.max(1, level * 15);
      return `M${n * 3 + 1.5} ${(16 - half).toFixed(1)}V${(16 + half).toFixed(1)}`;
    })
    .join('');
}
