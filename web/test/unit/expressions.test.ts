// Emoji of guilds: who may write which, how they are written, and how they are found.
import { describe, expect, test } from 'vitest';
import type { CustomEmoji } from '../../src/api/types';
import { byName, emojiName, emojiOf, emojiShelves, wireOf, writtenOf } from '../../src/state/expressions';
import { decodeMentions, encodeMentions } from '../../src/state/mentions';
import { reduce } from '../../src/state/reduce';
import { plainWorld, type World } from '../../src/state/world';
import { findEmoji, type EmojiCategory } from '../../src/ui/emoji';
import { guild, me, member, ready } from '../support/things';

const emoji = (id: string, name: string, extra: Partial<CustomEmoji> = {}): CustomEmoji => ({
  id,
  name,
  animated: false,
  available: true,
  managed: false,
  require_colons: true,
  roles: [],
  ...extra,
});

function world(): World {
  const made = plainWorld();
  const emojis = [
    emoji('10', 'wave', { animated: true }),
    emoji('11', 'secret', { roles: ['77'] }),
    emoji('12', 'gone', { available: false }),
  ];
  const guilds = [
    guild({ emojis }),
    guild({ id: '6', name: 'Other', channels: [], members: [member(me)], emojis: [emoji('20', 'wave')] }),
  ];
  reduce(made, 'READY', ready({ guilds }), 0);
  return made;
}
const idsOf = (shelves: ReturnType<typeof emojiShelves>): string[] =>
  shelves.flatMap(({ items }) => items.map(({ id }) => id));

describe('which emoji may be written', () => {
  test('the place’s own come first, those of others only where they may be brought', () => {
    expect(idsOf(emojiShelves(world(), '6', true))).toEqual(['20', '10']);
    expect(idsOf(emojiShelves(world(), '6', false))).toEqual(['20']);
    expect(idsOf(emojiShelves(world(), null, true))).toEqual(['10', '20']);
  });

  test('one kept for a role is for those who hold it, also from the moment they do', () => {
    const held = world();
    expect(idsOf(emojiShelves(held, '5', false))).toEqual(['10']);
    reduce(held, 'GUILD_MEMBER_UPDATE', { ...member(me, ['77']), guild_id: '5' }, 0);
    expect(idsOf(emojiShelves(held, '5', false))).toEqual(['10', '11']);
  });

  test('an update replaces them all', () => {
    const held = world();
    reduce(held, 'GUILD_EMOJIS_UPDATE', { guild_id: '5', emojis: [emoji('13', 'new')] }, 0);
    expect(idsOf(emojiShelves(held, '5', false))).toEqual(['13']);
  });
});

describe('how they are written', () => {
  const named = byName(emojiShelves(world(), '5', true));
  const wires = new Map([...named].map(([name, one]) => [name, wireOf(one)]));

  test('by name, and by number too where the name means another', () => {
    expect(writtenOf(emoji('10', 'wave', { animated: true }), named)).toBe(':wave:');
    expect(writtenOf(emoji('20', 'wave'), named)).toBe('<:wave:20>');
  });

  test('names become numbers and back, but not in code, and nothing else is touched', () => {
    const text = 'hi :wave: `:wave:` :nobody: 12:30:15 <:wave:20>';
    const wire = 'hi <a:wave:10> `:wave:` :nobody: 12:30:15 <:wave:20>';
    expect(encodeMentions(text, new Map(), new Map(), new Map(), wires)).toBe(wire);
    const back = decodeMentions(
      wire,
      () => undefined,
      () => undefined,
      () => undefined,
      (form, name) => (wires.get(name) === form ? `:${name}:` : undefined),
    );
    expect(back).toBe(text);
  });

  test('the wire’s form is read as what it was made of', () => {
    expect(emojiOf('<a:wave:10>')).toEqual({ id: '10', name: 'wave', animated: true });
    expect(emojiOf('🔥')).toEqual({ id: null, name: '🔥' });
    expect([emojiName(emojiOf('<:wave:20>')), emojiName(emojiOf('🔥'))]).toEqual([':wave:', '🔥']);
  });
});

test('the picker finds a guild’s own beside Unicode’s', () => {
  const own: EmojiCategory = {
    key: 'guild-5',
    name: 'Guild',
    picture: null,
    emoji: [
      {
        text: '<:blob_wave:1>',
        name: ':blob_wave:',
        code: 'blob_wave',
        words: ['blob_wave', 'blob', 'wave'],
        hasTones: false,
      },
    ],
  };
  expect(findEmoji([own], 'wave', 9).map(({ text }) => text)).toEqual(['<:blob_wave:1>']);
  expect(findEmoji([own], 'blob_w', 9)).toHaveLength(1);
  expect(findEmoji([own], 'cat', 9)).toEqual([]);
});
