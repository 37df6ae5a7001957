import { expect, test } from 'vitest';
import { bytes, count } from './units';

test.each([
  [0, '0 '],
  [7, '7 '],
  [999, '999 '],
  [1000, '1.00 k'],
  [999_600, '1.00 M'],
  [50_123_456, '50.1 M'],
  [1.39e9, '1.39 G'],
  [2.5e16, '25.0 P'],
])('%f is %s', (value, text) => {
  expect(count(value)).toBe(text);
});

test('bytes', () => {
  expect([bytes(12), bytes(5_110_000), bytes(3e9)]).toEqual(['12 B', '5.11 MB', '3.00 GB']);
});
