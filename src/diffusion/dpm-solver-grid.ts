import { pointAt, type GridPoint } from './grid-point';
import type { NoiseSchedule } from './noise-schedule';
import { networkTime } from './network-time';
import { linspace } from './numpy-grid';

/** Ways of the DPM-Solver and UniPC programs to place their times. */
export type SkipType = 'time_uniform' | 'time_quadratic' | 'logSNR';

/** A schedule in the continuous time of the DPM-Solver and UniPC programs, in which their grids are made. */
export interface ContinuousTime {
  /** Where sampling starts and, unless told otherwise, ends: 1 and 10⁻³, or 1 and 1/n of a discrete schedule. */
  readonly tStart: number;
  readonly tEnd: number;
  lambda(time: number): number;
  timeOfLambda(lambda: number): number;
  /** The level at a time. Its `t` is what the network gets: (time − 1/n)·n of a discrete model, else the time. */
  point(time: number): GridPoint;
}

/** A continuous schedule: the programs' time is its own. */
export function ownTime(schedule: NoiseSchedule): ContinuousTime {
  return {
    tStart: schedule.tMax,
    tEnd: schedule.tMin,
    lambda: (time) => schedule.lambda(time),
    timeOfLambda: (lambda) => schedule.timeOfLambda(lambda),
    point: (time) => pointAt(schedule, time),
  };
}

/**
 * A discrete schedule with n training timesteps (`discreteVpLogAlpha`): index i is the time (i + 1)/n, and the programs
 * end at 1/n.
 */
export function discreteTime(schedule: NoiseSchedule): ContinuousTime {
  const n = schedule.tMax + 1;
  const { ofTime: index, timeOf } = networkTime('dpm_solver', n);
  return {
    tStart: 1,
    tEnd: 1 / n,
    lambda: (time) => schedule.lambda(index(time)),
    timeOfLambda: (lambda) => timeOf(schedule.timeOfLambda(lambda)),
    point: (time) => pointAt(schedule, index(time)),
  };
}

/**
 * The n + 1 falling times of an n-step run of the DPM-Solver and UniPC programs (`get_time_steps`).
 *
 * @param ends other ends than those of the schedule (`t_start`, `t_end`)
 */
export function dpmSolverGrid(
  schedule: ContinuousTime,
  skipType: SkipType,
  n: number,
  ends: { readonly tStart?: number; readonly tEnd?: number } = {},
): number[] {
  if (!(Number.isInteger(n) && n >= 1)) throw new RangeError(`A grid needs a whole number of steps, got ${n}.`);
  const { tStart = schedule.tStart, tEnd = schedule.tEnd } = ends;
  switch (skipType) {
    case 'time_uniform':
      return linspace(tStart, tEnd, n + 1);
    case 'time_quadratic':
      return linspace(Math.sqrt(tStart), Math.sqrt(tEnd), n + 1).map((root) => root * root);
    case 'logSNR': {
      const [from, to] = [schedule.lambda(tStart), schedule.lambda(tEnd)];
      return linspace(from, to, n + 1).map((lambda) => schedule.timeOfLambda(lambda));
    }
  }
}
