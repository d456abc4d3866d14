// How the app looks and speaks: the person's choices, put on the page, kept in this browser and with the account.
import { directionOf, getLocale, pickLocale, setTimeFormat, showLocale, type Locale } from '../i18n';
import { logFault } from '../log';
import { readChoices, type Choices, type Play, type Theme } from './look';

/** `first-paint.js` reads it too. */
const KEY = 'hearth.look';
/** A slider that moves is saved once it rests. */
const SAVE_DELAY_MS = 600;

interface Kept {
  choices: Choices;
  /** Changed here, and the account does not know it yet. */
  isUnsaved: boolean;
}

/** Reads what this browser keeps; one that keeps nothing gets the defaults. */
function kept(): Kept {
  try {
    const stored = JSON.parse(localStorage.getItem(KEY) ?? '{}') as { isUnsaved?: unknown };
    return { choices: readChoices(stored), isUnsaved: stored.isUnsaved === true };
  } catch {
    return { choices: readChoices({}), isUnsaved: false };
  }
}

/** The look of the app. */
export class Look {
  #kept: Kept = $state.raw(kept());
  /** The theme on the page: what the choice comes to on this system. */
  shownTheme: Exclude<Theme, 'system'> = $state.raw('dark');
  /** Nothing moves by itself: the person's choice, or the system's. */
  isStill = $state.raw(false);
  /** The language and clock the page speaks; what was drawn in others is drawn anew. */
  speech = $state.raw('');
  /** Saves the choices with the account; null while nobody is signed in. */
  #save: ((choices: Choices) => Promise<unknown>) | null = null;
  #saveTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #queries = {
    light: matchMedia('(prefers-color-scheme: light)'),
    contrast: matchMedia('(prefers-contrast: more)'),
    still: matchMedia('(prefers-reduced-motion: reduce)'),
  };

  get choices(): Choices {
    return this.#kept.choices;
  }
  get theme(): Theme {
    return this.choices.theme;
  }
  /** When pictures move: who wants stillness touches them first. */
  get play(): Play {
    return this.isStill && this.choices.play === 'always' ? 'hover' : this.choices.play;
  }
  get showsMembers(): boolean {
    return this.choices.showsMembers;
  }
  get announces(): boolean {
    return this.choices.announces;
  }

  /** Makes choices: shown at once, then kept. */
  change(part: Partial<Choices>): void {
    this.#put({ choices: { ...this.choices, ...part }, isUnsaved: true });
    this.#saveSoon();
  }

  /** The account's side of it: what it keeps, and how to save there. What was changed here unsaved goes first. */
  join(stored: unknown, save: (choices: Choices) => Promise<unknown>): void {
    this.#save = save;
    if (stored === undefined || this.#kept.isUnsaved) this.#saveSoon();
    else this.take(stored);
  }

  /** Takes over choices made on another device. */
  take(stored: unknown): void {
    if (!this.#kept.isUnsaved) this.#put({ choices: readChoices(stored, this.choices), isUnsaved: false });
  }

  /** The account is gone; the browser keeps its look. */
  leave(): void {
    clearTimeout(this.#saveTimer);
    this.#save = null;
  }

  #saveSoon(): void {
    clearTimeout(this.#saveTimer);
    this.#saveTimer = setTimeout(() => {
      const { choices } = this;
      this.#save?.(choices).then(
        () => {
          if (this.choices === choices) this.#keep({ choices, isUnsaved: false });
        },
        (error: unknown) => logFault('saving the look', error), // it stays unsaved, and goes with the next session
      );
    }, SAVE_DELAY_MS);
  }

  #put(next: Kept): void {
    this.#keep(next);
    this.apply();
    void this.speak();
  }

  #keep(next: Kept): void {
    this.#kept = next;
    try {
      localStorage.setItem(KEY, JSON.stringify({ ...next.choices, isUnsaved: next.isUnsaved }));
    } catch {
      // a browser that keeps nothing: the choice lasts until the page closes
    }
  }

  /** Puts theme, sizes and motion on the page. */
  apply(): void {
    const { theme, density, textScale, motion, underlinesLinks } = this.choices;
    const { light, contrast, still } = this.#queries;
    const fromSystem = contrast.matches ? 'contrast' : light.matches ? 'light' : 'dark';
    const root = document.documentElement;
    this.shownTheme = theme === 'system' ? fromSystem : theme;
    this.isStill = motion === 'system' ? still.matches : motion === 'reduced';
    root.dataset['theme'] = this.shownTheme;
    root.dataset['density'] = density;
    root.dataset['motion'] = this.isStill ? 'reduced' : 'full';
    root.toggleAttribute('data-underlines', underlinesLinks);
    root.style.fontSize = `${textScale}%`;
    const room = getComputedStyle(root).getPropertyValue('--bg-room').trim();
    document.querySelector('meta[name="theme-color"]')?.setAttribute('content', room);
  }

  /** Fetches the words of the chosen language, and shows them. */
  async speak(): Promise<void> {
    const { timeFormat } = this.choices;
    const locale = pickLocale(this.choices.locale, navigator.languages);
    const speech = `${locale} ${timeFormat}`;
    if (speech === this.speech) return;
    try {
      await showLocale(locale, navigator.languages);
    } catch (error) {
      logFault('fetching a language', error); // the page goes on in the one it has
      if (this.speech !== '') return;
      await showLocale('en', navigator.languages);
    }
    setTimeFormat(timeFormat);
    document.documentElement.lang = getLocale();
    document.documentElement.dir = directionOf(getLocale());
    this.speech = speech;
  }

  /** The language on the page. */
  get locale(): Locale {
    return this.speech === '' ? 'en' : getLocale();
  }

  /** Follows the system's choices, and other tabs; answers with the undo. */
  listen(): () => void {
    const follow = (): void => this.apply();
    const onStorage = (event: StorageEvent): void => {
      if (event.key !== KEY) return;
      this.#kept = kept();
      this.apply();
      void this.speak();
    };
    const queries = Object.values(this.#queries);
    queries.forEach((query) => query.addEventListener('change', follow));
    addEventListener('storage', onStorage);
    this.apply();
    void this.speak(); // not a word is drawn before its language is here
    return () => {
      queries.forEach((query) => query.removeEventListener('change', follow));
      removeEventListener('storage', onStorage);
    };
  }
}
