// The order of guilds on the rail, and the folders they are kept in. Plain functions over plain data.
import { compareIds } from '../api/snowflake';
import type { GuildFolder, Id } from '../api/types';

/** Most guilds in one folder. */
export const MAX_FOLDER_GUILDS = 100;
/** The longest name of a folder. */
export const MAX_FOLDER_NAME = 32;

/** What a person takes hold of: a guild, or a folder. */
export type Held = { kind: 'guild'; id: Id } | { kind: 'folder'; id: number };
export type Side = 'before' | 'after';

const isLoose = (folder: GuildFolder): boolean => folder.id === null;

/** The rail's order: what was stored, guilds that are gone left out, guilds not yet placed first (newest at the top). */
export function arrange(stored: readonly GuildFolder[] | undefined, guildIds: Iterable<Id>): GuildFolder[] {
  const left = new Set(guildIds);
  const kept: GuildFolder[] = [];
  for (const folder of stored ?? []) {
    const ids = folder.guild_ids.filter((id) => left.delete(id));
    if (folder.id == null) kept.push(...ids.map(loose));
    else if (ids.length > 0) kept.push({ ...folder, guild_ids: ids });
  }
  return [...[...left].sort((a, b) => compareIds(b, a)).map(loose), ...kept];
}

const loose = (id: Id): GuildFolder => ({ id: null, name: null, color: null, guild_ids: [id] });

function holds(folder: GuildFolder, held: Held): boolean {
  return held.kind === 'folder' ? folder.id === held.id : isLoose(folder) && folder.guild_ids[0] === held.id;
}

/** The folder a guild is kept in, if it is in one. */
export function folderOf(folders: readonly GuildFolder[], guildId: Id): GuildFolder | undefined {
  return folders.find((folder) => !isLoose(folder) && folder.guild_ids.includes(guildId));
}

/** Takes something off the rail; a folder left empty goes with it. */
function without(folders: readonly GuildFolder[], held: Held): GuildFolder[] {
  if (held.kind === 'folder') return folders.filter((folder) => !holds(folder, held));
  return folders
    .map((folder) => ({ ...folder, guild_ids: folder.guild_ids.filter((id) => id !== held.id) }))
    .filter((folder) => folder.guild_ids.length > 0);
}

/** Puts `held` beside `target`: a guild beside one in a folder goes into that folder; a folder stays whole. */
export function placeBeside(
  folders: readonly GuildFolder[],
  held: Held,
  target: Held,
  side: Side,
): GuildFolder[] {
  if (held.kind === target.kind && held.id === target.id) return [...folders];
  const piece = held.kind === 'folder' ? folders.find((folder) => folder.id === held.id) : loose(held.id);
  if (!piece) return [...folders];
  const home = target.kind === 'guild' ? folderOf(folders, target.id) : undefined;
  if (home && home.id !== null && held.kind === 'folder') {
    return home.id === held.id
      ? [...folders]
      : placeBeside(folders, held, { kind: 'folder', id: home.id }, side);
  }
  const rest = without(folders, held);
  if (home) {
    return rest.map((folder) => {
      if (folder.id !== home.id) return folder;
      const at = folder.guild_ids.indexOf(target.id as Id) + (side === 'after' ? 1 : 0);
      return { ...folder, guild_ids: folder.guild_ids.toSpliced(at, 0, held.id as Id) };
    });
  }
  const at = rest.findIndex((folder) => holds(folder, target));
  if (at < 0) return [...folders];
  return rest.toSpliced(at + (side === 'after' ? 1 : 0), 0, piece);
}

/** Puts a guild into a folder, at its end. */
export function putInto(folders: readonly GuildFolder[], guildId: Id, folderId: number): GuildFolder[] {
  const target = folders.find((folder) => folder.id === folderId);
  if (!target || target.guild_ids.includes(guildId) || target.guild_ids.length >= MAX_FOLDER_GUILDS)
    return [...folders];
  return without(folders, { kind: 'guild', id: guildId }).map((folder) =>
    folder.id === folderId ? { ...folder, guild_ids: [...folder.guild_ids, guildId] } : folder,
  );
}

/** Makes a folder of guilds, where the first of them stood. */
export function group(
  folders: readonly GuildFolder[],
  first: Id,
  second: Id | null,
  folderId: number,
): GuildFolder[] {
  if (second === first) return [...folders];
  const rest = second === null ? [...folders] : without(folders, { kind: 'guild', id: second });
  const home = folderOf(rest, first);
  const guild_ids = second === null ? [first] : [first, second];
  const made: GuildFolder = { id: folderId, name: null, color: null, guild_ids };
  const at = rest.findIndex((folder) => folder === home || holds(folder, { kind: 'guild', id: first }));
  if (at < 0) return [...folders];
  if (!home) return rest.with(at, made);
  const trimmed = { ...home, guild_ids: home.guild_ids.filter((id) => id !== first) };
  return rest.toSpliced(at, 1, ...(trimmed.guild_ids.length > 0 ? [trimmed] : []), made);
}

/** Takes a guild out of its folder, to stand below it. */
export function takeOut(folders: readonly GuildFolder[], guildId: Id): GuildFolder[] {
  const home = folderOf(folders, guildId);
  if (!home || home.id === null) return [...folders];
  const at = folders.indexOf(home);
  const guild_ids = home.guild_ids.filter((id) => id !== guildId);
  return folders.toSpliced(at, 1, ...(guild_ids.length > 0 ? [{ ...home, guild_ids }] : []), loose(guildId));
}

/** Dissolves a folder: its guilds stand where it stood. */
export function dissolve(folders: readonly GuildFolder[], folderId: number): GuildFolder[] {
  return folders.flatMap((folder) => (folder.id === folderId ? folder.guild_ids.map(loose) : [folder]));
}

/** Changes a folder's name or colour. */
export function describe(
  folders: readonly GuildFolder[],
  folderId: number,
  change: { name?: string | null; color?: number | null },
): GuildFolder[] {
  return folders.map((folder) => (folder.id === folderId ? { ...folder, ...change } : folder));
}

/** Moves something one step up (-1) or down (1); a guild stays in its folder. */
export function step(folders: readonly GuildFolder[], held: Held, by: -1 | 1): GuildFolder[] {
  const home = held.kind === 'guild' ? folderOf(folders, held.id) : undefined;
  if (home) {
    const guild_ids = swapped(home.guild_ids, home.guild_ids.indexOf(held.id as Id), by);
    return folders.map((folder) => (folder === home ? { ...home, guild_ids } : folder));
  }
  return swapped(
    folders,
    folders.findIndex((folder) => holds(folder, held)),
    by,
  );
}

function swapped<T>(list: readonly T[], at: number, by: -1 | 1): T[] {
  const one = list[at];
  const other = list[at + by];
  if (one === undefined || other === undefined) return [...list];
  return list.with(at, other).with(at + by, one);
}
