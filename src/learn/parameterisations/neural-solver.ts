import type { NoiseSchedule } from '../../diffusion/noise-schedule';
import type { Prediction } from '../../diffusion/prediction';
import {
  combineDual,
  dualParameterisation,
  dualPointAt,
  range,
  type DualEvaluation,
  type DualForm,
} from '../dual-table';
import type { Parameterisation } from '../parameterisation';
import type { Term } from './dual-multistep';
import { clampLogit, cumulativeShares, gapLogits, tableShape } from './moving-times';

export interface NeuralSolverOptions {
  /** The last two rows mix in the output before alone, as the authors have it up to six steps. Default false. */
  readonly adjacentEnd?: boolean;
  /** What D is. Default velocity on a flow schedule and data elsewhere. */
  readonly prediction?: Prediction;
}

/**
 * NeuralSolver, the differentiable solver search of Wang et al. 2025. On a flow schedule with velocity u = ε − x₀ and
 * times that are even in σ, and on any other schedule with data X and ω = α/σ (their VP form without its doubled update):
 *
 *     flow    x' = x + (σ' − σ)·Σ_j M_ij·u_j
 *     else    x' = (σ'/σ)·x + σ'·(ω' − ω)·Σ_j M_ij·X_j                 M_ii = 1 − Σ_{j<i} M_ij
 *
 * Rows of M add up to 1, so a constant output is followed exactly. Steps are shares softmax(r) of the whole time. M = 1
 * (the identity) is Euler's step, which in either form is DDIM.
 *
 * θ: r_0 … r_{N−1}, one of them redundant, then M_10, M_20, M_21, …: N(N + 1)/2 numbers. With `adjacentEnd` the last two
 * rows have one each. One block.
 *
 * @param grid N + 1 falling times of the schedule that r starts at
 * @throws RangeError for times that do not fall
 */
export function neuralSolver(
  schedule: NoiseSchedule,
  grid: ArrayLike<number>,
  options: NeuralSolverOptions = {},
): Parameterisation {
  const flow = schedule.space === 'flow';
  const { adjacentEnd = false, prediction = flow ? 'velocity' : 'data' } = options;
  const steps = grid.length - 1;
  const [tMax, tMin] = [grid[0]!, grid[steps]!];
  const logits = gapLogits(Array.from(grid));
  /** The j of each row's free coefficients. */
  const columns = range(0, steps).map((i) => (adjacentEnd && i >= steps - 2 && i > 0 ? [i - 1] : range(0, i)));
  const count = columns.reduce((sum, row) => sum + row.length, 0);

  const initial = Float64Array.from([...logits, ...range(0, count).map(() => 0)]);

  return dualParameterisation(tableShape(steps, prediction, schedule.space), {
    initial,
    method(theta, recorder) {
      const points = cumulativeShares(theta.slice(0, steps)).map((share, i) =>
        dualPointAt(schedule, i === steps ? recorder.constant(tMin) : share.times(tMin - tMax).plus(tMax)),
      );
      const outputs: DualForm[] = [];
      let x = recorder.start;
      let next = steps;
      for (const [i, row] of columns.entries()) {
        const [from, to] = [points[i]!, points[i + 1]!];
        const evaluation = recorder.evaluate(x, from);
        outputs.push(flow ? velocityOf(evaluation, prediction) : evaluation.data);
        const ratio = to.sigma.over(from.sigma);
        const [kept, gain] = flow
          ? [recorder.constant(1), to.sigma.minus(from.sigma)]
          : [ratio, to.alpha.minus(ratio.times(from.alpha))];
        const free = theta.slice(next, (next += row.length));
        const own = free.reduce((rest, weight) => rest.minus(weight), recorder.constant(1));
        x = combineDual(
          [kept, x],
          [gain.times(own), outputs[i]!],
          ...row.map((j, m): Term => [gain.times(free[m]!), outputs[j]!]),
        );
      }
      return x;
    },
    project: (theta) => theta.map((value, i) => (i < steps ? clampLogit(value, initial[i]!) : value)),
  });
}

function velocityOf(said: DualEvaluation, prediction: Prediction): DualForm {
  return prediction === 'velocity' ? said.output : combineDual([1, said.noise], [-1, said.data]);
}
