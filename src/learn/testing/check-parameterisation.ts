import type { NoiseSchedule } from '../../diffusion/noise-schedule';
import { tableToVector, type SolverTable } from '../../solvers/table';
import { pullback, type Parameterisation } from '../parameterisation';

/** The largest difference of two tables' free entries, relative where these exceed 1. */
export function tableDistance(a: SolverTable, b: SolverTable): number {
  const [left, right] = [tableToVector(a), tableToVector(b)];
  return Math.max(...left.map((value, i) => Math.abs(value - right[i]!) / Math.max(1, Math.abs(right[i]!))));
}

/**
 * The largest error of Jᵀg against differences of ⟨g, entries⟩ in each parameter, relative to the gradient where that
 * exceeds 1. Five-point differences, so that neither their step nor rounding shows at 1e-9.
 */
export function pullbackError(parameterisation: Parameterisation, theta: Float64Array, g: Float64Array): number {
  const value = (at: Float64Array): number =>
    tableToVector(parameterisation.table(at)).reduce((sum, entry, i) => sum + entry * g[i]!, 0);
  const exact = pullback(parameterisation, theta, g);
  const scale = Math.max(1, ...exact.map(Math.abs));
  const h = 1e-3;
  const errors = exact.map((gradient, p) => {
    const at = (steps: number): number => value(theta.map((each, i) => (i === p ? each + steps * h : each)));
    const difference = (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * h);
    return Math.abs(difference - gradient) / scale;
  });
  return Math.max(...errors);
}

/** Numbers in [−1, 1) that only depend on the seed (a linear congruential stream). */
export function noiseOf(seed: number, count: number): Float64Array {
  let state = (seed ^ 0x9e3779b9) >>> 0;
  return Float64Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

/** The straight path from pure noise: λ is −∞ at its start. */
export const fromPureNoise: NoiseSchedule = {
  space: 'flow',
  tMin: 0.01,
  tMax: 1,
  at: (t) => ({ alpha: 1 - t, sigma: t, dAlpha: -1, dSigma: 1 }),
  lambda: (t) => Math.log((1 - t) / t),
  timeOfLambda: (lambda) => 1 / (1 + Math.exp(lambda)),
  gridTime: (fraction) => 1 - 0.99 * fraction,
};
