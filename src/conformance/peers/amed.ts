import * as z from 'zod';
import { edm } from '../../diffusion/edm';
import { cleanPoint } from '../../diffusion/grid-point';
import { amed } from '../../learn/parameterisations/amed';
import { denoiseToZero } from '../../solvers/denoise-to-zero';
import { diffSamplerGridParams, diffSamplerSigmas } from './diff-sampler-grid';
import { edmPoints } from './k-diffusion-grid';
import { learnedRun } from './learned';
import type { Peers } from './peer';

const perStep = z.array(z.number().positive());

const parameters = z.strictObject({
  ...diffSamplerGridParams,
  /** Replaces the first answer of the network by its closed form at high noise. */
  afs: z.boolean().default(false),
  denoise_to_zero: z.boolean().default(false),
  r: z.array(z.number().gt(0).lt(1)),
  scale_dir: perStep,
  /** None scales nothing. */
  scale_time: perStep.nullish(),
});

/** How far c and a may be from 1 here; the program's own networks keep them closer. */
const reach = 0.9;

/** The AMED solver with constants for its predictor's answers. */
export const amedPeers: Peers = {
  'zju-pi/diff-sampler amed-solver solvers_amed.py amed_sampler (constant predictor)': ({ params }) => {
    const { afs, denoise_to_zero, r, scale_dir, scale_time, ...ramp } = parameters.parse(params);
    const t = diffSamplerSigmas(ramp);
    const schedule = edm(1e-9, 1e9);
    const parameterisation = amed(schedule, t, {
      directionRange: reach,
      timeRange: scale_time ? reach : 0,
      ...(afs ? { analyticFirstStep: { r: r[0]! } } : {}),
    });
    const theta = [
      ...r.slice(afs ? 1 : 0).map((share) => Math.log(share / (1 - share))),
      ...[...scale_dir, ...(scale_time ?? [])].map((factor) => 2 * Math.atanh((factor - 1) / reach)),
    ];
    const { table, startScale } = learnedRun(schedule, parameterisation, theta, t[0]);
    const problem = { grid: [...edmPoints(t), cleanPoint], prediction: 'data', space: 've' } as const;
    return {
      table: denoise_to_zero ? denoiseToZero(problem, table, edmPoints(t).at(-1)!) : table,
      startScale,
      grid: { t },
    };
  },
};
