import fc from 'fast-check';
import { describe, test } from 'vitest';
import { expectVjpMatchesDifferences, graphOf, spread } from '../../../test/support/onnx-run';
import type { GraphBuilder } from '../builder';

const draw = fc.record({
  shape: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 4 }),
  mask: fc.nat(15),
  keepdims: fc.nat(1),
  seed: fc.nat(1000),
  dynamic: fc.boolean(),
});

/** Axes are an input since operator set 13 (ReduceSum) or 18 (the others). */
const cases: readonly [string, number][] = [
  ['ReduceSum', 13],
  ['ReduceMean', 13],
  ['ReduceMean', 18],
  ['ReduceMax', 17],
  ['ReduceMin', 18],
  ['ReduceL1', 17],
  ['ReduceL2', 18],
  ['ReduceSumSquare', 17],
  ['ReduceLogSumExp', 17],
];

describe.each(cases)('%s at operator set %d', (operator, opset) => {
  test('matches differences', async () => {
    await fc.assert(
      fc.asyncProperty(draw, async ({ shape, mask, keepdims, seed, dynamic }) => {
        const feeds = { x: spread(shape, seed) };
        const axes = shape.flatMap((_, i) => ((mask >> i) & 1 ? [i - shape.length] : []));
        const asInput = operator === 'ReduceSum' || opset >= 18;
        const body = (b: GraphBuilder) =>
          axes.length === 0
            ? b.emit(operator, ['x'], { keepdims })
            : asInput
              ? b.emit(operator, ['x', b.ints(axes)], { keepdims })
              : b.emit(operator, ['x'], { axes, keepdims });
        await expectVjpMatchesDifferences(
          graphOf(feeds, (b) => b.emit('Sin', [body(b)]), { opset, dynamic }),
          feeds,
        );
      }),
      { numRuns: 10, seed: 11 },
    );
  });
});
