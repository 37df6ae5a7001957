import { describe, expect, it } from 'vitest';
import { l1, l2, pseudoHuber } from './distance';

const width = 16;
const count = 3;

/** Multiples of 2⁻⁹, so that steps of 2⁻¹¹ leave no rounding in float32; none is closer to 0 than 2⁻⁹. */
const spread = (seed: number, scale: number): Float32Array =>
  Float32Array.from({ length: count * width }, (_, i) => {
    const value = Math.round(Math.sin(seed + 12.9898 * i) * 512 * scale) / 512;
    return value === 0 ? 1 / 512 : value;
  });
const targets = spread(3, 1);
const values = targets.map((target, i) => target + spread(8, 0.5)[i]!);

const distances = { l1, l2, 'pseudo-Huber': pseudoHuber('auto'), 'a wide pseudo-Huber': pseudoHuber(2) };

describe.each(Object.entries(distances))('%s', (_, distance) => {
  it('has the gradient of its losses', async () => {
    const { losses, gradient } = await distance.gradient!(values, targets, count);
    expect(losses).toEqual(await distance.losses(values, targets, count));
    const h = 2 ** -11;
    const at = async (e: number, step: number): Promise<number> => {
      const moved = values.slice();
      moved[e]! += step;
      return (await distance.losses(moved, targets, count))[Math.floor(e / width)]!;
    };
    for (let e = 0; e < values.length; e++) {
      const [a, b] = [(await at(e, h)) - (await at(e, -h)), (await at(e, 2 * h)) - (await at(e, -2 * h))];
      // Fourth order, but for |r|, which is linear on either side of 0.
      const slope = distance === l1 ? a / (2 * h) : (8 * a - b) / (12 * h);
      expect(Math.abs(gradient[e]! - slope)).toBeLessThan(1e-6 * Math.max(...gradient.map(Math.abs)));
    }
  });

  it('weighs residuals so that their squares have the same gradient and lie above', async () => {
    const { losses, gradient } = await distance.gradient!(values, targets, count);
    const weights = distance.weights!(values, targets, count);
    /** Residuals of L1 that weigh as if they were larger. */
    const isSmall = (e: number): boolean =>
      distance === l1 && Math.abs(values[e]! - targets[e]!) < 0.3001 * losses[Math.floor(e / width)]!;
    const squares = (of: Float32Array, sample: number): number => {
      let sum = 0;
      for (let e = sample * width; e < (sample + 1) * width; e++) sum += weights[e]! * (of[e]! - targets[e]!) ** 2;
      return sum;
    };
    values.forEach((value, e) => {
      const slope = 2 * weights[e]! * (value - targets[e]!);
      if (!isSmall(e)) expect(slope).toBeCloseTo(gradient[e]!, 6);
      else expect(slope / gradient[e]!).toBeLessThan(1.001);
    });
    for (const seed of [1, 2, 5]) {
      const others = spread(seed, 1);
      const otherLosses = await distance.losses(others, targets, count);
      for (let i = 0; i < count; i++) {
        // Of a small residual, at most half of the floor is missing.
        const small = Array.from({ length: width }, (_, e) => i * width + e).filter(isSmall).length;
        const slack = distance === l1 ? (0.15 * losses[i]! * small) / width : 1e-6;
        const bound = losses[i]! + squares(others, i) - squares(values, i);
        expect(otherLosses[i]!).toBeLessThan(bound + slack);
      }
    }
  });

  it('is 0 with finite weights where the target is met, and NaN where a value is not finite', async () => {
    expect(Array.from(await distance.losses(targets, targets, count))).toEqual([0, 0, 0]);
    expect(distance.weights!(targets, targets, count).every(Number.isFinite)).toBe(true);
    const broken = values.slice();
    broken[width] = Number.NaN;
    expect(Array.from(await distance.losses(broken, targets, count)).map(Number.isNaN)).toEqual([false, true, false]);
  });
});

it('measures in the units it says', async () => {
  const zeros = new Float32Array(4);
  const ones = Float32Array.of(3, -3, 3, -3);
  expect(await l2.losses(ones, zeros, 1)).toEqual(Float64Array.of(9));
  expect(await l1.losses(ones, zeros, 1)).toEqual(Float64Array.of(3));
  // ‖r‖ = 6 and c = 8: (√(36 + 64) − 8)/√4.
  expect(await pseudoHuber(8).losses(ones, zeros, 1)).toEqual(Float64Array.of(1));
  expect((await pseudoHuber('auto').losses(ones, zeros, 1))[0]).toBeCloseTo(Math.sqrt(9 + 0.00054 ** 2) - 0.00054, 12);
});
