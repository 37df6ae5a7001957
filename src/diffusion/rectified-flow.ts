import { shiftedLevel } from './flow-shift';
import type { NoiseSchedule } from './noise-schedule';

/**
 * Rectified flow: α = 1 − s, σ = s, and the network is handed t = n·s, as in diffusers (n is `num_train_timesteps`).
 * `shift` moves grid points only, s ← shift·s / (1 + (shift − 1)·s), and with them the two ends, which are
 * s = 1 − 1/n and s = 1/n before the shift: s = 1 holds no signal and s = 0 no noise, so λ is infinite there.
 */
export function rectifiedFlow(shift: number, n: number): NoiseSchedule {
  if (!(shift > 0 && Number.isFinite(shift))) throw new RangeError(`The flow shift must be above 0, got ${shift}.`);
  if (!(Number.isInteger(n) && n >= 3)) {
    throw new RangeError(`A flow schedule needs at least 3 training timesteps, got ${n}.`);
  }
  const sigmaOf = (t: number): number => {
    const s = t / n;
    if (!(s > 0 && s < 1)) throw new RangeError(`A flow time must lie strictly between 0 and ${n}, got ${t}.`);
    return s;
  };
  const gridTime = (fraction: number): number => n * shiftedLevel(1 - 1 / n - (1 - 2 / n) * fraction, shift);
  const tMin = n * shiftedLevel(1 / n, shift);
  return {
    space: 'flow',
    tMin,
    tMax: gridTime(0),
    at(t) {
      const s = sigmaOf(t);
      return { alpha: 1 - s, sigma: s, dAlpha: -1 / n, dSigma: 1 / n };
    },
    lambda(t) {
      const s = sigmaOf(t);
      return Math.log((1 - s) / s);
    },
    timeOfLambda: (lambda) => n / (1 + Math.exp(lambda)),
    gridTime: (fraction) => (fraction === 1 ? tMin : gridTime(fraction)),
  };
}
