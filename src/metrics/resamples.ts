import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

/**
 * Bootstrap resamples of `count` samples (Efron & Tibshirani 1993), drawn once and used for every statistic: two solvers
 * measured on the same noises are then compared on the same resamples, which is what makes their comparison paired.
 */
export class Resamples {
  /** How often sample i is in resample r, at r·count + i. */
  private readonly times: Uint8Array;

  /** @param seed the same seed gives the same resamples */
  constructor(
    readonly count: number,
    seed: number,
    readonly size = 1000,
  ) {
    const generator = xoroshiro128plus(seed);
    this.times = new Uint8Array(count * size);
    for (let r = 0; r < size; r++) {
      const part = this.of(r);
      for (let i = 0; i < count; i++) part[uniformInt(generator, 0, count - 1)]!++;
    }
  }

  /** How often each sample is in resample r; the sum is `count`. */
  of(r: number): Uint8Array {
    return this.times.subarray(r * this.count, (r + 1) * this.count);
  }

  /** The mean of each resample. @param values one number a sample */
  means(values: ArrayLike<number>): Float64Array {
    const means = new Float64Array(this.size);
    for (let r = 0; r < this.size; r++) {
      const part = this.of(r);
      let sum = 0;
      for (let i = 0; i < this.count; i++) sum += part[i]! * values[i]!;
      means[r] = sum / this.count;
    }
    return means;
  }

  /** 95 % percentile interval of the mean. */
  meanInterval(values: ArrayLike<number>): Interval {
    return percentiles95(this.means(values));
  }

  /** 95 % percentile interval of mean(a)/mean(b), paired: sample i of both comes from one noise. */
  ratioInterval(a: ArrayLike<number>, b: ArrayLike<number>): Interval {
    const below = this.means(b);
    return percentiles95(this.means(a).map((above, r) => above / below[r]!));
  }

  /**
   * 95 % interval of a distance between distributions. A resample holds two thirds of the samples, so that its distance is
   * too large by the bias of fewer samples: the percentiles are moved so that their mean is the value of the whole set.
   *
   * @param ofResample the distance of a resample, given how often each sample is in it
   * @param size the first so many resamples, for distances that cost much
   */
  distanceInterval(whole: number, ofResample: (times: Uint8Array) => number, size = this.size): Interval {
    const values = Float64Array.from({ length: Math.min(size, this.size) }, (_, r) => ofResample(this.of(r)));
    const shift = whole - values.reduce((sum, value) => sum + value, 0) / values.length;
    const [low, high] = percentiles95(values);
    return [Math.max(0, Math.min(whole, low + shift)), Math.max(whole, high + shift)];
  }
}

export type Interval = readonly [low: number, high: number];

/** The 2.5 % and 97.5 % percentiles, linear between neighbours. */
export function percentiles95(values: Float64Array): Interval {
  const sorted = Float64Array.from(values).sort();
  const at = (share: number): number => {
    const place = share * (sorted.length - 1);
    const below = sorted[Math.floor(place)]!;
    const above = sorted[Math.ceil(place)]!;
    // Equal neighbours first: both may be infinite.
    return below === above ? below : below + (place - Math.floor(place)) * (above - below);
  };
  return [at(0.025), at(0.975)];
}
