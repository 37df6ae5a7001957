import * as z from 'zod';
import { analyticFirstStep } from '../../solvers/analytic-first-step';
import { denoiseToZero } from '../../solvers/denoise-to-zero';
import { unipc } from '../../solvers/unipc';
import { diffSamplerGridParams, diffSamplerSigmas } from './diff-sampler-grid';
import { edmPoints } from './k-diffusion-grid';
import type { Peers } from './peer';

const parameters = z.strictObject({
  ...diffSamplerGridParams,
  max_order: z.literal([1, 2, 3]).default(3),
  variant: z.enum(['bh1', 'bh2']).default('bh2'),
  predict_x0: z.boolean().default(true),
  lower_order_final: z.boolean().default(true),
  /** The first evaluation is replaced by what the scale of pure noise tells. */
  afs: z.boolean().default(false),
  denoise_to_zero: z.boolean().default(false),
});

/** `unipc_sampler`: UniPC on data or noise in EDM's space, without its clipping of the data. */
export const diffSamplerUnipcPeers: Peers = {
  'zju-pi/diff-sampler solvers.py unipc_sampler': ({ params }) => {
    const {
      max_order: order,
      variant,
      predict_x0,
      lower_order_final,
      afs,
      denoise_to_zero,
      ...schedule
    } = parameters.parse(params);
    const t = diffSamplerSigmas(schedule);
    const grid = edmPoints(t);
    if (grid.length <= order) {
      // With fewer, the program corrects after the last step, too.
      throw new RangeError(`A table of order ${order} needs num_steps above ${order}, got ${grid.length}.`);
    }
    const problem = { grid, prediction: 'data', space: 've' } as const;
    const filled = unipc(problem, {
      order,
      variant,
      prediction: predict_x0 ? 'data' : 'noise',
      lowerOrderFinal: lower_order_final,
    });
    const table = denoise_to_zero ? denoiseToZero(problem, filled, grid.at(-1)!) : filled;
    const start = afs ? analyticFirstStep(table, problem) : { table, scale: 1 };
    return { table: start.table, startScale: t[0]! * start.scale, grid: { t } };
  },
};
