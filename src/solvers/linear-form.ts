import { convert, predictionMixture } from '../diffusion/conversions';
import { pointAt, type GridPoint } from '../diffusion/grid-point';
import type { NoiseSchedule } from '../diffusion/noise-schedule';
import type { Prediction, StateSpace } from '../diffusion/prediction';
import { assertValidTable, rowOffset, type SolverTable } from './table';

/** A state or model output as coefficients over (x_T, D_0, …, D_{N−1}, 1). */
export type LinearForm = Float64Array;

/** Σ coefficient · form. */
export function combine(...terms: readonly (readonly [coefficient: number, form: LinearForm])[]): LinearForm {
  const sum = new Float64Array(terms[0]?.[1].length ?? 0);
  for (const [coefficient, form] of terms) {
    form.forEach((value, i) => {
      sum[i] = (sum[i] ?? 0) + coefficient * value;
    });
  }
  return sum;
}

/** What a method is turned into a table for: its grid, and the meaning of the table's D and y. */
export interface TableProblem {
  /** N + 1 points from noise to data; the last one is reached, and evaluated by Heun only. */
  readonly grid: readonly GridPoint[];
  readonly prediction: Prediction;
  readonly space: StateSpace;
  /** The space of the network's inputs, where points have a `network` level; `space` when left out. */
  readonly networkSpace?: StateSpace;
}

/** A table with the points its evaluations were made at. */
export interface RecordedTable extends SolverTable {
  readonly calls: readonly GridPoint[];
}

/**
 * The problem of a schedule in its own space.
 *
 * @param prediction what D is
 * @param end points that follow the times, such as the one without noise
 * @throws RangeError when the times do not fall strictly, or there are fewer than two points
 */
export function tableProblem(
  schedule: NoiseSchedule,
  times: ArrayLike<number>,
  prediction: Prediction = 'data',
  end: readonly GridPoint[] = [],
): TableProblem {
  const grid = Array.from(times, (t) => pointAt(schedule, t));
  const rising = grid.findIndex((point, i) => i > 0 && !(point.t < (grid[i - 1]?.t ?? NaN)));
  if (rising > 0) {
    throw new RangeError(`The times of a grid must fall strictly; time ${rising} does not (${grid[rising]?.t}).`);
  }
  grid.push(...end);
  if (grid.length < 2) throw new RangeError(`A grid needs at least two times, got ${grid.length}.`);
  return { grid, prediction, space: schedule.space };
}

/** The steps of a grid, one per interval: where a step begins, where it ends and its length h in λ. */
export function stepsOf(grid: readonly GridPoint[]): { from: GridPoint; to: GridPoint; h: number }[] {
  return grid.slice(1).map((to, n) => {
    const from = grid[n]!;
    return { from, to, h: to.lambda - from.lambda };
  });
}

/** What the model says at a state, as linear forms. */
export interface Evaluation {
  /** Data prediction x₀. */
  readonly data: LinearForm;
  /** Noise prediction ε. */
  readonly noise: LinearForm;
  /** D itself. */
  readonly output: LinearForm;
}

/**
 * Runs a method's own formulas on symbols. States are linear forms; `evaluate` notes the state as the next row of the
 * table and answers with what the model would return there, again as linear forms.
 */
export class TableRecorder {
  /** The start state y_0 = x_T. */
  readonly start: LinearForm;
  /** The constant 1. */
  readonly one: LinearForm;
  private readonly rows: LinearForm[] = [];
  private readonly calls: GridPoint[] = [];

  constructor(
    private readonly problem: TableProblem,
    private readonly nfe: number,
  ) {
    this.start = this.unit(0);
    this.one = this.unit(nfe + 1);
  }

  /** The model at `state`, whose noise level and network time are those of `point`. */
  evaluate(state: LinearForm, point: GridPoint): Evaluation {
    if (this.calls.length === this.nfe) throw new RangeError(`The method makes more than ${this.nfe} evaluations.`);
    this.rows.push(state);
    this.calls.push(point);
    const output = this.unit(this.rows.length);
    const { prediction, space, networkSpace = space } = this.problem;
    const level = { ...point, dAlpha: 0, dSigma: 0 };
    const network = { ...level, ...point.network };
    const known = predictionMixture(prediction, networkSpace, network);
    const as = (wanted: Prediction): LinearForm => {
      const { skip, out } = convert(level, known, predictionMixture(wanted, networkSpace, network));
      return combine([skip, state], [out, output]);
    };
    return { data: as('data'), noise: as('noise'), output };
  }

  /** The table whose sample is `sample`. */
  finish(sample: LinearForm): RecordedTable {
    const { nfe, calls } = this;
    const { prediction, space } = this.problem;
    const states = [...this.rows, sample];
    const weights = new Float64Array(rowOffset(nfe));
    for (let k = 0; k < nfe; k++) weights.set(states[k + 1]?.subarray(1, k + 2) ?? [], rowOffset(k));
    const start = Float64Array.from(states, (state) => state[0] ?? NaN);
    const offset = Float64Array.from(states, (state) => state[nfe + 1] ?? NaN);
    const table: RecordedTable = {
      nfe,
      times: Float64Array.from(calls, ({ t }) => t),
      start,
      weights,
      ...(offset.some((value) => value !== 0) ? { offset } : {}),
      prediction,
      space,
      calls,
    };
    assertValidTable(table);
    return table;
  }

  private unit(index: number): LinearForm {
    const form = new Float64Array(this.nfe + 2);
    form[index] = 1;
    return form;
  }
}
