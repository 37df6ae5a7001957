import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { convert, predictionMixture } from './conversions';
import { guidanceRescale, guidanceScaleAt, guidanceWeights } from './guidance';
import { vpLinear } from './vp-linear';

const value = fc.double({ min: -5, max: 5, noNaN: true });

describe('classifier-free guidance', () => {
  it('is u + w(c − u)', () => {
    fc.assert(
      fc.property(value, value, value, (u, c, w) => {
        const { unconditional, conditional } = guidanceWeights(w);
        expect(unconditional * u + conditional * c).toBeCloseTo(u + w * (c - u), 10);
      }),
    );
    expect(guidanceWeights(1)).toEqual({ unconditional: 0, conditional: 1 });
    expect(() => guidanceWeights(NaN)).toThrow('guidance scale must be a finite number, got NaN');
  });

  it('is the same before and after a conversion of the prediction', () => {
    const level = vpLinear().at(0.4);
    const { skip, out } = convert(
      level,
      predictionMixture('noise', 'vp', level),
      predictionMixture('velocity', 'vp', level),
    );
    fc.assert(
      fc.property(value, value, value, value, (y, u, c, w) => {
        const weights = guidanceWeights(w);
        const guide = (a: number, b: number): number => weights.unconditional * a + weights.conditional * b;
        expect(skip * y + out * guide(u, c)).toBeCloseTo(guide(skip * y + out * u, skip * y + out * c), 9);
      }),
    );
  });

  it('acts within its interval alone, the upper end included', () => {
    const interval = { low: 0.28, high: 5.42 };
    expect([0.1, 0.28, 0.3, 5.42, 5.43].map((sigma) => guidanceScaleAt(sigma, 3, interval))).toEqual([1, 1, 3, 3, 1]);
    expect(() => guidanceScaleAt(1, 3, { low: 2, high: 1 })).toThrow('0 ≤ low < high, got 2 and 1');
  });
});

describe('guidance rescale', () => {
  const deviation = (values: readonly number[]): number => {
    const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
    return Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (values.length - 1));
  };

  it('gives the guided output the spread of the conditional one at 1, and leaves it at 0', () => {
    const conditional = [1, -2, 0.5, 3];
    const guided = [4, -9, 1, 11];
    const factor = guidanceRescale(conditional, guided, 1);
    expect(deviation(guided.map((x) => factor * x))).toBeCloseTo(deviation(conditional), 13);
    expect(guidanceRescale(conditional, guided, 0)).toBe(1);
    expect(guidanceRescale(conditional, guided, 0.7)).toBeCloseTo(0.7 * factor + 0.3, 14);
  });

  it('says what it cannot rescale', () => {
    expect(() => guidanceRescale([1, 2], [3, 3], 0.7)).toThrow('the same everywhere');
    expect(() => guidanceRescale([1], [1, 2], 0.7)).toThrow('has 2 elements and the conditional one 1');
    expect(() => guidanceRescale([1], [1], 2)).toThrow('between 0 and 1, got 2');
  });
});
