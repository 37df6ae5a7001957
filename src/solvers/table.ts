import type { Prediction, StateSpace } from '../diffusion/prediction';

/**
 * A few-step solver as numbers only (lower-triangular normal form, BNS Prop. 3.1):
 *
 *     y_0     = s_0 · x_T
 *     D_k     = model(y_k, τ_k)                                k = 0 … N−1
 *     y_{k+1} = s_{k+1} · x_T + Σ_{j≤k} w_{k+1,j} · D_j (+ c_{k+1})     the sample is y_N
 *
 * Numbers are float64; states are float32. x_T carries its scale already, so classic tables have s_0 = 1.
 */
export interface SolverTable {
  /** N, the number of model evaluations. */
  readonly nfe: number;
  /** τ_0 … τ_{N−1}, in the noise schedule's time unit. */
  readonly times: Float64Array;
  /** s_0 … s_N. */
  readonly start: Float64Array;
  /** w_{k+1,j} at `rowOffset(k) + j`, 0 ≤ j ≤ k < N; length N(N+1)/2. */
  readonly weights: Float64Array;
  /** c_0 … c_N, a constant added to each state. Absent means none; no method but DPM-Solver-v3 has one. */
  readonly offset?: Float64Array;
  /**
   * How many numbers stand for each entry of `start`, `weights` and `offset`: 1 when left out, or one for every element
   * of a sample (then entry i is at `i·width … (i+1)·width − 1`). Only DPM-Solver-v3 has such tables.
   */
  readonly width?: number;
  readonly prediction: Prediction;
  readonly space: StateSpace;
}

/** A table as plain JSON data: `rows[k][j]` = w_{k+1,j}, N rows of length 1 … N. */
export interface TableData {
  readonly nfe: number;
  readonly times: readonly number[];
  readonly start: readonly number[];
  readonly rows: readonly (readonly number[])[];
  readonly offset?: readonly number[];
  readonly width?: number;
  readonly prediction: Prediction;
  readonly space: StateSpace;
}

/** Index of w_{k+1,0} in `SolverTable.weights`. */
export function rowOffset(k: number): number {
  return (k * (k + 1)) / 2;
}

/** Throws a RangeError that names the first thing wrong with the table: its size, a length, or a number that is not finite. */
export function assertValidTable(table: SolverTable): void {
  const { nfe } = table;
  if (!(Number.isInteger(nfe) && nfe >= 1)) {
    throw new RangeError(`A solver table needs a whole number of evaluations of at least 1, got ${nfe}.`);
  }
  const width = widthOf(table);
  if (!(Number.isInteger(width) && width >= 1)) {
    throw new RangeError(`The width of a solver table must be a whole number of at least 1, got ${width}.`);
  }
  assertNumbers('times', table.times, nfe);
  assertNumbers('start weights', table.start, (nfe + 1) * width);
  assertNumbers('weights', table.weights, rowOffset(nfe) * width);
  if (table.offset) assertNumbers('constants', table.offset, (nfe + 1) * width);
}

/** Numbers per entry of a table: 1, or one for each element of a sample. */
export function widthOf(table: Pick<SolverTable, 'width'>): number {
  return table.width ?? 1;
}

/**
 * Throws a RangeError unless every entry of the table is one number and states have no constants: what learning and its
 * gradients can move.
 */
export function assertPlainTable(table: SolverTable): void {
  if (widthOf(table) === 1 && !table.offset) return;
  throw new RangeError(
    'This table has weights for each element of a sample (DPM-Solver-v3); it can be run, not learned.',
  );
}

function assertNumbers(name: string, values: Float64Array, expected: number): void {
  if (values.length !== expected) {
    throw new RangeError(`The solver table has ${values.length} ${name}; it must have ${expected}.`);
  }
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) throw new RangeError(`The solver table is broken: number ${bad} of its ${name} is ${values[bad]}.`);
}

/** The table as plain data, for JSON. */
export function tableToData(table: SolverTable): TableData {
  const { nfe, prediction, space } = table;
  const width = widthOf(table);
  const row = (k: number): Float64Array => table.weights.subarray(rowOffset(k) * width, rowOffset(k + 1) * width);
  return {
    nfe,
    times: Array.from(table.times),
    start: Array.from(table.start),
    rows: Array.from({ length: nfe }, (_, k) => Array.from(row(k))),
    ...(table.offset ? { offset: Array.from(table.offset) } : {}),
    ...(width === 1 ? {} : { width }),
    prediction,
    space,
  };
}

/** The inverse of `tableToData`. Throws a RangeError when the data are no valid table. */
export function tableFromData(data: TableData): SolverTable {
  const { nfe, prediction, space, rows, width = 1 } = data;
  if (rows.length !== nfe) throw new RangeError(`The solver table has ${rows.length} rows; it must have ${nfe}.`);
  rows.forEach((row, k) => {
    if (row.length !== (k + 1) * width) {
      throw new RangeError(`Row ${k} of the solver table has ${row.length} weights; it must have ${(k + 1) * width}.`);
    }
  });
  const table: SolverTable = {
    nfe,
    times: Float64Array.from(data.times),
    start: Float64Array.from(data.start),
    weights: Float64Array.from(rows.flat()),
    ...(data.offset ? { offset: Float64Array.from(data.offset) } : {}),
    ...(width === 1 ? {} : { width }),
    prediction,
    space,
  };
  assertValidTable(table);
  return table;
}

/**
 * One number of a table that learning may move. `index` is its place in `start`, `weights` or `times`; `row` is the
 * state y_row it makes (the evaluation k for a time) and `column` the j of w_{row,j}.
 */
export interface TableEntry {
  readonly kind: 'start' | 'weight' | 'time';
  readonly index: number;
  readonly row: number;
  readonly column?: number;
}

/**
 * The free entries of an N-evaluation table, in the order all vectors of this room use: s_1 … s_N, the packed weights
 * w_{1,0}, w_{2,0}, w_{2,1}, …, then τ_0 … τ_{N−1}. s_0 is the scale of the start noise and stays fixed.
 */
export function tableEntries(nfe: number): TableEntry[] {
  const entries: TableEntry[] = [];
  for (let row = 1; row <= nfe; row++) entries.push({ kind: 'start', index: row, row });
  for (let k = 0; k < nfe; k++) {
    for (let j = 0; j <= k; j++) entries.push({ kind: 'weight', index: rowOffset(k) + j, row: k + 1, column: j });
  }
  for (let k = 0; k < nfe; k++) entries.push({ kind: 'time', index: k, row: k });
  return entries;
}

/** Short names in the order of `tableEntries`: `s1`, `w2,0`, `t0`. */
export function entryNames(nfe: number): string[] {
  return tableEntries(nfe).map(({ kind, row, column }) => {
    if (kind === 'weight') return `w${row},${column ?? 0}`;
    return `${kind === 'start' ? 's' : 't'}${row}`;
  });
}

/** The free entries as one vector of N + N(N+1)/2 + N numbers. */
export function tableToVector(table: SolverTable): Float64Array {
  assertPlainTable(table);
  return Float64Array.from([...table.start.subarray(1), ...table.weights, ...table.times]);
}

/** The table with its free entries replaced; s_0, prediction and space are those of `table`. */
export function tableFromVector(table: SolverTable, vector: Float64Array): SolverTable {
  const { nfe } = table;
  const timesFrom = nfe + rowOffset(nfe);
  if (vector.length !== timesFrom + nfe) {
    throw new RangeError(
      `A table of ${nfe} evaluations has ${timesFrom + nfe} free entries; the vector has ${vector.length}.`,
    );
  }
  return {
    ...table,
    start: Float64Array.from([...table.start.subarray(0, 1), ...vector.subarray(0, nfe)]),
    weights: vector.slice(nfe, timesFrom),
    times: vector.slice(timesFrom),
  };
}
