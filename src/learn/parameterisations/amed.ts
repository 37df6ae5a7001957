import type { NoiseSchedule } from '../../diffusion/noise-schedule';
import type { Prediction } from '../../diffusion/prediction';
import { Dual } from '../dual';
import { combineDual, dualParameterisation, dualPointAt, range } from '../dual-table';
import { clamp } from '../free-table';
import type { Parameterisation } from '../parameterisation';
import { assertStartsWithSignal, tableShape } from './moving-times';
import { analyticSlope, dualPointOfSigma, veSlope } from './ve-points';

export interface AmedOptions {
  /** c is learned within 1 ± this; 0 keeps it 1. Default 0.01. */
  readonly directionRange?: number;
  /** a is learned within 1 ± this; 0 keeps it 1. Default 0.2. */
  readonly timeRange?: number;
  /**
   * Saves the first evaluation: d(x̂, t_0) = x̂/√(1 + t_0²). r of the first step is given, not learned, for the scale of the
   * start state is no free entry of a table.
   */
  readonly analyticFirstStep?: { readonly r: number };
  /** What D is. Default data. */
  readonly prediction?: Prediction;
}

/**
 * The AMED solver (Zhou et al. 2024) with constants in place of its predictor, which would give every sample its own. In
 * VE scaling x̂ = x/α, t being σ/α and d(x̂, t) = (x̂ − X)/t:
 *
 *     t_m = t'^r·t^{1−r}
 *     ŷ   = x̂ + (t_m − t)·d(x̂, t)
 *     x̂'  = x̂ + c·(t' − t)·(ŷ − X_y)/t_m          X_y from the model asked at level a·t_m
 *
 * r = sigmoid(ρ), c and a = 1 + range·tanh(·/2), which is the program's sigmoid stretched to the same range. θ = 0 is r = ½,
 * c = a = 1: DPM-Solver-2 of EDM's midpoint in log σ. Two evaluations a step.
 *
 * θ: ρ for every step (but an analytic first one), then c's, then a's, where learned. One block.
 *
 * @param grid N + 1 falling times, the last with noise
 */
export function amed(schedule: NoiseSchedule, grid: ArrayLike<number>, options: AmedOptions = {}): Parameterisation {
  const { directionRange = 0.01, timeRange = 0.2, analyticFirstStep, prediction = 'data' } = options;
  const steps = grid.length - 1;
  assertStartsWithSignal('AMED', schedule, grid);
  const skipped = analyticFirstStep ? 1 : 0;
  const directions = directionRange === 0 ? 0 : steps;
  const size = steps - skipped + directions + (timeRange === 0 ? 0 : steps);
  const sigmas = Array.from(grid, (t) => {
    const { alpha, sigma } = schedule.at(t);
    return sigma / alpha;
  });
  /** t_m of a step, from its r. */
  const middle = (n: number, r: Dual): Dual =>
    r
      .times(Math.log(sigmas[n + 1]! / sigmas[n]!))
      .plus(Math.log(sigmas[n]!))
      .exp();
  const shareOf = (theta: readonly Dual[], n: number): Dual =>
    n === 0 && analyticFirstStep ? theta[0]!.times(0).plus(analyticFirstStep.r) : theta[n - skipped]!.sigmoid();
  const stretched = (theta: readonly Dual[], index: number, range: number): Dual =>
    range === 0 ? theta[0]!.times(0).plus(1) : theta[index]!.times(0.5).tanh().times(range).plus(1);

  const first = schedule.at(grid[0]!);
  const firstSlope = analyticSlope(first.alpha, first.sigma);
  const scale = ((): number => {
    if (!analyticFirstStep) return 1;
    const t = middle(0, Dual.constant(analyticFirstStep.r, 0));
    return dualPointOfSigma(schedule, t).alpha.value * (1 / first.alpha + (t.value - sigmas[0]!) * firstSlope);
  })();

  return dualParameterisation(tableShape(2 * steps - skipped, prediction, schedule.space, scale), {
    initial: new Float64Array(size),
    method(theta, recorder) {
      let x = skipped === 0 ? recorder.start : combineDual([1 / scale, recorder.start]);
      for (const n of range(0, steps)) {
        const [t, end] = [sigmas[n]!, sigmas[n + 1]!];
        const point = dualPointAt(schedule, recorder.constant(grid[n]!));
        const to = schedule.at(grid[n + 1]!).alpha;
        const tm = middle(n, shareOf(theta, n));
        const level = dualPointOfSigma(schedule, tm).alpha;
        const slope =
          n < skipped
            ? combineDual([firstSlope, x])
            : veSlope(x, recorder.evaluate(x, point).data, point.alpha, recorder.constant(t));
        const y = combineDual([level.over(point.alpha), x], [level.times(tm.minus(t)), slope]);
        const c = stretched(theta, steps - skipped + n, directionRange);
        const a = stretched(theta, steps - skipped + directions + n, timeRange);
        const asked = dualPointOfSigma(schedule, tm.times(a));
        const middleSlope = veSlope(y, recorder.evaluate(y, asked).data, level, tm);
        x = combineDual([point.alpha.inverse().times(to), x], [c.times(to * (end - t)), middleSlope]);
      }
      return x;
    },
    project: (theta) => theta.map((value) => clamp(value, -bound, bound)),
  });
}

/** Beyond this a sigmoid no longer moves in float64's first digits, and its gradient is gone. */
const bound = 20;
