import { rowOffset, type SolverTable } from '../table';

/** One sample of a table with states in float64 throughout: what `sample` would give without rounding. */
export function referenceSample(
  at: (y: Float64Array, t: number) => Float64Array,
  table: SolverTable,
  xT: ArrayLike<number>,
): Float64Array {
  const outputs: Float64Array[] = [];
  let y = new Float64Array(0);
  for (let r = 0; r <= table.nfe; r++) {
    y = Float64Array.from(
      xT,
      (x, i) =>
        table.start[r]! * x +
        outputs.reduce((sum, output, j) => sum + table.weights[rowOffset(r - 1) + j]! * output[i]!, 0),
    );
    if (r < table.nfe) outputs.push(at(y, table.times[r]!));
  }
  return y;
}
