import type { NoiseSchedule } from '../../diffusion/noise-schedule';
import type { Prediction } from '../../diffusion/prediction';
import { adamsBashforth } from '../../solvers/ipndm';
import { Dual, dualVariables } from '../dual';
import { combineDual, dualParameterisation, dualPointAt, range, type DualForm, type DualPoint } from '../dual-table';
import { clamp } from '../free-table';
import type { Parameterisation } from '../parameterisation';
import type { Term } from './dual-multistep';
import { assertStartsWithSignal, tableShape } from './moving-times';
import { analyticSlope, dualPointOfSigma, veSlope } from './ve-points';

export interface DyweightOptions {
  /** How many slopes a step combines, K. Default 3. */
  readonly window?: number;
  /**
   * Saves the first evaluation: d_0 = x̂/√(1 + τ²). Its weight w_00 is given (1 is Euler's), not learned, for the scale of
   * the start state is no free entry of a table.
   */
  readonly analyticFirstStep?: { readonly weight: number };
  /** Added to τ where d divides by it, 1e-8 in the authors' program. Default 0. */
  readonly guard?: number;
  /** What D is. Default data. */
  readonly prediction?: Prediction;
}

/**
 * DyWeight (Zhao et al. 2026), in VE scaling x̂ = x/α, t and τ being σ/α:
 *
 *     d_i = (x̂_i − X_i)/τ_i               X_i the data predicted when the model is asked at level s_i·τ_i
 *     x̂_{i+1} = x̂_i + (t_{i+1} − τ_i)·Σ_j w_ij·d_j       the last K slopes
 *     τ_{i+1} = τ_i + (Σ_j w_ij)·(t_{i+1} − τ_i)
 *
 * The weights need not add up to 1; τ follows how far the state has really come. They start as iPNDM's and s at 1, with
 * which the table is iPNDM's of order K (4 where K is larger). In another space than VE the state is α(τ_i)·x̂_i, and a D that is not the data is
 * converted with the levels of s_i·τ_i.
 *
 * θ: w_i, newest slope first, for each step that is learned, then s for each evaluation: Σ_i min(i + 1, K) + N numbers for N
 * steps; an analytic first step has no s and its weight is fixed, so both are one less. One block.
 *
 * @param grid N + 1 falling times
 * @throws RangeError for a start without signal, for no window, and for an analytic step where there is no other
 */
export function dyweight(
  schedule: NoiseSchedule,
  grid: ArrayLike<number>,
  options: DyweightOptions = {},
): Parameterisation {
  const { window = 3, analyticFirstStep, guard = 0, prediction = 'data' } = options;
  const steps = grid.length - 1;
  assertStartsWithSignal('DyWeight', schedule, grid);
  if (!(Number.isInteger(window) && window >= 1)) {
    throw new RangeError(`DyWeight needs a window of 1 or more slopes, got ${window}.`);
  }
  const skipped = analyticFirstStep ? 1 : 0;
  if (steps - skipped < 1) throw new RangeError('An analytic first step needs a grid of at least two steps.');
  const constant = (t: number): DualPoint => dualPointAt(schedule, Dual.constant(t, 0));
  const sigmas = Array.from(grid, (t) => {
    const { alpha, sigma } = schedule.at(t);
    return sigma / alpha;
  });
  const widths = range(skipped, steps).map((i) => Math.min(i + 1, window));
  const weightCount = widths.reduce((sum, width) => sum + width, 0);
  const weights = widths.flatMap((width) => {
    const known = adamsBashforth[Math.min(width, 4) - 1]!;
    return range(0, width).map((j) => known[j] ?? 0);
  });
  const begin = startOf(constant(grid[0]!), sigmas, analyticFirstStep);

  /** τ at each evaluation, and the weights of its step. */
  const stepsOf = (theta: readonly Dual[]): { tau: Dual; w: readonly Dual[] }[] => {
    let tau = theta[0]!.times(0).plus(begin.tau);
    let from = 0;
    return widths.map((width, k) => {
      const w = theta.slice(from, (from += width));
      const now = tau;
      const total = w.reduce((sum, each) => sum.plus(each));
      tau = now.plus(total.times(now.times(-1).plus(sigmas[k + skipped + 1]!)));
      return { tau: now, w };
    });
  };
  const levelOf = (tau: Dual): DualPoint => dualPointOfSigma(schedule, magnitude(tau));
  const startLevel = levelOf(Dual.constant(begin.tau, 0)).alpha.value;
  const scale = skipped === 0 ? 1 : begin.state * startLevel;

  return dualParameterisation(tableShape(steps - skipped, prediction, schedule.space, scale), {
    initial: Float64Array.from([...weights, ...widths.map(() => 1)]),
    method(theta, recorder) {
      const slopes: DualForm[] = [];
      if (skipped === 1) slopes.push(combineDual([begin.slope / scale, recorder.start]));
      const all = stepsOf(theta);
      let x = recorder.start;
      for (const [k, { tau, w }] of all.entries()) {
        const { alpha } = k === 0 && skipped === 0 ? dualPointAt(schedule, recorder.constant(grid[0]!)) : levelOf(tau);
        const asked = levelOf(tau.times(theta[weightCount + k]!));
        slopes.unshift(veSlope(x, recorder.evaluate(x, asked).data, alpha, tau.plus(guard)));
        const end = sigmas[k + skipped + 1]!;
        // The sample's level is the grid's, which τ comes to only with weights that add up to 1.
        const to =
          k === all.length - 1 ? recorder.constant(schedule.at(grid[steps]!).alpha) : levelOf(all[k + 1]!.tau).alpha;
        const length = to.times(tau.times(-1).plus(end));
        x = combineDual([to.over(alpha), x], ...w.map((weight, j): Term => [length.times(weight), slopes[j]!]));
      }
      return x;
    },
    project(theta) {
      const [low, high] = [schedule.tMin, schedule.tMax].map((t) => Math.exp(-schedule.lambda(t))) as [number, number];
      const taus = stepsOf(dualVariables(theta, false)).map(({ tau }) => Math.abs(tau.value));
      return theta.map((value, i) => {
        const tau = taus[i - weightCount];
        return tau === undefined || tau === 0 ? value : clamp(value, low / tau, high / tau);
      });
    },
  });
}

/** Level and slope that the first evaluation finds, and x̂ there as a multiple of x_T. */
function startOf(
  { alpha, sigma }: DualPoint,
  sigmas: readonly number[],
  analytic: DyweightOptions['analyticFirstStep'],
): { tau: number; slope: number; state: number } {
  const tau = sigmas[0]!;
  const slope = analyticSlope(alpha.value, sigma.value);
  const length = analytic ? analytic.weight * (sigmas[1]! - tau) : 0;
  return { tau: tau + length, slope, state: 1 / alpha.value + length * slope };
}

/** |σ|, kept above 0: levels that unlucky weights take past clean data count as their mirror image, as in the program. */
function magnitude(sigma: Dual): Dual {
  return sigma.value < 0 ? sigma.times(-1) : sigma;
}
