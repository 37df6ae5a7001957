import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { muOfTokens, shiftDerivative, shiftedLevel, shiftOfMu, shiftOfPixels, unshiftedLevel } from './flow-shift';

const level = fc.double({ min: 0.001, max: 0.999, noNaN: true });
const shift = fc.double({ min: 0.2, max: 12, noNaN: true });

describe('the shift of rectified flow', () => {
  it('has its inverse, its derivative, and moves λ by −log(shift)', () => {
    fc.assert(
      fc.property(level, shift, (s, by) => {
        const moved = shiftedLevel(s, by);
        expect(unshiftedLevel(moved, by)).toBeCloseTo(s, 12);
        const h = 1e-4 * Math.min(s, 1 - s);
        const difference = (shiftedLevel(s + h, by) - shiftedLevel(s - h, by)) / (2 * h);
        expect(shiftDerivative(s, by) / difference).toBeCloseTo(1, 6);
        const lambda = (x: number): number => Math.log((1 - x) / x);
        expect(lambda(moved)).toBeCloseTo(lambda(s) - Math.log(by), 10);
      }),
    );
    expect([shiftedLevel(0, 3), shiftedLevel(1, 3)]).toEqual([0, 1]);
  });

  it('depends on the resolution as in Flux and SD3', () => {
    // calculate_shift of the Flux pipeline at 256, 4096 and 1024 tokens
    expect([muOfTokens(256), muOfTokens(4096)]).toEqual([expect.closeTo(0.5, 14), expect.closeTo(1.15, 14)]);
    expect(muOfTokens(1024)).toBeCloseTo(0.63, 14);
    expect(shiftOfMu(0)).toBe(1);
    expect(shiftOfMu(2, 'linear')).toBe(2);
    expect(shiftOfPixels(1024 * 1024, 512 * 512)).toBe(2);
  });

  it('refuses what gives no shift', () => {
    expect(() => shiftOfMu(-1, 'linear')).toThrow('gives the flow shift -1, which must be above 0');
    expect(() => muOfTokens(0)).toThrow('image tokens must be above 0, got 0');
    expect(() => muOfTokens(9, { baseTokens: 5, maxTokens: 5 })).toThrow('are both 5');
    expect(() => shiftOfPixels(1, 0)).toThrow('above 0, got 1 and 0');
  });
});
