import { mkdtempSync, readdirSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { noiseSchedule } from '../diffusion';
import type { PairSet } from '../learn/pairs';
import type { Denoiser, DenoiserBatch } from '../solvers/denoiser';
import { classicTable } from '../solvers/registry';
import { sample } from '../solvers/sampler';
import { analyticMixture } from '../solvers/testing/analytic-mixture';
import { mostPaths, teacherPairs } from './teacher';
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

describe('paths', () => {
  const pairsWith = (n: number, changes: Partial<TeacherOptions> = {}): Promise<PairSet> =>
    teacherPairs(options(changes), 'train', n, schedule);

  it('are what the model said on the way, and come from the cache the second time', async () => {
    const { states, outputs } = await sample(mixture, table, (await pairsWith(40)).noises, new Int32Array(40));
    evaluated = 0;
    const { path, noises, targets } = await pairsWith(40);
    expect(evaluated).toBe(0);
    expect([...targets]).toEqual([...states[table.nfe]!]);
    expect(path!.starts).toBe(noises);
    expect([...path!.times]).toEqual([...table.times]);
    for (const [i, k] of [
      [0, 0],
      [7, 3],
      [39, 5],
    ] as const) {
      const at = (i * table.nfe + k) * 2;
      expect([...path!.data.subarray(at, at + 2)]).toEqual([...outputs[k]!.subarray(2 * i, 2 * i + 2)]);
    }
  });

  it('are made when only samples are cached, and serve those that want samples only', async () => {
    const { path: none, ...samples } = await teacherPairs(options(), 'train', 8);
    expect(none).toBeUndefined();
    const { path, ...same } = await pairsWith(8);
    expect(evaluated).toBe(2 * 8 * table.nfe);
    expect(path).toBeDefined();
    expect(same).toEqual(samples);
    await teacherPairs(options(), 'train', 8);
    expect(evaluated).toBe(2 * 8 * table.nfe);
  });

  it('are made again when torn', async () => {
    const first = await pairsWith(8);
    const file = readdirSync(cacheDir).find((name) => name.endsWith('.path.f32'))!;
    truncateSync(join(cacheDir, file), 40);
    evaluated = 0;
    expect(await pairsWith(8)).toEqual(first);
    expect(evaluated).toBe(8 * table.nfe);
  });

  it('that would fill the memory are refused before anything is made', async () => {
    const denoiser = { ...counting(), dim: 2 ** 20 };
    expect(mostPaths(table, denoiser.dim)).toBe(42);
    await expect(pairsWith(43, { denoiser })).rejects.toMatchObject({
      code: 'paths-too-large',
      message: expect.stringContaining('43 noises would take 1.0 GiB') as string,
    });
    expect(evaluated).toBe(0);
  });
});

it('takes conditions in turn', async () => {
  const { conditions } = await teacherPairs(options({ conditionCount: 3 }), 'train', 35);
  expect(Array.from(conditions)).toEqual(Array.from({ length: 35 }, (_, i) => i % 3));
});
