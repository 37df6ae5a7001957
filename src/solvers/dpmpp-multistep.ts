import { combine, stepsOf, TableRecorder, type LinearForm, type TableProblem } from './linear-form';
import type { SolverTable } from './table';

export interface MultistepOptions {
  /** Window of past outputs: 1 to 3. */
  readonly order: number;
  /** Fall back to order p ≤ steps left at the end. */
  readonly lowerOrderFinal?: boolean;
}

/**
 * DPM-Solver++ multistep, data prediction, midpoint variant (Lu et al. 2022, Algorithm 2 and its 3M extension as the
 * authors' program has it). With h = λ' − λ, r_i the earlier step lengths over h, and X_i the data predicted i steps ago:
 *
 *     1M  x' = (σ'/σ)·x − α'·(e^{−h} − 1)·X_0
 *     2M  … − ½·α'·(e^{−h} − 1)·d_0                            d_0 = (X_0 − X_1)/r_0
 *     3M  1M + α'·φ_2·D_1 − α'·φ_3·D_2                         d_1 = (X_1 − X_2)/r_1
 *         D_1 = d_0 + r_0/(r_0 + r_1)·(d_0 − d_1),  D_2 = (d_0 − d_1)/(r_0 + r_1)
 *         φ_2 = (e^{−h} − 1)/h + 1,  φ_3 = φ_2/h − ½
 *
 * Orders 1 and 2, and 2 for 3M too: the published D_2 is half of the second difference, and results called
 * "DPM-Solver++ 3M" mean that form. One evaluation a step. The first steps use the outputs there are; at the end the
 * order falls when there are fewer than 10 steps, like the authors' program, unless `lowerOrderFinal` says otherwise.
 */
export function dpmppMultistep(problem: TableProblem, options: MultistepOptions): SolverTable {
  const steps = stepsOf(problem.grid);
  const { order, lowerOrderFinal = steps.length < 10 } = options;
  if (![1, 2, 3].includes(order)) throw new RangeError(`DPM-Solver++ multistep has orders 1 to 3, got ${order}.`);
  const recorder = new TableRecorder(problem, steps.length);
  const past: { data: LinearForm; lambda: number }[] = [];
  let x = recorder.start;
  for (const [n, { from, to, h }] of steps.entries()) {
    past.unshift({ data: recorder.evaluate(x, from).data, lambda: from.lambda });
    const usable = lowerOrderFinal ? Math.min(order, steps.length - n) : order;
    const [p0, p1, p2] = [past[0]!, ...past.slice(1, usable)];
    const f = Math.expm1(-h);
    const first = combine([to.sigma / from.sigma, x], [-to.alpha * f, p0.data]);
    if (!p1) {
      x = first;
      continue;
    }
    const r0 = (p0.lambda - p1.lambda) / h;
    const d0 = combine([1 / r0, p0.data], [-1 / r0, p1.data]);
    if (!p2) {
      x = combine([1, first], [-0.5 * to.alpha * f, d0]);
      continue;
    }
    const r1 = (p1.lambda - p2.lambda) / h;
    const d1 = combine([1 / r1, p1.data], [-1 / r1, p2.data]);
    const second = combine([1 / (r0 + r1), d0], [-1 / (r0 + r1), d1]);
    const slope = combine([1, d0], [r0, second]);
    const phi2 = f / h + 1;
    x = combine([1, first], [to.alpha * phi2, slope], [-to.alpha * (phi2 / h - 0.5), second]);
  }
  return recorder.finish(x);
}
