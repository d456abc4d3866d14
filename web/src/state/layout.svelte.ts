// How much room the screen has, counted in the person's own text size: large text makes a wide screen a narrow one.

export type LayoutKind = 'phone' | 'tablet' | 'medium' | 'wide';

/** The narrowest screen of each kind, in CSS pixels at normal text size (WEB.md §8). */
const LEAST_PX = { wide: 1200, medium: 900, tablet: 600 } as const;

/** The kind of a screen so wide, for text of that scale (1 is normal; smaller text changes nothing). */
export function layoutOf(widthPx: number, textScale: number): LayoutKind {
  const width = widthPx / Math.max(1, textScale);
  if (width >= LEAST_PX.wide) return 'wide';
  if (width >= LEAST_PX.medium) return 'medium';
  return width >= LEAST_PX.tablet ? 'tablet' : 'phone';
}

/** The screen's kind, followed. */
export class Layout {
  readonly #textScale: () => number;
  #widthPx = $state.raw(innerWidth);

  constructor(textScale: () => number) {
    this.#textScale = textScale;
  }

  readonly kind: LayoutKind = $derived.by(() => layoutOf(this.#widthPx, this.#textScale()));
  /** One page at a time. */
  readonly isPhone = $derived(this.kind === 'phone');
  /** The conversation fills the screen; servers and channels come over it or before it. */
  readonly isNarrow = $derived(this.kind === 'phone' || this.kind === 'tablet');

  /** Follows the window; answers with the undo. */
  listen(): () => void {
    const follow = (): void => {
      this.#widthPx = innerWidth;
    };
    addEventListener('resize', follow);
    follow();
    return () => removeEventListener('resize', follow);
  }
}
