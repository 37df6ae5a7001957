import * as z from 'zod';
import { edm } from '../../diffusion/edm';
import { cleanPoint } from '../../diffusion/grid-point';
import { karrasRamp } from '../../diffusion/sigma-ramps';
import { dode } from '../../learn/parameterisations/dode';
import { edmPoints } from './k-diffusion-grid';
import { learnedRun } from './learned';
import type { Peers } from './peer';

const parameters = z.strictObject({
  num_steps: z.int().min(2),
  sigma_min: z.number().positive().default(0.002),
  sigma_max: z.number().positive().default(80),
  rho: z.number().positive().default(7),
  /** How many teacher steps the scalars were fitted with; of no effect once they are. */
  scale: z.int().min(1).default(10),
  /** One for each evaluation; the first is 0. */
  lambdas: z.array(z.number()),
});

/** D-ODE's samplers for EDM at given scalars. One name stands for both; Heun has 2N − 1 of them. */
export const dodePeers: Peers = {
  'kim-sanghwan/D-ODE-Solvers edm/distilled_sampler.py': ({ params }) => {
    const { num_steps: n, sigma_min, sigma_max, rho, lambdas } = parameters.parse(params);
    if (lambdas.length !== n && lambdas.length !== 2 * n - 1) {
      throw new RangeError(`${n} steps have ${n} scalars, or ${2 * n - 1} with Heun, got ${lambdas.length}.`);
    }
    if (lambdas[0] !== 0) throw new RangeError(`The first scalar has no difference to multiply; it must be 0.`);
    const sigmas = karrasRamp(n, sigma_min, sigma_max, rho);
    const problem = { grid: [...edmPoints(sigmas), cleanPoint], prediction: 'data', space: 've' } as const;
    const parameterisation = dode(problem, lambdas.length === n ? 'euler' : 'heun');
    const schedule = edm(sigma_min, sigma_max);
    return learnedRun(schedule, parameterisation, lambdas.slice(1), sigmas[0]);
  },
};
