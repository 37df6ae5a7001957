import * as z from 'zod';
import { edm } from '../../diffusion/edm';
import { dyweight } from '../../learn/parameterisations/dyweight';
import { diffSamplerGridParams, diffSamplerSigmas } from './diff-sampler-grid';
import { learnedRun } from './learned';
import type { Peers } from './peer';

const parameters = z.strictObject({
  ...diffSamplerGridParams,
  /** Replaces the first answer of the network by its closed form at high noise. */
  afs: z.boolean().default(false),
  max_history_steps: z.int().min(1).nullish(),
  /** A row for each step, with the weight of each slope, oldest first. */
  weights: z.array(z.array(z.number())),
  /** One for each evaluation; none scales nothing. */
  t_scale: z.array(z.number()).nullish(),
});

/** DyWeight's sampler at given weights. The network predicts the data, x₀ + σε. */
export const dyweightPeers: Peers = {
  'Westlake-AGI-Lab/DyWeight solvers.py dyweight_sampler': ({ params }) => {
    const { afs, weights, t_scale, ...ramp } = parameters.parse(params);
    const t = diffSamplerSigmas(ramp);
    const steps = t.length - 1;
    if (weights.length !== steps)
      throw new RangeError(`${steps} steps have as many rows of weights, got ${weights.length}.`);
    // The sampler uses every weight it is given; `max_history_steps` only masks them while they are learned.
    const rows = weights.map((row, i) => row.slice(0, i + 1).reverse());
    // The program clips no level, so the schedule's ends must not matter.
    const schedule = edm(1e-9, 1e9);
    const parameterisation = dyweight(schedule, t, {
      window: steps,
      guard: 1e-8,
      ...(afs ? { analyticFirstStep: { weight: rows[0]?.[0] ?? 1 } } : {}),
    });
    const learned = afs ? rows.slice(1) : rows;
    const theta = [...learned.flat(), ...(t_scale ?? learned.map(() => 1))];
    return { ...learnedRun(schedule, parameterisation, theta, t[0]), grid: { t } };
  },
};
