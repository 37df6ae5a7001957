import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { NoiseSchedule } from '../diffusion/noise-schedule';
import type { Prediction, StateSpace } from '../diffusion/prediction';
import { ddim } from './ddim';
import { dpmMultistep, type DpmMultistepOptions } from './dpm-multistep';
import { heun } from './heun';
import { ipndm } from './ipndm';
import type { GridPoint } from '../diffusion/grid-point';
import type { TableProblem } from './linear-form';
import { sample } from './sampler';
import { tableToData, type SolverTable } from './table';
import { analyticMixture } from './testing/analytic-mixture';
import { unipc, type UnipcOptions } from './unipc';

/** A run of a published sampler on the ring of eight Gaussians (see test/data/solvers/README.md). */
interface Golden {
  id: string;
  family: 'ddim' | 'dpmpp' | 'ipndm' | 'unipc' | 'heun';
  options: DpmMultistepOptions & UnipcOptions & { order: number };
  nfe: number;
  space: StateSpace;
  prediction: Prediction;
  grid: [t: number, alpha: number, sigma: number][];
  table: { start: number[]; rows: number[][] };
  scale: number;
  sample: number[];
}

const file = new URL('../../test/data/solvers/goldens.json', import.meta.url);
const { xT, cases } = JSON.parse(readFileSync(file, 'utf8')) as { xT: number[]; cases: Golden[] };

const ring = {
  means: Array.from({ length: 8 }, (_, k) => [Math.cos((k * Math.PI) / 4), Math.sin((k * Math.PI) / 4)]),
  std: 0.15,
};

function gridOf(golden: Golden): GridPoint[] {
  return golden.grid.map(([t, alpha, sigma]) => ({ t, alpha, sigma, lambda: Math.log(alpha / sigma) }));
}

function tableOf(golden: Golden, prediction: Prediction): SolverTable {
  const problem: TableProblem = { grid: gridOf(golden), prediction, space: golden.space };
  switch (golden.family) {
    case 'ddim':
      return ddim(problem);
    case 'dpmpp':
      return dpmMultistep(problem, golden.options);
    case 'ipndm':
      return ipndm(problem, golden.options.order);
    case 'unipc':
      return unipc(problem, golden.options);
    case 'heun':
      return heun(problem, golden.nfe);
  }
}

/** The stored noise levels as a schedule; only its levels are asked for. */
function scheduleOf(golden: Golden): NoiseSchedule {
  const unused = (): number => {
    throw new Error('not part of a golden case');
  };
  return {
    space: golden.space,
    tMin: golden.grid.at(-1)![0],
    tMax: golden.grid[0]![0],
    at(t) {
      const [, alpha, sigma] = golden.grid.find(([time]) => time === t)!;
      return { alpha, sigma, dAlpha: NaN, dSigma: NaN };
    },
    lambda: unused,
    timeOfLambda: unused,
    gridTime: unused,
  };
}

describe.each(cases.map((golden) => [golden.id, golden] as const))('%s', (_, golden) => {
  it('has the table of the published program', () => {
    const table = tableToData(tableOf(golden, golden.prediction));
    const ours = table.start.map((start, r) => [start, ...(table.rows[r - 1] ?? [])]);
    const stored = golden.table.start.map((start, r) => [start, ...(golden.table.rows[r - 1] ?? [])]);
    const worst = stored.map((row, r) => {
      const size = Math.max(...row.map(Math.abs));
      return Math.max(...row.map((value, j) => Math.abs(value - ours[r]![j]!))) / size;
    });
    expect(Math.max(...worst)).toBeLessThan(1e-9);
  });

  it('gives the published samples, through a data-prediction table', async () => {
    const denoiser = analyticMixture(scheduleOf(golden), ring);
    const start = Float32Array.from(xT, (x) => golden.scale * x);
    const { states } = await sample(denoiser, tableOf(golden, 'data'), start, new Int32Array(xT.length / 2));
    const differences = golden.sample.map((value, i) => Math.abs(value - states.at(-1)![i]!));
    // Samples are of size 1; states are rounded to float32 (6e-8) once a row.
    expect(Math.max(...differences)).toBeLessThan(2e-5);
  });
});
