// A run of messages as the rows one sees: dividers for days and for what is new, and heads only where the speaker changes.
import { isAfter } from '../api/snowflake';
import { MessageType } from '../api/enums';
import type { Id, Message } from '../api/types';
import type { Pending } from '../state/segments';
import { isSpokenType } from '../state/spoken';

const GROUP_MS = 7 * 60_000;

export type Row =
  | { kind: 'day'; key: string; date: Date }
  | { kind: 'fresh'; key: 'fresh'; since: Date }
  | { kind: 'message'; key: Id; message: Message; isHead: boolean };

/**
 * Builds the rows. `lastReadId` puts the divider before the first later message that is not our own. `before`: the
 * message above them; null where the conversation begins, and no day is said to begin where it is not known.
 */
export function buildRows(
  messages: readonly Message[],
  lastReadId: Id | null,
  meId: Id,
  before: Message | 'unknown' | null = null,
): Row[] {
  const rows: Row[] = [];
  let isUnknown = before === 'unknown';
  let previous: Message | null = before === 'unknown' ? null : before;
  let isFreshShown = false;
  for (const message of messages) {
    const date = new Date(message.timestamp);
    const isNewDay: boolean =
      !isUnknown && (!previous || dayOf(new Date(previous.timestamp)) !== dayOf(date));
    isUnknown = false;
    if (isNewDay) rows.push({ kind: 'day', key: `day-${dayOf(date)}`, date });
    const isFresh =
      !isFreshShown && lastReadId !== null && message.author.id !== meId && isAfter(message.id, lastReadId);
    if (isFresh) {
      rows.push({ kind: 'fresh', key: 'fresh', since: date });
      isFreshShown = true;
    }
    const isHead = isNewDay || isFresh || !previous || !belongsTo(message, previous);
    rows.push({ kind: 'message', key: message.id, message, isHead });
    previous = message;
  }
  return rows;
}

/** Whether a message goes on where the one before it left off. */
export function belongsTo(message: Message, previous: Message): boolean {
  if (message.author.id !== previous.author.id || message.author.username !== previous.author.username)
    return false;
  if (message.type !== MessageType.default || !isSpokenType(previous.type)) return false;
  return Date.parse(message.timestamp) - Date.parse(previous.timestamp) < GROUP_MS;
}

/** The same of what was just written and is on its way, with `previous` the last that is there. */
export function goesOn(
  { replyTo, sentAtMs }: Pick<Pending, 'replyTo' | 'sentAtMs'>,
  previous: Message | undefined,
  meId: Id,
): boolean {
  if (replyTo || previous?.author.id !== meId || !isSpokenType(previous.type)) return false;
  return sentAtMs - Date.parse(previous.timestamp) < GROUP_MS;
}

function dayOf(date: Date): string {
  return `${date.getFullYear()}-${date.getMonth() + 1}-${date.getDate()}`;
}
