/** Start noises with what the teacher makes of them. All arrays are flat, `count × dim`, row-major. */
export interface PairSet {
  readonly count: number;
  readonly dim: number;
  /** x_T, with its scale σ_T. */
  readonly noises: Float32Array;
  /** The teacher's samples. */
  readonly targets: Float32Array;
  /** Index of each sample's condition. */
  readonly conditions: Int32Array;
}

/** Samples `from … from + count − 1` of a set, sharing memory. */
export function slicePairs(pairs: PairSet, from: number, count: number): PairSet {
  const end = Math.min(pairs.count, from + count);
  return {
    count: end - from,
    dim: pairs.dim,
    noises: pairs.noises.subarray(from * pairs.dim, end * pairs.dim),
    targets: pairs.targets.subarray(from * pairs.dim, end * pairs.dim),
    conditions: pairs.conditions.subarray(from, end),
  };
}

/** The samples at `indices`, copied. */
export function pickPairs(pairs: PairSet, indices: readonly number[]): PairSet {
  const { dim } = pairs;
  const noises = new Float32Array(indices.length * dim);
  const targets = new Float32Array(indices.length * dim);
  const conditions = new Int32Array(indices.length);
  indices.forEach((from, to) => {
    noises.set(pairs.noises.subarray(from * dim, (from + 1) * dim), to * dim);
    targets.set(pairs.targets.subarray(from * dim, (from + 1) * dim), to * dim);
    conditions[to] = pairs.conditions[from] ?? 0;
  });
  return { count: indices.length, dim, noises, targets, conditions };
}
