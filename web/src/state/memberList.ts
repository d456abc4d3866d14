// The member list of a guild too big to be told whole: a window of rows kept current by the server's changes.
import type { ListItem, MemberListUpdate } from '../api/document';
import type { Id } from '../api/types';

/** A row: a group's heading, or a member by id; `undefined` where the server has not told it yet. */
export type ListRow = { group: string; count: number } | { userId: Id } | undefined;

export interface MemberList {
  id: string;
  memberCount: number;
  onlineCount: number;
  groups: readonly { id: string; count: number }[];
  /** As long as the whole list. */
  rows: readonly ListRow[];
}

/** Rows the server sends per range asked for (API.md 3.6). */
export const RANGE_ROWS = 100;
/** Ranges that may be followed at once (API.md 3.6). */
const MAX_RANGES = 5;
/** No list is taken to be longer, whatever its counts say. */
const MAX_ROWS = 1_000_000;

/** The list after the server's changes; one of another id begins anew with its first sync. */
export function applyList(held: MemberList | undefined, update: MemberListUpdate): MemberList {
  // a late change of the list that another channel had
  if (held && held.id !== update.id && !update.ops.some((op) => op.op === 'SYNC')) return held;
  const rows: ListRow[] = held?.id === update.id ? [...held.rows] : [];
  for (const op of update.ops) {
    switch (op.op) {
      case 'SYNC':
        op.items.forEach((item, at) => (rows[op.range[0] + at] = rowOf(item)));
        break;
      case 'INSERT':
        extendTo(rows, op.index);
        rows.splice(op.index, 0, rowOf(op.item));
        break;
      case 'UPDATE':
        rows[op.index] = rowOf(op.item);
        break;
      case 'DELETE':
        rows.splice(op.index, 1);
        break;
      case 'INVALIDATE':
        for (let at = op.range[0]; at <= op.range[1] && at < rows.length; at++) rows[at] = undefined;
    }
  }
  const total = update.groups.reduce((sum, group) => sum + group.count + 1, 0);
  rows.length = Math.min(total, MAX_ROWS);
  refreshCounts(rows, update.groups);
  return {
    id: update.id,
    memberCount: update.member_count,
    onlineCount: update.online_count,
    groups: update.groups,
    rows: Array.from(rows), // without holes: what is not known yet is `undefined`
  };
}

function rowOf(item: ListItem): ListRow {
  return 'group' in item
    ? { group: item.group.id, count: item.group.count }
    : { userId: item.member.user.id };
}

function extendTo(rows: ListRow[], length: number): void {
  if (rows.length < length) rows.length = Math.min(length, MAX_ROWS);
}

/** Headings follow from the counts, so they are right even where no row of theirs was sent. */
function refreshCounts(rows: ListRow[], groups: readonly { id: string; count: number }[]): void {
  let at = 0;
  for (const { id, count } of groups) {
    if (at < rows.length) rows[at] = { group: id, count };
    at += count + 1;
  }
}

/** The ranges to follow so that rows `first`–`last` are held: whole hundreds, the top always among them. */
export function rangesFor(first: number, last: number): [number, number][] {
  const starts = new Set([0]);
  const from = Math.max(0, Math.floor(first / RANGE_ROWS)) * RANGE_ROWS;
  for (let start = from; start <= last && starts.size < MAX_RANGES; start += RANGE_ROWS) starts.add(start);
  return [...starts].sort((a, b) => a - b).map((start) => [start, start + RANGE_ROWS - 1]);
}
