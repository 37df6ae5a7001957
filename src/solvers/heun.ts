import { combine, stepsOf, TableRecorder, type RecordedTable, type TableProblem } from './linear-form';

/** Steps of a Heun sampler with `nfe` evaluations: two a step, and one for the last step when `nfe` is odd. */
export function heunSteps(nfe: number): number {
  return Math.ceil(nfe / 2);
}

/**
 * Heun's method on the probability-flow ODE in VE scaling (Karras et al. 2022, Algorithm 1), x̂ = x/α, σ̂ = σ/α, E the
 * predicted noise:
 *
 *     ŷ = x̂ + (σ̂' − σ̂)·E(x̂, t)        x̂' = x̂ + ½·(σ̂' − σ̂)·(E(x̂, t) + E(ŷ, t'))
 *
 * Order 2; two evaluations a step. An odd `nfe` makes the LAST step an Euler step (one evaluation), as EDM does for its
 * step to σ = 0, so m steps take 2m or 2m − 1 evaluations and the grid must have `heunSteps(nfe)` steps.
 */
export function heun(problem: TableProblem, nfe: number): RecordedTable {
  const steps = stepsOf(problem.grid);
  if (steps.length !== heunSteps(nfe)) {
    throw new RangeError(`Heun with ${nfe} evaluations needs a grid of ${heunSteps(nfe)} steps, got ${steps.length}.`);
  }
  const recorder = new TableRecorder(problem, nfe);
  let x = recorder.start;
  for (const [n, { from, to }] of steps.entries()) {
    const { data, noise: slope } = recorder.evaluate(x, from);
    if (2 * n + 1 === nfe) {
      // Written as DDIM, which has no terms that cancel at σ = 0.
      const left = to.sigma / from.sigma;
      x = combine([left, x], [to.alpha - from.alpha * left, data]);
      continue;
    }
    const ratio = to.alpha / from.alpha;
    const length = to.sigma - ratio * from.sigma;
    const end = recorder.evaluate(combine([ratio, x], [length, slope]), to).noise;
    x = combine([ratio, x], [length / 2, slope], [length / 2, end]);
  }
  return recorder.finish(x);
}
