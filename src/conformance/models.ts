import { convert, predictionMixture } from '../diffusion/conversions';
import type { Prediction, StateSpace } from '../diffusion/prediction';

/** A mixture of Gaussians with equal weights and one diagonal covariance. */
interface Mixture {
  readonly means: readonly (readonly number[])[];
  readonly std: readonly number[];
}

/** Eight Gaussians on the unit circle. */
export const gmm: Mixture = {
  means: Array.from({ length: 8 }, (_, k) => [Math.cos((2 * Math.PI * k) / 8), Math.sin((2 * Math.PI * k) / 8)]),
  std: [0.15, 0.15],
};

/** One Gaussian. */
export const gauss: Mixture = { means: [[0.5, -0.3]], std: [0.4, 0.8] };

/**
 * E[x₀ | x = αx₀ + σε] in closed form: with v_i = α²s_i² + σ² and r the responsibilities of the components,
 * x₀_i = Σ_k r_k·(m_{k,i} + (αs_i²/v_i)(x_i − αm_{k,i})).
 */
export function posteriorMean(
  { means, std }: Mixture,
  x: ArrayLike<number>,
  alpha: number,
  sigma: number,
): Float64Array {
  const v = std.map((s) => alpha * alpha * s * s + sigma * sigma);
  const logits = means.map((mean) => mean.reduce((sum, m, i) => sum - (x[i]! - alpha * m) ** 2 / (2 * v[i]!), 0));
  const top = Math.max(...logits);
  const weights = logits.map((logit) => Math.exp(logit - top));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return Float64Array.from(std, (s, i) =>
    means.reduce((sum, mean, k) => {
      const m = mean[i]!;
      return sum + (weights[k]! / total) * (m + ((alpha * s * s) / v[i]!) * (x[i]! - alpha * m));
    }, 0),
  );
}

/** What a network with this prediction returns at its input x. */
export function networkOutput(
  mixture: Mixture,
  { prediction, space }: { readonly prediction: Prediction; readonly space: StateSpace },
  x: ArrayLike<number>,
  alpha: number,
  sigma: number,
): Float64Array {
  const level = { alpha, sigma, dAlpha: 0, dSigma: 0 };
  const { skip, out } = convert(
    level,
    predictionMixture('data', space, level),
    predictionMixture(prediction, space, level),
  );
  return posteriorMean(mixture, x, alpha, sigma).map((x0, i) => skip * x[i]! + out * x0);
}
