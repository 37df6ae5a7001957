import { convert, predictionMixture } from '../diffusion/conversions';
import type { RecordedTable, TableProblem } from './linear-form';
import { rowOffset } from './table';

/** A table whose first evaluation is gone. */
export interface AnalyticStart {
  readonly table: RecordedTable;
  /** y_0 of the table is this times y_0 of the method it was made from. */
  readonly scale: number;
}

/**
 * The analytic first step (AFS; Dockhorn et al. 2022): at high noise a network knows little but the scale of its input,
 * so its first answer is replaced by the noise of that scale, and one evaluation is saved. In VE scaling
 *
 *     E_0 = x̂/√(1 + σ̂²),  that is  E_0 = x/√(α² + σ²)
 *
 * Works on the table of any method with at least two evaluations: D_0 is a multiple κ of x_T, so every row's
 * w_{r,0}·D_0 joins its start weight, row 1 becomes the new start and is divided out of all.
 *
 * @param problem what the table was filled for
 * @throws RangeError for a table of one evaluation
 */
export function analyticFirstStep(table: RecordedTable, problem: TableProblem): AnalyticStart {
  const { nfe, weights, times, calls } = table;
  if (nfe < 2) throw new RangeError('An analytic first step needs a method of at least two evaluations.');
  const kappa = analyticOutput(table, problem);
  const start = Float64Array.from({ length: nfe }, (_, k) => table.start[k + 1]! + kappa * weights[rowOffset(k)]!);
  const scale = start[0]!;
  return {
    scale,
    table: {
      ...table,
      nfe: nfe - 1,
      times: times.slice(1),
      calls: calls.slice(1),
      start: start.map((value) => value / scale),
      weights: Float64Array.from(
        Array.from({ length: nfe - 1 }, (_, k) => [...weights.subarray(rowOffset(k + 1) + 1, rowOffset(k + 2))]).flat(),
      ),
    },
  };
}

/** κ: what the network is taken to answer to x_T, as a multiple of it. */
function analyticOutput({ calls }: RecordedTable, problem: TableProblem): number {
  const { prediction, space, networkSpace = space } = problem;
  const [point] = calls as [RecordedTable['calls'][number]];
  const { alpha, sigma } = point;
  const level = { alpha, sigma, dAlpha: 0, dSigma: 0 };
  const norm = Math.hypot(alpha, sigma);
  // (1 − σ/√(α² + σ²))/α without its cancellation.
  if (prediction === 'data') return alpha / (norm * (norm + sigma));
  const wanted = predictionMixture(prediction, networkSpace, { ...level, ...point.network });
  const { skip, out } = convert(level, predictionMixture('noise', space, level), wanted);
  return skip + out / norm;
}
