import { describe, expect, test } from 'vitest';
import { readReference } from './reference';

function withMask(data: unknown): unknown {
  const mask = { dtype: 'bool', shape: [3], data };
  return {
    tolerance: { forward_rel: 1e-4, gradient_rel: 1e-3 },
    cases: [{ name: 'one', inputs: { mask }, outputs: {}, cotangents: {}, gradients: {} }],
  };
}

describe('reference values', () => {
  test.each([
    ['truth values', [true, false, true]],
    ['numbers', [1, 0, 1]],
  ])('a mask is given as %s', (_, data) => {
    expect(readReference(withMask(data), 'a.json').cases[0]?.inputs.mask?.data).toEqual([1, 0, 1]);
  });

  test('data that are no numbers are refused with their place', () => {
    expect(() => readReference(withMask([1, null, 0]), 'a.json')).toThrow(
      'a.json: "cases[0].inputs.mask.data" is no list of numbers.',
    );
  });
});
