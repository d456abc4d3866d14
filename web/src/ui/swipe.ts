// A finger that moves sideways over a page: the page follows it, and goes where it was thrown.

/** Movement that decides between a swipe, a scroll and a tap. */
const DECISION_PX = 10;
/** A release beyond this share of the width carries the page over; so does a throw. */
const CARRY_SHARE = 0.35;
const THROW_PX_PER_MS = 0.4;

/** What the finger's path so far is; `undecided` until it has gone far enough. */
export function intent(dx: number, dy: number): 'undecided' | 'swipe' | 'other' {
  if (Math.hypot(dx, dy) < DECISION_PX) return 'undecided';
  return Math.abs(dx) > Math.abs(dy) * 1.5 ? 'swipe' : 'other';
}

/** Whether a release there, at that speed, in the direction of the movement, carries the page over. */
export function carries(travelPx: number, widthPx: number, speedPxPerMs: number): boolean {
  if (travelPx <= 0) return false;
  return travelPx > widthPx * CARRY_SHARE || speedPxPerMs > THROW_PX_PER_MS;
}

export type Direction = 'back' | 'forth';

export interface SwipeHandler {
  /** Whether there is somewhere to go in that direction; the page follows the finger if so. */
  start: (direction: Direction) => boolean;
  /** The finger's way so far in that direction, in pixels, never below 0. */
  move: (travelPx: number) => void;
  end: (isCarried: boolean) => void;
}

/** Things that need the sideways movement themselves. */
const KEEPS =
  'input, textarea, select, [contenteditable], [role="slider"], [data-no-swipe], dialog, [popover]';

function isTaken(target: EventTarget | null, root: Element): boolean {
  for (let at = target instanceof Element ? target : null; at && at !== root; at = at.parentElement) {
    if (at.matches(KEEPS)) return true;
    const scrolls = at.scrollWidth > at.clientWidth && /auto|scroll/.test(getComputedStyle(at).overflowX);
    if (scrolls) return true;
  }
  return false;
}

interface Track {
  id: number;
  x: number;
  y: number;
  lastX: number;
  lastMs: number;
  speed: number;
  /** 1 when moving right goes back, -1 when it goes forth. */
  direction: Direction | null;
}

/** An attachment that hears sideways swipes by touch on an element. Back is towards the end of the line (right in English). */
export function swipe(handler: SwipeHandler) {
  return (root: HTMLElement): (() => void) => {
    let track: Track | null = null;
    const sign = (): number => (getComputedStyle(root).direction === 'rtl' ? -1 : 1);

    const onDown = (event: PointerEvent): void => {
      if (event.pointerType !== 'touch' || !event.isPrimary || isTaken(event.target, root)) return;
      const { clientX: x, clientY: y, pointerId: id, timeStamp } = event;
      track = { id, x, y, lastX: x, lastMs: timeStamp, speed: 0, direction: null };
    };
    const onMove = (event: PointerEvent): void => {
      if (!track || event.pointerId !== track.id) return;
      const dx = (event.clientX - track.x) * sign();
      if (track.direction === null) {
        const what = intent(dx, event.clientY - track.y);
        if (what === 'undecided') return;
        const direction = dx > 0 ? 'back' : 'forth';
        if (what === 'other' || !handler.start(direction)) {
          track = null;
          return;
        }
        track.direction = direction;
        root.setPointerCapture(event.pointerId);
      }
      const towards = track.direction === 'back' ? 1 : -1;
      const passedMs = event.timeStamp - track.lastMs;
      if (passedMs > 0) track.speed = ((event.clientX - track.lastX) * sign() * towards) / passedMs;
      track.lastX = event.clientX;
      track.lastMs = event.timeStamp;
      handler.move(Math.max(0, dx * towards));
    };
    const finish = (event: PointerEvent, mayCarry: boolean): void => {
      if (!track || event.pointerId !== track.id) return;
      const { direction, x, speed } = track;
      track = null;
      if (direction === null) return;
      const travel = (event.clientX - x) * sign() * (direction === 'back' ? 1 : -1);
      handler.end(mayCarry && carries(travel, root.clientWidth, speed));
    };
    const onUp = (event: PointerEvent): void => finish(event, true);
    const onCancel = (event: PointerEvent): void => finish(event, false);
    root.addEventListener('pointerdown', onDown);
    root.addEventListener('pointermove', onMove);
    root.addEventListener('pointerup', onUp);
    root.addEventListener('pointercancel', onCancel);
    return () => {
      root.removeEventListener('pointerdown', onDown);
      root.removeEventListener('pointermove', onMove);
      root.removeEventListener('pointerup', onUp);
      root.removeEventListener('pointercancel', onCancel);
    };
  };
}
