import { describe, expect, it } from 'vitest';
import {
  betaRamp,
  discreteRamp,
  exponentialRamp,
  karrasRamp,
  luRamp,
  polyexponentialRamp,
  timeUniformRamp,
  vpProcess,
  vpRamp,
} from './sigma-ramps';
import { vpLinear } from './vp-linear';

const close = (ours: readonly number[], expected: readonly number[]): void => {
  expect(ours).toHaveLength(expected.length);
  for (const [i, value] of ours.entries()) expect(value / expected[i]!).toBeCloseTo(1, 13);
};

describe('ramps of noise levels', () => {
  it.each([
    ['karras', karrasRamp],
    ['exponential', exponentialRamp],
    ['polyexponential', polyexponentialRamp],
    ['beta', betaRamp],
    ['lu', luRamp],
    ['time_uniform', timeUniformRamp],
  ] as const)('%s falls from the highest to the lowest level', (_, ramp) => {
    const levels = ramp(9, 0.002, 80);
    expect(levels).toHaveLength(9);
    close([levels[0]!, levels[8]!], [80, 0.002]);
    for (let i = 1; i < 9; i++) expect(levels[i]).toBeLessThan(levels[i - 1]!);
  });

  it('are even in the quantity they are named after', () => {
    close(
      karrasRamp(3, 0.002, 80).map((sigma) => sigma ** (1 / 7)),
      [80 ** (1 / 7), (80 ** (1 / 7) + 0.002 ** (1 / 7)) / 2, 0.002 ** (1 / 7)],
    );
    close(exponentialRamp(3, 0.01, 100), [100, 1, 0.01]);
    close(polyexponentialRamp(3, 0.01, 100, 2), [100, 0.1, 0.01]);
    close(luRamp(5, 0.01, 100), exponentialRamp(5, 0.01, 100));
    close(betaRamp(3, 1, 3), [3, 2, 1]);
  });

  it('vp holds the levels of the linear VP schedule at even times', () => {
    const schedule = vpLinear();
    close(
      vpRamp(4),
      [1, 0.667, 0.334, 0.001].map((t) => Math.exp(-schedule.lambda(t))),
    );
  });

  it('time_uniform finds the VP process between its two levels', () => {
    const { betaD, betaMin } = vpProcess(0.01, 150, 1e-3);
    const schedule = vpLinear({ betaMin, betaMax: betaMin + betaD });
    close(
      timeUniformRamp(4, 0.01, 150),
      [1, 0.667, 0.334, 0.001].map((t) => Math.exp(-schedule.lambda(t))),
    );
  });

  it('discrete is even in the time it is given', () => {
    const times = { timeOfSigma: (sigma: number) => sigma ** 2, sigmaOfTime: (t: number) => Math.sqrt(t) };
    close(discreteRamp(3, 1, 3, times), [3, Math.sqrt(5), 1]);
  });

  it('refuses levels out of order', () => {
    expect(() => karrasRamp(3, 2, 1)).toThrow('0 < sigma_min < sigma_max, got 2 and 1');
    expect(() => vpRamp(0)).toThrow('whole number of points');
  });
});
