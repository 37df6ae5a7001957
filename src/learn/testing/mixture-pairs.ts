import { noiseSchedule, startNoiseScale } from '../../diffusion';
import { classicTable } from '../../solvers/registry';
import { sample } from '../../solvers/sampler';
import { analyticMixture } from '../../solvers/testing/analytic-mixture';
import type { PairSet } from '../pairs';
import { teacherPath } from '../teacher-path';
import { noiseOf } from './check-parameterisation';

const dim = 16;

/** Ten narrow Gaussians in sixteen dimensions under an EDM schedule: a denoiser that is anything but linear. */
export const mixtureSchedule = noiseSchedule({ type: 'edm', sigma_min: 0.002, sigma_max: 80 });
export const mixtureDenoiser = analyticMixture(mixtureSchedule, {
  means: Array.from({ length: 10 }, (_, k) => Array.from(noiseOf(k + 1, dim))),
  std: 0.2,
});

/** Pairs of the mixture by UniPC-3 with 20 evaluations, with its paths. */
export async function mixturePairs(count: number, seed: number): Promise<PairSet> {
  const scale = startNoiseScale(mixtureSchedule);
  // Sums of three uniform numbers are normal enough.
  const [a, b, c] = [0, 1, 2].map((i) => noiseOf(7 * seed + i, count * dim)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const noises = Float32Array.from(a, (u, e) => scale * (u + b[e]! + c[e]!));
  const conditions = new Int32Array(count);
  const teacher = classicTable(mixtureSchedule, { solver: 'unipc', order: 3, timestep_spacing: 'logsnr' }, 20);
  const run = await sample(mixtureDenoiser, teacher, noises, conditions);
  const path = teacherPath(mixtureSchedule, teacher, run, count);
  return { count, dim, noises, targets: run.states[20]!, conditions, path };
}
