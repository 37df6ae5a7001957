import * as z from 'zod';
import { dpm2 } from '../../solvers/dpm2';
import { lms } from '../../solvers/lms';
import { edmPoints, kDiffusionGridParams, kDiffusionSigmas } from './k-diffusion-grid';
import type { Peers } from './peer';

const lmsParameters = z.strictObject({ ...kDiffusionGridParams, order: z.literal([1, 2, 3, 4]).default(4) });
const dpm2Parameters = z.strictObject({ ...kDiffusionGridParams, s_churn: z.literal(0).optional() });

/** k-diffusion's linear multistep sampler and, without churn, its DPM-Solver-2. */
export const kDiffusionLmsPeers: Peers = {
  'crowsonkb/k-diffusion sample_lms': ({ params }) => {
    const { order, ...gridParams } = lmsParameters.parse(params);
    const sigmas = kDiffusionSigmas(gridParams);
    const table = lms({ grid: edmPoints(sigmas), prediction: 'data', space: 've' }, { order });
    return { table, startScale: sigmas[0]!, grid: { sigmas } };
  },
  'crowsonkb/k-diffusion sample_dpm_2': ({ params }) => {
    const sigmas = kDiffusionSigmas(dpm2Parameters.parse(params));
    const table = dpm2(
      { grid: edmPoints(sigmas), prediction: 'data', space: 've' },
      { pointOfLambda: (lambda) => edmPoints([Math.exp(-lambda)])[0]! },
    );
    return { table, startScale: sigmas[0]!, grid: { sigmas } };
  },
};
