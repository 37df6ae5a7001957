import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  expectGradient,
  expectVjpMatchesDifferences,
  float32,
  graphOf,
  runModel,
  spread,
} from '../../../test/support/onnx-run';
import type { Attributes } from '../attributes';
import { DataType } from '../dtype';
import { buildVjpGraph } from '../vjp';

const parameters = { numRuns: 30, seed: 1 };
const opset = 24;

const draw = fc.record({
  shape: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 0, maxLength: 3 }),
  seed: fc.nat(1000),
  dynamic: fc.boolean(),
});

/** Up to ±1.35 and never nearer than 0.05 to a multiple of 0.1, where the kinks are. */
const anywhere = (shape: readonly number[], seed: number) => spread(shape, seed);
const positive = (shape: readonly number[], seed: number) => spread(shape, seed, 0.55);
const scaled = (factor: number) => (shape: readonly number[], seed: number) => {
  const { data } = spread(shape, seed);
  return float32(
    shape,
    data.map((value) => factor * value),
  );
};
/** Inside (−0.7, 0.7), where the arc functions are smooth enough for differences. */
const inside = scaled(0.5);
/** Up to ±4, beyond the kinks of HardSwish at ±3. */
const wide = scaled(3);
const aboveOne = (shape: readonly number[], seed: number) => spread(shape, seed, 1.45);

const float = (range: { min: number; max: number }) =>
  fc.double({ ...range, noNaN: true }).map((value) => ({ float: value }));
const none = fc.constant<Attributes>({});
const parameter = { alpha: float({ min: 0.3, max: 1.7 }) };

type Case = readonly [string, fc.Arbitrary<Attributes>, typeof anywhere];

const cases: readonly Case[] = [
  ...'Abs Asinh Atan Cos Cosh Dropout Erf Exp Identity Mish Neg Relu Sigmoid Sin Sinh Softplus Softsign Tanh'
    .split(' ')
    .map((operator): Case => [operator, none, anywhere]),
  ...'Log Reciprocal Sqrt'.split(' ').map((operator): Case => [operator, none, positive]),
  ...'Acos Asin Atanh Tan'.split(' ').map((operator): Case => [operator, none, inside]),
  ['Acosh', none, aboveOne],
  ['HardSwish', none, wide],
  ...'Celu Elu LeakyRelu Swish'.split(' ').map((operator): Case => [operator, fc.record(parameter), anywhere]),
  ['Gelu', fc.constantFrom({}, { approximate: 'tanh' }, { approximate: 'none' }), anywhere],
  ['HardSigmoid', fc.constantFrom({}, { alpha: { float: 1 }, beta: { float: 0.4 } }), anywhere],
  ['Selu', fc.oneof(none, fc.record({ ...parameter, gamma: float({ min: 0.5, max: 2 }) })), anywhere],
  // Thresholds at multiples of 0.1, which the values keep away from.
  ['ThresholdedRelu', fc.constantFrom({}, { alpha: { float: 0.3 } }, { alpha: { float: -0.2 } }), anywhere],
];

test.each(cases)('%s matches differences', async (operator, attributes, values) => {
  await fc.assert(
    fc.asyncProperty(draw, attributes, async ({ shape, seed, dynamic }, given) => {
      await expectGradient({ x: values(shape, seed) }, (b) => b.emit(operator, ['x'], given), { opset, dynamic });
    }),
    parameters,
  );
});

test('Shrink matches differences, in float32 (its double kernel rounds to float32 inside)', async () => {
  const attributes = fc.constantFrom({}, { lambd: { float: 0.2 }, bias: { float: 0.15 } });
  await fc.assert(
    fc.asyncProperty(draw, attributes, async ({ shape, seed, dynamic }, given) => {
      const x = anywhere(shape, seed);
      const model = graphOf({ x }, (b) => b.emit('Shrink', ['x'], given), { opset, dynamic });
      await expectVjpMatchesDifferences(model, { x });
    }),
    parameters,
  );
});

test('Clip matches differences, of its bounds too', async () => {
  // Bounds at multiples of 0.1, crossed at times; either may be absent.
  const bound = fc.option(fc.integer({ min: -8, max: 8 }), { nil: undefined });
  await fc.assert(
    fc.asyncProperty(draw, bound, bound, async ({ shape, seed, dynamic }, low, high) => {
      fc.pre(low === undefined || low !== high);
      const feeds = {
        x: anywhere(shape, seed),
        ...(low === undefined ? {} : { low: float32([], [low / 10]) }),
        ...(high === undefined ? {} : { high: float32([], [high / 10]) }),
      };
      const inputs = ['x', low === undefined ? undefined : 'low', high === undefined ? undefined : 'high'];
      await expectGradient(feeds, (b) => b.emit('Clip', inputs), { opset, dynamic });
    }),
    parameters,
  );
});

test.each(['Cast', 'CastLike'])('%s to another width and back matches differences', async (operator) => {
  await fc.assert(
    fc.asyncProperty(draw, async ({ shape, seed, dynamic }) => {
      const x = anywhere(shape, seed);
      const model = graphOf(
        { x },
        (b) => {
          const to = DataType.DOUBLE;
          const wide =
            operator === 'Cast' ? b.emit('Cast', ['x'], { to }) : b.emit('CastLike', ['x', b.floats([], [0], to)]);
          return b.emit('CastLike', [b.emit('Sin', [wide]), 'x']);
        },
        { opset, dynamic },
      );
      await expectVjpMatchesDifferences(model, { x });
    }),
    parameters,
  );
});

async function gradientAt(operator: string, x: readonly number[], attributes: Attributes = {}) {
  const feeds = { x: float32([x.length], x) };
  const model = buildVjpGraph(graphOf(feeds, (b) => b.emit(operator, ['x'], attributes), { opset }));
  const { x_gradient: gradient } = await runModel(model, {
    ...feeds,
    y_cotangent: float32([x.length], Array<number>(x.length).fill(1)),
  });
  return gradient!.data;
}

// At a kink one of the slopes beside it or one between, as in PyTorch; zero where the slope is infinite.
test.each<[string, number[], number[]]>([
  ['Sqrt', [0, 1, 4], [0, 0.5, 0.25]],
  ['Asin', [-1, 0, 1], [0, 1, 0]],
  ['Acos', [-1, 0, 1], [0, -1, 0]],
  ['Acosh', [1], [0]],
  ['Abs', [-2, 0, 2], [-1, 0, 1]],
  ['Relu', [-1, 0, 1], [0, 0, 1]],
  ['LeakyRelu', [0, 1], [Math.fround(0.01), 1]],
  ['Elu', [0, 1], [1, 1]],
  ['Celu', [0, 1], [1, 1]],
  ['ThresholdedRelu', [1, 2], [0, 1]],
  ['Shrink', [-0.5, 0.5, 1], [0, 0, 1]],
  ['HardSwish', [-3, 3], [0, 1]],
  ['HardSigmoid', [-2.5, 2.5], [0, 0]],
])('%s at %j has the slopes %j', async (operator, x, expected) => {
  for (const [i, slope] of (await gradientAt(operator, x)).entries()) expect(slope).toBeCloseTo(expected[i] ?? NaN, 6);
});

test('Clip passes the gradient at its bounds', async () => {
  const x = float32([4], [-1, 0, 1, 2]);
  const model = buildVjpGraph(graphOf({ x }, (b) => b.emit('Clip', ['x', b.scalar(0, 'x'), b.scalar(1, 'x')])));
  const { x_gradient: gradient } = await runModel(model, { x, y_cotangent: float32([4], [1, 1, 1, 1]) });
  expect(gradient!.data).toEqual([0, 1, 1, 0]);
});

test('far from zero the slopes are those of the asymptotes, without NaN', async () => {
  for (const operator of 'Sigmoid Tanh Softplus Mish Gelu Erf Elu Selu Celu Swish'.split(' ')) {
    const slopes = await gradientAt(operator, [-200, 200]);
    expect(slopes.every(Number.isFinite), `${operator}: ${slopes.join()}`).toBe(true);
  }
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

describe('what is refused by name', () => {
  const x = float32([2, 2], [1, 2, 3, 4]);

  test('Dropout in training mode', () => {
    const model = graphOf({ x }, (b) => {
      const training = b.emit('Cast', [b.int(1)], { to: DataType.BOOL });
      return b.emit('Dropout', ['x', b.scalar(0.5, 'x'), training]);
    });
    expect(() => buildVjpGraph(model)).toThrow(
      /Dropout node .* has a gradient here only if its training mode is off; export the model in evaluation mode/,
    );
  });

  test('Mod, whose jumps make its slope useless', () => {
    const model = graphOf({ x }, (b) => b.emit('Mod', ['x', b.scalar(2, 'x')], { fmod: 1 }));
    expect(() => buildVjpGraph(model)).toThrow(/the operator Mod has no gradient rule/);
  });
});
