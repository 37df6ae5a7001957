import * as z from 'zod';
import { discreteTime, dpmSolverGrid, ownTime } from '../../diffusion/dpm-solver-grid';
import { denoiseToZero } from '../../solvers/denoise-to-zero';
import type { TableProblem } from '../../solvers/linear-form';
import { unipc } from '../../solvers/unipc';
import type { PeerRun, Peers, PeerSettings } from './peer';
import { predictionOf, scheduleOf, spaceOf } from './schedules';

const parameters = z.strictObject({
  steps: z.int().min(1),
  order: z.int().min(1).max(4).default(2),
  skip_type: z.enum(['time_uniform', 'time_quadratic', 'logSNR']).default('time_uniform'),
  method: z.literal('multistep').optional(),
  algorithm_type: z.enum(['data_prediction', 'noise_prediction']).default('data_prediction'),
  variant: z.enum(['bh1', 'bh2', 'vary_coeff']).default('bh1'),
  lower_order_final: z.boolean().default(true),
  denoise_to_zero: z.boolean().default(false),
  t_start: z.number().optional(),
  t_end: z.number().optional(),
});

/** `UniPC.sample` of the authors, on its continuous linear and its discrete schedules. */
function unipcOfficial({ schedule, space, pred, params }: PeerSettings): PeerRun {
  const { steps, order, t_start, t_end, ...parsed } = parameters.parse(params);
  if (steps < order)
    throw new RangeError(`The program needs at least ${order} steps for order ${order}, got ${steps}.`);
  const own = scheduleOf(schedule, 'log-alpha');
  const time = schedule === 'vp_linear' ? ownTime(own) : discreteTime(own);
  const t = dpmSolverGrid(time, parsed.skip_type, steps, {
    ...(t_start === undefined ? {} : { tStart: t_start }),
    ...(t_end === undefined ? {} : { tEnd: t_end }),
  });
  const problem: TableProblem = {
    grid: t.map((each) => time.point(each)),
    prediction: predictionOf(pred),
    space: spaceOf(space),
  };
  const table = unipc(problem, {
    // Only what follows the first order − 1 steps is lowered at the end.
    order: t.slice(1).map((_, n) => {
      if (n + 1 < order) return n + 1;
      return parsed.lower_order_final ? Math.min(order, steps - n) : order;
    }),
    prediction: parsed.algorithm_type === 'data_prediction' ? 'data' : 'noise',
    variant: parsed.variant,
  });
  return {
    table: parsed.denoise_to_zero ? denoiseToZero(problem, table, problem.grid.at(-1)!) : table,
    startScale: 1,
    grid: { t },
  };
}

export const unipcPeers: Peers = { 'wl-zhao/UniPC uni_pc.py': unipcOfficial };
