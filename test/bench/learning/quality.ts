import { mean, squaredErrors } from '../../../src/learn/objective';
import { featureStatistics, type FeatureStatistics } from '../../../src/metrics/frechet';
import { FrechetReference } from '../../../src/metrics/frechet-sample';
import { Resamples, type Interval } from '../../../src/metrics/resamples';
import { SlicedWasserstein } from '../../../src/metrics/sliced-wasserstein';
import type { BenchProblem } from './problem';
import type { CellQuality } from './results';

const seed = 0;
const frechetResamples = 100;

/** @param samples of the test noises; @param targets what they should be, for the error */
export async function qualityOf(
  problem: BenchProblem,
  samples: Float32Array,
  targets: Float32Array,
): Promise<CellQuality> {
  const { count, dim, targets: teacher } = problem.test;
  const resamples = new Resamples(count, seed);
  const errors = Array.from(squaredErrors(samples, targets, dim));
  const { features, dim: width, right } = await problem.judge(samples);
  const distance = (statistics: FeatureStatistics): { value: number; interval: Interval } => {
    const of = new FrechetReference(statistics).distanceOf(features);
    const value = of();
    return { value, interval: resamples.distanceInterval(value, of, frechetResamples) };
  };
  const toTeacher = distance(featureStatistics((await problem.judge(teacher)).features, width));
  const toData = distance(problem.real);
  return {
    mse: mean(errors),
    mse_ci95: resamples.meanInterval(errors),
    fd_teacher: toTeacher.value,
    fd_teacher_ci95: toTeacher.interval,
    fd_data: toData.value,
    fd_data_ci95: toData.interval,
    sliced_wasserstein: new SlicedWasserstein(teacher, dim, seed).distanceOf(samples)(),
    accuracy: right && mean(right),
    accuracy_ci95: right && resamples.meanInterval(right),
    errors,
  };
}
