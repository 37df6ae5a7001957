import { rowOffset, widthOf, type SolverTable } from './table';

/**
 * One sample of a table with states in float64 throughout: what `sample` would give without rounding.
 *
 * @param at D at a state, at the time of evaluation k
 * @returns y_0 … y_N; the sample is the last
 */
export function referenceTrajectory(
  at: (y: Float64Array, t: number, k: number) => ArrayLike<number>,
  table: SolverTable,
  xT: ArrayLike<number>,
): Float64Array[] {
  const width = widthOf(table);
  const outputs: ArrayLike<number>[] = [];
  const states: Float64Array[] = [];
  for (let r = 0; r <= table.nfe; r++) {
    const entry = (entries: Float64Array, index: number, i: number): number => entries[index * width + (i % width)]!;
    const y = Float64Array.from(xT, (x, i) => {
      const constant = table.offset ? entry(table.offset, r, i) : 0;
      return outputs.reduce(
        (sum, output, j) => sum + entry(table.weights, rowOffset(r - 1) + j, i) * output[i]!,
        entry(table.start, r, i) * x + constant,
      );
    });
    states.push(y);
    if (r < table.nfe) outputs.push(at(y, table.times[r]!, r));
  }
  return states;
}

/** The last state of `referenceTrajectory`. */
export function referenceSample(
  at: (y: Float64Array, t: number) => Float64Array,
  table: SolverTable,
  xT: ArrayLike<number>,
): Float64Array {
  return referenceTrajectory(at, table, xT)[table.nfe]!;
}
