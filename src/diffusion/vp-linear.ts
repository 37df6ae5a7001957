import { interpolate, type NoiseSchedule } from './noise-schedule';

export interface VpLinearOptions {
  /**
   * β at t = 0 and t = 1. Default 0.1 and 20 (score SDE). In EDM's terms β_min and β_min + β_d; where those are fitted to
   * a range of noise levels (`vpProcess`), β_min may come out slightly negative.
   */
  readonly betaMin?: number;
  readonly betaMax?: number;
  /** Where sampling ends and starts. Default 1e-3 and 1. */
  readonly tMin?: number;
  readonly tMax?: number;
}

/**
 * The continuous variance-preserving schedule with β(t) linear (Song et al. 2021, "VP SDE"):
 * log α(t) = −t²·(β₁ − β₀)/4 − t·β₀/2, σ² = 1 − α². The time axis is t itself.
 *
 * @throws RangeError unless betaMin < betaMax, 0 < tMin < tMax and, at tMin, β(t) ≥ 0 and σ > 0
 */
export function vpLinear(options: VpLinearOptions = {}): NoiseSchedule {
  const { betaMin = 0.1, betaMax = 20, tMin = 1e-3, tMax = 1 } = options;
  if (!(tMin > 0 && tMin < tMax && Number.isFinite(tMax))) {
    throw new RangeError(`A linear VP schedule needs 0 < t_min < t_max, got ${tMin} and ${tMax}.`);
  }
  const slope = betaMax - betaMin;
  // Both log α(tMin) < 0 and β(tMin) > 0.
  if (!(0.5 * slope * tMin + betaMin > 0)) {
    throw new RangeError(
      `A linear VP schedule with beta_min ${betaMin} and beta_max ${betaMax} has no noise at t_min ${tMin}.`,
    );
  }
  // A process fitted to two noise levels can have β(0) just below 0 (EDM's, from 0.002 to 80); what counts is [tMin, tMax].
  if (!(slope > 0 && betaMin + slope * tMin >= 0 && 2 * betaMin + slope * tMin > 0 && Number.isFinite(betaMax))) {
    throw new RangeError(
      `A linear VP schedule needs beta_min < beta_max and noise that grows from t_min on, got ${betaMin} and ${betaMax}.`,
    );
  }
  const logAlpha = (t: number): number => -0.25 * t * t * slope - 0.5 * t * betaMin;
  return {
    space: 'vp',
    tMin,
    tMax,
    at(t) {
      const log = logAlpha(t);
      const alpha = Math.exp(log);
      const sigma = Math.sqrt(-Math.expm1(2 * log));
      const dAlpha = alpha * (-0.5 * t * slope - 0.5 * betaMin);
      return { alpha, sigma, dAlpha, dSigma: (-alpha * dAlpha) / sigma };
    },
    lambda(t) {
      const log = logAlpha(t);
      return log - 0.5 * Math.log(-Math.expm1(2 * log));
    },
    // The root of log α(t) = −½·log(1 + e^{−2λ}), written so that small t keep their digits.
    timeOfLambda(lambda) {
      const softplus = lambda > 0 ? Math.log1p(Math.exp(-2 * lambda)) : Math.log1p(Math.exp(2 * lambda)) - 2 * lambda;
      const tau = 2 * slope * softplus;
      const root = Math.sqrt(betaMin * betaMin + tau);
      return betaMin >= 0 ? tau / ((root + betaMin) * slope) : (root - betaMin) / slope;
    },
    gridTime: (fraction) => interpolate(tMax, tMin, fraction),
  };
}
