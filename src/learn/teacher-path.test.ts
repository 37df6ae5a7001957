import { describe, expect, it } from 'vitest';
import { noiseSchedule, startNoiseScale } from '../diffusion';
import type { NoiseSchedule, Prediction } from '../diffusion';
import { gridTimes } from '../diffusion/grids';
import { rectifiedFlow } from '../diffusion/rectified-flow';
import { tableProblem } from '../solvers/linear-form';
import { classicTable } from '../solvers/registry';
import { sample } from '../solvers/sampler';
import { analyticMixture } from '../solvers/testing/analytic-mixture';
import { unipc } from '../solvers/unipc';
import { pickPairs, slicePairs } from './pairs';
import type { PairSet } from './pairs';
import { keptEvaluations, teacherPath, teacherStates } from './teacher-path';
import { fromPureNoise, noiseOf } from './testing/check-parameterisation';

const centre = [0.5, -0.3];
const std = [0.4, 0.8];
const schedules: Record<string, NoiseSchedule> = {
  vp: noiseSchedule({ type: 'linear', beta_start: 1e-4, beta_end: 0.02, num_train_timesteps: 1000 }),
  edm: noiseSchedule({ type: 'edm', sigma_min: 0.002, sigma_max: 80 }),
  flow: rectifiedFlow(3, 1000),
};
const count = 32;

function startsOf(schedule: NoiseSchedule): Float32Array {
  return Float32Array.from(noiseOf(3, 2 * count), (u) => 1.7 * startNoiseScale(schedule) * u);
}

/** Where the probability flow of a Gaussian has taken x_T: coordinate i is at αμ + √(v/v_T)·(x_T − α_T·μ), v = α²s² + σ². */
function exactStates(schedule: NoiseSchedule, xT: Float32Array, t: number): Float32Array {
  const [from, to] = [schedule.at(schedule.tMax), schedule.at(t)];
  return xT.map((x, e) => {
    const [mu, s] = [centre[e % 2]!, std[e % 2]!];
    const v = ({ alpha, sigma }: typeof from): number => alpha ** 2 * s ** 2 + sigma ** 2;
    return to.alpha * mu + Math.sqrt(v(to) / v(from)) * (x - from.alpha * mu);
  });
}

/** The largest root mean square error at and half-way between the teacher's times, over the scale of the states. */
async function largestError(
  schedule: NoiseSchedule,
  steps: number,
  prediction: Prediction = 'data',
  spacing: 'logsnr' | 'uniform' = 'logsnr',
): Promise<number> {
  const denoiser = analyticMixture(schedule, { means: [centre], std }, prediction);
  const grid = gridTimes(schedule, spacing, steps);
  const teacher = unipc(tableProblem(schedule, grid, prediction), { order: 3 });
  const xT = startsOf(schedule);
  const path = teacherPath(schedule, teacher, await sample(denoiser, teacher, xT, new Int32Array(count)), count);
  const errors = Array.from(teacher.times.subarray(1)).flatMap((t, i) =>
    [t, (t + teacher.times[i]!) / 2].map((time) => {
      const { alpha, sigma } = schedule.at(time);
      const exact = exactStates(schedule, xT, time);
      const sum = teacherStates(path, schedule, time).reduce((total, x, e) => total + (x - exact[e]!) ** 2, 0);
      return Math.sqrt(sum / exact.length) / Math.hypot(alpha, sigma);
    }),
  );
  return Math.max(...errors);
}

describe('teacherStates', () => {
  it('start at x_T, and end where a single DDIM step from the last evaluation does', async () => {
    for (const schedule of Object.values(schedules)) {
      const denoiser = analyticMixture(schedule, { means: [centre], std });
      const table = classicTable(schedule, { solver: 'ddim', order: 1, timestep_spacing: 'logsnr' }, 1);
      const run = await sample(denoiser, table, startsOf(schedule), new Int32Array(count));
      const path = teacherPath(schedule, table, run, count);
      expect([...teacherStates(path, schedule, schedule.tMax)]).toEqual([...run.xT]);
      const ends = teacherStates(path, schedule, schedule.tMin);
      ends.forEach((x, e) => expect(x).toBeCloseTo(run.states[1]![e]!, 5));
    }
  });

  it.each(Object.entries(schedules))('are near the ODE on %s, by the second order', async (_, schedule) => {
    const [coarse, fine] = [await largestError(schedule, 20), await largestError(schedule, 40)];
    expect(coarse).toBeLessThan(0.015);
    expect(fine).toBeLessThan(coarse / 3.5);
  });

  it('work from pure noise, where lambda is -Infinity', async () => {
    for (const prediction of ['data', 'velocity'] as const) {
      expect(await largestError(fromPureNoise, 20, prediction, 'uniform')).toBeLessThan(0.01);
    }
  });

  it('do not depend on what the model predicts', async () => {
    const data = await largestError(schedules['vp']!, 20);
    for (const prediction of ['noise', 'velocity'] as const) {
      expect(await largestError(schedules['vp']!, 20, prediction)).toBeCloseTo(data, 4);
    }
  });
});

describe('teacherPath', () => {
  it('keeps the last of evaluations that share a time or turn back in it', () => {
    expect(keptEvaluations(Float64Array.of(9, 7, 7, 4, 4, 1))).toEqual([0, 2, 4, 5]);
    expect(keptEvaluations(Float64Array.of(9, 6, 5, 7, 2))).toEqual([0, 3, 4]);
  });

  it('goes with its samples when pairs are sliced and picked', async () => {
    const schedule = schedules['edm']!;
    const denoiser = analyticMixture(schedule, { means: [centre], std });
    const table = classicTable(schedule, { solver: 'dpmpp', order: 2, timestep_spacing: 'logsnr' }, 6);
    const noises = startsOf(schedule);
    const conditions = new Int32Array(count);
    const run = await sample(denoiser, table, noises, conditions);
    const path = teacherPath(schedule, table, run, count);
    const pairs: PairSet = { count, dim: 2, noises, targets: run.states[6]!, conditions, path };
    const whole = teacherStates(path, schedule, 0.7);
    const of = (set: PairSet): number[] => [...teacherStates(set.path!, schedule, 0.7)];
    expect(of(slicePairs(pairs, 5, 3))).toEqual([...whole.subarray(10, 16)]);
    expect(of(pickPairs(pairs, [9, 2]))).toEqual([...whole.subarray(18, 20), ...whole.subarray(4, 6)]);
  });
});
