import { interpolate, type NoiseSchedule } from './noise-schedule';

/**
 * Variance-preserving schedule of a discrete-time model: node i has α² = Π_{j≤i}(1 − β_j), σ² = 1 − α² (DDPM).
 * The time axis is the real-valued index t ∈ [0, n−1]. Between nodes log(σ/α) is linear in t, the convention of
 * k-diffusion and diffusers, so λ is piecewise linear; the first and last segment continue beyond the ends.
 * Derivatives are exact inside a segment and one-sided (towards the noise) at a node.
 *
 * With zero terminal SNR (`zeroTerminalSnr`) the last β is 1, so that α = 0 and λ = −∞ at index n−1; in the last segment,
 * where λ has no line to follow, α itself is linear then.
 *
 * @param betas n ≥ 2 numbers strictly between 0 and 1 (`trained_betas` of a model, or a list below); the last may be 1
 */
export function discreteVp(betas: ArrayLike<number>): NoiseSchedule {
  const n = betas.length;
  const logAlphas = logAlphaNodes(betas, { zeroTerminal: true });
  // λ_i = log α_i − ½·log(1 − α_i²)
  const lambdas = logAlphas.map((logAlpha) => logAlpha - 0.5 * Math.log(-Math.expm1(2 * logAlpha)));
  const node = (i: number): number => lambdas[i]!;
  // How fast α falls from its last value above 0 to 0; 0 where the last segment is like the others.
  const fading = node(n - 1) === -Infinity ? Math.exp(logAlphas[n - 2]!) : 0;
  const fadingAlpha = (t: number): number | null => {
    if (fading === 0 || !(t >= n - 2)) return null;
    if (t > n - 1) throw new RangeError(`The time ${t} lies beyond ${n - 1}, where no signal is left.`);
    return fading * (n - 1 - t);
  };

  const segment = (t: number): { readonly lambda: number; readonly slope: number } => {
    if (!Number.isFinite(t)) throw new RangeError(`The time ${t} is not a finite number.`);
    const i = Math.min(Math.max(Math.floor(t), 0), n - 2);
    const slope = node(i + 1) - node(i);
    return { lambda: node(i) + slope * (t - i), slope };
  };

  return {
    space: 'vp',
    tMin: 0,
    tMax: n - 1,
    at(t) {
      const left = fadingAlpha(t);
      if (left !== null) {
        const sigma = Math.sqrt(1 - left * left);
        return { alpha: left, sigma, dAlpha: -fading, dSigma: (left * fading) / sigma };
      }
      const { lambda, slope } = segment(t);
      // α² = sigmoid(2λ) and σ² = sigmoid(−2λ), hence dα/dλ = ασ² and dσ/dλ = −σα².
      const alpha = Math.sqrt(1 / (1 + Math.exp(-2 * lambda)));
      const sigma = Math.sqrt(1 / (1 + Math.exp(2 * lambda)));
      return { alpha, sigma, dAlpha: alpha * sigma * sigma * slope, dSigma: -sigma * alpha * alpha * slope };
    },
    lambda(t) {
      const left = fadingAlpha(t);
      return left === null ? segment(t).lambda : Math.log(left) - 0.5 * Math.log1p(-left * left);
    },
    timeOfLambda(lambda) {
      if (fading > 0 && lambda <= node(n - 2)) return n - 1 - Math.sqrt(1 / (1 + Math.exp(-2 * lambda))) / fading;
      // The segment i with λ_{i+1} ≤ λ ≤ λ_i; λ falls with i.
      let low = 0;
      let high = n - 1;
      while (high - low > 1) {
        const middle = (low + high) >> 1;
        if (node(middle) >= lambda) low = middle;
        else high = middle;
      }
      return low + (lambda - node(low)) / (node(low + 1) - node(low));
    },
    gridTime: (fraction) => interpolate(n - 1, 0, fraction),
  };
}

/**
 * The same nodes with log α linear between them, the convention of the DPM-Solver and UniPC programs. Their continuous
 * time is (t + 1)/n, which they hand to the network as the index t. Outside [0, n−1] the end segments continue. They know
 * no zero terminal SNR.
 *
 * @param betas n ≥ 2 numbers strictly between 0 and 1
 */
export function discreteVpLogAlpha(betas: ArrayLike<number>): NoiseSchedule {
  const n = betas.length;
  const logAlphas = logAlphaNodes(betas);
  const node = (i: number): number => logAlphas[i]!;
  const segment = (t: number): { readonly logAlpha: number; readonly slope: number } => {
    if (!Number.isFinite(t)) throw new RangeError(`The time ${t} is not a finite number.`);
    const i = Math.min(Math.max(Math.floor(t), 0), n - 2);
    const slope = node(i + 1) - node(i);
    return { logAlpha: node(i) + slope * (t - i), slope };
  };
  const sigmaSquared = (logAlpha: number): number => -Math.expm1(2 * logAlpha);
  return {
    space: 'vp',
    tMin: 0,
    tMax: n - 1,
    at(t) {
      const { logAlpha, slope } = segment(t);
      const alpha = Math.exp(logAlpha);
      const sigma = Math.sqrt(sigmaSquared(logAlpha));
      return { alpha, sigma, dAlpha: alpha * slope, dSigma: (-alpha * alpha * slope) / sigma };
    },
    lambda(t) {
      const { logAlpha } = segment(t);
      return logAlpha - 0.5 * Math.log(sigmaSquared(logAlpha));
    },
    timeOfLambda(lambda) {
      // log α = −½·log(1 + e^{−2λ})
      const logAlpha =
        lambda > 0 ? -0.5 * Math.log1p(Math.exp(-2 * lambda)) : lambda - 0.5 * Math.log1p(Math.exp(2 * lambda));
      let low = 0;
      let high = n - 1;
      while (high - low > 1) {
        const middle = (low + high) >> 1;
        if (node(middle) >= logAlpha) low = middle;
        else high = middle;
      }
      return low + (logAlpha - node(low)) / (node(low + 1) - node(low));
    },
    gridTime: (fraction) => interpolate(n - 1, 0, fraction),
  };
}

/** log α_i = ½·Σ_{j≤i} log(1 − β_j); a sum of logs keeps its digits when α is close to 1. */
function logAlphaNodes(betas: ArrayLike<number>, { zeroTerminal = false } = {}): Float64Array {
  const n = betas.length;
  if (n < 2) throw new RangeError(`A discrete noise schedule needs at least 2 training timesteps, got ${n}.`);
  let logAlpha = 0;
  return Float64Array.from({ length: n }, (_, i) => {
    const beta = betas[i] ?? NaN;
    if (!(beta > 0 && beta < 1) && !(zeroTerminal && beta === 1 && i === n - 1)) {
      throw new RangeError(
        `beta[${i}] of the noise schedule is ${beta}; every beta must lie strictly between 0 and 1.`,
      );
    }
    logAlpha += 0.5 * Math.log1p(-beta);
    return logAlpha;
  });
}

/** β from `start` to `end`, evenly spaced (DDPM: 1e-4 to 0.02 over 1000). */
export function linearBetas(start: number, end: number, n: number): Float64Array {
  return Float64Array.from({ length: n }, (_, i) => interpolate(start, end, i / (n - 1)));
}

/** √β evenly spaced (Stable Diffusion: 0.00085 to 0.012 over 1000). */
export function scaledLinearBetas(start: number, end: number, n: number): Float64Array {
  return linearBetas(Math.sqrt(start), Math.sqrt(end), n).map((root) => root * root);
}

/** diffusers' `squaredcos_cap_v2`: β_i = 1 − ᾱ((i+1)/n)/ᾱ(i/n), ᾱ(u) = cos²(π/2·(u + 0.008)/1.008), at most 0.999. */
export function cosineBetas(n: number): Float64Array {
  const alphaBar = (u: number): number => Math.cos(((u + 0.008) / 1.008) * (Math.PI / 2)) ** 2;
  return Float64Array.from({ length: n }, (_, i) => Math.min(1 - alphaBar((i + 1) / n) / alphaBar(i / n), 0.999));
}

/** The cosine schedule of improved DDPM with `n` training timesteps. */
export function cosine(n: number): NoiseSchedule {
  return discreteVp(cosineBetas(n));
}
