import { describe, expect, it } from 'vitest';
import { aysSigmas } from './ays';
import { discreteVp, scaledLinearBetas } from './discrete-vp';
import { pointsOfSigmas, pointsOfTimes } from './user-grid';

const schedule = discreteVp(scaledLinearBetas(0.00085, 0.012, 1000));

describe('lists of a user', () => {
  it('of timesteps become points of the schedule', () => {
    const points = pointsOfTimes(schedule, [999, 500.5, 0]);
    expect(points.map(({ t }) => t)).toEqual([999, 500.5, 0]);
    expect(points[1]!.alpha).toBe(schedule.at(500.5).alpha);
  });

  it('of noise levels keep their levels, but for the ends of published lists', () => {
    const points = pointsOfSigmas(schedule, [...aysSigmas.sd15, 0]);
    expect(points).toHaveLength(12);
    expect(points[0]!.t).toBe(999);
    for (let i = 1; i < 10; i++) expect(points[i]!.sigma / points[i]!.alpha).toBeCloseTo(aysSigmas.sd15[i]!, 12);
    expect(points[10]!.t).toBe(0);
    expect(points[11]).toEqual({ t: 0, alpha: 1, sigma: 0, lambda: Infinity });
  });

  it.each([
    [[999], 'needs at least 2 entries, got 1'],
    [[999, NaN], 'timesteps[1] is NaN, not a finite number'],
    [[500, 999], 'timesteps[1] is 999, not below 500 before it; list them from noise to data'],
    [[1000, 10], 'timesteps[0] is 1000, outside of the noise schedule, which goes from 999 (noise) to 0'],
  ])('of timesteps %j: %s', (times, message) => {
    expect(() => pointsOfTimes(schedule, times)).toThrow(message);
  });

  it.each([
    [[80, 1], 'sigmas[0] is 80, outside of the noise schedule, whose σ/α goes from 14.6'],
    [[14, 0.001], 'sigmas[1] is 0.001, outside of the noise schedule'],
    [[14.7, 14.65, 0], 'sigmas[0] and sigmas[1] both lie at the same end'],
    [[14, 0, -1], 'sigmas[1] is 0, outside'],
  ])('of noise levels %j: %s', (sigmas, message) => {
    expect(() => pointsOfSigmas(schedule, sigmas)).toThrow(message);
  });
});
