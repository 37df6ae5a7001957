import fc from 'fast-check';
import { expect, it } from 'vitest';
import { startNoises } from './noise';
import type { NoiseStream } from './noise';

const streams: readonly NoiseStream[] = ['train', 'validation', 'test'];

it('gives sample i the same noise however the samples are split', () => {
  const sizes = fc.record({
    seed: fc.integer({ min: 0, max: 4_294_967_295 }),
    dim: fc.integer({ min: 1, max: 7 }),
    parts: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 }),
    stream: fc.constantFrom(...streams),
  });
  fc.assert(
    fc.property(sizes, ({ seed, dim, parts, stream }) => {
      const count = parts.reduce((sum, part) => sum + part);
      const whole = startNoises(seed, stream, 0, count, dim, 1);
      let from = 0;
      const split = parts.flatMap((part) => {
        const noises = startNoises(seed, stream, from, part, dim, 1);
        from += part;
        return Array.from(noises);
      });
      expect(split).toEqual(Array.from(whole));
    }),
    { numRuns: 50 },
  );
});

it('is standard normal, times the scale', () => {
  const count = 40_000;
  const values = startNoises(3, 'train', 0, count, 3, 2);
  const moments = [0, 0, 0, 0, 0];
  for (const x of values) for (let p = 1; p <= 4; p++) moments[p]! += (x / 2) ** p / values.length;
  // Four standard errors of each moment: √(var(x^p)/n) with var = 1, 2, 15, 96.
  const error = (variance: number): number => 4 * Math.sqrt(variance / values.length);
  expect(Math.abs(moments[1]!)).toBeLessThan(error(1));
  expect(Math.abs(moments[2]! - 1)).toBeLessThan(error(2));
  expect(Math.abs(moments[3]!)).toBeLessThan(error(15));
  expect(Math.abs(moments[4]! - 3)).toBeLessThan(error(96));
});

it('has unrelated elements, samples, streams and neighbouring seeds', () => {
  const count = 4000;
  const base = startNoises(0, 'train', 0, count, 2, 1);
  const others = {
    validation: startNoises(0, 'validation', 0, count, 2, 1),
    test: startNoises(0, 'test', 0, count, 2, 1),
    'next seed': startNoises(1, 'train', 0, count, 2, 1),
    'next sample': startNoises(0, 'train', 1, count, 2, 1),
    'other element': base.map((_, i) => base[i ^ 1]!),
  };
  for (const [name, other] of Object.entries(others)) {
    const correlation = base.reduce((sum, x, i) => sum + x * other[i]!, 0) / base.length;
    expect(Math.abs(correlation), name).toBeLessThan(4 / Math.sqrt(count));
    expect(base.filter((x, i) => x === other[i]).length, name).toBe(0);
  }
});
