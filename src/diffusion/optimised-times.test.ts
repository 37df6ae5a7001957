import { describe, expect, it } from 'vitest';
import { edm } from './edm';
import { optimisedTimes, timeStepBound } from './optimised-times';
import { vpLinear } from './vp-linear';

const vp = vpLinear();
const lambdas = (times: ArrayLike<number>): number[] => Array.from(times, (t) => vp.lambda(t));

describe('optimised time steps', () => {
  // Results of the authors' optimiser on the linear VP schedule, with its objective (latent variant, p = 2).
  it.each([
    [4, 60.83768934, [1, 0.6291000434331449, 0.41664592611653517, 0.12023062349292243, 0.001]],
    [5, 49.90481922, [1, 0.6581903933, 0.4978448635, 0.309459166, 0.1013636257, 0.001]],
    [8, 13.03614515, [1, 0.90117259, 0.75518949, 0.63730985, 0.48132416, 0.29964317, 0.15820287, 0.05778434, 0.001]],
  ])('have the bound of the published program, and one no higher, at %d steps', (steps, objective, times) => {
    expect(timeStepBound(lambdas(times), 2)).toBeCloseTo(objective, 5);
    expect(timeStepBound(lambdas(optimisedTimes(vp, steps)), 2)).toBeLessThan(objective * (1 + 1e-9));
  });

  it('fall strictly from end to end, on every schedule and number of steps', () => {
    for (const schedule of [vp, edm(0.002, 80)]) {
      for (let steps = 1; steps <= 12; steps++) {
        const times = optimisedTimes(schedule, steps);
        expect(times[0]).toBe(schedule.tMax);
        expect(times[steps]).toBe(schedule.tMin);
        expect(times.slice(1).every((t, i) => t < times[i]!)).toBe(true);
      }
    }
    expect(() => optimisedTimes(vp, 0)).toThrow('a whole number of steps, got 0');
  });
});
