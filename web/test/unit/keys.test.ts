import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chordOf, find, Listeners, shownKeys, type Press } from '../../src/keys/scopes';
import { sections, TABLE } from '../../src/keys/table';

const press = (key: string, held: Partial<Press> = {}): Press => ({
  key,
  code: /^[a-z]$/i.test(key) ? `Key${key.toUpperCase()}` : key,
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  shiftKey: false,
  ...held,
});
const typing = { isTyping: true, isApple: false };
const reading = { isTyping: false, isApple: false };

describe('chords', () => {
  test('are written in one order, whatever is held', () => {
    expect(chordOf(press('k', { ctrlKey: true }), false)).toBe('Mod+K');
    expect(chordOf(press('k', { metaKey: true }), true)).toBe('Mod+K');
    expect(chordOf(press('ArrowUp', { altKey: true, shiftKey: true }), false)).toBe('Alt+Shift+ArrowUp');
  });
  test('a sign says itself how it is typed', () => {
    expect(chordOf(press('?', { shiftKey: true, code: 'Slash' }), false)).toBe('?');
    expect(chordOf(press('/', { ctrlKey: true, code: 'Slash' }), false)).toBe('Mod+/');
  });
  test('a keyboard of another script is told by the place of its letters', () => {
    expect(chordOf(press('л', { ctrlKey: true, code: 'KeyK' }), false)).toBe('Mod+K');
    expect(chordOf(press('˚', { altKey: true, code: 'KeyK' }), true)).toBe('Alt+K');
  });
  test('are shown as the system names its keys', () => {
    expect(shownKeys('Mod+Alt+ArrowUp', false)).toEqual(['Ctrl', 'Alt', '↑']);
    expect(shownKeys('Mod+Shift+M', true)).toEqual(['⌘', '⇧', 'M']);
    expect(shownKeys('+', false)).toEqual(['+']);
  });
});

describe('scopes', () => {
  test('a text field keeps its own keys', () => {
    expect(find(TABLE, press('?', { shiftKey: true, code: 'Slash' }), typing)).toBeNull();
    expect(find(TABLE, press('?', { shiftKey: true, code: 'Slash' }), reading)).toBe('help');
    expect(find(TABLE, press('k', { ctrlKey: true }), typing)).toBe('switcher');
  });
  test('single letters mean nothing to the page: they are for a focused message', () => {
    for (const letter of 'abcdefghijklmnopqrstuvwxyz') expect(find(TABLE, press(letter), reading)).toBeNull();
  });
  test('no two actions are heard for one chord in the same place', () => {
    const heard = TABLE.flatMap(({ action, chords, scope }) =>
      chords.map((chord) => ({ action, chord, place: scope === 'page' ? 'everywhere' : scope })),
    );
    const seen = new Map<string, string>();
    for (const { action, chord, place } of heard) {
      const key = `${place} ${chord}`;
      expect(seen.get(key) ?? action, key).toBe(action);
      seen.set(key, action);
    }
  });
  test('any press finds at most what the table holds, and typing never finds more than reading', () => {
    const anyPress = fc.record({
      key: fc.oneof(
        fc.string({ minLength: 1, maxLength: 1 }),
        fc.constantFrom('Escape', 'ArrowUp', 'F6', 'Tab'),
      ),
      code: fc.constantFrom('KeyK', 'Slash', 'Comma', 'Escape', 'ArrowUp', 'F6'),
      ctrlKey: fc.boolean(),
      metaKey: fc.boolean(),
      altKey: fc.boolean(),
      shiftKey: fc.boolean(),
    });
    fc.assert(
      fc.property(anyPress, fc.boolean(), (one, isApple) => {
        const asTyped = find(TABLE, one, { isTyping: true, isApple });
        if (asTyped !== null) expect(find(TABLE, one, { isTyping: false, isApple })).toBe(asTyped);
      }),
    );
  });
  test('the help shows every action once', () => {
    const lines = sections().flatMap((section) => section.lines);
    expect(lines).toHaveLength(new Set(TABLE.map((one) => one.action)).size);
    expect(lines.every((line) => line.label !== '' && line.chords.length > 0)).toBe(true);
  });
});

test('who came last is asked first, and may pass it on', () => {
  const said: string[] = [];
  const listeners = new Listeners<'go'>();
  expect(listeners.run('go')).toBe(false);
  listeners.add({ go: () => void said.push('page') });
  const undo = listeners.add({ go: () => (said.push('dialog'), false) });
  expect(listeners.run('go')).toBe(true);
  expect(said).toEqual(['dialog', 'page']);
  undo();
  listeners.run('go');
  expect(said).toEqual(['dialog', 'page', 'page']);
});
