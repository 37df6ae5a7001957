import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { edm } from '../../diffusion/edm';
import { rectifiedFlow } from '../../diffusion/rectified-flow';
import { vpLinear } from '../../diffusion/vp-linear';
import { ddim } from '../../solvers/ddim';
import { tableProblem } from '../../solvers/linear-form';
import { tableEntries } from '../../solvers/table';
import { noiseOf, pullbackError, tableDistance } from '../testing/check-parameterisation';
import { neuralSolver } from './neural-solver';

const schedules = { vp: vpLinear(), edm: edm(0.002, 80), flow: rectifiedFlow(1, 1000) };

/** A grid that is even in nothing. */
function uneven({ tMin, tMax }: (typeof schedules)['vp'], n: number): number[] {
  return Array.from({ length: n + 1 }, (_, i) => tMin + (tMax - tMin) * (1 - i / n) ** 1.3);
}

describe('NeuralSolver', () => {
  it('starts at DDIM, which is Euler of its form', () => {
    for (const schedule of Object.values(schedules)) {
      for (const prediction of schedule.space === 've' ? ['data' as const] : (['data', 'velocity'] as const)) {
        const grid = uneven(schedule, 5);
        const p = neuralSolver(schedule, grid, { prediction });
        expect(p.size).toBe(15);
        const classic = ddim(tableProblem(schedule, grid, prediction));
        expect(tableDistance(p.table(p.initial), classic)).toBeLessThan(1e-12);
      }
    }
  });

  it('has the derivative of its table', () => {
    fc.assert(
      fc.property(
        fc.record({
          adjacentEnd: fc.boolean(),
          space: fc.constantFrom('vp' as const, 'edm' as const, 'flow' as const),
          prediction: fc.constantFrom('data' as const, 'noise' as const, undefined),
          n: fc.integer({ min: 1, max: 6 }),
          seed: fc.nat(),
        }),
        ({ adjacentEnd, space, prediction, n, seed }) => {
          const schedule = schedules[space];
          const p = neuralSolver(schedule, uneven(schedule, n), {
            adjacentEnd,
            ...(prediction === undefined ? {} : { prediction }),
          });
          const moves = noiseOf(seed, p.size);
          const theta = p.initial.map((value, i) => value + 0.3 * moves[i]!);
          expect(pullbackError(p, theta, noiseOf(seed + 1, tableEntries(n).length))).toBeLessThan(1e-7);
        },
      ),
      { seed: 1, numRuns: 60 },
    );
  });

  it('follows a constant velocity exactly whatever M is, and gives two scalars to the last two rows if asked', () => {
    const schedule = schedules.flow;
    const grid = uneven(schedule, 6);
    const p = neuralSolver(schedule, grid, { adjacentEnd: true });
    expect(p.size).toBe(6 + 1 + 2 + 3 + 1 + 1);
    const table = p.table(p.initial.map((value, i) => value + noiseOf(3, p.size)[i]!));
    const last = table.weights.subarray(table.weights.length - 6).reduce((sum, weight) => sum + weight);
    expect(last).toBeCloseTo((grid[6]! - grid[0]!) / 1000, 12);
  });
});
