import { backward } from '../solvers/backward';
import type { Denoiser } from '../solvers/denoiser';
import { sample } from '../solvers/sampler';
import type { SolverTable } from '../solvers/table';
import type { Objective } from './objective';
import type { PairSet } from './pairs';

/**
 * The relaxed objective (S4S; LD3): E min_{x′ ∈ B(x_T, r σ_T)} d(student(x′), teacher(x_T)). Every training noise has
 * its own x′, kept between iterations; validation and test noises never move.
 */
export interface RelaxedNoises {
  /** x_T as drawn, `count × dim`: the centres of the balls. */
  readonly centres: Float32Array;
  /** L2 radius r·σ_T. */
  readonly radius: number;
  /** How far the next trial step of each noise goes, as a share of the radius; halves when a step did not help. */
  readonly reach: Float64Array;
}

/** r of LD3 (its `shift` radius): 0.001·dim/NFE², in units of σ_T. */
export function autoRadius(dim: number, nfe: number): number {
  return (0.001 * dim) / nfe ** 2;
}

/**
 * One projected gradient step on the noises `pairs` holds (in place), each kept only if the loss of its sample fell.
 *
 * @param offset index in the training set of the first sample of `pairs`.
 * @returns model evaluations used per sample (a VJP counts as two).
 */
export async function relaxNoises(
  denoiser: Denoiser,
  objective: Objective,
  table: SolverTable,
  pairs: PairSet,
  relaxed: RelaxedNoises,
  offset: number,
  signal?: AbortSignal,
): Promise<number> {
  const { dim, count } = pairs;
  if (!objective.gradient) throw new TypeError('The objective has no gradient; set relax_radius to 0.');
  const trajectory = await sample(denoiser, table, pairs.noises, pairs.conditions, signal ? { signal } : {});
  const { losses: before, rows } = await objective.gradient({ table, states: trajectory.states }, pairs, signal);
  const { xT: gradient } = await backward(denoiser, table, trajectory, pairs.conditions, rows, signal);
  const trial = pairs.noises.slice();
  for (let i = 0; i < count; i++) {
    const at = i * dim;
    const step = relaxed.radius * relaxed.reach[offset + i]!;
    const size = norm(gradient, at, dim);
    if (size === 0) continue;
    for (let e = at; e < at + dim; e++) trial[e]! -= (step / size) * gradient[e]!;
    projectToBall(trial, at, dim, relaxed, (offset + i) * dim);
  }
  const moved = await sample(denoiser, table, trial, pairs.conditions, signal ? { signal } : {});
  const after = await objective.losses({ table, states: moved.states }, pairs, signal);
  for (let i = 0; i < count; i++) {
    if (after[i]! < before[i]!) pairs.noises.set(trial.subarray(i * dim, (i + 1) * dim), i * dim);
    else relaxed.reach[offset + i]! /= 2;
  }
  return 4 * table.nfe;
}

/** How far noises have moved from where they were drawn, as shares of the radius of their balls. */
export function noiseShift(noises: Float32Array, centres: Float32Array, dim: number, radius: number): NoiseShift {
  const count = noises.length / dim;
  let total = 0;
  let largest = 0;
  for (let i = 0; i < count; i++) {
    let sum = 0;
    for (let e = i * dim; e < (i + 1) * dim; e++) sum += (noises[e]! - centres[e]!) ** 2;
    const share = Math.sqrt(sum) / radius;
    total += share;
    largest = Math.max(largest, share);
  }
  return { mean: total / count, largest };
}

export interface NoiseShift {
  readonly mean: number;
  readonly largest: number;
}

function projectToBall(noises: Float32Array, at: number, dim: number, relaxed: RelaxedNoises, centreAt: number): void {
  let sum = 0;
  for (let e = 0; e < dim; e++) sum += (noises[at + e]! - relaxed.centres[centreAt + e]!) ** 2;
  const distance = Math.sqrt(sum);
  if (distance <= relaxed.radius) return;
  const shrink = relaxed.radius / distance;
  for (let e = 0; e < dim; e++) {
    const centre = relaxed.centres[centreAt + e]!;
    noises[at + e] = centre + shrink * (noises[at + e]! - centre);
  }
}

function norm(values: Float32Array, at: number, dim: number): number {
  let sum = 0;
  for (let e = at; e < at + dim; e++) sum += values[e]! ** 2;
  return Math.sqrt(sum);
}
