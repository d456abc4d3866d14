// Moving channels in a guild's tree: from a wish to the positions the server is asked for. Plain functions.
import { ChannelType } from '../api/enums';
import type { Channel, Id } from '../api/types';
import { isVoice, type Branch } from './tree';

/** One line of `PATCH /guilds/{guild}/channels`. */
export interface Move {
  id: Id;
  position: number;
  parent_id?: Id | null;
}

const isCategory = (channel: Channel): boolean => channel.type === ChannelType.category;

/** The moves that put `channel` into the branch of `parentId` before `beforeId` (null: at its end). */
export function moveTo(
  branches: readonly Branch[],
  channel: Channel,
  parentId: Id | null,
  beforeId: Id | null,
): Move[] {
  const siblings = isCategory(channel)
    ? branches.flatMap((branch) => branch.category ?? [])
    : (branches.find((branch) => (branch.category?.id ?? null) === parentId)?.channels ?? []).filter(
        (one) => isVoice(one) === isVoice(channel), // text stands above voice, whatever its position
      );
  const others = siblings.filter((one) => one.id !== channel.id);
  const found = beforeId === null ? -1 : others.findIndex((one) => one.id === beforeId);
  const order = others.toSpliced(found < 0 ? others.length : found, 0, channel);
  const isElsewhere = !isCategory(channel) && (channel.parent_id ?? null) !== parentId;
  return order.flatMap((one, position) => {
    const isMoved = one.id === channel.id && isElsewhere;
    if (one.position === position && !isMoved) return [];
    return [{ id: one.id, position, ...(isMoved && { parent_id: parentId }) }];
  });
}

/** The moves that bring `channel` one step up (-1) or down (1); past the end of its category it goes into the next. Empty at the very end. */
export function moveBy(branches: readonly Branch[], channel: Channel, by: -1 | 1): Move[] {
  if (isCategory(channel)) {
    const all = branches.flatMap((branch) => branch.category ?? []);
    return stepIn(branches, all, channel, null, by) ?? [];
  }
  const parentId = channel.parent_id ?? null;
  const at = branches.findIndex((branch) => (branch.category?.id ?? null) === parentId);
  const own = (branches[at]?.channels ?? []).filter((one) => isVoice(one) === isVoice(channel));
  const within = stepIn(branches, own, channel, parentId, by);
  if (within) return within;
  const next = at + by < 0 ? undefined : branches[at + by];
  if (!next) return [];
  const first = next.channels.find((one) => isVoice(one) === isVoice(channel));
  return moveTo(branches, channel, next.category?.id ?? null, by > 0 ? (first?.id ?? null) : null);
}

/** The same inside one list; null where the step would leave it. */
function stepIn(
  branches: readonly Branch[],
  list: readonly Channel[],
  channel: Channel,
  parentId: Id | null,
  by: -1 | 1,
): Move[] | null {
  const at = list.findIndex((one) => one.id === channel.id);
  const to = at + by;
  if (to < 0 || to >= list.length) return null;
  const before = by < 0 ? list[to] : list[to + 1];
  return moveTo(branches, channel, parentId, before?.id ?? null);
}

/** The moves that take `moves` back. */
export function inverse(moves: readonly Move[], channels: ReadonlyMap<Id, Channel>): Move[] {
  return moves.flatMap(({ id, parent_id }) => {
    const held = channels.get(id);
    if (!held) return [];
    const back: Move = { id, position: held.position ?? 0 };
    return [parent_id === undefined ? back : { ...back, parent_id: held.parent_id ?? null }];
  });
}
