import type { Site } from './rule';

const passing: ReadonlySet<string> = new Set(['Cast', 'Identity']);

/**
 * Σ_k P̄·P of attention probabilities P without touching P̄: where P is read by one product O = P·V only, P̄ = Ō·Vᵀ and so
 * Σ_k P̄·P = Σ Ō·O over the size of a head (Dao et al. 2022, "FlashAttention", appendix B.2). That is a sum over the small
 * output instead of two passes over the largest tensor of a transformer.
 *
 * @returns the sums, shaped [batch…, length, 1]; undefined where a softmax is used otherwise
 */
export function attentionTotal(site: Site, axis: number): string | undefined {
  const { b, g } = site;
  const rank = site.rank();
  if (axis !== rank - 1) return undefined;
  let probabilities = site.y();
  let [reader, ...others] = b.sourceReadersOf(probabilities);
  while (reader !== undefined && others.length === 0 && passing.has(reader.opType)) {
    probabilities = reader.output[0] ?? '';
    [reader, ...others] = b.sourceReadersOf(probabilities);
  }
  if (reader?.opType !== 'MatMul' || others.length > 0 || reader.input[0] !== probabilities) return undefined;
  if (reader.input[1] === probabilities) return undefined;
  const output = reader.output[0] ?? '';
  const source = b.producerOf(g);
  const outputCotangent = source?.opType === 'MatMul' ? (source.input[0] ?? '') : '';
  const [batch, shape] = [site.b.shapeOf(site.y())?.slice(0, -1), b.shapeOf(output)];
  // Broadcast batches would need another sum; then P̄ is not the plain product either.
  if (!batch || shape?.length !== rank || batch.some((dim, i) => dim === null || dim !== shape[i])) return undefined;
  if (b.shapeOf(outputCotangent)?.length !== rank) return undefined;
  return b.reduceSum(b.mul(outputCotangent, output), [rank - 1], true);
}
