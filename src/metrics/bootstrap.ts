import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { uniformInt } from 'pure-rand/distribution/uniformInt';

/**
 * 95 % percentile bootstrap interval of the mean over samples.
 *
 * @param values one number a sample.
 * @param seed the same seed gives the same interval.
 */
export function bootstrapCi95(values: ArrayLike<number>, seed: number, resamples = 2000): [number, number] {
  const generator = xoroshiro128plus(seed);
  const count = values.length;
  const means = new Float64Array(resamples);
  for (let r = 0; r < resamples; r++) {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += values[uniformInt(generator, 0, count - 1)]!;
    means[r] = sum / count;
  }
  means.sort();
  const at = (share: number): number => means[Math.min(resamples - 1, Math.floor(share * resamples))]!;
  return [at(0.025), at(0.975)];
}
