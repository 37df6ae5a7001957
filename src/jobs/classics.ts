import type { NoiseSchedule } from '../diffusion/noise-schedule';
import { squaredErrors } from '../learn/objective';
import type { PairSet } from '../learn/pairs';
import { slicePairs } from '../learn/pairs';
import { classicSolvers, classicTable, solverLabel } from '../solvers/registry';
import type { ClassicSolver } from '../solvers/registry';
import type { Denoiser } from '../solvers/denoiser';
import { sample } from '../solvers/sampler';
import type { SolverTable } from '../solvers/table';

export interface NamedTable {
  readonly solver: string;
  readonly spacing: string;
  readonly table: SolverTable;
}

export interface NamedClassic extends NamedTable {
  readonly choice: ClassicSolver;
}

/**
 * Every classic solver on every spacing at `nfe` evaluations. Where no signal is left at the start (zero terminal SNR)
 * some have no first step; those are left out.
 */
export function classicTables(schedule: NoiseSchedule, nfe: number): NamedClassic[] {
  const hasSignal = Number.isFinite(schedule.lambda(schedule.tMax));
  return classicSolvers(nfe).flatMap((choice) => {
    try {
      return [namedClassic(schedule, choice, nfe)];
    } catch (error) {
      if (hasSignal || !(error instanceof RangeError)) throw error;
      return [];
    }
  });
}

export function namedClassic(schedule: NoiseSchedule, choice: ClassicSolver, nfe: number): NamedClassic {
  return {
    choice,
    solver: solverLabel(choice),
    spacing: choice.timestep_spacing,
    table: classicTable(schedule, choice, nfe),
  };
}

const chunkSize = 64;

export interface Measured {
  readonly samples: Float32Array;
  /** Squared error per element of each sample against the teacher's. */
  readonly errors: Float64Array;
}

/** Runs a table over a pair set and keeps the samples. */
export async function measure(
  denoiser: Denoiser,
  table: SolverTable,
  pairs: PairSet,
  signal: AbortSignal,
): Promise<Measured> {
  const samples = new Float32Array(pairs.noises.length);
  for (let from = 0; from < pairs.count; from += chunkSize) {
    const part = slicePairs(pairs, from, chunkSize);
    const { states } = await sample(denoiser, table, part.noises, part.conditions, { signal });
    samples.set(states[table.nfe]!, from * pairs.dim);
  }
  return { samples, errors: squaredErrors(samples, pairs.targets, pairs.dim) };
}
