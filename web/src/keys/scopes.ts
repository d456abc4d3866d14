// From a key press to what it means here: chords, and who is asked first. Knows nothing of chat.

/** The part of a `KeyboardEvent` this reads. */
export interface Press {
  key: string;
  code: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  shiftKey: boolean;
}

/**
 * Where a binding is heard: `everywhere`, in text fields too; on the `page` outside of them;
 * in the `composer`, on a focused `message`, or on a focused `row` of a list, which listen for themselves.
 */
export type Scope = 'everywhere' | 'page' | 'composer' | 'message' | 'row';

/** A chord such as `Mod+Shift+M`; `Mod` is ⌘ on Apple's systems and Ctrl elsewhere. */
export type Chord = string;

export interface Bound<Action extends string> {
  action: Action;
  chords: readonly Chord[];
  scope: Scope;
}

const LETTER = /^Key([A-Z])$/;
const DIGIT = /^Digit(\d)$/;

/** The chord of a key press: modifiers in a fixed order, letters in upper case and by their place where the script has no Latin ones. */
export function chordOf(press: Press, isApple: boolean): Chord {
  const letter = LETTER.exec(press.code)?.[1];
  const digit = DIGIT.exec(press.code)?.[1];
  const isPlain = press.key.length === 1;
  const isLatin = isPlain && press.key >= ' ' && press.key <= '~';
  // with Alt the system writes signs of its own; with another script the letter is told by its place
  let key = press.key;
  if (isPlain && (press.altKey || !isLatin)) key = letter ?? digit ?? press.key;
  const isSign = key.length === 1 && !/[a-z0-9]/i.test(key);
  if (key.length === 1) key = key.toUpperCase();
  const modifiers = [
    (isApple ? press.metaKey : press.ctrlKey) && 'Mod',
    isApple && press.ctrlKey && 'Ctrl',
    press.altKey && 'Alt',
    press.shiftKey && !isSign && 'Shift', // a sign such as ? already says how it is typed
  ];
  return [...modifiers.filter((one) => one !== false), key].join('+');
}

/** The action a press means, among those heard where it happened. */
export function find<Action extends string>(
  table: readonly Bound<Action>[],
  press: Press,
  where: { isTyping: boolean; isApple: boolean },
): Action | null {
  const chord = chordOf(press, where.isApple);
  const scopes: readonly Scope[] = where.isTyping ? ['everywhere'] : ['everywhere', 'page'];
  return table.find((bound) => scopes.includes(bound.scope) && bound.chords.includes(chord))?.action ?? null;
}

/** What an action does; answering false leaves the press to whoever is asked next. */
export type Handlers<Action extends string> = Partial<Record<Action, () => unknown>>;

/** Who listens: the one that came last is asked first. */
export class Listeners<Action extends string> {
  #stack: readonly Handlers<Action>[] = [];

  /** Adds handlers; answers with the undo. */
  add(handlers: Handlers<Action>): () => void {
    this.#stack = [...this.#stack, handlers];
    return () => (this.#stack = this.#stack.filter((one) => one !== handlers));
  }

  /** Does the action; answers whether anyone did. */
  run(action: Action): boolean {
    for (const handlers of this.#stack.toReversed()) {
      const handle = handlers[action];
      if (handle && handle() !== false) return true;
    }
    return false;
  }
}

const NAMES: Readonly<Record<string, string>> = {
  ArrowUp: '↑',
  ArrowDown: '↓',
  ArrowLeft: '←',
  ArrowRight: '→',
  Escape: 'Esc',
  Delete: 'Del',
};

/** A chord as keys to be shown, one by one. */
export function shownKeys(chord: Chord, isApple: boolean): string[] {
  const parts = chord === '+' ? ['+'] : chord.split('+');
  return parts.map((part) => {
    if (part === 'Mod') return isApple ? '⌘' : 'Ctrl';
    if (isApple && part === 'Alt') return '⌥';
    if (isApple && part === 'Shift') return '⇧';
    return NAMES[part] ?? part;
  });
}

/** Whether this is one of Apple's systems, whose people expect ⌘. */
export function isAppleSystem(platform: string): boolean {
  return /mac|iphone|ipad|ipod/i.test(platform);
}

const TEXT_FIELD =
  'input:not([type="checkbox"], [type="radio"], [type="button"]), textarea, select, [contenteditable="true"]';

/** Whether what has the focus takes text. */
export function isTextField(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest(TEXT_FIELD) !== null;
}
