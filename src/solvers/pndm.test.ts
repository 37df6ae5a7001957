import { describe, expect, it } from 'vitest';
import { gridPoint, type GridPoint } from '../diffusion/grid-point';
import type { RecordedTable } from './linear-form';
import { plmsMoves, pndm, prkMoves } from './pndm';
import { referenceTrajectory } from './reference-sampler';

const point = (sigma: number): GridPoint => gridPoint(sigma, 1, sigma);
const grid = [7, 6, 5, 4, 3, 2, 1].map(point);
const problem = { grid, prediction: 'noise', space: 've' } as const;
const middle = (from: GridPoint, to: GridPoint): GridPoint => point((from.sigma + to.sigma) / 2);

/** x_N − x_T for a noise prediction that is σ^k, whatever the state. */
function moved(table: RecordedTable, k: number): number {
  return referenceTrajectory((_, sigma) => [sigma ** k], table, [0])[table.nfe]![0]!;
}

describe('PNDM on equal steps', () => {
  it('with a half-order start makes one evaluation more than steps and is exact for a linear slope', () => {
    const table = pndm(problem, plmsMoves(grid), 'half-order');
    expect(table.nfe).toBe(7);
    expect([...table.times]).toEqual([7, 6, 6, 5, 4, 3, 2]);
    for (const k of [0, 1]) expect(moved(table, k)).toBeCloseTo((1 - 7 ** (k + 1)) / (k + 1), 11);
  });

  it('with a Runge–Kutta start makes nine evaluations more and is exact for a cubic slope', () => {
    const table = pndm(problem, prkMoves(grid, middle), 'runge-kutta');
    expect(table.nfe).toBe(15);
    for (const k of [0, 1, 2, 3]) expect(moved(table, k)).toBeCloseTo((1 - 7 ** (k + 1)) / (k + 1), 10);
  });

  it('needs four steps for a Runge–Kutta start, and repeats nothing in a single step', () => {
    expect(() => prkMoves(grid.slice(0, 4), middle)).toThrow('4 steps');
    expect(plmsMoves(grid.slice(0, 2))).toHaveLength(1);
  });
});
