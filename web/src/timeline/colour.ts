// Role colours as chosen by people, moved in lightness until they read well on the theme's ground.

/** The ground nearest to the text that names stand on: `--bg-over`, under a pointer. */
const GROUND: Readonly<Record<string, [number, number, number]>> = {
  dark: [0x3a, 0x32, 0x2c],
  light: [0xee, 0xe4, 0xd8],
  contrast: [0x1f, 0x1a, 0x17],
};
const NEEDED = 4.5;

type Rgb = [number, number, number];

function luminance([r, g, b]: Rgb): number {
  const part = (value: number): number => {
    const c = value / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
}

/** The WCAG contrast ratio of two colours. */
export function contrast(a: Rgb, b: Rgb): number {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

/** A role's colour (0xRRGGBB) as CSS, legible in the theme. */
export function roleColour(colour: number, theme: string): string {
  const ground = GROUND[theme] ?? GROUND['dark'] ?? [0, 0, 0];
  const goal: Rgb = theme === 'light' ? [0, 0, 0] : [255, 255, 255];
  const start: Rgb = [(colour >> 16) & 255, (colour >> 8) & 255, colour & 255];
  for (let step = 0; step <= 20; step++) {
    const share = step / 20;
    const mixed = start.map((value, at) => Math.round(value + ((goal[at] ?? 0) - value) * share)) as Rgb;
    if (contrast(mixed, ground) >= NEEDED) return `rgb(${mixed.join(' ')})`;
  }
  return `rgb(${goal.join(' ')})`;
}
