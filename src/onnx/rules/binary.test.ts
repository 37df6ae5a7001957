import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  expectVjpMatchesDifferences,
  float32,
  graphOf,
  runModel,
  spread,
  type Values,
} from '../../../test/support/onnx-run';
import { buildVjpGraph } from '../vjp';

/** Two shapes that broadcast with each other: each may drop leading axes and have size one where the other has not. */
const pair = fc
  .record({
    full: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 4 }),
    dropA: fc.nat(4),
    dropB: fc.nat(4),
    onesA: fc.nat(15),
    onesB: fc.nat(15),
    seed: fc.nat(1000),
    dynamic: fc.boolean(),
  })
  .map(({ full, dropA, dropB, onesA, onesB, seed, dynamic }) => {
    const cut = (ones: number, drop: number) => full.map((size, i) => ((ones >> i) & 1 ? 1 : size)).slice(drop);
    return { a: cut(onesA, dropA % (full.length + 1)), b: cut(onesB, dropB % (full.length + 1)), seed, dynamic };
  });
const parameters = { numRuns: 15, seed: 2 };

const anything = (shape: readonly number[], seed: number) => spread(shape, seed);
const positive = (shape: readonly number[], seed: number) => spread(shape, seed, 0.55);

describe.each<[string, typeof anything, typeof anything]>([
  ['Add', anything, anything],
  ['Sub', anything, anything],
  ['Mul', anything, anything],
  ['Div', anything, positive],
  ['Pow', positive, anything],
  ['Sum', anything, anything],
  ['Mean', anything, anything],
])('%s', (operator, first, second) => {
  test('matches differences for all ways of broadcasting', async () => {
    await fc.assert(
      fc.asyncProperty(pair, async ({ a, b, seed, dynamic }) => {
        const feeds = { a: first(a, seed), b: second(b, seed + 1) };
        const model = graphOf(feeds, (builder) => builder.emit(operator, ['a', 'b']), { dynamic });
        await expectVjpMatchesDifferences(model, feeds);
      }),
      parameters,
    );
  });
});

test.each(['Max', 'Min'])('%s matches differences', async (operator) => {
  const a = spread([3, 4], 1);
  const b = float32([4], [0.1, -0.2, 0.3, 0]);
  await expectVjpMatchesDifferences(
    graphOf({ a, b }, (g) => g.emit(operator, ['a', 'b'])),
    { a, b },
  );
});

test('Max shares the cotangent of a tie', async () => {
  const feeds = { a: float32([2], [1, 5]), b: float32([2], [1, 2]) };
  const model = buildVjpGraph(graphOf(feeds, (b) => b.emit('Max', ['a', 'b'])));
  const results = await runModel(model, { ...feeds, y_cotangent: float32([2], [1, 1]) });
  expect([results['a_gradient']!.data, results['b_gradient']!.data]).toEqual([
    [0.5, 1],
    [0.5, 0],
  ]);
});

test('PRelu matches differences', async () => {
  const feeds = { x: spread([2, 3, 2], 4), slope: spread([3, 1], 5) };
  await expectVjpMatchesDifferences(
    graphOf(feeds, (b) => b.emit('PRelu', ['x', 'slope'])),
    feeds,
  );
});

test.each([1, 2, 3, 0.5, -1])('Pow with the constant exponent %d matches differences', async (exponent) => {
  const a = spread([2, 3], 3, 0.55);
  await expectVjpMatchesDifferences(
    graphOf({ a }, (b) => b.emit('Pow', ['a', b.scalar(exponent, 'a')])),
    { a },
  );
});

test('a square is differentiable at negative values and zero', async () => {
  const a = float32([3], [-2, 0, 3]);
  const model = buildVjpGraph(graphOf({ a }, (b) => b.emit('Pow', ['a', b.scalar(2, 'a')])));
  const { a_gradient: gradient } = await runModel(model, { a, y_cotangent: float32([3], [1, 1, 1]) });
  expect(gradient!.data).toEqual([-4, 0, 6]);
});

test('Where sends the cotangent to the branch that was taken', async () => {
  const mask: Values = { dtype: 'bool', shape: [2, 1], data: [1, 0] };
  const feeds = { mask, a: spread([2, 3], 6), b: spread([3], 7) };
  await expectVjpMatchesDifferences(
    graphOf(feeds, (g) => g.emit('Where', ['mask', 'a', 'b'])),
    feeds,
  );
});

test('a value that three nodes read gets the sum of their gradients', async () => {
  const feeds = { x: spread([2, 3], 8) };
  const model = graphOf(feeds, (b) => {
    const s = b.emit('Sigmoid', ['x']);
    return b.add(b.mul(s, s), b.add(b.mul('x', s), b.emit('Tanh', [s])));
  });
  await expectVjpMatchesDifferences(model, feeds);
});
