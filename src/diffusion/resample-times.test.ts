import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { edm } from './edm';
import { noiseSchedule } from './schedule-from-config';
import { resampleTimes } from './resample-times';
import { spacing } from './spacing';

const vp = noiseSchedule({ type: 'linear', beta_start: 1e-4, beta_end: 0.02, num_train_timesteps: 1000 });
const ve = edm(0.002, 80);

describe('a grid with another number of steps', () => {
  it('is itself with as many steps', () => {
    for (const schedule of [vp, ve]) {
      const times = spacing(schedule, 'quadratic', 6);
      resampleTimes(schedule, times, 6).forEach((t, i) =>
        expect(Math.abs(t - times[i]!)).toBeLessThan(1e-9 * schedule.tMax),
      );
    }
  });

  it('stays even in λ where it was', () => {
    const expected = spacing(ve, 'logsnr', 9);
    resampleTimes(ve, spacing(ve, 'logsnr', 4), 9).forEach((t, i) => expect(t / expected[i]!).toBeCloseTo(1, 9));
  });

  it('of a smooth placing is nearly that placing', () => {
    const expected = spacing(ve, 'karras', 8).map((t) => ve.lambda(t));
    const found = resampleTimes(ve, spacing(ve, 'karras', 5), 8).map((t) => ve.lambda(t));
    for (let i = 1; i < 8; i++) {
      expect(Math.abs(found[i]! - expected[i]!)).toBeLessThan(0.1 * (expected[i + 1]! - expected[i]!));
    }
  });

  it('falls from end to end, however uneven the times', () => {
    const inner = fc.uniqueArray(fc.double({ min: 0.001, max: 999, noNaN: true }), { minLength: 0, maxLength: 8 });
    fc.assert(
      fc.property(inner, fc.integer({ min: 1, max: 12 }), (list, steps) => {
        const times = [vp.tMax, ...list.filter((t) => t > vp.tMin && t < vp.tMax).sort((a, b) => b - a), vp.tMin];
        fc.pre(times.every((t, i) => i === 0 || times[i - 1]! - t > 1e-6));
        const found = resampleTimes(vp, times, steps);
        expect([found.length, found[0], found[steps]]).toEqual([steps + 1, vp.tMax, vp.tMin]);
        found.forEach((t, i) => i > 0 && expect(t).toBeLessThan(found[i - 1]!));
      }),
      { numRuns: 60 },
    );
  });

  it('is placed in time where a schedule starts without signal', () => {
    const noisy = noiseSchedule({
      type: 'linear',
      beta_start: 1e-4,
      beta_end: 0.02,
      num_train_timesteps: 1000,
      rescale_betas_zero_snr: true,
    });
    const even = spacing(noisy, 'uniform', 8);
    resampleTimes(noisy, spacing(noisy, 'uniform', 4), 8).forEach((t, i) => expect(t).toBeCloseTo(even[i]!, 9));
  });

  it('refuses times that do not fall', () => {
    expect(() => resampleTimes(vp, [999, 999, 0], 3)).toThrow(/they have to fall/);
    expect(() => resampleTimes(vp, [999], 3)).toThrow(/at least two times/);
    expect(() => resampleTimes(vp, [999, 0], 0)).toThrow(/whole number of steps, got 0/);
  });
});
