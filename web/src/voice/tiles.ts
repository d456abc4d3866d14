// Which tiles a room shows, and how they stand in a grid. Plain functions.
import type { Id, VoiceState } from '../api/types';

export interface TileFacts {
  key: string;
  userId: Id;
  kind: 'person' | 'screen';
}

/** A tile for each person, and one before them for each screen that is shared. */
export function tilesOf(people: readonly VoiceState[], sharers: ReadonlySet<Id>): TileFacts[] {
  const screens = people.filter((state) => sharers.has(state.user_id));
  return [
    ...screens.map(({ user_id: userId }) => ({ key: `${userId} screen`, userId, kind: 'screen' as const })),
    ...people.map(({ user_id: userId }) => ({ key: userId, userId, kind: 'person' as const })),
  ];
}

const RATIO = 16 / 9;
/** How flat and how tall a tile may get to fill its place. */
const FLATTEST = 2;
const TALLEST = 1 / 1.1;

export interface Grid {
  columns: number;
  /** Of a tile, in CSS pixels. */
  width: number;
  height: number;
}

/** How so many tiles stand largest in a room so wide and so high. */
export function gridFor(count: number, width: number, height: number, gap: number): Grid {
  const cell = (columns: number): { across: number; down: number } => {
    const rows = Math.ceil(Math.max(1, count) / columns);
    return { across: (width - gap * (columns - 1)) / columns, down: (height - gap * (rows - 1)) / rows };
  };
  let best = 1;
  let bestWidth = 0;
  for (let columns = 1; columns <= Math.max(1, count); columns++) {
    const { across, down } = cell(columns);
    const tile = Math.min(across, down * RATIO);
    if (tile > bestWidth + 0.5) [best, bestWidth] = [columns, tile];
  }
  const { across, down } = cell(best);
  const wide = Math.max(0, Math.min(across, down * FLATTEST));
  return {
    columns: best,
    width: Math.floor(wide),
    height: Math.floor(Math.max(0, Math.min(down, wide / TALLEST))),
  };
}
