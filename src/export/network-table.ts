import { networkCoefficients } from '../diffusion/network-coefficients';
import { rowOffset, widthOf } from '../solvers/table';
import type { SolverTable } from '../solvers/table';
import type { SolverModel } from './read-solver-file';

/**
 * A table in terms of the raw network F, for programs that know nothing of schedules and prediction types:
 *
 *     D_k     = cSkip[k]·y_k + cOut[k]·F(cIn[k]·y_k, timesteps[k])
 *     y_{k+1} = start[k]·x_T + Σ_{j≤k} weights[k][j]·D_j
 *
 * with y_0 = x_T.
 */
export interface NetworkTable {
  readonly nfe: number;
  /** What the network is handed, k = 0 … N−1. */
  readonly timesteps: readonly number[];
  readonly cIn: readonly number[];
  readonly cSkip: readonly number[];
  readonly cOut: readonly number[];
  /** Signal and noise level of each evaluation. */
  readonly alphas: readonly number[];
  readonly sigmas: readonly number[];
  /** s_1 … s_N. */
  readonly start: readonly number[];
  /** w_{k+1,j}, N rows of length 1 … N. */
  readonly weights: readonly (readonly number[])[];
}

/**
 * The numbers that go with a table when it leaves for another program.
 *
 * @throws RangeError for a table that is not one number an entry, does not start at x_T, is not in the schedule's space,
 * or asks the network where its answer says nothing
 */
export function networkTable(
  { schedule, predictionType, integerTimestep }: SolverModel,
  table: SolverTable,
): NetworkTable {
  const { nfe, prediction, space } = table;
  if (widthOf(table) !== 1 || table.offset) {
    throw new RangeError(
      `The table of ${nfe} evaluations has weights for each element of a sample (DPM-Solver-v3); only tables with one number ` +
        'an entry can be exported.',
    );
  }
  // Some pipelines neither scale the start noise nor the network's input.
  if (table.start[0] !== 1) {
    throw new RangeError(
      `The table of ${nfe} evaluations starts at ${table.start[0]} times the start noise; it must start at the noise itself.`,
    );
  }
  if (space !== schedule.space) {
    throw new RangeError(
      `The table of ${nfe} evaluations is in ${space} space, but its noise schedule is in ${schedule.space} space.`,
    );
  }
  const coefficients = Array.from(table.times, (t) => networkCoefficients(schedule, predictionType, prediction, t));
  const levels = Array.from(table.times, (t) => schedule.at(t));
  const exported: NetworkTable = {
    nfe,
    timesteps: coefficients.map(({ tNet }) => (integerTimestep ? roundHalfToEven(tNet) : tNet)),
    cIn: coefficients.map(({ cIn }) => cIn),
    cSkip: coefficients.map(({ cSkip }) => cSkip),
    cOut: coefficients.map(({ cOut }) => cOut),
    alphas: levels.map(({ alpha }) => alpha),
    sigmas: levels.map(({ sigma }) => sigma),
    start: Array.from(table.start.subarray(1)),
    weights: Array.from({ length: nfe }, (_, k) => Array.from(table.weights.subarray(rowOffset(k), rowOffset(k + 1)))),
  };
  const silent = exported.cOut.findIndex((value, k) => !Number.isFinite(value) || !Number.isFinite(exported.cSkip[k]));
  if (silent >= 0) {
    throw new RangeError(
      `The table of ${nfe} evaluations asks the network at time ${table.times[silent]}, where a network with ` +
        `prediction_type ${predictionType} says nothing about the sample.`,
    );
  }
  return exported;
}

/** As ONNX's Round does it, which the network's integer time goes through in float32. */
function roundHalfToEven(value: number): number {
  const single = Math.fround(value);
  const below = Math.floor(single);
  return single - below === 0.5 ? below + Math.abs(below % 2) : Math.round(single);
}
