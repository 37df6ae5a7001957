import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { expectGradient, graphOf, spread } from '../../../test/support/onnx-run';
import type { Attributes } from '../attributes';
import { buildVjpGraph } from '../vjp';

const opset = 21;
const axis = fc.record({
  kernel: fc.integer({ min: 1, max: 3 }),
  stride: fc.integer({ min: 1, max: 3 }),
  dilation: fc.integer({ min: 1, max: 2 }),
  extra: fc.nat(3),
  before: fc.nat(2),
  after: fc.nat(2),
});
const draw = fc.record({
  axes: fc.array(axis, { minLength: 1, maxLength: 3 }),
  include: fc.nat(1),
  ceil: fc.nat(1),
  power: fc.integer({ min: 1, max: 3 }),
  autoPad: fc.constantFrom('NOTSET', 'NOTSET', 'SAME_UPPER', 'SAME_LOWER', 'VALID'),
  seed: fc.nat(1000),
  dynamic: fc.boolean(),
});

describe.each(['AveragePool', 'MaxPool', 'LpPool'])('%s', (operator) => {
  test('matches differences for overlapping, dilated and padded windows, at known and unknown sizes', async () => {
    await fc.assert(
      fc.asyncProperty(draw, async ({ axes, include, ceil, power, autoPad, seed, dynamic }) => {
        const x = spread([2, 2, ...axes.map((a) => a.dilation * (a.kernel - 1) + 1 + a.extra)], seed);
        const pads = (['before', 'after'] as const).flatMap((side) => axes.map((a) => Math.min(a[side], a.kernel - 1)));
        const explicit = autoPad === 'NOTSET';
        // ONNX Runtime's shape inference counts a window that starts beyond the image, and the kernel of LpPool does not.
        const ceiled = operator === 'LpPool' && axes.some((a) => a.stride > a.kernel) ? 0 : ceil;
        const attributes: Attributes = {
          kernel_shape: axes.map(({ kernel }) => kernel),
          strides: axes.map(({ stride }) => stride),
          dilations: explicit ? axes.map(({ dilation }) => dilation) : undefined,
          ...(explicit ? { pads } : { auto_pad: autoPad }),
          ceil_mode: explicit ? ceiled : 0,
          count_include_pad: operator === 'AveragePool' ? include : undefined,
          p: operator === 'LpPool' ? power : undefined,
          storage_order: operator === 'MaxPool' ? include : undefined,
        };
        await expectGradient({ x }, (b) => b.emit(operator, ['x'], attributes), { opset, dynamic });
      }),
      { numRuns: 60, seed: 12 },
    );
  });
});

test.each(['GlobalAveragePool', 'GlobalMaxPool', 'GlobalLpPool'])('%s matches differences', async (operator) => {
  const image = fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 3, maxLength: 5 });
  const power = fc.integer({ min: 1, max: 3 });
  await fc.assert(
    fc.asyncProperty(image, power, fc.nat(1000), fc.boolean(), async (shape, p, seed, dynamic) => {
      const attributes = operator === 'GlobalLpPool' ? { p } : {};
      await expectGradient({ x: spread(shape, seed) }, (b) => b.emit(operator, ['x'], attributes), { opset, dynamic });
    }),
    { numRuns: 30, seed: 13 },
  );
});

test('MaxUnpool, which has no rule, is refused by name', () => {
  const model = graphOf({ x: spread([1, 1, 4, 4], 1) }, (b) => {
    const window = { kernel_shape: [2, 2], strides: [2, 2] };
    return b.emit('MaxUnpool', b.emitMany('MaxPool', ['x'], 2, window), window);
  });
  expect(() => buildVjpGraph(model)).toThrow(/operator MaxUnpool has no gradient rule/);
});
