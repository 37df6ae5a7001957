import { EigenvalueDecomposition, Matrix } from 'ml-matrix';

/** Mean and covariance of features: `mean` has d entries, `cov` d × d row-major. */
export interface FeatureStatistics {
  readonly count: number;
  readonly mean: Float64Array;
  readonly cov: Float64Array;
}

/**
 * Mean and unbiased covariance of `count × d` features.
 *
 * @throws when there are fewer than two samples.
 */
export function featureStatistics(features: Float32Array, d: number): FeatureStatistics {
  const count = features.length / d;
  if (count < 2) throw new Error('Feature statistics need at least 2 samples.');
  const mean = new Float64Array(d);
  for (let i = 0; i < count; i++) for (let a = 0; a < d; a++) mean[a]! += features[i * d + a]! / count;
  const cov = new Float64Array(d * d);
  const centred = new Float64Array(d);
  for (let i = 0; i < count; i++) {
    for (let a = 0; a < d; a++) centred[a] = features[i * d + a]! - mean[a]!;
    for (let a = 0; a < d; a++)
      for (let b = 0; b < d; b++) cov[a * d + b]! += (centred[a]! * centred[b]!) / (count - 1);
  }
  return { count, mean, cov };
}

/**
 * Fréchet distance of two Gaussians (Heusel et al. 2017): |μ₁−μ₂|² + tr(C₁ + C₂ − 2 (C₁^½ C₂ C₁^½)^½). With fewer samples
 * than a few times d it is biased upwards; compare only values of equal count.
 */
export function frechetDistance(a: FeatureStatistics, b: FeatureStatistics): number {
  const d = a.mean.length;
  if (b.mean.length !== d) {
    throw new Error(
      `Feature statistics have ${b.mean.length} features, the classifier gives ${d}. Make them with the same classifier.`,
    );
  }
  const c1 = Matrix.from1DArray(d, d, a.cov);
  const c2 = Matrix.from1DArray(d, d, b.cov);
  const root = symmetricRoot(c1);
  const middle = root.mmul(c2).mmul(root);
  const eigenvalues = new EigenvalueDecomposition(symmetrise(middle), { assumeSymmetric: true }).realEigenvalues;
  let distance = c1.trace() + c2.trace();
  for (const value of eigenvalues) distance -= 2 * Math.sqrt(Math.max(0, value));
  for (let i = 0; i < d; i++) distance += (a.mean[i]! - b.mean[i]!) ** 2;
  return Math.max(0, distance);
}

function symmetricRoot(matrix: Matrix): Matrix {
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(symmetrise(matrix), {
    assumeSymmetric: true,
  });
  const roots = Matrix.diag(realEigenvalues.map((value) => Math.sqrt(Math.max(0, value))));
  return eigenvectorMatrix.mmul(roots).mmul(eigenvectorMatrix.transpose());
}

function symmetrise(matrix: Matrix): Matrix {
  return Matrix.add(matrix, matrix.transpose()).mul(0.5);
}
