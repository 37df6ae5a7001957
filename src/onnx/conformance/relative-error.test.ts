import { expect, test } from 'vitest';
import { relativeError } from './relative-error';

const tensor = (...data: number[]) => ({ shape: [data.length], data });

test('the largest difference relative to the largest reference value', () => {
  expect(relativeError(tensor(1, -4.5, 0), tensor(1.25, -4, 0))).toBeCloseTo(0.5 / 4, 12);
  expect(relativeError(tensor(1, 2), tensor(1, 2))).toBe(0);
});

test('nothing, another shape and values that are not finite never pass', () => {
  expect(relativeError(undefined, tensor(1))).toBe(Infinity);
  expect(relativeError({ shape: [1, 1], data: [1] }, tensor(1))).toBe(Infinity);
  expect(relativeError(tensor(NaN), tensor(1))).toBe(Infinity);
  expect(relativeError(tensor(Infinity), tensor(Infinity))).toBe(Infinity);
});

test('a reference of zeros is met exactly or not at all', () => {
  expect(relativeError(tensor(0, 0), tensor(0, 0))).toBe(0);
  expect(relativeError(tensor(0, 1e-30), tensor(0, 0))).toBe(Infinity);
});
