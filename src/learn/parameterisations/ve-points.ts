import type { NoiseSchedule } from '../../diffusion/noise-schedule';
import type { Dual } from '../dual';
import { combineDual, dualPointOfLambda, type DualForm, type DualPoint } from '../dual-table';

/** The point of a schedule where σ/α has a given value; a value outside the schedule is moved to its end. */
export function dualPointOfSigma(schedule: NoiseSchedule, sigma: Dual): DualPoint {
  return dualPointOfLambda(schedule, sigma.log().times(-1));
}

/** dx̂/dσ̂ = (x̂ − X)/σ̂ in VE scaling, x̂ = x/α. `level` is α of the state x. */
export function veSlope(x: DualForm, data: DualForm, level: Dual, sigma: Dual): DualForm {
  const weight = sigma.inverse();
  return combineDual([weight.over(level), x], [weight.times(-1), data]);
}

/** κ of d(x_T) = κ·x_T, the noise that an analytic first step takes instead of asking the model: x̂/√(1 + σ̂²). */
export function analyticSlope(alpha: number, sigma: number): number {
  return 1 / Math.hypot(alpha, sigma);
}
