import type { NoiseSchedule } from '../../diffusion/noise-schedule';
import { assertPlainTable, type SolverTable } from '../../solvers/table';
import type { Dual } from '../dual';
import { dualParameterisation, range, type DualForm, type DualRecorder } from '../dual-table';
import type { Parameterisation } from '../parameterisation';
import { startForms, type Integrated, type StartForms } from './exponential-step';
import { learnedGrid, type CallPlace, type GridPoints, type LearnedTimes } from './learned-grid';

export interface S4sOptions {
  /** K, the number of outputs a step combines, 1 to 4. */
  readonly order: number;
  /** What is integrated; default data. Tables of any prediction can be learned either way. */
  readonly prediction?: Integrated;
  /** `both` is S4S-Alt: coefficients and times are two blocks, learned in turns. Default `shifts`. */
  readonly times?: LearnedTimes;
  /** Falling times of the start's grid; default its network times, then the schedule's end. */
  readonly grid?: ArrayLike<number>;
  /** The start has a step to σ = 0 after the last time of its grid. */
  readonly toZero?: boolean;
}

/** A family of S4S: how coefficients c and a grid become a sample, and which c a start table has. */
export interface S4sFamily {
  readonly places: readonly CallPlace[];
  /** Falling times of the grid's points. */
  readonly gridTimes: readonly number[];
  /** The coefficients of a start table, or undefined when it is not a member. */
  coefficients(grid: GridPoints, start: StartForms): number[] | undefined;
  sample(recorder: DualRecorder, grid: GridPoints, coefficients: readonly Dual[]): DualForm;
}

/**
 * S4S (Frankel et al. 2025) for one family: θ holds the unconstrained coefficients of every step, then log-gaps (S4S-Alt
 * only) and the shifts ξ of the network's times.
 */
export function s4sParameterisation(
  schedule: NoiseSchedule,
  start: SolverTable,
  family: S4sFamily,
  { order, prediction = 'data', times = 'shifts', toZero = false }: S4sOptions,
): Parameterisation | undefined {
  assertPlainTable(start);
  if (!(Number.isInteger(order) && order >= 1 && order <= 4)) {
    throw new RangeError(`S4S has orders 1 to 4, got ${order}.`);
  }
  // Noise says nothing of data where no signal is left.
  if (prediction === 'noise' && schedule.at(family.gridTimes[0]!).alpha === 0) return undefined;
  const grid = learnedGrid(schedule, { times: family.gridTimes, toZero }, family.places, start.times, times);
  const fixed = learnedGrid(schedule, { times: family.gridTimes, toZero }, family.places, start.times, 'none').build(
    [],
    0,
  );
  const coefficients = family.coefficients(
    fixed,
    startForms(start, fixed.calls, (said) => said[prediction]),
  );
  if (coefficients === undefined || !coefficients.every(Number.isFinite)) return undefined;
  const count = coefficients.length;
  const size = count + grid.initial.length;
  return dualParameterisation(start, {
    initial: Float64Array.from([...coefficients, ...grid.initial]),
    blocks: times === 'both' ? [range(0, count), range(count, size)] : [range(0, size)],
    method: (theta, recorder) =>
      family.sample(recorder, grid.build(theta.slice(count), recorder.size), theta.slice(0, count)),
    project: (theta) => Float64Array.from([...theta.subarray(0, count), ...grid.project(theta.slice(count))]),
  });
}

/** The grid of a multistep start: N + 1 falling times, N with a step to σ = 0; undefined when its length is another. */
export function multistepGrid(
  schedule: NoiseSchedule,
  start: SolverTable,
  { grid, toZero = false }: S4sOptions,
): number[] | undefined {
  const times = Array.from(grid ?? [...start.times, ...(toZero ? [] : [schedule.tMin])]);
  const falls = times.every((t, i) => i === 0 || t < times[i - 1]!);
  return falls && times.length === start.nfe + (toZero ? 0 : 1) ? times : undefined;
}
