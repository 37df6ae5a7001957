import { combine, stepsOf, TableRecorder, type LinearForm, type RecordedTable, type TableProblem } from './linear-form';

export interface DpmMultistepOptions {
  /** Window of past outputs, 1 to 3; or one for each step, as given. */
  readonly order: number | readonly number[];
  /** What is interpolated: data (DPM-Solver++, the default) or noise (DPM-Solver). */
  readonly prediction?: 'data' | 'noise';
  /** Second-order form; heun and taylor are diffusers' and the authors' name of the same one. Default midpoint. */
  readonly variant?: 'midpoint' | 'heun' | 'taylor';
  /** Third-order form: what is published, or with the second difference in full. Default published. */
  readonly thirdOrder?: 'published' | 'exact';
  /**
   * Fall back to order p ≤ steps left at the end. By default when there are fewer than 10 steps, like the authors'
   * program; of no effect where `order` is a list.
   */
  readonly lowerOrderFinal?: boolean;
  /** Make the last step of order 1. */
  readonly eulerAtFinal?: boolean;
}

/**
 * DPM-Solver++ multistep (Lu et al. 2022, "DPM-Solver++", Algorithm 2) and DPM-Solver multistep, its twin on noise, with
 * the third-order form of the authors' program. M_i is what was predicted i steps ago, data X or noise E; h = λ' − λ; r_i
 * are the earlier step lengths over h; z = −h, a = α', q = σ'/σ on data and z = h, a = σ', q = α'/α on noise:
 *
 *     1M  x' = q·x − a·φ_1·M_0                                 φ_1 = e^z − 1
 *     2M  1M − ½·a·φ_1·d_0  or (heun, taylor)  1M − a·φ_2·d_0  d_0 = (M_0 − M_1)/r_0,  φ_2 = φ_1/z − 1
 *     3M  1M − a·φ_2·(d_0 + r_0·D) − a·φ_3·D                   d_1 = (M_1 − M_2)/r_1,  φ_3 = φ_2/z − ½
 *                                                              D = (d_0 − d_1)/(r_0 + r_1)
 *
 * One evaluation a step; the first steps use the outputs there are. 1M is DDIM. Orders 1 and 2, and 2 for 3M too: D is
 * half of h²·M'', so that the last term lacks a factor 2. Results called "DPM-Solver++ 3M" mean that form. With the
 * factor (`exact`) a step is exact for M quadratic in λ. The order is 3 then, if the first two steps, of orders 1 and 2,
 * are short.
 *
 * A step from pure noise (α = 0, λ = −∞) or to clean data (σ' = 0, λ' = +∞) is one of order 1, and one of no length (a
 * grid that ends with σ_min twice, as some of diffusers' do) changes nothing.
 *
 * @throws RangeError for an order other than 1 to 3, and on noise for a start at α = 0, where noise says nothing of data
 */
export function dpmMultistep(problem: TableProblem, options: DpmMultistepOptions): RecordedTable {
  const { prediction = 'data', variant = 'midpoint', thirdOrder = 'published' } = options;
  const steps = stepsOf(problem.grid);
  const orders = stepOrders(options, steps.length);
  // Where M is 0, x goes with σ (data) or α (noise), which is `kept`; M goes with the other.
  const [kept, driven] = prediction === 'data' ? (['sigma', 'alpha'] as const) : (['alpha', 'sigma'] as const);
  const recorder = new TableRecorder(problem, steps.length);
  const past: { output: LinearForm; lambda: number }[] = [];
  let x = recorder.start;
  for (const [n, { from, to, h }] of steps.entries()) {
    if (from[kept] === 0) {
      throw new RangeError('DPM-Solver (noise) cannot start where alpha is 0; use DPM-Solver++ (data prediction).');
    }
    past.unshift({ output: recorder.evaluate(x, from)[prediction], lambda: from.lambda });
    const order = Number.isFinite(h) && h !== 0 ? orders[n]! : 1;
    const [p0, p1, p2] = [past[0]!, ...past.slice(1, order)];
    const z = prediction === 'data' ? -h : h;
    const ratio = to[kept] / from[kept];
    const amplitude = to[driven];
    const phi1 = Math.expm1(z);
    // a·φ_1 = q·(scale before) − (scale after), which stays finite where φ_1 does not.
    const gain = Number.isFinite(h) ? amplitude * phi1 : ratio * from[driven] - amplitude;
    const first = combine([ratio, x], [-gain, p0.output]);
    if (!p1) {
      x = first;
      continue;
    }
    const phi2 = phi1 / z - 1;
    const r0 = (p0.lambda - p1.lambda) / h;
    const d0 = combine([1 / r0, p0.output], [-1 / r0, p1.output]);
    if (!p2) {
      x = combine([1, first], [variant === 'midpoint' ? -0.5 * gain : -amplitude * phi2, d0]);
      continue;
    }
    const r1 = (p1.lambda - p2.lambda) / h;
    const d1 = combine([1 / r1, p1.output], [-1 / r1, p2.output]);
    // The outermost output may be at λ = −∞, where all its differences are 0.
    const second = combine([1 / (r0 + r1), d0], [-1 / (r0 + r1), d1]);
    const slope = combine([1, d0], [r0, second]);
    const phi3 = (phi2 / z - 0.5) * (thirdOrder === 'exact' ? 2 : 1);
    x = combine([1, first], [-amplitude * phi2, slope], [-amplitude * phi3, second]);
  }
  return recorder.finish(x);
}

/** The largest order of each step. */
function stepOrders(options: DpmMultistepOptions, steps: number): number[] {
  const { order, prediction, lowerOrderFinal = steps < 10, eulerAtFinal = false } = options;
  const given = typeof order === 'number' ? Array.from({ length: steps }, () => order) : order;
  const name = prediction === 'noise' ? 'DPM-Solver' : 'DPM-Solver++';
  if (given.length !== steps) {
    throw new RangeError(`${name} needs an order for each of its ${steps} steps, got ${given.length}.`);
  }
  const bad = given.find((p) => ![1, 2, 3].includes(p));
  if (bad !== undefined) throw new RangeError(`${name} multistep has orders 1 to 3, got ${bad}.`);
  return given.map((p, n) => {
    const left = steps - n;
    if (left === 1 && eulerAtFinal) return 1;
    return lowerOrderFinal && typeof order === 'number' ? Math.min(p, left) : p;
  });
}
