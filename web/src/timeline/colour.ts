// Role colours as chosen by people, moved in lightness until they read well on the theme's ground.

/** The ground nearest to the text that names stand on: `--bg-over`, under a pointer. */
const GROUND: Readonly<Record<string, [number, number, number]>> = {
  dark: [0x3a, 0x32, 0x2c],
  light: [0xee, 0xe4, 0xd8],
  contrast: [0x1f, 0x1a, 0x17],
};
const NEEDED = 4.5;
const STEPS = 40;

type Rgb = [number, number, number];

function linear(value: number): number {
  const c = value / 255;
  return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
}

function gamma(c: number): number {
  return c <= 0.0031308 ? c * 12.92 : 1.055 * c ** (1 / 2.4) - 0.055;
}

function luminance([r, g, b]: Rgb): number {
  return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
}

/** The WCAG contrast ratio of two colours. */
export function contrast(a: Rgb, b: Rgb): number {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

/** Oklab (https://bottosson.github.io/posts/oklab/): its lightness moves without changing the hue. */
type Lab = [number, number, number];

function toLab(rgb: Rgb): Lab {
  const [r, g, b] = rgb.map(linear) as Rgb;
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

function toRgb([light, a, b]: Lab): Rgb {
  const l = (light + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (light - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (light - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ].map((value) => Math.round(255 * gamma(Math.min(1, Math.max(0, value))))) as Rgb;
}

/** A role's colour (0xRRGGBB) as CSS, legible in the theme. */
export function roleColour(colour: number, theme: string): string {
  const ground = GROUND[theme] ?? GROUND['dark'] ?? [0, 0, 0];
  const goal = theme === 'light' ? 0 : 1;
  const start: Rgb = [(colour >> 16) & 255, (colour >> 8) & 255, colour & 255];
  if (contrast(start, ground) >= NEEDED) return `rgb(${start.join(' ')})`;
  const [light, a, b] = toLab(start);
  for (let step = 1; step < STEPS; step++) {
    const moved = toRgb([light + ((goal - light) * step) / STEPS, a, b]);
    if (contrast(moved, ground) >= NEEDED) return `rgb(${moved.join(' ')})`;
  }
  return goal === 0 ? 'rgb(0 0 0)' : 'rgb(255 255 255)';
}
