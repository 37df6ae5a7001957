import type { GridPoint } from '../../diffusion/grid-point';
import type { TableProblem } from '../../solvers/linear-form';
import type { Dual } from '../dual';
import { combineDual, dualParameterisation, type DualForm, type DualPoint, type DualRecorder } from '../dual-table';
import type { Parameterisation } from '../parameterisation';
import { tableShape } from './moving-times';

/**
 * D-ODE (Kim et al. 2024, in the form of its EDM program): each row of a first-order or Heun solver is moved along the
 * difference of the last two outputs. In VE scaling x̂ = x/α, σ̂ = σ/α, with d = (x̂ − X)/σ̂ the slope:
 *
 *     euler   x̂' = x̂ + (σ̂' − σ̂)·d + λ·(X − X_before)
 *     heun    ŷ  = the same;   x̂' = x̂ + ½·(σ̂' − σ̂)·(d + d_y) + λ'·(X_y − X)
 *
 * X_before is the output before X, of whatever row. Heun's step to σ = 0 is Euler's. One scalar a row but the first, which
 * has no output before it (its scalar is 0 in the program): N − 1 numbers, for Heun one less than its evaluations. All
 * zero is Euler's (DDIM) or Heun's table. `fitRows` finds θ without gradients.
 *
 * @param problem its grid may end at σ = 0
 * @throws RangeError for a grid that starts without signal
 */
export function dode(problem: TableProblem, base: 'euler' | 'heun' = 'euler'): Parameterisation {
  const { grid, prediction, space } = problem;
  const steps = grid.length - 1;
  if (grid[0]!.alpha === 0) {
    throw new RangeError('D-ODE cannot start where alpha is 0; start its grid at a later time.');
  }
  const stages = grid.slice(1).map(({ sigma }) => (base === 'heun' && sigma > 0 ? 2 : 1));
  const nfe = stages.reduce<number>((sum, stage) => sum + stage, 0);
  return dualParameterisation(tableShape(nfe, prediction, space), {
    initial: new Float64Array(nfe - 1),
    method(theta, recorder) {
      const points = grid.map((point) => fixedPoint(recorder, point));
      const outputs: DualForm[] = [];
      /** The row that `terms` make, moved along the last difference of outputs. */
      const row = (to: GridPoint, terms: DualForm): DualForm => {
        const [now, before] = [outputs.at(-1)!, outputs.at(-2)];
        if (before === undefined) return terms;
        const lambda = theta[outputs.length - 2]!.times(to.alpha);
        return combineDual([1, terms], [lambda, now], [lambda.times(-1), before]);
      };
      let x = recorder.start;
      for (let n = 0; n < steps; n++) {
        const [from, to] = [grid[n]!, grid[n + 1]!];
        const ratio = to.alpha / from.alpha;
        const first = recorder.evaluate(x, points[n]!);
        outputs.push(first.data);
        // x' = (α'/α)·x + (σ' − (α'/α)·σ)·E, and with E by X where σ' is 0.
        const euler =
          to.sigma === 0
            ? combineDual([to.alpha, first.data])
            : combineDual([ratio, x], [to.sigma - ratio * from.sigma, first.noise]);
        const y = row(to, euler);
        if (stages[n] === 1) {
          x = y;
          continue;
        }
        const second = recorder.evaluate(y, points[n + 1]!);
        outputs.push(second.data);
        const half = 0.5 * (to.sigma - ratio * from.sigma);
        x = row(to, combineDual([ratio, x], [half, first.noise], [half, second.noise]));
      }
      return x;
    },
  });
}

function fixedPoint(recorder: DualRecorder, { t, alpha, sigma, lambda }: GridPoint): DualPoint {
  const constant = (value: number): Dual => recorder.constant(value);
  return { t: constant(t), alpha: constant(alpha), sigma: constant(sigma), lambda: constant(lambda) };
}
