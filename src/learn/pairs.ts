import type { TeacherPath } from './teacher-path';

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
  /** How much each sample counts in the loss (see `weighted`); all the same when absent. */
  readonly weights?: Float64Array;
  /** What the objective's network makes of the targets, `count × width`; worked out when needed if absent. */
  readonly mappedTargets?: Float32Array;
  /** How the teacher came to its samples; absent when nobody asked for it. */
  readonly path?: TeacherPath;
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
    ...(pairs.weights && { weights: pairs.weights.subarray(from, end) }),
    ...(pairs.mappedTargets && { mappedTargets: rowsOf(pairs.mappedTargets, pairs, from, end) }),
    ...(pairs.path && { path: pathOf(pairs.path, (values) => rowsOf(values, pairs, from, end)) }),
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
  const { weights, mappedTargets, path } = pairs;
  return {
    count: indices.length,
    dim,
    noises,
    targets,
    conditions,
    ...(weights && { weights: Float64Array.from(indices, (from) => weights[from]!) }),
    ...(mappedTargets && { mappedTargets: pickRows(mappedTargets, pairs, indices) }),
    ...(path && { path: pathOf(path, (values) => pickRows(values, pairs, indices)) }),
  };
}

function pathOf(path: TeacherPath, rows: (values: Float32Array) => Float32Array): TeacherPath {
  return { ...path, starts: rows(path.starts), data: rows(path.data) };
}

function rowsOf(values: Float32Array, { count }: PairSet, from: number, end: number): Float32Array {
  const width = values.length / count;
  return values.subarray(from * width, end * width);
}

function pickRows(values: Float32Array, pairs: PairSet, indices: readonly number[]): Float32Array {
  const width = values.length / pairs.count;
  const out = new Float32Array(indices.length * width);
  indices.forEach((from, to) => out.set(rowsOf(values, pairs, from, from + 1), to * width));
  return out;
}
