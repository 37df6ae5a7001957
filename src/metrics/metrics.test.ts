import { describe, expect, it } from 'vitest';
import { accuracy } from './accuracy';
import { bootstrapCi95 } from './bootstrap';
import { featureStatistics, frechetDistance } from './frechet';

describe('bootstrapCi95', () => {
  it('holds the mean, is deterministic, and narrows with the square root of the count', () => {
    const values = (n: number): number[] => Array.from({ length: n }, (_, i) => (i * 7919) % 101);
    const [lo, hi] = bootstrapCi95(values(101), 3);
    expect(lo).toBeLessThan(50);
    expect(hi).toBeGreaterThan(50);
    expect(bootstrapCi95(values(101), 3)).toEqual([lo, hi]);
    const [lo16, hi16] = bootstrapCi95(values(1616), 3);
    expect((hi - lo) / (hi16 - lo16)).toBeGreaterThan(3.3);
    expect((hi - lo) / (hi16 - lo16)).toBeLessThan(4.8);
  });
});

describe('frechetDistance', () => {
  it('of diagonal Gaussians is the closed form', () => {
    const stats = (mean: number[], variances: number[]): Parameters<typeof frechetDistance>[0] => ({
      count: 100,
      mean: Float64Array.from(mean),
      cov: Float64Array.from([variances[0]!, 0, 0, variances[1]!]),
    });
    const d = frechetDistance(stats([0, 1], [4, 9]), stats([3, 1], [1, 16]));
    expect(d).toBeCloseTo(9 + (2 - 1) ** 2 + (3 - 4) ** 2, 10);
  });

  it('of correlated Gaussians that commute is the closed form', () => {
    // Rotating both by the same angle changes nothing.
    const rotated = (v1: number, v2: number): Float64Array => {
      const c = Math.cos(0.3);
      const s = Math.sin(0.3);
      return Float64Array.from([
        v1 * c * c + v2 * s * s,
        (v1 - v2) * c * s,
        (v1 - v2) * c * s,
        v1 * s * s + v2 * c * c,
      ]);
    };
    const mean = new Float64Array(2);
    const d = frechetDistance({ count: 9, mean, cov: rotated(4, 9) }, { count: 9, mean, cov: rotated(1, 16) });
    expect(d).toBeCloseTo(2, 10);
  });

  it('of a set with itself is zero, also when there are fewer samples than features', () => {
    const features = Float32Array.from({ length: 5 * 8 }, (_, i) => Math.sin(i * 1.7));
    const stats = featureStatistics(features, 8);
    expect(frechetDistance(stats, stats)).toBeLessThan(1e-6);
  });

  it('refuses statistics of another feature size', () => {
    const small = featureStatistics(Float32Array.from([1, 2, 3, 5]), 2);
    const large = featureStatistics(Float32Array.from([1, 2, 3, 5, 4, 4]), 3);
    expect(() => frechetDistance(small, large)).toThrow(/same classifier/);
  });
});

describe('featureStatistics', () => {
  it('gives mean and unbiased covariance', () => {
    const { mean, cov } = featureStatistics(Float32Array.from([1, 2, 3, 6]), 2);
    expect([...mean]).toEqual([2, 4]);
    expect([...cov]).toEqual([2, 4, 4, 8]);
  });
});

describe('accuracy', () => {
  it('counts the largest logits', () => {
    expect(accuracy(Float32Array.from([0, 3, 1, 9, 2, 1, 0, 0, 5]), [1, 0, 1])).toBeCloseTo(2 / 3);
  });
});
