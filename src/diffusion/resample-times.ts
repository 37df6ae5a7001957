import type { NoiseSchedule } from './noise-schedule';

/**
 * The same placing of times with another number of steps: λ (the time itself where λ starts at −∞) as a function of the
 * fraction of the way, by monotone cubic interpolation (Fritsch & Butland 1984), taken at the new fractions. With as many
 * steps as before the times come back.
 *
 * @param times falling times from tMax to tMin, both included
 * @returns steps + 1 falling times from tMax to tMin, both exact
 * @throws RangeError for fewer than two times, times that do not fall, or no whole number of steps
 */
export function resampleTimes(schedule: NoiseSchedule, times: ArrayLike<number>, steps: number): Float64Array {
  if (!(Number.isInteger(steps) && steps >= 1)) {
    throw new RangeError(`A grid needs a whole number of steps, got ${steps}.`);
  }
  const { tMin, tMax } = schedule;
  const hasSignal = Number.isFinite(schedule.lambda(tMax));
  // Both axes rise along the solver.
  const axis = Array.from(times, (t) => (hasSignal ? schedule.lambda(t) : -t));
  if (axis.length < 2 || axis.some((value, i) => i > 0 && !(value > axis[i - 1]!))) {
    throw new RangeError('A grid to resample needs at least two times, and they have to fall.');
  }
  const at = monotoneCubic(axis);
  return Float64Array.from({ length: steps + 1 }, (_, i) => {
    if (i === 0) return tMax;
    if (i === steps) return tMin;
    const value = at((i / steps) * (axis.length - 1));
    return hasSignal ? schedule.timeOfLambda(value) : -value;
  });
}

/** Interpolates rising values at 0, 1, … by cubics that rise, too. */
function monotoneCubic(values: readonly number[]): (position: number) => number {
  const last = values.length - 1;
  const gap = (i: number): number => values[i + 1]! - values[i]!;
  // The harmonic mean of two slopes is at most twice the smaller one, which keeps the cubics from overshooting.
  const slope = (i: number): number => {
    if (i === 0) return gap(0);
    if (i === last) return gap(last - 1);
    return (2 * gap(i - 1) * gap(i)) / (gap(i - 1) + gap(i));
  };
  return (position) => {
    const i = Math.min(Math.floor(position), last - 1);
    const u = position - i;
    const [from, to] = [slope(i), slope(i + 1)];
    const rise = gap(i);
    return values[i]! + u * (from + u * (3 * rise - 2 * from - to + u * (from + to - 2 * rise)));
  };
}
