import { describe, expect, it } from 'vitest';
import { edm } from '../diffusion/edm';
import { classicTable } from './registry';
import { sample } from './sampler';
import type { SolverTable } from './table';
import { analyticMixture } from './testing/analytic-mixture';
import { referenceSample } from './reference-sampler';

const schedule = edm(0.002, 80);
const denoiser = analyticMixture(schedule, {
  means: [
    [1, 0],
    [-1, 0.5],
  ],
  std: 0.2,
});
const table = classicTable(schedule, { solver: 'unipc', order: 3, timestep_spacing: 'karras' }, 5);
const xT = Float32Array.from([40, -90, 10, 70, -5, 20]);
const conditions = new Int32Array(3);

describe('sample', () => {
  it('gives float64 results rounded to float32 and keeps every state and output', async () => {
    const done: string[] = [];
    const trajectory = await sample(denoiser, table, xT, conditions, {
      onEvaluation: (count, of) => done.push(`${count}/${of}`),
    });
    expect(trajectory.states.length).toBe(6);
    expect(trajectory.outputs.length).toBe(5);
    expect(trajectory.states[0]).toEqual(xT);
    expect(done).toEqual(['1/5', '2/5', '3/5', '4/5', '5/5']);
    for (let n = 0; n < 3; n++) {
      const reference = referenceSample(denoiser.at, table, xT.subarray(2 * n, 2 * n + 2));
      reference.forEach((value, i) => expect(trajectory.states[5]![2 * n + i]).toBeCloseTo(value, 5));
    }
  });

  it('refuses a model that the table is not for', async () => {
    const other: SolverTable = { ...table, prediction: 'noise', space: 'vp' };
    await expect(sample(denoiser, other, xT, conditions)).rejects.toThrow(
      'The table is for noise prediction in vp space, but the model gives data prediction in ve space.',
    );
  });

  it('refuses sizes that do not fit', async () => {
    await expect(sample(denoiser, table, xT.subarray(1), conditions)).rejects.toThrow(
      'The start noise has 5 numbers; 3 samples of 2 need 6.',
    );
    const broken = { ...table, weights: table.weights.map((w, i) => (i === 3 ? NaN : w)) };
    await expect(sample(denoiser, broken, xT, conditions)).rejects.toThrow('number 3 of its weights is NaN');
  });

  it('stops by its signal after the evaluation under way', async () => {
    const controller = new AbortController();
    let evaluations = 0;
    const run = sample(denoiser, table, xT, conditions, {
      signal: controller.signal,
      onEvaluation: (done) => {
        evaluations = done;
        if (done === 2) controller.abort();
      },
    });
    await expect(run).rejects.toMatchObject({ name: 'AbortError' });
    expect(evaluations).toBe(2);
  });
});
