import * as z from 'zod';
import { diffusersGrid } from '../../diffusion/diffusers-grid';
import { lms } from '../../solvers/lms';
import { rampOf, rampSettings } from './diffusers-ramp';
import { initialNoise, veStatePoints } from './diffusers-ve-state';

import { atTimesteps } from './network-levels';
import type { Peers } from './peer';
import { betasOf, predictionOf } from './schedules';

const parameters = z.strictObject({
  steps: z.int().min(1),
  prediction_type: z.enum(['epsilon', 'sample', 'v_prediction']).default('epsilon'),
  ...rampSettings,
  timestep_spacing: z.enum(['linspace', 'leading', 'trailing']).default('linspace'),
  steps_offset: z.int().default(0),
  /** An argument of the scheduler's `step`. */
  order: z.literal([1, 2, 3, 4]).default(4),
});

/** diffusers' LMS, which integrates numerically what `lms` has in closed form. */
export const diffusersLmsPeers: Peers = {
  'diffusers LMSDiscreteScheduler': ({ schedule, pred, params }) => {
    const { steps, order, timestep_spacing: spacing, steps_offset: stepsOffset, ...options } = parameters.parse(params);
    const betas = betasOf(schedule);
    const grid = diffusersGrid({ steps, betas, family: 'euler', spacing, stepsOffset, ...rampOf(options) });
    const table = lms(
      {
        grid: veStatePoints(grid.timesteps, grid.sigmas),
        prediction: predictionOf(pred),
        space: 've',
        networkSpace: 'vp',
      },
      { order },
    );
    return {
      table: atTimesteps(table, betas),
      startScale: initialNoise(spacing, grid.sigmas),
      grid: { ...grid },
    };
  },
};
