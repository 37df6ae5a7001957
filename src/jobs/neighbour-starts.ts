import type { NoiseSchedule } from '../diffusion';
import { resampleTimes } from '../diffusion/resample-times';
import { classicTable } from '../solvers/registry';
import type { SolverTable } from '../solvers/table';
import type { NamedStart } from './student';

/** How many starts on a neighbour's grid are tried. */
export const neighbourStarts = 3;

/**
 * Starts on the grid that was learned with another number of evaluations, resampled to this one: the classic solvers that
 * come first among `starts`, each once. Where the times of a good solver lie changes little from one number to the next.
 *
 * @param takes whether learning can begin at a start
 */
export function startsFromNeighbour(
  schedule: NoiseSchedule,
  neighbour: SolverTable,
  starts: readonly NamedStart[],
  takes: (start: NamedStart) => boolean,
): NamedStart[] {
  const times = gridOf(schedule, neighbour);
  const found: NamedStart[] = [];
  for (const start of starts) {
    if (found.length === neighbourStarts) break;
    if (found.some(({ solver }) => solver === start.solver)) continue;
    const grid = resampleTimes(schedule, times, start.grid.length - 1);
    const { choice, nfe, solver } = start;
    const table = classicTable(schedule, choice, nfe, { times: grid });
    const moved: NamedStart = { solver, spacing: `learned at ${neighbour.nfe}`, choice, table, grid, nfe };
    if (takes(moved)) found.push(moved);
  }
  return found;
}

/** The times of a table as a grid: falling from end to end. Learned times may meet or overtake each other. */
function gridOf(schedule: NoiseSchedule, { times }: SolverTable): number[] {
  const { tMin, tMax } = schedule;
  const apart = 1e-6 * (tMax - tMin);
  const inner = Float64Array.from(times.subarray(1)).sort().reverse();
  const grid = [tMax];
  for (const t of inner) if (grid.at(-1)! - t > apart && t - tMin > apart) grid.push(t);
  return [...grid, tMin];
}
