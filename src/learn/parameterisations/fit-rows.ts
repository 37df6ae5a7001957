import { Matrix } from 'ml-matrix';
import type { Denoiser } from '../../solvers/denoiser';
import { addScaled } from '../../solvers/sampler';
import { rowOffset, tableEntries } from '../../solvers/table';
import type { SolverTable } from '../../solvers/table';
import { solveDamped } from '../gauss-newton';
import type { Parameterisation } from '../parameterisation';

export interface RowFit {
  /** Start states x_T, `count × dim`. */
  readonly starts: Float32Array;
  /** Condition of each start. */
  readonly conditions: Int32Array;
  /**
   * What row r = 1 … N should be, each `count × dim`: a teacher's states from the same starts, the last its samples. A row
   * without target keeps its parameters.
   */
  readonly targets: readonly (Float32Array | undefined)[];
  /** Where to start; the parameterisation's own start when left out. */
  readonly theta?: Float64Array;
  /**
   * Ridge weights to choose among for each row, by cross-validation over the samples. They are relative to the diagonal of
   * the normal matrix, so that parameters of any scale are held back alike. When left out, plain least squares.
   */
  readonly ridges?: readonly number[];
}

export interface FittedRows {
  readonly theta: Float64Array;
  /** Parameters that were fitted, row by row. */
  readonly fitted: readonly number[];
  /**
   * What the fit leaves of the last row with a target, squared and averaged over elements; with ridges, on samples left out
   * of that row's fit. NaN where a state is not finite.
   */
  readonly error: number;
  /** Model evaluations used, counted per sample. */
  readonly evaluations: number;
}

/**
 * Closed-form fit of a table to a teacher's trajectory, row by row: the parameters that enter row r but no row before it and
 * no time, and enter it linearly, are set by least squares of y_r against the teacher's state there, on outputs made with
 * the rows already fitted. Any other parameter keeps its value, and so does one that moves nothing. D-ODE learns its scalars
 * so (Kim et al. 2024, §3.2); most parameterisations have linear rows. Costs the N evaluations of one sampling run and no
 * gradient. With ridges, a row whose fit does not help samples left out of it stays as it was.
 *
 * @throws RangeError when targets and rows differ in number
 */
export async function fitRows(
  denoiser: Denoiser,
  parameterisation: Parameterisation,
  { starts, conditions, targets, theta: from, ridges }: RowFit,
  signal?: AbortSignal,
): Promise<FittedRows> {
  let theta: Float64Array = (from ?? parameterisation.initial).slice();
  const { nfe, start } = parameterisation.table(theta);
  if (targets.length !== nfe) {
    throw new RangeError(`The fit needs a target for each of the ${nfe} rows, got ${targets.length}.`);
  }
  const fitted: number[] = [];
  const outputs: Float32Array[] = [];
  let state = starts.map((value) => value * start[0]!);
  let error = Number.NaN;
  for (let row = 1; row <= nfe; row++) {
    const { times } = parameterisation.table(theta);
    const batch = { states: state, times: new Float64Array(conditions.length).fill(times[row - 1]!), conditions };
    outputs.push(await denoiser.evaluate(batch, signal));
    const target = targets[row - 1];
    if (target) {
      const own = linearParameters(parameterisation, theta, row);
      const run = { starts, outputs, count: conditions.length, dim: denoiser.dim };
      const best = bestStep(rowGrams(parameterisation, theta, row, own, target, run), ridges);
      const next = theta.slice();
      own.forEach((p, i) => (next[p]! += best.step[i]!));
      theta = parameterisation.project(next);
      fitted.push(...own);
      error = best.error / target.length;
    }
    state = Float32Array.from(rowState(parameterisation.table(theta), row, starts, outputs));
  }
  return { theta, fitted, error, evaluations: nfe * conditions.length };
}

/** Derivatives that differ by less, relative to the largest of their parameter, count as the same. */
const rounding = 1e-9;

/** The parameters that enter row `row` linearly, and neither an earlier row nor a time. */
function linearParameters(parameterisation: Parameterisation, theta: Float64Array, row: number): number[] {
  const { size } = parameterisation;
  const { nfe } = parameterisation.table(theta);
  const entries = tableEntries(nfe).map((entry, index) => ({ ...entry, index }));
  const own = entries.filter((entry) => entry.kind !== 'time' && entry.row === row);
  const before = entries.filter((entry) => entry.kind === 'time' || entry.row < row);
  const here = parameterisation.jacobian(theta);
  const candidates = Array.from({ length: size }, (_, p) => p).filter(
    (p) =>
      before.every(({ index }) => here[index * size + p] === 0) &&
      own.some(({ index }) => here[index * size + p] !== 0),
  );
  // Linear: no derivative changes when all candidates move, each in its own way.
  const moved = theta.slice();
  candidates.forEach((p, i) => (moved[p]! += (1 + Math.abs(theta[p]!)) * (i % 2 === 0 ? 0.1 : -0.07)));
  const there = parameterisation.jacobian(moved);
  return candidates.filter((p) => {
    const largest = Math.max(...own.map(({ index }) => Math.abs(here[index * size + p]!)));
    return [...before, ...own].every(
      ({ index }) => Math.abs(there[index * size + p]! - here[index * size + p]!) <= rounding * largest,
    );
  });
}

interface Run {
  readonly starts: Float32Array;
  readonly outputs: readonly Float32Array[];
  readonly count: number;
  readonly dim: number;
}

/** Samples are left out of a fit in this many parts. */
const folds = 4;

/**
 * Products of all pairs of (∂y/∂θ_p of the row's parameters, target − y), summed over the samples of each fold: matrices of
 * one more than the number of parameters.
 */
function rowGrams(
  parameterisation: Parameterisation,
  theta: Float64Array,
  row: number,
  own: readonly number[],
  target: Float32Array,
  run: Run,
): Matrix[] {
  const { starts, outputs, count, dim } = run;
  const { size } = parameterisation;
  const table = parameterisation.table(theta);
  const { nfe } = table;
  const jacobian = parameterisation.jacobian(theta);
  const directions = own.map((p) => {
    const of = (entry: number): number => jacobian[entry * size + p]!;
    return { start: of(row - 1), weights: Float64Array.from(outputs, (_, j) => of(nfe + rowOffset(row - 1) + j)) };
  });
  const grams = Array.from({ length: Math.min(folds, count) }, () => Matrix.zeros(own.length + 1, own.length + 1));
  // Sample by sample, so that the columns of large samples need not be held.
  for (let sample = 0; sample < count; sample++) {
    const part = (values: Float32Array): Float32Array => values.subarray(sample * dim, (sample + 1) * dim);
    const [x, said, aim] = [part(starts), outputs.map(part), part(target)];
    const columns = directions.map(({ start, weights }) => combineStates(start, weights, x, said));
    columns.push(rowState(table, row, x, said).map((y, e) => aim[e]! - y));
    const gram = grams[Math.floor((sample * grams.length) / count)]!;
    columns.forEach((a, i) => {
      for (let j = 0; j <= i; j++) {
        const b = columns[j]!;
        let sum = gram.get(i, j);
        for (let e = 0; e < dim; e++) sum += a[e]! * b[e]!;
        gram.set(i, j, sum);
        gram.set(j, i, sum);
      }
    });
  }
  return grams;
}

interface Step {
  readonly step: Float64Array;
  /** Sum of the squares that it leaves. */
  readonly error: number;
}

/** The least-squares step of a row's parameters; with ridges, the one that does best on samples left out, or none. */
function bestStep(grams: readonly Matrix[], ridges: readonly number[] | undefined): Step {
  const total = grams.reduce((sum, gram) => Matrix.add(sum, gram));
  const none = new Float64Array(total.rows - 1);
  let best: Step = { step: none, error: errorOf(total, none) };
  // Outputs that overflow say nothing; the row stays, and its error tells.
  if (none.length === 0 || !total.to1DArray().every(Number.isFinite)) return best;
  if (!ridges) {
    const step = stepOf(total, 0);
    return { step, error: errorOf(total, step) };
  }
  for (const ridge of ridges) {
    const errors = grams.map((gram) => errorOf(gram, stepOf(Matrix.sub(total, gram), ridge)));
    const error = errors.reduce((sum, each) => sum + each);
    if (error < best.error) best = { step: stepOf(total, ridge), error };
  }
  return best;
}

/** δ that makes ‖r − Bδ‖² + ridge·Σ_p δ_p²·‖B_p‖² least. */
function stepOf(gram: Matrix, ridge: number): Float64Array {
  const size = gram.rows - 1;
  const towards = Float64Array.from({ length: size }, (_, i) => -gram.get(i, size));
  return solveDamped(gram.subMatrix(0, size - 1, 0, size - 1), towards, ridge);
}

/** ‖r − Bδ‖²; not below 0 where rounding would have it so. */
function errorOf(gram: Matrix, step: Float64Array): number {
  const by = Matrix.columnVector([...Array.from(step, (s) => -s), 1]);
  return Math.max(0, by.transpose().mmul(gram).mmul(by).get(0, 0));
}

/** y_row, in float64. */
function rowState(
  { start, weights }: SolverTable,
  row: number,
  starts: Float32Array,
  outputs: readonly Float32Array[],
): Float64Array {
  return combineStates(start[row]!, weights.subarray(rowOffset(row - 1), rowOffset(row)), starts, outputs);
}

function combineStates(
  start: number,
  weights: Float64Array,
  starts: Float32Array,
  outputs: readonly Float32Array[],
): Float64Array {
  const sum = Float64Array.from(starts, (value) => start * value);
  weights.forEach((weight, j) => addScaled(sum, weight, outputs[j]!));
  return sum;
}
