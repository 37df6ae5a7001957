import type { Denoiser } from '../solvers/denoiser';
import { sample } from '../solvers/sampler';
import { tableToVector } from '../solvers/table';
import type { SolverTable } from '../solvers/table';
import { slicePairs } from './pairs';
import type { PairSet } from './pairs';

/** What a table made of a batch of start noises. */
export interface Outcome {
  readonly table: SolverTable;
  /** y_0 … y_N, `count × dim` each; the samples are the last. */
  readonly states: readonly Float32Array[];
}

/**
 * How far a student's samples are from the teacher's: what learning makes small. Every sample has a loss of its own, and the
 * loss of a table is their mean.
 */
export interface Objective {
  /** The loss of each sample, `count`; not below 0, or NaN where a state is not finite. */
  losses(outcome: Outcome, pairs: PairSet, signal?: AbortSignal): Promise<Float64Array>;
  /** The losses with their gradient. Absent when a network that the objective looks through has none. */
  gradient?(outcome: Outcome, pairs: PairSet, signal?: AbortSignal): Promise<LossGradient>;
  /** The losses as sums of squares. Absent for a distance that is not one; only gradient steps can make it small then. */
  squares?(outcome: Outcome, pairs: PairSet, signal?: AbortSignal): Promise<LossSquares>;
}

export interface LossGradient {
  readonly losses: Float64Array;
  /** ∂loss_i/∂y_r of sample i, `count × dim`, by row r; rows the loss does not look at are absent. */
  readonly rows: ReadonlyMap<number, Float32Array>;
}

/**
 * Residuals r of each sample such that loss_i ≈ Σ_e r_e² here, exactly or (for distances like L1, re-weighted at every
 * outcome) up to a factor and a constant that do not change which step is best.
 */
export interface LossSquares {
  readonly losses: Float64Array;
  /** Residuals a sample. */
  readonly width: number;
  /** r, `count × width`. */
  readonly residuals: Float32Array;
  /**
   * ∂r/∂y · ẏ, `count × width`.
   *
   * @param tangent ẏ_r of a row, `count × dim`; undefined where it is zero
   */
  push(tangent: (row: number) => Float32Array | undefined, signal?: AbortSignal): Promise<Float32Array>;
}

/** Samples that go through the solver together; bounds the memory of trajectories. */
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
 * Loss of each sample that a table makes. A table with a number that is not finite has the loss NaN: a trial step may
 * overflow, and is then simply a bad one.
 */
export async function tableLosses(
  denoiser: Denoiser,
  objective: Objective,
  table: SolverTable,
  pairs: PairSet,
  signal?: AbortSignal,
): Promise<Float64Array> {
  const losses = new Float64Array(pairs.count);
  if (!isFiniteTable(table)) return losses.fill(Number.NaN);
  for (let from = 0; from < pairs.count; from += chunkSize) {
    const part = slicePairs(pairs, from, chunkSize);
    const { states } = await sample(denoiser, table, part.noises, part.conditions, signal ? { signal } : {});
    losses.set(await objective.losses({ table, states }, part, signal), from);
  }
  return losses;
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
