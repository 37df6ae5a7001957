import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { expectGradient, graphOf, spread, type Feeds } from '../../../test/support/onnx-run';
import type { GraphBuilder } from '../builder';
import { UnsupportedOperatorError } from '../errors';
import { buildVjpGraph } from '../vjp';

const size = fc.integer({ min: 1, max: 3 });
const common = { seed: fc.nat(1000), dynamic: fc.boolean() };
const parameters = { numRuns: 40, seed: 3 };
const opset = 21;

/** A weight: the same values in the element type of the graph. */
const weight = (b: GraphBuilder, shape: readonly number[], seed: number) =>
  b.floats(shape, spread(shape, seed).data, b.typeOf('a'));

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
  const draw = fc.record({ m: size, k: size, n: size, stack, vectors: fc.nat(3), constant: fc.boolean(), ...common });
  await fc.assert(
    fc.asyncProperty(draw, async ({ m, k, n, stack: [p, q], vectors, constant, seed, dynamic }) => {
      const left = vectors & 1 ? [k] : [...p, m, k];
      const right = vectors & 2 ? [k] : [...q, k, n];
      const feeds: Feeds = { a: spread(left, seed), ...(!constant && { b: spread(right, seed + 1) }) };
      await expectGradient(feeds, (g) => g.emit('MatMul', ['a', constant ? weight(g, right, seed + 1) : 'b']), {
        opset,
        dynamic,
      });
    }),
    parameters,
  );
});

test('a linear layer’s gradient is one product with the transposed weight', () => {
  const model = graphOf({ a: spread([2, 3, 4], 1) }, (g) => g.emit('MatMul', ['a', weight(g, [4, 5], 2)]), {
    opset,
    dynamic: true,
  });
  const operators = buildVjpGraph(model).graph.node.map((node) => node.opType);
  expect(operators.filter((operator) => operator !== 'Identity').sort()).toEqual(['MatMul', 'MatMul', 'Transpose']);
});

test('Gemm matches differences with every transposition, scale and shape of C', async () => {
  const draw = fc.record({
    m: size,
    k: size,
    n: size,
    transA: fc.nat(1),
    transB: fc.nat(1),
    c: fc.nat(5),
    alpha: fc.constantFrom(1, 0.6),
    beta: fc.constantFrom(1, -1.4),
    ...common,
  });
  await fc.assert(
    fc.asyncProperty(draw, async ({ m, k, n, transA, transB, c, alpha, beta, seed, dynamic }) => {
      const added = [undefined, [], [n], [1, n], [m, 1], [m, n]][c];
      const feeds: Feeds = {
        a: spread(transA ? [k, m] : [m, k], seed),
        b: spread(transB ? [n, k] : [k, n], seed + 1),
        ...(added && { c: spread(added, seed + 2) }),
      };
      const attributes = { transA, transB, alpha: { float: alpha }, beta: { float: beta } };
      await expectGradient(feeds, (g) => g.emit('Gemm', ['a', 'b', added && 'c'], attributes), { opset, dynamic });
    }),
    parameters,
  );
});

describe('Einsum', () => {
  test.each([
    'ij,jk->ik',
    'ncq,nck->nqk',
    'nqk,nck->ncq',
    'bhqd,bhkd->bhqk',
    'bqhd,bkhd->bhqk',
    'bhqk,bkhd->bqhd',
    'i,j->ij',
    'bij,bjk',
    'ba,cb',
    'ij,k->k',
    'ij,ij->',
    'ij,ijk->ik',
    'ij,jk,kl->il',
    'ii->i',
    'ii',
    'iji->j',
    'iij,jk->ik',
    'nhwpqc->nchpwq',
    'ij->i',
    'ij->',
    '...ij,...jk->...ik',
    'i...,i...->...',
    '... j -> j ...',
  ])('%s matches differences', async (equation) => {
    const draw = fc.record({
      sizes: fc.array(size, { minLength: 8, maxLength: 8 }),
      ellipsis: fc.array(fc.nat(2), { maxLength: 2 }),
      ...common,
    });
    await fc.assert(
      fc.asyncProperty(draw, async ({ sizes, ellipsis, seed, dynamic }) => {
        const letters = [...new Set(equation.replace(/[^a-z]/g, ''))];
        const operands = equation.replaceAll(' ', '').split('->')[0]!.split(',');
        // An axis behind the dots that is one in one operand and larger in the other is broadcast.
        const hidden = (operand: number) => ellipsis.map((bits) => (bits === operand ? 1 : 2));
        const feeds = Object.fromEntries(
          operands.map((labels, i) => {
            const dims = labels
              .match(/\.\.\.|[a-z]/g)!
              .flatMap((label) => (label === '...' ? hidden(i) : [sizes[letters.indexOf(label)]!]));
            return ['abc'[i]!, spread(dims, seed + i)];
          }),
        );
        await expectGradient(feeds, (g) => g.emit('Einsum', Object.keys(feeds), { equation }), { opset, dynamic });
      }),
      { numRuns: 30, seed: 5 },
    );
  });

  test.each([
    ['ncq,nck->nqk', 'Einsum'],
    ['nqk,nck->ncq', 'Einsum'],
    ['bqhd,bkhd->bhqk', 'Einsum'],
  ])('%s is made of MatMul, forward and backward', (equation, absent) => {
    const rank = equation.indexOf(',');
    const feeds = { a: spread(Array<number>(rank).fill(2), 1), b: spread(Array<number>(rank).fill(2), 2) };
    const operators = buildVjpGraph(graphOf(feeds, (g) => g.emit('Einsum', ['a', 'b'], { equation }))).graph.node.map(
      (node) => node.opType,
    );
    expect(operators).not.toContain(absent);
    expect(operators.filter((operator) => operator === 'MatMul')).toHaveLength(3);
  });
});

test('Det, which has no rule, is refused by name', () => {
  const model = graphOf({ a: spread([2, 2], 1) }, (g) => g.emit('Det', ['a']));
  expect(() => buildVjpGraph(model)).toThrow(UnsupportedOperatorError);
  expect(() => buildVjpGraph(model)).toThrow(/operator Det has no gradient rule/);
});
