import { floatAttribute, intAttribute } from '../attributes';
import type { GraphBuilder } from '../builder';
import { DataType } from '../dtype';
import type { Rule, RuleTable, Site } from './rule';

const swapLast = (b: GraphBuilder, value: string): string => b.transpose(value, [0, 1, 3, 2]);

/**
 * Scaled dot-product attention, Y = P·V with P = softmax(s·Q·Kᵀ + mask) over [batch, heads, length, size]. P is computed
 * again; then V̄ = Pᵀ·Ȳ, S̄ = P·(Ȳ·Vᵀ − Σ P·Ȳ·Vᵀ), Q̄ = s·S̄·K and K̄ = s·S̄ᵀ·Q.
 */
const attention: Rule = (site) => {
  const { b, g, node } = site;
  if (site.rank() !== 4) site.onlyIf('its inputs have four dimensions');
  if (b.dimOf(site.x(0), 1) !== b.dimOf(site.x(1), 1)) site.onlyIf('queries and keys have the same number of heads');
  if (intAttribute(node, 'is_causal', 0) === 1) site.onlyIf('it is not causal');
  if (floatAttribute(node, 'softcap', 0) !== 0) site.onlyIf('it has no softcap');
  if (site.has(4) || site.has(5)) site.onlyIf('it has no past keys');
  site.requireConstant(3, 'mask');
  const [q, k, v] = [site.x(0), site.x(1), site.x(2)];
  const size = b.dimOf(q, 3);
  const scale = floatAttribute(node, 'scale', typeof size === 'number' ? 1 / Math.sqrt(size) : 0);
  if (scale === 0) site.onlyIf('the size of a head is fixed');
  const scaled = (value: string) => b.scale(value, scale);
  let scores = scaled(b.emit('MatMul', [q, swapLast(b, k)]));
  if (site.has(3)) scores = b.add(scores, additiveMask(site, scores));
  const p = b.emit('Softmax', [scores], { axis: -1 });
  const weight = b.emit('MatMul', [g, swapLast(b, v)]);
  const s = scaled(b.mul(p, b.sub(weight, b.reduceSum(b.mul(p, weight), [3], true))));
  return [
    site.wants(0) ? b.emit('MatMul', [s, k]) : undefined,
    site.wants(1) ? b.emit('MatMul', [swapLast(b, s), q]) : undefined,
    site.wants(2) ? b.emit('MatMul', [swapLast(b, p), g]) : undefined,
  ];
};

/** A boolean mask says where to look; a float mask is added to the scores. */
function additiveMask(site: Site, scores: string): string {
  const { b } = site;
  if (b.typeOf(site.x(3)) !== DataType.BOOL) return site.x(3);
  return b.emit('Where', [site.x(3), b.scalar(0, scores), b.scalar(-Infinity, scores)]);
}

export const attentionRules: RuleTable = { Attention: attention };
