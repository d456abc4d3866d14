// A channel's messages as runs without gaps ("segments"), oldest first, and what we sent that is not confirmed yet.
import { compareIds } from '../api/snowflake';
import type { Emoji, Id, Message, Reaction } from '../api/types';

/** Ids of deleted messages kept, so that a late answer does not bring one back. */
const MAX_TOMBSTONES = 200;
/** A segment longer than this gives up its oldest messages. */
const MAX_SEGMENT = 3000;

/** Messages with nothing missing between them. */
export interface Segment {
  readonly messages: readonly Message[];
  /** There is, or may be, something before the first. */
  readonly hasOlder: boolean;
  /** There is something after the last; false: this is the live end. */
  readonly hasNewer: boolean;
}

/** A message of ours on its way. */
export interface Pending {
  readonly nonce: string;
  readonly content: string;
  readonly sentAtMs: number;
  readonly replyTo: Message | null;
  readonly pingsReply: boolean;
  readonly state: 'sending' | 'failed';
  /** Why it failed, in the server's words; null: the server was not reached. */
  readonly fault: string | null;
}

export interface Timeline {
  /** Oldest first; they never touch or overlap. */
  readonly segments: readonly Segment[];
  readonly pending: readonly Pending[];
  readonly gone: readonly Id[];
  /** Who added (true) or took back (false) which reaction, as far as we were told: keys `message/emoji/user`. */
  readonly reactors: Readonly<Record<string, boolean>>;
}

export const EMPTY: Timeline = { segments: [], pending: [], gone: [], reactors: {} };

/** The segment that reaches the present, if it is held. */
export function liveSegment(timeline: Timeline | undefined): Segment | undefined {
  return timeline?.segments.find((segment) => !segment.hasNewer);
}

/** The segment that holds the message. */
export function segmentWith(timeline: Timeline | undefined, id: Id): Segment | undefined {
  return timeline?.segments.find((segment) => segment.messages.some((message) => message.id === id));
}

/** Where `id` is, or would be put, in an ascending run. */
export function lowerBound(messages: readonly Message[], id: Id): number {
  let low = 0;
  let high = messages.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const at = messages[middle];
    if (at && compareIds(at.id, id) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Two ascending runs as one; where both hold a message, the first run's copy stays. */
function union(first: readonly Message[], second: readonly Message[]): Message[] {
  const byId = new Map(second.map((message) => [message.id, message]));
  for (const message of first) byId.set(message.id, message);
  return [...byId.values()].sort((a, b) => compareIds(a.id, b.id));
}

function edges(segment: Segment): [Id, Id] {
  return [segment.messages[0]?.id ?? '', segment.messages.at(-1)?.id ?? ''];
}

/** Whether two runs meet. One that reaches an end of the channel covers all that lies that way. */
function overlap(a: Segment, b: Segment): boolean {
  if (!a.hasNewer && !b.hasNewer) return true; // both reach the present
  if (a.messages.length === 0 || b.messages.length === 0) return false;
  const [aFirst, aLast] = edges(a);
  const [bFirst, bLast] = edges(b);
  const beginsBefore = !a.hasOlder || !b.hasNewer || compareIds(aFirst, bLast) <= 0;
  const endsAfter = !b.hasOlder || !a.hasNewer || compareIds(bFirst, aLast) <= 0;
  return beginsBefore && endsAfter;
}

function join(held: Segment, added: Segment): Segment {
  return {
    messages: union(held.messages, added.messages),
    hasOlder: held.hasOlder && added.hasOlder,
    hasNewer: held.hasNewer && added.hasNewer,
  };
}

/** Puts a run into the timeline, joining every segment it meets. Deleted messages stay deleted. */
export function insert(timeline: Timeline, added: Segment): Timeline {
  const gone = new Set(timeline.gone);
  let whole: Segment = { ...added, messages: added.messages.filter((message) => !gone.has(message.id)) };
  const apart: Segment[] = [];
  for (const held of timeline.segments) {
    if (overlap(held, whole)) whole = join(held, whole);
    else apart.push(held);
  }
  const segments = [...apart, whole].sort((a, b) => {
    if (a.hasNewer !== b.hasNewer) return a.hasNewer ? -1 : 1;
    return compareIds(edges(a)[0], edges(b)[0]);
  });
  return { ...timeline, segments };
}

/** A page of history joined to the segment that holds `edge`, the cursor it was asked with. */
export function extend(
  timeline: Timeline,
  edge: Id,
  page: readonly Message[],
  side: 'older' | 'newer',
  isLast: boolean,
): Timeline {
  const held = segmentWith(timeline, edge);
  if (!held) return timeline;
  const edgeMessage = held.messages.find((message) => message.id === edge);
  const messages = edgeMessage ? union([edgeMessage], page) : [...page];
  return insert(
    timeline,
    side === 'older'
      ? { messages, hasOlder: !isLast, hasNewer: true }
      : { messages, hasOlder: true, hasNewer: !isLast },
  );
}

/** After a gap in the stream: the newest page replaces what it covers; without overlap everything older is dropped. */
export function refresh(timeline: Timeline, page: readonly Message[], hasOlder: boolean): Timeline {
  const oldest = page[0];
  const live = liveSegment(timeline);
  if (!oldest || !live || !hasOlder) {
    return { ...timeline, segments: [{ messages: page, hasOlder, hasNewer: false }], reactors: {} };
  }
  const before = live.messages.slice(0, lowerBound(live.messages, oldest.id));
  const overlaps = before.length < live.messages.length;
  return {
    ...timeline,
    segments: [
      overlaps
        ? { messages: [...before, ...page], hasOlder: live.hasOlder, hasNewer: false }
        : { messages: page, hasOlder, hasNewer: false },
    ],
    reactors: {},
  };
}

/** A new message at the live end; nothing where the live end is not held, or the message is known or deleted. */
export function append(timeline: Timeline, message: Message): Timeline {
  const pending = timeline.pending.filter((sent) => String(message.nonce ?? '') !== sent.nonce);
  const settled = pending.length === timeline.pending.length ? timeline : { ...timeline, pending };
  if (settled.gone.includes(message.id)) return settled;
  const index = settled.segments.findIndex((segment) => !segment.hasNewer);
  const live = settled.segments[index];
  if (!live) return settled;
  const at = lowerBound(live.messages, message.id);
  if (live.messages[at]?.id === message.id) return settled;
  if (at === 0 && live.hasOlder && live.messages.length > 0) return settled; // older than what is held: a page brings it
  const messages = [...live.messages.slice(0, at), message, ...live.messages.slice(at)];
  const trimmed = messages.length > MAX_SEGMENT ? messages.slice(-MAX_SEGMENT + 500) : messages;
  const next: Segment = { ...live, messages: trimmed, hasOlder: live.hasOlder || trimmed !== messages };
  return { ...settled, segments: settled.segments.with(index, next) };
}

/** Replaces one message where it is held. */
export function update(timeline: Timeline, id: Id, change: (message: Message) => Message): Timeline {
  let isChanged = false;
  const segments = timeline.segments.map((segment) => {
    const at = lowerBound(segment.messages, id);
    const held = segment.messages[at];
    if (held?.id !== id) return segment;
    const next = change(held);
    if (next === held) return segment;
    isChanged = true;
    return { ...segment, messages: segment.messages.with(at, next) };
  });
  return isChanged ? { ...timeline, segments } : timeline;
}

/** Takes messages away for good; replies to them learn that their source is gone. */
export function remove(timeline: Timeline, ids: readonly Id[]): Timeline {
  const out = new Set(ids.filter((id) => !timeline.gone.includes(id)));
  if (out.size === 0) return timeline;
  const segments = timeline.segments.map((segment) => {
    if (!segment.messages.some((message) => out.has(message.id) || isReplyTo(message, out))) return segment;
    return {
      ...segment,
      messages: segment.messages
        .filter((message) => !out.has(message.id))
        .map((message) => (isReplyTo(message, out) ? { ...message, referenced_message: null } : message)),
    };
  });
  return { ...timeline, segments, gone: [...timeline.gone, ...out].slice(-MAX_TOMBSTONES) };
}

function isReplyTo(message: Message, ids: ReadonlySet<Id>): boolean {
  return message.referenced_message != null && ids.has(message.referenced_message.id);
}

/** The key two reactions share when they are the same emoji: custom ones by id, others without variation selectors. */
export function emojiKey(emoji: Emoji): string {
  return emoji.id ?? emoji.name.replaceAll('\u{fe0f}', '');
}

/** One person's reaction added or taken back; told twice, it counts once. */
export function react(
  timeline: Timeline,
  messageId: Id,
  emoji: Emoji,
  userId: Id,
  isAdded: boolean,
  isMe: boolean,
): Timeline {
  const key = `${messageId}/${emojiKey(emoji)}/${userId}`;
  if (timeline.reactors[key] === isAdded) return timeline;
  const next = update(timeline, messageId, (message) => {
    const held = message.reactions ?? [];
    const at = held.findIndex((reaction) => emojiKey(reaction.emoji) === emojiKey(emoji));
    const reaction = held[at];
    if (isMe && (reaction?.me ?? false) === isAdded) return message; // the page it came in already says so
    return { ...message, reactions: isAdded ? added(held, at, emoji, isMe) : taken(held, at, isMe) };
  });
  return { ...next, reactors: { ...next.reactors, [key]: isAdded } };
}

function added(held: Reaction[], at: number, emoji: Emoji, isMe: boolean): Reaction[] {
  const reaction = held[at];
  if (!reaction) return [...held, { emoji, count: 1, me: isMe }];
  return held.with(at, { ...reaction, count: reaction.count + 1, me: reaction.me || isMe });
}

function taken(held: Reaction[], at: number, isMe: boolean): Reaction[] {
  const reaction = held[at];
  if (!reaction) return held;
  if (reaction.count <= 1) return held.filter((_, index) => index !== at);
  return held.with(at, { ...reaction, count: reaction.count - 1, me: reaction.me && !isMe });
}

/** All reactions of a message, or those with one emoji, are gone. */
export function clearReactions(timeline: Timeline, messageId: Id, emoji: Emoji | null): Timeline {
  const prefix = emoji ? `${messageId}/${emojiKey(emoji)}/` : `${messageId}/`;
  const next = update(timeline, messageId, (message) => {
    const left = (message.reactions ?? []).filter(
      (one) => emoji !== null && emojiKey(one.emoji) !== emojiKey(emoji),
    );
    return left.length === (message.reactions ?? []).length ? message : { ...message, reactions: left };
  });
  const reactors = Object.fromEntries(
    Object.entries(next.reactors).filter(([key]) => !key.startsWith(prefix)),
  );
  return { ...next, reactors };
}

/** Puts a message of ours on its way, after those already waiting. */
export function enqueue(timeline: Timeline, pending: Pending): Timeline {
  return {
    ...timeline,
    pending: [...timeline.pending.filter((sent) => sent.nonce !== pending.nonce), pending],
  };
}

/** Changes one of ours that is on its way; null takes it out. */
export function settle(timeline: Timeline, nonce: string, change: Partial<Pending> | null): Timeline {
  return {
    ...timeline,
    pending: timeline.pending.flatMap((sent) =>
      sent.nonce !== nonce ? [sent] : change === null ? [] : [{ ...sent, ...change }],
    ),
  };
}
