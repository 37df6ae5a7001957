import { interpolate, type NoiseSchedule } from './noise-schedule';

/** EDM's variance-exploding schedule: α = 1, σ = t, sampled from `sigmaMax` down to `sigmaMin` (Karras et al. 2022). */
export function edm(sigmaMin: number, sigmaMax: number): NoiseSchedule {
  if (!(sigmaMin > 0 && sigmaMin < sigmaMax && Number.isFinite(sigmaMax))) {
    throw new RangeError(`EDM noise levels need 0 < sigma_min < sigma_max, got ${sigmaMin} and ${sigmaMax}.`);
  }
  const positive = (t: number): number => {
    if (!(t > 0 && Number.isFinite(t))) throw new RangeError(`An EDM noise level must be above 0, got ${t}.`);
    return t;
  };
  return {
    space: 've',
    tMin: sigmaMin,
    tMax: sigmaMax,
    at: (t) => ({ alpha: 1, sigma: positive(t), dAlpha: 0, dSigma: 1 }),
    lambda: (t) => -Math.log(positive(t)),
    timeOfLambda: (lambda) => Math.exp(-lambda),
    gridTime: (fraction) => interpolate(sigmaMax, sigmaMin, fraction),
  };
}
