import { describe, expect, it } from 'vitest';
import { edm } from '../diffusion';
import { gridTimes } from '../diffusion/grids';
import { classicTable } from '../solvers/registry';
import type { ClassicSolver } from '../solvers/registry';
import { neighbourStarts, startsFromNeighbour } from './neighbour-starts';
import type { NamedStart } from './student';

const schedule = edm(0.01, 20);
const nfe = 6;

function start(solver: string, order: number, spacing: 'karras' | 'logsnr' = 'karras'): NamedStart {
  const choice: ClassicSolver = { solver, order, timestep_spacing: spacing };
  const grid = gridTimes(schedule, spacing, solver === 'heun' ? nfe / 2 : nfe);
  return { solver: `${solver}-${order}`, spacing, choice, grid, nfe, table: classicTable(schedule, choice, nfe) };
}
const starts = [start('unipc', 3), start('unipc', 3, 'logsnr'), start('heun', 2), start('ddim', 1), start('deis', 3)];
const neighbour = classicTable(schedule, { solver: 'dpmpp', order: 2, timestep_spacing: 'karras' }, 4);

describe('starts from a neighbour', () => {
  it('are the first solvers, each once, on its grid', () => {
    const found = startsFromNeighbour(schedule, neighbour, starts, () => true);
    expect(found.map(({ solver, spacing }) => `${solver} ${spacing}`)).toEqual([
      'unipc-3 learned at 4',
      'heun-2 learned at 4',
      'ddim-1 learned at 4',
    ]);
    expect(found).toHaveLength(neighbourStarts);
    for (const { choice, table, grid } of found) {
      expect([grid[0], grid[grid.length - 1]]).toEqual([schedule.tMax, schedule.tMin]);
      expect([...table.times]).toEqual([...classicTable(schedule, choice, nfe, { times: grid }).times]);
    }
    // Heun makes two evaluations a step.
    expect(found.map(({ grid }) => grid.length)).toEqual([7, 4, 7]);
    // Karras' spacing is smooth: with more steps it is nearly Karras' again.
    const karras = gridTimes(schedule, 'karras', nfe);
    Array.from(found[0]!.grid).forEach((t, i) => expect(Math.abs(Math.log(t / karras[i]!))).toBeLessThan(0.15));
  });

  it('leave out what the method does not take', () => {
    const found = startsFromNeighbour(schedule, neighbour, starts, ({ choice }) => choice.solver !== 'heun');
    expect(found.map(({ solver }) => solver)).toEqual(['unipc-3', 'ddim-1', 'deis-3']);
  });

  it('stand learned times that meet, overtake each other, or lie at the ends', () => {
    for (const times of [
      [20, 2, 2, 0.5],
      [15, 0.5, 2, 1],
      [20, 20, 0.01, 0.01],
    ]) {
      const bent = { ...neighbour, times: Float64Array.from(times) };
      const [found] = startsFromNeighbour(schedule, bent, starts, () => true);
      const grid = Array.from(found!.grid);
      grid.forEach((t, i) => i > 0 && expect(t).toBeLessThan(grid[i - 1]!));
      expect(found!.table.weights.every(Number.isFinite)).toBe(true);
    }
  });
});
