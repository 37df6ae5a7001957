import * as z from 'zod';
import { ddim } from '../../solvers/ddim';
import { heun } from '../../solvers/heun';
import { edmPoints, kDiffusionGridParams, kDiffusionSigmas } from './k-diffusion-grid';
import type { Peers } from './peer';

/** Without noise added between steps, whatever the other parameters of `churn` are. */
const params = z.strictObject({ ...kDiffusionGridParams, s_churn: z.literal(0).optional() });

/** k-diffusion's Euler and Heun samplers without churn. The step to σ = 0 is Euler's in both. */
export const kDiffusionEulerPeers: Peers = {
  'crowsonkb/k-diffusion sample_euler': (settings) => {
    const sigmas = kDiffusionSigmas(params.parse(settings.params));
    const table = ddim({ grid: edmPoints(sigmas), prediction: 'data', space: 've' });
    return { table, startScale: sigmas[0]!, grid: { sigmas } };
  },
  'crowsonkb/k-diffusion sample_heun': (settings) => {
    const sigmas = kDiffusionSigmas(params.parse(settings.params));
    const table = heun({ grid: edmPoints(sigmas), prediction: 'data', space: 've' }, 2 * sigmas.length - 3);
    return { table, startScale: sigmas[0]!, grid: { sigmas } };
  },
};
