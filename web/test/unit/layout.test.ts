import fc from 'fast-check';
import { expect, test } from 'vitest';
import { layoutOf } from '../../src/state/layout.svelte';
import { carries, intent } from '../../src/ui/swipe';

test('a screen’s kind follows from its width in the person’s text size', () => {
  expect([1440, 1200, 1199, 900, 899, 600, 599, 320].map((width) => layoutOf(width, 1))).toEqual([
    'wide',
    'wide',
    'medium',
    'medium',
    'tablet',
    'tablet',
    'phone',
    'phone',
  ]);
  expect(layoutOf(1440, 2)).toBe('tablet');
  expect(layoutOf(1024, 0.8)).toBe('medium');
});

test('larger text never makes more room', () => {
  const order = ['phone', 'tablet', 'medium', 'wide'];
  fc.assert(
    fc.property(
      fc.integer({ min: 200, max: 4000 }),
      fc.double({ min: 0.8, max: 2, noNaN: true }),
      (width, scale) => {
        expect(order.indexOf(layoutOf(width, scale))).toBeLessThanOrEqual(order.indexOf(layoutOf(width, 1)));
      },
    ),
  );
});

test('a path is a swipe only when it clearly goes sideways', () => {
  expect(intent(3, 4)).toBe('undecided');
  expect(intent(20, 4)).toBe('swipe');
  expect(intent(-20, 4)).toBe('swipe');
  expect(intent(12, 10)).toBe('other');
  expect(intent(0, 40)).toBe('other');
});

test('a page is carried over by distance or by a throw, never backwards', () => {
  expect(carries(140, 390, 0)).toBe(true);
  expect(carries(100, 390, 0.1)).toBe(false);
  expect(carries(40, 390, 0.9)).toBe(true);
  expect(carries(-5, 390, 2)).toBe(false);
});
