import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DataType } from './dtype';
import { decodeSmall, floatTensor, halfToNumber, int64Tensor, numberToHalf } from './tensors';

test('every finite half survives the way to a number and back', () => {
  for (let bits = 0; bits < 0x10000; bits++) {
    if ((bits & 0x7c00) !== 0x7c00) expect(numberToHalf(halfToNumber(bits))).toBe(bits);
  }
});

test.each([
  [65519, 0x7bff],
  [65520, 0x7c00],
  [-Infinity, 0xfc00],
  [2 ** -25, 0],
  [2 ** -24 * 1.5, 2],
  [1 + 2 ** -11, 0x3c00],
  [1 + 3 * 2 ** -11, 0x3c02],
  [2 - 2 ** -12, 0x4000],
])('%d rounds to the half 0x%s', (value, bits) => {
  expect(numberToHalf(value)).toBe(bits);
});

test('constants come back as they went in', () => {
  fc.assert(
    fc.property(fc.array(fc.integer()), fc.array(fc.float({ noNaN: true })), (ints, floats) => {
      expect(decodeSmall(int64Tensor('a', [ints.length], ints))).toEqual(ints);
      expect(decodeSmall(floatTensor('b', DataType.FLOAT, [floats.length], floats))).toEqual(floats);
      expect(decodeSmall(floatTensor('c', DataType.DOUBLE, [floats.length], floats))).toEqual(floats);
    }),
    { numRuns: 20, seed: 1 },
  );
});
