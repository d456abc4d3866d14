// Whether a button of the mouse, a finger or a pen is down.
let isPressed = false;
addEventListener('pointerdown', () => (isPressed = true), true);
for (const end of ['pointerup', 'pointercancel']) addEventListener(end, () => (isPressed = false), true);

/** Runs `run` now, or once what is down now is let go and the browser has dealt with that; answers with a way to cancel. */
export function whenReleased(run: () => void): () => void {
  if (!isPressed) {
    run();
    return () => undefined;
  }
  let timer: ReturnType<typeof setTimeout> | undefined;
  const released = (): void => void (timer = setTimeout(run));
  const ends = new AbortController();
  for (const end of ['pointerup', 'pointercancel'])
    addEventListener(end, released, { capture: true, once: true, signal: ends.signal });
  return () => {
    ends.abort();
    clearTimeout(timer);
  };
}
