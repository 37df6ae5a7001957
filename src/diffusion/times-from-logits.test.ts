import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { edm } from './edm';
import { gsTimes, ld3ModelTimes, ld3Times } from './times-from-logits';
import { vpLinear } from './vp-linear';

const schedules = [vpLinear(), edm(0.002, 80)];
const logits = fc.float64Array({ minLength: 2, maxLength: 12, min: -3, max: 3, noNaN: true });

describe('times from logits', () => {
  it('fall strictly from end to end', () => {
    fc.assert(
      fc.property(
        logits,
        fc.constantFrom(...schedules),
        fc.constantFrom('time', 'lambda'),
        (values, schedule, mode) => {
          for (const times of [ld3Times(schedule, values, mode), gsTimes(values, schedule.tMin, schedule.tMax)]) {
            expect(times[0]! / schedule.tMax).toBeCloseTo(1, 12);
            expect(times.at(-1)! / schedule.tMin).toBeCloseTo(1, 10);
            expect(times.slice(1).every((t, i) => t < times[i]!)).toBe(true);
          }
        },
      ),
    );
  });

  it('are even in time or in lambda when all logits are equal', () => {
    const schedule = vpLinear();
    const even = ld3Times(schedule, [1, 1, 1, 1, 1], 'time');
    expect(even[1]).toBeCloseTo(1 - 0.999 / 4, 14);
    const lambdas = ld3Times(schedule, [0, 0, 0], 'lambda').map((t) => schedule.lambda(t));
    expect(lambdas[1]).toBeCloseTo((lambdas[0]! + lambdas[2]!) / 2, 12);
  });

  it('do not depend on a constant added to all of LD3’s logits', () => {
    const [schedule] = schedules;
    const shifted = ld3Times(schedule!, [5, 6, 4.5], 'time');
    ld3Times(schedule!, [0, 1, -0.5], 'time').forEach((t, i) => expect(t).toBeCloseTo(shifted[i]!, 13));
  });

  it('let the network’s times move by half the smallest gap at most, and not at the ends', () => {
    const schedule = vpLinear();
    const times = ld3Times(schedule, [1, 1, 1, 1], 'time');
    const moved = ld3ModelTimes(schedule, [1, 1, 1, 1], [9, 9, -9, -9], 'time');
    const gap = 0.999 / 3;
    expect(Array.from(moved, (t, i) => t - times[i]!)).toEqual([
      0,
      expect.closeTo(gap / 2, 12) as number,
      expect.closeTo(-gap / 2, 12) as number,
      0,
    ]);
    // Equal logits allow no shift in lambda mode, as in the authors' program.
    expect(ld3ModelTimes(schedule, [1, 1, 1], [0, 3, 0], 'lambda')[1]).toBeCloseTo(
      ld3Times(schedule, [1, 1, 1], 'lambda')[1]!,
      12,
    );
  });
});
