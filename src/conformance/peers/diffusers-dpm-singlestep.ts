import * as z from 'zod';
import { diffusersGrid, trainingSigmas, type DiffusersGrid } from '../../diffusion/diffusers-grid';
import { linearBetas } from '../../diffusion/discrete-vp';
import { flowGrid } from '../../diffusion/flow-grid';
import { dpmSinglestep, fastOrders } from '../../solvers/dpm-singlestep';
import { statePoints } from './diffusers-vp-state';
import { atTimesteps } from './network-levels';
import type { PeerRun, Peers } from './peer';
import { betasOf, predictionOf, spaceOf } from './schedules';

const settings = z.strictObject({
  steps: z.int().min(1),
  solver_order: z.int().min(1).max(3).default(2),
  /** What `pred` of the case says too. */
  prediction_type: z.enum(['epsilon', 'sample', 'v_prediction', 'flow_prediction']).optional(),
  // The program itself reads the names of other schedulers' settings as its own.
  algorithm_type: z.enum(['dpmsolver', 'dpmsolver++', 'deis']).default('dpmsolver++'),
  solver_type: z.enum(['midpoint', 'heun', 'logrho', 'bh1', 'bh2']).default('midpoint'),
  lower_order_final: z.boolean().default(false),
  /** What `lower_order_final` is after `set_timesteps`, which may change it. */
  lower_order_final_effective: z.boolean().optional(),
  final_sigmas_type: z.enum(['zero', 'sigma_min']).default('zero'),
  lambda_min_clipped: z.number().optional(),
  use_karras_sigmas: z.boolean().default(false),
  use_exponential_sigmas: z.boolean().default(false),
  use_beta_sigmas: z.boolean().default(false),
  use_flow_sigmas: z.boolean().default(false),
  flow_shift: z.number().positive().default(1),
  thresholding: z.literal(false).optional(),
});
type Settings = z.output<typeof settings>;

/** diffusers' scheduler, in which every step of the sampler is one evaluation and a list says when orders begin anew. */
export const diffusersDpmSinglestepPeers: Peers = {
  'diffusers DPMSolverSinglestepScheduler': ({ schedule, space, pred, params }): PeerRun => {
    const parsed = settings.parse(params);
    const { use_flow_sigmas: flow, algorithm_type: algorithm, solver_type: solverType } = parsed;
    // A flow case has no betas; the scheduler then has those of its defaults.
    const betas = flow ? linearBetas(1e-4, 0.02, 1000) : betasOf(schedule);
    const grid = gridOf(parsed, betas);
    const table = dpmSinglestep(
      { grid: statePoints(grid, flow), prediction: predictionOf(pred), space: spaceOf(space) },
      {
        orders: ordersOf(parsed),
        prediction: algorithm === 'dpmsolver' ? 'noise' : 'data',
        variant: solverType === 'heun' ? 'taylor' : 'midpoint',
      },
    );
    return { table: flow ? table : atTimesteps(table, betas), startScale: 1, grid: { ...grid } };
  },
};

function gridOf(parsed: Settings, betas: Float64Array): DiffusersGrid {
  const { steps, final_sigmas_type: finalSigmas, lambda_min_clipped: lambdaMinClipped } = parsed;
  // In the program's own order of precedence.
  const sigmas = parsed.use_karras_sigmas
    ? 'karras'
    : parsed.use_exponential_sigmas
      ? 'exponential'
      : parsed.use_beta_sigmas
        ? 'beta'
        : undefined;
  if (sigmas === undefined && parsed.use_flow_sigmas) {
    // σ̂ of the first β, though flow has no part in the betas.
    const finalSigma = finalSigmas === 'zero' ? 0 : trainingSigmas(betas)[0]!;
    return flowGrid({ steps, shift: parsed.flow_shift, family: 'multistep', finalSigma });
  }
  return diffusersGrid({
    steps,
    betas,
    family: 'multistep',
    spacing: 'linspace',
    finalSigmas,
    ...(sigmas === undefined ? {} : { sigmas }),
    ...(lambdaMinClipped === undefined ? {} : { lambdaMinClipped }),
  });
}

/**
 * `get_order_list` with the orders of a step told once: its 1, 2, 3 is a step of order 3. `lower_order_final` is switched
 * on for steps that do not divide and for a last noise level of zero, which moreover makes the last evaluation a step of
 * its own.
 */
function ordersOf(parsed: Settings): number[] {
  const { steps, solver_order: order, final_sigmas_type: finalSigmas } = parsed;
  const toZero = finalSigmas === 'zero';
  const lower = parsed.lower_order_final_effective ?? (parsed.lower_order_final || steps % order !== 0 || toZero);
  let orders: number[];
  if (!lower) orders = Array.from({ length: steps / order }, () => order);
  else if (order === 2 && steps % 2 === 0) orders = [...fastOrders(steps - 1, 2), 1];
  else orders = fastOrders(steps, order);
  const last = orders.at(-1)!;
  return toZero && last > 1 ? [...orders.slice(0, -1), last - 1, 1] : orders;
}
