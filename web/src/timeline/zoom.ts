// Looking closer at a picture: how large it is, and how far it is moved from the middle of the screen.

export interface View {
  /** 1: the whole picture fits. */
  readonly scale: number;
  /** From the middle, in CSS pixels. */
  readonly x: number;
  readonly y: number;
}

export interface Box {
  readonly width: number;
  readonly height: number;
}

export const WHOLE: View = { scale: 1, x: 0, y: 0 };
export const MAX_SCALE = 8;
/** What a key or button does to the scale. */
export const STEP = 1.5;

/** The view, kept so that no more of the room beside the picture shows than must. */
export function clamp(view: View, picture: Box, room: Box): View {
  const scale = Math.min(MAX_SCALE, Math.max(1, view.scale));
  const spareX = Math.max(0, (picture.width * scale - room.width) / 2);
  const spareY = Math.max(0, (picture.height * scale - room.height) / 2);
  return {
    scale,
    x: Math.min(spareX, Math.max(-spareX, view.x)) || 0,
    y: Math.min(spareY, Math.max(-spareY, view.y)) || 0,
  };
}

/** Scales by `factor`; what lies under the point (from the middle) stays there. */
export function zoom(
  view: View,
  factor: number,
  at: { x: number; y: number },
  picture: Box,
  room: Box,
): View {
  const scale = Math.min(MAX_SCALE, Math.max(1, view.scale * factor));
  const by = scale / view.scale;
  return clamp({ scale, x: at.x - (at.x - view.x) * by, y: at.y - (at.y - view.y) * by }, picture, room);
}

/** Moves the picture. */
export function pan(view: View, dx: number, dy: number, picture: Box, room: Box): View {
  return clamp({ ...view, x: view.x + dx, y: view.y + dy }, picture, room);
}
