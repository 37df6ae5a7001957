import { cosineBetas, discreteVp, linearBetas, scaledLinearBetas } from './discrete-vp';
import { edm } from './edm';
import type { NoiseSchedule } from './noise-schedule';
import { rectifiedFlow } from './rectified-flow';
import { scaledTime } from './scaled-time';
import { vpCosine } from './vp-cosine';
import { vpLinear } from './vp-linear';
import { zeroTerminalSnr } from './zero-terminal-snr';

interface DiscreteParameters {
  /** Rescale the betas so that the last index is pure noise. Default false. */
  readonly rescale_betas_zero_snr?: boolean;
}

/** `model.noise_schedule` of solver.yaml, by diffusers' names. */
export type NoiseScheduleParameters =
  | (DiscreteParameters & {
      readonly type: 'linear' | 'scaled_linear';
      readonly beta_start: number;
      readonly beta_end: number;
      readonly num_train_timesteps: number;
    })
  | (DiscreteParameters & { readonly type: 'cosine'; readonly num_train_timesteps: number })
  | (DiscreteParameters & { readonly type: 'trained_betas'; readonly betas: readonly number[] })
  | {
      readonly type: 'vp';
      readonly beta_min: number;
      readonly beta_max: number;
      /** Where sampling ends; it starts at time 1. */
      readonly t_eps: number;
      /** The network's time is the schedule's times this. */
      readonly time_scale: number;
    }
  | { readonly type: 'vp_cosine'; readonly t_eps: number; readonly t_max: number; readonly time_scale: number }
  | { readonly type: 'edm'; readonly sigma_min: number; readonly sigma_max: number }
  | { readonly type: 'flow'; readonly shift: number; readonly num_train_timesteps: number };

/** The schedule that a configuration describes. Throws a RangeError that names the number that is out of range. */
export function noiseSchedule(parameters: NoiseScheduleParameters): NoiseSchedule {
  switch (parameters.type) {
    case 'linear':
    case 'scaled_linear': {
      const betas = parameters.type === 'linear' ? linearBetas : scaledLinearBetas;
      const n = timesteps(parameters.num_train_timesteps);
      return discrete(betas(parameters.beta_start, parameters.beta_end, n), parameters);
    }
    case 'cosine':
      return discrete(cosineBetas(timesteps(parameters.num_train_timesteps)), parameters);
    case 'trained_betas':
      return discrete(parameters.betas, parameters);
    case 'vp': {
      const { beta_min: betaMin, beta_max: betaMax, t_eps: tMin, time_scale } = parameters;
      return scaledTime(vpLinear({ betaMin, betaMax, tMin }), time_scale);
    }
    case 'vp_cosine':
      return scaledTime(vpCosine({ tMin: parameters.t_eps, tMax: parameters.t_max }), parameters.time_scale);
    case 'edm':
      return edm(parameters.sigma_min, parameters.sigma_max);
    case 'flow':
      return rectifiedFlow(parameters.shift, parameters.num_train_timesteps);
  }
}

function discrete(betas: ArrayLike<number>, { rescale_betas_zero_snr = false }: DiscreteParameters): NoiseSchedule {
  return discreteVp(rescale_betas_zero_snr ? zeroTerminalSnr(betas) : betas);
}

function timesteps(n: number): number {
  if (Number.isInteger(n) && n >= 2) return n;
  throw new RangeError(`num_train_timesteps must be a whole number of at least 2, got ${n}.`);
}
