import { pointAt, type GridPoint } from '../../diffusion/grid-point';
import type { NoiseSchedule } from '../../diffusion/noise-schedule';
import { ddim } from '../../solvers/ddim';
import type { Denoiser } from '../../solvers/denoiser';
import type { TableProblem } from '../../solvers/linear-form';
import { sample } from '../../solvers/sampler';
import { dode } from './dode';
import { fitRows, type FittedRows, type RowFit } from './fit-rows';

export interface DodeFit extends Pick<RowFit, 'starts' | 'conditions'> {
  readonly base?: 'euler' | 'heun';
  /** Euler steps of the teacher for each evaluation of the student. Default 10. */
  readonly scale?: number;
}

/**
 * Learns D-ODE as its authors do: the teacher is Euler (DDIM) with `scale` steps for each of the student's evaluations, and
 * each scalar is the least-squares solution for its row on one batch. Costs at most N·(scale + 1) evaluations and no gradient.
 *
 * The teacher's steps are even in λ between the student's points, so that both meet at every one of them; in the authors'
 * program the two grids meet nearly. Both rows of a Heun step are fitted to the end of the step, whose level the model is
 * asked at; the program aims its first row at the teacher's state half-way.
 *
 * @returns θ of `dode(problem, base)`, and what it cost with the teacher's steps
 */
export async function fitDode(
  denoiser: Denoiser,
  schedule: NoiseSchedule,
  problem: TableProblem,
  { starts, conditions, base = 'euler', scale = 10 }: DodeFit,
  signal?: AbortSignal,
): Promise<Pick<FittedRows, 'theta' | 'evaluations'>> {
  const targets: Float32Array[] = [];
  let state = starts;
  let evaluations = 0;
  for (const [i, to] of problem.grid.entries()) {
    const from = problem.grid[i - 1];
    if (from === undefined) continue;
    const rows = base === 'heun' && to.sigma > 0 ? 2 : 1;
    const points = between(schedule, from, to, scale * rows);
    for (const [k, end] of points.slice(1).entries()) {
      // One step at a time, for a table of them all would keep every state.
      const step = ddim({ ...problem, grid: [points[k]!, end] });
      const run = await sample(denoiser, step, state, conditions, signal ? { signal } : {});
      state = run.states[1]!;
      evaluations += conditions.length;
    }
    for (let row = 0; row < rows; row++) targets.push(state);
  }
  const fit = await fitRows(denoiser, dode(problem, base), { starts, conditions, targets }, signal);
  return { theta: fit.theta, evaluations: evaluations + fit.evaluations };
}

/** Points even in λ; no noise is reached in one step. */
function between(schedule: NoiseSchedule, from: GridPoint, to: GridPoint, steps: number): GridPoint[] {
  if (to.sigma === 0) return [from, to];
  const inner = Array.from({ length: steps - 1 }, (_, i) =>
    pointAt(schedule, schedule.timeOfLambda(from.lambda + ((to.lambda - from.lambda) * (i + 1)) / steps)),
  );
  return [from, ...inner, to];
}
