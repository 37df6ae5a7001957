interface Tensor {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

/**
 * max |a − b| / max |b| over one tensor, b the reference: the measure of the reference files. Infinite when a is
 * missing, has another shape or is not finite, so that such a result never passes.
 */
export function relativeError(a: Tensor | undefined, b: Tensor): number {
  if (a === undefined || a.shape.join() !== b.shape.join()) return Infinity;
  let worst = 0;
  let largest = 0;
  for (let i = 0; i < b.data.length; i++) {
    const [value = NaN, wanted = NaN] = [a.data[i], b.data[i]];
    if (!Number.isFinite(value)) return Infinity;
    worst = Math.max(worst, Math.abs(value - wanted));
    largest = Math.max(largest, Math.abs(wanted));
  }
  return worst === 0 ? 0 : worst / largest;
}
