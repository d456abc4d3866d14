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

/** How many columns make the tiles the largest in a room so wide and so high. */
export function columnsFor(count: number, width: number, height: number, gap: number): number {
  let best = 1;
  let bestWidth = 0;
  for (let columns = 1; columns <= Math.max(1, count); columns++) {
    const rows = Math.ceil(count / columns);
    const across = (width - gap * (columns - 1)) / columns;
    const byHeight = ((height - gap * (rows - 1)) / rows) * RATIO;
    const tile = Math.min(across, byHeight);
    if (tile > bestWidth + 0.5) [best, bestWidth] = [columns, tile];
  }
  return best;
}
