import { cleanPoint } from '../diffusion/grid-point';
import type { NoiseSchedule } from '../diffusion/noise-schedule';
import { assertPlainTable, type SolverTable } from '../solvers/table';
import { Dual } from './dual';
import { combineDual, dualParameterisation, dualPointAt, range } from './dual-table';
import type { DualForm, DualPoint } from './dual-table';
import { isRounding, newest, peel, startForms, stepFactors } from './parameterisations/exponential-step';
import { timeAxis } from './parameterisations/time-axis';
import type { Parameterisation } from './parameterisation';

export interface FreeTableOptions {
  /** The start ends at σ = 0, not at the schedule's end. */
  readonly toZero?: boolean;
  /** Network times may meet but not overtake each other. Default false. */
  readonly monotone?: boolean;
}

/**
 * `table`, ours: every entry of the lower-triangular table is free, in coordinates that say how a row differs from theory.
 * On data, with row m the newest that is noisier than row k + 1 (row k, but for the stages of Runge–Kutta methods), q and g
 * the exponential integrator's factors from its level to that of row k + 1, c the start table's own coefficients, and ∇ the
 * backward difference of outputs X:
 *
 *     y_{k+1} = q·y_m + g·(Σ_{j≤k} c_{k,j}·X_j + a_k·x_T/σ_T) + h·(Σ_{i≤k} θ_{k,i}·∇^i X_k + θ_k·x_T/σ_T)
 *
 * θ = 0 is the start; h is g at the start. A row passes its change on to later rows, q and g follow the learned times (theory
 * guidance, as GS has it) while corrections keep their scale h, and differences of outputs are far less alike than outputs.
 * Times are learned as λ (t where the schedule starts without signal), so the same distance is the same change of noise
 * level everywhere; x_T keeps its own level. On the analytic mixture, from nine classic starts with 4 to 6 evaluations,
 * Gauss–Newton's loss on unseen noises after 3, 5 and 16 steps is 0.43, 0.59 and 0.72 of that with plain entries as θ.
 *
 * Parameters: N start weights, N(N+1)/2 weights, N times; 25 for N = 5. Every table is a member.
 *
 * @throws RangeError when a level of the start says nothing of the data, or two evaluations share that of x_T
 */
export function freeTable(
  schedule: NoiseSchedule,
  start: SolverTable,
  options: FreeTableOptions = {},
): Parameterisation {
  return corrections(schedule, start, theoryOf(schedule, start, options), options, false);
}

/**
 * `freeTable` whose rows stay consistent: a model that always answers the same is solved exactly, for every θ. That leaves
 * out θ_k and θ_{k,0}: N(N−1)/2 weights and N times, 15 for N = 5. Fewer noises teach it.
 *
 * @returns undefined when the start is not consistent; every classic solver is one that ends where its table ends
 */
export function consistentTable(
  schedule: NoiseSchedule,
  start: SolverTable,
  options: FreeTableOptions = {},
): Parameterisation | undefined {
  const theory = theoryOf(schedule, start, options);
  const isConsistent = theory.every(({ coefficients, noise }) =>
    isRounding([noise, coefficients.reduce((sum, c) => sum + c, 0) - 1], []),
  );
  return isConsistent ? corrections(schedule, start, theory, options, true) : undefined;
}

/** What the start does in a row: from which row, by which coefficients (newest first), and how much of x_T/σ_T it adds. */
interface RowTheory {
  readonly from: number;
  readonly coefficients: readonly number[];
  readonly noise: number;
  /** The row's g at the start. Corrections keep it, so a time that meets another does not silence them. */
  readonly scale: number;
}

/** Levels of the states y_0 … y_N: x_T at its own, the others where the network is asked, the sample at its end. */
function levelsOf(
  schedule: NoiseSchedule,
  start: SolverTable,
  { toZero = false }: FreeTableOptions,
  times: readonly Dual[],
): DualPoint[] {
  const constant = (value: number): Dual => Dual.constant(value, times[0]!.grad.length);
  const { t, alpha, sigma, lambda } = cleanPoint;
  const clean = { t: constant(t), alpha: constant(alpha), sigma: constant(sigma), lambda: constant(lambda) };
  const first = dualPointAt(schedule, constant(start.times[0]!));
  const inner = times.slice(1).map((time) => dualPointAt(schedule, time));
  return [first, ...inner, toZero ? clean : dualPointAt(schedule, constant(schedule.tMin))];
}

/** Rows whose levels differ by less gain than this count as one level. */
const leastGain = 1e-6;

function theoryOf(schedule: NoiseSchedule, start: SolverTable, options: FreeTableOptions): RowTheory[] {
  assertPlainTable(start);
  const { nfe } = start;
  const levels = levelsOf(
    schedule,
    start,
    options,
    Array.from(start.times, (t) => Dual.constant(t, 0)),
  );
  const { states, outputs } = startForms(start, levels.slice(0, nfe), ({ data }) => data);
  return range(0, nfe).map((k) => {
    const to = levels[k + 1]!;
    const factorsFrom = (m: number) => stepFactors(levels[m]!, to, 'data');
    const from = newest(k, nfe).find((m) => factorsFrom(m).gain.value > leastGain) ?? 0;
    const { ratio, gain } = factorsFrom(from);
    const change = combineDual([1, states[k + 1]!], [ratio.times(-1), states[from]!]);
    const { coefficients, left } = peel(change, outputs, newest(k, nfe));
    const noise = (left[0]! * levels[0]!.sigma.value) / start.start[0]!;
    const row = {
      from,
      coefficients: coefficients.map((c) => c / gain.value),
      noise: noise / gain.value,
      scale: gain.value,
    };
    if (![...row.coefficients, row.noise].every(Number.isFinite)) {
      throw new RangeError(
        `Row ${k + 1} of the table cannot be learned: the noise level of one of its evaluations holds no data, or is that of the next row.`,
      );
    }
    return row;
  });
}

function corrections(
  schedule: NoiseSchedule,
  start: SolverTable,
  theory: readonly RowTheory[],
  options: FreeTableOptions,
  consistent: boolean,
): Parameterisation {
  const { nfe } = start;
  const { low, high, of: axisOf, timeOf } = timeAxis(schedule);
  const firstTime = range(0, nfe).reduce((sum, k) => sum + (consistent ? k : k + 2), 0);
  return dualParameterisation(start, {
    initial: Float64Array.from([...new Float64Array(firstTime), ...Array.from(start.times, (t) => axisOf(t))]),
    method(theta, recorder) {
      const times = theta.slice(firstTime).map((u) => timeOf(u));
      const levels = levelsOf(schedule, start, options, times);
      // x_T over its scale: of order one in every space.
      const unitNoise = combineDual([levels[0]!.sigma.inverse().over(start.start[0]!), recorder.start]);
      const states = [recorder.start];
      const outputs: DualForm[] = [];
      let index = 0;
      for (const [k, { from, coefficients, noise, scale }] of theory.entries()) {
        outputs.push(recorder.evaluate(states[k]!, { ...levels[k]!, t: times[k]! }).data);
        const known = newest(k, nfe).map((j) => outputs[j]!);
        const directions = differences(known).slice(consistent ? 1 : 0);
        const { ratio, gain } = stepFactors(levels[from]!, levels[k + 1]!, 'data');
        states.push(
          combineDual(
            [ratio, states[from]!],
            ...known.map((output, j) => [gain.times(coefficients[j]!), output] as const),
            ...directions.map((direction) => [theta[index++]!.times(scale), direction] as const),
            [consistent ? gain.times(noise) : gain.times(noise).plus(theta[index++]!.times(scale)), unitNoise],
          ),
        );
      }
      return states[nfe]!;
    },
    project(theta) {
      const times = theta.slice(firstTime);
      const ordered = options.monotone === true ? nearestRising(times) : times;
      return Float64Array.from([...theta.subarray(0, firstTime), ...ordered.map((u) => clamp(u, low, high))]);
    },
  });
}

/** X, ∇X, ∇²X, … of forms that stand newest first. */
function differences(forms: readonly DualForm[]): DualForm[] {
  const found: DualForm[] = [];
  for (let left = forms; left.length > 0;) {
    found.push(left[0]!);
    const newer = left;
    left = left.slice(1).map((older, i) => combineDual([1, newer[i]!], [-1, older]));
  }
  return found;
}

/** The rising numbers nearest to `values` (isotonic regression by pooling adjacent violators). */
function nearestRising(values: Float64Array): Float64Array {
  const pools: { sum: number; count: number }[] = [];
  for (const value of values) {
    let pool = { sum: value, count: 1 };
    for (
      let before = pools.at(-1);
      before && before.sum / before.count > pool.sum / pool.count;
      before = pools.at(-1)
    ) {
      pools.pop();
      pool = { sum: before.sum + pool.sum, count: before.count + pool.count };
    }
    pools.push(pool);
  }
  return Float64Array.from(pools.flatMap(({ sum, count }) => Array.from({ length: count }, () => sum / count)));
}

export function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}
