import * as z from 'zod';
import { gridPoint, type GridPoint } from '../../diffusion/grid-point';
import { exponentialRamp, karrasRamp, polyexponentialRamp, vpRamp } from '../../diffusion/sigma-ramps';

/** Parameters of every k-diffusion sampler: `n` noise levels of a ramp, e.g. `karras` or `polyexponential1.5`. */
export const kDiffusionGridParams = {
  n: z.int().min(1),
  sigmas: z.union([z.enum(['karras', 'exponential', 'vp']), z.templateLiteral(['polyexponential', z.number()])]),
  /** Ends of the ramp; those of `vp` come from its process. */
  sigma_min: z.number().positive().default(0.002),
  sigma_max: z.number().positive().default(80),
};

/** n falling noise levels, then 0, as k-diffusion's `get_sigmas_…` return them. */
export function kDiffusionSigmas(params: z.output<z.ZodObject<typeof kDiffusionGridParams>>): number[] {
  const { n, sigmas, sigma_min: sigmaMin, sigma_max: sigmaMax } = params;
  const ramp = (): number[] => {
    if (sigmas === 'karras') return karrasRamp(n, sigmaMin, sigmaMax);
    if (sigmas === 'exponential') return exponentialRamp(n, sigmaMin, sigmaMax);
    if (sigmas === 'vp') return vpRamp(n);
    return polyexponentialRamp(n, sigmaMin, sigmaMax, Number(sigmas.replace('polyexponential', '')));
  };
  return [...ramp(), 0];
}

/** Noise levels as points of an EDM model's sampler: x = x₀ + σ·ε, and σ is what the network is handed. */
export function edmPoints(sigmas: readonly number[]): GridPoint[] {
  return sigmas.map((sigma) => gridPoint(sigma, 1, sigma));
}
