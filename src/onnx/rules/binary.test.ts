import fc from 'fast-check';
import { expect, test } from 'vitest';
import { expectGradient, float32, graphOf, int64, runModel, spread, type Values } from '../../../test/support/onnx-run';
import type { GraphBuilder } from '../builder';
import { DataType } from '../dtype';
import { buildVjpGraph } from '../vjp';

const parameters = { numRuns: 30, seed: 2 };
const opset = 21;

const sizes = fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 0, maxLength: 4 });

/** Shapes that broadcast with each other: each may drop leading axes and have size one where others have not. */
const shapesThatBroadcast = (count: number) =>
  fc
    .tuple(sizes, fc.array(fc.tuple(fc.nat(4), fc.nat(15)), { minLength: count, maxLength: count }))
    .map(([full, cuts]) =>
      cuts.map(([drop, ones]) => full.map((size, i) => ((ones >> i) & 1 ? 1 : size)).slice(drop % (full.length + 1))),
    );
const pair = fc.record({ shapes: shapesThatBroadcast(2), seed: fc.nat(1000), dynamic: fc.boolean() });

type Make = (shape: readonly number[], seed: number) => Values;
const anything: Make = (shape, seed) => spread(shape, seed);
const positive: Make = (shape, seed) => spread(shape, seed, 0.55);
const shifted =
  (by: number): Make =>
  (shape, seed) =>
    float32(
      shape,
      spread(shape, seed).data.map((value) => value + by),
    );

const pairs: readonly [string, Make, Make][] = [
  ['Add', anything, anything],
  ['Sub', anything, anything],
  ['Mul', anything, anything],
  ['Div', anything, positive],
  ['Pow', positive, anything],
];

test.each(pairs)('%s matches differences for all ways of broadcasting', async (operator, first, second) => {
  await fc.assert(
    fc.asyncProperty(pair, async ({ shapes: [a = [], b = []], seed, dynamic }) => {
      const feeds = { a: first(a, seed), b: second(b, seed + 1) };
      await expectGradient(feeds, (g) => g.emit(operator, ['a', 'b']), { opset, dynamic });
    }),
    parameters,
  );
});

// The inputs of Max and Min keep 0.03 from each other, ten times the step.
test.each('Sum Mean Max Min'.split(' '))('%s of one to three inputs matches differences', async (operator) => {
  const several = fc.integer({ min: 1, max: 3 }).chain((count) => shapesThatBroadcast(count));
  await fc.assert(
    fc.asyncProperty(several, fc.nat(1000), fc.boolean(), async (shapes, seed, dynamic) => {
      const feeds = Object.fromEntries(
        shapes.map((shape, i) => [`x${i}`, shifted(0.033 * i)(shape, seed + i)] as const),
      );
      const precision = await expectGradient(feeds, (b) => b.emit(operator, Object.keys(feeds)), { opset, dynamic });
      expect(precision).toBe(operator === 'Mean' ? 'float32' : 'float64');
    }),
    parameters,
  );
});

test('PRelu matches differences, of its slope too', async () => {
  const slope = fc.record({
    shape: sizes,
    drop: fc.nat(4),
    ones: fc.nat(15),
    seed: fc.nat(1000),
    dynamic: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(slope, async ({ shape, drop, ones, seed, dynamic }) => {
      const narrow = shape.map((size, i) => ((ones >> i) & 1 ? 1 : size)).slice(drop % (shape.length + 1));
      const feeds = { x: spread(shape, seed), slope: spread(narrow, seed + 1) };
      await expectGradient(feeds, (b) => b.emit('PRelu', ['x', 'slope']), { opset, dynamic });
    }),
    parameters,
  );
});

test('Where matches differences and sends the cotangent to the branch that was taken', async () => {
  const choice = fc.record({ shapes: shapesThatBroadcast(3), seed: fc.nat(1000), dynamic: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(choice, async ({ shapes: [c = [], a = [], b = []], seed, dynamic }) => {
      const condition = spread(c, seed);
      const feeds = {
        condition: { ...condition, dtype: 'bool', data: condition.data.map((value) => Number(value > 0)) },
        a: spread(a, seed + 1),
        b: spread(b, seed + 2),
      };
      await expectGradient(feeds, (g) => g.emit('Where', ['condition', 'a', 'b']), { opset, dynamic });
    }),
    parameters,
  );
});

test('a value that three nodes read gets the sum of their gradients', async () => {
  await fc.assert(
    fc.asyncProperty(sizes, fc.nat(1000), async (shape, seed) => {
      const body = (b: GraphBuilder) => {
        const s = b.emit('Sigmoid', ['x']);
        return b.add(b.mul(s, s), b.add(b.mul('x', s), b.emit('Tanh', [s])));
      };
      await expectGradient({ x: spread(shape, seed) }, body, { opset });
    }),
    parameters,
  );
});

test('Pow with a constant exponent matches differences', async () => {
  const exponent = fc.constantFrom(1, 2, 3, 4, 0.5, 1.5, -1, -0.5, -2, 0);
  await fc.assert(
    fc.asyncProperty(sizes, exponent, fc.nat(1000), fc.boolean(), async (shape, p, seed, dynamic) => {
      // Whole exponents take negative bases too.
      const a = Number.isInteger(p) ? spread(shape, seed) : spread(shape, seed, 0.55);
      const away = { ...a, data: a.data.map((value) => value + Math.sign(value) * 0.5) };
      await expectGradient({ a: away }, (b) => b.emit('Pow', ['a', b.scalar(p, 'a')]), { opset, dynamic });
    }),
    parameters,
  );
});

test('Pow with integer exponents, one for each column, matches differences', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: -3, max: 4 }), { minLength: 1, maxLength: 4 }),
      fc.nat(1000),
      async (p, seed) => {
        const feeds = { a: spread([2, p.length], seed, 0.55), p: int64([p.length], p) };
        await expectGradient(feeds, (b) => b.emit('Pow', ['a', 'p']), { opset });
      },
    ),
    parameters,
  );
});

/** Gradients of a small graph in float32, with ones as cotangents. */
async function gradients(feeds: Record<string, Values>, body: (b: GraphBuilder) => string) {
  const model = graphOf(feeds, body, { opset });
  const { y } = await runModel(model, feeds);
  const results = await runModel(buildVjpGraph(model), {
    ...feeds,
    y_cotangent: { ...y!, data: y!.data.map(() => 1) },
  });
  return Object.keys(feeds).map((name) => results[`${name}_gradient`]?.data.map((value) => value + 0));
}

// a⁰ is constant, a¹ has slope one, and the infinite slopes of a^½ and a^−1 count as zero, whatever the exponent is made of.
test.each<[number, number]>([
  [0, 0],
  [0.5, 0],
  [-1, 0],
  [1, 1],
  [1.5, 0],
  [2, 0],
  [3, 0],
])('Pow with exponent %d has slope %d at zero', async (p, slope) => {
  const a = float32([1], [0]);
  expect(await gradients({ a }, (b) => b.emit('Pow', ['a', b.scalar(p, 'a')]))).toEqual([[slope]]);
  const [byTensor, byExponent] = await gradients({ a, p: float32([1], [p]) }, (b) => b.emit('Pow', ['a', 'p']));
  expect(byTensor).toEqual([slope]);
  expect(byExponent).toEqual([p < 0 ? expect.any(Number) : 0]);
});

test('a square is differentiable at negative values and zero', async () => {
  const a = float32([3], [-2, 0, 3]);
  expect(await gradients({ a }, (b) => b.emit('Pow', ['a', b.scalar(2, 'a')]))).toEqual([[-4, 0, 6]]);
});

test('Max and Min share the cotangent of a tie', async () => {
  const feeds = { a: float32([2], [1, 5]), b: float32([2], [1, 2]) };
  expect(await gradients(feeds, (b) => b.emit('Max', ['a', 'b']))).toEqual([
    [0.5, 1],
    [0.5, 0],
  ]);
  expect(await gradients(feeds, (b) => b.emit('Min', ['a', 'b', 'a']))).toEqual([
    [expect.closeTo(2 / 3, 6), 0],
    [expect.closeTo(1 / 3, 6), 1],
  ]);
});

test('PRelu at zero has the slope of its negative side', async () => {
  const feeds = { x: float32([1], [0]), slope: float32([1], [0.25]) };
  expect(await gradients(feeds, (b) => b.emit('PRelu', ['x', 'slope']))).toEqual([[0.25], [0]]);
});

test('Where keeps a NaN of the other branch out of the gradient', async () => {
  const feeds = { a: float32([2], [NaN, 1]), b: float32([2], [2, NaN]) };
  const taken = (b: GraphBuilder) => b.emit('Cast', [b.ints([0, 1])], { to: DataType.BOOL });
  expect(await gradients(feeds, (b) => b.emit('Where', [taken(b), 'a', 'b']))).toEqual([
    [0, 1],
    [1, 0],
  ]);
});
