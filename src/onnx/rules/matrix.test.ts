import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { expectVjpMatchesDifferences, graphOf, spread, type Values } from '../../../test/support/onnx-run';
import type { GraphBuilder } from '../builder';
import { DataType } from '../dtype';
import { UnsupportedOperatorError } from '../errors';
import { buildVjpGraph } from '../vjp';

const size = fc.integer({ min: 1, max: 3 });
const parameters = { numRuns: 10, seed: 3 };

test('MatMul matches differences for vectors, matrices and broadcast stacks of them', async () => {
  const stack = fc.constantFrom<[number[], number[]]>(
    [[], []],
    [[2], []],
    [[], [2]],
    [[2, 1], [3]],
    [
      [1, 3],
      [2, 1],
    ],
    [
      [2, 3],
      [2, 3],
    ],
  );
  const draw = fc.record({
    m: size,
    k: size,
    n: size,
    stack,
    vectors: fc.nat(3),
    seed: fc.nat(1000),
    dynamic: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(draw, async ({ m, k, n, stack: [p, q], vectors, seed, dynamic }) => {
      const a = vectors & 1 ? [k] : [...p, m, k];
      const b = vectors & 2 ? [k] : [...q, k, n];
      const feeds = { a: spread(a, seed), b: spread(b, seed + 1) };
      await expectVjpMatchesDifferences(
        graphOf(feeds, (g) => g.emit('MatMul', ['a', 'b']), { dynamic }),
        feeds,
      );
    }),
    { ...parameters, numRuns: 20 },
  );
});

test('Gemm matches differences with every transposition, scale and shape of C', async () => {
  const draw = fc.record({
    m: size,
    k: size,
    n: size,
    transA: fc.nat(1),
    transB: fc.nat(1),
    c: fc.nat(4),
    seed: fc.nat(1000),
  });
  await fc.assert(
    fc.asyncProperty(draw, async ({ m, k, n, transA, transB, c, seed }) => {
      const feeds = {
        a: spread(transA ? [k, m] : [m, k], seed),
        b: spread(transB ? [n, k] : [k, n], seed + 1),
        c: spread([[], [n], [1, n], [m, 1], [m, n]][c] ?? [], seed + 2),
      };
      const attributes = { transA, transB, alpha: { float: 0.6 }, beta: { float: -1.4 } };
      await expectVjpMatchesDifferences(
        graphOf(feeds, (g) => g.emit('Gemm', ['a', 'b', 'c'], attributes)),
        feeds,
      );
    }),
    { ...parameters, numRuns: 15 },
  );
});

describe('Einsum', () => {
  test.each([
    ['ij,jk->ik', [2, 3], [3, 2]],
    ['ncq,nck->nqk', [2, 3, 2], [2, 3, 4]],
    ['i,j->ij', [2], [3]],
    ['bij,bjk', [2, 2, 3], [2, 3, 2]],
    ['ij,k->k', [2, 3], [2]],
    ['...ij,...jk->...ik', [2, 2, 3], [2, 3, 2]],
    ['...ij,...jk->...ik', [2, 1, 2, 3], [2, 3, 3, 2]],
  ])('%s matches differences', async (equation, a, b) => {
    const feeds = { a: spread(a, 1), b: spread(b, 2) };
    await expectVjpMatchesDifferences(
      graphOf(feeds, (g) => g.emit('Einsum', ['a', 'b'], { equation })),
      feeds,
    );
  });

  test.each([
    ['nhwpqc->nchpwq', [1, 2, 2, 2, 1, 2]],
    ['ij->i', [2, 3]],
    ['ij->', [2, 3]],
  ])('%s of one operand matches differences', async (equation, a) => {
    const feeds = { a: spread(a, 1) };
    await expectVjpMatchesDifferences(
      graphOf(feeds, (g) => g.emit('Einsum', ['a'], { equation })),
      feeds,
    );
  });

  test('a diagonal is refused by name', () => {
    const model = graphOf({ a: spread([2, 2], 1) }, (g) => g.emit('Einsum', ['a'], { equation: 'ii->i' }));
    expect(() => buildVjpGraph(model)).toThrow(UnsupportedOperatorError);
    expect(() => buildVjpGraph(model)).toThrow(
      /Einsum node "s4s_Einsum_1" has a gradient here only if no label occurs twice/,
    );
  });
});

describe('Attention', () => {
  const feeds = { q: spread([2, 2, 3, 2], 1), k: spread([2, 2, 4, 2], 2), v: spread([2, 2, 4, 3], 3) };
  const options = { opset: 23 };

  test.each([{}, { scale: { float: 0.3 } }])('%j matches differences', async (attributes) => {
    await expectVjpMatchesDifferences(
      graphOf(feeds, (b) => b.emit('Attention', ['q', 'k', 'v'], attributes), options),
      feeds,
    );
  });

  test('with a mask matches differences', async () => {
    const body = (b: GraphBuilder) => {
      const bias = Array.from({ length: 12 }, (_, i) => (i % 5 === 0 ? -3 : 0.5));
      return b.emit('Attention', ['q', 'k', 'v', b.floats([3, 4], bias, DataType.FLOAT)]);
    };
    await expectVjpMatchesDifferences(graphOf(feeds, body, options), feeds);
    const mask: Values = { dtype: 'bool', shape: [3, 4], data: [1, 1, 0, 1, 1, 1, 1, 0, 0, 1, 1, 1] };
    const masked = { ...feeds, mask };
    await expectVjpMatchesDifferences(
      graphOf(masked, (b) => b.emit('Attention', ['q', 'k', 'v', 'mask']), options),
      masked,
    );
  });

  test('that is causal is refused by name', () => {
    const model = graphOf(feeds, (b) => b.emit('Attention', ['q', 'k', 'v'], { is_causal: 1 }), options);
    expect(() => buildVjpGraph(model)).toThrow(
      /Attention node "s4s_Attention_1" has a gradient here only if it is not causal/,
    );
  });
});
