import { beforeAll, describe, expect, it } from 'vitest';
import { classicTable } from '../solvers/registry';
import { sample } from '../solvers/sampler';
import { analyticMixture } from '../solvers/testing/analytic-mixture';
import { freeTable } from './free-table';
import { mean, tableLosses } from './objective';
import { squared } from './objectives/squared';
import type { PairSet } from './pairs';
import { emphases, pathTimes } from './path-times';
import type { TimeSearch } from './path-times';
import { teacherPath } from './teacher-path';
import { fromPureNoise, noiseOf } from './testing/check-parameterisation';
import { mixtureDenoiser, mixturePairs, mixtureSchedule } from './testing/mixture-pairs';
import { warmStart } from './warm-start';

describe('pathTimes', () => {
  let train: PairSet;
  let unseen: PairSet;
  let search: TimeSearch;
  beforeAll(async () => {
    train = await mixturePairs(64, 1);
    unseen = await mixturePairs(64, 2);
    search = pathTimes(train, mixtureSchedule);
  });

  it.each([4, 6])('lead a fitted table of %i rows far below one on any named grid', async (nfe) => {
    const [denoiser, schedule] = [mixtureDenoiser, mixtureSchedule];
    const fitOn = async (timestep_spacing: 'logsnr' | 'karras' | 'quadratic', times?: Float64Array) => {
      const choice = { solver: 'dpmpp', order: 2, timestep_spacing };
      const parameterisation = freeTable(schedule, classicTable(schedule, choice, nfe, times ? { times } : {}));
      const theta = parameterisation.initial;
      const fit = await warmStart({ denoiser, schedule, parameterisation, train, theta });
      const losses = await tableLosses(denoiser, squared, parameterisation.table(fit.theta), unseen);
      return { error: fit.error, loss: mean(losses) };
    };
    const named = await Promise.all((['logsnr', 'karras', 'quadratic'] as const).map((name) => fitOn(name)));
    const found = await Promise.all(emphases.map((emphasis) => fitOn('logsnr', search(nfe, emphasis))));
    const { loss } = found.reduce((best, each) => (each.error < best.error ? each : best));
    expect(loss).toBeLessThan(0.5 * Math.min(...named.map((each) => each.loss)));
  });

  it('fall from end to end and are the same every time', () => {
    for (const [nfe, emphasis] of [
      [1, 3],
      [2, 3],
      [5, 30],
    ] as const) {
      const times = search(nfe, emphasis);
      expect(times).toHaveLength(nfe + 1);
      expect([times[0], times[nfe]]).toEqual([mixtureSchedule.tMax, mixtureSchedule.tMin]);
      times.slice(1).forEach((t, i) => expect(t).toBeLessThan(times[i]!));
      expect(search(nfe, emphasis)).toEqual(times);
    }
  });

  it('lie where inner rows are easier when these count more', () => {
    const [little, much] = [1, 1000].map((emphasis) => search(4, emphasis));
    expect(much![1]).toBeGreaterThan(little![1]!);
    expect(much![3]).toBeGreaterThan(little![3]!);
  });

  it('are found from pure noise, where lambda is -Infinity', async () => {
    const denoiser = analyticMixture(fromPureNoise, {
      means: [
        [0.5, -0.3],
        [-1, 1],
      ],
      std: 0.2,
    });
    const teacher = classicTable(fromPureNoise, { solver: 'unipc', order: 2, timestep_spacing: 'uniform' }, 20);
    const noises = Float32Array.from(noiseOf(4, 64), (u) => 1.7 * u);
    const conditions = new Int32Array(32);
    const run = await sample(denoiser, teacher, noises, conditions);
    const path = teacherPath(fromPureNoise, teacher, run, 32);
    const times = pathTimes({ count: 32, dim: 2, noises, targets: run.states[20]!, conditions, path }, fromPureNoise)(
      4,
      1,
    );
    expect(times.every(Number.isFinite)).toBe(true);
    times.slice(1).forEach((t, i) => expect(t).toBeLessThan(times[i]!));
  });

  it('need a path', () => {
    const { path: _, ...samples } = train;
    expect(() => pathTimes(samples, mixtureSchedule)).toThrow('The pairs have no path of the teacher.');
  });
});
