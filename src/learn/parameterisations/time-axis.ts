import type { NoiseSchedule } from '../../diffusion/noise-schedule';
import type { Dual } from '../dual';
import { dualTimeOfLambda } from '../dual-table';

/** What times are learned on: it rises along the solver and is of order one. */
export interface TimeAxis {
  /** Its ends, where the schedule's time is tMax and tMin. */
  readonly low: number;
  readonly high: number;
  readonly of: (t: number) => number;
  /** The time at a point of the axis; points beyond its ends are moved there. */
  readonly timeOf: (u: Dual) => Dual;
}

/** λ = log(α/σ), so that equal distances are equal changes of noise level; −t/tMax where λ starts at −∞. */
export function timeAxis(schedule: NoiseSchedule): TimeAxis {
  const { tMin, tMax } = schedule;
  const low = schedule.lambda(tMax);
  if (Number.isFinite(low)) {
    return {
      low,
      high: schedule.lambda(tMin),
      of: (t) => schedule.lambda(t),
      timeOf: (u) => dualTimeOfLambda(schedule, u),
    };
  }
  return {
    low: -1,
    high: -tMin / tMax,
    of: (t) => -t / tMax,
    timeOf: (u) => u.map(Math.min(tMax, Math.max(tMin, -tMax * u.value)), -tMax),
  };
}
