import type { NoiseSchedule } from './noise-schedule';

/**
 * A schedule whose time axis is `factor` times that of another, for networks that are handed such a time: those of the
 * score SDE program (Song et al. 2021) take 999·t of the continuous VP schedule.
 *
 * @param factor above 0
 */
export function scaledTime(schedule: NoiseSchedule, factor: number): NoiseSchedule {
  if (!(factor > 0 && Number.isFinite(factor))) {
    throw new RangeError(`The factor of a time must be above 0, got ${factor}.`);
  }
  if (factor === 1) return schedule;
  return {
    space: schedule.space,
    tMin: schedule.tMin * factor,
    tMax: schedule.tMax * factor,
    at(t) {
      const level = schedule.at(t / factor);
      return { ...level, dAlpha: level.dAlpha / factor, dSigma: level.dSigma / factor };
    },
    lambda: (t) => schedule.lambda(t / factor),
    timeOfLambda: (lambda) => schedule.timeOfLambda(lambda) * factor,
    gridTime: (fraction) => schedule.gridTime(fraction) * factor,
  };
}
