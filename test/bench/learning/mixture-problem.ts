import { warmStartNoises } from '../../../src/learn/warm-start';
import { noiseSchedule, startNoiseScale } from '../../../src/diffusion';
import { measure } from '../../../src/jobs/classics';
import { teacherPairs, type TeacherOptions } from '../../../src/jobs/teacher';
import { classicTable } from '../../../src/solvers/registry';
import { analyticMixture } from '../../../src/solvers/testing/analytic-mixture';
import { cacheFolder, type BenchProblem } from './problem';

const teacher = { solver: 'unipc', order: 3, timestep_spacing: 'logsnr' } as const;
const teacherSteps = 100;
const std = 0.15;
const counts = { train: 1024, validation: 512, test: 2048 };

export const mixtureIdentity = `8 means on the unit circle, std ${std}, linear VP; UniPC-3 ${teacherSteps}; ${JSON.stringify(counts)}`;

/** Eight Gaussians on a circle in the plane with their exact denoiser; features are the coordinates. */
export async function openMixture(): Promise<BenchProblem> {
  const schedule = noiseSchedule({ type: 'linear', beta_start: 1e-4, beta_end: 0.02, num_train_timesteps: 1000 });
  const means = Array.from({ length: 8 }, (_, k) => [Math.cos((Math.PI * k) / 4), Math.sin((Math.PI * k) / 4)]);
  const denoiser = analyticMixture(schedule, { means, std }, 'data');
  const { signal } = new AbortController();
  const options = (seed: number): TeacherOptions => ({
    denoiser,
    table: classicTable(schedule, teacher, teacherSteps),
    label: 'UniPC-3',
    identity: mixtureIdentity,
    cacheDir: `${cacheFolder}/teacher`,
    seed,
    noiseScale: startNoiseScale(schedule),
    conditionCount: 0,
    signal,
  });
  const test = await teacherPairs(options(0), 'test', counts.test);
  const variance = 0.5 + std ** 2;
  return {
    identity: mixtureIdentity,
    denoiser,
    schedule,
    test,
    teacherSteps,
    learningPairs: async (seed) => ({
      paths: await teacherPairs(options(seed), 'train', warmStartNoises, schedule),
      train: await teacherPairs(options(seed), 'train', counts.train),
      validation: await teacherPairs(options(seed), 'validation', counts.validation),
    }),
    finerTeacher: async () =>
      (await measure(denoiser, classicTable(schedule, teacher, 2 * teacherSteps), test, signal)).samples,
    judge: async (samples) => ({ features: samples, dim: 2, right: null }),
    real: { count: Infinity, mean: new Float64Array(2), cov: Float64Array.from([variance, 0, 0, variance]) },
    release: async () => {},
  };
}
