import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { expectGradient, float32, graphOf, int64, runModel, spread } from '../../../test/support/onnx-run';
import type { GraphBuilder } from '../builder';
import { buildVjpGraph } from '../vjp';

const opset = 21;

/** Axes from either end; none given at all, or an empty list, which means all axes or, with the flag, none. */
const draw = fc.record({
  shape: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 0, maxLength: 4 }),
  mask: fc.nat(15),
  fromEnd: fc.nat(15),
  emptyList: fc.boolean(),
  keepdims: fc.nat(1),
  noop: fc.nat(1),
  seed: fc.nat(1000),
  dynamic: fc.boolean(),
});

const positiveOnly = 'ReduceLogSum';
const operators =
  'ReduceSum ReduceMean ReduceMax ReduceMin ReduceProd ReduceL1 ReduceL2 ReduceSumSquare ReduceLogSum ReduceLogSumExp';

test.each(operators.split(' '))('%s matches differences', async (operator) => {
  await fc.assert(
    fc.asyncProperty(draw, async ({ shape, mask, fromEnd, emptyList, keepdims, noop, seed, dynamic }) => {
      const x = spread(shape, seed, operator === positiveOnly ? 0.55 : undefined);
      const axes = shape.flatMap((_, i) => ((mask >> i) & 1 ? [(fromEnd >> i) & 1 ? i - shape.length : i] : []));
      const body = (b: GraphBuilder) => {
        const list = axes.length > 0 || emptyList ? b.ints(axes) : undefined;
        return b.emit('Sin', [b.emit(operator, ['x', list], { keepdims, noop_with_empty_axes: noop })]);
      };
      expect(await expectGradient({ x }, body, { opset, dynamic })).toBe('float64');
    }),
    { numRuns: 40, seed: 11 },
  );
});

async function gradient(operator: string, x: readonly number[]) {
  const feeds = { x: float32([x.length], x) };
  const model = buildVjpGraph(graphOf(feeds, (b) => b.emit(operator, ['x'], { keepdims: 0 }), { opset }));
  return (await runModel(model, { ...feeds, y_cotangent: float32([], [1]) }))['x_gradient']!.data;
}

describe('where a reduction has no single slope', () => {
  test.each<[string, number[], number[]]>([
    ['ReduceMax', [2, 1, 2], [0.5, 0, 0.5]],
    ['ReduceMin', [1, 1, 2], [0.5, 0.5, 0]],
    ['ReduceL1', [-2, 0, 3], [-1, 0, 1]],
    ['ReduceL2', [0, 0], [0, 0]],
    ['ReduceLogSumExp', [-Infinity, -Infinity], [0, 0]],
    ['ReduceLogSumExp', [-Infinity, 5], [0, 1]],
    ['ReduceProd', [2, 3, 4], [12, 8, 6]],
    ['ReduceProd', [2, 0, 4], [0, 8, 0]],
    ['ReduceProd', [2, 0, 0], [0, 0, 0]],
  ])('%s of %j has gradient %j', async (operator, x, expected) => {
    expect((await gradient(operator, x)).map((value) => value + 0)).toEqual(expected);
  });

  test('ReduceLogSumExp of large values does not overflow', async () => {
    expect(await gradient('ReduceLogSumExp', [1000, 1000])).toEqual([expect.closeTo(0.5, 4), expect.closeTo(0.5, 4)]);
  });
});

test('axes that the graph computes are refused by name', () => {
  const feeds = { x: spread([2, 3], 1), axes: int64([1], [0]) };
  const model = graphOf(feeds, (b) => b.emit('ReduceSum', ['x', 'axes']), { opset });
  expect(() => buildVjpGraph(model)).toThrow(/ReduceSum node .* has a gradient here only if its axes are constants/);
});
