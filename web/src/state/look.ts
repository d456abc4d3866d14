// The person's choices of how the app looks and behaves, as they are kept: in the browser for the next first paint, and with
// the account for other devices.

export type Theme = 'system' | 'dark' | 'light' | 'contrast';
export type Density = 'cosy' | 'compact';
export type Motion = 'system' | 'reduced' | 'full';
/** When pictures that move by themselves do so. */
export type Play = 'always' | 'hover' | 'never';
export type TimeFormat = 'system' | '12' | '24';
export const THEMES: readonly Theme[] = ['system', 'dark', 'light', 'contrast'];
export const DENSITIES: readonly Density[] = ['cosy', 'compact'];
export const MOTIONS: readonly Motion[] = ['system', 'reduced', 'full'];
export const PLAYS: readonly Play[] = ['always', 'hover', 'never'];
export const TIME_FORMATS: readonly TimeFormat[] = ['system', '12', '24'];
/** Text size in per cent of the browser's own. */
export const TEXT_SCALE = { min: 80, max: 200, step: 10 } as const;

export interface Choices {
  theme: Theme;
  density: Density;
  textScale: number;
  motion: Motion;
  /** GIFs, moving emoji and stickers. */
  play: Play;
  timeFormat: TimeFormat;
  /** A language of ours by its tag; null follows the browser. */
  locale: string | null;
  showsMembers: boolean;
  /** Messages that come in are read aloud by screen readers. */
  announces: boolean;
  underlinesLinks: boolean;
}

export const DEFAULTS: Readonly<Choices> = {
  theme: 'system',
  density: 'cosy',
  textScale: 100,
  motion: 'system',
  play: 'always',
  timeFormat: 'system',
  locale: null,
  showsMembers: true,
  announces: true,
  underlinesLinks: false,
};

/** Reads choices that came from outside; what is not understood is as `base` has it. */
export function readChoices(from: unknown, base: Readonly<Choices> = DEFAULTS): Choices {
  const given = (typeof from === 'object' && from !== null ? from : {}) as Record<string, unknown>;
  const one = <T>(key: keyof Choices, known: readonly T[], otherwise: T): T =>
    known.find((value) => value === given[key]) ?? otherwise;
  const flag = (key: keyof Choices, otherwise: boolean): boolean => {
    const value = given[key];
    return typeof value === 'boolean' ? value : otherwise;
  };
  const { textScale, locale } = given;
  const isScale = typeof textScale === 'number' && textScale >= TEXT_SCALE.min && textScale <= TEXT_SCALE.max;
  const isLocale = locale === null || (typeof locale === 'string' && locale.length <= 35);
  return {
    theme: one('theme', THEMES, base.theme),
    density: one('density', DENSITIES, base.density),
    textScale: isScale ? textScale : base.textScale,
    motion: one('motion', MOTIONS, base.motion),
    play: one('play', PLAYS, base.play),
    timeFormat: one('timeFormat', TIME_FORMATS, base.timeFormat),
    locale: isLocale ? locale : base.locale,
    showsMembers: flag('showsMembers', base.showsMembers),
    announces: flag('announces', base.announces),
    underlinesLinks: flag('underlinesLinks', base.underlinesLinks),
  };
}
