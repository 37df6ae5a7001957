import * as z from 'zod';
import { diffusersGrid, type SigmaRamp } from '../../diffusion/diffusers-grid';
import { gridPoint } from '../../diffusion/grid-point';
import { exponentialRamp, karrasRamp } from '../../diffusion/sigma-ramps';
import { zeroTerminalSnr } from '../../diffusion/zero-terminal-snr';
import { ddim } from '../../solvers/ddim';
import { heun } from '../../solvers/heun';
import { initialNoise, veStatePoints } from './diffusers-ve-state';
import { atTimesteps } from './network-levels';
import { rampSettings } from './diffusers-ramp';
import type { Peers } from './peer';
import { betasOf, predictionOf } from './schedules';

const common = {
  steps: z.int().min(1),
  /** Says what the network returns, which a case says too. */
  prediction_type: z.enum(['epsilon', 'sample', 'v_prediction']).default('epsilon'),
  timestep_spacing: z.enum(['leading', 'linspace', 'trailing']).default('linspace'),
  steps_offset: z.int().default(0),
  ...rampSettings,
};

const eulerParams = z.strictObject({
  ...common,
  interpolation_type: z.enum(['linear', 'log_linear']).default('linear'),
  timestep_type: z.enum(['discrete', 'continuous']).default('discrete'),
  rescale_betas_zero_snr: z.boolean().default(false),
  final_sigmas_type: z.enum(['zero', 'sigma_min']).default('zero'),
  s_churn: z.literal(0).optional(),
});

const heunParams = z.strictObject({ ...common, clip_sample: z.literal(false).optional() });

const edmEulerParams = z.strictObject({
  steps: z.int().min(1),
  sigma_min: z.number().default(0.002),
  sigma_max: z.number().default(80),
  /** Both concern what the network returns before its preconditioning, which is no part of the table. */
  sigma_data: z.number().default(0.5),
  prediction_type: z.enum(['epsilon', 'v_prediction']).default('epsilon'),
  sigma_schedule: z.enum(['karras', 'exponential']).default('karras'),
  rho: z.number().default(7),
  final_sigmas_type: z.enum(['zero', 'sigma_min']).default('zero'),
  s_churn: z.literal(0).optional(),
});

/** diffusers' Euler and Heun schedulers on x₀ + σ̂ε. Heun's hand a level to the network twice, and end at σ = 0. */
export const diffusersEulerPeers: Peers = {
  'diffusers EulerDiscreteScheduler': ({ schedule, pred, params: given }) => {
    const params = eulerParams.parse(given);
    const trained = betasOf(schedule);
    const betas = params.rescale_betas_zero_snr ? zeroTerminalSnr(trained) : trained;
    const { timesteps: indices, sigmas } = diffusersGrid({
      ...gridOptions(params),
      betas,
      finalSigmas: params.final_sigmas_type,
      interpolation: params.interpolation_type,
    });
    const continuous = params.timestep_type === 'continuous' && params.prediction_type === 'v_prediction';
    const timesteps = continuous ? indices.map((_, i) => 0.25 * Math.log(sigmas[i]!)) : indices;
    const problem = {
      grid: veStatePoints(timesteps, sigmas),
      prediction: predictionOf(pred),
      space: 've',
      networkSpace: 'vp',
    } as const;
    return {
      table: continuous ? ddim(problem) : atTimesteps(ddim(problem), betas),
      startScale: initialNoise(params.timestep_spacing, sigmas),
      grid: { timesteps, sigmas },
    };
  },

  'diffusers HeunDiscreteScheduler': ({ schedule, pred, params: given }) => {
    const params = heunParams.parse(given);
    const betas = betasOf(schedule);
    const { timesteps, sigmas } = diffusersGrid({ ...gridOptions(params), betas });
    const problem = {
      grid: veStatePoints(timesteps, sigmas),
      prediction: predictionOf(pred),
      space: 've',
      networkSpace: 'vp',
    } as const;
    return {
      table: atTimesteps(heun(problem, 2 * params.steps - 1), betas),
      startScale: initialNoise(params.timestep_spacing, sigmas),
      grid: { timesteps: innerTwice(timesteps), sigmas: [...innerTwice(sigmas.slice(0, -1)), sigmas.at(-1)!] },
    };
  },

  'diffusers EDMEulerScheduler': ({ params: given }) => {
    const { steps, sigma_min, sigma_max, sigma_schedule, rho, final_sigmas_type } = edmEulerParams.parse(given);
    const levels =
      sigma_schedule === 'karras'
        ? karrasRamp(steps, sigma_min, sigma_max, rho)
        : exponentialRamp(steps, sigma_min, sigma_max);
    const sigmas = [...levels, final_sigmas_type === 'zero' ? 0 : levels.at(-1)!];
    const timesteps = levels.map((sigma) => 0.25 * Math.log(sigma));
    const grid = sigmas.map((sigma, i) => gridPoint(timesteps[i] ?? 0, 1, sigma));
    return {
      table: ddim({ grid, prediction: 'data', space: 've' }),
      startScale: Math.sqrt(sigma_max * sigma_max + 1),
      grid: { timesteps, sigmas },
    };
  },
};

function gridOptions(params: z.output<z.ZodObject<typeof common>>) {
  const ramp = rampOf(params);
  return {
    steps: params.steps,
    family: 'euler',
    spacing: params.timestep_spacing,
    stepsOffset: params.steps_offset,
    ...(ramp === undefined ? {} : { sigmas: ramp }),
  } as const;
}

function rampOf(params: z.output<z.ZodObject<typeof common>>): SigmaRamp | undefined {
  if (params.use_karras_sigmas) return 'karras';
  if (params.use_exponential_sigmas) return 'exponential';
  return params.use_beta_sigmas ? 'beta' : undefined;
}

/** The first value once, every other twice: the order in which Heun's method visits its levels. */
export function innerTwice(values: readonly number[]): number[] {
  return values.flatMap((value, i) => (i === 0 ? [value] : [value, value]));
}
