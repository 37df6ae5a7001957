import { describe, expect, it } from 'vitest';
import { noiseSchedule, startNoiseScale } from '../diffusion';
import { gridTimes } from '../diffusion/grids';
import { classicTable } from '../solvers/registry';
import { sample } from '../solvers/sampler';
import { analyticMixture } from '../solvers/testing/analytic-mixture';
import { fitted, fittedDode, pathStarts } from './fitted-starts';
import { freeTable } from './free-table';
import { methodParameterisation } from './methods';
import { mean, tableLosses } from './objective';
import { squared } from './objectives/squared';
import type { Parameterisation } from './parameterisation';
import { teacherPath } from './teacher-path';
import { noiseOf } from './testing/check-parameterisation';
import { mixtureDenoiser, mixturePairs, mixtureSchedule } from './testing/mixture-pairs';

describe('fitted starts', () => {
  it('lie far below every classic solver tried, on noises they never saw', async () => {
    const [pairs, unseen] = [await mixturePairs(64, 1), await mixturePairs(64, 2)];
    const [denoiser, schedule, nfe] = [mixtureDenoiser, mixtureSchedule, 5];
    const lossOf = async (table: Parameters<typeof tableLosses>[2]): Promise<number> =>
      mean(await tableLosses(denoiser, squared, table, unseen));
    const losses: number[] = [];
    for (const { table } of pathStarts(schedule, pairs, nfe)) {
      const { parameterisation, evaluations } = await fitted({ denoiser, schedule, pairs }, freeTable(schedule, table));
      expect(evaluations).toBe(nfe * pairs.count);
      losses.push(await lossOf(parameterisation.table(parameterisation.initial)));
    }
    const classics: number[] = [];
    for (const solver of ['dpmpp', 'unipc', 'ipndm', 'deis'] as const) {
      for (const timestep_spacing of ['logsnr', 'karras', 'quadratic'] as const) {
        classics.push(await lossOf(classicTable(schedule, { solver, order: 3, timestep_spacing }, nfe)));
      }
    }
    expect(Math.min(...losses)).toBeLessThan(0.3 * Math.min(...classics));
  });

  it('of D-ODE come nearer to the teacher than DDIM, for the steps of its own and of the finer Euler run', async () => {
    const [pairs, unseen] = [await mixturePairs(64, 1), await mixturePairs(64, 2)];
    const [denoiser, schedule, nfe] = [mixtureDenoiser, mixtureSchedule, 6];
    const choice = { solver: 'ddim', order: 1, timestep_spacing: 'logsnr' } as const;
    const start = {
      choice,
      table: classicTable(schedule, choice, nfe),
      grid: gridTimes(schedule, choice.timestep_spacing, nfe),
      nfe,
    };
    const ddim = methodParameterisation(schedule, { method: 'dode', family: 'lms', order: 3 }, start)!;
    const { parameterisation, evaluations } = await fittedDode({ denoiser, schedule, pairs }, start, ddim);
    expect(evaluations).toBe(11 * nfe * pairs.count);
    const lossOf = async (p: Parameterisation): Promise<number> =>
      mean(await tableLosses(denoiser, squared, p.table(p.initial), unseen));
    expect(await lossOf(parameterisation)).toBeLessThan(0.8 * (await lossOf(ddim)));
  });

  it.each([
    ['rectified flow', noiseSchedule({ type: 'flow', shift: 3, num_train_timesteps: 1000 })],
    [
      'a schedule without signal at its start',
      noiseSchedule({
        type: 'scaled_linear',
        beta_start: 0.00085,
        beta_end: 0.012,
        num_train_timesteps: 1000,
        rescale_betas_zero_snr: true,
      }),
    ],
  ])('are finite on %s, for one evaluation too', async (_, schedule) => {
    const means = [0, 1, 2].map((k) => Array.from(noiseOf(k, 4)));
    const denoiser = analyticMixture(schedule, { means, std: 0.2 }, 'data');
    const count = 16;
    const noises = Float32Array.from(noiseOf(9, 4 * count), (u) => 1.7 * startNoiseScale(schedule) * u);
    const conditions = new Int32Array(count);
    const teacher = classicTable(schedule, { solver: 'unipc', order: 3, timestep_spacing: 'uniform' }, 20);
    const run = await sample(denoiser, teacher, noises, conditions);
    const path = teacherPath(schedule, teacher, run, count);
    const pairs = { count, dim: 4, noises, targets: run.states[20]!, conditions, path };
    for (const nfe of [1, 2, 4]) {
      for (const { table } of pathStarts(schedule, pairs, nfe)) {
        const { parameterisation } = await fitted({ denoiser, schedule, pairs }, freeTable(schedule, table));
        const losses = await tableLosses(denoiser, squared, parameterisation.table(parameterisation.initial), pairs);
        expect(mean(losses)).toBeLessThan(1);
      }
    }
  });
});
