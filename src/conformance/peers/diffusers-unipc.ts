import * as z from 'zod';
import { linearBetas } from '../../diffusion/discrete-vp';
import { diffusersGrid, type DiffusersGrid } from '../../diffusion/diffusers-grid';
import { flowGrid } from '../../diffusion/flow-grid';
import { zeroTerminalSnr } from '../../diffusion/zero-terminal-snr';
import { unipc } from '../../solvers/unipc';
import { rampOf, rampSettings } from './diffusers-ramp';
import { statePoints } from './diffusers-vp-state';
import { atTimesteps } from './network-levels';
import type { Peers } from './peer';
import { betasOf, predictionOf, predOfType } from './schedules';

const parameters = z.strictObject({
  steps: z.int().min(1),
  solver_order: z.literal([1, 2, 3, 4]).default(2),
  solver_type: z.enum(['bh1', 'bh2']).default('bh2'),
  prediction_type: z.enum(['epsilon', 'sample', 'v_prediction', 'flow_prediction']).default('epsilon'),
  predict_x0: z.boolean().default(true),
  thresholding: z.literal(false).optional(),
  lower_order_final: z.boolean().default(true),
  /** Tells what became of lower_order_final: always what was asked for. */
  lower_order_final_effective: z.boolean().optional(),
  disable_corrector: z.array(z.int().min(0)).default([]),
  ...rampSettings,
  use_flow_sigmas: z.boolean().default(false),
  flow_shift: z.number().positive().default(1),
  timestep_spacing: z.enum(['linspace', 'leading', 'trailing']).default('linspace'),
  steps_offset: z.int().default(0),
  final_sigmas_type: z.enum(['zero', 'sigma_min']).default('zero'),
  rescale_betas_zero_snr: z.boolean().default(false),
});
type Parameters = z.output<typeof parameters>;

/** UniPC of diffusers, for discrete and flow models. */
export const diffusersUnipcPeers: Peers = {
  'diffusers UniPCMultistepScheduler': ({ schedule, space, pred, params }) => {
    const settings = parameters.parse(params);
    const flow = settings.use_flow_sigmas;
    if (pred !== predOfType[settings.prediction_type] || space !== (flow ? 'rf' : 'vp')) {
      throw new RangeError(
        `UniPC with ${settings.prediction_type} does not drive a ${pred} network in ${space} space.`,
      );
    }
    // Without a schedule of its own, as for flow, the scheduler has the betas of its defaults.
    const given = flow ? linearBetas(1e-4, 0.02, 1000) : betasOf(schedule);
    const betas = settings.rescale_betas_zero_snr ? zeroTerminalSnr(given) : given;
    const grid = flow ? flowSigmas(settings, betas) : vpSigmas(settings, betas);
    const table = unipc(
      { grid: statePoints(grid, flow), prediction: predictionOf(pred), space: flow ? 'flow' : 'vp' },
      {
        order: settings.solver_order,
        variant: settings.solver_type,
        prediction: settings.predict_x0 ? 'data' : 'noise',
        corrector: { except: settings.disable_corrector },
        lowerOrderFinal: settings.lower_order_final,
      },
    );
    return { table: flow ? table : atTimesteps(table, betas), startScale: 1, grid: { ...grid } };
  },
};

function vpSigmas(settings: Parameters, betas: Float64Array): DiffusersGrid {
  return diffusersGrid({
    steps: settings.steps,
    betas,
    family: 'multistep',
    spacing: settings.timestep_spacing,
    stepsOffset: settings.steps_offset,
    // This scheduler repeats the last level of a ramp, which makes a step that changes nothing.
    finalSigmas: settings.final_sigmas_type === 'zero' ? 'zero' : 'last',
    ...rampOf(settings),
  });
}

function flowSigmas(settings: Parameters, betas: Float64Array): DiffusersGrid {
  const { steps, flow_shift: shift, final_sigmas_type } = settings;
  const ramp = rampOf(settings).sigmas;
  if (ramp === undefined) {
    return flowGrid({ family: 'unipc', steps, shift, finalSigma: final_sigmas_type === 'zero' ? 0 : 'last' });
  }
  if (ramp !== 'karras') throw new RangeError(`For flow models UniPC has karras sigmas and no ${ramp} sigmas.`);
  // The ramp is over the σ̂ of the betas; σ = σ̂/(1 + σ̂) has the same signal-to-noise ratio. There is no shift.
  const levels = vpSigmas(settings, betas).sigmas.map((sigma) => sigma / (sigma + 1));
  return { timesteps: levels.slice(0, -1).map((sigma) => Math.trunc(sigma * 1000)), sigmas: levels };
}
