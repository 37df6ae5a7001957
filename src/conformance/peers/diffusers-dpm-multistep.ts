import * as z from 'zod';
import { linearBetas } from '../../diffusion/discrete-vp';
import { diffusersGrid, trainingSigmas, type DiffusersGrid, type SigmaRamp } from '../../diffusion/diffusers-grid';
import { flowGrid } from '../../diffusion/flow-grid';
import { gridPoint, type GridPoint } from '../../diffusion/grid-point';
import { exponentialRamp, karrasRamp } from '../../diffusion/sigma-ramps';
import { zeroTerminalSnr } from '../../diffusion/zero-terminal-snr';
import { dpmMultistep } from '../../solvers/dpm-multistep';
import { rampSettings } from './diffusers-ramp';
import type { Peer, Peers } from './peer';
import { betasOf, predictionOf, predOfType } from './schedules';

/** Settings of both schedulers that choose the order and form of each step. */
const stepping = {
  steps: z.int().min(1),
  solver_order: z.literal([1, 2, 3]).default(2),
  // The program itself reads the names of other schedulers' settings as its own.
  solver_type: z.enum(['midpoint', 'heun', 'logrho', 'bh1', 'bh2']).default('midpoint'),
  lower_order_final: z.boolean().default(true),
  euler_at_final: z.boolean().default(false),
  final_sigmas_type: z.enum(['zero', 'sigma_min']).default('zero'),
  thresholding: z.literal(false).optional(),
  /** Tells what became of lower_order_final, which has no effect from 15 steps on. */
  lower_order_final_effective: z.boolean().optional(),
};

const schedulerParameters = z.strictObject({
  ...stepping,
  prediction_type: z.enum(['epsilon', 'sample', 'v_prediction', 'flow_prediction']).default('epsilon'),
  algorithm_type: z.enum(['dpmsolver', 'dpmsolver++', 'deis']).default('dpmsolver++'),
  timestep_spacing: z.enum(['linspace', 'leading', 'trailing']).default('linspace'),
  steps_offset: z.int().default(0),
  ...rampSettings,
  use_lu_lambdas: z.boolean().default(false),
  use_flow_sigmas: z.boolean().default(false),
  flow_shift: z.number().positive().default(1),
  lambda_min_clipped: z.number().optional(),
  rescale_betas_zero_snr: z.boolean().default(false),
});
type SchedulerParameters = z.output<typeof schedulerParameters>;

const scheduler: Peer = ({ schedule, space, pred, params }) => {
  const parameters = schedulerParameters.parse(params);
  const { prediction_type, algorithm_type } = parameters;
  const flow = parameters.use_flow_sigmas;
  if (pred !== predOfType[prediction_type] || space !== (flow ? 'rf' : 'vp')) {
    throw new RangeError(`A scheduler with ${prediction_type} does not drive a ${pred} network in ${space} space.`);
  }
  // Without a schedule of its own, as for flow, the scheduler has the betas of its defaults.
  const trained = flow ? linearBetas(1e-4, 0.02, 1000) : betasOf(schedule);
  const betas = parameters.rescale_betas_zero_snr ? zeroTerminalSnr(trained) : trained;
  const grid = flow ? flowSigmas(parameters, betas) : diffusersGrid({ ...vpSettings(parameters), betas });
  const table = dpmMultistep(
    { grid: pointsOf(grid, flow ? flowPoint : vpPoint), prediction: predictionOf(pred), space: flow ? 'flow' : 'vp' },
    { ...solverOptions(parameters), prediction: algorithm_type === 'dpmsolver' ? 'noise' : 'data' },
  );
  // The solver goes by σ̂ of its ramp. A discrete network goes by its whole timestep, whose noise level is near that.
  const training = trainingSigmas(betas);
  const calls = flow ? table.calls : table.calls.map(({ t }) => vpPoint(t, training[t]!));
  return { table: { ...table, calls }, startScale: 1, grid: { ...grid } };
};

const edmParameters = z.strictObject({
  ...stepping,
  sigma_min: z.number().positive().default(0.002),
  sigma_max: z.number().positive().default(80),
  /** Scales the network's output and sign (prediction_type); D is the denoiser's output, which has neither. */
  sigma_data: z.number().positive().default(0.5),
  prediction_type: z.enum(['epsilon', 'v_prediction']).default('epsilon'),
  algorithm_type: z.enum(['dpmsolver++', 'deis']).default('dpmsolver++'),
  sigma_schedule: z.enum(['karras', 'exponential']).default('karras'),
  rho: z.number().positive().default(7),
});

const edmScheduler: Peer = ({ pred, params }) => {
  const parameters = edmParameters.parse(params);
  const { steps, sigma_min, sigma_max, sigma_schedule, rho, final_sigmas_type } = parameters;
  const levels =
    sigma_schedule === 'karras'
      ? karrasRamp(steps, sigma_min, sigma_max, rho)
      : exponentialRamp(steps, sigma_min, sigma_max);
  const grid = {
    timesteps: levels.map((sigma) => 0.25 * Math.log(sigma)),
    sigmas: [...levels, final_sigmas_type === 'zero' ? 0 : sigma_min],
  };
  const points = pointsOf(grid, (t, sigma) => gridPoint(t, 1, sigma));
  const table = dpmMultistep({ grid: points, prediction: predictionOf(pred), space: 've' }, solverOptions(parameters));
  return { table, startScale: Math.sqrt(sigma_max ** 2 + 1), grid };
};

/** `diffusers` DPM-Solver++ and DPM-Solver with several steps in memory, for discrete, flow and EDM models. */
export const diffusersDpmMultistepPeers: Peers = {
  'diffusers DPMSolverMultistepScheduler': scheduler,
  'diffusers EDMDPMSolverMultistepScheduler': edmScheduler,
};

/** Both schedulers lower the order at the end below 15 steps only; a last step to σ = 0 is of order 1 by itself. */
function solverOptions({
  steps,
  solver_order: order,
  solver_type,
  lower_order_final,
  euler_at_final: eulerAtFinal,
}: Pick<SchedulerParameters, 'steps' | 'solver_order' | 'solver_type' | 'lower_order_final' | 'euler_at_final'>) {
  const variant = solver_type === 'heun' ? 'heun' : 'midpoint';
  return { order, variant, lowerOrderFinal: lower_order_final && steps < 15, eulerAtFinal } as const;
}

function vpSettings(parameters: SchedulerParameters) {
  const ramp = rampOf(parameters);
  return {
    steps: parameters.steps,
    family: 'multistep',
    spacing: parameters.timestep_spacing,
    stepsOffset: parameters.steps_offset,
    finalSigmas: parameters.final_sigmas_type,
    ...(ramp === undefined ? {} : { sigmas: ramp }),
    ...(parameters.lambda_min_clipped === undefined ? {} : { lambdaMinClipped: parameters.lambda_min_clipped }),
  } as const;
}

/** The first of the ramps that are asked for, in the scheduler's order. */
function rampOf(parameters: SchedulerParameters): SigmaRamp | undefined {
  if (parameters.use_karras_sigmas) return 'karras';
  if (parameters.use_lu_lambdas) return 'lu';
  if (parameters.use_exponential_sigmas) return 'exponential';
  return parameters.use_beta_sigmas ? 'beta' : undefined;
}

/** With sigma_min, the flow scheduler ends at the first σ̂ of its betas, though they have no part in it. */
function flowSigmas({ steps, flow_shift, final_sigmas_type }: SchedulerParameters, betas: Float64Array): DiffusersGrid {
  const alphaBar = 1 - betas[0]!;
  const finalSigma = final_sigmas_type === 'zero' ? 0 : Math.sqrt((1 - alphaBar) / alphaBar);
  return flowGrid({ family: 'multistep', steps, shift: flow_shift, finalSigma });
}

/** The points of a sampler's grid. No network is asked at the last one, which has no timestep. */
function pointsOf({ timesteps, sigmas }: DiffusersGrid, point: (t: number, sigma: number) => GridPoint): GridPoint[] {
  return sigmas.map((sigma, i) => point(timesteps[i] ?? 0, sigma));
}

function flowPoint(t: number, sigma: number): GridPoint {
  return gridPoint(t, 1 - sigma, sigma);
}

/** σ̂ = σ/α as a variance-preserving noise level. */
function vpPoint(t: number, sigmaHat: number): GridPoint {
  const alpha = 1 / Math.sqrt(sigmaHat * sigmaHat + 1);
  return gridPoint(t, alpha, sigmaHat * alpha);
}
