import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import type { FeatureStatistics } from './frechet';

/** Sets drawn for the bias. */
const draws = 8;

/**
 * Fréchet distance of sets of features from fixed statistics, also of resamples of a set. With R = C^½ of the statistics,
 * tr (R C_x R)^½ is the sum of the roots of the eigenvalues of the covariance of R·x, one decomposition a distance; for
 * fewer samples than features the matrix of inner products, which has the same eigenvalues, is smaller.
 */
export class FrechetReference {
  /** Number of features. */
  readonly dim: number;
  private readonly root: Matrix;
  private readonly trace: number;

  constructor(private readonly statistics: FeatureStatistics) {
    this.dim = statistics.mean.length;
    const cov = Matrix.from1DArray(this.dim, this.dim, statistics.cov);
    const { realEigenvalues, eigenvectorMatrix: vectors } = new EigenvalueDecomposition(symmetric(cov), {
      assumeSymmetric: true,
    });
    const roots = Matrix.diag(realEigenvalues.map((value) => Math.sqrt(Math.max(0, value))));
    this.root = vectors.mmul(roots).mmul(vectors.transpose());
    this.trace = cov.trace();
  }

  /**
   * @param features `count × dim`
   * @returns the distance as a function of how often each sample counts: once, when left out
   */
  distanceOf(features: ArrayLike<number>): (times?: Uint8Array) => number {
    const { dim } = this;
    const count = features.length / dim;
    const x = Float64Array.from(features);
    const y = Float64Array.from(Matrix.from1DArray(count, dim, x).mmul(this.root).to1DArray());
    return (times) => {
      const spread = centred(x, dim, times);
      let distance = this.trace + squares(spread.rows) / (spread.total - 1);
      for (let e = 0; e < dim; e++) distance += (spread.mean[e]! - this.statistics.mean[e]!) ** 2;
      const { rows, total } = centred(y, dim, times);
      const { realEigenvalues } = new EigenvalueDecomposition(products(rows, dim), { assumeSymmetric: true });
      for (const value of realEigenvalues) distance -= 2 * Math.sqrt(Math.max(0, value) / (total - 1));
      return Math.max(0, distance);
    };
  }

  /**
   * How much a distance is too large for want of samples: the mean distance of `count` normal samples of the statistics
   * themselves, which with infinitely many would be 0.
   */
  bias(count: number, seed: number): number {
    const { dim, root } = this;
    const generator = xoroshiro128plus(seed);
    let sum = 0;
    for (let draw = 0; draw < draws; draw++) {
      const z = Array.from({ length: count * dim }, () => normal(generator));
      const y = Matrix.from1DArray(count, dim, z).mmul(root).to1DArray();
      sum += this.distanceOf(y.map((value, i) => value + this.statistics.mean[i % dim]!))();
    }
    return sum / draws;
  }
}

/** Rows less their mean, each times the root of how often it counts; those that count are left. */
function centred(
  values: Float64Array,
  dim: number,
  times?: Uint8Array,
): { mean: Float64Array; rows: Float64Array; total: number } {
  const count = values.length / dim;
  const mean = new Float64Array(dim);
  let [total, used] = [0, 0];
  for (let i = 0; i < count; i++) {
    const weight = times ? times[i]! : 1;
    if (weight === 0) continue;
    total += weight;
    used += 1;
    for (let e = 0; e < dim; e++) mean[e]! += weight * values[i * dim + e]!;
  }
  for (let e = 0; e < dim; e++) mean[e]! /= total;
  const rows = new Float64Array(used * dim);
  for (let i = 0, to = 0; i < count; i++) {
    const weight = times ? times[i]! : 1;
    if (weight === 0) continue;
    const scale = Math.sqrt(weight);
    for (let e = 0; e < dim; e++) rows[to++] = scale * (values[i * dim + e]! - mean[e]!);
  }
  return { mean, rows, total };
}

/** Inner products of columns, or of rows where these are fewer: the eigenvalues above 0 are the same. */
function products(rows: Float64Array, dim: number): Matrix {
  const count = rows.length / dim;
  const [size, length, step, stride] = dim <= count ? [dim, count, 1, dim] : [count, dim, dim, 1];
  const result = new Matrix(size, size);
  for (let a = 0; a < size; a++) {
    for (let b = 0; b <= a; b++) {
      let sum = 0;
      for (let k = 0; k < length; k++) sum += rows[a * step + k * stride]! * rows[b * step + k * stride]!;
      result.set(a, b, sum);
      result.set(b, a, sum);
    }
  }
  return result;
}

function squares(values: Float64Array): number {
  let sum = 0;
  for (const value of values) sum += value ** 2;
  return sum;
}

/** Box–Muller; 1 − u keeps the logarithm finite. */
function normal(generator: ReturnType<typeof xoroshiro128plus>): number {
  return Math.sqrt(-2 * Math.log(1 - uniformFloat64(generator))) * Math.cos(2 * Math.PI * uniformFloat64(generator));
}

function symmetric(matrix: Matrix): Matrix {
  return Matrix.add(matrix, matrix.transpose()).mul(0.5);
}
