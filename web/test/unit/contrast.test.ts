// Every pair of colours that text and shapes use keeps its WCAG ratio, in all themes.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { contrast } from '../../src/timeline/colour';

const css = readFileSync(new URL('../../src/styles/tokens.css', import.meta.url), 'utf8');

function block(selector: string): Record<string, string> {
  const body = css.slice(css.indexOf(`${selector} {`)).split('}')[0] ?? '';
  return Object.fromEntries(
    [...body.matchAll(/(--[\w-]+):\s*(#[0-9a-f]{3,8})/gi)].map((found) => [found[1], found[2]]),
  );
}

function rgb(hex: string): [number, number, number] {
  const digits = hex.length === 4 ? [...hex.slice(1)].map((digit) => digit + digit).join('') : hex.slice(1);
  return [0, 2, 4].map((at) => Number.parseInt(digits.slice(at, at + 2), 16)) as [number, number, number];
}

const dark = block(':root');
const themes = {
  dark,
  light: { ...dark, ...block('[data-theme="light"]') },
  contrast: { ...dark, ...block('[data-theme="contrast"]') },
};
const grounds = ['--bg-room', '--bg-side', '--bg-talk', '--bg-lift'];
const pairs: [front: string, ground: string, atLeast: number][] = [
  ...grounds.flatMap((ground): [string, string, number][] => [
    ['--tx-1', ground, 7],
    ['--tx-2', ground, 7],
    ['--tx-3', ground, 4.5],
    ['--tx-dim', ground, 4.5],
    ['--ember', ground, 4.5],
    ['--focus', ground, 3],
  ]),
  ...grounds.slice(1).flatMap((ground): [string, string, number][] => [
    ['--link', ground, 4.5],
    ['--ok', ground, 4.5],
    ['--warn', ground, 4.5],
    ['--bad', ground, 4.5],
    ['--idle', ground, 3],
    ['--off', ground, 3],
    ['--line-strong', ground, 3],
  ]),
  ['--tx-1', '--bg-over', 7],
  ['--tx-3', '--bg-over', 4.5],
  ['--on-ember', '--ember-fill', 4.5],
  ['--on-bad', '--bad-fill', 4.5],
  ['--tx-1', '--code-bg', 7],
];

test.each(Object.entries(themes))('%s', (_name, theme: Record<string, string>) => {
  const weak = pairs.filter(
    ([front, ground, atLeast]) => contrast(rgb(theme[front] ?? ''), rgb(theme[ground] ?? '')) < atLeast,
  );
  expect(weak).toEqual([]);
});
