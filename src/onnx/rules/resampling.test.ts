import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { expectVjpMatchesDifferences, graphOf, spread } from '../../../test/support/onnx-run';
import type { Attributes } from '../builder';
import { DataType } from '../dtype';
import { buildVjpGraph } from '../vjp';

const axis = fc.record({
  kernel: fc.integer({ min: 1, max: 3 }),
  stride: fc.integer({ min: 1, max: 3 }),
  extra: fc.nat(3),
  pad: fc.nat(1),
});
const draw = fc.record({
  axes: fc.array(axis, { minLength: 1, maxLength: 2 }),
  include: fc.nat(1),
  seed: fc.nat(1000),
  dynamic: fc.boolean(),
});

describe.each(['AveragePool', 'MaxPool'])('%s', (operator) => {
  test('matches differences for overlapping and padded windows', async () => {
    await fc.assert(
      fc.asyncProperty(draw, async ({ axes, include, seed, dynamic }) => {
        const x = spread([2, 2, ...axes.map(({ kernel, extra }) => kernel + extra)], seed);
        const pads = axes.map(({ pad, kernel }) => Math.min(pad, kernel - 1));
        const attributes: Attributes = {
          kernel_shape: axes.map(({ kernel }) => kernel),
          strides: axes.map(({ stride }) => stride),
          pads: [...pads, ...pads],
          count_include_pad: operator === 'AveragePool' ? include : undefined,
        };
        await expectVjpMatchesDifferences(
          graphOf({ x }, (b) => b.emit(operator, ['x'], attributes), { dynamic }),
          { x },
        );
      }),
      { numRuns: 15, seed: 12 },
    );
  });
});

test('GlobalAveragePool matches differences', async () => {
  const x = spread([2, 2, 3, 2], 1);
  for (const dynamic of [false, true]) {
    await expectVjpMatchesDifferences(
      graphOf({ x }, (b) => b.emit('GlobalAveragePool', ['x']), { dynamic }),
      { x },
    );
  }
});

describe('Resize', () => {
  const modes = (['nearest', 'linear'] as const).flatMap((mode) =>
    ['asymmetric', 'half_pixel', 'pytorch_half_pixel', 'align_corners'].flatMap((coordinate_transformation_mode) =>
      (mode === 'nearest' ? ['floor', 'round_prefer_floor', 'round_prefer_ceil', 'ceil'] : ['floor']).map(
        (nearest_mode) => ({
          mode,
          coordinate_transformation_mode,
          nearest_mode,
        }),
      ),
    ),
  );

  test.each(modes)('$mode $coordinate_transformation_mode $nearest_mode matches differences', async (attributes) => {
    for (const scales of [
      [2, 2],
      [3, 1],
      [1.5, 0.5],
      [0.5, 2.5],
    ]) {
      const x = spread([1, 2, 4, 2], 2);
      const model = graphOf({ x }, (b) =>
        b.emit('Resize', ['x', undefined, b.floats([4], [1, 1, ...scales], DataType.FLOAT)], attributes),
      );
      await expectVjpMatchesDifferences(model, { x });
    }
  });

  test('to given sizes matches differences', async () => {
    const x = spread([1, 2, 3, 4], 3);
    const model = graphOf({ x }, (b) =>
      b.emit('Resize', ['x', undefined, undefined, b.ints([1, 2, 6, 7])], { mode: 'linear' }),
    );
    await expectVjpMatchesDifferences(model, { x });
  });

  test('that repeats pixels needs no fixed image size', async () => {
    const x = spread([1, 2, 3, 2], 4);
    const attributes = { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' };
    const body = graphOf(
      { x },
      (b) => b.emit('Resize', ['x', undefined, b.floats([4], [1, 1, 2, 3], DataType.FLOAT)], attributes),
      { dynamic: true },
    );
    await expectVjpMatchesDifferences(body, { x });
  });

  test('cubic is refused by name', () => {
    const x = spread([1, 1, 4, 4], 1);
    const model = graphOf({ x }, (b) =>
      b.emit('Resize', ['x', undefined, b.floats([4], [1, 1, 2, 2], DataType.FLOAT)], { mode: 'cubic' }),
    );
    expect(() => buildVjpGraph(model)).toThrow(/Resize node .* mode is "nearest" or "linear"/);
  });
});
