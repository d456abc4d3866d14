import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { isJumbo, type Block, type Inline } from '../../src/markdown/nodes';
import { inline, parse, plainText } from '../../src/markdown/scan';
import { fastest } from '../support/things';

const text = (value: string): Inline => ({ kind: 'text', text: value });
const one = (source: string): Inline | undefined => inline(source)[0];

describe('inline', () => {
  test.each([
    ['**b**', 'strong'],
    ['*i*', 'em'],
    ['_i_', 'em'],
    ['__u__', 'underline'],
    ['~~s~~', 'strike'],
    ['||x||', 'spoiler'],
  ])('%s', (source, kind) => expect(one(source)).toMatchObject({ kind }));

  test('styles nest', () => {
    expect(inline('**a *b* c**')).toEqual([
      { kind: 'strong', children: [text('a '), { kind: 'em', children: [text('b')] }, text(' c')] },
    ]);
    expect(inline('***x***')).toEqual([
      { kind: 'strong', children: [{ kind: 'em', children: [text('x')] }] },
    ]);
  });

  test.each([
    'a * b * c',
    'snake_case_name',
    '**open',
    '** **',
    '|| unclosed',
    '2 ** 3',
    '****',
    '_',
    '<@x>',
    '`',
    '``',
  ])('as typed: %s', (source) => expect(inline(source)).toEqual([text(source)]));

  test('code keeps what is in it', () => {
    expect(inline('`**a** <@1>`')).toEqual([{ kind: 'code', text: '**a** <@1>' }]);
    expect(inline('`` a`b ``')).toEqual([{ kind: 'code', text: 'a`b' }]);
  });

  test('a backslash takes the meaning away', () => expect(inline('\\*a\\*')).toEqual([text('*a*')]));

  test('mentions, emoji and times', () => {
    expect(inline('<@1> <@!2> <@&3> <#4>').filter((node) => node.kind !== 'text')).toEqual([
      { kind: 'user', id: '1' },
      { kind: 'user', id: '2' },
      { kind: 'role', id: '3' },
      { kind: 'channel', id: '4' },
    ]);
    expect(one('<a:wave:12>')).toEqual({ kind: 'custom', id: '12', name: 'wave', isAnimated: true });
    expect(one('<t:60:R>')).toEqual({ kind: 'time', unixSeconds: 60, style: 'R' });
    expect(inline('👩‍🍳🔥')).toEqual([
      { kind: 'emoji', text: '👩‍🍳' },
      { kind: 'emoji', text: '🔥' },
    ]);
    expect(one('@everyone')).toEqual({ kind: 'everyone', text: '@everyone' });
  });

  test('links, without the punctuation after them', () => {
    expect(inline('see https://a.b/c_d, (https://e.f).')).toEqual([
      text('see '),
      { kind: 'link', href: 'https://a.b/c_d', children: null },
      text(', ('),
      { kind: 'link', href: 'https://e.f', children: null },
      text(').'),
    ]);
    expect(one('[name](https://a.b)')).toEqual({
      kind: 'link',
      href: 'https://a.b',
      children: [text('name')],
    });
  });

  test.each(['[x](javascript:alert(1))', 'javascript:alert(1)', '[x](data:text/html,hi)', '<javascript:x>'])(
    'no link: %s',
    (source) => expect(JSON.stringify(inline(source))).not.toContain('"link"'),
  );
});

describe('blocks', () => {
  test('fences, with and without a language', () => {
    expect(parse('a\n```rust\nfn x() {}\n```\nb')).toEqual([
      { kind: 'paragraph', children: [text('a')] },
      { kind: 'fence', language: 'rust', text: 'fn x() {}' },
      { kind: 'paragraph', children: [text('b')] },
    ]);
    expect(parse('```one line```')).toEqual([{ kind: 'fence', language: '', text: 'one line' }]);
    expect(parse('```never closed')[0]?.kind).toBe('paragraph');
  });

  test('quotes, headings, small print and lists', () => {
    expect(parse('> a\n> b\nc').map((block) => block.kind)).toEqual(['quote', 'paragraph']);
    expect(parse('>>> a\nb').map((block) => block.kind)).toEqual(['quote']);
    expect(parse('# Big\n-# small')).toMatchObject([{ kind: 'heading', level: 1 }, { kind: 'subtext' }]);
    expect(parse('- a\n- b\n2. c')).toMatchObject([
      { kind: 'list', isOrdered: false, items: [[text('a')], [text('b')]] },
      { kind: 'list', isOrdered: true, start: 2 },
    ]);
  });

  test('only emoji are drawn large', () => {
    expect(isJumbo(parse('🔥 🍞'))).toBe(true);
    expect(isJumbo(parse('🔥 hot'))).toBe(false);
    expect(isJumbo(parse('🔥'.repeat(28)))).toBe(false);
  });

  test('a preview hides spoilers', () => {
    const name = (_: string, id: string): string => `n${id}`;
    expect(plainText(parse('**hi** <@1> ||secret||'), name)).toBe('hi @n1 ▒▒▒');
  });
});

function depth(nodes: readonly (Inline | Block)[]): number {
  return Math.max(
    0,
    ...nodes.map((node) => ('children' in node && node.children ? 1 + depth(node.children) : 1)),
  );
}

test('anything parses, shallow and without loss of letters', () => {
  const piece = fc.constantFrom(
    '*',
    '**',
    '_',
    '__',
    '~~',
    '||',
    '`',
    '```',
    '\n',
    '> ',
    '# ',
    '- ',
    '[',
    '](https://x.y)',
    '<@1>',
    '<',
    'a',
    ' ',
    '\\',
    '🔥',
    'http://',
    '1. ',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 300 }), (pieces) => {
      const source = pieces.join('');
      const blocks = parse(source);
      expect(depth(blocks)).toBeLessThanOrEqual(20);
      const letters = (value: string): number => value.split('a').length;
      expect(letters(plainText(blocks, () => ''))).toBeLessThanOrEqual(letters(source));
    }),
    { numRuns: 300 },
  );
});

const slowest: { unit: string; tookMs: number }[] = [];
afterAll(() => {
  const [worst] = slowest.sort((a, b) => b.tookMs - a.tookMs);
  if (!worst) return;
  const { unit, tookMs } = worst;
  console.info(
    `markdown: 4 000 characters, ${JSON.stringify(unit)} slowest: ${tookMs.toFixed(1)} ms of 20 ms`,
  );
});
test.each([
  '*',
  '_',
  '**',
  '||',
  '`',
  '[',
  '<',
  '> ',
  'h',
  'http://',
  '```\n',
  '*a ',
  '[a](',
  '🔥',
  '- a\n',
  'https://a.b....... ',
])('4000 characters of %j parse, and nothing of them is lost', (unit) => {
  const source = unit.repeat(Math.ceil(4000 / unit.length)).slice(0, 4000);
  let run = 0; // each another text: what was parsed once is remembered
  slowest.push({ unit, tookMs: fastest(5, () => parse(`${run++}${source}`.slice(0, 4000))) });
  // signs may have become form; letters are what one wrote
  const letters = (text: string): string => text.replaceAll(/[^\p{L}\p{N}🔥]/gu, '');
  expect(letters(plainText(parse(source), () => ''))).toBe(letters(source));
});
