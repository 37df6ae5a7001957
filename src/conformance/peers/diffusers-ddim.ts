import * as z from 'zod';
import { diffusersGrid } from '../../diffusion/diffusers-grid';
import { zeroTerminalSnr } from '../../diffusion/zero-terminal-snr';
import { ddim } from '../../solvers/ddim';
import { vpLevels } from './diffusers-vp-levels';
import type { Peers } from './peer';
import { betasOf, predictionOf } from './schedules';

const parameters = z.strictObject({
  steps: z.int().min(1),
  prediction_type: z.enum(['epsilon', 'sample', 'v_prediction']).default('epsilon'),
  /** The program's own default clips, which no table can. */
  clip_sample: z.literal(false),
  clip_sample_range: z.number().optional(),
  thresholding: z.literal(false).optional(),
  /** Makes no difference without clipping. */
  use_clipped_model_output: z.boolean().optional(),
  eta: z.literal(0).optional(),
  set_alpha_to_one: z.boolean().default(true),
  steps_offset: z.int().default(0),
  timestep_spacing: z.enum(['leading', 'linspace', 'trailing']).default('leading'),
  rescale_betas_zero_snr: z.boolean().default(false),
});

/** diffusers' DDIM without noise. */
export const diffusersDdimPeers: Peers = {
  'diffusers DDIMScheduler': ({ schedule, pred, params }) => {
    const { steps, ...options } = parameters.parse(params);
    const betas = options.rescale_betas_zero_snr ? zeroTerminalSnr(betasOf(schedule)) : betasOf(schedule);
    const { timestep_spacing: spacing, steps_offset: stepsOffset } = options;
    const { timesteps } = diffusersGrid({ steps, betas, family: 'ddim', spacing, stepsOffset });
    const { stride, at } = vpLevels(betas, steps, options.set_alpha_to_one);
    const moves = timesteps.map((t) => ({ from: at(t), to: at(t - stride) }));
    const problem = { grid: timesteps.map(at), prediction: predictionOf(pred), space: 'vp' } as const;
    return { table: ddim(problem, moves), startScale: 1, grid: { timesteps } };
  },
};
