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
      { kind: 'list', isOrdered: false, items: [{ children: [text('a')] }, { children: [text('b')] }] },
      { kind: 'list', isOrdered: true, start: 2 },
    ]);
  });

  /** Lists as words: an item's text, then in brackets what is set in below it. */
  const shape = (block: Block): string =>
    block.kind === 'list'
      ? `${block.isOrdered ? block.start : '-'}:${block.items
          .map(({ children, lists }) => {
            const inner = lists.map(shape).join(' ');
            return plainText(children, () => '') + (inner && `[${inner}]`);
          })
          .join(',')}`
      : block.kind;

  test.each([
    ['- a\n  - b\n  - c\n- d', '-:a[-:b,c],d'],
    ['- a\n  1. b\n  2. c\n- d', '-:a[1:b,c],d'],
    ['1. a\n   - b\n     - c\n2. d', '1:a[-:b[-:c]],d'],
    ['- a\n    - b\n  - c', '-:a[-:b,c]'], // set in at all is set in below the same
    ['- a\n  - b\n  3. c', '-:a[-:b 3:c]'],
    ['  - a\n- b', '-:a,b'],
    ['- a\n - b', '-:a,b'], // one space is a slip of the hand
    ['- a\n  b\n  - c', '-:a paragraph -:c'],
    ['    - a', 'paragraph'],
    ['> - a\n>   - b', 'quote'],
  ])('lists in lists: %j', (source, shapes) => {
    expect(parse(source).map(shape).join(' ')).toBe(shapes);
  });

  test('a list set in further than anyone reads stays at the last step', () => {
    const steps = Array.from({ length: 40 }, (_, step) => `${' '.repeat(2 * step)}- ${step}`);
    const drawn = parse(steps.join('\n')).map(shape).join(' ');
    expect(drawn.split('[').length - 1).toBe(5);
    expect(drawn).toContain('-:5,6,7,');
    expect(drawn).toContain('39');
  });

  test('only emoji are drawn large', () => {
    expect(isJumbo(parse('🔥 🍞'))).toBe(true);
    expect(isJumbo(parse('🔥 hot'))).toBe(false);
    expect(isJumbo(parse('🔥'.repeat(28)))).toBe(false);
  });

  test('a preview hides spoilers', () => {
    const name = (_: string, id: string): string => `n${id}`;
    expect(plainText(parse('**hi** <@1> ||secret||'), name)).toBe('hi @n1 ▒▒▒');
    expect(plainText(parse('# Big\n- a\n  - b\n    1. c\n- d'), name)).toBe('Big a b c d');
  });
});

function depth(nodes: readonly (Inline | Block)[]): number {
  return Math.max(
    0,
    ...nodes.map((node) => {
      if (node.kind === 'list')
        return 1 + Math.max(...node.items.map((item) => depth([...item.children, ...item.lists])));
      return 'children' in node && node.children ? 1 + depth(node.children) : 1;
    }),
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
    '\n  - ',
    '\n    1. ',
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
  '- a\n  - b\n    - c\n      - d\n',
  'https://a.b....... ',
])('4000 characters of %j parse, and nothing of them is lost', (unit) => {
  const source = unit.repeat(Math.ceil(4000 / unit.length)).slice(0, 4000);
  let run = 0; // each another text: what was parsed once is remembered
  slowest.push({ unit, tookMs: fastest(5, () => parse(`${run++}${source}`.slice(0, 4000))) });
  // signs may have become form; letters are what one wrote
  const letters = (text: string): string => text.replaceAll(/[^\p{L}\p{N}🔥]/gu, '');
  expect(letters(plainText(parse(source), () => ''))).toBe(letters(source));
});
