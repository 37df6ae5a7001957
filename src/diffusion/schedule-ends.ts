import { cleanPoint, pointAt, type GridPoint } from './grid-point';
import type { NoiseSchedule } from './noise-schedule';

/**
 * A schedule sampled between other ends, such as an end at t_eps above the schedule's own. An evenly spaced grid keeps
 * the bend of the schedule's (a shifted flow stays shifted).
 *
 * @throws RangeError unless tMin ≤ tEnd < tStart ≤ tMax
 */
export function withEnds(
  schedule: NoiseSchedule,
  { tStart = schedule.tMax, tEnd = schedule.tMin }: { readonly tStart?: number; readonly tEnd?: number },
): NoiseSchedule {
  const { tMin, tMax } = schedule;
  if (!(tMin <= tEnd && tEnd < tStart && tStart <= tMax)) {
    throw new RangeError(
      `Sampling from t = ${tStart} to ${tEnd} does not fit the noise schedule: both must lie between ${tMin} and ` +
        `${tMax}, the start above the end.`,
    );
  }
  const [from, to] = [fractionOf(schedule, tStart), fractionOf(schedule, tEnd)];
  return {
    ...schedule,
    tMin: tEnd,
    tMax: tStart,
    gridTime(fraction) {
      if (fraction === 0) return tStart;
      return fraction === 1 ? tEnd : schedule.gridTime(from + (to - from) * fraction);
    },
  };
}

/** The fraction at which a falling grid passes a time, by bisection down to neighbouring numbers. */
function fractionOf(schedule: NoiseSchedule, t: number): number {
  let [low, high] = [0, 1];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (schedule.gridTime(middle) > t) low = middle;
    else high = middle;
  }
  return high;
}

/**
 * What follows the last time of a grid. `keep`: nothing, the sample keeps the little noise of tMin (DPM-Solver, UniPC).
 * `jump`: the last point is σ = 0 instead, with as many evaluations (diffusers' `final_sigmas_type: zero`, EDM).
 * `append`: σ = 0 after it, for one evaluation more (DPM-Solver's `denoise_to_zero`).
 */
export type FinalStep = 'keep' | 'jump' | 'append';

/** The points of a falling list of times, with the final step of a program. */
export function pointsOfGrid(
  schedule: NoiseSchedule,
  times: ArrayLike<number>,
  final: FinalStep = 'keep',
): GridPoint[] {
  const points = Array.from(times, (t) => pointAt(schedule, t));
  if (final === 'keep') return points;
  return [...(final === 'jump' ? points.slice(0, -1) : points), cleanPoint];
}
