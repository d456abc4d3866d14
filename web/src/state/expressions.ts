// Emoji and stickers that guilds made: which of them can be used where, and how they are written.
import type { CustomEmoji, Emoji, Guild, Id, Sound, Sticker } from '../api/types';
import type { World } from './world';

/** What one guild brings. */
export interface Shelf<T> {
  guild: Guild;
  items: readonly T[];
}

const WIRE = /^<(a?):(\w{2,32}):(\d{1,20})>$/;

/** An emoji as text has it on the wire: a character, or the form of a custom one. */
export function wireOf(emoji: Emoji): string {
  return emoji.id ? `<${emoji.animated ? 'a' : ''}:${emoji.name}:${emoji.id}>` : emoji.name;
}

/** The other way round. */
export function emojiOf(text: string): Emoji {
  const found = WIRE.exec(text);
  if (!found) return { id: null, name: text };
  return { id: found[3] ?? null, name: found[2] ?? '', animated: found[1] === 'a' };
}

/** An emoji as people read and hear it. */
export function emojiName(emoji: Emoji): string {
  return emoji.id ? `:${emoji.name}:` : emoji.name;
}

/**
 * The emoji one may write in a place: its own guild's first, then those of others where these may be brought along.
 * `guildId`: null for direct messages.
 */
export function emojiShelves(
  world: World,
  guildId: Id | null | undefined,
  bringsOthers: boolean,
): Shelf<CustomEmoji>[] {
  const me = world.me.value?.id ?? '';
  return shelves(world, guildId, bringsOthers, (guild) => {
    const roles = world.members.get(guild.id)?.get(me)?.roles ?? [];
    const isOpen = ({ available, roles: kept = [] }: CustomEmoji): boolean =>
      available !== false && (kept.length === 0 || kept.some((role) => roles.includes(role)));
    return (guild.emojis ?? []).filter(isOpen);
  });
}

/** The stickers one may send in a place, likewise. */
export function stickerShelves(
  world: World,
  guildId: Id | null | undefined,
  bringsOthers: boolean,
): Shelf<Sticker>[] {
  return shelves(world, guildId, bringsOthers, (guild) =>
    (guild.stickers ?? []).filter(({ available }) => available !== false),
  );
}

/** The sounds of guilds that one may play in a place, likewise. */
export function soundShelves(
  world: World,
  guildId: Id | null | undefined,
  bringsOthers: boolean,
): Shelf<Sound>[] {
  return shelves(world, guildId, bringsOthers, (guild) => guild.soundboard_sounds ?? []);
}

function shelves<T>(
  world: World,
  guildId: Id | null | undefined,
  bringsOthers: boolean,
  itemsOf: (guild: Guild) => readonly T[],
): Shelf<T>[] {
  const own = guildId ? world.guilds.get(guildId) : undefined;
  const others = bringsOthers ? [...world.guilds.values()].filter(({ id }) => id !== guildId) : [];
  return [...(own ? [own] : []), ...others]
    .map((guild) => ({ guild, items: itemsOf(guild) }))
    .filter(({ items }) => items.length > 0);
}

/** By name: the emoji that `:name:` means; where several have it, the first. */
export function byName(shelves: readonly Shelf<CustomEmoji>[]): Map<string, CustomEmoji> {
  const named = new Map<string, CustomEmoji>();
  for (const { items } of shelves)
    for (const emoji of items) if (!named.has(emoji.name)) named.set(emoji.name, emoji);
  return named;
}

/** An emoji as one writes it: by its name, or by its number too where another emoji has that name. */
export function writtenOf(emoji: CustomEmoji, named: ReadonlyMap<string, CustomEmoji>): string {
  return named.get(emoji.name)?.id === emoji.id ? `:${emoji.name}:` : wireOf(emoji);
}
