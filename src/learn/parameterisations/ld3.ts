import type { NoiseSchedule } from '../../diffusion/noise-schedule';
import type { Prediction } from '../../diffusion/prediction';
import type { Ld3Mode } from '../../diffusion/times-from-logits';
import { adamsBashforth } from '../../solvers/ipndm';
import { Dual, dualVariables } from '../dual';
import {
  dualParameterisation,
  dualPointAt,
  dualPointOfLambda,
  range,
  type DualForm,
  type DualPoint,
  type DualRecorder,
} from '../dual-table';
import { clamp } from '../free-table';
import type { Parameterisation } from '../parameterisation';
import { dualDpmpp, dualIpndm, dualUnipc, type MovingGrid } from './dual-multistep';
import { assertStartsWithSignal, clampLogit, cumulativeShares, gapLogits, tableShape } from './moving-times';

export interface Ld3Options {
  /** The solver whose steps are moved; euler is DDIM. */
  readonly solver: 'euler' | 'ipndm' | 'dpmpp' | 'unipc';
  /**
   * Default 3. A list gives each step its order (dpmpp and unipc only); a number means the solver's own rule: outputs
   * there are, and falling at the end for unipc, and for dpmpp below ten steps.
   */
  readonly order?: number | readonly number[];
  /** UniPC's B(h). Default bh2. */
  readonly variant?: 'bh1' | 'bh2';
  /** The axis that gaps are shares of and shifts are measured on: time (latents) or λ (pixels, default). */
  readonly mode?: Ld3Mode;
  /** The largest shift, in units of the smallest gap. Default 0.5. */
  readonly window?: number;
  /** The largest shift itself, in place of `window`. */
  readonly maxShift?: number;
  /** What D is. Default data. */
  readonly prediction?: Prediction;
}

/**
 * LD3 (Tong et al. 2025): a solver stays as it is, and its N + 1 times and the times handed to the model are learned.
 * Gaps on the axis (t or λ) are shares of the whole, softmax of logits with the first at 0; the ends stay. The model is
 * asked at axis + ξ instead, |ξ| ≤ window·(smallest gap), and not shifted at the first state. Data and noise are
 * converted with the levels of the time the model is asked at, as in the authors' program.
 *
 * θ: N − 1 logits, then ξ_1 … ξ_{N−1}: 2N − 2 numbers (the program holds 2N + 2, of which four do nothing). Two blocks,
 * times and shifts: the recipe learns the logits alone in its first rounds. The bound of the shifts is taken at the
 * current θ and not differentiated. (In λ mode the program takes it from the raw logits, so that no shift can move
 * at the start; here it is the smallest gap of λ.)
 *
 * @param grid N + 1 falling times of the schedule; θ = 0 shifts and the logits of these gaps give the classic table
 * @throws RangeError for a start without signal, for times that do not fall or an order the solver does not have
 */
export function ld3(schedule: NoiseSchedule, grid: ArrayLike<number>, options: Ld3Options): Parameterisation {
  const { mode = 'lambda', window = 0.5, prediction = 'data' } = options;
  const steps = grid.length - 1;
  assertStartsWithSignal('LD3', schedule, grid);
  const axis = Array.from(grid, (t) => (mode === 'time' ? t : schedule.lambda(t)));
  const [first, ...logits] = gapLogits(axis);
  const method = solverOf(options, steps);
  const pointOf = (value: Dual): DualPoint =>
    mode === 'time' ? dualPointAt(schedule, value) : dualPointOfLambda(schedule, value);

  const axisOf = (theta: readonly Dual[], zero: Dual): Dual[] =>
    cumulativeShares([zero, ...theta.slice(0, steps - 1)]).map((share) =>
      share.times(axis[steps]! - axis[0]!).plus(axis[0]!),
    );
  const boundOf = (values: readonly Dual[]): number =>
    options.maxShift ??
    window * Math.min(...values.slice(1).map((value, i) => Math.abs(value.value - values[i]!.value)));

  const initial = Float64Array.from([...logits.map((logit) => logit - first!), ...logits.map(() => 0)]);

  return dualParameterisation(tableShape(steps, prediction, schedule.space), {
    initial,
    blocks: [range(0, steps - 1), range(steps - 1, 2 * steps - 2)],
    method(theta, recorder) {
      const values = axisOf(theta, recorder.constant(0));
      const bound = boundOf(values);
      // The ends are given as times, which λ and back would round.
      const points = values.map((value, i) =>
        i === 0 || i === steps ? dualPointAt(schedule, recorder.constant(grid[i]!)) : pointOf(value),
      );
      const calls = points.slice(0, -1).map((point, i) => {
        const shift = theta[steps - 2 + i]!;
        if (i === 0) return point;
        const inside = clamp(shift.value, -bound, bound);
        return pointOf(values[i]!.plus(inside === shift.value ? shift : recorder.constant(inside)));
      });
      return method(recorder, { points, calls });
    },
    project(theta) {
      const projected = theta.map((value, i) => (i < steps - 1 ? clampLogit(value, initial[i]!) : value));
      const bound = boundOf(axisOf(dualVariables(projected, false), Dual.constant(0, 0)));
      return projected.map((value, i) => (i < steps - 1 ? value : clamp(value, -bound, bound)));
    },
  });
}

/** A solver's formulas on a grid that moves. */
type Solve = (recorder: DualRecorder, moving: MovingGrid) => DualForm;

function solverOf(options: Ld3Options, steps: number): Solve {
  const { solver, order = 3, variant = 'bh2' } = options;
  if (solver === 'euler' || solver === 'ipndm') {
    const window = solver === 'euler' ? 1 : order;
    if (typeof window !== 'number' || adamsBashforth[window - 1] === undefined) {
      throw new RangeError(`LD3 with iPNDM needs one order from 1 to 4, got ${String(order)}.`);
    }
    return (recorder, moving) => dualIpndm(recorder, moving, window);
  }
  const wrong = `LD3 with ${solver} needs orders from 1 to 3 for ${steps} steps, got ${String(order)}.`;
  if (typeof order === 'number' && ![1, 2, 3].includes(order)) throw new RangeError(wrong);
  const lowers = solver === 'unipc' || steps < 10;
  const orders =
    typeof order === 'number' ? range(0, steps).map((n) => (lowers ? Math.min(order, steps - n) : order)) : order;
  if (orders.length !== steps || orders.some((p) => ![1, 2, 3].includes(p))) {
    throw new RangeError(wrong);
  }
  return (recorder, moving) =>
    solver === 'dpmpp' ? dualDpmpp(recorder, moving, orders) : dualUnipc(recorder, moving, orders, variant);
}
