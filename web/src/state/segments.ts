// A channel's messages as runs without gaps ("segments"), oldest first, and what we sent that is not confirmed yet.
import { compareIds } from '../api/snowflake';
import type { Emoji, Id, Message, Reaction, StickerItem } from '../api/types';

/** Ids of deleted messages kept, so that a late answer does not bring one back. */
const MAX_TOMBSTONES = 200;
/** A segment longer than this gives up 500 messages, and what is more. */
const MAX_SEGMENT = 3000;

/** Messages with nothing missing between them. */
export interface Segment {
  readonly messages: readonly Message[];
  /** There is, or may be, something before the first. */
  readonly hasOlder: boolean;
  /** There is something after the last; false: this is the live end. */
  readonly hasNewer: boolean;
}

/** What is told of a recording. */
export interface Voice {
  readonly durationSecs: number;
  readonly waveform: string;
}

/** A file of a message on its way. */
export interface SentFile {
  /** The upload that brings it. */
  readonly uploadId: string;
  readonly name: string;
  readonly sizeBytes: number;
  readonly description: string;
  readonly isSpoiler: boolean;
  /** It is what the message says. */
  readonly voice?: Voice;
  /** Its name on the server; null until it is there. */
  readonly uploadedName: string | null;
  /** The name of a film's poster there. */
  readonly posterName?: string | null;
}

/** A message of ours on its way. */
export interface Pending {
  readonly nonce: string;
  /** Rises with each message written on this device. */
  readonly order: number;
  readonly content: string;
  readonly sentAtMs: number;
  /** The channel's newest message when it was written: what becomes of it is younger. */
  readonly afterId: Id | null;
  /** When it was first tried, in Unix milliseconds: the server knows its nonce from then on, for a while. */
  readonly triedAtMs: number | null;
  readonly replyTo: Message | null;
  readonly pingsReply: boolean;
  readonly files?: readonly SentFile[];
  readonly stickers?: readonly StickerItem[];
  readonly state: 'sending' | 'failed';
  /** Why it failed, in the server's words; null: the server was not reached. */
  readonly fault: string | null;
}

export interface Timeline {
  /** Oldest first; they never touch or overlap. */
  readonly segments: readonly Segment[];
  readonly pending: readonly Pending[];
  /** Events were missed: until what lies between is there, the run before them stands for the present. */
  readonly isBehind: boolean;
  readonly gone: readonly Id[];
  /** Who added (true) or took back (false) which reaction, as far as we were told: keys `message/emoji/user`. */
  readonly reactors: Readonly<Record<string, boolean>>;
}

export const EMPTY: Timeline = { segments: [], pending: [], isBehind: false, gone: [], reactors: {} };

/** The segment that reaches the present, if it is held. */
export function liveSegment(timeline: Timeline | undefined): Segment | undefined {
  return timeline?.segments.find((segment) => !segment.hasNewer);
}

/** The segment shown as the present: the live one, or what was so before events were missed. */
export function presentSegment(timeline: Timeline | undefined): Segment | undefined {
  const behind = timeline?.isBehind
    ? timeline.segments.findLast((segment) => segment.hasNewer && segment.messages.length > 0)
    : undefined;
  return behind ?? liveSegment(timeline);
}

/** The segment that holds the message. */
export function segmentWith(timeline: Timeline | undefined, id: Id): Segment | undefined {
  return timeline?.segments.find((segment) => segment.messages[lowerBound(segment.messages, id)]?.id === id);
}

/** The segment in which the message is, or would be if it were not deleted. */
export function segmentAround(timeline: Timeline | undefined, id: Id): Segment | undefined {
  return timeline?.segments.find((segment) => {
    const at = lowerBound(segment.messages, id);
    const isWithin = at > 0 || !segment.hasOlder || segment.messages[0]?.id === id;
    return isWithin && (at < segment.messages.length || !segment.hasNewer);
  });
}

/** What an earlier visit left of a channel; there may be more by now. */
export function fromSaved(messages: readonly Message[], hasOlder: boolean): Timeline {
  return { ...EMPTY, segments: [{ messages, hasOlder, hasNewer: true }], isBehind: true };
}

/** Events were missed: the live end is one no more. */
export function detach(timeline: Timeline): Timeline {
  const segments = timeline.segments
    .filter((segment) => segment.messages.length > 0)
    .map((segment) => (segment.hasNewer ? segment : { ...segment, hasNewer: true }));
  const wasLive = timeline.isBehind || liveSegment(timeline) !== undefined;
  return { ...timeline, segments, isBehind: wasLive && segments.length > 0, reactors: {} };
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
  const joined = insert(
    timeline,
    side === 'older'
      ? { messages, hasOlder: !isLast, hasNewer: true }
      : { messages, hasOlder: true, hasNewer: !isLast },
  );
  return trim(joined, messages[0]?.id ?? edge, side);
}

/** A run grown too long gives up the end that is furthest from where it grows. */
function trim(timeline: Timeline, id: Id, side: 'older' | 'newer'): Timeline {
  const index = timeline.segments.findIndex(({ messages }) => messages[lowerBound(messages, id)]?.id === id);
  const whole = timeline.segments[index];
  if (!whole || whole.messages.length <= MAX_SEGMENT) return timeline;
  const cut: Segment =
    side === 'older'
      ? { ...whole, messages: whole.messages.slice(0, MAX_SEGMENT - 500), hasNewer: true }
      : { ...whole, messages: whole.messages.slice(500 - MAX_SEGMENT), hasOlder: true };
  return { ...timeline, segments: timeline.segments.with(index, cut) };
}

/**
 * A page fetched anew takes the place of what is held between its first and last message: edits are taken over, what is
 * missing from it was deleted. `isFirst`, `isLast`: it reaches that end of the channel.
 */
export function renew(
  timeline: Timeline,
  page: readonly Message[],
  reach: { isFirst: boolean; until: Id | null },
): Timeline {
  const first = page[0];
  const from = reach.isFirst ? null : first?.id;
  const until = reach.until ?? page.at(-1)?.id;
  if (from === undefined || until === undefined) return timeline;
  const gone = new Set(timeline.gone);
  const fresh = new Map(page.filter(({ id }) => !gone.has(id)).map((message) => [message.id, message]));
  const segments = timeline.segments.map((segment) => {
    const start = from === null ? 0 : lowerBound(segment.messages, from);
    const end = lowerBound(segment.messages, until);
    const stop = segment.messages[end]?.id === until && reach.until === null ? end + 1 : end;
    if (stop <= start) return segment;
    const kept = segment.messages.slice(start, stop).flatMap((held) => {
      const told = fresh.get(held.id);
      return told ? (isEditedAfter(held, told) ? held : told) : [];
    });
    return {
      ...segment,
      messages: [...segment.messages.slice(0, start), ...kept, ...segment.messages.slice(stop)],
    };
  });
  return {
    ...timeline,
    segments: segments.filter((segment) => segment.messages.length > 0 || !segment.hasNewer),
  };
}

/** An event may overtake the answer of a page that was read before it. */
function isEditedAfter(held: Message, told: Message): boolean {
  return (held.edited_timestamp ?? '') > (told.edited_timestamp ?? '');
}

/** Forgets what is older than a message, in the run that holds it. */
export function cutBefore(timeline: Timeline, id: Id): Timeline {
  const segments = timeline.segments.map((segment) => {
    const at = lowerBound(segment.messages, id);
    if (at === 0 || segment.messages[at]?.id !== id) return segment;
    return { ...segment, messages: segment.messages.slice(at), hasOlder: true };
  });
  return { ...timeline, segments };
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

/** Puts a message of ours on its way, after those written before it. */
export function enqueue(timeline: Timeline, pending: Pending): Timeline {
  const others = timeline.pending.filter((sent) => sent.nonce !== pending.nonce);
  return { ...timeline, pending: [...others, pending].sort((a, b) => a.order - b.order) };
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
