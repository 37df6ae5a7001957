import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { discreteVp, linearBetas } from './discrete-vp';
import { edm } from './edm';
import type { NoiseSchedule } from './noise-schedule';
import { rectifiedFlow } from './rectified-flow';
import { scaledTime } from './scaled-time';
import { noiseSchedule } from './schedule-from-config';
import { startNoiseScale } from './start-noise';

const linear = noiseSchedule({ type: 'linear', beta_start: 1e-4, beta_end: 0.02, num_train_timesteps: 1000 });
const scaledLinear = noiseSchedule({
  type: 'scaled_linear',
  beta_start: 0.00085,
  beta_end: 0.012,
  num_train_timesteps: 1000,
});
const schedules = {
  linear,
  scaledLinear,
  cosine: noiseSchedule({ type: 'cosine', num_train_timesteps: 1000 }),
  vp: noiseSchedule({ type: 'vp', beta_min: 0.1, beta_max: 20, t_eps: 1e-3, time_scale: 999 }),
  vpCosine: noiseSchedule({ type: 'vp_cosine', t_eps: 1e-3, t_max: 0.9946, time_scale: 1000 }),
  edm: noiseSchedule({ type: 'edm', sigma_min: 0.002, sigma_max: 80 }),
  flow: noiseSchedule({ type: 'flow', shift: 3, num_train_timesteps: 1000 }),
};

describe.each(Object.entries(schedules))('schedule %s', (_, schedule) => {
  const fraction = fc.double({ min: 0.001, max: 0.999, noNaN: true });
  const timeAt = (u: number): number =>
    schedule.timeOfLambda(schedule.lambda(schedule.tMax) * (1 - u) + schedule.lambda(schedule.tMin) * u);

  it('keeps the invariant of its space', () => {
    fc.assert(
      fc.property(fraction, (u) => {
        const { alpha, sigma } = schedule.at(timeAt(u));
        if (schedule.space === 'vp') expect(alpha * alpha + sigma * sigma).toBeCloseTo(1, 12);
        else if (schedule.space === 've') expect(alpha).toBe(1);
        else expect(alpha + sigma).toBeCloseTo(1, 12);
      }),
    );
  });

  it('has λ = log(α/σ), which times invert', () => {
    fc.assert(
      fc.property(fraction, (u) => {
        const t = timeAt(u);
        const { alpha, sigma } = schedule.at(t);
        expect(schedule.lambda(t)).toBeCloseTo(Math.log(alpha / sigma), 9);
        expect(schedule.timeOfLambda(schedule.lambda(t))).toBeCloseTo(t, 8);
      }),
    );
  });

  it('has the derivatives of central differences', () => {
    fc.assert(
      fc.property(fraction, (u) => {
        // Stay inside one segment of a discrete schedule, whose derivatives jump at whole times.
        const t = schedule.space === 'vp' ? Math.floor(timeAt(u)) + 0.2 + 0.6 * u : timeAt(u);
        // Optimal for central differences in float64: about the cube root of the rounding error.
        const h = 1e-5 * Math.min(t, 1);
        const [ahead, behind, level] = [schedule.at(t + h), schedule.at(t - h), schedule.at(t)];
        const close = (exact: number, difference: number, size: number): void =>
          expect(Math.abs(exact - difference)).toBeLessThan(1e-6 * Math.abs(exact) + (1e-15 * size) / h);
        close(level.dAlpha, (ahead.alpha - behind.alpha) / (2 * h), 10);
        close(level.dSigma, (ahead.sigma - behind.sigma) / (2 * h), 10 * level.sigma);
      }),
    );
  });

  it('has an evenly spaced grid from the noise end to the clean end', () => {
    expect(schedule.gridTime(0)).toBe(schedule.tMax);
    expect(schedule.gridTime(1)).toBe(schedule.tMin);
  });
});

describe('discrete schedules', () => {
  it.each([
    // α and σ that diffusers' schedulers use at whole timesteps, in float64.
    [linear, 750, 0.05744700480938432, 0.9983485571875339],
    [linear, 499, 0.2803341628873981, 0.9599024727117969],
    [linear, 0, 0.9999499987499375, 0.009999999999999449],
    [scaledLinear, 999, 0.0682649142171675, 0.9976672298351403],
    [scaledLinear, 333, 0.7314110184625588, 0.6819368900943564],
  ])('%# agrees with diffusers at its nodes', (schedule, t, alpha, sigma) => {
    expect(Math.abs(schedule.at(t).alpha / alpha - 1)).toBeLessThan(1e-11);
    expect(Math.abs(schedule.at(t).sigma / sigma - 1)).toBeLessThan(1e-11);
  });

  it('interpolates log(σ/α) linearly between nodes', () => {
    expect(linear.lambda(10.25)).toBeCloseTo(0.75 * linear.lambda(10) + 0.25 * linear.lambda(11), 12);
  });

  it('names the beta that is out of range', () => {
    expect(() => discreteVp([0.1, 1, 0.2])).toThrow('beta[1] of the noise schedule is 1');
    expect(() => discreteVp([0.1])).toThrow('at least 2 training timesteps, got 1');
    expect(() => linear.at(NaN)).toThrow('The time NaN is not a finite number');
    expect(() => noiseSchedule({ type: 'cosine', num_train_timesteps: 0.5 })).toThrow('num_train_timesteps');
  });
});

describe('keys of discrete schedules', () => {
  const rescale_betas_zero_snr = true;
  const n = 1000;

  it.each([
    { type: 'linear', beta_start: 1e-4, beta_end: 0.02, num_train_timesteps: n, rescale_betas_zero_snr },
    { type: 'scaled_linear', beta_start: 0.00085, beta_end: 0.012, num_train_timesteps: n, rescale_betas_zero_snr },
    { type: 'cosine', num_train_timesteps: n, rescale_betas_zero_snr },
    { type: 'trained_betas', betas: Array.from(linearBetas(1e-4, 0.02, n)), rescale_betas_zero_snr },
  ] as const)('rescale_betas_zero_snr takes the last signal of $type away', (parameters) => {
    const [plain, rescaled] = [false, true].map((flag) =>
      noiseSchedule({ ...parameters, rescale_betas_zero_snr: flag }),
    ) as [NoiseSchedule, NoiseSchedule];
    expect(plain.at(n - 1).alpha).toBeGreaterThan(0);
    expect(rescaled.at(n - 1)).toMatchObject({ alpha: 0, sigma: 1 });
    expect(rescaled.at(0).alpha).toBeCloseTo(plain.at(0).alpha, 12);
    expect(rescaled.at(n / 2).alpha).toBeLessThan(plain.at(n / 2).alpha);
  });

  it('trained_betas are those of a formula when they are its values', () => {
    const listed = noiseSchedule({ type: 'trained_betas', betas: Array.from(linearBetas(1e-4, 0.02, n)) });
    for (const t of [0, 33.5, 999]) expect(listed.at(t)).toEqual(linear.at(t));
  });
});

describe('the continuous vp schedule', () => {
  it('hands the network its time times time_scale', () => {
    const plain = noiseSchedule({ type: 'vp', beta_min: 0.1, beta_max: 20, t_eps: 1e-3, time_scale: 1 });
    const { vp } = schedules;
    expect([plain.tMin, plain.tMax, vp.tMin, vp.tMax]).toEqual([1e-3, 1, 0.999, 999]);
    expect(vp.at(999 * 0.25).alpha).toBeCloseTo(plain.at(0.25).alpha, 14);
    expect(vp.at(999 * 0.25).dAlpha * 999).toBeCloseTo(plain.at(0.25).dAlpha, 12);
    expect(() => noiseSchedule({ type: 'vp', beta_min: 20, beta_max: 0.1, t_eps: 1e-3, time_scale: 1 })).toThrow(
      'beta_min < beta_max',
    );
    expect(() => scaledTime(plain, 0)).toThrow('must be above 0, got 0');
  });
});

describe('edm and flow schedules', () => {
  it('refuse levels that make no schedule', () => {
    expect(() => edm(1, 1)).toThrow('0 < sigma_min < sigma_max, got 1 and 1');
    expect(() => edm(0.002, 80).at(0)).toThrow('above 0, got 0');
    expect(() => rectifiedFlow(0, 1000)).toThrow('flow shift must be above 0, got 0');
    expect(() => rectifiedFlow(1, 1000).at(1000)).toThrow('strictly between 0 and 1000, got 1000');
    expect(() => rectifiedFlow(1, 2)).toThrow('at least 3 training timesteps, got 2');
  });

  it('shift moves grid points of a flow, not its noise levels', () => {
    const [plain, shifted] = [rectifiedFlow(1, 1000), rectifiedFlow(3, 1000)];
    expect(shifted.at(300)).toEqual(plain.at(300));
    expect(plain.gridTime(0.5)).toBeCloseTo(500, 10);
    expect(shifted.gridTime(0.5)).toBeCloseTo(750, 10);
    expect([plain.tMin, plain.tMax]).toEqual([1, 999]);
  });

  it('starts from unit noise, or from σ_max in ve', () => {
    expect(startNoiseScale(edm(0.002, 80))).toBe(80);
    expect(startNoiseScale(linear)).toBe(1);
  });
});
