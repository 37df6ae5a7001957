import * as z from 'zod';
import { flowGrid } from '../../diffusion/flow-grid';
import { gridPoint } from '../../diffusion/grid-point';
import { rk2 } from '../../solvers/butcher-tableau';
import { ddim } from '../../solvers/ddim';
import { odeInTime, type PathPoint } from '../../solvers/ode-in-time';
import { innerTwice } from './diffusers-euler';
import type { Peers } from './peer';
import { predictionOf } from './schedules';

const heunParams = z.strictObject({
  steps: z.int().min(1),
  shift: z.number().default(1),
  s_churn: z.literal(0).optional(),
});

const eulerParams = heunParams.extend({
  use_dynamic_shifting: z.boolean().default(false),
  mu: z.number().optional(),
  time_shift_type: z.enum(['exponential', 'linear']).default('exponential'),
  shift_terminal: z.number().nullable().default(null),
  use_karras_sigmas: z.boolean().default(false),
  use_exponential_sigmas: z.boolean().default(false),
  use_beta_sigmas: z.boolean().default(false),
  stochastic_sampling: z.literal(false).optional(),
  invert_sigmas: z.literal(false).optional(),
});

/** diffusers' flow-matching schedulers, x = (1 − s)·x₀ + s·ε from s = 1 (no signal) to 0. */
export const diffusersFlowMatchPeers: Peers = {
  'diffusers FlowMatchEulerDiscreteScheduler': ({ pred, params: given }) => {
    const params = eulerParams.parse(given);
    const { timesteps, sigmas } = flowGrid({
      steps: params.steps,
      family: 'flow-match',
      shift: params.shift,
      ...rampOf(params),
      // 0 is no terminal shift in the program.
      ...(params.shift_terminal ? { shiftTerminal: params.shift_terminal } : {}),
      ...dynamicShift(params),
    });
    // Euler's method on the velocity is DDIM in flow space: both are exact where the data prediction is constant.
    const grid = sigmas.map((s, i) => gridPoint(timesteps[i] ?? 0, 1 - s, s));
    const table = ddim({ grid, prediction: predictionOf(pred), space: 'flow' });
    return { table, startScale: 1, grid: { timesteps, sigmas } };
  },

  'diffusers FlowMatchHeunDiscreteScheduler': ({ pred, params: given }) => {
    const { steps, shift } = heunParams.parse(given);
    const { timesteps, sigmas } = flowGrid({ steps, family: 'flow-match', shift });
    const at = (s: number): PathPoint => ({ ...gridPoint(1000 * s, 1 - s, s), dAlpha: -1, dSigma: 1 });
    const problem = { times: sigmas, at, prediction: predictionOf(pred), space: 'flow' } as const;
    return {
      table: odeInTime(problem, rk2(1)),
      startScale: 1,
      grid: { timesteps: innerTwice(timesteps), sigmas: [...innerTwice(sigmas.slice(0, -1)), sigmas.at(-1)!] },
    };
  },
};

type EulerParams = z.output<typeof eulerParams>;

function rampOf(params: EulerParams): { sigmas?: 'karras' | 'exponential' | 'beta' } {
  if (params.use_karras_sigmas) return { sigmas: 'karras' };
  if (params.use_exponential_sigmas) return { sigmas: 'exponential' };
  return params.use_beta_sigmas ? { sigmas: 'beta' } : {};
}

function dynamicShift({ use_dynamic_shifting, mu, time_shift_type }: EulerParams) {
  if (!use_dynamic_shifting) return {};
  if (mu === undefined) throw new RangeError('use_dynamic_shifting needs a value for mu.');
  return { mu, timeShift: time_shift_type };
}
