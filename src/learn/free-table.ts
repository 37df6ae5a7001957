import type { NoiseSchedule } from '../diffusion/noise-schedule';
import { tableFromVector, tableToVector } from '../solvers/table';
import type { SolverTable } from '../solvers/table';
import type { Parameterisation } from './parameterisation';

/**
 * `table`, ours: every entry of the lower-triangular table is free (the BNS normal form), started at any classic
 * table. Network times are learned as λ = log(α/σ): of order one, and the same distance means the same change of noise
 * level everywhere.
 */
export function freeTable(schedule: NoiseSchedule, start: SolverTable): Parameterisation {
  const initial = toTheta(schedule, start);
  const size = initial.length;
  const firstTime = size - start.nfe;
  const lambdaMin = schedule.lambda(schedule.tMax);
  const lambdaMax = schedule.lambda(schedule.tMin);
  const entriesOf = (theta: Float64Array): Float64Array =>
    theta.map((value, i) => (i < firstTime ? value : schedule.timeOfLambda(value)));
  return {
    size,
    initial,
    blocks: [Array.from({ length: size }, (_, i) => i)],
    table: (theta) => tableFromVector(start, entriesOf(theta)),
    jacobian(theta) {
      const entries = entriesOf(theta);
      const jacobian = new Float64Array(size * size);
      for (let i = 0; i < size; i++) {
        jacobian[i * size + i] = i < firstTime ? 1 : timePerLambda(schedule, entries[i]!);
      }
      return jacobian;
    },
    project: (theta) => theta.map((value, i) => (i < firstTime ? value : clamp(value, lambdaMin, lambdaMax))),
  };
}

function toTheta(schedule: NoiseSchedule, table: SolverTable): Float64Array {
  const vector = tableToVector(table);
  const firstTime = vector.length - table.nfe;
  return vector.map((value, i) => (i < firstTime ? value : schedule.lambda(value)));
}

/** dt/dλ = 1 / (α′/α − σ′/σ). */
export function timePerLambda(schedule: NoiseSchedule, t: number): number {
  const { alpha, sigma, dAlpha, dSigma } = schedule.at(t);
  return 1 / (dAlpha / alpha - dSigma / sigma);
}

export function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}
