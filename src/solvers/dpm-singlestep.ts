import { pointAt, type GridPoint } from '../diffusion/grid-point';
import type { NoiseSchedule } from '../diffusion/noise-schedule';
import { combine, TableRecorder, type LinearForm, type RecordedTable, type TableProblem } from './linear-form';

/**
 * How a step uses the differences of its outputs. `published` is `solver_type="dpmsolver"` of the authors' program,
 * `taylor` its `"taylor"` and diffusers' `"heun"`; `midpoint` is diffusers' and differs from `published` in one stage.
 */
export type SinglestepVariant = 'published' | 'midpoint' | 'taylor';

export interface SinglestepOptions {
  /** Order of each step, 1 to 3. A step of order p spans the next p intervals of the grid and makes p evaluations. */
  readonly orders: readonly number[];
  /** What is integrated: data (DPM-Solver++) or noise (DPM-Solver). Default data. */
  readonly prediction?: 'data' | 'noise';
  readonly variant?: SinglestepVariant;
}

/**
 * Singlestep DPM-Solver-1, -2, -3 (Lu et al. 2022a, Algorithms 1 and 2) and DPM-Solver++ 1S, 2S, 3S (Lu et al. 2022b),
 * a chain of steps of any orders. Every grid point but the last is evaluated: the inner points of a step are its stages,
 * at r_i = (λ_i − λ)/h of its length h in λ. M is the data (or noise) prediction, with q = σ'/σ, a = α, z = −h for
 * data and q = α'/α, a = σ, z = h for noise:
 *
 *     1S  x' = q·x + c_1·M_0                              c_1 = a' − q·a = −a'·(e^z − 1)
 *     2S  stage 1 by 1S;    x' = 1S + ½·c_1·d_1           d_i = (M_i − M_0)/r_i
 *     3S  stage 1 by 1S, stage 2 as 1S + c_2·d_1;
 *                           x' = 1S + c_2·d_2             c_2 = c_1/z + a'
 *
 * `midpoint` makes stage 2 of 3S by 2S. `taylor` integrates the polynomial through all outputs:
 *
 *     2S  x' = 1S + c_2·d_1
 *     3S  x' = 1S + c_2·D_1 + c_3·D_2                     c_3 = c_2/z + ½·a'
 *         D_1 = (r_2·d_1 − r_1·d_2)/(r_2 − r_1),  D_2 = 2·(d_2 − d_1)/(r_2 − r_1)
 *
 * Orders 1, 2 and 3; 3S of every kind is of third order only where r_2 tends to ⅔ with shorter steps, as it does for
 * stages spaced evenly in any smooth scale. p evaluations a step. Only steps of order 1 may begin where no signal is left
 * or end where no noise is.
 *
 * @throws RangeError when the orders do not fit the grid
 */
export function dpmSinglestep(problem: TableProblem, options: SinglestepOptions): RecordedTable {
  const { orders, prediction = 'data', variant = 'published' } = options;
  const { grid } = problem;
  assertOrders(orders, grid.length - 1);
  const recorder = new TableRecorder(problem, grid.length - 1);
  let x = recorder.start;
  let begin = 0;
  for (const order of orders) {
    const points = grid.slice(begin, begin + order + 1);
    if (order > 1 && !(Number.isFinite(points[0]!.lambda) && Number.isFinite(points[order]!.lambda))) {
      throw new RangeError(
        `The step from time ${points[0]!.t} to ${points[order]!.t} must be of order 1: it begins without signal or ends without noise.`,
      );
    }
    const outputs: LinearForm[] = [];
    let y = x;
    for (const point of points.slice(0, order)) {
      outputs.push(recorder.evaluate(y, point)[prediction]);
      y = advance(x, points, outputs, prediction, variant);
    }
    x = y;
    begin += order;
  }
  return recorder.finish(x);
}

/** The state at the point after the last output, from the state `x` at the first of the step's `points`. */
function advance(
  x: LinearForm,
  points: readonly GridPoint[],
  outputs: readonly LinearForm[],
  prediction: 'data' | 'noise',
  variant: SinglestepVariant,
): LinearForm {
  const [from, to] = [points[0]!, points[outputs.length]!];
  const h = to.lambda - from.lambda;
  const [q, a, a0, z] =
    prediction === 'data'
      ? [to.sigma / from.sigma, to.alpha, from.alpha, -h]
      : [to.alpha / from.alpha, to.sigma, from.sigma, h];
  const m0 = outputs[0]!;
  const c1 = a - q * a0;
  const first = combine([q, x], [c1, m0]);
  const nodes = points.slice(1, outputs.length).map(({ lambda }) => (lambda - from.lambda) / h);
  const [d1, d2] = nodes.map((r, i): LinearForm => combine([1 / r, outputs[i + 1]!], [-1 / r, m0]));
  if (!d1) return first;
  const c2 = c1 / z + a;
  if (!d2) {
    const order = points.length - 1;
    const halved = variant === 'midpoint' || (variant === 'published' && order === 2);
    return combine([1, first], [halved ? c1 / 2 : c2, d1]);
  }
  if (variant !== 'taylor') return combine([1, first], [c2, d2]);
  const [r1, r2] = [nodes[0]!, nodes[1]!];
  const c3 = c2 / z + a / 2;
  const slope = combine([r2 / (r2 - r1), d1], [-r1 / (r2 - r1), d2]);
  const curvature = combine([2 / (r2 - r1), d2], [-2 / (r2 - r1), d1]);
  return combine([1, first], [c2, slope], [c3, curvature]);
}

/**
 * The orders of "DPM-Solver-fast" (Lu et al. 2022a and their program): as many steps of the highest order as `nfe`
 * evaluations allow, and lower ones at the end. Order 3 never ends with a step of order 3.
 *
 * @throws RangeError unless `order` is 1, 2 or 3 and `nfe` is at least 1
 */
export function fastOrders(nfe: number, order: number): number[] {
  if (![1, 2, 3].includes(order)) throw new RangeError(`Singlestep DPM-Solver has orders 1 to 3, got ${order}.`);
  if (!(Number.isInteger(nfe) && nfe >= 1)) {
    throw new RangeError(`The number of evaluations must be a whole number of at least 1, got ${nfe}.`);
  }
  const rest = nfe % order;
  if (order === 3 && rest === 0) return [...repeat(3, nfe / 3 - 1), 2, 1];
  return [...repeat(order, Math.floor(nfe / order)), ...(rest === 0 ? [] : [rest])];
}

/** Where the stages of a step lie, as shares of its length in λ; the second is used by order 3 only. */
export interface StagePositions {
  /** Default ½ for order 2 and ⅓ for order 3. */
  readonly r1?: number;
  /** Default ⅔. */
  readonly r2?: number;
}

/**
 * The grid of `dpmSinglestep` whose steps begin and end at `times` of a schedule: a step's stages are put at λ + r·h.
 *
 * @throws RangeError when the orders do not fit the times, or the positions do not rise strictly within (0, 1)
 */
export function singlestepGrid(
  schedule: NoiseSchedule,
  times: ArrayLike<number>,
  orders: readonly number[],
  { r1, r2 = 2 / 3 }: StagePositions = {},
): GridPoint[] {
  if (times.length !== orders.length + 1) {
    throw new RangeError(`${orders.length} steps have ${orders.length + 1} ends; got ${times.length} times.`);
  }
  const outer = Array.from(times, (t) => pointAt(schedule, t));
  const inner = orders.flatMap((order, n) => {
    const [from, to] = [outer[n]!, outer[n + 1]!];
    const positions = [r1 ?? 1 / order, r2].slice(0, order - 1);
    if (![0, ...positions].every((r, i) => r < ([...positions, 1][i] ?? 1))) {
      throw new RangeError(`The stages of a step must rise strictly within (0, 1), got ${positions.join(' and ')}.`);
    }
    const stages = positions.map((r) => schedule.timeOfLambda(from.lambda + r * (to.lambda - from.lambda)));
    return [from, ...stages.map((t) => pointAt(schedule, t))];
  });
  return [...inner, outer[orders.length]!];
}

function repeat(order: number, times: number): number[] {
  return Array.from({ length: times }, () => order);
}

function assertOrders(orders: readonly number[], intervals: number): void {
  const bad = orders.find((order) => ![1, 2, 3].includes(order));
  if (bad !== undefined) throw new RangeError(`Singlestep DPM-Solver has orders 1 to 3, got ${bad}.`);
  const sum = orders.reduce((total, order) => total + order, 0);
  if (sum !== intervals) {
    throw new RangeError(`The orders of the steps add up to ${sum}; the grid has ${intervals} intervals.`);
  }
}
