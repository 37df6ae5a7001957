import * as z from 'zod';
import { analyticFirstStep } from '../../solvers/analytic-first-step';
import { denoiseToZero } from '../../solvers/denoise-to-zero';
import { dpmMultistep } from '../../solvers/dpm-multistep';
import { diffSamplerGridParams, diffSamplerSigmas } from './diff-sampler-grid';
import { edmPoints } from './k-diffusion-grid';
import type { Peers } from './peer';

const parameters = z.strictObject({
  ...diffSamplerGridParams,
  max_order: z.literal([1, 2, 3]).default(3),
  predict_x0: z.boolean().default(true),
  lower_order_final: z.boolean().default(true),
  /** The first evaluation is replaced by what the scale of pure noise tells. */
  afs: z.boolean().default(false),
  denoise_to_zero: z.boolean().default(false),
});

/** `dpm_pp_sampler`: DPM-Solver multistep (midpoint) on data or noise in EDM's space, without its clipping of the data. */
export const diffSamplerDpmppPeers: Peers = {
  'zju-pi/diff-sampler solvers.py dpm_pp_sampler': ({ params }) => {
    const { max_order, predict_x0, lower_order_final, afs, denoise_to_zero, ...schedule } = parameters.parse(params);
    const sigmas = diffSamplerSigmas(schedule);
    const grid = edmPoints(sigmas);
    const steps = grid.length - 1;
    const problem = { grid, prediction: 'data', space: 've' } as const;
    // The order rises to max_order first, whatever is left; only then does the end lower it.
    const order = Array.from({ length: steps }, (_, n) =>
      lower_order_final && n + 1 >= max_order ? Math.min(max_order, steps - n) : Math.min(max_order, n + 1),
    );
    const whole = dpmMultistep(problem, { order, prediction: predict_x0 ? 'data' : 'noise' });
    const { table, scale } = afs ? analyticFirstStep(whole, problem) : { table: whole, scale: 1 };
    return {
      table: denoise_to_zero ? denoiseToZero(problem, table, grid.at(-1)!) : table,
      startScale: scale * sigmas[0]!,
      grid: { t: sigmas },
    };
  },
};
