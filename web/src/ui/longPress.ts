// A long press asks for the context menu, as a right click does: engines that send no `contextmenu` for touch get one from here.

const HOLD_MS = 480;
/** A finger is never quite still. */
const SLACK_PX = 9;

/** An attachment: what inside hears `contextmenu` hears the long press too. */
export function longPress(root: HTMLElement): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let from = { x: 0, y: 0 };
  let wasHeld = false;

  const stop = (): void => clearTimeout(timer);
  const onDown = (event: PointerEvent): void => {
    stop();
    wasHeld = false;
    if (event.pointerType !== 'touch' || !event.isPrimary || !(event.target instanceof Element)) return;
    const { target, clientX, clientY } = event;
    from = { x: clientX, y: clientY };
    timer = setTimeout(() => {
      const asked = new MouseEvent('contextmenu', { bubbles: true, cancelable: true, clientX, clientY });
      target.dispatchEvent(asked);
      wasHeld = asked.defaultPrevented;
      if (wasHeld) navigator.vibrate?.(10);
    }, HOLD_MS);
  };
  const onMove = (event: PointerEvent): void => {
    if (Math.hypot(event.clientX - from.x, event.clientY - from.y) > SLACK_PX) stop();
  };
  const onMenu = (event: Event): void => {
    if (!event.isTrusted) return;
    stop(); // the engine sends its own
    if (!wasHeld) return;
    event.preventDefault();
    event.stopPropagation();
  };
  // letting go after a hold is no tap
  const onClick = (event: Event): void => {
    if (!wasHeld || (event.target instanceof Element && event.target.closest('dialog, [popover]'))) return;
    wasHeld = false;
    event.preventDefault();
    event.stopPropagation();
  };
  const listeners: [string, (event: never) => void][] = [
    ['pointerdown', onDown],
    ['pointermove', onMove],
    ['pointerup', stop],
    ['pointercancel', stop],
    ['contextmenu', onMenu],
    ['click', onClick],
  ];
  for (const [name, listener] of listeners) root.addEventListener(name, listener as EventListener, true);
  return () => {
    stop();
    for (const [name, listener] of listeners) root.removeEventListener(name, listener as EventListener, true);
  };
}
