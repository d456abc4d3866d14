// The default picture of a person or place: a sun over hills, grown from a seed. The same seed gives the same picture.

export interface Hills {
  sky: [string, string];
  sun: { x: number; y: number; r: number; colour: string };
  far: { path: string; colour: string };
  near: { path: string; colour: string };
}

const HUES = [12, 26, 40, 54, 92, 140, 160, 178, 198, 216, 236, 262, 286, 312, 336, 352];
const hsl = (h: number, s: number, l: number): string => `hsl(${h} ${s}% ${l}%)`;

/** Draws the picture on a 40 × 40 grid. */
export function hills(seed: string): Hills {
  const x = hash(seed);
  const part = (shift: number): number => ((x >>> shift) & 255) / 255;
  const hue = HUES[x % HUES.length] ?? 12;
  const second = (hue + 24 + part(3) * 26) % 360;
  const a = 19 + part(20) * 7;
  const b = 25 + part(11) * 6;
  return {
    sky: [hsl(hue, 58, 74), hsl(second, 62, 60)],
    sun: { x: 9 + part(8) * 22, y: 10 + part(13) * 8, r: 4.5 + part(17) * 3, colour: hsl(second, 90, 91) },
    far: {
      path: `M-2 ${a + 5}C8 ${a - 6} 16 ${a - 3} 24 ${a + 3}S36 ${a + 5} 42 ${a - 4}V42H-2z`,
      colour: hsl(hue, 42, 46),
    },
    near: {
      path: `M-2 ${b + 4}C6 ${b} 14 ${b + 8} 22 ${b + 3}S36 ${b - 6} 42 ${b + 1}V42H-2z`,
      colour: hsl(second, 44, 28),
    },
  };
}

/** Pictures kept as addresses; many rows show the same few people. */
const MAX_KEPT = 500;
const kept = new Map<string, string>();

/** The picture as an address for an image: one element on the page instead of nine. */
export function hillsUrl(seed: string): string {
  const known = kept.get(seed);
  if (known) return known;
  const { sky, sun, far, near } = hills(seed);
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 40"><linearGradient id="s" x2="0" y2="1">` +
    `<stop stop-color="${sky[0]}"/><stop offset="1" stop-color="${sky[1]}"/></linearGradient>` +
    `<path fill="url(#s)" d="M0 0h40v40H0z"/><circle cx="${sun.x}" cy="${sun.y}" r="${sun.r}" fill="${sun.colour}"/>` +
    `<path fill="${far.colour}" d="${far.path}"/><path fill="${near.colour}" d="${near.path}"/></svg>`;
  if (kept.size >= MAX_KEPT) kept.clear();
  const url = `data:image/svg+xml,${encodeURIComponent(svg)}`;
  kept.set(seed, url);
  return url;
}

/** FNV-1a, then the finaliser of MurmurHash3, so that seeds one digit apart differ everywhere. */
function hash(seed: string): number {
  let x = 2166136261;
  for (const char of seed) x = Math.imul(x ^ char.charCodeAt(0), 16777619) >>> 0;
  x ^= x >>> 15;
  x = Math.imul(x, 2246822519) >>> 0;
  x ^= x >>> 13;
  x = Math.imul(x, 3266489917) >>> 0;
  return (x ^ (x >>> 16)) >>> 0;
}
