// How the app looks on this device; kept in the browser.

export type Theme = 'system' | 'dark' | 'light' | 'contrast';
export type Density = 'cosy' | 'compact';
export const THEMES: readonly Theme[] = ['system', 'dark', 'light', 'contrast'];

const KEY = 'hearth.look';

interface Stored {
  theme: Theme;
  density: Density;
  locale: string | null;
  showsMembers: boolean;
  /** Messages that come in are read aloud by screen readers. */
  announces: boolean;
}

const DEFAULTS: Stored = {
  theme: 'system',
  density: 'cosy',
  locale: null,
  showsMembers: true,
  announces: true,
};

/** Reads what is stored; a browser that stores nothing gets the defaults. */
export function storedLook(): Stored {
  try {
    return { ...DEFAULTS, ...(JSON.parse(localStorage.getItem(KEY) ?? '{}') as Partial<Stored>) };
  } catch {
    return DEFAULTS;
  }
}

/** The look of the app on this device. */
export class Look {
  #stored: Stored = $state.raw(storedLook());
  /** The theme on the page: what the choice comes to on this system. */
  shownTheme: Exclude<Theme, 'system'> = $state.raw('dark');
  readonly #prefersLight = matchMedia('(prefers-color-scheme: light)');
  readonly #prefersContrast = matchMedia('(prefers-contrast: more)');

  get theme(): Theme {
    return this.#stored.theme;
  }
  get density(): Density {
    return this.#stored.density;
  }
  get announces(): boolean {
    return this.#stored.announces;
  }
  get showsMembers(): boolean {
    return this.#stored.showsMembers;
  }

  change(part: Partial<Stored>): void {
    this.#stored = { ...this.#stored, ...part };
    try {
      localStorage.setItem(KEY, JSON.stringify(this.#stored));
    } catch {
      // a browser that stores nothing: the choice lasts until the page closes
    }
    this.apply();
  }

  /** Puts theme and density on the page. */
  apply(): void {
    const { theme, density } = this.#stored;
    const fromSystem = this.#prefersContrast.matches
      ? 'contrast'
      : this.#prefersLight.matches
        ? 'light'
        : 'dark';
    const root = document.documentElement;
    this.shownTheme = theme === 'system' ? fromSystem : theme;
    root.dataset['theme'] = this.shownTheme;
    root.dataset['density'] = density;
    const room = getComputedStyle(root).getPropertyValue('--bg-room').trim();
    document.querySelector('meta[name="theme-color"]')?.setAttribute('content', room);
  }

  /** Follows the system's choice; answers with the undo. */
  listen(): () => void {
    const follow = (): void => this.apply();
    this.#prefersLight.addEventListener('change', follow);
    this.#prefersContrast.addEventListener('change', follow);
    this.apply();
    return () => {
      this.#prefersLight.removeEventListener('change', follow);
      this.#prefersContrast.removeEventListener('change', follow);
    };
  }
}
