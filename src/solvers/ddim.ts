import { combine, stepsOf, TableRecorder, type TableProblem } from './linear-form';
import type { SolverTable } from './table';

/**
 * DDIM without noise (Song et al. 2021), which is DPM-Solver-1 and, in VE scaling, Euler's method:
 *
 *     x' = (σ'/σ)·x + (α' − α·σ'/σ)·X       X the predicted data at (x, t)
 *
 * Order 1; one evaluation a step.
 */
export function ddim(problem: TableProblem): SolverTable {
  const steps = stepsOf(problem.grid);
  const recorder = new TableRecorder(problem, steps.length);
  let x = recorder.start;
  for (const { from, to } of steps) {
    const { data } = recorder.evaluate(x, from);
    const ratio = to.sigma / from.sigma;
    x = combine([ratio, x], [to.alpha - from.alpha * ratio, data]);
  }
  return recorder.finish(x);
}
