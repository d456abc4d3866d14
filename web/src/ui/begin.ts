// Where the focus goes in what opens over the page.

/** A field would raise the keyboard of a touch screen over what was just opened. */
const takesFields = (): boolean => matchMedia('(hover: hover)').matches;

/** What asks for the focus in it, or else the first thing that can have it. */
export function firstIn(box: HTMLElement): HTMLElement {
  const fields = takesFields();
  const wanted = box.querySelector<HTMLElement>('[data-autofocus]');
  if (wanted && (fields || !wanted.matches('input, textarea'))) return wanted;
  return box.querySelector<HTMLElement>(fields ? 'button, a, input' : 'button, a') ?? box;
}

/** The first field it asks to be filled in. */
export function firstField(box: HTMLElement): HTMLElement | null {
  if (!takesFields()) return null;
  return box.querySelector<HTMLElement>(
    '[data-autofocus], textarea, input:not([readonly], [type="radio"], [type="checkbox"], [type="file"], [type="range"])',
  );
}

/** What comes into a dialog later is begun at while the focus waits on the way out. */
export function beginsLate(part: HTMLElement): void {
  if (document.activeElement?.matches('[data-out]')) part.focus();
}
