import * as z from 'zod';
import { diffusersGrid } from '../../diffusion/diffusers-grid';
import { flowGrid } from '../../diffusion/flow-grid';
import { gridPoint } from '../../diffusion/grid-point';
import { deis } from '../../solvers/deis';
import { rampOf, rampSettings } from './diffusers-ramp';

import { atTimesteps } from './network-levels';
import type { Peers } from './peer';
import { betasOf, predictionOf } from './schedules';

const parameters = z.strictObject({
  steps: z.int().min(1),
  prediction_type: z.enum(['epsilon', 'sample', 'v_prediction', 'flow_prediction']).default('epsilon'),
  solver_order: z.literal([1, 2, 3]).default(2),
  algorithm_type: z.literal('deis').optional(),
  solver_type: z.literal('logrho').optional(),
  thresholding: z.literal(false).optional(),
  lower_order_final: z.boolean().default(true),
  /** Tells what became of lower_order_final, which has no effect from 15 steps on. */
  lower_order_final_effective: z.boolean().optional(),
  ...rampSettings,
  use_flow_sigmas: z.boolean().default(false),
  flow_shift: z.number().positive().default(1),
  timestep_spacing: z.enum(['linspace', 'leading', 'trailing']).default('linspace'),
  steps_offset: z.int().default(0),
});

/** diffusers' DEIS: interpolation in log σ̂, to the lowest noise level of training. */
export const diffusersDeisPeers: Peers = {
  'diffusers DEISMultistepScheduler': ({ schedule, pred, params }) => {
    const { steps, solver_order: order, lower_order_final, ...options } = parameters.parse(params);
    const window = { order, lowerOrderFinal: lower_order_final && steps < 15, variable: 'log-rho' } as const;
    const prediction = predictionOf(pred);
    if (options.use_flow_sigmas) {
      const grid = flowGrid({ family: 'multistep', steps, shift: options.flow_shift, finalSigma: 'last' });
      const points = grid.sigmas.map((sigma, i) => gridPoint(grid.timesteps[i] ?? 0, 1 - sigma, sigma));
      return { table: deis({ grid: points, prediction, space: 'flow' }, window), startScale: 1, grid: { ...grid } };
    }
    const betas = betasOf(schedule);
    const grid = diffusersGrid({
      steps,
      betas,
      family: 'multistep',
      spacing: options.timestep_spacing,
      stepsOffset: options.steps_offset,
      finalSigmas: 'last',
      ...rampOf(options),
    });
    const points = grid.sigmas.map((sigma, i) => {
      const alpha = 1 / Math.sqrt(sigma * sigma + 1);
      return gridPoint(grid.timesteps[i] ?? 0, alpha, sigma * alpha);
    });
    const table = deis({ grid: points, prediction, space: 'vp' }, window);
    return { table: atTimesteps(table, betas), startScale: 1, grid: { ...grid } };
  },
};
