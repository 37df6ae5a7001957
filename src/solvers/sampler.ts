import type { Denoiser } from './denoiser';
import { assertValidTable, rowOffset, widthOf, type SolverTable } from './table';

/** What a sampling run leaves behind, all flat `count × dim`; enough for the backward pass and for tangents. */
export interface Trajectory {
  /** x_T. */
  readonly xT: Float32Array;
  /** y_0 … y_N; the sample is the last. */
  readonly states: readonly Float32Array[];
  /** D_0 … D_{N−1}. */
  readonly outputs: readonly Float32Array[];
}

export interface SampleOptions {
  readonly signal?: AbortSignal;
  /** Called after each of the N evaluations, with how many are done. */
  readonly onEvaluation?: (done: number, nfe: number) => void;
}

/**
 * Runs a table for a batch: N evaluations of the denoiser, all samples at once. Rows are accumulated in float64 and
 * rounded to float32 once.
 *
 * @param xT `count × dim` start noise with its scale (see `startNoiseScale` of the diffusion room)
 * @param conditions `count` indices
 * @throws RangeError when sizes do not fit or the denoiser is not what the table is for; AbortError by the signal
 */
export async function sample(
  denoiser: Denoiser,
  table: SolverTable,
  xT: Float32Array,
  conditions: Int32Array,
  options: SampleOptions = {},
): Promise<Trajectory> {
  const { signal, onEvaluation } = options;
  assertValidTable(table);
  assertFits(denoiser, table, xT, conditions);
  const states = [row(table, 0, xT, [])];
  const outputs: Float32Array[] = [];
  for (let k = 0; k < table.nfe; k++) {
    signal?.throwIfAborted();
    const times = new Float64Array(conditions.length).fill(table.times[k]!);
    outputs.push(await denoiser.evaluate({ states: states[k]!, times, conditions }, signal));
    states.push(row(table, k + 1, xT, outputs));
    onEvaluation?.(k + 1, table.nfe);
  }
  return { xT, states, outputs };
}

/** Throws a RangeError unless denoiser, table, start noise and conditions belong together. */
export function assertFits(denoiser: Denoiser, table: SolverTable, xT: Float32Array, conditions: Int32Array): void {
  if (denoiser.prediction !== table.prediction || denoiser.space !== table.space) {
    throw new RangeError(
      `The table is for ${table.prediction} prediction in ${table.space} space, ` +
        `but the model gives ${denoiser.prediction} prediction in ${denoiser.space} space.`,
    );
  }
  const width = widthOf(table);
  if (width !== 1 && width !== denoiser.dim) {
    throw new RangeError(
      `The table has weights for samples of ${width} elements; those of the model have ${denoiser.dim}.`,
    );
  }
  const expected = conditions.length * denoiser.dim;
  if (xT.length !== expected) {
    throw new RangeError(
      `The start noise has ${xT.length} numbers; ${conditions.length} samples of ${denoiser.dim} need ${expected}.`,
    );
  }
}

/** y_r = s_r·x_T + Σ_{j<r} w_{r,j}·D_j + c_r. */
function row(table: SolverTable, r: number, xT: Float32Array, outputs: readonly Float32Array[]): Float32Array {
  const width = widthOf(table);
  const sum = new Float64Array(xT.length);
  const add = (entries: Float64Array, entry: number, values: Float32Array): void => {
    if (width === 1) addScaled(sum, entries[entry]!, values);
    else addElementwise(sum, entries.subarray(entry * width, (entry + 1) * width), values);
  };
  add(table.start, r, xT);
  outputs.forEach((output, j) => add(table.weights, rowOffset(r - 1) + j, output));
  if (table.offset) addElementwise(sum, table.offset.subarray(r * width, (r + 1) * width));
  return new Float32Array(sum);
}

/** sum ← sum + factor·values, in float64. */
export function addScaled(sum: Float64Array, factor: number, values: ArrayLike<number>): void {
  for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + factor * values[i]!;
}

/** sum ← sum + factors·values with the factors repeated for every sample; values of 1 when left out. */
function addElementwise(sum: Float64Array, factors: Float64Array, values?: Float32Array): void {
  for (let i = 0; i < sum.length; i++) {
    sum[i] = sum[i]! + factors[i % factors.length]! * (values ? values[i]! : 1);
  }
}
