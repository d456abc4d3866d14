import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { GuildFolder } from '../../src/api/types';
import {
  arrange,
  dissolve,
  folderOf,
  group,
  placeBeside,
  putInto,
  step,
  takeOut,
  type Held,
} from '../../src/state/folders';

const guild = (id: string): Held => ({ kind: 'guild', id });
const loose = (...ids: string[]): GuildFolder[] =>
  ids.map((id) => ({ id: null, name: null, color: null, guild_ids: [id] }));
const folder = (id: number, ...ids: string[]): GuildFolder => ({
  id,
  name: null,
  color: null,
  guild_ids: ids,
});
const shown = (folders: readonly GuildFolder[]): string =>
  folders
    .map((folder) => (folder.id === null ? folder.guild_ids[0] : `(${folder.guild_ids.join(' ')})`))
    .join(' ');

test('what is new stands at the top, what is gone is left out, what was stored keeps its order', () => {
  const stored = [...loose('3'), folder(9, '1', '7'), folder(8, '6')];
  expect(shown(arrange(stored, ['1', '2', '3', '4']))).toBe('4 2 3 (1)');
  expect(shown(arrange(undefined, ['1', '2']))).toBe('2 1');
});
test('a guild is put beside another, into its folder if that is in one', () => {
  const folders = [...loose('1'), folder(9, '2', '3'), ...loose('4')];
  expect(shown(placeBeside(folders, guild('4'), guild('1'), 'before'))).toBe('4 1 (2 3)');
  expect(shown(placeBeside(folders, guild('4'), guild('2'), 'after'))).toBe('1 (2 4 3)');
  expect(shown(placeBeside(folders, guild('2'), guild('4'), 'after'))).toBe('1 (3) 4 2');
  expect(shown(placeBeside(folders, { kind: 'folder', id: 9 }, guild('4'), 'after'))).toBe('1 4 (2 3)');
});
test('folders are made, filled, emptied and dissolved', () => {
  let folders = group(loose('1', '2', '3'), '2', '3', 9);
  expect(shown(folders)).toBe('1 (2 3)');
  folders = putInto(folders, '1', 9);
  expect(shown(folders)).toBe('(2 3 1)');
  expect(shown(takeOut(folders, '3'))).toBe('(2 1) 3');
  expect(shown(dissolve(folders, 9))).toBe('2 3 1');
  expect(shown(step(folders, guild('3'), -1))).toBe('(3 2 1)');
  expect(shown(step(loose('1', '2'), guild('2'), 1))).toBe('1 2');
});

test('whatever is done, every guild is there exactly once and no folder is empty', () => {
  const ids = ['1', '2', '3', '4', '5'];
  const anyGuild = fc.constantFrom(...ids);
  const anyFolder = fc.constantFrom(7, 8, 9);
  const held: fc.Arbitrary<Held> = fc.oneof(
    anyGuild.map(guild),
    anyFolder.map((id): Held => ({ kind: 'folder', id })),
  );
  const side = fc.constantFrom('before' as const, 'after' as const);
  type Change = (folders: readonly GuildFolder[]) => GuildFolder[];
  const change: fc.Arbitrary<Change> = fc.oneof(
    fc.tuple(held, held, side).map(
      ([a, b, where]): Change =>
        (all) =>
          placeBeside(all, a, b, where),
    ),
    fc.tuple(anyGuild, anyFolder).map(
      ([id, folder]): Change =>
        (all) =>
          putInto(all, id, folder),
    ),
    fc.tuple(anyGuild, fc.option(anyGuild), anyFolder).map(
      ([a, b, folder]): Change =>
        (all) =>
          all.some((one) => one.id === folder) ? [...all] : group(all, a, b, folder),
    ),
    anyGuild.map(
      (id): Change =>
        (all) =>
          takeOut(all, id),
    ),
    anyFolder.map(
      (id): Change =>
        (all) =>
          dissolve(all, id),
    ),
    fc.tuple(held, fc.constantFrom(1 as const, -1 as const)).map(
      ([one, by]): Change =>
        (all) =>
          step(all, one, by),
    ),
  );
  fc.assert(
    fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
      const end = changes.reduce((folders, one) => one(folders), arrange([], ids));
      expect(end.flatMap((folder) => folder.guild_ids).sort()).toEqual(ids);
      expect(end.every((folder) => folder.guild_ids.length > 0)).toBe(true);
      expect(
        end.filter((folder) => folder.id === null).every((folder) => folder.guild_ids.length === 1),
      ).toBe(true);
      for (const id of ids) expect(end.filter((folder) => folder.guild_ids.includes(id))).toHaveLength(1);
      expect(folderOf(end, '1')?.guild_ids.includes('1') ?? true).toBe(true);
      expect(arrange(end, ids)).toEqual(end); // what is stored is what is shown
    }),
    { numRuns: 400 },
  );
});
