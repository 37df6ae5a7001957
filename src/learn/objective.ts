import type { Denoiser } from '../solvers/denoiser';
import { sample } from '../solvers/sampler';
import { tableToVector } from '../solvers/table';
import type { SolverTable } from '../solvers/table';
import { slicePairs } from './pairs';
import type { PairSet } from './pairs';

/** Samples that go through the solver together; bounds the memory of trajectories and tangents. */
const chunkSize = 64;

/** ‖student − teacher‖² / dim of each sample. */
export function squaredErrors(samples: Float32Array, targets: Float32Array, dim: number): Float64Array {
  const count = samples.length / dim;
  const errors = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    let sum = 0;
    for (let e = i * dim; e < (i + 1) * dim; e++) sum += (samples[e]! - targets[e]!) ** 2;
    errors[i] = sum / dim;
  }
  return errors;
}

/**
 * Per-sample L2 loss of a table: its samples against the teacher's from the same noises. A table with a number that is
 * not finite has the loss NaN: a trial step may overflow, and is then simply a bad one.
 */
export async function tableErrors(
  denoiser: Denoiser,
  table: SolverTable,
  pairs: PairSet,
  signal?: AbortSignal,
): Promise<Float64Array> {
  const errors = new Float64Array(pairs.count);
  if (!isFiniteTable(table)) return errors.fill(Number.NaN);
  for (let from = 0; from < pairs.count; from += chunkSize) {
    const part = slicePairs(pairs, from, chunkSize);
    const { states } = await sample(denoiser, table, part.noises, part.conditions, signal ? { signal } : {});
    errors.set(squaredErrors(states[table.nfe]!, part.targets, pairs.dim), from);
  }
  return errors;
}

export function isFiniteTable(table: SolverTable): boolean {
  return tableToVector(table).every(Number.isFinite);
}

/** Sum in index order, so that the same numbers give the same bits. */
export function mean(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum / values.length;
}
