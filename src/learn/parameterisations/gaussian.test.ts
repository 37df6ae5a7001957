import { describe, expect, it } from 'vitest';
import { vpLinear } from '../../diffusion/vp-linear';
import { classicTable } from '../../solvers/registry';
import { sample } from '../../solvers/sampler';
import { analyticMixture } from '../../solvers/testing/analytic-mixture';
import { consistentTable, freeTable } from '../free-table';
import { bestTable, initialState, learn } from '../learn';
import { mean, tableLosses } from '../objective';
import { squared } from '../objectives/squared';
import type { PairSet } from '../pairs';
import type { Parameterisation } from '../parameterisation';
import { noiseOf } from '../testing/check-parameterisation';
import { bns } from './bns';
import { s4sLms } from './s4s-lms';
import { s4sPc } from './s4s-pc';
import { s4sSs } from './s4s-ss';

const schedule = vpLinear();
const centre = [0.5, -0.3];
const std = [0.4, 0.8];
const denoiser = analyticMixture(schedule, { means: [centre], std }, 'data');

/** Noises, and where the exact ODE takes them: coordinate i goes to αμ + √(v/v_T)·(x_T − α_T·μ), v = α²s² + σ². */
function exactPairs(count: number, seed: number): PairSet {
  const noises = Float32Array.from(noiseOf(seed, 2 * count), (u) => 2 * u);
  const [from, to] = [schedule.at(schedule.tMax), schedule.at(schedule.tMin)];
  const targets = noises.map((x, e) => {
    const [mu, s] = [centre[e % 2]!, std[e % 2]!];
    const v = ({ alpha, sigma }: typeof from): number => alpha ** 2 * s ** 2 + sigma ** 2;
    return to.alpha * mu + Math.sqrt(v(to) / v(from)) * (x - from.alpha * mu);
  });
  return { count, dim: 2, noises, targets, conditions: new Int32Array(count) };
}

const start = classicTable(schedule, { solver: 'dpmpp', order: 2, timestep_spacing: 'logsnr' }, 4);
const longer = classicTable(schedule, { solver: 'dpmpp', order: 2, timestep_spacing: 'logsnr' }, 5);
const heun = classicTable(schedule, { solver: 'heun', order: 2, timestep_spacing: 'logsnr' }, 6);

/**
 * On a Gaussian every table is an affine map in each coordinate, so four numbers decide the loss, and any table that has
 * them right is optimal. Learners with more parameters than that reach it.
 */
const learners: Record<string, Parameterisation | undefined> = {
  's4s lms-3': s4sLms(schedule, start, { order: 3 }),
  's4s-alt lms-3': s4sLms(schedule, start, { order: 3, times: 'both' }),
  's4s pc-2': s4sPc(schedule, start, { order: 2 }),
  's4s ss-2': s4sSs(schedule, heun, { stages: [2, 2, 2] }),
  bns: bns(schedule, start),
  table: freeTable(schedule, start),
  'table with consistent rows': consistentTable(schedule, longer),
};

describe('on a Gaussian', () => {
  it.each(Object.entries(learners))('%s finds the exact map', async (_name, parameterisation) => {
    if (!parameterisation) throw new Error('The start is no member.');
    const [train, validation, test] = [exactPairs(64, 1), exactPairs(64, 2), exactPairs(64, 3)];
    const table = parameterisation.table(parameterisation.initial);
    const problem = {
      denoiser,
      schedule,
      parameterisation,
      train,
      validation,
      objective: squared,
      start: { table, validationLosses: await tableLosses(denoiser, squared, table, validation) },
      optimizer: 'gauss_newton',
      iterations: 60,
      adam: { learningRate: 0, schedule: 'cosine', warmup: 0, ema: 0, batchSize: 64 },
      relaxRadius: 0,
      maxEvaluations: null,
      seed: 0,
    } as const;
    const state = initialState(problem);
    await learn(problem, state, { onStep: async () => {}, outOfTime: () => false });
    const learned = bestTable(state);
    const loss = mean(await tableLosses(denoiser, squared, learned, test));
    const size = mean(test.targets.map((x) => x * x));
    expect(loss / size).toBeLessThan(1e-12);
    const { states } = await sample(denoiser, learned, test.noises, test.conditions);
    // What is left is the rounding of float32 states: 4e-7 on average for single steps, and five times that at most.
    states[learned.nfe]!.forEach((x, i) => expect(Math.abs(x - test.targets[i]!)).toBeLessThan(4e-6));
    expect(Math.sqrt(mean(problem.start.validationLosses) / size)).toBeGreaterThan(1e-3);
  });
});
