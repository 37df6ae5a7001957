import { mkdtempSync, readdirSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { noiseSchedule } from '../diffusion';
import type { Denoiser, DenoiserBatch } from '../solvers/denoiser';
import { classicTable } from '../solvers/registry';
import { analyticMixture } from '../solvers/testing/analytic-mixture';
import { teacherPairs } from './teacher';
import type { TeacherOptions } from './teacher';

const schedule = noiseSchedule({ type: 'linear', beta_start: 1e-4, beta_end: 0.02, num_train_timesteps: 1000 });
const mixture = analyticMixture(
  schedule,
  {
    means: [
      [-1, 0],
      [1, 0],
    ],
    std: 0.2,
    weights: [0.5, 0.5],
  },
  'data',
);
const table = classicTable(schedule, { solver: 'dpmpp', order: 2, timestep_spacing: 'logsnr' }, 6);

let cacheDir: string;
let evaluated: number;
/** Counts samples that go through, and may spoil them. */
function counting(spoil: (batch: DenoiserBatch, output: Float32Array) => void = () => {}): Denoiser {
  return {
    ...mixture,
    evaluate: async (batch, signal) => {
      evaluated += batch.conditions.length;
      const output = await mixture.evaluate(batch, signal);
      spoil(batch, output);
      return output;
    },
  };
}
function options(changes: Partial<TeacherOptions> = {}): TeacherOptions {
  return {
    denoiser: counting(),
    table,
    label: 'test teacher',
    identity: 'model',
    cacheDir,
    seed: 1,
    noiseScale: 1,
    conditionCount: 0,
    signal: new AbortController().signal,
    ...changes,
  };
}
beforeEach(() => {
  cacheDir = mkdtempSync(join(tmpdir(), 's4s-teacher-'));
  evaluated = 0;
});
afterEach(() => rmSync(cacheDir, { recursive: true, force: true }));

it('evaluates each noise once, and nothing the second time', async () => {
  const first = await teacherPairs(options(), 'train', 50);
  expect(evaluated).toBe(50 * table.nfe);
  const second = await teacherPairs(options(), 'train', 50);
  expect(evaluated).toBe(50 * table.nfe);
  expect(second).toEqual(first);
  expect(first.targets.some((value) => value !== 0)).toBe(true);
});

it('uses what it has when more noises are asked for', async () => {
  const few = await teacherPairs(options(), 'train', 32);
  const more = await teacherPairs(options(), 'train', 40);
  expect(evaluated).toBe(40 * table.nfe);
  expect(more.targets.subarray(0, 64)).toEqual(few.targets);
});

it('keeps apart whatever the samples depend on', async () => {
  const longer = classicTable(schedule, { solver: 'dpmpp', order: 2, timestep_spacing: 'logsnr' }, 7);
  for (const changes of [{}, { seed: 2 }, { identity: 'other model' }, { table: longer }, { conditionCount: 3 }]) {
    await teacherPairs(options(changes), 'train', 8);
  }
  await teacherPairs(options(), 'validation', 8);
  expect(readdirSync(cacheDir)).toHaveLength(6);
  expect(evaluated).toBe(8 * (5 * 6 + 7));
});

it('makes a torn file again', async () => {
  const first = await teacherPairs(options(), 'train', 8);
  const [file] = readdirSync(cacheDir);
  for (const length of [0, 40, 8 * 2 * 4]) {
    truncateSync(join(cacheDir, file!), length);
    evaluated = 0;
    expect(await teacherPairs(options(), 'train', 8)).toEqual(first);
    expect(evaluated).toBe(8 * table.nfe);
  }
});

it('names evaluation and time of the first NaN, and caches nothing', async () => {
  const denoiser = counting(({ times }, output) => {
    if (times[0] === table.times[3]) output[5] = Number.NaN;
  });
  await expect(teacherPairs(options({ denoiser }), 'train', 8)).rejects.toMatchObject({
    code: 'teacher-not-finite',
    message: expect.stringContaining(`at evaluation 4 (time ${table.times[3]})`) as string,
  });
  expect(readdirSync(cacheDir)).toEqual([]);
});

it('takes conditions in turn', async () => {
  const { conditions } = await teacherPairs(options({ conditionCount: 3 }), 'train', 35);
  expect(Array.from(conditions)).toEqual(Array.from({ length: 35 }, (_, i) => i % 3));
});
