import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { karrasRamp } from '../diffusion/sigma-ramps';
import { sample } from '../solvers/sampler';
import { loadConfig } from './load-config';
import { openModel, type OpenModel } from './open-model';
import { classicSampleTable, type SampleSolver } from './sample-table';

// Samples of the demo model by diffusers' schedulers; tools/diffusers-demo/make.py made them.
const stored = (name: string): Float32Array => {
  const bytes = readFileSync(`test/data/diffusers/${name}.f32`);
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
};

let model: OpenModel;
beforeAll(async () => {
  const labels = { key: ['model', 'conditioning', 'class_labels'], value: [0, 3, 5, 8] };
  const config = await loadConfig('media/demo/solver.yaml', [labels, { key: ['device'], value: 'cpu' }]);
  model = await openModel(config, () => undefined);
});
afterAll(() => model.release());

/** The 1000 noise levels of the variance-preserving scheduler, even in log σ. */
const level = (index: number): number => 0.002 * 40_000 ** (index / 999);

describe('the demo model at equal settings', () => {
  const classic = { kind: 'classic', nfe: 5, analyticFirstStep: false } as const;
  it.each<[string, string, SampleSolver & { kind: 'classic' }]>([
    [
      'DPM-Solver++ 2M like EDMDPMSolverMultistepScheduler',
      'dpmpp-2m',
      {
        ...classic,
        solver: 'dpmpp',
        order: 2,
        grid: { kind: 'sigmas', values: karrasRamp(5, 0.002, 80) },
        toZero: true,
      },
    ],
    [
      'UniPC-3 like UniPCMultistepScheduler',
      'unipc-3',
      {
        ...classic,
        solver: 'unipc',
        order: 3,
        grid: { kind: 'sigmas', values: [999, 799, 599, 400, 200, 0].map(level) },
        toZero: false,
      },
    ],
  ])('gives %s', async (_, name, solver) => {
    const { denoiser, schedule } = model;
    const { table } = await classicSampleTable(schedule, solver, () => Promise.reject(new Error('not asked for')));
    const xT = stored('noise').map((z) => z * Math.sqrt(80 ** 2 + 1));
    const { states } = await sample(denoiser, table, xT, Int32Array.from([0, 1, 2, 3]));
    const ours = states.at(-1)!;
    const differences = stored(name).map((value, i) => Math.abs(value - ours[i]!));
    // Images of size 1; diffusers keeps sigmas in float32, and the network's float32 output is summed five times.
    expect(Math.max(...differences)).toBeLessThan(2e-4);
    expect(Math.sqrt(differences.reduce((sum, d) => sum + d * d, 0) / differences.length)).toBeLessThan(1e-5);
  });
});
