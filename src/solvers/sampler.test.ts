import { describe, expect, it } from 'vitest';
import { edm } from '../diffusion/edm';
import { backward } from './backward';
import { classicTable } from './registry';
import { sample } from './sampler';
import { rowOffset, tableFromData, tableToData, type SolverTable, type TableData } from './table';
import { sampleTangents } from './tangents';
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

  describe('with a table of constants and numbers for each element', () => {
    /** One element's table: the first with its numbers scaled and constants added. */
    const ofElement = (element: number): SolverTable => ({
      ...table,
      start: table.start.map((value) => value * (1 + 0.1 * element)),
      weights: table.weights.map((value) => value * (1 - 0.2 * element)),
      offset: table.start.map((_, r) => 0.5 * r - element),
    });
    const interleaved = (pick: (part: SolverTable) => Float64Array): Float64Array =>
      Float64Array.from({ length: 2 * pick(ofElement(0)).length }, (_, i) => pick(ofElement(i % 2))[i >> 1]!);
    const wide: SolverTable = {
      ...table,
      width: 2,
      start: interleaved(({ start }) => start),
      weights: interleaved(({ weights }) => weights),
      offset: interleaved(({ offset }) => offset!),
    };

    it('moves each element by its own numbers', async () => {
      const read = tableFromData(JSON.parse(JSON.stringify(tableToData(wide))) as TableData);
      const { states, outputs } = await sample(denoiser, read, xT, conditions);
      states.forEach((state, r) => {
        state.forEach((value, i) => {
          const { start, weights, offset } = ofElement(i % 2);
          const sum = outputs
            .slice(0, r)
            .reduce(
              (all, output, j) => all + weights[rowOffset(r - 1) + j]! * output[i]!,
              start[r]! * xT[i]! + offset![r]!,
            );
          expect(value).toBeCloseTo(sum, 4);
        });
      });
      for (let n = 0; n < 3; n++) {
        const reference = referenceSample(denoiser.at, read, xT.subarray(2 * n, 2 * n + 2));
        reference.forEach((value, i) => expect(states[5]![2 * n + i]).toBeCloseTo(value, 4));
      }
    });

    it('refuses samples of another size', async () => {
      const third: SolverTable = {
        ...table,
        width: 3,
        start: new Float64Array(18),
        weights: new Float64Array(45),
      };
      await expect(sample(denoiser, third, xT, conditions)).rejects.toThrow(
        'The table has weights for samples of 3 elements; those of the model have 2.',
      );
    });

    it('has no gradient and no tangents', async () => {
      const trajectory = await sample(denoiser, wide, xT, conditions);
      const sentence = 'it can be run, not learned';
      const constants: SolverTable = { ...table, offset: table.start };
      for (const refused of [wide, constants]) {
        await expect(backward(denoiser, refused, trajectory, conditions, new Map())).rejects.toThrow(sentence);
        await expect(sampleTangents(denoiser, refused, trajectory, conditions, { schedule })).rejects.toThrow(sentence);
      }
    });
  });
});
