import type { NoiseSchedule } from './noise-schedule';
import { linspace } from './numpy-grid';
import { karrasRamp } from './sigma-ramps';

/** Names of LD3's program for its unlearned grids. */
export type Ld3SkipType = 'time_uniform' | 'time_quadratic' | 'logSNR' | 'edm';

/**
 * The n + 1 falling times of LD3's baselines (Tong et al. 2024), on the schedule's own time: its `time_quadratic` is
 * ε + (T − ε)(i/n)², not the square of an even grid in √t, and its `edm` is the ρ = 7 ramp on the time itself whatever
 * the schedule.
 */
export function ld3Grid(schedule: NoiseSchedule, skipType: Ld3SkipType, n: number): number[] {
  if (!(Number.isInteger(n) && n >= 1)) throw new RangeError(`A grid needs a whole number of steps, got ${n}.`);
  const { tMin, tMax } = schedule;
  switch (skipType) {
    case 'time_uniform':
      return linspace(tMax, tMin, n + 1);
    case 'time_quadratic':
      return Array.from({ length: n + 1 }, (_, i) => tMin + (tMax - tMin) * ((n - i) / n) ** 2);
    case 'logSNR':
      return linspace(schedule.lambda(tMax), schedule.lambda(tMin), n + 1).map((lambda) =>
        schedule.timeOfLambda(lambda),
      );
    case 'edm':
      return karrasRamp(n + 1, tMin, tMax);
  }
}
