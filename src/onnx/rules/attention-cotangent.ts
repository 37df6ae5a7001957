import type { Site } from './rule';

const passing: ReadonlySet<string> = new Set(['Cast', 'Identity']);

/**
 * P̄ − Σ_k P̄·P of attention probabilities P with few passes over the largest tensors of a transformer. Where P is read by
 * one product O = P·V only, P̄ = Ō·Vᵀ, and so
 *
 *     Σ_k P̄·P = Σ Ō·O =: D, a sum over the size of a head (Dao et al. 2022, "FlashAttention", appendix B.2),
 *     P̄ − D = [Ō, −D]·[V, 1]ᵀ, the same product with one more column.
 *
 * @returns the difference, shaped like P; undefined where a softmax is used otherwise
 */
export function centredAttentionCotangent(site: Site, axis: number): string | undefined {
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
  const [outputCotangent = '', transposed = ''] = source?.opType === 'MatMul' ? source.input : [];
  const [batch, shape] = [site.b.shapeOf(site.y())?.slice(0, -1), b.shapeOf(output)];
  // Broadcast batches would need another sum; then P̄ is not the plain product either.
  if (!batch || shape?.length !== rank || batch.some((dim, i) => dim === null || dim !== shape[i])) return undefined;
  if (b.shapeOf(outputCotangent)?.length !== rank || b.shapeOf(transposed)?.length !== rank) return undefined;
  const total = b.reduceSum(b.mul(outputCotangent, output), [rank - 1], true);
  const row = b.emit('Slice', [transposed, b.ints([0]), b.ints([1]), b.ints([rank - 2])]);
  const left = b.emit('Concat', [outputCotangent, b.neg(total)], { axis: rank - 1 });
  const right = b.emit('Concat', [transposed, b.emit('Expand', [b.scalar(1, g), b.shape(row)])], { axis: rank - 2 });
  return b.emit('MatMul', [left, right]);
}
