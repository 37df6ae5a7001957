import { floatAttribute, intAttribute, stringAttribute } from '../attributes';
import type { GraphBuilder } from '../builder';
import { contract, einsumLabels } from '../einsum';
import { maskWith, unbroadcast } from './broadcast';
import type { Rule, RuleTable } from './rule';

/** Swaps the last two axes. */
function matrixTranspose(b: GraphBuilder, value: string): string {
  const rank = b.rankOf(value);
  return b.transpose(value, [...Array(rank - 2).keys(), rank - 1, rank - 2]);
}

/**
 * Y = A·B with broadcast batch axes: Ā = Ȳ·Bᵀ, B̄ = Aᵀ·Ȳ. Vectors are made matrices and back. A matrix B that serves a
 * whole batch (a linear layer) leaves the shape of A as it is, and takes its own cotangent from one flat product.
 */
const matMul: Rule = (site) => {
  const { b } = site;
  const [vectorA, vectorB] = [site.rank(0) === 1, site.rank(1) === 1];
  const a = vectorA ? b.emit('Unsqueeze', [site.x(0), b.ints([0])]) : site.x(0);
  const c = vectorB ? b.emit('Unsqueeze', [site.x(1), b.ints([1])]) : site.x(1);
  let g = site.g;
  if (vectorB) g = b.emit('Unsqueeze', [g, b.ints([-1])]);
  if (vectorA) g = b.emit('Unsqueeze', [g, b.ints([-2])]);
  const shared = b.rankOf(c) === 2;
  const flat = (value: string) => (shared && b.rankOf(value) > 2 ? flatRows(b, value) : value);
  const left = () => b.emit('MatMul', [g, matrixTranspose(b, c)]);
  const right = () => transposedProduct(b, flat(a), flat(g));
  const gradient = (index: number, matrix: string, product: () => string) => {
    if (!site.wants(index)) return undefined;
    const result = shared ? product() : unbroadcast(b, product(), matrix);
    return matrix === site.x(index) ? result : b.reshapeLike(result, site.x(index));
  };
  return [gradient(0, a, left), gradient(1, c, right)];
};

/**
 * Aᵀ·G for A [M, N] and G [M, K]. Of the two the narrower one is transposed, as (Gᵀ·A)ᵀ where that is G: attention
 * probabilities are much wider than what they are multiplied with.
 */
function transposedProduct(b: GraphBuilder, a: string, g: string): string {
  const width = (value: string): number => {
    const dim = b.dimOf(value, b.rankOf(value) - 1);
    // A size that is not known is a length or an image's, a known one that of a head or a layer.
    return typeof dim === 'number' ? dim : Infinity;
  };
  if (b.rankOf(a) === 2 || width(a) < 2 * width(g)) return b.emit('MatMul', [matrixTranspose(b, a), g]);
  return matrixTranspose(b, b.emit('MatMul', [matrixTranspose(b, g), a]));
}

/** [batch…, M, N] to [batch·M, N] */
function flatRows(b: GraphBuilder, value: string): string {
  return b.emit('Flatten', [value], { axis: b.rankOf(value) - 1 });
}

/** Y = α·A′·B′ + β·C, where A′ and B′ are transposed or not. */
const gemm: Rule = (site) => {
  const { b, g, node } = site;
  const [transA, transB] = [intAttribute(node, 'transA', 0), intAttribute(node, 'transB', 0)];
  const alpha = { float: floatAttribute(node, 'alpha', 1) };
  const product = (left: string, right: string, ta: number, tb: number) =>
    b.emit('Gemm', [left, right], { alpha, transA: ta, transB: tb });
  return [
    site.wants(0) ? (transA ? product(site.x(1), g, transB, 1) : product(g, site.x(1), 0, 1 - transB)) : undefined,
    site.wants(1) ? (transB ? product(g, site.x(0), 1, transA) : product(site.x(0), g, 1 - transA, 0)) : undefined,
    site.wants(2) ? unbroadcast(b, b.scale(g, floatAttribute(node, 'beta', 1)), site.x(2)) : undefined,
  ];
};

/**
 * The gradient of an Einsum is an Einsum again: the output's and the other operands' labels contracted to those of
 * the operand. A label that only the operand has was summed over, so its cotangent is repeated along that axis; a label
 * that the operand has twice was read on the diagonal, and everything beside it has a cotangent of zero.
 */
const einsum: Rule = (site) => {
  const { b } = site;
  const ranks = site.node.input.map((_, i) => site.rank(i));
  const { operands, output } =
    einsumLabels(stringAttribute(site.node, 'equation', ''), ranks) ?? site.onlyIf('ranks are known');
  return operands.map((labels, index) => {
    if (!site.wants(index)) return undefined;
    const others = operands.flatMap((other, i) => (i === index ? [] : [{ labels: other, value: site.x(i) }]));
    const terms = [{ labels: output, value: site.g }, ...others];
    const available = new Set(terms.flatMap((term) => [...term.labels]));
    const first = (axis: number) => labels.indexOf(labels[axis] ?? '');
    const kept = [...labels].filter((label, axis) => available.has(label) && first(axis) === axis);
    const contracted = contract(b, terms, kept.join(''));
    const missing = [...labels].flatMap((label, axis) => (available.has(label) && first(axis) === axis ? [] : [axis]));
    if (missing.length === 0) return unbroadcast(b, contracted, site.x(index));
    let gradient = b.emit('Unsqueeze', [contracted, b.ints(missing)]);
    for (let axis = 0; axis < labels.length; axis++) {
      if (first(axis) < axis) gradient = maskWith(b, diagonal(b, site.x(index), first(axis), axis), gradient);
    }
    return unbroadcast(b, b.emit('Expand', [gradient, b.shape(site.x(index))]), site.x(index));
  });
};

/** Where the index along one axis equals that along another. */
function diagonal(b: GraphBuilder, value: string, ...axes: readonly number[]): string {
  const shape = b.shape(value);
  const index = (axis: number) => {
    const size = b.emit('Gather', [shape, b.int(axis)]);
    const others = [...Array(b.rankOf(value)).keys()].filter((other) => other !== axis);
    return b.emit('Unsqueeze', [b.emit('Range', [b.int(0), size, b.int(1)]), b.ints(others)]);
  };
  return b.emit('Equal', axes.map(index));
}

export const matrixRules: RuleTable = { MatMul: matMul, Gemm: gemm, Einsum: einsum };
