import { cleanPoint, pointAt, type GridPoint } from './grid-point';
import type { NoiseSchedule } from './noise-schedule';

/** How far beyond the ends of a schedule a listed level may lie, for lists that were rounded: 1 %. */
const slack = 0.01;

/**
 * The points of a user's list of times, in the schedule's own time.
 *
 * @throws RangeError that names the entry: fewer than two, not falling, or outside of the schedule
 */
export function pointsOfTimes(schedule: NoiseSchedule, times: readonly number[]): GridPoint[] {
  checkFalling(times, 'timesteps');
  const { tMin, tMax } = schedule;
  for (const [i, t] of times.entries()) {
    if (t >= tMin && t <= tMax) continue;
    throw new RangeError(
      `timesteps[${i}] is ${t}, outside of the noise schedule, which goes from ${tMax} (noise) to ${tMin}.`,
    );
  }
  return times.map((t) => pointAt(schedule, t));
}

/**
 * The points of a user's list of noise levels σ̂ = σ/α. A last level of 0 is the clean end; levels within 1 % of the
 * schedule's ends become those ends, so that published lists of few digits fit.
 *
 * @throws RangeError that names the entry: fewer than two, not falling, or outside of the schedule
 */
export function pointsOfSigmas(schedule: NoiseSchedule, sigmas: readonly number[]): GridPoint[] {
  checkFalling(sigmas, 'sigmas');
  const { tMin, tMax } = schedule;
  const [low, high] = [Math.exp(-schedule.lambda(tMin)), Math.exp(-schedule.lambda(tMax))];
  const points = sigmas.map((sigma, i) => {
    if (sigma === 0 && i === sigmas.length - 1) return cleanPoint;
    if (!(sigma >= low * (1 - slack) && sigma <= high * (1 + slack))) {
      throw new RangeError(
        `sigmas[${i}] is ${sigma}, outside of the noise schedule, whose σ/α goes from ${high} to ${low}` +
          `${i === sigmas.length - 1 ? ' (or to 0 after the last step)' : ''}.`,
      );
    }
    if (sigma >= high) return pointAt(schedule, tMax);
    return pointAt(schedule, sigma <= low ? tMin : schedule.timeOfLambda(-Math.log(sigma)));
  });
  for (const [i, { lambda }] of points.entries()) {
    if (i === 0 || lambda > points[i - 1]!.lambda) continue;
    throw new RangeError(`sigmas[${i - 1}] and sigmas[${i}] both lie at the same end of the noise schedule.`);
  }
  return points;
}

function checkFalling(values: readonly number[], what: string): void {
  if (values.length < 2) throw new RangeError(`A list of ${what} needs at least 2 entries, got ${values.length}.`);
  for (const [i, value] of values.entries()) {
    if (!Number.isFinite(value)) throw new RangeError(`${what}[${i}] is ${value}, not a finite number.`);
    if (i > 0 && !(value < values[i - 1]!)) {
      throw new RangeError(
        `${what}[${i}] is ${value}, not below ${values[i - 1]} before it; list them from noise to data.`,
      );
    }
  }
}
