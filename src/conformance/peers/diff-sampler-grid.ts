import * as z from 'zod';
import { exponentialRamp, karrasRamp } from '../../diffusion/sigma-ramps';

/** The parameters of zju-pi/diff-sampler's `get_schedule`, which all of its samplers have. */
export const diffSamplerGridParams = {
  /** The number of noise levels, one more than there are steps. */
  num_steps: z.int().min(2),
  sigma_min: z.number().positive().default(0.002),
  sigma_max: z.number().positive().default(80),
  schedule_type: z.enum(['polynomial', 'logsnr', 'time_uniform']).default('polynomial'),
  schedule_rho: z.number().positive().default(7),
};

type DiffSamplerGrid = z.output<z.ZodObject<typeof diffSamplerGridParams>>;

/** The noise levels σ of `get_schedule`, num_steps of them. */
export function diffSamplerSigmas({
  num_steps: n,
  sigma_min,
  sigma_max,
  schedule_type,
  schedule_rho: rho,
}: DiffSamplerGrid): number[] {
  switch (schedule_type) {
    case 'polynomial':
      return karrasRamp(n, sigma_min, sigma_max, rho);
    case 'logsnr':
      return exponentialRamp(n, sigma_min, sigma_max);
    case 'time_uniform': {
      // The program's own powers and differences instead of `timeUniformRamp`: near sigma_min they cancel, and the grid
      // has an error of 1e-11 that the more exact formula does not have.
      const end = 1e-3;
      const [low, high] = [Math.log(sigma_min ** 2 + 1), Math.log(sigma_max ** 2 + 1)];
      const betaD = (2 * (low / end - high)) / (end - 1);
      const betaMin = high - 0.5 * betaD;
      return Array.from({ length: n }, (_, i) => {
        const t = (1 + (i / (n - 1)) * (end ** (1 / rho) - 1)) ** rho;
        return Math.sqrt(Math.E ** (0.5 * betaD * (t * t) + betaMin * t) - 1);
      });
    }
  }
}
