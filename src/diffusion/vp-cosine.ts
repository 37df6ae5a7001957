import { interpolate, type NoiseSchedule } from './noise-schedule';

export interface VpCosineOptions {
  /** The offset of improved DDPM. Default 0.008. */
  readonly s?: number;
  /** Where sampling ends and starts. Default 1e-3 and 0.9946, DPM-Solver's T, before the noise level grows without bound. */
  readonly tMin?: number;
  readonly tMax?: number;
}

/**
 * The continuous cosine schedule (Nichol & Dhariwal 2021; DPM-Solver's `cosine`): α(t) = cos(φ(t))/cos(φ(0)),
 * φ(t) = (π/2)·(t + s)/(1 + s), σ² = 1 − α². The time axis is t itself.
 *
 * @throws RangeError unless s > 0 and 0 < tMin < tMax < 1
 */
export function vpCosine(options: VpCosineOptions = {}): NoiseSchedule {
  const { s = 0.008, tMin = 1e-3, tMax = 0.9946 } = options;
  if (!(s > 0 && Number.isFinite(s))) throw new RangeError(`The cosine schedule's offset s must be above 0, got ${s}.`);
  if (!(tMin > 0 && tMin < tMax && tMax < 1)) {
    throw new RangeError(`A cosine schedule needs 0 < t_min < t_max < 1, got ${tMin} and ${tMax}.`);
  }
  const rate = Math.PI / 2 / (1 + s);
  const tangent = Math.tan(rate * s);
  // α = cos d − sin d·tan φ(0) with d = φ(t) − φ(0); 1 − α in a form that keeps its digits at small t.
  const lost = (t: number): number => {
    if (!(t > 0 && t < 1)) throw new RangeError(`A time of the cosine schedule must lie between 0 and 1, got ${t}.`);
    const d = rate * t;
    return 2 * Math.sin(d / 2) ** 2 + Math.sin(d) * tangent;
  };
  return {
    space: 'vp',
    tMin,
    tMax,
    at(t) {
      const q = lost(t);
      const alpha = 1 - q;
      const sigma = Math.sqrt(q * (1 + alpha));
      const dAlpha = -rate * (Math.sin(rate * t) + Math.cos(rate * t) * tangent);
      return { alpha, sigma, dAlpha, dSigma: (-alpha * dAlpha) / sigma };
    },
    lambda(t) {
      const q = lost(t);
      return Math.log1p(-q) - 0.5 * Math.log(q * (2 - q));
    },
    // With u = tan(d/2): (2 − q)·u² + 2·tan φ(0)·u = q, and q = 1 − α from α² = 1/(1 + e^{−2λ}).
    timeOfLambda(lambda) {
      const logAlpha =
        lambda > 0 ? -0.5 * Math.log1p(Math.exp(-2 * lambda)) : lambda - 0.5 * Math.log1p(Math.exp(2 * lambda));
      const q = -Math.expm1(logAlpha);
      const u = q / (tangent + Math.sqrt(tangent * tangent + q * (2 - q)));
      return (2 * Math.atan(u)) / rate;
    },
    gridTime: (fraction) => interpolate(tMax, tMin, fraction),
  };
}
