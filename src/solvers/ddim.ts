import type { GridPoint } from '../diffusion/grid-point';
import { combine, stepsOf, TableRecorder, type RecordedTable, type TableProblem } from './linear-form';

/**
 * DDIM without noise (Song et al. 2021), which is DPM-Solver-1 and, in VE scaling, Euler's method:
 *
 *     x' = (σ'/σ)·x + (α' − α·σ'/σ)·X       X the predicted data at (x, t)
 *
 * Order 1; one evaluation a step.
 *
 * @param steps where each step begins and ends, for programs whose steps do not end where the next one begins
 */
export function ddim(
  problem: TableProblem,
  steps: readonly { readonly from: GridPoint; readonly to: GridPoint }[] = stepsOf(problem.grid),
): RecordedTable {
  const recorder = new TableRecorder(problem, steps.length);
  let x = recorder.start;
  for (const { from, to } of steps) {
    const { data } = recorder.evaluate(x, from);
    const ratio = to.sigma / from.sigma;
    x = combine([ratio, x], [to.alpha - from.alpha * ratio, data]);
  }
  return recorder.finish(x);
}
