import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { expectVjpMatchesDifferences, float32, graphOf, runModel, spread } from '../../../test/support/onnx-run';
import type { Attributes } from '../builder';
import { DataType } from '../dtype';
import { buildVjpGraph } from '../vjp';

interface Case {
  readonly operator: string;
  readonly attributes?: Attributes;
  readonly positive?: boolean;
  readonly opset?: number;
}

const cases: readonly Case[] = [
  ...'Abs Atan Cos Cosh Elu Erf Exp HardSigmoid HardSwish Identity LeakyRelu Neg Relu Sigmoid Sin Sinh Softplus Softsign Tanh'
    .split(' ')
    .map((operator) => ({ operator })),
  ...'Log Reciprocal Sqrt'.split(' ').map((operator) => ({ operator, positive: true })),
  { operator: 'Elu', attributes: { alpha: { float: 0.7 } } },
  { operator: 'LeakyRelu', attributes: { alpha: { float: 0.3 } } },
  { operator: 'HardSigmoid', attributes: { alpha: { float: 0.31 }, beta: { float: 0.4 } } },
  { operator: 'Gelu', opset: 20 },
  { operator: 'Gelu', opset: 20, attributes: { approximate: 'tanh' } },
  { operator: 'Mish', opset: 18 },
  { operator: 'Dropout' },
];

const draw = fc.record({
  shape: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 0, maxLength: 3 }),
  seed: fc.nat(1000),
  dynamic: fc.boolean(),
});
const parameters = { numRuns: 10, seed: 1 };

describe.each(cases)('$operator $attributes', ({ operator, attributes = {}, positive = false, opset = 17 }) => {
  test('matches differences', async () => {
    await fc.assert(
      fc.asyncProperty(draw, async ({ shape, seed, dynamic }) => {
        const x = spread(shape, seed, positive ? 0.55 : undefined);
        const body = graphOf({ x }, (b) => b.emit(operator, ['x'], attributes), { opset, dynamic });
        await expectVjpMatchesDifferences(body, { x });
      }),
      parameters,
    );
  });
});

test.each([
  [
    ['min', 'max'],
    [-0.3, 0.4],
  ],
  [['min'], [-0.3]],
  [['', 'max'], [0.4]],
])('Clip with bounds %j matches differences', async (bounds, values) => {
  const x = spread([3, 4], 5);
  const model = graphOf({ x }, (b) => {
    const limits = [...values];
    return b.emit('Clip', ['x', ...bounds.map((bound) => (bound ? b.scalar(limits.shift() ?? 0, 'x') : undefined))]);
  });
  await expectVjpMatchesDifferences(model, { x });
});

test('a detour through float64 matches differences', async () => {
  const x = spread([2, 3], 6);
  const wide = graphOf({ x }, (b) =>
    b.emit('Cast', [b.emit('Sin', [b.emit('Cast', ['x'], { to: DataType.DOUBLE })])], { to: DataType.FLOAT }),
  );
  await expectVjpMatchesDifferences(wide, { x });
});

test('Sqrt has gradient zero at zero, not NaN', async () => {
  const x = float32([3], [0, 1, 4]);
  const model = buildVjpGraph(graphOf({ x }, (b) => b.emit('Sqrt', ['x'])));
  const { x_gradient: gradient } = await runModel(model, { x, y_cotangent: float32([3], [1, 1, 1]) });
  expect(gradient!.data).toEqual([0, 0.5, 0.25]);
});

test('rounding and a cast to integers stop the gradient', async () => {
  const x = float32([2], [0.4, 1.7]);
  const model = graphOf({ x }, (b) => {
    const whole = b.emit('Cast', [b.emit('Cast', ['x'], { to: DataType.INT64 })], { to: DataType.FLOAT });
    return b.add(b.scale('x', 3), b.add(b.emit('Round', ['x']), whole));
  });
  const { x_gradient: gradient } = await runModel(buildVjpGraph(model), { x, y_cotangent: float32([2], [1, 1]) });
  expect(gradient!.data).toEqual([3, 3]);
});
