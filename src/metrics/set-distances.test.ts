import { describe, expect, it } from 'vitest';
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { featureStatistics, frechetDistance } from './frechet';
import { FrechetReference } from './frechet-sample';
import { psnr, rangeOf } from './psnr';
import { percentiles95, Resamples } from './resamples';
import { SlicedWasserstein } from './sliced-wasserstein';

function normals(count: number, seed: number): Float32Array {
  const generator = xoroshiro128plus(seed);
  return Float32Array.from(
    { length: count },
    () => Math.sqrt(-2 * Math.log(1 - uniformFloat64(generator))) * Math.cos(2 * Math.PI * uniformFloat64(generator)),
  );
}

describe('Resamples', () => {
  it('covers the mean of an exponential distribution about 95 times in 100', () => {
    let covered = 0;
    const trials = 300;
    for (let trial = 0; trial < trials; trial++) {
      const generator = xoroshiro128plus(trial + 1);
      const values = Float64Array.from({ length: 80 }, () => -Math.log(1 - uniformFloat64(generator)));
      const [low, high] = new Resamples(80, trial, 300).meanInterval(values);
      if (low <= 1 && 1 <= high) covered++;
    }
    // Percentile intervals of skewed data are a little too narrow at 80 samples: about 93 %.
    expect(covered / trials).toBeGreaterThan(0.89);
    expect(covered / trials).toBeLessThan(0.98);
  });

  it('compares paired: the ratio of two errors of the same noises is known far better than either', () => {
    const a = Float64Array.from(normals(200, 5), (x) => Math.exp(2 * x));
    const b = a.map((x) => 0.5 * x);
    const resamples = new Resamples(200, 3);
    const [low, high] = resamples.ratioInterval(b, a);
    expect(low).toBeCloseTo(0.5, 12);
    expect(high).toBeCloseTo(0.5, 12);
    const [meanLow, meanHigh] = resamples.meanInterval(a);
    expect(meanHigh / meanLow).toBeGreaterThan(1.2);
    expect(new Resamples(200, 3).meanInterval(a)).toEqual([meanLow, meanHigh]);
    expect(new Resamples(200, 4).meanInterval(a)).not.toEqual([meanLow, meanHigh]);
  });

  it('takes every resample to be of the whole count, and its percentiles between neighbours', () => {
    const resamples = new Resamples(37, 1, 5);
    for (let r = 0; r < 5; r++) expect(resamples.of(r).reduce((sum, times) => sum + times, 0)).toBe(37);
    expect(percentiles95(Float64Array.from({ length: 41 }, (_, i) => 40 - i))).toEqual([1, 39]);
  });
});

describe('psnr', () => {
  it('is 20·log10 of peak over error, and infinite without error', () => {
    const [equal, tenth, none] = psnr([4, 0.04, 0], 2);
    expect(equal).toBeCloseTo(0, 12);
    expect(tenth).toBeCloseTo(20, 12);
    expect(none).toBe(Infinity);
    expect(rangeOf([-1, 0.5, 1])).toBe(2);
  });
});

describe('SlicedWasserstein', () => {
  const dim = 3;
  const base = normals(400 * dim, 2);

  it('of a shifted set is the length of the shift along the directions: |m|/√dim on average', () => {
    const shift = [0.6, -0.8, 1.2];
    const shifted = base.map((value, i) => value + shift[i % dim]!);
    const distance = new SlicedWasserstein(base, dim, 1, 4000).distanceOf(shifted)();
    expect(distance).toBeCloseTo(Math.hypot(...shift) / Math.sqrt(dim), 1);
    const one = base.filter((_, i) => i % dim === 0);
    expect(
      new SlicedWasserstein(
        one.map((x) => x - 2),
        1,
        1,
        2,
      ).distanceOf(one)(),
    ).toBeCloseTo(2, 5);
  });

  it('of a scaled Gaussian is the difference of the standard deviations', () => {
    const many = normals(20_000, 9);
    const rms = Math.sqrt(many.reduce((sum, x) => sum + x * x, 0) / many.length);
    const wide = many.map((x) => 3 * x);
    expect(new SlicedWasserstein(many, 1, 1, 1).distanceOf(wide)()).toBeCloseTo(2 * rms, 4);
  });

  it('does not see an exchange of samples, and is zero for the reference itself', () => {
    const reversed = new Float32Array(base.length);
    for (let i = 0; i < 400; i++) reversed.set(base.subarray((399 - i) * dim, (400 - i) * dim), i * dim);
    const distance = new SlicedWasserstein(base, dim, 1);
    expect(distance.distanceOf(reversed)()).toBe(0);
  });

  it('of a resample is that of the repeated samples', () => {
    const other = normals(5 * dim, 8);
    const reference = base.subarray(0, 5 * dim);
    const times = Uint8Array.of(2, 0, 1, 2, 0);
    const repeat = (set: Float32Array): Float32Array =>
      Float32Array.from([0, 0, 2, 3, 3].flatMap((i) => [...set.subarray(i * dim, (i + 1) * dim)]));
    const direct = new SlicedWasserstein(repeat(reference), dim, 7, 32).distanceOf(repeat(other))();
    const weighted = new SlicedWasserstein(reference, dim, 7, 32).distanceOf(other);
    expect(weighted(times)).toBeCloseTo(direct, 12);
    expect(weighted(Uint8Array.of(1, 1, 1, 1, 1))).toBeCloseTo(weighted(), 12);
  });
});

describe('FrechetReference', () => {
  it.each([
    ['more samples than features', 40],
    ['fewer samples than features', 6],
  ])('is the distance of the statistics with %s', (_, count) => {
    const d = 8;
    const real = featureStatistics(normals(200 * d, 3), d);
    const features = normals(count * d, 4).map((x) => 1.5 * x + 0.2);
    const distance = new FrechetReference(real).distanceOf(features);
    expect(distance()).toBeCloseTo(frechetDistance(featureStatistics(features, d), real), 6);
    const twice = Float32Array.from([...features.subarray(0, 3 * d), ...features.subarray(2 * d, 3 * d)]);
    const times = Uint8Array.from({ length: count }, (_, i) => [1, 1, 2][i] ?? 0);
    expect(distance(times)).toBeCloseTo(frechetDistance(featureStatistics(twice, d), real), 6);
  });

  it('knows its bias: samples of the statistics themselves have the distance 0, and too much of it when they are few', () => {
    const d = 4;
    const real = featureStatistics(
      normals(50_000 * d, 6).map((x, i) => (1 + (i % d)) * x + i / 1e5),
      d,
    );
    const reference = new FrechetReference(real);
    const few = normals(32 * d, 1).map((x, i) => (1 + (i % d)) * x + real.mean[i % d]!);
    const bias = reference.bias(32, 5);
    expect(bias).toBeGreaterThan(0.3);
    expect(reference.distanceOf(few)()).toBeGreaterThan(bias / 3);
    expect(reference.distanceOf(few)()).toBeLessThan(3 * bias);
    // It falls with one over the count.
    expect(bias / reference.bias(512, 5)).toBeGreaterThan(8);
    expect(bias / reference.bias(512, 5)).toBeLessThan(32);
    expect(reference.bias(32, 5)).toBe(bias);
  });
});
