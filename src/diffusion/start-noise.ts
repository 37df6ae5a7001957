import type { NoiseSchedule } from './noise-schedule';

/**
 * What unit Gaussian noise is multiplied with to make the start x_T: σ(tMax) in ve, as EDM has it; 1 in vp and flow, as
 * diffusers has it (σ(tMax) is 1 there but for the little signal left at the end of the schedule).
 */
export function startNoiseScale(schedule: NoiseSchedule): number {
  return schedule.space === 've' ? schedule.at(schedule.tMax).sigma : 1;
}
