import type { NoiseSchedule } from '../../diffusion/noise-schedule';
import type { SolverTable } from '../../solvers/table';
import { combineDual, type DualForm } from '../dual-table';
import type { Parameterisation } from '../parameterisation';
import { exponentialStep, isRounding, newest, peel, stepFactors } from './exponential-step';
import { multistepGrid, s4sParameterisation, type S4sOptions } from './s4s';

/**
 * S4S, family pc: a predictor, and a corrector that starts again from x_n and uses the output at the predicted point, which
 * then serves the next step (as UniPC does; no evaluation is added). With w = min(n+1, K), K = `order`:
 *
 *     predictor  y_{n+1} = q_n·x_n + g_n·Σ_{j<w} p_{n,j}·M_{n−j}
 *     corrector  x_{n+1} = q_n·x_n + g_n·(c_{n,0}·M_{n+1} + Σ_{j<w} c_{n,j+1}·M_{n−j})        M_{n+1} at y_{n+1}
 *
 * for n < N; the last step has no corrector. It contains UniPC of order K, and with c_{n,0} = 0, c_{n,j+1} = p_{n,j} family
 * lms. Eliminating x_n shows that its tables on a fixed grid are exactly those of lms with window K + 1: a part of the
 * parameters moves the split between predictor and corrector, not the table. The start is split such that c_{n,0} = 0.
 *
 * Parameters with N ≥ K: K·N − K(K−1)/2 of the predictor, (K+1)(N−1) − K(K−1)/2 of the corrector, N shifts, and N − 1
 * log-gaps in S4S-Alt: 12 + 13, 30 and 34 for K = 3, N = 5.
 *
 * @returns undefined when `start` is not a member of the family on its grid
 * @throws RangeError for an order other than 1 to 4
 */
export function s4sPc(schedule: NoiseSchedule, start: SolverTable, options: S4sOptions): Parameterisation | undefined {
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
        const predictors: number[][] = [];
        const correctors: number[][] = [];
        let gainBefore = NaN;
        for (let n = 0; n < nfe; n++) {
          const { ratio, gain } = stepFactors(points[n]!, points[n + 1]!, prediction);
          // y_{n+1} = q·y_n + g·Σ_{j≤K} l_j·M_{n−j}; what the predictor cannot reach, l_K, is the corrector's.
          const change = combineDual([1, states[n + 1]!], [ratio.times(-1), states[n]!]);
          const { coefficients, left } = peel(change, outputs, newest(n, order + 1));
          if (!isRounding(left, states[n + 1]!)) return undefined;
          const window = coefficients.map((c) => c / gain.value);
          const oldest = window.length > order ? window.pop()! : 0;
          if (n > 0) {
            // x_n = y_n + (g/q)·l_K·M_{n−K}
            const corrector = [0, ...predictors[n - 1]!];
            if (oldest !== 0) corrector[corrector.length - 1]! += (oldest * gain.value) / (ratio.value * gainBefore);
            correctors.push(corrector);
          }
          predictors.push(window);
          gainBefore = gain.value;
        }
        return predictors.flatMap((predictor, n) => [...predictor, ...(correctors[n] ?? [])]);
      },
      sample(recorder, { points, calls }, coefficients) {
        let index = 0;
        const take = (outputs: readonly DualForm[]): (readonly [(typeof coefficients)[number], DualForm])[] =>
          outputs.map((output) => [coefficients[index++]!, output]);
        let x = recorder.start;
        const outputs = [recorder.evaluate(x, calls[0]!)[prediction]];
        for (let n = 0; n < nfe - 1; n++) {
          const factors = stepFactors(points[n]!, points[n + 1]!, prediction);
          const known = newest(n, order).map((k) => outputs[k]!);
          const predicted = exponentialStep(x, factors, take(known));
          const next = recorder.evaluate(predicted, calls[n + 1]!)[prediction];
          x = exponentialStep(x, factors, take([next, ...known]));
          outputs.push(next);
        }
        const known = newest(nfe - 1, order).map((k) => outputs[k]!);
        return exponentialStep(x, stepFactors(points[nfe - 1]!, points[nfe]!, prediction), take(known));
      },
    },
    options,
  );
}
