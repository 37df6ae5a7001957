import { interpolate, type NoiseSchedule } from './noise-schedule';

/**
 * The variance-exploding SDE as EDM parameterises it (Karras et al. 2022, Table 1, VE column): α = 1, σ = √t, so the
 * time axis is σ² from sigmaMax² down to sigmaMin². Its VP column is `vpLinear` with betaMin = β_min and
 * betaMax = β_min + β_d.
 *
 * @throws RangeError unless 0 < sigmaMin < sigmaMax
 */
export function edmVe(sigmaMin = 0.02, sigmaMax = 100): NoiseSchedule {
  if (!(sigmaMin > 0 && sigmaMin < sigmaMax && Number.isFinite(sigmaMax))) {
    throw new RangeError(`VE noise levels need 0 < sigma_min < sigma_max, got ${sigmaMin} and ${sigmaMax}.`);
  }
  const root = (t: number): number => {
    if (!(t > 0 && Number.isFinite(t))) throw new RangeError(`A VE time (σ²) must be above 0, got ${t}.`);
    return Math.sqrt(t);
  };
  const [tMin, tMax] = [sigmaMin * sigmaMin, sigmaMax * sigmaMax];
  return {
    space: 've',
    tMin,
    tMax,
    at(t) {
      const sigma = root(t);
      return { alpha: 1, sigma, dAlpha: 0, dSigma: 0.5 / sigma };
    },
    lambda: (t) => -Math.log(root(t)),
    timeOfLambda: (lambda) => Math.exp(-2 * lambda),
    gridTime: (fraction) => interpolate(tMax, tMin, fraction),
  };
}
