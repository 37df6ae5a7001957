import { describe, expect, it } from 'vitest';
import { aysSigmas, interpolateLevels } from './ays';
import { cosine, discreteVp, scaledLinearBetas } from './discrete-vp';
import { edm } from './edm';
import { gridNames, gridTimes } from './grids';
import { rectifiedFlow } from './rectified-flow';
import { spacing, spacingNames } from './spacing';
import { vpLinear } from './vp-linear';
import { zeroTerminalSnr } from './zero-terminal-snr';

const stableDiffusion = discreteVp(scaledLinearBetas(0.00085, 0.012, 1000));
const schedules = {
  stableDiffusion,
  vpLinear: vpLinear(),
  edm: edm(0.002, 700),
  flow: rectifiedFlow(3, 1000),
};
const ofWholeTimesteps = new Set(['leading', 'linspace', 'trailing']);

describe.each(Object.entries(schedules))('grids of the %s schedule', (scheduleName, schedule) => {
  it.each(gridNames)('%s falls strictly from tMax to tMin', (name) => {
    if (ofWholeTimesteps.has(name) && scheduleName !== 'stableDiffusion') {
      expect(() => gridTimes(schedule, name, 4)).toThrow('needs a noise schedule of whole timesteps');
      return;
    }
    if (name === 'ays_svd' && scheduleName === 'stableDiffusion') {
      expect(() => gridTimes(schedule, name, 10)).toThrow('noise level 54.5, which this noise schedule does not reach');
      return;
    }
    for (const n of [1, 2, 5, 10]) {
      const times = gridTimes(schedule, name, n);
      expect(times).toHaveLength(n + 1);
      expect(times[n]).toBe(schedule.tMin);
      // leading does not reach the noise end, by design
      if (name === 'leading') expect(times[0]).toBeLessThan(schedule.tMax);
      else expect(times[0]).toBe(schedule.tMax);
      expect(times.every((t, i) => i === 0 || t < times[i - 1]!)).toBe(true);
    }
  });

  it.each(spacingNames)('%s is the spacing of that name', (name) => {
    expect(gridTimes(schedule, name, 6)).toEqual(spacing(schedule, name, 6));
  });
});

describe('grids', () => {
  it('karras is even in the ρ-th root of σ/α', () => {
    const root = Array.from(gridTimes(stableDiffusion, 'karras', 2, { rho: 3 }), (t) =>
      Math.exp(-stableDiffusion.lambda(t) / 3),
    );
    expect(root[1]).toBeCloseTo((root[0]! + root[2]!) / 2, 12);
  });

  it('cosine is even in the angle, so that a cosine schedule gets even times', () => {
    const schedule = vpLinear();
    const angles = Array.from(gridTimes(schedule, 'cosine', 4), (t) => {
      const { alpha, sigma } = schedule.at(t);
      return Math.atan2(sigma, alpha);
    });
    for (let i = 1; i < 5; i++) expect(angles[i - 1]! - angles[i]!).toBeCloseTo((angles[0]! - angles[4]!) / 4, 12);
  });

  it('beta has uniform times and levels for the uniform distribution and crowds the ends for less', () => {
    const uniform = { betaShapes: [1, 1] } as const;
    const even = gridTimes(stableDiffusion, 'beta', 4, uniform);
    spacing(stableDiffusion, 'uniform', 4).forEach((t, i) => expect(even[i]).toBeCloseTo(t, 9));
    expect(gridTimes(stableDiffusion, 'beta', 4)[1]).toBeGreaterThan(even[1]!);
    expect(gridTimes(stableDiffusion, 'beta', 4)[3]).toBeLessThan(even[3]!);
    const levels = gridTimes(schedules.edm, 'beta_sigma', 4, uniform);
    expect(levels[2]).toBeCloseTo((700 + 0.002) / 2, 9);
  });

  it('diffusers timesteps are whole and end at the clean end', () => {
    expect(Array.from(gridTimes(stableDiffusion, 'leading', 4, { stepsOffset: 1 }))).toEqual([801, 601, 401, 201, 0]);
    expect(Array.from(gridTimes(stableDiffusion, 'trailing', 4))).toEqual([999, 749, 499, 249, 0]);
  });

  it('a flow shift bends the grid, which a shift of the schedule does alike', () => {
    const plain = rectifiedFlow(1, 1000);
    const shifted = gridTimes(plain, 'uniform', 5, { flowShift: 3 });
    spacing(schedules.flow, 'uniform', 5).forEach((t, i) => expect(shifted[i]).toBeCloseTo(t, 9));
    expect(() => gridTimes(stableDiffusion, 'uniform', 5, { flowShift: 3 })).toThrow('type flow');
    expect(() => gridTimes(plain, 'uniform', 5, { flowShift: 0 })).toThrow('above 0, got 0');
  });

  it('say what a start without signal cannot do', () => {
    const schedule = discreteVp(zeroTerminalSnr(scaledLinearBetas(0.00085, 0.012, 1000)));
    for (const name of ['logsnr', 'karras', 'exponential', 'beta_sigma'] as const) {
      expect(() => gridTimes(schedule, name, 4)).toThrow('needs some signal at the start of the noise schedule');
    }
    for (const name of ['uniform', 'quadratic', 'beta', 'cosine', 'trailing'] as const) {
      const times = gridTimes(schedule, name, 4);
      expect(times.every((t, i) => i === 0 || t < times[i - 1]!)).toBe(true);
    }
  });
});

describe('lists of Align Your Steps', () => {
  it.each(Object.entries(aysSigmas))('%s falls and keeps its entries at its own number of steps', (_, list) => {
    expect(list.every((sigma, i) => i === 0 || sigma < list[i - 1]!)).toBe(true);
    expect(interpolateLevels(list, 10)).toEqual(list);
  });

  it('interpolate log σ linearly', () => {
    const list = aysSigmas.sd15;
    const double = interpolateLevels(list, 20);
    expect(double[0]).toBe(list[0]);
    expect(double[20]).toBe(list[10]);
    expect(double[3]).toBeCloseTo(Math.sqrt(list[1] * list[2]), 13);
    expect(interpolateLevels(list, 1)).toEqual([14.615, 0.029]);
  });

  it('are used at the noise levels of the schedule', () => {
    const times = gridTimes(stableDiffusion, 'ays_sd15', 10);
    for (let i = 1; i < 10; i++)
      expect(Math.exp(-stableDiffusion.lambda(times[i]!))).toBeCloseTo(aysSigmas.sd15[i]!, 9);
    // the published timesteps of the same list, which are rounded
    const published = [999, 850, 736, 645, 545, 455, 343, 233, 124, 24];
    published.forEach((t, i) => expect(Math.abs(times[i]! - t)).toBeLessThan(1.5));
    expect(() => gridTimes(cosine(1000), 'ays_sd15', 0)).toThrow('whole number of steps, got 0');
  });
});
