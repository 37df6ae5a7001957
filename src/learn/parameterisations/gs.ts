import type { NoiseSchedule } from '../../diffusion/noise-schedule';
import type { Prediction } from '../../diffusion/prediction';
import { Dual } from '../dual';
import { combineDual, dualParameterisation, dualPointAt, range, type DualForm, type DualPoint } from '../dual-table';
import { clamp } from '../free-table';
import type { Parameterisation } from '../parameterisation';
import { dpmppTerms, type PastOutput, type Term } from './dual-multistep';
import { assertStartsWithSignal, tableShape } from './moving-times';
import { stickBreakingLogits, stickBreakingTimes } from './stick-breaking';

export interface GsOptions {
  /** How many past states and outputs a step may use. Default: all there are, as in the authors' training. */
  readonly window?: number;
  /**
   * theory (default): numbers are added to the coefficients of DPM-Solver++ 3M, which follow the times. none: they are the
   * coefficients. s4s-pc: the authors' version of S4S with a corrector, see `gs`.
   */
  readonly guidance?: 'theory' | 'none' | 's4s-pc';
  /** What D is. Default data. */
  readonly prediction?: Prediction;
}

/**
 * GS, the generalized solver of GAS (Oganov et al. 2025, Eq. 14 to 20). With X_j the data predicted at step j, the model
 * being asked at t_j + ξ_j and its output converted with α, σ at t_j; a' f_i, d_0, D1 and D2 as in DPM-Solver++ 3M:
 *
 *     n = 0   x' = (σ'/σ + â_1)·x_n − (a' f_1 + ĉ_1)·X_n
 *     n = 1   … − (½ a' f_1 + ĉ_2)·d_0 + â_2·x_{n−1}
 *     n ≥ 2   … + (a' f_2 + ĉ_2)·D1 − (a' f_3 + ĉ_3)·D2 + Σ_{i≥4} ĉ_i·X_{n−i+1} + Σ_{i≥2} â_i·x_{n−i+1}
 *
 * Times are broken off a stick: 1 − (t − t_N)/(t_0 − t_N) is a product of sigmoids. All corrections zero is DPM-Solver++ 3M
 * as published, with the order never lowered at the end.
 *
 * Without theory guidance x' = Σ_i a_i·x_{n−i+1} + c_i·X_{n−i+1} with free numbers that start at those of DPM-Solver++ 3M
 * on the start grid and do not follow the times. The authors' S4S with corrector, s4s-pc, is
 * x' = (σ'/σ)·y + C·Σ_i a_i·X_{n−i+1} with y = (σ'/σ)·x + C·Σ_i c_i·X_{n−i+1} and C = −a' f_1. It moves the state twice, so no
 * classic solver is a member: it starts at c of DPM-Solver++ 3M and a = 0, as in their program, and serves comparison.
 *
 * θ: N − 1 logits of the times, from the clean end; ξ_0 … ξ_{N−1}; then for each step n its a_1 … a_m and c_1 … c_m,
 * m = min(n + 1, window). With the whole window N² + 3N − 1 numbers. One block.
 *
 * @param grid N + 1 falling times of the start
 * @throws RangeError for a start without signal, for a grid that does not fall strictly, or no window
 */
export function gs(schedule: NoiseSchedule, grid: ArrayLike<number>, options: GsOptions = {}): Parameterisation {
  const steps = grid.length - 1;
  assertStartsWithSignal('GS', schedule, grid);
  const { window = steps, guidance = 'theory', prediction = 'data' } = options;
  if (!(Number.isInteger(window) && window >= 1))
    throw new RangeError(`GS needs a window of 1 or more, got ${window}.`);
  const [tMax, tMin] = [grid[0]!, grid[steps]!];
  const timesOf = (theta: readonly Dual[]): Dual[] => stickBreakingTimes(theta.slice(0, steps - 1), tMin, tMax);
  const widths = range(0, steps).map((n) => Math.min(n + 1, window));
  const logits = stickBreakingLogits(grid);
  const constants = Array.from(grid, (t) => dualPointAt(schedule, Dual.constant(t, 0)));
  const coefficients = widths.flatMap((m, n) => {
    const none = Array.from({ length: m }, () => 0);
    if (guidance === 'theory') return [...none, ...none];
    const lms = dpmppCoefficients(constants, n, m);
    if (guidance === 's4s-pc') return [...none, ...lms.map((c) => c / gain(constants[n]!, constants[n + 1]!).value)];
    return [constants[n + 1]!.sigma.value / constants[n]!.sigma.value, ...none.slice(1), ...lms];
  });

  return dualParameterisation(tableShape(steps, prediction, schedule.space), {
    initial: Float64Array.from([...logits, ...range(0, steps).map(() => 0), ...coefficients]),
    method(theta, recorder) {
      const times = [recorder.constant(tMax), ...timesOf(theta).reverse(), recorder.constant(tMin)];
      const points = times.map((t) => dualPointAt(schedule, t));
      const states: DualForm[] = [];
      const past: PastOutput[] = [];
      let x = recorder.start;
      let next = 2 * steps - 1;
      for (const [n, m] of widths.entries()) {
        const { alpha, sigma, lambda } = points[n]!;
        const t = times[n]!.plus(theta[steps - 1 + n]!);
        states.unshift(x);
        past.unshift({ output: recorder.evaluate(x, { t, alpha, sigma }).data, lambda });
        const a = theta.slice(next, next + m);
        const c = theta.slice(next + m, next + 2 * m);
        next += 2 * m;
        x = step[guidance](states.slice(0, m), past.slice(0, m), { a, c, from: points[n]!, to: points[n + 1]! });
      }
      return x;
    },
    project(theta) {
      // GS's own margin keeps the pieces of the stick apart.
      const times = [
        tMax,
        ...timesOf(Array.from(theta, (value) => Dual.constant(value, 0)))
          .reverse()
          .map(({ value }) => value),
      ];
      return theta.map((value, i) => {
        const t = times[i - steps + 1];
        return i < steps - 1 || t === undefined ? value : clamp(t + value, schedule.tMin, schedule.tMax) - t;
      });
    },
  });
}

interface Step {
  readonly a: readonly Dual[];
  readonly c: readonly Dual[];
  readonly from: DualPoint;
  readonly to: DualPoint;
}

type StepRule = (states: readonly DualForm[], past: readonly PastOutput[], step: Step) => DualForm;

const step: Readonly<Record<NonNullable<GsOptions['guidance']>, StepRule>> = {
  theory(states, past, { a, c, from, to }) {
    const terms = dpmppTerms(states[0]!, past.slice(0, 3), from, to);
    // Equations 15 to 19 add ĉ to the sizes of the terms, of which only that of D1 has a positive sign.
    const corrected = terms.map(([coefficient, form], i): Term => {
      if (i === 0) return [coefficient.plus(a[0]!), form];
      const correction = c[i - 1]!;
      return [i === 2 && terms.length === 4 ? coefficient.plus(correction) : coefficient.minus(correction), form];
    });
    return combineDual(
      ...corrected,
      ...states.slice(1).map((state, i): Term => [a[i + 1]!, state]),
      ...past.slice(3).map(({ output }, i): Term => [c[i + 3]!, output]),
    );
  },
  none: (states, past, { a, c }) =>
    combineDual(
      ...states.map((state, i): Term => [a[i]!, state]),
      ...past.map(({ output }, i): Term => [c[i]!, output]),
    ),
  's4s-pc'(states, past, { a, c, from, to }) {
    const ratio = to.sigma.over(from.sigma);
    const size = gain(from, to);
    const add = (x: DualForm, weights: readonly Dual[]): DualForm =>
      combineDual([ratio, x], ...past.map(({ output }, i): Term => [size.times(weights[i]!), output]));
    return add(add(states[0]!, c), a);
  },
};

/** C = −α'·(e^{−h} − 1). */
function gain(from: DualPoint, to: DualPoint): Dual {
  return to.alpha.times(from.lambda.minus(to.lambda).expm1()).times(-1);
}

/** What DPM-Solver++ 3M multiplies the last m outputs with in step n, newest first. */
function dpmppCoefficients(points: readonly DualPoint[], n: number, m: number): number[] {
  const unit = (index: number): DualForm => range(0, m + 1).map((i) => Dual.constant(i === index ? 1 : 0, 0));
  const past = range(0, Math.min(m, 3)).map((i) => ({ output: unit(i + 1), lambda: points[n - i]!.lambda }));
  return combineDual(...dpmppTerms(unit(0), past, points[n]!, points[n + 1]!))
    .slice(1)
    .map(({ value }) => value);
}
