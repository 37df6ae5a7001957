import { cosine, discreteVp, linearBetas, scaledLinearBetas } from './discrete-vp';
import { edm } from './edm';
import type { NoiseSchedule } from './noise-schedule';
import { rectifiedFlow } from './rectified-flow';

/** `model.noise_schedule` of solver.yaml, by diffusers' names. */
export type NoiseScheduleParameters =
  | {
      readonly type: 'linear' | 'scaled_linear';
      readonly beta_start: number;
      readonly beta_end: number;
      readonly num_train_timesteps: number;
    }
  | { readonly type: 'cosine'; readonly num_train_timesteps: number }
  | { readonly type: 'edm'; readonly sigma_min: number; readonly sigma_max: number }
  | { readonly type: 'flow'; readonly shift: number; readonly num_train_timesteps: number };

/** The schedule that a configuration describes. Throws a RangeError that names the number that is out of range. */
export function noiseSchedule(parameters: NoiseScheduleParameters): NoiseSchedule {
  switch (parameters.type) {
    case 'linear':
    case 'scaled_linear': {
      const betas = parameters.type === 'linear' ? linearBetas : scaledLinearBetas;
      const n = timesteps(parameters.num_train_timesteps);
      return discreteVp(betas(parameters.beta_start, parameters.beta_end, n));
    }
    case 'cosine':
      return cosine(timesteps(parameters.num_train_timesteps));
    case 'edm':
      return edm(parameters.sigma_min, parameters.sigma_max);
    case 'flow':
      return rectifiedFlow(parameters.shift, parameters.num_train_timesteps);
  }
}

function timesteps(n: number): number {
  if (Number.isInteger(n) && n >= 2) return n;
  throw new RangeError(`num_train_timesteps must be a whole number of at least 2, got ${n}.`);
}
