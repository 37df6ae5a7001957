import { floatAttribute, intAttribute, stringAttribute } from '../attributes';
import type { GraphBuilder } from '../builder';
import { einsumLabels } from '../einsum';
import { unbroadcast } from './broadcast';
import type { Rule, RuleTable } from './rule';

/** Swaps the last two axes. */
function matrixTranspose(b: GraphBuilder, value: string): string {
  const rank = b.rankOf(value);
  return b.transpose(value, [...Array(rank - 2).keys(), rank - 1, rank - 2]);
}

/** Y = A·B with broadcast batch axes: Ā = Ȳ·Bᵀ, B̄ = Aᵀ·Ȳ. Vectors are made matrices and back. */
const matMul: Rule = (site) => {
  const { b } = site;
  const [vectorA, vectorB] = [site.rank(0) === 1, site.rank(1) === 1];
  const a = vectorA ? b.emit('Unsqueeze', [site.x(0), b.ints([0])]) : site.x(0);
  const c = vectorB ? b.emit('Unsqueeze', [site.x(1), b.ints([1])]) : site.x(1);
  let g = site.g;
  if (vectorB) g = b.emit('Unsqueeze', [g, b.ints([-1])]);
  if (vectorA) g = b.emit('Unsqueeze', [g, b.ints([-2])]);
  const gradient = (index: number, matrix: string, product: () => string): string | undefined =>
    site.wants(index) ? b.reshapeLike(unbroadcast(b, product(), matrix), site.x(index)) : undefined;
  return [
    gradient(0, a, () => b.emit('MatMul', [g, matrixTranspose(b, c)])),
    gradient(1, c, () => b.emit('MatMul', [matrixTranspose(b, a), g])),
  ];
};

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
 * the operand. A label that only the operand has was summed over, so its cotangent is repeated along that axis.
 */
const einsum: Rule = (site) => {
  const { b } = site;
  const ranks = site.node.input.map((_, i) => site.rank(i));
  const { operands, output } =
    einsumLabels(stringAttribute(site.node, 'equation', ''), ranks) ?? site.onlyIf('ranks are known');
  return operands.map((labels, index) => {
    if (!site.wants(index)) return undefined;
    if (new Set(labels).size < labels.length) site.onlyIf('no label occurs twice in one operand');
    const others = operands.flatMap((other, i) => (i === index ? [] : [{ labels: other, value: site.x(i) }]));
    const terms = [{ labels: output, value: site.g }, ...others];
    const available = new Set(terms.flatMap((term) => [...term.labels]));
    const kept = [...labels].filter((label) => available.has(label));
    const equation = `${terms.map((term) => term.labels).join()}->${kept.join('')}`;
    const values = terms.map((term) => term.value);
    const contracted = equation === `${output}->${output}` ? site.g : b.emit('Einsum', values, { equation });
    const missing = [...labels].flatMap((label, axis) => (available.has(label) ? [] : [axis]));
    if (missing.length === 0) return unbroadcast(b, contracted, site.x(index));
    return b.expandLike(b.emit('Unsqueeze', [contracted, b.ints(missing)]), site.x(index));
  });
};

export const matrixRules: RuleTable = { MatMul: matMul, Gemm: gemm, Einsum: einsum };
