// Ids are 64-bit numbers as decimal strings; their upper bits are the time of creation.
import type { Id } from './types';

const EPOCH_MS = 1_420_070_400_000n;

/** Orders ids as the numbers they are: negative when `a` is older. */
export function compareIds(a: Id, b: Id): number {
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Whether `a` is younger than `b`; anything is younger than nothing. */
export function isAfter(a: Id | null | undefined, b: Id | null | undefined): boolean {
  if (a == null) return false;
  return b == null || compareIds(a, b) > 0;
}

/** When the id was made, in Unix milliseconds. */
export function timeOf(id: Id): number {
  return Number((BigInt(id) >> 22n) + EPOCH_MS);
}

/** An id of the given moment: a nonce, or a cursor. `low` fills the 22 bits below the time. */
export function idAt(unixMs: number, low: number): Id {
  return (((BigInt(unixMs) - EPOCH_MS) << 22n) | BigInt(low & 0x3f_ffff)).toString();
}
