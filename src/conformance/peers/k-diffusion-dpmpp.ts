import * as z from 'zod';
import { dpmMultistep } from '../../solvers/dpm-multistep';
import { edmPoints, kDiffusionGridParams, kDiffusionSigmas } from './k-diffusion-grid';
import type { Peers } from './peer';

const parameters = z.strictObject(kDiffusionGridParams);

/** `sample_dpmpp_2m`: the midpoint form on the denoiser's output, its order falling only for the step to σ = 0. */
export const kDiffusionDpmppPeers: Peers = {
  'crowsonkb/k-diffusion sample_dpmpp_2m': ({ params }) => {
    const sigmas = kDiffusionSigmas(parameters.parse(params));
    const problem = { grid: edmPoints(sigmas), prediction: 'data', space: 've' } as const;
    const table = dpmMultistep(problem, { order: 2, lowerOrderFinal: false });
    return { table, startScale: sigmas[0]!, grid: { sigmas } };
  },
};
