import { describe, expect, it } from 'vitest';
import { cosine } from './discrete-vp';
import { edm } from './edm';
import { rectifiedFlow } from './rectified-flow';
import { spacing, spacingNames } from './spacing';

const schedules = { cosine: cosine(1000), edm: edm(0.002, 80), flow: rectifiedFlow(3, 1000) };

describe.each(Object.entries(schedules))('spacing on the %s schedule', (_, schedule) => {
  it.each(spacingNames)('%s falls strictly from tMax to tMin', (name) => {
    for (const n of [1, 2, 5, 40]) {
      const times = spacing(schedule, name, n);
      expect(times.length).toBe(n + 1);
      expect(times[0]).toBe(schedule.tMax);
      expect(times[n]).toBe(schedule.tMin);
      expect(times.every((t, i) => i === 0 || t < times[i - 1]!)).toBe(true);
    }
  });
});

describe('spacing', () => {
  it('uniform is even in time', () => {
    expect(Array.from(spacing(cosine(1000), 'uniform', 3))).toEqual([999, 666, 333, 0]);
  });

  it('quadratic is even in the root of time', () => {
    expect(Array.from(spacing(cosine(1000), 'quadratic', 3), Math.sqrt).map((r) => r / Math.sqrt(999))).toEqual([
      1,
      expect.closeTo(2 / 3, 12),
      expect.closeTo(1 / 3, 12),
      0,
    ]);
  });

  it('logsnr is even in λ', () => {
    const lambdas = Array.from(spacing(schedules.flow, 'logsnr', 4), (t) => schedules.flow.lambda(t));
    const step = (lambdas[4]! - lambdas[0]!) / 4;
    lambdas.slice(1).forEach((lambda, i) => expect(lambda - lambdas[i]!).toBeCloseTo(step, 9));
  });

  it('karras on EDM noise levels is Eq. 5 of the paper', () => {
    const sigmas = spacing(schedules.edm, 'karras', 4);
    const root = (sigma: number): number => sigma ** (1 / 7);
    sigmas.forEach((sigma, i) => expect(sigma).toBeCloseTo((root(80) + (i / 4) * (root(0.002) - root(80))) ** 7, 10));
  });

  it('needs a whole number of steps', () => {
    expect(() => spacing(schedules.edm, 'karras', 0)).toThrow('whole number of steps, got 0');
    expect(() => spacing(schedules.edm, 'karras', 2.5)).toThrow('whole number of steps, got 2.5');
  });
});
