import type { GridPoint } from '../diffusion/grid-point';
import { combine, stepsOf, TableRecorder, type RecordedTable, type TableProblem } from './linear-form';

export interface Dpm2Options {
  /** Where in a step the second evaluation is, as a share of its length in λ. Default ½. */
  readonly r?: number;
  /** The point of the schedule at a λ. */
  readonly pointOfLambda: (lambda: number) => GridPoint;
}

/**
 * DPM2 (Karras et al. 2022, Algorithm 2 as k-diffusion has it; DPM-Solver-2 of Lu et al. 2022 with its last factor
 * linear in σ̂): a midpoint in log σ̂. In VE scaling, x̂ = x/α and σ̂ = σ/α, with σ̂_m = σ̂'^r·σ̂^{1−r}:
 *
 *     ŷ = x̂ + (σ̂_m − σ̂)·E(x̂, t)
 *     x̂' = x̂ + (σ̂' − σ̂)·((1 − 1/(2r))·E(x̂, t) + 1/(2r)·E(ŷ, t_m))
 *
 * Order 2; two evaluations a step, one for a step to σ = 0, which is Euler's.
 *
 * @throws RangeError unless 0 < r ≤ 1
 */
export function dpm2(problem: TableProblem, options: Dpm2Options): RecordedTable {
  const { r = 0.5, pointOfLambda } = options;
  if (!(r > 0 && r <= 1)) throw new RangeError(`r of DPM2 must be above 0 and at most 1, got ${r}.`);
  const steps = stepsOf(problem.grid);
  const recorder = new TableRecorder(
    problem,
    steps.reduce((nfe, { to }) => nfe + (to.sigma === 0 ? 1 : 2), 0),
  );
  let x = recorder.start;
  for (const { from, to, h } of steps) {
    const slope = recorder.evaluate(x, from).noise;
    /** The step to a point along slopes with these shares. */
    const step = (end: GridPoint, ...slopes: (readonly [number, typeof x])[]): typeof x => {
      const ratio = end.alpha / from.alpha;
      return combine([ratio, x], [end.sigma - ratio * from.sigma, combine(...slopes)]);
    };
    if (to.sigma === 0) {
      x = step(to, [1, slope]);
      continue;
    }
    const middle = pointOfLambda(from.lambda + r * h);
    const second = recorder.evaluate(step(middle, [1, slope]), middle).noise;
    x = step(to, [1 - 1 / (2 * r), slope], [1 / (2 * r), second]);
  }
  return recorder.finish(x);
}
