// The picker's grid as lines of known height, so that only those in sight are in the page.
import type { EmojiCategory, EmojiEntry } from './emoji';

const HEADING_PX = 30;
/** Lines drawn beyond each edge. */
const OVERSCAN = 3;

export interface Line {
  index: number;
  top: number;
  heading: EmojiCategory | null;
  cells: { entry: EmojiEntry; index: number }[];
}

export interface Layout {
  lines: Line[];
  cells: EmojiEntry[];
  /** By cell: the line it is in. */
  lineOf: number[];
  height: number;
  /** The cell so many lines further down (or up), in the same column where there is one. */
  below: (cell: number, lines: number) => number;
}

/** Lays the categories out. */
export function layOut(categories: readonly EmojiCategory[], columns: number, cellPx: number): Layout {
  const lines: Line[] = [];
  const cells: EmojiEntry[] = [];
  const lineOf: number[] = [];
  let top = 0;
  for (const category of categories) {
    lines.push({ index: lines.length, top, heading: category, cells: [] });
    top += HEADING_PX;
    for (let from = 0; from < category.emoji.length; from += columns) {
      const line: Line = { index: lines.length, top, heading: null, cells: [] };
      for (const entry of category.emoji.slice(from, from + columns)) {
        line.cells.push({ entry, index: cells.length });
        lineOf.push(line.index);
        cells.push(entry);
      }
      lines.push(line);
      top += cellPx;
    }
  }
  const rows = lines.filter((line) => line.cells.length > 0);
  const below = (cell: number, count: number): number => {
    const at = rows.findIndex((line) => line.index === lineOf[cell]);
    const column = cell - (rows[at]?.cells[0]?.index ?? 0);
    const to = rows[Math.max(0, Math.min(rows.length - 1, at + count))];
    return to?.cells[Math.min(column, to.cells.length - 1)]?.index ?? cell;
  };
  return { lines, cells, lineOf, height: top, below };
}

/** The lines in sight, and a few beyond. */
export function shownLines(layout: Layout, top: number, height: number): Line[] {
  const first = layout.lines.findIndex((line) => line.top + HEADING_PX >= top);
  const past = layout.lines.findIndex((line) => line.top > top + height);
  const end = past < 0 ? layout.lines.length : past;
  return layout.lines.slice(Math.max(0, first - OVERSCAN), end + OVERSCAN);
}
