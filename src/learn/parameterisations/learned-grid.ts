import { cleanPoint } from '../../diffusion/grid-point';
import type { NoiseSchedule } from '../../diffusion/noise-schedule';
import { Dual } from '../dual';
import { dualPointAt, type DualPoint } from '../dual-table';
import { clamp } from '../free-table';
import { cumulativeShares } from './moving-times';
import { timeAxis } from './time-axis';

/**
 * What of the times is learned: nothing, the grid (log-gaps), the network's times (shifts ξ), or both (S4S-Alt). Without
 * shifts the network is handed the grid's own times.
 */
export type LearnedTimes = 'none' | 'gaps' | 'shifts' | 'both';

/** Where an evaluation is made: `fraction` of the way through a step, 0 its beginning and 1 its end. */
export interface CallPlace {
  readonly step: number;
  readonly fraction: number;
}

/** Points of the grid and of the evaluations; an evaluation's `t` is the network's, its α and σ are the solver's. */
export interface GridPoints {
  readonly points: readonly DualPoint[];
  readonly calls: readonly DualPoint[];
}

export interface LearnedGrid {
  /** Log-gaps and shifts of the start, as far as they are learned. */
  readonly initial: readonly number[];
  /** @param theta the grid's own parameters, as many as `initial` */
  build(theta: readonly Dual[], size: number): GridPoints;
  /** The nearest parameters whose network times lie inside the schedule. */
  project(theta: Float64Array): Float64Array;
}

/** A gap may become e^±12 of the first one; beyond, its two points are the same number. */
const maxLogGap = 12;

/**
 * A grid with fixed ends whose inner points are learned as log-gaps g_n = log(h_n/h_0), n ≥ 1, so that it stays monotone,
 * and network times as shifts ξ from the solver's. Both live on the schedule's `timeAxis`.
 *
 * @param times falling times of the start's grid
 * @param toZero a step to σ = 0 follows the last time
 * @param networkTimes what the start hands to the network, one for each of `places`
 */
export function learnedGrid(
  schedule: NoiseSchedule,
  { times, toZero = false }: { readonly times: readonly number[]; readonly toZero?: boolean },
  places: readonly CallPlace[],
  networkTimes: ArrayLike<number>,
  learned: LearnedTimes,
): LearnedGrid {
  const { low, high, of: axisOf, timeOf } = timeAxis(schedule);
  const axis = times.map((t) => axisOf(t));
  const last = times.length - 1;
  const gaps = axis.slice(1).map((u, i) => u - axis[i]!);
  const placeOf = <T>(values: readonly T[], { step, fraction }: CallPlace, mix: (from: T, to: T) => T): T =>
    fraction === 0 || step + 1 > last
      ? values[step]!
      : fraction === 1
        ? values[step + 1]!
        : mix(values[step]!, values[step + 1]!);
  const callAxis = places.map((place) => placeOf(axis, place, (from, to) => from + place.fraction * (to - from)));
  const shifts = Array.from(networkTimes, (t, k) => axisOf(t) - callAxis[k]!);
  const movesGrid = learned === 'gaps' || learned === 'both';
  const shiftsTimes = learned === 'shifts' || learned === 'both';
  const logGaps = movesGrid ? gaps.slice(1).map((gap) => Math.log(gap / gaps[0]!)) : [];
  const initial = [...logGaps, ...(shiftsTimes ? shifts : [])];

  /** Positions of the grid's points on the axis. */
  const axisPoints = (theta: readonly Dual[], size: number): Dual[] => {
    if (!movesGrid || last === 0) return axis.map((u) => Dual.constant(u, size));
    const shares = cumulativeShares([Dual.constant(0, size), ...theta.slice(0, logGaps.length)]);
    return shares.map((share) => share.times(axis[last]! - axis[0]!).plus(axis[0]!));
  };

  return {
    initial,
    build(theta, size) {
      const constant = (value: number): Dual => Dual.constant(value, size);
      const us = axisPoints(theta, size);
      // What does not move keeps the very times it was given.
      const points = us.map((u, i) =>
        dualPointAt(schedule, movesGrid && i > 0 && i < last ? timeOf(u) : constant(times[i]!)),
      );
      const calls = places.map((place, k) => {
        const u = placeOf(us, place, (from, to) => from.plus(to.minus(from).times(place.fraction)));
        const point = placeOf(points, place, () => dualPointAt(schedule, timeOf(u)));
        if (shiftsTimes) return { ...point, t: timeOf(u.plus(theta[logGaps.length + k]!)) };
        return movesGrid ? point : { ...point, t: constant(networkTimes[k]!) };
      });
      const clean = { t: constant(cleanPoint.t), alpha: constant(1), sigma: constant(0), lambda: constant(Infinity) };
      return { points: toZero ? [...points, clean] : points, calls };
    },
    project(theta) {
      const moved = theta.map((value, i) => (i < logGaps.length ? clamp(value, -maxLogGap, maxLogGap) : value));
      if (!shiftsTimes) return moved;
      const us = axisPoints(
        Array.from(moved, (value) => Dual.constant(value, 0)),
        0,
      ).map(({ value }) => value);
      places.forEach((place, k) => {
        const u = placeOf(us, place, (from, to) => from + place.fraction * (to - from));
        const at = logGaps.length + k;
        moved[at] = clamp(u + moved[at]!, low, high) - u;
      });
      return moved;
    },
  };
}
