import type { NoiseSchedule } from '../../diffusion/noise-schedule';
import type { SolverTable } from '../../solvers/table';
import { combineDual, type DualForm } from '../dual-table';
import type { Parameterisation } from '../parameterisation';
import { exponentialStep, isRounding, newest, peel, stepFactors } from './exponential-step';
import { multistepGrid, s4sParameterisation, type S4sOptions } from './s4s';

/**
 * S4S, family lms (arXiv 2502.17423; written as in GAS App. B.9), window K = `order`:
 *
 *     x_{n+1} = q_n·x_n + g_n·Σ_{j<min(n+1,K)} c_{n,j}·M_{n−j}
 *
 * M_n is the data (or noise) prediction at x_n, which the network is asked for at time t_n + ξ_n; q and g are the
 * exponential integrator's factors of the step (see `stepFactors`). It contains DDIM, DPM-Solver(++) multistep, and UniPC
 * of order K − 1 with its corrector (a corrector that re-uses the predicted point's output is one more output in the
 * window).
 *
 * Parameters with N evaluations: K·N − K(K−1)/2 coefficients (N ≥ K), N shifts, and N − 1 log-gaps in S4S-Alt: 12, 17 and
 * 21 for K = 3, N = 5.
 *
 * @returns undefined when `start` is not a member of the family on its grid
 * @throws RangeError for an order other than 1 to 4
 */
export function s4sLms(schedule: NoiseSchedule, start: SolverTable, options: S4sOptions): Parameterisation | undefined {
  const { order, prediction = 'data' } = options;
  const { nfe } = start;
  const gridTimes = multistepGrid(schedule, start, options);
  if (gridTimes === undefined) return undefined;
  return s4sParameterisation(
    schedule,
    start,
    {
      gridTimes,
      places: Array.from({ length: nfe }, (_, step) => ({ step, fraction: 0 })),
      coefficients({ points }, { states, outputs }) {
        const found: number[] = [];
        for (let n = 0; n < nfe; n++) {
          const { ratio, gain } = stepFactors(points[n]!, points[n + 1]!, prediction);
          const change = combineDual([1, states[n + 1]!], [ratio.times(-1), states[n]!]);
          const { coefficients, left } = peel(change, outputs, newest(n, order));
          if (!isRounding(left, states[n + 1]!)) return undefined;
          found.push(...coefficients.map((c) => c / gain.value));
        }
        return found;
      },
      sample(recorder, { points, calls }, coefficients) {
        const outputs: DualForm[] = [];
        let x = recorder.start;
        let index = 0;
        for (let n = 0; n < nfe; n++) {
          outputs.push(recorder.evaluate(x, calls[n]!)[prediction]);
          const terms = newest(n, order).map((k) => [coefficients[index++]!, outputs[k]!] as const);
          x = exponentialStep(x, stepFactors(points[n]!, points[n + 1]!, prediction), terms);
        }
        return x;
      },
    },
    options,
  );
}
